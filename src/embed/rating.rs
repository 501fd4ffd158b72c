//! What a page shows of a rating beside its steps: their mean, in words and in stars, and what the ends mean.

use super::{
    digits::Digits,
    direction::{Direction, direction_in},
    language::Language,
};
use crate::poll::{Poll, Scale, Steps, Tally};

/// A rating as a page shows it.
pub(super) struct RatingPart<'a> {
    /// The highest step.
    pub(super) high: u8,
    /// The words at the ends, with the way each runs; empty where there are none.
    pub(super) ends: [(&'a str, &'static str); 2],
    /// "4.3 out of 5"; empty without ballots.
    pub(super) average: String,
    /// How much of each of five stars is full, in percent: none, half or all.
    pub(super) stars: [u64; 5],
}

impl<'a> RatingPart<'a> {
    /// That of a poll with a scale.
    pub(super) fn of(
        poll: &'a Poll,
        tally: Option<&Tally>,
        language: &Language,
        digits: Digits,
        direction: Direction,
    ) -> Option<Self> {
        let Scale { steps, low_label, high_label } = poll.scale.as_ref()?;
        let rating = tally.and_then(|tally| tally.rating(poll)).filter(|rating| rating.ballots > 0);
        let halves = rating.map_or(0, |rating| rating.average_in(2));
        let average = rating.map_or_else(String::new, |rating| {
            let average = language.tenths(rating.average_in(10), digits);
            let high = language.number(steps.high().into(), digits);
            language.texts().average.replace("{n}", &average).replace("{max}", &high)
        });
        let end = |label: &'a Option<crate::poll::Text>| {
            let text = label.as_ref().map_or("", |label| label.as_str());
            (text, direction_in(direction, text))
        };
        Some(Self {
            high: steps.high(),
            ends: [end(low_label), end(high_label)],
            average,
            stars: [0, 1, 2, 3, 4].map(|before| halves.saturating_sub(2 * before).min(2) * 50),
        })
    }

    /// Whether it is shown as stars.
    pub(super) fn is_stars(&self) -> bool {
        self.high == Steps::Stars.high()
    }

    /// Whether anything is said of the ends.
    pub(super) fn has_ends(&self) -> bool {
        self.ends.iter().any(|(text, _)| !text.is_empty())
    }
}

/// What readers see of a step: a number, or so many stars.
pub(super) fn step_label(scale: &Scale, step: &str, language: &Language, digits: Digits) -> String {
    let number = step.parse().unwrap_or_default();
    match scale.steps {
        Steps::Stars => language.count("stars", number, digits),
        Steps::ZeroToTen => language.number(number, digits),
    }
}
