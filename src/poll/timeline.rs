//! A tally's history: how much it changed in each span of time.
//!
//! Stores record how much each counter's votes, and the ballots, changed in every minute. A [`Timeline`] sums those
//! minutes into buckets of an [`Interval`], one after the other, from the bucket of the first vote to that of the last,
//! with the empty ones between them. It takes a few minutes at a time and returns a bucket at a time, so a year by the
//! minute needs no more memory than an hour.
//!
//! **It is exact.** All buckets add up to the tally it was made for. A past minute does not change any more, so minutes
//! may be read one after the other while votes go on. The minute in which the tally was read is not read: it gets what
//! is left of the tally. (So does what was written into the future by a clock that was set back later.)
//!
//! Changing or withdrawing a ballot takes a vote away in the minute of the change, so a bucket may be negative. The sum
//! up to any bucket is the tally at its end.

use std::{collections::VecDeque, fmt, ops::Range, str::FromStr};

use smallvec::SmallVec;

use super::{Poll, State, Tally, TimeZone, Timestamp, calendar::Calendar};

const MINUTE_MILLIS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;

/// How far the clocks of a poll's partitions may differ from the one that made the poll: the servers of a cluster need
/// not agree to the second.
const LEEWAY_MINUTES: i64 = 60;

/// A minute, counted from 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub i64);

impl Minute {
    /// The minute a moment lies in.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.as_millis().div_euclid(MINUTE_MILLIS))
    }

    /// A minute before any vote in a poll, whatever clock counted it.
    pub(super) fn before_all(poll: &Poll) -> Self {
        Self::of(poll.created_at).plus(-LEEWAY_MINUTES)
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(MINUTE_MILLIS))
    }

    /// So many minutes on.
    #[must_use]
    pub fn plus(self, minutes: i64) -> Self {
        Self(self.0.saturating_add(minutes))
    }
}

/// By how much each counter's votes changed.
pub type Moves = SmallVec<[i64; 8]>;

/// By how much a tally changed in some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Ballots cast less ballots withdrawn.
    pub ballots: i64,
    /// Votes by counter; missing ones are zero.
    pub votes: Moves,
}

impl Change {
    /// The change from nothing to a tally, as far as its counters have a timeline.
    fn to(poll: &Poll, tally: &Tally) -> Self {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let votes = tally.votes.iter().take(poll.timed_counters()).copied().map(whole);
        Self { ballots: whole(tally.ballots), votes: votes.collect() }
    }

    /// One counter's votes.
    pub fn votes_in(&self, index: u8) -> i64 {
        self.votes.get(usize::from(index)).copied().unwrap_or(0)
    }

    /// Changes one counter's votes.
    pub fn move_votes(&mut self, index: u8, by: i64) {
        let at = usize::from(index);
        if self.votes.len() <= at {
            self.votes.resize(at + 1, 0);
        }
        if let Some(votes) = self.votes.get_mut(at) {
            *votes += by;
        }
    }

    /// Adds another change, so many times.
    pub fn add(&mut self, other: &Self, times: i64) {
        self.ballots += other.ballots * times;
        for (index, votes) in (0_u8..).zip(&other.votes) {
            self.move_votes(index, votes * times);
        }
    }

    fn is_nothing(&self) -> bool {
        self.ballots == 0 && self.votes.iter().all(|votes| *votes == 0)
    }
}

/// The length of a bucket: whole minutes that divide a day, from one minute to a day. Buckets begin at midnight and
/// every interval from there, by the clock of a time zone, so they are the same on every day on which that clock is not
/// changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(i64);

impl Interval {
    pub const HOUR: Self = Self(60);

    /// What an interval must be, in words that follow its name.
    pub const RULE: &str = "must be an ISO 8601 duration from PT1M to P1D, of whole minutes that divide a day: PT1M, \
                            PT5M, PT15M, PT1H, PT6H, P1D and the like";

    /// Its length in minutes.
    pub(super) fn minutes(self) -> i64 {
        self.0
    }
}

impl FromStr for Interval {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        minutes_of(text)
            .filter(|minutes| (1..=DAY_MINUTES).contains(minutes) && DAY_MINUTES % minutes == 0)
            .map(Self)
            .ok_or(Self::RULE)
    }
}

impl fmt::Display for Interval {
    /// The shortest form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 60, self.0 % 60) {
            (24, 0) => f.write_str("P1D"),
            (0, minutes) => write!(f, "PT{minutes}M"),
            (hours, 0) => write!(f, "PT{hours}H"),
            (hours, minutes) => write!(f, "PT{hours}H{minutes}M"),
        }
    }
}

/// The minutes of a duration written in days, hours and minutes, each at most four digits; `None` of any other text.
fn minutes_of(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (rest, None),
    };
    let mut minutes = 0;
    let mut take = |text: &str, units: &[(char, i64)]| -> Option<()> {
        let mut rest = text;
        for (unit, worth) in units {
            let Some((number, after)) = rest.split_once(*unit) else { continue };
            let is_number = (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
            minutes += is_number.then(|| number.parse::<i64>().ok())?? * worth;
            rest = after;
        }
        rest.is_empty().then_some(())
    };
    take(days, &[('D', DAY_MINUTES)])?;
    match time {
        Some("") => return None,
        Some(time) => take(time, &[('H', 60), ('M', 1)])?,
        None => {}
    }
    Some(minutes)
}

/// One bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its first minute.
    pub start: Minute,
    /// By how much the tally changed in it.
    pub change: Change,
    /// The tally at its end.
    pub so_far: Change,
}

/// What a timeline returns next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This bucket.
    Bucket(Bucket),
    /// Nothing until it gets more minutes, or [`Timeline::end_feed`] is called.
    NeedsMinutes,
    /// Nothing more.
    End,
}

/// The buckets of one tally. See the module.
#[derive(Debug)]
pub struct Timeline {
    calendar: Calendar,
    /// The part of the tally that is not in the minutes so far.
    left: Change,
    /// The minutes before this one are fed; the rest of the tally belongs to it.
    last: Minute,
    fed: VecDeque<(Minute, Change)>,
    is_feed_over: bool,
    /// The bucket that is being summed.
    open: Option<(Minute, Change)>,
    /// A complete bucket that waits for the empty ones before it.
    complete: Option<(Minute, Change)>,
    /// The beginning of the next bucket; `None` before the first.
    next: Option<Minute>,
    so_far: Change,
}

impl Timeline {
    /// The timeline of a tally by a zone's clock, and the minutes that it must be fed.
    pub fn new(poll: &Poll, tally: &Tally, interval: Interval, zone: &TimeZone) -> (Self, Range<Minute>) {
        let mut last = Minute::of(tally.as_of);
        if let (State::Closed, Some(closes_at)) = (tally.state, poll.schedule.closes_at) {
            // Nothing was counted after that.
            last = last.min(Minute::of(closes_at).plus(1));
        }
        let first = Minute::before_all(poll).min(last);
        let timeline = Self {
            calendar: Calendar::new(interval, zone.clone()),
            left: Change::to(poll, tally),
            last,
            fed: VecDeque::new(),
            is_feed_over: false,
            open: None,
            complete: None,
            next: None,
            so_far: Change::default(),
        };
        (timeline, first..last)
    }

    /// Takes the minutes that follow those so far, in order.
    pub fn feed(&mut self, minutes: impl IntoIterator<Item = (Minute, Change)>) {
        for (minute, change) in minutes {
            self.left.add(&change, -1);
            self.fed.push_back((minute, change));
        }
    }

    /// Ends the feed: there are no more minutes.
    pub fn end_feed(&mut self) {
        if !self.is_feed_over {
            self.is_feed_over = true;
            self.fed.push_back((self.last, std::mem::take(&mut self.left)));
        }
    }

    /// What comes next.
    pub fn step(&mut self) -> Step {
        loop {
            if let Some((start, change)) = self.complete.take() {
                return Step::Bucket(self.emit(start, change));
            }
            match self.fed.pop_front() {
                Some((minute, change)) => {
                    let start = self.calendar.begin(minute);
                    match &mut self.open {
                        Some((open, sum)) if *open == start => sum.add(&change, 1),
                        open => self.complete = open.replace((start, change)),
                    }
                }
                None if !self.is_feed_over => return Step::NeedsMinutes,
                None => match self.open.take() {
                    Some(open) => self.complete = Some(open),
                    None => return Step::End,
                },
            }
            // The first and the last bucket have votes.
            if self.complete.as_ref().is_some_and(|(_, change)| change.is_nothing()) {
                self.complete = None;
            }
        }
    }

    /// A complete bucket, or an empty one that comes before it.
    fn emit(&mut self, start: Minute, change: Change) -> Bucket {
        let next = self.next.unwrap_or(start);
        let (start, change) = if next < start {
            self.complete = Some((start, change));
            (next, Change::default())
        } else {
            (start, change)
        };
        self.next = Some(self.calendar.next(start));
        self.so_far.add(&change, 1);
        Bucket { start, change, so_far: self.so_far.clone() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::poll::{Kind, TallyDisplay, Votes, definition::tests::poll_with};

    fn change(ballots: i64, votes: &[i64]) -> Change {
        Change { ballots, votes: votes.into() }
    }

    fn tally_at(minute: i64, votes: &[u64]) -> (Poll, Tally) {
        let poll = Poll { created_at: Minute(0).start(), ..poll_with(Kind::Single, 1, 1, &["yes", "no"]) };
        let as_of = Timestamp::from_millis(minute * MINUTE_MILLIS + 30_000);
        let (votes, ballots) = (Votes::from(votes), votes.iter().sum());
        let (state, epoch, version, display) = (State::Open, 0, ballots, TallyDisplay::Exact);
        let tally = Tally { poll: poll.id, state, as_of, epoch, version, ballots, votes, display, is_under_100: false };
        (poll, tally)
    }

    /// Every bucket, with the minutes fed so many at a time.
    fn buckets(mut timeline: Timeline, minutes: &[(i64, Change)], at_a_time: usize) -> Vec<(i64, Change, Change)> {
        let mut pages = minutes.chunks(at_a_time);
        let mut given = Vec::new();
        loop {
            match timeline.step() {
                Step::Bucket(Bucket { start, change, so_far }) => given.push((start.0, change, so_far)),
                Step::NeedsMinutes => match pages.next() {
                    Some(page) => timeline.feed(page.iter().map(|(minute, change)| (Minute(*minute), change.clone()))),
                    None => timeline.end_feed(),
                },
                Step::End => return given,
            }
        }
    }

    #[test]
    fn buckets_reach_from_the_first_vote_to_the_last_and_gaps_are_filled() {
        let (poll, tally) = tally_at(100, &[3, 1]);
        let (timeline, range) = Timeline::new(&poll, &tally, "PT5M".parse().unwrap(), &TimeZone::UTC);
        assert_eq!(range, Minute(-60)..Minute(100));
        let minutes =
            [(11, change(1, &[1])), (14, change(1, &[0, 1])), (15, change(0, &[1, -1])), (31, change(1, &[0, 1]))];
        let given = buckets(timeline, &minutes, 1);
        // The last vote was cast in the very minute of the tally.
        let expected: Vec<_> = (2..=20)
            .map(|nth| match nth {
                2 => (10, change(2, &[1, 1]), change(2, &[1, 1])),
                3 => (15, change(0, &[1, -1]), change(2, &[2, 0])),
                4 | 5 => (nth * 5, Change::default(), change(2, &[2, 0])),
                6 => (30, change(1, &[0, 1]), change(3, &[2, 1])),
                20 => (100, change(1, &[1, 0]), change(4, &[3, 1])),
                _ => (nth * 5, Change::default(), change(3, &[2, 1])),
            })
            .collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn a_poll_without_votes_has_no_buckets_and_neither_has_one_whose_votes_were_taken_back() {
        let (poll, tally) = tally_at(100, &[0, 0]);
        let timeline = || Timeline::new(&poll, &tally, Interval(60), &TimeZone::UTC).0;
        assert_eq!(buckets(timeline(), &[], 1), []);
        let within_the_hour = [(3, change(1, &[1])), (5, change(-1, &[-1]))];
        assert_eq!(buckets(timeline(), &within_the_hour, 2), []);
    }

    #[test]
    fn a_closed_poll_is_not_looked_through_beyond_its_end() {
        let (mut poll, tally) = tally_at(1_000_000, &[1, 0]);
        poll.schedule.closes_at = Some(Minute(500).start());
        let tally = Tally { state: State::Closed, ..tally };
        assert_eq!(Timeline::new(&poll, &tally, Interval(1), &TimeZone::UTC).1, Minute(-60)..Minute(501));
    }

    #[test]
    fn intervals_are_whole_minutes_that_divide_a_day() {
        for (text, minutes, shortest) in [
            ("PT1M", 1, "PT1M"),
            ("PT90M", 90, "PT1H30M"),
            ("PT1H30M", 90, "PT1H30M"),
            ("PT60M", 60, "PT1H"),
            ("PT12H", 720, "PT12H"),
            ("PT24H", 1_440, "P1D"),
            ("P1D", 1_440, "P1D"),
            ("P0DT5M", 5, "PT5M"),
        ] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!((interval.0, interval.to_string().as_str()), (minutes, shortest), "{text}");
        }
        for bad in [
            "", "P", "PT", "PT0M", "PT7M", "PT25H", "P2D", "P1W", "PT30S", "PT1.5H", "pt1m", "1M", "PT1M1H", "PT-5M",
            "PT+5M", "PTM", "P1D1", "PT00005M", "PT1MT", "P1M", "PT5M ",
        ] {
            assert_eq!(bad.parse::<Interval>(), Err(Interval::RULE), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_minutes_are_the_buckets_add_up_to_the_tally(
            gaps in prop::collection::vec((1..2_000_i64, 0..50_i64, -5..50_i64), 0..40),
            rest in (0..9_u64, 0..9_u64),
            interval in prop::sample::select(vec![1, 5, 60, 720, 1_440]),
            at_a_time in 1..7_usize,
            zone in prop::sample::select(vec!["UTC", "Europe/Paris", "America/St_Johns"]),
        ) {
            let (mut minute, mut sums) = (0, [0, 0]);
            let mut minutes = Vec::new();
            for (gap, yes, no) in gaps {
                minute += gap;
                let no = no.max(-sums[1]);
                sums = [sums[0] + yes, sums[1] + no];
                minutes.push((minute, change(yes + no, &[yes, no])));
            }
            let votes = [sums[0].unsigned_abs() + rest.0, sums[1].unsigned_abs() + rest.1];
            let (poll, tally) = tally_at(minute + 1, &votes);
            let zone: TimeZone = zone.parse().unwrap();
            let given = buckets(Timeline::new(&poll, &tally, Interval(interval), &zone).0, &minutes, at_a_time);
            let mut calendar = Calendar::new(Interval(interval), zone);
            let mut start = given.first().map_or(Minute(0), |(start, ..)| Minute(*start));
            let mut sum = Change::default();
            for (begun, change, so_far) in &given {
                sum.add(change, 1);
                prop_assert_eq!(&sum, so_far);
                prop_assert_eq!((Minute(*begun), calendar.begin(start)), (start, start));
                start = calendar.next(start);
            }
            let mut missing = Change::to(&poll, &tally);
            missing.add(&sum, -1);
            prop_assert!(missing.is_nothing(), "{missing:?} of {tally:?} is in no bucket");
            for (_, change, _) in [given.first(), given.last()].into_iter().flatten() {
                prop_assert!(!change.is_nothing());
            }
        }
    }
}
