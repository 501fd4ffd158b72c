//! A site's polls, page by page, newest first or in another order.
//!
//! A page ends at a poll, and the cursor is that poll's time and id, so polls made or deleted meanwhile neither shift
//! nor repeat the rest. A filter by state may give up before its page is full; its cursor goes on from there.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::{
    http::{
        Worker, auth,
        message::{
            caching, cursor,
            paging::{DEFAULT_LIMIT, MAX_LIMIT, link_to_next, parse_limit},
            problem::Problem,
            query::{self, Query, parse_site},
        },
    },
    poll::{Poll, SearchWords, State},
    publishing::{ListedPolls, PollsOrder, PollsQuery},
    site::Scope,
    voting::PollNumbers,
    wire::{Audience, PollJson},
};

/// `GET /v1/polls?site=&state=&q=&sort=&include=&cursor=&limit=`.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let mut query = Query::strict(req.query_string(), &["site", "state", "q", "sort", "include", "cursor", "limit"])?;
    let named = query.take_parsed("site", parse_site)?;
    let state = query.take_parsed("state", |text| text.parse::<State>().map_err(str::to_owned))?;
    let typed = query.take("q")?;
    let words = typed.as_deref().map(|typed| SearchWords::parse(typed).map_err(|rule| query::refused("q", rule)));
    let order = query.take_parsed("sort", PollsOrder::parse)?.unwrap_or_default();
    let has_numbers = query.take_parsed("include", parse_include)?.is_some();
    let start = query.take_parsed("cursor", |text| cursor::parse_sorted(text, order))?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let site = publisher.site(named)?;
    let words = words.transpose()?.flatten();
    let asked = PollsQuery { site, state, words, order, start, limit };
    let ListedPolls { site, polls, last } = worker.publishing.polls(&publisher, asked).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    let next_cursor = last.map(cursor::write_sorted);
    if let Some(cursor) = &next_cursor {
        let words = typed.map(|typed| utf8_percent_encode(&typed, NON_ALPHANUMERIC).to_string());
        let order = (order != PollsOrder::default()).then(|| order.as_str());
        let filters = [
            ("site", Some(site.as_str())),
            ("state", state.map(State::as_str)),
            ("q", words.as_deref()),
            ("sort", order),
            ("include", has_numbers.then_some(NUMBERS)),
        ];
        response.insert_header((
            header::LINK,
            link_to_next(worker.shared.base_path(), "/v1/polls", &filters, limit, cursor),
        ));
    }
    let mut numbers = if has_numbers {
        let polls: Vec<&Poll> = polls.iter().map(|(poll, _)| poll).collect();
        worker.voting.numbers(&publisher, &polls).await?.into_iter()
    } else {
        Vec::new().into_iter()
    };
    let items = polls.iter().map(|(poll, state)| ListedPollJson {
        poll: PollJson::of(poll, *state, Audience::Publisher),
        numbers: numbers.next().map(ListedNumbers::of),
    });
    Ok(response.json(PollList { items: items.collect(), next_cursor }))
}

/// What a list tells of each poll, if it is asked for.
const NUMBERS: &str = "numbers";

fn parse_include(text: &str) -> Result<(), String> {
    if text == NUMBERS { Ok(()) } else { Err(format!("must be {NUMBERS}")) }
}

#[derive(Serialize)]
struct PollList<'a> {
    items: Vec<ListedPollJson<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct ListedPollJson<'a> {
    #[serde(flatten)]
    poll: PollJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers: Option<ListedNumbers>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ListedNumbers {
    Seen {
        ballots: u64,
        last_day: [u64; 24],
    },
    /// Null: the key may not see the poll's tally.
    Unseen,
}

impl ListedNumbers {
    fn of(numbers: Option<PollNumbers>) -> Self {
        numbers.map_or(Self::Unseen, |PollNumbers { ballots, last_day }| Self::Seen { ballots, last_day })
    }
}
