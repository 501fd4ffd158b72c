//! Bursts of a network against its own past.
//!
//! A network (a /24, or a /48 of IPv6) may be one household, or a carrier with thousands of readers behind a few
//! addresses. So no number of ballots is too many by itself. What is compared is the network's share of the poll: in the
//! last minute, five, fifteen and sixty, with what it had before; and if all the poll's readers come at once, it may grow as
//! they do. One that has no past is allowed what is usual for networks.
//!
//! A burst alone says little: a school votes in a break, a carrier's phones all get one message. It is for an editor to
//! see. What makes it sure that these are no readers is how they vote: at even gaps ([`gaps`](super::gaps)), nearly all
//! for one option that others choose less, or so many that they are a great part of a poll which has had other readers for
//! a while. One such sign leaves doubt, two or three don't.

use rustc_hash::FxHashMap;

use super::{
    gaps::Gaps,
    minutes::{MinuteCounts, minute_of},
};
use crate::poll::NetworkDigest;

/// The most networks that are known of a poll; of more, those that are quiet are forgotten.
pub(super) const MOST_NETWORKS: usize = 256;

/// Over how many minutes a network is looked at.
const WINDOWS: [i64; 4] = [1, 5, 15, 60];

/// Fewer ballots within a window are nobody's business.
const FEWEST: f64 = 20.0;

/// How many ballots of others there must be to compare with.
const FEWEST_OTHERS: f64 = 50.0;

/// How many times what was expected a burst is.
const TIMES: f64 = 4.0;

/// The share of a poll that a network without a past may have.
const USUAL_SHARE: f64 = 0.01;

/// A network's past is weighed against so many ballots of usual ones.
const WEIGHT_OF_USUAL: f64 = 50.0;

/// How much of what is counted by option is left after a minute: the last quarter of an hour counts.
const KEPT_PER_MINUTE: f64 = 0.95;

/// Options are counted in so many groups. Two in one group hide from each other, and nothing else goes wrong.
const GROUPS: usize = 8;

/// The networks that vote in a poll.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    all: MinuteCounts,
    options: RecentOptions,
    by_mark: FxHashMap<NetworkDigest, History>,
    /// The greatest share that a network of before had whose mark was dropped.
    usual_share: f64,
    /// How many ballots came before the marks were dropped.
    past: f64,
    begun: i64,
}

#[derive(Debug, Clone)]
struct History {
    minutes: MinuteCounts,
    options: RecentOptions,
    gaps: Gaps,
    last_millis: i64,
}

/// A burst of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Burst {
    /// Which network.
    pub(super) network: NetworkDigest,
    /// Within how many minutes.
    pub(super) minutes: i64,
    /// How many ballots it cast.
    pub(super) ballots: f64,
    /// How many were to be expected.
    pub(super) expected: f64,
    /// How many others cast.
    pub(super) others: f64,
    /// Whether they came at even gaps.
    pub(super) is_even: bool,
    /// Whether they name one option much more often than others do.
    pub(super) is_one_sided: bool,
    /// How sure it is that they are no readers, in percent.
    pub(super) sureness: u8,
}

impl Networks {
    pub(super) fn begin(minute: i64) -> Self {
        Self {
            all: MinuteCounts::begin(minute),
            options: RecentOptions::begin(minute),
            by_mark: FxHashMap::default(),
            usual_share: USUAL_SHARE,
            past: 0.0,
            begun: minute,
        }
    }

    /// How many networks are known.
    pub(super) fn known(&self) -> usize {
        self.by_mark.len()
    }

    /// Notes ballots. Gaps are only told by single ones.
    pub(super) fn note(&mut self, millis: i64, network: NetworkDigest, option: u8, ballots: u16) {
        let minute = minute_of(millis);
        self.all.add(minute, ballots);
        self.options.add(minute, option, ballots);
        if !self.by_mark.contains_key(&network) && self.by_mark.len() >= MOST_NETWORKS {
            self.forget_quiet(minute);
        }
        let history = self.by_mark.entry(network).or_insert_with(|| History {
            minutes: MinuteCounts::begin(minute),
            options: RecentOptions::begin(minute),
            gaps: Gaps::default(),
            last_millis: millis,
        });
        history.minutes.add(minute, ballots);
        history.options.add(minute, option, ballots);
        history.last_millis = history.last_millis.max(millis);
        if ballots == 1 {
            history.gaps.note(millis);
        }
    }

    /// Forgets all networks, whose marks are dropped: what one of them may have had as a share is all that is kept.
    pub(super) fn drop_marks(&mut self, minute: i64) {
        let all = self.all.before(minute, 0);
        let greatest = self.by_mark.values().map(|history| history.minutes.before(minute, 0)).fold(0.0, f64::max);
        if all >= 200.0 {
            self.usual_share = (greatest / all).clamp(USUAL_SHARE, 0.3);
        }
        self.by_mark.clear();
        // Shares are of what came since: nobody's past is known from before.
        self.past = (self.past + all).min(1e9);
        self.all = MinuteCounts::begin(minute);
    }

    /// The networks that burst at this moment, of those that voted after that one.
    pub(super) fn bursts(&self, millis: i64, after_millis: i64) -> Vec<Burst> {
        let active = self.by_mark.iter().filter(|(_, history)| history.last_millis > after_millis);
        active.filter_map(|(network, history)| self.burst(*network, history, minute_of(millis))).collect()
    }

    /// How many ballots an hour came before the last so many minutes.
    pub(super) fn per_hour_before(&self, now: i64, minutes: i64) -> f64 {
        self.all.per_hour_before(now, minutes, self.begun)
    }

    /// How many come now, by the last half hour.
    pub(super) fn per_hour_lately(&self, now: i64) -> f64 {
        2.0 * self.all.of_last(now, 30)
    }

    /// The same of one network.
    pub(super) fn per_hour_lately_of(&self, network: NetworkDigest, now: i64) -> f64 {
        self.by_mark.get(&network).map_or(0.0, |history| 2.0 * history.minutes.of_last(now, 30))
    }

    /// Whether a network that burst has been quiet for half an hour.
    pub(super) fn is_quiet(&self, network: NetworkDigest, millis: i64) -> bool {
        let minute = minute_of(millis);
        self.by_mark.get(&network).is_none_or(|history| history.minutes.of_last(minute, 30) < 5.0)
    }

    fn burst(&self, network: NetworkDigest, history: &History, now: i64) -> Option<Burst> {
        let (minutes, ballots, others, expected) = WINDOWS
            .into_iter()
            .map(|minutes| {
                let ballots = history.minutes.of_last(now, minutes);
                let others = (self.all.of_last(now, minutes) - ballots).max(0.0);
                let (before, all_before) = (history.minutes.before(now, minutes), self.all.before(now, minutes));
                let usual = self.usual_share * WEIGHT_OF_USUAL;
                let share = ((before + usual) / (all_before + WEIGHT_OF_USUAL)).min(0.8);
                (minutes, ballots, others, share / (1.0 - share) * others)
            })
            .filter(|(_, ballots, _, expected)| *ballots >= FEWEST && *ballots > TIMES * expected)
            .max_by(|one, other| excess(one.1, one.3).total_cmp(&excess(other.1, other.3)))?;
        // Where nearly all come from one network there is nothing to compare it with: perhaps a proxy of the site's own
        // hides all others behind itself.
        let others_before = self.past + self.all.before(now, minutes) - history.minutes.before(now, minutes);
        if excess(ballots, expected) < 15.0 || others + others_before < FEWEST_OTHERS {
            return None;
        }
        let is_even = history.gaps.evenness().is_some();
        let is_one_sided = history.options.is_one_sided_beside(&self.options, now);
        let is_great = ballots >= 100.0 && ballots > others / 3.0 && ballots > 10.0 * expected;
        let is_sudden = minutes == 1 && ballots >= 40.0 && ballots > others && ballots > 20.0 * expected;
        // A poll that is young, or was quiet, has no others to compare with.
        let has_past = now - self.begun >= 30
            && self.past + self.all.before(now, minutes.max(15)) - history.minutes.before(now, minutes.max(15))
                >= 100.0;
        let signs = [(is_even, 40), (is_one_sided, 30), ((is_great || is_sudden) && has_past, 30)];
        let sureness = 30 + signs.iter().filter(|(is, _)| *is).map(|(_, weight)| weight).sum::<u8>();
        Some(Burst { network, minutes, ballots, expected, others, is_even, is_one_sided, sureness: sureness.min(99) })
    }

    /// Makes room: half of the networks go, those that have voted least in the last hour.
    fn forget_quiet(&mut self, minute: i64) {
        let weight = |history: &History| history.minutes.of_last(minute, 60);
        let mut weights: Vec<f64> = self.by_mark.values().map(weight).collect();
        let middle = weights.len() / 2;
        let (_, least, _) = weights.select_nth_unstable_by(middle, f64::total_cmp);
        let (least, mut to_go) = (*least, self.by_mark.len() / 2);
        // Of those that have voted as often as the middle one, only so many go as there have to.
        for is_less in [true, false] {
            self.by_mark.retain(|_, history| {
                let ballots = weight(history);
                let goes = to_go > 0 && if is_less { ballots < least } else { ballots <= least };
                to_go -= usize::from(goes);
                !goes
            });
        }
    }
}

/// Which options were named lately.
#[derive(Debug, Clone)]
struct RecentOptions {
    groups: [f32; GROUPS],
    minute: i64,
}

impl RecentOptions {
    fn begin(minute: i64) -> Self {
        Self { groups: [0.0; GROUPS], minute }
    }

    fn add(&mut self, minute: i64, option: u8, ballots: u16) {
        let kept = kept(minute - self.minute);
        self.minute = self.minute.max(minute);
        for group in &mut self.groups {
            *group = narrow(f64::from(*group) * kept);
        }
        if let Some(group) = self.groups.get_mut(usize::from(option) % GROUPS) {
            *group += f32::from(ballots);
        }
    }

    fn at(&self, now: i64) -> [f64; GROUPS] {
        let kept = kept(now - self.minute);
        self.groups.map(|group| f64::from(group) * kept)
    }

    /// Whether nearly all of these ballots name one option that the rest of all ballots name clearly less.
    fn is_one_sided_beside(&self, all: &Self, now: i64) -> bool {
        let (own, all) = (self.at(now), all.at(now));
        let sum: f64 = own.iter().sum();
        let others: Vec<f64> = own.iter().zip(&all).map(|(own, all)| (all - own).max(0.0)).collect();
        let of_others: f64 = others.iter().sum();
        let greatest = own.iter().zip(&others).max_by(|one, other| one.0.total_cmp(other.0));
        let Some((greatest, same)) = greatest else { return false };
        // Without others to compare with, half of them would name it.
        let usual = (same + 5.0) / (of_others + 10.0);
        let share = greatest / sum.max(1.0);
        sum >= 12.0 && share >= 0.85 && usual <= 0.75 && greatest * (share / usual).ln() > 6.0
    }
}

/// How little likely so many are where others were expected: a log-likelihood ratio.
fn excess(seen: f64, expected: f64) -> f64 {
    let expected = expected.max(0.05);
    if seen <= expected { 0.0 } else { seen * (seen / expected).ln() - (seen - expected) }
}

fn kept(minutes: i64) -> f64 {
    KEPT_PER_MINUTE.powi(i32::try_from(minutes.max(0)).unwrap_or(i32::MAX))
}

#[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "counts need few digits")]
fn narrow(count: f64) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests {
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
        fn go_on(
            &mut self,
            minutes: f64,
            a_minute: f64,
            mut other: impl FnMut(&mut Dice) -> (f64, u32, u8),
        ) -> Vec<Burst> {
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
                    bursts.extend(self.networks.bursts(Dice::millis(self.now), Dice::millis(looked)));
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
            networks.note(
                vote,
                NetworkDigest(if vote % 20 == 0 { 7 } else { 10 + u32::try_from(vote).unwrap() }),
                0,
                1,
            );
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
}
