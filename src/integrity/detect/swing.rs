//! A swing of the shares, by cumulated sums (CUSUM; Page 1954).
//!
//! For each option two hypotheses are weighed: ballots name it as often as before, or a fifth of all ballots more often.
//! Each ballot adds its log-likelihood ratio, and the sum never falls below nothing: so it forgets what spoke against a
//! swing, and rises from the ballot on with which one begins. What was before is an average over the last thousands of
//! ballots; it follows slowly, for opinions do change.

/// By how much the share of an option has to grow.
const STEP: f64 = 0.2;

/// The sum at which chance is ruled out: some once in a million ballots.
const ALARM: f64 = 14.0;

/// How many ballots tell what the shares are.
const FEWEST: f64 = 200.0;

/// And how long they must have come for.
const SHORTEST_MILLIS: i64 = 10 * 60_000;

/// The average is of about so many ballots.
const REMEMBERED: f64 = 3_000.0;

/// The shares of a poll's options, and how far they have swung.
#[derive(Debug, Clone, Default)]
pub(super) struct Swing {
    ballots: f64,
    first_millis: Option<i64>,
    /// By option.
    options: Vec<OptionSwing>,
}

#[derive(Debug, Clone, Default)]
struct OptionSwing {
    share: f64,
    sum: f64,
    /// When the sum was last nothing.
    since_millis: i64,
}

/// An option that more ballots name than before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Swung {
    pub(super) option: u8,
    pub(super) since_millis: i64,
    /// Which share of ballots named it before.
    pub(super) share: f64,
}

impl Swing {
    pub(super) fn note(&mut self, millis: i64, option: u8) {
        let named = usize::from(option);
        if self.options.len() <= named {
            self.options.resize(named + 1, OptionSwing::default());
        }
        self.ballots += 1.0;
        let first = *self.first_millis.get_or_insert(millis);
        let is_known = self.ballots > FEWEST && millis - first >= SHORTEST_MILLIS;
        let weight = 1.0 / self.ballots.min(REMEMBERED);
        for (place, it) in self.options.iter_mut().enumerate() {
            let is_named = place == named;
            if is_known {
                let before = it.share.clamp(0.01, 0.99);
                let more = (before + STEP).min(0.995);
                let ratio = if is_named { more / before } else { (1.0 - more) / (1.0 - before) };
                // A share that is high already can't grow by a whole step: then nothing is weighed.
                it.sum = if before > 1.0 - STEP { 0.0 } else { (it.sum + ratio.ln()).max(0.0) };
            }
            if it.sum <= 0.0 {
                it.since_millis = millis;
            }
            it.share += weight * (f64::from(u8::from(is_named)) - it.share);
        }
    }

    /// The option that has swung most, if one has.
    pub(super) fn swung(&self) -> Option<Swung> {
        let all = (0_u8..).zip(&self.options).filter(|(_, it)| it.sum > ALARM);
        let (option, it) = all.max_by(|(_, one), (_, other)| one.sum.total_cmp(&other.sum))?;
        Some(Swung { option, since_millis: it.since_millis, share: it.share })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::detect::tests::Dice;

    /// After how many ballots of the second share a swing is seen, of at most so many.
    fn seen_after(dice: &mut Dice, before: f64, after: f64, most: i64) -> Option<i64> {
        let mut swing = Swing::default();
        for ballot in 0..2_000 {
            swing.note(ballot * 1_000, u8::from(dice.unit() >= before));
            assert_eq!(swing.swung(), None, "nothing has swung");
        }
        (2_000..2_000 + most).find_map(|ballot| {
            swing.note(ballot * 1_000, u8::from(dice.unit() >= after));
            let swung = swing.swung()?;
            assert_eq!(swung.option, u8::from(after < before));
            assert!(swung.since_millis >= 1_900_000, "{swung:?}");
            Some(ballot - 2_000)
        })
    }

    #[test]
    fn a_swing_is_seen_within_some_hundred_ballots_and_chance_is_none() {
        let mut dice = Dice::new(3);
        for (before, after, most) in [(0.5, 0.8, 150), (0.5, 0.2, 150), (0.1, 0.4, 150), (0.6, 1.0, 60)] {
            let seen = seen_after(&mut dice, before, after, most);
            assert!(seen.is_some(), "{before} to {after}");
        }
        for share in [0.05, 0.3, 0.5, 0.9] {
            assert_eq!(seen_after(&mut dice, share, share, 20_000), None, "{share}");
        }
    }

    #[test]
    fn a_young_poll_has_no_shares_that_could_swing() {
        let mut swing = Swing::default();
        for ballot in 0..200 {
            swing.note(ballot * 60_000, u8::from(ballot < 100));
            assert_eq!(swing.swung(), None);
        }
        let mut at_once = Swing::default();
        for ballot in 0..5_000 {
            at_once.note(ballot * 100, u8::from(ballot < 2_500));
            assert_eq!(at_once.swung(), None, "all within minutes");
        }
    }
}
