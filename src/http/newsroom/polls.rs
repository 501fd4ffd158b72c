//! The list of a site's polls.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use url::form_urlencoded;

use super::{desk::SiteDesk, page, see};
use crate::{
    http::{
        Worker,
        message::{cursor, problem::Problem, query::Query},
    },
    newsroom::{
        frame::{Section, first_page},
        polls::{PollRow, PollsAsked, PollsPage},
        texts::texts_of,
    },
    poll::{Poll, SearchWords, State},
    publishing::{ListedPolls, PollsOrder, PollsQuery, SortedCursor},
    site::Scope,
};

/// How many polls a page lists.
const PAGE: usize = 25;

/// `GET /newsroom/sites/{site}`: to its polls, or to the first page that the editor may see.
pub(super) async fn home(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::of(&req, &worker).await?;
    Ok(see(&desk.path(first_page(&desk.publisher.scopes()))))
}

/// `GET /newsroom/sites/{site}/polls?q=&state=&sort=&cursor=`. A form sends empty fields too; what means nothing is
/// left out, as if it had not been asked for.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let mut query = Query::lenient(req.query_string())?;
    let typed = query.take("q")?.unwrap_or_default();
    let state = query.take_meant("state", |text| text.parse::<State>().ok());
    let order = query.take_meant("sort", |text| PollsOrder::parse(text).ok()).unwrap_or_default();
    let start = query.take_meant("cursor", |text| cursor::parse_sorted(text, order).ok());
    let is_deleted = query.take("said")?.is_some_and(|said| said == "deleted");
    let site = desk.site.id.clone();
    let words = SearchWords::parse(&typed);
    let wrong = words.is_err().then(|| &*texts_of(desk.desk.language).polls.too_long);
    let listed = match words {
        Ok(words) => {
            let asked = PollsQuery { site, state, words, order, start, limit: PAGE };
            worker.publishing.polls(&desk.publisher, asked).await?
        }
        Err(_) => ListedPolls { site, polls: Vec::new(), last: None },
    };
    // A list without its numbers is better than none.
    let polls: Vec<&Poll> = listed.polls.iter().map(|(poll, _)| poll).collect();
    let numbers = worker.voting.numbers(&desk.publisher, &polls).await.unwrap_or_default();
    let numbers = numbers.into_iter().chain(std::iter::repeat(None));
    let rows = listed.polls.into_iter().zip(numbers).map(|((poll, state), numbers)| PollRow {
        poll,
        state,
        ballots: numbers.map(|numbers| numbers.ballots),
        last_day: numbers.map(|numbers| numbers.last_day),
    });
    let rows: Vec<PollRow> = rows.collect();
    let asked = PollsAsked { typed, state, order };
    let more = listed.last.map(|last| more(&asked, last));
    let timezone = &desk.site.settings.timezone;
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let frame = desk.frame(Section::Polls);
    page::send(status, &PollsPage { frame, asked, wrong, rows: &rows, timezone, more, is_deleted })
}

/// The query of the next page: the same again, from there on.
fn more(asked: &PollsAsked, last: SortedCursor) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("q", asked.typed.as_str()),
        ("state", asked.state.map_or("", State::as_str)),
        ("sort", if asked.order == PollsOrder::default() { "" } else { asked.order.as_str() }),
        ("cursor", &cursor::write_sorted(last)),
    ] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    query.finish()
}
