//! What a request leaves behind: at most one line in the log, and in the store nothing that tells who voted.

use std::time::Instant;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    backends::{Backend, Program, Storage},
    client::{Client, FORWARDED_FOR, remember_secret, until},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{Service, seed_poll, text},
    wire::{Wire, request},
};

/// An option no log may name; found by the closing trial, which reads every log of the run.
const CHOICE: &str = "canary-choice-0123456789abcdef";

async fn a_request_is_one_line_that_can_be_queried_by_field() {
    let service = Service::start(Backend::Sqlite);
    remember_secret(CHOICE);
    let options = json!([{ "id": CHOICE, "label": "نعم" }, { "id": "no", "label": "لا" }]);
    let poll = service.poll(json!({ "options": options })).await;
    let voter = service.client().new_voter().await;
    let path = format!("/v1/polls/{poll}/votes");
    for (id, choice, status, outcome) in [
        ("first-vote", CHOICE, 201, "counted"),
        ("same-vote", CHOICE, 200, "repeated"),
        ("other-vote", "no", 409, "already-voted"),
        ("odd-vote", "canary-choice-that-is-no-option", 422, "invalid-choice"),
    ] {
        remember_secret(choice);
        let request = voter.post(&path).json(&json!({ "choices": [choice] })).header("x-request-id", id);
        let answer = request.send().await;
        assert_eq!(answer.status, status, "{answer}");
        let log = service.replicas()[0].log();
        let line = log.wait_for(|line| line["request_id"] == id).expect("the request is logged");
        for (field, value) in [
            ("method", json!("POST")),
            ("route", json!("/v1/polls/{poll}/votes")),
            ("status", json!(status)),
            ("outcome", json!(outcome)),
        ] {
            assert_eq!(line[field], value, "{field} of {line}");
        }
        assert!(line["duration_us"].is_u64(), "{line}");
        let message = line["message"].as_str().expect("a line has a message");
        for word in ["POST", "/v1/polls/{poll}/votes", &status.to_string()] {
            assert!(message.contains(word), "{word} is not in the message of {line}");
        }
        let lines = log.lines();
        let about_it = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        assert_eq!(about_it.filter(|line| line["request_id"] == id).count(), 1, "one line per request");
    }
}

/// Whatever becomes of them: counted, repeated, changed, refused, sent by a form, and decided on by an editor.
async fn what_readers_say_in_their_own_words_is_in_no_log_line_and_no_metric() {
    const WORDS: &str = "canary-words-0123456789abcdef";
    remember_secret(WORDS);
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_LOG", "trace,mio=off"));
    let (client, admin) = (Client::new(replica.address()), Client::new(replica.address()).with_key(ADMIN_KEY));
    let asked = seed_poll(json!({ "open_answer": true, "changeable": true }));
    let poll = text(&admin.post("/v1/polls").json(&asked).send().await.is(201)["id"]);
    let token = client.mint().await;
    let voter = client.with_voter(&token);
    let say = async |words: &str, choice: &str| {
        let said = json!({ "choices": [choice], "open_answer": words });
        voter.post(&format!("/v1/polls/{poll}/votes")).json(&said).send().await
    };
    say(WORDS, "other").await.is(201);
    say(WORDS, "other").await.is(200);
    say(&format!("{WORDS} once more"), "other").await.is(200);
    say(&format!("{WORDS}\u{202E}"), "other").await.refused(422, "invalid-open-answer");
    say(&WORDS.repeat(9), "other").await.refused(422, "invalid-open-answer");
    say(WORDS, "yes").await.refused(422, "open-answer-not-taken");
    let fields = format!("voter={token}&choices=other&open_answer={WORDS}");
    let form = client.post(&format!("/embed/{poll}/form")).header("sec-fetch-site", "same-origin");
    assert_eq!(form.body("application/x-www-form-urlencoded", fields).send().await.status, 303);
    let listed = admin.get(&format!("/v1/polls/{poll}/answers")).send().await.is(200);
    assert_eq!(listed["items"][0]["text"], WORDS);
    let answer = format!("/v1/polls/{poll}/answers/{}", text(&listed["items"][0]["id"]));
    admin.post(&answer).json(&json!({ "state": "shown" })).send().await.is(200);
    until(async || (client.results(&poll).await["open_answers"][0]["text"] == WORDS).then_some(())).await;
    assert!(!replica.told_to_operators("/metrics").contains(WORDS));
    replica.stop();
    let said = replica.output();
    assert!(said.contains("/v1/polls/{poll}/votes"), "the requests are logged");
    assert!(!said.contains(WORDS), "what a reader says is logged");
}

async fn a_log_for_people_says_the_same_in_one_line() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_LOG_FORMAT", "text"));
    let client = Client::new(replica.address());
    client.get("/openapi.yaml").header("x-request-id", "for-people").send().await.is(200);
    let line = replica.log().wait_for_line(|line| line.contains("for-people")).expect("the request is logged");
    for word in ["INFO", "GET", "/openapi.yaml", "200", "duration_us"] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    assert!(serde_json::from_str::<Value>(&line).is_err(), "{line}");
}

/// The lines about requests so far, parsed.
fn lines_about_requests(replica: &Replica) -> Vec<Value> {
    let lines = replica.log().lines();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "sawt::request").collect()
}

/// A line each filled 20 GB of disk in an hour.
async fn a_flood_of_refusals_is_a_few_lines_and_none_is_left_out() {
    const ASKED: u64 = 1_000;
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()));
    let begun = Instant::now();
    let mut wire = Wire::to(replica.address());
    for _ in 0..ASKED {
        let answer = wire.ask(&request("GET", "/wp-login.php", "", "")).await.expect("an answer");
        assert_eq!(answer.0, 404);
    }
    let lines = until(async || {
        let mut lines = lines_about_requests(&replica);
        lines.retain(|line| line["route"] == "unmatched");
        let told: u64 = lines.iter().map(|line| line["count"].as_u64().unwrap_or(1)).sum();
        (told == ASKED).then_some(lines)
    })
    .await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).expect("seconds") + 2;
    assert!(lines.len() <= 6 * seconds, "{} lines in {seconds} s", lines.len());
    let sums: Vec<_> = lines.iter().filter(|line| line["count"].is_u64()).collect();
    assert!(!sums.is_empty());
    for sum in &sums {
        assert_eq!((&sum["status"], &sum["outcome"]), (&json!(404), &json!("not-found")), "{sum}");
        assert_eq!(sum["class"], sums[0]["class"], "one client is of one class: {sum}");
        assert!(sum["class"].as_u64().is_some_and(|class| class < 16), "and a class tells nobody who it is: {sum}");
    }
}

async fn reads_are_thinned_and_nothing_else_is() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_LOG_SAMPLE", "10"));
    let client = Client::new(replica.address());
    for _ in 0..30 {
        client.get("/openapi.yaml").send().await.is(200);
    }
    for _ in 0..3 {
        client.post("/v1/voters").send().await.is(201);
    }
    client.get("/nowhere").undocumented().header("x-request-id", "the-last").send().await.refused(404, "not-found");
    replica.log().wait_for(|line| line["request_id"] == "the-last").expect("a refusal is logged");
    let lines = lines_about_requests(&replica);
    let reads: Vec<_> = lines.iter().filter(|line| line["route"] == "/openapi.yaml").collect();
    assert_eq!(reads.len(), 3, "{reads:?}");
    assert!(reads.iter().all(|line| line["sample"] == 10), "a line that stands for ten says so");
    assert_eq!(lines.iter().filter(|line| line["route"] == "/v1/voters").count(), 3);
    assert!(
        replica
            .told_to_operators("/metrics")
            .contains("sawt_http_requests_total{method=\"GET\",route=\"/openapi.yaml\",status=\"200\"} 30")
    );
}

async fn a_probe_leaves_no_line() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).without("SAWT_LOG"));
    let client = Client::new(replica.address());
    for path in ["/livez", "/readyz"] {
        client.get(path).send().await.is(200);
    }
    client.get("/openapi.yaml").header("x-request-id", "the-last").send().await.is(200);
    replica.log().wait_for(|line| line["request_id"] == "the-last").expect("it is logged");
    let routes: Vec<_> = lines_about_requests(&replica).iter().map(|line| text(&line["route"])).collect();
    assert_eq!(routes, ["/openapi.yaml"]);
}

/// Behind a proxy that is believed, the address each request says it comes from is read. No log may hold it (the
/// closing trial reads them all), and neither may what is told to operators, or the store.
async fn an_address_that_is_believed_leaves_no_trace() {
    for (header, value) in
        [("x-forwarded-for", FORWARDED_FOR.to_owned()), ("forwarded", format!("for={FORWARDED_FOR}"))]
    {
        let storage = Storage::file();
        let settings = Settings::on(storage.address()).with("SAWT_TRUSTED_PROXIES", "127.0.0.0/8, ::1");
        let settings = settings.with("SAWT_PROXY_HEADER", header).with("SAWT_LOG", "trace,mio=off");
        let replica = Replica::start(&settings);
        let client = Client::new(replica.address());
        let made = client.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        let voter = client.new_voter().await;
        let vote = voter.post(&format!("/v1/polls/{}/votes", text(&made["id"]))).header(header, &value);
        vote.json(&json!({ "choices": ["yes"] })).send().await.is(201);
        assert!(!replica.told_to_operators("/metrics").contains(FORWARDED_FOR));
        replica.stop();
        assert!(!replica.output().contains(FORWARDED_FOR), "the address is logged");
        let kept = std::fs::read(storage.address().trim_start_matches("sqlite:")).expect("the file is there");
        assert!(!holds(&kept, FORWARDED_FOR.as_bytes()), "the file holds the address");
    }
}

/// Everything one poll leaves in a store, as bytes, and what must not be among them.
async fn leave_traces(service: &Service) -> Vec<Vec<u8>> {
    let site = service.site().await;
    let (_, key) = service.key(&site, &["polls:read"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let token = service.client().mint().await;
    service.client().with_voter(&token).vote(&poll, &["yes"]).await.is(201);
    let bytes = URL_SAFE_NO_PAD.decode(&token).expect("a token is base64url");
    let voter_id = bytes[6..22].to_vec();
    let secret_part = key.rsplit('_').next().expect("a key has parts").as_bytes()[..32].to_vec();
    vec![token.into_bytes(), voter_id, secret_part, ADMIN_KEY.as_bytes().to_vec(), b"127.0.0.1".to_vec()]
}

fn holds(kept: &[u8], trace: &[u8]) -> bool {
    kept.windows(trace.len()).any(|window| window == trace)
}

async fn no_store_holds_a_key_a_token_a_voter_or_an_address() {
    let sqlite = Service::start(Backend::Sqlite);
    let traces = leave_traces(&sqlite).await;
    let file = sqlite.storage().address().trim_start_matches("sqlite:").to_owned();
    sqlite.replicas()[0].stop();
    let mut kept = std::fs::read(&file).expect("the file is there");
    // What is not in the file yet is in its log of changes, if there still is one.
    kept.extend(std::fs::read(format!("{file}-wal")).unwrap_or_default());
    assert!(holds(&kept, "نعم".as_bytes()), "the file holds the poll");
    assert!(!traces.iter().any(|trace| holds(&kept, trace)), "the file holds a secret");

    let uncompressed = [("rdbcompression", "no"), ("dbfilename", "kept.rdb")];
    let redis = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &uncompressed));
    let traces = leave_traces(&redis).await;
    redis.storage().server().ask(&["SAVE"]);
    let kept = redis.storage().server().read("kept.rdb");
    assert!(holds(&kept, "نعم".as_bytes()), "the dump holds the poll");
    assert!(!traces.iter().any(|trace| holds(&kept, trace)), "the dump holds a secret");
}

lone_rules![
    an_address_that_is_believed_leaves_no_trace,
    a_request_is_one_line_that_can_be_queried_by_field,
    what_readers_say_in_their_own_words_is_in_no_log_line_and_no_metric,
    a_log_for_people_says_the_same_in_one_line,
    a_flood_of_refusals_is_a_few_lines_and_none_is_left_out,
    reads_are_thinned_and_nothing_else_is,
    a_probe_leaves_no_line,
    no_store_holds_a_key_a_token_a_voter_or_an_address,
];
