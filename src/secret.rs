//! Secrets: text that prints as nothing, and the one source of randomness.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret text. It has no `Display` and no `Serialize`, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// A new secret of 256 random bits, in hexadecimal.
    pub fn generate() -> Self {
        Self::new(hex(&random_bytes::<32>()))
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A BLAKE3 hash of a key: what is kept of it. Comparing two takes the same time wherever they differ.
///
/// A fast hash is enough: keys are random, at least 128 bits, so there is nothing to guess at any speed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash(blake3::Hash);

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> Self {
        Self(blake3::hash(key.as_bytes()))
    }

    /// The hash in hexadecimal, for the store.
    pub fn to_hex(self) -> String {
        self.0.to_hex().to_string()
    }

    /// The hash written so; `None` if the text is not one.
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(Self)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_hex(&text).ok_or("must be a hash of 64 hexadecimal digits")
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_hex()
    }
}

impl From<[u8; 32]> for KeyHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }
}

impl From<KeyHash> for [u8; 32] {
    fn from(hash: KeyHash) -> Self {
        hash.0.into()
    }
}

/// The first bytes of a hash, which are a hash too: up to 32 of them.
pub fn first_bytes<const N: usize>(hash: [u8; 32]) -> [u8; N] {
    std::array::from_fn(|nth| hash.get(nth).copied().unwrap_or_default())
}

/// Whether two texts or hashes are the same. Takes the same time wherever they differ.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// Bytes from the operating system's random source.
///
/// # Panics
/// If the operating system has none to give: nothing this service does would be safe then.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "a host without randomness can neither mint voters nor keys")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_nothing() {
        assert_eq!(format!("{:?}", Some(Secret::new("canary".to_owned()))), "Some(Secret(…))");
        assert_eq!(format!("{:?}", Some(KeyHash::of("canary"))), "Some(KeyHash(…))");
    }
}
