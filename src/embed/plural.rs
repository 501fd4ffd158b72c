//! Plural rules as the Unicode CLDR writes them (UTS #35, part 3, section 5.1), for whole numbers.
//!
//! A language's file brings its own rules, so that a new language is a file and no code. Only what whole numbers need
//! is understood: `n` (which is `i` then), `%`, `=`, `!=`, ranges, lists, `and` and `or`. Browsers know the rules
//! already and use `Intl.PluralRules`. `icu_plurals` would bring five more crates, and the rules of languages that are
//! not spoken here, in place of some sixty lines.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, de};

/// When a plural form is the one to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule(Vec<Vec<Relation>>);

/// `n % 100 = 3..10`
#[derive(Debug, Clone, PartialEq, Eq)]
struct Relation {
    modulus: Option<u64>,
    is_equal: bool,
    ranges: Vec<RangeInclusive<u64>>,
}

impl Rule {
    /// Reads a rule; `None` if it is none.
    fn parse(text: &str) -> Option<Self> {
        let all = |conditions: &str| conditions.split(" and ").map(Relation::parse).collect();
        text.split(" or ").map(all).collect::<Option<_>>().map(Self)
    }

    /// Whether a number's form is this one.
    pub(super) fn holds_for(&self, number: u64) -> bool {
        self.0.iter().any(|conditions| conditions.iter().all(|condition| condition.holds_for(number)))
    }
}

impl Relation {
    fn parse(text: &str) -> Option<Self> {
        let (left, right, is_equal) = match text.split_once(" != ") {
            Some((left, right)) => (left, right, false),
            None => text.split_once(" = ").map(|(left, right)| (left, right, true))?,
        };
        let modulus = match left.trim().split_once(" % ") {
            Some(("n", modulus)) => Some(modulus.parse().ok().filter(|modulus| *modulus > 0)?),
            None if left.trim() == "n" => None,
            Some(_) | None => return None,
        };
        let range = |text: &str| match text.split_once("..") {
            Some((first, last)) => Some(first.parse().ok()?..=last.parse().ok()?),
            None => text.parse().ok().map(|number| number..=number),
        };
        let ranges = right.trim().split(',').map(range).collect::<Option<_>>()?;
        Some(Self { modulus, is_equal, ranges })
    }

    fn holds_for(&self, number: u64) -> bool {
        let operand = self.modulus.map_or(Some(number), |modulus| number.checked_rem(modulus));
        let is_within = operand.is_some_and(|operand| self.ranges.iter().any(|range| range.contains(&operand)));
        is_within == self.is_equal
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no plural rule for whole numbers")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_the_cldr_writes_them() {
        for (rule, holding, failing) in [
            ("n = 1", &[1][..], &[0, 2, 11, 101][..]),
            ("n = 0,1", &[0, 1], &[2]),
            ("n % 100 = 3..10", &[3, 10, 103, 1_110], &[0, 2, 11, 102, 111]),
            ("n != 0 and n % 1000000 = 0", &[1_000_000, 5_000_000], &[0, 1, 1_000_001]),
            ("n % 10 = 1 and n % 100 != 11 or n = 7", &[1, 21, 7], &[11, 111, 17]),
        ] {
            let parsed = Rule::parse(rule).unwrap_or_else(|| panic!("{rule}"));
            for number in holding {
                assert!(parsed.holds_for(*number), "{rule}: {number}");
            }
            for number in failing {
                assert!(!parsed.holds_for(*number), "{rule}: {number}");
            }
        }
        for bad in ["", "n", "n = ", "n = x", "v = 0", "n % 0 = 1", "n = 3..", "n == 1", "n = 1 and"] {
            assert_eq!(Rule::parse(bad), None, "{bad}");
        }
    }
}
