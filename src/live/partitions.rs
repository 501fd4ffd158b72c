//! A poll's partitions as last known here: which tally is newer, what they add up to, and which votes the store has
//! lost.

use crate::poll::{PartitionTally, Poll, Position, Revision, State, Tally};

/// So many readings in a row must find less than was known before they began, until the loss is believed. A single one
/// may come from a deposed master that does not know it yet.
const BELIEVED_LOSSES: u8 = 2;

/// Greater than every version, in every store.
pub(super) const MOST_VERSIONS: u64 = i64::MAX.unsigned_abs();

/// The partitions of one poll.
#[derive(Default)]
pub(super) struct KnownPartitions {
    all: Vec<Partition>,
    /// The latest position that readers have proven, by this service's signature, if it is beyond what is known here.
    proven: Position,
    /// How many readings in a row found less than that.
    losses: u8,
}

#[derive(Default)]
struct Partition {
    tally: Option<PartitionTally>,
    /// Whether the tally is still to be published to the other replicas.
    is_unpublished: bool,
    /// How many readings in a row found less than was known before they began.
    losses: u8,
}

/// What was known of each partition when a reading began: that reading can't find less.
pub(super) struct Before {
    partitions: Vec<Option<PartitionProgress>>,
    /// The position of their sum that a replica sent to some reader.
    proven: Position,
}

/// How far a partition had come.
#[derive(Clone, Copy)]
struct PartitionProgress {
    revision: Revision,
    position: Position,
}

/// A partition of which the store has less than was seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) partition: u16,
    /// What was seen: the partition's epoch must be raised beyond it.
    pub(super) seen: Position,
    /// Whether the loss was not known before.
    pub(super) is_new: bool,
}

impl KnownPartitions {
    /// Marks a partition's tally to be published. `false`: there is no such partition.
    pub(super) fn mark_unpublished(&mut self, partition: u16) -> bool {
        self.all.get_mut(usize::from(partition)).map(|partition| partition.is_unpublished = true).is_some()
    }

    /// Takes out the tallies to publish, with the number of each partition.
    pub(super) fn take_unpublished(&mut self) -> Vec<(u16, PartitionTally)> {
        let unpublished = (0..).zip(&mut self.all).filter_map(|(number, partition)| {
            std::mem::take(&mut partition.is_unpublished)
                .then(|| partition.tally.clone().map(|tally| (number, tally)))?
        });
        unpublished.collect()
    }

    pub(super) fn note_proven(&mut self, position: Position) {
        self.proven = self.proven.max(position);
    }

    pub(super) fn before(&self) -> Before {
        let progress =
            |tally: &PartitionTally| PartitionProgress { revision: tally.revision, position: tally.position() };
        let partitions = self.all.iter().map(|partition| partition.tally.as_ref().map(progress)).collect();
        Before { partitions, proven: self.proven }
    }

    /// Takes in one partition's tally. Returns whether it counts more than was known, and whether it changed anything;
    /// `None` if the poll has no such partition.
    pub(super) fn take_in(&mut self, poll: &Poll, partition: u16, tally: &PartitionTally) -> Option<(bool, bool)> {
        self.fit(poll);
        let known = self.all.get_mut(usize::from(partition))?;
        let is_new = known.tally.as_ref().is_none_or(|known| known.position() < tally.position());
        let has_changed = is_new || known.tally.as_ref().is_some_and(|known| is_newer(tally, known));
        if has_changed {
            known.tally = Some(tally.clone());
        }
        Some((is_new, has_changed))
    }

    /// What the store has lost, going by a reading, and whether it lacks what a reader has proven.
    pub(super) fn losses(&mut self, poll: &Poll, tallies: &[PartitionTally], before: &Before) -> (Vec<Loss>, bool) {
        self.fit(poll);
        let mut losses = Vec::new();
        for (number, (partition, found)) in (0..).zip(self.all.iter_mut().zip(tallies)) {
            let known = before.partitions.get(usize::from(number)).copied().flatten();
            let seen = known.map(|known| known.position).filter(|seen| found.position() < *seen);
            losses.extend(count_loss(&mut partition.losses, number, seen));
        }
        let found = Tally::sum(poll, tallies).map(|tally| tally.position()).unwrap_or_default();
        let seen = Some(before.proven).filter(|seen| losses.is_empty() && found < *seen);
        if found >= self.proven {
            self.proven = Position::default();
        }
        // The sum does not tell which partition is behind. Any that is of a later epoch makes it later.
        let in_first = |seen: Position| match tallies {
            [_] => seen,
            _ => Position { version: MOST_VERSIONS, ..seen },
        };
        losses.extend(count_loss(&mut self.losses, 0, seen.map(in_first)));
        (losses, seen.is_some())
    }

    /// Takes in what a reading found, except for partitions that have come to a later revision since it began.
    pub(super) fn take_reading(&mut self, poll: &Poll, tallies: &[PartitionTally], before: &Before) {
        self.fit(poll);
        let before = before.partitions.iter().copied().chain(std::iter::repeat(None));
        for ((partition, found), before) in self.all.iter_mut().zip(tallies).zip(before) {
            let is_overtaken = partition.tally.as_ref().is_some_and(|known| {
                known.revision > found.revision && before.is_none_or(|before| before.revision < known.revision)
            });
            let is_new = partition.tally.as_ref().is_none_or(|known| is_newer(found, known));
            if is_new && !is_overtaken {
                partition.tally = Some(found.clone());
            }
        }
    }

    /// The sum of all partitions; `None` if some are unknown in this revision of the poll.
    pub(super) fn sum(&self, poll: &Poll) -> Option<Tally> {
        let is_of_it = |tally: &&PartitionTally| tally.revision == poll.revision;
        let partitions: Option<Vec<&PartitionTally>> =
            self.all.iter().map(|partition| partition.tally.as_ref().filter(is_of_it)).collect();
        Tally::sum(poll, partitions?)
    }

    /// Whether a partition is known by a later revision than this.
    pub(super) fn are_beyond(&self, revision: Revision) -> bool {
        self.all.iter().filter_map(|partition| partition.tally.as_ref()).any(|tally| tally.revision > revision)
    }

    /// Makes room for a poll's partitions.
    fn fit(&mut self, poll: &Poll) {
        self.all.resize_with(usize::from(poll.partitions.count()), Partition::default);
    }
}

/// Counts the readings in a row that found a loss, and returns the loss once they are enough to believe it.
fn count_loss(losses: &mut u8, partition: u16, seen: Option<Position>) -> Option<Loss> {
    *losses = if seen.is_some() { losses.saturating_add(1) } else { 0 };
    let is_believed = *losses >= BELIEVED_LOSSES;
    seen.filter(|_| is_believed).map(|seen| Loss { partition, seen, is_new: *losses == BELIEVED_LOSSES })
}

/// Positions decide. At the same position the later revision is newer, then the later reading; closed stays closed.
fn is_newer(one: &PartitionTally, known: &PartitionTally) -> bool {
    let is_reopened = known.state == State::Closed && one.state != State::Closed;
    let is_later = one.revision > known.revision || (one.as_of > known.as_of && !is_reopened);
    one.position() > known.position() || (one.position() == known.position() && is_later)
}
