//! Request bodies: their type, their size, and what is wrong in them.
//!
//! Nothing is parsed before its size is known to be small, and a body that declares too much is not read. Slow bodies
//! have a deadline: `client_request_timeout` bounds only the head of a request, so a slow sender could otherwise hold a
//! connection for ever. Their bytes take memory meanwhile, so only so many bodies may be
//! [slow](crate::http::middleware::connections::Connections::take_slow) at a time.
//!
//! [`json`] says what JSON is accepted for which type.

mod json;

pub(in crate::http) use json::{LooksLike, Object, Word, given, parse, whole};

use std::{pin::pin, time::Duration};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
    web::{Bytes, BytesMut, Payload, Query},
};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{
    header_text::ascii,
    problem::{Code, Problem},
};
use crate::http::middleware::limits;

/// The most bytes a reader may send: ten times a ballot of 32 options.
pub(in crate::http) const READER_LIMIT: usize = 16 * 1024;
/// The most bytes a publisher may send: a poll of 32 options in four-byte script fits.
pub(in crate::http) const PUBLISHER_LIMIT: usize = 64 * 1024;

/// The most bytes of a place with its calendar: 500 entries fit, however widely they are written.
pub(in crate::http) const CALENDAR_LIMIT: usize = 128 * 1024;

/// Where no body is wanted, `{}` counts as none: some clients send it with every `POST`.
const NOTHING_LIMIT: usize = 256;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// How long a body may take to arrive.
const READ_DEADLINE: Duration = Duration::from_secs(10);
/// After this time a body counts as slow. Nearly all bodies come with their heads.
const BRISK: Duration = Duration::from_millis(250);

/// Reads a JSON body of at most `limit` bytes.
///
/// # Errors
/// `unsupported-media-type`, `body-too-large`, or `invalid-request` for a body that breaks off or takes too long;
/// `overloaded` for a slow one beside too many others.
pub(in crate::http) async fn read(req: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    check_type(req.headers())?;
    read_any(req, payload, limit).await
}

/// Reads the body of a plain form of at most `limit` bytes: its fields, in the order they came.
///
/// # Errors
/// As [`read`].
pub(in crate::http) async fn read_form(
    req: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Vec<(String, String)>, Problem> {
    let essence = content_type(req.headers()).split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(FORM) {
        return Err(Problem::new(Code::UnsupportedMediaType, format!("Content-Type must be {FORM}")));
    }
    let body = read_any(req, payload, limit).await?;
    // A query is written as a form's fields are (application/x-www-form-urlencoded, in the URL standard).
    let fields = str::from_utf8(&body).ok().and_then(|body| Query::<Vec<(String, String)>>::from_query(body).ok());
    let fields = fields.ok_or_else(|| Problem::new(Code::InvalidRequest, "the body is not a form's fields"))?;
    Ok(fields.into_inner())
}

/// What a reader's body says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum BodyType {
    /// `application/json`.
    Json,
    /// `text/plain`, with JSON in it: what a page may send to another origin without asking first.
    Text,
}

/// Reads a reader's body: JSON, declared as such or as `text/plain`.
///
/// # Errors
/// As [`read`]; `invalid-request` for a text that a form may have sent.
pub(in crate::http) async fn read_reader(req: &HttpRequest, payload: Payload) -> Result<(BodyType, Bytes), Problem> {
    let body_type = match utf8_type(content_type(req.headers())) {
        Some(media_type) if media_type.eq_ignore_ascii_case(JSON) => BodyType::Json,
        Some(media_type) if media_type.eq_ignore_ascii_case("text/plain") => BodyType::Text,
        Some(_) | None => {
            let detail = "Content-Type must be application/json or text/plain, in UTF-8";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
    };
    check_encoding(req.headers())?;
    let body = read_any(req, payload, READER_LIMIT).await?;
    if body_type == BodyType::Text && is_of_form(&body) {
        return Err(Problem::new(
            Code::InvalidRequest,
            "a body of text/plain must not end as a form's does, in a new line",
        ));
    }
    Ok((body_type, body))
}

async fn read_any(req: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    if declared_length(req.headers()).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut gathering = pin!(gather(payload, limit));
    if let Ok(body) = timeout(BRISK, gathering.as_mut()).await {
        return body;
    }
    let _permit = limits::take_slow(req)?;
    match timeout(READ_DEADLINE.saturating_sub(BRISK), gathering).await {
        Ok(body) => body,
        Err(_) => {
            Err(Problem::new(Code::InvalidRequest, "the body did not arrive within 10 seconds").closing_connection())
        }
    }
}

/// Checks that a request has no body, or an empty object.
///
/// # Errors
/// `invalid-request` if it says something.
pub(in crate::http) async fn none(req: &HttpRequest, payload: Payload) -> Result<(), Problem> {
    let unasked = || Problem::new(Code::InvalidRequest, "this request takes no body, or an empty JSON object: {}");
    let body = match read_any(req, payload, NOTHING_LIMIT).await {
        Err(problem) if problem.code() == Code::BodyTooLarge => return Err(unasked().closing_connection()),
        read => read?,
    };
    if json::is_nothing(&body) { Ok(()) } else { Err(unasked()) }
}

async fn gather(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let broken = |_| Problem::new(Code::InvalidRequest, "the body broke off").closing_connection();
    let Some(first) = payload.next().await.transpose().map_err(broken)? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(too_large(limit));
    }
    // Most bodies are one chunk, and then nothing is copied.
    let Some(second) = payload.next().await.transpose().map_err(broken)? else { return Ok(first) };
    let mut body = BytesMut::from(&first[..]);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
        next = payload.next().await.transpose().map_err(broken)?;
    }
    Ok(body.freeze())
}

fn too_large(limit: usize) -> Problem {
    // The rest of the body is not read, so the connection can't be used again.
    Problem::new(Code::BodyTooLarge, format!("the body must be at most {limit} bytes")).closing_connection()
}

/// Only `application/json`, in UTF-8 and not compressed.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    if !is_json(content_type(headers)) {
        return Err(Problem::new(Code::UnsupportedMediaType, "Content-Type must be application/json, in UTF-8"));
    }
    check_encoding(headers)
}

/// Whether a form may have sent a text. Each of its fields is `name=value` and a line's end, and around an `=` in a
/// string they can be JSON:
/// <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#text/plain-encoding-algorithm>
fn is_of_form(text: &[u8]) -> bool {
    text.ends_with(b"\r\n")
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Problem::new(Code::UnsupportedMediaType, "the body must not be compressed"))
        }
        Some(_) | None => Ok(()),
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(ascii).unwrap_or_default()
}

fn is_json(content_type: &str) -> bool {
    utf8_type(content_type).is_some_and(|media_type| media_type.eq_ignore_ascii_case(JSON))
}

/// The media type that a body is said to be of, unless it is said to be in another character set than UTF-8.
fn utf8_type(content_type: &str) -> Option<&str> {
    let Some((essence, parameters)) = content_type.split_once(';') else { return Some(content_type.trim()) };
    let is_utf8 = |parameter: &str| match parameter.trim().split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            let value = value.trim_matches('"');
            value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
        }
        Some(_) | None => true,
    };
    parameters.split(';').all(is_utf8).then(|| essence.trim())
}

/// The length a request declares; the HTTP parser has checked that it is a number.
fn declared_length(headers: &HeaderMap) -> Option<usize> {
    ascii(headers.get(header::CONTENT_LENGTH)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; CHARSET=UTF8",
            "application/json; profile=x",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "application/json; charset=UTF-16",
            "application/jsonp",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
