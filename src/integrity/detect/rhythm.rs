//! A clock among readers.
//!
//! Where many readers vote, a script that casts its ballots at a fixed pace is no more to be seen in the gaps between
//! ballots. But its ballots all come at the same place within its period, and readers' don't: laid around a circle of that
//! length, they pull to one side. That is Rayleigh's test. It is made for all periods from two to twenty seconds, of the last
//! ballots for each option: readers alone give each period a power of 1 on average, and one of [`SURE_POWER`] is chance once
//! in some thousand years of polls. Slower changes (a crowd comes, and goes) stay below those frequencies.
//!
//! It costs about a millisecond, so it is made at most once a minute, and only if enough came since.

use std::collections::VecDeque;

use crate::poll::NetworkDigest;

/// How many ballots are remembered.
const REMEMBERED: usize = 1_024;

/// Those of longer ago are not laid around the circle: no script keeps its beat for so long.
const LONGEST_MILLIS: i64 = 15 * 60_000;

/// Fewer for an option tell nothing.
const FEWEST: usize = 40;

/// How many have to come before the test is made again, and how long after the last it is.
const AGAIN_AFTER: u32 = 64;
const AGAIN_MILLIS: i64 = 60_000;

/// The periods that are tried: so many seconds, and the steps between two frequencies, as a part of what can be told apart.
const SHORTEST_SECS: f64 = 2.0;
const LONGEST_SECS: f64 = 20.0;
const STEP: f64 = 0.7;

/// The power at which chance is ruled out: exp(-30) for each of some hundred periods.
const SURE_POWER: f64 = 30.0;

/// The ballots of a poll, as they came lately.
#[derive(Debug, Clone, Default)]
pub(super) struct Rhythm {
    /// When each came, its option, and from which network.
    ballots: VecDeque<(i64, u8, NetworkDigest)>,
    since_test: u32,
    tested_millis: i64,
    found: Option<Beat>,
}

/// A clock that was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beat {
    /// Its period.
    pub(super) secs: f64,
    /// About how many ballots keep it, of how many for the option.
    pub(super) ballots: f64,
    pub(super) of: usize,
}

impl Rhythm {
    /// Notes a ballot.
    pub(super) fn note(&mut self, millis: i64, option: u8, network: NetworkDigest) {
        if self.ballots.len() == REMEMBERED {
            self.ballots.pop_front();
        }
        self.ballots.push_back((millis, option, network));
        self.since_test = self.since_test.saturating_add(1);
    }

    /// Forgets the ballots of a network, which are explained now.
    pub(super) fn forget_network(&mut self, network: NetworkDigest) {
        self.ballots.retain(|(.., from)| *from != network);
        self.found = None;
    }

    /// When each ballot came that is remembered, and its option.
    pub(super) fn ballots(&self) -> impl Iterator<Item = (i64, u8)> {
        self.ballots.iter().map(|(millis, option, _)| (*millis, *option))
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self { tested_millis: self.tested_millis, ..Self::default() };
    }

    /// The clearest clock among the ballots for one option, if there is one. Found once, it is until the next test.
    pub(super) fn beat(&mut self, millis: i64) -> Option<Beat> {
        if self.since_test >= AGAIN_AFTER && millis - self.tested_millis >= AGAIN_MILLIS {
            (self.since_test, self.tested_millis) = (0, millis);
            self.found = self.test(millis);
        }
        self.found.filter(|_| millis - self.tested_millis < LONGEST_MILLIS)
    }

    fn test(&self, millis: i64) -> Option<Beat> {
        let ballots: Vec<(i64, u8)> = self.ballots().filter(|(at, _)| millis - at < LONGEST_MILLIS).collect();
        let mut options: Vec<u8> = ballots.iter().map(|(_, option)| *option).collect();
        options.sort_unstable();
        options.dedup();
        let of_option = |option: u8| {
            let secs = ballots.iter().filter(|(_, named)| *named == option).map(|(at, _)| seconds(*at));
            let secs: Vec<f64> = secs.collect();
            strongest(&secs)
        };
        let heard = options.into_iter().filter_map(of_option);
        heard.max_by(|one, other| one.ballots.total_cmp(&other.ballots))
    }
}

/// The period at which ballots pull most to one side, if that is no chance.
fn strongest(secs: &[f64]) -> Option<Beat> {
    let (first, last) =
        secs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), at| (first.min(*at), last.max(*at)));
    let span = last - first;
    if secs.len() < FEWEST || span < 2.0 * LONGEST_SECS {
        return None;
    }
    let count = as_number(secs.len());
    let step = STEP / span;
    let from = 1.0 / LONGEST_SECS;
    let turn = |at: f64, frequency: f64| {
        let angle = std::f64::consts::TAU * (at - first) * frequency;
        (angle.cos(), angle.sin())
    };
    // Each ballot's direction, and how far it turns from one frequency to the next.
    let mut hands: Vec<((f64, f64), (f64, f64))> = secs.iter().map(|at| (turn(*at, from), turn(*at, step))).collect();
    // The greatest power, and the lowest frequency that has about that much: a clock is heard at its multiples as well.
    let (mut most, mut lowest) = (0.0_f64, (0.0, from));
    let mut frequency = from;
    while frequency <= 1.0 / SHORTEST_SECS {
        let (x, y) = hands.iter().fold((0.0, 0.0), |(x, y), ((cos, sin), _)| (x + cos, y + sin));
        let power = (x * x + y * y) / count;
        most = most.max(power);
        if power > 1.5 * lowest.0 {
            lowest = (power, frequency);
        }
        for (hand, turn) in &mut hands {
            *hand = (hand.0 * turn.0 - hand.1 * turn.1, hand.0 * turn.1 + hand.1 * turn.0);
        }
        frequency += step;
    }
    (most >= SURE_POWER).then(|| Beat { secs: 1.0 / lowest.1, ballots: (most * count).sqrt(), of: secs.len() })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "moments of some thousand years, and few ballots"
)]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "few ballots")]
fn as_number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::detect::tests::Dice;

    /// After how many minutes a clock of this period is heard among so many readers a minute, of at most so many minutes.
    fn heard_after(
        dice: &mut Dice,
        readers_a_minute: f64,
        period_millis: Option<f64>,
        minutes: i64,
    ) -> Option<(i64, Beat)> {
        let mut rhythm = Rhythm::default();
        let mut ballots: Vec<(f64, u8)> = Vec::new();
        let end = 60_000.0 * f64::from(i32::try_from(minutes).unwrap());
        let mut at = 0.0;
        while at < end {
            at += dice.exponential(60_000.0 / readers_a_minute);
            ballots.push((at, u8::from(dice.unit() < 0.45)));
        }
        let mut at = 0.0;
        while let Some(period) = period_millis.filter(|_| at < end) {
            at += period;
            // What the network adds.
            ballots.push((at + dice.uniform(0.0, 80.0), 1));
        }
        ballots.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut looked = 0;
        for (at, option) in ballots {
            let millis = Dice::millis(at);
            rhythm.note(millis, option, NetworkDigest(0));
            if millis - looked >= 5_000 {
                looked = millis;
                if let Some(beat) = rhythm.beat(millis) {
                    return Some((millis / 60_000, beat));
                }
            }
        }
        None
    }

    #[test]
    fn a_clock_is_heard_among_four_times_as_many_readers() {
        let mut dice = Dice::new(21);
        for period in [2_500.0, 6_000.0, 6_137.0] {
            let readers = 4.0 * 60_000.0 / period;
            let (after, beat) = heard_after(&mut dice, readers, Some(period), 30).expect("a clock");
            assert!(after < 20 && beat.of > 40, "{period}: after {after} minutes, {beat:?}");
            assert!((beat.secs - period / 1_000.0).abs() < 0.1, "{period}: {beat:?}");
        }
    }

    #[test]
    fn readers_keep_no_time_however_many_come() {
        let mut dice = Dice::new(22);
        for (readers, minutes) in [(1.0, 600), (20.0, 300), (300.0, 30)] {
            assert_eq!(heard_after(&mut dice, readers, None, minutes), None, "{readers} a minute");
        }
    }

    #[test]
    fn a_crowd_that_comes_and_goes_is_no_clock() {
        let mut dice = Dice::new(23);
        let mut rhythm = Rhythm::default();
        let mut at = 0.0;
        for minute in 0..120 {
            let a_minute = if (40..60).contains(&minute) { 200.0 } else { 3.0 };
            let end = 60_000.0 * f64::from(minute + 1);
            while at < end {
                at += dice.exponential(60_000.0 / a_minute);
                rhythm.note(Dice::millis(at), 0, NetworkDigest(0));
            }
            assert_eq!(rhythm.beat(Dice::millis(at)), None, "in minute {minute}");
        }
    }
}
