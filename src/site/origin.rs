//! Web origins, in the form browsers send them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A web origin as in an `Origin` header (RFC 6454, section 6.2): scheme, host, and the port unless it is the scheme's
/// default. Only `https` and `http`; no path, and only what a browser sends in the same letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

pub(super) const RULE: &str = "must be a web origin like https://news.example or http://localhost:3000, without a path";

impl Origin {
    /// The origin as browsers write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (authority, own_port) = match text.split_once("://") {
            Some(("https", authority)) => (authority, 443),
            Some(("http", authority)) => (authority, 80),
            Some(_) | None => return Err(RULE),
        };
        let (host, port) = split_port(authority).ok_or(RULE)?;
        if port == Some(own_port) {
            return Err("must leave out the scheme's own port, as browsers do");
        }
        let is_ipv6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_valid = match is_ipv6 {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address),
            None => host.len() <= 253 && host.split('.').all(is_dns_label),
        };
        if is_valid { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }
}

/// The host, and the port if one is written; `None` if the port is not a number a browser would write.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_address = authority.rfind(']').map_or(0, |end| end + 1);
    match authority.get(after_address..)?.rfind(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(after_address + colon);
            let port = port.get(1..)?;
            let number: u16 = port.parse().ok().filter(|number: &u16| *number > 0)?;
            (number.to_string() == port).then_some((host, Some(number)))
        }
    }
}

/// Lower case, and in Punycode if the name is not ASCII: what a browser sends.
fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
}

/// What a site lists: an origin, or, with `*.` before its host, all names under that host, at any depth, but not the
/// host itself. `frame-ancestors` has the same meaning (CSP Level 3, section 6.7.2.8), so it is written there
/// unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListedOrigin(String);

const LISTED_RULE: &str = "must be a web origin like https://news.example or http://localhost:3000, without a path, or \
                           https://*.news.example for all names under a host of two names or more";

impl ListedOrigin {
    /// The origin as it was listed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this origin, or a wildcard that this origin is under. Scheme and port must be equal.
    pub fn covers(&self, origin: &str) -> bool {
        let Some((scheme, host)) = self.0.split_once('*') else { return self.0 == origin };
        // The host begins with its dot here, so it is not the end of another name.
        let names = origin.strip_prefix(scheme).and_then(|rest| rest.strip_suffix(host));
        names.is_some_and(|names| names.split('.').all(is_dns_label))
    }
}

impl FromStr for ListedOrigin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = match text.split_once("://*.") {
            None => return text.parse::<Origin>().map(|origin| Self(origin.0)).map_err(of_listed),
            Some((scheme, authority)) => {
                format!("{scheme}://{authority}").parse::<Origin>().map_err(of_listed)?;
                let host = authority.split(':').next().unwrap_or_default();
                // All names under "com" belong to everybody; a host that ends in a number is an address, or invalid.
                host.rsplit_once('.').is_some_and(|(_, last)| !is_number(last))
            }
        };
        if is_valid { Ok(Self(text.to_owned())) } else { Err(LISTED_RULE) }
    }
}

/// The rule for an origin where a wildcard is allowed too.
fn of_listed(rule: &'static str) -> &'static str {
    if rule == RULE { LISTED_RULE } else { rule }
}

/// Whether browsers read a host with such an end as an IPv4 address
/// (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn is_number(label: &str) -> bool {
    let is_decimal = label.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || label.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Both are written and read as text.
macro_rules! as_text {
    ($($name:ident)+) => {
        $(impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(origin: $name) -> Self {
                origin.0
            }
        })+
    };
}

as_text!(Origin ListedOrigin);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in [
            "https://news.example",
            "http://localhost:3000",
            "https://xn--mgbh0fb.xn--kgbechtv",
            "http://[::1]:8080",
            "https://127.0.0.1",
        ] {
            assert_eq!(good.parse::<Origin>().map(String::from).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "null",
            "*",
            "news.example",
            "https://",
            "https://news.example/",
            "https://news.example/path",
            "https://*.news.example",
            "https://News.example",
            "https://news.example:443",
            "http://news.example:80",
            "https://news.example:0",
            "https://news.example:99999",
            "https://news.example:080",
            "https://user@news.example",
            "https://صوت.example",
            "ftp://news.example",
            "https://[::1",
            "https://[0:0::1]",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn all_names_under_a_host_are_listed_only_if_they_can_be_one_publishers() {
        for good in [
            "https://news.example",
            "http://localhost:3000",
            "http://[::1]:8080",
            "https://*.news.example",
            "http://*.news.example:8080",
            "https://*.a.b.news.example",
            "https://*.xn--mgbh0fb.xn--kgbechtv",
        ] {
            assert_eq!(good.parse::<ListedOrigin>().map(String::from).as_deref(), Ok(good));
        }
        for bad in [
            "*",
            "https://*",
            "https://*.",
            "https://*.com",
            "https://*.com.",
            "http://*.localhost:3000",
            "https://*.news.example.",
            "https://*.news.example:443",
            "https://*.news.example:*",
            "https://*.news.example/",
            "https://*news.example",
            "https://news.*.example",
            "https://a.*.news.example",
            "https://*.*.news.example",
            "https://news.example.*",
            "https://*.News.example",
            "*.news.example",
            "*://*.news.example",
            "https://*.127.0.0.1",
            "https://*.0.1",
            "https://*.news.0x7f",
            "https://*.[::1]",
        ] {
            assert!(bad.parse::<ListedOrigin>().is_err(), "{bad}");
        }
        // Of an origin without a wildcard the more exact rule is told.
        let port = "https://news.example:443".parse::<ListedOrigin>();
        assert_eq!(port, Err("must leave out the scheme's own port, as browsers do"));
        assert!("https://*.com".parse::<ListedOrigin>().is_err_and(|rule| rule.contains("https://*.news.example")));
    }

    /// Any end of a name, and any name under any end, can be bought.
    #[test]
    fn an_origin_is_covered_by_names_under_the_listed_host_and_by_nothing_that_looks_alike() {
        let listed: ListedOrigin = "https://*.news.example".parse().unwrap();
        let with_port: ListedOrigin = "http://*.news.example:8080".parse().unwrap();
        for origin in ["https://www.news.example", "https://a.b.c.news.example", "https://xn--mgbh0fb.news.example"] {
            assert!(listed.covers(origin), "{origin}");
        }
        assert!(with_port.covers("http://www.news.example:8080"));
        for origin in [
            "https://news.example",
            "https://.news.example",
            "https://a..news.example",
            "https://*.news.example",
            "https://evil-news.example",
            "https://evilnews.example",
            "https://news.example.evil.example",
            "https://www.news.example.evil.example",
            "https://evil.example/.news.example",
            "https://evil.example#.news.example",
            "https://evil.example:80@.news.example",
            "https://evil.example\\.news.example",
            "https://evil.example .news.example",
            "http://www.news.example",
            "ftp://www.news.example",
            "https://www.news.example:8443",
            "https://www.news.example:443",
            "https://www.news.example.",
            "https://WWW.news.example",
            "https://www.News.example",
            "HTTPS://www.news.example",
            "www.news.example",
            "null",
            "",
        ] {
            assert!(!listed.covers(origin), "{origin}");
        }
        for origin in ["http://www.news.example", "http://www.news.example:80", "https://www.news.example:8080"] {
            assert!(!with_port.covers(origin), "{origin}");
        }
        let exact: ListedOrigin = "https://news.example".parse().unwrap();
        assert!(exact.covers("https://news.example") && !exact.covers("https://www.news.example"));
    }
}
