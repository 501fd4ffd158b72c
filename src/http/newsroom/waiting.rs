//! What waits for an editor at a site.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{desk::SiteDesk, page};
use crate::{
    http::{
        Worker,
        message::{problem::Problem, query::Query},
    },
    newsroom::{frame::Section, waiting::WaitingPage},
    site::Scope,
};

/// `GET /newsroom/sites/{site}/waiting`.
pub(super) async fn page(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let mut desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let is_done = Query::lenient(req.query_string())?.take("said")?.is_some_and(|said| said == "decided");
    let waiting = worker.publishing.waiting(&desk.publisher, &desk.site).await?;
    desk.note_waiting(waiting.count());
    let (frame, timezone) = (desk.frame(Section::Waiting), &desk.site.settings.timezone);
    page::send(StatusCode::OK, &WaitingPage { frame, waiting: &waiting, timezone, is_done })
}
