//! Web origins, in the form browsers send them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A web origin as in an `Origin` header (RFC 6454, section 6.2): scheme, host, and the port unless it is the scheme's
/// own. Only `https` and `http`; no path, no wildcard, nothing that a browser would not send back letter for letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

const RULE: &str = "must be a web origin like https://news.example or http://localhost:3000, without a path";

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

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

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
}
