//! Attackers against the detectors, in simulated time: what each casts, what of it is held, and what readers lose by
//! it.
//!
//! All attackers vote in a poll that readers have voted in for a night and half a day.
//! `cargo bench --bench sawt -- attack` prints the tables. A short form of them is among the tests, with the same dice
//! every time. Whoever wants to try another attacker adds a line here, or names what is other about it:
//! `-- attack --attacker 'networks=5 gap=500'`.

pub(crate) mod simulation;
pub(crate) mod sources;

use self::{
    simulation::{Dice, HOUR, MIDNIGHT, MINUTE, Played, Source, play},
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

/// Others of their kinds, and within how many milliseconds after the first ballot what is wanted of a detector begins.
pub(crate) const VARIANTS: [(Attacker, i64); 9] = [
    (Attacker { name: "script from 5 networks", networks: 5, ..HOSTING_SCRIPT }, MINUTE),
    (Attacker { name: "script, no clock", pace: Pace::Random(300.0), one_sided: 0.9, ..HOSTING_SCRIPT }, MINUTE),
    (Attacker { name: "hand in 5 networks", networks: 5, ..SLOW_HAND }, 15 * MINUTE),
    (Attacker { name: "hand at midnight", begins: MIDNIGHT - 90 * MINUTE, ..SLOW_HAND }, 15 * MINUTE),
    (Attacker { name: "saved tokens from 5 networks", networks: 5, ..SAVED_TOKENS }, MINUTE),
    (Attacker { name: "fewer saved tokens", ballots: 1_800, pace: Pace::Random(1_000.0), ..SAVED_TOKENS }, MINUTE),
    (Attacker { name: "faster proxies", pace: Pace::Fixed(3_000.0), networks: 500, ..ROTATING_PROXIES }, MINUTE),
    (Attacker { name: "proxies that send views", sends_views: true, networks: 300, ..ROTATING_PROXIES }, MINUTE),
    (Attacker { name: "proxies without a clock", pace: Pace::Random(6_000.0), ..ROTATING_PROXIES }, MINUTE),
];

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
