//! Signed positions: how readers prove how far they have come with a poll.
//!
//! A reader who has seen a later tally than a replica knows makes it ask the store, and one who has seen a later tally
//! than the store has makes the store raise an epoch. Anybody can invent a later number. So entity tags and event ids
//! have a signed position: `EPOCH:VERSION:MAC`, where the MAC is 6 bytes of a keyed BLAKE3 hash of the poll and the
//! position, in hexadecimal. Guessing one takes some 10^14 requests, and only causes a reading. Every replica has the
//! same keys, derived from `SAWT_SECRET`; those of the previous secret are valid too.

use std::fmt;

use crate::{
    poll::{PollId, Position},
    secret::{Secret, hex, is_same},
};

/// The keys: the current one signs, the current and the previous one verify.
pub struct PositionKeys {
    current: [u8; 32],
    previous: Option<[u8; 32]>,
}

/// A position with its signature; displays as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedPosition {
    position: Position,
    mac: Mac,
}

type Mac = [u8; 6];

/// A position that a reader shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderPosition {
    pub position: Position,
    /// Whether a replica has signed it.
    pub is_proven: bool,
}

impl PositionKeys {
    /// The keys derived from the current and the previous `SAWT_SECRET`.
    pub fn new(secret: &Secret, previous: Option<&Secret>) -> Self {
        let derive = |secret: &Secret| {
            blake3::derive_key("sawt 2026-11-28 tally position signature", secret.expose().as_bytes())
        };
        Self { current: derive(secret), previous: previous.map(derive) }
    }

    pub(super) fn current(&self) -> &[u8; 32] {
        &self.current
    }

    pub(super) fn previous(&self) -> Option<&[u8; 32]> {
        self.previous.as_ref()
    }

    /// A poll's position, signed.
    pub fn sign(&self, poll: PollId, position: Position) -> SignedPosition {
        SignedPosition { position, mac: mac(&self.current, poll, position) }
    }

    /// The position that a text says of a poll; `None` if it says none. A bare number is a version of the first epoch,
    /// as earlier versions wrote it, and proves nothing.
    pub fn read(&self, poll: PollId, text: &str) -> Option<ReaderPosition> {
        let Some((epoch, rest)) = text.split_once(':') else {
            let position = Position { epoch: 0, version: text.parse().ok()? };
            return Some(ReaderPosition { position, is_proven: false });
        };
        let (version, shown) = rest.split_once(':')?;
        let position = Position { epoch: epoch.parse().ok()?, version: version.parse().ok()? };
        let is_by = |key: &[u8; 32]| is_same(hex(&mac(key, poll, position)).as_bytes(), shown.as_bytes());
        Some(ReaderPosition { position, is_proven: is_by(&self.current) || self.previous.as_ref().is_some_and(is_by) })
    }
}

impl fmt::Display for SignedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.position.epoch, self.position.version, hex(&self.mac))
    }
}

fn mac(key: &[u8; 32], poll: PollId, Position { epoch, version }: Position) -> Mac {
    let signed = [poll.as_bytes().as_slice(), &epoch.to_be_bytes(), &version.to_be_bytes()].concat();
    let [b0, b1, b2, b3, b4, b5, ..] = *blake3::keyed_hash(key, &signed).as_bytes();
    [b0, b1, b2, b3, b4, b5]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn keys(secret: &str) -> PositionKeys {
        PositionKeys::new(&Secret::new(secret.to_owned()), None)
    }

    #[test]
    fn a_position_is_proven_by_whoever_shares_the_secret_and_for_its_poll_alone() {
        let (poll, other) = (PollId::generate(), PollId::generate());
        let position = Position { epoch: 2, version: 17 };
        let text = keys("one").sign(poll, position).to_string();
        let (proven, not) =
            (ReaderPosition { position, is_proven: true }, ReaderPosition { position, is_proven: false });
        assert_eq!(keys("one").read(poll, &text), Some(proven));
        assert_eq!(keys("one").read(other, &text), Some(not));
        assert_eq!(keys("two").read(poll, &text), Some(not));
        let (one, two) = (Secret::new("one".to_owned()), Secret::new("two".to_owned()));
        assert_eq!(PositionKeys::new(&two, Some(&one)).read(poll, &text), Some(proven), "after a rotation");
    }

    #[test]
    fn what_is_not_signed_proves_nothing() {
        let (keys, poll) = (keys("one"), PollId::generate());
        let text = keys.sign(poll, Position { epoch: 0, version: 17 }).to_string();
        for forged in [text.replace(":17:", ":18:"), text.replace("0:", "1:"), "0:99:000000000000".to_owned()] {
            assert!(!keys.read(poll, &forged).unwrap().is_proven, "{forged}");
        }
        let position = Position { epoch: 0, version: 17 };
        assert_eq!(keys.read(poll, "17"), Some(ReaderPosition { position, is_proven: false }));
        assert!(!keys.read(poll, &format!("{text}0")).unwrap().is_proven);
        for strange in ["", "-", "x", "-1", "1:", "1:2", "1:x:000000000000", ":1:000000000000"] {
            assert_eq!(keys.read(poll, strange), None, "{strange}");
        }
    }
}
