//! Which quotas a request counts in, and what is said about them.
//!
//! A layer around every route of readers and publishers, inside the router, so that a refusal is logged under its
//! route, and before any handler, so that nothing of a refused request's body is read:
//!
//! | request | quotas |
//! | --- | --- |
//! | `GET`, `HEAD`, and a browser's `OPTIONS` | `read`, per client |
//! | `POST`, `PUT`, `PATCH`, `DELETE` | `client`, per client |
//! | `POST …/votes/mine`, `POST …/challenge`, `POST /v1/results`, `POST /v1/live` | `read`, per client |
//! | `POST /v1/voters`, a plain form, a first vote by nonce | `mint` besides, per client |
//! | a first ballot that makes a poll of an article that nobody has announced | `article` besides, per client |
//! | a wrong key at the newsroom | `sign_in` besides, per client |
//! | a ballot that is counted | `ballot` besides, per client and poll |
//! | a vote, or its withdrawal | `vote` besides, per voter, once the token was verified |
//! | whatever shows an API key | `admin` besides, per key, once it was recognised |
//! | any other method; what is not there, at a path that is none or by a method that is not for it | `read`, per client |
//!
//! What operators ask is not limited, and neither are the widget's files, as long as it is for what is there.
//!
//! Answers tell the quotas they counted in by `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-11, still a draft), and refusals by `Retry-After` as well. An answer that
//! shared caches may keep says the policies alone: how one client stands is no business of the next.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    sync::OnceLock,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpRequest,
    body::BoxBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    web,
};
use futures_util::future::LocalBoxFuture;
use pin_project_lite::pin_project;
use smallvec::SmallVec;

use super::notes;
use crate::{
    http::{
        Worker,
        message::problem::{Code, Problem},
    },
    quota::{Decision, Permit, QuotaName, QuotaState, Subject, Undecided},
};

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

pub(in crate::http) use super::notes::add_quota_state as note;

/// Counts a request in a quota that is known only to its handler. Counting twice in one request counts once.
///
/// # Errors
/// `quota-exceeded`.
pub(in crate::http) fn count(
    req: &HttpRequest,
    worker: &Worker,
    name: QuotaName,
    subject: &Subject,
) -> Result<(), Problem> {
    if notes::begin_count(req, name) {
        // What is counted here is not shared.
        admitted(req, worker.shared.quotas.admit(name, subject))?;
    }
    Ok(())
}

/// Notes what was decided on a request. Returns whether a token was spent.
///
/// # Errors
/// `quota-exceeded`.
pub(in crate::http) fn admitted(req: &HttpRequest, decision: Decision) -> Result<bool, Problem> {
    decision.noted(|quota_state| note(req, quota_state)).map_err(|quota_state| Problem::quota_exceeded(&quota_state))
}

/// The same, in a quota per client.
///
/// # Errors
/// `quota-exceeded`.
pub(in crate::http) fn count_client(req: &HttpRequest, worker: &Worker, name: QuotaName) -> Result<(), Problem> {
    count(req, worker, name, &subject(req, worker))
}

/// Lets a request go on whose body is slow in coming; `None` where there is nothing to take part in, as in a test.
///
/// # Errors
/// `overloaded`: there are as many as there may be, in all or of this client.
pub(in crate::http) fn take_slow(req: &HttpRequest) -> Result<Option<Permit>, Problem> {
    let Some(worker) = req.app_data::<web::Data<Worker>>() else { return Ok(None) };
    let permit = worker.shared.connections.take_slow(subject(req, worker));
    let too_many = |_| Problem::new(Code::Overloaded, "too many requests are slow in coming").closing_connection();
    permit.map(Some).map_err(too_many)
}

/// The client of a request, as quotas count it.
pub(in crate::http) fn subject(req: &HttpRequest, worker: &Worker) -> Subject {
    notes::client(req, &worker.shared.client_rule).into()
}

/// What `RateLimit-Policy` says, by the quotas that a request counted in: written once each.
#[derive(Debug)]
pub struct PolicyHeaders([OnceLock<HeaderValue>; 1 << QuotaName::COUNT]);

impl Default for PolicyHeaders {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

impl PolicyHeaders {
    fn of(&self, quota_states: &[QuotaState]) -> Option<&HeaderValue> {
        let nth = quota_states.iter().fold(0, |nth, quota_state| nth | 1 << quota_state.name.index());
        Some(self.0.get(nth)?.get_or_init(|| {
            let mut policies = String::with_capacity(64);
            for QuotaState { name, quota, .. } in quota_states {
                let numbers = [quota.limit.get().into(), quota.window_secs.get().into()];
                write_item(&mut policies, *name, [";q=", ";w="], numbers);
            }
            HeaderValue::try_from(policies).unwrap_or(HeaderValue::from_static(""))
        }))
    }
}

/// Writes what is known of a request's quotas on its answer.
pub(super) fn write_headers(req: &HttpRequest, headers: &mut HeaderMap, policies: &PolicyHeaders) {
    notes::with_quota_states(req, |quota_states| write(quota_states, headers, policies));
}

fn write(quota_states: &[QuotaState], headers: &mut HeaderMap, policies: &PolicyHeaders) {
    if quota_states.is_empty() {
        return;
    }
    let is_for_all = headers
        .get(actix_web::http::header::CACHE_CONTROL)
        .is_some_and(|value| value.as_bytes().starts_with(b"public"));
    if let Some(policy) = policies.of(quota_states) {
        headers.insert(RATE_LIMIT_POLICY, policy.clone());
    }
    if is_for_all {
        return;
    }
    let mut state = String::with_capacity(quota_states.len() * LONGEST_ITEM);
    for QuotaState { name, remaining, next_secs, .. } in quota_states {
        write_item(&mut state, *name, [";r=", ";t="], [u64::from(*remaining), *next_secs]);
    }
    if let Ok(state) = HeaderValue::try_from(state) {
        headers.insert(RATE_LIMIT, state);
    }
}

/// The most that an item is, nearly always.
const LONGEST_ITEM: usize = 32;

/// Adds `"name";q=10;w=60` to a list. By hand: it is on the way of every vote.
fn write_item(list: &mut String, name: QuotaName, keys: [&str; 2], numbers: [u64; 2]) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push('"');
    list.push_str(name.as_str());
    list.push('"');
    for (key, number) in keys.into_iter().zip(numbers) {
        list.push_str(key);
        list.push_str(itoa::Buffer::new().format(number));
    }
}

/// The layer. Wrap a route in it. Written by hand: a closure's layer would box a future for each request, and this one
/// boxes it only for those that wait for a quota.
#[derive(Clone, Copy, Default)]
pub(in crate::http) struct Limits {
    /// Which requests count otherwise than their method says.
    special: Option<Special>,
    /// Whether all there is here is a refusal, whatever the method.
    refuses_all: bool,
}

/// What the requests of a route do besides what their method says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Special {
    /// A `POST` makes a voter.
    MintingPost,
    /// A `GET` is for a page that brings a new voter along.
    MintingGet,
    /// A `POST` only reads.
    ReadingPost,
}

impl Limits {
    /// Around what does more, or less, than its method says.
    pub(in crate::http) fn with(special: Special) -> Self {
        Self { special: Some(special), refuses_all: false }
    }

    /// Around what answers that nothing is there.
    pub(in crate::http) fn of_refusals() -> Self {
        Self { special: None, refuses_all: true }
    }

    /// The quotas that a request counts in by its method.
    fn names(self, method: &Method) -> &'static [QuotaName] {
        match *method {
            _ if self.refuses_all => &[QuotaName::Read],
            Method::GET | Method::HEAD if self.special == Some(Special::MintingGet) => {
                &[QuotaName::Read, QuotaName::Mint]
            }
            Method::POST if self.special == Some(Special::MintingPost) => &[QuotaName::Client, QuotaName::Mint],
            Method::POST if self.special == Some(Special::ReadingPost) => &[QuotaName::Read],
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE => &[QuotaName::Client],
            _ => &[QuotaName::Read],
        }
    }
}

impl<S> Transform<S, ServiceRequest> for Limits
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Limited<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Limited { service: Rc::new(service), limits: *self }))
    }
}

/// A route inside the layer.
pub(in crate::http) struct Limited<S> {
    service: Rc<S>,
    limits: Limits,
}

impl<S> Service<ServiceRequest> for Limited<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LimitsFuture<S::Future>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let names = self.limits.names(req.method());
        let worker = req.app_data::<web::Data<Worker>>().cloned();
        let Some(worker) = worker else { return self.answer(req) };
        let client = subject(req.request(), &worker);
        let mut undecided = SmallVec::<[Undecided; 2]>::new();
        for name in names {
            let decision = worker.shared.quotas.admit(*name, &client);
            if let Decision::Undecided(one) = decision {
                undecided.push(one);
            } else if let Err(problem) = admitted(req.request(), decision) {
                return LimitsFuture::Refused { answer: Some(req.error_response(problem)) };
            }
        }
        if undecided.is_empty() {
            return self.answer(req);
        }
        // Boxed, since few requests get here: those of a client that has spent a tenth of its quota.
        let service = Rc::clone(&self.service);
        let waiting = Box::pin(async move {
            for undecided in undecided {
                if let Err(problem) = admitted(req.request(), worker.voting.decide(undecided, &client).await) {
                    return Ok(req.error_response(problem));
                }
            }
            service.call(req).await
        });
        LimitsFuture::Waiting { waiting }
    }
}

impl<S> Limited<S>
where
    S: Service<ServiceRequest>,
{
    fn answer(&self, req: ServiceRequest) -> LimitsFuture<S::Future> {
        LimitsFuture::Admitted { answer: self.service.call(req) }
    }
}

pin_project! {
    /// One request on its way through the layer.
    #[project = LimitsFutureProjection]
    pub(in crate::http) enum LimitsFuture<F> {
        Admitted { #[pin] answer: F },
        // Taken when it is polled.
        Refused { answer: Option<ServiceResponse<BoxBody>> },
        Waiting { waiting: LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Error>> },
    }
}

impl<F> Future for LimitsFuture<F>
where
    F: Future<Output = Result<ServiceResponse<BoxBody>, Error>>,
{
    type Output = Result<ServiceResponse<BoxBody>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            LimitsFutureProjection::Admitted { answer } => answer.poll(cx),
            LimitsFutureProjection::Waiting { waiting } => waiting.as_mut().poll(cx),
            LimitsFutureProjection::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                // It was answered already, and is not polled again.
                None => Poll::Pending,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use actix_web::{http::header, test::TestRequest};

    use super::*;
    use crate::quota::Quota;

    fn quota_state(name: QuotaName, limit: u32, window_secs: u32, remaining: u32, next_secs: u64) -> QuotaState {
        let number = |number| NonZeroU32::new(number).unwrap();
        let quota = Quota { limit: number(limit), window_secs: number(window_secs) };
        QuotaState { name, quota, remaining, next_secs }
    }

    fn written(quota_states: &[QuotaState], cache_control: &'static str) -> (Option<String>, Option<String>) {
        let req = TestRequest::default().to_http_request();
        for quota_state in quota_states {
            note(&req, *quota_state);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        write_headers(&req, &mut headers, &PolicyHeaders::default());
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (text("ratelimit-policy"), text("ratelimit"))
    }

    #[test]
    fn headers_list_every_quota_a_request_counted_in() {
        let some = |text: &str| Some(text.to_owned());
        let vote = quota_state(QuotaName::Vote, 10, 60, 9, 6);
        assert_eq!(written(&[vote], "no-store"), (some("\"vote\";q=10;w=60"), some("\"vote\";r=9;t=6")));
        let both = [quota_state(QuotaName::Client, 600, 60, 599, 1), vote];
        assert_eq!(
            written(&both, "private, no-store"),
            (some("\"client\";q=600;w=60, \"vote\";q=10;w=60"), some("\"client\";r=599;t=1, \"vote\";r=9;t=6"))
        );
        assert_eq!(written(&[], "no-store"), (None, None));
        let again = QuotaState { remaining: 8, ..vote };
        assert_eq!(written(&[vote, again], "no-store").1, some("\"vote\";r=8;t=6"), "each quota once");
    }

    #[test]
    fn what_shared_caches_keep_says_nothing_of_one_client() {
        let (policy, state) = written(&[quota_state(QuotaName::Read, 3_000, 60, 2_999, 1)], "public, max-age=2");
        assert_eq!((policy.as_deref(), state), (Some("\"read\";q=3000;w=60"), None));
    }

    #[test]
    fn methods_count_in_the_quotas_of_what_they_may_do() {
        let plain = Limits::default();
        let [minting, page] = [Special::MintingPost, Special::MintingGet].map(Limits::with);
        assert_eq!(plain.names(&Method::GET), [QuotaName::Read]);
        assert_eq!(plain.names(&Method::HEAD), [QuotaName::Read]);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(plain.names(&method), [QuotaName::Client]);
        }
        assert_eq!(minting.names(&Method::POST), [QuotaName::Client, QuotaName::Mint]);
        assert_eq!(page.names(&Method::GET), [QuotaName::Read, QuotaName::Mint]);
        assert_eq!(page.names(&Method::POST), [QuotaName::Client]);
        assert_eq!(Limits::with(Special::ReadingPost).names(&Method::POST), [QuotaName::Read]);
        // A preflight may have the poll read, and a method that is none of ours is refused.
        for method in [Method::OPTIONS, Method::TRACE] {
            assert_eq!(plain.names(&method), [QuotaName::Read]);
        }
        for method in [Method::GET, Method::POST] {
            assert_eq!(Limits::of_refusals().names(&method), [QuotaName::Read]);
        }
    }
}
