//! A site's log.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use crate::{
    events::{EventJson, EventPage, EventsOrder, EventsQuery},
    http::{
        Worker, auth,
        message::{
            caching,
            paging::{DEFAULT_LIMIT, MAX_LIMIT, parse_limit},
            path::id_in_path,
            problem::Problem,
            query::Query,
            refusals::no_site,
        },
    },
    poll::{InvalidId, PollId, SiteId},
    site::{EventId, EventSubject, EventType, Scope},
};

/// The most seconds that a request may wait: load balancers end what is silent for longer.
const MAX_WAIT: u64 = 30;

/// `GET /v1/sites/{site}/events?order=&after=&limit=&type=&about=&poll=&wait=`: what has happened, in order. With
/// `wait` an answer without events comes only after so many seconds.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let mut query = Query::strict(req.query_string(), &["order", "after", "limit", "type", "about", "poll", "wait"])?;
    let asked = EventsQuery {
        order: query.take_parsed("order", parse_order)?.unwrap_or_default(),
        after: query.take_parsed("after", |text| text.parse::<EventId>().map_err(str::to_owned))?,
        limit: query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?.unwrap_or(DEFAULT_LIMIT),
        kind: query.take_parsed("type", str::parse::<EventType>)?,
        about: query.take_parsed("about", str::parse::<EventSubject>)?,
        poll: query.take_parsed("poll", |text| text.parse::<PollId>().map_err(|rule: InvalidId| rule.to_string()))?,
        wait: query.take_parsed("wait", parse_wait)?.unwrap_or_default(),
    };
    let EventPage { events, next, has_more } = worker.events.read(&publisher, &site, asked).await?;
    let items = events.iter().map(EventJson::of).collect();
    let next_after = next.map(|next| next.to_string());
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(EventList {
        items,
        next_after,
        has_more,
    }))
}

fn parse_order(text: &str) -> Result<EventsOrder, String> {
    let order = [EventsOrder::Oldest, EventsOrder::Newest].into_iter().find(|order| order.as_str() == text);
    order.ok_or_else(|| "must be oldest or newest".to_owned())
}

fn parse_wait(text: &str) -> Result<Duration, String> {
    let secs = text.parse().ok().filter(|secs| *secs <= MAX_WAIT);
    secs.map(Duration::from_secs).ok_or_else(|| format!("must be a number of seconds from 0 to {MAX_WAIT}"))
}

#[derive(Serialize)]
struct EventList<'a> {
    items: Vec<EventJson<'a>>,
    next_after: Option<String>,
    has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::connection::CLIENT_TIMEOUT;

    #[test]
    fn whoever_waits_is_answered_before_their_connection_is_given_up() {
        assert!(CLIENT_TIMEOUT >= Duration::from_secs(MAX_WAIT + 5), "an answer takes a moment too");
    }

    #[test]
    fn nobody_waits_for_longer_than_load_balancers_do() {
        assert_eq!((parse_wait("0"), parse_wait("30")), (Ok(Duration::ZERO), Ok(Duration::from_secs(30))));
        for bad in ["", "31", "-1", "1.5", "long"] {
            assert!(parse_wait(bad).is_err(), "{bad}");
        }
    }
}
