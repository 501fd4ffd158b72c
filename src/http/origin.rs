//! Which pages may vote in a site's polls.
//!
//! A browser says in `Origin` which page a vote comes from, and no page can lie about it. Programs can, but they can
//! only vote as voters they hold tokens of, so this is about pages alone: that no strange one votes with the cookie of
//! a reader who happens to pass by.
//!
//! - A site's listed origins, or any if it lists none, and this service's own pages: always.
//! - `Origin: null`, a sandboxed frame: only with a token the page holds itself, never with a cookie.
//! - No `Origin`: a program, with a token it holds; with a cookie only if `Sec-Fetch-Site` does not say that the
//!   request comes from elsewhere.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{
    auth::Carrier,
    problem::{Code, Problem},
};
use crate::site::Site;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks where a vote comes from.
///
/// # Errors
/// `origin-refused`.
pub(super) fn check(
    headers: &HeaderMap,
    site: &Site,
    public_url: Option<&str>,
    carrier: Carrier,
) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(Code::OriginRefused, detail));
    let Some(origin) = headers.get(header::ORIGIN) else {
        let from = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        return match (carrier, from) {
            (Carrier::Header, _) | (Carrier::Cookie, None | Some(b"same-origin" | b"none")) => Ok(()),
            (Carrier::Cookie, Some(_)) => {
                refused("a page of another site may not vote with the reader's cookie without saying its Origin")
            }
        };
    };
    match origin.to_str() {
        Ok("null") if carrier == Carrier::Header => Ok(()),
        Ok("null") => {
            refused("a page without an origin must send the voter token itself, as Authorization: Voter TOKEN")
        }
        Ok(origin) if site.admits(origin) || public_url.is_some_and(|url| origin_of(url) == origin) => Ok(()),
        Ok(_) | Err(_) => refused("the poll's site does not list the origin of this page"),
    }
}

/// Scheme, host and port of an address.
fn origin_of(url: &str) -> &str {
    let Some((scheme, rest)) = url.split_once("://") else { return url };
    let length = scheme.len() + "://".len() + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..length).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{SiteId, Timestamp};

    fn may_vote(origins: &[&str], sent: &[(HeaderName, &'static str)], carrier: Carrier) -> bool {
        let site = Site {
            id: SiteId::default(),
            origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
            created_at: Timestamp::EARLIEST,
            updated_at: Timestamp::EARLIEST,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.insert(name.clone(), HeaderValue::from_static(value));
        }
        check(&headers, &site, Some("https://sawt.example/polls"), carrier).is_ok()
    }

    #[test]
    fn a_site_that_lists_origins_is_voted_from_those_and_from_our_own_pages() {
        let listed = ["https://news.example"];
        let from = |origin| [(header::ORIGIN, origin)];
        for carrier in [Carrier::Header, Carrier::Cookie] {
            assert!(may_vote(&listed, &from("https://news.example"), carrier));
            assert!(may_vote(&listed, &from("https://sawt.example"), carrier));
            for strange in ["https://evil.example", "http://news.example", "https://news.example.evil.example", ""] {
                assert!(!may_vote(&listed, &from(strange), carrier), "{strange}");
                assert!(may_vote(&[], &from(strange), carrier), "{strange}");
            }
        }
    }

    #[test]
    fn a_frame_without_an_origin_votes_by_token_and_never_by_cookie() {
        let listed: [&[&str]; 2] = [&[], &["https://news.example"]];
        for listed in listed {
            assert!(may_vote(listed, &[(header::ORIGIN, "null")], Carrier::Header));
            assert!(!may_vote(listed, &[(header::ORIGIN, "null")], Carrier::Cookie));
        }
    }

    #[test]
    fn a_request_without_origin_votes_by_cookie_only_from_our_own_pages() {
        let listed = ["https://news.example"];
        assert!(may_vote(&listed, &[], Carrier::Header));
        assert!(may_vote(&listed, &[], Carrier::Cookie));
        for (from, by_cookie) in [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)] {
            assert!(may_vote(&listed, &[(SEC_FETCH_SITE, from)], Carrier::Header), "{from}");
            assert_eq!(may_vote(&listed, &[(SEC_FETCH_SITE, from)], Carrier::Cookie), by_cookie, "{from}");
        }
    }

    #[test]
    fn an_addresss_origin_ends_before_its_path() {
        for url in ["https://sawt.example", "https://sawt.example/", "https://sawt.example/a/b?c"] {
            assert_eq!(origin_of(url), "https://sawt.example");
        }
        assert_eq!(origin_of("http://[::1]:8080/x"), "http://[::1]:8080");
    }
}
