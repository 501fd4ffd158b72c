//! What is in a log: commitments to statements.

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::TreeHash;
use crate::secret::{hex, random_bytes};

/// SHA-256 of a salt and a statement. Whoever is given both can check that the log has just this statement there;
/// whoever is not learns nothing of it.
pub type Commitment = TreeHash;

/// How long a salt is.
pub const SALT_BYTES: usize = 32;

/// A statement with the salt under which a log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// 32 random bytes, in hexadecimal.
    pub salt: String,
    /// JSON, byte by byte as it was committed to.
    pub statement: String,
}

impl Opening {
    /// A new statement.
    pub fn new(statement: String) -> Self {
        Self::salted(random_bytes::<SALT_BYTES>(), statement)
    }

    /// The same with a salt that is known.
    pub fn salted(salt: [u8; SALT_BYTES], statement: String) -> Self {
        Self { salt: hex(&salt), statement }
    }

    /// What the log has of it; `None` if the salt is none.
    pub fn commitment(&self) -> Option<Commitment> {
        let mut context = Context::new(&SHA256);
        context.update(&self.salt_bytes()?);
        context.update(self.statement.as_bytes());
        context.finish().as_ref().try_into().ok()
    }

    /// The salt and then the statement: what a proof has as its extra data.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        Some([&self.salt_bytes()?[..], self.statement.as_bytes()].concat())
    }

    /// The opening of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (salt, statement) = bytes.split_at_checked(SALT_BYTES)?;
        Some(Self { salt: hex(salt), statement: String::from_utf8(statement.to_vec()).ok()? })
    }

    fn salt_bytes(&self) -> Option<[u8; SALT_BYTES]> {
        let is_lower = self.salt.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        blake3::Hash::from_hex(&self.salt).ok().filter(|_| is_lower).map(Into::into)
    }
}
