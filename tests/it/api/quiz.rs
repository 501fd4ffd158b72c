//! Which option is right: kept from readers until they have voted, in a quiz; said afterwards, of a prediction.

use serde_json::{Value, json};

use crate::{
    client::until,
    registry::service_rules,
    service::{PUBLIC_URL, Service, moment, seed_poll, text},
};

/// That two of three had.
const FORESEEN: &str = "توقّع ذلك \u{2068}66.7%\u{2069} من 3 قرّاء.";
const WHY: &str = "صدر المرسوم في نوفمبر";

fn quiz() -> Value {
    json!({ "correct": "no", "explanation": WHY })
}

/// Every address that tells something of a poll to somebody who has not voted in it.
fn told_before_a_vote(site: &str, poll: &str) -> Vec<String> {
    vec![
        format!("/v1/polls/{poll}"),
        format!("/v1/polls/{poll}/results"),
        format!("/v1/polls/{poll}/results.csv"),
        format!("/v1/polls/{poll}/timeline"),
        format!("/v1/polls/{poll}/timeline.csv"),
        format!("/v1/results?polls={poll}"),
        format!("/embed/{poll}"),
        format!("/embed/{poll}/form"),
        format!("/oembed?url={PUBLIC_URL}/embed/{poll}"),
        format!("/polls/{poll}/card.png"),
        format!("/polls/{poll}/card.png?shape=square"),
        format!("/v1/results?site={site}"),
        format!("/v1/polls/{poll}/snapshots"),
        format!("/v1/sites/{site}/places/side/now"),
        format!("/embed/sites/{site}/places/side"),
        format!("/v1/sites/{site}/trending?by=votes"),
        format!("/v1/sites/{site}/log/1/openings/0"),
    ]
}

async fn a_quiz_tells_nobody_what_is_right_before_they_have_voted(service: &Service) {
    let site = service.site().await;
    // The two differ by what is right alone.
    let [right_yes, right_no] =
        ["yes", "no"].map(|correct| json!({ "correct": correct, "explanation": WHY, "site": site }));
    let polls = [service.poll(right_yes).await, service.poll(right_no).await];
    let place = json!({ "fallback": polls[1] });
    service.admin().put(&format!("/v1/sites/{site}/places/side")).json(&place).send().await.is(201);
    for client in service.clients() {
        let is_in = async |path: String| {
            until(async || {
                let told = client.get(&path).send().await;
                (told.status == 200 && String::from_utf8_lossy(&told.content()).contains(&polls[1])).then_some(())
            })
            .await;
        };
        is_in(format!("/v1/sites/{site}/places/side/now")).await;
        is_in(format!("/v1/sites/{site}/log/1/openings/0")).await;
    }
    let elsewhere = service.site().await;
    let (_, stranger) = service.key(&elsewhere, &["polls:read", "results:read"]).await;
    let (_, counter) = service.key(&site, &["results:read"]).await;
    let voted_elsewhere = service.client().new_voter().await;
    voted_elsewhere.vote(&polls[0], &["yes"]).await.is(201);
    for client in [
        service.client(),
        service.client().new_voter().await,
        service.client().with_key(&stranger),
        service.client().with_key(&counter),
    ] {
        let mut answers = Vec::new();
        for path in told_before_a_vote(&site, &polls[1]) {
            answers.push(client.get(&path).send().await);
        }
        for answer in answers {
            assert!(answer.status < 400, "{answer}");
            let headers = answer.headers().iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>();
            let said = headers.join("\n") + &String::from_utf8_lossy(&answer.content());
            for kept in [WHY, "\"correct\"", "\"explanation\":", "is_correct", "-quiz"] {
                assert!(!said.contains(kept), "{kept} is told: {said}");
            }
        }
        // Not by the tags either: both polls have been made alike.
        let tag = async |poll: &str| client.get(&format!("/v1/polls/{poll}")).send().await.header("etag");
        assert_eq!(tag(&polls[0]).await, tag(&polls[1]).await);
    }
    voted_elsewhere.get(&format!("/v1/polls/{}/votes/me", polls[1])).send().await.refused(404, "not-found");
    // A stream tells each edit, and this one is of what it must not tell.
    let mut events = service.client().live(&polls[1]).await;
    let tally = events.expect("tally").await;
    let edit = json!({ "revision": 1, "correct": "yes", "explanation": "غير ذلك" });
    service.admin().patch(&format!("/v1/polls/{}", polls[1])).json(&edit).send().await.is(200);
    for told in [tally, events.expect("poll").await] {
        assert!(!told.data.to_string().contains("correct") && !told.data.to_string().contains("غير ذلك"), "{told:?}");
    }
}

async fn who_has_voted_in_a_quiz_is_told_what_is_right_and_why(service: &Service) {
    let poll = service.poll(quiz()).await;
    for (choice, is_correct) in [("no", true), ("yes", false)] {
        let verdict = json!({ "correct": "no", "is_correct": is_correct, "explanation": WHY });
        let voter = service.client().new_voter().await;
        assert_eq!(voter.vote(&poll, &[choice]).await.is(201)["quiz"], verdict);
        assert_eq!(voter.vote(&poll, &[choice]).await.is(200)["quiz"], verdict, "a retry is told the same");
        assert_eq!(voter.get(&format!("/v1/polls/{poll}/votes/me")).send().await.is(200)["quiz"], verdict);
        let body = json!({ "voter": voter.token() });
        let mine = service.client().post(&format!("/v1/polls/{poll}/votes/mine")).json(&body).send().await;
        assert_eq!(mine.is(200)["quiz"], verdict);
        let other = if is_correct { "yes" } else { "no" };
        assert_eq!(voter.vote(&poll, &[other]).await.refused(409, "already-voted")["quiz"], verdict);
    }
    let plain = service.poll(json!({ "correct": "no" })).await;
    let told = service.client().new_voter().await.vote(&plain, &["no"]).await.is(201);
    assert_eq!(told["quiz"], json!({ "correct": "no", "is_correct": true }));
    let none = service.poll(json!({})).await;
    let told = service.client().new_voter().await.vote(&none, &["no"]).await.is(201);
    assert_eq!(told.get("quiz"), None);
}

async fn a_key_that_reads_polls_is_told_what_is_right_under_a_tag_of_its_own(service: &Service) {
    let site = service.site().await;
    let asked = seed_poll(json!({ "site": site, "correct": "no", "explanation": WHY }));
    let (_, key) = service.key(&site, &["polls:read", "polls:write"]).await;
    let publisher = service.client().with_key(&key);
    let made = publisher.post("/v1/polls").json(&asked).send().await.is(201);
    let path = format!("/v1/polls/{}", text(&made["id"]));
    let own = publisher.get(&path).send().await;
    let tag = own.header("etag").unwrap();
    let own = own.is(200);
    assert_eq!((&own["correct"], &own["explanation"]), (&json!("no"), &json!(WHY)));
    let listed = publisher.get(&format!("/v1/polls?site={site}")).send().await.is(200);
    assert_eq!(listed["items"][0]["correct"], "no");
    let readers = service.client().get(&path).send().await.header("etag").unwrap();
    assert_ne!(tag, readers);
    // What a reader has is not what the publisher gets.
    publisher.get(&path).header("if-none-match", &readers).send().await.is(200);
    assert_eq!(publisher.get(&path).header("if-none-match", &tag).send().await.status, 304);
    // Its tag guards an edit as any does.
    let edit = publisher.patch(&path).header("if-match", &tag).json(&json!({ "explanation": null }));
    assert_eq!(edit.send().await.is(200).get("explanation"), None);
}

async fn what_makes_no_quiz_is_refused_by_name(service: &Service) {
    for (with, field) in [
        (json!({ "correct": "maybe" }), "correct"),
        (json!({ "correct": "yes", "kind": "multiple" }), "correct"),
        (json!({ "correct": "yes", "changeable": true }), "changeable"),
        (json!({ "explanation": WHY }), "explanation"),
        (json!({ "correct": "yes", "explanation": "ح".repeat(1_001) }), "explanation"),
        (json!({ "correct": "yes", "explanation": " " }), "explanation"),
    ] {
        let asked = seed_poll(with);
        let refused = service.admin().post("/v1/polls").json(&asked).send().await.refused(422, "invalid-poll");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{refused}");
    }
    let poll = service.poll(quiz()).await;
    let path = format!("/v1/polls/{poll}");
    for (edit, field) in [
        (json!({ "revision": 1, "changeable": true }), "changeable"),
        (
            json!({ "revision": 1, "options": [{ "id": "yes", "label": "نعم" }, { "id": "maybe", "label": "ربما" }] }),
            "correct",
        ),
    ] {
        let refused = service.admin().patch(&path).json(&edit).send().await.refused(422, "invalid-poll");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
}

async fn what_is_right_is_fixed_by_the_first_ballot_and_its_explanation_is_not(service: &Service) {
    let poll = service.poll(quiz()).await;
    let path = format!("/v1/polls/{poll}");
    let edited = service.admin().patch(&path).json(&json!({ "revision": 1, "correct": "yes" })).send().await.is(200);
    assert_eq!((&edited["correct"], &edited["explanation"]), (&json!("yes"), &json!(WHY)));
    let voter = service.client().new_voter().await;
    assert_eq!(voter.vote(&poll, &["yes"]).await.is(201)["quiz"]["is_correct"], true);
    for correct in [json!("no"), json!(null)] {
        let revision = service.admin().get(&path).send().await.is(200)["revision"].clone();
        let edit = json!({ "revision": revision, "correct": correct });
        let refused = service.admin().patch(&path).json(&edit).send().await.refused(422, "invalid-poll");
        assert_eq!(refused["errors"][0]["field"], "correct");
    }
    let revision = service.admin().get(&path).send().await.is(200)["revision"].clone();
    let edit = json!({ "revision": revision, "explanation": "لأن" });
    service.admin().patch(&path).json(&edit).send().await.is(200);
    let told = until(async || {
        let told = voter.vote(&poll, &["yes"]).await.is(200);
        (told["quiz"]["explanation"] == "لأن").then_some(told)
    });
    assert_eq!(told.await["quiz"]["is_correct"], true);
}

async fn a_prediction_is_resolved_when_it_is_closed_and_its_results_say_how_many_saw_it_coming(service: &Service) {
    let poll = service.poll(json!({})).await;
    for choice in ["yes", "yes", "no"] {
        service.client().new_voter().await.vote(&poll, &[choice]).await.is(201);
    }
    let path = format!("/v1/polls/{poll}/resolve");
    let resolve = async |body: Value| service.admin().post(&path).json(&body).send().await;
    let early = resolve(json!({ "option": "yes" })).await.refused(409, "poll-not-closed");
    assert_eq!(early["state"], "open");
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let before = service.client().results(&poll).await;
    assert_eq!(before.get("resolution"), None);
    let resolved = resolve(json!({ "option": "yes" })).await.is(200);
    let said = &resolved["resolution"];
    assert_eq!((&said["option"], &said["resolved_at"]), (&json!("yes"), &resolved["updated_at"]));
    for client in service.clients() {
        let results = until(async || {
            let results = client.results(&poll).await;
            results.get("resolution").is_some().then_some(results)
        });
        let results = results.await;
        let said = &results["resolution"];
        assert_eq!((&said["option"], &said["votes"], &said["share"]), (&json!("yes"), &json!(2), &json!(0.6667)));
        assert_eq!((&results["version"], &results["ballots"]), (&before["version"], &before["ballots"]));
        assert_eq!(client.get(&format!("/v1/polls/{poll}")).send().await.is(200)["resolution"]["option"], "yes");
        for page in ["", "/form"] {
            let page = client.get(&format!("/embed/{poll}{page}")).send().await.page(200);
            assert!(page.contains(FORESEEN), "{page}");
        }
        let table = client.get(&format!("/v1/polls/{poll}/results.csv")).send().await.content();
        let table = String::from_utf8(table).unwrap();
        let lines: Vec<_> = table.lines().collect();
        assert!(lines[0].ends_with(",ballots,came_true,foreseen"), "{table}");
        assert!(lines[1].ends_with(&format!(",3,true,{FORESEEN}")) && lines[2].contains(",3,false,"), "{table}");
    }
    // The same again is no news; another needs a reason.
    assert_eq!(resolve(json!({ "option": "yes" })).await.is(200)["revision"], resolved["revision"]);
    let refused = resolve(json!({ "option": "no" })).await.refused(409, "already-resolved");
    assert_eq!(refused["option"], "yes");
    let corrected = resolve(json!({ "option": "no", "reason": "أُعيد الفرز" })).await.is(200);
    assert_eq!(corrected["resolution"]["reason"], "أُعيد الفرز");
    let results = until(async || {
        let results = service.client().results(&poll).await;
        (results["resolution"]["option"] == "no").then_some(results)
    });
    assert_eq!(results.await["resolution"]["votes"], 1);
    // Resolved or not, closed is closed.
    service.client().new_voter().await.vote(&poll, &["yes"]).await.refused(409, "poll-not-open");
    let edit = json!({ "revision": corrected["revision"], "question": "؟" });
    service.admin().patch(&format!("/v1/polls/{poll}")).json(&edit).send().await.refused(409, "poll-not-open");
}

async fn what_is_no_prediction_is_not_resolved(service: &Service) {
    let site = service.site().await;
    let closed = async |with: Value| {
        let poll = service.poll(with).await;
        service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
        format!("/v1/polls/{poll}/resolve")
    };
    let admin = service.admin();
    let yes = json!({ "option": "yes" });
    for with in [json!({ "kind": "multiple" }), json!({ "correct": "yes" })] {
        admin.post(&closed(with).await).json(&yes).send().await.refused(409, "not-a-prediction");
    }
    let path = closed(json!({ "site": site })).await;
    for (body, field) in [
        (json!({ "option": "maybe" }), "option"),
        (json!({ "option": "yes", "reason": "\u{202E}" }), "reason"),
        (json!({ "option": "yes", "reason": "ح".repeat(1_001) }), "reason"),
    ] {
        let refused = admin.post(&path).json(&body).send().await.refused(422, "invalid-resolution");
        assert_eq!(refused["errors"][0]["field"], field);
    }
    for body in [json!({}), json!({ "option": 1 }), json!({ "option": "yes", "when": "now" })] {
        admin.post(&path).json(&body).send().await.refused(400, "invalid-request");
    }
    let (_, stranger) = service.key(&service.site().await, &["polls:write"]).await;
    service.client().with_key(&stranger).post(&path).json(&yes).send().await.refused(404, "not-found");
    let draft = service.poll(json!({ "state": "draft" })).await;
    let refused = admin.post(&format!("/v1/polls/{draft}/resolve")).json(&yes).send().await;
    assert_eq!(refused.refused(409, "poll-not-closed")["state"], "draft");
}

async fn a_poll_that_the_clock_alone_has_closed_is_resolved_and_closed_for_good(service: &Service) {
    let poll = service.timed_poll(|now| json!({ "closes_at": moment(now + 1_000) })).await;
    let poll = text(&poll["id"]);
    let path = format!("/v1/polls/{poll}/resolve");
    let resolved = until(async || {
        let answer = service.admin().post(&path).json(&json!({ "option": "no" })).send().await;
        (answer.status == 200).then(|| answer.is(200))
    });
    let resolved = resolved.await;
    assert_eq!((&resolved["state"], &resolved["resolution"]["option"]), (&json!("closed"), &json!("no")));
    let refused = service.client().new_voter().await.vote(&poll, &["yes"]).await.refused(409, "poll-not-open");
    assert_eq!(refused["state"], "closed");
}

async fn a_prediction_whose_results_are_hidden_says_what_came_true_and_no_more(service: &Service) {
    let poll = service.poll(json!({ "results": "never" })).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    service.admin().post(&format!("/v1/polls/{poll}/resolve")).json(&json!({ "option": "yes" })).send().await.is(200);
    let client = service.client();
    assert_eq!(client.get(&format!("/v1/polls/{poll}")).send().await.is(200)["resolution"]["option"], "yes");
    client.get(&format!("/v1/polls/{poll}/results")).send().await.refused(403, "results-hidden");
}

service_rules![
    a_quiz_tells_nobody_what_is_right_before_they_have_voted,
    who_has_voted_in_a_quiz_is_told_what_is_right_and_why,
    a_key_that_reads_polls_is_told_what_is_right_under_a_tag_of_its_own,
    what_makes_no_quiz_is_refused_by_name,
    what_is_right_is_fixed_by_the_first_ballot_and_its_explanation_is_not,
    a_prediction_is_resolved_when_it_is_closed_and_its_results_say_how_many_saw_it_coming,
    what_is_no_prediction_is_not_resolved,
    a_poll_that_the_clock_alone_has_closed_is_resolved_and_closed_for_good,
    a_prediction_whose_results_are_hidden_says_what_came_true_and_no_more,
];
