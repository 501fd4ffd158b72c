//! Proofs that an entry is in a log, as one text.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Checkpoint, NoteFault, Opening, TreeHash, VerifierKey, is_included, leaf_hash, open_checkpoint};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// More than a tree of 2^64 leaves needs.
const MOST_HASHES: usize = 64;

/// A proof (c2sp.org/tlog-proof). Its extra data is the opening of the entry: so it has all that is needed to check it,
/// but the log's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// The entry's statement, with its salt.
    pub opening: Opening,
    /// The entry's place.
    pub index: u64,
    /// What leads from the entry to the root.
    pub path: Vec<TreeHash>,
    /// The checkpoint, signed.
    pub checkpoint: String,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// It is not written as a proof.
    #[error("it is not a proof of this form")]
    Form,
    /// Its checkpoint can't be relied on.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] NoteFault),
    /// The statement is not the one that the log has there.
    #[error("the log does not have this statement at this place")]
    NotThere,
}

impl LogProof {
    /// Checks that the log has this statement there. Returns the checkpoint that says so, and how many of its
    /// signatures are of keys that are not known.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<(Checkpoint, usize), ProofFault> {
        let (checkpoint, unknown) = open_checkpoint(&self.checkpoint, keys)?;
        let entry = self.opening.commitment().ok_or(ProofFault::Form)?;
        let leaf = leaf_hash(&entry);
        if is_included(leaf, self.index, checkpoint.size, &self.path, &checkpoint.root) {
            Ok((checkpoint, unknown))
        } else {
            Err(ProofFault::NotThere)
        }
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = self.opening.to_bytes().unwrap_or_default();
        writeln!(f, "{FIRST_LINE}\nextra {}\nindex {}", STANDARD.encode(extra), self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = ProofFault;

    fn from_str(text: &str) -> Result<Self, ProofFault> {
        let read = || {
            let (head, checkpoint) = text.split_once("\n\n")?;
            let mut lines = head.split('\n');
            (lines.next()? == FIRST_LINE).then_some(())?;
            let extra = STANDARD.decode(lines.next()?.strip_prefix("extra ")?).ok()?;
            let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
            let hash = |line: &str| -> Option<TreeHash> { STANDARD.decode(line).ok()?.try_into().ok() };
            let path = lines.take(MOST_HASHES + 1).map(hash).collect::<Option<Vec<_>>>()?;
            let opening = Opening::from_bytes(&extra)?;
            let found = Self { opening, index, path, checkpoint: checkpoint.to_owned() };
            // There is one way to write it.
            (found.path.len() <= MOST_HASHES && found.to_string() == text).then_some(found)
        };
        read().ok_or(ProofFault::Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{SigningKey, Tiles, inclusion_path, root, sign_checkpoint};

    #[test]
    fn one_flipped_bit_anywhere_in_a_proof_is_found() {
        let (key, mut tiles) = (SigningKey::from_seed(&[9; 32]).unwrap(), Tiles::default());
        let openings: Vec<_> = (0..7).map(|number| Opening::new(format!("{{\"number\":{number}}}"))).collect();
        for (size, opening) in (0..).zip(&openings) {
            tiles.push(size, leaf_hash(&opening.commitment().unwrap())).unwrap();
        }
        let checkpoint = Checkpoint { origin: "a.example/log".to_owned(), size: 7, root: root(&tiles, 7).unwrap() };
        let known = [key.verifier(&checkpoint.origin).unwrap()];
        let proof = LogProof {
            opening: openings[5].clone(),
            index: 5,
            path: inclusion_path(&tiles, 5, 7).unwrap(),
            checkpoint: sign_checkpoint(&checkpoint, [&key]),
        };
        let text = proof.to_string();
        assert_eq!(text.parse(), Ok(proof.clone()));
        assert_eq!(proof.verify(&known), Ok((checkpoint, 0)));
        for nth in 0..text.len() {
            for bit in 0..8 {
                let mut flipped = text.clone().into_bytes();
                flipped[nth] ^= 1 << bit;
                let Ok(flipped) = String::from_utf8(flipped) else { continue };
                let verified = flipped.parse::<LogProof>().and_then(|proof| proof.verify(&known).map(drop));
                assert!(verified.is_err(), "bit {bit} of byte {nth}");
            }
        }
    }
}
