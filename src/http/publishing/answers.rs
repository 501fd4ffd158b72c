//! Readers' own words, for a site's editors: listed, as JSON and as a table, and let be shown or not.
//!
//! Readers find what they are shown in the poll's results.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    http::{
        Worker, auth,
        message::{
            body, caching,
            paging::{CURSOR_RULE, DEFAULT_LIMIT, MAX_LIMIT, link_to_next, parse_limit},
            path::{id_in_path, poll_in_path},
            problem::Problem,
            query::Query,
            refusals::no_answer,
        },
        middleware::notes::note_outcome,
        voting::exports::{self, AnswersTable},
    },
    poll::{AnswerId, AnswerState, CountedAnswer, MOST_ANSWERS, PollId},
    publishing::{AnswerCursor, AnswersQuery, ListedAnswers},
    site::Scope,
};

/// `GET /v1/polls/{poll}/answers?state=&cursor=&limit=`.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::ResultsRead).await?;
    let id = poll_in_path(&req)?;
    let mut query = Query::strict(req.query_string(), &["state", "cursor", "limit"])?;
    let state = query.take_parsed("state", parse_state)?;
    let after = query.take_parsed("cursor", parse_cursor)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?.unwrap_or(DEFAULT_LIMIT);
    let asked = AnswersQuery { state, after, limit };
    let ListedAnswers { answers, last, .. } = worker.publishing.answers(&publisher, id, asked).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    let next_cursor = last.map(write_cursor);
    if let Some(cursor) = &next_cursor {
        let path = format!("/v1/polls/{id}/answers");
        let filters = [("state", state.map(AnswerState::as_str))];
        let link = link_to_next(worker.shared.base_path(), &path, &filters, limit, cursor);
        response.insert_header((header::LINK, link));
    }
    let items = answers.iter().map(AnswerJson::of).collect();
    Ok(response.json(AnswerList { poll: id, items, next_cursor }))
}

/// `GET /v1/polls/{poll}/answers.csv?state=&separator=`: all of them.
pub(in crate::http) async fn table(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::ResultsRead).await?;
    let id = poll_in_path(&req)?;
    let mut query = Query::strict(req.query_string(), &["state", "separator"])?;
    let state = query.take_parsed("state", parse_state)?;
    let table = AnswersTable::asked_for(&mut query)?;
    let asked = AnswersQuery { state, after: None, limit: MOST_ANSWERS };
    let ListedAnswers { poll, answers, .. } = worker.publishing.answers(&publisher, id, asked).await?;
    Ok(exports::answers_table(&worker, &poll, &answers, table).await)
}

/// `POST /v1/polls/{poll}/answers/{answer}`: lets readers see a text, or not.
pub(in crate::http) async fn decide(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let id = poll_in_path(&req)?;
    let answer: AnswerId = id_in_path(&req, "answer", no_answer)?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let DecisionBody { state: body::Word(state) } = body::parse(&bytes)?;
    let decided = worker.publishing.decide_answer(&publisher, id, answer, state).await?;
    note_outcome(&req, state.as_str());
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(AnswerJson::of(&decided)))
}

fn parse_state(text: &str) -> Result<AnswerState, String> {
    text.parse().map_err(str::to_owned)
}

fn write_cursor(AnswerCursor { ballots, id }: AnswerCursor) -> String {
    URL_SAFE_NO_PAD.encode([ballots.to_be_bytes(), *id.as_bytes()].concat())
}

fn parse_cursor(text: &str) -> Result<AnswerCursor, String> {
    let mut bytes = [0; 16];
    let is_whole = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).is_ok_and(|length| length == bytes.len());
    let [b0, b1, b2, b3, b4, b5, b6, b7, id @ ..] = bytes;
    let ballots = u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
    is_whole.then(|| AnswerCursor { ballots, id: AnswerId::from_bytes(id) }).ok_or_else(|| CURSOR_RULE.to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    state: body::Word<AnswerState>,
}

#[derive(Serialize)]
struct AnswerList<'a> {
    poll: PollId,
    items: Vec<AnswerJson<'a>>,
    next_cursor: Option<String>,
}

/// A text as it is sent.
#[derive(Serialize)]
pub(super) struct AnswerJson<'a> {
    id: String,
    text: &'a str,
    state: AnswerState,
    ballots: u64,
}

impl<'a> AnswerJson<'a> {
    pub(in crate::http) fn of(CountedAnswer { id, text, state, ballots }: &'a CountedAnswer) -> Self {
        Self { id: id.to_string(), text: text.as_str(), state: *state, ballots: *ballots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_the_place_it_was_made_of() {
        let place = AnswerCursor { ballots: 7, id: AnswerId::from_bytes([9; 8]) };
        assert_eq!(parse_cursor(&write_cursor(place)), Ok(place));
        for bad in ["", "x", "نعم", &"A".repeat(20), &"A".repeat(23), &"A".repeat(32)] {
            assert!(parse_cursor(bad).is_err(), "{bad}");
        }
    }
}
