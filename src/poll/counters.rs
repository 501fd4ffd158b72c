//! Counters: the numbers in a tally that ballots add to. A store counts them, and knows nothing else of a poll's
//! options.
//!
//! A counter is known by its *index*. The poll's [kind](super::Kind) decides what an index means: in today's kinds, an
//! option.

use std::fmt;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The most counters of a poll: so an index is one byte, and never [`BYTES`].
pub const MAX_COUNTERS: usize = 240;

/// The most counters that a ballot kept as bytes adds to.
pub const MOST_INDEXES: usize = 15;

/// What a ballot kept as bytes begins with, so that it is never taken for a number.
const BYTES: u8 = 0xFF;

/// How a store keeps a ballot. A poll names its codec when it is made, and keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// One counter: its index, as a number.
    Index,
    /// A set of the first 32 counters: their bits, as a number.
    Bits,
    /// Some counters in an order: 0xFF, then the index of each, in one byte.
    Bytes,
}

impl Codec {
    /// The codec as the one digit that stores write and their scripts read.
    pub fn code(self) -> u8 {
        match self {
            Self::Index => 0,
            Self::Bits => 1,
            Self::Bytes => 2,
        }
    }

    /// The codec whose digit this is.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Index, Self::Bits, Self::Bytes].into_iter().find(|codec| codec.code() == code)
    }
}

/// The counters that one ballot adds to, each by one, in the form of the poll's [`Codec`]. It is a voter's record in a
/// store. Small, so it is copied and never allocated.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counters {
    /// One, by [`Codec::Index`].
    Index(u8),
    /// Several, by [`Codec::Bits`].
    Bits(u32),
    /// Several in an order, by [`Codec::Bytes`].
    Bytes(Indexes),
}

/// At most [`MOST_INDEXES`] indexes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Indexes {
    /// Those beyond `count` are 0, so that equal lists are equal.
    indexes: [u8; MOST_INDEXES],
    count: u8,
}

impl Indexes {
    /// No indexes, which no ballot adds to.
    pub(super) const NONE: Self = Self { indexes: [0; MOST_INDEXES], count: 0 };

    /// These indexes; `None` if there are none or too many, one is no index, or one comes twice.
    pub fn of(listed: &[u8]) -> Option<Self> {
        let mut indexes = [0; MOST_INDEXES];
        indexes.get_mut(..listed.len())?.copy_from_slice(listed);
        let is_good = |(nth, index): (usize, &u8)| {
            usize::from(*index) < MAX_COUNTERS && listed.iter().take(nth).all(|before| before != index)
        };
        let count = u8::try_from(listed.len()).ok().filter(|count| *count > 0)?;
        listed.iter().enumerate().all(is_good).then_some(Self { indexes, count })
    }

    /// The indexes, in their order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        self.indexes.into_iter().take(self.count.into())
    }
}

impl Counters {
    /// The indexes of the counters, in their order.
    pub fn indexes(self) -> impl Iterator<Item = u8> {
        let (one, mut bits, listed) = match self {
            Self::Index(index) => (Some(index), 0, Indexes::NONE),
            Self::Bits(bits) => (None, bits, Indexes::NONE),
            Self::Bytes(listed) => (None, 0, listed),
        };
        let lowest = move || {
            let lowest = u8::try_from(bits.trailing_zeros()).ok()?;
            bits &= bits.checked_sub(1)?;
            Some(lowest)
        };
        one.into_iter().chain(std::iter::from_fn(lowest)).chain(listed.iter())
    }

    /// The number kept by [`Codec::Index`] and [`Codec::Bits`]. Small numbers keep a ballot in Redis at 12 bytes.
    pub fn number(self) -> Option<u32> {
        match self {
            Self::Index(index) => Some(index.into()),
            Self::Bits(bits) => Some(bits),
            Self::Bytes(_) => None,
        }
    }

    /// The counters kept as this number; `None` if it is invalid.
    pub fn from_number(codec: Codec, number: u32) -> Option<Self> {
        match codec {
            Codec::Index => {
                u8::try_from(number).ok().filter(|index| usize::from(*index) < MAX_COUNTERS).map(Self::Index)
            }
            Codec::Bits => (number != 0).then_some(Self::Bits(number)),
            Codec::Bytes => None,
        }
    }

    /// The bytes kept by [`Codec::Bytes`].
    pub fn bytes(self) -> Option<SmallVec<[u8; 1 + MOST_INDEXES]>> {
        match self {
            Self::Index(_) | Self::Bits(_) => None,
            Self::Bytes(listed) => Some(std::iter::once(BYTES).chain(listed.iter()).collect()),
        }
    }

    /// The counters kept as these bytes; `None` if they are invalid.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.strip_prefix(&[BYTES]).and_then(Indexes::of).map(Self::Bytes)
    }
}

impl fmt::Debug for Counters {
    /// Prints nothing of what was chosen: choices stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counters(…)")
    }
}

impl fmt::Debug for Indexes {
    /// The same: they are of one ballot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Indexes(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_survive_how_they_are_kept() {
        for index in 0..240 {
            let one = Counters::Index(index);
            assert_eq!(Counters::from_number(Codec::Index, one.number().unwrap()), Some(one));
            assert_eq!(one.indexes().collect::<Vec<_>>(), [index]);
        }
        let all: Vec<u8> = (0..32).collect();
        for (bits, indexes) in [(1, &[0][..]), (1 << 31, &[31]), (0b1011, &[0, 1, 3]), (u32::MAX, &all)] {
            let set = Counters::Bits(bits);
            assert_eq!(Counters::from_number(Codec::Bits, set.number().unwrap()), Some(set));
            assert_eq!(set.indexes().collect::<Vec<_>>(), indexes);
        }
        for indexes in [&[0][..], &[239, 0, 44], &[14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]] {
            let listed = Counters::Bytes(Indexes::of(indexes).unwrap());
            assert_eq!(Counters::from_bytes(&listed.bytes().unwrap()), Some(listed));
            assert_eq!(listed.indexes().collect::<Vec<_>>(), indexes);
        }
    }

    #[test]
    fn what_is_kept_of_no_ballot_is_no_counters() {
        assert_eq!(Counters::from_number(Codec::Index, 240), None);
        assert_eq!(Counters::from_number(Codec::Bits, 0), None);
        assert_eq!(Counters::from_number(Codec::Bytes, 1), None);
        for bytes in [&[][..], &[255], &[0, 1], &[255, 1, 1], &[255, 240], &[255; 17]] {
            assert_eq!(Counters::from_bytes(bytes), None, "{bytes:?}");
        }
        assert!(Indexes::of(&(0..16).collect::<Vec<u8>>()).is_none());
    }
}
