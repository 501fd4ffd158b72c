//! Where readers reach the service: an origin, and perhaps a path on a host that is somebody else's.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use super::{Origin, origin};

/// The address that every address of the service begins with: an origin, and a path that is empty or like `/polls`. It
/// never ends in a slash.
///
/// A path is made of letters, digits and `-`, `.`, `_`, `~` between its slashes. Other characters are written in more
/// than one way (`%C3%A9`, `é`), and browsers, proxies and caches don't agree which ways are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseAddress {
    text: String,
    origin: Origin,
    path: String,
}

/// The first names in the paths of the service's own routes. A path that begins with one of them could not be told from
/// the route, where a proxy may strip the path or keep it.
pub const OWN_NAMES: [&str; 11] = [
    "newsroom",
    "v1",
    "embed",
    "embed.js",
    "oembed",
    "livez",
    "readyz",
    "openapi.yaml",
    "openapi.json",
    "docs",
    "demo",
];

const MAX_PATH: usize = 200;

const RULE: &str = "must be an address like https://votes.example or https://news.example/polls";

impl BaseAddress {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, as browsers send them in `Origin`.
    pub fn origin(&self) -> &str {
        self.origin.as_str()
    }

    /// What follows the origin: empty, or like `/polls`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether readers come by TLS.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Whether readers are on the service's own host and come without TLS.
    pub fn is_plain_loopback(&self) -> bool {
        let Some(authority) = self.origin().strip_prefix("http://") else { return false };
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            Some(_) | None => authority,
        };
        host == "localhost"
            || host.ends_with(".localhost")
            || host == "[::1]"
            || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
    }
}

/// What follows a base path in a path, if that lies under it: empty, or from a slash on.
pub fn below<'a>(base: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl FromStr for BaseAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or(RULE)?;
        if rest.contains('#') {
            return Err("must be without a fragment (#)");
        }
        if rest.contains('?') {
            return Err("must be without a query (?)");
        }
        let (authority, path) = rest.find('/').and_then(|slash| rest.split_at_checked(slash)).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err("must be without a user name and password");
        }
        let origin = format!("{scheme}://{authority}").parse().map_err(|rule| match rule {
            origin::RULE => RULE,
            exact => exact,
        })?;
        check_path(path)?;
        Ok(Self { text: text.to_owned(), origin, path: path.to_owned() })
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let Some(names) = path.strip_prefix('/') else { return Ok(()) };
    if path.ends_with('/') {
        return Err("must be without a slash at its end");
    }
    if path.to_ascii_lowercase().contains("%2f") {
        return Err("must be without an encoded slash (%2F)");
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
    if !path.bytes().all(is_plain) {
        return Err("must have only letters a to z, digits and - . _ ~ between the slashes of its path");
    }
    if names.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err("must be without empty names, . and .. between the slashes of its path");
    }
    if path.len() > MAX_PATH {
        return Err("must have a path of at most 200 characters");
    }
    if names.split('/').next().is_some_and(|first| OWN_NAMES.contains(&first)) {
        return Err("must not have a path that begins with a name of the service's own, like v1, embed or docs");
    }
    Ok(())
}

impl fmt::Display for BaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_is_an_origin_and_a_path_that_may_be_empty() {
        for (text, origin, path) in [
            ("https://votes.example", "https://votes.example", ""),
            ("https://news.example/polls", "https://news.example", "/polls"),
            ("http://localhost:8080/a/b", "http://localhost:8080", "/a/b"),
            ("http://[::1]:8080/Polls-1.0_~", "http://[::1]:8080", "/Polls-1.0_~"),
            ("https://news.example/live/v1", "https://news.example", "/live/v1"),
        ] {
            let base: BaseAddress = text.parse().unwrap();
            assert_eq!((base.as_str(), base.origin(), base.path()), (text, origin, path));
        }
    }

    #[test]
    fn a_base_address_that_browsers_or_proxies_would_change_is_refused_with_the_reason() {
        for (text, reason) in [
            ("votes.example", "like https://"),
            ("ftp://votes.example", "like https://"),
            ("https://", "like https://"),
            ("https://Votes.example", "like https://"),
            ("https:///polls", "like https://"),
            ("https://votes.example:443", "port"),
            ("https://votes.example/", "slash at its end"),
            ("https://news.example/polls/", "slash at its end"),
            ("https://news.example/polls?", "query"),
            ("https://news.example?polls", "query"),
            ("https://news.example/polls#top", "fragment"),
            ("https://news.example#/polls?x", "fragment"),
            ("https://reader@news.example/polls", "user name"),
            ("https://reader:word@news.example/polls", "user name"),
            ("https://news.example/./polls", ". and .."),
            ("https://news.example/polls/..", ". and .."),
            ("https://news.example//polls", "empty names"),
            ("https://news.example/a%2Fb", "encoded slash"),
            ("https://news.example/a%2fb", "encoded slash"),
            ("https://news.example/%70olls", "letters"),
            ("https://news.example/صوت", "letters"),
            ("https://news.example/a b", "letters"),
            ("https://news.example/a;b", "letters"),
            ("https://news.example/a\\b", "letters"),
            ("https://news.example/v1", "service's own"),
            ("https://news.example/embed/polls", "service's own"),
        ] {
            let rule = text.parse::<BaseAddress>().unwrap_err();
            assert!(rule.contains(reason), "{text}: {rule}");
        }
        let long = format!("https://news.example/{}", "a".repeat(MAX_PATH));
        assert!(long.parse::<BaseAddress>().is_err_and(|rule| rule.contains("200")));
    }

    #[test]
    fn a_path_is_below_a_base_path_only_from_a_slash_on() {
        assert_eq!(below("/polls", "/polls"), Some(""));
        assert_eq!(below("/polls", "/polls/"), Some("/"));
        assert_eq!(below("/polls", "/polls/v1/polls"), Some("/v1/polls"));
        for path in ["/pollsters", "/polls.js", "/poll", "/", "", "//polls", "/Polls/v1", "/x/polls", "/polls%2Fv1"] {
            assert_eq!(below("/polls", path), None, "{path}");
        }
        assert_eq!(below("", "/v1"), Some("/v1"));
    }

    #[test]
    fn a_plain_loopback_is_the_hosts_own_without_tls() {
        let is_one = |text: &str| text.parse::<BaseAddress>().unwrap().is_plain_loopback();
        for text in [
            "http://localhost",
            "http://localhost:8080/polls",
            "http://polls.localhost:8080",
            "http://127.0.0.1:8080",
            "http://127.8.9.1",
            "http://[::1]",
            "http://[::1]:8080/polls",
        ] {
            assert!(is_one(text), "{text}");
        }
        for text in [
            "https://localhost:8443",
            "https://127.0.0.1",
            "http://votes.example",
            "http://localhost.example",
            "http://evillocalhost",
            "http://10.0.0.1:8080",
            "http://[::2]:8080",
            "http://127.0.0.1.example",
        ] {
            assert!(!is_one(text), "{text}");
        }
    }
}
