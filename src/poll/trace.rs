//! What is known of a vote for some minutes: enough to tell a crowd of readers from one hand, and nobody by name.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A network under a key that is dropped with the day: a /24, or a /48 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetworkDigest(pub u32);

impl NetworkDigest {
    /// The day of a moment: marks are the same for one, and dropped with it.
    pub fn day(at: Timestamp) -> i64 {
        at.as_millis().div_euclid(24 * 60 * 60 * 1_000)
    }
}

/// A ballot that was counted, without its voter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoteTrace {
    /// When it was counted, by the store's clock.
    pub at: Timestamp,
    /// The network it came from.
    pub network: NetworkDigest,
    /// The first option that it names, by its index.
    pub option: u8,
    /// How many ballots it stands for, where there are too many to tell each.
    pub ballots: u16,
    /// Whether its voter was made with it.
    pub is_by_new_voter: bool,
}
