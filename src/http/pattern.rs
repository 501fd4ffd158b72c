//! The route that a request came by, as layers and logs know it.

use actix_web::http::Method;

/// The path of all polls.
pub(super) const POLLS: &str = "/v1/polls";
/// The path of one poll, which its own routes begin with.
pub(super) const POLL: &str = "/v1/polls/{poll}";

/// Which pages of other origins may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    /// None.
    Programs,
    /// Any, without cookies.
    AnyPage,
    /// Those that the poll's site lists, with cookies too.
    Listed,
}

/// The route that a request came by. Logs and metrics name its path in place of the request's.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) path: &'static str,
    pub(super) callers: Callers,
    /// The methods that pages of other origins may use.
    pub(super) page_methods: Vec<&'static str>,
    /// Whether answers are for people: refusals too are pages then.
    pub(super) is_page: bool,
    /// Whether these people are editors.
    pub(super) is_newsroom: bool,
    /// Whether monitoring asks this every second.
    pub(super) is_probe: bool,
}

impl Pattern {
    pub(super) fn is_of_poll(&self) -> bool {
        self.path.starts_with(POLL)
    }

    /// Whether pages of other origins may use a method here, or send a preflight for it.
    pub(super) fn is_for_pages(&self, method: &Method) -> bool {
        !self.page_methods.is_empty() && (*method == Method::OPTIONS || self.page_methods.contains(&method.as_str()))
    }
}
