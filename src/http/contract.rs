//! The contract, served by the service that keeps it.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, http::header};

use super::conditional;

const CONTRACT: &str = include_str!("../../openapi.yaml");

/// It changes with the program alone.
static ETAG: LazyLock<String> = LazyLock::new(|| format!("\"{}\"", blake3::hash(CONTRACT.as_bytes()).to_hex()));

/// `GET /openapi.yaml`.
pub(super) async fn read(req: HttpRequest) -> HttpResponse {
    let is_current = conditional::is_current(req.headers(), &ETAG);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, "public, max-age=300")).insert_header((header::ETAG, ETAG.as_str()));
    if is_current { response.finish() } else { response.content_type("application/yaml").body(CONTRACT) }
}
