//! A site's webhooks: listed, made, changed, paused, given new secrets, deleted; and what was sent to them.
//!
//! What each is told of keys and of other webhooks is for those who may make keys, as in the API.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::SiteDesk,
    page,
    posted::{self, Form},
    see,
};
use crate::{
    http::{
        Worker,
        message::{
            path::id_in_path,
            problem::{Code, Problem},
            query::Query,
            refusals::{no_delivery, no_webhook},
        },
        middleware::notes::note_outcome,
        publishing::webhooks::parse_address,
    },
    newsroom::{
        frame::{Frame, Section},
        texts::texts_of,
        webhooks::{
            DeleteWebhookPage, ShownSecret, TypedWebhook, WebhookFault, WebhookForm, WebhookPage, WebhooksPage,
        },
    },
    poll::{Timestamp, WebAddress},
    publishing::PublishError,
    site::{EventId, MOST_WEBHOOKS, Scope, Webhook, WebhookFields, WebhookId},
};

/// How many deliveries a page lists.
const PAGE: usize = 25;

/// `GET /newsroom/sites/{site}/webhooks`.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::KeysWrite).await?;
    let is_deleted = Query::lenient(req.query_string())?.take("said")?.is_some_and(|said| said == "deleted");
    show_list(&worker, &desk, StatusCode::OK, &TypedWebhook::default(), &[], is_deleted).await
}

/// `POST /newsroom/sites/{site}/webhooks`. As with keys, the answer is the page: a redirect could not show the secret.
pub(super) async fn make(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, form| {
        let typed = typed_in(&form);
        if form.shows_again() {
            return show_list(&worker, &desk, StatusCode::OK, &typed, &[], false).await;
        }
        let (url, fields) = match read(&worker, &desk, &typed, &TypedWebhook::default()) {
            Ok((Some(url), fields)) => (url, fields),
            Ok((None, _)) => {
                let faults = [WebhookFault::Url];
                return show_list(&worker, &desk, StatusCode::UNPROCESSABLE_ENTITY, &typed, &faults, false).await;
            }
            Err(faults) => {
                return show_list(&worker, &desk, StatusCode::UNPROCESSABLE_ENTITY, &typed, &faults, false).await;
            }
        };
        let made = worker.publishing.create_webhook(&desk.publisher, &desk.site.id, url, fields).await;
        match made {
            Ok(hook) => {
                note_outcome(&req, "made");
                show_secret(&worker, &desk, &hook, false).await
            }
            // The page says so itself, and keeps what was typed nowhere: there is no room for it.
            Err(PublishError::TooManyWebhooks) => {
                show_list(&worker, &desk, StatusCode::CONFLICT, &typed, &[], false).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `GET /newsroom/sites/{site}/webhooks/{webhook}?cursor=`.
pub(super) async fn read_one(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::KeysWrite).await?;
    let hook = hook_of(&req, &worker, &desk).await?;
    let mut query = Query::lenient(req.query_string())?;
    let texts = &texts_of(desk.desk.language).webhooks;
    let said = query.take("said")?.unwrap_or_default();
    let notice = match said.as_str() {
        "saved" => Some(&*texts.saved),
        "paused" => Some(&*texts.said_paused),
        "enabled" => Some(&*texts.said_enabled),
        "replayed" if hook.disabled.is_some() => Some(&*texts.said_replayed_paused),
        "replayed" => Some(&*texts.said_replayed),
        _ => None,
    };
    let before = query.take_meant("cursor", |text| text.parse::<EventId>().ok());
    show(&worker, &desk, StatusCode::OK, ShownWebhook { notice, before, ..ShownWebhook::of(&hook) }).await
}

/// `POST /newsroom/sites/{site}/webhooks/{webhook}`: what was typed otherwise than it was shown is changed, and nothing
/// else.
pub(super) async fn save(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, form| {
        let hook = hook_of(&req, &worker, &desk).await?;
        let typed = typed_in(&form);
        let was = form.text("was").and_then(TypedWebhook::of_written).unwrap_or_else(|| TypedWebhook::of(&hook));
        if form.shows_again() {
            let shown = ShownWebhook { typed: Some((&typed, &was)), ..ShownWebhook::of(&hook) };
            return show(&worker, &desk, StatusCode::OK, shown).await;
        }
        match read(&worker, &desk, &typed, &was) {
            Ok((url, fields)) => {
                let fields = WebhookFields { url, ..fields };
                worker.publishing.edit_webhook(&desk.publisher, &desk.site.id, &hook.id, &fields).await?;
                note_outcome(&req, "saved");
                Ok(see(&path(&desk, &hook.id, "?said=saved")))
            }
            Err(faults) => {
                let shown = ShownWebhook { typed: Some((&typed, &was)), faults: &faults, ..ShownWebhook::of(&hook) };
                show(&worker, &desk, StatusCode::UNPROCESSABLE_ENTITY, shown).await
            }
        }
    })
    .await
}

/// `POST /newsroom/sites/{site}/webhooks/{webhook}/state`: sends nothing for now, or goes on where it has stopped.
pub(super) async fn pause(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, form| {
        let hook = hook_of(&req, &worker, &desk).await?;
        let is_enabled = form.text("state") == Some("enabled");
        let fields = WebhookFields { is_enabled: Some(is_enabled), ..WebhookFields::default() };
        worker.publishing.edit_webhook(&desk.publisher, &desk.site.id, &hook.id, &fields).await?;
        let said = if is_enabled { "enabled" } else { "paused" };
        note_outcome(&req, said);
        Ok(see(&path(&desk, &hook.id, &format!("?said={said}"))))
    })
    .await
}

/// `POST /newsroom/sites/{site}/webhooks/{webhook}/secret`: a new one, shown once.
pub(super) async fn rotate(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, _| {
        let hook = hook_of(&req, &worker, &desk).await?;
        match worker.publishing.rotate_webhook_secret(&desk.publisher, &desk.site.id, &hook.id).await {
            Ok(hook) => {
                note_outcome(&req, "rotated");
                show_secret(&worker, &desk, &hook, true).await
            }
            Err(PublishError::TooManySecrets(until)) => {
                note_outcome(&req, Code::TooManySecrets.as_str());
                let shown = ShownWebhook { no_secret_until: Some(until), ..ShownWebhook::of(&hook) };
                show(&worker, &desk, Code::TooManySecrets.status(), shown).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `POST /newsroom/sites/{site}/webhooks/{webhook}/deliveries/{event}/replay`.
pub(super) async fn replay(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, _| {
        let hook = hook_of(&req, &worker, &desk).await?;
        let event: EventId = id_in_path(&req, "event", no_delivery)?;
        worker.publishing.replay_delivery(&desk.publisher, &desk.site.id, &hook.id, event).await?;
        note_outcome(&req, "replayed");
        Ok(see(&path(&desk, &hook.id, "?said=replayed#sent")))
    })
    .await
}

/// `GET /newsroom/sites/{site}/webhooks/{webhook}/delete`: asks.
pub(super) async fn ask(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::KeysWrite).await?;
    let hook = hook_of(&req, &worker, &desk).await?;
    page::send(StatusCode::OK, &DeleteWebhookPage { frame: desk.frame(Section::Webhooks), hook: &hook })
}

/// `POST /newsroom/sites/{site}/webhooks/{webhook}/delete`.
pub(super) async fn delete(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, _| {
        let hook = hook_of(&req, &worker, &desk).await?;
        worker.publishing.delete_webhook(&desk.publisher, &desk.site.id, &hook.id).await?;
        note_outcome(&req, "deleted");
        Ok(see(&desk.path("/webhooks?said=deleted")))
    })
    .await
}

/// The webhook in the path.
async fn hook_of(req: &HttpRequest, worker: &Worker, desk: &SiteDesk) -> Result<Webhook, Problem> {
    let id: WebhookId = id_in_path(req, "webhook", no_webhook)?;
    Ok(worker.publishing.webhook(&desk.publisher, &desk.site.id, &id).await?)
}

fn path(desk: &SiteDesk, id: &WebhookId, rest: &str) -> String {
    desk.path(&format!("/webhooks/{id}{rest}"))
}

fn typed_in(form: &Form) -> TypedWebhook {
    TypedWebhook::read(|name| form.text(name), form.all("type"))
}

/// What was typed otherwise than it was: the address, and the rest.
fn read(
    worker: &Worker,
    desk: &SiteDesk,
    typed: &TypedWebhook,
    was: &TypedWebhook,
) -> Result<(Option<WebAddress>, WebhookFields), Vec<WebhookFault>> {
    let url = if typed.url == was.url {
        Ok(None)
    } else {
        parse_address(&typed.url, &worker.shared.outside).map(Some).map_err(|_| WebhookFault::Url)
    };
    match (url, typed.changes(was, desk.desk.language)) {
        (Ok(url), Ok(fields)) => Ok((url, fields)),
        (url, fields) => Err(url.err().into_iter().chain(fields.err().into_iter().flatten()).collect()),
    }
}

async fn show_list(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    typed: &TypedWebhook,
    faults: &[WebhookFault],
    is_deleted: bool,
) -> Result<HttpResponse, Problem> {
    let hooks = worker.publishing.webhooks(&desk.publisher, &desk.site.id).await?;
    let is_full = hooks.len() >= MOST_WEBHOOKS;
    let around = || if is_full { desk.frame(Section::Webhooks) } else { form_frame(desk) };
    let (frame, around) = (around(), around());
    let form = WebhookForm { frame: &around, typed, was: &TypedWebhook::default(), faults };
    page::send(status, &WebhooksPage { frame, hooks: &hooks, form, is_deleted, is_full })
}

/// What stands around a page with a webhook's form.
fn form_frame(desk: &SiteDesk) -> Frame<'_> {
    desk.form_frame(Section::Webhooks, "webhook", Scope::KeysWrite)
}

/// What a webhook's page shows.
struct ShownWebhook<'a> {
    hook: &'a Webhook,
    secret: Option<ShownSecret<'a>>,
    /// What stands in the form, and what stood in it when it was opened.
    typed: Option<(&'a TypedWebhook, &'a TypedWebhook)>,
    faults: &'a [WebhookFault],
    notice: Option<&'static str>,
    /// Until when there is no new secret, if one was asked for.
    no_secret_until: Option<Timestamp>,
    before: Option<EventId>,
}

impl<'a> ShownWebhook<'a> {
    fn of(hook: &'a Webhook) -> Self {
        Self { hook, secret: None, typed: None, faults: &[], notice: None, no_secret_until: None, before: None }
    }
}

async fn show_secret(
    worker: &Worker,
    desk: &SiteDesk,
    hook: &Webhook,
    replaces_another: bool,
) -> Result<HttpResponse, Problem> {
    let secret = hook.secrets.first().map(|newest| ShownSecret { text: newest.secret.expose(), replaces_another });
    show(worker, desk, StatusCode::OK, ShownWebhook { secret, ..ShownWebhook::of(hook) }).await
}

async fn show(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    ShownWebhook { hook, secret, typed, faults, notice, no_secret_until, before }: ShownWebhook<'_>,
) -> Result<HttpResponse, Problem> {
    // One more than the page holds shows whether there is another page.
    let asked = worker.publishing.deliveries(&desk.publisher, &desk.site.id, &hook.id, before, PAGE + 1);
    let mut deliveries = asked.await?;
    let has_more = deliveries.len() > PAGE;
    deliveries.truncate(PAGE);
    let more = deliveries.last().filter(|_| has_more).map(|last| format!("cursor={}", last.event));
    let now = TypedWebhook::of(hook);
    let around = form_frame(desk);
    let (typed, was) = typed.unwrap_or((&now, &now));
    let form = WebhookForm { frame: &around, typed, was, faults };
    let (frame, timezone) = (form_frame(desk), &desk.site.settings.timezone);
    let deliveries = &deliveries[..];
    let page = WebhookPage { frame, hook, secret, form, notice, no_secret_until, deliveries, timezone, more };
    page::send(status, &page)
}
