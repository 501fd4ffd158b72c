//! Polls: read by everyone, made and changed by their publisher.
//!
//! To a site's key another site's poll is `not-found`, as if it were not there; so is a draft to a reader.

mod json;
mod list;
mod writes;

pub(super) use list::{DEFAULT_LIMIT, link_to_next, list, parse_limit};
pub(super) use writes::{close, create, delete, edit, open};

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    Worker, auth,
    caching::{self, Caching},
    conditional,
    path::poll_in_path,
    problem::Problem,
};
use crate::{
    poll::{Poll, Timestamp},
    wire::{self, PollJson},
};

/// `GET /v1/polls/{poll}`. A key with `polls:read` of the poll's site sees it as the store has it, drafts included;
/// everyone else as this replica knows it.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let now = worker.shared.clock.now();
    if let Some(publisher) = auth::publisher_if_any(&req, &worker).await?
        && let Some(poll) = worker.publishing.poll(&publisher, id).await?
    {
        return Ok(answer(&req, &poll, now, Caching::Private));
    }
    let known = worker.voting.poll(id).await?;
    Ok(answer(&req, &known.poll, now, worker.caching_of(&known.poll)))
}

fn answer(req: &HttpRequest, poll: &Poll, now: Timestamp, caching: Caching) -> HttpResponse {
    let state = poll.state_at(now);
    let etag = wire::poll_etag(poll, state);
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching.header())).insert_header((header::ETAG, etag));
    if caching.is_public() {
        caching::name(&mut response, [poll]);
    }
    if is_current { response.finish() } else { response.json(PollJson::of(poll, state)) }
}
