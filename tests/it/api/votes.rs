//! Casting, repeating, changing and withdrawing a ballot.

use serde_json::{Value, json};

use crate::{
    backends::{Backend, Storage},
    client::{Client, FORGED_ADDRESSES, remember_secret, until},
    registry::service_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{PUBLIC_URL, Service, moment, seed_poll, text, time},
};

/// The votes per option in a tally, in its order.
fn votes(tally: &Value) -> Vec<u64> {
    let options = tally["options"].as_array().expect("a tally has options");
    options.iter().map(|option| option["votes"].as_u64().expect("votes are a number")).collect()
}

async fn the_seed_poll_is_created_read_voted_on_and_tallied(service: &Service) {
    let created = service.admin().post("/v1/polls").json(&seed_poll(json!({}))).send().await;
    let location = created.header("location").expect("a created poll has an address");
    let created = created.is(201);
    let poll = text(&created["id"]);
    assert!(location.ends_with(&format!("/v1/polls/{poll}")), "{location}");

    let read = service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    for (member, value) in [
        ("question", json!("هل تتوقع حل مجلس الأمة ؟")),
        ("language", json!("ar")),
        ("kind", json!("single")),
        ("options", json!([{ "id": "yes", "label": "نعم" }, { "id": "no", "label": "لا" }])),
        ("state", json!("open")),
        ("site", json!("default")),
        ("revision", json!(1)),
    ] {
        assert_eq!(read[member], value, "{member}");
        assert_eq!(created[member], value, "{member}");
    }

    for (choice, counted) in [("yes", [1, 0]), ("no", [1, 1]), ("yes", [2, 1])] {
        let voted = service.client().new_voter().await.vote(&poll, &[choice]).await.is(201);
        assert_eq!(voted["poll"], json!(poll));
        assert_eq!(voted["choices"], json!([choice]));
        assert_eq!(votes(&voted["results"]), counted, "a vote is in the tally it is answered with");
    }
    let tally = service.client().results(&poll).await;
    assert_eq!((&tally["ballots"], &tally["version"], &tally["state"]), (&json!(3), &json!(3), &json!("open")));
    let [yes, no] = [("yes", "نعم", 2, 0.6667), ("no", "لا", 1, 0.3333)]
        .map(|(id, label, votes, share)| json!({ "id": id, "label": label, "votes": votes, "share": share }));
    assert_eq!(tally["options"], json!([yes, no]));
}

async fn a_second_vote_by_the_same_voter_is_refused(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    voter.vote(&poll, &["no"]).await.refused(409, "already-voted");
    assert_eq!(votes(&voter.results(&poll).await), [1, 0]);
}

/// An answer that was lost on its way costs nobody a vote, and adds none.
async fn a_retry_is_answered_with_the_ballot_on_record_and_the_tally_of_now_and_counted_once(service: &Service) {
    let poll = service.poll(json!({})).await;
    let token = service.client().mint().await;
    let [first, other] = [0, 1].map(|place| service.clients()[place].with_voter(&token));
    let cast = first.vote(&poll, &["yes"]).await.is(201);
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    for replica in [&first, &other] {
        let again = replica.vote(&poll, &["yes"]).await.is(200);
        assert_eq!((&again["poll"], &again["choices"]), (&cast["poll"], &cast["choices"]));
        assert_eq!((&again["cast_at"], &again["results"]["ballots"]), (&Value::Null, &json!(2)), "{again}");
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 2);
}

async fn a_retry_after_the_poll_closed_is_still_answered(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    close(service, &poll).await;
    voter.vote(&poll, &["yes"]).await.is(200);
    voter.vote(&poll, &["no"]).await.refused(409, "poll-not-open");
    service.client().new_voter().await.vote(&poll, &["yes"]).await.refused(409, "poll-not-open");
    assert_eq!(votes(&voter.results(&poll).await), [1, 0]);
}

async fn close(service: &Service, poll: &str) {
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
}

async fn a_changeable_ballot_can_be_changed_and_withdrawn(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let voter = service.client().new_voter().await;
    let mine = format!("/v1/polls/{poll}/votes/me");
    voter.vote(&poll, &["yes"]).await.is(201);
    let changed = voter.vote(&poll, &["no"]).await.is(200);
    assert_eq!((changed["choices"].clone(), votes(&changed["results"])), (json!(["no"]), vec![0, 1]));
    assert_eq!(voter.get(&mine).send().await.is(200)["choices"], json!(["no"]));
    voter.delete(&mine).send().await.is(204);
    voter.get(&mine).send().await.refused(404, "not-found");
    let tally = voter.results(&poll).await;
    assert_eq!((&tally["ballots"], &tally["version"]), (&json!(0), &json!(3)), "the version only grows");
    voter.vote(&poll, &["yes"]).await.is(201);
    close(service, &poll).await;
    voter.delete(&mine).send().await.refused(409, "poll-not-open");
    voter.vote(&poll, &["no"]).await.refused(409, "poll-not-open");
    assert_eq!(votes(&voter.results(&poll).await), [1, 0]);
}

/// A lost answer is repeated by asking again: who has no ballot has what they asked for.
async fn withdrawing_twice_is_as_good_as_once(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let voter = service.client().new_voter().await;
    let mine = format!("/v1/polls/{poll}/votes/me");
    voter.vote(&poll, &["yes"]).await.is(201);
    for _ in 0..2 {
        voter.delete(&mine).send().await.is(204);
        let tally = voter.results(&poll).await;
        assert_eq!((&tally["ballots"], &tally["version"]), (&json!(0), &json!(2)));
    }
}

async fn a_ballot_that_may_not_change_may_not_be_withdrawn(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let mine = format!("/v1/polls/{poll}/votes/me");
    let refused = voter.delete(&mine).send().await.refused(409, "already-voted");
    let detail = "the poll lets no ballot change, so none can be taken back; this voter's stays on record";
    assert_eq!((refused["detail"].as_str(), &refused["choices"]), (Some(detail), &json!(["yes"])));
    assert_eq!(voter.get(&mine).send().await.is(200)["choices"], json!(["yes"]));
    assert_eq!(voter.results(&poll).await["ballots"], 1);
}

async fn a_voter_reads_only_their_own_ballot(service: &Service) {
    let poll = service.poll(json!({})).await;
    let (voter, other) = (service.client().new_voter().await, service.client().new_voter().await);
    voter.vote(&poll, &["yes"]).await.is(201);
    let mine = format!("/v1/polls/{poll}/votes/me");
    let answer = voter.get(&mine).send().await;
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")), "{answer}");
    assert_eq!(answer.is(200)["choices"], json!(["yes"]));
    other.get(&mine).send().await.refused(404, "not-found");
    service.client().get(&mine).send().await.refused(401, "voter-required");
    service.client().delete(&mine).send().await.refused(401, "voter-required");
}

async fn a_multiple_poll_counts_each_choice_and_each_voter_once(service: &Service) {
    let options = json!([{ "label": "أ" }, { "label": "ب" }, { "label": "ج" }, { "label": "د" }]);
    let poll =
        service.poll(json!({ "kind": "multiple", "min_choices": 2, "max_choices": 3, "options": options })).await;
    let voter = service.client().new_voter().await;
    let answer = voter.vote(&poll, &["4", "1"]).await.is(201);
    assert_eq!(answer["choices"], json!(["1", "4"]), "in the order of the poll");
    voter.vote(&poll, &["1", "4"]).await.is(200);
    service.client().new_voter().await.vote(&poll, &["1", "2", "3"]).await.is(201);
    let tally = voter.results(&poll).await;
    assert_eq!((votes(&tally), &tally["ballots"]), (vec![2, 1, 1, 1], &json!(2)));
    assert_eq!(tally["options"][0]["share"], 1, "a share is the part of the voters");
    for (choices, named) in [
        (&["1"][..], "at least 2"),
        (&["1", "2", "3", "4"], "at most 3"),
        (&["1", "1"], "more than once"),
        (&["1", "5"], "\"5\""),
    ] {
        let refused = service.client().new_voter().await.vote(&poll, choices).await.refused(422, "invalid-choice");
        assert!(text(&refused["detail"]).contains(named), "{refused}");
    }
    assert_eq!(voter.results(&poll).await["ballots"], 2);
}

/// An answer out of range that was counted has inflated totals past 300 % elsewhere (Time 100, 2009; wp-polls #81).
async fn a_choice_that_is_no_option_of_the_poll_is_refused(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    for choices in [&["maybe"][..], &[], &["yes", "no"], &["yes", "yes"], &["0"], &["YES"], &[""]] {
        voter.vote(&poll, choices).await.refused(422, "invalid-choice");
    }
    for not_choices in [json!({ "choices": "yes" }), json!({ "choices": [1] }), json!({}), json!([]), json!(null)] {
        let path = format!("/v1/polls/{poll}/votes");
        voter.post(&path).json(&not_choices).send().await.refused(400, "invalid-request");
    }
    assert_eq!(voter.results(&poll).await["ballots"], 0);
}

/// A vote that minted its own voter could not be retried safely.
async fn a_vote_needs_a_voter(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().vote(&poll, &["yes"]).await.refused(401, "voter-required");
    assert_eq!(service.client().results(&poll).await["ballots"], 0);
}

/// A key is a program's, and programs have no vote.
async fn a_key_is_not_a_voter(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.admin().vote(&poll, &["yes"]).await.refused(401, "voter-required");
}

/// Other polls have been voted in by a GET, and so by any image on any page (wp-polls #80, CVE-2016-20067).
async fn a_get_and_a_form_never_vote(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    let path = format!("/v1/polls/{poll}/votes");
    voter.get(&format!("{path}?choices=yes")).undocumented().send().await.refused(405, "method-not-allowed");
    for form in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let body = r#"{"choices":["yes"]}"#;
        voter.post(&path).body(form, body).send().await.refused(415, "unsupported-media-type");
    }
    assert_eq!(voter.results(&poll).await["ballots"], 0);
}

async fn a_vote_in_a_poll_that_is_not_there_is_not_found(service: &Service) {
    let voter = service.client().new_voter().await;
    for poll in ["01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21", "seed", "%D9%86%D8%B9%D9%85"] {
        voter.vote(poll, &["yes"]).await.refused(404, "not-found");
        for path in [format!("/v1/polls/{poll}/votes/me"), format!("/v1/polls/{poll}/results")] {
            voter.get(&path).send().await.refused(404, "not-found");
        }
        voter.delete(&format!("/v1/polls/{poll}/votes/me")).send().await.refused(404, "not-found");
    }
}

async fn one_voter_votes_in_many_polls(service: &Service) {
    let voter = service.client().new_voter().await;
    for _ in 0..3 {
        let poll = service.poll(json!({})).await;
        voter.vote(&poll, &["no"]).await.is(201);
        assert_eq!(votes(&voter.results(&poll).await), [0, 1]);
    }
}

/// Everyone behind one proxy or one carrier is somebody else (larapoll #111, strawpoll #33, wp-polls #112); and an
/// address that anyone can claim is nobody (wp-polls #2, CVE-2022-1600).
async fn an_address_never_decides_that_somebody_has_voted(service: &Service) {
    let poll = service.poll(json!({})).await;
    let vote = json!({ "choices": ["yes"] });
    let path = format!("/v1/polls/{poll}/votes");
    for _ in 0..5 {
        service.client().new_voter().await.post(&path).json(&vote).send().await.is(201);
    }
    let voter = service.client().new_voter().await;
    for (host, status) in [(1, 201), (2, 200), (3, 200)] {
        let forged = format!("{FORGED_ADDRESSES}{host}");
        let request = voter.post(&path).json(&vote).header("x-forwarded-for", &forged).header("client-ip", &forged);
        request.send().await.is(status);
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 6);
}

async fn a_scheduled_poll_opens_and_closes_by_the_stores_clock(service: &Service) {
    // A slow machine sees less of it; then there is more time.
    let mut ahead = 500;
    until(async || {
        ahead *= 2;
        let times = |now| json!({ "opens_at": moment(now + ahead), "closes_at": moment(now + ahead * 5 / 2) });
        let made = service.timed_poll(times).await;
        let poll = text(&made["id"]);
        let (mut early, mut counted) = (0, 0);
        // New voters until the poll has closed.
        loop {
            let answer = service.client().new_voter().await.vote(&poll, &["no"]).await;
            if answer.status == 201 {
                let vote = answer.json();
                let open = time(&made["opens_at"])..time(&made["closes_at"]);
                assert!(open.contains(&time(&vote["cast_at"])), "{vote} for {made}");
                counted += 1;
            } else if answer.refused(409, "poll-not-open")["state"] == "scheduled" {
                early += 1;
            } else {
                break;
            }
        }
        assert_eq!(service.client().results(&poll).await["state"], "closed");
        (early > 0 && counted > 0).then_some(())
    })
    .await;
}

/// Options that occur nowhere else, chosen in every way there is. No log names one, at any level: what is said at any
/// other level is read for them by the trial that ends a run.
async fn a_choice_is_logged_nowhere(service: &Service) {
    const OPTIONS: [&str; 3] = ["canary-choice-first-0123", "canary-choice-second-0123", "canary-choice-third-0123"];
    const UNKNOWN: &str = "canary-choice-unknown-0123";
    OPTIONS.into_iter().chain([UNKNOWN]).for_each(remember_secret);
    // Two replicas don't stand on one file.
    let file = (service.backend() == Backend::Sqlite).then(Storage::file);
    let address = file.as_ref().unwrap_or_else(|| service.storage()).address();
    let settings = Settings::on(address).with("SAWT_PUBLIC_URL", PUBLIC_URL).with("SAWT_LOG", "trace,mio=off");
    let replica = Replica::start(&settings);
    let client = Client::new(replica.address());
    let options: Vec<_> = OPTIONS.iter().map(|id| json!({ "id": id, "label": id[14..].to_owned() })).collect();
    for is_changeable in [true, false] {
        let new = seed_poll(json!({ "options": options, "changeable": is_changeable, "results": "after_vote" }));
        let poll = text(&client.with_key(ADMIN_KEY).post("/v1/polls").json(&new).send().await.is(201)["id"]);
        let voter = client.new_voter().await;
        voter.vote(&poll, &OPTIONS[..1]).await.is(201);
        voter.vote(&poll, &OPTIONS[..1]).await.is(200);
        let other = voter.vote(&poll, &OPTIONS[1..2]).await;
        assert_eq!(other.status, if is_changeable { 200 } else { 409 }, "{other}");
        voter.vote(&poll, &[UNKNOWN]).await.refused(422, "invalid-choice");
        let broken = voter.post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": [OPTIONS[2], 7] }));
        broken.send().await.refused(400, "invalid-request");
        voter.get(&format!("/v1/polls/{poll}/votes/me")).send().await.is(200);
        for rest in ["results", "results.csv", "timeline.csv"] {
            assert_eq!(voter.get(&format!("/v1/polls/{poll}/{rest}")).send().await.status, 200);
        }
        let token = client.mint().await;
        let form = client.post(&format!("/embed/{poll}/form")).header("origin", PUBLIC_URL);
        let body = format!("voter={token}&choices={}", OPTIONS[2]);
        let sent = form.body("application/x-www-form-urlencoded", body).send().await;
        assert_eq!(sent.status, 303, "{sent}");
        client.get(&sent.header("location").expect("a redirect leads somewhere")).send().await.page(200);
        voter.live(&poll).await.expect("tally").await;
        if is_changeable {
            assert_eq!(voter.delete(&format!("/v1/polls/{poll}/votes/me")).send().await.status, 204);
        }
        client.with_key(ADMIN_KEY).post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
        client.new_voter().await.vote(&poll, &OPTIONS[..1]).await.refused(409, "poll-not-open");
    }
    let told = replica.told_to_operators("/metrics");
    replica.stop();
    for choice in OPTIONS.into_iter().chain([UNKNOWN]) {
        assert!(!told.contains(choice), "{choice} is told to operators");
        assert!(!replica.output().contains(choice), "{choice} is logged");
    }
}

service_rules![
    the_seed_poll_is_created_read_voted_on_and_tallied,
    a_second_vote_by_the_same_voter_is_refused,
    a_retry_is_answered_with_the_ballot_on_record_and_the_tally_of_now_and_counted_once,
    a_retry_after_the_poll_closed_is_still_answered,
    a_changeable_ballot_can_be_changed_and_withdrawn,
    withdrawing_twice_is_as_good_as_once,
    a_ballot_that_may_not_change_may_not_be_withdrawn,
    a_voter_reads_only_their_own_ballot,
    a_multiple_poll_counts_each_choice_and_each_voter_once,
    a_choice_that_is_no_option_of_the_poll_is_refused,
    a_vote_needs_a_voter,
    a_key_is_not_a_voter,
    a_get_and_a_form_never_vote,
    a_vote_in_a_poll_that_is_not_there_is_not_found,
    one_voter_votes_in_many_polls,
    an_address_never_decides_that_somebody_has_voted,
    a_scheduled_poll_opens_and_closes_by_the_stores_clock,
    a_choice_is_logged_nowhere,
];
