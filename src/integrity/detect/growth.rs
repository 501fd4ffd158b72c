//! A part of the ballots that grows at once, by cumulated sums (CUSUM; Page 1954).
//!
//! Two hypotheses are weighed: as many ballots as before belong to the part, or more by a [step](GrowthStep). Each ballot adds
//! its log-likelihood ratio, and the sum never falls below nothing: so it forgets what spoke against a growth, and rises
//! from the ballot on with which one begins. What was before is an average over the last thousands of ballots; it follows
//! slowly, for opinions do change.

/// The sum at which chance is ruled out: some once in a million ballots.
const ALARM: f64 = 14.0;

/// How many ballots tell how large a part is.
const FEWEST: f64 = 200.0;

/// The average is of about so many ballots.
const REMEMBERED: f64 = 3_000.0;

/// The most that a part is taken to have become: one ballot outside it must not disprove everything.
const MOST: f64 = 0.995;

/// By how much a part has to grow.
pub(super) struct GrowthStep {
    pub(super) by: f64,
    /// The part before is taken to have been at least this much, and at most this much less than all.
    pub(super) least: f64,
    /// For how long ballots must have come before.
    pub(super) after_millis: i64,
}

/// The ballots so far.
#[derive(Debug, Clone, Default)]
pub(super) struct PastBallots {
    count: f64,
    first_millis: Option<i64>,
}

/// A part of them, and how far it has grown.
#[derive(Debug, Clone, Default)]
pub(super) struct PartOfBallots {
    /// The average.
    pub(super) part: f64,
    pub(super) sum: f64,
    /// When the sum was last nothing.
    pub(super) since_millis: i64,
}

impl PastBallots {
    /// Notes one more.
    pub(super) fn note(&mut self, millis: i64) {
        self.count += 1.0;
        self.first_millis.get_or_insert(millis);
    }

    fn are_enough(&self, millis: i64, step: &GrowthStep) -> bool {
        self.count > FEWEST && self.first_millis.is_some_and(|first| millis - first >= step.after_millis)
    }
}

impl PartOfBallots {
    /// Notes whether one more ballot, the last of those so far, belongs to it.
    pub(super) fn note(&mut self, is_in: bool, millis: i64, past: &PastBallots, step: &GrowthStep) {
        // A part that is large already can't grow by a whole step: then nothing is weighed.
        if past.are_enough(millis, step) && self.part <= 1.0 - step.by {
            let before = self.part.clamp(step.least, 1.0 - step.least);
            let more = (before + step.by).min(MOST);
            let ratio = if is_in { more / before } else { (1.0 - more) / (1.0 - before) };
            self.sum = (self.sum + ratio.ln()).max(0.0);
        } else {
            self.sum = 0.0;
        }
        if self.sum <= 0.0 {
            self.since_millis = millis;
        }
        self.part += (f64::from(u8::from(is_in)) - self.part) / past.count.min(REMEMBERED);
    }

    /// Weighs nothing of what came so far any more.
    pub(super) fn forget_growth(&mut self) {
        self.sum = 0.0;
    }

    /// Whether it has grown, and that is not chance.
    pub(super) fn has_grown(&self) -> bool {
        self.sum > ALARM
    }
}
