//! How a page of the newsroom is sent, and refusals as pages.

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    body::BoxBody,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    desk::{self, KnownDesk, frame_of_nobody, own_path, provider},
    see,
};
use crate::{
    embed::language::Language,
    http::{
        Worker,
        message::{
            caching,
            problem::{Code, Problem},
        },
        pages::embed::HTML,
    },
    newsroom::{
        frame::Frame,
        notice::NoticePage,
        sign_in::{SignInNotice, SignInPage},
        texts::texts_of,
    },
};

/// What a page may load: this service's own files. It stands in no frame, and its forms go to this service.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// No other origin loads a page as a part of its own.
const OWN: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));

/// Answers with a page.
///
/// It holds a token of its own session, and something of the request may be repeated in it; so it is not compressed
/// (BREACH).
pub(super) fn send(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    Ok(send_written(status, page.render().map_err(Problem::internal)?, POLICY))
}

/// Answers with a page of ours that only our own pages frame.
pub(super) fn send_framed(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    let body = page.render().map_err(Problem::internal)?;
    Ok(send_written(status, body, "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'self'"))
}

/// Answers with a page that was written, and a policy of its own.
pub(super) fn send_written(status: StatusCode, body: String, policy: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(HTML)
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header(OWN)
        .body(body)
}

/// Asks somebody to sign in, with where they go then and a form that is kept until then; or by an address that does so
/// once.
pub(super) fn ask_to_sign_in(
    (req, worker): (&HttpRequest, &Worker),
    language: &'static Language,
    status: StatusCode,
    notice: Option<SignInNotice>,
    (then, kept): (&str, &str),
    link: Option<&str>,
) -> Result<HttpResponse, Problem> {
    // What is kept in the form stays when another language is chosen.
    let frame = Frame { language, form: Some("sign-in"), ..frame_of_nobody(req, "/newsroom/sign-in") };
    send(status, &SignInPage { frame, notice, then, kept, link, provider: provider(worker) })
}

/// Turns a refusal into a page. Whoever must sign in is led to where that is done, and from there back.
pub(in crate::http) fn refuse(req: &HttpRequest, problem: &Problem, written: HttpResponse) -> HttpResponse {
    let path = own_path(req);
    let is_read = matches!(*req.method(), Method::GET | Method::HEAD);
    if problem.code() == Code::KeyRequired && is_read {
        return see(&format!("/newsroom/sign-in?then={}", utf8_percent_encode(&path, NON_ALPHANUMERIC)));
    }
    let extensions = req.extensions();
    // Nobody who is signed in stands before a page without a way out.
    let frame = match extensions.get::<KnownDesk>() {
        Some(known) => known.frame(desk::language(req)),
        None => frame_of_nobody(req, "/newsroom"),
    };
    let texts = &texts_of(frame.language).notice;
    let said = [
        (Code::NotFound, &texts.not_found, &texts.not_found_about),
        (Code::MethodNotAllowed, &texts.not_found, &texts.not_found_about),
        (Code::OriginRefused, &texts.refused, &texts.refused_about),
        (Code::ScopeMissing, &texts.forbidden, &texts.forbidden_about),
        (Code::QuotaExceeded, &texts.quota, &texts.quota_about),
    ];
    let said = said.iter().find(|(code, ..)| *code == problem.code());
    let (title, message) = said.map_or((&texts.failed, &texts.failed_about), |(_, title, message)| (title, message));
    let page = NoticePage { frame, title, message, again: None };
    let Ok(body) = page.render() else { return written };
    let mut page = written.set_body(BoxBody::new(body));
    let headers = page.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, caching::PRIVATE);
    headers.insert(OWN.0, OWN.1);
    page
}
