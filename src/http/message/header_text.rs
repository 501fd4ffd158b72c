//! A header's value as text, and cookies.

use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// The value, if it is of ASCII alone. [`HeaderValue::to_str`] says the same, but looks at one byte at a time, which is
/// a fiftieth of what a vote executes.
pub(in crate::http) fn ascii(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}

/// The cookies that a request brings: their names and values, as they are.
pub(in crate::http) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
