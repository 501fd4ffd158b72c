//! Attackers against the detectors, in simulated time: what each casts, what of it is held, and what readers lose by it.
//!
//! All attackers vote in a poll that readers have voted in for a night and half a day. `cargo bench --bench sawt -- attack`
//! prints the table. A short form of it is among the tests, with the same dice every time. Whoever wants to try another
//! attacker adds a line here.

pub(crate) mod simulation;
pub(crate) mod sources;

use self::{
    simulation::{Dice, HOUR, Played, Source, play},
    sources::{Attacker, Carrier, Crowd, Pace, Readers},
};

/// When attackers begin: half a day after the poll has opened.
const BEGINS: i64 = 15 * HOUR;

/// One from a hosting range, as fast as the quotas let it.
pub(crate) const HOSTING_SCRIPT: Attacker = Attacker {
    name: "hosting script",
    begins: BEGINS,
    ballots: 7_200,
    pace: Pace::Fixed(500.0),
    networks: 1,
    one_sided: 1.0,
    sends_views: false,
    makes_voters: true,
};

/// A hand that casts twenty a minute for hours.
pub(crate) const SLOW_HAND: Attacker = Attacker {
    name: "slow hand",
    begins: BEGINS,
    ballots: 3_600,
    pace: Pace::Between(2_000.0, 4_000.0),
    networks: 1,
    one_sided: 1.0,
    sends_views: true,
    makes_voters: true,
};

/// Ten thousand tokens that were saved up, spent as fast as a client may.
pub(crate) const SAVED_TOKENS: Attacker = Attacker {
    name: "saved tokens",
    begins: BEGINS,
    ballots: 18_000,
    pace: Pace::Random(100.0),
    networks: 1,
    one_sided: 1.0,
    sends_views: false,
    makes_voters: false,
};

/// Proxies that rotate, each ballot from another network, one every six seconds.
pub(crate) const ROTATING_PROXIES: Attacker = Attacker {
    name: "rotating proxies",
    begins: BEGINS,
    ballots: 1_800,
    pace: Pace::Fixed(6_000.0),
    networks: 5_000,
    one_sided: 1.0,
    sends_views: false,
    makes_voters: true,
};

/// Readers alone: a day and a half, with a carrier and a crowd.
pub(crate) fn readers(a_minute: f64) -> Vec<Box<dyn Source>> {
    vec![Box::new(Readers::new(a_minute)), Box::new(Carrier::new(1_000, 1.2)), Box::new(Crowd::new(2_000, 20 * HOUR))]
}

/// The same with an attacker.
pub(crate) fn with_attacker(a_minute: f64, attacker: Attacker, seed: u64) -> Played {
    let mut sources = readers(a_minute);
    sources.push(attacker.begin());
    play(sources, 30, &mut Dice::new(seed))
}
