//! Challenges: the work that a poll asks of new voters before their first vote.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use crate::{
    http::{
        Worker,
        auth::voter_in_body::RequestVoter,
        message::{caching, path::poll_in_path, problem::Problem},
        voting::votes,
    },
    live::PollWithSite,
};

/// `POST /v1/polls/{poll}/challenge`: the voter's, or that they need none.
pub(in crate::http) async fn make(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let sender = votes::sender_by_body(&req, payload, &worker).await?;
    let known = worker.voting.poll(id).await?;
    Ok(answer(&worker, &known, &sender))
}

/// A challenge in a poll for a voter, or that they need none.
pub(in crate::http) fn answer(worker: &Worker, known: &PollWithSite, sender: &RequestVoter) -> HttpResponse {
    let (shared, now) = (&worker.shared, worker.shared.clock.now());
    let is_asked = sender.is_new_on_day(now) && known.poll.asks_for_work(known.site.settings.proof_of_work);
    if !is_asked {
        return HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish();
    }
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .body(shared.work_keys.challenge(known.poll.id, &sender.voter, now))
}
