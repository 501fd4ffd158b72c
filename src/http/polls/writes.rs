//! Polls made, edited, opened, closed and deleted.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web};

use super::{
    super::{
        Worker, auth, body, caching, conditional,
        keys::parse_site,
        observe::note_outcome,
        path::poll_in_path,
        problem::{Code, Problem},
        query,
        refusals::not_open,
    },
    json::{EditBody, NewPollBody},
};
use crate::{
    poll::{DigestKey, Edit, EditError, Poll, PollId, Revision, SiteId, State, Timestamp, Violation},
    secret::{KeyHash, random_bytes},
    site::{Publisher, Scope},
    store::{Creation, IdempotencyKey, Replacement},
    wire,
};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const IDEMPOTENCY_REPLAYED: &str = "Idempotency-Replayed";
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// How often a move of the state is made again on top of an edit that came between.
const MAX_MOVES: usize = 5;

/// `POST /v1/polls`.
pub(in super::super) async fn create(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let idempotency = idempotency_key(&req, &bytes)?;
    let body: NewPollBody = body::parse(&bytes)?;
    let site = site_of(&worker, &publisher, body.site.as_deref()).await?;
    let (new, violation) = body.into_new_poll();
    let now = worker.store.now().await?;
    let digest_key = DigestKey::from_bytes(random_bytes());
    let built = new.build(PollId::generate(), site.clone(), worker.store.partitions(), digest_key, now);
    let built = match (built, violation) {
        (built, None) => built,
        (Ok(_), Some(violation)) => Err(vec![violation]),
        (Err(mut violations), Some(violation)) => {
            violations.push(violation);
            Err(violations)
        }
    };
    let creation = match (built, &idempotency) {
        (Ok(poll), idempotency) => worker.store.create_poll(&poll, idempotency.as_ref()).await?,
        // What could be made when it was asked for may be refused by now: the poll was to close at a time that has passed.
        (Err(violations), Some(idempotency)) => {
            let made = worker.store.made_before(&site, idempotency).await?;
            Creation::Existing(made.ok_or_else(|| Problem::of_violations(violations))?)
        }
        (Err(violations), None) => return Err(Problem::of_violations(violations)),
    };
    let (poll, is_replay) = match creation {
        Creation::Created(poll) => (poll, false),
        Creation::Existing(poll) => (poll, true),
        Creation::Mismatch => {
            let rule = "came with another request before; use a new key for a new poll";
            return Err(Problem::of_field(Code::InvalidPoll, IDEMPOTENCY_KEY, rule));
        }
    };
    note_outcome(&req, if is_replay { "replayed" } else { "created" });
    worker.note_change(poll.id).await;
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, format!("/v1/polls/{}", poll.id)));
    if is_replay {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(answer(response, &poll, worker.shared.clock.now()))
}

/// `PATCH /v1/polls/{poll}`.
pub(in super::super) async fn edit(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let id = poll_in_path(&req)?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let body: EditBody = body::parse(&bytes)?;
    let asked = Asked { by_header: conditional::revisions_named(req.headers())?, by_body: body.revision };
    let edit = body.into_edit()?;
    let poll = own_poll(&worker, &publisher, id).await?;
    if let Err(refusal) = asked.check(poll.revision) {
        if !asked.is_of_before(poll.revision) || !edit.is_made_in(&poll) {
            return Err(refusal);
        }
        // It was made before, and its answer was lost (RFC 9110, section 13.1.1). Whoever made it may not have lived to
        // tell every partition; reading the tally does.
        worker.shared.hub.read_anew(&worker.store, id).await?;
        note_outcome(&req, "edited");
        worker.note_change(id).await;
        return Ok(answer(HttpResponse::Ok(), &poll, worker.shared.clock.now()));
    }
    let edit = edit.apply(&poll, worker.store.now().await?).map_err(|error| refused(&poll, error))?;
    let poll = match worker.store.replace_poll(&edit).await? {
        Replacement::Done(poll) => poll,
        Replacement::Mismatch(revision) => return Err(mismatch(revision)),
        // Since it was read here; its schedule says when.
        Replacement::Closed => return Err(not_open(&own_poll(&worker, &publisher, id).await?, State::Closed)),
        Replacement::HasBallots => return Err(fixed_by_ballots()),
        Replacement::Gone => {
            worker.note_change(id).await;
            return Err(Problem::no_poll());
        }
    };
    note_outcome(&req, "edited");
    worker.note_change(id).await;
    Ok(answer(HttpResponse::Ok(), &poll, worker.shared.clock.now()))
}

/// `POST /v1/polls/{poll}/open`: the poll takes votes from now on.
pub(in super::super) async fn open(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let poll = move_state(&req, payload, &worker, |poll, now| match poll.state_at(now) {
        State::Open => Ok(None),
        State::Draft | State::Scheduled | State::Closed => {
            poll.opened(now).map(Some).map_err(|error| refused(poll, error))
        }
    });
    let poll = poll.await?;
    note_outcome(&req, "opened");
    Ok(answer(HttpResponse::Ok(), &poll, worker.shared.clock.now()))
}

/// `POST /v1/polls/{poll}/close`: the poll takes no votes any more, ever. When this is answered, no ballot in flight
/// is counted after it.
pub(in super::super) async fn close(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let poll = move_state(&req, payload, &worker, |poll, now| {
        let is_closed = poll.state_at(now) == State::Closed;
        Ok(if is_closed { None } else { Some(poll.closed(now)) })
    });
    let poll = poll.await?;
    // A definition that says "closed" may come from somebody who did not live to tell every partition, and a poll past
    // its time is closed in a partition once that partition is asked. Reading the tally settles both, for good.
    let snapshot = worker.shared.hub.read_anew(&worker.store, poll.id).await?;
    if snapshot.is_some_and(|snapshot| snapshot.tally.state != State::Closed) {
        // Past its time by one clock alone, so it would be closed for nobody.
        return Err(Problem::undecided());
    }
    note_outcome(&req, "closed");
    Ok(answer(HttpResponse::Ok(), &poll, worker.shared.clock.now()))
}

/// `DELETE /v1/polls/{poll}`: the poll with all its ballots.
pub(in super::super) async fn delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let id = poll_in_path(&req)?;
    // Of one whose deletion was cut short nothing else is known.
    let owner = worker.store.owner(id).await?;
    owner.filter(|site| publisher.acts_for(site)).ok_or_else(Problem::no_poll)?;
    let was_there = worker.store.delete_poll(id).await?;
    worker.note_change(id).await;
    if !was_there {
        return Err(Problem::no_poll());
    }
    note_outcome(&req, "deleted");
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// A poll of the publisher's own, as the store has it.
async fn own_poll(worker: &Worker, publisher: &Publisher, id: PollId) -> Result<Poll, Problem> {
    let poll = worker.store.poll(id).await?;
    poll.filter(|poll| publisher.acts_for(&poll.site)).ok_or_else(Problem::no_poll)
}

/// The site a new poll is for. That a site named in the body is malformed or missing is the poll's fault.
async fn site_of(worker: &Worker, publisher: &Publisher, named: Option<&str>) -> Result<SiteId, Problem> {
    let invalid = |rule: String| Problem::of_field(Code::InvalidPoll, "site", rule);
    let site = publisher.site(named.map(parse_site).transpose().map_err(invalid)?)?;
    match worker.store.site(&site).await? {
        Some(_) => Ok(site),
        None => Err(invalid("must be a site; PUT /v1/sites/{site} makes one".to_owned())),
    }
}

/// Makes a move on top of whatever revision is in force: unlike an edit it does not depend on what the poll said.
async fn move_state(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
    plan: impl Fn(&Poll, Timestamp) -> Result<Option<Edit>, Problem>,
) -> Result<Poll, Problem> {
    let publisher = auth::publisher_with(req, worker, Scope::PollsWrite).await?;
    let id = poll_in_path(req)?;
    body::none(req, payload).await?;
    for _ in 0..MAX_MOVES {
        let poll = own_poll(worker, &publisher, id).await?;
        let Some(edit) = plan(&poll, worker.store.now().await?)? else { return Ok(poll) };
        match worker.store.replace_poll(&edit).await? {
            Replacement::Done(poll) => {
                worker.note_change(id).await;
                return Ok(poll);
            }
            // Somebody else was faster: what they made of the poll decides what is left to do.
            Replacement::Mismatch(_) | Replacement::Closed => {}
            Replacement::HasBallots => return Err(Problem::internal("a move of the state reshaped a poll")),
            Replacement::Gone => {
                worker.note_change(id).await;
                return Err(Problem::no_poll());
            }
        }
    }
    Err(Problem::new(Code::StoreUnavailable, "the poll kept changing; it was not moved"))
}

fn answer(mut response: HttpResponseBuilder, poll: &Poll, now: Timestamp) -> HttpResponse {
    let state = poll.state_at(now);
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    response.insert_header((header::ETAG, wire::poll_etag(poll, state))).json(wire::PollJson::of(poll, state))
}

/// The revision a publisher says they edit, by `If-Match`, by the body, or by both.
struct Asked {
    by_header: Option<Vec<Revision>>,
    by_body: Option<Revision>,
}

impl Asked {
    fn check(&self, in_force: Revision) -> Result<(), Problem> {
        if self.by_header.is_none() && self.by_body.is_none() {
            let detail = "say which revision you edit, by If-Match with the poll's ETag or by revision in the body";
            return Err(Problem::new(Code::RevisionRequired, detail));
        }
        let agrees = self.by_header.as_ref().is_none_or(|named| named.contains(&in_force))
            && self.by_body.is_none_or(|named| named == in_force);
        if agrees { Ok(()) } else { Err(mismatch(in_force)) }
    }

    /// Whether what is named is a revision before the one in force, and nothing that is yet to come.
    fn is_of_before(&self, in_force: Revision) -> bool {
        let is_before = |named: &Revision| *named < in_force;
        (self.by_header.is_some() || self.by_body.is_some())
            && self.by_header.as_ref().is_none_or(|named| named.iter().any(is_before))
            && self.by_body.as_ref().is_none_or(is_before)
    }
}

fn refused(poll: &Poll, error: EditError) -> Problem {
    match error {
        EditError::Closed => not_open(poll, State::Closed),
        EditError::Invalid(violations) => Problem::of_violations(violations),
    }
}

fn mismatch(in_force: Revision) -> Problem {
    Problem::new(Code::RevisionMismatch, format!("revision {in_force} is in force; read the poll and edit that"))
        .with_member("revision", in_force.0)
}

fn fixed_by_ballots() -> Problem {
    let detail = "can't change: the set of options and how many may be chosen are fixed by the first ballot";
    let fixed = |field: &str| Violation { field: field.to_owned(), detail: detail.to_owned() };
    Problem::of_violations(vec![fixed("options")])
}

/// `Idempotency-Key`, with what tells this request from another.
fn idempotency_key(req: &HttpRequest, body: &[u8]) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = req.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let is_valid =
        |key: &&str| (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let rule = "must be 1 to 255 visible ASCII characters";
    let key = key.to_str().ok().filter(is_valid).ok_or_else(|| query::refused(IDEMPOTENCY_KEY, rule))?;
    // A body that is not UTF-8 is not JSON, and refused right after.
    let request = KeyHash::of(std::str::from_utf8(body).unwrap_or_default());
    Ok(Some(IdempotencyKey { key: KeyHash::of(key), request }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(by_header: Option<&[u64]>, by_body: Option<u64>) -> Asked {
        let by_header = by_header.map(|revisions| revisions.iter().copied().map(Revision).collect());
        Asked { by_header, by_body: by_body.map(Revision) }
    }

    #[test]
    fn an_edit_says_which_revision_it_edits() {
        let refusal = |asked: Asked| asked.check(Revision(3)).err().map(|problem| problem.code());
        assert_eq!(refusal(asked(None, None)), Some(Code::RevisionRequired));
        for right in [asked(Some(&[3]), None), asked(None, Some(3)), asked(Some(&[2, 3]), Some(3))] {
            assert_eq!(refusal(right), None);
        }
        for wrong in
            [asked(Some(&[2]), None), asked(None, Some(4)), asked(Some(&[3]), Some(2)), asked(Some(&[]), Some(3))]
        {
            assert_eq!(refusal(wrong), Some(Code::RevisionMismatch));
        }
        for before in [asked(Some(&[1]), None), asked(None, Some(2)), asked(Some(&[2, 9]), Some(1))] {
            assert!(before.is_of_before(Revision(3)));
        }
        for other in [asked(None, None), asked(Some(&[]), Some(2)), asked(Some(&[2]), Some(3)), asked(None, Some(4))] {
            assert!(!other.is_of_before(Revision(3)));
        }
    }
}
