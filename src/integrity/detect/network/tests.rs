use super::*;
use crate::integrity::detect::tests::Dice;

const MINUTE: f64 = 60_000.0;

/// A poll of some hours, in which honest networks vote: the first is a carrier's with a tenth of all.
struct Polled {
    networks: Networks,
    dice: Dice,
    now: f64,
}

impl Polled {
    fn begin() -> Self {
        Self { networks: Networks::begin(0), dice: Dice::new(11), now: 0.0 }
    }

    /// Lets honest readers vote so many minutes, so many in each, and somebody else at these gaps.
    fn go_on(&mut self, minutes: f64, a_minute: f64, mut other: impl FnMut(&mut Dice) -> (f64, u32, u8)) -> Vec<Burst> {
        let end = self.now + minutes * MINUTE;
        let mut honest = self.now + self.dice.exponential(MINUTE / a_minute);
        let (mut gap, mut network, mut option) = other(&mut self.dice);
        let mut next = self.now + gap;
        let mut bursts = Vec::new();
        let mut looked = self.now;
        while honest.min(next) < end {
            if next < honest {
                self.networks.note(Dice::millis(next), NetworkDigest(network), option, 1);
                (gap, network, option) = other(&mut self.dice);
                self.now = next;
                next += gap;
            } else {
                let from = if self.dice.unit() < 0.1 { 0 } else { 1_000 + self.dice.below(2_000) };
                let chosen = u8::from(self.dice.unit() < 0.45);
                self.networks.note(Dice::millis(honest), NetworkDigest(from), chosen, 1);
                self.now = honest;
                honest += self.dice.exponential(MINUTE / a_minute);
            }
            if self.now - looked > 5_000.0 {
                let found = self.networks.bursts(Dice::millis(self.now), Dice::millis(looked));
                for burst in found.iter().filter(|burst| burst.sureness >= 90) {
                    self.networks.make_sure(burst, Dice::millis(self.now));
                }
                bursts.extend(found);
                looked = self.now;
            }
        }
        bursts
    }

    fn honest(&mut self, minutes: f64, a_minute: f64) -> Vec<Burst> {
        self.go_on(minutes, a_minute, |_| (f64::INFINITY, 0, 0))
    }
}

fn surest(bursts: &[Burst], network: u32) -> u8 {
    let of_it = bursts.iter().filter(|burst| burst.network == NetworkDigest(network));
    of_it.map(|burst| burst.sureness).max().unwrap_or(0)
}

#[test]
fn readers_and_their_crowds_are_no_bursts() {
    let mut polled = Polled::begin();
    for (minutes, a_minute) in [(180.0, 4.0), (40.0, 120.0), (180.0, 4.0)] {
        let bursts = polled.honest(minutes, a_minute);
        assert!(bursts.iter().all(|burst| burst.sureness <= 30), "{:?}", bursts.first());
    }
}

#[test]
fn a_script_is_sure_within_a_minute_and_a_hand_within_minutes() {
    let mut polled = Polled::begin();
    polled.honest(120.0, 4.0);
    assert!(surest(&polled.go_on(1.0, 4.0, |_| (500.0, 7, 1)), 7) >= 90);
    let mut polled = Polled::begin();
    polled.honest(120.0, 4.0);
    let bursts = polled.go_on(6.0, 4.0, |dice| (dice.uniform(2_000.0, 4_000.0), 7, 1));
    assert!(surest(&bursts, 7) >= 90, "{:?}", bursts.last());
    assert!(bursts.iter().all(|burst| burst.network == NetworkDigest(7)), "{:?}", bursts.last());
    assert!(!polled.networks.is_quiet(NetworkDigest(7), Dice::millis(polled.now)));
    polled.honest(31.0, 4.0);
    assert!(polled.networks.is_quiet(NetworkDigest(7), Dice::millis(polled.now)));
}

#[test]
fn networks_that_burst_together_are_not_compared_with_each_other() {
    // A script, tokens that were saved up, and a hand, each from five networks in turn.
    type Gap = fn(&mut Dice) -> f64;
    let attacks: [(f64, Gap); 3] =
        [(2.0, |_| 500.0), (1.0, |dice| dice.exponential(100.0)), (14.0, |dice| dice.uniform(2_000.0, 4_000.0))];
    for (minutes, gap) in attacks {
        let (mut polled, mut turn) = (Polled::begin(), 0);
        polled.honest(120.0, 4.0);
        let bursts = polled.go_on(minutes, 4.0, |dice| {
            turn += 1;
            (gap(dice), 7_000 + turn % 5, 1)
        });
        for network in 7_000..7_005 {
            assert!(surest(&bursts, network) >= 90, "{:?}", bursts.last());
        }
        assert!(bursts.iter().all(|burst| burst.network.0 >= 7_000), "{:?}", bursts.last());
    }
}

#[test]
fn what_surely_is_no_readers_is_nobodys_past_and_not_usual() {
    let hand = |dice: &mut Dice| (dice.uniform(2_000.0, 4_000.0), 7, 1);
    for is_next_day in [false, true] {
        let mut polled = Polled::begin();
        polled.honest(120.0, 8.0);
        let bursts = polled.go_on(300.0, 8.0, hand);
        assert!(bursts.iter().any(|burst| burst.sureness >= 90), "{:?}", bursts.last());
        assert!(polled.networks.is_sure(NetworkDigest(7)));
        if is_next_day {
            polled.networks.drop_marks(Dice::millis(polled.now / MINUTE));
            assert!(polled.networks.usual_share < 0.15, "{}", polled.networks.usual_share);
        } else {
            polled.honest(40.0, 8.0);
            assert!(polled.networks.is_quiet(NetworkDigest(7), Dice::millis(polled.now)));
        }
        let bursts = polled.go_on(10.0, 8.0, hand);
        assert!(surest(&bursts, 7) >= 60, "{is_next_day}: {:?}", bursts.last());
        assert!(bursts.iter().all(|burst| burst.network == NetworkDigest(7)), "{:?}", bursts.last());
    }
}

#[test]
fn a_school_in_its_break_is_shown_and_is_not_sure() {
    let mut polled = Polled::begin();
    polled.honest(120.0, 4.0);
    let bursts = polled.go_on(5.0, 4.0, |dice| (dice.exponential(5_000.0), 7, u8::from(dice.unit() < 0.5)));
    assert!((30..90).contains(&surest(&bursts, 7)), "{:?}", bursts.last());
}

#[test]
fn no_crowd_of_networks_fills_the_memory_and_the_busy_ones_stay() {
    let mut networks = Networks::begin(0);
    for vote in 0..100_000 {
        networks.note(vote, NetworkDigest(if vote % 20 == 0 { 7 } else { 10 + u32::try_from(vote).unwrap() }), 0, 1);
        assert!(networks.known() <= MOST_NETWORKS);
    }
    assert!(!networks.is_quiet(NetworkDigest(7), 100_000), "it is still known");
}

#[test]
fn a_carrier_whose_mark_was_dropped_is_allowed_what_one_had_before() {
    let mut polled = Polled::begin();
    polled.honest(240.0, 8.0);
    polled.networks.drop_marks(Dice::millis(polled.now / MINUTE));
    assert_eq!(polled.networks.known(), 0);
    assert_eq!(polled.honest(120.0, 8.0).len(), 0);
}

#[test]
fn readers_of_two_networks_whom_one_post_reaches_are_not_held() {
    let (mut polled, mut turn) = (Polled::begin(), 0);
    polled.honest(60.0, 40.0);
    let bursts = polled.go_on(1.0, 40.0, |dice| {
        turn += 1;
        (MINUTE / 42.0, 7_000 + turn % 2, u8::from(dice.unit() < 0.9))
    });
    assert!(!bursts.is_empty(), "they are seen");
    for network in 7_000..7_002 {
        assert!(surest(&bursts, network) < 90, "{:?}", bursts.last());
    }
}
