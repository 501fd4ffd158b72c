//! The service under test: one store, and the replicas that most trials share on it.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use sawt::poll::Timestamp;
use serde_json::{Value, json};

use crate::{
    backends::{Backend, Storage},
    client::{Client, remember_secret, until},
    server::{ADMIN_KEY, Replica, Settings},
};

/// The poll that started it all, as the documentation shows it.
pub(crate) const SEED_POLL: &str = include_str!("seed-poll.json");

/// Where readers are told that the service is.
pub(crate) const PUBLIC_URL: &str = "https://votes.example";

/// A store and two replicas on it; one on SQLite, as it is meant to be used. Trials make sites, polls and
/// voters of their own and leave each other's alone.
pub(crate) struct Service {
    backend: Backend,
    // Before the storage: replicas stop before the store they stand on.
    replicas: Vec<Replica>,
    storage: Arc<Storage>,
}

impl Service {
    /// Starts a store of this kind and its replicas.
    pub(crate) fn start(backend: Backend) -> Self {
        Self::start_on(backend, Storage::start(backend))
    }

    /// Starts the replicas on a store that is up.
    pub(crate) fn start_on(backend: Backend, storage: impl Into<Arc<Storage>>) -> Self {
        Self::start_many(backend, storage, if backend == Backend::Sqlite { 1 } else { 2 })
    }

    /// Starts so many replicas on a store that is up.
    pub(crate) fn start_many(backend: Backend, storage: impl Into<Arc<Storage>>, count: usize) -> Self {
        let storage = storage.into();
        let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", PUBLIC_URL);
        // Receivers of webhooks are on this host.
        let settings = settings.with("SAWT_WEBHOOK_NETWORKS", "127.0.0.0/8");
        // What costs a device a second costs a trial nothing.
        let settings = settings.with("SAWT_PROOF_OF_WORK_HASHES", "500");
        // Somebody names people. Nobody listens there.
        let settings = settings.with("SAWT_OIDC_ISSUER", "http://127.0.0.1:1").with("SAWT_OIDC_CLIENT_ID", "sawt");
        let settings = settings.with("SAWT_OIDC_ROLES", "editors=editor@default");
        let replicas = (0..count).map(|_| Replica::start(&settings)).collect();
        Self { backend, replicas, storage }
    }

    /// Starts one replica with settings of its own, on the store that they name.
    pub(crate) fn start_with(backend: Backend, storage: impl Into<Arc<Storage>>, settings: &Settings) -> Self {
        Self { backend, replicas: vec![Replica::start(settings)], storage: storage.into() }
    }

    /// What kind of store it stands on.
    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// The store.
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The replicas; at least one.
    pub(crate) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// A client of the first replica that shows nothing: a reader who has not been here before.
    pub(crate) fn client(&self) -> Client {
        self.clients().swap_remove(0)
    }

    /// A client of each replica. On SQLite two of the one there is, so that a rule about two replicas is still one
    /// about two connections there.
    pub(crate) fn clients(&self) -> Vec<Client> {
        self.replicas.iter().cycle().take(2).map(|replica| Client::new(replica.address())).collect()
    }

    /// A client of the first replica with the admin key.
    pub(crate) fn admin(&self) -> Client {
        self.client().with_key(ADMIN_KEY)
    }

    /// A site nobody else uses, open to every origin.
    pub(crate) async fn site(&self) -> String {
        self.site_for(&[]).await
    }

    /// A site nobody else uses, open to these origins.
    pub(crate) async fn site_for(&self, origins: &[&str]) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let site = format!("site-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.admin().put(&format!("/v1/sites/{site}")).json(&json!({ "origins": origins })).send().await.is(201);
        site
    }

    /// A key of a site with these scopes: its id and its text.
    pub(crate) async fn key(&self, site: &str, scopes: &[&str]) -> (String, String) {
        let asked = json!({ "site": site, "scopes": scopes, "name": "a trial's" });
        let made = self.admin().post("/v1/keys").json(&asked).send().await.is(201);
        remember_secret(&text(&made["key"]));
        (text(&made["id"]), text(&made["key"]))
    }

    /// Announces an article of a site, `1`, for which there is a template, `stars`: the path of its poll.
    pub(crate) async fn article_poll(&self, site: &str) -> String {
        let template = json!({ "poll": { "kind": "rating", "question": "؟" } });
        let put = async |what: &str, body: &Value| {
            let put = self.admin().put(&format!("/v1/sites/{site}/{what}")).json(body).send().await;
            assert!(matches!(put.status, 200 | 201), "{put}");
        };
        put("templates/stars", &template).await;
        put("articles/1", &announcement("https://news.example/1")).await;
        format!("/v1/sites/{site}/articles/1/stars")
    }

    /// A place of a site, `side`, in which nothing stands: its path.
    pub(crate) async fn place(&self, site: &str) -> String {
        let path = format!("/v1/sites/{site}/places/side");
        let put = self.admin().put(&path).json(&json!({})).send().await;
        assert!(matches!(put.status, 200 | 201), "{put}");
        path
    }

    /// A webhook of a site, at an address where nobody is, and an event that it is sent: their ids.
    pub(crate) async fn delivery(&self, site: &str) -> (String, String) {
        let hooks = format!("/v1/sites/{site}/webhooks");
        let asked = json!({ "url": "http://127.0.0.1:1/", "types": ["poll.created"] });
        let hook = self.admin().post(&hooks).json(&asked).send().await.is(201);
        remember_secret(&text(&hook["secret"]));
        self.poll(json!({ "site": site })).await;
        let id = text(&hook["id"]);
        let deliveries = format!("{hooks}/{id}/deliveries");
        let event = until(async || {
            let listed = self.admin().get(&deliveries).send().await.is(200);
            listed["items"][0]["event"].as_str().map(str::to_owned)
        });
        (id, event.await)
    }

    /// The seed poll, with these members set, made on the default site: its id.
    pub(crate) async fn poll(&self, with: Value) -> String {
        text(&self.admin().post("/v1/polls").json(&seed_poll(with)).send().await.is(201)["id"])
    }

    /// The seed poll with members that depend on the store's clock, made again if the machine was so slow that they
    /// were of the past: what was made.
    pub(crate) async fn timed_poll(&self, with: impl Fn(i64) -> Value) -> Value {
        until(async || {
            let asked = seed_poll(with(self.now_millis().await));
            let made = self.admin().post("/v1/polls").json(&asked).send().await;
            (made.status != 422).then(|| made.is(201))
        })
        .await
    }

    /// The store's clock, in milliseconds since 1970: the moment a poll made just now was created at.
    pub(crate) async fn now_millis(&self) -> i64 {
        let made = self.admin().post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        time(&made["created_at"]).as_millis()
    }
}

/// The seed poll with these members set, ready to send.
pub(crate) fn seed_poll(with: Value) -> Value {
    let mut poll: Value = serde_json::from_str(SEED_POLL).expect("the seed poll is JSON");
    let Value::Object(with) = with else { panic!("{with} is not an object") };
    poll.as_object_mut().expect("the seed poll is an object").extend(with);
    poll
}

/// A moment so many milliseconds after 1970, as JSON has it.
pub(crate) fn moment(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}

/// A moment in JSON.
pub(crate) fn time(value: &Value) -> Timestamp {
    text(value).parse().expect("a time")
}

/// A JSON string's text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// The stores and services that the trials share, each started when the first trial asks for it.
#[derive(Default)]
pub(crate) struct Services {
    services: [OnceLock<Service>; Backend::ALL.len()],
    storages: [OnceLock<Arc<Storage>>; Backend::ALL.len()],
}

impl Services {
    /// The service on this kind of store.
    pub(crate) fn on(&self, backend: Backend) -> &Service {
        let place = &self.services[place(backend)];
        place.get_or_init(|| Service::start_on(backend, self.storage(backend).clone()))
    }

    /// The store of this kind.
    pub(crate) fn storage(&self, backend: Backend) -> &Arc<Storage> {
        self.storages[place(backend)].get_or_init(|| Storage::start(backend).into())
    }

    /// The services that some trial has asked for.
    pub(crate) fn started(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter_map(OnceLock::get)
    }
}

fn place(backend: Backend) -> usize {
    Backend::ALL.iter().position(|other| *other == backend).expect("ALL is all")
}

/// What a publisher says of an article that is read at an address.
pub(crate) fn announcement(url: &str) -> Value {
    json!({ "title": "خبر", "url": url, "published_at": "2026-11-29T06:00:00Z" })
}
