//! Ballots: cast, read, taken back. The path of a vote must stay the shortest.
//!
//! A request is refused for the cheapest reason first; then [`Voting`](crate::voting) decides about the ballot.

use std::{borrow::Cow, marker::PhantomData, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use smallvec::SmallVec;

use crate::{
    http::{
        Worker,
        auth::{
            self, origin,
            voter_in_body::{NamedVoter, RequestVoter, VoterBody, sender},
        },
        message::{
            body::{self, BodyType},
            caching,
            path::poll_in_path,
            problem::{Code, Problem},
            query::Query,
        },
        middleware::{limits, notes::note_outcome},
        trust::evidence::{self, ShownMark},
    },
    live::PollWithSite,
    poll::{OptionId, PollId, VoterDigest, VoterId},
    quota::{QuotaName, Subject},
    voter::{FirstMade, Voter},
    voting::{BallotRequest, Caster, Vote, VoteOutcome, VotedAnswer},
    wire::VerdictJson,
};

/// `POST /v1/polls/{poll}/votes`.
pub(in crate::http) async fn cast(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let (body_type, bytes) = body::read_reader(&req, payload).await?;
    let shown = count_shown(&req, &worker, body_type)?;
    let VoteBody { choices: Named(named), open_answer, voter, mark, proof_of_work } = body::parse(&bytes)?;
    let sender = sender(&req, &worker.shared, body_type, voter.as_ref(), shown)?;
    let known = poll_for(&req, &worker, id, &sender).await?;

    let caster = caster(&req, &worker, &known, &sender, (mark, proof_of_work.as_deref()));
    let asked = BallotRequest { choices: &named, answer: open_answer.as_deref() };
    let vote = worker.voting.cast(caster, known, asked, |quota_state| limits::note(&req, quota_state)).await?;
    answer(&req, &worker, &caster, &vote)
}

/// The voter whose token a header shows, if what is in the body may leave that to it; counted in their quota. So
/// whoever is refused costs no reading of what they say.
pub(in crate::http) fn count_shown(
    req: &HttpRequest,
    worker: &Worker,
    body_type: BodyType,
) -> Result<Option<Voter>, Problem> {
    let shown = match body_type {
        BodyType::Json => auth::voter_in_header(req.headers(), &worker.shared)?,
        BodyType::Text => None,
    };
    if let Some(voter) = &shown {
        count(req, worker, &voter.id)?;
    }
    Ok(shown)
}

/// Counts a request in its voter's quota, once.
pub(in crate::http) fn count(req: &HttpRequest, worker: &Worker, voter: &VoterId) -> Result<(), Problem> {
    limits::count(req, worker, QuotaName::Vote, &Subject::from(*voter.as_bytes()))
}

/// Who casts a ballot in a poll, and what there is to say against it.
pub(in crate::http) fn caster(
    req: &HttpRequest,
    worker: &Worker,
    known: &PollWithSite,
    sender: &RequestVoter,
    (mark, proof_of_work): (ShownMark, Option<&str>),
) -> Caster {
    let RequestVoter { voter, is_new, first_made, .. } = *sender;
    let evidence = evidence::gather(req, worker, known, first_made, mark);
    let (shared, now) = (&worker.shared, worker.shared.clock.now());
    let has_worked = proof_of_work.is_some_and(|proof| shared.work_keys.proves(proof, known.poll.id, &voter, now));
    let owes_work = sender.is_new_on_day(now) && !has_worked;
    Caster { voter, is_new, client: evidence.client.into(), label: worker.integrity.label(&evidence), owes_work }
}

/// Tells a voter what became of their ballot.
pub(in crate::http) fn answer(
    req: &HttpRequest,
    worker: &Worker,
    caster: &Caster,
    vote: &Vote,
) -> Result<HttpResponse, Problem> {
    let Caster { voter, is_new, .. } = *caster;
    note_outcome(req, vote.cast.as_str());
    let status = if vote.cast == VoteOutcome::Counted { StatusCode::CREATED } else { StatusCode::OK };
    let token = is_new.then(|| {
        let now = worker.shared.clock.now();
        worker.shared.token_keys.sign(voter, FirstMade::at(now, Some(&vote.known.poll.site)), now)
    });
    let body = write_vote(vote, token.as_ref().map(|(token, voter)| (&**token, voter))).map_err(Problem::internal)?;
    Ok(HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .body(body))
}

/// `GET /v1/polls/{poll}/votes/me`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let (voter, _) = auth::voter(req.headers(), &worker.shared)?;
    own_ballot(&req, &worker, id, &voter.id).await
}

/// `POST /v1/polls/{poll}/votes/mine`: the same for a voter whom the body names.
pub(in crate::http) async fn read_mine(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let RequestVoter { voter, .. } = sender_by_body(&req, payload, &worker).await?;
    own_ballot(&req, &worker, id, &voter).await
}

/// `DELETE /v1/polls/{poll}/votes/me`. Having no ballot is as good as having withdrawn it.
pub(in crate::http) async fn withdraw(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let (voter, carrier) = auth::voter(req.headers(), &worker.shared)?;
    take_back(&req, &worker, id, RequestVoter::known(&voter, carrier)).await
}

/// `POST /v1/polls/{poll}/votes/withdraw`: the same for a voter whom the body names.
pub(in crate::http) async fn withdraw_mine(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let sender = sender_by_body(&req, payload, &worker).await?;
    take_back(&req, &worker, id, sender).await
}

pub(in crate::http) async fn sender_by_body(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
) -> Result<RequestVoter, Problem> {
    let (body_type, bytes) = body::read_reader(req, payload).await?;
    let VoterBody { voter } = body::parse(&bytes)?;
    sender(req, &worker.shared, body_type, voter.as_ref(), None)
}

/// The poll for a voter who votes in it, or withdraws: counts the request in their quota, and checks which page it
/// comes from.
async fn poll_for(
    req: &HttpRequest,
    worker: &Worker,
    id: PollId,
    sender: &RequestVoter,
) -> Result<Arc<PollWithSite>, Problem> {
    count(req, worker, &sender.voter)?;
    let known = worker.voting.poll_to_vote(id).await?;
    origin::check(req, &known.site, worker.shared.public_url.as_ref(), sender.carrier)?;
    Ok(known)
}

async fn own_ballot(req: &HttpRequest, worker: &Worker, id: PollId, voter: &VoterId) -> Result<HttpResponse, Problem> {
    let known = worker.voting.poll(id).await?;
    ballot_in(req, worker, &known, voter).await
}

/// What a voter's ballot says; and its receipt, if that is asked for.
pub(super) async fn ballot_in(
    req: &HttpRequest,
    worker: &Worker,
    known: &PollWithSite,
    voter: &VoterId,
) -> Result<HttpResponse, Problem> {
    let receipt = match Query::lenient(req.query_string())?.take("proof")? {
        // Boxed, since few get there.
        Some(_) => Some(Box::pin(receipt_in(worker, known, voter)).await?),
        None => None,
    };
    let ballot = worker.voting.ballot(voter, &known.poll).await?;
    let choices = ballot.ok_or_else(|| Problem::new(Code::NotFound, "this voter has no ballot in the poll"))?;
    let text = worker.voting.ballot_answer(voter, &known.poll).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(OwnBallot {
        poll: known.poll.id,
        choices: choices.ids(&known.poll),
        open_answer: text.as_ref().map(|text| OpenAnswerJson { text: text.as_str(), is_kept: true }),
        quiz: VerdictJson::of(&known.poll, choices),
        receipt,
    }))
}

async fn receipt_in(worker: &Worker, known: &PollWithSite, voter: &VoterId) -> Result<Value, Problem> {
    let receipt = worker.transparency.receipt(&known.poll, VoterDigest::of(voter, &known.poll)).await?;
    serde_json::to_value(receipt).map_err(Problem::internal)
}

async fn take_back(
    req: &HttpRequest,
    worker: &Worker,
    id: PollId,
    sender: RequestVoter,
) -> Result<HttpResponse, Problem> {
    let known = poll_for(req, worker, id, &sender).await?;
    take_back_in(req, worker, known, &sender).await
}

/// Takes a voter's ballot back.
pub(super) async fn take_back_in(
    req: &HttpRequest,
    worker: &Worker,
    known: Arc<PollWithSite>,
    sender: &RequestVoter,
) -> Result<HttpResponse, Problem> {
    let withdrawal = worker.voting.withdraw(&sender.voter, known).await?;
    note_outcome(req, withdrawal.as_str());
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// `{"poll","choices","cast_at","results"}`, with own words also `"open_answer"`, in a quiz `"quiz"`, and for a new
/// voter `"voter","expires_at"`, written straight into one buffer. Ids and times consist of characters that JSON needs
/// not escape.
fn write_vote(vote: &Vote, token: Option<(&str, &Voter)>) -> Result<String, serde_json::Error> {
    let (poll, choices) = (&*vote.known.poll, vote.choices);
    let mut body = String::with_capacity(384 + 64 * poll.options.len());
    body.push_str("{\"poll\":\"");
    poll.id.push_to(&mut body);
    body.push_str("\",\"choices\":[");
    for (nth, option) in choices.options(poll).enumerate() {
        body.push_str(if nth == 0 { "\"" } else { ",\"" });
        body.push_str(option.id.as_str());
        body.push('"');
    }
    body.push_str("],\"cast_at\":");
    match vote.at {
        Some(moment) => {
            body.push('"');
            moment.push_to(&mut body);
            body.push('"');
        }
        None => body.push_str("null"),
    }
    body.push_str(",\"results\":");
    match &vote.shown {
        Some(snapshot) => body.push_str(snapshot.tally_json()),
        None => body.push_str("null"),
    }
    if let Some(VotedAnswer { text, is_kept }) = &vote.answer {
        body.push_str(",\"open_answer\":");
        body.push_str(&serde_json::to_string(&OpenAnswerJson { text: text.text.as_str(), is_kept: *is_kept })?);
    }
    if let Some(verdict) = VerdictJson::of(poll, choices) {
        body.push_str(",\"quiz\":");
        body.push_str(&serde_json::to_string(&verdict)?);
    }
    if let Some((token, voter)) = token {
        body.push_str(",\"voter\":\"");
        body.push_str(token);
        body.push_str("\",\"expires_at\":\"");
        voter.expires_at.push_to(&mut body);
        body.push('"');
    }
    body.push('}');
    Ok(body)
}

#[derive(Serialize)]
struct OpenAnswerJson<'a> {
    text: &'a str,
    is_kept: bool,
}

#[derive(Serialize)]
struct OwnBallot<'a> {
    poll: PollId,
    choices: Vec<OptionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_answer: Option<OpenAnswerJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiz: Option<VerdictJson<'a>>,
    /// Only for those who ask for it: a receipt, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoteBody<'a> {
    #[serde(borrow)]
    pub(in crate::http) choices: Named<'a>,
    #[serde(default, deserialize_with = "body::given")]
    pub(in crate::http) open_answer: Option<String>,
    #[serde(borrow, default, deserialize_with = "body::given")]
    pub(in crate::http) voter: Option<NamedVoter<'a>>,
    #[serde(default)]
    pub(in crate::http) mark: ShownMark,
    #[serde(borrow, default, deserialize_with = "body::given")]
    pub(in crate::http) proof_of_work: Option<Cow<'a, str>>,
}

/// The options a voter names, borrowed from the body unless their JSON has escapes. The body's size bounds their
/// number, and then the poll.
pub(super) struct Named<'a>(pub(super) SmallVec<[Cow<'a, str>; 4]>);

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
        struct IdVisitor;

        impl<'de> de::Visitor<'de> for IdVisitor {
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

        deserializer.deserialize_str(IdVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    #[test]
    fn choices_are_borrowed_from_the_body_unless_escaped() {
        let VoteBody { choices: Named(named), .. } = body::parse(br#"{"choices":["yes","n\u006f"]}"#).unwrap();
        assert!(matches!(&named[..], [Cow::Borrowed("yes"), Cow::Owned(no)] if no == "no"));
    }

    #[test]
    fn a_vote_is_an_object_of_choices_and_perhaps_a_voter() {
        for bad in [
            r#"{"choices":"yes"}"#,
            r#"{"choices":[1]}"#,
            r#"{"choices":null}"#,
            "{}",
            "[]",
            r#"{"choices":[],"voter":null}"#,
            r#"{"choices":[],"choice":"x"}"#,
            r#"{"choices":[],"open_answer":null}"#,
            r#"{"choices":[],"choices":[]}"#,
        ] {
            assert_eq!(
                body::parse::<VoteBody<'_>>(bad.as_bytes()).err().unwrap().code(),
                Code::InvalidRequest,
                "{bad}"
            );
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            cases: 2_000, failure_persistence: None, ..proptest::prelude::ProptestConfig::default()
        })]

        #[test]
        fn any_list_of_texts_is_read_as_it_was_written(choices in proptest::collection::vec("\\PC{0,20}|.{0,5}", 0..40)) {
            let body = serde_json::json!({ "choices": choices }).to_string();
            let VoteBody { choices: Named(named), .. } = body::parse(body.as_bytes()).expect("a vote");
            proptest::prop_assert_eq!(named.to_vec(), choices);
        }

        #[test]
        fn any_bytes_at_all_are_a_vote_or_are_refused(
            bytes in proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
                "\\{\"choices\":\\[(\"[a-z\\\\u0d]{0,6}\"|,|[0-9]|\\[|null){0,8}\\]?\\}?".prop_map(String::into_bytes),
            ],
        ) {
            match body::parse::<VoteBody<'_>>(&bytes) {
                Ok(_) => proptest::prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok()),
                Err(problem) => proptest::prop_assert_eq!(problem.code(), Code::InvalidRequest),
            }
        }
    }
}
