//! A site's polls, newest first, page by page.
//!
//! A page ends at a poll, and the cursor is that poll's time and id, so polls made or deleted meanwhile neither shift nor
//! repeat the rest. The state is not in any index, for it changes by the clock alone: a filter by state reads on until
//! its page is full, and gives up after a bounded number of polls with a cursor to go on from.

use std::fmt::Write as _;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use super::super::{
    Worker, auth, caching,
    cursor::{self, Cursor},
    keys::{parse_site, require_site},
    problem::Problem,
    query::Query,
};
use crate::{
    poll::{ListCursor, Poll, SiteId, State},
    site::Scope,
    wire::PollJson,
};

pub(in super::super) const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;
/// The most polls one request looks at: that of a publisher.
const MAX_EXAMINED: usize = 1_000;

/// `GET /v1/polls?site=&state=&cursor=&limit=`.
pub(in super::super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let mut query = Query::strict(req.query_string(), &["site", "state", "cursor", "limit"])?;
    let named = query.take_parsed("site", parse_site)?;
    let state = query.take_parsed("state", |text| text.parse::<State>().map_err(str::to_owned))?;
    let cursor = query.take_parsed("cursor", Cursor::parse)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?;
    let site = publisher.site(named)?;
    require_site(&worker, &site).await?;

    let cursor = Cursor::resolve(cursor, &worker, &site).await?;
    let page = Page { site, state, limit: limit.unwrap_or(DEFAULT_LIMIT) };
    let (polls, next) = page.read(&worker, cursor).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    let next_cursor = next.map(cursor::write);
    if let Some(cursor) = &next_cursor {
        response.insert_header((header::LINK, page.link(cursor)));
    }
    let items = polls.iter().map(|(poll, state)| PollJson::of(poll, *state)).collect();
    Ok(response.json(Polls { items, next_cursor }))
}

#[derive(Serialize)]
struct Polls<'a> {
    items: Vec<PollJson<'a>>,
    next_cursor: Option<String>,
}

/// What is asked for, but for where it begins.
struct Page {
    site: SiteId,
    state: Option<State>,
    limit: usize,
}

impl Page {
    /// The polls of the page, and the last one looked at if there are more behind it.
    async fn read(
        &self,
        worker: &Worker,
        cursor: Option<ListCursor>,
    ) -> Result<(Vec<(Poll, State)>, Option<ListCursor>), Problem> {
        let now = worker.shared.clock.now();
        // One more than the page holds tells whether there is another.
        let batch = if self.state.is_some() { MAX_LIMIT } else { self.limit + 1 };
        let (mut items, mut examined, mut last) = (Vec::new(), 0, cursor);
        loop {
            let polls = worker.store.polls(&self.site, last, batch).await?;
            let is_last_batch = polls.len() < batch;
            for poll in polls {
                if items.len() == self.limit || examined == MAX_EXAMINED {
                    return Ok((items, last));
                }
                examined += 1;
                last = Some(poll.list_cursor());
                let state = poll.state_at(now);
                if self.state.is_none_or(|wanted| wanted == state) {
                    items.push((poll, state));
                }
            }
            if is_last_batch {
                return Ok((items, None));
            }
        }
    }

    fn link(&self, cursor: &str) -> String {
        link_to_next("/v1/polls", &self.site, self.state, self.limit, cursor)
    }
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
        let page = Page { site: SiteId::default(), state: Some(State::Open), limit: 5 };
        assert_eq!(page.link("abc"), "</v1/polls?site=default&state=open&limit=5&cursor=abc>; rel=\"next\"");
    }
}
