//! Which pages may vote in a site's polls.
//!
//! A browser names the page of a vote in `Origin`, and no page can forge it. Programs can, but they can only vote as
//! voters whose tokens they hold. So this is about pages alone: no foreign page may vote with the cookie of a reader
//! who visits it.
//!
//! - An origin that the site lists, and this service's own: by token or by cookie. Its own origin is that of
//!   `SAWT_PUBLIC_URL`, or else of the host the request was sent to. (Programs can forge `Host` and `Origin`; a browser
//!   forges neither.)
//! - Any origin, if the site lists none; and `Origin: null`, a sandboxed frame: only with a token that the page holds.
//!   The browser sends the cookie for any page, so the cookie counts only if the site has listed the page's origin.
//! - No `Origin`: a program, with a token that it holds; with a cookie only if `Sec-Fetch-Site` does not name another
//!   site.
//!
//! A body of `text/plain` is sent without a preflight, so the browser has checked nothing. It needs an `Origin`: one
//! that the site lists, or this service's own. Any origin where the site lists none, and `null` everywhere, is accepted
//! only from a script that reads the answer (`Sec-Fetch-Mode: cors`, or a browser that does not send that header): a
//! page that the reader never sees can send a form, or use a script that reads no answer. A view ([`check_view`]) is
//! taken from that too.

use actix_web::{
    HttpRequest,
    http::{
        Uri,
        header::{self, HeaderMap, HeaderName, HeaderValue},
        uri::Authority,
    },
};

use super::Carrier;
use crate::{
    http::{
        Worker,
        message::{
            body::BodyType,
            problem::{Code, Problem},
        },
    },
    site::{BaseAddress, Site},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What a request says about the page that sent it, for one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum CallingPage {
    /// The site lists its origin, or it is this service's own.
    Listed,
    /// The site lists no origins, and the page has one.
    Welcome,
    /// A page without an origin.
    Opaque,
    /// The site lists origins, and not this one.
    Strange,
    /// No header names a page: most likely a program.
    Unsaid,
}

/// Which page sent a request.
pub(in crate::http) fn page(req: &HttpRequest, site: &Site, public_url: Option<&BaseAddress>) -> CallingPage {
    let Some(origin) = req.headers().get(header::ORIGIN) else { return CallingPage::Unsaid };
    match origin.to_str() {
        Ok("null") => CallingPage::Opaque,
        Ok(origin) if site.lists(origin) || is_own(req, public_url, origin) => CallingPage::Listed,
        Ok(_) if site.settings.origins.is_empty() => CallingPage::Welcome,
        Ok(_) | Err(_) => CallingPage::Strange,
    }
}

/// Checks where a vote comes from.
///
/// # Errors
/// `origin-refused`.
pub(in crate::http) fn check(
    req: &HttpRequest,
    site: &Site,
    public_url: Option<&BaseAddress>,
    carrier: Carrier,
) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(Code::OriginRefused, detail));
    match (page(req, site, public_url), carrier) {
        (CallingPage::Listed, _)
        | (CallingPage::Welcome | CallingPage::Opaque | CallingPage::Unsaid, Carrier::Header) => Ok(()),
        (CallingPage::Unsaid, Carrier::Cookie) => match req.headers().get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            None | Some(b"same-origin" | b"none") => Ok(()),
            Some(_) => {
                refused("a page of another site may not vote with the reader's cookie without saying its Origin")
            }
        },
        (CallingPage::Welcome | CallingPage::Opaque, Carrier::TextBody) => match req.headers().get(SEC_FETCH_MODE) {
            Some(mode) if mode != "cors" => refused("a form, or a script that reads no answer, may not vote"),
            Some(_) | None => Ok(()),
        },
        (CallingPage::Unsaid, Carrier::TextBody) => {
            refused("a body of text/plain needs an Origin header, as browsers send it; programs send application/json")
        }
        (CallingPage::Welcome, Carrier::Cookie) => refused(
            "the poll's site lists no origins, so a page must send the voter token itself, as Authorization: Voter TOKEN",
        ),
        (CallingPage::Opaque, Carrier::Cookie) => {
            refused("a page without an origin must send the voter token itself, as Authorization: Voter TOKEN")
        }
        (CallingPage::Strange, _) => refused("the poll's site does not list the origin of this page"),
    }
}

/// Checks where a view comes from. It holds nothing that a foreign page could take from its reader, so whoever may show
/// a poll may say that it was seen, also by `sendBeacon`, which reads no answer.
///
/// # Errors
/// `origin-refused`.
pub(in crate::http) fn check_view(
    req: &HttpRequest,
    site: &Site,
    public_url: Option<&BaseAddress>,
    body_type: BodyType,
) -> Result<(), Problem> {
    match (page(req, site, public_url), body_type) {
        (CallingPage::Strange, _) => {
            Err(Problem::new(Code::OriginRefused, "the site does not list the origin of this page"))
        }
        (CallingPage::Unsaid, BodyType::Text) => {
            let detail =
                "a body of text/plain needs an Origin header, as browsers send it; programs send application/json";
            Err(Problem::new(Code::OriginRefused, detail))
        }
        (CallingPage::Listed | CallingPage::Welcome | CallingPage::Opaque | CallingPage::Unsaid, _) => Ok(()),
    }
}

/// Whether this is the origin of this service's own pages. Without a public address the scheme is not compared: behind
/// a proxy that ends TLS it is unknown.
pub(in crate::http) fn is_own(req: &HttpRequest, public_url: Option<&BaseAddress>, origin: &str) -> bool {
    if let Some(base) = public_url {
        return base.origin() == origin;
    }
    host(req).is_some_and(|host| is_at(host, origin))
}

/// Whether a host is that of an origin.
pub(in crate::http) fn is_at(host: &str, origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    // Some proxies write the port that browsers leave out.
    let usual_port = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(usual_port).unwrap_or(host).eq_ignore_ascii_case(authority)
}

/// The host a request was sent to, as it says.
pub(in crate::http) fn host(req: &HttpRequest) -> Option<&str> {
    host_in(req.headers(), req.uri())
}

/// The same, of a request of which these are known.
pub(in crate::http) fn host_in<'a>(headers: &'a HeaderMap, target: &'a Uri) -> Option<&'a str> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // A request may name it in its target only.
    host.or_else(|| target.authority().map(Authority::as_str))
}

/// Whether a request comes from a page without an origin. A policy makes `Origin` `null` also on our own.
pub(in crate::http) fn is_opaque(req: &HttpRequest) -> bool {
    let headers = req.headers();
    headers.get(header::ORIGIN).is_some_and(|origin| origin == "null")
        && headers.get(SEC_FETCH_SITE).is_none_or(|from| from != "same-origin")
}

/// Whether a request comes from a page of this service itself, by all that a browser sends. `Sec-Fetch-Site` alone
/// decides, either way: no page can set it, and it is right even where a frame's sandbox or a policy makes `Origin`
/// `null`. Browsers that don't send it send `Origin`, and the oldest only `Referer`. A request without any of them
/// proves nothing.
pub(in crate::http) fn is_same_origin(req: &HttpRequest, public_url: Option<&BaseAddress>) -> bool {
    let headers = req.headers();
    if let Some(from) = headers.get(SEC_FETCH_SITE) {
        return from == "same-origin";
    }
    let is_ours = |value: &HeaderValue| value.to_str().is_ok_and(|url| is_own(req, public_url, origin_of(url)));
    headers.get(header::ORIGIN).or_else(|| headers.get(header::REFERER)).is_some_and(is_ours)
}

/// Scheme, host and port of an address.
pub(super) fn origin_of(url: &str) -> &str {
    let Some((scheme, rest)) = url.split_once("://") else { return url };
    let length = scheme.len() + "://".len() + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..length).unwrap_or(url)
}

/// Where readers find the service. Where no setting says it, it is the address that the editor has reached it by: no
/// cache keeps their page.
pub(in crate::http) fn public_base(req: &HttpRequest, worker: &Worker) -> Option<BaseAddress> {
    let reached = || {
        let host = host(req)?;
        let plain = format!("http://{host}").parse::<BaseAddress>().ok();
        plain.filter(BaseAddress::is_plain_loopback).or_else(|| format!("https://{host}").parse().ok())
    };
    worker.shared.public_url.clone().or_else(reached)
}

/// The same as text; nothing, where nobody knows it.
pub(in crate::http) fn public_address(req: &HttpRequest, worker: &Worker) -> String {
    public_base(req, worker).map(|base| base.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::{
        poll::{SiteId, Timestamp},
        site::SiteSettings,
    };

    fn may_vote_at(public_url: Option<&str>, origins: &[&str], sent: &[(HeaderName, &str)], carrier: Carrier) -> bool {
        let site = Site {
            id: SiteId::default(),
            settings: SiteSettings {
                origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
                ..SiteSettings::default()
            },
            created_at: Timestamp::EARLIEST,
            updated_at: Timestamp::EARLIEST,
        };
        let mut req = TestRequest::default();
        for header in sent {
            req = req.insert_header(header.clone());
        }
        let public_url = public_url.map(|url| url.parse().unwrap());
        check(&req.to_http_request(), &site, public_url.as_ref(), carrier).is_ok()
    }

    fn may_vote(origins: &[&str], sent: &[(HeaderName, &str)], carrier: Carrier) -> bool {
        may_vote_at(Some("https://sawt.example/polls"), origins, sent, carrier)
    }

    #[test]
    fn without_a_public_address_our_own_pages_are_those_of_the_host_asked() {
        let listed = ["https://news.example"];
        let sent = |origin, host| [(header::ORIGIN, origin), (header::HOST, host)];
        for (origin, host, is_own) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("https://sawt.example", "sawt.example", true),
            ("https://sawt.example", "sawt.example:443", true),
            ("http://sawt.example", "SAWT.example:80", true),
            ("http://[::1]", "[::1]:80", true),
            ("https://sawt.example", "sawt.example:80", false),
            ("https://sawt.example:444", "sawt.example", false),
            ("https://evil.example", "sawt.example", false),
            ("", "", false),
        ] {
            assert_eq!(may_vote_at(None, &listed, &sent(origin, host), Carrier::Cookie), is_own, "{origin} at {host}");
        }
        let forged = sent("https://evil.example", "evil.example");
        assert!(!may_vote(&listed, &forged, Carrier::Cookie), "a public address, once set, is the only one");
    }

    #[test]
    fn a_cookie_votes_from_listed_pages_and_our_own_and_a_token_where_none_are_listed() {
        let listed = ["https://news.example"];
        let from = |origin| [(header::ORIGIN, origin)];
        for carrier in [Carrier::Header, Carrier::Cookie] {
            assert!(may_vote(&listed, &from("https://news.example"), carrier));
            assert!(may_vote(&listed, &from("https://sawt.example"), carrier));
            for strange in ["https://evil.example", "http://news.example", "https://news.example.evil.example", ""] {
                assert!(!may_vote(&listed, &from(strange), carrier), "{strange}");
                let is_token = carrier == Carrier::Header;
                assert_eq!(may_vote(&[], &from(strange), carrier), is_token, "{strange}");
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
    fn a_text_body_comes_from_listed_pages_and_otherwise_only_from_a_script_that_waits_for_the_answer() {
        let listed: &[&str] = &["https://news.example"];
        let text = |listed: &[&str], sent: &[(HeaderName, &str)]| may_vote(listed, sent, Carrier::TextBody);
        for mode in [None, Some("cors"), Some("no-cors"), Some("navigate")] {
            let from = |origin: &'static str| {
                let mode = mode.map(|mode| (SEC_FETCH_MODE, mode));
                [Some((header::ORIGIN, origin)), mode].into_iter().flatten().collect::<Vec<_>>()
            };
            let waits = matches!(mode, None | Some("cors"));
            assert!(text(listed, &from("https://news.example")), "{mode:?}");
            assert!(text(listed, &from("https://sawt.example")), "{mode:?}");
            assert!(!text(listed, &from("https://evil.example")), "{mode:?}");
            assert_eq!(text(&[], &from("https://evil.example")), waits, "{mode:?}");
            assert_eq!(text(listed, &from("null")), waits, "{mode:?}");
            assert_eq!(text(&[], &from("null")), waits, "{mode:?}");
        }
        assert!(!text(&[], &[]), "a form of an old browser");
    }

    #[test]
    fn a_form_is_our_own_only_if_the_browser_says_so() {
        const OWN: &str = "https://sawt.example";
        let base = OWN.parse().unwrap();
        for (sent, is_own) in [
            (&[(header::ORIGIN, OWN), (SEC_FETCH_SITE, "same-origin")][..], true),
            (&[(header::ORIGIN, OWN)], true),
            (&[(SEC_FETCH_SITE, "same-origin")], true),
            (&[], false),
            (&[(SEC_FETCH_SITE, "none")], false),
            (&[(header::ORIGIN, "null")], false),
            (&[(header::ORIGIN, "null"), (SEC_FETCH_SITE, "cross-site")], false),
            (&[(header::ORIGIN, "null"), (SEC_FETCH_SITE, "same-origin")], true),
            (&[(header::ORIGIN, "https://evil.example")], false),
            (&[(header::ORIGIN, OWN), (SEC_FETCH_SITE, "same-site")], false),
            (&[(header::ORIGIN, OWN), (SEC_FETCH_SITE, "")], false),
            (&[(header::REFERER, "https://sawt.example/embed/x/form?lang=ar")], true),
            (&[(header::REFERER, OWN)], true),
            (&[(header::REFERER, "https://sawt.example.evil.example/")], false),
            (&[(header::REFERER, "https://evil.example/https://sawt.example/")], false),
            (&[(header::REFERER, "https://sawt.example@evil.example/")], false),
            (&[(header::REFERER, "https://sawt.example/"), (header::ORIGIN, "null")], false),
            (&[(header::REFERER, "https://sawt.example/"), (SEC_FETCH_SITE, "cross-site")], false),
        ] {
            let req = sent.iter().fold(TestRequest::default(), |req, header| req.insert_header(header.clone()));
            assert_eq!(is_same_origin(&req.to_http_request(), Some(&base)), is_own, "{sent:?}");
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
