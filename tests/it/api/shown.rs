//! How much of a tally readers are shown: nothing before there are enough ballots, and no exact number of an open poll
//! that is shown in percent or with delay. Every address that tells something of a poll is asked.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, until},
    registry::service_rules,
    service::{PUBLIC_URL, Service, seed_poll, text},
};

/// Every address that tells readers something of a poll.
fn told(poll: &str, site: &str) -> Vec<String> {
    vec![
        format!("/v1/polls/{poll}"),
        format!("/v1/polls/{poll}/results"),
        format!("/v1/polls/{poll}/results.csv"),
        format!("/v1/polls/{poll}/results/runoff"),
        format!("/v1/polls/{poll}/timeline?interval=PT1M"),
        format!("/v1/polls/{poll}/timeline.csv?interval=PT1M"),
        format!("/v1/results?polls={poll}"),
        format!("/v1/results?site={site}"),
        format!("/v1/sites/{site}/trending?by=votes&window=1h"),
        format!("/embed/{poll}"),
        format!("/embed/{poll}/form"),
        format!("/embed/{poll}/form?view=results"),
        format!("/oembed?url={PUBLIC_URL}/embed/{poll}"),
    ]
}

/// The numbers that stand in a text, by themselves.
fn numbers(text: &str) -> Vec<String> {
    let parts = text.split(|character: char| !character.is_alphanumeric());
    parts.filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned).collect()
}

/// That an answer says none of these numbers, in its body and in its headers.
fn tells_none(answer: &Answer, secrets: &[&str]) {
    let lines = answer.headers().into_iter().filter(|(name, _)| name != "content-length");
    let headers = lines.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
    let said = headers + "\n" + &String::from_utf8_lossy(&answer.content());
    let found: Vec<_> = numbers(&said).into_iter().filter(|number| secrets.contains(&number.as_str())).collect();
    assert!(found.is_empty(), "{found:?} is told: {said}");
}

/// Casts so many votes for each option.
async fn vote(service: &Service, poll: &str, counts: &[(&str, usize)]) {
    let choices = counts.iter().flat_map(|(choice, count)| std::iter::repeat_n(*choice, *count));
    let cast = choices.map(|choice| async move {
        service.client().new_voter().await.vote(poll, &[choice]).await.is(201);
    });
    stream::iter(cast).buffer_unordered(16).collect::<Vec<()>>().await;
}

/// An open poll of a site of its own with 215 ballots, and a key that sees all of it.
async fn poll_with_votes(service: &Service, with: Value) -> (String, String, Client) {
    let site = service.site().await;
    let mut asked = seed_poll(with);
    asked["site"] = json!(site);
    let poll = text(&service.admin().post("/v1/polls").json(&asked).send().await.is(201)["id"]);
    vote(service, &poll, &[("yes", 112), ("no", 103)]).await;
    let (_, key) = service.key(&site, &["results:read"]).await;
    let key = service.client().with_key(&key);
    until(async || (key.results(&poll).await["ballots"] == 215).then_some(())).await;
    (poll, site, key)
}

/// Of 215 ballots, 112 for yes: the numbers that tell it.
const SECRETS: [&str; 8] = ["112", "103", "215", "5209", "4791", "520", "521", "479"];

async fn a_poll_in_percent_tells_readers_no_exact_number_by_anything(service: &Service) {
    let (poll, site, key) = poll_with_votes(service, json!({ "display": "percent" })).await;
    let voter = service.client().new_voter().await;
    let own = voter.vote(&poll, &["yes"]).await;
    tells_none(&own, &["113", "216", "112", "103", "215"]);
    let results = own.is(201)["results"].clone();
    assert_eq!(
        (&results["display"], &results["ballots"], &results["version"]),
        (&json!("percent"), &json!(210), &json!(210))
    );
    assert_eq!(results["options"], json!([{ "id": "yes", "share": 0.52 }, { "id": "no", "share": 0.48 }]));
    let secrets = [&SECRETS[..], &["113", "216"]].concat();
    for client in [service.client(), voter.clone()] {
        for path in told(&poll, &site) {
            let answer = client.get(&path).send().await;
            tells_none(&answer, &secrets);
            if path.contains("timeline") {
                answer.refused(403, "results-hidden");
            }
        }
    }
    let table = service.client().get(&format!("/v1/polls/{poll}/results.csv")).send().await;
    let table = String::from_utf8(table.content()).expect("a table is UTF-8");
    assert!(table.lines().nth(1).is_some_and(|line| line.ends_with(",yes,نعم,,0.52,210,percent")), "{table}");
    let page = service.client().get(&format!("/embed/{poll}")).send().await.page(200);
    assert!(page.contains("52%") && page.contains("210 أصوات على الأقل") && page.contains("48%"), "{page}");

    // Neither what a stream says nor when it says something tells of a vote.
    let mut blind = service.client().live(&poll).await;
    let first = blind.expect("tally").await;
    assert_eq!((first.versions().as_deref(), &first.data["ballots"]), (Some("210"), &json!(210)));
    let mut sees_all = key.live(&poll).await;
    assert_eq!(sees_all.expect("tally").await.data["options"][0]["votes"], 113);
    let tag = async |client: &Client| client.get(&format!("/v1/polls/{poll}/results")).send().await.header("etag");
    let before = tag(&service.client()).await;
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    sees_all.tally_from(217).await;
    assert_eq!(tag(&service.client()).await, before);
    service
        .admin()
        .patch(&format!("/v1/polls/{poll}"))
        .json(&json!({ "revision": 1, "language": "en" }))
        .send()
        .await
        .is(200);
    blind.expect("poll").await;
    // Its end is told as it is.
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let last = loop {
        let event = blind.next().await.expect("the close is told");
        if event.data["state"] == "closed" && event.name == "tally" {
            break event.data;
        }
    };
    assert_eq!((&last["ballots"], &last["options"][1]["votes"], last.get("display")), (&json!(217), &json!(104), None));
}

async fn a_percentage_is_told_anew_when_it_is_another(service: &Service) {
    let poll = service.poll(json!({ "display": "percent" })).await;
    let client = service.client();
    let mut stream = client.live(&poll).await;
    assert_eq!(stream.expect("tally").await.data["ballots"], 0);
    let path = format!("/v1/polls/{poll}/results");
    let mut tags = Vec::new();
    for (choice, share, ballots) in [("yes", 1.0, 1), ("no", 0.5, 2), ("no", 0.33, 3)] {
        client.new_voter().await.vote(&poll, &[choice]).await.is(201);
        let told = stream.expect("tally").await.data;
        assert_eq!((told["options"][0]["share"].as_f64(), &told["ballots"]), (Some(share), &json!(ballots)));
        tags.push(client.get(&path).send().await.header("etag").expect("a tag"));
    }
    tags.dedup();
    assert_eq!(tags.len(), 3);
    assert_eq!(client.get(&path).header("if-none-match", &tags[2]).send().await.status, 304);
    client.get(&path).header("if-none-match", &tags[1]).send().await.is(200);
}

async fn a_delayed_poll_tells_readers_nothing_of_the_last_minutes(service: &Service) {
    let (poll, site, key) = poll_with_votes(service, json!({ "display": "delayed" })).await;
    let voter = service.client().new_voter().await;
    let own = voter.vote(&poll, &["yes"]).await;
    tells_none(&own, &["113", "216", "112", "103", "215"]);
    let secrets = [&SECRETS[..], &["113", "216"]].concat();
    for client in [service.client(), voter.clone()] {
        for path in told(&poll, &site) {
            tells_none(&client.get(&path).send().await, &secrets);
        }
    }
    let results = service.client().results(&poll).await;
    let told = (&results["display"], &results["ballots"], &results["version"], &results["options"][0]["votes"]);
    assert_eq!(told, (&json!("delayed"), &json!(0), &json!(0), &json!(0)));
    let now = key.results(&poll).await;
    let millis = |results: &Value| crate::service::time(&results["as_of"]).as_millis();
    let age = millis(&now) - millis(&results);
    assert!(millis(&results) % 60_000 == 0 && (300_000..=480_000).contains(&age), "{age} ms");
    let timeline = service.client().get(&format!("/v1/polls/{poll}/timeline")).send().await.is(200);
    assert_eq!(timeline["buckets"], json!([]));
    assert_eq!(now["ballots"], 216);
    let mut stream = service.client().live(&poll).await;
    assert_eq!(stream.expect("tally").await.versions().as_deref(), Some("0"));
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let last = loop {
        let event = stream.next().await.expect("the close is told");
        if event.data["state"] == "closed" && event.name == "tally" {
            break event.data;
        }
    };
    assert_eq!((&last["ballots"], last.get("display")), (&json!(216), None));
}

async fn before_enough_ballots_readers_are_shown_no_share_by_anything(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "minimum_ballots": 3 })).await;
    let (_, key) = service.key(&site, &["results:read"]).await;
    let key = service.client().with_key(&key);
    let mut stream = service.client().live(&poll).await;
    let first = stream.expect("poll").await;
    assert_eq!((&first.data["minimum_ballots"], first.id), (&json!(3), None));
    let voter = service.client().new_voter().await;
    assert_eq!(voter.vote(&poll, &["yes"]).await.is(201)["results"], Value::Null);
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    for client in [service.client(), voter.clone()] {
        for path in told(&poll, &site) {
            let answer = client.get(&path).send().await;
            if path.starts_with("/v1/polls") && path != format!("/v1/polls/{poll}") {
                let refused = answer.refused(403, "results-hidden");
                assert!(text(&refused["detail"]).contains("3 ballots"), "{refused}");
            } else if path.starts_with("/embed") {
                let page = answer.page(200);
                assert!(page.contains("تظهر النتائج بعد 3 إجابات"), "{page}");
                assert!(page.contains("part=\"share\"></span>") && page.contains("part=\"votes\"></span>"), "{page}");
            } else if path.starts_with("/v1/results") {
                assert_eq!(answer.is(200)["results"][0], json!({ "poll": poll, "code": "results-hidden" }));
            } else {
                assert!(!String::from_utf8_lossy(&answer.content()).contains("\"share\""), "{answer}");
            }
        }
    }
    assert_eq!(key.results(&poll).await["options"][0]["votes"], 2);
    key.get(&format!("/v1/polls/{poll}/timeline")).send().await.is(200);
    let mut sees_all = key.live(&poll).await;
    assert_eq!(sees_all.expect("tally").await.data["ballots"], 2);
    // The third shows all, to whoever waits for it too.
    let third = service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    assert_eq!(third["results"]["ballots"], 3);
    assert_eq!(stream.expect("tally").await.data["ballots"], 3);
    assert_eq!(service.client().results(&poll).await["ballots"], 3);
    let page = service.client().get(&format!("/embed/{poll}")).send().await.page(200);
    assert!(page.contains("66.7%"), "{page}");
    // Fewer than enough stay hidden when the poll is closed.
    let few = service.poll(json!({ "minimum_ballots": 2 })).await;
    voter.vote(&few, &["yes"]).await.is(201);
    service.admin().post(&format!("/v1/polls/{few}/close")).send().await.is(200);
    service.client().get(&format!("/v1/polls/{few}/results")).send().await.refused(403, "results-hidden");
}

async fn what_is_ranked_or_rated_is_in_percent_too(service: &Service) {
    let options = json!([{ "id": "a", "label": "أ" }, { "id": "b", "label": "ب" }, { "id": "c", "label": "ج" }]);
    let ranked = service.poll(json!({ "kind": "ranked", "display": "percent", "options": options })).await;
    let delayed = service.poll(json!({ "kind": "ranked", "display": "delayed", "options": options })).await;
    for poll in [&ranked, &delayed] {
        for order in [&["a", "b"][..], &["b"], &["a"]] {
            service.client().new_voter().await.vote(poll, order).await.is(201);
        }
        let results = service.client().results(poll).await;
        assert!(!results.to_string().contains("borda"), "{results}");
        service.client().get(&format!("/v1/polls/{poll}/results/runoff")).send().await.refused(403, "results-hidden");
    }
    assert_eq!(service.client().results(&ranked).await["options"][0]["share"], 0.67);
    let mut rating = json!({ "question": "؟", "kind": "rating", "display": "percent" });
    rating["scale"] = json!({ "low": 0, "high": 10 });
    let rating = text(&service.admin().post("/v1/polls").json(&rating).send().await.is(201)["id"]);
    for step in ["10", "10", "1"] {
        service.client().new_voter().await.vote(&rating, &[step]).await.is(201);
    }
    let told = service.client().results(&rating).await;
    // Of a hundred: 67 for 10 and 33 for 1.
    assert_eq!((told.get("sum"), &told["average"], &told["nps"]), (None, &json!(7.03), &json!(34)));
}

service_rules![
    a_poll_in_percent_tells_readers_no_exact_number_by_anything,
    a_percentage_is_told_anew_when_it_is_another,
    a_delayed_poll_tells_readers_nothing_of_the_last_minutes,
    before_enough_ballots_readers_are_shown_no_share_by_anything,
    what_is_ranked_or_rated_is_in_percent_too,
];
