//! Readers and attackers.
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "minutes and ballots of a day"
)]

use super::simulation::{CastBallot, Dice, HOUR, MINUTE, Source};

/// How many readers vote at an hour of the day, beside the average: few at night, most in the evening.
const BY_HOUR: [f64; 24] = [
    0.5, 0.3, 0.15, 0.1, 0.1, 0.2, 0.5, 0.9, 1.2, 1.3, 1.2, 1.1, 1.1, 1.1, 1.0, 1.0, 1.1, 1.3, 1.6, 2.0, 2.2, 2.0, 1.6,
    0.9,
];

/// The most of them.
const BUSIEST: f64 = 2.2;

/// The carrier's network.
const CARRIER: u32 = 1;

/// The part of readers who come for the first time.
const NEW_READERS: f64 = 0.35;

/// The shares of the options among readers.
const OPINIONS: [f64; 3] = [0.48, 0.42, 0.1];

fn opinion(dice: &mut Dice, shares: [f64; 3]) -> u8 {
    let drawn = dice.unit();
    if drawn < shares[0] {
        0
    } else if drawn < shares[0] + shares[1] {
        1
    } else {
        2
    }
}

/// A reader's network: some have many readers, most have few.
fn network(dice: &mut Dice) -> u32 {
    let drawn = dice.unit();
    1_000 + (6_000.0 * drawn * drawn * drawn) as u32
}

/// The moment in milliseconds, moved on to where the next of so many a minute comes by the time of day. The poll opens
/// at six in the evening.
fn by_time_of_day(dice: &mut Dice, mut at: f64, a_minute: f64) -> f64 {
    loop {
        at += dice.exponential(MINUTE as f64 / (a_minute * BUSIEST));
        let hour = (at / HOUR as f64) as usize + 18;
        if dice.chance(BY_HOUR[hour % 24] / BUSIEST) {
            return at;
        }
    }
}

/// Readers of the site, through days and nights.
pub(crate) struct Readers {
    pub(crate) a_minute: f64,
    at: f64,
}

impl Readers {
    pub(crate) fn new(a_minute: f64) -> Self {
        Self { a_minute, at: 0.0 }
    }
}

impl Source for Readers {
    fn name(&self) -> &'static str {
        "readers"
    }

    fn is_honest(&self) -> bool {
        true
    }

    fn next(&mut self, dice: &mut Dice) -> Option<(i64, CastBallot)> {
        self.at = by_time_of_day(dice, self.at, self.a_minute);
        // Most who see it don't vote; one in five blocks what counts views.
        let views = if dice.chance(0.8) { 1 + dice.below(7) as u16 } else { dice.below(3) as u16 };
        let is_new = dice.chance(NEW_READERS);
        let ballot = CastBallot { network: network(dice), option: opinion(dice, OPINIONS), views, is_new };
        Some((self.at as i64, ballot))
    }
}

/// A carrier: so many readers behind one address.
pub(crate) struct Carrier {
    left: u32,
    a_minute: f64,
    at: f64,
}

impl Carrier {
    pub(crate) fn new(readers: u32, a_minute: f64) -> Self {
        Self { left: readers, a_minute, at: 0.0 }
    }
}

impl Source for Carrier {
    fn name(&self) -> &'static str {
        "carrier"
    }

    fn is_honest(&self) -> bool {
        true
    }

    fn next(&mut self, dice: &mut Dice) -> Option<(i64, CastBallot)> {
        self.left = self.left.checked_sub(1)?;
        self.at = by_time_of_day(dice, self.at, self.a_minute);
        let views = if dice.chance(0.8) { 1 + dice.below(7) as u16 } else { 0 };
        let is_new = dice.chance(NEW_READERS);
        Some((self.at as i64, CastBallot { network: CARRIER, option: opinion(dice, OPINIONS), views, is_new }))
    }
}

/// A crowd that one post has sent: many at once, fewer and fewer, of one mind, and some of them on the carrier.
pub(crate) struct Crowd {
    left: u32,
    began: f64,
    at: f64,
    all: u32,
}

impl Crowd {
    pub(crate) fn new(readers: u32, began: i64) -> Self {
        Self { left: readers, began: began as f64, at: began as f64, all: readers }
    }
}

impl Source for Crowd {
    fn name(&self) -> &'static str {
        "crowd"
    }

    fn is_honest(&self) -> bool {
        true
    }

    fn next(&mut self, dice: &mut Dice) -> Option<(i64, CastBallot)> {
        self.left = self.left.checked_sub(1)?;
        // Half of those who are left come within twenty minutes.
        let a_milli = f64::from(self.left + 1) / (29.0 * MINUTE as f64);
        let grows = ((self.at - self.began) / (3.0 * MINUTE as f64)).clamp(0.05, 1.0);
        self.at += dice.exponential(1.0 / (a_milli * grows)).min(f64::from(self.all) * MINUTE as f64);
        let from = if dice.chance(0.15) { CARRIER } else { network(dice) };
        let views = if dice.chance(0.8) { 1 + dice.below(2) as u16 } else { 0 };
        // Most of them were never here before.
        let is_new = dice.chance(0.85);
        Some((self.at as i64, CastBallot { network: from, option: opinion(dice, [0.8, 0.15, 0.05]), views, is_new }))
    }
}

/// How an attacker waits between two ballots.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many milliseconds.
    Fixed(f64),
    /// From the first to the second, any as likely.
    Between(f64, f64),
    /// As if readers came by themselves, so many milliseconds on average.
    Random(f64),
}

/// Somebody who votes again and again.
#[derive(Debug, Clone)]
pub(crate) struct Attacker {
    pub(crate) name: &'static str,
    /// When the first ballot is cast, in milliseconds since the poll opened.
    pub(crate) begins: i64,
    pub(crate) ballots: u32,
    pub(crate) pace: Pace,
    /// The networks that it comes from in turn.
    pub(crate) networks: u32,
    /// How many of its ballots name the option that it wants, the others are as readers'.
    pub(crate) one_sided: f64,
    /// Whether it tells of a view with each ballot.
    pub(crate) sends_views: bool,
    /// Whether it makes a voter for each ballot just then; otherwise they were saved up.
    pub(crate) makes_voters: bool,
}

impl Attacker {
    /// It in a simulation.
    pub(crate) fn begin(self) -> Box<dyn Source> {
        let at = self.begins as f64;
        Box::new(Attack { left: self.ballots, of: self, at, turn: 0 })
    }
}

struct Attack {
    of: Attacker,
    left: u32,
    at: f64,
    turn: u32,
}

impl Source for Attack {
    fn name(&self) -> &'static str {
        self.of.name
    }

    fn is_honest(&self) -> bool {
        false
    }

    fn next(&mut self, dice: &mut Dice) -> Option<(i64, CastBallot)> {
        self.left = self.left.checked_sub(1)?;
        self.at += match self.of.pace {
            Pace::Fixed(gap) => gap,
            Pace::Between(from, to) => from + dice.unit() * (to - from),
            Pace::Random(mean) => dice.exponential(mean),
        };
        self.turn += 1;
        let network = 1_000_000 + self.turn % self.of.networks;
        let option = if dice.chance(self.of.one_sided) { 1 } else { opinion(dice, OPINIONS) };
        let (views, is_new) = (u16::from(self.of.sends_views), self.of.makes_voters);
        Some((self.at as i64, CastBallot { network, option, views, is_new }))
    }
}
