//! The provider's keys (RFC 7517), and signatures by them (RFC 7518).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::token::IdToken;

/// The most keys that are looked at.
const MOST_KEYS: usize = 64;

/// All keys that the provider has.
#[derive(Debug, Deserialize)]
pub(super) struct Jwks {
    /// One that can't be read is none of those that are used here.
    keys: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwks {
    /// Checks a token's signature by the key that it names, or by any if it names none. Only public keys are known, and
    /// each only for the algorithms of its own kind: a token signed by nobody, or by what everybody can read, is
    /// refused.
    pub(super) fn verify(&self, token: &IdToken<'_>) -> Result<(), &'static str> {
        let keys = self.keys.iter().take(MOST_KEYS).filter_map(|key| Jwk::deserialize(key).ok());
        let mut fitting = keys.filter(|key| key.fits(token)).peekable();
        if fitting.peek().is_none() {
            return Err("no key of the provider fits the token");
        }
        if fitting.any(|key| key.verifies(token).is_some()) {
            Ok(())
        } else {
            Err("the token is not signed by the provider")
        }
    }
}

impl Jwk {
    fn fits(&self, token: &IdToken<'_>) -> bool {
        let header = &token.header;
        header.kid.as_ref().is_none_or(|kid| self.kid.as_ref() == Some(kid))
            && self.alg.as_ref().is_none_or(|alg| *alg == header.alg)
            && self.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
    }

    fn verifies(&self, token: &IdToken<'_>) -> Option<()> {
        let (message, signed) = (token.signed, token.signature.as_slice());
        let part = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let curve = self.crv.as_deref();
        match (self.kty.as_str(), token.header.alg.as_str()) {
            ("RSA", alg) => {
                let key = RsaPublicKeyComponents { n: part(&self.n)?, e: part(&self.e)? };
                key.verify(rsa(alg)?, message, signed).ok()
            }
            ("EC", "ES256") if curve == Some("P-256") => {
                verify_by(&ECDSA_P256_SHA256_FIXED, &point(&part(&self.x)?, &part(&self.y)?), message, signed)
            }
            ("EC", "ES384") if curve == Some("P-384") => {
                verify_by(&ECDSA_P384_SHA384_FIXED, &point(&part(&self.x)?, &part(&self.y)?), message, signed)
            }
            ("OKP", "EdDSA" | "Ed25519") if curve == Some("Ed25519") => {
                verify_by(&ED25519, &part(&self.x)?, message, signed)
            }
            _ => None,
        }
    }
}

fn rsa(alg: &str) -> Option<&'static RsaParameters> {
    Some(match alg {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// An uncompressed point (SEC 1, section 2.3.3).
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

fn verify_by(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signed: &[u8],
) -> Option<()> {
    UnparsedPublicKey::new(algorithm, key).verify(message, signed).ok()
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
    };
    use serde_json::json;

    use super::*;

    fn part(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn es256() -> (EcdsaKeyPair, Value) {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        let public = pair.public_key().as_ref();
        let jwk =
            json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": part(&public[1..33]), "y": part(&public[33..]) });
        (pair, jwk)
    }

    fn token(header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let signed = format!("{}.{}", part(header.to_string()), part("{}"));
        format!("{signed}.{}", part(sign(signed.as_bytes())))
    }

    fn verify(keys: &Value, token: &str) -> Result<(), &'static str> {
        let jwks: Jwks = serde_json::from_value(json!({ "keys": keys })).unwrap();
        jwks.verify(&IdToken::read(token).unwrap())
    }

    #[test]
    fn a_token_is_believed_only_if_the_key_it_names_has_signed_it() {
        let (pair, jwk) = es256();
        let (_, other) = es256();
        let sign = |message: &[u8]| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
        let named = token(&json!({ "alg": "ES256", "kid": "a" }), sign);
        assert_eq!(verify(&json!([{ "kty": "oct", "k": "AAAA" }, "?", jwk]), &named), Ok(()));
        let unnamed = token(&json!({ "alg": "ES256" }), sign);
        assert_eq!(verify(&json!([other, jwk]), &unnamed), Ok(()));
        assert!(verify(&json!([other]), &named).is_err_and(|why| why.contains("not signed")));
        assert!(verify(&json!([]), &named).is_err_and(|why| why.contains("no key")));
        let mut renamed = jwk.clone();
        renamed["kid"] = json!("b");
        assert!(verify(&json!([renamed]), &named).is_err_and(|why| why.contains("no key")));
        let mut of_encryption = jwk.clone();
        of_encryption["use"] = json!("enc");
        assert!(verify(&json!([of_encryption]), &named).is_err());
        let tampered = named.replacen(&part("{}"), &part("{ }"), 1);
        assert!(verify(&json!([jwk]), &tampered).is_err());
    }

    /// What most libraries have got wrong once: <https://www.rfc-editor.org/rfc/rfc8725#section-2.1>.
    #[test]
    fn a_token_signed_by_nobody_or_by_what_everybody_knows_is_refused() {
        let (_, jwk) = es256();
        for alg in ["none", "None", "", "HS256", "RS256", "ES384", "EdDSA"] {
            let forged = token(&json!({ "alg": alg, "kid": "a" }), |message| {
                let public = jwk["x"].as_str().unwrap();
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
                ring::hmac::sign(&key, message).as_ref().to_vec()
            });
            assert!(verify(&json!([jwk]), &forged).is_err(), "{alg}");
            let empty = token(&json!({ "alg": alg, "kid": "a" }), |_| Vec::new());
            assert!(verify(&json!([jwk]), &empty).is_err(), "{alg}");
        }
    }

    #[test]
    fn ed25519_is_verified_too() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": part(pair.public_key()) });
        let signed = token(&json!({ "alg": "EdDSA" }), |message| pair.sign(message).as_ref().to_vec());
        assert_eq!(verify(&json!([jwk]), &signed), Ok(()));
        assert!(verify(&json!([{ "kty": "OKP", "crv": "Ed25519", "x": part([7; 32]) }]), &signed).is_err());
    }
}
