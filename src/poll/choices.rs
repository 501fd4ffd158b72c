//! What one voter chose: a set of options, or, in a poll of kind `ranked`, some in an order.

use std::fmt;

use smallvec::SmallVec;

use super::{Indexes, MOST_INDEXES, OptionId, Poll, PollOption};

/// Some of a poll's options. Valid for the poll they were checked against.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choices(Chosen);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Chosen {
    /// A set: one bit per option's index.
    Set(u32),
    /// The options' indexes, the most preferred first.
    Order(Indexes),
}

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
    /// The poll has no such option to rank.
    #[error("names {0}, which is no option of this poll; those to rank are {1}")]
    NoSuchPreference(String, String),
    /// The same option has two ranks.
    #[error("names {0} more than once; an option has one rank")]
    RepeatedPreference(String),
    /// A form gives several options the same rank.
    #[error("gives more than one option the rank {0}; each has its own")]
    SameRank(u8),
    /// Nothing is ranked.
    #[error("must name at least one option, the most preferred first; those to rank are {0}")]
    EmptyOrder(String),
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
        let rules = poll.kind.rules();
        if named.is_empty() && rules.is_ordered() {
            return Err(InvalidChoice::EmptyOrder(poll.option_ids()));
        }
        if named.len() < usize::from(poll.min_choices) {
            return Err(InvalidChoice::TooFew { min: poll.min_choices, named: named.len() });
        }
        let mut bits = 0_u32;
        let mut order = SmallVec::<[u8; MOST_INDEXES]>::new();
        for id in named {
            let id = id.as_ref();
            let Some(option) = poll.option(id) else {
                return Err(rules.no_option(poll, quote(id)));
            };
            let bit = 1_u32.checked_shl(option.index.into()).unwrap_or(0);
            if bits & bit != 0 {
                return Err(rules.repeated(quote(id)));
            }
            bits |= bit;
            if rules.is_ordered() {
                order.push(option.index);
            }
        }
        Ok(Indexes::of(&order).map_or(Self::from_bits(bits), Self::in_order))
    }

    /// The set with these bits.
    pub(super) fn from_bits(bits: u32) -> Self {
        Self(Chosen::Set(bits))
    }

    /// The options with these indexes, the most preferred first.
    pub(super) fn in_order(indexes: Indexes) -> Self {
        Self(Chosen::Order(indexes))
    }

    /// One bit per option's index.
    pub(super) fn bits(self) -> u32 {
        match self.0 {
            Chosen::Set(bits) => bits,
            Chosen::Order(order) => {
                order.iter().fold(0, |bits, index| bits | 1_u32.checked_shl(index.into()).unwrap_or(0))
            }
        }
    }

    /// The lowest index chosen.
    pub(super) fn first(self) -> u8 {
        u8::try_from(self.bits().trailing_zeros()).unwrap_or(u8::MAX)
    }

    /// The indexes of the chosen options, if they are in an order.
    pub(super) fn order(self) -> Indexes {
        match self.0 {
            Chosen::Set(_) => Indexes::NONE,
            Chosen::Order(order) => order,
        }
    }

    /// Whether this option is chosen.
    pub fn has(self, option: &PollOption) -> bool {
        self.bits().checked_shr(option.index.into()).is_some_and(|bits| bits & 1 == 1)
    }

    /// The rank of an option, 1 being the most preferred; `None` if it has none.
    pub fn rank(self, option: &PollOption) -> Option<usize> {
        self.order().iter().position(|index| index == option.index).map(|nth| nth + 1)
    }

    /// The chosen options: in the poll's order, or in the voter's, the most preferred first, where that counts.
    pub fn options(self, poll: &Poll) -> impl Iterator<Item = &PollOption> {
        let set = match self.0 {
            Chosen::Set(_) => self,
            Chosen::Order(_) => Self::from_bits(0),
        };
        let ranked = self.order().iter().filter_map(|index| poll.options.iter().find(|option| option.index == index));
        poll.options.iter().filter(move |option| set.has(option)).chain(ranked)
    }

    /// The ids of the chosen options, in the order of [`options`](Self::options).
    pub fn ids(self, poll: &Poll) -> Vec<OptionId> {
        self.options(poll).map(|option| option.id.clone()).collect()
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
