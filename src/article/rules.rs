//! How one site writes the address of one article in more than one way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Host;

/// The most rules of each sort.
pub const MOST_RULES: usize = 20;
/// The most bytes of a prefix, a suffix or a parameter's name.
const LONGEST_PART: usize = 64;

/// A site's own rules for the addresses of its articles: which hosts are one, and what in a path or a query says only
/// how the page is shown. Without rules `m.news.example` and `news.example` are two hosts: of some sites they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressRules {
    /// Hosts that are written as another: `m.news.example` as `news.example`.
    pub hosts: BTreeMap<String, String>,
    /// Names that are taken off the beginning of a path: `/amp`.
    pub path_prefixes: Vec<String>,
    /// What is taken off the end of a path: `/amp`, `.amp`.
    pub path_suffixes: Vec<String>,
    /// Parameters that are taken out of a query: `outputType`, `amp`.
    pub parameters: Vec<String>,
}

impl AddressRules {
    /// Checks the rules, and writes their hosts as addresses have them.
    ///
    /// # Errors
    /// The field, and what it must be.
    pub fn checked(self) -> Result<Self, (String, String)> {
        let counts = [
            ("hosts", self.hosts.len()),
            ("path_prefixes", self.path_prefixes.len()),
            ("path_suffixes", self.path_suffixes.len()),
            ("parameters", self.parameters.len()),
        ];
        if let Some((field, count)) = counts.into_iter().find(|(_, count)| *count > MOST_RULES) {
            return Err((field.to_owned(), format!("must be at most {MOST_RULES}, is {count}")));
        }
        let mut hosts = BTreeMap::new();
        for (from, to) in &self.hosts {
            let field = || format!("hosts.{from}");
            let host = |text: &str| {
                host_of(text).ok_or_else(|| (field(), "must be a host and name a host, without a port".to_owned()))
            };
            hosts.insert(host(from)?, host(to)?);
        }
        // Else it would depend on how often the rules were applied what an address becomes.
        if let Some((from, to)) = hosts.iter().find(|(_, to)| hosts.contains_key(*to)) {
            return Err((format!("hosts.{from}"), format!("must not name {to}, which is written as another host")));
        }
        check_all("path_prefixes", &self.path_prefixes, "must begin with / and end in a name, like /amp", |text| {
            text.starts_with('/') && is_path_part(text)
        })?;
        check_all("path_suffixes", &self.path_suffixes, "must begin with /, ., - or _, like /amp or .amp", |text| {
            text.starts_with(['/', '.', '-', '_']) && is_path_part(text)
        })?;
        check_all("parameters", &self.parameters, "must be a parameter's name, like amp", |text| {
            text.bytes().all(|byte| byte.is_ascii_graphic() && !b"&=#+%;".contains(&byte))
        })?;
        Ok(Self { hosts, ..self })
    }

    /// The host that a host is written as.
    pub(super) fn host<'a>(&'a self, host: &'a str) -> &'a str {
        self.hosts.get(host).map_or(host, String::as_str)
    }

    /// A path without what the site's rules take off its beginning.
    pub(super) fn without_prefix<'a>(&self, path: &'a str) -> Option<&'a str> {
        let below = |prefix: &String| {
            path.strip_prefix(prefix.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.path_prefixes.iter().find_map(below)
    }

    /// A path without what the site's rules take off its end.
    pub(super) fn without_suffix<'a>(&self, path: &'a str) -> Option<&'a str> {
        // Dots alone are no name of a page, so they are not what an end was put to.
        let is_path = |rest: &&str| !rest.ends_with("/.") && !rest.ends_with("/..");
        self.path_suffixes.iter().find_map(|suffix| path.strip_suffix(suffix.as_str()).filter(is_path))
    }

    /// Whether a parameter is taken out of a query.
    pub(super) fn drops(&self, name: &[u8]) -> bool {
        self.parameters.iter().any(|known| known.as_bytes() == name)
    }
}

fn check_all(field: &str, parts: &[String], rule: &str, is_valid: fn(&str) -> bool) -> Result<(), (String, String)> {
    let is_wrong = |part: &String| part.is_empty() || part.len() > LONGEST_PART || !is_valid(part);
    match parts.iter().position(is_wrong) {
        Some(nth) => Err((format!("{field}[{nth}]"), format!("{rule}, and be at most {LONGEST_PART} characters"))),
        None => Ok(()),
    }
}

/// Made of names that addresses have as they are here, without empty ones.
fn is_path_part(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.len() > 1
        && text.bytes().all(is_plain)
        && !text.ends_with('/')
        && text.strip_prefix('/').unwrap_or(text).split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// A host as addresses have it: in lower case, in Punycode, without a dot at its end.
fn host_of(text: &str) -> Option<String> {
    let host = Host::parse(text).ok()?.to_string();
    let host = host.trim_end_matches('.');
    (!host.is_empty() && host.len() <= 253).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Result<AddressRules, (String, String)> {
        serde_json::from_str::<AddressRules>(json).unwrap().checked()
    }

    #[test]
    fn rules_write_hosts_as_addresses_do() {
        let kept = rules(r#"{"hosts":{"M.News.example.":"أخبار.example"},"path_suffixes":["/amp",".amp"]}"#).unwrap();
        assert_eq!(kept.host("m.news.example"), "xn--igbicxr.example");
        assert_eq!(kept.host("news.example"), "news.example");
    }

    #[test]
    fn a_rule_that_is_none_is_named() {
        for (json, field) in [
            (r#"{"hosts":{"m.news.example:80":"news.example"}}"#, "hosts.m.news.example:80"),
            (r#"{"hosts":{"m.news.example":"https://news.example"}}"#, "hosts.m.news.example"),
            (r#"{"hosts":{"a.example":"b.example","b.example":"c.example"}}"#, "hosts.a.example"),
            (r#"{"hosts":{"a.example":"a.example"}}"#, "hosts.a.example"),
            (r#"{"path_prefixes":["/amp","amp"]}"#, "path_prefixes[1]"),
            (r#"{"path_prefixes":["/"]}"#, "path_prefixes[0]"),
            (r#"{"path_prefixes":["/amp/"]}"#, "path_prefixes[0]"),
            (r#"{"path_prefixes":["//amp"]}"#, "path_prefixes[0]"),
            (r#"{"path_suffixes":["amp"]}"#, "path_suffixes[0]"),
            (r#"{"path_suffixes":["/.."]}"#, "path_suffixes[0]"),
            (r#"{"path_suffixes":["/خبر"]}"#, "path_suffixes[0]"),
            (r#"{"parameters":["amp",""]}"#, "parameters[1]"),
            (r#"{"parameters":["amp=1"]}"#, "parameters[0]"),
        ] {
            assert_eq!(rules(json).unwrap_err().0, field, "{json}");
        }
        let many = serde_json::json!({ "parameters": vec!["a"; MOST_RULES + 1] });
        assert_eq!(rules(&many.to_string()).unwrap_err().0, "parameters");
    }
}
