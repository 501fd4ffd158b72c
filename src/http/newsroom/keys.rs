//! A site's API keys: listed, made, revoked.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{desk::SiteDesk, page, posted, see};
use crate::{
    http::{
        Worker,
        message::{path::id_in_path, problem::Problem, query::Query, refusals::no_key},
    },
    newsroom::{
        faults,
        frame::Section,
        keys::{KeysPage, RevokePage, TypedKey},
    },
    publishing::Editor,
    site::{ApiKey, KeyId, NAME, Scope},
};

/// `GET /newsroom/sites/{site}/keys`.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::KeysWrite).await?;
    let is_revoked = Query::lenient(req.query_string())?.take("said")?.is_some_and(|said| said == "revoked");
    show(&worker, &desk, StatusCode::OK, TypedKey::default(), None, is_revoked).await
}

/// `POST /newsroom/sites/{site}/keys`. A redirect could not show the key, and nothing else may keep it: so this answer
/// is the page, and is not stored. Sent again by loading it again, it makes another key, and browsers ask before.
pub(super) async fn make(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, form| {
        let named = form.text("name");
        let ticked = |scope: &Scope| form.all("scope").any(|name| name == scope.as_str());
        let scopes: Vec<Scope> = Scope::ALL.into_iter().filter(ticked).collect();
        let (name, name_fault) = match faults::text(named, NAME, desk.desk.language) {
            Ok(name) => (name, None),
            Err(fault) => (None, Some(fault)),
        };
        if form.shows_again() {
            let typed = TypedKey { name: named.unwrap_or_default(), scopes, ..TypedKey::default() };
            return show(&worker, &desk, StatusCode::OK, typed, None, false).await;
        }
        let lacks_scopes = scopes.is_empty();
        if lacks_scopes || name_fault.is_some() {
            let typed = TypedKey { name: named.unwrap_or_default(), name_fault, scopes, lacks_scopes };
            return show(&worker, &desk, StatusCode::UNPROCESSABLE_ENTITY, typed, None, false).await;
        }
        let site = Some(desk.site.id.clone());
        let made = worker.publishing.create_key(&desk.publisher, site, scopes.into(), name).await?;
        let shown = (made.key.called(), made.text.as_str());
        show(&worker, &desk, StatusCode::OK, TypedKey::default(), Some(shown), false).await
    })
    .await
}

/// `GET /newsroom/sites/{site}/keys/{key}/revoke`: asks.
pub(super) async fn ask(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::KeysWrite).await?;
    let key = key_of(&req, &worker, &desk).await?;
    let is_own = own(&desk).is_some_and(|own| *own == key.id);
    page::send(StatusCode::OK, &RevokePage { frame: desk.frame(Section::Keys), key: &key, is_own })
}

/// `POST /newsroom/sites/{site}/keys/{key}/revoke`.
pub(super) async fn revoke(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, _| {
        let key = key_of(&req, &worker, &desk).await?;
        worker.publishing.revoke_key(&desk.publisher, &key.id).await?;
        Ok(see(&desk.path("/keys?said=revoked")))
    })
    .await
}

/// The key in the path, if it is one of the site's.
async fn key_of(req: &HttpRequest, worker: &Worker, desk: &SiteDesk) -> Result<ApiKey, Problem> {
    let id: KeyId = id_in_path(req, "key", no_key)?;
    let keys = worker.publishing.keys(&desk.publisher, Some(desk.site.id.clone())).await?;
    keys.into_iter().find(|key| key.id == id).ok_or_else(no_key)
}

/// The key by which the editor is signed in.
fn own(desk: &SiteDesk) -> Option<&KeyId> {
    match &desk.desk.editor {
        Editor::Key(key) => Some(&key.id),
        Editor::Operator | Editor::Person(_) => None,
    }
}

async fn show(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    typed: TypedKey<'_>,
    made: Option<(String, &str)>,
    is_revoked: bool,
) -> Result<HttpResponse, Problem> {
    let keys = worker.publishing.keys(&desk.publisher, Some(desk.site.id.clone())).await?;
    let timezone = &desk.site.settings.timezone;
    let frame = match made {
        // There is no form beside a key that is shown.
        Some(_) => desk.frame(Section::Keys),
        None => desk.form_frame(Section::Keys, "key", Scope::KeysWrite),
    };
    let own = own(desk);
    page::send(status, &KeysPage { frame, keys: &keys, own, timezone, typed, made, is_revoked })
}
