//! Tallies, and who sees them.
//!
//! A tally everyone may see is the same for all, so shared caches may keep it. One that is shown because of who asks
//! is nobody else's: it is marked private, and so is every refusal, for the next reader may be one who may see it.

use std::{fmt::Write as _, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    Worker, auth, conditional, poll_in_path,
    problem::{Code, Problem},
    query::{self, Query},
};
use crate::{
    live::{Known, Snapshot},
    poll::{PollId, ResultsPolicy, State, VoterDigest},
    secret::hex,
    site::Scope,
};

/// The most polls one request may ask for.
const MAX_POLLS: usize = 50;

/// `GET /v1/polls/{poll}/results`.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    match see(&worker, &req, id).await? {
        Seen::Missing => Err(Problem::no_poll()),
        Seen::Hidden(policy) => Err(Problem::new(Code::ResultsHidden, hidden_because(policy))),
        Seen::Private(snapshot) => answer(&req, &snapshot, conditional::PRIVATE),
        Seen::Public(snapshot) => answer(&req, &snapshot, conditional::PUBLIC),
    }
}

/// `GET /v1/results?polls=A,B`: several tallies, in the order asked. What can't be shown stands there with its reason.
pub(super) async fn read_several(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let polls = Query::lenient(req.query_string())?.take_parsed("polls", parse_polls)?;
    let polls = polls.ok_or_else(|| query::refused("polls", POLLS_RULE))?;
    let mut body = String::with_capacity(32 + 512 * polls.len());
    body.push_str("{\"results\":[");
    let (mut caching, mut tags) = (conditional::PUBLIC, blake3::Hasher::new());
    for (place, id) in polls.into_iter().enumerate() {
        if place > 0 {
            body.push(',');
        }
        let seen = see(&worker, &req, id).await?;
        let written = match &seen {
            Seen::Public(snapshot) | Seen::Private(snapshot) => {
                tags.update(id.as_bytes()).update(etag(snapshot).as_bytes());
                write_tally(&mut body, snapshot)
            }
            Seen::Missing => write_absence(&mut body, id, Code::NotFound),
            Seen::Hidden(_) => write_absence(&mut body, id, Code::ResultsHidden),
        };
        written.map_err(Problem::internal)?;
        if !matches!(seen, Seen::Public(_)) {
            caching = conditional::PRIVATE;
        }
    }
    body.push_str("]}");
    let mut response = HttpResponse::Ok();
    if caching == conditional::PUBLIC {
        // The tag of several tallies is a hash of the tags of each.
        let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *tags.finalize().as_bytes();
        let etag = format!("\"{}\"", hex(&[b0, b1, b2, b3, b4, b5, b6, b7]));
        if conditional::is_current(req.headers(), &etag) {
            response = HttpResponse::NotModified();
            body.clear();
        }
        response.insert_header((header::ETAG, etag));
    }
    response.insert_header((header::CACHE_CONTROL, caching));
    if body.is_empty() {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/json").body(body))
}

/// Whether a voter with a ballot sees the tally.
pub(super) fn shown_to_voters(policy: ResultsPolicy, state: State) -> bool {
    match policy {
        ResultsPolicy::Always | ResultsPolicy::AfterVote => true,
        ResultsPolicy::AfterClose => state == State::Closed,
        ResultsPolicy::Never => false,
    }
}

/// Whether everyone does.
fn shown_to_all(policy: ResultsPolicy, state: State) -> bool {
    match policy {
        ResultsPolicy::Always => true,
        ResultsPolicy::AfterVote | ResultsPolicy::AfterClose => state == State::Closed,
        ResultsPolicy::Never => false,
    }
}

/// Writes a tally as it stands on the wire. Ids, states and times are made of characters that JSON takes as they are.
pub(super) fn write_tally(body: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let Snapshot { tally, poll, .. } = snapshot;
    write!(
        body,
        "{{\"poll\":\"{}\",\"state\":\"{}\",\"as_of\":\"{}\",\"version\":{},\"ballots\":{},\"options\":[",
        tally.poll,
        tally.state.as_str(),
        tally.as_of,
        tally.version,
        tally.ballots
    )?;
    for (place, option) in poll.options.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let (votes, share) = (tally.votes_in(option.slot), tally.share_of(option.slot));
        write!(body, "{comma}{{\"id\":\"{}\",\"votes\":{votes},\"share\":{share}}}", option.id)?;
    }
    body.push_str("]}");
    Ok(())
}

fn write_absence(body: &mut String, poll: PollId, code: Code) -> std::fmt::Result {
    write!(body, "{{\"poll\":\"{poll}\",\"code\":\"{}\"}}", code.as_str())
}

const POLLS_RULE: &str = "must be 1 to 50 ids of polls, separated by commas";

fn parse_polls(text: &str) -> Result<Vec<PollId>, String> {
    // One more than may be, so that a long list costs no more than a list that is a little too long.
    let polls: Vec<&str> = text.split(',').take(MAX_POLLS + 1).collect();
    if polls.len() > MAX_POLLS || text.is_empty() {
        return Err(POLLS_RULE.to_owned());
    }
    let parse = |(place, id): (usize, &str)| id.parse().map_err(|rule| format!("{rule} (at place {})", place + 1));
    polls.into_iter().enumerate().map(parse).collect()
}

/// What one asker sees of one poll's tally.
enum Seen {
    /// There is no such poll, for them.
    Missing,
    /// The poll's policy hides it from them.
    Hidden(ResultsPolicy),
    /// They see it because of who they are.
    Private(Arc<Snapshot>),
    /// Everyone sees it.
    Public(Arc<Snapshot>),
}

/// What an asker sees. Who they are is found out only if it matters: most tallies are everyone's.
async fn see(worker: &Worker, req: &HttpRequest, id: PollId) -> Result<Seen, Problem> {
    let Some(known) = worker.shared.polls.get(&*worker.store, id).await? else { return Ok(Seen::Missing) };
    let poll = &known.poll;
    let is_draft = poll.state_at(worker.shared.clock.now()) == State::Draft;
    if !is_draft && poll.results != ResultsPolicy::Never {
        let Some(snapshot) = tally_of(worker, &known).await? else { return Ok(Seen::Missing) };
        if shown_to_all(poll.results, snapshot.tally.state) {
            return Ok(Seen::Public(snapshot));
        }
        if shown_to_voters(poll.results, snapshot.tally.state)
            && let Some((voter, _)) = auth::voter_if_any(req.headers(), &worker.shared)?
            && worker.store.ballot(poll, VoterDigest::of(&voter.id, poll)).await?.is_some()
        {
            return Ok(Seen::Private(snapshot));
        }
    }
    let publisher = auth::publisher_if_any(req, worker).await?;
    let sees_all = publisher.is_some_and(|publisher| publisher.may(Scope::ResultsRead, &poll.site));
    match (sees_all, is_draft) {
        (true, _) => Ok(tally_of(worker, &known).await?.map_or(Seen::Missing, Seen::Private)),
        (false, true) => Ok(Seen::Missing),
        (false, false) => Ok(Seen::Hidden(poll.results)),
    }
}

/// A known poll's tally; `None` if the poll is gone, which is then known too.
async fn tally_of(worker: &Worker, known: &Known) -> Result<Option<Arc<Snapshot>>, Problem> {
    let snapshot = worker.shared.hub.read(&*worker.store, &known.poll).await?;
    if snapshot.is_none() {
        worker.note_change(known.poll.id).await;
    }
    Ok(snapshot)
}

fn answer(req: &HttpRequest, snapshot: &Snapshot, caching: &'static str) -> Result<HttpResponse, Problem> {
    let etag = etag(snapshot);
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching)).insert_header((header::ETAG, etag));
    if is_current {
        return Ok(response.finish());
    }
    let mut body = String::with_capacity(192 + 64 * snapshot.poll.options.len());
    write_tally(&mut body, snapshot).map_err(Problem::internal)?;
    Ok(response.content_type("application/json").body(body))
}

/// The tag of a tally: all that changes what its body says, but for the time it was read at.
fn etag(Snapshot { tally, poll, .. }: &Snapshot) -> String {
    format!("\"{}-{}-{}\"", tally.version, poll.revision, tally.state.as_str())
}

fn hidden_because(policy: ResultsPolicy) -> &'static str {
    match policy {
        ResultsPolicy::AfterVote => {
            "the results are shown to voters with a ballot, and to everyone once the poll is closed"
        }
        ResultsPolicy::AfterClose => "the results are shown once the poll is closed",
        ResultsPolicy::Always | ResultsPolicy::Never => "the results are not shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_shows_the_tally_to_whom_it_says() {
        use ResultsPolicy::{AfterClose, AfterVote, Always, Never};
        for (policy, state, voters, all) in [
            (Always, State::Open, true, true),
            (AfterVote, State::Open, true, false),
            (AfterVote, State::Closed, true, true),
            (AfterClose, State::Open, false, false),
            (AfterClose, State::Closed, true, true),
            (Never, State::Open, false, false),
            (Never, State::Closed, false, false),
        ] {
            assert_eq!(shown_to_voters(policy, state), voters, "{policy:?} {state:?}");
            assert_eq!(shown_to_all(policy, state), all, "{policy:?} {state:?}");
        }
    }

    #[test]
    fn polls_are_1_to_50_ids() {
        let id = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
        assert_eq!(parse_polls(id).unwrap().len(), 1);
        assert_eq!(parse_polls(&[id; 50].join(",")).unwrap().len(), 50);
        assert_eq!(parse_polls(&[id; 51].join(",")).unwrap_err(), POLLS_RULE);
        assert_eq!(parse_polls("").unwrap_err(), POLLS_RULE);
        assert!(parse_polls(&format!("{id},x")).unwrap_err().contains("place 2"));
        assert!(parse_polls(&format!("{id},")).is_err());
    }
}
