//! Nonces: what a reader without a token sends with a first vote.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{poll::VoterId, secret::first_bytes};

/// 16 random bytes that the reader makes. The same nonce is the same voter, on every replica and under every secret: so
/// a first vote whose answer was lost can be sent again. It is as secret as a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// How a nonce is written.
    pub const RULE: &'static str = "must be 16 random bytes in unpadded base64url, which are 22 characters";

    /// The voter with this nonce. A hash, so that no reader can choose another's id.
    pub fn voter(&self) -> VoterId {
        VoterId::from_bytes(first_bytes(blake3::derive_key("sawt 2026-11-29 voter id from a nonce", &self.0)))
    }
}

impl FromStr for Nonce {
    type Err = &'static str;

    /// A nonce has one written form: another text that decodes to the same bytes is refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 16];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(16) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(Self::RULE),
        }
    }
}

impl std::fmt::Debug for Nonce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonce(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_has_one_form_and_is_one_voter() {
        let nonce: Nonce = "AAECAwQFBgcICQoLDA0ODw".parse().unwrap();
        assert_eq!(nonce.voter(), "AAECAwQFBgcICQoLDA0ODw".parse::<Nonce>().unwrap().voter());
        assert_ne!(nonce.voter(), "BAECAwQFBgcICQoLDA0ODw".parse::<Nonce>().unwrap().voter());
        // The last: bits that no byte has.
        for bad in [
            "",
            "AAECAwQFBgcICQoLDA0OD",
            "AAECAwQFBgcICQoLDA0ODw==",
            "AAECAwQFBgcICQoLDA0OD+",
            "AAECAwQFBgcICQoLDA0ODx",
        ] {
            assert_eq!(bad.parse::<Nonce>(), Err(Nonce::RULE), "{bad}");
        }
    }

    /// Should this change, readers whose answer was lost during an update would be counted twice.
    #[test]
    fn a_nonces_voter_never_changes() {
        let nonce: Nonce = "AAECAwQFBgcICQoLDA0ODw".parse().unwrap();
        let id = [111, 69, 232, 63, 72, 27, 152, 64, 59, 180, 136, 57, 71, 66, 244, 12];
        assert_eq!(nonce.voter().as_bytes(), &id);
    }
}
