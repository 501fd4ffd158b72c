//! Readers' own words: said with a vote, read by a site's editors, and seen by readers once an editor lets them.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, until},
    registry::service_rules,
    service::{Service, text},
};

/// A poll with open answers.
async fn open_poll(service: &Service, mut with: Value) -> String {
    with["open_answer"] = json!(true);
    service.poll(with).await
}

async fn say(voter: &Client, poll: &str, words: &str) -> Answer {
    let said = json!({ "choices": ["other"], "open_answer": words });
    voter.post(&format!("/v1/polls/{poll}/votes")).json(&said).send().await
}

/// The texts of a poll with how many ballots say each, as its editors see them.
async fn listed(service: &Service, poll: &str, query: &str) -> Vec<(String, u64)> {
    let page = service.admin().get(&format!("/v1/polls/{poll}/answers{query}")).send().await.is(200);
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|item| (text(&item["text"]), item["ballots"].as_u64().expect("a number"))).collect()
}

fn said(texts: &[(&str, u64)]) -> Vec<(String, u64)> {
    texts.iter().map(|(text, ballots)| ((*text).to_owned(), *ballots)).collect()
}

async fn decide(service: &Service, poll: &str, words: &str, state: &str) -> Value {
    let page = service.admin().get(&format!("/v1/polls/{poll}/answers")).send().await.is(200);
    let items = page["items"].as_array().expect("a list");
    let id = items.iter().find(|item| item["text"] == words).map(|item| text(&item["id"])).expect("it is said");
    let path = format!("/v1/polls/{poll}/answers/{id}");
    service.admin().post(&path).json(&json!({ "state": state })).send().await.is(200)
}

async fn a_poll_with_open_answers_has_an_option_more_in_its_language(service: &Service) {
    for (language, label) in
        [("ar-KW", "إجابة أخرى"), ("fr", "Autre réponse"), ("en", "Something else"), ("ur", "Something else")]
    {
        let poll = open_poll(service, json!({ "language": language })).await;
        let told = service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200);
        assert_eq!(
            (&told["open_answer"], &told["options"][2]),
            (&json!(true), &json!({ "id": "other", "label": label }))
        );
    }
    let options = json!([{ "id": "other", "label": "غير ذلك" }, { "id": "no", "label": "لا" }]);
    let poll = open_poll(service, json!({ "options": options })).await;
    let path = format!("/v1/polls/{poll}");
    let told = service.client().get(&path).send().await.is(200);
    assert_eq!(told["options"], options, "worded and placed by its publisher");
    // An edit of the options need not name it, and can't be without it.
    let edit = json!({ "revision": 1, "options": [{ "id": "no", "label": "كلا" }, { "id": "yes", "label": "أجل" }] });
    let edited = service.admin().patch(&path).json(&edit).send().await.is(200);
    assert_eq!(edited["options"][2], json!({ "id": "other", "label": "غير ذلك" }));
    let edit = json!({ "revision": edited["revision"], "open_answer": false });
    let refused = service.admin().patch(&path).json(&edit).send().await.refused(422, "invalid-poll");
    assert_eq!(refused["errors"][0]["field"], "open_answer");
    let plain = service.client().get(&format!("/v1/polls/{}", service.poll(json!({})).await)).send().await.is(200);
    assert_eq!(plain.get("open_answer"), None);
}

async fn what_takes_no_open_answers_is_refused_by_name(service: &Service) {
    let asked = |with: Value| {
        let mut asked =
            json!({ "question": "؟", "open_answer": true, "options": [{ "label": "نعم" }, { "label": "لا" }] });
        for (name, value) in with.as_object().expect("an object") {
            asked[name] = value.clone();
        }
        asked
    };
    for with in [json!({ "kind": "reaction" }), json!({ "kind": "ranked" }), json!({ "correct": "1" })] {
        let refused = service.admin().post("/v1/polls").json(&asked(with)).send().await.refused(422, "invalid-poll");
        assert_eq!(refused["errors"][0]["field"], "open_answer", "{refused}");
    }
    let most: Vec<Value> = (0..32).map(|place| json!({ "label": place.to_string() })).collect();
    let refused = service.admin().post("/v1/polls").json(&asked(json!({ "options": most }))).send().await;
    assert_eq!(refused.refused(422, "invalid-poll")["errors"][0]["field"], "options");
}

async fn words_that_can_not_stand_there_are_refused_by_name_and_nothing_is_counted(service: &Service) {
    let (poll, plain) = (open_poll(service, json!({})).await, service.poll(json!({})).await);
    let voter = service.client().new_voter().await;
    let vote = async |poll: &str, choices: &[&str], words: &str| {
        let body = json!({ "choices": choices, "open_answer": words });
        voter.post(&format!("/v1/polls/{poll}/votes")).json(&body).send().await
    };
    for words in ["", " \u{200F}", "a\u{202E}b", "a\u{7}b", &"ح".repeat(81)] {
        let refused = vote(&poll, &["other"], words).await.refused(422, "invalid-open-answer");
        assert_eq!(refused["errors"][0]["field"], "open_answer");
    }
    for (poll, choices) in [(&poll, ["yes"]), (&plain, ["yes"])] {
        let refused = vote(poll, &choices, "x").await.refused(422, "open-answer-not-taken");
        assert_eq!(refused["errors"][0]["field"], "open_answer");
    }
    for words in [json!(null), json!(7), json!(["x"])] {
        let body = json!({ "choices": ["other"], "open_answer": words });
        let answer = voter.post(&format!("/v1/polls/{poll}/votes")).json(&body).send().await;
        answer.refused(400, "invalid-request");
    }
    assert_eq!(voter.results(&poll).await["ballots"], 0);
    assert_eq!(listed(service, &poll, "").await, []);
}

async fn words_go_with_their_ballot_on_whatever_replica_it_is_sent_and_sent_again(service: &Service) {
    let poll = open_poll(service, json!({ "changeable": true })).await;
    let tokens = [service.client().mint().await, service.client().mint().await];
    for client in service.clients() {
        for token in &tokens {
            let answer = say(&client.with_voter(token), &poll, " لا  أدري ").await;
            assert!(matches!(answer.status, 200 | 201), "{answer}");
            assert_eq!(answer.json()["open_answer"], json!({ "text": "لا أدري", "is_kept": true }));
        }
    }
    assert_eq!(listed(service, &poll, "").await, said(&[("لا أدري", 2)]));
    let [one, other] = tokens.map(|token| service.clients().swap_remove(1).with_voter(&token));
    say(&one, &poll, "غير ذلك").await.is(200);
    other.vote(&poll, &["no"]).await.is(200);
    assert_eq!(listed(service, &poll, "").await, said(&[("غير ذلك", 1)]));
    one.delete(&format!("/v1/polls/{poll}/votes/me")).send().await.is(204);
    assert_eq!(listed(service, &poll, "").await, []);
    let told = service.client().new_voter().await.vote(&poll, &["other"]).await.is(201);
    assert_eq!((told.get("open_answer"), listed(service, &poll, "").await), (None, said(&[])));
}

async fn a_voter_is_told_their_own_words_wherever_they_ask_for_their_ballot(service: &Service) {
    let poll = open_poll(service, json!({ "changeable": true })).await;
    let token = service.client().mint().await;
    let voter = service.client().with_voter(&token);
    let mine = async |client: &Client| {
        let by_body =
            client.post(&format!("/v1/polls/{poll}/votes/mine")).json(&json!({ "voter": token })).send().await;
        let by_header = client.with_voter(&token).get(&format!("/v1/polls/{poll}/votes/me")).send().await;
        let [by_body, by_header] = [by_body, by_header].map(|answer| answer.is(200));
        assert_eq!(by_body, by_header);
        by_body.get("open_answer").cloned()
    };
    say(&voter, &poll, " لا  أدري ").await.is(201);
    for client in service.clients() {
        assert_eq!(mine(&client).await, Some(json!({ "text": "لا أدري", "is_kept": true })));
    }
    voter.vote(&poll, &["other"]).await.is(200);
    assert_eq!(mine(&service.client()).await, None);
}

async fn no_reader_sees_words_before_an_editor_lets_them(service: &Service) {
    const SECRET: &str = "كلام لم يُنشر";
    let poll = open_poll(service, json!({ "changeable": true })).await;
    let voter = service.client().new_voter().await;
    say(&voter, &poll, SECRET).await.is(201);
    say(&service.client().new_voter().await, &poll, "رأي آخر").await.is(201);
    let everything = async || {
        let mut told = String::new();
        for path in ["", "/results", "/results.csv", "/timeline", "/timeline.csv"] {
            let answer = voter.get(&format!("/v1/polls/{poll}{path}")).send().await;
            told.push_str(&String::from_utf8_lossy(&answer.content()));
        }
        for page in ["", "/form"] {
            told.push_str(&voter.get(&format!("/embed/{poll}{page}")).send().await.page(200));
        }
        told + &service.client().live(&poll).await.expect("tally").await.data.to_string()
    };
    assert!(!everything().await.contains(SECRET));
    assert_eq!(service.client().results(&poll).await["open_answers"], json!([]));
    decide(service, &poll, "رأي آخر", "shown").await;
    let shown = json!([{ "text": "رأي آخر", "ballots": 1 }]);
    for client in service.clients() {
        until(async || (client.results(&poll).await["open_answers"] == shown).then_some(())).await;
    }
    assert!(!everything().await.contains(SECRET));
    for page in [voter.get(&format!("/embed/{poll}")), voter.get(&format!("/embed/{poll}/form"))] {
        assert!(page.send().await.page(200).contains("رأي آخر"));
    }
    // A closed poll's results change no more, but for what its editors let be seen.
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let tag = service.client().get(&format!("/v1/polls/{poll}/results")).send().await.header("etag").expect("a tag");
    decide(service, &poll, "رأي آخر", "hidden").await;
    let hidden = until(async || {
        let request = service.client().get(&format!("/v1/polls/{poll}/results")).header("if-none-match", &tag);
        let answer = request.send().await;
        (answer.status == 200 && answer.json()["open_answers"] == json!([])).then_some(answer)
    });
    assert!(hidden.await.header("cache-control").is_some_and(|header| header.contains("max-age=2")));
}

async fn editors_list_words_page_by_page_and_decide_on_each_as_often_as_they_like(service: &Service) {
    let poll = open_poll(service, json!({})).await;
    for (words, times) in [("أ", 3), ("ب", 2), ("=1+1", 1)] {
        for _ in 0..times {
            say(&service.client().new_voter().await, &poll, words).await.is(201);
        }
    }
    assert_eq!(listed(service, &poll, "").await, said(&[("أ", 3), ("ب", 2), ("=1+1", 1)]));
    let (mut pages, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = service.admin().get(&format!("/v1/polls/{poll}/answers{query}")).send().await.is(200);
        pages.push(page["items"].as_array().map(Vec::len));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(pages, [Some(2), Some(1)]);
    for state in ["shown", "shown", "hidden"] {
        assert_eq!(decide(service, &poll, "ب", state).await["state"], state);
    }
    assert_eq!(listed(service, &poll, "?state=waiting").await, said(&[("أ", 3), ("=1+1", 1)]));
    assert_eq!(listed(service, &poll, "?state=hidden").await, said(&[("ب", 2)]));
    for (path, body) in [("0123456789abcdef", "shown"), ("x", "shown"), ("0123456789ABCDEF", "shown")] {
        let request = service.admin().post(&format!("/v1/polls/{poll}/answers/{path}"));
        request.json(&json!({ "state": body })).send().await.refused(404, "not-found");
    }
    let request = service.admin().post(&format!("/v1/polls/{poll}/answers/0123456789abcdef"));
    let refused = request.json(&json!({ "state": "gone" })).send().await.refused(400, "invalid-request");
    assert_eq!(refused["errors"][0]["field"], "state");
    for query in ["?state=gone", "?cursor=x", "?limit=0", "?colour=red"] {
        let answer = service.admin().get(&format!("/v1/polls/{poll}/answers{query}")).send().await;
        answer.refused(400, "invalid-request");
    }
    let wrong = service.admin().get(&format!("/v1/polls/{poll}/answers.csv?separator=dot")).send().await;
    assert_eq!(wrong.refused(400, "invalid-request")["errors"][0]["field"], "separator");
    let answer =
        service.admin().get(&format!("/v1/polls/{poll}/answers.csv?separator=semicolon&state=waiting")).send().await;
    assert_eq!(answer.status, 200, "{answer}");
    let table = String::from_utf8(answer.body.clone()).expect("a table is UTF-8");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "\u{FEFF}poll;question;answer;text;state;ballots");
    assert!(lines[1].ends_with(";أ;waiting;3") && lines[2].ends_with(";'=1+1;waiting;1"), "{table}");
    let incidents = format!("/v1/polls/{poll}/integrity/incidents");
    service.admin().post(&incidents).json(&json!({ "reason": "دعوة" })).send().await.is(200);
    let disputed = service.admin().get(&format!("/v1/polls/{poll}/answers.csv")).send().await;
    let disputed = String::from_utf8(disputed.body.clone()).expect("a table is UTF-8");
    assert!(disputed.lines().next().is_some_and(|names| names.ends_with(",ballots,disclosure")), "{disputed}");
    assert!(disputed.lines().skip(1).all(|line| line.contains("هذه النتيجة موضع شك")), "{disputed}");
    let plain = service.poll(json!({})).await;
    assert_eq!(listed(service, &plain, "").await, []);
}

async fn a_plain_form_takes_words_with_the_option_they_belong_to(service: &Service) {
    let poll = open_poll(service, json!({})).await;
    let form = format!("/embed/{poll}/form");
    let page = service.client().get(&form).send().await.page(200);
    assert!(page.contains("name=\"open_answer\"") && page.contains("بكلماتك (اختياري)"), "{page}");
    let send = async |fields: &str| {
        let voter = service.client().mint().await;
        let request = service.client().post(&form).header("origin", crate::service::PUBLIC_URL);
        request.body("application/x-www-form-urlencoded", format!("voter={voter}&{fields}")).send().await
    };
    for fields in ["choices=other&open_answer=+a++b+", "choices=other&open_answer=", "choices=yes&open_answer=left"] {
        assert_eq!(send(fields).await.status, 303, "{fields}");
    }
    assert_eq!(listed(service, &poll, "").await, said(&[("a b", 1)]));
    let told = send("choices=other&open_answer=a%E2%80%AEb").await.page(422);
    assert!(told.contains("لا يمكن قبول هذا النص") && !told.contains("a\u{202E}b"), "{told}");
    assert_eq!(service.client().results(&poll).await["ballots"], 3);
}

service_rules![
    a_poll_with_open_answers_has_an_option_more_in_its_language,
    what_takes_no_open_answers_is_refused_by_name,
    words_that_can_not_stand_there_are_refused_by_name_and_nothing_is_counted,
    words_go_with_their_ballot_on_whatever_replica_it_is_sent_and_sent_again,
    a_voter_is_told_their_own_words_wherever_they_ask_for_their_ballot,
    no_reader_sees_words_before_an_editor_lets_them,
    editors_list_words_page_by_page_and_decide_on_each_as_often_as_they_like,
    a_plain_form_takes_words_with_the_option_they_belong_to,
];
