//! What waits for a site's editors.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use super::answers::AnswerJson;
use crate::{
    http::{
        Worker, auth,
        message::{caching, path::id_in_path, problem::Problem, refusals::no_site},
    },
    poll::{Poll, SiteId, Timestamp},
    publishing::{WaitingAnswers, WaitingPolls},
    site::Scope,
    wire::{Audience, PollJson},
};

/// `GET /v1/sites/{site}/waiting`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let site = worker.publishing.site(&publisher, &site).await?;
    let waiting = worker.publishing.waiting(&publisher, &site).await?;
    let body = WaitingJson::of(&waiting, worker.shared.clock.now());
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(body))
}

#[derive(Serialize)]
struct WaitingJson<'a> {
    answers: Vec<WaitingAnswersJson<'a>>,
    closing: Vec<PollJson<'a>>,
    resolvable: Vec<PollJson<'a>>,
}

#[derive(Serialize)]
struct WaitingAnswersJson<'a> {
    poll: PollJson<'a>,
    count: usize,
    first: Vec<AnswerJson<'a>>,
}

impl<'a> WaitingJson<'a> {
    fn of(WaitingPolls { answers, closing, resolvable }: &'a WaitingPolls, now: Timestamp) -> Self {
        let poll = |poll: &'a Poll| PollJson::of(poll, poll.state_at(now), Audience::Publisher);
        let answers = answers.iter().map(|WaitingAnswers { poll: of, count, first }| WaitingAnswersJson {
            poll: poll(of),
            count: *count,
            first: first.iter().map(AnswerJson::of).collect(),
        });
        Self {
            answers: answers.collect(),
            closing: closing.iter().map(poll).collect(),
            resolvable: resolvable.iter().map(poll).collect(),
        }
    }
}
