//! Voter tokens: made and renewed.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use crate::{
    http::{
        Worker, auth,
        message::{body, caching, problem::Problem},
        middleware::notes::note_outcome,
    },
    poll::Timestamp,
};

#[derive(Serialize)]
struct VoterJson<'a> {
    voter: &'a str,
    expires_at: Timestamp,
}

/// `POST /v1/voters`: a token for a new voter; to a request with a valid token, a fresh one for the same voter. An
/// expired or invalid token is ignored: its holder comes for a new one.
pub(in crate::http) async fn mint(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    body::none(&req, payload).await?;
    let shared = &worker.shared;
    let now = shared.clock.now();
    let known = auth::voter(req.headers(), shared).ok();
    note_outcome(&req, if known.is_some() { "renewed" } else { "minted" });
    let mut response = if known.is_some() { HttpResponse::Ok() } else { HttpResponse::Created() };
    let keys = &shared.token_keys;
    let (token, voter) =
        known.map_or_else(|| keys.mint(now, None), |(voter, _)| keys.sign(voter.id, voter.first_made, now));
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    response.insert_header((header::SET_COOKIE, shared.voter_cookie.set(&token)));
    Ok(response.json(VoterJson { voter: &token, expires_at: voter.expires_at }))
}
