//! What a demo's replica serves besides: a newspaper's page with the poll beside its article. The demo makes the page,
//! and makes it once the poll is there; nothing else ever serves it.

use std::sync::OnceLock;

use actix_web::{HttpResponse, http::header, web};

use crate::http::{
    Worker,
    message::problem::{Code, Problem},
};

/// What the page may load: this service's own files, and the poll's. It stands in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A demo's pages.
#[derive(Debug)]
pub struct DemoPages {
    /// The article, once its poll is there.
    pub article: OnceLock<String>,
    /// Its style sheet.
    pub style: &'static str,
    pub script: &'static str,
}

/// `GET /`: to the article.
pub(in crate::http) async fn home(worker: web::Data<Worker>) -> HttpResponse {
    let there = format!("{}/demo", worker.shared.base_path());
    HttpResponse::SeeOther().insert_header((header::LOCATION, there)).finish()
}

/// `GET /demo`.
pub(in crate::http) async fn article(worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let article = pages(&worker)?.article.get().ok_or_else(Problem::no_poll)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(article.clone()))
}

/// `GET /demo/article.css`.
pub(in crate::http) async fn style(worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    Ok(file("text/css; charset=utf-8", pages(&worker)?.style))
}

/// `GET /demo/article.js`.
pub(in crate::http) async fn script(worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    Ok(file("text/javascript; charset=utf-8", pages(&worker)?.script))
}

fn pages(worker: &Worker) -> Result<&DemoPages, Problem> {
    let missing = || Problem::new(Code::NotFound, "there is no demo here");
    worker.shared.demo_pages.as_deref().ok_or_else(missing)
}

fn file(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(media_type).insert_header((header::CACHE_CONTROL, "no-store")).body(text)
}
