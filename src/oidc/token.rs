//! What an ID token must be (OpenID Connect Core 1.0, section 3.1.3.7).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use crate::poll::Timestamp;

/// How far the provider's clock may be from this one.
const CLOCKS_APART_SECS: i64 = 120;
/// The longest name that a provider may have for somebody (Core, section 2).
const LONGEST_SUBJECT: usize = 255;

/// A signed token, taken apart and not yet believed.
pub(super) struct IdToken<'a> {
    pub(super) header: TokenHeader,
    /// What is signed, as it came.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    payload: Vec<u8>,
}

/// Of the header, what says how it is signed.
#[derive(Deserialize)]
pub(super) struct TokenHeader {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    /// What must be understood; nothing of it is.
    crit: Option<Value>,
}

/// What a token must say.
pub(super) struct ExpectedToken<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

impl<'a> IdToken<'a> {
    /// Takes a token apart.
    pub(super) fn read(text: &'a str) -> Result<Self, &'static str> {
        let (signed, signature) = text.rsplit_once('.').ok_or("the token is none")?;
        let (header, payload) = signed.split_once('.').ok_or("the token is none")?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "the token is none");
        let header: TokenHeader = serde_json::from_slice(&decoded(header)?).map_err(|_| "the token has no header")?;
        if header.crit.is_some() {
            return Err("the token asks for more than is understood");
        }
        let (signature, payload) = (decoded(signature)?, decoded(payload)?);
        Ok(Self { header, signed: signed.as_bytes(), signature, payload })
    }

    /// What it claims, if that is what was expected. Its signature is checked elsewhere.
    pub(super) fn claims(&self, expected: &ExpectedToken<'_>) -> Result<Value, &'static str> {
        let claims: Value = serde_json::from_slice(&self.payload).map_err(|_| "the token claims nothing")?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(expected.issuer) {
            return Err("the token is of another issuer");
        }
        let audience: Vec<&str> = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let authorized = text("azp");
        let is_for_us = audience.contains(&expected.client_id)
            && (audience.len() == 1 || authorized.is_some())
            && authorized.is_none_or(|client| client == expected.client_id);
        if !is_for_us {
            return Err("the token is for another client");
        }
        let now = expected.now.as_millis() / 1_000;
        let secs = |name: &str| claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "seconds since 1970, give or take none")]
        let (earliest, latest) = ((now - CLOCKS_APART_SECS) as f64, (now + CLOCKS_APART_SECS) as f64);
        if secs("exp").is_none_or(|expires_at| expires_at <= earliest) {
            return Err("the token has expired");
        }
        if secs("iat").is_none_or(|made_at| made_at > latest) || secs("nbf").is_some_and(|from| from > latest) {
            return Err("the token is of the future");
        }
        if text("nonce") != Some(expected.nonce) {
            return Err("the token is for another sign-in");
        }
        if text("sub").is_none_or(|subject| subject.is_empty() || subject.len() > LONGEST_SUBJECT) {
            return Err("the token names nobody");
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn check(with: &Value) -> Result<Value, &'static str> {
        let mut claims = json!({
            "iss": "https://id.example", "aud": "sawt", "sub": "7", "nonce": "n", "exp": NOW + 60, "iat": NOW - 1,
        });
        for (name, value) in with.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = IdToken {
            header: TokenHeader { alg: "RS256".to_owned(), kid: None, crit: None },
            signed: b"",
            signature: Vec::new(),
            payload: claims.to_string().into_bytes(),
        };
        let now = Timestamp::from_millis(NOW * 1_000);
        token.claims(&ExpectedToken { issuer: "https://id.example", client_id: "sawt", nonce: "n", now })
    }

    #[test]
    fn a_token_that_is_not_of_this_sign_in_is_refused_and_it_is_said_why() {
        for good in [
            json!({}),
            json!({ "aud": ["sawt", "other"], "azp": "sawt" }),
            json!({ "aud": ["sawt"] }),
            json!({ "exp": NOW - 119, "iat": NOW + 120 }),
        ] {
            assert_eq!(check(&good).map(|claims| claims["sub"].clone()), Ok(json!("7")), "{good}");
        }
        for (bad, why) in [
            (json!({ "iss": "https://id.example/" }), "issuer"),
            (json!({ "iss": null }), "issuer"),
            (json!({ "aud": "other" }), "client"),
            (json!({ "aud": ["sawt", "other"] }), "client"),
            (json!({ "aud": "sawt", "azp": "other" }), "client"),
            (json!({ "aud": [] }), "client"),
            (json!({ "exp": NOW - 120 }), "expired"),
            (json!({ "exp": null }), "expired"),
            (json!({ "exp": "never" }), "expired"),
            (json!({ "iat": NOW + 121 }), "future"),
            (json!({ "nbf": NOW + 121 }), "future"),
            (json!({ "nonce": "m" }), "another sign-in"),
            (json!({ "nonce": null }), "another sign-in"),
            (json!({ "sub": "" }), "nobody"),
            (json!({ "sub": 7 }), "nobody"),
            (json!({ "sub": "x".repeat(256) }), "nobody"),
        ] {
            assert!(check(&bad).is_err_and(|said| said.contains(why)), "{bad}");
        }
    }

    #[test]
    fn what_is_no_token_is_taken_for_none() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = |header: &str| format!("{}.{}.{}", part(header), part("{}"), part("s"));
        assert!(IdToken::read(&token(r#"{"alg":"ES256","kid":"k"}"#)).is_ok());
        for bad in ["", ".", "..", "a.b.c", &token("x"), &token(r#"{"alg":"ES256","crit":["x"]}"#), &token("{}")] {
            assert!(IdToken::read(bad).is_err(), "{bad}");
        }
    }
}
