//! The font: Vazirmatn, regular and bold. Its licence, the SIL Open Font License 1.1, stands beside it.
//!
//! It has the letters of Arabic, Persian and the Latin languages of Europe. It has no emoji, and none of any other
//! script: what it lacks would be an empty box. So a text in another script has no picture, and emoji and other signs
//! are left out of one that has; a reaction is shown by its label.

use parley::{
    FontContext,
    fontique::{Blob, Collection, CollectionOptions, SourceCache},
};
use skrifa::{FontRef, MetadataProvider as _, charmap::Charmap};
use std::sync::{Arc, LazyLock};
use unicode_normalization::char::is_combining_mark;

/// What every text must ask for: there is no other font, and no other name finds it.
pub(super) const FAMILY: &str = "Vazirmatn";

const REGULAR: &[u8] = include_bytes!("font/Vazirmatn-Regular.ttf");
const BOLD: &[u8] = include_bytes!("font/Vazirmatn-Bold.ttf");

/// Which characters the font has. Both faces have the same.
static CHARACTERS: LazyLock<Option<Charmap<'static>>> =
    LazyLock::new(|| FontRef::new(REGULAR).ok().map(|font| font.charmap()));

/// Both faces, and none of the system's.
pub(super) fn fonts() -> FontContext {
    let options = CollectionOptions { shared: false, system_fonts: false };
    let mut collection = Collection::new(options);
    for face in [REGULAR, BOLD] {
        collection.register_fonts(Blob::new(Arc::new(face)), None);
    }
    FontContext { collection, source_cache: SourceCache::default() }
}

/// A text as the font can show it: without emoji and other signs that it lacks. `None` if it lacks a letter, or if
/// nothing is left: without letters a text does not say what it said.
pub fn drawable(text: &str) -> Option<String> {
    let mut left = String::with_capacity(text.len());
    for character in text.chars() {
        if is_there(character) {
            // What is left out leaves one blank where there were two.
            let is_second_blank = character == ' ' && left.chars().next_back().is_none_or(|last| last == ' ');
            if !is_second_blank {
                left.push(character);
            }
        } else if is_letter(character) {
            return None;
        }
    }
    left.truncate(left.trim_end().len());
    (!left.is_empty()).then_some(left)
}

/// Whether the font has it, or there is nothing to see of it: then the shaper needs it.
fn is_there(character: char) -> bool {
    let is_for_shaping = matches!(character, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2069}' | '\u{61C}' | '\u{AD}');
    is_for_shaping || CHARACTERS.as_ref().is_some_and(|map| map.map(character).is_some())
}

/// Whether a text says something else without it: letters, digits, what is written above and below them, and the signs
/// of currencies. Emoji and what selects or joins them are none.
fn is_letter(character: char) -> bool {
    let is_sign = matches!(character, '\u{1F000}'..='\u{1FAFF}' | '\u{FE00}'..='\u{FE0F}' | '\u{20D0}'..='\u{20FF}');
    let is_currency = matches!(character, '\u{20A0}'..='\u{20CF}');
    !is_sign && (is_currency || character.is_alphanumeric() || is_combining_mark(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_drawn_without_emoji_and_not_at_all_without_its_letters() {
        for (text, left) in [
            ("هل تتوقع حل مجلس الأمة؟", Some("هل تتوقع حل مجلس الأمة؟")),
            ("می‌خواهم پژوهش کنم", Some("می‌خواهم پژوهش کنم")),
            ("Žluťoučký kůň, façade, Łódź", Some("Žluťoučký kůň, façade, Łódź")),
            ("👍🏽 نعم ❤️ أوافق 👨‍👩‍👧", Some("نعم أوافق \u{200D}\u{200D}")),
            ("A → B", Some("A B")),
            ("1\u{FE0F}\u{20E3} first", Some("1 first")),
            ("63.2% ٦٣٫٢٪", Some("63.2% ٦٣٫٢٪")),
            ("\u{2068}name\u{2069}", Some("\u{2068}name\u{2069}")),
            ("👍", None),
            ("", None),
            ("Да", None),
            ("כן", None),
            ("好き？", None),
            ("नमस्ते", None),
            ("100 ₿", None),
        ] {
            assert_eq!(drawable(text).as_deref(), left, "{text}");
        }
    }

    #[test]
    fn both_faces_have_the_same_characters() {
        let [regular, bold] = [REGULAR, BOLD].map(|face| FontRef::new(face).unwrap().charmap());
        assert!(regular.mappings().all(|(character, _)| bold.map(character).is_some()));
    }
}
