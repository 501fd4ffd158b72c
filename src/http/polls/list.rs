//! A site's polls, newest first, page by page.
//!
//! A page ends at a poll, and the cursor is that poll's time and id, so polls made or deleted meanwhile neither shift
//! nor repeat the rest. A filter by state may give up before its page is full; its cursor goes on from there.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use super::super::{
    Worker, auth, caching, cursor,
    paging::{DEFAULT_LIMIT, MAX_LIMIT, link_to_next, parse_limit},
    problem::Problem,
    query::{Query, parse_site},
};
use crate::{
    poll::State,
    publishing::{ListedPolls, PollsQuery},
    site::Scope,
    wire::{Audience, PollJson},
};

/// `GET /v1/polls?site=&state=&cursor=&limit=`.
pub(in super::super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let mut query = Query::strict(req.query_string(), &["site", "state", "cursor", "limit"])?;
    let named = query.take_parsed("site", parse_site)?;
    let state = query.take_parsed("state", |text| text.parse::<State>().map_err(str::to_owned))?;
    let start = query.take_parsed("cursor", cursor::parse)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let site = publisher.site(named)?;
    let asked = PollsQuery { site, state, start, limit };
    let ListedPolls { site, polls, last } = worker.publishing.polls(&publisher, asked).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    let next_cursor = last.map(cursor::write);
    if let Some(cursor) = &next_cursor {
        let filters = [("site", Some(site.as_str())), ("state", state.map(State::as_str))];
        response.insert_header((
            header::LINK,
            link_to_next(worker.shared.base_path(), "/v1/polls", &filters, limit, cursor),
        ));
    }
    let items = polls.iter().map(|(poll, state)| PollJson::of(poll, *state, Audience::Publisher)).collect();
    Ok(response.json(PollList { items, next_cursor }))
}

#[derive(Serialize)]
struct PollList<'a> {
    items: Vec<PollJson<'a>>,
    next_cursor: Option<String>,
}
