//! The list of a site's polls.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    super::{Worker, cursor, path::id_in_path, problem::Problem, query::Query, refusals::no_site},
    desk::{EditorAsker, SiteDesk},
    page, see,
};
use crate::{
    newsroom::{
        frame::Section,
        polls::{PollRow, PollsPage},
    },
    poll::SiteId,
    publishing::{PollsOrder, PollsQuery},
    site::Scope,
    voting::TallyView,
};

/// How many polls a page lists.
const PAGE: usize = 50;

/// `GET /newsroom/sites/{site}`: to its polls.
pub(super) async fn home(req: HttpRequest) -> Result<HttpResponse, Problem> {
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    Ok(see(&format!("/newsroom/sites/{site}/polls")))
}

/// `GET /newsroom/sites/{site}/polls?cursor=`.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let mut query = Query::lenient(req.query_string())?;
    let start = query.take_parsed("cursor", |text| cursor::parse_sorted(text, PollsOrder::Newest))?;
    let asked = PollsQuery { site: desk.site.id.clone(), state: None, words: None, order: PollsOrder::Newest, start, limit: PAGE };
    let listed = worker.publishing.polls(&desk.publisher, asked).await?;
    let mut rows = Vec::with_capacity(listed.polls.len());
    for (poll, state) in listed.polls {
        let asker = EditorAsker(&desk.publisher);
        // A list without one number is better than none.
        let view = worker.voting.view(&asker, poll.id, None).await.ok().flatten();
        let ballots = view.filter(TallyView::is_shown).map(|view| view.newest.snapshot.tally.ballots);
        rows.push(PollRow { poll, state, ballots });
    }
    let more = listed.last.map(|last| format!("cursor={}", cursor::write_sorted(last)));
    let timezone = &desk.site.settings.timezone;
    page::send(StatusCode::OK, &PollsPage { frame: desk.frame(Section::Polls), rows: &rows, timezone, more })
}
