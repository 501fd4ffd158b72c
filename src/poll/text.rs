//! Text as publishers write it and readers see it.
//!
//! Any script, emoji included, is kept as it came except for normalization to NFC (Unicode Standard Annex #15), so the
//! same word typed on two keyboards is the same bytes. Lengths count extended grapheme clusters (UAX #29), which
//! readers call characters. Refused are characters that change how the text *around* them reads: controls and line
//! breaks, and the bidirectional embeddings and overrides that can make "لا" look like something else.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

/// The limits of a text's length.
#[derive(Debug, Clone, Copy)]
pub struct TextLimit {
    /// At most so many grapheme clusters.
    pub characters: usize,
    /// At most so many bytes of UTF-8: a cluster can hold any number of combining marks, so clusters alone are no
    /// limit.
    pub bytes: usize,
}

/// A poll's question.
pub const QUESTION: TextLimit = TextLimit { characters: 500, bytes: 8_000 };
/// An option's label.
pub const LABEL: TextLimit = TextLimit { characters: 200, bytes: 3_200 };

/// What a reader says in their own words.
pub const OPEN_ANSWER: TextLimit = TextLimit { characters: 80, bytes: 1_280 };

/// What is told of the right answer of a quiz, and why a prediction was resolved anew.
pub const EXPLANATION: TextLimit = TextLimit { characters: 1_000, bytes: 16_000 };

/// Who asks or pays for a poll, and its licence.
pub const PARTY: TextLimit = TextLimit { characters: 200, bytes: 3_200 };
/// What else is told of who stands behind a poll.
pub const DISCLOSURE_NOTE: TextLimit = TextLimit { characters: 500, bytes: 8_000 };
/// What is said to a reader who has voted.
pub(super) const AFTER_VOTE: TextLimit = TextLimit { characters: 300, bytes: 4_800 };
/// What the link says that they may follow.
pub(super) const LINK_LABEL: TextLimit = TextLimit { characters: 100, bytes: 1_600 };
/// What is said below an option's label.
pub(super) const OPTION_NOTE: TextLimit = TextLimit { characters: 200, bytes: 3_200 };
/// What stands for a picture.
pub(super) const ALTERNATIVE: TextLimit = TextLimit { characters: 300, bytes: 4_800 };
/// Why a poll was reworded.
pub const REASON: TextLimit = TextLimit { characters: 300, bytes: 4_800 };

/// Text that is in NFC, not blank, within its limit, and free of the characters named in the module's introduction.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Box<str>);

impl Text {
    /// Checks and normalizes a text.
    ///
    /// # Errors
    /// What the text must be, in words that follow its field's name.
    pub fn parse(text: &str, limit: TextLimit) -> Result<Self, String> {
        if let Some((nth, character)) = text.chars().enumerate().find(|(_, character)| is_refused(*character)) {
            return Err(format!(
                "must not contain {} (U+{:04X}, character {})",
                name_of(character),
                u32::from(character),
                nth + 1
            ));
        }
        if text.chars().all(is_invisible) {
            return Err("must not be empty".to_owned());
        }
        // Checked before normalizing, which can triple a text, and again after.
        let too_long = |bytes: usize| bytes > limit.bytes;
        if too_long(text.len()) {
            return Err(format!("must be at most {} bytes of UTF-8, is {}", limit.bytes, text.len()));
        }
        let normalized: Box<str> = if is_nfc(text) { text.into() } else { text.nfc().collect::<String>().into() };
        if too_long(normalized.len()) {
            return Err(format!("must be at most {} bytes of UTF-8 in NFC, is {}", limit.bytes, normalized.len()));
        }
        let characters = normalized.graphemes(true).count();
        if characters > limit.characters {
            return Err(format!("must be at most {} characters, is {characters}", limit.characters));
        }
        Ok(Self(normalized))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// Control characters, line breaks, and what turns the direction of what follows: no text has any.
pub fn is_refused(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}')
}

fn name_of(character: char) -> &'static str {
    match character {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
        '\t' => "a tab",
        '\u{202A}' | '\u{202B}' | '\u{202C}' => "a bidirectional embedding",
        '\u{202D}' | '\u{202E}' => "a bidirectional override",
        _ => "a control character",
    }
}

/// White space, and characters that draw nothing: a text of only these looks blank.
pub fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || matches!(character,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D159}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        Text::parse(text, QUESTION).map(|text| text.to_string())
    }

    #[test]
    fn any_script_is_kept_as_sent() {
        for text in
            ["هل تتوقع حل مجلس الأمة ؟", " نعم ", "👩‍👩‍👧‍👦", "می‌خواهم", "English \u{2066}عربي\u{2069}", "שלום", "नमस्ते"]
        {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn text_is_normalized_to_nfc() {
        assert_eq!(parse("ا\u{653}").as_deref(), Ok("آ"));
        assert_eq!(parse("e\u{301}").as_deref(), Ok("é"));
    }

    #[test]
    fn refused_characters_are_named() {
        for (text, name) in [
            ("a\u{202E}b", "a bidirectional override (U+202E, character 2)"),
            ("\u{202B}b", "a bidirectional embedding (U+202B, character 1)"),
            ("a\nb", "a line break (U+000A"),
            ("a\tb", "a tab (U+0009"),
            ("a\0", "a control character (U+0000"),
            ("\u{9B}", "a control character (U+009B"),
        ] {
            assert!(parse(text).is_err_and(|detail| detail.contains(name)), "{text:?}");
        }
    }

    #[test]
    fn blank_text_is_empty() {
        for text in ["", "  ", "\u{A0}\u{3000}", "\u{200B}\u{200F}\u{FEFF}", "\u{3164}"] {
            assert_eq!(parse(text), Err("must not be empty".to_owned()), "{text:?}");
        }
    }

    #[test]
    fn lengths_count_what_a_reader_calls_characters() {
        let family = "👩‍👩‍👧‍👦";
        let limit = TextLimit { characters: 3, bytes: 8_000 };
        assert!(Text::parse(&family.repeat(3), limit).is_ok());
        assert_eq!(Text::parse(&family.repeat(4), limit), Err("must be at most 3 characters, is 4".to_owned()));
        // Arabic letters with their vowel signs: one cluster each.
        assert!(Text::parse("كُلُّ", limit).is_ok());
        // Combining marks without end are one cluster, but not free.
        assert!(parse(&format!("a{}", "\u{301}".repeat(5_000))).is_err_and(|detail| detail.contains("bytes")));
    }
}
