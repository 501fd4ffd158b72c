//! A swing of the shares: more ballots name an option at once.

use super::growth::{GrowthStep, PartOfBallots, PastBallots};

/// A fifth of all ballots.
const STEP: GrowthStep = GrowthStep { by: 0.2, least: 0.01, after_millis: 10 * 60_000 };

/// The shares of a poll's options, and how far they have swung.
#[derive(Debug, Clone, Default)]
pub(super) struct Swing {
    past: PastBallots,
    /// By option.
    options: Vec<PartOfBallots>,
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
            self.options.resize(named + 1, PartOfBallots::default());
        }
        self.past.note(millis);
        for (index, share) in self.options.iter_mut().enumerate() {
            share.note(index == named, millis, &self.past, &STEP);
        }
    }

    /// Forgets how far they have swung, and not how large they are.
    pub(super) fn forget_signs(&mut self) {
        self.options.iter_mut().for_each(PartOfBallots::forget_growth);
    }

    /// The option that has swung most, if one has.
    pub(super) fn swung(&self) -> Option<Swung> {
        let all = (0_u8..).zip(&self.options).filter(|(_, share)| share.has_grown());
        let (option, share) = all.max_by(|(_, one), (_, other)| one.sum.total_cmp(&other.sum))?;
        Some(Swung { option, since_millis: share.since_millis, share: share.part })
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
