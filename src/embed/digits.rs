//! The digits that numbers are written in.

use std::borrow::Cow;

/// Shares are shown in percent with one decimal: in tenths of it.
pub(super) const PERMILLE: u64 = 1_000;

/// Which digits numbers are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// 0123456789
    #[default]
    Latn,
    /// ٠١٢٣٤٥٦٧٨٩
    Arab,
}

impl Digits {
    /// All there are, by their names in Unicode's locale data.
    pub const NAMES: [(&'static str, Self); 2] = [("latn", Self::Latn), ("arab", Self::Arab)];

    /// Their name in Unicode's locale data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latn => "latn",
            Self::Arab => "arab",
        }
    }

    /// The digits that a name means to whoever wrote it: Unicode's names, the words, or a digit itself; `None` if it
    /// means none.
    pub fn meant(name: &str) -> Option<Self> {
        match name.trim().to_lowercase().as_str() {
            "latn" | "latin" | "western" | "european" | "0" | "123" => Some(Self::Latn),
            "arab" | "arabic" | "arabic-indic" | "٠" | "١٢٣" => Some(Self::Arab),
            _ => None,
        }
    }

    fn zero(self) -> char {
        match self {
            Self::Latn => '0',
            Self::Arab => '٠',
        }
    }
}

/// A text with its Latin digits written in others.
pub fn with_digits(text: &str, digits: Digits) -> Cow<'_, str> {
    match digits {
        Digits::Latn => Cow::Borrowed(text),
        Digits::Arab => Cow::Owned(text.chars().map(|character| in_digits(character, digits)).collect()),
    }
}

/// A digit, written in others; anything else as it is.
pub(super) fn in_digits(character: char, digits: Digits) -> char {
    let other = character.to_digit(10).and_then(|value| char::from_u32(u32::from(digits.zero()) + value));
    other.unwrap_or(character)
}
