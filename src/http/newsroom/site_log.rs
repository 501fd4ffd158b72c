//! A site's log.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use url::form_urlencoded;

use super::{desk::SiteDesk, page};
use crate::{
    events::{EventPage, EventsOrder, EventsQuery},
    http::{
        Worker,
        message::{problem::Problem, query::Query},
    },
    newsroom::{
        frame::Section,
        site_log::{EventWriter, SiteLogPage},
    },
    poll::PollId,
    site::{ApiKey, EventId, EventSubject, Scope},
};

/// How many events a page lists.
const PAGE: usize = 50;

/// `GET /newsroom/sites/{site}/log?about=&poll=&after=`. What means nothing is left out, as if it had not been asked
/// for.
pub(super) async fn page(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let mut query = Query::lenient(req.query_string())?;
    let about = query.take_meant("about", |text| text.parse::<EventSubject>().ok());
    let of = query.take_meant("poll", |text| text.parse::<PollId>().ok());
    let after = query.take_meant("after", |text| text.parse::<EventId>().ok());
    let poll = match of {
        Some(id) => Some(desk.own_poll(&worker, id).await?.ok_or_else(Problem::no_poll)?),
        None => None,
    };
    let asked = EventsQuery {
        order: EventsOrder::Newest,
        after,
        kind: None,
        about,
        poll: of,
        limit: PAGE,
        wait: Duration::ZERO,
    };
    let EventPage { events, next, has_more } = worker.events.read(&desk.publisher, &desk.site.id, asked).await?;
    let keys = known_keys(&worker, &desk).await?;
    let timezone = &desk.site.settings.timezone;
    let frame = desk.frame(Section::Log);
    let writer = EventWriter::new(&frame, timezone, &keys, &events);
    let lines = events.iter().map(|event| writer.line(event)).collect();
    let more = next.filter(|_| has_more).map(|next| more(about, of, next));
    let frame = desk.frame(Section::Log);
    page::send(StatusCode::OK, &SiteLogPage { frame, about, poll: poll.as_ref(), lines, timezone, more })
}

/// The site's keys, by which the editor may know who did something: none if they may not.
pub(super) async fn known_keys(worker: &Worker, desk: &SiteDesk) -> Result<Vec<ApiKey>, Problem> {
    if !desk.publisher.scopes().has(Scope::KeysWrite) {
        return Ok(Vec::new());
    }
    Ok(worker.publishing.keys(&desk.publisher, Some(desk.site.id.clone())).await?)
}

/// The query of the next page: the same again, from there on.
fn more(about: Option<EventSubject>, poll: Option<PollId>, next: EventId) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(about) = about {
        query.append_pair("about", about.as_str());
    }
    if let Some(poll) = poll {
        query.append_pair("poll", &poll.to_string());
    }
    query.append_pair("after", &next.to_string()).finish()
}
