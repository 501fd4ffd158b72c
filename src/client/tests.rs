use actix_web::test::TestRequest;
use proptest::{collection::vec, prelude::*};

use super::*;

/// The proxies that the tests trust.
const TRUSTED: &str = "10.0.0.0/8, 192.0.2.10, fd00::/8";

fn rule(header: ProxyHeader) -> ClientRule {
    ClientRule { trusted: TRUSTED.parse().unwrap(), header, ipv6_prefix: 64 }
}

fn client(peer: &str, sent: &[(ProxyHeader, &[u8])], rule: &ClientRule) -> Client {
    let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 4711);
    let mut req = TestRequest::default().peer_addr(peer);
    for (header, line) in sent {
        req = req.append_header((header.name(), HeaderValue::from_bytes(line).unwrap()));
    }
    rule.client(&req.to_http_request())
}

fn at(address: &str) -> Client {
    Client::at(address.parse().unwrap(), 64)
}

#[track_caller]
fn check(header: ProxyHeader, cases: &[(&str, &[&str], &str)]) {
    for (peer, lines, expected) in cases {
        let sent: Vec<_> = lines.iter().map(|line| (header, line.as_bytes())).collect();
        assert_eq!(
            client(peer, &sent, &rule(header)).as_bytes(),
            at(expected).as_bytes(),
            "{header} {lines:?} from {peer}"
        );
    }
}

#[test]
fn x_forwarded_for_is_read_from_the_right_past_trusted_addresses() {
    check(
        ProxyHeader::XForwardedFor,
        &[
            // No trusted proxy speaks: it is the socket's peer, whatever is written.
            ("198.51.100.1", &[], "198.51.100.1"),
            ("198.51.100.1", &["203.0.113.9"], "198.51.100.1"),
            ("198.51.100.1", &["10.0.0.1"], "198.51.100.1"),
            ("192.0.2.11", &["203.0.113.9"], "192.0.2.11"),
            ("2001:db8::5", &["203.0.113.9"], "2001:db8::"),
            // A trusted proxy speaks.
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("192.0.2.10", &["203.0.113.9"], "203.0.113.9"),
            ("fd00::1", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.2, 192.0.2.10, fd00::7"], "203.0.113.9"),
            // Everything left of the client was written by the client.
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["10.0.0.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["\"6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            // All lines count, in their order.
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9", "10.0.0.2, 10.0.0.3"], "203.0.113.9"),
            // Only proxies: the first of them.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // Every way to write an address.
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["  203.0.113.9\t"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6,203.0.113.9,10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["\"203.0.113.9\""], "203.0.113.9"),
            ("10.0.0.1", &["2001:db8:1:2:3::4"], "2001:db8:1:2::"),
            ("10.0.0.1", &["[2001:db8:1:2:3::4]"], "2001:db8:1:2::"),
            ("10.0.0.1", &["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::"),
            ("10.0.0.1", &["2001:DB8:1:2::4, [fd00::1]:80"], "2001:db8:1:2::"),
            ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["[::FFFF:cb00:7109]:80"], "203.0.113.9"),
            ("10.0.0.1", &["64:ff9b::203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, ::ffff:10.0.0.2"], "6.6.6.6"),
            // NAT64 stands for public addresses; nobody becomes a proxy by it.
            ("10.0.0.1", &["6.6.6.6, 64:ff9b::10.0.0.2"], "64:ff9b::"),
            // Unreadable: the proxy that wrote it.
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, "], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, , 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["203.0.113.9, _hidden"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, نعم"], "10.0.0.1"),
            ("10.0.0.1", &["for=203.0.113.9"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9;203.0.113.8"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9 203.0.113.8"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.256"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.09"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9:"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9:65536"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9:+80"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9/32"], "10.0.0.1"),
            ("10.0.0.1", &["[203.0.113.9]"], "10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::1"], "10.0.0.1"),
            ("10.0.0.1", &["2001:db8::1]"], "10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::1]80"], "10.0.0.1"),
            ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
            ("10.0.0.1", &["\"203.0.113.9"], "10.0.0.1"),
        ],
    );
}

#[test]
fn forwarded_is_read_from_the_right_past_trusted_addresses() {
    check(
        ProxyHeader::Forwarded,
        &[
            ("198.51.100.1", &["for=203.0.113.9"], "198.51.100.1"),
            ("10.0.0.1", &["for=203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["For=203.0.113.9;proto=https;by=10.0.0.1"], "203.0.113.9"),
            ("10.0.0.1", &["proto=http ; FOR = \"203.0.113.9:4711\""], "203.0.113.9"),
            ("10.0.0.1", &["for=203.0.113.9:_port"], "203.0.113.9"),
            ("10.0.0.1", &["for=\"[2001:db8:1:2:3::4]\""], "2001:db8:1:2::"),
            ("10.0.0.1", &["for=\"[2001:db8:1:2:3::4]:4711\""], "2001:db8:1:2::"),
            ("10.0.0.1", &["for=\"[::ffff:203.0.113.9]\""], "203.0.113.9"),
            ("10.0.0.1", &["for=6.6.6.6, for=203.0.113.9;proto=http, for=10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["for=6.6.6.6", "for=203.0.113.9", "for=10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["for=203.0.113.9;host=\"a, for=6.6.6.6\""], "203.0.113.9"),
            ("10.0.0.1", &["for=203.0.113.9;host=\"a; for=6.6.6.6\""], "203.0.113.9"),
            ("10.0.0.1", &["for=203.0.113.9;host=\"a\\\", for=6.6.6.6\""], "203.0.113.9"),
            // A quotation that the client does not close swallows nothing.
            ("10.0.0.1", &["for=\"6.6.6.6, for=203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["for=\"6.6.6.6, for=203.0.113.9, for=10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["for=\"6.6.6.6\\, for=\"[2001:db8:1:2::4]\""], "2001:db8:1:2::"),
            ("10.0.0.1", &["for=\"6.6.6.6", "for=203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["for=203.0.113.9, for=unknown"], "10.0.0.1"),
            ("10.0.0.1", &["for=203.0.113.9, for=\"unknown:80\""], "10.0.0.1"),
            ("10.0.0.1", &["for=203.0.113.9, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["for=203.0.113.9, proto=https"], "10.0.0.1"),
            ("10.0.0.1", &["for=203.0.113.9;for=6.6.6.6"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "10.0.0.1"),
            ("10.0.0.1", &["for=203.0.113.9, "], "10.0.0.1"),
            ("10.0.0.1", &["for=\"203.0.113\\.9\""], "10.0.0.1"),
            ("10.0.0.1", &["for=\"203.0.113.9\"x"], "10.0.0.1"),
            ("10.0.0.1", &["for="], "10.0.0.1"),
        ],
    );
}

#[test]
fn of_two_proxy_headers_the_one_not_named_is_never_read() {
    use ProxyHeader::{Forwarded, XForwardedFor};
    let both: [(ProxyHeader, &[u8]); 2] = [(XForwardedFor, b"203.0.113.1"), (Forwarded, b"for=203.0.113.2")];
    assert_eq!(client("10.0.0.1", &both, &rule(XForwardedFor)), at("203.0.113.1"));
    assert_eq!(client("10.0.0.1", &both, &rule(Forwarded)), at("203.0.113.2"));
    assert_eq!(client("10.0.0.1", &both[1..], &rule(XForwardedFor)), at("10.0.0.1"));
    assert_eq!(client("10.0.0.1", &both[..1], &rule(Forwarded)), at("10.0.0.1"));
}

#[test]
fn one_subscribers_addresses_are_one_client_and_anothers_are_another() {
    for (one, other, prefix, is_same) in [
        ("192.0.2.1", "192.0.2.1", 64, true),
        ("192.0.2.1", "192.0.2.2", 64, false),
        ("192.0.2.1", "::ffff:192.0.2.1", 64, true),
        ("192.0.2.1", "64:ff9b::c000:201", 64, true),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", 64, false),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", 64, false),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", 64, true),
        ("2001:db8::1", "2001:db8:0:1::1", 64, false),
        ("2001:db8::1", "2001:db8:0:1::1", 56, true),
        ("2001:db8::1", "2001:db8::2", 128, false),
        ("2001:db8::1", "2001:db8:ffff::2", 32, true),
        ("::", "0.0.0.0", 32, false),
    ] {
        let rule = ClientRule { ipv6_prefix: prefix, ..rule(ProxyHeader::XForwardedFor) };
        assert_eq!(client(one, &[], &rule) == client(other, &[], &rule), is_same, "{one} and {other} by /{prefix}");
    }
}

#[test]
fn a_client_prints_as_nothing() {
    assert_eq!(format!("{:?}", Some(at("203.0.113.9"))), "Some(Client(…))");
}

#[test]
fn proxies_are_listed_by_address_or_network_and_never_everybody() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("fd00::/8,  ::1 ", "fd00::/8, ::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
    ] {
        assert_eq!(text.parse::<TrustedProxies>().unwrap().to_string(), shown);
    }
    for bad in ["", ",", "10.0.0.0/8,", "10.0.0.0/33", "proxy.example", "0.0.0.0/0", "::/0", "::ffff:0:0/96", "10/8"] {
        assert!(bad.parse::<TrustedProxies>().unwrap_err().starts_with("must be "), "{bad}");
    }
}

/// Text such as clients write: of the characters that mean something here, and of any.
fn forgery() -> impl Strategy<Value = Vec<u8>> {
    let telling = vec(prop::sample::select(b"\"\\,;=[]:._ for10unkw\xff".to_vec()), 0..60);
    let plausible =
        vec(prop::sample::select(vec!["for=6.6.6.6", "10.0.0.2", "\"", ", ", "for=\"", "\\", "[::1]"]), 0..9);
    prop_oneof![
        vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 0..60),
        telling,
        plausible.prop_map(|words| words.concat().into_bytes()),
    ]
}

/// What a trusted proxy may write of a client: each way, and the client it means.
fn written() -> impl Strategy<Value = (ProxyHeader, &'static str, &'static str)> {
    use ProxyHeader::{Forwarded, XForwardedFor};
    prop::sample::select(vec![
        (XForwardedFor, "203.0.113.9", "203.0.113.9"),
        (XForwardedFor, "203.0.113.9:80, 10.0.0.2", "203.0.113.9"),
        (XForwardedFor, "2001:db8:1:2::4, [fd00::1]:80", "2001:db8:1:2::"),
        (Forwarded, "for=203.0.113.9;proto=https", "203.0.113.9"),
        (Forwarded, "for=\"[2001:db8:1:2::4]:80\"", "2001:db8:1:2::"),
        (Forwarded, "by=\"a,\\\";b\";for=\"203.0.113.9\", for=10.0.0.2", "203.0.113.9"),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a client writes, in any number of lines, and whether its proxy appends to the last line or begins
    /// another: the client is the same.
    #[test]
    fn nothing_left_of_the_rightmost_untrusted_address_changes_the_answer(
        forged in vec(forgery(), 0..4),
        (header, appended, expected) in written(),
        is_own_line in any::<bool>(),
    ) {
        let mut lines = forged;
        match lines.last_mut() {
            Some(last) if !is_own_line => last.extend([b", ", appended.as_bytes()].concat()),
            Some(_) | None => lines.push(appended.as_bytes().to_vec()),
        }
        let sent: Vec<_> = lines.iter().map(|line| (header, &line[..])).collect();
        prop_assert_eq!(client("10.0.0.1", &sent, &rule(header)), at(expected));
    }

    /// Nothing that can be sent makes the search panic, and the answer is the peer or an address in the header.
    #[test]
    fn any_bytes_at_all_name_the_proxy_or_what_it_wrote(
        lines in vec(forgery(), 0..4),
        header in prop::sample::select(vec![ProxyHeader::XForwardedFor, ProxyHeader::Forwarded]),
    ) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| &line[..]).collect();
        let peer = "10.0.0.1".parse().unwrap();
        let found = forwarded::walk(peer, &lines, header, |address| rule(header).trusted.contain(address));
        let everything = String::from_utf8_lossy(&lines.join(&b","[..])).into_owned();
        let is_written = found == peer || match found {
            IpAddr::V4(address) => everything.contains(&address.to_string()),
            // Shortened or in another case, it would have to be parsed again to be found.
            IpAddr::V6(_) => everything.contains(':'),
        };
        prop_assert!(is_written, "{found} is not in {everything}");
    }
}
