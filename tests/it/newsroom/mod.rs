//! The newsroom's pages, as an editor's browser asks for them.

mod access;
mod desk;
mod integrity;
mod keys;
mod lists;
mod log;
mod make;
mod many;
mod people;
mod places;
mod poll_page;
mod settings;
mod sign_in;
mod sites;
mod templates;
mod tenants;
mod webhooks;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

use crate::{
    client::{Answer, Client, remember_secret},
    registry::Rule,
    server::ADMIN_KEY,
    service::{PUBLIC_URL, Service},
};

pub(crate) fn rules() -> Vec<Rule> {
    let pages = [
        access::rules(),
        sign_in::rules(),
        make::rules(),
        places::rules(),
        poll_page::rules(),
        lists::rules(),
        many::rules(),
    ];
    let records = [log::rules(), webhooks::rules(), people::rules(), templates::rules(), integrity::rules()];
    let of_site = [tenants::rules(), keys::rules(), settings::rules(), sites::rules()];
    pages.into_iter().chain(records).chain(of_site).flatten().collect()
}

/// An editor's browser: it keeps what it is given, and sends it along.
#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    session: Arc<Mutex<Option<String>>>,
    language: &'static str,
}

impl Browser {
    /// One that nobody has signed in with.
    pub(crate) fn new(client: Client) -> Self {
        Self { client, session: Arc::default(), language: "en" }
    }

    /// One that is signed in with a key.
    pub(crate) async fn signed_in(client: Client, key: &str) -> Self {
        static BROWSERS: AtomicU16 = AtomicU16::new(0);
        // At an address of its own: others try wrong keys, and an address has ten a minute.
        let [high, low] = BROWSERS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let browser = Self::new(client.at(IpAddr::V4(Ipv4Addr::new(127, 90, high, low.max(1)))));
        let answer = browser.post("/newsroom/sign-in", &[("key", key)]).await;
        assert_eq!(answer.status, 303, "{answer}");
        browser
    }

    /// One of an editor of this site who may do everything there.
    pub(crate) async fn of_site(service: &Service, site: &str) -> Self {
        let (_, key) = service.key(site, &["polls:read", "polls:write", "results:read", "keys:write"]).await;
        Self::signed_in(service.client(), &key).await
    }

    /// One of whoever holds a new key of a site with these scopes, reading Arabic.
    pub(crate) async fn with_scopes(service: &Service, site: &str, scopes: &[&str]) -> Self {
        let (_, key) = service.key(site, scopes).await;
        Self::signed_in(service.client(), &key).await.reading("ar")
    }

    /// One of the operator, reading Arabic.
    pub(crate) async fn of_operator(service: &Service) -> Self {
        Self::signed_in(service.client(), ADMIN_KEY).await.reading("ar")
    }

    /// The same browser, preferring this language.
    pub(crate) fn reading(&self, language: &'static str) -> Self {
        Self { language, ..self.clone() }
    }

    /// The same browser, asking another replica.
    pub(crate) fn by(&self, client: Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.client.request(Method::GET, path)).await
    }

    /// Sends a form from a page of the newsroom, without its token.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.client.request(Method::POST, path).body(FORM, written(fields));
        self.send(request.header("origin", PUBLIC_URL).header("sec-fetch-site", "same-origin")).await
    }

    /// Sends a form that some page made up, with such a token or none.
    pub(crate) async fn post_from(&self, fetch_site: &str, path: &str, token: Option<&str>) -> Answer {
        let fields: Vec<_> = token.map(|token| ("form_token", token)).into_iter().collect();
        let request = self.client.request(Method::POST, path).body(FORM, written(&fields));
        self.send(request.header("sec-fetch-site", fetch_site)).await
    }

    /// Sends a form with the token of this session's pages.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.form_token().await;
        let fields: Vec<_> = fields.iter().copied().chain([("form_token", &*token)]).collect();
        self.post(path, &fields).await
    }

    /// The token that the pages of this session have in their forms.
    pub(crate) async fn form_token(&self) -> String {
        let there = location(&self.get("/newsroom").await);
        let page = self.get(&there).await.page(200);
        hidden(&page, "form_token")
    }

    /// What the browser holds of its session.
    pub(crate) fn session(&self) -> Option<String> {
        self.session.lock().clone()
    }

    async fn send(&self, request: crate::client::Request) -> Answer {
        let mut request = request.undocumented().header("accept", "text/html").header("accept-language", self.language);
        if let Some(session) = self.session() {
            request = request.header("cookie", &session);
        }
        let answer = request.send().await;
        if let Some(set) = answer.header("set-cookie").filter(|set| set.starts_with(COOKIE)) {
            let pair = set.split(';').next().unwrap_or_default().to_owned();
            if let Some((_, held)) = pair.split_once('=').filter(|(_, held)| !held.is_empty()) {
                remember_secret(held);
            }
            *self.session.lock() = Some(pair).filter(|pair| !pair.ends_with('='));
        }
        answer
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
/// What a session's cookie is called where the public address has TLS.
const COOKIE: &str = "__Host-sawt_session";

fn written(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

/// Where a redirect leads.
pub(crate) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer}");
    answer.header("location").expect("a redirect leads somewhere")
}

/// The value of a page's hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.split_once(&start).unwrap_or_else(|| panic!("no field {name} in {page}")).1;
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// A page's text as its reader sees it.
pub(crate) fn unescaped(text: &str) -> String {
    let quotes = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#47;", "/");
    quotes.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}
