//! Conditional requests (RFC 9110, section 13).

use actix_web::http::header::{self, HeaderMap};

use super::{
    header_text::ascii,
    problem::{Code, Problem},
};
use crate::poll::{Revision, Timestamp};

/// Whether `If-None-Match` names this tag, so that the client needs no body.
pub(in crate::http) fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    let names_it = |list: &str| {
        let opaque = etag.trim_matches('"');
        list.trim() == "*" || entity_tags(list).is_some_and(|tags| tags.iter().any(|tag| tag.opaque == opaque))
    };
    // Nearly always it is the very tag that was sent.
    headers.get_all(header::IF_NONE_MATCH).any(|value| value == etag || ascii(value).is_some_and(names_it))
}

/// The revisions of a poll that `If-Match` names; `None` without that header.
///
/// # Errors
/// `revision-required` for `*`, which names no revision; `invalid-request` for anything but a list of entity tags.
pub(in crate::http) fn revisions_named(headers: &HeaderMap) -> Result<Option<Vec<Revision>>, Problem> {
    let mut revisions = None;
    for value in headers.get_all(header::IF_MATCH) {
        let value = value.to_str().unwrap_or_default();
        if value.trim() == "*" {
            return Err(Problem::new(Code::RevisionRequired, "If-Match must name the revision you edit, not any"));
        }
        let tags = entity_tags(value).ok_or_else(|| {
            Problem::of_field(
                Code::InvalidRequest,
                "If-Match",
                "must be an entity tag, like \"3-open\" with its quotes",
            )
        })?;
        // A weak tag never matches here (section 13.1.1), nor does a tag that is not a poll's.
        let named = tags.iter().filter(|tag| !tag.is_weak).filter_map(|tag| revision_of(tag.opaque));
        revisions.get_or_insert_with(Vec::new).extend(named);
    }
    Ok(revisions)
}

/// The version of a site that `If-Match` names, `None` without that header.
///
/// # Errors
/// `invalid-request` for anything but one tag as sites have them.
pub(in crate::http) fn site_version_named(headers: &HeaderMap) -> Result<Option<Timestamp>, Problem> {
    let mut lines = headers.get_all(header::IF_MATCH);
    let Some(value) = lines.next() else { return Ok(None) };
    let tags = value.to_str().ok().and_then(entity_tags).unwrap_or_default();
    let version = match (tags.as_slice(), lines.next()) {
        ([EntityTag { is_weak: false, opaque }], None) => opaque.parse().ok().map(Timestamp::from_millis),
        _ => None,
    };
    let rule = "must be the one entity tag that the site was read with, like \"1795456800000\" with its quotes";
    version.map(Some).ok_or_else(|| Problem::of_field(Code::InvalidRequest, "If-Match", rule))
}

/// A site's tag: the moment of its last change.
pub(in crate::http) fn site_etag(updated_at: Timestamp) -> String {
    format!("\"{}\"", updated_at.as_millis())
}

/// A poll's tag is `REVISION-STATE`; only the revision guards an edit.
fn revision_of(opaque: &str) -> Option<Revision> {
    let revision = opaque.split_once('-').map_or(opaque, |(revision, _)| revision);
    revision.parse().ok().map(Revision)
}

#[derive(Debug, PartialEq, Eq)]
struct EntityTag<'a> {
    is_weak: bool,
    opaque: &'a str,
}

/// The tags of a list; `None` if it is no list of tags.
fn entity_tags(list: &str) -> Option<Vec<EntityTag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let (is_weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        tags.push(EntityTag { is_weak, opaque });
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn if_none_match_compares_weakly_and_knows_the_star() {
        for value in ["\"3-open\"", "W/\"3-open\"", "\"2-open\", \"3-open\"", "*", "\"a,b\",W/\"3-open\""] {
            assert!(is_current(&headers(header::IF_NONE_MATCH, value), "\"3-open\""), "{value}");
        }
        for value in ["\"2-open\"", "3-open", "\"3-open", "", "\"3\""] {
            assert!(!is_current(&headers(header::IF_NONE_MATCH, value), "\"3-open\""), "{value}");
        }
    }

    #[test]
    fn if_match_names_revisions() {
        let named = |value| revisions_named(&headers(header::IF_MATCH, value));
        assert_eq!(revisions_named(&HeaderMap::new()).unwrap(), None);
        assert_eq!(named("\"3-open\"").unwrap(), Some(vec![Revision(3)]));
        assert_eq!(named("\"3\", \"4-open\"").unwrap(), Some(vec![Revision(3), Revision(4)]));
        assert_eq!(named("W/\"3-open\"").unwrap(), Some(vec![]));
        assert_eq!(named("\"another thing\"").unwrap(), Some(vec![]));
        assert_eq!(named("*").unwrap_err().code(), Code::RevisionRequired);
        for bad in ["3", "\"3", "\"3\" \"4\""] {
            assert_eq!(named(bad).unwrap_err().code(), Code::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn if_match_names_the_one_version_of_a_site_that_was_read() {
        let named = |value| site_version_named(&headers(header::IF_MATCH, value));
        let read = Timestamp::from_millis(1_795_456_800_000);
        assert_eq!(site_version_named(&HeaderMap::new()).unwrap(), None);
        let sent = headers(header::IF_MATCH, "\"1795456800000\"");
        assert_eq!((site_version_named(&sent).unwrap(), site_etag(read)), (Some(read), "\"1795456800000\"".to_owned()));
        for bad in ["*", "W/\"1\"", "\"1\", \"2\"", "\"1-open\"", "1", ""] {
            assert_eq!(named(bad).unwrap_err().code(), Code::InvalidRequest, "{bad}");
        }
    }
}
