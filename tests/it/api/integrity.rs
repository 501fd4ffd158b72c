//! Labels, as those see them who decide whether their ballots count; and what readers see of it.

use std::sync::Arc;

use sawt::poll::{Ballot, Poll};
use serde_json::{Value, json};

use crate::{
    client::{Client, until},
    events::Events,
    registry::service_rules,
    service::{Service, text},
    store::stage::{Stage, ballot, label, labelled},
};

service_rules![
    who_moderates_a_poll_sees_its_ballots_by_their_labels,
    a_label_is_held_voided_and_released_and_the_log_says_by_whom_and_why,
    what_is_held_leaves_the_tally_that_readers_see_on_every_replica,
    what_is_decided_after_the_close_is_told_beside_the_final_figure,
    what_is_decided_after_the_close_is_told_beside_who_won_and_in_the_picture,
    a_decision_without_a_reason_is_refused,
    what_is_no_label_is_not_decided_of,
    ballots_cast_while_an_incident_goes_on_have_its_label_and_count_until_it_is_held,
    an_incident_is_opened_in_an_open_poll_alone_and_closed_once,
    a_false_alarm_is_dismissed_after_the_close_too,
    a_disputed_poll_says_so_wherever_its_results_are_shown,
];

/// Votes in a poll, and their labels: `yes` by 4 voters, `no` by 2, and `no` by 3 without a mark.
pub(crate) async fn labelled_poll(service: &Service, with: Value) -> String {
    let id = service.poll(with).await;
    let store = service.storage().store().await;
    let poll: Poll = store.poll(id.parse().unwrap()).await.unwrap().unwrap();
    let stage = Stage { store: Arc::clone(&store), site: poll.site.clone() };
    let mut ballots: Vec<Ballot> =
        (0..6).map(|voter| ballot(&poll, voter, &[if voter < 4 { "yes" } else { "no" }])).collect();
    ballots.extend((6..9).map(|voter| labelled(&poll, voter, &["no"], label(1))));
    stage.apply(&poll, &ballots).await;
    id
}

async fn report(client: &Client, poll: &str) -> Value {
    client.get(&format!("/v1/polls/{poll}/integrity")).send().await.is(200)
}

pub(crate) async fn decide(client: &Client, poll: &str, decision: &str, reason: &str) -> Value {
    let path = format!("/v1/polls/{poll}/integrity/labels/no-mark");
    client.post(&path).json(&json!({ "decision": decision, "reason": reason })).send().await.is(200)
}

/// Ballots, and the votes of `yes` and `no`.
fn figure(tally: &Value) -> [u64; 3] {
    let votes = |place: usize| tally["options"][place]["votes"].as_u64().expect("votes");
    [tally["ballots"].as_u64().expect("ballots"), votes(0), votes(1)]
}

/// The next tally of a stream that is as it must be.
async fn tally_with(stream: &mut Events, is: impl Fn(&Value) -> bool) -> Value {
    loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.name == "tally" && is(&event.data) {
            return event.data;
        }
    }
}

async fn who_moderates_a_poll_sees_its_ballots_by_their_labels(service: &Service) {
    let site = service.site().await;
    let (_, key) = service.key(&site, &["polls:moderate"]).await;
    let moderator = service.client().with_key(&key);
    let poll = labelled_poll(service, json!({ "site": site })).await;
    let seen = report(&moderator, &poll).await;
    assert_eq!(
        seen,
        json!({
            "poll": poll, "revision": 1, "state": "open",
            "raw": { "ballots": 9, "options": [{ "id": "yes", "votes": 4 }, { "id": "no", "votes": 5 }] },
            "counted": { "ballots": 9, "options": [{ "id": "yes", "votes": 4 }, { "id": "no", "votes": 5 }] },
            "held": { "ballots": 0, "options": [{ "id": "yes", "votes": 0 }, { "id": "no", "votes": 0 }] },
            "void": { "ballots": 0, "options": [{ "id": "yes", "votes": 0 }, { "id": "no", "votes": 0 }] },
            "labels": [
                { "label": "clean", "decision": "counted", "ballots": 6,
                  "options": [{ "id": "yes", "votes": 4 }, { "id": "no", "votes": 2 }] },
                { "label": "no-mark", "decision": "counted", "ballots": 3,
                  "options": [{ "id": "yes", "votes": 0 }, { "id": "no", "votes": 3 }] },
            ],
            "grade": "clean",
            "labels_left": 23, "incidents": [],
        })
    );
    for (decision, apart) in [("held", "held"), ("void", "void"), ("counted", "counted")] {
        let seen = decide(&moderator, &poll, decision, "ثلاثة أصوات بلا علامة").await;
        assert_eq!(seen, report(&moderator, &poll).await);
        let sums = ["counted", "held", "void"].map(|name| figure(&seen[name]));
        let together = sums.iter().fold([0; 3], |sum, figure| [0, 1, 2].map(|at| sum[at] + figure[at]));
        assert_eq!((together, figure(&seen["raw"])), ([9, 4, 5], [9, 4, 5]), "{seen}");
        let expected = if apart == "counted" { [9, 4, 5] } else { [3, 0, 3] };
        assert_eq!(figure(&seen[apart]), expected);
        assert_eq!(seen["labels"][1]["decision"], decision);
    }
    // Nothing of it is a reader's, or of another site's.
    let (_, other) = service.key(&service.site().await, &["polls:moderate"]).await;
    let path = format!("/v1/polls/{poll}/integrity");
    service.client().with_key(&other).get(&path).send().await.refused(404, "not-found");
    service.client().get(&path).send().await.refused(401, "key-required");
    for public in [format!("/v1/polls/{poll}"), format!("/v1/polls/{poll}/results")] {
        let told = service.client().get(&public).send().await.is(200).to_string();
        assert!(!told.contains("decision") && !told.contains("no-mark"), "{told}");
    }
}

async fn a_label_is_held_voided_and_released_and_the_log_says_by_whom_and_why(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:moderate", "polls:read"]).await;
    let moderator = service.client().with_key(&key);
    let poll = labelled_poll(service, json!({ "site": site })).await;
    for (decision, reason) in [("held", "why held"), ("held", "again"), ("void", "why void"), ("counted", "why not")] {
        decide(&moderator, &poll, decision, reason).await;
    }
    assert_eq!(report(&moderator, &poll).await["revision"], 4, "the same again changes nothing");
    let told = until(async || {
        let page = moderator.get(&format!("/v1/sites/{site}/events?poll={poll}")).send().await.is(200);
        let of_labels = |event: &&Value| text(&event["type"]).starts_with("label.");
        let told: Vec<Value> = page["items"].as_array().expect("events").iter().filter(of_labels).cloned().collect();
        (told.len() == 3).then_some(told)
    })
    .await;
    let expected = [("label.held", "why held"), ("label.voided", "why void"), ("label.released", "why not")];
    for (event, (kind, reason)) in told.iter().zip(expected) {
        assert_eq!((&event["type"], &event["actor"]), (&json!(kind), &json!(id)));
        assert_eq!((&event["data"]["label"], &event["data"]["reason"]), (&json!("no-mark"), &json!(reason)));
    }
}

async fn what_is_held_leaves_the_tally_that_readers_see_on_every_replica(service: &Service) {
    let poll = labelled_poll(service, json!({})).await;
    let path = format!("/v1/polls/{poll}/results");
    let before = service.client().get(&path).send().await;
    let tag = before.header("etag").expect("a tag");
    let before = before.is(200);
    assert_eq!(figure(&before), [9, 4, 5]);
    let mut stream = service.clients().remove(1).live(&poll).await;
    tally_with(&mut stream, |tally| figure(tally) == [9, 4, 5]).await;
    decide(&service.admin(), &poll, "held", "why").await;
    tally_with(&mut stream, |tally| tally.get("display").is_some()).await;
    assert_eq!(figure(&service.admin().results(&poll).await), [6, 4, 2]);
    for client in service.clients() {
        let after = until(async || {
            let answer = client.get(&path).header("if-none-match", &tag).send().await;
            (answer.status == 200).then(|| answer.is(200))
        })
        .await;
        // Nobody can tell by what they see whether a ballot of theirs is held.
        assert_eq!((&after["ballots"], &after["ballots_under"]), (&json!(1), &json!(100)));
        assert_eq!(after["options"][0], json!({ "id": "yes", "label": "نعم", "share": 0.67 }));
        // Whoever has the tally of before takes it for an older one.
        assert!(after["version"].as_u64() > before["version"].as_u64(), "{after}");
    }
    decide(&service.admin(), &poll, "counted", "why").await;
    assert_eq!(figure(&service.client().results(&poll).await), [9, 4, 5]);
}

async fn what_is_decided_after_the_close_is_told_beside_the_final_figure(service: &Service) {
    let poll = labelled_poll(service, json!({})).await;
    let admin = service.admin();
    decide(&admin, &poll, "held", "before the close").await;
    admin.post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let path = format!("/v1/polls/{poll}/results");
    let at_close = service.client().get(&path).send().await;
    let tag = at_close.header("etag").expect("a tag");
    let at_close = at_close.is(200);
    assert_eq!((figure(&at_close), at_close.get("addendum")), ([6, 4, 2], None));
    let mut stream = service.client().live(&poll).await;
    tally_with(&mut stream, |tally| tally.get("addendum").is_none()).await;

    let seen = decide(&admin, &poll, "counted", "the hosts were a school's").await;
    assert_eq!((figure(&seen["final"]), figure(&seen["counted"])), ([6, 4, 2], [9, 4, 5]));
    let streamed = tally_with(&mut stream, |tally| tally.get("addendum").is_some()).await["addendum"].clone();
    for client in service.clients() {
        let told = until(async || {
            let answer = client.get(&path).header("if-none-match", &tag).send().await;
            (answer.status == 200).then(|| answer.is(200))
        })
        .await;
        assert_eq!(figure(&told), [6, 4, 2], "the figure at the close is final");
        assert_eq!((figure(&told["addendum"]), &told["addendum"]["revision"]), ([9, 4, 5], &seen["revision"]));
        assert_eq!(told["addendum"]["options"][1]["share"], 0.5556);
        assert_eq!(streamed["ballots"], told["addendum"]["ballots"]);
    }
    let page = service.client().get(&format!("/embed/{poll}?lang=en")).send().await.page(200);
    assert!(page.contains("By what was decided of ballots after the close: 9 votes"), "{page}");
    let table = service.client().get(&format!("{path}.csv")).send().await;
    let table = String::from_utf8_lossy(&table.body).into_owned();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].ends_with(",ballots,addendum_votes,addendum_share,addendum_ballots"), "{table}");
    assert!(lines[1].ends_with(",4,0.6667,6,4,0.4444,9") && lines[2].ends_with(",2,0.3333,6,5,0.5556,9"), "{table}");
    // Decided as it was at the close, there is nothing to add.
    decide(&admin, &poll, "held", "it was none").await;
    assert_eq!(service.client().results(&poll).await.get("addendum"), None);
}

async fn what_is_decided_after_the_close_is_told_beside_who_won_and_in_the_picture(service: &Service) {
    let poll = labelled_poll(service, json!({ "kind": "ranked" })).await;
    let admin = service.admin();
    decide(&admin, &poll, "held", "before the close").await;
    let incidents = format!("/v1/polls/{poll}/integrity/incidents");
    admin.post(&incidents).json(&json!({ "reason": "دعوة" })).send().await.is(200);
    admin.post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let path = format!("/v1/polls/{poll}/results/runoff");
    let at_close = service.client().get(&path).send().await.is(200);
    assert_eq!((&at_close["ballots"], &at_close["winner"], at_close.get("addendum")), (&json!(6), &json!("yes"), None));
    assert_eq!(at_close["disputed"], true, "{at_close}");
    assert!(text(&at_close["disclosure"]["text"]["fr"]).starts_with("Ce résultat est contesté"), "{at_close}");
    let close = format!("{incidents}/incident-8/close");
    admin.post(&close).json(&json!({ "reason": "؟" })).send().await.is(200);
    let picture = async || {
        let answer = service.client().get(&format!("/polls/{poll}/card.png")).send().await;
        assert_eq!(answer.status, 200, "{answer}");
        answer.header("etag")
    };
    let drawn_at_close = picture().await;
    let seen = decide(&admin, &poll, "counted", "the hosts were a school's").await;
    for client in service.clients() {
        let told = until(async || {
            let told = client.get(&path).send().await.is(200);
            told.get("addendum").is_some().then_some(told)
        })
        .await;
        assert_eq!(
            (&told["ballots"], &told["winner"], &told["rounds"]),
            (&json!(6), &json!("yes"), &at_close["rounds"])
        );
        let addendum = &told["addendum"];
        assert_eq!((&addendum["ballots"], &addendum["winner"]), (&json!(9), &json!("no")));
        assert_eq!(addendum["revision"], seen["revision"]);
        assert!(told.get("disputed").is_none() && told.get("disclosure").is_none(), "{told}");
    }
    until(async || (picture().await != drawn_at_close).then_some(())).await;
}

async fn a_decision_without_a_reason_is_refused(service: &Service) {
    let poll = labelled_poll(service, json!({})).await;
    let path = format!("/v1/polls/{poll}/integrity/labels/no-mark");
    let decide = async |body: Value| service.admin().post(&path).json(&body).send().await;
    for reason in ["", " ", "\u{202E}", &"م".repeat(301)] {
        let refused = decide(json!({ "decision": "held", "reason": reason })).await.refused(422, "invalid-decision");
        assert_eq!(refused["errors"][0]["field"], "reason", "{refused}");
    }
    decide(json!({ "decision": "held" })).await.refused(400, "invalid-request");
    let refused = decide(json!({ "decision": "hidden", "reason": "?" })).await.refused(400, "invalid-request");
    assert!(text(&refused["detail"]).contains("counted, held, void"), "{refused}");
    assert_eq!(report(&service.admin(), &poll).await["revision"], 1);
}

async fn what_is_no_label_is_not_decided_of(service: &Service) {
    let poll = service.poll(json!({})).await;
    let held = json!({ "decision": "held", "reason": "?" });
    for name in ["clean", "0", "32", "incident-7", "incident-31", "class-6", "No-Mark", "علامة"] {
        let path = format!("/v1/polls/{poll}/integrity/labels/{name}");
        service.admin().post(&path).json(&held).send().await.refused(404, "not-found");
    }
    for name in ["no-mark", "hosting-network", "no-work", "incident-8", "incident-30", "other-incidents"] {
        let path = format!("/v1/polls/{poll}/integrity/labels/{name}");
        service.admin().post(&path).json(&held).send().await.is(200);
    }
    let seen = report(&service.admin(), &poll).await;
    let names: Vec<String> = seen["labels"].as_array().expect("labels").iter().map(|it| text(&it["label"])).collect();
    assert_eq!(
        names,
        ["clean", "no-mark", "hosting-network", "no-work", "incident-8", "incident-30", "other-incidents"]
    );
}

async fn ballots_cast_while_an_incident_goes_on_have_its_label_and_count_until_it_is_held(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:moderate", "polls:read"]).await;
    let moderator = service.client().with_key(&key);
    let poll = service.poll(json!({ "site": site })).await;
    let incidents = format!("/v1/polls/{poll}/integrity/incidents");
    let vote = async |option: &str| service.client().new_voter().await.vote(&poll, &[option]).await.is(201);
    vote("yes").await;
    let opened = moderator.post(&incidents).json(&json!({ "reason": "دعوة" })).send().await.is(200);
    let incident = &opened["incidents"][0];
    assert_eq!((&incident["label"], &incident["cause"]), (&json!("incident-8"), &json!("editor")));
    vote("no").await;
    vote("no").await;
    let close = moderator.post(&format!("{incidents}/incident-8/close"));
    let closed = close.json(&json!({ "reason": "حُذفت" })).send().await.is(200);
    assert_eq!((&closed["incidents"][0]["ballots"], &closed["counted"]["ballots"]), (&json!(2), &json!(3)));
    assert_eq!(closed["incidents"][0]["closed_because"], "حُذفت");
    vote("yes").await;

    let graded = async || {
        let told = service.admin().results(&poll).await;
        (text(&told["grade"]), told["grade_reasons"].clone())
    };
    assert_eq!(graded().await, ("clean".to_owned(), json!([])), "an editor has ended it");
    assert_eq!(service.client().results(&poll).await.get("grade"), None, "it is not for readers");

    let hold = moderator.post(&format!("/v1/polls/{poll}/integrity/labels/incident-8"));
    let held = hold.json(&json!({ "decision": "held", "reason": "منسّقة" })).send().await.is(200);
    let of_label = json!(["ballots with the label incident-8 are held"]);
    assert_eq!((graded().await, &held["labels_left"]), (("watched".to_owned(), of_label.clone()), &json!(22)));
    assert_eq!((figure(&held["counted"]), figure(&held["held"])), ([2, 2, 0], [2, 0, 2]));
    let again = moderator.post(&incidents).json(&json!({ "reason": "؟" })).send().await.is(200);
    let labels: Vec<String> =
        again["incidents"].as_array().expect("incidents").iter().map(|it| text(&it["label"])).collect();
    assert_eq!(labels, ["incident-9", "incident-8"], "an incident has a label of its own");
    assert_eq!(
        (&again["grade"], graded().await),
        (&json!("disputed"), ("disputed".to_owned(), json!(["؟", of_label[0]])))
    );

    let told = until(async || {
        let page = moderator.get(&format!("/v1/sites/{site}/events?poll={poll}")).send().await.is(200);
        let of_incidents = |event: &&Value| text(&event["type"]).starts_with("incident.");
        let told: Vec<Value> = page["items"].as_array().expect("events").iter().filter(of_incidents).cloned().collect();
        (told.len() == 3).then_some(told)
    })
    .await;
    for (event, (kind, label, reason)) in told.iter().zip([
        ("incident.opened", "incident-8", "دعوة"),
        ("incident.closed", "incident-8", "حُذفت"),
        ("incident.opened", "incident-9", "؟"),
    ]) {
        assert_eq!((&event["type"], &event["actor"]), (&json!(kind), &json!(id)));
        assert_eq!((&event["data"]["label"], &event["data"]["reason"]), (&json!(label), &json!(reason)));
    }
}

async fn an_incident_is_opened_in_an_open_poll_alone_and_closed_once(service: &Service) {
    let poll = service.poll(json!({})).await;
    let incidents = format!("/v1/polls/{poll}/integrity/incidents");
    let admin = service.admin();
    let send = async |path: &str, body: &Value| admin.post(path).json(body).send().await;
    let why = json!({ "reason": "؟" });
    let refused = send(&incidents, &json!({ "reason": " " })).await.refused(422, "invalid-decision");
    assert_eq!(refused["errors"][0]["field"], "reason");
    for none in ["incident-8", "clean", "no-mark", "x"] {
        send(&format!("{incidents}/{none}/close"), &why).await.refused(404, "not-found");
    }
    let opened = send(&incidents, &why).await.is(200);
    assert_eq!(send(&incidents, &why).await.is(200), opened, "it goes on already");
    let close = format!("{incidents}/incident-8/close");
    send(&close, &json!({ "reason": "" })).await.refused(422, "invalid-decision");
    let closed = send(&close, &why).await.is(200);
    assert_eq!(send(&close, &json!({ "reason": "again" })).await.is(200), closed, "it is closed already");
    assert_eq!(closed["revision"].as_u64(), opened["revision"].as_u64().map(|revision| revision + 1));
    for number in 0..40 {
        send(&incidents, &json!({ "reason": format!("{number}") })).await.is(200);
    }
    send(&incidents, &why).await.refused(409, "too-many-incidents");
    admin.post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    send(&incidents, &why).await.refused(409, "poll-not-open");
}

async fn a_false_alarm_is_dismissed_after_the_close_too(service: &Service) {
    let poll = service.poll(json!({})).await;
    let incidents = format!("/v1/polls/{poll}/integrity/incidents");
    let admin = service.admin();
    admin.post(&incidents).json(&json!({ "reason": "دعوة" })).send().await.is(200);
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    admin.post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let before = service.client().results(&poll).await;
    assert_eq!((&before["disputed"], figure(&before)), (&json!(true), [1, 0, 1]));
    let mut stream = service.client().live(&poll).await;
    tally_with(&mut stream, |tally| tally.get("disputed").is_some()).await;

    let close = admin.post(&format!("{incidents}/incident-8/close"));
    let dismissed = close.json(&json!({ "reason": "كانت مدرسة" })).send().await.is(200);
    assert_eq!((&dismissed["grade"], &dismissed["state"]), (&json!("clean"), &json!("closed")));
    let (incident, closes_at) = (
        &dismissed["incidents"][0],
        &service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200)["closes_at"],
    );
    assert_eq!((&incident["closed_because"], &incident["closed_at"]), (&json!("كانت مدرسة"), closes_at));
    tally_with(&mut stream, |tally| tally.get("disputed").is_none()).await;
    for client in service.clients() {
        let after = until(async || {
            let after = client.results(&poll).await;
            after.get("disputed").is_none().then_some(after)
        })
        .await;
        assert_eq!(
            (figure(&after), &after["version"], &after["epoch"]),
            ([1, 0, 1], &before["version"], &before["epoch"])
        );
    }
    let again = admin.post(&format!("{incidents}/incident-8/close"));
    assert_eq!(again.json(&json!({ "reason": "؟" })).send().await.is(200), dismissed, "it is dismissed already");
}

/// Whether each of the places where a poll's results are shown says that they are disputed.
async fn disputed_at(client: &Client, poll: &str) -> Vec<(&'static str, bool)> {
    let told = client.results(poll).await;
    let content = async |path: String| {
        let answer = client.get(&path).send().await;
        assert_eq!(answer.status, 200, "{answer}");
        String::from_utf8_lossy(&answer.content()).into_owned()
    };
    let page = content(format!("/embed/{poll}?lang=en&view=results")).await;
    let form = content(format!("/embed/{poll}/form?lang=en&view=results")).await;
    let says_so =
        |page: &str| page.contains("<p class=\"sawt-disputed\" part=\"disputed\" dir=\"ltr\">This result is disputed");
    let alt = page.split_once("og:image:alt\" content=\"").expect("a picture").1.split('"').next().expect("an end");
    let several = client.get(&format!("/v1/results?polls={poll}")).send().await.is(200);
    let mut stream = client.live(poll).await;
    let streamed = tally_with(&mut stream, |_| true).await;
    // While readers see snapshots there is none.
    let timeline = client.get(&format!("/v1/polls/{poll}/timeline.csv")).send().await;
    let timeline =
        if timeline.status == 403 { alt.to_owned() } else { String::from_utf8_lossy(&timeline.body).into_owned() };
    vec![
        ("results", told.get("disputed") == Some(&json!(true))),
        (
            "in words",
            told["disclosure"]["text"]["fr"].as_str().is_some_and(|text| text.starts_with("Ce résultat est contesté")),
        ),
        ("several results", several["results"][0].get("disputed").is_some()),
        ("a stream", streamed.get("disputed").is_some()),
        ("a table", content(format!("/v1/polls/{poll}/results.csv")).await.contains("هذه النتيجة موضع شك")),
        ("the page", says_so(&page)),
        ("the plain form", says_so(&form)),
        ("the picture", alt.starts_with("هذه النتيجة موضع شك")),
        ("a timeline", timeline.contains("هذه النتيجة موضع شك")),
    ]
}

async fn a_disputed_poll_says_so_wherever_its_results_are_shown(service: &Service) {
    let poll = service.poll(json!({})).await;
    let admin = service.admin();
    let incidents = format!("/v1/polls/{poll}/integrity/incidents");
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let all = async |is: bool| {
        for client in service.clients() {
            let told = until(async || {
                let told = disputed_at(&client, &poll).await;
                (told[0].1 == is).then_some(told)
            })
            .await;
            assert!(told.iter().all(|(_, said)| *said == is), "{told:?}");
        }
    };
    all(false).await;
    admin.post(&incidents).json(&json!({ "reason": "دعوة" })).send().await.is(200);
    let voted = service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    assert_eq!(voted["results"]["disputed"], true, "{voted}");
    all(true).await;
    let cited = admin.post(&format!("/v1/polls/{poll}/snapshots")).json(&json!({})).send().await.is(201);
    let said = &cited["snapshot"];
    assert!(said["disclosure"].is_string() && said.get("disclosed").is_none(), "{said}");
    admin.post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    all(true).await;
    let label = format!("/v1/polls/{poll}/integrity/labels/incident-8");
    admin.post(&label).json(&json!({ "decision": "void", "reason": "؟" })).send().await.is(200);
    all(false).await;
}
