//! Ids in a request's path.

use std::str::FromStr;

use actix_web::HttpRequest;

use super::problem::Problem;
use crate::poll::PollId;

/// An id in the request's path. One that is malformed names nothing, so it is `not-found`.
pub(super) fn id_in_path<T: FromStr>(req: &HttpRequest, name: &str, missing: fn() -> Problem) -> Result<T, Problem> {
    req.match_info().get(name).and_then(|text| text.parse().ok()).ok_or_else(missing)
}

/// The poll named in the path.
pub(super) fn poll_in_path(req: &HttpRequest) -> Result<PollId, Problem> {
    id_in_path(req, "poll", Problem::no_poll)
}
