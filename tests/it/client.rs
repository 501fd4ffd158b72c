//! A client that believes nothing: every answer it gets is checked against the contract before a trial sees it.

use std::{collections::BTreeSet, io::Read as _, net::SocketAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::{
    contract::{self, Exchange},
    events::Events,
};

/// The address every request says it was forwarded for. No server here trusts its peer to say so, and no log may
/// repeat it.
pub(crate) const FORWARDED_FOR: &str = "203.0.113.77";

/// What the addresses begin with that some trials forge, beyond that.
pub(crate) const FORGED_ADDRESSES: &str = "198.51.100.";

static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Everything sent or received in this run that no log may hold: keys and tokens.
pub(crate) fn secrets() -> BTreeSet<String> {
    SECRETS.lock().clone()
}

/// Adds to [`secrets`].
pub(crate) fn remember_secret(secret: &str) {
    SECRETS.lock().insert(secret.to_owned());
}

/// Somebody who talks to one replica.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    /// What every path it asks for begins with, beyond what the contract knows.
    base_path: &'static str,
    authorization: Option<String>,
    /// How long it waits for an answer.
    answer_timeout: Duration,
}

/// Longer than any answer takes on the slowest machine; shorter than an answer that never comes.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// Longer than the second within which an absent store is said to be absent.
const SHORT_ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What makes clients. To read the system's certificates for each would take most of a run's time.
fn plain_http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).tls_certs_only([])
}

impl Client {
    /// A client of the replica at this address. Must be called on the runtime it is used on.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = plain_http().build().expect("a plain HTTP client can be built");
        Self { http, address, base_path: "", authorization: None, answer_timeout: ANSWER_TIMEOUT }
    }

    /// The same client at an address of its own, one of this host's: what a proxy sees of it.
    pub(crate) fn at(&self, source: std::net::IpAddr) -> Self {
        let http = plain_http().local_address(source).build().expect("a plain HTTP client can be built");
        Self { http, ..self.clone() }
    }

    /// The same client, asking for every path below this one.
    pub(crate) fn under(&self, base_path: &'static str) -> Self {
        Self { base_path, ..self.clone() }
    }

    /// The same client, waiting 15 seconds at most.
    pub(crate) fn with_short_timeout(&self) -> Self {
        Self { answer_timeout: SHORT_ANSWER_TIMEOUT, ..self.clone() }
    }

    /// The same client, showing an API key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        remember_secret(key);
        Self { authorization: Some(format!("Bearer {key}")), ..self.clone() }
    }

    /// The same client, showing a voter token.
    pub(crate) fn with_voter(&self, token: &str) -> Self {
        remember_secret(token);
        Self { authorization: Some(format!("Voter {token}")), ..self.clone() }
    }

    /// The same client as a new voter.
    pub(crate) async fn new_voter(&self) -> Self {
        self.with_voter(&self.mint().await)
    }

    /// A new voter's token.
    pub(crate) async fn mint(&self) -> String {
        let minted = self.post("/v1/voters").send().await.is(201);
        let token = minted["voter"].as_str().expect("a voter has a token").to_owned();
        remember_secret(&token);
        token
    }

    /// The voter token it shows.
    pub(crate) fn token(&self) -> &str {
        self.authorization.as_deref().and_then(|shown| shown.strip_prefix("Voter ")).expect("this client is a voter")
    }

    /// Votes in a poll.
    pub(crate) async fn vote(&self, poll: &str, choices: &[&str]) -> Answer {
        let vote = serde_json::json!({ "choices": choices });
        self.post(&format!("/v1/polls/{poll}/votes")).json(&vote).send().await
    }

    /// Votes in a poll as a reader who has no token yet, by a nonce.
    pub(crate) async fn first_vote(&self, poll: &str, choices: &[&str], nonce: &str) -> Answer {
        let vote = serde_json::json!({ "choices": choices, "voter": { "nonce": nonce } });
        let answer = self.post(&format!("/v1/polls/{poll}/votes")).json(&vote).send().await;
        if let Some(token) = answer.token() {
            remember_secret(&token);
        }
        answer
    }

    /// A poll's tally.
    pub(crate) async fn results(&self, poll: &str) -> Value {
        self.get(&format!("/v1/polls/{poll}/results")).send().await.is(200)
    }

    /// A poll's tally, as soon as this replica has come to a version: others may have counted up to it.
    pub(crate) async fn results_from(&self, poll: &str, version: u64) -> Value {
        until(async || Some(self.results(poll).await).filter(|tally| tally["version"].as_u64() >= Some(version))).await
    }

    /// A stream of one poll, open.
    pub(crate) async fn live(&self, poll: &str) -> Events {
        self.get(&format!("/v1/polls/{poll}/live")).open().await
    }

    /// A request of this method.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        let forwarded = HeaderValue::from_static(FORWARDED_FOR);
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), forwarded)]);
        let request =
            Request { client: self.clone(), method, path: path.to_owned(), headers, body: None, is_documented: true };
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// A GET request.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// A POST request.
    pub(crate) fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// A PUT request.
    pub(crate) fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    /// A PATCH request.
    pub(crate) fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }

    /// A DELETE request.
    pub(crate) fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }
}

/// A new nonce.
pub(crate) fn nonce() -> String {
    let nonce = URL_SAFE_NO_PAD.encode(sawt::secret::random_bytes::<16>());
    remember_secret(&nonce);
    nonce
}

/// A request being put together.
pub(crate) struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    is_documented: bool,
}

impl Request {
    /// Sets a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header's name");
        self.headers.insert(name, value.parse().expect("a header's value"));
        self
    }

    /// Sets a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets a body of any type.
    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// Says that the contract knows no such operation, so that only what holds for every answer is checked.
    pub(crate) fn undocumented(mut self) -> Self {
        self.is_documented = false;
        self
    }

    /// Sends it, and checks the answer against the contract.
    pub(crate) async fn send(self) -> Answer {
        match self.try_send().await {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error:?}"),
        }
    }

    /// Sends it, and reads the answer as a stream, whose head is checked against the contract.
    pub(crate) async fn open(self) -> Events {
        let url = format!("http://{}{}{}", self.client.address, self.client.base_path, self.path);
        let mut request = self.client.http.request(self.method.clone(), url).headers(self.headers);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
        let mut head = Answer {
            asked: format!("{} {}", self.method, self.path),
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: Vec::new(),
        };
        if head.status != 200 {
            while let Some(chunk) = response.chunk().await.expect("a refusal is whole") {
                head.body.extend_from_slice(&chunk);
            }
        }
        let (method, path, is_documented) = (self.method.as_str(), &*self.path, self.is_documented);
        let exchange = Exchange { method, path, sent: self.body.as_deref(), is_documented, answer: &head };
        if let Err(fault) = contract::check(&exchange) {
            panic!("{fault}\n{head}");
        }
        Events::of(response, head)
    }

    /// Sends it; an error if no answer came.
    pub(crate) async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let url = format!("http://{}{}{}", self.client.address, self.client.base_path, self.path);
        let request = self.client.http.request(self.method.clone(), url).headers(self.headers);
        let mut request = request.timeout(self.client.answer_timeout);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let response = request.send().await?;
        let answer = Answer {
            asked: format!("{} {}", self.method, self.path),
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?.to_vec(),
        };
        let exchange = Exchange {
            method: self.method.as_str(),
            path: &self.path,
            sent: self.body.as_deref(),
            is_documented: self.is_documented,
            answer: &answer,
        };
        if let Err(fault) = contract::check(&exchange) {
            panic!("{fault}\n{answer}");
        }
        Ok(answer)
    }
}

/// An answer that keeps the contract.
#[derive(Debug)]
pub(crate) struct Answer {
    asked: String,
    /// The status.
    pub(crate) status: u16,
    headers: HeaderMap,
    /// The body as it came.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The voter token that it gives.
    pub(crate) fn token(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body["voter"].as_str()?.to_owned())
    }

    /// A header's value, `None` if there is none; several lines are joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect();
        if lines.is_empty() { None } else { Some(lines.join(", ")) }
    }

    /// Every header, without the values of those that differ from answer to answer, and without what becomes of the
    /// connection, which depends on whether the body was there when the answer was.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let names: BTreeSet<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        let varying = ["date", "x-request-id", "ratelimit"];
        let headers = names.into_iter().filter(|name| *name != "connection").map(|name| match name {
            varied if varying.contains(&varied) => (name.to_owned(), String::new()),
            _ => (name.to_owned(), self.header(name).unwrap_or_default()),
        });
        headers.collect()
    }

    /// What the body says, whether it came compressed or not.
    pub(crate) fn content(&self) -> Vec<u8> {
        let mut content = Vec::new();
        let read = match self.header("content-encoding").as_deref() {
            None => return self.body.clone(),
            Some("br") => brotli::Decompressor::new(&self.body[..], 4096).read_to_end(&mut content),
            Some("gzip") => flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut content),
            Some(coding) => panic!("a body in {coding}"),
        };
        read.expect("the body is what it says it is");
        content
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.content()).unwrap_or(Value::Null)
    }

    /// The body, if this is the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        self.json()
    }

    /// The problem, if this is the status and the code of it.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{self}");
        problem
    }

    /// The page, if this is the status.
    #[track_caller]
    pub(crate) fn page(self, status: u16) -> String {
        let is_page = self.header("content-type").as_deref() == Some("text/html; charset=utf-8");
        assert!(is_page && self.status == status, "{self}");
        String::from_utf8(self.body).expect("a page is UTF-8")
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}\n{:?}\n{}", self.asked, self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

/// Asks again until there is an answer; for what comes about by itself and is announced nowhere.
pub(crate) async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        // Between two questions, whatever is asked about gets the processor. A trial that waits in vain is ended by
        // the registry.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
