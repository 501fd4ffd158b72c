//! When a poll takes votes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What its publisher has decided about a poll. The [`State`] follows from the phase, the schedule and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Being written; readers don't see it.
    Draft,
    /// Published; open within its schedule.
    Live,
    /// Ended for good.
    Closed,
}

impl Phase {
    /// The phase as the one digit kept in a store.
    pub fn code(self) -> u8 {
        match self {
            Self::Draft => 0,
            Self::Live => 1,
            Self::Closed => 2,
        }
    }

    /// The phase whose digit this is.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Draft),
            1 => Some(Self::Live),
            2 => Some(Self::Closed),
            _ => None,
        }
    }
}

/// What a poll is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Being written; readers don't see it.
    Draft,
    /// Published; `opens_at` is ahead.
    Scheduled,
    /// Takes votes.
    Open,
    /// Ended for good; its tally never changes again.
    Closed,
}

impl State {
    /// The state as readers see it: `draft`, `scheduled`, `open` or `closed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl FromStr for State {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Draft, Self::Scheduled, Self::Open, Self::Closed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or("must be draft, scheduled, open or closed")
    }
}

/// Phase and times: all that decides the state except the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What the publisher has decided.
    pub phase: Phase,
    /// Votes are taken from this moment on; `None`: from publication.
    pub opens_at: Option<Timestamp>,
    /// Votes are refused from this moment on; `None`: until somebody closes the poll.
    pub closes_at: Option<Timestamp>,
}

impl Schedule {
    /// The state at a moment: open from `opens_at` (included) to `closes_at` (excluded).
    pub fn state_at(&self, now: Timestamp) -> State {
        match self.phase {
            Phase::Draft => State::Draft,
            Phase::Closed => State::Closed,
            Phase::Live if self.closes_at.is_some_and(|closes_at| closes_at <= now) => State::Closed,
            Phase::Live if self.opens_at.is_some_and(|opens_at| now < opens_at) => State::Scheduled,
            Phase::Live => State::Open,
        }
    }
}

/// The time by two clocks that should agree. The first decides; but it may have jumped, and what it closes stays
/// closed. So while they are far apart, only what both agree on counts.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// By the store's clock.
    pub store: Timestamp,
    /// By another one.
    pub other: Timestamp,
}

/// How far apart two clocks may be and still agree.
pub const CLOCKS_APART_MILLIS: i64 = 5_000;

/// A state by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateByClocks {
    /// The state: a moment that only one of them has passed has not come yet.
    pub state: State,
    /// Whether both clocks say so.
    pub is_sure: bool,
}

impl Times {
    /// How far the store's clock is ahead of the other, in milliseconds.
    pub fn ahead_millis(self) -> i64 {
        self.store.as_millis() - self.other.as_millis()
    }

    /// Whether a moment has come, and whether that is sure. `clocks.lua` has the same rule.
    pub fn have_come_to(self, moment: Timestamp) -> (bool, bool) {
        let (by_store, by_other) = (moment <= self.store, moment <= self.other);
        let is_sure = by_store == by_other || self.ahead_millis().abs() <= CLOCKS_APART_MILLIS;
        (by_store && is_sure, is_sure)
    }
}

impl Schedule {
    /// The state by two clocks.
    pub fn state_by(&self, times: Times) -> StateByClocks {
        let judged = |state, is_sure| StateByClocks { state, is_sure };
        match self.phase {
            Phase::Draft => return judged(State::Draft, true),
            Phase::Closed => return judged(State::Closed, true),
            Phase::Live => {}
        }
        let (is_over, is_over_sure) = self.closes_at.map_or((false, true), |moment| times.have_come_to(moment));
        if is_over {
            return judged(State::Closed, true);
        }
        let (has_begun, has_begun_sure) = self.opens_at.map_or((true, true), |moment| times.have_come_to(moment));
        judged(if has_begun { State::Open } else { State::Scheduled }, is_over_sure && has_begun_sure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_open_from_opens_at_until_before_closes_at() {
        let at = Timestamp::from_millis;
        let schedule = Schedule { phase: Phase::Live, opens_at: Some(at(10)), closes_at: Some(at(20)) };
        for (now, state) in
            [(9, State::Scheduled), (10, State::Open), (19, State::Open), (20, State::Closed), (99, State::Closed)]
        {
            assert_eq!(schedule.state_at(at(now)), state, "at {now}");
        }
        assert_eq!(Schedule { phase: Phase::Draft, ..schedule }.state_at(at(15)), State::Draft);
        assert_eq!(Schedule { phase: Phase::Closed, ..schedule }.state_at(at(15)), State::Closed);
    }

    #[test]
    fn what_one_clock_says_alone_while_they_are_far_apart_is_not_so() {
        let at = Timestamp::from_millis;
        let schedule = Schedule { phase: Phase::Live, opens_at: Some(at(100_000)), closes_at: Some(at(200_000)) };
        let by = |store, other| schedule.state_by(Times { store: at(store), other: at(other) });
        let sure = |state| StateByClocks { state, is_sure: true };
        let unsure = |state| StateByClocks { state, is_sure: false };
        // Near each other the store's clock decides.
        assert_eq!(by(200_000, 195_000), sure(State::Closed));
        assert_eq!(by(199_999, 204_999), sure(State::Open));
        assert_eq!(by(99_999, 104_999), sure(State::Scheduled));
        // Far from each other, both do.
        assert_eq!(by(200_000, 194_999), unsure(State::Open));
        assert_eq!(by(199_999, 205_000), unsure(State::Open));
        assert_eq!(by(900_000, 200_000), sure(State::Closed));
        assert_eq!(by(100_000, 94_999), unsure(State::Scheduled));
        assert_eq!(by(100_000, 150_000), sure(State::Open));
        assert_eq!(by(300_000, 50_000), unsure(State::Scheduled));
        let closed = Schedule { phase: Phase::Closed, ..schedule };
        assert_eq!(closed.state_by(Times { store: at(1), other: at(900_000) }), sure(State::Closed));
    }
}
