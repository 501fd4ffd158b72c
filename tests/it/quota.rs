//! Quotas, on replicas that have some. These trials start their own: all others come from one address, and too fast.

pub(crate) mod together;

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::{
    backends::{Program, Storage},
    client::{Answer, Client, nonce, remember_secret},
    contract,
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
};

/// The same again, with the quotas that hold by default.
fn with_default_quotas(settings: Settings) -> Settings {
    ["VOTE", "BALLOT", "MINT", "CLIENT", "READ", "ADMIN"]
        .iter()
        .fold(settings, |settings, name| settings.without(&format!("SAWT_QUOTA_{name}")))
}

pub(super) async fn poll_on(replica: &Replica) -> String {
    let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
    text(&admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201)["id"])
}

/// A line of the metrics: what it counts, 0 if it is not there.
pub(super) fn counted(replica: &Replica, series: &str) -> u64 {
    let told = replica.told_to_operators("/metrics");
    let line = told.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0, |number| number.parse().expect("a counter is a whole number"))
}

pub(super) const CALLS: &str = "sawt_store_call_duration_seconds_count{operation=\"take_quota\"}";
pub(super) const FAILED_CALLS: &str = "sawt_store_failures_total{operation=\"take_quota\"}";

async fn every_limited_operation_is_refused_beyond_its_quota_before_it_is_looked_at() {
    let storage = Storage::file();
    let settings =
        Settings::on(storage.address()).with("SAWT_QUOTA_READ", "1/86400s").with("SAWT_QUOTA_CLIENT", "1/86400s");
    let replica = Replica::start(&settings);
    let client = Client::new(replica.address());
    client.get("/v1/results?polls=x").send().await.refused(400, "invalid-request");
    client.post("/v1/voters").send().await.is(201);
    for operation in contract::operations() {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        if path == "/embed/assets/{file}" {
            continue;
        }
        if matches!(
            path,
            "/livez"
                | "/readyz"
                | "/openapi.yaml"
                | "/openapi.json"
                | "/embed.js"
                | "/embed/view.js"
                | "/embed/most-read.js"
                | "/embed/article.js"
                | "/embed/manifest.json"
        ) {
            for _ in 0..3 {
                client.get(path).send().await.is(200);
            }
            continue;
        }
        let path = path
            .replace("{poll}", "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21")
            .replace("{site}", "default")
            .replace("{template}", "stars")
            .replace("{article}", "a-1")
            .replace("{key}", "3f9a1c20b7de");
        let method: Method = method.parse().expect("a method");
        let named = ["/votes/mine", "/challenge", "/v1/results", "/v1/live"];
        let only_reads = method == Method::GET || named.iter().any(|end| path.ends_with(end));
        let quota = if only_reads { "read" } else { "client" };
        // Broken, and without a token or key: none of it matters.
        let request = client.request(method.clone(), &path);
        let request = if method == Method::GET { request } else { request.body("text/plain", "no JSON") };
        let answer = request.send().await;
        let told: u64 = answer.header("retry-after").expect("it says how long").parse().expect("in seconds");
        assert!((86_000..=86_400).contains(&told), "{answer}");
        assert_eq!(answer.header("ratelimit-policy"), Some(format!("\"{quota}\";q=1;w=86400")), "{answer}");
        assert_eq!(answer.header("ratelimit"), Some(format!("\"{quota}\";r=0;t={told}")), "{answer}");
        if path.starts_with("/embed/") {
            let page = answer.page(429);
            // What was asked for by GET asks again by itself, when it may.
            assert_eq!(page.contains(&format!("content=\"{told}\"")), method == Method::GET, "{page}");
            assert!(page.contains(&format!("in 86,{:03} seconds", told - 86_000)), "{page}");
            continue;
        }
        let problem = answer.refused(429, "quota-exceeded");
        assert_eq!(problem["violated-policies"], json!([quota]));
    }
    assert!(counted(&replica, "sawt_quota_requests_total{quota=\"client\",outcome=\"refused\"}") > 0);
    assert_eq!(counted(&replica, "sawt_quota_requests_total{quota=\"client\",outcome=\"allowed\"}"), 1);
}

/// What is not there was free, and so was asking for it.
async fn what_is_not_there_counts_as_a_read_by_whatever_way_it_is_asked_for() {
    for (method, path, status, code) in [
        ("GET", "/wp-login.php", 404, "not-found"),
        ("POST", "/wp-login.php", 404, "not-found"),
        ("BREW", "/wp-login.php", 404, "not-found"),
        ("GET", "/v1/polls/a/b/c", 404, "not-found"),
        ("BREW", "/v1/voters", 405, "method-not-allowed"),
        ("OPTIONS", "/v1/voters", 405, "method-not-allowed"),
        ("POST", "/livez", 405, "method-not-allowed"),
        ("POST", "/embed.js", 405, "method-not-allowed"),
        ("GET", "/embed/assets/none.js", 404, "not-found"),
    ] {
        let storage = Storage::file();
        let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_QUOTA_READ", "2/86400s"));
        let client = Client::new(replica.address());
        let ask = || client.request(method.parse().expect("a method"), path).undocumented().send();
        for _ in 0..2 {
            ask().await.refused(status, code);
        }
        let refused = ask().await;
        assert_eq!(refused.header("ratelimit-policy").as_deref(), Some("\"read\";q=2;w=86400"), "{method} {path}");
        refused.refused(429, "quota-exceeded");
        // What is there, and has no quota, is there still.
        client.get("/embed.js").send().await.is(200);
    }
}

async fn a_voter_and_a_key_have_quotas_of_their_own_and_are_told_how_they_stand() {
    let storage = Storage::file();
    let replica =
        Replica::start(&with_default_quotas(Settings::on(storage.address())).with("SAWT_QUOTA_ADMIN", "3/86400s"));
    let poll = poll_on(&replica).await;
    let client = Client::new(replica.address());
    let (voter, other) = (client.new_voter().await, client.new_voter().await);
    let first = voter.vote(&poll, &["yes"]).await;
    assert_eq!(
        first.header("ratelimit-policy").as_deref(),
        Some("\"client\";q=600;w=60, \"vote\";q=10;w=60, \"ballot\";q=2000;w=3600"),
        "{first}"
    );
    let state = first.header("ratelimit").expect("a vote is told how it stands");
    assert!(
        state.starts_with("\"client\";r=59") && state.ends_with(", \"vote\";r=9;t=6, \"ballot\";r=1999;t=2"),
        "{state}"
    );
    first.is(201);
    let refused = loop {
        let answer = voter.vote(&poll, &["yes"]).await;
        if answer.status != 200 {
            break answer;
        }
    };
    let told = refused.header("retry-after");
    assert!(matches!(told.as_deref(), Some("1" | "2" | "3" | "4" | "5" | "6")), "{refused}");
    refused.refused(429, "quota-exceeded");
    voter.delete(&format!("/v1/polls/{poll}/votes/me")).send().await.refused(429, "quota-exceeded");
    other.vote(&poll, &["yes"]).await.is(201);
    // What is the same for all may be kept by shared caches, so it says nothing of whoever asked.
    let results = client.get(&format!("/v1/polls/{poll}/results")).send().await;
    let told = (results.header("ratelimit-policy"), results.header("ratelimit"));
    assert_eq!(told, (Some("\"read\";q=3000;w=60".to_owned()), None), "{results}");

    let admin = client.with_key(ADMIN_KEY);
    for left in [1, 0] {
        let answer = admin.get("/v1/polls").send().await;
        assert!(
            answer.header("ratelimit").is_some_and(|told| told.contains(&format!("\"admin\";r={left};"))),
            "{answer}"
        );
        answer.is(200);
    }
    admin.get("/v1/polls").send().await.refused(429, "quota-exceeded");
    // One request is one, however often it has to know who asks.
    client.get(&format!("/v1/results?polls={poll},{poll}")).send().await.is(200);
}

/// 36,000 ballots were cast from tokens that somebody had saved up.
async fn tokens_that_were_saved_up_are_not_all_counted_in_one_poll() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_QUOTA_BALLOT", "3/86400s");
    let replica = Replica::start(&settings);
    let client = Client::new(replica.address());
    let admin = client.with_key(ADMIN_KEY);
    let changeable = seed_poll(json!({ "changeable": true }));
    let poll = text(&admin.post("/v1/polls").json(&changeable).send().await.is(201)["id"]);
    let voters = join_all((0..5).map(|_| client.new_voter())).await;
    // Neither a retry nor a change, nor a ballot that is refused, is one more.
    for _ in 0..5 {
        for choice in ["yes", "yes", "no"] {
            let answer = voters[0].vote(&poll, &[choice]).await;
            assert!(answer.status < 300, "{answer}");
        }
        voters[0].vote(&poll, &["neither"]).await.refused(422, "invalid-choice");
    }
    for voter in &voters[1..3] {
        voter.vote(&poll, &["yes"]).await.is(201);
    }
    for voter in &voters[3..] {
        let refused = voter.vote(&poll, &["yes"]).await;
        assert_eq!(refused.header("ratelimit-policy").as_deref(), Some("\"ballot\";q=3;w=86400"), "{refused}");
        assert_eq!(refused.refused(429, "quota-exceeded")["violated-policies"], json!(["ballot"]));
    }
    assert_eq!(client.results(&poll).await["ballots"], 3);
    let other = poll_on(&replica).await;
    voters[3].vote(&other, &["yes"]).await.is(201);
    // By the plain form, too.
    let token = client.mint().await;
    let form = client.post(&format!("/embed/{poll}/form")).header("sec-fetch-site", "same-origin");
    let form = form.body("application/x-www-form-urlencoded", format!("voter={token}&choices=yes"));
    form.send().await.page(429);
    assert_eq!(counted(&replica, "sawt_quota_requests_total{quota=\"ballot\",outcome=\"refused\"}"), 3);
}

/// A template that any address may have a poll by.
pub(super) async fn put_template(client: &Client) {
    let options = json!([{ "id": "like", "emoji": "👍", "label": "نعم" }, { "id": "no", "emoji": "👎", "label": "لا" }]);
    let poll = json!({ "kind": "reaction", "question": "؟", "options": options });
    let path = "/v1/sites/default/templates/reactions";
    let put = client.with_key(ADMIN_KEY).put(path).json(&json!({ "poll": poll, "articles": "own-origins" }));
    put.send().await.is(201);
}

/// A first vote in the poll of an article, by its address.
pub(super) async fn react(client: &Client, article: &str, choice: &str) -> Answer {
    let path = format!("/v1/sites/default/articles/@url/reactions/votes?url=https%3A%2F%2Fnews.example%2F{article}");
    let vote = json!({ "choices": [choice], "voter": { "nonce": nonce() } });
    let answer = client.post(&path).json(&vote).send().await;
    answer.token().inspect(|token| remember_secret(token));
    answer
}

/// An invented address costs its client more than its site.
async fn one_client_brings_so_many_articles_into_being_and_no_more() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_QUOTA_ARTICLE", "2/86400s"));
    let client = Client::new(replica.address());
    put_template(&client).await;
    // What makes nothing is not counted: a ballot that does not fit, and all but the first in an article.
    react(&client, "1", "angry").await.refused(422, "no-such-reaction");
    for article in ["1", "1", "2", "1", "2"] {
        react(&client, article, "like").await.is(201);
    }
    let refused = react(&client, "3", "like").await;
    assert_eq!(refused.header("ratelimit-policy").as_deref(), Some("\"article\";q=2;w=86400"), "{refused}");
    assert_eq!(refused.refused(429, "quota-exceeded")["violated-policies"], json!(["article"]));
    react(&client, "1", "no").await.is(201);
    let unmade = "/v1/sites/default/articles/@url/reactions?url=https%3A%2F%2Fnews.example%2F3";
    assert_eq!(client.get(unmade).send().await.is(200)["revision"], 0, "nothing was made");
    // Nor is an article that its publisher has announced.
    let said = json!({ "title": "خبر", "url": "https://news.example/4", "published_at": "2026-11-29T06:00:00Z" });
    client.with_key(ADMIN_KEY).put("/v1/sites/default/articles/4").json(&said).send().await.is(201);
    react(&client, "4", "like").await.is(201);
    assert_eq!(counted(&replica, "sawt_quota_requests_total{quota=\"article\",outcome=\"allowed\"}"), 2);
}

/// Readers behind one address who come to a new article together bring one article into being.
async fn an_article_that_many_bring_into_being_at_once_costs_their_client_once() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_QUOTA_ARTICLE", "2/86400s"));
    let client = Client::new(replica.address());
    put_template(&client).await;
    for answer in join_all((0..12).map(|_| react(&client, "1", "like"))).await {
        // Whoever asked before it was there may have been one too many.
        assert!(matches!(answer.status, 201 | 429), "{answer}");
    }
    react(&client, "1", "like").await.is(201);
    react(&client, "2", "like").await.is(201);
    react(&client, "3", "like").await.refused(429, "quota-exceeded");
}

/// A client that may bring no more voters along brings no articles into being by them.
async fn a_vote_beyond_its_client_s_quotas_makes_no_article_s_poll() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_QUOTA_MINT", "1/86400s"));
    let client = Client::new(replica.address());
    put_template(&client).await;
    react(&client, "1", "like").await.is(201);
    for article in ["2", "2"] {
        let refused = react(&client, article, "like").await.refused(429, "quota-exceeded");
        assert_eq!(refused["violated-policies"], json!(["mint"]));
    }
    let unmade = "/v1/sites/default/articles/@url/reactions?url=https%3A%2F%2Fnews.example%2F2";
    assert_eq!(client.get(unmade).send().await.is(200)["revision"], 0, "nothing was made");
    assert_eq!(counted(&replica, "sawt_quota_requests_total{quota=\"article\",outcome=\"allowed\"}"), 1);
}

/// A first vote makes a voter, and is counted as whoever asks for one; but sent again it is a retry.
async fn a_first_vote_counts_as_a_new_voter_once() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_QUOTA_MINT", "3/86400s"));
    let client = Client::new(replica.address());
    let poll = poll_on(&replica).await;
    let nonces = [(); 4].map(|()| nonce());
    client.post("/v1/voters").send().await.is(201);
    // Refused for another reason, it has been counted; put right, it is not counted again.
    client.first_vote(&poll, &["neither"], &nonces[0]).await.refused(422, "invalid-choice");
    for _ in 0..3 {
        for nonce in &nonces[..2] {
            let answer = client.first_vote(&poll, &["yes"], nonce).await;
            assert!(matches!(answer.status, 200 | 201), "{answer}");
        }
    }
    let refused = client.first_vote(&poll, &["yes"], &nonces[2]).await;
    assert_eq!(refused.refused(429, "quota-exceeded")["violated-policies"], json!(["mint"]));
    client.post("/v1/voters").send().await.refused(429, "quota-exceeded");
    assert_eq!(client.results(&poll).await["ballots"], 2);
    assert_eq!(counted(&replica, "sawt_quota_requests_total{quota=\"mint\",outcome=\"allowed\"}"), 3);
}

/// One /48 cast 5,022 ballots in ten seconds, from a /64 each.
async fn whoever_has_many_ipv6_networks_is_let_in_a_few_times_as_often_and_no_more() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_QUOTA_MINT", "5/86400s");
    let replica = Replica::start(&settings.with("SAWT_TRUSTED_PROXIES", "127.0.0.0/8, ::1"));
    let client = Client::new(replica.address());
    let mint = async |address: String| client.post("/v1/voters").header("x-forwarded-for", &address).send().await;
    let mut admitted = 0;
    for subnet in 0..60 {
        let answer = mint(format!("2001:db8:7:{subnet:x}00::1")).await;
        admitted += u64::from(answer.status == 201);
        assert!(matches!(answer.status, 201 | 429), "{answer}");
    }
    assert_eq!(admitted, 8 * 5, "a /48, from a /56 each");
    mint("2001:db8:8::1".to_owned()).await.is(201);
    for _ in 0..4 {
        mint("192.0.2.1".to_owned()).await.is(201);
    }
}

async fn an_ordinary_readers_vote_costs_no_store_call_for_quota() {
    let storage = Storage::single(Program::Redis, &[]);
    let replica = Replica::start(&with_default_quotas(Settings::on(storage.address())));
    let poll = poll_on(&replica).await;
    let client = Client::new(replica.address());
    for _ in 0..10 {
        let voter = client.new_voter().await;
        voter.vote(&poll, &["yes"]).await.is(201);
        voter.vote(&poll, &["yes"]).await.is(200);
    }
    let quotas = || storage.server().ask(&["EVAL", "return #redis.call('KEYS', 'sawt:quota:*')", "0"]);
    assert_eq!((counted(&replica, CALLS), quotas().as_str()), (0, "0"));
    assert_eq!(counted(&replica, FAILED_CALLS), 0);
    // Somebody who takes more than a tenth of the 120 voters a minute is asked about.
    for _ in 0..5 {
        client.new_voter().await;
    }
    assert_eq!(counted(&replica, CALLS) + counted(&replica, FAILED_CALLS), 1);
    let script = "local key = redis.call('KEYS', 'sawt:quota:*')[1] return key .. ' ' .. redis.call('PTTL', key)";
    let kept = storage.server().ask(&["EVAL", script, "0"]);
    let (key, left) = kept.split_once(' ').expect("two words");
    assert!(key.starts_with("sawt:quota:{mint.") && !key.contains("127"), "{key}");
    assert!((1..=6_000).contains(&left.parse().expect("milliseconds")), "what is whole again is forgotten: {left} ms");
}

async fn while_the_store_is_gone_each_replica_still_holds_the_quota_by_itself() {
    let storage = Storage::single(Program::Redis, &[]);
    let settings =
        Settings::on(storage.address()).with("SAWT_QUOTA_MINT", "20/86400s").with("SAWT_QUOTA_VOTE", "10/86400s");
    let replica = Replica::start(&settings);
    let poll = poll_on(&replica).await;
    let client = Client::new(replica.address()).with_short_timeout();
    let voter = client.new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    storage.server().freeze();
    for _ in 1..20 {
        client.post("/v1/voters").send().await.is(201);
    }
    client.post("/v1/voters").send().await.refused(429, "quota-exceeded");
    voter.vote(&poll, &["yes"]).await.refused(503, "store-unavailable");
    storage.server().thaw();
}

async fn quotas_that_only_count_refuse_nobody() {
    let storage = Storage::file();
    let settings =
        Settings::on(storage.address()).with("SAWT_QUOTA_MINT", "2/86400s").with("SAWT_QUOTA_SHADOW", "true");
    let replica = Replica::start(&settings);
    let client = Client::new(replica.address());
    for _ in 0..5 {
        let answer = client.post("/v1/voters").send().await;
        assert_eq!(answer.header("ratelimit"), None, "{answer}");
        answer.is(201);
    }
    let count =
        |outcome| counted(&replica, &format!("sawt_quota_requests_total{{quota=\"mint\",outcome=\"{outcome}\"}}"));
    assert_eq!((count("allowed"), count("would-refuse"), count("refused")), (2, 3, 0));
}

/// Whoever looks at them before the quotas are in force is told what will be refused then.
async fn quotas_that_only_count_count_as_they_do_in_force() {
    let storage = Storage::file();
    let settings = with_default_quotas(Settings::on(storage.address()));
    let replica = Replica::start(&settings.with("SAWT_QUOTA_BALLOT", "2/86400s").with("SAWT_QUOTA_SHADOW", "true"));
    let client = Client::new(replica.address());
    let hidden = seed_poll(json!({ "results": "after_vote" }));
    let poll = text(&client.with_key(ADMIN_KEY).post("/v1/polls").json(&hidden).send().await.is(201)["id"]);
    let count = |quota: &str, outcome: &str| {
        let series = format!("sawt_quota_requests_total{{quota=\"{quota}\",outcome=\"{outcome}\"}}");
        counted(&replica, &series)
    };
    let voters = join_all((0..4).map(|_| client.new_voter())).await;
    for voter in &voters[..3] {
        voter.vote(&poll, &["yes"]).await.is(201);
    }
    assert_eq!(count("vote", "allowed"), 3, "each vote once");
    // No token was spent on this ballot, so its repetition gives none back.
    voters[2].vote(&poll, &["yes"]).await.is(200);
    voters[3].vote(&poll, &["yes"]).await.is(201);
    assert_eq!((count("ballot", "allowed"), count("ballot", "would-refuse")), (2, 3));
    let before = count("admin", "allowed");
    let keyed = client.with_key(ADMIN_KEY);
    keyed.get(&format!("/v1/results?polls={}", vec![poll.as_str(); 50].join(","))).send().await.is(200);
    assert_eq!(count("admin", "allowed"), before + 1, "one request is one");
}

async fn who_waits_as_long_as_the_answer_says_is_let_in() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_QUOTA_MINT", "1/1s"));
    let client = Client::new(replica.address());
    let told = loop {
        let answer = client.post("/v1/voters").send().await;
        if answer.status == 429 {
            break answer.header("retry-after").expect("it says how long").parse().expect("in seconds");
        }
    };
    // The waiting is what is tried.
    tokio::time::sleep(Duration::from_secs(told)).await;
    client.post("/v1/voters").send().await.is(201);
}

lone_rules![
    every_limited_operation_is_refused_beyond_its_quota_before_it_is_looked_at,
    what_is_not_there_counts_as_a_read_by_whatever_way_it_is_asked_for,
    a_voter_and_a_key_have_quotas_of_their_own_and_are_told_how_they_stand,
    tokens_that_were_saved_up_are_not_all_counted_in_one_poll,
    one_client_brings_so_many_articles_into_being_and_no_more,
    an_article_that_many_bring_into_being_at_once_costs_their_client_once,
    a_vote_beyond_its_client_s_quotas_makes_no_article_s_poll,
    a_first_vote_counts_as_a_new_voter_once,
    whoever_has_many_ipv6_networks_is_let_in_a_few_times_as_often_and_no_more,
    an_ordinary_readers_vote_costs_no_store_call_for_quota,
    while_the_store_is_gone_each_replica_still_holds_the_quota_by_itself,
    quotas_that_only_count_refuse_nobody,
    quotas_that_only_count_count_as_they_do_in_force,
    who_waits_as_long_as_the_answer_says_is_let_in,
];
