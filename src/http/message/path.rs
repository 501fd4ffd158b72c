//! Ids in a request's path, and the router's way past a poll's id.

use std::{
    future::{Ready, ready},
    str::FromStr,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpRequest,
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};

use super::problem::Problem;
use crate::{http::pattern::POLLS, poll::PollId};

/// An id in the request's path. A malformed one names nothing, so it is `not-found`.
pub(in crate::http) fn id_in_path<T: FromStr>(
    req: &HttpRequest,
    name: &str,
    missing: fn() -> Problem,
) -> Result<T, Problem> {
    req.match_info().get(name).and_then(|text| text.parse().ok()).ok_or_else(missing)
}

/// The poll named in the path.
pub(in crate::http) fn poll_in_path(req: &HttpRequest) -> Result<PollId, Problem> {
    match req.match_info().as_str().strip_prefix(POLLS) {
        Some(rest) => poll_segment(rest).and_then(|text| text.parse().ok()).ok_or_else(Problem::no_poll),
        None => id_in_path(req, "poll", Problem::no_poll),
    }
}

/// The poll's id in what follows [`POLLS`]: `ID` in `/ID/votes`.
fn poll_segment(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix('/')?;
    // Nearly always it is an id, whose end is known. To search for it would cost as much as to read it, and twice.
    let end = match rest.as_bytes().get(PollId::LENGTH) {
        Some(b'/') => PollId::LENGTH,
        Some(_) | None => rest.find('/').unwrap_or(rest.len()),
    };
    rest.get(..end).filter(|segment| !segment.is_empty())
}

/// The layer around the routes of one poll: it takes the poll's id off the path, so the router finds the route by
/// comparing text. A pattern with a name in it would be a regular expression, and cost a tenth of a vote.
pub(in crate::http) struct PastPoll;

impl<S, B> Transform<S, ServiceRequest> for PastPoll
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = RoutesOfPoll<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RoutesOfPoll { service }))
    }
}

/// The routes inside the layer.
pub(in crate::http) struct RoutesOfPoll<S> {
    service: S,
}

impl<S, B> Service<ServiceRequest> for RoutesOfPoll<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, mut req: ServiceRequest) -> Self::Future {
        let past = poll_segment(req.match_info().unprocessed()).and_then(|poll| u16::try_from(poll.len() + 1).ok());
        if let Some(past) = past {
            req.match_info_mut().skip(past);
        }
        self.service.call(req)
    }
}
