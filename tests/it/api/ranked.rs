//! Polls of kind `ranked`: options in an order.

use serde_json::{Value, json};

use crate::{
    registry::service_rules,
    service::{Service, text},
};

fn ranking(with: &Value) -> Value {
    let options = [("bus", "الحافلات"), ("park", "الحدائق"), ("school", "المدارس")];
    let options: Vec<Value> = options.iter().map(|(id, label)| json!({ "id": id, "label": label })).collect();
    let mut asked = json!({ "question": "رتّب ما يهمّك", "kind": "ranked", "options": options });
    for (name, value) in with.as_object().expect("an object") {
        asked[name] = value.clone();
    }
    asked
}

/// A poll as it is asked for; gives its id.
async fn made(service: &Service, with: &Value) -> String {
    text(&service.admin().post("/v1/polls").json(&ranking(with)).send().await.is(201)["id"])
}

/// Of each option, in the poll's order.
fn of_each(tally: &Value, member: &str) -> Vec<Value> {
    tally["options"].as_array().expect("options").iter().map(|option| option[member].clone()).collect()
}

async fn an_order_is_counted_by_first_preferences_and_points_wherever_tallies_are(service: &Service) {
    let id = made(service, &json!({ "changeable": true })).await;
    let mut stream = service.client().live(&id).await;
    let voter = service.client().new_voter().await;
    let answer = voter.vote(&id, &["school", "bus", "park"]).await.is(201);
    assert_eq!(answer["choices"], json!(["school", "bus", "park"]), "in the voter's order");
    assert_eq!(of_each(&answer["results"], "borda"), [2, 1, 3]);
    for order in [&["bus"][..], &["school", "park"]] {
        service.client().new_voter().await.vote(&id, order).await.is(201);
    }
    let told = stream.tally_from(3).await;
    assert_eq!(
        (of_each(&told, "votes"), of_each(&told, "borda")),
        (vec![json!(1), json!(0), json!(2)], vec![json!(5), json!(3), json!(6)])
    );
    assert_eq!(of_each(&told, "share"), [json!(0.3333), json!(0), json!(0.6667)]);

    let mine = async || voter.get(&format!("/v1/polls/{id}/votes/me")).send().await.is(200)["choices"].clone();
    assert_eq!(mine().await, json!(["school", "bus", "park"]));
    assert_eq!(voter.vote(&id, &["school", "bus", "park"]).await.is(200)["cast_at"], json!(null), "a retry");
    let changed = voter.vote(&id, &["bus", "school", "park"]).await.is(200);
    assert!(changed["cast_at"].is_string(), "the same options in another order are another ballot");
    assert_eq!(mine().await, json!(["bus", "school", "park"]));

    let several = service.client().get(&format!("/v1/results?polls={id}")).send().await.is(200);
    assert_eq!(of_each(&several["results"][0], "borda"), [6, 3, 5]);
    let table = async |file: &str| {
        let answer = service.client().get(&format!("/v1/polls/{id}/{file}")).send().await;
        assert_eq!(answer.status, 200, "{answer}");
        String::from_utf8(answer.body.clone()).expect("a table is UTF-8")
    };
    let results = table("results.csv").await;
    assert!(results.lines().next().is_some_and(|names| names.ends_with(",ballots,borda")), "{results}");
    assert!(results.lines().nth(1).is_some_and(|line| line.ends_with(",bus,الحافلات,2,0.6667,3,6")), "{results}");
    let timeline = service.client().get(&format!("/v1/polls/{id}/timeline")).send().await.is(200);
    let buckets = timeline["buckets"].as_array().expect("buckets");
    let votes = |id: &str| buckets.iter().filter_map(|bucket| bucket["votes"][id].as_i64()).sum::<i64>();
    assert_eq!((votes("bus"), votes("park"), votes("school")), (2, 0, 1), "first preferences: {timeline}");
    assert!(table("timeline.csv").await.lines().nth(1).is_some_and(|line| line.contains(",bus,")));
    voter.delete(&format!("/v1/polls/{id}/votes/me")).send().await.is(204);
    assert_eq!(of_each(&voter.results(&id).await, "borda"), [3, 2, 3]);
}

async fn what_is_no_order_of_the_options_is_refused_by_a_code_of_its_own_and_not_counted(service: &Service) {
    let id = made(service, &json!({ "min_choices": 2 })).await;
    let voter = service.client().new_voter().await;
    let refused = async |order: &[&str], code: &str, field: &str, rule: &str| {
        let refused = voter.vote(&id, order).await.refused(422, code);
        assert_eq!(refused["errors"][0]["field"], field);
        assert!(text(&refused["detail"]).contains(rule), "{refused}");
    };
    refused(&["park", "bus", "park"], "repeated-preference", "choices[2]", "\"park\" more than once").await;
    refused(&["park", "tram"], "no-such-preference", "choices[1]", "those to rank are bus, park, school").await;
    refused(&[], "empty-order", "choices", "at least one option").await;
    refused(&["park"], "invalid-choice", "choices", "at least 2, names 1").await;
    refused(&["park", "bus", "school", "bus"], "invalid-choice", "choices", "at most 3, names 4").await;
    assert_eq!(voter.results(&id).await["ballots"], 0);
    let mut many = ranking(&json!({}));
    many["options"] = (1..=16).map(|place| json!({ "label": place.to_string() })).collect();
    let refused = service.admin().post("/v1/polls").json(&many).send().await.refused(422, "invalid-poll");
    assert_eq!(refused["errors"][0]["field"], "options");
    assert!(text(&refused["detail"]).contains("must be 2 to 15 options, is 16"), "{refused}");
}

async fn the_run_off_of_a_closed_poll_is_told_by_rounds_and_kept_by_caches(service: &Service) {
    let id = made(service, &json!({ "changeable": true })).await;
    let path = format!("/v1/polls/{id}/results/runoff");
    let none = service.client().get(&path).send().await.is(200);
    assert_eq!((&none["ballots"], &none["rounds"], &none["winner"]), (&json!(0), &json!([]), &json!(null)));
    let mut last = None;
    for (voters, order) in
        [(4, &["bus", "park"][..]), (3, &["school", "park"]), (2, &["park", "school"]), (1, &["park"])]
    {
        for _ in 0..voters {
            let voter = service.client().new_voter().await;
            voter.vote(&id, order).await.is(201);
            last = Some(voter);
        }
    }
    // By now bus has 4, school 3, park 3; a mind is changed, and park has 2.
    last.expect("a voter").vote(&id, &["school"]).await.is(200);
    service.admin().post(&format!("/v1/polls/{id}/close")).send().await.is(200);
    let tally = service.client().results(&id).await;
    let answer = service.client().get(&path).send().await;
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("s-maxage=300")), "{answer}");
    assert_eq!(answer.header("surrogate-key"), Some(format!("poll-{id} site-default")));
    let tag = answer.header("etag").expect("a tag");
    let counted = answer.is(200);
    let round = |options: Value, exhausted: u8, eliminated: Value| json!({ "options": options, "exhausted": exhausted, "eliminated": eliminated, "tie_broken_by": null });
    let first = json!([{ "id": "bus", "votes": 4 }, { "id": "park", "votes": 2 }, { "id": "school", "votes": 4 }]);
    let second = json!([{ "id": "bus", "votes": 4 }, { "id": "school", "votes": 6 }]);
    assert_eq!(counted["rounds"], json!([round(first, 0, json!("park")), round(second, 0, json!(null))]));
    assert_eq!(
        (&counted["winner"], &counted["ballots"], &counted["state"]),
        (&json!("school"), &json!(10), &json!("closed"))
    );
    assert_eq!(counted["options"][2], json!({ "id": "school", "label": "المدارس" }));
    assert_eq!(of_each(&tally, "votes"), [4, 2, 4], "it adds up to the tally");
    for client in service.clients() {
        let again = client.get(&path).header("if-none-match", &tag).send().await;
        assert_eq!((again.status, again.body.len()), (304, 0), "on every replica: {again}");
    }
}

async fn an_open_poll_is_scanned_at_most_every_30_seconds_however_many_ask(service: &Service) {
    let id = made(service, &json!({})).await;
    let client = service.client();
    let run_off = async || client.get(&format!("/v1/polls/{id}/results/runoff")).send().await.is(200);
    client.new_voter().await.vote(&id, &["bus"]).await.is(201);
    let first = run_off().await;
    assert_eq!((&first["ballots"], &first["state"], &first["winner"]), (&json!(1), &json!("open"), &json!("bus")));
    client.new_voter().await.vote(&id, &["park", "bus"]).await.is(201);
    assert_eq!(run_off().await, first, "half a minute has not passed");
    service.admin().post(&format!("/v1/polls/{id}/close")).send().await.is(200);
    let last = crate::client::until(async || {
        let counted = run_off().await;
        (counted["state"] == "closed").then_some(counted)
    });
    assert_eq!(last.await["ballots"], 2, "when it closes it is counted anew");
}

async fn who_may_not_see_the_tally_sees_no_run_off_and_other_kinds_have_none(service: &Service) {
    let hidden = made(service, &json!({ "results": "after_vote" })).await;
    let path = format!("/v1/polls/{hidden}/results/runoff");
    service.client().get(&path).send().await.refused(403, "results-hidden");
    let voter = service.client().new_voter().await;
    voter.vote(&hidden, &["bus"]).await.is(201);
    let seen = voter.get(&path).send().await;
    assert_eq!(seen.header("cache-control").as_deref(), Some("private, no-store"), "{seen}");
    assert_eq!(seen.is(200)["winner"], "bus");
    service.client().get(&path).send().await.refused(403, "results-hidden");
    let single = service.poll(json!({})).await;
    let refused = service.client().get(&format!("/v1/polls/{single}/results/runoff")).send().await;
    assert!(text(&refused.refused(404, "not-found")["detail"]).contains("kind ranked"));
}

service_rules![
    the_run_off_of_a_closed_poll_is_told_by_rounds_and_kept_by_caches,
    an_open_poll_is_scanned_at_most_every_30_seconds_however_many_ask,
    who_may_not_see_the_tally_sees_no_run_off_and_other_kinds_have_none,
    an_order_is_counted_by_first_preferences_and_points_wherever_tallies_are,
    what_is_no_order_of_the_options_is_refused_by_a_code_of_its_own_and_not_counted,
];
