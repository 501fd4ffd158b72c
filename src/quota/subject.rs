//! Whom a quota is counted for.

use std::fmt;

use crate::{
    client::Client,
    secret::{KeyHash, first_bytes},
};

/// Whom a quota is counted for, and in what: 16 bytes that are alike for the same one and no other (a client's, a
/// voter's, or those of a key's hash). Prints as nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    who: u128,
    /// If it is an IPv6 network, how many of the leading bits say which.
    pub(super) prefix: Option<u8>,
    /// The poll it is counted in; 0 where it is not counted by poll.
    poll: u128,
}

impl Subject {
    /// An IPv6 network, by its first address and the bits of its prefix.
    pub fn network(address: [u8; 16], prefix: u8) -> Self {
        Self { prefix: Some(prefix), ..Self::from(address) }
    }

    /// The same, counted in one poll.
    #[must_use]
    pub fn in_poll(self, poll: [u8; 16]) -> Self {
        Self { poll: u128::from_be_bytes(poll), ..self }
    }

    /// The network that this client lies in: an IPv4 /24, or an IPv6 /48.
    #[must_use]
    pub fn network_of_client(&self) -> [u8; 16] {
        let bits = if self.prefix.is_some() { 48 } else { 120 };
        (self.who & u128::MAX << (128 - bits)).to_be_bytes()
    }

    /// 16 bytes that are alike for the same one in the same poll.
    pub fn to_bytes(&self) -> [u8; 16] {
        self.key().to_be_bytes()
    }

    /// The network of so many bits that this one lies in; `None` if there is none, or it is not wider.
    pub(super) fn wider(&self, bits: u8) -> Option<Self> {
        let is_wider = self.prefix.is_some_and(|prefix| bits < prefix);
        let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
        is_wider.then_some(Self { who: self.who & mask, prefix: Some(bits), ..*self })
    }

    /// What it is told from all others by. A poll's id has random bits wherever an IPv6 network has none, and before
    /// the last four bytes, which are all that tells IPv4 addresses apart: no two pairs of them are alike.
    pub(super) fn key(&self) -> u128 {
        self.who ^ self.poll
    }
}

impl From<[u8; 16]> for Subject {
    fn from(bytes: [u8; 16]) -> Self {
        Self { who: u128::from_be_bytes(bytes), prefix: None, poll: 0 }
    }
}

impl From<Client> for Subject {
    fn from(client: Client) -> Self {
        let address = *client.as_bytes();
        client.prefix().map_or_else(|| address.into(), |prefix| Self::network(address, prefix))
    }
}

impl From<KeyHash> for Subject {
    /// The hash's first 16 bytes.
    fn from(hash: KeyHash) -> Self {
        first_bytes::<16>(hash.into()).into()
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(…)")
    }
}
