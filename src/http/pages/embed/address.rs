//! Addresses of polls' pages as people have them: typed, copied out of a message, or pasted by an editor whose program
//! added a slash, capitals, or an invisible mark. An address that can mean only one page leads there.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
};
use percent_encoding::percent_decode_str;

use crate::{
    http::message::problem::Problem,
    poll::{PollId, is_invisible},
};

/// The meaning of an address does not change, but a mistake should not last.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A page of this service for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ReaderPage {
    /// A poll's.
    Poll(PollId),
    /// Its form for browsers without script.
    Form(PollId),
    /// The demo's article.
    Demo,
}

impl ReaderPage {
    /// The page that a path means; `None` if it means none. It may be encoded, with extra slashes, an id in capitals,
    /// or invisible marks.
    pub(in crate::http) fn at(path: &str) -> Option<Self> {
        Self::below("", path)
    }

    /// The same for a path that must begin with this one.
    pub(in crate::http) fn below(base_path: &str, path: &str) -> Option<Self> {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let path: String = path.chars().filter(|character| !is_invisible(*character)).collect();
        let mut names = names_in(&path);
        for base in names_in(base_path) {
            names.next().filter(|name| *name == base)?;
        }
        let names: Vec<&str> = names.take(4).collect();
        let poll = |id: &str| id.to_ascii_lowercase().parse().ok();
        match names.as_slice() {
            ["embed", id] => poll(id).map(Self::Poll),
            ["embed", id, "form"] => poll(id).map(Self::Form),
            ["demo"] => Some(Self::Demo),
            _ => None,
        }
    }

    /// Its one proper path.
    fn path(self) -> String {
        match self {
            Self::Poll(id) => format!("/embed/{id}"),
            Self::Form(id) => format!("/embed/{id}/form"),
            Self::Demo => "/demo".to_owned(),
        }
    }
}

/// Redirects to the page that a request's path means, if that is not the page's own path: 308, with the query.
/// Otherwise the refusal stands.
pub(in crate::http) fn lead_on(req: &HttpRequest, base_path: &str, refused: Problem) -> Result<HttpResponse, Problem> {
    let is_asked_for = matches!(*req.method(), Method::GET | Method::HEAD);
    let path = ReaderPage::at(req.path()).filter(|_| is_asked_for).map(ReaderPage::path);
    let Some(path) = path.filter(|path| path != req.path()) else { return Err(refused) };
    let mut there = format!("{base_path}{path}");
    if !req.query_string().is_empty() {
        there.push('?');
        there.push_str(req.query_string());
    }
    let Ok(there) = HeaderValue::try_from(there) else { return Err(refused) };
    Ok(HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, there))
        .insert_header((header::CACHE_CONTROL, CACHING))
        .finish())
}

/// Whether a person asks for an unknown address, who should get a page.
pub(in crate::http) fn is_sought_by_people(req: &HttpRequest) -> bool {
    let accepts = req.headers().get_all(header::ACCEPT).filter_map(|accept| accept.to_str().ok());
    let wants_pages = || accepts.flat_map(|accept| accept.split(',')).any(names_html);
    req.path().trim_start_matches('/').split('/').next() == Some("embed") || wants_pages()
}

/// The parts of a path between its slashes.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

fn names_html(range: &str) -> bool {
    range.split(';').next().is_some_and(|range| range.trim().eq_ignore_ascii_case("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";

    #[test]
    fn a_polls_page_is_known_however_its_address_was_written() {
        let poll = Some(ReaderPage::Poll(ID.parse().unwrap()));
        for path in [
            format!("/embed/{ID}"),
            format!("/embed/{ID}/"),
            format!("//embed//{ID}//"),
            format!("/embed/{}", ID.to_uppercase()),
            format!("/embed/{ID}\u{200E}"),
            format!("/embed/{ID}%E2%80%8E%EF%BB%BF/"),
            format!("/embed/%E2%80%AB{ID}%E2%80%AC"),
            format!("/%65mbed%2F{ID}%20"),
        ] {
            assert_eq!(ReaderPage::at(&path), poll, "{path}");
        }
        assert_eq!(ReaderPage::at(&format!("/embed/{ID}/form/")), Some(ReaderPage::Form(ID.parse().unwrap())));
        assert_eq!(ReaderPage::at("/demo/"), Some(ReaderPage::Demo));
        for path in [
            "",
            "/",
            "/embed/",
            "/embed/x",
            "/embed/%FF",
            &format!("/v1/polls/{ID}"),
            &format!("/embed/{ID}x"),
            &format!("/embed/{ID}/form/x"),
            &format!("/embed/{ID}/x"),
            &format!("/embed/{{{ID}}}"),
            &format!("/evil/embed/{ID}"),
        ] {
            assert_eq!(ReaderPage::at(path), None, "{path}");
        }
    }
}
