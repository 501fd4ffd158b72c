//! The service under a path of a host that is not its own, as in `https://news.example/polls`.
//!
//! A proxy in front may strip that path or keep it. Here it is taken off if it is there, before a request is routed, so
//! that whatever comes after knows the service's own paths alone: routes, logs, metrics and handlers. What they print
//! begins with [`ReplicaState::base_path`](crate::http::ReplicaState::base_path).

use actix_web::{
    dev::ServiceRequest,
    http::{Uri, uri::PathAndQuery},
};

use crate::site::below;

/// Takes the base path off a request's path, if that begins with it. A request without it is left alone.
pub(super) fn strip(req: &mut ServiceRequest, base: &str) {
    if base.is_empty() {
        return;
    }
    let rest = below(base, req.uri().path()).filter(|rest| !is_own(base, rest));
    let Some(uri) = rest.and_then(|rest| with_path(req.uri(), rest)) else { return };
    req.match_info_mut().get_mut().update(&uri);
    req.head_mut().uri = uri;
}

/// Whether a path that begins with this base path is a route as it is: that of a picture, `/polls/{poll}/card.png`,
/// where the service is mounted under `/polls` by a proxy that has stripped the path. What would be left is no route.
fn is_own(base: &str, rest: &str) -> bool {
    let poll = rest.strip_suffix("/card.png").and_then(|poll| poll.strip_prefix('/'));
    base == "/polls" && poll.is_some_and(|poll| !poll.contains('/'))
}

/// The same address with another path.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path = if path.is_empty() { "/" } else { path };
    let there = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(there.ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::test::TestRequest;

    use super::*;
    use crate::{
        http::{demo_routes, newsroom, routes},
        site::OWN_NAMES,
    };

    #[test]
    fn no_route_can_be_taken_for_a_path_that_the_service_is_mounted_under() {
        let routes: Vec<_> = routes().into_iter().chain(demo_routes()).chain(newsroom::routes()).collect();
        let names = routes.iter().filter_map(|route| route.pattern.path.split('/').nth(1));
        let mut names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
        // The one route there is told from a path that is left: see the next test.
        assert!(names.remove("polls"));
        assert_eq!(names, BTreeSet::from(OWN_NAMES));
        let of_polls = routes.iter().filter(|route| route.pattern.path.starts_with("/polls/"));
        assert_eq!(of_polls.map(|route| route.pattern.path).collect::<Vec<_>>(), ["/polls/{poll}/card.png"]);
    }

    #[test]
    fn the_base_path_is_taken_off_once_and_only_at_a_slash() {
        let stripped = |base: &str, asked: &str| {
            let mut req = TestRequest::with_uri(asked).to_srv_request();
            strip(&mut req, base);
            assert_eq!(req.path(), req.uri().path(), "the router sees the same");
            req.uri().to_string()
        };
        for (asked, left) in [
            ("/polls/v1/polls?site=default&x=%2F", "/v1/polls?site=default&x=%2F"),
            ("/polls", "/"),
            ("/polls?x", "/?x"),
            ("/polls/", "/"),
            ("/polls//embed", "//embed"),
            ("/polls/polls/v1", "/polls/v1"),
            ("/polls/ID/card.png?v=1", "/polls/ID/card.png?v=1"),
            ("/polls/polls/ID/card.png", "/polls/ID/card.png"),
            ("/polls/embed/ID/card.png", "/embed/ID/card.png"),
            ("/polls/card.png", "/card.png"),
            ("/pollsters/v1", "/pollsters/v1"),
            ("/v1/polls", "/v1/polls"),
            ("/", "/"),
            ("http://news.example/polls/v1", "http://news.example/v1"),
        ] {
            assert_eq!(stripped("/polls", asked), left, "{asked}");
        }
        assert_eq!(stripped("", "/polls/v1"), "/polls/v1");
        assert_eq!(stripped("/a/b", "/a/b/v1"), "/v1");
        assert_eq!(stripped("/a/b", "/a/v1"), "/a/v1");
    }
}
