//! The contract, served by the service that keeps it.

use actix_web::{HttpResponse, http::header};

const CONTRACT: &str = include_str!("../../openapi.yaml");

/// `GET /openapi.yaml`.
pub(super) async fn read() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/yaml")
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(CONTRACT)
}
