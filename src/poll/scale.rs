//! The scale of a rating: which steps a reader may choose, and the words at its ends.

use serde::{Deserialize, Serialize};

use super::{Text, TextLimit};

/// The words at one end of a scale.
pub(super) const END: TextLimit = TextLimit { characters: 60, bytes: 960 };

/// The scale of a poll of kind `rating`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Which steps there are.
    pub steps: Steps,
    /// What the lowest step means, if that is said.
    pub low_label: Option<Text>,
    /// What the highest step means, if that is said.
    pub high_label: Option<Text>,
}

/// The steps of a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steps {
    /// 1 to 5, shown as stars.
    Stars,
    /// 0 to 10, shown as numbers.
    ZeroToTen,
}

/// A scale as a publisher asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewScale {
    /// The lowest step.
    pub low: u64,
    /// The highest step.
    pub high: u64,
    /// At most 60 characters.
    pub low_label: Option<String>,
    /// At most 60 characters.
    pub high_label: Option<String>,
}

impl Steps {
    /// What the ends of a scale must be, in words that follow the field's name.
    pub(super) const RULE: &str = "must go from 1 to 5 (stars) or from 0 to 10";

    const ALL: [Self; 2] = [Self::Stars, Self::ZeroToTen];

    /// The steps between these ends.
    pub(super) fn between(low: u64, high: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|steps| (u64::from(steps.low()), u64::from(steps.high())) == (low, high))
    }

    /// The lowest step.
    pub fn low(self) -> u8 {
        match self {
            Self::Stars => 1,
            Self::ZeroToTen => 0,
        }
    }

    /// The highest step.
    pub fn high(self) -> u8 {
        match self {
            Self::Stars => 5,
            Self::ZeroToTen => 10,
        }
    }
}

/// What the ballots of a rating add up to: whole numbers, so nothing is lost before somebody rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rating {
    /// The sum of the steps chosen.
    pub sum: u64,
    /// The ballots it is the sum of.
    pub ballots: u64,
    /// Where the steps are 0 to 10: the ballots for 9 and 10 less those for 0 to 6.
    pub net_promoters: Option<i64>,
}

impl Rating {
    /// The mean step, as near as a double comes; `None` without ballots.
    pub fn average(self) -> Option<f64> {
        (self.ballots > 0).then(|| double(self.sum) / double(self.ballots))
    }

    /// The net promoter score, from -100 to 100 and not rounded; `None` without ballots, and of stars.
    pub fn nps(self) -> Option<f64> {
        let net = self.net_promoters.filter(|_| self.ballots > 0)?;
        let score = double(net.unsigned_abs().saturating_mul(100)) / double(self.ballots);
        Some(if net < 0 { -score } else { score })
    }

    /// The mean in such parts of a step, rounded half up, for readers: in tenths, or in halves. 0 without ballots.
    pub fn average_in(self, parts: u8) -> u64 {
        let (sum, ballots) = (u128::from(self.sum), u128::from(self.ballots));
        let rounded = (sum * u128::from(parts) * 2 + ballots).checked_div(ballots * 2);
        rounded.and_then(|rounded| u64::try_from(rounded).ok()).unwrap_or_default()
    }
}

/// The nearest double: exact below 2^53.
fn double(number: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default());
    half(number >> 32) * 4_294_967_296.0 + half(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(sum: u64, ballots: u64, net_promoters: Option<i64>) -> Rating {
        Rating { sum, ballots, net_promoters }
    }

    #[test]
    fn an_average_is_the_nearest_double_and_is_rounded_for_readers_alone() {
        for (sum, ballots, average, tenths) in [
            (13, 3, "4.333333333333333", 43),
            (5, 1, "5", 50),
            (9, 2, "4.5", 45),
            (17, 4, "4.25", 43),
            (1, 3_000_000_000, "0.0000000003333333333333333", 0),
            (8_999_999_999_999_999, 3_000_000_000_000_000, "2.9999999999999996", 30),
        ] {
            let rating = rating(sum, ballots, None);
            assert_eq!(rating.average().map(|average| average.to_string()).as_deref(), Some(average));
            assert_eq!(rating.average_in(10), tenths, "{sum}/{ballots}");
        }
        assert_eq!((rating(0, 0, None).average(), rating(0, 0, None).average_in(2)), (None, 0));
    }

    #[test]
    fn a_net_promoter_score_is_of_a_scale_with_ballots_alone() {
        let nps = |net, ballots| rating(0, ballots, net).nps().map(|score| score.to_string());
        assert_eq!(nps(Some(1), 3).as_deref(), Some("33.333333333333336"));
        assert_eq!(nps(Some(-2), 2).as_deref(), Some("-100"));
        assert_eq!(nps(Some(0), 5).as_deref(), Some("0"));
        assert_eq!([nps(Some(0), 0), nps(None, 7)], [None, None]);
    }
}
