//! Who is signed in at a site, and signing them out.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::{SiteDesk, held},
    page, posted, see,
};
use crate::{
    http::{
        Worker,
        message::{path::id_in_path, problem::Problem, query::Query, refusals::no_session},
        middleware::notes::note_outcome,
    },
    newsroom::{frame::Section, people::PeoplePage},
    site::{Scope, SessionId},
};

/// `GET /newsroom/sites/{site}/people`.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::KeysWrite).await?;
    let is_ended = Query::lenient(req.query_string())?.take("said")?.is_some_and(|said| said == "ended");
    let sessions = worker.publishing.sessions_at(&desk.publisher, &desk.site.id).await?;
    let own = held(&req, &worker);
    let own = sessions.iter().find(|listed| own.as_deref().is_some_and(|held| listed.is_held_by(held)));
    let own = own.map(|listed| &listed.id);
    let frame = desk.frame(Section::People);
    page::send(StatusCode::OK, &PeoplePage { frame, site: &desk.site, sessions: &sessions, own, is_ended })
}

/// `POST /newsroom/sites/{site}/people/{session}/end`: this one, or all of whoever holds it.
pub(super) async fn end(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::KeysWrite, async |desk, form| {
        let id: SessionId = id_in_path(&req, "session", no_session)?;
        let ends_all = form.has("all");
        worker.publishing.end_session_at(&desk.publisher, &desk.site.id, &id, ends_all).await?;
        note_outcome(&req, "ended");
        Ok(see(&desk.path("/people?said=ended")))
    })
    .await
}
