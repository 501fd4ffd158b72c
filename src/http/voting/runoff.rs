//! The run-off of one ranked poll. Who sees the tally sees it.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{disclosure::Disclosed, tallies};
use crate::{
    http::{
        Worker,
        message::{caching, conditional, problem::Problem},
    },
    poll::Timestamp,
    voting::CountedRunoff,
    wire,
};

/// `GET /v1/polls/{poll}/results/runoff`, and of an article.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (snapshot, caching) = tallies::shown(&worker, &req).await?;
    let counted = worker.voting.run_off(&snapshot).await?;
    let CountedRunoff { runoff, amended, state, as_of } = &*counted;
    let disclosed = Disclosed::beside(&worker, &snapshot).await.map(|disclosed| disclosed.member).unwrap_or_default();
    let json = |as_of| {
        let json = wire::runoff_json(&snapshot.poll, runoff, amended.as_ref(), *state, as_of);
        format!("{}{disclosed}}}", json.strip_suffix('}').unwrap_or(&json))
    };
    // Replicas that have counted the same at other times have the same tag.
    let hash = blake3::hash(json(Timestamp::EARLIEST).as_bytes()).to_hex();
    // No tag of a tally begins so: this one tells nothing of how far its reader has come.
    let etag = format!("\"runoff-{}\"", hash.get(..16).unwrap_or_default());
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching.header())).insert_header((header::ETAG, etag));
    if caching.is_public() {
        caching::name_tally(&mut response, &snapshot);
    }
    Ok(if is_current { response.finish() } else { response.content_type("application/json").body(json(*as_of)) })
}
