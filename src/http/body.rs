//! Request bodies: their type, their size, and what is wrong in them.
//!
//! Nothing is parsed before its size is known to be small, and nothing is read that is declared too large. A body that
//! trickles in is given up on: `client_request_timeout` bounds the head of a request only, so a slow sender could hold
//! a connection for ever otherwise.
//!
//! A body is parsed once, straight into the type a handler wants. Only when that fails is it parsed again, to find the
//! path of the field that is wrong.

use std::time::Duration;

use actix_web::{
    http::header::{self, HeaderMap},
    web::{Bytes, BytesMut, Payload, Query},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Deserializer, de};
use serde_json::error::Category;

use super::problem::{Code, FieldError, Problem};

/// The most bytes a reader may send: a ballot of 32 options is not a tenth of it.
pub(super) const READER_LIMIT: usize = 16 * 1024;
/// The most bytes a publisher may send: a poll of 32 options in four-byte script fits.
pub(super) const PUBLISHER_LIMIT: usize = 64 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

/// How long a body may take to arrive.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// The longest detail: messages quote what was sent, which may be long.
const MAX_DETAIL: usize = 300;

/// Reads a JSON body of at most `limit` bytes.
///
/// # Errors
/// `unsupported-media-type`, `body-too-large`, or `invalid-request` for a body that breaks off or takes too long.
pub(super) async fn read(headers: &HeaderMap, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    check_type(headers)?;
    read_any(headers, payload, limit).await
}

/// Reads the body of a plain form of at most `limit` bytes: its fields, in the order they came.
///
/// # Errors
/// As [`read`].
pub(super) async fn read_form(
    headers: &HeaderMap,
    payload: Payload,
    limit: usize,
) -> Result<Vec<(String, String)>, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(FORM) {
        return Err(Problem::new(Code::UnsupportedMediaType, format!("Content-Type must be {FORM}")));
    }
    let body = read_any(headers, payload, limit).await?;
    // A query is written as a form's fields are (application/x-www-form-urlencoded, in the URL standard).
    let fields = str::from_utf8(&body).ok().and_then(|body| Query::<Vec<(String, String)>>::from_query(body).ok());
    let fields = fields.ok_or_else(|| Problem::new(Code::InvalidRequest, "the body is not a form's fields"))?;
    Ok(fields.into_inner())
}

async fn read_any(headers: &HeaderMap, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    if declared_length(headers).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(READ_DEADLINE, gather(payload, limit)).await {
        Ok(body) => body,
        Err(_) => {
            Err(Problem::new(Code::InvalidRequest, "the body did not arrive within 10 seconds").closing_connection())
        }
    }
}

/// Makes sure that a request has no body, where none means anything.
///
/// # Errors
/// `invalid-request` if it has one.
pub(super) async fn none(headers: &HeaderMap, mut payload: Payload) -> Result<(), Problem> {
    let unasked = || Problem::new(Code::InvalidRequest, "this request takes no body").closing_connection();
    if declared_length(headers).is_some_and(|length| length > 0) {
        return Err(unasked());
    }
    if !headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(());
    }
    match tokio::time::timeout(READ_DEADLINE, payload.next()).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) | Err(_) => Err(unasked()),
    }
}

/// Parses a JSON body.
///
/// # Errors
/// `invalid-request`: what is wrong, at which line and column, and in which field.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| explain::<T>(body, &error))
}

/// Deserialises a field that may be left out but, if it is there, must be a `T`: for `Option` alone `null` would mean
/// the same as absence. Use with `#[serde(default, deserialize_with = "given")]`.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Deserialises a whole number of a field that may be left out. JSON knows one kind of number, and JSON Schema calls
/// `2.0` an integer; so may a client's JSON library write it. Use as [`given`].
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Whole;

    impl de::Visitor<'_> for Whole {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<u64, E> {
            // Written without a fraction, such a number is the same integer, or too large for one.
            let text = format!("{number:.0}");
            let is_whole = number.fract() == 0.0;
            let refused = || E::invalid_type(de::Unexpected::Float(number), &self);
            text.parse().ok().filter(|_| is_whole).ok_or_else(refused)
        }
    }

    deserializer.deserialize_any(Whole).map(Some)
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
    // What is left of the body is not worth reading, so the connection can't be used again.
    Problem::new(Code::BodyTooLarge, format!("the body must be at most {limit} bytes")).closing_connection()
}

/// Only `application/json`, in UTF-8 and not compressed. That a form can't send it is half of what keeps strange pages
/// from voting.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_json(content_type) {
        return Err(Problem::new(Code::UnsupportedMediaType, "Content-Type must be application/json"));
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Problem::new(Code::UnsupportedMediaType, "the body must not be compressed"))
        }
        Some(_) | None => Ok(()),
    }
}

fn is_json(content_type: &str) -> bool {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let is_utf8 = |parameter: &str| match parameter.trim().split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    };
    essence.trim().eq_ignore_ascii_case("application/json") && parameters.split(';').all(is_utf8)
}

/// The length a request declares; the HTTP parser has made sure that it is a number.
fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn explain<'a, T: Deserialize<'a>>(body: &'a [u8], error: &serde_json::Error) -> Problem {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Problem::new(Code::InvalidRequest, "the body is empty; it must be a JSON object");
    }
    let problem = |detail: String| Problem::new(Code::InvalidRequest, shorten(detail));
    // Of one of several words, where something stands that is none, the parser says that it is no JSON either.
    let is_json = error.is_data() || serde_json::from_slice::<serde_json::Value>(body).is_ok();
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io if !is_json => {
            problem(format!("the body is not JSON: {error}"))
        }
        Category::Syntax | Category::Eof | Category::Io | Category::Data => {
            let mut deserializer = serde_json::Deserializer::from_slice(body);
            match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
                Err(error) => {
                    let field = field_of(&error.path().to_string(), &error.inner().to_string());
                    let lacks_a_word = !error.inner().is_data();
                    let detail = if lacks_a_word {
                        "invalid type: expected a string".to_owned()
                    } else {
                        shorten(error.inner().to_string())
                    };
                    let whole = if field.is_empty() { detail.clone() } else { format!("{field}: {detail}") };
                    let errors = (!field.is_empty()).then_some(FieldError { field, detail });
                    problem(whole).with_errors(errors)
                }
                // Both parse the same bytes into the same type.
                Ok(_) => problem(error.to_string()),
            }
        }
    }
}

/// The path of the wrong field; empty for the body itself. A field that is missing has no place of its own, so its
/// path ends at what should have held it, and its name is in the message only.
fn field_of(path: &str, message: &str) -> String {
    let path = if path == "." { "" } else { path };
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match missing {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => path.chars().take(MAX_DETAIL).collect(),
    }
}

fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_DETAIL) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it fails to parse is looked at")]
    struct Sample {
        choices: Vec<String>,
        #[serde(default, deserialize_with = "given")]
        limit: Option<u8>,
        #[serde(default)]
        options: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it fails to parse is looked at")]
    struct Inner {
        label: String,
    }

    fn refusal(body: &str) -> serde_json::Value {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
        let body = actix_web::body::MessageBody::try_into_bytes(problem.respond("r").into_body()).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn broken_json_is_refused_with_line_and_column() {
        let body = refusal("{\n  \"choices\": [\"yes\",]\n}");
        assert_eq!(body["code"], "invalid-request");
        assert!(body["detail"].as_str().unwrap().contains("line 2 column 21"), "{body}");
        assert!(refusal("{\"choices\":[").to_string().contains("line 1 column 12"));
        assert!(refusal("{\"choices\":[]} x").to_string().contains("line 1 column 16"));
        assert!(refusal(" ").to_string().contains("empty"));
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        for (sent, field) in [
            ("{\"choices\":[\"yes\",7]}", "choices[1]"),
            ("{\"choices\":\"yes\"}", "choices"),
            ("{\"choices\":[],\"choice\":1}", "choice"),
            ("{}", "choices"),
            ("{\"choices\":[],\"limit\":null}", "limit"),
            ("{\"choices\":[],\"limit\":999}", "limit"),
            ("{\"choices\":[],\"options\":[{\"label\":\"a\"},{}]}", "options[1].label"),
            ("{\"choices\":[],\"options\":[{\"label\":\"a\",\"slot\":1}]}", "options[0].slot"),
        ] {
            let body = refusal(sent);
            assert_eq!(body["errors"][0]["field"], field, "{sent}: {body}");
            assert!(body["detail"].as_str().unwrap().contains("line 1 column"), "{body}");
        }
        assert!(refusal("[]").get("errors").is_none());
    }

    #[test]
    fn a_whole_number_may_be_written_with_an_empty_fraction() {
        #[derive(Debug, Deserialize)]
        struct Counted {
            #[serde(default, deserialize_with = "whole")]
            number: Option<u64>,
        }
        let read = |number: &str| parse::<Counted>(format!("{{\"number\":{number}}}").as_bytes());
        for (sent, number) in [("2", 2), ("2.0", 2), ("0.0", 0), ("1e3", 1_000), ("18446744073709551615", u64::MAX)] {
            assert_eq!(read(sent).unwrap().number, Some(number), "{sent}");
        }
        for bad in ["1.5", "-1", "-1.0", "1e300", "null", "\"2\"", "true", "[2]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(parse::<Counted>(b"{}").unwrap().number, None);
    }

    #[test]
    fn what_was_sent_is_quoted_shortened() {
        let body = refusal(&format!("{{\"{}\":1}}", "x".repeat(5_000)));
        assert!(body.to_string().len() < 2_000, "{body}");
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; profile=x",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "application/jsonp",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
