//! How many ballots came in each of the last sixty minutes.

/// How far back single minutes are kept.
pub(super) const MINUTES: i64 = 60;

/// What came before counts half after so many minutes: an evening fades until the next.
const HALF_LIFE: f64 = 12.0 * 60.0;

/// The minute that a moment lies in.
pub(super) fn minute_of(millis: i64) -> i64 {
    millis.div_euclid(60_000)
}

/// Ballots by minute, and what is older as one number.
#[derive(Debug, Clone)]
pub(super) struct MinuteCounts {
    counts: [u16; 60],
    newest: i64,
    older: f64,
}

impl MinuteCounts {
    pub(super) fn begin(minute: i64) -> Self {
        Self { counts: [0; 60], newest: minute, older: 0.0 }
    }

    pub(super) fn add(&mut self, minute: i64, ballots: u16) {
        self.go_on_to(minute);
        if minute > self.newest - MINUTES
            && let Some(count) = self.counts.get_mut(place(minute))
        {
            *count = count.saturating_add(ballots);
        }
    }

    /// Takes out what another has of the last so many minutes.
    pub(super) fn take_last_of(&mut self, other: &Self, now: i64, minutes: i64) {
        let from = [now - minutes + 1, self.newest - MINUTES + 1, other.newest - MINUTES + 1];
        for minute in from.into_iter().max().unwrap_or(now)..=now.min(self.newest).min(other.newest) {
            let taken = other.counts.get(place(minute)).copied().unwrap_or_default();
            if let Some(count) = self.counts.get_mut(place(minute)) {
                *count = count.saturating_sub(taken);
            }
        }
    }

    /// The ballots of the last so many minutes, the one of this moment among them.
    pub(super) fn of_last(&self, now: i64, minutes: i64) -> f64 {
        let from = (now - minutes + 1).max(self.newest - MINUTES + 1);
        let counts = (from..=self.newest.min(now)).filter_map(|minute| self.counts.get(place(minute)));
        counts.map(|count| f64::from(*count)).sum()
    }

    /// All that came before the last so many minutes; what is older than an hour fades.
    pub(super) fn before(&self, now: i64, minutes: i64) -> f64 {
        self.older + self.of_last(now, MINUTES + (now - self.newest).max(0)) - self.of_last(now, minutes)
    }

    /// How many came in an hour before the last so many minutes, if they are counted since this minute.
    pub(super) fn per_hour_before(&self, now: i64, minutes: i64, begun: i64) -> f64 {
        let known = (MINUTES - minutes).min(now - minutes - begun);
        if known < 5 {
            // An hour's part of what has not faded yet.
            return self.before(now, minutes) * std::f64::consts::LN_2 / HALF_LIFE * 60.0;
        }
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "an hour at most")]
        let hours = known as f64 / 60.0;
        (self.of_last(now, MINUTES) - self.of_last(now, minutes)) / hours
    }

    fn go_on_to(&mut self, minute: i64) {
        let passed = minute - self.newest;
        if passed <= 0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "minutes of some days")]
        let faded = (0.5_f64).powf(passed as f64 / HALF_LIFE);
        for minute in self.newest + 1..=self.newest + passed.min(MINUTES) {
            if let Some(count) = self.counts.get_mut(place(minute)) {
                self.older += f64::from(std::mem::take(count));
            }
        }
        self.older *= faded;
        self.newest = minute;
    }
}

fn place(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(MINUTES)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_came_in_an_hour_is_told_by_the_time_before() {
        let mut counts = MinuteCounts::begin(0);
        for minute in 0..2_000 {
            counts.add(minute, if minute < 1_980 { 3 } else { 50 });
        }
        assert!((counts.per_hour_before(1_999, 20, 0) - 180.0).abs() < 1.0);
        // What is older has faded, and says about the same.
        assert!((120.0..200.0).contains(&counts.per_hour_before(1_999, 58, 0)));
    }

    #[test]
    fn what_another_has_of_the_last_minutes_is_taken_out() {
        let (mut all, mut one) = (MinuteCounts::begin(0), MinuteCounts::begin(0));
        for minute in 0..100 {
            all.add(minute, 3);
            if minute < 98 {
                one.add(minute, 1);
            }
        }
        all.take_last_of(&one, 99, 5);
        let left = |minutes| format!("{}", all.of_last(99, minutes));
        assert_eq!([left(2), left(5), left(6)], ["6", "12", "15"]);
        all.take_last_of(&one, 500, 60);
        assert_eq!(format!("{}", all.of_last(99, 5)), "12", "of other minutes");
    }

    #[test]
    fn minutes_are_kept_for_an_hour_and_then_fade() {
        let mut counts = MinuteCounts::begin(1_000);
        for minute in 1_000..1_100 {
            counts.add(minute, 2);
        }
        let now = 1_099;
        let of_last = |counts: &MinuteCounts, now: i64, minutes| format!("{}", counts.of_last(now, minutes));
        assert_eq!([1, 5, 60].map(|minutes| of_last(&counts, now, minutes)), ["2", "10", "120"]);
        assert!((198.0 - 10.0 - counts.before(now, 5)).abs() < 5.0, "{}", counts.before(now, 5));
        // A minute that comes late is counted where it belongs; one that is an hour late is not.
        counts.add(1_090, 1);
        counts.add(1_000, 1);
        assert_eq!([5, 60].map(|minutes| of_last(&counts, now, minutes)), ["10", "121"]);
        assert_eq!(of_last(&counts, now + 58, 60), "4");
        counts.add(now + 12 * 60, 1);
        assert_eq!(of_last(&counts, now + 12 * 60, 60), "1");
        assert!((80.0..120.0).contains(&counts.before(now + 12 * 60, 60)), "half of them");
    }
}
