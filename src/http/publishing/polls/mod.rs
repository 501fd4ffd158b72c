//! Polls: read by everyone, made and changed by their publisher.
//!
//! For a site's key, another site's poll is `not-found`; so is a draft for a reader.

mod json;
mod list;
mod writes;

pub(in crate::http) use json::{DisclosureBody, read_template};
pub(in crate::http) use list::list;
pub(in crate::http) use writes::{close, create, delete, edit, open, publish, resolve};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use crate::{
    embed::snippets::Snippets,
    http::{
        Worker, auth,
        message::{
            caching::{self, Caching},
            conditional,
            path::poll_in_path,
            problem::Problem,
        },
    },
    poll::{Poll, State, Timestamp},
    wire::{self, Audience, PollJson},
};

/// `GET /v1/polls/{poll}`. A key with `polls:read` of the poll's site sees it as the store has it, drafts included;
/// others see it as this replica knows it.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let now = worker.shared.clock.now();
    if let Some(publisher) = auth::publisher_if_any(&req, &worker).await?
        && let Some(poll) = worker.publishing.poll(&publisher, id).await?
    {
        return Ok(answer(&req, &worker, &poll, now, Caching::Private, Audience::Publisher));
    }
    let known = worker.voting.poll(id).await?;
    Ok(answer(&req, &worker, &known.poll, now, worker.caching_of(&known.poll), Audience::Readers))
}

/// A poll, and how to embed it, if a setting gives the service's public address. It is never taken from the request:
/// behind a proxy it may be wrong, and a cache would keep it.
#[derive(Serialize)]
struct PollAndSnippets<'a> {
    #[serde(flatten)]
    poll: PollJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embed: Option<Snippets>,
}

impl<'a> PollAndSnippets<'a> {
    fn of(poll: &'a Poll, state: State, audience: Audience, worker: &Worker) -> Self {
        // The page of one that is not there yet would not be there either.
        let base = worker.shared.public_url.as_ref().filter(|_| poll.is_made());
        let embed = base.map(|base| Snippets::of(poll, base));
        Self { poll: PollJson::of(poll, state, audience), embed }
    }
}

pub(in crate::http) fn answer(
    req: &HttpRequest,
    worker: &Worker,
    poll: &Poll,
    now: Timestamp,
    caching: Caching,
    audience: Audience,
) -> HttpResponse {
    let state = poll.state_at(now);
    let etag = wire::poll_etag(poll, state, audience);
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching.header())).insert_header((header::ETAG, etag));
    if caching.is_public() {
        caching::name(&mut response, [poll]);
    }
    if is_current { response.finish() } else { response.json(PollAndSnippets::of(poll, state, audience, worker)) }
}
