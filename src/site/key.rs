//! API keys: a publisher's programs show them to act for one site.
//!
//! A key reads `sawt_` + 12 characters of id + `_` + 32 of secret + 8 of checksum, all hexadecimal. By the prefix
//! secret scanners recognise a leaked key; by the checksum they, and this service, tell a key from a typing error
//! without asking the store. The id is public and names the key in lists; the secret is 128 random bits, shown once.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    poll::{InvalidId, SiteId, Timestamp},
    secret::{KeyHash, hex, random_bytes},
};

const PREFIX: &str = "sawt_";
const ID_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 8;

/// The public part of an API key: 12 hexadecimal characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The start of its key's text, which is safe to show.
    pub fn prefix(&self) -> String {
        format!("{PREFIX}{self}")
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() == ID_LENGTH && is_hex(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId("a key's id: 12 characters of 0-9 and a-f"))
        }
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing a key may do for its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Read and list polls, drafts included.
    #[serde(rename = "polls:read")]
    PollsRead,
    /// Create, edit, open, close and delete polls.
    #[serde(rename = "polls:write")]
    PollsWrite,
    /// See what there is to say against ballots, and decide whether they count.
    #[serde(rename = "polls:moderate")]
    PollsModerate,
    /// Read tallies whatever the poll's results policy.
    #[serde(rename = "results:read")]
    ResultsRead,
    /// Make, list and revoke keys of the same site, with no scope the acting key lacks.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// Change the settings of the same site.
    #[serde(rename = "sites:write")]
    SitesWrite,
}

impl Scope {
    /// Every scope, in the order they are listed.
    pub const ALL: [Self; 6] =
        [Self::PollsRead, Self::PollsWrite, Self::PollsModerate, Self::ResultsRead, Self::KeysWrite, Self::SitesWrite];

    /// The scope's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PollsRead => "polls:read",
            Self::PollsWrite => "polls:write",
            Self::PollsModerate => "polls:moderate",
            Self::ResultsRead => "results:read",
            Self::KeysWrite => "keys:write",
            Self::SitesWrite => "sites:write",
        }
    }
}

/// A set of scopes, without repeats and in the order of [`Scope::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Every scope there is: what the admin key holds, for every site.
    pub fn all() -> Self {
        Self(Scope::ALL.to_vec())
    }

    /// Whether a scope is in the set.
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of these scopes that another set lacks.
    pub fn missing_from(&self, other: &Self) -> Option<Scope> {
        self.0.iter().copied().find(|scope| !other.has(*scope))
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.0
    }
}

/// An API key as it is kept: without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part.
    pub id: KeyId,
    /// The site it acts for.
    pub site: SiteId,
    /// What it may do there.
    pub scopes: Scopes,
    /// What its holder calls it.
    pub name: Option<String>,
    /// The hash of the whole key.
    pub hash: KeyHash,
    /// When it was made, by the store's clock.
    pub created_at: Timestamp,
}

/// A key that was just made, with the text that is shown once.
pub struct NewKey {
    /// What is kept.
    pub key: ApiKey,
    /// What its holder shows.
    pub text: String,
}

impl NewKey {
    /// Makes a key.
    pub fn generate(site: SiteId, scopes: Scopes, name: Option<String>, now: Timestamp) -> Self {
        let id = hex(&random_bytes::<{ ID_LENGTH / 2 }>());
        let body = format!("{PREFIX}{id}_{}", hex(&random_bytes::<{ SECRET_LENGTH / 2 }>()));
        let text = format!("{body}{}", checksum(&body));
        let key = ApiKey { id: KeyId(id), site, scopes, name, hash: KeyHash::of(&text), created_at: now };
        Self { key, text }
    }
}

impl ApiKey {
    /// The id within a key's text; `None` if its checksum says that the text is no key.
    pub fn id_in(text: &str) -> Option<KeyId> {
        let (body, check) = text.split_at_checked(text.len().checked_sub(CHECKSUM_LENGTH)?)?;
        let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let is_key = secret.len() == SECRET_LENGTH && is_hex(secret) && checksum(body) == check;
        if is_key { id.parse().ok() } else { None }
    }

    /// What it is called: its name, or the start of its text.
    pub fn called(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.prefix())
    }

    /// The start of the key's text, which is safe to show.
    pub fn prefix(&self) -> String {
        self.id.prefix()
    }
}

fn checksum(body: &str) -> String {
    let mut check = hex(blake3::hash(body.as_bytes()).as_bytes());
    check.truncate(CHECKSUM_LENGTH);
    check
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_by_prefix_and_checksum() {
        let new = NewKey::generate(SiteId::default(), Scopes::all(), None, Timestamp::EARLIEST);
        assert!(new.text.starts_with(&new.key.prefix()));
        assert_eq!(ApiKey::id_in(&new.text), Some(new.key.id));
        assert_eq!(new.key.hash, KeyHash::of(&new.text));
        for nth in 0..new.text.len() {
            let mut typo = new.text.clone().into_bytes();
            typo[nth] = if typo[nth] == b'0' { b'1' } else { b'0' };
            assert_eq!(ApiKey::id_in(&String::from_utf8(typo).unwrap()), None, "place {nth}");
        }
        assert_eq!(ApiKey::id_in("نعم"), None);
        assert_eq!(ApiKey::id_in(""), None);
    }

    #[test]
    fn scopes_are_a_set() {
        let scopes = Scopes::from(vec![Scope::KeysWrite, Scope::PollsRead, Scope::KeysWrite]);
        assert_eq!(Vec::from(scopes.clone()), [Scope::PollsRead, Scope::KeysWrite]);
        assert_eq!(scopes.missing_from(&Scopes::from(vec![Scope::PollsRead])), Some(Scope::KeysWrite));
        assert_eq!(scopes.missing_from(&Scopes::all()), None);
    }
}
