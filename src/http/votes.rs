//! Ballots: cast, read, taken back. The path of a vote is the one everything else here must keep short.
//!
//! A ballot is refused for the cheapest reason first, and the store is asked once, by the ballot batcher. If it says
//! that the poll has changed, the poll is read again and the choices are checked again: they may not fit any more.

use std::{borrow::Cow, fmt::Write as _, marker::PhantomData, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use smallvec::SmallVec;

use super::{
    Worker, auth, body, caching, limits,
    observe::note_outcome,
    origin,
    path::poll_in_path,
    polls::not_open,
    problem::{Code, FieldError, Problem},
};
use crate::{
    live::{Known, Snapshot},
    poll::{Action, Ballot, Choices, InvalidChoice, OptionId, Outcome, Poll, PollId, Timestamp, Viewer, VoterDigest},
    quota::{Name, Subject},
    voter::Voter,
    voting::ballot_batcher::{CastError, Receipt},
};

/// How often a poll that changes under a ballot is read again before its voter is told to come back.
const MAX_REREADS: usize = 4;

/// `POST /v1/polls/{poll}/votes`.
pub(super) async fn cast(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let bytes = body::read(&req, payload, body::READER_LIMIT).await?;
    let (voter, carrier) = auth::voter(req.headers(), &worker.shared)?;
    limits::count(&req, &worker, Name::Vote, &Subject::from(*voter.id.as_bytes()))?;
    let Vote { choices: Named(named) } = body::parse(&bytes)?;
    let known = worker.published_to_vote(id).await?;
    origin::check(&req, &known.site, worker.shared.public_url.as_deref(), carrier)?;

    let cast = count(&req, &worker, known, &voter, &named).await?;
    let status = if cast.said == Said::Counted { StatusCode::CREATED } else { StatusCode::OK };
    let body = write_vote(&cast).map_err(Problem::internal)?;
    Ok(HttpResponse::build(status)
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .body(body))
}

/// A ballot that is on record.
pub(super) struct Cast {
    /// The poll it was decided by.
    pub(super) known: Arc<Known>,
    /// What it says.
    pub(super) choices: Choices,
    /// What became of it.
    pub(super) said: Said,
    /// When it was counted. What a voter chose is on record; when, is not.
    at: Option<Timestamp>,
    /// The tally with it, if the voter may see that.
    pub(super) shown: Option<Arc<Snapshot>>,
}

/// What became of a ballot that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It was counted.
    Counted,
    /// It replaced another.
    Changed,
    /// It was on record already.
    Repeated,
}

/// Casts a voter's ballot: whatever it came by, this is the way it takes.
///
/// # Errors
/// `quota-exceeded`, `invalid-choice`, `already-voted`, `poll-not-open`; what the store failed with.
pub(super) async fn count(
    req: &HttpRequest,
    worker: &Worker,
    known: Arc<Known>,
    voter: &Voter,
    named: &[Cow<'_, str>],
) -> Result<Cast, Problem> {
    let mut chosen = None;
    let action = |poll: &Poll| {
        let choices = Choices::check(poll, named).map_err(|invalid| refused_choices(poll, named, &invalid))?;
        chosen = Some(choices);
        Ok(Action::Cast(choices))
    };
    let counted = limits::count_ballot(req, worker, known.poll.id).await?;
    let decided = put(worker, known, voter, action).await;
    if !matches!(&decided, Ok((_, _, receipt)) if receipt.outcome == Outcome::Counted) {
        counted.give_back();
    }
    let (known, partition, receipt) = decided?;
    let (said, outcome, cast_at) = match receipt.outcome {
        Outcome::Counted => (Said::Counted, "counted", Some(receipt.at)),
        Outcome::Changed => (Said::Changed, "changed", Some(receipt.at)),
        Outcome::Repeated => (Said::Repeated, "repeated", None),
        Outcome::AlreadyVoted(choices) => return Err(already_voted(&known.poll, choices)),
        Outcome::NotOpen => return Err(not_open(&known.poll, receipt.tally.state)),
        Outcome::Undecided => return Err(Problem::undecided()),
        Outcome::Withdrawn | Outcome::NoBallot => return Err(Problem::internal("a cast ballot was withdrawn")),
    };
    note_outcome(req, outcome);
    let snapshot = learn(worker, &known, partition, &receipt).await;
    let shown = snapshot.filter(|snapshot| known.poll.results.shows(Viewer::Voter, snapshot.tally.state));
    let choices = chosen.ok_or_else(|| Problem::internal("a ballot was cast without choices"))?;
    Ok(Cast { known, choices, said, at: cast_at, shown })
}

/// `GET /v1/polls/{poll}/votes/me`.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let (voter, _) = auth::voter(req.headers(), &worker.shared)?;
    let known = worker.published(id).await?;
    let ballot = worker.store.ballot(&known.poll, VoterDigest::of(&voter.id, &known.poll)).await?;
    let choices = ballot.ok_or_else(|| Problem::new(Code::NotFound, "this voter has no ballot in the poll"))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .json(OwnBallot { poll: id, choices: choices.ids(&known.poll) }))
}

/// `DELETE /v1/polls/{poll}/votes/me`. That there was no ballot is as good as that it is gone.
pub(super) async fn withdraw(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let (voter, carrier) = auth::voter(req.headers(), &worker.shared)?;
    limits::count(&req, &worker, Name::Vote, &Subject::from(*voter.id.as_bytes()))?;
    let known = worker.published_to_vote(id).await?;
    origin::check(&req, &known.site, worker.shared.public_url.as_deref(), carrier)?;
    let (known, partition, receipt) = put(&worker, known, &voter, |_| Ok(Action::Withdraw)).await?;
    match receipt.outcome {
        Outcome::Withdrawn => {
            note_outcome(&req, "withdrawn");
            learn(&worker, &known, partition, &receipt).await;
        }
        Outcome::NoBallot => note_outcome(&req, "no-ballot"),
        Outcome::AlreadyVoted(choices) => {
            let detail = "the poll lets no ballot change, so none can be taken back; this voter's stays on record";
            return Err(on_record(&known.poll, choices, detail));
        }
        Outcome::NotOpen => return Err(not_open(&known.poll, receipt.tally.state)),
        Outcome::Undecided => return Err(Problem::undecided()),
        Outcome::Counted | Outcome::Repeated | Outcome::Changed => {
            return Err(Problem::internal("a withdrawn ballot was cast"));
        }
    }
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// Puts a ballot in its box, again for each revision of the poll that comes to light meanwhile. Gives the poll it was
/// decided by, the voter's partition, and what became of it.
async fn put(
    worker: &Worker,
    mut known: Arc<Known>,
    voter: &Voter,
    mut action: impl FnMut(&Poll) -> Result<Action, Problem>,
) -> Result<(Arc<Known>, u16, Receipt), Problem> {
    let mut rereads = 0;
    loop {
        let digest = VoterDigest::of(&voter.id, &known.poll);
        let ballot = Ballot { voter: digest, action: action(&known.poll)? };
        match worker.batcher.cast(&known.poll, ballot).await {
            Ok(receipt) => return Ok((known, digest.partition, receipt)),
            Err(CastError::Stale | CastError::Gone) if rereads < MAX_REREADS => {
                rereads += 1;
                known = worker.refreshed_to_vote(known.poll.id).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells the hub what the store answered, and takes the poll's tally from it. The vote stands whether or not the tally
/// can be had, so a store that falls silent now is no reason to refuse it.
async fn learn(worker: &Worker, known: &Known, partition: u16, receipt: &Receipt) -> Option<Arc<Snapshot>> {
    match worker.shared.hub.learn(&worker.voting_store, &known.poll, partition, &receipt.tally).await {
        Ok(snapshot) => snapshot,
        Err(error) => {
            tracing::warn!(poll = %known.poll.id, error = %error, "a ballot was counted, but the tally could not be read");
            None
        }
    }
}

/// `{"poll","choices","cast_at","results"}`, written straight into one buffer. Ids and times are made of characters
/// that JSON takes as they are.
fn write_vote(cast: &Cast) -> Result<String, std::fmt::Error> {
    let (poll, choices) = (&*cast.known.poll, cast.choices);
    let mut body = String::with_capacity(384 + 64 * poll.options.len());
    write!(body, "{{\"poll\":\"{}\",\"choices\":[", poll.id)?;
    let is_chosen = |slot: u8| choices.slots().any(|chosen| chosen == slot);
    let chosen = poll.options.iter().filter(|option| is_chosen(option.slot));
    for (place, option) in chosen.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(body, "{comma}\"{}\"", option.id)?;
    }
    body.push_str("],\"cast_at\":");
    match cast.at {
        Some(moment) => write!(body, "\"{moment}\"")?,
        None => body.push_str("null"),
    }
    body.push_str(",\"results\":");
    match &cast.shown {
        Some(snapshot) => body.push_str(snapshot.tally_json()),
        None => body.push_str("null"),
    }
    body.push('}');
    Ok(body)
}

#[derive(Serialize)]
struct OwnBallot {
    poll: PollId,
    choices: Vec<OptionId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vote<'a> {
    #[serde(borrow)]
    choices: Named<'a>,
}

/// The options a voter names, borrowed from the body wherever their JSON has no escapes. How many there may be is
/// bounded by the body's size, and then by the poll.
struct Named<'a>(SmallVec<[Cow<'a, str>; 4]>);

impl<'de: 'a, 'a> Deserialize<'de> for Named<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids<'a>(PhantomData<&'a str>);

        impl<'de: 'a, 'a> de::Visitor<'de> for Ids<'a> {
            type Value = Named<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of option ids")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut named = SmallVec::new();
                while let Some(Id(id)) = list.next_element()? {
                    named.push(id);
                }
                Ok(Named(named))
            }
        }

        deserializer.deserialize_seq(Ids(PhantomData))
    }
}

struct Id<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> de::Visitor<'de> for Text {
            type Value = Id<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an option's id")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Id(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Id(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

fn already_voted(poll: &Poll, choices: Choices) -> Problem {
    on_record(poll, choices, "this voter's ballot is on record with other choices, and the poll lets none change")
}

fn on_record(poll: &Poll, choices: Choices, detail: &'static str) -> Problem {
    let on_record: Vec<String> = choices.ids(poll).into_iter().map(String::from).collect();
    Problem::new(Code::AlreadyVoted, detail).with_member("choices", on_record)
}

/// Names the choice that is wrong, if it is one and not their number.
fn refused_choices(poll: &Poll, named: &[Cow<'_, str>], invalid: &InvalidChoice) -> Problem {
    let is_option = |id: &str| poll.options.iter().any(|option| option.id.as_str() == id);
    let place = match invalid {
        InvalidChoice::Unknown(..) => named.iter().position(|id| !is_option(id)),
        InvalidChoice::Repeated(_) => {
            named.iter().enumerate().position(|(place, id)| named.iter().take(place).any(|before| before == id))
        }
        InvalidChoice::TooFew { .. } | InvalidChoice::TooMany { .. } => None,
    };
    let field = place.map_or_else(|| "choices".to_owned(), |place| format!("choices[{place}]"));
    let detail = invalid.to_string();
    Problem::new(Code::InvalidChoice, format!("choices {detail}")).with_errors([FieldError { field, detail }])
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    #[test]
    fn choices_are_borrowed_from_the_body_unless_escaped() {
        let Vote { choices: Named(named) } = body::parse(br#"{"choices":["yes","n\u006f"]}"#).unwrap();
        assert!(matches!(&named[..], [Cow::Borrowed("yes"), Cow::Owned(no)] if no == "no"));
    }

    #[test]
    fn a_vote_is_an_object_of_choices_alone() {
        for bad in [
            r#"{"choices":"yes"}"#,
            r#"{"choices":[1]}"#,
            r#"{"choices":null}"#,
            "{}",
            "[]",
            r#"{"choices":[],"voter":"x"}"#,
        ] {
            assert_eq!(body::parse::<Vote<'_>>(bad.as_bytes()).err().unwrap().code(), Code::InvalidRequest, "{bad}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            cases: 2_000, failure_persistence: None, ..proptest::prelude::ProptestConfig::default()
        })]

        #[test]
        fn any_list_of_texts_is_read_as_it_was_written(choices in proptest::collection::vec("\\PC{0,20}|.{0,5}", 0..40)) {
            let body = serde_json::json!({ "choices": choices }).to_string();
            let Vote { choices: Named(named) } = body::parse(body.as_bytes()).expect("a vote");
            proptest::prop_assert_eq!(named.to_vec(), choices);
        }

        #[test]
        fn any_bytes_at_all_are_a_vote_or_are_refused(
            bytes in proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
                "\\{\"choices\":\\[(\"[a-z\\\\u0d]{0,6}\"|,|[0-9]|\\[|null){0,8}\\]?\\}?".prop_map(String::into_bytes),
            ],
        ) {
            match body::parse::<Vote<'_>>(&bytes) {
                Ok(_) => proptest::prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok()),
                Err(problem) => proptest::prop_assert_eq!(problem.code(), Code::InvalidRequest),
            }
        }
    }
}
