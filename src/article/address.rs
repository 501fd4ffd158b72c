//! An article's address in its one form.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
    sync::Arc,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    AddressRules,
    tracking::{is_session, is_tracking},
};

/// The most bytes of an address, as sent and in its one form.
const MOST_BYTES: usize = 2_048;

/// What a directory's address leads to by itself, in lower case.
const DEFAULT_DOCUMENTS: [&str; 12] = [
    "index.html",
    "index.htm",
    "index.xhtml",
    "index.shtml",
    "index.php",
    "index.jsp",
    "index.asp",
    "index.aspx",
    "default.html",
    "default.htm",
    "default.asp",
    "default.aspx",
];

/// All but the unreserved characters of RFC 3986, section 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The reserved ones (section 2.2) stay as they are in a path, which is not the same as being encoded.
const ENCODED_IN_PATH: &AsciiSet = &ENCODED
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The address of an article's page, in one form for all the ways in which one page is linked to (RFC 3986, section 6).
///
/// - The scheme is `https`: a page is the same over both.
/// - The host is in lower case, in Punycode, without a dot at its end; the port is left out if it is the scheme's own.
/// - A path has no dot segments, no default document, no slash at its end, no session.
/// - Characters are percent-encoded in a path if they are neither unreserved nor reserved; in a query, if they are not
///   unreserved, since servers read both ways of writing alike there.
/// - A query is in the order of its parameters' names, without those that say how a reader came; parameters of one name
///   keep their order.
/// - There is no fragment.
///
/// A site's [`AddressRules`] say what else is one page there. Letters of a path keep their case, `www.` is a host of
/// its own, and empty names within a path stay: each may be another page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArticleAddress(Arc<str>);

/// Why a text is no article's address, in words that follow its field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// No page has it.
    #[error("must be the address of a page, like https://news.example/a, without a name or password")]
    NoAddress,
    /// It is as long as this.
    #[error("must be at most {MOST_BYTES} bytes, is {0} in its canonical form")]
    TooLong(usize),
}

impl ArticleAddress {
    /// The one form of an address, by a site's rules.
    ///
    /// # Errors
    /// What the address must be, in words that follow its field's name.
    pub fn parse(text: &str, rules: &AddressRules) -> Result<Self, AddressFault> {
        if text.len() > MOST_BYTES {
            return Err(AddressFault::TooLong(text.len()));
        }
        let has_scheme =
            |scheme: &&str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        // Browsers read more as addresses, and drop controls: then it would not be the address that was sent.
        if !["https://", "http://"].iter().any(has_scheme) || text.contains(char::is_control) {
            return Err(AddressFault::NoAddress);
        }
        let url = Url::parse(text).map_err(|_| AddressFault::NoAddress)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressFault::NoAddress);
        }
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        if host.is_empty() {
            return Err(AddressFault::NoAddress);
        }
        let mut written = format!("https://{}", rules.host(host));
        if let Some(port) = url.port().filter(|port| *port != 443) {
            // Writing to a String can't fail.
            let _ = write!(written, ":{port}");
        }
        written.push_str(&path_of(url.path(), rules));
        push_query(&mut written, url.query().unwrap_or_default(), rules);
        if written.len() > MOST_BYTES {
            return Err(AddressFault::TooLong(written.len()));
        }
        Ok(Self(written.into()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host, and port if it is not the scheme's own: `news.example`.
    pub fn authority(&self) -> &str {
        let rest = self.0.strip_prefix("https://").unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }

    /// The two origins that the page may have, as browsers write them: the form says nothing of the scheme.
    pub fn origins(&self) -> [String; 2] {
        ["https", "http"].map(|scheme| {
            let own_port = if scheme == "http" { ":80" } else { ":443" };
            let authority = self.authority();
            format!("{scheme}://{}", authority.strip_suffix(own_port).unwrap_or(authority))
        })
    }
}

/// A path in its one form.
fn path_of(path: &str, rules: &AddressRules) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in path.strip_prefix('/').unwrap_or(path).split('/') {
        match without_session(&encoded(name)).as_str() {
            // Where a session stood after them; the others are gone already.
            "." => {}
            ".." => drop(names.pop()),
            name => names.push(name.to_owned()),
        }
    }
    let path = format!("/{}", names.join("/"));
    let mut path = path.as_str();
    // Each may bring another to the path's end, and an address in its one form must not change any more.
    loop {
        let trimmed = path.trim_end_matches('/');
        let (directory, last) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
        let is_default = DEFAULT_DOCUMENTS.iter().any(|document| last.eq_ignore_ascii_case(document));
        let shorter = if is_default { Some(directory) } else { None };
        match shorter.or_else(|| rules.without_suffix(trimmed)).or_else(|| rules.without_prefix(trimmed)) {
            Some(shorter) => path = shorter,
            None if trimmed.is_empty() => return "/".to_owned(),
            None => return trimmed.to_owned(),
        }
    }
}

/// A name of a path with its characters in one form. What is encoded and reserved stays encoded: `%2F` is no slash.
fn encoded(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('%') {
        let (plain, after) = rest.split_at(at);
        written.extend(percent_encode(plain.as_bytes(), ENCODED_IN_PATH));
        // A sign that encodes nothing stands for itself.
        let code = after.get(..3).filter(|code| code.bytes().skip(1).all(|digit| digit.is_ascii_hexdigit()));
        let code_or_sign = code.unwrap_or("%");
        let bytes: Vec<u8> = percent_decode(code_or_sign.as_bytes()).collect();
        written.extend(percent_encode(&bytes, ENCODED));
        rest = after.get(code_or_sign.len()..).unwrap_or_default();
    }
    written.extend(percent_encode(rest.as_bytes(), ENCODED_IN_PATH));
    written
}

/// A name of a path without a session's id, as in `news;jsessionid=0123`.
fn without_session(name: &str) -> String {
    let mut parts = name.split(';');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if !is_session(name.as_bytes(), value.as_bytes()) {
            kept.push(';');
            kept.push_str(part);
        }
    }
    kept
}

/// Adds a query in its one form, if anything of it is left.
fn push_query(written: &mut String, query: &str, rules: &AddressRules) {
    let decoded = |text: &str| {
        let spaces = text.replace('+', " ");
        // Bytes, not text: in another encoding than UTF-8 two words must not become one.
        percent_decode(spaces.as_bytes()).collect::<Vec<u8>>()
    };
    let mut parameters: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .filter(|(name, value)| !is_tracking(name, value) && !rules.drops(name))
        .collect();
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (nth, (name, value)) in parameters.iter().enumerate() {
        written.push(if nth == 0 { '?' } else { '&' });
        written.extend(percent_encode(name, ENCODED));
        if !value.is_empty() || name.is_empty() {
            written.push('=');
            written.extend(percent_encode(value, ENCODED));
        }
    }
}

impl FromStr for ArticleAddress {
    type Err = AddressFault;

    /// The one form of an address, without rules of a site.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, &AddressRules::default())
    }
}

impl TryFrom<String> for ArticleAddress {
    type Error = AddressFault;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ArticleAddress> for String {
    fn from(address: ArticleAddress) -> Self {
        address.as_str().to_owned()
    }
}

impl fmt::Display for ArticleAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> AddressRules {
        serde_json::from_str::<AddressRules>(
            r#"{"hosts":{"m.news.example":"news.example","amp.news.example":"news.example"},
                "path_prefixes":["/amp"],"path_suffixes":["/amp",".amp"],"parameters":["amp","outputType"]}"#,
        )
        .unwrap()
        .checked()
        .unwrap()
    }

    /// As it is sent, and in its one form.
    const ONE: [(&str, &str); 58] = [
        // The scheme, the host, the port.
        ("https://news.example/a", "https://news.example/a"),
        ("http://news.example/a", "https://news.example/a"),
        ("HTTPS://NEWS.Example/a", "https://news.example/a"),
        ("https://news.example:443/a", "https://news.example/a"),
        ("http://news.example:80/a", "https://news.example/a"),
        ("https://news.example:/a", "https://news.example/a"),
        ("http://news.example:443/a", "https://news.example/a"),
        ("https://news.example./a", "https://news.example/a"),
        ("http://localhost:3000/a", "https://localhost:3000/a"),
        ("https://صوت.example/a", "https://xn--pgbv1d.example/a"),
        ("https://XN--PGBV1D.example/a", "https://xn--pgbv1d.example/a"),
        ("https://%D8%B5%D9%88%D8%AA.example/a", "https://xn--pgbv1d.example/a"),
        // The path.
        ("https://news.example", "https://news.example/"),
        ("https://news.example?", "https://news.example/"),
        ("https://news.example//", "https://news.example/"),
        ("https://news.example/a/", "https://news.example/a"),
        ("https://news.example/a//", "https://news.example/a"),
        ("https://news.example/b/../a", "https://news.example/a"),
        ("https://news.example/./a/.", "https://news.example/a"),
        ("https://news.example/b/%2e%2E/a", "https://news.example/a"),
        ("https://news.example\\a", "https://news.example/a"),
        ("https://news.example/index.html", "https://news.example/"),
        ("https://news.example/a/index.php", "https://news.example/a"),
        ("https://news.example/a/Default.aspx", "https://news.example/a"),
        ("https://news.example/a/index.html/index.htm/", "https://news.example/a"),
        ("https://news.example/a/index.php?id=5", "https://news.example/a?id=5"),
        // Percent-encoding.
        ("https://news.example/%61%2D%7e", "https://news.example/a-~"),
        ("https://news.example/a%2fb", "https://news.example/a%2Fb"),
        ("https://news.example/a b|c", "https://news.example/a%20b%7Cc"),
        ("https://news.example/100%", "https://news.example/100%25"),
        ("https://news.example/خبر", "https://news.example/%D8%AE%D8%A8%D8%B1"),
        ("https://news.example/%d8%ae%d8%a8%d8%b1/", "https://news.example/%D8%AE%D8%A8%D8%B1"),
        (
            "https://news.example/می\u{200C}خواهم",
            "https://news.example/%D9%85%DB%8C%E2%80%8C%D8%AE%D9%88%D8%A7%D9%87%D9%85",
        ),
        ("https://news.example/%CE%C8%D1", "https://news.example/%CE%C8%D1"),
        // The query.
        ("https://news.example/a?id=5&utm_source=x&UTM_Campaign=y", "https://news.example/a?id=5"),
        ("https://news.example/a?fbclid=x", "https://news.example/a"),
        ("https://news.example/a?gclid=x&gbraid=y&wbraid=z&dclid=1", "https://news.example/a"),
        ("https://news.example/a?msclkid=x&yclid=y&igshid=z", "https://news.example/a"),
        ("https://news.example/a?mc_cid=x&mc_eid=y&_ga=2.1.3&_gl=1", "https://news.example/a"),
        ("https://news.example/a?%66bclid=x", "https://news.example/a"),
        ("https://news.example/a?b=2&a=1", "https://news.example/a?a=1&b=2"),
        ("https://news.example/a?b=2&a=3&a=1", "https://news.example/a?a=3&a=1&b=2"),
        ("https://news.example/a?&id=5&", "https://news.example/a?id=5"),
        ("https://news.example/a?print=", "https://news.example/a?print"),
        ("https://news.example/a?q=a+b,c", "https://news.example/a?q=a%20b%2Cc"),
        ("https://news.example/a?q=%61%20b%2cc", "https://news.example/a?q=a%20b%2Cc"),
        ("https://news.example/?p=خبر", "https://news.example/?p=%D8%AE%D8%A8%D8%B1"),
        // Sessions and fragments.
        ("https://news.example/a?PHPSESSID=0123456789abcdef", "https://news.example/a"),
        ("https://news.example/a;jsessionid=0A1B?id=5", "https://news.example/a?id=5"),
        ("https://news.example/a;JSESSIONID=0A1B/b", "https://news.example/a/b"),
        ("https://news.example/a?sid=0123456789abcdef0123", "https://news.example/a"),
        ("https://news.example/a?ASPSESSIONIDQQ=X", "https://news.example/a"),
        ("https://news.example/a#comments", "https://news.example/a"),
        // By the rules of this site.
        ("https://m.news.example/a", "https://news.example/a"),
        ("http://AMP.news.example/amp/a/", "https://news.example/a"),
        ("https://news.example/a/amp/index.html", "https://news.example/a"),
        ("https://news.example/a.amp?amp=1&id=5", "https://news.example/a?id=5"),
        ("https://news.example/a?outputType=amp#top", "https://news.example/a"),
    ];

    /// Each may be a page of its own.
    const APART: [&str; 32] = [
        "https://news.example/",
        "https://news.example/a",
        "https://news.example/A",
        "https://www.news.example/a",
        "https://mobile.news.example/a",
        "https://news.example:8443/a",
        "https://news.example:80/a",
        "https://other.example/a",
        "https://news.example/a/b",
        "https://news.example/a%2Fb",
        "https://news.example/a//b",
        "https://news.example/a,b",
        "https://news.example/a%2Cb",
        "https://news.example/a;b=1",
        "https://news.example/index.php/a",
        "https://news.example/a/index.html.en",
        "https://news.example/amplified",
        "https://news.example/camp",
        "https://news.example/a.html",
        "https://news.example/%CE%C8",
        "https://news.example/%CE%C9",
        "https://news.example/a?id=5",
        "https://news.example/a?id=6",
        "https://news.example/a?ID=5",
        "https://news.example/a?id=5&id=6",
        "https://news.example/a?id=6&id=5",
        "https://news.example/a?q=%CE",
        "https://news.example/a?q=%C8",
        "https://news.example/a?q=a%2Bb",
        "https://news.example/a?q=a+b",
        "https://news.example/a?sid=4321",
        "https://news.example/a?sid=4322",
    ];

    #[test]
    fn every_way_to_write_an_address_has_one_form_and_that_stays() {
        let rules = rules();
        for (sent, form) in ONE {
            let address = ArticleAddress::parse(sent, &rules);
            assert_eq!(address.as_ref().map(ArticleAddress::as_str), Ok(form), "{sent}");
            assert_eq!(form.parse(), address, "{sent}");
        }
    }

    #[test]
    fn addresses_that_may_be_two_pages_stay_apart() {
        let rules = rules();
        let forms: std::collections::BTreeSet<_> =
            APART.iter().map(|sent| ArticleAddress::parse(sent, &rules).unwrap()).collect();
        assert_eq!(forms.len(), APART.len(), "{forms:#?}");
    }

    #[test]
    fn what_is_no_address_of_a_page_is_refused() {
        for bad in [
            "",
            "/a",
            "//news.example/a",
            "news.example/a",
            "https:news.example/a",
            "https://",
            "https://./a",
            "https:///",
            "ftp://news.example/a",
            "javascript:alert(1)",
            "https://reader@news.example/a",
            "https://:word@news.example/a",
            "https://news.exa mple/a",
            "https://news.example:99999/a",
            "https://news.example/\na",
            "https://news.example/a\0",
        ] {
            assert!(bad.parse::<ArticleAddress>().is_err(), "{bad:?}");
        }
        let long = |count| format!("https://news.example/{}", "a".repeat(count)).parse::<ArticleAddress>();
        assert!(long(2_027).is_ok());
        let refused = long(2_028).unwrap_err().to_string();
        assert_eq!(refused, "must be at most 2048 bytes, is 2049 in its canonical form");
        let arabic = format!("https://news.example/{}", "خ".repeat(1_000)).parse::<ArticleAddress>();
        assert!(arabic.is_err_and(|rule| rule.to_string().ends_with("is 6021 in its canonical form")));
    }

    #[test]
    fn an_address_lies_at_the_origins_that_browsers_would_name() {
        for (address, origins) in [
            ("https://News.example/a", ["https://news.example", "http://news.example"]),
            ("http://localhost:3000/a", ["https://localhost:3000", "http://localhost:3000"]),
            ("https://news.example:80/a", ["https://news.example:80", "http://news.example"]),
            ("http://[::1]:8080/a", ["https://[::1]:8080", "http://[::1]:8080"]),
        ] {
            assert_eq!(address.parse::<ArticleAddress>().unwrap().origins(), origins);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// A form that changed when it was read again would be another article after a page's canonical link.
        #[test]
        fn the_form_of_any_address_stays(
            path in "[a-cA-C/.;=%&?#+,|خé:@0-9 ]{0,24}",
            end in "(/index\\.html|/amp|\\.amp|;jsessionid=a|/\\.\\.;jsessionid=1|\\?utm_x=1&b=%2b&a=|%2e|/)*",
        ) {
            let rules = rules();
            if let Ok(address) = ArticleAddress::parse(&format!("http://news.example/{path}{end}"), &rules) {
                prop_assert_eq!(ArticleAddress::parse(address.as_str(), &rules), Ok(address.clone()));
                prop_assert_eq!(address.as_str().parse(), Ok(address));
            }
        }
    }
}
