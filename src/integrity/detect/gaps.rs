//! Gaps that are too even.
//!
//! Readers don't know of each other: ballots of many come like drops of rain, and one gap says nothing about the next. A
//! script that waits, or a hand that works along, makes even gaps, and mixing others between them hides that only where
//! there are as many. What is measured is how much each gap differs from the one before, as a part of both: the *local
//! variation* (Shinomoto, Shima, Tanji 2003). Like a coefficient of variation it is 1 for readers and 0 for a clock; unlike
//! that, it does not mind that evenings are busier than nights, or that a crowd comes. Three numbers are kept, which forget:
//! so the memory is the same after a ballot and after a million.

/// The average is of about the last so many gaps.
const REMEMBERED: f64 = 100.0;

/// Shorter gaps on average tell of the batches that ballots are counted in, and not of who casts them.
const SHORTEST_MILLIS: f64 = 100.0;

/// The gaps between ballots.
#[derive(Debug, Clone, Default)]
pub(super) struct Gaps {
    last_millis: Option<i64>,
    last_gap: f64,
    count: f64,
    mean: f64,
    variation: f64,
}

impl Gaps {
    /// Notes a ballot. One that comes late is taken to come with the last.
    pub(super) fn note(&mut self, millis: i64) {
        let Some(last) = self.last_millis else {
            self.last_millis = Some(millis);
            return;
        };
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gap is less than 2^52 ms")]
        let gap = (millis - last).max(0) as f64;
        self.last_millis = Some(millis.max(last));
        let before = std::mem::replace(&mut self.last_gap, gap);
        self.count += 1.0;
        let weight = 1.0 / self.count.min(REMEMBERED);
        self.mean += weight * (gap - self.mean);
        if self.count > 1.0 {
            let differs = (gap - before) / (gap + before).max(1.0);
            self.variation += weight * (3.0 * differs * differs - self.variation);
        } else {
            // Nothing is known yet.
            self.variation = 1.0;
        }
    }

    /// How much they vary, if that is too little for readers, and there were enough of them to tell: chance alone makes
    /// it once in some ten thousand times at most.
    pub(super) fn evenness(&self) -> Option<f64> {
        let most = if self.count >= 150.0 {
            0.6
        } else if self.count >= 40.0 {
            0.4
        } else {
            return None;
        };
        (self.mean >= SHORTEST_MILLIS && self.variation < most).then_some(self.variation)
    }

    /// How many gaps there were.
    pub(super) fn count(&self) -> f64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::detect::tests::Dice;

    /// How even the gaps of ballots are that come as often and as these dice have it.
    fn evenness(ballots: u32, mut gap: impl FnMut() -> f64) -> Option<f64> {
        let (mut gaps, mut at) = (Gaps::default(), 0.0);
        for _ in 0..ballots {
            at += gap();
            gaps.note(Dice::millis(at));
        }
        gaps.evenness()
    }

    #[test]
    fn readers_are_not_even_and_a_clock_is_also_among_some_readers() {
        let mut dice = Dice::new(7);
        let readers = (0..2_000).filter(|_| evenness(400, || dice.exponential(9_000.0)).is_some()).count();
        assert!(readers <= 2, "{readers} of 2,000");
        let few = (0..2_000).filter(|_| evenness(60, || dice.exponential(9_000.0)).is_some()).count();
        assert!(few <= 2, "{few} of 2,000");
        assert!(evenness(60, || dice.uniform(2_000.0, 4_000.0)).is_some(), "a hand");
        assert!(evenness(60, || 3_000.0).is_some(), "a clock");
        assert!(evenness(39, || 3_000.0).is_none(), "too few to tell");
        assert!(evenness(500, || 20.0).is_none(), "batches");
        // One in four is a reader's.
        let mut at: Vec<f64> = (0..200).map(|tick| f64::from(tick) * 6_000.0).collect();
        let mut reader = 0.0;
        while reader < 1_200_000.0 {
            reader += dice.exponential(24_000.0);
            at.push(reader);
        }
        at.sort_by(f64::total_cmp);
        let mut gaps = Gaps::default();
        for at in at {
            gaps.note(Dice::millis(at));
        }
        assert!(gaps.evenness().is_some(), "{:?}", gaps.variation);
    }

    #[test]
    fn a_night_does_not_hide_a_clock_and_a_crowd_is_no_clock() {
        let mut dice = Dice::new(8);
        let mut ballots = 0;
        let paused = || {
            ballots += 1;
            if ballots % 70 == 0 { 30_000_000.0 } else { 3_000.0 }
        };
        assert!(evenness(300, paused).is_some());
        let mut minutes = 0.0;
        let crowd = || {
            minutes += 1.0;
            dice.exponential(if minutes < 200.0 { 20_000.0 } else { 300.0 })
        };
        assert_eq!(evenness(600, crowd), None);
    }
}
