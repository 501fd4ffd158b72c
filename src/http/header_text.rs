//! A header's value as text.

use actix_web::http::header::HeaderValue;

/// The value, if it is of ASCII alone. [`HeaderValue::to_str`] says the same, but looks at one byte at a time, which is a
/// fiftieth of what a vote executes.
pub(super) fn ascii(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}
