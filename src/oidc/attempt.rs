//! What a browser keeps while its person is away at the provider.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    poll::Timestamp,
    secret::{Secret, hex},
};

/// How long somebody may take at the provider.
pub const ATTEMPT_SECS: i64 = 600;

/// 256 random bits, the moment at which they were made, and where the person was going. State, nonce and verifier are
/// hashes of all of it under names of their own: whoever sees one learns nothing of the others, and a browser that
/// changes anything of it does not know the state that the provider brings back.
#[derive(Debug)]
pub struct SignInAttempt {
    held: Secret,
    begun_at: Timestamp,
    then: String,
}

impl SignInAttempt {
    /// A new one, of somebody who goes on to this path.
    pub fn begin(now: Timestamp, then: &str) -> Self {
        Self { held: Secret::generate(), begun_at: now, then: then.to_owned() }
    }

    /// As a browser keeps it, in a cookie.
    pub fn written(&self) -> String {
        let then = URL_SAFE_NO_PAD.encode(&self.then);
        format!("{}.{}.{then}", self.held.expose(), self.begun_at.as_millis())
    }

    /// What a browser has kept; `None` if it is none, or too old.
    pub fn read(written: &str, now: Timestamp) -> Option<Self> {
        let mut parts = written.split('.');
        let (held, begun_at, then) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        let then = String::from_utf8(URL_SAFE_NO_PAD.decode(then).ok()?).ok()?;
        let age = now.as_millis().checked_sub(begun_at)?;
        let is_good = held.len() == 64 && (0..=ATTEMPT_SECS * 1_000).contains(&age) && parts.next().is_none();
        let begun_at = Timestamp::from_millis(begun_at);
        is_good.then(|| Self { held: Secret::new(held.to_owned()), begun_at, then })
    }

    /// Where the person was going.
    pub fn then(&self) -> &str {
        &self.then
    }

    /// Whether the provider has brought back the state of this attempt.
    pub fn is_of(&self, state: &str) -> bool {
        // Hashes are compared, which takes the same time wherever they differ.
        blake3::hash(state.as_bytes()) == blake3::hash(self.state().as_bytes())
    }

    pub(super) fn state(&self) -> String {
        self.derived("sawt 2026-11-29 sign-in state")
    }

    pub(super) fn nonce(&self) -> String {
        self.derived("sawt 2026-11-29 sign-in nonce")
    }

    pub(super) fn verifier(&self) -> String {
        self.derived("sawt 2026-11-29 sign-in verifier")
    }

    /// The verifier's hash, which the provider is told first (RFC 7636, section 4.2).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, self.verifier().as_bytes()))
    }

    fn derived(&self, context: &str) -> String {
        hex(&blake3::derive_key(context, self.written().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_browser_comes_back_with_what_it_went_with_and_not_too_late() {
        let begun = SignInAttempt::begin(at(1_000_000), "/newsroom/sites/news/polls?cursor=x");
        let back = |millis| SignInAttempt::read(&begun.written(), at(millis));
        let read = back(1_600_000).unwrap();
        assert_eq!((read.then(), read.nonce(), read.verifier()), (begun.then(), begun.nonce(), begun.verifier()));
        assert!(read.is_of(&begun.state()) && !read.is_of(&begun.nonce()) && !read.is_of(""));
        assert!(back(1_600_001).is_none() && back(999_999).is_none());
        // What was changed is another attempt.
        let [held, begun_at, _] = begun.written().split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        let other = SignInAttempt::read(&format!("{held}.{begun_at}.L2V2aWw"), at(1_000_001)).unwrap();
        assert!(!other.is_of(&begun.state()));
        for bad in [
            "",
            "x",
            "a.b.c",
            &format!("{held}.{begun_at}"),
            &format!("{held}.{begun_at}.L2V2aWw.x"),
            "x.1000000.L2V2aWw",
        ] {
            assert!(SignInAttempt::read(bad, at(1_000_001)).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_verifier_and_its_challenge_are_as_the_standard_has_them() {
        let attempt = SignInAttempt::begin(at(0), "/newsroom");
        assert!((43..=128).contains(&attempt.verifier().len()) && attempt.challenge().len() == 43);
        assert_ne!(attempt.state(), SignInAttempt::begin(at(0), "/newsroom").state());
    }
}
