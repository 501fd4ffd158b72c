//! A list of networks, and whether a client comes from one of them.
//!
//! There may be a hundred thousand (all that large hosts announce), and each vote asks. So they are merged into ranges
//! that don't overlap, in the order of their addresses, with IPv4 addresses mapped into IPv6: a binary search finds the
//! one range that may have an address.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Client, as_ipv4};

/// The networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressRanges(Vec<(u128, u128)>);

/// Which line is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is none")]
pub struct InvalidRanges(pub usize);

impl AddressRanges {
    /// Reads addresses and networks, one a line. Empty lines, and what follows `#`, are passed over.
    ///
    /// # Errors
    /// [`InvalidRanges`]: a line is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidRanges> {
        let mut ranges = Vec::new();
        for (nth, line) in text.lines().enumerate() {
            let item = line.split('#').next().unwrap_or_default().trim();
            if item.is_empty() {
                continue;
            }
            let network = item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
            let network = as_ipv4(network.map_err(|_| InvalidRanges(nth + 1))?.trunc());
            ranges.push((number(network.network()), number(network.broadcast())));
        }
        ranges.sort_unstable();
        ranges.dedup_by(|next, before| {
            let is_within = next.0 <= before.1.saturating_add(1);
            if is_within {
                before.1 = before.1.max(next.1);
            }
            is_within
        });
        Ok(Self(ranges))
    }

    /// How many ranges there are that don't touch.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a client's address, or the first one of its network, is in one of them.
    pub fn contain(&self, client: Client) -> bool {
        let address = u128::from_be_bytes(client.address);
        let before = self.0.partition_point(|(first, _)| *first <= address);
        let range = before.checked_sub(1).and_then(|nth| self.0.get(nth));
        range.is_some_and(|(_, last)| address <= *last)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(ranges: &AddressRanges, address: &str) -> bool {
        ranges.contain(Client::at(address.parse().unwrap(), 64))
    }

    #[test]
    fn a_client_is_found_in_whichever_network_has_it() {
        let text = "# a host\n192.0.2.0/25\n 192.0.2.128/25 # the other half\n\n198.51.100.7\r\n2001:db8::/32\n::ffff:203.0.113.0/120\n";
        let ranges = AddressRanges::parse(text).unwrap();
        assert_eq!(ranges.len(), 4, "halves are one");
        for (address, is_in) in [
            ("192.0.2.0", true),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("192.0.1.255", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("203.0.113.9", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("::1", false),
        ] {
            assert_eq!(contain(&ranges, address), is_in, "{address}");
        }
        assert!(!contain(&AddressRanges::default(), "192.0.2.1"));
        let all = AddressRanges::parse("0.0.0.0/0\n::/0").unwrap();
        assert_eq!(all.len(), 1);
        assert!(contain(&all, "192.0.2.1") && contain(&all, "::") && contain(&all, "ffff::"));
    }

    #[test]
    fn a_line_that_is_no_network_is_named() {
        for (text, line) in [("x", 1), ("192.0.2.0/24\n\n192.0.2.0/33", 3), ("192.0.2.0/24,198.51.100.0/24", 1)] {
            assert_eq!(AddressRanges::parse(text), Err(InvalidRanges(line)), "{text}");
        }
        assert!(AddressRanges::parse("").unwrap().is_empty());
    }

    proptest::proptest! {
        #[test]
        fn the_search_finds_what_going_through_all_finds(
            networks in proptest::collection::vec((0..64_u8, 24..=32_u8), 0..12),
            address in 0..64_u8,
        ) {
            let lines: Vec<String> = networks.iter().map(|(last, prefix)| format!("192.0.2.{last}/{prefix}")).collect();
            let ranges = AddressRanges::parse(&lines.join("\n")).unwrap();
            let address = format!("192.0.2.{address}");
            let is_in = |line: &String| line.parse::<IpNet>().unwrap().contains(&address.parse::<IpAddr>().unwrap());
            proptest::prop_assert_eq!(contain(&ranges, &address), lines.iter().any(is_in));
        }
    }
}
