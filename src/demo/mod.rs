//! `sawt demo`: a replica with a poll in it, to try things on, and a newspaper's page that it stands in.
//!
//! It is the real server on an embedded store in a directory of its own, which is removed when the demo ends. The demo
//! itself does only what anybody could do from outside: it creates the poll, and what else the page has, over HTTP with
//! the admin key, writes an article with the widget's own snippet beside it, prints what to try next, lets simulated
//! readers vote over the loopback, at a human pace and not too many at once, and tells what it sees of the tally and
//! the metrics. A reader whose vote gets no answer sends it again, as every client should: a repeated vote is counted
//! once.

mod article;
mod engagement;
mod readers;
mod watch;

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    config::{Config, Fault, Flags, SettingSource},
    embed::snippets,
    healthcheck,
    http::DemoPages,
    http_client::{Request, Response, Url},
    secret::Secret,
    server::Addresses,
    site::BaseAddress,
    store::StoreAddress,
};
use engagement::Engagement;
pub use readers::Pace;
use watch::{TELL_EVERY, Watch};

/// The poll that started it: it stands beside an article on a Kuwaiti news page, and asks whether the National
/// Assembly will be dissolved.
const SEED_POLL: &str = include_str!("seed-poll.json");

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// How often, and how many times, a replica that has just started is asked whether it is ready: for 10 seconds.
const READY_EVERY: Duration = Duration::from_millis(50);
const READY_TRIES: u32 = 200;

/// Why the demo could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The replica could not be talked to, or nothing could be printed.
    #[error("the demo's own requests failed: {0}")]
    Io(#[from] io::Error),
    /// The replica answered with something else than what was asked for.
    #[error("{request} was answered {status}: {body}")]
    Refused {
        /// Method and path.
        request: String,
        /// The answer's status.
        status: u16,
        /// The answer's body.
        body: String,
    },
    /// The replica did not become ready in 10 seconds.
    #[error("the replica did not become ready")]
    NotReady,
}

/// A demo that is about to be served.
pub struct Demo {
    directory: Arc<TempDir>,
    admin_key: Secret,
    readers: u32,
    pace: Pace,
    pages: Arc<DemoPages>,
    /// The address that readers reach it at; `None`: where it listens.
    public_url: Option<BaseAddress>,
}

impl Demo {
    /// The flags a demo's configuration is read with: its store is its own, whatever was set for another replica, and
    /// so needs none of the secrets that one would.
    ///
    /// # Errors
    /// A store was asked for on the command line.
    pub fn flags(mut flags: Flags) -> Result<Flags, Vec<Fault>> {
        if flags.values.iter().any(|(name, _)| name == "store") {
            let rule = "is not for a demo, whose store is gone afterwards; `sawt serve` takes it";
            return Err(vec![Fault { place: "--store".to_owned(), rule: rule.to_owned() }]);
        }
        flags.values.push(("store".to_owned(), "sqlite:demo.db".to_owned()));
        Ok(flags)
    }

    /// Makes the store's directory and turns the configuration into a demo's: the embedded store there, an admin key,
    /// and (unless they were set) metrics on a free port, a log that tells of trouble only, and no quotas per client:
    /// all its readers come from one address.
    ///
    /// # Errors
    /// The directory can't be made, or can't be named in a setting.
    pub fn prepare(config: &mut Config, readers: u32) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("sawt-demo-").tempdir()?;
        config.store = store_in(directory.path())?;
        if *config.source("ops_listen") == SettingSource::Default {
            config.ops_listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        if *config.source("log") == SettingSource::Default {
            "warn".clone_into(&mut config.log);
        }
        if *config.source("quota_mint") == SettingSource::Default {
            config.quotas.mint = None;
        }
        if *config.source("quota_ballot") == SettingSource::Default {
            config.quotas.ballot = None;
        }
        if *config.source("quota_client") == SettingSource::Default {
            config.quotas.client = None;
        }
        let admin_key = config.admin_key.get_or_insert_with(Secret::generate).clone();
        let pages = DemoPages { article: OnceLock::new(), style: article::STYLE, script: article::SCRIPT };
        Ok(Self {
            directory: Arc::new(directory),
            admin_key,
            readers,
            pace: Pace::HUMAN,
            pages: Arc::new(pages),
            public_url: config.public_url.clone(),
        })
    }

    /// Where its store is, for as long as somebody holds this: the store must have ended before it goes.
    pub fn directory(&self) -> Arc<TempDir> {
        Arc::clone(&self.directory)
    }

    /// What its replica is to serve besides.
    pub fn pages(&self) -> Arc<DemoPages> {
        Arc::clone(&self.pages)
    }

    /// Runs the demo beside the server that listens there, on the actix runtime this is called on. If it fails, it
    /// says why and stops the server.
    pub fn start(self, addresses: Addresses) {
        actix_web::rt::spawn(async move {
            if let Err(error) = self.run(addresses, &mut io::stdout(), std::future::pending()).await {
                let _ = writeln!(io::stderr(), "sawt: {error}");
                actix_web::rt::System::current().stop_with_code(1);
            }
        });
    }

    /// Creates the poll in the replica that listens there, puts it into the article, prints what to try, lets the
    /// readers vote, and tells what is going on `until` that ends. The replica goes on.
    ///
    /// # Errors
    /// The replica is not there, or refuses what it should not.
    pub async fn run(
        &self,
        addresses: Addresses,
        to: &mut impl Write,
        until: impl Future<Output = ()>,
    ) -> Result<(), DemoError> {
        let replica = Replica::at(&addresses);
        replica.wait_until_ready().await?;
        let poll = replica.create_poll(&self.admin_key).await?;
        let address = match &self.public_url {
            Some(base) => base.to_string(),
            None => replica.url("").to_string(),
        };
        let base_path = self.public_url.as_ref().map_or("", BaseAddress::path);
        let height = replica.height_of(&poll, &address).await?;
        let engagement = Engagement::make(&replica, &self.admin_key, &address).await?;
        let newsroom = addresses.newsroom.as_deref();
        self.pages.article.get_or_init(|| article::write(&poll, &engagement, &address, (base_path, newsroom), height));
        self.invite(&address, newsroom, &poll, to)?;
        let mut watch = Watch::new(&replica, &poll);
        if self.readers > 0 {
            readers::vote(&replica, (&poll, &engagement), self.readers, &self.pace, &mut watch, to).await?;
        }
        tokio::select! {
            () = until => Ok(()),
            told = async {
                loop {
                    watch.tell(None, to).await?;
                    tokio::time::sleep(TELL_EVERY).await;
                }
            } => told,
        }
    }

    fn invite(&self, address: &str, newsroom: Option<&str>, poll: &DemoPoll, to: &mut impl Write) -> io::Result<()> {
        let newsroom = newsroom.map(|link| format!("Open {link} to see it as editors do, once.\n")).unwrap_or_default();
        let labels: Vec<&str> = poll.options.iter().map(|option| option.label.as_str()).collect();
        let choice = poll.options.first().map_or("", |option| option.id.as_str());
        let v1 = format!("{address}/v1");
        writeln!(
            to,
            "Open {address}/demo to see it as readers do: the poll beside an article.\n\
             {newsroom}\
             sawt {version} keeps its votes in a store that is gone afterwards ({directory}). Ctrl-C ends it.\n\
             \n  \
               {question}\n  \
               {labels}\n\
             \n\
             Try, in another terminal:\n\
             \n  \
               # the poll, and its results\n  \
               curl -s {v1}/polls/{id}\n  \
               curl -s {v1}/polls/{id}/results\n\
             \n  \
               # vote; again, as often as you like: it counts once\n  \
               NONCE=$(openssl rand -base64 16 | tr '+/' '-_' | tr -d '=')\n  \
               curl -s {v1}/polls/{id}/votes -H 'Content-Type: application/json' \\\n    \
                 -d '{{\"choices\":[\"{choice}\"],\"voter\":{{\"nonce\":\"'$NONCE'\"}}}}'\n\
             \n  \
               # what a publisher does: list the polls, close this one\n  \
               KEY={key}\n  \
               curl -s \"{v1}/polls?site=default\" -H \"Authorization: Bearer $KEY\"\n  \
               curl -s -X POST {v1}/polls/{id}/close -H \"Authorization: Bearer $KEY\"\n",
            version = env!("CARGO_PKG_VERSION"),
            directory = self.directory.path().display(),
            question = poll.question,
            labels = labels.join(" / "),
            id = poll.id,
            key = self.admin_key.expose(),
        )?;
        to.flush()
    }
}

fn store_in(directory: &Path) -> io::Result<StoreAddress> {
    let path = directory.join("sawt.db");
    let path = path.to_str().ok_or_else(|| io::Error::other("the temporary directory's name is not UTF-8"))?;
    format!("sqlite:{path}").parse().map_err(io::Error::other)
}

/// The replica under demonstration, as seen from outside.
struct Replica {
    readyz: Url,
    metrics: Option<Url>,
}

/// What the demo wants to know of a poll.
#[derive(Debug, Deserialize)]
struct DemoPoll {
    id: String,
    question: String,
    options: Vec<DemoOption>,
}

#[derive(Debug, Deserialize)]
struct DemoOption {
    id: String,
    label: String,
}

impl Replica {
    fn at(addresses: &Addresses) -> Self {
        let metrics = addresses.ops_listen.map(|address| healthcheck::url_of(address).at("/metrics"));
        Self { readyz: healthcheck::url_of(addresses.listen), metrics }
    }

    fn url(&self, path: &str) -> Url {
        self.readyz.at(path)
    }

    async fn wait_until_ready(&self) -> Result<(), DemoError> {
        for _ in 0..READY_TRIES {
            // First, so that a replica that needs a moment is not logged as one that refused.
            tokio::time::sleep(READY_EVERY).await;
            let request = Request { method: "GET", url: &self.readyz, authorization: None, json: None };
            if request.send(LIMIT).await?.status == 200 {
                return Ok(());
            }
        }
        Err(DemoError::NotReady)
    }

    /// The replica's metrics; `None` if it tells none.
    async fn metrics(&self) -> Option<String> {
        let url = self.metrics.as_ref()?;
        let answer = Request { method: "GET", url, authorization: None, json: None }.send(LIMIT).await.ok()?;
        String::from_utf8(answer.body).ok()
    }

    async fn create_poll(&self, admin_key: &Secret) -> Result<DemoPoll, DemoError> {
        let authorization = format!("Bearer {}", admin_key.expose());
        self.ask("POST", "/v1/polls", Some(&authorization), Some(SEED_POLL)).await
    }

    /// How high the poll becomes on a phone. Asked so, since without a public address the poll's own answer does not
    /// say.
    async fn height_of(&self, poll: &DemoPoll, address: &str) -> Result<u32, DemoError> {
        #[derive(Deserialize)]
        struct SentFrame {
            height: u32,
        }

        let path = format!("/oembed?maxwidth={}&url={address}/embed/{}", snippets::PHONE, poll.id);
        let SentFrame { height } = self.ask("GET", &path, None, None).await?;
        Ok(height)
    }

    /// Sends a request that should be answered 204.
    async fn send(&self, method: &str, path: &str, json: &str) -> Result<(), DemoError> {
        let url = self.url(path);
        let request = Request { method, url: &url, authorization: None, json: Some(json) };
        let Response { status, body } = request.send(LIMIT).await?;
        if status != 204 {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(DemoError::Refused { request: format!("{method} {path}"), status, body });
        }
        Ok(())
    }

    /// Sends a request that should be answered 200 or 201, and reads the JSON it is answered with.
    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        json: Option<&str>,
    ) -> Result<T, DemoError> {
        let url = self.url(path);
        let Response { status, body } = Request { method, url: &url, authorization, json }.send(LIMIT).await?;
        if !matches!(status, 200 | 201) {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(DemoError::Refused { request: format!("{method} {path}"), status, body });
        }
        Ok(serde_json::from_slice(&body).map_err(io::Error::from)?)
    }
}

#[cfg(test)]
mod tests;
