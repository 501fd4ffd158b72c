//! The outermost layer: what is true of every answer, whatever route gave it.
//!
//! It gives the request an id (the client's own `X-Request-Id` if it is a plain one), puts the id and the fixed
//! headers on the answer, writes the body of a [`Problem`], logs one line, and feeds the request metrics.
//!
//! The log line says the route's pattern, never the path; the outcome, never the choice. No token, key, query or body
//! gets here, so none can be logged. A failure's source is logged here, once, and nowhere else. Which requests have a
//! line of their own, the [request log](super::request_log) decides.
//!
//! Written by hand rather than from a closure: a closure's layer would box one future per request.

use std::{
    cell::RefCell,
    future::{Future, Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{self, Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use pin_project_lite::pin_project;

use super::{cors, limits, mount, notes, request_log::RequestLine};
use crate::{
    clock::Clock,
    http::{
        ReplicaState,
        message::{header_text::ascii, problem::Problem},
        newsroom,
        pages::embed,
        pattern::Pattern,
    },
    net::unread::{self, Chunks},
    secret::random_bytes,
};

/// Where an answer has its request's id.
pub(super) const X_REQUEST_ID: &str = "x-request-id";
const REQUEST_ID: HeaderName = HeaderName::from_static(X_REQUEST_ID);
const MAX_REQUEST_ID_LENGTH: usize = 64;

/// On every answer.
const FIXED_HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // No answer is a page that needs any of these; should one ever be shown as a page, it has none.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
    ),
];

/// On every answer that brings none of its own, as a page does: it loads nothing, stands in no frame, and tells nobody
/// where a reader came from.
const UNLESS_SAID: [(HeaderName, HeaderValue); 3] = [
    // Publishers' pages fetch tallies from other sites: that is what the service is for.
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// On every answer of a service that has a host of its own and is reached by TLS: browsers come back by nothing else
/// for a year. Under a path it is for the host's owner to say.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The layer. Wrap the whole application in it.
pub struct Observe {
    shared: Arc<ReplicaState>,
}

impl Observe {
    /// The layer, on a replica's clock and metrics.
    pub fn new(shared: Arc<ReplicaState>) -> Self {
        Self { shared }
    }
}

impl<S> Transform<S, ServiceRequest> for Observe
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Observed<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Observed { service, shared: self.shared.clone(), ids: RequestIds::default() }))
    }
}

/// A worker's application inside the layer.
pub struct Observed<S> {
    service: S,
    shared: Arc<ReplicaState>,
    ids: RequestIds,
}

impl<S> Service<ServiceRequest> for Observed<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = ObserveFuture<S::Future>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, mut req: ServiceRequest) -> Self::Future {
        let started = Instant::now();
        mount::strip(&mut req, self.shared.base_path());
        let request_id = match req.headers().get(REQUEST_ID) {
            Some(sent) if is_request_id(sent.as_bytes()) => sent.clone(),
            Some(_) | None => self.ids.generate(&self.shared.clock),
        };
        let chunks = unread::hold(&mut req);
        let seen = Some(RequestStart { started, request_id, chunks, shared: self.shared.clone() });
        ObserveFuture { inner: self.service.call(req), seen }
    }
}

pin_project! {
    /// One request being answered.
    pub struct ObserveFuture<F> {
        #[pin]
        inner: F,
        // Taken when the answer is there.
        seen: Option<RequestStart>,
    }
}

/// What is known of a request before it is answered.
struct RequestStart {
    started: Instant,
    request_id: HeaderValue,
    chunks: Option<Chunks>,
    shared: Arc<ReplicaState>,
}

impl<F> Future for ObserveFuture<F>
where
    F: Future<Output = Result<ServiceResponse<BoxBody>, Error>>,
{
    type Output = Result<ServiceResponse<BoxBody>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = task::ready!(this.inner.poll(cx))?;
        Poll::Ready(Ok(match this.seen.take() {
            Some(seen) => seen.finish(response),
            None => response,
        }))
    }
}

impl RequestStart {
    fn finish(self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let request_id = ascii(&self.request_id).unwrap_or_default();
        let duration = self.started.elapsed();
        let method = method_name(response.request().method());
        let pattern = response.request().app_data::<Pattern>();
        let route = pattern.map_or("unmatched", |pattern| pattern.path);
        let is_probe = pattern.is_some_and(|pattern| pattern.is_probe);

        let error = response.response().error();
        let known = error.and_then(Error::as_error::<Problem>);
        // No handler gives any other error: such a one is of the framework's own making.
        let foreign = error.filter(|_| known.is_none()).map(|error| Problem::internal(error.to_string()));
        let problem = known.or(foreign.as_ref());
        let status = problem.map_or(response.status(), |problem| problem.code().status());
        let outcome = match (problem, notes::outcome(response.request())) {
            (Some(problem), _) => problem.code().as_str(),
            (None, Some(outcome)) => outcome,
            (None, None) if status == StatusCode::NOT_MODIFIED => "not-modified",
            (None, None) => "ok",
        };
        let error = problem.and_then(Problem::cause);
        let (status, error) = (status.as_u16(), error.as_deref());
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let line = RequestLine { method, route, status, outcome, request_id, duration_us, error, is_probe };
        self.shared.request_log.log(&line, || Some(notes::client(response.request(), &self.shared.client_rule)));
        self.shared.metrics.observe_request(method, route, status, duration);

        let mut response = match problem {
            None => response,
            Some(problem) => {
                let req = response.request();
                let page = match pattern {
                    Some(pattern) if pattern.is_newsroom => {
                        Some(newsroom::refuse(req, problem, problem.respond(request_id)))
                    }
                    Some(pattern) if !pattern.is_page => None,
                    None if !embed::is_sought_by_people(req) => None,
                    Some(_) | None => Some(embed::refuse(req, &self.shared, problem, problem.respond(request_id))),
                };
                match page {
                    Some(page) => response.into_response(page),
                    // The framework's own answers have other heads.
                    None if known.is_none() => {
                        let written = problem.respond(request_id);
                        response.into_response(written)
                    }
                    None => {
                        let body = problem.body(request_id);
                        response.map_body(|_, _| BoxBody::new(body))
                    }
                }
            }
        };
        cors::allow(&mut response, &self.shared);
        let req = response.request().clone();
        let headers = response.headers_mut();
        limits::write_headers(&req, headers, &self.shared.policy_headers);
        write_fixed_headers(headers, &self.shared);
        headers.insert(REQUEST_ID, self.request_id);
        if let Some(chunks) = self.chunks {
            unread::release(chunks);
        }
        response
    }
}

/// What is on every answer.
fn write_fixed_headers(headers: &mut HeaderMap, shared: &ReplicaState) {
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, value);
    }
    for (name, value) in UNLESS_SAID {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    if shared.public_url.as_ref().is_some_and(|base| base.is_https() && base.path().is_empty()) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ONLY);
    }
}

/// The same for what is answered without a request that could be read.
pub(super) struct UnparsedResponder {
    shared: Arc<ReplicaState>,
    ids: RequestIds,
}

impl UnparsedResponder {
    pub(in crate::http) fn new(shared: Arc<ReplicaState>) -> Self {
        Self { shared, ids: RequestIds::default() }
    }

    /// The whole answer, logged and counted.
    pub(in crate::http) fn respond(&self, problem: &Problem) -> HttpResponse {
        let id = self.ids.generate(&self.shared.clock);
        let request_id = ascii(&id).unwrap_or_default();
        let (method, route, status) = (NO_METHOD, "unparsed", problem.code().status().as_u16());
        let outcome = problem.code().as_str();
        let line =
            RequestLine { method, route, status, outcome, request_id, duration_us: 0, error: None, is_probe: false };
        self.shared.request_log.log(&line, || None);
        self.shared.metrics.observe_request(method, route, status, Duration::ZERO);
        let mut response = problem.respond(request_id);
        write_fixed_headers(response.headers_mut(), &self.shared);
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }
}

/// The method of what has none of ours.
const NO_METHOD: &str = "other";

/// The method as logs and metrics name it: anyone can send any word, so what is no method of ours is `other`.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => NO_METHOD,
    }
}

/// Whether an id somebody sent may stand in a log: short, and of characters no log reader trips over.
fn is_request_id(sent: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID_LENGTH).contains(&sent.len())
        && sent.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

const RANDOM_PER_ID: usize = 10;
const IDS_PER_FILL: usize = 64;

/// Makes request ids: version 7 UUIDs. Randomness is fetched for 64 ids at a time, since asking the operating system
/// for each would cost a vote more than its signature does.
#[derive(Default)]
struct RequestIds {
    random: RefCell<Vec<u8>>,
}

impl RequestIds {
    fn generate(&self, clock: &Clock) -> HeaderValue {
        let mut left = self.random.borrow_mut();
        if left.len() < RANDOM_PER_ID {
            *left = random_bytes::<{ RANDOM_PER_ID * IDS_PER_FILL }>().to_vec();
        }
        let mut random = [0; RANDOM_PER_ID];
        for (byte, fresh) in random.iter_mut().zip(left.drain(..RANDOM_PER_ID)) {
            *byte = fresh;
        }
        let millis = u64::try_from(clock.now().as_millis()).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = uuid::Uuid::encode_buffer();
        HeaderValue::from_str(id.as_hyphenated().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Timestamp;

    #[test]
    fn a_plain_request_id_is_kept_and_any_other_is_not() {
        for good in ["a", "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21", "A.b_c-1", &"x".repeat(64)] {
            assert!(is_request_id(good.as_bytes()), "{good}");
        }
        for bad in ["", "a b", "a\"b", "صوت", "a\n", "a/b", &"x".repeat(65)] {
            assert!(!is_request_id(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn a_word_that_a_client_makes_up_is_no_name_of_a_method_in_logs_or_metrics() {
        for made_up in ["BREW", "get", "TRACE", "CONNECT"] {
            assert_eq!(method_name(&Method::from_bytes(made_up.as_bytes()).unwrap()), "other");
        }
        assert_eq!(method_name(&Method::PATCH), "PATCH");
    }

    #[test]
    fn request_ids_are_version_7_uuids_and_differ() {
        let ids = RequestIds::default();
        let clock = Clock::stopped_at(Timestamp::from_millis(1_700_000_000_000));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let id = ids.generate(&clock);
            assert!(is_request_id(id.as_bytes()));
            let id = uuid::Uuid::parse_str(id.to_str().unwrap()).unwrap();
            assert_eq!(id.get_version_num(), 7);
            assert!(seen.insert(id));
        }
    }
}
