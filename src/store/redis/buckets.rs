//! The bucket that a voter's ballot lies in.
//!
//! A poll's voters are packed into many small hashes: Redis keeps a small hash as a `listpack` at 14 bytes a voter,
//! where one large hash costs 88 to 104. The number of buckets grows with the poll by linear hashing (W. Litwin,
//! "Linear hashing: a new tool for file and table addressing", VLDB 1980): buckets are split in turn, one at a time, so
//! a poll with a million voters never pauses to rehash.
//!
//! Callers must name every key that a script touches, so this side computes the bucket from the number of buckets it
//! knows. That number may be behind; then the script reports each ballot whose bucket differs.

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::poll::PollId;

/// The bucket of a digest among this many.
pub(super) fn bucket_of(field: [u8; 8], buckets: u32) -> u32 {
    let [b0, b1, b2, b3, ..] = field;
    let hash = u32::from_le_bytes([b0, b1, b2, b3]);
    // The largest power of two up to the number of buckets.
    let whole = 1_u32 << buckets.max(1).ilog2();
    // The remainder by twice that, computed with a mask, so that it works for 2^31 buckets too.
    let by_double = hash & ((whole - 1) | whole);
    if by_double < buckets { by_double } else { hash & (whole - 1) }
}

/// The bucket that is split to make a bucket of this number.
pub(super) fn splits_from(bucket: u32) -> u32 {
    bucket - (1 << bucket.max(1).ilog2())
}

/// The buckets that hold today, of this many, what one bucket held when there were `of`: itself, and those that were
/// split off since.
pub(super) fn split_off(bucket: u32, of: u32, buckets: u32) -> Vec<u32> {
    let origin = |mut number: u32| {
        while number >= of.max(1) {
            number = splits_from(number);
        }
        number
    };
    std::iter::once(bucket).chain((of.max(1)..buckets).filter(|number| origin(*number) == bucket)).collect()
}

/// The last known numbers of buckets, by partition.
#[derive(Default)]
pub(super) struct KnownBuckets(Mutex<FxHashMap<(PollId, u16), u32>>);

/// Beyond so many partitions all are forgotten: being behind costs one more round trip, and nothing else.
const MOST_KNOWN: usize = 100_000;

impl KnownBuckets {
    pub(super) fn get(&self, poll: PollId, partition: u16) -> u32 {
        let known = self.0.lock();
        known.get(&(poll, partition)).copied().unwrap_or(1)
    }

    pub(super) fn learn(&self, poll: PollId, partition: u16, buckets: u32) {
        let mut known = self.0.lock();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert((poll, partition), buckets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(hash: u32) -> [u8; 8] {
        (u64::from(hash)).to_le_bytes()
    }

    #[test]
    fn a_split_moves_voters_only_from_the_bucket_split_to_the_new_one() {
        for buckets in 1..200 {
            for hash in (0..u32::MAX).step_by(40_000_003) {
                let (before, after) = (bucket_of(field(hash), buckets), bucket_of(field(hash), buckets + 1));
                assert!(before < buckets && after <= buckets);
                assert!(before == after || (before == splits_from(buckets) && after == buckets), "{hash} at {buckets}");
            }
        }
    }

    #[test]
    fn a_buckets_voters_are_in_it_and_in_those_split_off_it() {
        for (of, buckets) in [(1, 1), (1, 7), (3, 3), (3, 4), (5, 23), (8, 16), (100, 131)] {
            for hash in (0..u32::MAX).step_by(40_000_003) {
                let (before, now) = (bucket_of(field(hash), of), bucket_of(field(hash), buckets));
                let holding = (0..of).filter(|bucket| split_off(*bucket, of, buckets).contains(&now));
                assert!(holding.eq([before]), "{hash} of {of} and {buckets}");
            }
        }
    }

    #[test]
    fn voters_spread_over_the_buckets() {
        let mut counts = [0_u32; 6];
        for number in 0..6_000_u64 {
            let hash = blake3::hash(&number.to_le_bytes());
            let [b0, b1, b2, b3, ..] = *hash.as_bytes();
            counts[usize::try_from(bucket_of([b0, b1, b2, b3, 0, 0, 0, 0], 6)).unwrap()] += 1;
        }
        // Of six buckets the first two have been split; each half holds half as much as one that has not.
        for (bucket, count) in counts.into_iter().enumerate() {
            let expected = if matches!(bucket, 2 | 3) { 1_500 } else { 750 };
            assert!((expected - 120..expected + 120).contains(&count), "{counts:?}");
        }
    }
}
