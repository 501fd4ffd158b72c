//! Open answers: one option more, "something else", to which a reader may say in their own words what.
//!
//! The option is counted as every other. The words are kept apart: for each different text, how many ballots say it. A
//! text stays as long as some ballot says it, and readers are shown it only if an editor lets it be shown. A poll keeps
//! at most [`MOST_ANSWERS`] of them; to later ones the option's count is all that is left.
//!
//! Two texts are one if they [look alike](super::appearance). What is kept is the text that came first.

use std::{cmp::Reverse, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Choices, Language, OPEN_ANSWER, Poll, PollOption, Text, appearance::appearance};

/// The id of the option "something else" in a poll with open answers. No other option of such a poll has it.
pub const OTHER: &str = "other";

/// The most different texts that a poll keeps.
pub const MOST_ANSWERS: usize = 1_000;

/// A text by which poll it is of and how it looks: 8 bytes of a keyed BLAKE3 hash, so that nobody can find two texts of
/// one id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerId([u8; 8]);

/// What a reader says in their own words.
#[derive(Debug, PartialEq, Eq)]
pub struct OpenAnswer {
    /// Which text it is.
    pub id: AnswerId,
    /// The text, with one blank between words.
    pub text: Text,
}

/// What readers are shown of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerState {
    /// Nothing: nobody has decided yet.
    Waiting,
    /// The text, and how many ballots say it.
    Shown,
    /// Nothing: an editor has decided so.
    Hidden,
}

/// A text, and how many ballots say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedAnswer {
    /// Which text it is.
    pub id: AnswerId,
    pub text: Text,
    /// What readers are shown of it.
    pub state: AnswerState,
    /// How many ballots say it: at least one.
    pub ballots: u64,
}

impl CountedAnswer {
    /// Its place in a list, in which those come first that most ballots say.
    pub fn order(&self) -> (Reverse<u64>, AnswerId) {
        (Reverse(self.ballots), self.id)
    }
}

/// What is on record of a ballot's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedAnswer {
    /// It came without one.
    None,
    /// It came with one, which was not kept.
    LeftOut,
    /// It says this.
    Kept(AnswerId),
}

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    /// The poll takes none.
    #[error("must be left out: this poll takes no open answers")]
    NotTaken,
    /// The ballot does not name the option that it belongs to.
    #[error("must be left out, or choices must name other: it says what that stands for")]
    WithoutOther,
    /// It is no text that may stand there; this is what it must be.
    #[error("{0}")]
    Text(String),
}

impl AnswerId {
    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for the store.
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for AnswerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for AnswerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerId(…)")
    }
}

impl FromStr for AnswerId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_written_so = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_written_so);
        number.map(|number| Self(number.to_be_bytes())).ok_or(())
    }
}

impl AnswerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Shown, Self::Hidden];

    /// The state as requests and answers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Shown => "shown",
            Self::Hidden => "hidden",
        }
    }

    /// The state as the one letter that stores write.
    pub fn code(self) -> u8 {
        match self {
            Self::Waiting => b'w',
            Self::Shown => b's',
            Self::Hidden => b'h',
        }
    }

    /// The state whose letter this is.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

impl FromStr for AnswerState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or("must be waiting, shown or hidden")
    }
}

impl OpenAnswer {
    /// Checks the text of a ballot with these choices.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(poll: &Poll, choices: Choices, text: &str) -> Result<Arc<Self>, InvalidAnswer> {
        if !poll.open_answer {
            return Err(InvalidAnswer::NotTaken);
        }
        if !poll.other().is_some_and(|other| choices.has(other)) {
            return Err(InvalidAnswer::WithoutOther);
        }
        // A reader's line break is a blank; a publisher would be told.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = Text::parse(&text, OPEN_ANSWER).map_err(InvalidAnswer::Text)?;
        let hash = blake3::keyed_hash(poll.digest_key.as_bytes(), appearance(text.as_str()).as_bytes());
        let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *hash.as_bytes();
        Ok(Arc::new(Self { id: AnswerId([b0, b1, b2, b3, b4, b5, b6, b7]), text }))
    }
}

impl RecordedAnswer {
    /// Whether a ballot that would be recorded so says what this one says, which is on record. A text that was not kept
    /// then stays out where no ballot may change, also if there is room for it now: it may be the same request again.
    pub fn is_the_same(self, becomes: Self, changeable: bool) -> bool {
        self == becomes || (!changeable && self == Self::LeftOut && becomes != Self::None)
    }
}

impl Poll {
    /// The option "something else", where the poll takes open answers.
    pub fn other(&self) -> Option<&PollOption> {
        self.option(OTHER).filter(|_| self.open_answer)
    }
}

/// What the option says unless its publisher words it.
pub(super) fn label(language: &Language) -> &'static str {
    match language.as_str().split('-').next() {
        Some("ar") => "إجابة أخرى",
        Some("fr") => "Autre réponse",
        Some(_) | None => "Something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Kind, NewPoll, PollFields, definition::tests::built, definition::tests::poll_with};

    fn open_poll(kind: Kind) -> Poll {
        let fields = PollFields {
            question: Some("؟".to_owned()),
            options: Some(
                ["a", "b"].map(|id| crate::poll::NewOption { label: id.to_owned(), ..Default::default() }).into(),
            ),
            ..PollFields::default()
        };
        built(NewPoll { kind: Some(kind), open_answer: true, ..fields.into() }).unwrap()
    }

    fn said(poll: &Poll, text: &str) -> Result<Arc<OpenAnswer>, InvalidAnswer> {
        OpenAnswer::check(poll, Choices::check(poll, &[OTHER]).unwrap(), text)
    }

    #[test]
    fn texts_that_look_alike_are_one_and_polls_tell_theirs_apart() {
        let poll = open_poll(Kind::Single);
        let id = |text: &str| said(&poll, text).unwrap().id;
        for alike in [" المجلس  باقٍ ", "المجلس\nباقٍ", "المجلــس باقٍ\u{200F}"] {
            assert_eq!(id(alike), id("المجلس باقٍ"), "{alike:?}");
        }
        assert_ne!(id("المجلس باقٍ"), id("المجلس باق"));
        assert_eq!(said(&poll, " a\t\r\n b ").unwrap().text.as_str(), "a b");
        let other = Poll { digest_key: crate::poll::DigestKey::from_bytes([1; 32]), ..poll.clone() };
        assert_ne!(said(&other, "a").unwrap().id, id("a"));
        assert_eq!(id("a").to_string().parse(), Ok(id("a")));
        for bad in ["", "0", "00000000000000000", "000000000000000G", "00000000000000AB", "+000000000000000"] {
            assert!(bad.parse::<AnswerId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_has_1_to_80_characters_and_an_option_it_belongs_to() {
        let poll = open_poll(Kind::Multiple);
        assert!(said(&poll, &"👩‍👩‍👧‍👦".repeat(51)).is_ok() && said(&poll, &"كُ".repeat(80)).is_ok());
        for (text, rule) in [
            ("ح".repeat(81), "must be at most 80 characters, is 81"),
            ("e\u{301}".repeat(700), "must be at most 1280 bytes of UTF-8"),
            (" \u{200F} ".to_owned(), "must not be empty"),
            ("a\u{202E}b".to_owned(), "must not contain a bidirectional override"),
            ("a\u{0}b".to_owned(), "must not contain a control character"),
        ] {
            let refused = said(&poll, &text).unwrap_err();
            assert!(matches!(&refused, InvalidAnswer::Text(said) if said.starts_with(rule)), "{refused:?}");
        }
        let first = Choices::check(&poll, &["1"]).unwrap();
        assert_eq!(OpenAnswer::check(&poll, first, "x").unwrap_err(), InvalidAnswer::WithoutOther);
        let plain = poll_with(Kind::Single, 1, 1, &["other", "no"]);
        assert_eq!(said(&plain, "x").unwrap_err(), InvalidAnswer::NotTaken);
    }
}
