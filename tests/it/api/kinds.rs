//! Kinds of polls beyond one choice and several.

use serde_json::{Value, json};

use crate::{
    registry::service_rules,
    service::{Service, text},
};

/// A poll as it is asked for, and no more.
async fn made(service: &Service, asked: Value) -> Value {
    service.admin().post("/v1/polls").json(&asked).send().await.is(201)
}

fn rating(with: &Value) -> Value {
    let mut asked = json!({ "question": "ما تقييمك؟", "kind": "rating" });
    for (name, value) in with.as_object().expect("an object") {
        asked[name] = value.clone();
    }
    asked
}

fn reaction() -> Value {
    json!({ "question": "ما شعورك؟", "kind": "reaction", "options": [
        { "id": "like", "emoji": "👍🏽", "label": "أعجبني" },
        { "id": "love", "emoji": "❤️", "label": "أحببته" },
        { "id": "said", "label": "قيل من قبل" },
    ] })
}

fn ids(poll: &Value) -> Vec<String> {
    poll["options"].as_array().expect("options").iter().map(|option| text(&option["id"])).collect()
}

/// Votes by new voters for each of these options; gives the tally then.
async fn after(service: &Service, poll: &Value, choices: &[&str]) -> Value {
    let id = text(&poll["id"]);
    for choice in choices {
        service.client().new_voter().await.vote(&id, &[choice]).await.is(201);
    }
    service.client().results(&id).await
}

async fn a_rating_is_summed_exactly_and_rounded_by_nobody(service: &Service) {
    let stars = made(service, rating(&json!({}))).await;
    assert_eq!(stars["scale"], json!({ "low": 1, "high": 5, "low_label": null, "high_label": null }));
    assert_eq!(ids(&stars), ["1", "2", "3", "4", "5"]);
    let empty = after(service, &stars, &[]).await;
    assert_eq!((&empty["sum"], &empty["average"], empty.get("nps")), (&json!(0), &json!(null), None));
    let tally = after(service, &stars, &["5", "4", "4"]).await;
    assert_eq!((&tally["sum"], &tally["ballots"], &tally["average"]), (&json!(13), &json!(3), &json!(13.0 / 3.0)));

    let scale = json!({ "low": 0, "high": 10, "low_label": "مستبعد", "high_label": "مرجّح" });
    let asked = rating(&json!({ "scale": scale, "changeable": true }));
    let scale = made(service, asked).await;
    assert_eq!((ids(&scale).len(), &scale["scale"]["high_label"]), (11, &json!("مرجّح")));
    let tally = after(service, &scale, &["0", "6", "7", "9", "10", "10"]).await;
    assert_eq!((&tally["sum"], &tally["average"]), (&json!(42), &json!(7)));
    assert_eq!(tally["nps"], json!(100.0 / 6.0), "three of six less two");
    let (id, voter) = (text(&scale["id"]), service.client().new_voter().await);
    let answer = voter.vote(&id, &["0"]).await.is(201);
    assert_eq!(
        (&answer["results"]["sum"], &answer["results"]["nps"]),
        (&json!(42), &json!(0)),
        "the answer says it too"
    );
    assert_eq!(voter.vote(&id, &["8"]).await.is(200)["results"]["sum"], 50);
}

async fn a_rating_that_was_read_can_be_sent_back_as_it_is(service: &Service) {
    for scale in [json!({ "low": 1, "high": 5, "low_label": "ضعيف" }), json!({ "low": 0, "high": 10 })] {
        let poll = made(service, rating(&json!({ "scale": scale }))).await;
        let path = format!("/v1/polls/{}", text(&poll["id"]));
        let mut edit = service.client().get(&path).send().await.is(200);
        for fixed in ["id", "site", "kind", "state", "created_at", "updated_at", "embed"] {
            edit.as_object_mut().expect("an object").remove(fixed);
        }
        after(service, &poll, &["1"]).await;
        let edited = service.admin().patch(&path).json(&edit).send().await.is(200);
        for member in ["options", "scale", "min_choices", "max_choices", "changeable"] {
            assert_eq!(edited[member], poll[member], "{member}");
        }
    }
}

async fn what_a_kind_does_not_take_is_refused_by_a_code_of_its_own_and_nothing_is_made(service: &Service) {
    let site = service.site().await;
    let options = json!([{ "label": "نعم" }, { "label": "لا" }]);
    let scale = json!({ "low": 1, "high": 5 });
    let refused = async |mut asked: Value, code: &str, field: &str, rule: &str| {
        asked["site"] = json!(site);
        let refused = service.admin().post("/v1/polls").json(&asked).send().await.refused(422, code);
        assert_eq!(
            (&refused["errors"][0]["field"], refused["errors"].as_array().map(Vec::len)),
            (&json!(field), Some(1))
        );
        assert!(text(&refused["detail"]).contains(rule), "{refused}");
    };
    refused(rating(&json!({ "options": options })), "options-not-taken", "options", "follow from its scale").await;
    let single = json!({ "question": "؟", "options": options, "scale": scale });
    refused(single, "scale-not-taken", "scale", "only a rating has a scale").await;
    let others = rating(&json!({ "scale": { "low": 1, "high": 7 } }));
    refused(others, "invalid-poll", "scale", "from 1 to 5 (stars) or from 0 to 10, goes from 1 to 7").await;
    refused(rating(&json!({ "max_choices": 2 })), "invalid-poll", "max_choices", "kind rating a voter chooses one")
        .await;
    let long = json!({ "low": 0, "high": 10, "low_label": "ح".repeat(61) });
    refused(rating(&json!({ "scale": long })), "invalid-poll", "scale.low_label", "at most 60 characters").await;
    let mut fixed = reaction();
    fixed["changeable"] = json!(false);
    refused(fixed, "invalid-poll", "changeable", "must be true, or left out").await;
    let mut worded = reaction();
    worded["options"][1]["emoji"] = json!("ok");
    refused(worded, "invalid-poll", "options[1].emoji", "must be one emoji").await;
    let mut single = reaction();
    single["kind"] = json!("single");
    single["options"] = json!([{ "label": "نعم" }, { "label": "لا", "emoji": "👎" }]);
    refused(single, "invalid-poll", "options[1].emoji", "only a reaction has emoji").await;
    let mut many = reaction();
    many["options"] = (1..=13).map(|place| json!({ "label": place.to_string() })).collect();
    refused(many, "invalid-poll", "options", "must be 2 to 12 options, is 13").await;
    refused(json!({ "question": "؟" }), "invalid-poll", "options", "must be given: 2 to 32 options").await;
    let polls = service.admin().get(&format!("/v1/polls?site={site}")).send().await.is(200);
    assert_eq!(polls["items"], json!([]));

    let poll = made(service, rating(&json!({ "scale": scale }))).await;
    let path = format!("/v1/polls/{}", text(&poll["id"]));
    let edit = json!({ "revision": 1, "options": options });
    service.admin().patch(&path).json(&edit).send().await.refused(422, "options-not-taken");
    let single = service.poll(json!({})).await;
    let edit = json!({ "revision": 1, "scale": scale });
    service.admin().patch(&format!("/v1/polls/{single}")).json(&edit).send().await.refused(422, "scale-not-taken");
}

async fn a_reaction_is_chosen_changed_and_taken_back_freely(service: &Service) {
    let poll = made(service, reaction()).await;
    assert_eq!((&poll["changeable"], &poll["options"][1]["emoji"]), (&json!(true), &json!("❤️")));
    assert_eq!(poll["options"][2].get("emoji"), None, "a word stands for itself");
    let (id, voter) = (text(&poll["id"]), service.client().new_voter().await);
    let votes = async || {
        let tally = voter.results(&id).await;
        ["like", "love", "said"].map(|id| {
            let options = tally["options"].as_array().expect("options");
            options.iter().find(|option| option["id"] == id).map(|option| option["votes"].clone()).expect("an option")
        })
    };
    voter.vote(&id, &["like"]).await.is(201);
    assert_eq!(votes().await, [1, 0, 0]);
    assert_eq!(voter.vote(&id, &["love"]).await.is(200)["results"]["options"][1]["votes"], 1);
    assert_eq!(votes().await, [0, 1, 0]);
    voter.delete(&format!("/v1/polls/{id}/votes/me")).send().await.is(204);
    assert_eq!(votes().await, [0, 0, 0]);
    voter.vote(&id, &["said"]).await.is(201);
    assert_eq!(votes().await, [0, 0, 1]);
}

async fn a_reaction_that_is_no_option_is_refused_by_name_and_not_counted(service: &Service) {
    let id = text(&made(service, reaction()).await["id"]);
    let voter = service.client().new_voter().await;
    for other in ["🎉", "👍🏽", "LIKE", "", "1"] {
        let refused = voter.vote(&id, &[other]).await.refused(422, "no-such-reaction");
        assert_eq!(refused["errors"][0]["field"], "choices[0]");
        assert!(text(&refused["detail"]).ends_with("its reactions are like (👍🏽), love (❤️), said"), "{refused}");
    }
    voter.vote(&id, &["like", "love"]).await.refused(422, "invalid-choice");
    assert_eq!(voter.results(&id).await["ballots"], 0);
}

async fn a_reaction_is_told_with_its_emoji_where_labels_are(service: &Service) {
    let poll = made(service, reaction()).await;
    let id = text(&poll["id"]);
    let tally = after(service, &poll, &["love", "love"]).await;
    assert_eq!((&tally["options"][1]["emoji"], &tally["options"][1]["votes"]), (&json!("❤️"), &json!(2)));
    let answer = service.client().get(&format!("/v1/polls/{id}/results.csv")).send().await;
    let table = String::from_utf8(answer.body).expect("a table is UTF-8");
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].ends_with(",ballots,emoji") && lines[2].ends_with(",love,أحببته,2,1,2,❤️"), "{table}");
    assert!(lines[3].ends_with(",said,قيل من قبل,0,0,2,"), "{table}");
    let mut edit = reaction();
    for fixed in ["kind", "question"] {
        edit.as_object_mut().expect("an object").remove(fixed);
    }
    edit["revision"] = json!(1);
    edit["reason"] = json!("أوضح");
    edit["options"][1]["emoji"] = json!("🫶");
    let mut stream = service.client().live(&id).await;
    let edited = service.admin().patch(&format!("/v1/polls/{id}")).json(&edit).send().await.is(200);
    assert_eq!((&edited["options"][1]["emoji"], &edited["changeable"]), (&json!("🫶"), &json!(true)));
    let told = loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.name == "poll" && event.data["revision"] == 2 {
            break event.data;
        }
    };
    assert_eq!(told["options"][1]["emoji"], "🫶", "whoever shows the poll is told");
}

async fn a_step_out_of_range_is_refused_by_name_and_not_counted(service: &Service) {
    for (scale, steps, wrong) in [
        (json!({ "low": 1, "high": 5 }), "1 to 5", ["0", "6", "-1", "4.5", "05", "خمسة"]),
        (json!({ "low": 0, "high": 10 }), "0 to 10", ["11", "-1", "+1", "1e1", "00", ""]),
    ] {
        let poll = text(&made(service, rating(&json!({ "scale": scale }))).await["id"]);
        let voter = service.client().new_voter().await;
        for step in wrong {
            let refused = voter.vote(&poll, &[step]).await.refused(422, "step-out-of-range");
            assert_eq!(refused["errors"][0]["field"], "choices[0]");
            assert!(text(&refused["detail"]).contains(&format!("its steps are {steps}")), "{refused}");
        }
        voter.vote(&poll, &["1", "2"]).await.refused(422, "invalid-choice");
        let tally = voter.results(&poll).await;
        assert_eq!((&tally["ballots"], &tally["sum"]), (&json!(0), &json!(0)));
    }
}

async fn a_rating_is_told_in_tables_timelines_and_streams(service: &Service) {
    let poll = made(service, rating(&json!({ "scale": { "low": 0, "high": 10 } }))).await;
    let id = text(&poll["id"]);
    let table = async |file: &str| {
        let answer = service.client().get(&format!("/v1/polls/{id}/{file}")).send().await;
        assert_eq!(answer.status, 200, "{answer}");
        String::from_utf8(answer.body.clone()).expect("a table is UTF-8")
    };
    let first = table("results.csv").await;
    assert!(first.lines().next().is_some_and(|names| names.ends_with(",ballots,sum,average,nps")), "{first}");
    assert!(first.lines().nth(1).is_some_and(|line| line.ends_with(",0,0,0,0,,")), "no average of nothing: {first}");
    let mut stream = service.client().live(&id).await;
    after(service, &poll, &["10", "7"]).await;
    let told = stream.tally_from(2).await;
    assert_eq!((&told["sum"], &told["average"], &told["nps"]), (&json!(17), &json!(8.5), &json!(50)));
    let lines = table("results.csv").await;
    assert!(lines.lines().skip(1).all(|line| line.ends_with(",2,17,8.5,50")), "{lines}");
    assert!(lines.contains(",10,10,1,0.5,"), "{lines}");
    let timeline = service.client().get(&format!("/v1/polls/{id}/timeline")).send().await.is(200);
    assert_eq!(timeline["results"]["sum"], 17);
    let buckets = timeline["buckets"].as_array().expect("buckets");
    let votes = |step: &str| buckets.iter().filter_map(|bucket| bucket["votes"][step].as_i64()).sum::<i64>();
    assert_eq!((votes("7"), votes("8"), votes("10")), (1, 0, 1), "{timeline}");
    assert_eq!(table("timeline.csv").await.lines().count(), 1 + 11 * buckets.len());
}

/// What the service says of a poll whose publisher has said all in French.
async fn a_poll_of_any_kind_speaks_french_and_no_other_language(service: &Service) {
    let read = |tag: &str| -> Value {
        let path = format!("{}/src/embed/languages/{tag}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).expect("a language")).expect("JSON")
    };
    let texts = |tag: &str| -> Vec<String> {
        let texts = read(tag)["texts"].as_object().expect("texts").values().map(text).collect::<Vec<_>>();
        texts.into_iter().filter(|text| text.len() > 8 && !text.contains('{')).collect()
    };
    let (french, others) = (texts("fr"), [texts("en"), texts("ar")].concat());
    let options = json!([{ "id": "oui", "label": "Oui" }, { "id": "non", "label": "Non" }]);
    for mut asked in [
        json!({ "options": options, "correct": "oui", "explanation": "Parce que." }),
        json!({ "options": options, "kind": "multiple", "max_choices": 2, "open_answer": true }),
        json!({ "options": options, "kind": "ranked" }),
        json!({ "options": options, "kind": "reaction" }),
        json!({ "kind": "rating" }),
        json!({ "kind": "rating", "scale": { "low": 0, "high": 10, "low_label": "Non", "high_label": "Oui" } }),
    ] {
        asked["question"] = json!("Qu’en pensez-vous ?");
        asked["language"] = json!("fr");
        let poll = text(&made(service, asked.clone()).await["id"]);
        for path in [format!("/embed/{poll}"), format!("/embed/{poll}/form")] {
            let page = service.client().get(&path).send().await.page(200).replace("&#39;", "'");
            assert!(page.contains("lang=\"fr\""), "{asked}: {page}");
            assert!(french.iter().any(|said| page.contains(said.as_str())), "{asked}: {page}");
            let strange = others.iter().find(|said| page.contains(said.as_str()) && !french.contains(said));
            assert_eq!(strange, None, "{path} of {asked}");
        }
    }
}

service_rules![
    a_poll_of_any_kind_speaks_french_and_no_other_language,
    a_rating_is_summed_exactly_and_rounded_by_nobody,
    a_rating_that_was_read_can_be_sent_back_as_it_is,
    what_a_kind_does_not_take_is_refused_by_a_code_of_its_own_and_nothing_is_made,
    a_step_out_of_range_is_refused_by_name_and_not_counted,
    a_reaction_is_chosen_changed_and_taken_back_freely,
    a_reaction_that_is_no_option_is_refused_by_name_and_not_counted,
    a_reaction_is_told_with_its_emoji_where_labels_are,
    a_rating_is_told_in_tables_timelines_and_streams,
];
