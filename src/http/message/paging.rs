//! Lists page by page: how long a page is, and the link to the next one. Each list decides where its pages end.

use std::fmt::Write as _;

/// The length of a page unless the request says otherwise.
pub(in crate::http) const DEFAULT_LIMIT: usize = 20;
/// The most that a request may ask for.
pub(in crate::http) const MAX_LIMIT: usize = 100;

/// The rule for a cursor, in words that follow its name.
pub(in crate::http) const CURSOR_RULE: &str = "must be a next_cursor as it was given";

/// A `limit` of a query.
pub(in crate::http) fn parse_limit(text: &str, most: usize) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| format!("must be a number from 1 to {most}"))
}

/// The `Link` to the next page of a list (RFC 8288), with the filters of this request. Nothing in it needs escaping.
pub(in crate::http) fn link_to_next(
    base_path: &str,
    path: &str,
    filters: &[(&str, Option<&str>)],
    limit: usize,
    cursor: &str,
) -> String {
    let mut link = format!("<{base_path}{path}?");
    for (name, value) in filters.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
        // Writing to a String can't fail.
        let _ = write!(link, "{name}={value}&");
    }
    let _ = write!(link, "limit={limit}&cursor={cursor}>; rel=\"next\"");
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_100() {
        assert_eq!((parse_limit("1", 100), parse_limit("100", 100)), (Ok(1), Ok(100)));
        for bad in ["", "0", "101", "-1", "1.5", "ten"] {
            assert!(parse_limit(bad, 100).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_link_asks_for_the_same_again_from_the_cursor_on() {
        let link = link_to_next("", "/v1/polls", &[("site", Some("default")), ("state", Some("open"))], 5, "abc");
        assert_eq!(link, "</v1/polls?site=default&state=open&limit=5&cursor=abc>; rel=\"next\"");
    }
}
