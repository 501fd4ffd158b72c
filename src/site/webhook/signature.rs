//! Secrets and signatures of webhooks, by Standard Webhooks 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! Signed is `id.timestamp.body`, by HMAC-SHA256 under the secret's bytes. While a secret is rotated both sign, and the
//! receiver needs one of the signatures to be right.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

use crate::{
    poll::Timestamp,
    secret::{Secret, random_bytes},
};

/// How a secret's text begins.
const PREFIX: &str = "whsec_";
/// How many bytes of a signature's secret are random.
const BYTES: usize = 32;

pub(super) fn new_secret() -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(random_bytes::<BYTES>())))
}

/// The header `webhook-signature`: a signature by each secret, the newest first.
pub fn sign<'a>(secrets: impl IntoIterator<Item = &'a Secret>, id: &str, at: Timestamp, body: &[u8]) -> String {
    let secs = at.as_millis().div_euclid(1_000).to_string();
    let signatures = secrets.into_iter().filter_map(|secret| {
        let key = STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?;
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
        for part in [id.as_bytes(), b".", secs.as_bytes(), b".", body] {
            context.update(part);
        }
        Some(format!("v1,{}", STANDARD.encode(context.sign())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_the_one_that_every_library_expects() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let at = Timestamp::from_millis(1_614_265_330_000);
        let signature = sign([&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_rotated_both_sign() {
        let [new, old] = [new_secret(), new_secret()];
        let at = Timestamp::from_millis(1_795_899_306_264);
        let both = sign([&new, &old], "1", at, b"{}");
        let each = [&new, &old].map(|secret| sign([secret], "1", at, b"{}"));
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }
}
