//! One emoji, which stands for a reaction.
//!
//! What is an emoji changes with every version of Unicode, and a browser knows a later one than this service may. So
//! taken is what looks like one: a single grapheme cluster (UAX #29) of the blocks that emoji are in, with what joins,
//! colours and dresses them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;

/// Longer than any emoji there is: the longest are families and the flags of parts of countries.
const MOST_BYTES: usize = 64;

const RULE: &str = "must be one emoji, like 👍 or ❤️";

/// One emoji.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Emoji(Box<str>);

impl Emoji {
    /// The emoji.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a reader could tell it from another.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        drawn(&self.0).eq(drawn(&other.0))
    }
}

impl FromStr for Emoji {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_one = text.len() <= MOST_BYTES && text.graphemes(true).count() == 1;
        let is_emoji = text.chars().any(is_pictured) && text.chars().all(|part| is_pictured(part) || is_joined(part));
        (is_one && is_emoji).then(|| Self(text.into())).ok_or(RULE)
    }
}

impl fmt::Debug for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a character is of the blocks that emoji are in.
fn is_pictured(part: char) -> bool {
    matches!(part,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{20E3}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21AA}'
        | '\u{231A}'..='\u{23FF}' | '\u{24C2}' | '\u{25AA}'..='\u{25FE}' | '\u{2600}'..='\u{27BF}'
        | '\u{2934}'..='\u{2935}' | '\u{2B05}'..='\u{2B55}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{1F000}'..='\u{1FAFF}')
}

/// Whether a character is part of an emoji that others make: a joiner, a variation selector, a digit under a keycap, a
/// flag's tag.
fn is_joined(part: char) -> bool {
    matches!(part, '\u{200D}' | '\u{FE0F}' | '0'..='9' | '#' | '*' | '\u{E0020}'..='\u{E007F}')
}

/// Without variation selectors: they ask for colour, which a browser gives an emoji anyway.
fn drawn(emoji: &str) -> impl Iterator<Item = char> {
    emoji.chars().filter(|part| *part != '\u{FE0F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_taken_whatever_it_is_made_of_and_nothing_else_is() {
        for emoji in ["👍", "❤", "❤️", "👍🏽", "👩‍👩‍👧‍👦", "🇰🇼", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "☹️", "🫶", "🧕🏽"]
        {
            assert_eq!(emoji.parse::<Emoji>().map(|parsed| parsed.as_str().to_owned()).as_deref(), Ok(emoji));
        }
        let long = format!("👍{}", "\u{200D}👍".repeat(20));
        for other in ["", "a", "ن", "1", "نعم", "👍👍", "👍 ", " ", "\u{FE0F}", "\u{200D}", "<b>", "👍\u{202E}", &long]
        {
            assert!(other.parse::<Emoji>().is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_variation_selector_makes_no_other_emoji() {
        let [plain, coloured, other] = ["❤", "❤️", "👍"].map(|emoji| emoji.parse::<Emoji>().unwrap());
        assert!(plain.looks_like(&coloured) && !plain.looks_like(&other));
    }
}
