//! One try: a request to a receiver, and what came of it.
//!
//! A publisher names the receiver, so nothing inside is reached: names are looked up for each connection, and only
//! addresses that lie [outside](Outside) are connected to. No redirect is followed and no proxy of the environment
//! used, which could lead elsewhere. Of the answer only the head is read, however much more comes.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    header,
};
use tokio::net::lookup_host;
use url::Url;

use super::message::WebhookMessage;
use crate::{
    net::{outgoing::client_builder, outside::Outside},
    poll::{Timestamp, WebAddress},
    telemetry::with_causes,
};

/// How long a receiver may take (Standard Webhooks asks for 15 to 30 seconds).
pub(super) const TRY_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of that the connection may take.
const TO_CONNECT: Duration = Duration::from_secs(5);

/// Why a receiver was not reached, where that is known.
pub const NOT_IN_TIME: &str = "no answer came in time";
/// The same of one whose name leads inside.
pub const NOWHERE_OUTSIDE: &str = "its name leads to no address that may be reached";

/// The longest reason of a failure that is kept.
const MOST_CHARACTERS: usize = 300;

/// Sends messages.
pub(super) struct WebhookSender {
    outside: Arc<Outside>,
    /// Made with the first message: for TLS, and without.
    clients: OnceLock<[Client; 2]>,
}

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReceiverAnswer {
    pub(super) status: u16,
    /// For how long it asks not to be asked.
    pub(super) pause: Option<Duration>,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SendFailure {
    /// In words.
    pub(super) why: String,
    /// Whether another try would fail too.
    pub(super) is_final: bool,
}

impl ReceiverAnswer {
    /// Whether the receiver has taken the message.
    pub(super) fn is_success(self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Why it has not, if it has not.
    pub(super) fn failure(self) -> String {
        match self.status {
            300..400 => "the receiver leads elsewhere, and is not followed".to_owned(),
            410 => "the receiver says that it is gone".to_owned(),
            status => format!("the receiver answers {status}"),
        }
    }
}

impl SendFailure {
    /// Another try would fail too.
    pub(super) fn for_good(why: &str) -> Self {
        Self { why: why.to_owned(), is_final: true }
    }

    fn of(why: impl Into<String>) -> Self {
        Self { why: why.into().chars().take(MOST_CHARACTERS).collect(), is_final: false }
    }
}

impl WebhookSender {
    pub(super) fn new(outside: Outside) -> Self {
        Self { outside: Arc::new(outside), clients: OnceLock::new() }
    }

    /// Sends a message with its signature of this time.
    ///
    /// # Errors
    /// Why no answer came.
    pub(super) async fn send(
        &self,
        url: &WebAddress,
        message: WebhookMessage,
        at: Timestamp,
        signature: String,
    ) -> Result<ReceiverAnswer, SendFailure> {
        let url = Url::parse(url.as_str()).map_err(|error| SendFailure::of(error.to_string()))?;
        // Addresses that are written out are looked up nowhere; and the setting may have changed.
        if let Some(rule) = self.outside.refusal_of(&url) {
            return Err(SendFailure::of(format!("the address {rule}")));
        }
        let [over_tls, plain] = self.clients()?;
        let client = if url.scheme() == "https" { over_tls } else { plain };
        let request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", at.as_millis().div_euclid(1_000).to_string())
            .header("webhook-signature", signature)
            .body(message.body);
        // Dropping the answer closes the connection.
        let response = request.send().await.map_err(|error| SendFailure::of(in_words(error)))?;
        let asked = response.headers().get(header::RETRY_AFTER);
        let secs = asked.and_then(|value| value.to_str().ok()).and_then(|secs| secs.trim().parse().ok());
        Ok(ReceiverAnswer { status: response.status().as_u16(), pause: secs.map(Duration::from_secs) })
    }

    fn clients(&self) -> Result<&[Client; 2], SendFailure> {
        if let Some(clients) = self.clients.get() {
            return Ok(clients);
        }
        let client = |is_plain| client(&self.outside, is_plain).map_err(|error| SendFailure::of(in_words(error)));
        let clients = [client(false)?, client(true)?];
        Ok(self.clients.get_or_init(|| clients))
    }
}

/// Each connection is made to an address that was checked just now.
fn client(outside: &Arc<Outside>, is_plain: bool) -> reqwest::Result<Client> {
    client_builder()
        .timeout(TRY_TIMEOUT)
        .connect_timeout(TO_CONNECT)
        .no_proxy()
        .dns_resolver(Arc::new(OutsideResolver { outside: Arc::clone(outside), is_plain }))
        .build()
}

/// Looks names up, and gives only those of their addresses that may be connected to.
struct OutsideResolver {
    outside: Arc<Outside>,
    /// Without TLS only networks that the operator allows are connected to.
    is_plain: bool,
}

impl Resolve for OutsideResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (outside, is_plain) = (Arc::clone(&self.outside), self.is_plain);
        Box::pin(async move {
            // The port is the caller's.
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            let may_be_reached =
                |address: IpAddr| if is_plain { outside.allows(address) } else { outside.has(address) };
            let reached: Vec<SocketAddr> = found.into_iter().filter(|found| may_be_reached(found.ip())).collect();
            if reached.is_empty() {
                return Err(io::Error::other(NOWHERE_OUTSIDE).into());
            }
            let reached: Addrs = Box::new(reached.into_iter());
            Ok(reached)
        })
    }
}

/// A failure with its causes, and without the address, which may have a password in it.
fn in_words(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return NOT_IN_TIME.to_owned();
    }
    with_causes(&error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let resolve = async |outside: &str, is_plain: bool| {
            let outside = Arc::new(outside.parse().unwrap());
            let found = OutsideResolver { outside, is_plain }.resolve("localhost".parse().unwrap()).await;
            found.map(|found| found.map(|address| address.ip()).collect::<Vec<_>>()).map_err(|error| error.to_string())
        };
        for is_plain in [false, true] {
            let refused = resolve("10.0.0.0/8", is_plain).await.unwrap_err();
            assert_eq!(refused, "its name leads to no address that may be reached");
            let found = resolve("127.0.0.0/8", is_plain).await.unwrap();
            assert_eq!(found, [IpAddr::from([127, 0, 0, 1])]);
        }
    }
}
