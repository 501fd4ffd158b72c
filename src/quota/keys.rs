//! A number per key, for a bounded number of keys.
//!
//! Tables grow and shrink with use. A full table takes no new key: new keys then share numbers, by their hash, in a
//! part of the table that is kept free for that. Keys that were there before are not affected, and new ones are served
//! as long as the few that share a number stay under one quota together.
//!
//! Keys are hashes already, under a seed of this process, so nobody can choose where they fall.

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::secret::random_bytes;

/// With so many locks two workers rarely need the same one.
const SHARDS: usize = 64;
/// One in so many keys of a shard is kept free for shared numbers.
const SHARED_PART: usize = 14;

/// Hashes a quota's keys, under a seed of its own.
///
/// Strongly universal (M. Dietzfelbinger, "Universal hashing and k-wise independent random variables via integer arithmetic
/// without primes", STACS 1996): whoever chooses keys without knowing the seed makes them meet no oftener than chance does.
/// No hash is told anybody. It executes a tenth of what `SipHash` does, and a vote has five.
pub(super) struct KeyHasher {
    factors: [u128; 2],
    addend: u128,
}

impl KeyHasher {
    /// A hasher with a seed that nobody knows.
    pub(super) fn new() -> Self {
        let random = || u128::from_ne_bytes(random_bytes());
        Self { factors: [random(), random()], addend: random() }
    }

    /// The hash of a key.
    pub(super) fn hash(&self, key: u128) -> u64 {
        let [high, low] = [key >> 64, key & u128::from(u64::MAX)];
        let [of_high, of_low] = self.factors;
        let sum = of_high.wrapping_mul(high).wrapping_add(of_low.wrapping_mul(low)).wrapping_add(self.addend);
        u64::try_from(sum >> 64).unwrap_or_default()
    }
}

/// The table.
pub(super) struct KeyTable {
    shards: Box<[Mutex<FxHashMap<u64, u64>>]>,
    most_per_shard: usize,
}

impl KeyTable {
    /// A table that holds at most so many keys.
    pub(super) fn with_most(keys: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), most_per_shard: keys / SHARDS }
    }

    /// Calls `change` with a key's number, `None` if it has none, and keeps the number it returns, if any.
    pub(super) fn update<T>(&self, key: u64, change: impl FnOnce(Option<u64>) -> (T, Option<u64>)) -> T {
        let number = usize::try_from(key >> 32).unwrap_or_default() % SHARDS;
        // There are so many shards.
        let Some(shard) = self.shards.get(number) else { return change(None).0 };
        let mut shard = shard.lock();
        let kept_free = self.most_per_shard / SHARED_PART;
        let is_full = shard.len() >= self.most_per_shard - kept_free;
        let key = if is_full && !shard.contains_key(&key) { shared_key(key, kept_free) } else { key };
        // Not `insert` for all: that makes room before it looks, and an exactly full table would double.
        if let Some(number) = shard.get_mut(&key) {
            let (answer, changed) = change(Some(*number));
            *number = changed.unwrap_or(*number);
            return answer;
        }
        let (answer, changed) = change(None);
        if let Some(number) = changed {
            shard.insert(key, number);
        }
        answer
    }

    /// Forgets all keys whose number is not wanted, and returns their memory once most of it is unused.
    pub(super) fn retain(&self, is_wanted: impl Fn(u64) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.retain(|_, number| is_wanted(*number));
            let wanted = shard.len() * 2;
            if shard.capacity() > wanted * 2 {
                shard.shrink_to(wanted);
            }
        }
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// What they take in memory: in a hash table a key, a number and a byte each, and one place in eight stays free.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let places = |capacity: usize| (capacity * 8 / 7).next_power_of_two();
        let capacities = self.shards.iter().map(|shard| shard.lock().capacity());
        capacities.filter(|capacity| *capacity > 0).map(|capacity| places(capacity) * 17).sum()
    }
}

/// The key that a new key shares with others, one of so many.
fn shared_key(key: u64, among: usize) -> u64 {
    key % u64::try_from(among).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads numbers as a seeded hash does.
    fn key(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    #[test]
    fn a_flood_of_keys_takes_no_more_memory_than_is_said() {
        const MOST: usize = 64 * 3_584;
        let keys = KeyTable::with_most(MOST);
        let add_one = |number: Option<u64>| (number, Some(number.unwrap_or(0) + 1));
        let known = key(9_000_000);
        assert_eq!(keys.update(known, add_one), None);
        for number in 1..=1_000_000 {
            keys.update(key(number), add_one);
        }
        assert!((MOST - 64 * 256..=MOST).contains(&keys.len()), "{} keys", keys.len());
        assert!(keys.bytes() <= 64 * 4_096 * 17, "{} bytes", keys.bytes());
        assert_eq!(keys.update(known, add_one), Some(1), "a key that was there keeps its own number");
        keys.retain(|_| false);
        assert_eq!((keys.len(), keys.bytes()), (0, 0));
    }

    #[test]
    fn a_number_that_is_not_changed_is_not_kept() {
        let keys = KeyTable::with_most(64 * 14);
        keys.update(1, |_| ((), None));
        assert_eq!(keys.len(), 0);
    }
}
