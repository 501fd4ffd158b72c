//! The detectors against attackers, in simulated time and with the same dice every time: `tests/bench`, part `attack`,
//! in short.

#[path = "../bench/attack/mod.rs"]
pub(crate) mod scenes;

use std::collections::HashSet;

use sawt::poll::IncidentCause;

use self::scenes::{
    HOSTING_SCRIPT, ROTATING_PROXIES, SAVED_TOKENS, SLOW_HAND, VARIANTS, readers,
    simulation::{Dice, HOUR, MINUTE, Played, play},
    sources::Attacker,
    with_attacker,
};
use crate::registry::lone_rules;

lone_rules![
    readers_a_carrier_and_a_crowd_are_not_held,
    a_script_from_a_host_is_held_within_a_minute,
    a_slow_hand_is_held_within_a_quarter_of_an_hour,
    tokens_that_were_saved_up_are_held_within_a_minute,
    rotating_proxies_make_a_poll_disputed_within_half_an_hour,
    an_attack_that_is_spread_over_a_few_networks_is_held_like_one_from_one,
    an_attack_that_goes_on_at_midnight_is_held_before_and_after,
];

/// Readers a minute, on average.
const FEW: f64 = 5.0;
const MANY: f64 = 20.0;
const MOST: f64 = 40.0;

/// One of the variants.
fn variant(name: &str) -> Attacker {
    VARIANTS.into_iter().find(|(attacker, _)| attacker.name == name).expect("a variant of this name").0
}

/// Six hours from when an attacker begins on.
fn around_attacker(a_minute: f64, attacker: Attacker, seed: u64) -> Played {
    let (mut sources, hours) = (readers(a_minute), attacker.begins / HOUR + 6);
    sources.push(attacker.begin());
    play(sources, hours, &mut Dice::new(seed))
}

async fn readers_a_carrier_and_a_crowd_are_not_held() {
    for (a_minute, seed) in [(FEW, 1), (MANY, 2)] {
        let played = play(readers(a_minute), 30, &mut Dice::new(seed));
        assert!(played.honest_held() <= 0.0, "of {a_minute} readers a minute: {:?}", played.poll.incidents);
        assert_eq!(played.disputed_at(), None);
        // A crowd of new voters is shown, and leaves doubt.
        let mut causes = played.poll.incidents.iter().map(|incident| incident.about.cause);
        assert!(causes.any(|cause| cause == IncidentCause::NewVoters), "{:?}", played.poll.incidents);
    }
}

async fn a_script_from_a_host_is_held_within_a_minute() {
    let played = with_attacker(FEW, HOSTING_SCRIPT, 3);
    let script = played.of(HOSTING_SCRIPT.name);
    assert!(script.held_after(0) >= 0.99, "{:.4} held", script.held_after(0));
    assert!(script.until_held.is_some_and(|millis| millis < MINUTE), "after {:?}", script.until_held);
    assert!(script.flagged >= script.held);
    assert!(script.asked_for_work >= script.held, "while it is watched it works for each voter that it makes");
    assert_eq!(played.disputed_at(), None, "what is held disputes nothing: {:?}", played.poll.incidents);
    assert!(played.honest_held() <= 0.0, "{:.5} of readers", played.honest_held());
}

async fn a_slow_hand_is_held_within_a_quarter_of_an_hour() {
    let played = with_attacker(FEW, SLOW_HAND, 4);
    let hand = played.of(SLOW_HAND.name);
    assert!(hand.held_after(15 * MINUTE) >= 0.95, "{:.4} held", hand.held_after(15 * MINUTE));
    assert_eq!(played.disputed_at(), None, "what is held disputes nothing: {:?}", played.poll.incidents);
    assert!(played.honest_held() <= 0.001, "{:.5} of readers", played.honest_held());
}

async fn tokens_that_were_saved_up_are_held_within_a_minute() {
    let played = with_attacker(FEW, SAVED_TOKENS, 5);
    let tokens = played.of(SAVED_TOKENS.name);
    assert!(tokens.held_after(MINUTE) >= 0.95, "{:.4} held", tokens.held_after(MINUTE));
    assert_eq!(tokens.asked_for_work, 0, "what was saved up before needs no work");
    assert_eq!(played.disputed_at(), None, "what is held disputes nothing: {:?}", played.poll.incidents);
    assert!(played.honest_held() <= 0.001, "{:.5} of readers", played.honest_held());
}

async fn an_attack_that_is_spread_over_a_few_networks_is_held_like_one_from_one() {
    for (name, a_minute, after, least) in [
        ("script from 5 networks", FEW, MINUTE, 0.98),
        ("script, no clock", FEW, MINUTE, 0.99),
        ("hand in 5 networks", FEW, 15 * MINUTE, 0.95),
        ("saved tokens from 5 networks", FEW, MINUTE, 0.95),
        ("fewer saved tokens", FEW, MINUTE, 0.95),
    ] {
        let played = around_attacker(a_minute, variant(name), 7);
        let held = played.of(name).held_after(after);
        assert!(held >= least, "{name}: {held:.4} held, {:?}", played.poll.incidents);
        // Until it is known from where a slow one comes, it is known that it counts.
        let may_be_disputed = after > MINUTE;
        let is_disputed = played.disputed_at().is_some();
        assert!(may_be_disputed || !is_disputed, "{name}: what is held disputes nothing: {:?}", played.poll.incidents);
        assert!(played.honest_held() <= 0.0, "{name}: {:.5} of readers", played.honest_held());
    }
}

async fn an_attack_that_goes_on_at_midnight_is_held_before_and_after() {
    for a_minute in [FEW, MOST] {
        let hand = variant("hand at midnight");
        let played = around_attacker(a_minute, hand, 8);
        let account = played.of("hand at midnight");
        let held = account.held_after(15 * MINUTE);
        assert!(held >= 0.95, "among {a_minute} a minute: {held:.4} held, {:?}", played.poll.incidents);
        let after_midnight = account.held_after(90 * MINUTE);
        assert!(after_midnight >= 0.9, "among {a_minute} a minute: {after_midnight:.4} held after midnight");
        let labels = played.poll.incidents.iter().filter(|incident| incident.about.is_sure()).map(|it| it.label);
        assert_eq!(labels.collect::<HashSet<_>>().len(), 1, "{:?}", played.poll.incidents);
        assert!(played.honest_held() <= 0.0, "{:.5} of readers", played.honest_held());
    }
}

async fn rotating_proxies_make_a_poll_disputed_within_half_an_hour() {
    for a_minute in [FEW, MOST] {
        let mut sources = readers(a_minute);
        sources.push(ROTATING_PROXIES.begin());
        let played = play(sources, ROTATING_PROXIES.begins / HOUR + 1, &mut Dice::new(6));
        let disputed = played.disputed_at().expect("a disputed poll") - ROTATING_PROXIES.begins;
        assert!((0..30 * MINUTE).contains(&disputed), "among {a_minute} a minute after {disputed} ms");
        assert!(played.honest_held() <= 0.001, "{:.5} of readers", played.honest_held());
        // Whoever holds what was found meanwhile and leaves those counted who did no work holds readers and not the
        // proxies.
        let account = played.of(ROTATING_PROXIES.name);
        assert!(account.without_work * 2 > account.cast, "{} of {} without work", account.without_work, account.cast);
    }
}
