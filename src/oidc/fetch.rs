//! What the provider is asked over HTTP.

use std::{sync::OnceLock, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{RequestBuilder, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use url::{Url, form_urlencoded};

use super::OidcError;
use crate::{net::outgoing::client_builder, secret::Secret, telemetry::with_causes};

/// Who waits for a page waits no longer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
const TO_CONNECT: Duration = Duration::from_secs(4);
/// The longest answer that is read.
const MOST_BYTES: usize = 1024 * 1024;

/// As what this service redeems a code.
pub(super) struct OidcClient<'a> {
    pub(super) id: &'a str,
    pub(super) secret: Option<&'a Secret>,
    /// Whether the provider takes it in a header (RFC 6749, section 2.3.1).
    pub(super) in_header: bool,
}

/// Asks, over TLS by ring, following no redirects and keeping no connections.
#[derive(Default)]
pub(super) struct OidcFetcher(OnceLock<reqwest::Client>);

impl OidcFetcher {
    /// Reads something, and asks a second time if no answer came.
    pub(super) async fn get<T: DeserializeOwned>(&self, address: &Url, token: Option<&str>) -> Result<T, OidcError> {
        let asked = || -> Result<RequestBuilder, OidcError> {
            let request = self.client()?.get(address.clone()).header(header::ACCEPT, "application/json");
            Ok(match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            })
        };
        let answered = match send(asked()?).await {
            Err(_) => send(asked()?).await,
            answered => answered,
        };
        match answered? {
            (StatusCode::OK, body) => read(address, &body),
            (status, _) => Err(OidcError::Away(format!("{address} answers {status}"))),
        }
    }

    /// Redeems a code. It is asked once: a code is good once.
    pub(super) async fn redeem<T: DeserializeOwned>(
        &self,
        address: &Url,
        client: &OidcClient<'_>,
        fields: &[(&str, &str)],
    ) -> Result<T, OidcError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = self.client()?.post(address.clone()).header(header::ACCEPT, "application/json");
        let request = match client.secret {
            Some(secret) if client.in_header => {
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let shown = STANDARD.encode(format!("{}:{}", encoded(client.id), encoded(secret.expose())));
                request.header(header::AUTHORIZATION, format!("Basic {shown}"))
            }
            secret => {
                form.append_pair("client_id", client.id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret.expose());
                }
                request
            }
        };
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish());
        match send(request).await? {
            (StatusCode::OK, body) => read(address, &body),
            (status, body) if status.is_client_error() => Err(why_refused(&body)),
            (status, _) => Err(OidcError::Away(format!("{address} answers {status}"))),
        }
    }

    fn client(&self) -> Result<reqwest::Client, OidcError> {
        if let Some(client) = self.0.get() {
            return Ok(client.clone());
        }
        let client = client_builder().timeout(FETCH_TIMEOUT).connect_timeout(TO_CONNECT);
        let client = client.build().map_err(|error| away(&error))?;
        Ok(self.0.get_or_init(|| client).clone())
    }
}

async fn send(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), OidcError> {
    let mut response = request.send().await.map_err(|error| away(&error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(OidcError::Away(format!("{} answers more than {MOST_BYTES} bytes", response.url())));
        }
    }
    Ok((response.status(), body))
}

fn read<T: DeserializeOwned>(address: &Url, body: &[u8]) -> Result<T, OidcError> {
    serde_json::from_slice(body).map_err(|error| OidcError::Away(format!("{address} answers something else: {error}")))
}

/// `invalid_grant` is about the code, and everything else most often about how this service is set up there.
fn why_refused(body: &[u8]) -> OidcError {
    #[derive(Deserialize)]
    struct TokenRefusal {
        error: String,
    }

    match serde_json::from_slice::<TokenRefusal>(body) {
        Ok(TokenRefusal { error }) if error == "invalid_grant" => OidcError::Refused("the code is not good".to_owned()),
        Ok(TokenRefusal { error }) => OidcError::TakesNone(format!("{error:?}")),
        Err(_) => OidcError::TakesNone("it does not say why".to_owned()),
    }
}

fn away(error: &reqwest::Error) -> OidcError {
    OidcError::Away(with_causes(error))
}
