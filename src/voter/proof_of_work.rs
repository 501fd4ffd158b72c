//! Proof of work, as ALTCHA has it (version 2 of its protocol, <https://altcha.org>): a challenge that a device solves
//! by counting up until a hash begins as it should, and a solution that costs nothing to check.
//!
//! Nothing is kept of a challenge. It is signed by a key of its own for each voter and poll, so a solution serves this
//! voter in this poll and nobody else, on whichever replica; and a voter has one ballot, so it serves once. All of it
//! follows from the secret, the voter, the poll and the moment it expires.
//!
//! The hash that is looked for is one that the service has chosen before (ALTCHA's *deterministic* mode), at a place
//! below the number that is set. So no reader waits longer than for that many hashes, however unlucky they are.
//!
//! The hash is one SHA-256. ALTCHA also knows slower ones, which would cost the service as much for each challenge as
//! the device for each try; and a page without TLS could not reckon them, for browsers have them only where there is
//! TLS.
//!
//! The crate `altcha` is not used: it brings a second version of five crates that are here already, and reads the clock
//! itself.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::{digest, hmac};
use serde::Deserialize;

use crate::{
    poll::{PollId, Timestamp, VoterId},
    secret::{Secret, first_bytes, hex},
};

/// How long a challenge may be solved.
const LIFETIME_SECS: i64 = 10 * 60;

/// The only hash that is used.
const ALGORITHM: &str = "SHA-256";
/// How many bytes a hash has, and how many of them are told of the one that is looked for.
const KEY_BYTES: usize = 32;
const PREFIX_BYTES: usize = KEY_BYTES / 2;

/// Payloads come from many libraries, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What makes challenges, and checks solutions.
pub struct WorkKeys {
    current: [u8; 32],
    previous: Option<[u8; 32]>,
    /// The most hashes that a challenge takes.
    most_hashes: u32,
}

impl WorkKeys {
    /// The keys derived from the current and the previous `SAWT_SECRET`.
    pub fn new(secret: &Secret, previous: Option<&Secret>, most_hashes: u32) -> Self {
        let derive = |secret: &Secret| blake3::derive_key("sawt 2026-11-30 proof of work", secret.expose().as_bytes());
        Self { current: derive(secret), previous: previous.map(derive), most_hashes }
    }

    /// A challenge for a voter in a poll, in JSON. The same within a second.
    pub fn challenge(&self, poll: PollId, voter: &VoterId, now: Timestamp) -> String {
        let expires_at = now.as_millis().div_euclid(1000) + LIFETIME_SECS;
        let [salt, nonce, nth] = self.drawn(poll, voter, expires_at);
        let [p0, p1, p2, p3, ..] = nth;
        let counter = u32::from_be_bytes([p0, p1, p2, p3]) % self.most_hashes.max(1);
        let key = derived_key((&salt, &nonce), counter, 1);
        let parameters = Parameters {
            algorithm: ALGORITHM.into(),
            cost: 1,
            expires_at,
            key_length: KEY_BYTES,
            key_prefix: hex(&first_bytes::<PREFIX_BYTES>(key)),
            nonce: hex(&nonce),
            salt: hex(&salt),
        };
        let signed = parameters.canonical();
        let signature = hmac::sign(&signing_key(&self.current, poll, voter), signed.as_bytes());
        format!(r#"{{"parameters":{signed},"signature":"{}"}}"#, hex(signature.as_ref()))
    }

    /// Whether a text is a solution of a challenge for this voter in this poll, which has not expired: ALTCHA's
    /// payload, as its widget and libraries write it.
    pub fn proves(&self, text: &str, poll: PollId, voter: &VoterId, now: Timestamp) -> bool {
        self.is_proof(text, poll, voter, now).unwrap_or(false)
    }

    fn is_proof(&self, text: &str, poll: PollId, voter: &VoterId, now: Timestamp) -> Option<bool> {
        let payload = BASE64.decode(text).ok()?;
        let Payload { challenge: Challenge { parameters, signature }, solution } =
            serde_json::from_slice(&payload).ok()?;
        if now.as_millis() >= parameters.expires_at.checked_mul(1000)? {
            return Some(false);
        }
        let (signed, signature) = (parameters.canonical(), bytes_of_hex::<32>(&signature)?);
        let is_by = |key| hmac::verify(&signing_key(key, poll, voter), signed.as_bytes(), &signature).is_ok();
        if !is_by(&self.current) && !self.previous.as_ref().is_some_and(is_by) {
            return Some(false);
        }
        // What is signed was made above, by this version or another.
        let (salt, nonce) = (bytes_of_hex(&parameters.salt)?, bytes_of_hex(&parameters.nonce)?);
        let key = hex(&derived_key((&salt, &nonce), solution.counter, parameters.cost));
        Some(key == solution.derived_key && key.starts_with(&parameters.key_prefix))
    }

    /// Sixteen bytes three times, which nobody can foresee.
    fn drawn(&self, poll: PollId, voter: &VoterId, expires_at: i64) -> [[u8; 16]; 3] {
        let mut hash = blake3::Hasher::new_keyed(&self.current);
        hash.update(poll.as_bytes()).update(voter.as_bytes()).update(&expires_at.to_be_bytes());
        let mut drawn = [[0; 16]; 3];
        let mut bytes = hash.finalize_xof();
        for part in &mut drawn {
            bytes.fill(part);
        }
        drawn
    }
}

impl std::fmt::Debug for WorkKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WorkKeys(…)")
    }
}

/// What signs a voter's challenges in a poll. What is hashed is shorter than in [`WorkKeys::drawn`], so neither tells
/// the other.
fn signing_key(key: &[u8; 32], poll: PollId, voter: &VoterId) -> hmac::Key {
    let mut hash = blake3::Hasher::new_keyed(key);
    hash.update(poll.as_bytes()).update(voter.as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, hash.finalize().as_bytes())
}

/// What ALTCHA calls the key: the hash of salt, nonce and counter, hashed on as often as the cost says.
fn derived_key((salt, nonce): (&[u8; 16], &[u8; 16]), counter: u32, cost: u32) -> [u8; KEY_BYTES] {
    let mut first = digest::Context::new(&digest::SHA256);
    first.update(salt);
    first.update(nonce);
    first.update(&counter.to_be_bytes());
    let last = (1..cost).fold(first.finish(), |hashed, _| digest::digest(&digest::SHA256, hashed.as_ref()));
    last.as_ref().try_into().unwrap_or_default()
}

fn bytes_of_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, nth) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(nth..nth + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// What the widget of ALTCHA, and each of its libraries, gives for a challenge that is solved.
#[derive(Deserialize)]
struct Payload {
    challenge: Challenge,
    solution: Solution,
}

#[derive(Deserialize)]
struct Challenge {
    parameters: Parameters,
    signature: String,
}

/// The parameters that these challenges have; no other is signed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameters {
    algorithm: String,
    cost: u32,
    expires_at: i64,
    key_length: usize,
    key_prefix: String,
    nonce: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Solution {
    counter: u32,
    derived_key: String,
}

impl Parameters {
    /// What is signed: their JSON without spaces, their names in alphabetical order.
    fn canonical(&self) -> String {
        let Self { algorithm, cost, expires_at, key_length, key_prefix, nonce, salt } = self;
        let [algorithm, key_prefix, nonce, salt] =
            [algorithm, key_prefix, nonce, salt].map(|text| serde_json::to_string(text).unwrap_or_default());
        format!(
            r#"{{"algorithm":{algorithm},"cost":{cost},"expiresAt":{expires_at},"keyLength":{key_length},"keyPrefix":{key_prefix},"nonce":{nonce},"salt":{salt}}}"#
        )
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as PADDED, STANDARD_NO_PAD as UNPADDED};
    use serde_json::{Value, json};

    use super::*;
    use crate::voter::Nonce;

    const NOW_MILLIS: i64 = 1_796_000_000_123;
    const MILLIS: i64 = 1_000;

    fn keys(secret: &str) -> WorkKeys {
        WorkKeys::new(&Secret::new(secret.to_owned()), None, 500)
    }

    fn later(millis: i64) -> Timestamp {
        Timestamp::from_millis(NOW_MILLIS + millis)
    }

    fn now() -> Timestamp {
        later(0)
    }

    fn poll() -> PollId {
        "0193e0f4-7c1e-7000-8000-0000000000b1".parse().unwrap()
    }

    fn voter() -> VoterId {
        "AAECAwQFBgcICQoLDA0ODw".parse::<Nonce>().unwrap().voter()
    }

    /// What a device makes of a challenge, counting up.
    fn solved(challenge: &str) -> Value {
        let challenge: Value = serde_json::from_str(challenge).unwrap();
        let part = |name: &str| bytes_of_hex(challenge["parameters"][name].as_str().unwrap()).unwrap();
        let (salt, nonce) = (part("salt"), part("nonce"));
        let prefix = challenge["parameters"]["keyPrefix"].as_str().unwrap();
        let key_at = |counter| hex(&derived_key((&salt, &nonce), counter, 1));
        let counter = (0..500).find(|counter| key_at(*counter).starts_with(prefix)).expect("below the most");
        json!({ "challenge": challenge, "solution": { "counter": counter, "derivedKey": key_at(counter), "time": 12.5 } })
    }

    fn written(payload: &Value) -> String {
        PADDED.encode(payload.to_string())
    }

    #[test]
    fn a_solution_serves_its_voter_in_its_poll_until_it_expires() {
        let keys = keys("one");
        let challenge = keys.challenge(poll(), &voter(), now());
        assert_eq!(challenge, keys.challenge(poll(), &voter(), later(800)), "the same within a second");
        let payload = solved(&challenge);
        let text = written(&payload);
        assert!(keys.proves(&text, poll(), &voter(), now()));
        assert!(keys.proves(&UNPADDED.encode(payload.to_string()), poll(), &voter(), now()), "without padding");
        let expires_at = payload["challenge"]["parameters"]["expiresAt"].as_i64().unwrap() * MILLIS;
        assert_eq!(expires_at, later(LIFETIME_SECS * MILLIS - 123).as_millis());
        assert!(keys.proves(&text, poll(), &voter(), Timestamp::from_millis(expires_at - 1)));
        assert!(!keys.proves(&text, poll(), &voter(), Timestamp::from_millis(expires_at)), "expired");
        assert!(!keys.proves(&text, PollId::generate(), &voter(), now()), "another poll's");
        assert!(!keys.proves(&text, poll(), &VoterId::from_bytes([7; 16]), now()), "another voter's");
    }

    #[test]
    fn every_replica_and_a_rotated_secret_takes_it_and_nobody_elses_secret_does() {
        let text = written(&solved(&keys("one").challenge(poll(), &voter(), now())));
        let secret = |text: &str| Secret::new(text.to_owned());
        let harder = WorkKeys::new(&secret("one"), None, 9_000_000);
        assert!(harder.proves(&text, poll(), &voter(), now()), "whatever is asked for by now");
        let rotated = WorkKeys::new(&secret("two"), Some(&secret("one")), 500);
        assert!(rotated.proves(&text, poll(), &voter(), now()));
        assert!(!keys("two").proves(&text, poll(), &voter(), now()));
    }

    #[test]
    fn what_is_not_worked_for_or_made_easier_proves_nothing() {
        let keys = keys("one");
        let payload = solved(&keys.challenge(poll(), &voter(), now()));
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut changed = payload.clone();
            change(&mut changed);
            assert_ne!(changed, payload);
            assert!(!keys.proves(&written(&changed), poll(), &voter(), now()), "{changed}");
        };
        refused(&|it| it["solution"]["counter"] = json!(it["solution"]["counter"].as_u64().unwrap() + 1));
        refused(&|it| it["solution"]["derivedKey"] = it["challenge"]["parameters"]["keyPrefix"].clone());
        refused(&|it| it["solution"] = json!(null));
        refused(&|it| it["challenge"]["signature"] = json!("00".repeat(32)));
        refused(&|it| it["challenge"]["signature"] = json!(""));
        refused(&|it| drop(it["challenge"].as_object_mut().unwrap().remove("signature")));
        for (name, value) in [
            ("keyPrefix", json!("")),
            ("cost", json!(0)),
            ("expiresAt", json!(9_999_999_999_i64)),
            ("expiresAt", json!(i64::MAX)),
            ("keyLength", json!(16)),
            ("algorithm", json!("SHA-1")),
            ("data", json!({})),
        ] {
            refused(&|it| it["challenge"]["parameters"][name] = value.clone());
        }
        for text in ["", "=", "null", "نعم", "e30=", "bnVsbA==", &"A".repeat(10_000)] {
            assert!(!keys.proves(text, poll(), &voter(), now()), "{text}");
        }
        let counter = derived_key((&[1; 16], &[2; 16]), 5, 1);
        assert_eq!(derived_key((&[1; 16], &[2; 16]), 5, 2), digest_of(&counter), "a cost hashes on");
    }

    fn digest_of(bytes: &[u8]) -> [u8; 32] {
        digest::digest(&digest::SHA256, bytes).as_ref().try_into().unwrap()
    }

    /// Should this change, readers who work while a service is updated would have worked for nothing.
    #[test]
    fn a_challenge_stays_what_it_is_and_is_solved_by_altchas_own_library() {
        let challenge = keys("one").challenge(poll(), &voter(), now());
        let signature = "d5d5555ee818a3e2dd30a28964ded67ff0f352bf239cfeb123b4d88bd93a0fa7";
        assert!(challenge.ends_with(&format!(r#""signature":"{signature}"}}"#)), "{challenge}");
        // By its library for Python, 2.3.0, which writes members in an order of its own.
        let payload = "eyJjaGFsbGVuZ2UiOiB7InBhcmFtZXRlcnMiOiB7ImFsZ29yaXRobSI6ICJTSEEtMjU2IiwgImNvc3QiOiAxLCAia2V5TGVuZ3RoIjogMzIsIC\
            JrZXlQcmVmaXgiOiAiYzliZjk2MjM4OGY4MGUwYWY4MWQ1ODNkMDE5ZDQ5OWMiLCAibm9uY2UiOiAiOTc5NjRiY2UyMjA4NTY2MmJmNzdhYzFh\
            ZTYwNjAyM2YiLCAic2FsdCI6ICIxNDNlZjRmOWJmOWI1NmU1ZDJkMzFkZDQ0MmFlM2JiZiIsICJleHBpcmVzQXQiOiAxNzk2MDAwNjAwfSwgIn\
            NpZ25hdHVyZSI6ICJkNWQ1NTU1ZWU4MThhM2UyZGQzMGEyODk2NGRlZDY3ZmYwZjM1MmJmMjM5Y2ZlYjEyM2I0ZDg4YmQ5M2EwZmE3In0sICJz\
            b2x1dGlvbiI6IHsiY291bnRlciI6IDIxOCwgImRlcml2ZWRLZXkiOiAiYzliZjk2MjM4OGY4MGUwYWY4MWQ1ODNkMDE5ZDQ5OWMwZWQ1M2I2Ym\
            UyMjQ3ZjdkZTkwYzVkYmY3NWY2MmIwZCIsICJ0aW1lIjogMC43OTc5NjYwMDAzOTExNzA0fX0=";
        assert!(keys("one").proves(payload, poll(), &voter(), now()));
    }
}
