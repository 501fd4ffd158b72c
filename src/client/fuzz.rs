//! Compares the search with a slow one that follows the grammar, on fuzzed headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{ProxyHeader, TrustedProxies, forwarded, plain};
use crate::fuzz::fuzz;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// Lines of both headers, and what proxies have been seen to write.
const SEEDS: [&[u8]; 10] = [
    b"",
    b"203.0.113.9",
    b"6.6.6.6, 203.0.113.9:4711\n10.0.0.2, fd00::7",
    b"2001:db8:1:2::4, [fd00::1]:80, ::ffff:10.0.0.2",
    b"\"203.0.113.9\", 64:ff9b::10.0.0.2, 10.0.0.3",
    b"203.0.113.9, unknown, 10.0.0.2",
    b"for=203.0.113.9;proto=https;by=10.0.0.1, for=10.0.0.2",
    b"For = \"[2001:db8:1:2::4]:_port\" ; host=\"a, for=6.6.6.6\"",
    b"for=203.0.113.9;host=\"a\\\", for=6.6.6.6\"\nfor=\"[::ffff:10.0.0.2]\"",
    b"for=\"6.6.6.6\\, for=203.0.113.9, for=_hidden, for=10.0.0.2",
];

const WORDS: [&[u8]; 21] = [
    b", ",
    b",",
    b"; ",
    b";",
    b"\"",
    b"\\",
    b"\\\"",
    b"=",
    b"\n",
    b"[",
    b"]",
    b":80",
    b":_x",
    b"for=",
    b"proto=http",
    b"host=\"a,b;c\"",
    b"10.0.0.2",
    b"fd00::7",
    b"203.0.113.9",
    b"[::ffff:10.0.0.2]",
    b"unknown",
];

/// An address as an element names it: alone, or before one of its colons, with a port behind it.
fn address_by_the_book(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let marks = text.matches(['"', '\\']).count();
    let text = match marks {
        0 => text,
        2 if text.len() >= 2 && text.starts_with('"') && text.ends_with('"') => &text[1..text.len() - 1],
        _ => return None,
    };
    let with_port = text.match_indices(':').map(|(colon, _)| (&text[..colon], Some(&text[colon + 1..])));
    let mut ways = std::iter::once((text, None)).chain(with_port);
    let address = ways.find_map(|(address, port)| match (address.strip_prefix('['), port) {
        (_, Some(port)) if !is_port_by_the_book(port) => None,
        (Some(inside), _) => inside.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        (None, Some(_)) => address.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        (None, None) => address.parse().ok(),
    });
    address.map(plain)
}

fn is_port_by_the_book(port: &str) -> bool {
    let hidden = port.strip_prefix('_').filter(|hidden| !hidden.is_empty());
    let is_number = (1..=5).contains(&port.len()) && port.chars().all(|digit| digit.is_ascii_digit());
    hidden.is_some_and(|hidden| hidden.chars().all(|each| each.is_ascii_alphanumeric() || "._-".contains(each)))
        || (is_number && port.parse::<u32>().unwrap() <= 65_535)
}

/// The elements of a line of `Forwarded`, each as its pairs, read from the beginning by RFC 7239's grammar; `None` if
/// the line breaks the grammar.
fn elements_by_the_book(line: &[u8]) -> Option<Vec<Vec<&[u8]>>> {
    let (mut elements, mut pairs, mut start) = (Vec::new(), Vec::new(), 0);
    let (mut is_quoted, mut is_escaped, mut is_complete) = (false, false, false);
    for (nth, byte) in line.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' if is_quoted => (is_quoted, is_complete) = (false, true),
            _ if is_quoted => {}
            b',' | b';' => {
                pairs.push(&line[start..nth]);
                (start, is_complete) = (nth + 1, false);
                if *byte == b',' {
                    elements.push(std::mem::take(&mut pairs));
                }
            }
            b' ' | b'\t' => {}
            b'"' if !is_complete && line[start..nth].trim_ascii_end().ends_with(b"=") => is_quoted = true,
            b'"' | b'\\' => return None,
            _ if is_complete => return None,
            _ => {}
        }
    }
    pairs.push(&line[start..]);
    elements.push(pairs);
    (!is_quoted).then_some(elements)
}

fn named_by_the_book(pairs: &[&[u8]]) -> Option<IpAddr> {
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|pair| std::str::from_utf8(pair).ok()?.split_once('=')).collect::<Option<_>>()?;
    let named: Vec<&str> = pairs
        .into_iter()
        .filter(|(name, _)| name.trim_matches([' ', '\t']).eq_ignore_ascii_case("for"))
        .map(|(_, value)| value)
        .collect();
    let [value] = named[..] else { return None };
    address_by_the_book(value.as_bytes())
}

/// What each element of a header names, the last one first; an `Err` where a line breaks the grammar.
fn all_named(lines: &[&[u8]], header: ProxyHeader) -> Vec<Result<Option<IpAddr>, ()>> {
    let mut named = Vec::new();
    for line in lines.iter().rev() {
        match header {
            ProxyHeader::XForwardedFor => {
                named.extend(line.rsplit(|byte| *byte == b',').map(|element| Ok(address_by_the_book(element))));
            }
            ProxyHeader::Forwarded => match elements_by_the_book(line) {
                Some(elements) => named.extend(elements.iter().rev().map(|pairs| Ok(named_by_the_book(pairs)))),
                None => named.push(Err(())),
            },
        }
    }
    named
}

/// Checks one header, and returns how far the search came and what it found.
fn check(lines: &[&[u8]], header: ProxyHeader, trusted: &TrustedProxies) -> (usize, bool, bool) {
    let found = forwarded::walk(PEER, lines, header, |address| trusted.contain(address));
    let named = all_named(lines, header);
    let mut known = PEER;
    for (steps, address) in named.iter().enumerate() {
        match address {
            // The grammar does not say whose this is: what was read before stands, or what a proxy wrote there.
            Err(()) => return (steps, true, true),
            Ok(None) => {
                assert_eq!(found, known, "{header} goes on past what can't be read");
                return (steps, true, false);
            }
            Ok(Some(address)) => known = *address,
        }
        if !trusted.contain(known) {
            assert_eq!(found, known, "{header} does not end at the rightmost untrusted address");
            return (steps, false, false);
        }
    }
    assert_eq!(found, known, "{header} does not end at the first of nothing but proxies");
    (named.len(), false, true)
}

#[test]
fn fuzzed_proxy_headers_are_walked_by_the_book() {
    let trusted: TrustedProxies = "10.0.0.0/8, 192.0.2.10, fd00::/8".parse().unwrap();
    fuzz(&SEEDS, &WORDS, |input| {
        let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
        let outcomes =
            [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded].map(|header| check(&lines, header, &trusted));
        // Whatever the header says, the address that a proxy appends counts, on the last line or on one of its own.
        for (header, appended) in [
            (ProxyHeader::XForwardedFor, &b", 203.0.113.7, 10.0.0.2"[..]),
            (ProxyHeader::Forwarded, b", by=\"a,\\\";b\";for=203.0.113.7, for=10.0.0.2"),
        ] {
            let last = [lines.last().copied().unwrap_or_default(), appended].concat();
            let before = &lines[..lines.len() - 1];
            let walk = |lines: &[&[u8]]| forwarded::walk(PEER, lines, header, |address| trusted.contain(address));
            let client: IpAddr = "203.0.113.7".parse().unwrap();
            assert_eq!(walk(&[before, &[&last]].concat()), client, "{header} believes what a client wrote");
            assert_eq!(
                walk(&[&lines[..], &[&appended[2..]]].concat()),
                client,
                "{header} believes what a client wrote"
            );
        }
        outcomes
    });
}
