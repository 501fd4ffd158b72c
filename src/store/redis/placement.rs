//! Where partitions lie on a cluster: spread evenly, not by the chance of a hash.
//!
//! A cluster's masters hold one range of hash slots each, usually equal ones. So partition *p* of *P* gets a name in
//! the *p*-th part of the hash slots; 1, 2, 3, 4, 6 and 12 masters share the usual twelve evenly. By chance alone, the
//! busiest of three masters would have 1.31 times its share of sixteen partitions in the median, and that master limits
//! the poll.

use std::fmt::Write as _;

use crc16::{State, XMODEM};

use crate::poll::{Partitions, PollId};

/// The number of hash slots in a cluster: a key's is the CRC16 (XMODEM) of its tag, modulo this
/// (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>).
const HASH_SLOTS: u32 = 16_384;

/// Suffixes that put each of a poll's partitions into its own part. Each takes about `partitions` tries, and a poll
/// always gets the same ones: whoever makes it at the same time finds them too.
pub(super) fn place(id: PollId, partitions: u16) -> Partitions {
    if partitions <= 1 {
        return Partitions::unplaced(partitions);
    }
    // So the first partitions of many polls, or of small ones, don't all lie on the first master.
    let [.., high, low] = *id.as_bytes();
    let shift = u16::from_be_bytes([high, low]) % partitions.max(1);
    let suffixes = (0..partitions).map(|partition| {
        let part = u32::from((partition + shift) % partitions);
        let [from, to] = [part, part + 1].map(|part| part * HASH_SLOTS / u32::from(partitions));
        // The slots may be divided among masters with another rounding.
        let margin = (to - from) / 16;
        let mut name = String::with_capacity(48);
        // Writing to a String can't fail.
        let _ = write!(name, "{id}.{partition}.");
        let mut common = State::<XMODEM>::new();
        common.update(name.as_bytes());
        let is_in_part = |suffix: &u16| {
            let mut state = common;
            state.update(itoa::Buffer::new().format(*suffix).as_bytes());
            (from + margin..to - margin).contains(&(u32::from(state.get()) % HASH_SLOTS))
        };
        // That none of so many fits is less likely than a broken hash; then the partition lies where the hash puts it.
        (0..=u16::MAX).find(is_in_part).unwrap_or_default()
    });
    Partitions::placed(suffixes.collect::<Vec<_>>()).unwrap_or(Partitions::unplaced(partitions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        poll::{DigestKey, NewOption, NewPoll, Poll, PollFields, SiteId, Timestamp},
        store::redis::keys,
    };

    fn placed(partitions: u16) -> Poll {
        let option = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
        let new = PollFields {
            question: Some("؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            ..PollFields::default()
        };
        let (id, key) = (PollId::generate(), DigestKey::from_bytes([0; 32]));
        NewPoll::from(new).build(id, SiteId::default(), place(id, partitions), key, Timestamp::EARLIEST).unwrap()
    }

    fn hash_slot(key: &str) -> u32 {
        let tag = key.split(['{', '}']).nth(1).unwrap();
        u32::from(State::<XMODEM>::calculate(tag.as_bytes())) % HASH_SLOTS
    }

    /// How many of a poll's partitions each of so many equal masters has.
    fn shares(poll: &Poll, masters: u32) -> Vec<usize> {
        let slots = || (0..poll.partitions.count()).map(|partition| hash_slot(&keys::tally(poll, partition)));
        (0..masters).map(|master| slots().filter(|slot| slot * masters / HASH_SLOTS == master).count()).collect()
    }

    #[test]
    fn masters_share_a_polls_partitions_evenly() {
        for poll in [(); 20].map(|()| placed(12)) {
            for masters in [1, 2, 3, 4, 6, 12] {
                let even = vec![12 / usize::try_from(masters).unwrap(); masters.try_into().unwrap()];
                assert_eq!(shares(&poll, masters), even, "{} on {masters} masters", poll.id);
            }
            // Where a part lies across two masters, either may have it.
            for (masters, most) in [(5, 4), (8, 3)] {
                assert!(shares(&poll, masters).into_iter().all(|share| share <= most), "{} on {masters}", poll.id);
            }
        }
    }

    #[test]
    fn as_many_partitions_as_there_may_be_are_placed() {
        let poll = placed(1024);
        assert_eq!(shares(&poll, 1024), [1; 1024]);
    }

    #[test]
    fn polls_begin_at_different_masters() {
        let first = |poll: &Poll| hash_slot(&keys::tally(poll, 0)) * 3 / HASH_SLOTS;
        let mut begun = [0; 3];
        for _ in 0..60 {
            begun[usize::try_from(first(&placed(12))).unwrap()] += 1;
        }
        assert!(begun.iter().all(|polls| *polls > 5), "{begun:?}");
    }

    #[test]
    fn all_keys_of_a_partition_lie_in_one_hash_slot() {
        let poll = placed(12);
        for partition in 0..12 {
            let slots = [
                keys::tally(&poll, partition),
                keys::minutes(&poll, partition),
                keys::voters(&poll, partition, 0),
                keys::voters(&poll, partition, 7_000),
            ]
            .map(|key| hash_slot(&key));
            assert!(slots.iter().all(|slot| *slot == slots[0]), "{slots:?}");
        }
    }
}
