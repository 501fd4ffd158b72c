//! Where what is checked comes from: a service, or files.

use std::{fs, path::PathBuf, time::Duration};

use reqwest::Client;
use serde_json::Value;

use super::{Unverified, unknown, wrong};
use crate::{
    net::outgoing::use_ring,
    tlog::{LogProof, VerifierKey},
};

/// How long a service may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// What the description of a log is called in a directory.
const INDEX: &str = "log.json";

/// A service or files.
pub(super) enum Source {
    /// An address, without a slash at its end.
    Service(Client, String),
    /// A file, or a directory in which a log was kept.
    Files(PathBuf),
}

impl Source {
    pub(super) fn of(what: &str) -> Result<Self, Unverified> {
        if !what.starts_with("http://") && !what.starts_with("https://") {
            return Ok(Self::Files(what.into()));
        }
        use_ring();
        let client = Client::builder().user_agent(concat!("sawt/", env!("CARGO_PKG_VERSION"))).timeout(FETCH_TIMEOUT);
        let client = client.build().map_err(|error| unknown(error.to_string()))?;
        Ok(Self::Service(client, what.trim_end_matches('/').to_owned()))
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self, Self::Files(path) if path.is_dir())
    }

    /// What is at a path below; at none, what is there itself.
    pub(super) async fn get(&self, path: &str) -> Result<Vec<u8>, Unverified> {
        match self {
            Self::Service(client, base) => {
                let address = if path.is_empty() { base.clone() } else { format!("{base}/{path}") };
                fetch(client, &address).await
            }
            Self::Files(base) => {
                let path = match path {
                    "" if base.is_dir() => base.join(INDEX),
                    "" => base.clone(),
                    path => base.join(path),
                };
                fs::read(&path).map_err(|error| unknown(format!("{}: {error}", path.display())))
            }
        }
    }

    /// The keys of the log that a proof is of, as the service publishes them that the proof came from.
    pub(super) async fn published_keys(&self, proof: &LogProof) -> Result<Vec<VerifierKey>, Unverified> {
        let Self::Service(client, address) = self else {
            let rule = "the log's key is not known: name it by --key; it is published where the log is";
            return Err(unknown(rule));
        };
        let origin = proof.checkpoint.split('\n').next().unwrap_or_default();
        // SITE/log of NAME/v1/sites/SITE/log/NUMBER.
        let log = origin.rsplit_once("/v1/sites/").and_then(|(_, rest)| rest.rsplit_once('/'));
        let base = address.split_once("/v1/").map(|(base, _)| base);
        let (Some((log, _)), Some(base)) = (log, base) else {
            return Err(unknown("the log's key is not known: name it by --key"));
        };
        keys_in(&fetch(client, &format!("{base}/v1/sites/{log}")).await?)
    }
}

async fn fetch(client: &Client, address: &str) -> Result<Vec<u8>, Unverified> {
    let failed = |error: reqwest::Error| unknown(format!("{address}: {}", error.without_url()));
    let answer = client.get(address).send().await.map_err(failed)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(unknown(format!("{address} answers {status}")));
    }
    Ok(answer.bytes().await.map_err(failed)?.to_vec())
}

/// The keys that a description of logs lists, of all its logs.
pub(super) fn keys_in(index: &[u8]) -> Result<Vec<VerifierKey>, Unverified> {
    let index: Value = serde_json::from_slice(index).map_err(|_| wrong("the description of the log is not JSON"))?;
    let before = index.get("before").and_then(Value::as_array).cloned().unwrap_or_default();
    let lists = std::iter::once(&index).chain(&before).filter_map(|log| log.get("keys")?.as_array());
    let keys = lists.flatten().map(|key| {
        let key = key.get("key").and_then(Value::as_str).unwrap_or_default();
        key.parse().map_err(|rule| wrong(format!("a published key {rule}")))
    });
    keys.collect()
}
