//! Finding texts by words, as people type them.
//!
//! Who searches types on whatever keyboard is at hand: `امتحان` for `إمتحان`, without the marks of vowels, in capitals
//! or not. So texts and words are *folded* before they are compared: decomposed (NFKD, Unicode Standard Annex #15)
//! without the marks that come off, so hamza and madda come off their carriers as accents do; without tatweel; with one
//! form of alef, yeh, kaf and of the final heh; in Latin digits and lower case. A word is found anywhere in a text,
//! since Arabic writes articles and conjunctions onto the word.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::text::is_invisible;

/// The most characters that are searched for.
pub const MOST_SEARCHED: usize = 200;

/// A text as it is compared.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.nfkd().filter(|character| !is_combining_mark(*character)) {
        match character {
            '\u{640}' => {}
            space if space.is_whitespace() => folded.push(' '),
            invisible if is_invisible(invisible) => {}
            other => folded.extend(one_form(other).to_lowercase()),
        }
    }
    folded
}

/// Letters that are typed for each other, and digits, in one form.
fn one_form(character: char) -> char {
    let digit = |zero: u32| char::from_digit(u32::from(character).wrapping_sub(zero), 10);
    match character {
        '\u{671}' => 'ا',
        'ى' | '\u{6CC}' => 'ي',
        'ة' => 'ه',
        '\u{6A9}' => 'ك',
        '\u{660}'..='\u{669}' => digit(0x660).unwrap_or(character),
        '\u{6F0}'..='\u{6F9}' => digit(0x6F0).unwrap_or(character),
        other => other,
    }
}

/// The words that a text must have, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchWords(Vec<Box<str>>);

impl SearchWords {
    /// Reads what somebody typed; `None` if that has no words.
    ///
    /// # Errors
    /// What it must be, in words that follow its field's name.
    pub fn parse(typed: &str) -> Result<Option<Self>, String> {
        let characters = typed.chars().count();
        if characters > MOST_SEARCHED {
            return Err(format!("must be at most {MOST_SEARCHED} characters, is {characters}"));
        }
        let words: Vec<Box<str>> = fold(typed).split_whitespace().map(Box::from).collect();
        Ok((!words.is_empty()).then_some(Self(words)))
    }

    /// Whether a [folded](fold) text has them.
    pub fn are_in(&self, folded: &str) -> bool {
        self.0.iter().all(|word| folded.contains(&**word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(typed: &str, text: &str) -> bool {
        SearchWords::parse(typed).unwrap().is_some_and(|words| words.are_in(&fold(text)))
    }

    #[test]
    fn a_word_is_found_however_it_is_typed() {
        for (typed, text) in [
            ("الامه", "هل تتوقع حل مجلس الأمة؟"),
            ("أُمَّة", "مجلس الامة"),
            ("مجـــلس", "هل تتوقع حل مجلس الأمة؟"),
            ("امتحان", "بعد الإمتحانات"),
            ("قرأن", "القرآن"),
            ("على", "علي"),
            ("٢٠٢٦", "ميزانية 2026"),
            ("2026", "ميزانية ۲۰۲۶"),
            ("حل أمة", "هل تتوقع حل مجلس الأمة؟"),
            ("GALAXY", "iPhone أم Galaxy؟"),
            ("été", "L’ÉTÉ sera chaud"),
            ("ete", "L’été"),
            ("ﻻ", "لا"),
        ] {
            assert!(finds(typed, text), "{typed} in {text}");
        }
        for (typed, text) in
            [("حل نفط", "هل تتوقع حل مجلس الأمة؟"), ("مجلسان", "مجلس"), ("", "مجلس"), (" \u{200F}\u{64B} ", "مجلس")]
        {
            assert!(!finds(typed, text), "{typed} in {text}");
        }
    }

    #[test]
    fn what_is_searched_for_is_bounded() {
        assert!(SearchWords::parse(&"ا".repeat(MOST_SEARCHED)).is_ok());
        assert!(SearchWords::parse(&"ا".repeat(MOST_SEARCHED + 1)).is_err());
    }
}
