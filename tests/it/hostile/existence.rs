//! What is there and what is not, to whoever may not know which: a draft is answered as an id that nobody has, another
//! site and its keys as those that were never made.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    backends::{Backend, Program, Storage},
    client::{Answer, Client},
    registry::Rule,
    server::Settings,
    service::{PUBLIC_URL, Service, text},
};

/// An id that nobody has.
const NOBODYS: &str = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";

/// A method, a path, and a body with its type.
type Asked = (Method, String, Option<(&'static str, Value)>);

/// Everything that can be asked of one poll by its id.
fn requests(id: &str) -> Vec<Asked> {
    let poll = format!("/v1/polls/{id}");
    let get = |path: String| (Method::GET, path, None);
    let json = |method: Method, path: String, body: Value| (method, path, Some(("application/json", body)));
    let form = ("application/x-www-form-urlencoded", json!("voter=x&choices=yes"));
    vec![
        get(poll.clone()),
        get(format!("{poll}/results")),
        get(format!("{poll}/results.csv")),
        get(format!("{poll}/results/runoff")),
        get(format!("{poll}/timeline")),
        get(format!("{poll}/timeline.csv?separator=tab")),
        get(format!("{poll}/live")),
        get(format!("{poll}/votes/me")),
        get(format!("/v1/results?polls={id}")),
        get(format!("/v1/live?polls={id}")),
        get(format!("/oembed?url={PUBLIC_URL}/embed/{id}")),
        get(format!("/embed/{id}")),
        get(format!("/embed/{id}/form")),
        get(format!("/polls/{id}/card.png")),
        get(format!("/embed/{id}/snapshots/1-7")),
        get(format!("/v1/polls/{id}/snapshots/1-7/card.png")),
        (Method::OPTIONS, format!("{poll}/votes"), None),
        (Method::POST, format!("/embed/{id}/form"), Some(form)),
        (Method::DELETE, format!("{poll}/votes/me"), None),
        json(Method::POST, format!("{poll}/votes"), json!({ "choices": ["yes"] })),
        json(Method::POST, format!("{poll}/votes"), json!({ "choices": ["nothing"] })),
        json(Method::PATCH, poll.clone(), json!({ "revision": 1, "question": "؟" })),
        json(Method::PATCH, poll.clone(), json!({ "question": "" })),
        json(Method::POST, format!("{poll}/open"), json!({})),
        json(Method::POST, format!("{poll}/publish"), json!({})),
        json(Method::POST, format!("{poll}/close"), json!({ "x": 1 })),
        (Method::DELETE, poll, None),
    ]
}

/// Everybody who may not know of a draft.
async fn strangers(service: &Service) -> Vec<Client> {
    let other = service.site().await;
    let scopes = ["polls:read", "polls:write", "results:read", "keys:write", "sites:write"];
    let (id, all) = service.key(&other, &scopes).await;
    let (_, none) = service.key(&other, &["keys:write"]).await;
    let revoked = service.key(&other, &scopes).await;
    service.admin().delete(&format!("/v1/keys/{}", revoked.0)).send().await.is(204);
    let client = service.client();
    let forged = all.replace(&id, &id.chars().rev().collect::<String>());
    let keys = ["x", &all, &none, &revoked.1, &forged].map(|key| client.with_key(key));
    let voters = [client.new_voter().await, client.with_voter("x"), client.clone()];
    keys.into_iter().chain(voters).collect()
}

async fn ask(client: &Client, (method, path, body): &Asked) -> Answer {
    let request = client.request(method.clone(), path).undocumented().header("origin", "https://evil.example");
    let request = if *method == Method::OPTIONS {
        request.header("access-control-request-method", "POST")
    } else {
        request.header("sec-fetch-site", "same-origin")
    };
    let Some((media_type, body)) = body else { return request.send().await };
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    request.body(media_type, body).send().await
}

/// All that an answer tells, but for the names of what was asked for.
fn told(answer: &Answer, name: &str) -> (u16, Vec<(String, String)>, String) {
    let mut body = String::from_utf8_lossy(&answer.body).replace(name, "NAME");
    if let Some(id) = answer.header("x-request-id") {
        body = body.replace(&id, "REQUEST");
    }
    (answer.status, answer.headers(), body)
}

async fn a_draft_is_answered_as_an_id_that_nobody_has(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let draft =
        service.poll(json!({ "site": site, "state": "draft", "language": "fr", "results": "after_vote" })).await;
    // Also while somebody who may looks at it.
    let (_, own) = service.key(&site, &["results:read"]).await;
    let own = service.client().with_key(&own);
    let _watching = own.live(&draft).await;
    own.results(&draft).await;
    for client in strangers(service).await {
        for (of_draft, of_nobody) in requests(&draft).iter().zip(&requests(NOBODYS)) {
            for _ in 0..2 {
                let (there, nowhere) = (ask(&client, of_draft).await, ask(&client, of_nobody).await);
                assert_eq!(told(&there, &draft), told(&nowhere, NOBODYS), "{there}");
                assert!(there.status >= 400 || !there.to_string().contains("draft"), "{there}");
            }
        }
    }
    own.results(&draft).await;
    service.admin().get(&format!("/v1/polls/{draft}")).send().await.is(200);
}

async fn another_site_and_its_keys_are_answered_as_those_that_were_never_made(service: &Service) {
    let (mine, theirs) = (service.site().await, service.site().await);
    let (_, key) =
        service.key(&mine, &["polls:read", "polls:write", "results:read", "keys:write", "sites:write"]).await;
    let (their_key, _) = service.key(&theirs, &["polls:read"]).await;
    let nobodys_key: String = their_key.chars().rev().collect();
    let get = |path: String| (Method::GET, path, None);
    let json = |path: &str, body: Value| (Method::POST, path.to_owned(), Some(("application/json", body)));
    let announcement =
        json!({ "title": "خبر", "url": "https://news.example/1", "published_at": "2026-11-29T06:00:00Z" });
    let announced = service.admin().put(&format!("/v1/sites/{theirs}/articles/1")).json(&announcement).send().await;
    announced.is(201);
    service.place(&theirs).await;
    let requests = |site: &str, key: &str| {
        [
            get(format!("/v1/sites/{site}")),
            (Method::DELETE, format!("/v1/sites/{site}"), None),
            (Method::PUT, format!("/v1/sites/{site}"), Some(("application/json", json!({})))),
            get(format!("/v1/sites/{site}/announced")),
            get(format!("/v1/sites/{site}/articles/1")),
            (Method::DELETE, format!("/v1/sites/{site}/articles/1"), None),
            (Method::PUT, format!("/v1/sites/{site}/articles/1"), Some(("application/json", announcement.clone()))),
            get(format!("/v1/sites/{site}/waiting")),
            get(format!("/v1/sites/{site}/places")),
            get(format!("/v1/sites/{site}/places/side")),
            (Method::DELETE, format!("/v1/sites/{site}/places/side"), None),
            (Method::PUT, format!("/v1/sites/{site}/places/side"), Some(("application/json", json!({})))),
            get(format!("/v1/polls?site={site}")),
            get(format!("/v1/keys?site={site}")),
            (Method::DELETE, format!("/v1/keys/{key}"), None),
            json("/v1/keys", json!({ "site": site, "scopes": ["polls:read"] })),
            json("/v1/polls", crate::service::seed_poll(json!({ "site": site }))),
        ]
    };
    for client in [service.client().with_key(&key), service.client().with_key("x"), service.client()] {
        for (of_theirs, of_nobody) in requests(&theirs, &their_key).iter().zip(&requests("nobodys", &nobodys_key)) {
            let (there, nowhere) = (ask(&client, of_theirs).await, ask(&client, of_nobody).await);
            assert!(there.status >= 400, "{there}");
            assert_eq!(told(&there, &theirs), told(&nowhere, "nobodys"), "{there}");
        }
    }
}

/// Time tells, too: as much is read for either.
async fn no_more_is_read_of_a_draft_than_of_an_id_that_nobody_has() {
    let storage = Storage::single(Program::Redis, &[]);
    let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", PUBLIC_URL);
    let settings = settings.with("SAWT_QUOTA_ADMIN", "5000/60s").with("SAWT_QUOTA_READ", "5000/60s");
    let service = Service::start_with(Backend::Redis, storage, &settings);
    let site = service.site().await;
    let draft = service.poll(json!({ "site": site, "state": "draft" })).await;
    let strangers = strangers(&service).await;
    let monitor = Monitor::of(service.storage().server().port());
    for (of_draft, of_nobody) in requests(&draft).iter().zip(&requests(NOBODYS)) {
        for client in &strangers {
            // A replica also reads its sites at moments of its own. One such read may fall between two; a leak is there
            // each time.
            for attempts_left in (0..3).rev() {
                let there = ask(client, of_draft).await;
                let reads_there = monitor.lines_with(&service, &[&draft, &site]);
                let nowhere = ask(client, of_nobody).await;
                let reads_nowhere = monitor.lines_with(&service, &[NOBODYS, &site]);
                assert_eq!(told(&there, &draft), told(&nowhere, NOBODYS), "{there}");
                if reads_there.len() == reads_nowhere.len() {
                    break;
                }
                assert!(attempts_left > 0, "{there}\n{reads_there:#?}\n{reads_nowhere:#?}");
            }
        }
    }
    assert_eq!(text(&service.admin().get(&format!("/v1/polls/{draft}")).send().await.is(200)["state"]), "draft");
}

/// Every command a Redis carries out, as it says them itself.
struct Monitor(std::cell::RefCell<BufReader<TcpStream>>);

impl Monitor {
    fn of(port: u16) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.write_all(b"MONITOR\r\n").expect("it is sent");
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).expect("an answer");
        assert_eq!(line, "+OK\r\n");
        Self(lines.into())
    }

    /// The commands since it was last asked in which one of these words stands.
    fn lines_with(&self, service: &Service, words: &[&str]) -> Vec<String> {
        const MARK: &str = "the end of what is looked at";
        service.storage().server().ask(&["ECHO", MARK]);
        let mut seen = Vec::new();
        for line in (&mut *self.0.borrow_mut()).lines().map(|line| line.expect("a line")) {
            if line.contains(MARK) {
                break;
            }
            // Which polls a replica hears of follows what it reads, at moments of its own; and so does the carrying of
            // events from where they wait to their site's log.
            let is_reading = !line.to_ascii_lowercase().contains("subscribe") && !line.contains(":outbox");
            if is_reading && words.iter().any(|word| line.contains(word)) {
                seen.push(line);
            }
        }
        seen
    }
}

pub(crate) fn rules() -> Vec<Rule> {
    on_every_store::rules().into_iter().chain(alone::rules()).collect()
}

mod on_every_store {
    use super::{
        a_draft_is_answered_as_an_id_that_nobody_has,
        another_site_and_its_keys_are_answered_as_those_that_were_never_made,
    };

    crate::registry::service_rules![
        a_draft_is_answered_as_an_id_that_nobody_has,
        another_site_and_its_keys_are_answered_as_those_that_were_never_made,
    ];
}

mod alone {
    use super::no_more_is_read_of_a_draft_than_of_an_id_that_nobody_has;

    crate::registry::lone_rules![no_more_is_read_of_a_draft_than_of_an_id_that_nobody_has];
}
