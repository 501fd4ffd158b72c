//! Polls made, edited, opened, closed and deleted.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web};

use super::{
    PollAndSnippets,
    json::{self, AskedPoll, ResolveBody},
};
use crate::{
    http::{
        Worker, auth,
        message::{
            body, caching, conditional,
            path::poll_in_path,
            problem::{Code, Problem},
            query::{self, parse_site},
        },
        middleware::notes::note_outcome,
    },
    poll::{Poll, PollId, Timestamp},
    publishing::{Created, ExpectedRevision},
    secret::KeyHash,
    site::{Publisher, Scope},
    store::IdempotencyKey,
    wire::{self, Audience},
};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const IDEMPOTENCY_REPLAYED: &str = "Idempotency-Replayed";
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// `POST /v1/polls`.
pub(in crate::http) async fn create(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let idempotency = idempotency_key(&req, &bytes)?;
    let AskedPoll { site, new, violation } = json::read_new_poll(&bytes)?;
    let invalid = |rule: String| Problem::of_field(Code::InvalidPoll, "site", rule);
    let site = site.as_deref().map(parse_site).transpose().map_err(invalid)?;
    let Created { poll, is_replay } =
        worker.publishing.create_poll(&publisher, site, (new, violation), idempotency.as_ref()).await?;
    note_outcome(&req, if is_replay { "replayed" } else { "created" });
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, format!("{}/v1/polls/{}", worker.shared.base_path(), poll.id)));
    if is_replay {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(answer(response, &worker, &poll, worker.shared.clock.now()))
}

/// `PATCH /v1/polls/{poll}`.
pub(in crate::http) async fn edit(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, id) = asked_to_change(&req, &worker).await?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let any_of = conditional::revisions_named(req.headers())?;
    let (exactly, edit) = json::read_edit(&bytes)?;
    let poll = worker.publishing.edit_poll(&publisher, id, &ExpectedRevision { any_of, exactly }, edit).await?;
    Ok(changed(&req, &worker, &poll, "edited"))
}

/// `POST /v1/polls/{poll}/open`: opens the poll for votes.
pub(in crate::http) async fn open(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, id) = asked_to_move(&req, payload, &worker).await?;
    let poll = worker.publishing.open_poll(&publisher, id).await?;
    Ok(changed(&req, &worker, &poll, "opened"))
}

/// `POST /v1/polls/{poll}/publish`: has a draft open by its schedule.
pub(in crate::http) async fn publish(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, id) = asked_to_move(&req, payload, &worker).await?;
    let poll = worker.publishing.publish_poll(&publisher, id).await?;
    Ok(changed(&req, &worker, &poll, "published"))
}

/// `POST /v1/polls/{poll}/close`: closes the poll for good. When this is answered, no ballot in flight is counted after
/// it.
pub(in crate::http) async fn close(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, id) = asked_to_move(&req, payload, &worker).await?;
    let poll = worker.publishing.close_poll(&publisher, id).await?;
    Ok(changed(&req, &worker, &poll, "closed"))
}

/// `POST /v1/polls/{poll}/resolve`: which option of a prediction came true.
pub(in crate::http) async fn resolve(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, id) = asked_to_change(&req, &worker).await?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let ResolveBody { option, reason } = body::parse(&bytes)?;
    let poll = worker.publishing.resolve_poll(&publisher, id, &option, reason.as_deref()).await?;
    Ok(changed(&req, &worker, &poll, "resolved"))
}

/// `DELETE /v1/polls/{poll}`: the poll with all its ballots.
pub(in crate::http) async fn delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (publisher, id) = asked_to_change(&req, &worker).await?;
    worker.publishing.delete_poll(&publisher, id).await?;
    note_outcome(&req, "deleted");
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// The publisher and the poll of a request to change it.
async fn asked_to_change(req: &HttpRequest, worker: &Worker) -> Result<(Publisher, PollId), Problem> {
    let publisher = auth::publisher_with(req, worker, Scope::PollsWrite).await?;
    Ok((publisher, poll_in_path(req)?))
}

/// The same of a request to change its state, which has no body.
async fn asked_to_move(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
) -> Result<(Publisher, PollId), Problem> {
    let asked = asked_to_change(req, worker).await?;
    body::none(req, payload).await?;
    Ok(asked)
}

/// Answers with a poll as a change has left it.
fn changed(req: &HttpRequest, worker: &Worker, poll: &Poll, outcome: &'static str) -> HttpResponse {
    note_outcome(req, outcome);
    answer(HttpResponse::Ok(), worker, poll, worker.shared.clock.now())
}

fn answer(mut response: HttpResponseBuilder, worker: &Worker, poll: &Poll, now: Timestamp) -> HttpResponse {
    let state = poll.state_at(now);
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    response.insert_header((header::ETAG, wire::poll_etag(poll, state, Audience::Publisher))).json(PollAndSnippets::of(
        poll,
        state,
        Audience::Publisher,
        worker,
    ))
}

/// `Idempotency-Key`, with a hash of the request.
fn idempotency_key(req: &HttpRequest, body: &[u8]) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = req.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let is_valid =
        |key: &&str| (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let rule = "must be 1 to 255 visible ASCII characters";
    let key = key.to_str().ok().filter(is_valid).ok_or_else(|| query::refused(IDEMPOTENCY_KEY, rule))?;
    // A body that is not UTF-8 is not JSON, and is refused later.
    let request = KeyHash::of(std::str::from_utf8(body).unwrap_or_default());
    Ok(Some(IdempotencyKey { key: KeyHash::of(key), request }))
}
