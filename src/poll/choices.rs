//! What one voter chose: a set of options, held as the bits of their slots.

use std::fmt;

use super::{Kind, OptionId, Poll, tally::MAX_OPTIONS};

/// A set of a poll's options, one bit per option's slot. Not empty, and valid for the poll it was checked against.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choices(u32);

/// Why choices are refused. The words follow "choices".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChoice {
    /// No option of the poll has this id.
    #[error("names {0}, which is not an option of this poll; its options are {1}")]
    Unknown(String, String),
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

impl Choices {
    /// Checks the options a voter named against a poll.
    ///
    /// # Errors
    /// What is wrong with them. An over-long list is refused before its members are looked at.
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
            let Some(option) = poll.options.iter().find(|option| option.id.as_str() == id) else {
                let known = poll.options.iter().map(|option| option.id.as_str()).collect::<Vec<_>>().join(", ");
                return Err(InvalidChoice::Unknown(quote(id), known));
            };
            let bit = 1_u32.checked_shl(u32::from(option.slot)).unwrap_or(0);
            if bits & bit != 0 {
                return Err(InvalidChoice::Repeated(quote(id)));
            }
            bits |= bit;
        }
        Ok(Self(bits))
    }

    /// The number a store keeps for these choices: the slot for `single`, the bits for `multiple`. Both are small,
    /// and small numbers are what keeps a ballot in Redis at 12 bytes.
    pub fn code(self, kind: Kind) -> u32 {
        match kind {
            Kind::Single => self.0.trailing_zeros(),
            Kind::Multiple => self.0,
        }
    }

    /// The choices kept as this number; `None` if no choices are.
    pub fn from_code(kind: Kind, code: u32) -> Option<Self> {
        match kind {
            Kind::Single if usize::try_from(code).is_ok_and(|slot| slot < MAX_OPTIONS) => Some(Self(1 << code)),
            Kind::Multiple if code != 0 => Some(Self(code)),
            Kind::Single | Kind::Multiple => None,
        }
    }

    /// The slots chosen, in rising order.
    pub fn slots(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let slot = u8::try_from(left.trailing_zeros()).ok()?;
            left = left.checked_sub(1).map(|less| left & less)?;
            Some(slot)
        })
    }

    /// The ids of the chosen options, in the poll's order.
    pub fn ids(self, poll: &Poll) -> Vec<OptionId> {
        let is_chosen = |slot: u8| self.0.checked_shr(u32::from(slot)).is_some_and(|bits| bits & 1 == 1);
        poll.options.iter().filter(|option| is_chosen(option.slot)).map(|option| option.id.clone()).collect()
    }
}

impl fmt::Debug for Choices {
    /// Prints nothing of what was chosen: choices stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Choices(…)")
    }
}

/// Quotes what somebody sent, shortened, so that it is safe and readable in a message.
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
    use crate::poll::definition::tests::poll_with;

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

    #[test]
    fn choices_survive_their_code() {
        let options: Vec<String> = (0..MAX_OPTIONS).map(|place| format!("o{place}")).collect();
        let names: Vec<&str> = options.iter().map(String::as_str).collect();
        let single = poll_with(Kind::Single, 1, 1, &names);
        let multiple = poll_with(Kind::Multiple, 1, 32, &names);
        for place in 0..MAX_OPTIONS {
            let chosen = Choices::check(&single, &[names[place]]).unwrap();
            assert_eq!(Choices::from_code(Kind::Single, chosen.code(Kind::Single)), Some(chosen));
            let chosen = Choices::check(&multiple, &names[place..]).unwrap();
            assert_eq!(Choices::from_code(Kind::Multiple, chosen.code(Kind::Multiple)), Some(chosen));
            assert_eq!(chosen.slots().count(), MAX_OPTIONS - place);
            assert_eq!(chosen.ids(&multiple).len(), MAX_OPTIONS - place);
        }
        assert_eq!(Choices::from_code(Kind::Single, 32), None);
        assert_eq!(Choices::from_code(Kind::Multiple, 0), None);
    }
}
