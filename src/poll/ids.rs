//! Ids are types, not strings: a [`SiteId`] can't be passed where an [`OptionId`] is meant, and neither can be
//! malformed.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;

/// A poll's id: a UUID (RFC 9562). Those of polls that somebody made are of version 7, those of articles' polls of
/// version 8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PollId(Uuid);

impl PollId {
    /// The length of an id's text.
    pub const LENGTH: usize = 36;

    /// A new id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of version 8 with these bytes, which must be a digest of what the poll is for.
    pub fn derived(digest: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(digest).into_uuid())
    }

    /// Whether it is [derived](Self::derived).
    pub fn is_derived(&self) -> bool {
        self.0.get_version_num() == 8
    }

    /// When an id of version 7 was made, by its maker's clock; `None` of any other version.
    pub fn made_at(&self) -> Option<Timestamp> {
        let (secs, nanos) = self.0.get_timestamp().filter(|_| self.0.get_version_num() == 7)?.to_unix();
        let millis = secs.checked_mul(1_000)?.checked_add(u64::from(nanos / 1_000_000))?;
        i64::try_from(millis).ok().map(Timestamp::from_millis)
    }

    /// The id's 16 bytes, in RFC 9562 order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id whose 16 bytes these are.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Adds the id's text. The same as `Display`, without its machinery, for a vote.
    pub fn push_to(&self, text: &mut String) {
        text.push_str(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
}

impl fmt::Display for PollId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for PollId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PollId {
    type Err = InvalidId;

    /// Only the canonical form is accepted (36 characters, lower case), so one poll has one address.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId("a UUID in its canonical form, like 01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21");
        // All bytes are looked at, which the processor does many at once.
        let has_upper = text.bytes().fold(false, |has, byte| has | byte.is_ascii_uppercase());
        if text.len() != Self::LENGTH || has_upper {
            return Err(invalid);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| invalid)
    }
}

/// A voter's id: 128 random bits. Never stored or logged: a store knows a voter only by a digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoterId([u8; 16]);

impl VoterId {
    /// The id with these bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for VoterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoterId(…)")
    }
}

/// Why a text is not an id: what it should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct InvalidId(pub &'static str);

/// Declares an id that is a short ASCII word, with the rule for its characters.
macro_rules! word_id {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let is_valid: fn(&[u8]) -> bool = $is_valid;
                if is_valid(text.as_bytes()) { Ok(Self(text.into())) } else { Err(InvalidId($rule)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

pub(crate) use word_id;

fn is_word(bytes: &[u8], longest: usize, more: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=longest).contains(&bytes.len())
        && bytes.first().is_some_and(is_plain)
        && bytes.iter().all(|byte| is_plain(byte) || more.contains(byte))
}

word_id!(
    /// A site's id: 1 to 63 of `a-z 0-9 -`, as in a DNS label, so it can be used in URLs and key names without escapes.
    SiteId,
    "1 to 63 characters of a-z, 0-9 and -, starting with a letter or digit",
    |bytes| is_word(bytes, 63, b"-")
);

impl Default for SiteId {
    /// The site that owns a poll when none is named.
    fn default() -> Self {
        Self("default".into())
    }
}

word_id!(
    /// An option's id: 1 to 32 of `a-z 0-9 _ -`.
    OptionId,
    "1 to 32 characters of a-z, 0-9, _ and -, starting with a letter or digit",
    |bytes| is_word(bytes, 32, b"_-")
);

impl OptionId {
    /// The id of an option without one: its position, counted from 1.
    pub fn nth(index: usize) -> Self {
        Self((index + 1).to_string().into())
    }
}

word_id!(
    /// A BCP 47 language tag, by the shape of its subtags (RFC 5646, section 2.1): `ar`, `en`, `ar-KW`.
    Language,
    "a BCP 47 language tag of at most 35 characters, like ar, en or ar-KW",
    |bytes| {
        let mut subtags = bytes.split(|byte| *byte == b'-');
        bytes.len() <= 35
            && subtags.next().is_some_and(|first| {
                (2..=3).contains(&first.len()) && first.iter().all(u8::is_ascii_alphabetic)
            })
            && subtags.all(|next| (1..=8).contains(&next.len()) && next.iter().all(u8::is_ascii_alphanumeric))
    }
);

impl Default for Language {
    fn default() -> Self {
        Self("ar".into())
    }
}

/// How often a poll's definition has changed, counted from 1. Every edit and every change of state adds one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// A new poll's revision.
    pub const FIRST: Self = Self(1);

    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_rules() {
        for good in ["default", "kuna", "al-rai-2", "0", &"a".repeat(63)] {
            assert!(good.parse::<SiteId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "Kuna", "a_b", "صوت", "a b", "a/b", &"a".repeat(64)] {
            assert!(bad.parse::<SiteId>().is_err(), "{bad}");
        }
        assert!("not_sure".parse::<OptionId>().is_ok());
        assert!("a".repeat(33).parse::<OptionId>().is_err());
        for good in ["ar", "en", "fr-FR", "ar-KW", "zh-Hant-TW", "arz"] {
            assert!(good.parse::<Language>().is_ok(), "{good}");
        }
        for bad in ["", "a", "arab", "ar-", "ar_KW", "ar-\"x", "ar-abcdefghi"] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_poll_has_one_address() {
        let id = PollId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().to_uppercase().parse::<PollId>().is_err());
        assert!(id.to_string().replace('-', "").parse::<PollId>().is_err());
    }
}
