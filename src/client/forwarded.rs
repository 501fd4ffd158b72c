//! Finds the client's address in a proxy header: from the right, past trusted addresses, to the first that is not
//! trusted.
//!
//! The text is split from its end, element by element, and no further than needed. This is not only faster. Read from
//! its beginning, a quotation mark that a client never closes would swallow what the proxies appended after it; read
//! from its end, everything that trusted proxies wrote is complete before anything that a client wrote.
//!
//! Each line of the header is split by itself, the last one first. Joined with commas, as in RFC 9110 (section 5.3),
//! they would give the same elements.

use std::net::IpAddr;

use super::{ProxyHeader, plain};

/// The first address from the right that is not trusted, beginning with `peer`, which is trusted. If an element can't
/// be read, or there are no more, it is the last address that could be read: always one that a trusted proxy vouches
/// for.
///
/// `lines` are the header's, in the order they were sent.
pub(super) fn walk(peer: IpAddr, lines: &[&[u8]], header: ProxyHeader, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut known = peer;
    for line in lines.iter().rev() {
        let mut rest = Some(*line);
        while let Some(line) = rest {
            let (left, element) = split_last(line, header);
            // An empty element counts too: its proxy did not know the address, or did not write it.
            let Some(address) = address_in(element, header) else { return known };
            known = address;
            if !is_trusted(address) {
                return known;
            }
            rest = left;
        }
    }
    known
}

/// The text left of the last comma (`None` if there is no comma), and the text right of it. In `Forwarded`, a comma
/// between quotation marks does not count.
fn split_last(line: &[u8], header: ProxyHeader) -> (Option<&[u8]>, &[u8]) {
    let mut is_quoted = false;
    for (nth, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if header == ProxyHeader::Forwarded => {
                let before = line.get(..nth).unwrap_or_default();
                let is_escaped = before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
                // The mark that ends a quotation is never escaped, the one that begins it has no backslash before it.
                if !(is_quoted && is_escaped) {
                    is_quoted = !is_quoted;
                }
            }
            b',' if !is_quoted => return (line.get(..nth), line.get(nth + 1..).unwrap_or_default()),
            _ => {}
        }
    }
    (None, line)
}

/// The address that an element names; `None` for `unknown`, for an obfuscated identifier, and for anything unreadable.
fn address_in(element: &[u8], header: ProxyHeader) -> Option<IpAddr> {
    let element = std::str::from_utf8(element).ok()?.trim_matches([' ', '\t']);
    match header {
        ProxyHeader::XForwardedFor => node(unquoted(element)?),
        ProxyHeader::Forwarded => node(unquoted(for_in(element)?)?),
    }
}

/// The value of the one `for` of a `Forwarded` element. Two of them count as none (RFC 7239, section 4).
fn for_in(element: &str) -> Option<&str> {
    let mut found = None;
    for pair in pairs(element) {
        let (name, value) = pair.split_once('=')?;
        if name.trim_matches([' ', '\t']).eq_ignore_ascii_case("for") {
            if found.is_some() {
                return None;
            }
            found = Some(value.trim_matches([' ', '\t']));
        }
    }
    found
}

/// The pairs of an element, which semicolons outside of quotation marks separate.
fn pairs(element: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    element.split(move |character: char| {
        let separates = character == ';' && !is_quoted;
        if character == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = character == '\\' && is_quoted && !is_escaped;
        separates
    })
}

/// A text without the quotation marks around it, if it has them. No address needs an escape, so a text with an escape,
/// or with a mark inside, is refused.
fn unquoted(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"'))?;
    (!inner.contains(['"', '\\'])).then_some(inner)
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`, or `2001:db8::1`, which
/// `X-Forwarded-For` writes without brackets.
fn node(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        let is_port = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        let address = address.parse().ok().filter(|_| is_port)?;
        return Some(plain(IpAddr::V6(address)));
    }
    if let Ok(address) = text.parse() {
        return Some(plain(address));
    }
    let (address, port) = text.split_once(':')?;
    address.parse().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

/// A number, or an obfuscated port (RFC 7239, section 6.2).
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(hidden) => {
            !hidden.is_empty()
                && hidden.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        }
        None => text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}
