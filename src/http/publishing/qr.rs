//! The code that leads a phone's camera to a poll's page.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use crate::{
    http::{
        Worker,
        auth::{self, origin::public_address},
        message::{
            caching,
            path::poll_in_path,
            problem::{Code, Problem},
        },
    },
    newsroom::qr::qr_svg,
    poll::PollId,
    site::Scope,
};

/// `GET /v1/polls/{poll}/qr.svg`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let poll = worker.publishing.poll(&publisher, poll_in_path(&req)?).await?.ok_or_else(Problem::no_poll)?;
    answer(&req, &worker, poll.id)
}

/// The code of a poll, as a file.
///
/// # Errors
/// `not-found` if its address is too long for a code.
pub(in crate::http) fn answer(req: &HttpRequest, worker: &Worker, poll: PollId) -> Result<HttpResponse, Problem> {
    let base = public_address(req, worker);
    let svg = qr_svg(&format!("{base}/embed/{poll}"));
    let svg = svg.ok_or_else(|| Problem::new(Code::NotFound, "the poll's address is too long for a code"))?;
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{poll}.svg\"")))
        .body(svg))
}
