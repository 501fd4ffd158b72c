//! The service's bare address: what this is and where to go on, as a page for people and as JSON for programs. A demo
//! goes on to its article instead.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use super::embed;
use crate::{
    embed::{language::Language, refusal},
    http::{Worker, message::problem::Problem},
};

/// What a program is told.
#[derive(Serialize)]
struct Home {
    name: &'static str,
    version: &'static str,
    openapi: String,
    docs: String,
}

/// `GET /`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let base_path = worker.shared.base_path();
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header((header::VARY, "Accept, Accept-Language"));
    if let Some(language) = language_of_person(&req) {
        let body = refusal::home(language, base_path).map_err(Problem::internal)?;
        return Ok(response
            .content_type(embed::HTML)
            .insert_header((
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'self'; img-src data:; \
                             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ))
            .body(body));
    }
    Ok(response.json(Home {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        openapi: format!("{base_path}/openapi.json"),
        docs: format!("{base_path}/docs"),
    }))
}

/// The language to answer a person in; `None` for a program. Every browser names `text/html` when it asks for a page,
/// and hardly any program does.
fn language_of_person(req: &HttpRequest) -> Option<&'static Language> {
    let accepted = req.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepted.to_ascii_lowercase().contains("text/html") {
        return None;
    }
    embed::preferred_language(req)
}
