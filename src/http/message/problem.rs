//! Every refusal, in one table, and how it is written: `application/problem+json` (RFC 9457).
//!
//! A [`Problem`] tells two people two things. The client gets code, title, status, a detail in plain words, and what
//! helps to correct the request (fields, the choices on record, how long to wait). The operator gets the source of a
//! failure, in the request's one log line and nowhere else.
//!
//! The body has the request's id, which only the outermost layer knows; so a handler returns the problem, and
//! [`observe`](crate::http::middleware::observe) writes it.

mod code;

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use serde::Serialize;
use serde_json::Value;

pub use code::Code;

use crate::{
    poll::{Mistake, Violation},
    quota::QuotaState,
    store::StoreError,
    telemetry::with_causes,
};

/// How long a client should wait when the store did not answer.
const RETRY_AFTER_SECS: u64 = 1;

/// What each 401 is to be answered with.
const SCHEMES: [(Code, HeaderValue); 2] =
    [(Code::VoterRequired, HeaderValue::from_static("Voter")), (Code::KeyRequired, HeaderValue::from_static("Bearer"))];

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// One field of a request and what it must be, in words that follow the field's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field as a path from the body's root (`options[2].label`), or a query parameter's or header's name.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

impl From<Violation> for FieldError {
    fn from(violation: Violation) -> Self {
        Self { field: violation.field, detail: violation.detail }
    }
}

/// One refusal. Boxed: keeps successful results small.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// Members beyond the standard ones, each named in the contract.
    members: Vec<(&'static str, Value)>,
    allow: Option<String>,
    /// When to come back, if that is known better than by the code.
    retry_after_secs: Option<u64>,
    closes_connection: bool,
    /// Only for the log.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A refusal, with its reason in plain words.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Vec::new(),
            allow: None,
            retry_after_secs: None,
            closes_connection: false,
            source: None,
        }))
    }

    /// There is no such poll, or none this client may know of.
    pub fn no_poll() -> Self {
        Self::new(Code::NotFound, "no poll has this id")
    }

    /// Two clocks disagree about whether a poll is open: nothing is decided until they agree.
    pub fn undecided() -> Self {
        let detail =
            "two clocks disagree about whether the poll is open; nothing was changed, and it may be asked again";
        Self::new(Code::StoreUnavailable, detail)
    }

    /// One field of the request is wrong. The detail follows the field's name.
    pub fn of_field(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        let (field, detail) = (field.into(), detail.into());
        Self::new(code, format!("{field} {detail}")).with_errors([FieldError { field, detail }])
    }

    /// The place would not be valid.
    pub fn of_place(violations: Vec<Violation>) -> Self {
        let detail = summary("place", &violations);
        Self::new(Code::InvalidPlace, detail).with_errors(violations.into_iter().map(FieldError::from))
    }

    /// The poll would not be valid.
    pub fn of_violations(violations: Vec<Violation>) -> Self {
        let detail = summary("poll", &violations);
        let all_are = |mistake| violations.iter().all(|violation| violation.mistake == mistake);
        let code = if all_are(Mistake::OptionsOfRating) {
            Code::OptionsNotTaken
        } else if all_are(Mistake::ScaleOfAnother) {
            Code::ScaleNotTaken
        } else {
            Code::InvalidPoll
        };
        Self::new(code, detail).with_errors(violations.into_iter().map(FieldError::from))
    }

    /// A quota is spent. A client that waits as long as the answer says is admitted.
    pub fn quota_exceeded(quota_state: &QuotaState) -> Self {
        let QuotaState { name, quota, next_secs, .. } = quota_state;
        let (name, requests, window) = (name.as_str(), quota.limit, quota.window_secs);
        let detail = format!("the quota \"{name}\" is {requests} requests in {window} s; ask again in {next_secs} s");
        let mut problem = Self::new(Code::QuotaExceeded, detail).with_member("violated-policies", vec![name]);
        problem.0.retry_after_secs = Some(*next_secs);
        problem
    }

    /// A failure of this service; its source is only for the log.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "the request could not be answered; the log has the reason under this request id")
            .with_source(Arc::from(source.into()))
    }

    /// Names the fields that are wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.0.errors.extend(errors);
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.members.push((name, value.into()));
        self
    }

    /// Lists the allowed methods.
    #[must_use]
    pub fn with_allow(mut self, methods: String) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// Closes the connection after the answer: the rest of the request will not be read.
    #[must_use]
    pub fn closing_connection(mut self) -> Self {
        self.0.closes_connection = true;
        self
    }

    fn with_source(mut self, source: Arc<dyn Error + Send + Sync>) -> Self {
        self.0.source = Some(source);
        self
    }

    /// What went wrong.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Whether the store has not answered.
    pub(in crate::http) fn is_the_stores(&self) -> bool {
        matches!(self.0.code, Code::StoreUnavailable | Code::Overloaded)
    }

    /// When to come back, in seconds, if the code or the quota says so.
    pub(in crate::http) fn retry_after_secs(&self) -> Option<u64> {
        let is_for_now = matches!(self.0.code, Code::StoreUnavailable | Code::Overloaded | Code::QuotaExceeded);
        is_for_now.then(|| self.0.retry_after_secs.unwrap_or(RETRY_AFTER_SECS))
    }

    /// What failed, with its own sources, for the log.
    pub fn cause(&self) -> Option<String> {
        self.0.source.as_ref().map(|source| with_causes(&**source))
    }

    /// The whole answer, for the request with this id.
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        self.head().body(self.body(request_id))
    }

    /// The answer without its body.
    fn head(&self) -> HttpResponseBuilder {
        let parts = &*self.0;
        let mut response = HttpResponse::build(parts.code.status());
        response.insert_header((header::CACHE_CONTROL, NO_STORE));
        response.insert_header((header::CONTENT_TYPE, PROBLEM_JSON));
        if let Some((_, scheme)) = SCHEMES.into_iter().find(|(code, _)| *code == parts.code) {
            response.insert_header((header::WWW_AUTHENTICATE, scheme));
        }
        if let Some(secs) = self.retry_after_secs() {
            response.insert_header((header::RETRY_AFTER, secs));
        }
        if let Some(methods) = &parts.allow {
            response.insert_header((header::ALLOW, methods.as_str()));
        }
        if parts.closes_connection {
            response.force_close();
        }
        response
    }

    /// The answer's body, for the request with this id.
    pub(in crate::http) fn body(&self, request_id: &str) -> Vec<u8> {
        write_body(&self.0, request_id).unwrap_or_default()
    }
}

/// What is wrong with something, in a line.
fn summary(what: &str, violations: &[Violation]) -> String {
    match violations {
        [Violation { field, detail, .. }] => format!("{field} {detail}"),
        _ => format!("{} things are wrong with the {what}; see errors", violations.len()),
    }
}

/// A problem's body. Floods are answered with this, so nothing is serialized that can be written as it is: JSON needs
/// no escapes in codes, titles, names of members and request ids.
fn write_body(parts: &Parts, request_id: &str) -> serde_json::Result<Vec<u8>> {
    let Parts { code, detail, errors, members, .. } = parts;
    let mut body = Vec::with_capacity(256 + detail.len());
    push(
        &mut body,
        &["{\"type\":\"urn:sawt:problem:", code.as_str(), "\",\"title\":\"", code.title(), "\",\"status\":"],
    );
    push(&mut body, &[code.status().as_str(), ",\"detail\":"]);
    write_text(&mut body, detail)?;
    push(&mut body, &[",\"code\":\"", code.as_str(), "\",\"request_id\":\"", request_id, "\""]);
    if !errors.is_empty() {
        body.extend_from_slice(b",\"errors\":");
        serde_json::to_writer(&mut body, errors)?;
    }
    for (name, value) in members {
        push(&mut body, &[",\"", name, "\":"]);
        write_value(&mut body, value)?;
    }
    body.push(b'}');
    Ok(body)
}

fn write_value(body: &mut Vec<u8>, value: &Value) -> serde_json::Result<()> {
    match value {
        Value::Null => push(body, &["null"]),
        Value::String(text) => write_text(body, text)?,
        Value::Array(values) => {
            for (nth, value) in values.iter().enumerate() {
                push(body, &[if nth == 0 { "[" } else { "," }]);
                write_value(body, value)?;
            }
            push(body, &[if values.is_empty() { "[]" } else { "]" }]);
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => serde_json::to_writer(body, value)?,
    }
    Ok(())
}

/// Writes a text, which has seldom more to escape than quotes.
fn write_text(body: &mut Vec<u8>, text: &str) -> serde_json::Result<()> {
    if text.bytes().any(|byte| byte < b' ' || byte == b'\\') {
        return serde_json::to_writer(body, text);
    }
    for (nth, part) in text.split('"').enumerate() {
        push(body, &[if nth == 0 { "\"" } else { "\\\"" }, part]);
    }
    push(body, &["\""]);
    Ok(())
}

fn push(body: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        body.extend_from_slice(text.as_bytes());
    }
}

impl fmt::Display for Problem {
    /// Only the code: the detail may quote what the client sent, which stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    /// All but the body: [`observe`](crate::http::middleware::observe) writes that.
    fn error_response(&self) -> HttpResponse {
        self.head().finish()
    }
}

impl From<Arc<StoreError>> for Problem {
    fn from(error: Arc<StoreError>) -> Self {
        match *error {
            StoreError::Unavailable(_) => Self::new(
                Code::StoreUnavailable,
                "the store did not answer; what was asked may have been done, and may be asked again",
            ),
            StoreError::Unfit(_) => Self::new(Code::StoreUnavailable, "the store can't be used as it is configured"),
            StoreError::Overloaded => {
                Self::new(Code::Overloaded, "too much waits for the store already; this was not asked of it")
            }
            StoreError::Corrupt(_) | StoreError::Damaged(_) => return Self::internal(SharedError(error)),
        }
        .with_source(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Arc::new(error).into()
    }
}

/// A store's error that all ballots of one batch share.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct SharedError(Arc<StoreError>);

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;

    use super::*;

    fn body_of(response: HttpResponse) -> Value {
        let bytes = response.into_body().try_into_bytes().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn every_code_is_written_once_and_has_an_error_status() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{}", code.as_str());
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert_eq!(serde_json::to_string(code.title()).unwrap(), format!("\"{}\"", code.title()));
        }
        assert_eq!(seen.len(), 56);
    }

    #[test]
    fn a_problem_carries_its_fields_its_members_and_the_request_id() {
        let problem =
            Problem::of_field(Code::InvalidChoice, "choices[1]", "names \"maybe\"").with_member("choices", vec!["yes"]);
        let response = problem.respond("r-1");
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
        assert_eq!(
            body_of(response),
            serde_json::json!({
                "type": "urn:sawt:problem:invalid-choice",
                "title": "The choices don't fit the poll",
                "status": 422,
                "detail": "choices[1] names \"maybe\"",
                "code": "invalid-choice",
                "request_id": "r-1",
                "errors": [{ "field": "choices[1]", "detail": "names \"maybe\"" }],
                "choices": ["yes"],
            })
        );
    }

    #[test]
    fn a_problems_texts_are_written_as_json_whatever_they_say() {
        for text in ["", "نعم", "a \"b\" c", "back\\slash", "two\nlines", "\u{1}", "\u{7f}", "\u{2028}"] {
            let problem = Problem::new(Code::InvalidRequest, text.to_owned()).with_member("member", text);
            let body =
                body_of(problem.with_member("list", vec![text, text]).with_member("none", Value::Null).respond("r"));
            assert_eq!([&body["detail"], &body["member"], &body["list"][1]], [text; 3]);
            assert_eq!(body["none"], Value::Null);
        }
        for list in [vec![], vec![Value::from(7)], vec![Value::Bool(true), Value::Null, Value::from(vec!["a"])]] {
            let problem = Problem::new(Code::InvalidRequest, "").with_member("list", list.clone());
            assert_eq!(body_of(problem.respond("r"))["list"], Value::from(list));
        }
    }

    #[test]
    fn a_silent_store_is_503_with_retry_after_and_its_cause_stays_inside() {
        let problem = Problem::from(StoreError::unavailable("connection to 10.0.0.7 refused"));
        assert_eq!(problem.cause().unwrap(), "the store did not answer: connection to 10.0.0.7 refused");
        let response = problem.respond("r-1");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "1");
        assert!(!body_of(response).to_string().contains("10.0.0.7"));
    }

    #[test]
    fn a_corrupt_store_is_500_and_says_nothing_of_it() {
        let problem = Problem::from(StoreError::Corrupt("the digest key of poll 1".to_owned()));
        assert_eq!(problem.code(), Code::Internal);
        assert!(problem.cause().unwrap().contains("digest key"));
        assert!(!body_of(problem.respond("r-1")).to_string().contains("digest"));
    }

    #[test]
    fn each_401_says_what_to_show() {
        for (code, scheme) in [(Code::VoterRequired, "Voter"), (Code::KeyRequired, "Bearer")] {
            let response = Problem::new(code, "").respond("r-1");
            assert_eq!(response.headers().get(header::WWW_AUTHENTICATE).unwrap(), scheme);
        }
    }
}
