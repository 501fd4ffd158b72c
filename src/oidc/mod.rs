//! People whom an identity provider names: OpenID Connect Core 1.0, the authorization code flow with PKCE (RFC 7636).
//!
//! The signatures are checked by `ring`, which is here for TLS. The crate for all of it, `openidconnect`, would bring
//! 81 others, 17 of them in a second version, and an `rsa` with an advisory that nobody mends (RUSTSEC-2023-0071).
//!
//! - [`settings`](OidcSettings): which provider, and what its groups may do here.
//! - [`SignInAttempt`]: what a browser keeps while its person is away at the provider. State, nonce and PKCE's verifier
//!   are derived from it, so nothing is stored, and any replica takes the person back.
//! - `fetch`: what the provider is asked, within ten seconds; `jwks`: its keys; `token`: what an ID token must be.
//!
//! Nothing is asked before somebody wants to sign in: a provider that is away keeps nobody but them.

mod attempt;
mod fetch;
mod jwks;
mod settings;
mod token;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

pub use attempt::{ATTEMPT_SECS, SignInAttempt};
pub use settings::{GroupRoles, Issuer, OidcSettings};

use crate::{
    poll::{Text, Timestamp},
    site::{NAME, Person},
};
use fetch::OidcFetcher;
use jwks::Jwks;
use token::{ExpectedToken, IdToken};

/// How long what the provider says of itself is believed.
const KNOWN_FOR: Duration = Duration::from_hours(1);

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider did not answer, or said what it must not: nothing can be done about it here.
    #[error("the identity provider can't be relied on now: {0}")]
    Away(String),
    /// The provider answers, and takes no code from this service: it may be set up otherwise there, or the code is none.
    #[error("the identity provider takes no code: {0}")]
    TakesNone(String),
    /// What the browser brought back is not what was asked for: too late, used before, or forged.
    #[error("the sign-in is refused: {0}")]
    Refused(String),
    /// The provider knows this person, and they have no business here.
    #[error("the person has no role")]
    NoRole(Text),
}

/// The identity provider, as one replica knows it.
pub struct IdentityProvider {
    settings: OidcSettings,
    fetcher: OidcFetcher,
    /// Never locked while it is asked: a provider that is slow keeps nobody from what is known.
    known: Mutex<Option<Arc<KnownProvider>>>,
    /// Held by whoever asks again about what is known: the others go on by that meanwhile.
    asking: tokio::sync::Mutex<()>,
}

/// What the provider has said of itself.
struct KnownProvider {
    discovery: ProviderDiscovery,
    jwks: Arc<Jwks>,
    at: Instant,
}

/// OpenID Connect Discovery 1.0, section 3: what is used of it.
#[derive(Debug, Clone, Deserialize)]
struct ProviderDiscovery {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether it says who it is when people come back (RFC 9207, section 3).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
    access_token: Option<String>,
}

impl IdentityProvider {
    /// The provider that the settings name.
    pub fn new(settings: OidcSettings) -> Self {
        Self { settings, fetcher: OidcFetcher::default(), known: Mutex::new(None), asking: tokio::sync::Mutex::new(()) }
    }

    /// What it is called where editors sign in; empty if that is not said.
    pub fn name(&self) -> &str {
        self.settings.name.as_deref().unwrap_or_default()
    }

    /// The address to which somebody is sent who signs in.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn address(&self, attempt: &SignInAttempt) -> Result<Url, OidcError> {
        let mut address = self.known().await?.discovery.authorization_endpoint.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri)
            .append_pair("scope", &self.settings.scopes)
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(address)
    }

    /// The person who comes back from the provider with a code, and with what that calls itself.
    ///
    /// # Errors
    /// All of [`OidcError`].
    pub async fn person(
        &self,
        attempt: &SignInAttempt,
        (code, issuer): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Person, OidcError> {
        let known = self.known().await?;
        let discovery = &known.discovery;
        discovery.check_issuer(issuer)?;
        let answer = self.redeem(discovery, attempt, code).await?;
        let token = IdToken::read(&answer.id_token).map_err(refused)?;
        self.verify(&known, &token).await?;
        let expected = ExpectedToken {
            issuer: &discovery.issuer,
            client_id: &self.settings.client_id,
            nonce: &attempt.nonce(),
            now,
        };
        let mut claims = token.claims(&expected).map_err(refused)?;
        if self.settings.groups_in(&claims).is_none() {
            self.add_userinfo(discovery, answer.access_token.as_deref(), &mut claims).await?;
        }
        self.recognised(&claims)
    }

    /// Who the claims name, and what they may do.
    fn recognised(&self, claims: &Value) -> Result<Person, OidcError> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        let named = ["name", "preferred_username", "email", "sub"].iter();
        let name = named.filter_map(|claim| claims.get(claim)?.as_str()).find_map(name_of);
        let name = name.ok_or_else(|| OidcError::Refused("no claim names the person".to_owned()))?;
        let groups = self.settings.groups_in(claims).unwrap_or_default();
        let grants = self.settings.roles.grants(&groups);
        if grants.is_empty() {
            return Err(OidcError::NoRole(name));
        }
        Ok(Person { subject: subject.to_owned(), name, grants })
    }

    /// Checks a token's signature. A key that is not known may have come since the keys were asked for.
    async fn verify(&self, known: &KnownProvider, token: &IdToken<'_>) -> Result<(), OidcError> {
        if known.jwks.verify(token).is_ok() {
            return Ok(());
        }
        let jwks: Arc<Jwks> = Arc::new(self.fetcher.get(&known.discovery.jwks_uri, None).await?);
        let verified = jwks.verify(token).map_err(refused);
        let KnownProvider { discovery, at, .. } = known;
        *self.known.lock() = Some(Arc::new(KnownProvider { discovery: discovery.clone(), jwks, at: *at }));
        verified
    }

    /// Turns a code into tokens.
    async fn redeem(
        &self,
        discovery: &ProviderDiscovery,
        attempt: &SignInAttempt,
        code: &str,
    ) -> Result<TokenAnswer, OidcError> {
        let verifier = attempt.verifier();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.settings.redirect_uri),
            ("code_verifier", &verifier),
        ];
        let methods = discovery.token_endpoint_auth_methods_supported.as_deref();
        let takes_basic = methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let client = fetch::OidcClient {
            id: &self.settings.client_id,
            secret: self.settings.client_secret.as_ref(),
            in_header: takes_basic,
        };
        self.fetcher.redeem(&discovery.token_endpoint, &client, &fields).await
    }

    /// Adds what is told of the person apart from the token. It must be the same person (Core, section 5.3.2).
    async fn add_userinfo(
        &self,
        discovery: &ProviderDiscovery,
        access_token: Option<&str>,
        claims: &mut Value,
    ) -> Result<(), OidcError> {
        let (Some(address), Some(access_token)) = (&discovery.userinfo_endpoint, access_token) else { return Ok(()) };
        let told: Value = self.fetcher.get(address, Some(access_token)).await?;
        if told.get("sub") != claims.get("sub") {
            return Err(OidcError::Refused("what is told of the person is of another".to_owned()));
        }
        if let (Some(claims), Value::Object(told)) = (claims.as_object_mut(), told) {
            for (name, value) in told {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(())
    }

    /// What the provider says of itself. Once that is old it is asked again, by one: what it said before is good enough
    /// for those who come meanwhile.
    async fn known(&self) -> Result<Arc<KnownProvider>, OidcError> {
        let known = self.known.lock().clone();
        let asking = self.asking.try_lock();
        if let Some(known) = known.filter(|known| known.at.elapsed() < KNOWN_FOR || asking.is_err()) {
            return Ok(known);
        }
        let told = Arc::new(self.ask().await?);
        *self.known.lock() = Some(Arc::clone(&told));
        Ok(told)
    }

    async fn ask(&self) -> Result<KnownProvider, OidcError> {
        let discovery: ProviderDiscovery = self.fetcher.get(&self.settings.issuer.discovery(), None).await?;
        if discovery.issuer != self.settings.issuer.as_str() {
            return Err(OidcError::Away(format!("it calls itself {}", discovery.issuer)));
        }
        let ProviderDiscovery { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint, .. } = &discovery;
        let named = [authorization_endpoint, token_endpoint, jwks_uri].into_iter().chain(userinfo_endpoint);
        if let Some(address) = named.into_iter().find(|address| !settings::is_safe(address)) {
            return Err(OidcError::Away(format!("it names {address}, which is not reached by TLS")));
        }
        let jwks = Arc::new(self.fetcher.get(&discovery.jwks_uri, None).await?);
        Ok(KnownProvider { discovery, jwks, at: Instant::now() })
    }
}

impl ProviderDiscovery {
    /// Checks what whoever sent a person back calls themselves (RFC 9207, section 2.4): a code of another provider,
    /// brought to this one's address, is redeemed nowhere. One that says it is always there must be.
    fn check_issuer(&self, said: Option<&str>) -> Result<(), OidcError> {
        match said {
            Some(said) if said == self.issuer => Ok(()),
            None if !self.authorization_response_iss_parameter_supported => Ok(()),
            Some(_) => Err(refused("another provider has sent the person back")),
            None => Err(refused("the provider has not said who it is")),
        }
    }
}

fn refused(why: &'static str) -> OidcError {
    OidcError::Refused(why.to_owned())
}

/// A name as the newsroom shows it: what is too long is cut, and what may not stand there is left out.
fn name_of(claim: &str) -> Option<Text> {
    let plain: String = claim.chars().filter(|character| !character.is_control()).take(NAME.characters).collect();
    Text::parse(plain.trim(), NAME).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(roles: &str) -> IdentityProvider {
        IdentityProvider::new(OidcSettings {
            issuer: "https://id.example".parse().unwrap(),
            client_id: "sawt".to_owned(),
            client_secret: None,
            scopes: "openid".to_owned(),
            groups_claim: "realm.roles".to_owned(),
            roles: roles.parse().unwrap(),
            name: None,
            redirect_uri: "https://newsroom.example/newsroom/oidc/callback".to_owned(),
        })
    }

    #[test]
    fn whoever_has_no_group_with_a_role_is_nobody_here_and_is_told_by_name() {
        let provider = provider("editors=editor@news");
        let claims = json!({ "sub": "7", "name": "هدى\n", "realm": { "roles": ["editors", "chess"] } });
        let person = provider.recognised(&claims).unwrap();
        assert_eq!((person.subject.as_str(), person.name.as_str(), person.grants.len()), ("7", "هدى", 1));
        for groups in [json!({ "roles": ["chess"] }), json!({}), json!(null)] {
            let claims = json!({ "sub": "7", "email": "huda@news.example", "realm": groups });
            let refused = provider.recognised(&claims).unwrap_err();
            assert!(matches!(refused, OidcError::NoRole(name) if name.as_str() == "huda@news.example"));
        }
    }

    fn told(supported: bool) -> ProviderDiscovery {
        let at = |path: &str| format!("https://id.example/{path}").parse().unwrap();
        ProviderDiscovery {
            issuer: "https://id.example".to_owned(),
            authorization_endpoint: at("a"),
            token_endpoint: at("t"),
            jwks_uri: at("k"),
            userinfo_endpoint: None,
            token_endpoint_auth_methods_supported: None,
            authorization_response_iss_parameter_supported: supported,
        }
    }

    #[test]
    fn who_comes_back_from_another_provider_is_refused() {
        let own = Some("https://id.example");
        for (supported, said, is_good) in [
            (true, own, true),
            (false, own, true),
            (false, None, true),
            (true, None, false),
            (true, Some("https://id.example/"), false),
            (false, Some("https://evil.example"), false),
        ] {
            assert_eq!(told(supported).check_issuer(said).is_ok(), is_good, "{supported} {said:?}");
        }
    }

    #[tokio::test]
    async fn what_is_known_is_good_for_others_while_one_asks_again() {
        let provider = provider("editors=editor@news");
        let jwks = Arc::new(serde_json::from_value(json!({ "keys": [] })).unwrap());
        let at = Instant::now().checked_sub(2 * KNOWN_FOR).unwrap();
        *provider.known.lock() = Some(Arc::new(KnownProvider { discovery: told(false), jwks, at }));
        let _asking = provider.asking.lock().await;
        assert_eq!(provider.known().await.unwrap().discovery.issuer, "https://id.example");
    }
}
