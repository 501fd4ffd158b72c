//! The client's address of a request, as far as it can be trusted.
//!
//! Anybody can write anything into `X-Forwarded-For`, and polls that trusted its first entry were voted in without
//! limit. What can be trusted is the socket's peer, and what each *known* proxy says about the peer of its own socket.
//! So the search goes from the right: while the address is one of `SAWT_TRUSTED_PROXIES`, the address that this proxy
//! wrote last is read. The first address that is not trusted is the client; everything left of it was written by the
//! client and is never read. If what a trusted proxy wrote is no address, the search stops at that proxy: to count many
//! clients as one is a nuisance, to let each of them be as many as they like is a hole.
//!
//! Only one header is read, the one that `SAWT_PROXY_HEADER` names: proxies overwrite the one they write themselves and
//! pass the other on as the client sent it. [`forwarded`] reads both forms.
//!
//! Quotas are counted per [`Client`]. It never decides that somebody has already voted, is kept in memory only, and
//! prints as nothing. It takes a few nanoseconds to find when no proxy is trusted, and allocates nothing unless there
//! is a proxy and more than four lines of its header; so it is found only when it is needed.

mod forwarded;
#[cfg(test)]
mod fuzz;
mod ranges;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName, HeaderValue},
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
pub use ranges::{AddressRanges, InvalidRanges};
use smallvec::SmallVec;

/// Where a request came from: an IPv4 address, or the IPv6 network of one subscriber (a /64 unless `SAWT_IPV6_PREFIX`
/// says otherwise), because a subscriber can use every address in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client {
    address: [u8; 16],
    /// The prefix length of an IPv6 network.
    prefix: Option<u8>,
}

impl Client {
    /// The client's 16 bytes, which no other client has: an IPv6 network's first address, or an IPv4 address mapped
    /// into IPv6 (which is never a network's first address, since mapped addresses count as IPv4).
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.address
    }

    /// The prefix length of an IPv6 network.
    pub fn prefix(&self) -> Option<u8> {
        self.prefix
    }

    fn at(address: IpAddr, ipv6_prefix: u8) -> Self {
        match address {
            IpAddr::V4(address) => Self { address: address.to_ipv6_mapped().octets(), prefix: None },
            IpAddr::V6(address) => {
                let network = Ipv6Net::new(address, ipv6_prefix).map_or(address, |network| network.network());
                Self { address: network.octets(), prefix: Some(ipv6_prefix) }
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(…)")
    }
}

/// The header in which proxies name their client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: addresses, separated by commas.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ProxyHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => header::X_FORWARDED_FOR,
            Self::Forwarded => header::FORWARDED,
        }
    }
}

impl FromStr for ProxyHeader {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("must be x-forwarded-for or forwarded"),
        }
    }
}

impl fmt::Display for ProxyHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        })
    }
}

/// The trusted proxies in front of this service, by address. Usually a handful, so a list is searched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Whether an address (no mapped IPv4 address) is one of them.
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = &'static str;

    /// Reads addresses and networks (`10.0.0.0/8`) separated by commas. All addresses (`0.0.0.0/0`) is refused: then
    /// anybody could claim any address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |item: &str| {
            let network = item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
            let network = network.map_err(
                |_| "must be addresses or networks separated by commas, like 10.0.0.0/8, 192.0.2.7, fd00::/8",
            )?;
            let network = as_ipv4(network.trunc());
            if network.prefix_len() == 0 {
                return Err("must be networks of proxies: of everybody's addresses anybody could write any");
            }
            Ok(network)
        };
        text.split(',').map(|item| parse(item.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, network) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

/// How a request's client is found.
#[derive(Debug, Clone)]
pub struct ClientRule {
    /// Which proxies are trusted.
    pub trusted: TrustedProxies,
    /// The header they write.
    pub header: ProxyHeader,
    /// How many leading bits of an IPv6 address identify a client, 32 to 128.
    pub ipv6_prefix: u8,
}

impl Default for ClientRule {
    /// Trusts no proxy. A client is an IPv4 address or an IPv6 /64.
    fn default() -> Self {
        Self { trusted: TrustedProxies::default(), header: ProxyHeader::default(), ipv6_prefix: 64 }
    }
}

impl ClientRule {
    /// The client that a connection counts for, by its socket's peer; `None` for a trusted proxy, which speaks for
    /// many.
    pub fn peer(&self, peer: IpAddr) -> Option<Client> {
        let peer = plain(peer);
        (!self.trusted.contain(peer)).then(|| Client::at(peer, self.ipv6_prefix))
    }

    /// The client of a request. Never fails: at worst it is the proxy that passed the request on.
    pub fn client(&self, req: &HttpRequest) -> Client {
        // Only a request built in a test, without a socket, has no peer.
        let peer = req.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| plain(peer.ip()));
        if !self.trusted.contain(peer) {
            return Client::at(peer, self.ipv6_prefix);
        }
        let lines: SmallVec<[&[u8]; 4]> =
            req.headers().get_all(self.header.name()).map(HeaderValue::as_bytes).collect();
        let address = forwarded::walk(peer, &lines, self.header, |address| self.trusted.contain(address));
        Client::at(address, self.ipv6_prefix)
    }
}

/// An address as IPv4, if it is one: mapped (`::ffff:192.0.2.1`), as dual-stack sockets give it, or with NAT64's
/// well-known prefix (`64:ff9b::192.0.2.1`). Otherwise one reader would count twice, or all of IPv4 as one network.
///
/// The NAT64 prefix stands for public addresses only (RFC 6052, section 3.1). One that holds a private address stays as
/// it is, so that nobody becomes a trusted proxy by it.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(address) = address else { return address };
    if let Some(mapped) = address.to_ipv4_mapped() {
        return IpAddr::V4(mapped);
    }
    match address.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
            let carried = Ipv4Addr::new(a, b, c, d);
            let is_private = carried.is_private()
                || carried.is_loopback()
                || carried.is_link_local()
                || carried.is_unspecified()
                || carried.is_broadcast();
            if is_private { IpAddr::V6(address) } else { IpAddr::V4(carried) }
        }
        _ => IpAddr::V6(address),
    }
}

/// A network of mapped addresses as the IPv4 network it is.
fn as_ipv4(network: IpNet) -> IpNet {
    const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
    let IpNet::V6(six) = network else { return network };
    let four = six.network().to_ipv4_mapped().filter(|_| MAPPED.contains(&six));
    let four = four.and_then(|address| Ipv4Net::new(address, six.prefix_len() - MAPPED.prefix_len()).ok());
    four.map_or(network, IpNet::V4)
}
