//! Voters who were counted in `mint` lately, so that a repeated first vote is not counted there again.

use std::mem;

use parking_lot::Mutex;
use rustc_hash::FxHashSet;

use super::local::Uptime;
use crate::poll::VoterId;

/// A voter is remembered at least this long, and at most twice as long.
const REMEMBERED_SECS: u64 = 60;
/// How many are remembered in that time. Those beyond are counted again when they come again.
pub(super) const MOST_VOTERS: usize = 65_536;

/// The voters of the last minute or two.
pub(super) struct RecentVoters {
    clock: Uptime,
    turns: Mutex<VoterMinutes>,
}

#[derive(Default)]
struct VoterMinutes {
    /// The minute of `current`.
    minute: u64,
    current: FxHashSet<VoterId>,
    previous: FxHashSet<VoterId>,
}

impl RecentVoters {
    pub(super) fn new(clock: Uptime) -> Self {
        Self { clock, turns: Mutex::default() }
    }

    /// Whether this voter was [noted](Self::note) within the last minute.
    pub(super) fn has(&self, voter: &VoterId) -> bool {
        let mut turns = self.turns.lock();
        turns.turn(self.minute());
        turns.current.contains(voter) || turns.previous.contains(voter)
    }

    /// Remembers a voter, unless there are too many.
    pub(super) fn note(&self, voter: &VoterId) {
        let mut turns = self.turns.lock();
        turns.turn(self.minute());
        if turns.current.len() < MOST_VOTERS {
            turns.current.insert(*voter);
        }
    }

    fn minute(&self) -> u64 {
        self.clock.nanos() / (REMEMBERED_SECS * 1_000_000_000)
    }
}

impl VoterMinutes {
    fn turn(&mut self, minute: u64) {
        if minute == self.minute {
            return;
        }
        self.previous = mem::take(&mut self.current);
        if minute > self.minute + 1 {
            self.previous = FxHashSet::default();
        }
        self.minute = minute;
    }
}
