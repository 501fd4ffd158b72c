//! Whether a text runs from left to right or from right to left.

use std::fmt;

use serde::Deserialize;

/// The way a text runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From left to right.
    Ltr,
    /// From right to left.
    Rtl,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        })
    }
}

/// Primary languages written from right to left (ISO 639), and such scripts (ISO 15924).
const RTL_LANGUAGES: [&str; 17] =
    ["ar", "arc", "arz", "ckb", "dv", "fa", "glk", "he", "lrc", "mzn", "nqo", "pnb", "ps", "sd", "syr", "ug", "ur"];
const RTL_SCRIPTS: [&str; 7] = ["adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"];

/// The way a language runs, by its tag (BCP 47): by its script if it names one.
pub fn direction_of(tag: &str) -> Direction {
    let tag = tag.to_ascii_lowercase();
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let script = parts.find(|part| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let is_rtl = match script {
        Some(script) => RTL_SCRIPTS.contains(&script),
        None => RTL_LANGUAGES.contains(&language) || language == "yi",
    };
    if is_rtl { Direction::Rtl } else { Direction::Ltr }
}

/// The way a text runs in a poll that runs this way, as the value of a `dir` attribute: as the poll does if it has a
/// letter that does, even if a name of the other direction stands first; otherwise by what does stand first. What other
/// scripts a language is written in is left to that. The widget finds the same in `#word`.
pub fn direction_in(poll: Direction, text: &str) -> &'static str {
    let has = |is: fn(char) -> bool| text.chars().any(is);
    match poll {
        Direction::Rtl if has(|character| matches!(character, '\u{590}'..='\u{8FF}')) => "rtl",
        Direction::Ltr if has(|character| character.is_ascii_alphabetic()) => "ltr",
        Direction::Rtl | Direction::Ltr => "auto",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_runs_as_its_script_does() {
        for (tag, direction) in [
            ("ar", Direction::Rtl),
            ("ar-KW", Direction::Rtl),
            ("fa", Direction::Rtl),
            ("he", Direction::Rtl),
            ("ur", Direction::Rtl),
            ("ku-Arab", Direction::Rtl),
            ("ar-Latn", Direction::Ltr),
            ("ku", Direction::Ltr),
            ("en", Direction::Ltr),
            ("fr-CA", Direction::Ltr),
        ] {
            assert_eq!(direction_of(tag), direction, "{tag}");
        }
    }

    #[test]
    fn a_text_runs_as_its_poll_does_unless_all_its_letters_run_the_other_way() {
        for (poll, text, direction) in [
            (Direction::Rtl, "C++ أم Rust: أي لغة تفضّل؟", "rtl"),
            (Direction::Rtl, "iPhone هو الأفضل", "rtl"),
            (Direction::Rtl, "Rust!", "auto"),
            (Direction::Rtl, "2026", "auto"),
            (Direction::Rtl, "כן", "rtl"),
            (Direction::Ltr, "نعم or no?", "ltr"),
            (Direction::Ltr, "نعم!", "auto"),
            (Direction::Ltr, "да", "auto"),
        ] {
            assert_eq!(direction_in(poll, text), direction, "{text}");
        }
    }
}
