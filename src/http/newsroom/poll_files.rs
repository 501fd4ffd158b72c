//! Files of one poll for an editor: tables by their session, as the API has them by key, and the code of its page.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};

use super::desk::{EditorAsker, SiteDesk};
use crate::{
    http::{
        Worker,
        message::{caching::Caching, problem::Problem, query::Query},
        publishing::qr,
        voting::{
            disclosure::Disclosed,
            exports::{self, AnswersTable, ExportQuery},
        },
    },
    live::KnownTally,
    poll::MOST_ANSWERS,
    publishing::AnswersQuery,
    site::Scope,
    voting::VoteError,
};

/// `GET /newsroom/sites/{site}/polls/{poll}/results.csv`.
pub(super) async fn results(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::for_part(&req, &worker, Scope::ResultsRead).await?;
    let (query, _) = ExportQuery::of_editor(&req, &desk.site.settings.timezone)?;
    let snapshot = shown(&req, &worker, &desk).await?;
    let disclosed = Disclosed::beside(&worker, &snapshot).await;
    Ok(exports::results_table(&req, &worker, &snapshot, Caching::Private, &query, disclosed.as_ref()))
}

/// `GET /newsroom/sites/{site}/polls/{poll}/timeline.csv`.
pub(super) async fn timeline(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::for_part(&req, &worker, Scope::ResultsRead).await?;
    let asked = ExportQuery::of_editor(&req, &desk.site.settings.timezone)?;
    let snapshot = shown(&req, &worker, &desk).await?;
    exports::send_timeline(&req, &worker, snapshot, Caching::Private, asked).await
}

/// `GET /newsroom/sites/{site}/polls/{poll}/answers.csv`.
pub(super) async fn answers(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::for_part(&req, &worker, Scope::ResultsRead).await?;
    let table = AnswersTable::asked_for(&mut Query::lenient(req.query_string())?)?;
    let poll = desk.poll(&req, &worker).await?;
    let asked = AnswersQuery { state: None, after: None, limit: MOST_ANSWERS };
    let listed = worker.publishing.answers(&desk.publisher, poll.id, asked).await?;
    Ok(exports::answers_table(&worker, &listed.poll, &listed.answers, table).await)
}

/// `GET /newsroom/sites/{site}/polls/{poll}/qr.svg`.
pub(super) async fn qr(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::for_part(&req, &worker, Scope::PollsRead).await?;
    let poll = desk.poll(&req, &worker).await?;
    qr::answer(&req, &worker, poll.id)
}

/// The tally that an editor exports.
async fn shown(req: &HttpRequest, worker: &Worker, desk: &SiteDesk) -> Result<Arc<KnownTally>, Problem> {
    let poll = desk.poll(req, worker).await?;
    let view = worker.voting.tally_for(&EditorAsker(&desk.publisher), poll.id, None).await?.ok_or(VoteError::NoPoll)?;
    Ok(view.shown()?.0)
}
