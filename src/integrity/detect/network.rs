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
//!
//! An attack may come from several networks. So the others that a network is compared with are those alone that don't burst
//! themselves; and what a network casts that is surely no reader's counts nowhere, neither as anybody's past nor as what is
//! usual.

use rustc_hash::{FxHashMap, FxHashSet};

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

/// A network bursts where so many ballots are this little likely.
const LEAST_EXCESS: f64 = 15.0;

/// The networks that vote in a poll.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    /// The ballots of all that may be readers.
    all: MinuteCounts,
    options: RecentOptions,
    by_mark: FxHashMap<NetworkDigest, History>,
    /// Those that burst when it was looked last, and that may be readers.
    bursting: FxHashSet<NetworkDigest>,
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
    /// If it surely is no reader: what it had cast before it burst.
    past_if_sure: Option<f64>,
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
    /// How many others cast that don't burst.
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
            bursting: FxHashSet::default(),
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
        if !self.by_mark.contains_key(&network) && self.by_mark.len() >= MOST_NETWORKS {
            self.forget_quiet(minute);
        }
        let history = self.by_mark.entry(network).or_insert_with(|| History {
            minutes: MinuteCounts::begin(minute),
            options: RecentOptions::begin(minute),
            gaps: Gaps::default(),
            last_millis: millis,
            past_if_sure: None,
        });
        if history.past_if_sure.is_none() {
            self.all.add(minute, ballots);
            self.options.add(minute, option, ballots);
        }
        history.minutes.add(minute, ballots);
        history.options.add(minute, option, ballots);
        history.last_millis = history.last_millis.max(millis);
        if ballots == 1 {
            history.gaps.note(millis);
        }
    }

    /// Whether a network surely is no reader.
    pub(super) fn is_sure(&self, network: NetworkDigest) -> bool {
        self.by_mark.get(&network).is_some_and(|history| history.past_if_sure.is_some())
    }

    /// Takes a network that bursts for no reader from now on. Returns whether it was one until now.
    pub(super) fn make_sure(&mut self, Burst { network, minutes, .. }: &Burst, millis: i64) -> bool {
        let now = minute_of(millis);
        let Some(history) = self.by_mark.get_mut(network).filter(|history| history.past_if_sure.is_none()) else {
            return false;
        };
        history.past_if_sure = Some(history.minutes.before(now, *minutes));
        self.all.take_last_of(&history.minutes, now, *minutes);
        self.options.take(&history.options, now);
        self.bursting.remove(network);
        true
    }

    /// Forgets all networks, whose marks are dropped: what one of them may have had as a share is all that is kept.
    pub(super) fn drop_marks(&mut self, minute: i64) {
        let all = self.all.before(minute, 0);
        let readers = self.by_mark.values().filter(|history| history.past_if_sure.is_none());
        let greatest = readers.map(|history| history.minutes.before(minute, 0)).fold(0.0, f64::max);
        if all >= 200.0 {
            self.usual_share = (greatest / all).clamp(USUAL_SHARE, 0.3);
        }
        self.by_mark.clear();
        self.bursting.clear();
        // Shares are of what came since: nobody's past is known from before.
        self.past = (self.past + all).min(1e9);
        self.all = MinuteCounts::begin(minute);
    }

    /// The networks that burst at this moment, of those that voted after that one.
    pub(super) fn bursts(&mut self, millis: i64, after_millis: i64) -> Vec<Burst> {
        let now = minute_of(millis);
        let is_active = |history: &History| history.last_millis > after_millis;
        let active = self.by_mark.iter().filter(|(_, history)| is_active(history)).map(|(network, _)| *network);
        let looked_at: FxHashSet<NetworkDigest> = active.chain(self.bursting.drain()).collect();
        let mut bursts = Vec::new();
        for network in looked_at {
            let Some(history) = self.by_mark.get(&network) else { continue };
            let Some(seen) = self.seen(history, now) else { continue };
            if history.past_if_sure.is_none() {
                self.bursting.insert(network);
            }
            if is_active(history) {
                bursts.push((network, seen));
            }
        }
        if bursts.is_empty() {
            return Vec::new();
        }
        let rest = self.rest(now);
        bursts.into_iter().filter_map(|(network, seen)| self.burst(network, &seen, &rest, now)).collect()
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

    /// What is more than to be expected of a network, within the minutes in which it is most.
    fn seen(&self, history: &History, now: i64) -> Option<Seen> {
        let of_it = |minutes| {
            let ballots = history.minutes.of_last(now, minutes);
            let own = if history.past_if_sure.is_some() { 0.0 } else { ballots };
            let others = (self.all.of_last(now, minutes) - own).max(0.0);
            let usual = self.usual_share * WEIGHT_OF_USUAL;
            let before = history.past_if_sure.unwrap_or_else(|| history.minutes.before(now, minutes));
            let share = ((before + usual) / (self.all.before(now, minutes) + WEIGHT_OF_USUAL)).min(0.8);
            Seen { minutes, ballots, expected: share / (1.0 - share) * others }
        };
        // Of two in which it is as much the shorter tells more, and is the last of them.
        WINDOWS
            .into_iter()
            .rev()
            .map(of_it)
            .filter(|seen| seen.ballots >= FEWEST && seen.ballots > TIMES * seen.expected)
            .max_by(|one, other| one.excess().total_cmp(&other.excess()))
            .filter(|seen| seen.excess() >= LEAST_EXCESS)
    }

    /// What all cast that neither burst nor surely are no readers.
    fn rest(&self, now: i64) -> Rest {
        let mut rest =
            Rest { by_window: WINDOWS.map(|minutes| self.all.of_last(now, minutes)), options: self.options.clone() };
        for history in self.bursting.iter().filter_map(|network| self.by_mark.get(network)) {
            for (count, minutes) in rest.by_window.iter_mut().zip(WINDOWS) {
                *count = (*count - history.minutes.of_last(now, minutes)).max(0.0);
            }
            rest.options.take(&history.options, now);
        }
        rest
    }

    fn burst(&self, network: NetworkDigest, seen: &Seen, rest: &Rest, now: i64) -> Option<Burst> {
        let Seen { minutes, ballots, expected } = *seen;
        let history = self.by_mark.get(&network)?;
        let others = WINDOWS.iter().zip(rest.by_window).find(|(window, _)| **window == minutes)?.1;
        let others_before = |minutes| {
            let own = history.past_if_sure.unwrap_or_else(|| history.minutes.before(now, minutes));
            self.past + (self.all.before(now, minutes) - own).max(0.0)
        };
        // Where nearly all come from one network there is nothing to compare it with: perhaps a proxy of the site's own
        // hides all others behind itself.
        if others + others_before(minutes) < FEWEST_OTHERS {
            return None;
        }
        let is_even = history.gaps.evenness().is_some();
        let favourite = history.options.favourite_beside(&rest.options, now);
        let is_one_sided = favourite.is_some();
        let is_great = ballots >= 100.0 && ballots > others / 3.0 && ballots > 10.0 * expected;
        let (networks, together) = if is_one_sided { self.of_this_minute(favourite, rest, now) } else { (1, ballots) };
        // A post may reach readers of several networks at once: what these cast together has to be more.
        let least = if networks > 1 { 2.0 * others } else { others };
        let is_sudden = minutes == 1 && together >= 40.0 && together > least && ballots > 20.0 * expected;
        // A poll that is young, or was quiet, has no others to compare with.
        let has_past = now - self.begun >= 30 && others_before(minutes.max(15)) >= 100.0;
        let signs = [(is_even, 40), (is_one_sided, 30), ((is_great || is_sudden) && has_past, 30)];
        let sureness = 30 + signs.iter().filter(|(is, _)| *is).map(|(_, weight)| weight).sum::<u8>();
        Some(Burst { network, minutes, ballots, expected, others, is_even, is_one_sided, sureness: sureness.min(99) })
    }

    /// How many networks burst, or surely are no readers, and want the same option, and what these together cast this minute.
    fn of_this_minute(&self, favourite: Option<usize>, rest: &Rest, now: i64) -> (usize, f64) {
        let is_one_of_them = |network: &NetworkDigest, history: &History| {
            (self.bursting.contains(network) || history.past_if_sure.is_some())
                && history.options.favourite_beside(&rest.options, now) == favourite
        };
        let them = self.by_mark.iter().filter(|(network, history)| is_one_of_them(network, history));
        let ballots = them.map(|(_, history)| history.minutes.of_last(now, 1)).filter(|ballots| *ballots > 0.0);
        ballots.fold((0, 0.0), |(networks, sum), ballots| (networks + 1, sum + ballots))
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

/// What was seen of a network within so many minutes.
struct Seen {
    minutes: i64,
    ballots: f64,
    expected: f64,
}

impl Seen {
    fn excess(&self) -> f64 {
        excess(self.ballots, self.expected)
    }
}

/// What all others cast.
struct Rest {
    /// Within each of the windows.
    by_window: [f64; WINDOWS.len()],
    options: RecentOptions,
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

    /// Takes these ballots out.
    fn take(&mut self, ballots: &Self, now: i64) {
        let (own, taken) = (self.at(now), ballots.at(now));
        for (group, (own, taken)) in self.groups.iter_mut().zip(own.iter().zip(taken)) {
            *group = narrow((own - taken).max(0.0));
        }
        self.minute = self.minute.max(now);
    }

    /// The option that nearly all of these ballots name and that others name clearly less, if there is one.
    fn favourite_beside(&self, others: &Self, now: i64) -> Option<usize> {
        let (own, others) = (self.at(now), others.at(now));
        let (sum, of_others): (f64, f64) = (own.iter().sum(), others.iter().sum());
        let both = own.iter().zip(&others).enumerate();
        let (option, (greatest, same)) = both.max_by(|(_, one), (_, other)| one.0.total_cmp(other.0))?;
        // Without others to compare with, half of them would name it.
        let usual = (same + 5.0) / (of_others + 10.0);
        let share = greatest / sum.max(1.0);
        let is_one_sided = sum >= 12.0 && share >= 0.85 && usual <= 0.75 && greatest * (share / usual).ln() > 6.0;
        is_one_sided.then_some(option)
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
mod tests;
