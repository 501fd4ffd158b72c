//! A reader's first vote, in one request: by a nonce, from any page, without a preflight.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    backends::{Backend, Storage},
    client::{Answer, Client, nonce, remember_secret},
    registry::service_rules,
    server::{Replica, Settings},
    service::{Service, text},
};

const NEWS: &str = "https://news.example";
const EVIL: &str = "https://evil.example";

fn path(poll: &str) -> String {
    format!("/v1/polls/{poll}/votes")
}

/// Sends JSON as a page of another origin does: as text, and with what its browser says of it.
async fn send(client: &Client, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let request = client.post(path).body("text/plain;charset=UTF-8", body.to_string());
    let answer = headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await;
    if let Some(token) = answer.token() {
        remember_secret(&token);
    }
    answer
}

fn first(nonce: &str) -> Value {
    json!({ "choices": ["yes"], "voter": { "nonce": nonce } })
}

async fn ballots(service: &Service, poll: &str) -> Value {
    service.client().results(poll).await["ballots"].clone()
}

async fn a_first_vote_is_one_request_and_its_answer_has_the_token_to_keep(service: &Service) {
    let poll = service.poll(json!({})).await;
    let answer = service.client().first_vote(&poll, &["yes"], &nonce()).await;
    assert_eq!(answer.header("set-cookie"), None);
    let token = answer.token().expect("a token");
    answer.is(201);
    let known = service.client().with_voter(&token);
    assert_eq!(known.get(&format!("{}/me", path(&poll))).send().await.is(200)["choices"], json!(["yes"]));
    let again = known.vote(&poll, &["yes"]).await;
    assert_eq!(again.token(), None, "who has a token is given none");
    again.is(200);
    // By the token in the body, from a page.
    let body = json!({ "choices": ["no"], "voter": token });
    send(&service.client(), &path(&poll), &body, &[("origin", NEWS)]).await.refused(409, "already-voted");
    let mine = send(&service.client(), &format!("{}/mine", path(&poll)), &json!({ "voter": token }), &[]).await;
    assert_eq!(mine.is(200)["choices"], json!(["yes"]));
    assert_eq!(ballots(service, &poll).await, 1);
}

async fn a_first_vote_that_is_sent_again_is_counted_once_on_whatever_replica(service: &Service) {
    let poll = service.poll(json!({})).await;
    let nonce = nonce();
    let clients = service.clients();
    // At once, as one whose connection hung sends it again by another.
    let votes = (0..8).map(|place| clients[place % clients.len()].first_vote(&poll, &["yes"], &nonce));
    let counted = join_all(votes).await.into_iter().filter(|answer| answer.status == 201).count();
    assert_eq!(counted, 1);
    for client in &clients {
        let again = client.first_vote(&poll, &["yes"], &nonce).await;
        assert!(again.token().is_some(), "whoever lost the answer is still to be given the token");
        assert_eq!(again.is(200)["cast_at"], Value::Null);
        client.first_vote(&poll, &["no"], &nonce).await.refused(409, "already-voted");
    }
    assert_eq!(ballots(service, &poll).await, 1);
}

async fn a_nonce_is_the_same_voter_in_every_poll(service: &Service) {
    let nonce = nonce();
    for _ in 0..2 {
        let poll = service.poll(json!({})).await;
        service.client().first_vote(&poll, &["yes"], &nonce).await.is(201);
        service.client().first_vote(&poll, &["yes"], &nonce).await.is(200);
    }
}

async fn a_nonce_is_the_same_voter_after_the_secret_was_rotated(service: &Service) {
    let storage = Storage::start(service.backend());
    let start = |digit: &str| {
        let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_SECRET", &digit.repeat(64)));
        (Client::new(replica.address()), replica)
    };
    let before = start("1");
    let made = before.0.with_key(crate::server::ADMIN_KEY).post("/v1/polls");
    let poll = text(&made.json(&crate::service::seed_poll(json!({}))).send().await.is(201)["id"]);
    let nonce = nonce();
    before.0.first_vote(&poll, &["yes"], &nonce).await.is(201);
    if service.backend() == Backend::Sqlite {
        // A file has one replica at a time.
        before.1.stop();
    }
    let after = start("2");
    after.0.first_vote(&poll, &["yes"], &nonce).await.is(200);
    after.0.first_vote(&poll, &["no"], &nonce).await.refused(409, "already-voted");
    assert_eq!(after.0.results(&poll).await["ballots"], 1);
}

async fn a_ballot_is_withdrawn_and_read_without_a_header(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let nonce = nonce();
    service.client().first_vote(&poll, &["yes"], &nonce).await.is(201);
    let (mine, withdraw) = (format!("{}/mine", path(&poll)), format!("{}/withdraw", path(&poll)));
    let voter = json!({ "voter": { "nonce": nonce } });
    let from = [("origin", NEWS)];
    assert_eq!(send(&service.client(), &mine, &voter, &from).await.is(200)["choices"], json!(["yes"]));
    for _ in 0..2 {
        let answer = send(&service.client(), &withdraw, &voter, &from).await;
        assert_eq!(answer.status, 204, "{answer}");
    }
    send(&service.client(), &mine, &voter, &from).await.refused(404, "not-found");
    assert_eq!(ballots(service, &poll).await, 0);
    // By a header, as ever, with a body that says nothing more.
    let known = service.client().new_voter().await;
    known.vote(&poll, &["no"]).await.is(201);
    assert_eq!(known.post(&mine).json(&json!({})).send().await.is(200)["choices"], json!(["no"]));
    assert_eq!(known.post(&withdraw).json(&json!({})).send().await.status, 204);
    let fixed = service.poll(json!({})).await;
    known.vote(&fixed, &["no"]).await.is(201);
    let withdraw = format!("{}/withdraw", path(&fixed));
    known.post(&withdraw).json(&json!({})).send().await.refused(409, "already-voted");
}

/// A page of another origin need not ask for leave, and no token stands in an address.
async fn what_only_voters_see_is_shown_to_a_voter_whom_the_body_names(service: &Service) {
    let poll = service.poll(json!({ "results": "after_vote" })).await;
    let (results, live) = (format!("/v1/results?polls={poll}"), format!("/v1/live?polls={poll}"));
    let nonce = nonce();
    let voter = json!({ "voter": { "nonce": nonce } });
    let from = [("origin", NEWS)];
    let seen = async |voter: &Value| {
        let answer = send(&service.client(), &results, voter, &from).await;
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"), "{answer}");
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"), "{answer}");
        answer.is(200)["results"][0].clone()
    };
    assert_eq!(seen(&voter).await["code"], "results-hidden");
    let beside = format!("{results}&site=default");
    let refused = send(&service.client(), &beside, &voter, &from).await.refused(400, "invalid-request");
    assert_eq!(refused["errors"][0]["field"], "site", "{refused}");
    service.client().first_vote(&poll, &["yes"], &nonce).await.is(201);
    assert_eq!(seen(&voter).await["ballots"], 1);
    let other = json!({ "voter": { "nonce": crate::client::nonce() } });
    assert_eq!(seen(&other).await["code"], "results-hidden");
    let open = async |voter: &Value| {
        service.client().post(&live).body("text/plain", voter.to_string()).header("origin", NEWS).open().await
    };
    let (mut voters, mut strangers) = (open(&voter).await, open(&other).await);
    assert_eq!(voters.expect("tally").await.data["ballots"], 1);
    assert_eq!(strangers.expect("poll").await.data["results"], "after_vote");
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    voters.tally_from(2).await;
    // What the other stream tells next is the close.
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    assert_eq!(strangers.expect("poll").await.data["state"], "closed");
    // What all may see, another's cache may not keep either.
    assert_eq!(seen(&other).await["ballots"], 2);
}

/// What keeps a page that the reader never sees from voting as somebody new, over and over.
async fn text_votes_from_listed_pages_and_elsewhere_only_from_scripts_that_wait_for_the_answer(service: &Service) {
    let site = service.site_for(&[NEWS]).await;
    let listed = service.poll(json!({ "site": site })).await;
    let open = service.poll(json!({ "site": service.site().await })).await;
    let mode = |mode| ("sec-fetch-mode", mode);
    let origin = |origin| ("origin", origin);
    for (poll, headers, is_taken) in [
        (&listed, &[origin(NEWS), mode("cors")][..], true),
        (&listed, &[origin(NEWS)], true),
        (&listed, &[origin(EVIL), mode("cors")], false),
        (&listed, &[origin("null"), mode("cors")], true),
        (&listed, &[origin("null"), mode("navigate")], false),
        (&listed, &[origin("null"), mode("no-cors")], false),
        (&listed, &[], false),
        (&open, &[origin(EVIL), mode("cors")], true),
        (&open, &[origin(EVIL)], true),
        (&open, &[origin(EVIL), mode("navigate")], false),
        (&open, &[origin(EVIL), mode("no-cors")], false),
        (&open, &[], false),
    ] {
        for withdraws in [false, true] {
            let nonce = nonce();
            let (path, body) = if withdraws {
                (format!("{}/withdraw", path(poll)), json!({ "voter": { "nonce": nonce } }))
            } else {
                (path(poll), first(&nonce))
            };
            let answer = send(&service.client(), &path, &body, headers).await;
            match (is_taken, withdraws) {
                (true, false) => _ = answer.is(201),
                (true, true) => assert_eq!(answer.status, 204, "{answer}"),
                (false, _) => _ = answer.refused(403, "origin-refused"),
            }
        }
    }
}

async fn text_must_name_its_voter_and_no_cookie_is_read_beside_it(service: &Service) {
    let poll = service.poll(json!({})).await;
    let token = service.client().mint().await;
    let cookie = format!("__Host-sawt_voter={token}");
    let headers = [("origin", NEWS), ("cookie", &*cookie), ("sec-fetch-mode", "cors")];
    let answer = send(&service.client(), &path(&poll), &json!({ "choices": ["yes"] }), &headers).await;
    answer.refused(401, "voter-required");
    let answer = send(&service.client(), &path(&poll), &first(&nonce()), &headers).await;
    assert_eq!(answer.header("set-cookie"), None);
    answer.is(201);
    let by_cookie = service.client().get(&format!("{}/me", path(&poll))).header("cookie", &cookie).send().await;
    by_cookie.refused(404, "not-found");
}

async fn whatever_names_a_voter_wrongly_is_refused_and_named(service: &Service) {
    let poll = service.poll(json!({})).await;
    let client = service.client();
    for (voter, field) in [
        (json!(null), "voter"),
        (json!(7), "voter"),
        (json!({}), "voter.nonce"),
        (json!({ "nonce": "short" }), "voter"),
        (json!({ "nonce": 7 }), "voter.nonce"),
        (json!({ "nonce": nonce(), "token": "x" }), "voter.token"),
    ] {
        let body = json!({ "choices": ["yes"], "voter": voter });
        let refused = client.post(&path(&poll)).json(&body).send().await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let body = json!({ "choices": ["yes"], "voter": "no token" });
    client.post(&path(&poll)).json(&body).send().await.refused(401, "voter-required");
    let twice = client.new_voter().await.first_vote(&poll, &["yes"], &nonce()).await;
    assert_eq!(twice.refused(400, "invalid-request")["errors"][0]["field"], "voter");
    assert_eq!(ballots(service, &poll).await, 0);
}

async fn who_names_only_a_voter_in_a_body_is_refused_as_who_votes_is(service: &Service) {
    let poll = service.poll(json!({})).await;
    let client = service.client();
    let nowhere = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
    for path in [
        "polls/{poll}/votes/mine",
        "polls/{poll}/votes/withdraw",
        "polls/{poll}/challenge",
        "results?polls={poll}",
        "live?polls={poll}",
    ] {
        let (path, nowhere) =
            (format!("/v1/{}", path.replace("{poll}", &poll)), format!("/v1/{}", path.replace("{poll}", nowhere)));
        client.post(&path).body("application/json", "{").send().await.refused(400, "invalid-request");
        client.post(&path).json(&json!({ "choices": ["yes"] })).send().await.refused(400, "invalid-request");
        client.post(&path).json(&json!({})).send().await.refused(401, "voter-required");
        client.post(&path).json(&json!({ "voter": "none" })).send().await.refused(401, "voter-required");
        let large = format!("{{\"voter\":\"{}\"}}", "x".repeat(20_000));
        client.post(&path).body("text/plain", large).send().await.refused(413, "body-too-large");
        let form = client.post(&path).body("application/x-www-form-urlencoded", "voter=x");
        form.send().await.refused(415, "unsupported-media-type");
        let asked = client.post(&nowhere).json(&json!({ "voter": { "nonce": nonce() } })).send().await;
        if path.contains("/results") {
            assert_eq!(asked.is(200)["results"][0]["code"], "not-found");
        } else {
            asked.refused(404, "not-found");
        }
    }
    for path in ["/v1/results", "/v1/results?site=default", "/v1/live", "/v1/live?polls=x"] {
        let unnamed = client.post(path).json(&json!({ "voter": { "nonce": nonce() } })).send().await;
        assert_eq!(unnamed.refused(400, "invalid-request")["errors"][0]["field"], "polls");
    }
}

/// What a form can send is `name=value` and a line's end. Put around a vote, the `=` may stand in a text of it.
async fn nothing_that_a_form_of_plain_text_can_send_is_a_vote(service: &Service) {
    let poll = service.poll(json!({})).await;
    let vote = first(&nonce()).to_string();
    let cuts = (0..=vote.len()).map(|cut| {
        let (name, value) = vote.split_at(cut);
        [format!("{name}={value}\r\n"), format!("{name}\"=\"{value}\r\n")]
    });
    let padded = vote.trim_end_matches('}').to_owned();
    let with = |member: &str| format!("{padded}}},\"{member}\":\"=\"}}\r\n");
    let inside = ["mark", "proof_of_work", "open_answer", "x"].map(with);
    let others = [format!("{vote}=\r\n"), format!("={vote}\r\n")];
    for body in cuts.flatten().chain(inside).chain(others) {
        let request = service.client().post(&path(&poll)).body("text/plain", body).header("origin", NEWS);
        let answer = request.send().await;
        assert!(matches!(answer.status, 400 | 422), "{answer}");
    }
    assert_eq!(ballots(service, &poll).await, 0);
}

service_rules![
    a_first_vote_is_one_request_and_its_answer_has_the_token_to_keep,
    a_first_vote_that_is_sent_again_is_counted_once_on_whatever_replica,
    a_nonce_is_the_same_voter_in_every_poll,
    a_nonce_is_the_same_voter_after_the_secret_was_rotated,
    a_ballot_is_withdrawn_and_read_without_a_header,
    what_only_voters_see_is_shown_to_a_voter_whom_the_body_names,
    text_votes_from_listed_pages_and_elsewhere_only_from_scripts_that_wait_for_the_answer,
    text_must_name_its_voter_and_no_cookie_is_read_beside_it,
    whatever_names_a_voter_wrongly_is_refused_and_named,
    who_names_only_a_voter_in_a_body_is_refused_as_who_votes_is,
    nothing_that_a_form_of_plain_text_can_send_is_a_vote,
];
