//! Which addresses lie outside: those that a webhook may be sent to.
//!
//! A publisher names the address, so it must not reach what only this host may reach: loopback, private and link-local
//! networks, a cloud's metadata. What counts is the address that is connected to, not the name: a name is resolved when
//! it is connected to, and every address it resolves to is checked then. So it does not help to change what the name
//! means between a check and the connection (DNS rebinding).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use url::{Host, Url};

/// Networks that are not outside, by the registries of special-purpose addresses (RFC 6890 and its updates).
const INSIDE_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carriers' own (CGNAT); some clouds' metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local; clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// What this service may connect to when somebody else names the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// Networks inside that the operator allows.
    allowed: Vec<IpNet>,
}

impl Outside {
    /// Whether an address lies outside, or in one of the networks that the operator allows.
    pub fn has(&self, address: IpAddr) -> bool {
        self.allows(address) || is_outside(address.to_canonical())
    }

    /// Whether an address lies in one of the networks that the operator allows: those may be spoken to without TLS.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address))
    }

    /// What the address of a receiver must be, in words that follow its field's name, if it can be told without looking
    /// its name up. Every connection is checked again.
    pub fn refusal_of(&self, url: &Url) -> Option<&'static str> {
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        let is_tls = url.scheme() == "https";
        let may_be_plain = literal.map_or(!self.allowed.is_empty(), |address| self.allows(address));
        if !is_tls && !may_be_plain {
            return Some("must begin with https://, unless the operator allows its network (webhook_networks)");
        }
        let is_inside = literal.is_some_and(|address| !self.has(address));
        is_inside.then_some("must lie outside: addresses of this host and of private networks are not reached")
    }
}

impl FromStr for Outside {
    type Err = &'static str;

    /// Reads the networks that are allowed: addresses and networks (`10.0.0.0/8`), separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |item: &str| item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
        let allowed = text.split(',').map(|item| parse(item.trim())).collect::<Result<_, _>>();
        let allowed = allowed.map_err(
            |_| "must be addresses or networks separated by commas, like 10.1.0.0/16, 192.168.7.20, fd00::/8",
        )?;
        Ok(Self { allowed })
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, network) in self.allowed.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !INSIDE_V4.iter().any(|(network, bits)| has_prefix_v4(address, *network, *bits)),
        IpAddr::V6(address) => is_outside_v6(address),
    }
}

/// Of IPv6 only what is given out to networks (`2000::/3`) is outside, and of that not what stands for an IPv4 address
/// or for nothing.
fn is_outside_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, fourth, fifth, sixth, ..] = address.segments();
    // What reaches an IPv4 address by another way: NAT64's well-known prefix (RFC 6052), 6to4. A network's own prefix
    // of NAT64 (RFC 8215) is inside, whatever stands behind it.
    let embedded = match (first, second) {
        (0x0064, 0xff9b) if (third, fourth, fifth, sixth) == (0, 0, 0, 0) => Some(low_v4(address)),
        (0x2002, _) => Some(Ipv4Addr::from((u32::from(second) << 16) | u32::from(third))),
        _ => None,
    };
    if let Some(embedded) = embedded {
        return is_outside(embedded.into());
    }
    let is_given_out = first & 0xe000 == 0x2000;
    // 2001::/23 are protocol assignments, Teredo among them; 2001:db8::/32 and 3fff::/20 documentation.
    let is_special = (first == 0x2001 && (second < 0x0200 || second == 0x0db8)) || (first == 0x3fff && second < 0x1000);
    is_given_out && !is_special
}

fn low_v4(address: Ipv6Addr) -> Ipv4Addr {
    let [.., high, low] = address.segments();
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

fn has_prefix_v4(address: Ipv4Addr, network: Ipv4Addr, bits: u8) -> bool {
    let mask = u32::MAX.checked_shl(u32::from(32_u8.saturating_sub(bits))).unwrap_or(0);
    u32::from(address) & mask == u32::from(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_inside_is_reached_however_it_is_written() {
        for inside in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "64:ff9b:1:a9fe:a9:fe00:808:808",
            "64:ff9b::1:0:808:808",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "3fff::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "fec0::1",
            "100::1",
            "4000::1",
        ] {
            assert!(!Outside::default().has(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.255.255",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(Outside::default().has(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn the_operator_may_allow_networks() {
        let outside: Outside = "10.1.0.0/16, fd00::/8".parse().unwrap();
        assert_eq!(outside.to_string(), "10.1.0.0/16, fd00::/8");
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"] {
            assert!(outside.has(address.parse().unwrap()), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.1", "fc00::1"] {
            assert!(!outside.has(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_that_can_not_be_reached_is_refused_before_it_is_tried() {
        let none = Outside::default();
        let some: Outside = "10.1.0.0/16".parse().unwrap();
        let is_refused = |outside: &Outside, url: &str| outside.refusal_of(&Url::parse(url).unwrap()).is_some();
        for (url, by_none, by_some) in [
            ("https://example.com/", false, false),
            ("http://example.com/", true, false),
            ("https://1.1.1.1/", false, false),
            ("http://1.1.1.1/", true, true),
            ("https://10.1.0.1/", true, false),
            ("http://10.1.0.1/", true, false),
            ("https://10.2.0.1/", true, true),
            ("https://2130706433/", true, true),
            ("https://0x7f.1/", true, true),
            ("https://[::1]/", true, true),
            ("https://[::ffff:127.0.0.1]/", true, true),
        ] {
            assert_eq!((is_refused(&none, url), is_refused(&some, url)), (by_none, by_some), "{url}");
        }
    }
}
