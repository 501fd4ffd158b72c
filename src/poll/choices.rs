//! What one voter chose: a set of options, held as the bits of their indexes.

use std::fmt;

use super::{OptionId, Poll, PollOption};

/// A set of a poll's options, one bit per option's index. Valid for the poll it was checked against.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choices(u32);

/// Why choices are refused. The words follow "choices".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChoice {
    /// No option of the poll has this id.
    #[error("names {0}, which is not an option of this poll; its options are {1}")]
    Unknown(String, String),
    /// The poll's scale has no such step.
    #[error("names {sent}, which is not a step of this poll's scale; its steps are {low} to {high}")]
    OutOfRange {
        /// What was named.
        sent: String,
        /// The lowest step.
        low: String,
        /// The highest step.
        high: String,
    },
    /// The poll has no such reaction.
    #[error("names {0}, which is no reaction of this poll; its reactions are {1}")]
    NoReaction(String, String),
    /// The same option twice.
    #[error("names {0} more than once")]
    Repeated(String),
    /// Fewer than `min_choices`.
    #[error("must name at least {min}, names {named}")]
    TooFew {
        /// The poll's `min_choices`.
        min: u8,
        /// How many were named.
        named: usize,
    },
    /// More than `max_choices`.
    #[error("must name at most {max}, names {named}")]
    TooMany {
        /// The poll's `max_choices`.
        max: u8,
        /// How many were named.
        named: usize,
    },
}

impl InvalidChoice {
    /// An error that says that `sent` is none of the poll's options.
    pub(super) fn unknown(poll: &Poll, sent: String) -> Self {
        Self::Unknown(sent, poll.option_ids())
    }
}

impl Choices {
    /// Checks a voter's options against a poll.
    ///
    /// # Errors
    /// What is wrong with them. A list that is too long is refused before its members are checked.
    pub fn check(poll: &Poll, named: &[impl AsRef<str>]) -> Result<Self, InvalidChoice> {
        if named.len() > usize::from(poll.max_choices) {
            return Err(InvalidChoice::TooMany { max: poll.max_choices, named: named.len() });
        }
        if named.len() < usize::from(poll.min_choices) {
            return Err(InvalidChoice::TooFew { min: poll.min_choices, named: named.len() });
        }
        let mut bits = 0_u32;
        for id in named {
            let id = id.as_ref();
            let Some(option) = poll.option(id) else {
                return Err(poll.kind.rules().no_option(poll, quote(id)));
            };
            let bit = 1_u32.checked_shl(option.index.into()).unwrap_or(0);
            if bits & bit != 0 {
                return Err(InvalidChoice::Repeated(quote(id)));
            }
            bits |= bit;
        }
        Ok(Self(bits))
    }

    /// The choices with these bits.
    pub(super) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// One bit per option's index.
    pub(super) fn bits(self) -> u32 {
        self.0
    }

    /// The lowest index chosen.
    pub(super) fn first(self) -> u8 {
        u8::try_from(self.0.trailing_zeros()).unwrap_or(u8::MAX)
    }

    /// Whether this option is chosen.
    pub fn has(self, option: &PollOption) -> bool {
        self.0.checked_shr(option.index.into()).is_some_and(|bits| bits & 1 == 1)
    }

    /// The ids of the chosen options, in the poll's order.
    pub fn ids(self, poll: &Poll) -> Vec<OptionId> {
        poll.options.iter().filter(|option| self.has(option)).map(|option| option.id.clone()).collect()
    }
}

impl fmt::Debug for Choices {
    /// Prints nothing of what was chosen: choices stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Choices(…)")
    }
}

/// Quotes what was sent, shortened, so that it is safe and readable in a message.
fn quote(sent: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = sent.chars().take(LONGEST).collect();
    if sent.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Kind, definition::tests::poll_with};

    #[test]
    fn choices_are_checked_against_the_poll() {
        let single = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let multiple = poll_with(Kind::Multiple, 2, 3, &["a", "b", "c", "d"]);
        assert!(Choices::check(&single, &["yes"]).is_ok());
        let none: [&str; 0] = [];
        assert_eq!(Choices::check(&single, &none), Err(InvalidChoice::TooFew { min: 1, named: 0 }));
        assert_eq!(Choices::check(&single, &["yes", "no"]), Err(InvalidChoice::TooMany { max: 1, named: 2 }));
        assert_eq!(
            Choices::check(&single, &["maybe"]).unwrap_err().to_string(),
            "names \"maybe\", which is not an option of this poll; its options are yes, no"
        );
        assert_eq!(Choices::check(&multiple, &["a", "a"]), Err(InvalidChoice::Repeated("\"a\"".to_owned())));
        assert_eq!(Choices::check(&multiple, &["c", "a"]), Choices::check(&multiple, &["a", "c"]));
    }
}
