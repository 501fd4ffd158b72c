//! Minting, signing, verifying and rotating voter tokens.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::FirstMade;
use crate::{
    poll::{SiteId, Timestamp, VoterId},
    secret::{Secret, first_bytes, is_same},
};

/// How long a token is valid: 400 days, the longest a browser keeps a cookie (RFC 6265bis, section 5.5). Renewal starts
/// this anew, so a reader who comes back at least once a year stays the same voter.
pub const LIFETIME_SECS: i64 = 400 * 24 * 60 * 60;

/// How far the clock that minted a token may have been ahead of this replica's.
const CLOCK_SKEW_SECS: i64 = 300;

const VERSION: u8 = 2;
const TAG: usize = 16;
/// The length of a token, and of one of version 1, which has neither day nor site.
const WHOLE: usize = 48;
const VERSION_1: u8 = 1;
const WHOLE_1: usize = 38;

/// A voter whose token was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voter {
    /// Who it is.
    pub id: VoterId,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// Where the voter was first made. For a token of version 1, which does not say: no site, and that token's day.
    pub first_made: FirstMade,
}

/// Why a token is refused. The answer never says whether the tag of a well-formed token was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Not in a token's form, or not signed with a secret in force.
    #[error("the voter token is not one of ours")]
    Forged,
    /// Signed by us, but expired.
    #[error("the voter token has expired")]
    Expired,
}

/// The keys that sign and verify tokens: the current one signs, the current and the previous one verify.
#[derive(Debug)]
pub struct TokenKeys {
    pub(super) current: TokenKey,
    previous: Option<TokenKey>,
}

pub(super) struct TokenKey {
    pub(super) id: u8,
    key: [u8; 32],
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

impl TokenKey {
    fn derive(secret: &Secret) -> Self {
        let key = blake3::derive_key("sawt 2026-11-23 voter token signature", secret.expose().as_bytes());
        // Public, so it must not be a part of the key: it only saves verifying with the wrong key.
        let [id, ..] = blake3::derive_key("sawt 2026-11-23 voter token key id", &key);
        Self { id, key }
    }

    pub(super) fn tag(&self, signed: &[u8]) -> [u8; 16] {
        first_bytes(*blake3::keyed_hash(&self.key, signed).as_bytes())
    }

    /// Whether the tag is this key's. Takes the same time wherever a wrong tag differs.
    pub(super) fn verifies(&self, signed: &[u8], tag: &[u8]) -> bool {
        is_same(&self.tag(signed), tag)
    }
}

impl TokenKeys {
    /// The keys derived from the current and the previous `SAWT_SECRET`.
    pub fn new(secret: &Secret, previous: Option<&Secret>) -> Self {
        Self { current: TokenKey::derive(secret), previous: previous.map(TokenKey::derive) }
    }

    /// A token for a new voter, made for this site, or for none.
    pub fn mint(&self, now: Timestamp, site: Option<&SiteId>) -> (String, Voter) {
        self.sign(VoterId::from_bytes(crate::secret::random_bytes()), FirstMade::at(now, site), now)
    }

    /// A token for a voter, valid from now on: minted, or renewed under the current secret.
    pub fn sign(&self, id: VoterId, first_made: FirstMade, now: Timestamp) -> (String, Voter) {
        let issued_secs = now.as_millis().div_euclid(1000);
        let mut token = Vec::with_capacity(WHOLE);
        token.extend([VERSION, self.current.id]);
        token.extend(u32::try_from(issued_secs).unwrap_or(u32::MAX).to_be_bytes());
        token.extend(id.as_bytes());
        token.extend(first_made.day.to_be_bytes());
        token.extend(first_made.site);
        let tag = self.current.tag(&token);
        token.extend(tag);
        (URL_SAFE_NO_PAD.encode(token), Voter { id, expires_at: expiry(issued_secs), first_made })
    }

    /// Whether the key with this id made this tag.
    pub(super) fn is_ours(&self, key_id: u8, signed: &[u8], tag: &[u8]) -> bool {
        let keys = [Some(&self.current), self.previous.as_ref()];
        keys.into_iter().flatten().any(|key| key.id == key_id && key.verifies(signed, tag))
    }

    /// The voter of a token.
    ///
    /// # Errors
    /// [`InvalidToken::Forged`] for anything this service did not sign, [`InvalidToken::Expired`] for what it signed
    /// more than [`LIFETIME_SECS`] ago.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Voter, InvalidToken> {
        let mut bytes = [0; WHOLE];
        // The decoder refuses a text that is too long before it decodes it.
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).map_err(|_| InvalidToken::Forged)?;
        let whole = bytes.get(..length).unwrap_or_default();
        let (signed, tag) = whole.split_at_checked(length.saturating_sub(TAG)).ok_or(InvalidToken::Forged)?;
        let ([version, key_id, t0, t1, t2, t3], rest) = signed.split_first_chunk().ok_or(InvalidToken::Forged)?;
        let (id, rest) = rest.split_first_chunk::<16>().ok_or(InvalidToken::Forged)?;
        let is_whole = matches!((*version, length), (VERSION, WHOLE) | (VERSION_1, WHOLE_1));
        if !is_whole || !self.is_ours(*key_id, signed, tag) {
            return Err(InvalidToken::Forged);
        }
        let issued_secs = i64::from(u32::from_be_bytes([*t0, *t1, *t2, *t3]));
        let age_secs = now.as_millis().div_euclid(1000) - issued_secs;
        if !(-CLOCK_SKEW_SECS..LIFETIME_SECS).contains(&age_secs) {
            return Err(InvalidToken::Expired);
        }
        let first_made = match rest {
            [d0, d1, site @ ..] => {
                FirstMade { day: u16::from_be_bytes([*d0, *d1]), site: site.try_into().unwrap_or_default() }
            }
            _ => FirstMade::at(Timestamp::from_millis(issued_secs * 1000), None),
        };
        Ok(Voter { id: VoterId::from_bytes(*id), expires_at: expiry(issued_secs), first_made })
    }
}

fn expiry(issued_secs: i64) -> Timestamp {
    Timestamp::from_millis((issued_secs + LIFETIME_SECS) * 1000)
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    const NOW: Timestamp = Timestamp::EARLIEST;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn later(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn a_token_says_who_its_bearer_is_for_400_days() {
        let keys = TokenKeys::new(&secret("one"), None);
        let (token, voter) = keys.mint(NOW, None);
        assert_eq!(token.len(), 64);
        assert_eq!(keys.verify(&token, NOW), Ok(voter));
        assert_eq!(keys.verify(&token, later(LIFETIME_SECS - 1)), Ok(voter));
        assert_eq!(keys.verify(&token, later(LIFETIME_SECS)), Err(InvalidToken::Expired));
        assert_eq!(voter.expires_at, later(LIFETIME_SECS));
    }

    #[test]
    fn no_bit_of_a_token_can_be_changed() {
        let keys = TokenKeys::new(&secret("one"), None);
        let (token, _) = keys.mint(NOW, None);
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = URL_SAFE_NO_PAD.encode(forged);
            assert_eq!(keys.verify(&forged, NOW), Err(InvalidToken::Forged), "bit {bit}");
        }
        for garbage in ["", "x", "نعم", &token[1..], &format!("{token}A"), &format!("{token}=")] {
            assert_eq!(keys.verify(garbage, NOW), Err(InvalidToken::Forged), "{garbage}");
        }
    }

    #[test]
    fn a_token_keeps_the_site_and_the_day_it_was_first_made_for() {
        let keys = TokenKeys::new(&secret("one"), None);
        let (site, day) = (SiteId::default(), 24 * 60 * 60);
        let (token, voter) = keys.mint(later(20 * day), Some(&site));
        assert_eq!(voter.first_made, FirstMade::at(later(20 * day + 5), Some(&site)));
        assert_ne!(voter.first_made, FirstMade::at(later(20 * day), None));
        let known = keys.verify(&token, later(30 * day)).unwrap();
        let (renewed, _) = keys.sign(known.id, known.first_made, later(30 * day));
        assert_eq!(keys.verify(&renewed, later(40 * day)).unwrap().first_made, voter.first_made);
    }

    #[test]
    fn a_token_of_version_1_is_taken_and_renewed_as_of_its_day() {
        let keys = TokenKeys::new(&secret("one"), None);
        let issued = 20 * 24 * 60 * 60_u32;
        let mut bytes = vec![VERSION_1, keys.current.id];
        bytes.extend(issued.to_be_bytes());
        bytes.extend([7; 16]);
        let tag = keys.current.tag(&bytes);
        bytes.extend(tag);
        let voter = keys.verify(&URL_SAFE_NO_PAD.encode(&bytes), later(i64::from(issued) + 1)).unwrap();
        assert_eq!(voter.id, VoterId::from_bytes([7; 16]));
        assert_eq!(voter.first_made, FirstMade::at(later(issued.into()), None));
        // The one form is no other's.
        bytes[0] = VERSION;
        let tag = keys.current.tag(&bytes[..22]);
        bytes.splice(22.., tag);
        assert_eq!(keys.verify(&URL_SAFE_NO_PAD.encode(&bytes), later(i64::from(issued))), Err(InvalidToken::Forged));
    }

    #[test]
    fn a_rotated_secret_keeps_its_voters() {
        let before = TokenKeys::new(&secret("one"), None);
        let (token, voter) = before.mint(NOW, None);
        let rotated = TokenKeys::new(&secret("two"), Some(&secret("one")));
        assert_eq!(rotated.verify(&token, NOW), Ok(voter));
        let (renewed, _) = rotated.sign(voter.id, voter.first_made, NOW);
        let rotated_again = TokenKeys::new(&secret("three"), Some(&secret("two")));
        assert_eq!(rotated_again.verify(&renewed, NOW).map(|voter| voter.id), Ok(voter.id));
        assert_eq!(rotated_again.verify(&token, NOW), Err(InvalidToken::Forged));
    }

    /// A token cut, glued, or written differently is none, even if it says the same: only the very text is.
    #[test]
    fn fuzzed_tokens_are_refused_unless_they_are_the_very_ones_signed() {
        let keys = TokenKeys::new(&secret("two"), Some(&secret("one")));
        let id = VoterId::from_bytes([7; 16]);
        let now = later(2 * LIFETIME_SECS);
        let issued = [(secret("two"), now), (secret("one"), now), (secret("two"), later(1)), (secret("else"), now)];
        let [current, previous, expired, foreign] = issued
            .map(|(secret, issued)| TokenKeys::new(&secret, None).sign(id, FirstMade::at(issued, None), issued).0);
        let seeds = [&current, &previous, &expired, &foreign].map(String::as_bytes);
        crate::fuzz::fuzz(&seeds, &[b"=", b"A", b"_", b"-", b"+", b"/", b" ", b"\0", &seeds[0][..3]], |input| {
            // Every input is a voter too, and a time within a token's life.
            let hash = *blake3::hash(input).as_bytes();
            let voter_id = VoterId::from_bytes(std::array::from_fn(|nth| hash[nth]));
            let age_secs = i64::from(u16::from_be_bytes([hash[30], hash[31]]));
            let (signed, voter) = keys.sign(voter_id, FirstMade::at(now, None), now);
            assert_eq!(keys.verify(&signed, later(2 * LIFETIME_SECS + age_secs)), Ok(voter));
            assert_eq!(voter.id, voter_id);

            let Ok(text) = std::str::from_utf8(input) else { return (None, 0) };
            let answer = keys.verify(text, now);
            match answer {
                Ok(voter) => {
                    assert!(text == current || text == previous, "{text} is taken");
                    assert_eq!(voter.id, id);
                }
                Err(InvalidToken::Expired) => assert_eq!(text, expired, "expired is said of what was signed alone"),
                Err(InvalidToken::Forged) => assert!(![&current, &previous, &expired].contains(&&text.to_owned())),
            }
            // How much of it is as it was signed.
            let alike = text.bytes().zip(current.bytes()).filter(|(one, other)| one == other).count();
            (answer.err().map(|refusal| refusal.to_string()), if text.len() == current.len() { alike } else { 0 })
        });
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            cases: 2_000, failure_persistence: None, ..proptest::prelude::ProptestConfig::default()
        })]

        #[test]
        fn no_text_is_a_token_that_was_not_signed(
            text in proptest::prop_oneof![
                "\\PC{0,60}",
                "[A-Za-z0-9_-]{51}",
                "[A-Za-z0-9_-]{64}",
                // The version and key id of a good one, and anything behind them.
                "[A-Za-z0-9_-]{61}".prop_map(|rest| {
                    let (token, _) = TokenKeys::new(&secret("one"), None).mint(NOW, None);
                    format!("{}{rest}", &token[..3])
                }),
            ],
        ) {
            proptest::prop_assert_eq!(TokenKeys::new(&secret("one"), None).verify(&text, NOW), Err(InvalidToken::Forged));
        }

        #[test]
        fn every_voter_is_read_from_the_token_that_was_signed_for_them(
            id in proptest::prelude::any::<[u8; 16]>(),
            issued_secs in 0..i64::from(u32::MAX),
            age_secs in 0..LIFETIME_SECS,
        ) {
            let keys = TokenKeys::new(&secret("one"), None);
            let (token, voter) = keys.sign(VoterId::from_bytes(id), FirstMade::at(NOW, None), later(issued_secs));
            proptest::prop_assert_eq!(voter.id.as_bytes(), &id);
            proptest::prop_assert_eq!(keys.verify(&token, later(issued_secs + age_secs)), Ok(voter));
        }
    }
}
