//! A site's polls, newest first, page by page.
//!
//! A page ends at a poll, and the cursor is that poll's time and id, so polls made or deleted meanwhile neither shift nor
//! repeat the rest. A filter by state may give up before its page is full, with a cursor to go on from.

use std::fmt::Write as _;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use super::super::{
    Worker, auth, caching,
    cursor::{self, Cursor},
    problem::Problem,
    query::{Query, parse_site},
};
use crate::{
    poll::{SiteId, State},
    publishing::{Page, PollsAsked},
    site::Scope,
    wire::PollJson,
};

pub(in super::super) const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;

/// `GET /v1/polls?site=&state=&cursor=&limit=`.
pub(in super::super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let mut query = Query::strict(req.query_string(), &["site", "state", "cursor", "limit"])?;
    let named = query.take_parsed("site", parse_site)?;
    let state = query.take_parsed("state", |text| text.parse::<State>().map_err(str::to_owned))?;
    let cursor = query.take_parsed("cursor", Cursor::parse)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let site = publisher.site(named)?;
    let before = Cursor::resolve(cursor, &worker, &site).await?;
    let asked = PollsAsked { site, state, before, limit };
    let Page { site, polls, last } = worker.publishing.polls(&publisher, asked).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    let next_cursor = last.map(cursor::write);
    if let Some(cursor) = &next_cursor {
        response.insert_header((header::LINK, link_to_next("/v1/polls", &site, state, limit, cursor)));
    }
    let items = polls.iter().map(|(poll, state)| PollJson::of(poll, *state)).collect();
    Ok(response.json(Polls { items, next_cursor }))
}

#[derive(Serialize)]
struct Polls<'a> {
    items: Vec<PollJson<'a>>,
    next_cursor: Option<String>,
}

/// The `Link` to the next page of a list (RFC 8288). Nothing in it needs escaping.
pub(in super::super) fn link_to_next(
    path: &str,
    site: &SiteId,
    state: Option<State>,
    limit: usize,
    cursor: &str,
) -> String {
    let mut link = format!("<{path}?site={site}");
    if let Some(state) = state {
        // Writing to a String can't fail.
        let _ = write!(link, "&state={}", state.as_str());
    }
    let _ = write!(link, "&limit={limit}&cursor={cursor}>; rel=\"next\"");
    link
}

pub(in super::super) fn parse_limit(text: &str, most: usize) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| format!("must be a number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_100() {
        assert_eq!((parse_limit("1", 100), parse_limit("100", 100)), (Ok(1), Ok(100)));
        for bad in ["", "0", "101", "-1", "1.5", "ten"] {
            assert!(parse_limit(bad, 100).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_link_asks_for_the_same_again_from_the_cursor_on() {
        let link = link_to_next("/v1/polls", &SiteId::default(), Some(State::Open), 5, "abc");
        assert_eq!(link, "</v1/polls?site=default&state=open&limit=5&cursor=abc>; rel=\"next\"");
    }
}
