//! When the buckets of a timeline begin, by the clock of a time zone.
//!
//! A bucket begins when that clock shows a whole number of intervals since midnight. So a day begins at local midnight,
//! and an hour at a full local hour, also in a zone that is half an hour off. When the clock is changed:
//!
//! - forward, past the beginning of a bucket: the bucket begins at the change, so a day without a midnight exists too;
//! - back: a bucket that fits into the repeated time appears twice, a longer one does not; a day with two midnights is
//!   one day, of 25 hours.
//!
//! Every bucket ends where the next begins, and begins once.

use super::{Interval, Minute, TimeZone};

/// The beginnings of buckets of one length in one zone.
#[derive(Debug)]
pub(super) struct Calendar {
    zone: TimeZone,
    /// In minutes.
    interval: i64,
    /// The last one used: most calls need the same again.
    span: Span,
}

/// A time in which a zone's clock is not changed. All in minutes; moments count from 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// When the clock was last changed; `i64::MIN` if never.
    pub(super) from: i64,
    /// When it will be changed; `i64::MAX` if never.
    pub(super) until: i64,
    /// How far it is ahead of UTC.
    pub(super) offset: i64,
    /// How far it was ahead before the change.
    pub(super) before: i64,
}

impl Calendar {
    pub(super) fn new(interval: Interval, zone: TimeZone) -> Self {
        // Empty, so that the first call replaces it.
        let span = Span { from: 0, until: 0, offset: 0, before: 0 };
        Self { zone, interval: interval.minutes(), span }
    }

    /// The beginning of the bucket that a minute lies in.
    pub(super) fn begin(&mut self, minute: Minute) -> Minute {
        let mut minute = minute.0;
        loop {
            let span = self.span_of(minute);
            match span.last_beginning(minute, self.interval) {
                Some(beginning) => return Minute(beginning),
                None => minute = span.from.saturating_sub(1),
            }
        }
    }

    /// The end of the bucket that begins at a minute: the beginning of the next one.
    pub(super) fn next(&mut self, start: Minute) -> Minute {
        let mut minute = start.0.saturating_add(1);
        loop {
            let span = self.span_of(minute);
            match span.first_beginning(minute, self.interval) {
                Some(beginning) => return Minute(beginning),
                None => minute = span.until,
            }
        }
    }

    fn span_of(&mut self, minute: i64) -> Span {
        if !(self.span.from..self.span.until).contains(&minute) {
            self.span = self.zone.span(Minute(minute));
        }
        self.span
    }
}

impl Span {
    /// All of time, on a clock with this offset from UTC.
    pub(super) fn always(offset: i64) -> Self {
        Self { from: i64::MIN, until: i64::MAX, offset, before: offset }
    }

    /// The last beginning up to a minute, if there is one within the span.
    fn last_beginning(self, minute: i64, interval: i64) -> Option<i64> {
        let local = minute.saturating_add(self.offset);
        let beginning = local - local.rem_euclid(interval) - self.offset;
        if beginning >= self.first_new(interval) {
            return Some(beginning);
        }
        self.passes_a_beginning(interval).then_some(self.from)
    }

    /// The first beginning from a minute on, if there is one within the span.
    fn first_beginning(self, minute: i64, interval: i64) -> Option<i64> {
        if minute <= self.from && self.passes_a_beginning(interval) {
            return Some(self.from);
        }
        let local = minute.max(self.first_new(interval)).saturating_add(self.offset);
        let beginning = local.saturating_add(local.saturating_neg().rem_euclid(interval)).saturating_sub(self.offset);
        // A span without end has a beginning in it, though perhaps one that no clock ever shows.
        (beginning < self.until || self.until == i64::MAX).then_some(beginning)
    }

    /// When the clock begins to show new times: after it was set back by less than an interval, the repeated times
    /// begin no bucket.
    fn first_new(self, interval: i64) -> i64 {
        let twice = self.before - self.offset;
        if (1..interval).contains(&twice) { self.from.saturating_add(twice) } else { self.from }
    }

    /// Whether the clock was set forward past the beginning of a bucket.
    fn passes_a_beginning(self, interval: i64) -> bool {
        let skipped = self.offset - self.before;
        let local = self.from.saturating_add(self.before);
        skipped > 0 && local.saturating_neg().rem_euclid(interval) < skipped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::poll::Timestamp;

    fn calendar(interval: &str, zone: &str) -> Calendar {
        Calendar::new(interval.parse().unwrap(), zone.parse().unwrap())
    }

    fn minute(time: &str) -> Minute {
        Minute::of(time.parse::<Timestamp>().unwrap())
    }

    /// The beginnings of buckets from the one a time lies in, as the zone's clock shows them, and how many minutes each
    /// bucket lasts.
    fn buckets(interval: &str, zone: &str, from: &str, many: usize) -> Vec<(String, i64)> {
        let mut calendar = calendar(interval, zone);
        let zone: TimeZone = zone.parse().unwrap();
        let mut start = calendar.begin(minute(from));
        (0..many)
            .map(|_| {
                let begun = start;
                start = calendar.next(begun);
                (zone.local_time(begun.start()).to_string(), start.0 - begun.0)
            })
            .collect()
    }

    fn spans(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
        expected.iter().map(|(start, minutes)| ((*start).to_owned(), *minutes)).collect()
    }

    #[test]
    fn days_and_hours_begin_by_the_zones_clock() {
        assert_eq!(
            buckets("P1D", "Asia/Kuwait", "2026-11-23T22:00:00Z", 2),
            spans(&[("2026-11-24 00:00:00", 1_440), ("2026-11-25 00:00:00", 1_440)])
        );
        assert_eq!(
            buckets("PT6H", "Asia/Kolkata", "2026-11-23T18:20:00Z", 2),
            spans(&[("2026-11-23 18:00:00", 360), ("2026-11-24 00:00:00", 360)])
        );
        // Five hours and three quarters ahead.
        assert_eq!(
            calendar("PT1H", "Asia/Kathmandu").begin(minute("2026-11-23T18:20:00Z")),
            minute("2026-11-23T18:15:00Z")
        );
    }

    #[test]
    fn a_day_on_which_the_clock_is_moved_is_one_day() {
        assert_eq!(
            buckets("P1D", "Europe/Paris", "2026-03-28T12:00:00Z", 3),
            spans(&[("2026-03-28 00:00:00", 1_440), ("2026-03-29 00:00:00", 1_380), ("2026-03-30 00:00:00", 1_440)])
        );
        assert_eq!(
            buckets("P1D", "Europe/Paris", "2026-10-24T12:00:00Z", 3),
            spans(&[("2026-10-24 00:00:00", 1_440), ("2026-10-25 00:00:00", 1_500), ("2026-10-26 00:00:00", 1_440)])
        );
        // It has no midnight: Cairo's clock goes from 23:59 to 01:00.
        assert_eq!(
            buckets("P1D", "Africa/Cairo", "2026-04-23T12:00:00Z", 3),
            spans(&[("2026-04-23 00:00:00", 1_440), ("2026-04-24 01:00:00", 1_380), ("2026-04-25 00:00:00", 1_440)])
        );
        // It ends twice: from 23:59 to 23:00. Havana's begins twice: from 00:59 to 00:00.
        assert_eq!(
            buckets("P1D", "Africa/Cairo", "2026-10-29T12:00:00Z", 2),
            spans(&[("2026-10-29 00:00:00", 1_500), ("2026-10-30 00:00:00", 1_440)])
        );
        assert_eq!(
            buckets("P1D", "America/Havana", "2024-11-03T04:30:00Z", 2),
            spans(&[("2024-11-03 00:00:00", 1_500), ("2024-11-04 00:00:00", 1_440)])
        );
    }

    #[test]
    fn an_hour_that_is_shown_twice_is_two_hours_and_one_that_is_skipped_is_none() {
        assert_eq!(
            buckets("PT1H", "Europe/Paris", "2026-10-24T23:30:00Z", 4),
            spans(&[
                ("2026-10-25 01:00:00", 60),
                ("2026-10-25 02:00:00", 60),
                ("2026-10-25 02:00:00", 60),
                ("2026-10-25 03:00:00", 60)
            ])
        );
        assert_eq!(
            buckets("PT1H", "Europe/Paris", "2026-03-29T00:30:00Z", 2),
            spans(&[("2026-03-29 01:00:00", 60), ("2026-03-29 03:00:00", 60)])
        );
        assert_eq!(
            buckets("PT6H", "Europe/Paris", "2026-10-25T00:30:00Z", 2),
            spans(&[("2026-10-25 00:00:00", 420), ("2026-10-25 06:00:00", 360)])
        );
        // Lord Howe's clock is moved by half an hour.
        assert_eq!(
            buckets("PT1H", "Australia/Lord_Howe", "2026-04-04T14:45:00Z", 2),
            spans(&[("2026-04-05 01:00:00", 90), ("2026-04-05 02:00:00", 60)])
        );
        assert_eq!(
            buckets("PT1H", "Australia/Lord_Howe", "2026-10-03T14:45:00Z", 3),
            spans(&[("2026-10-04 01:00:00", 60), ("2026-10-04 02:30:00", 30), ("2026-10-04 03:00:00", 60)])
        );
    }

    proptest! {
        #[test]
        fn every_minute_is_in_one_bucket_and_each_bucket_ends_where_the_next_begins(
            zone in prop::sample::select(vec![
                "UTC", "Asia/Kuwait", "Asia/Gaza", "Asia/Tehran", "Africa/Cairo", "Africa/Casablanca", "Europe/Paris",
                "America/Havana", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
            ]),
            interval in prop::sample::select(vec![1, 5, 15, 32, 36, 45, 48, 60, 96, 360, 1_440]),
            // From 1990 into the days when the rules that hold now are all that is known.
            from in 10_500_000..50_000_000_i64,
        ) {
            let interval: Interval = format!("PT{interval}M").parse().unwrap();
            let mut calendar = Calendar::new(interval, zone.parse().unwrap());
            let mut start = calendar.begin(Minute(from));
            prop_assert!(start.0 <= from);
            for _ in 0..400 {
                let next = calendar.next(start);
                // Apia went without a day once; nobody is so far off otherwise.
                prop_assert!(start < next && next.0 - start.0 <= interval.minutes() + 1_440, "{start:?} to {next:?}");
                for inside in [start, Minute(i64::midpoint(start.0, next.0)), next.plus(-1)] {
                    prop_assert_eq!(calendar.begin(inside), start);
                }
                start = next;
            }
        }
    }
}
