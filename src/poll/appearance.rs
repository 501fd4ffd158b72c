//! How a text looks: two options whose labels look alike are one answer with two counts.
//!
//! Two texts look alike if they differ only
//!
//! - in characters that draw nothing: marks of direction, joiners that join nothing, byte order marks, variation
//!   selectors;
//! - in how a character is stored: presentation forms, ligatures, full width (Unicode's compatibility forms, NFKC);
//! - in how much white space there is, and which, since pages draw it as one blank and none at either end;
//! - in tatweel (U+0640), which stretches an Arabic word and means nothing.
//!
//! Vowel signs, hamza and case are visible. So is a zero-width joiner or non-joiner between characters that it
//! separates or joins: in Persian it tells words apart, in Indic scripts letters, and in emoji a family from three
//! people.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use super::text::is_invisible;

const NON_JOINER: char = '\u{200C}';
const JOINER: char = '\u{200D}';
const TATWEEL: char = '\u{640}';
/// The flag of a part of a country is this and its name in tags: England's and Scotland's differ in nothing else.
const FLAG: char = '\u{1F3F4}';
const TAGS: std::ops::RangeInclusive<char> = '\u{E0020}'..='\u{E007F}';

/// The text as a reader sees it: to be compared, not to be shown.
pub(super) fn appearance(text: &str) -> String {
    let mut seen: Vec<char> = Vec::with_capacity(text.len());
    // A blank in Braille is a blank.
    let stored = text.nfkc().map(|character| if character == '\u{2800}' { ' ' } else { character });
    let mut rest = stored.filter(|character| is_of_account(*character)).peekable();
    while let Some(character) = rest.next() {
        let before = seen.last().copied();
        let is_drawn = match character {
            NON_JOINER | JOINER => {
                // Several in a row do what one does.
                while rest.next_if(|next| matches!(*next, NON_JOINER | JOINER)).is_some() {}
                let letter = seen
                    .iter()
                    .rev()
                    .copied()
                    .find(|character| !is_combining_mark(*character) || is_virama(*character));
                letter.zip(rest.peek()).is_some_and(|(letter, next)| matters_between(letter, character, *next))
            }
            tag if TAGS.contains(&tag) => before.is_some_and(|before| before == FLAG || TAGS.contains(&before)),
            blank if blank.is_whitespace() => before.is_some_and(|before| before != ' '),
            _ => true,
        };
        if is_drawn {
            seen.push(if character.is_whitespace() { ' ' } else { character });
        }
    }
    seen.into_iter().collect::<String>().trim_end().to_owned()
}

/// Whether a character is drawn, or may change how its neighbours are drawn.
fn is_of_account(character: char) -> bool {
    match character {
        TATWEEL => false,
        NON_JOINER | JOINER => true,
        character => character.is_whitespace() || TAGS.contains(&character) || !is_invisible(character),
    }
}

/// Whether a joiner or non-joiner between these changes how they are drawn. Arabic letters join by themselves, so only
/// a non-joiner changes that.
fn matters_between(before: char, mark: char, after: char) -> bool {
    if is_arabic(before) && is_arabic(after) {
        return mark == NON_JOINER && joins_the_next(before) && joins_what_is_before(after);
    }
    is_tied_by_joiners(before) && is_tied_by_joiners(after)
}

fn is_arabic(character: char) -> bool {
    matches!(character, '\u{620}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{870}'..='\u{8FF}')
}

/// Whether an Arabic letter joins the next one: of those in use, all but these (ArabicShaping.txt in the Unicode
/// Character Database, joining type R or U).
fn joins_the_next(letter: char) -> bool {
    letter.is_alphabetic()
        && !matches!(letter,
            '\u{621}'..='\u{625}' | '\u{627}' | '\u{629}' | '\u{62F}'..='\u{632}' | '\u{648}' | '\u{671}'..='\u{677}'
            | '\u{688}'..='\u{699}' | '\u{6C0}' | '\u{6C3}'..='\u{6CB}' | '\u{6CD}' | '\u{6CF}' | '\u{6D2}'..='\u{6D5}'
            | '\u{6EE}' | '\u{6EF}' | '\u{759}'..='\u{75B}' | '\u{76B}' | '\u{76C}' | '\u{771}' | '\u{773}' | '\u{774}'
            | '\u{778}' | '\u{779}' | '\u{870}'..='\u{882}' | '\u{88E}' | '\u{8AA}'..='\u{8AE}' | '\u{8B1}' | '\u{8B2}'
            | '\u{8B9}')
}

/// Whether an Arabic letter joins the previous one: all but the isolated ones (joining type U).
fn joins_what_is_before(letter: char) -> bool {
    letter.is_alphabetic() && !matches!(letter, '\u{621}' | '\u{674}' | '\u{6D5}')
}

/// Whether joiners affect a character: in other joining scripts, Indic scripts, and emoji. Between letters that never
/// join they draw nothing.
fn is_tied_by_joiners(character: char) -> bool {
    matches!(character,
        '\u{700}'..='\u{74F}' | '\u{7C0}'..='\u{86F}' | '\u{900}'..='\u{DFF}' | '\u{F00}'..='\u{109F}'
        | '\u{1780}'..='\u{18AF}' | '\u{1A20}'..='\u{1CFF}' | '\u{2190}'..='\u{2BFF}' | '\u{A800}'..='\u{ABFF}'
        | '\u{10A00}'..='\u{11FFF}' | '\u{1E900}'..='\u{1E95F}' | '\u{1F000}'..='\u{1FAFF}')
}

/// The sign that takes an Indic letter's vowel away: whether a joiner follows it decides how the next letter is drawn.
fn is_virama(character: char) -> bool {
    unicode_normalization::char::canonical_combining_class(character) == 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_can_not_tell_apart_looks_alike() {
        for (one, other) in [
            ("نعم", "نعم\u{200F}"),
            ("نعم", "\u{2067}نعم\u{2069}"),
            ("نعم", "ن\u{200B}عم"),
            ("نعم", "\u{FEFF}نعم"),
            ("نعم", "نعم\u{200C}"),
            ("نعم", "ن\u{200D}عم\u{200D}"),
            ("نعم", " نعم\u{A0}"),
            ("نعم", "نعـــم"),
            ("نعم", "\u{FEE7}\u{FECC}\u{FEE2}"),
            // Neither letter would join.
            ("دار", "د\u{200C}ار"),
            ("كُلّ", "كُلّ\u{200C}"),
            ("لا", "\u{FEFB}"),
            ("Yes", "Yes\u{AD}"),
            ("Yes", "Y\u{200D}es"),
            ("Yes", "Ｙｅｓ"),
            ("Yes sir", "Yes \u{3000} sir"),
            ("fin", "ﬁn"),
            ("é", "e\u{301}"),
            ("❤", "❤\u{FE0F}"),
            ("a b", "a\u{2800}b"),
            ("می\u{200C}خواهم", "می\u{200C}\u{200C}خواهم"),
        ] {
            assert_eq!(appearance(one), appearance(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_a_reader_sees_differs() {
        for (one, other) in [
            ("نعم", "نعمة"),
            ("كتب", "كُتب"),
            ("علم", "عَلَم"),
            ("ان", "أن"),
            ("علي", "على"),
            ("Yes", "yes"),
            ("ab", "a b"),
            // Words: "of a letter", and "names".
            ("نامه\u{200C}ای", "نامهای"),
            ("می\u{200C}خواهم", "میخواهم"),
            ("سَ\u{200C}م", "سَم"),
            ("क्\u{200D}ष", "क्ष"),
            ("👨\u{200D}👩\u{200D}👧", "👨👩👧"),
            ("❤\u{FE0F}\u{200D}🔥", "❤🔥"),
            (
                "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
                "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
            ),
            ("١", "٢"),
        ] {
            assert_ne!(appearance(one), appearance(other), "{one:?} {other:?}");
        }
    }
}
