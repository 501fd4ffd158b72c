//! What the table of settings checks its values by. Each gives the rule in words that follow the setting's name.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use crate::{quota::Quota, secret::Secret};

/// A rule, with the value that breaks it.
pub(super) fn with_value(rule: &str, text: &str) -> String {
    format!("{rule}, is {text:?}")
}

/// Whether this is a level, or a target and its level. The parser takes a lone word for a target, so that a misspelt
/// level would turn the log off.
pub(super) fn is_directive(directive: &str) -> bool {
    let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level).trim();
    level.parse::<tracing_subscriber::filter::LevelFilter>().is_ok() && !level.is_empty()
}

/// Parses a value and keeps it.
pub(super) fn keep<T: FromStr>(field: &mut T, text: &str, what: &str) -> Result<(), String> {
    *field = text.parse().map_err(|_| with_value(&format!("must be {what}"), text))?;
    Ok(())
}

/// Parses a value of a setting that may be unset, and keeps it.
pub(super) fn keep_some<T: FromStr>(field: &mut Option<T>, text: &str, what: &str) -> Result<(), String> {
    *field = Some(text.parse().map_err(|_| with_value(&format!("must be {what}"), text))?);
    Ok(())
}

/// Parses a number, checks its bounds, and keeps it.
pub(super) fn keep_within<T>(text: &str, bounds: &RangeInclusive<T>, set: impl FnOnce(T)) -> Result<(), String>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    match text.parse::<T>() {
        Ok(number) if bounds.contains(&number) => {
            set(number);
            Ok(())
        }
        Ok(_) | Err(_) => {
            Err(with_value(&format!("must be a whole number from {} to {}", bounds.start(), bounds.end()), text))
        }
    }
}

/// Parses a quota that may be off, and keeps it.
pub(super) fn keep_quota(field: &mut Option<Quota>, text: &str) -> Result<(), String> {
    *field = if text == "off" { None } else { Some(text.parse().map_err(|rule| with_value(rule, text))?) };
    Ok(())
}

pub(super) fn shown_quota(quota: Option<Quota>) -> String {
    quota.map_or_else(|| "off".to_owned(), |quota| quota.to_string())
}

/// Checks that a secret is long enough to be one, and keeps it.
pub(super) fn keep_secret(field: &mut Option<Secret>, text: &str, min_bytes: usize) -> Result<(), String> {
    if text.len() < min_bytes {
        let rule = format!("must be at least {min_bytes} bytes long, is {}", text.len());
        return Err(format!("{rule}; `openssl rand -hex 32` makes a good one"));
    }
    *field = Some(Secret::new(text.to_owned()));
    Ok(())
}

/// Keeps a short text that people read.
pub(super) fn keep_words(field: &mut Option<String>, text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.len() > 200 || text.contains(char::is_control) {
        return Err(with_value("must be 1 to 200 bytes on one line", text));
    }
    *field = Some(text.trim().to_owned());
    Ok(())
}

pub(super) fn hidden(secret: Option<&Secret>) -> Option<String> {
    secret.map(|_| "(set)".to_owned())
}
