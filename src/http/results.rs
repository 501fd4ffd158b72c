//! The tally of one poll.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};

use super::{
    Worker, auth,
    caching::{self, Caching},
    conditional,
    exports::{self, ExportQuery, Form},
    header_text::ascii,
    path::poll_in_path,
    problem::Problem,
    tallies,
};
use crate::live::Snapshot;

/// `GET /v1/polls/{poll}/results`.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let query = ExportQuery::of_results(&req, Form::preferred(req.headers()))?;
    let (snapshot, caching) = tallies::shown(&worker, &req, poll_in_path(&req)?).await?;
    if query.is_for_table() {
        return Ok(exports::results_table(&req, &worker, &snapshot, caching, &query));
    }
    if auth::may_read_results(&req, &worker, &snapshot.poll.site).await
        && let Ok(views) = worker.viewing.views_of(&snapshot.poll).await
    {
        return Ok(answer_with_views(&req, &worker, &snapshot, views));
    }
    Ok(answer(&req, &worker, &snapshot, caching))
}

/// The tally with what its publisher alone is told: how often the poll was seen, and which share of that voted.
fn answer_with_views(req: &HttpRequest, worker: &Worker, snapshot: &Snapshot, views: u64) -> HttpResponse {
    let of_tally = ascii(snapshot.etag(&worker.shared.position_keys)).unwrap_or_default();
    let etag = format!("{}-views{views}\"", of_tally.trim_end_matches('"'));
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE)).insert_header((header::ETAG, etag));
    response.insert_header((header::VARY, HeaderValue::from_static("Accept")));
    if is_current {
        return response.finish();
    }
    let tally = snapshot.results_text();
    let turnout = snapshot.tally.turnout(views).map_or_else(|| "null".to_owned(), |turnout| turnout.to_string());
    let body = format!("{},\"views\":{views},\"turnout\":{turnout}}}", tally.strip_suffix('}').unwrap_or(tally));
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.body(body)
}

pub(super) fn answer(req: &HttpRequest, worker: &Worker, snapshot: &Snapshot, caching: Caching) -> HttpResponse {
    let etag = snapshot.etag(&worker.shared.position_keys).clone();
    let is_current = conditional::is_current(req.headers(), ascii(&etag).unwrap_or_default());
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching.header()));
    response.insert_header((header::ETAG, etag));
    if caching.is_public() {
        caching::name_tally(&mut response, snapshot);
    }
    response.insert_header((header::VARY, HeaderValue::from_static("Accept")));
    if is_current {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.body(snapshot.results_json().clone())
}
