//! Webhooks of sites, and what was sent to them. A secret is only in the answer that made it.
//!
//! All of it is for those who may make keys: an address may have a password in it, and who names one sees what happens.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    http::{
        Worker, auth,
        message::{
            body::{self, Word, given},
            caching,
            paging::{CURSOR_RULE, DEFAULT_LIMIT, MAX_LIMIT, parse_limit},
            path::id_in_path,
            problem::Problem,
            query::{self, Query},
            refusals::{no_delivery, no_site, no_webhook},
        },
    },
    net::outside::Outside,
    poll::{SiteId, Text, Timestamp, WebAddress},
    site::{
        Attempt, BodyTemplate, Delivery, DeliveryState, Disabled, EventId, EventType, NAME, Publisher, Scope, Webhook,
        WebhookFields, WebhookId,
    },
};

/// `POST /v1/sites/{site}/webhooks`: a new webhook, with its secret.
pub(in crate::http) async fn create(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let mut fields = body::parse::<WebhookBody>(&bytes)?.into_fields(&worker.shared.outside)?;
    let url = fields.url.take().ok_or_else(|| query::refused("url", "must name where events are sent to"))?;
    let hook = worker.publishing.create_webhook(&publisher, &site, url, fields).await?;
    let location = format!("{}/v1/sites/{site}/webhooks/{}", worker.shared.base_path(), hook.id);
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location));
    Ok(answer_with_secret(response, &hook))
}

/// `GET /v1/sites/{site}/webhooks`: all of them, since a site has few.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let hooks = worker.publishing.webhooks(&publisher, &site).await?;
    let items = hooks.iter().map(WebhookJson::of).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(WebhookList { items }))
}

/// `GET /v1/sites/{site}/webhooks/{webhook}`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (publisher, site, id) = webhook_in_path(&req, &worker).await?;
    let hook = worker.publishing.webhook(&publisher, &site, &id).await?;
    Ok(answer(HttpResponse::Ok(), &WebhookJson::of(&hook)))
}

/// `PATCH /v1/sites/{site}/webhooks/{webhook}`: what is left out stays.
pub(in crate::http) async fn edit(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, site, id) = webhook_in_path(&req, &worker).await?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let fields = body::parse::<WebhookBody>(&bytes)?.into_fields(&worker.shared.outside)?;
    let hook = worker.publishing.edit_webhook(&publisher, &site, &id, &fields).await?;
    Ok(answer(HttpResponse::Ok(), &WebhookJson::of(&hook)))
}

/// `DELETE /v1/sites/{site}/webhooks/{webhook}`: the webhook with its deliveries.
pub(in crate::http) async fn delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (publisher, site, id) = webhook_in_path(&req, &worker).await?;
    worker.publishing.delete_webhook(&publisher, &site, &id).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// `POST /v1/sites/{site}/webhooks/{webhook}/secret`: a new secret; the one before signs beside it for a day.
pub(in crate::http) async fn rotate(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, site, id) = webhook_in_path(&req, &worker).await?;
    body::none(&req, payload).await?;
    let hook = worker.publishing.rotate_webhook_secret(&publisher, &site, &id).await?;
    Ok(answer_with_secret(HttpResponse::Ok(), &hook))
}

/// `GET /v1/sites/{site}/webhooks/{webhook}/deliveries`: what was sent, or will be, the newest first.
pub(in crate::http) async fn deliveries(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (publisher, site, id) = webhook_in_path(&req, &worker).await?;
    let mut query = Query::strict(req.query_string(), &["limit", "cursor"])?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?.unwrap_or(DEFAULT_LIMIT);
    let before = query.take_parsed("cursor", |text| text.parse().map_err(|_| CURSOR_RULE.to_owned()))?;
    // One more than the page holds shows whether there is another page.
    let mut found = worker.publishing.deliveries(&publisher, &site, &id, before, limit + 1).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(|last| last.event.to_string());
    let items = found.iter().map(DeliveryJson::of).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .json(DeliveryList { items, next_cursor }))
}

/// `POST /v1/sites/{site}/webhooks/{webhook}/deliveries/{event}/replay`: the same event once more, with the same id.
pub(in crate::http) async fn replay(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, site, id) = webhook_in_path(&req, &worker).await?;
    let event: EventId = id_in_path(&req, "event", no_delivery)?;
    body::none(&req, payload).await?;
    let delivery = worker.publishing.replay_delivery(&publisher, &site, &id, event).await?;
    Ok(answer(HttpResponse::Accepted(), &DeliveryJson::of(&delivery)))
}

/// Who asks, and of which webhook.
async fn webhook_in_path(req: &HttpRequest, worker: &Worker) -> Result<(Publisher, SiteId, WebhookId), Problem> {
    let publisher = auth::publisher_with(req, worker, Scope::KeysWrite).await?;
    Ok((publisher, id_in_path(req, "site", no_site)?, id_in_path(req, "webhook", no_webhook)?))
}

fn answer(mut response: HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(body)
}

fn answer_with_secret(response: HttpResponseBuilder, hook: &Webhook) -> HttpResponse {
    let secret = hook.secrets.first().map(|newest| newest.secret.expose());
    answer(response, &WebhookJson { secret, ..WebhookJson::of(hook) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "what may be missing may be left as it is, set, or cleared by null")]
struct WebhookBody {
    #[serde(default, deserialize_with = "given")]
    url: Option<String>,
    #[serde(default, deserialize_with = "given")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    types: Option<Option<Vec<Word<EventType>>>>,
    #[serde(default, deserialize_with = "given")]
    body: Option<Option<Map<String, Value>>>,
    #[serde(default, deserialize_with = "given")]
    enabled: Option<bool>,
}

impl WebhookBody {
    fn into_fields(self, outside: &Outside) -> Result<WebhookFields, Problem> {
        let Self { url, name, types, body, enabled } = self;
        let url =
            url.map(|url| parse_address(&url, outside)).transpose().map_err(|rule| query::refused("url", rule))?;
        let name = name.map(|name| name.map(|name| Text::parse(&name, NAME)).transpose()).transpose();
        let name = name.map_err(|rule| query::refused("name", rule))?;
        let of_types = |types: Vec<Word<EventType>>| types.into_iter().map(|Word(kind)| kind).collect::<Vec<_>>();
        let types = types.map(|types| types.map(of_types));
        if types.as_ref().is_some_and(|types| types.as_ref().is_some_and(Vec::is_empty)) {
            return Err(query::refused("types", "must name at least one type of events; null stands for all"));
        }
        let body = body.map(|body| body.map(BodyTemplate::check).transpose()).transpose();
        let body = body.map_err(|rule| query::refused("body", rule))?;
        Ok(WebhookFields { url, name, types: types.map(Option::unwrap_or_default), body, is_enabled: enabled })
    }
}

/// The address of a receiver.
pub(in crate::http) fn parse_address(text: &str, outside: &Outside) -> Result<WebAddress, String> {
    let address: WebAddress = text.parse()?;
    let url = Url::parse(address.as_str()).map_err(|error| format!("must be an address: {error}"))?;
    match outside.refusal_of(&url) {
        Some(rule) => Err(rule.to_owned()),
        None => Ok(address),
    }
}

#[derive(Serialize)]
struct WebhookList<'a> {
    items: Vec<WebhookJson<'a>>,
}

#[derive(Serialize)]
struct WebhookJson<'a> {
    id: &'a WebhookId,
    site: &'a SiteId,
    url: &'a WebAddress,
    name: Option<&'a Text>,
    types: Option<&'a [EventType]>,
    body: Option<&'a Map<String, Value>>,
    enabled: bool,
    disabled: Option<Disabled>,
    /// Until when a secret before the newest signs.
    former_secret_until: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> WebhookJson<'a> {
    fn of(hook: &'a Webhook) -> Self {
        let Webhook { id, site, url, name, types, body, secrets, disabled, revision: _, created_at, updated_at } = hook;
        Self {
            id,
            site,
            url,
            name: name.as_ref(),
            types: Some(types.as_slice()).filter(|types| !types.is_empty()),
            body: body.as_ref().map(BodyTemplate::as_object),
            enabled: disabled.is_none(),
            disabled: *disabled,
            former_secret_until: secrets.iter().filter_map(|secret| secret.until).max(),
            created_at: *created_at,
            updated_at: *updated_at,
            secret: None,
        }
    }
}

#[derive(Serialize)]
struct DeliveryList<'a> {
    items: Vec<DeliveryJson<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct DeliveryJson<'a> {
    event: EventId,
    r#type: EventType,
    state: DeliveryState,
    tries: usize,
    due: Option<Timestamp>,
    queued_at: Timestamp,
    attempts: &'a [Attempt],
}

impl<'a> DeliveryJson<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        let Delivery { event, kind, revision: _, state, tries, due, queued_at, attempts } = delivery;
        Self { event: *event, r#type: *kind, state: *state, tries: *tries, due: *due, queued_at: *queued_at, attempts }
    }
}
