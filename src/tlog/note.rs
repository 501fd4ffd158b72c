//! Signed notes, and the checkpoints that they are here.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

use super::TreeHash;

/// The type of signatures: Ed25519.
const ED25519_TYPE: u8 = 1;
/// The most signatures that a note may have.
const MOST_SIGNATURES: usize = 64;

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A key that verifies, with the name of who signs by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// The head of a log: how many entries it has, and the root of their tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries there are.
    pub size: u64,
    /// The root of their tree.
    pub root: TreeHash,
}

/// Why a note can't be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// It is not written as a note.
    #[error("it is not a signed note")]
    Form,
    /// What is signed is not a checkpoint.
    #[error("what is signed is not a checkpoint")]
    NoCheckpoint,
    /// A signature of a known key is wrong.
    #[error("a signature is wrong")]
    Wrong,
    /// No known key has signed it.
    #[error("no key that is known has signed it")]
    Unsigned,
}

impl SigningKey {
    /// The key of this seed; `None` if no key can be made of it.
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    /// The key that verifies what this one signs under a name.
    pub fn verifier(&self, name: &str) -> Option<VerifierKey> {
        Some(VerifierKey { name: name.to_owned(), public: self.0.public_key().as_ref().try_into().ok()? })
    }
}

impl VerifierKey {
    /// Who signs by it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same key, as who signs by it does under another name.
    #[must_use]
    pub fn under(&self, name: &str) -> Self {
        Self { name: name.to_owned(), public: self.public }
    }

    fn id(&self) -> [u8; 4] {
        let text = [self.name.as_bytes(), b"\n", &[ED25519_TYPE], &self.public].concat();
        let hash = digest(&SHA256, &text);
        std::array::from_fn(|nth| hash.as_ref().get(nth).copied().unwrap_or_default())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE], &self.public[..]].concat());
        write!(f, "{}+{}+{key}", self.name, crate::secret::hex(&self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be a key as it is published: NAME+ID+KEY";
        // A key in base64 may have a plus too, a name and an id have none.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(RULE) };
        let key = STANDARD.decode(key).map_err(|_| RULE)?;
        let [ED25519_TYPE, public @ ..] = key.as_slice() else { return Err(RULE) };
        let found = Self { name: name.to_owned(), public: public.try_into().map_err(|_| RULE)? };
        if is_name(name) && found.to_string() == text { Ok(found) } else { Err(RULE) }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|char: char| char.is_whitespace() || char.is_control() || char == '+')
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }
}

impl FromStr for Checkpoint {
    type Err = NoteFault;

    fn from_str(text: &str) -> Result<Self, NoteFault> {
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteFault::NoCheckpoint);
        };
        let read = || {
            let root = STANDARD.decode(root).ok()?.try_into().ok()?;
            let found = Self { origin: origin.to_owned(), size: size.parse().ok()?, root };
            // Nothing but these three lines: what else is signed is not ours.
            (!origin.is_empty() && found.to_string() == text).then_some(found)
        };
        read().ok_or(NoteFault::NoCheckpoint)
    }
}

/// A checkpoint as a note, signed under its origin's name.
pub fn sign_checkpoint<'a>(checkpoint: &Checkpoint, keys: impl IntoIterator<Item = &'a SigningKey>) -> String {
    let text = checkpoint.to_string();
    let mut note = format!("{text}\n");
    for key in keys {
        let Some(verifier) = key.verifier(&checkpoint.origin) else { continue };
        let signature = [&verifier.id()[..], key.0.sign(text.as_bytes()).as_ref()].concat();
        // Writing to a String can't fail.
        let _ = writeln!(note, "— {} {}", verifier.name, STANDARD.encode(signature));
    }
    note
}

/// The checkpoint that a note says, if a key that is known has signed it, and how many of its signatures are of keys
/// that are not: these are ignored.
///
/// # Errors
/// Why it can't be relied on.
pub fn open_checkpoint(note: &str, keys: &[VerifierKey]) -> Result<(Checkpoint, usize), NoteFault> {
    if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteFault::Form);
    }
    let end = note.rfind("\n\n").ok_or(NoteFault::Form)?;
    let (text, signatures) = (note.get(..=end), note.get(end + 2..));
    let (Some(text), Some(signatures)) = (text, signatures.and_then(|rest| rest.strip_suffix('\n'))) else {
        return Err(NoteFault::Form);
    };
    let (mut known, mut unknown) = (0, 0);
    for line in signatures.split('\n') {
        let (name, signature) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NoteFault::Form)?;
        let signature = STANDARD.decode(signature).map_err(|_| NoteFault::Form)?;
        let (id, signature) = signature.split_at_checked(4).ok_or(NoteFault::Form)?;
        if !is_name(name) || known + unknown == MOST_SIGNATURES {
            return Err(NoteFault::Form);
        }
        match keys.iter().find(|key| key.name == name && key.id() == id) {
            Some(key) => {
                let public = UnparsedPublicKey::new(&ED25519, &key.public);
                public.verify(text.as_bytes(), signature).map_err(|_| NoteFault::Wrong)?;
                known += 1;
            }
            None => unknown += 1,
        }
    }
    if known == 0 {
        return Err(NoteFault::Unsigned);
    }
    Ok((text.parse()?, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "news.example/v1/sites/kuwait/log/1".to_owned(), size: 20_852_163, root: [7; 32] }
    }

    #[test]
    fn a_checkpoint_is_believed_if_a_known_key_has_signed_it() {
        let (old, new, other) = (key(1), key(2), key(3));
        let named = |key: &SigningKey| key.verifier(&checkpoint().origin).unwrap();
        let note = sign_checkpoint(&checkpoint(), [&old, &new]);
        assert_eq!(open_checkpoint(&note, &[named(&old), named(&new)]), Ok((checkpoint(), 0)));
        assert_eq!(open_checkpoint(&note, &[named(&old)]), Ok((checkpoint(), 1)));
        assert_eq!(open_checkpoint(&note, &[named(&other)]), Err(NoteFault::Unsigned));
        assert_eq!(open_checkpoint(&note, &[old.verifier("other.example").unwrap()]), Err(NoteFault::Unsigned));
    }

    #[test]
    fn a_key_is_read_as_it_is_published() {
        // The key of the Go checksum database, as its users have it.
        let go = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        assert_eq!(go.parse::<VerifierKey>().unwrap().to_string(), go);
        for bad in ["", "a", "a+b", "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn one_flipped_bit_anywhere_in_a_checkpoint_is_found() {
        let key = key(1);
        let known = [key.verifier(&checkpoint().origin).unwrap()];
        let note = sign_checkpoint(&checkpoint(), [&key]);
        for nth in 0..note.len() {
            for bit in 0..8 {
                let mut flipped = note.clone().into_bytes();
                flipped[nth] ^= 1 << bit;
                let opened = String::from_utf8(flipped).map(|note| open_checkpoint(&note, &known));
                assert!(!matches!(opened, Ok(Ok(_))), "bit {bit} of byte {nth}");
            }
        }
    }
}
