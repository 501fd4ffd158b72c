//! What a request says about a vote, beside the ballot. [`Integrity`](crate::integrity::Integrity) makes a label of it.

use std::fmt;

use actix_web::{HttpRequest, http::header};
use serde::{Deserialize, Deserializer, de};

use crate::{
    http::{Worker, auth::origin, middleware::notes},
    integrity::Evidence,
    live::PollWithSite,
    voter::FirstMade,
    wire::Mark,
};

/// How the name of a browser begins, in all of them. Those of Opera Mini's servers are the exception.
const BROWSERS: [&[u8]; 2] = [b"Mozilla/", b"Opera/"];

/// What there is to see of a vote in a poll: by its voter's token, if it has one, and the mark that it brings.
pub(in crate::http) fn gather(
    req: &HttpRequest,
    worker: &Worker,
    known: &PollWithSite,
    first_made: Option<FirstMade>,
    ShownMark(mark): ShownMark,
) -> Evidence {
    let shared = &worker.shared;
    let age = |mark| shared.position_keys.mark_age_millis(known.poll.id, mark, shared.clock.now());
    Evidence {
        mark_age_millis: mark.and_then(age),
        is_foreign_token: first_made.is_some_and(|first_made| first_made.is_for_another_than(known.site_digest)),
        is_opaque_origin: origin::is_opaque(req),
        is_unlike_a_browser: is_unlike_a_browser(req),
        client: notes::client(req, &shared.client_rule),
    }
}

/// Whether a request names the page that it comes from, as browsers do, and lacks what all of them send. A program that
/// names no page claims nothing.
fn is_unlike_a_browser(req: &HttpRequest) -> bool {
    let headers = req.headers();
    if !headers.contains_key(header::ORIGIN) {
        return false;
    }
    let agent = headers.get(header::USER_AGENT).map_or(&[][..], |agent| agent.as_bytes());
    !(BROWSERS.iter().any(|name| agent.starts_with(name)) && headers.contains_key(header::ACCEPT_LANGUAGE))
}

/// The mark that a vote brings, if it brings one in a mark's form. Whatever else stands there is none, and is not
/// refused.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::http) struct ShownMark(Option<Mark>);

impl ShownMark {
    /// Reads one.
    pub(in crate::http) fn read(text: &str) -> Self {
        Self(text.parse().ok())
    }
}

impl<'de> Deserialize<'de> for ShownMark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MarkVisitor;

        impl de::Visitor<'_> for MarkVisitor {
            type Value = ShownMark;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mark")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(ShownMark::read(text))
            }
        }

        deserializer.deserialize_str(MarkVisitor)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn who_names_a_page_must_look_like_a_browser_and_who_names_none_need_not() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
        let is_unlike = |origin: Option<&str>, agent: Option<&str>, language: Option<&str>| {
            let sent = [(header::ORIGIN, origin), (header::USER_AGENT, agent), (header::ACCEPT_LANGUAGE, language)];
            let given = sent.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let req = given.fold(TestRequest::default(), TestRequest::insert_header);
            is_unlike_a_browser(&req.to_http_request())
        };
        let page = Some("https://news.example");
        for (origin, agent, language, expected) in [
            (page, Some(firefox), Some("ar"), false),
            (page, Some("Opera/9.80 (Android; Opera Mini/36)"), Some("ar"), false),
            (page, Some(firefox), None, true),
            (page, Some("curl/8.5.0"), Some("ar"), true),
            (page, None, None, true),
            (None, None, None, false),
            (None, Some("python-requests/2.32"), None, false),
        ] {
            assert_eq!(is_unlike(origin, agent, language), expected, "{origin:?} {agent:?} {language:?}");
        }
    }
}
