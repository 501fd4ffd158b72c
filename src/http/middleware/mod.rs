//! What every request passes before a handler sees it, and what every answer passes after.
//!
//! [`observe`] is the outermost layer: the request's id, the fixed headers, the log line. Within it come [`cors`] and
//! [`limits`], around each route. [`notes`] carries what they and the handlers record about a request.

pub mod connections;
pub(super) mod cors;
pub(super) mod limits;
mod mount;
pub(super) mod notes;
pub(super) mod observe;
pub mod request_log;
pub mod unparsed;
