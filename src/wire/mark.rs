//! Marks: what a vote brings back, to show that its reader had the poll before them.
//!
//! A stream that asks for them and the plain form carry one. A mark says of which poll it is and in which quarter of a
//! second it was made, and that a replica made it. All readers of that get the same, so it names nobody; and anybody
//! can get one, so a good mark proves little. But who votes without having looked has none, and who looks and votes in
//! the same moment has one that is younger than any reader's. A mark does not expire: a page may stay open for days.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::PositionKeys;
use crate::{
    poll::{PollId, Timestamp},
    secret::{first_bytes, is_same},
};

/// How long a mark is: a second, which quarter of it, and the first bytes of a keyed hash of these and the poll.
const WHOLE: usize = 12;
/// Of a mark of an earlier version: a second alone.
const SECOND: usize = 4;
const MILLIS: i64 = 1_000;
const QUARTER: i64 = MILLIS / 4;

/// A mark, good or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; WHOLE]);

impl PositionKeys {
    /// A poll's mark of this quarter of a second.
    pub fn mark(&self, poll: PollId, now: Timestamp) -> Mark {
        let second = u32::try_from(now.as_millis().div_euclid(MILLIS)).unwrap_or_default();
        let quarter = u8::try_from(now.as_millis().rem_euclid(MILLIS) / QUARTER).unwrap_or_default();
        let [s0, s1, s2, s3] = second.to_be_bytes();
        signed(self.current(), poll, [s0, s1, s2, s3, quarter])
    }

    /// How many milliseconds ago a mark of this poll was made, and up to a quarter of a second more; below 0 if another
    /// replica's clock is ahead. `None` if it is not ours, or another poll's.
    pub fn mark_age_millis(&self, poll: PollId, mark: Mark, now: Timestamp) -> Option<i64> {
        let [s0, s1, s2, s3, quarter, ..] = mark.0;
        let second = [s0, s1, s2, s3];
        let quarters = if self.is_ours(poll, mark, [s0, s1, s2, s3, quarter]) {
            i64::from(quarter)
        } else if self.is_ours::<SECOND>(poll, mark, second) {
            // Of a page that is open since before marks told a quarter of a second.
            0
        } else {
            return None;
        };
        Some(now.as_millis() - i64::from(u32::from_be_bytes(second)) * MILLIS - quarters * QUARTER)
    }

    fn is_ours<const LENGTH: usize>(&self, poll: PollId, mark: Mark, moment: [u8; LENGTH]) -> bool {
        let is_by = |key| is_same(&signed(key, poll, moment).0, &mark.0);
        is_by(self.current()) || self.previous().is_some_and(is_by)
    }
}

/// A position of the same poll has more bytes that are signed, so none is the signature of the other.
fn signed<const LENGTH: usize>(key: &[u8; 32], poll: PollId, moment: [u8; LENGTH]) -> Mark {
    let mut hash = blake3::Hasher::new_keyed(key);
    hash.update(poll.as_bytes()).update(&moment);
    let mut mark: [u8; WHOLE] = first_bytes(*hash.finalize().as_bytes());
    mark.rotate_right(LENGTH);
    let (at, _) = mark.split_at_mut(LENGTH);
    at.copy_from_slice(&moment);
    Mark(mark)
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for Mark {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; WHOLE];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(WHOLE) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err("is no mark"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::position_keys::tests::keys, *};
    use crate::secret::Secret;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_mark_says_how_long_ago_its_reader_had_this_poll_before_them() {
        let (keys, poll) = (keys("one"), PollId::generate());
        let mark = keys.mark(poll, at(7_900));
        assert_eq!(mark.to_string().len(), 16);
        assert_eq!(mark.to_string().parse(), Ok(mark));
        assert_eq!(mark, keys.mark(poll, at(7_750)), "all readers of a quarter of a second have the same");
        assert_eq!(keys.mark_age_millis(poll, mark, at(9_400)), Some(1_650));
        assert_eq!(keys.mark_age_millis(poll, mark, at(6_000)), Some(-1_750));
        let ages = [0, 249, 250, 999].map(|made| keys.mark_age_millis(poll, keys.mark(poll, at(made)), at(1_600)));
        assert_eq!(ages, [1_600, 1_600, 1_350, 850].map(Some));
        assert_eq!(keys.mark_age_millis(PollId::generate(), mark, at(9_400)), None);
    }

    #[test]
    fn a_mark_of_before_is_one_to_the_second() {
        let (keys, poll) = (keys("one"), PollId::generate());
        let mark = signed::<SECOND>(keys.current(), poll, 7_u32.to_be_bytes());
        assert_eq!(keys.mark_age_millis(poll, mark, at(9_400)), Some(2_400));
        assert_eq!(keys.mark_age_millis(PollId::generate(), mark, at(9_400)), None);
    }

    #[test]
    fn no_bit_of_a_mark_can_be_changed_and_a_rotated_secret_keeps_it() {
        let (one, poll) = (keys("one"), PollId::generate());
        let mark = one.mark(poll, at(7_900));
        for bit in 0..WHOLE * 8 {
            let mut forged = mark;
            forged.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(one.mark_age_millis(poll, forged, at(9_000)), None, "bit {bit}");
        }
        for text in ["", "x", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA=", "نعم"]
        {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
        let secret = |text: &str| Secret::new(text.to_owned());
        let rotated = PositionKeys::new(&secret("two"), Some(&secret("one")));
        assert_eq!(rotated.mark_age_millis(poll, mark, at(9_000)), Some(1_250));
        assert_eq!(keys("two").mark_age_millis(poll, mark, at(9_000)), None);
    }
}
