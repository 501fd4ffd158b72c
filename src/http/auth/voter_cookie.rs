//! The cookie that a reader's voter token is kept in.
//!
//! It is one for each base address. At the root of a host its name begins with `__Host-`: browsers insist on `Secure`,
//! `Path=/` and no `Domain`, so no neighbouring host can plant one (RFC 6265bis, section 4.1.3.2). Under a path it
//! begins with `__Secure-`, and goes on with the path: a browser also sends the cookies of every path above, and those
//! are another service's. On plain HTTP, which only the reader's own host is trusted with, it has no prefix: Safari
//! keeps no `Secure` cookie there.

use actix_web::http::header::HeaderMap;

use crate::{http::message::header_text::cookies, site::BaseAddress, voter::LIFETIME_SECS};

const NAME: &str = "sawt_voter";

/// At the root of a host. What a service without TLS once set there is read on.
const ROOT_NAME: &str = "__Host-sawt_voter";

/// How the voter's cookie is named and kept.
#[derive(Debug)]
pub struct VoterCookie {
    name: String,
    /// A name of before that is read, too.
    old_name: Option<&'static str>,
    attributes: String,
}

impl VoterCookie {
    /// That of a service which readers reach there; `None`: at the root of a host, by TLS.
    pub fn of(public_url: Option<&BaseAddress>) -> Self {
        let path = public_url.map_or("", BaseAddress::path);
        let is_plain = public_url.is_some_and(BaseAddress::is_plain_loopback);
        let prefix = match (is_plain, path) {
            (true, _) => "",
            (false, "") => "__Host-",
            (false, _) => "__Secure-",
        };
        // For a frame on another site: `SameSite=None`, and `Partitioned` so that browsers which block third-party
        // cookies keep it, once per embedding site. Both need `Secure`.
        let scope = if is_plain { "HttpOnly; SameSite=Lax" } else { "Secure; HttpOnly; SameSite=None; Partitioned" };
        let scope_path = if path.is_empty() { "/" } else { path };
        Self {
            // No path has a plus, so no two have one name.
            name: format!("{prefix}{NAME}{}", path.replace('/', "+")),
            old_name: (is_plain && path.is_empty()).then_some(ROOT_NAME),
            attributes: format!("Path={scope_path}; {scope}; Max-Age={LIFETIME_SECS}"),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What sets it to a token, as the value of `Set-Cookie`.
    pub(in crate::http) fn set(&self, token: &str) -> String {
        format!("{}={token}; {}", self.name, self.attributes)
    }

    /// Every token that a request's cookies show: a browser may hold one for all sites and a partitioned one besides.
    pub(in crate::http) fn tokens<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        cookies(headers).filter(|(name, _)| *name == self.name || Some(*name) == self.old_name).map(|(_, token)| token)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{self, HeaderValue};

    use super::*;

    fn of(public_url: Option<&str>) -> VoterCookie {
        VoterCookie::of(public_url.map(|url| url.parse().unwrap()).as_ref())
    }

    #[test]
    fn the_cookie_works_in_a_frame_and_lives_as_long_as_the_token() {
        let whole = "Secure; HttpOnly; SameSite=None; Partitioned; Max-Age=34560000";
        let plain = "HttpOnly; SameSite=Lax; Max-Age=34560000";
        for (public_url, set) in [
            (None, format!("__Host-sawt_voter=TOKEN; Path=/; {whole}")),
            (Some("https://votes.example"), format!("__Host-sawt_voter=TOKEN; Path=/; {whole}")),
            (Some("http://votes.example"), format!("__Host-sawt_voter=TOKEN; Path=/; {whole}")),
            (Some("https://localhost:8443"), format!("__Host-sawt_voter=TOKEN; Path=/; {whole}")),
            (Some("https://news.example/polls"), format!("__Secure-sawt_voter+polls=TOKEN; Path=/polls; {whole}")),
            (Some("https://news.example/a/b"), format!("__Secure-sawt_voter+a+b=TOKEN; Path=/a/b; {whole}")),
            (Some("http://localhost:8080"), format!("sawt_voter=TOKEN; Path=/; {plain}")),
            (Some("http://[::1]:8080/polls"), format!("sawt_voter+polls=TOKEN; Path=/polls; {plain}")),
        ] {
            assert_eq!(of(public_url).set("TOKEN"), set, "{public_url:?}");
        }
    }

    #[test]
    fn every_voter_cookie_of_this_address_is_read_and_none_of_another() {
        let lines = [
            "a=1; __Host-sawt_voter=host; __Host-sawt_voters=no; sawt_voter=plain; sawt_voter+polls=plain-path",
            "__Secure-sawt_voter+polls=path;x__Host-sawt_voter=no; __Secure-sawt_voter+polls+x=below; sawt_voter",
            "__Host-sawt_voter=other; __Secure-sawt_voter=no; __Secure-sawt_voter+pollsters=no",
        ];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        for (public_url, tokens) in [
            (None, &["host", "other"][..]),
            (Some("https://votes.example"), &["host", "other"]),
            (Some("https://news.example/polls"), &["path"]),
            (Some("https://news.example/polls/x"), &["below"]),
            (Some("https://news.example/other"), &[]),
            (Some("http://localhost:8080/polls"), &["plain-path"]),
            // Kept by browsers that take a `Secure` cookie from the reader's own host.
            (Some("http://localhost:8080"), &["host", "plain", "other"]),
        ] {
            assert_eq!(of(public_url).tokens(&headers).collect::<Vec<_>>(), tokens, "{public_url:?}");
        }
    }
}
