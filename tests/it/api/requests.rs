//! What every route says to a request that is wrong.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::Client,
    registry::service_rules,
    server::ADMIN_KEY,
    service::{Service, seed_poll, text},
};

/// Every route that takes a body, with a client that may use it and a body it takes.
async fn with_bodies(service: &Service) -> Vec<(Client, Method, String, Value)> {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    let closed = service.poll(json!({ "site": site })).await;
    service.admin().post(&format!("/v1/polls/{closed}/close")).send().await.is(200);
    let (voter, admin) = (service.client().new_voter().await, service.admin());
    let article = service.article_poll(&site).await;
    let (hooks, (hook, _)) = (format!("/v1/sites/{site}/webhooks"), service.delivery(&site).await);
    let hook = format!("{hooks}/{hook}");
    let said = service.poll(json!({ "site": site, "open_answer": true })).await;
    let own_words = json!({ "choices": ["other"], "open_answer": "لا أدري" });
    voter.post(&format!("/v1/polls/{said}/votes")).json(&own_words).send().await.is(201);
    let answers = admin.get(&format!("/v1/polls/{said}/answers")).send().await.is(200);
    let answer = text(&answers["items"][0]["id"]);
    vec![
        (voter.clone(), Method::POST, format!("/v1/polls/{poll}/votes"), json!({ "choices": ["yes"] })),
        (service.client(), Method::POST, "/v1/views".to_owned(), json!({ "poll": poll })),
        (voter.clone(), Method::POST, format!("{article}/votes"), json!({ "choices": ["5"] })),
        (
            admin.clone(),
            Method::PUT,
            format!("/v1/sites/{site}/templates/x"),
            json!({ "poll": { "kind": "rating", "question": "؟" } }),
        ),
        (admin.clone(), Method::PUT, format!("/v1/sites/{site}/places/side"), json!({})),
        (admin.clone(), Method::POST, hooks.clone(), json!({ "url": "https://hooks.example/", "enabled": false })),
        (admin.clone(), Method::PATCH, hook, json!({ "name": "x" })),
        (admin.clone(), Method::POST, "/v1/polls".to_owned(), seed_poll(json!({}))),
        (
            admin.clone(),
            Method::PATCH,
            format!("/v1/polls/{poll}"),
            json!({ "revision": 1, "question": "؟", "reason": "أقصر" }),
        ),
        (admin.clone(), Method::POST, format!("/v1/polls/{closed}/resolve"), json!({ "option": "yes" })),
        (admin.clone(), Method::POST, format!("/v1/polls/{said}/answers/{answer}"), json!({ "state": "shown" })),
        (
            admin.clone(),
            Method::POST,
            format!("/v1/polls/{poll}/integrity/labels/no-mark"),
            json!({ "decision": "held", "reason": "؟" }),
        ),
        (admin.clone(), Method::POST, format!("/v1/polls/{poll}/integrity/incidents"), json!({ "reason": "؟" })),
        (
            admin.clone(),
            Method::POST,
            format!("/v1/polls/{poll}/integrity/incidents/incident-8/close"),
            json!({ "reason": "؟" }),
        ),
        (admin.clone(), Method::PUT, format!("/v1/sites/{site}"), json!({ "origins": [] })),
        (
            admin.clone(),
            Method::PUT,
            format!("/v1/sites/{site}/articles/1"),
            json!({ "title": "خبر", "url": "https://news.example/1", "published_at": "2026-11-29T06:00:00Z" }),
        ),
        (admin, Method::POST, "/v1/keys".to_owned(), json!({ "site": site, "scopes": ["polls:read"], "name": "x" })),
    ]
}

async fn broken_json_is_refused_with_its_line_and_column(service: &Service) {
    for (client, method, path, _) in with_bodies(service).await {
        let broken = "{\n  \"question\": \"نعم\",\n  \"choices\" [\"yes\"]\n}";
        let answer = client.request(method.clone(), &path).body("application/json", broken).send().await;
        let refused = answer.refused(400, "invalid-request");
        let detail = text(&refused["detail"]);
        assert!(detail.contains("line ") && detail.contains("column "), "{detail}");
        for nothing_sent in ["", "  ", "{", "nul", "{}{}", "\u{FEFF}", "[]", "{\"x\":\"\\ud800\"}", "{\"x\":1e999}"] {
            let request = client.request(method.clone(), &path).body("application/json", nothing_sent);
            request.send().await.refused(400, "invalid-request");
        }
        let not_utf8 = client.request(method, &path).body("application/json", b"{\"choices\":[\"\xff\"]}".to_vec());
        not_utf8.send().await.refused(400, "invalid-request");
    }
}

async fn an_unknown_field_is_refused_and_named(service: &Service) {
    for (client, method, path, mut body) in with_bodies(service).await {
        body["colour"] = json!("red");
        let answer = client.request(method, &path).json(&body).send().await;
        let refused = answer.refused(400, "invalid-request");
        assert!(text(&refused["detail"]).contains("colour"), "{refused}");
    }
    let asked = seed_poll(json!({ "options": [{ "label": "نعم", "votes": 1000 }, { "label": "لا" }] }));
    let refused = service.admin().post("/v1/polls").json(&asked).send().await.refused(400, "invalid-request");
    assert!(refused.to_string().contains("options[0].votes"), "{refused}");
}

async fn a_field_of_the_wrong_type_is_named(service: &Service) {
    for (member, value) in [
        ("question", json!(7)),
        ("options", json!({ "yes": "نعم" })),
        ("changeable", json!("yes")),
        ("min_choices", json!(1.5)),
        ("max_choices", json!(-1)),
        ("kind", json!("approval")),
        ("results", json!("sometimes")),
        ("closes_at", json!("tomorrow")),
        ("article_url", json!(7)),
        ("opens_at", json!(1_700_000_000)),
        ("state", json!("closed")),
        ("site", json!("Not A Site")),
    ] {
        let asked = seed_poll(json!({ member: value }));
        let answer = service.admin().post("/v1/polls").json(&asked).send().await;
        assert!(matches!(answer.status, 400 | 422), "{member}: {answer}");
        let refused = answer.json();
        assert!(refused.to_string().contains(member), "{member} is not named in {refused}");
    }
}

/// Whoever has sent something else must not have to look up what it may be.
async fn what_is_wrong_is_said_with_the_field_and_what_it_may_be(service: &Service) {
    let site = service.site().await;
    let with = |member: &str, value: Value| seed_poll(json!({ member: value }));
    let key = |scopes: Value| json!({ "site": site, "scopes": scopes });
    let poll = format!("/v1/polls/{}", service.poll(json!({})).await);
    let all_scopes = "polls:read, polls:write, polls:moderate, results:read, keys:write, sites:write";
    for (method, path, body, field, rule) in [
        ("POST", "/v1/polls", with("options", json!(["نعم", "لا"])), "options[0]", "must be {\"label\": …}, is \"نعم\""),
        ("POST", "/v1/polls", with("options", json!({ "yes": "نعم" })), "options", "must be a list, is an object"),
        ("POST", "/v1/polls", with("options", json!([{ "id": "yes" }])), "options[0].label", "must be given"),
        (
            "POST",
            "/v1/polls",
            with("options", json!([{ "label": "نعم", "colour": "red" }])),
            "options[0].colour",
            "is not a field here; there are id, emoji, label, note, image",
        ),
        (
            "POST",
            "/v1/polls",
            with("max_choices", json!(2)),
            "max_choices",
            "must be 1, is 2: in a poll of kind single a voter chooses one option",
        ),
        (
            "PATCH",
            &poll,
            json!({ "revision": 1, "max_choices": 2 }),
            "max_choices",
            "must be 1, is 2: in a poll of kind single a voter chooses one option",
        ),
        (
            "POST",
            "/v1/polls",
            with("kind", json!("approval")),
            "kind",
            "must be one of single, multiple, rating, reaction, ranked, is \"approval\"",
        ),
        (
            "POST",
            "/v1/polls",
            with("results", json!(null)),
            "results",
            "must be one of always, after_vote, after_close, never, is null",
        ),
        ("POST", "/v1/polls", with("changeable", json!("yes")), "changeable", "must be true or false, is \"yes\""),
        ("POST", "/v1/polls", with("min_choices", json!("1")), "min_choices", "must be a whole number, is \"1\""),
        (
            "POST",
            "/v1/polls",
            with("closes_at", json!(1_700_000_000)),
            "closes_at",
            "must be an RFC 3339 time with its offset, like 2026-11-23T18:00:00Z, from 1970 to 9999, is 1700000000",
        ),
        ("POST", "/v1/polls", with("question", json!(7)), "question", "must be a string, is 7"),
        (
            "POST",
            "/v1/keys",
            json!({ "site": site }),
            "scopes",
            &format!("must name what the key may do, one or more of {all_scopes}"),
        ),
        (
            "POST",
            "/v1/keys",
            key(json!([])),
            "scopes",
            &format!("must name what the key may do, one or more of {all_scopes}"),
        ),
        ("POST", "/v1/keys", key(json!(["polls"])), "scopes[0]", &format!("must be one of {all_scopes}, is \"polls\"")),
        ("POST", "/v1/keys", key(json!("polls:read")), "scopes", "must be a list, is \"polls:read\""),
    ] {
        let method: Method = method.parse().unwrap();
        let answer = service.admin().request(method, path).json(&body).send().await;
        assert!(matches!(answer.status, 400 | 422), "{body}: {answer}");
        let refused = answer.json();
        let told = &refused["errors"][0];
        assert_eq!(told["field"], field, "{refused}");
        let detail = text(&told["detail"]);
        let detail = detail.split(" at line ").next().unwrap();
        assert_eq!(detail, rule);
        assert!(text(&refused["detail"]).starts_with(&format!("{field} {rule}")), "{refused}");
    }
    // A name that is no field's is said once, also where it stands twice.
    let body = "{\"question\":\"؟\",\"colour\":1,\"colour\":2,\"options\":[]}";
    let answer = service.admin().post("/v1/polls").body("application/json", body).send().await;
    let refused = answer.refused(400, "invalid-request");
    assert_eq!(text(&refused["detail"]).matches("colour").count(), 1, "{refused}");
    assert_eq!(
        (refused["errors"].as_array().map(Vec::len), &refused["errors"][0]["field"]),
        (Some(1), &json!("colour"))
    );
}

async fn a_body_that_is_not_json_by_its_type_is_refused(service: &Service) {
    for (client, method, path, body) in with_bodies(service).await {
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"] {
            // A vote may come as text, which then must name its voter; so may a view.
            if content_type == "text/plain" && (path.ends_with("/votes") || path.ends_with("/views")) {
                continue;
            }
            let request = client.request(method.clone(), &path).body(content_type, body.to_string());
            request.send().await.refused(415, "unsupported-media-type");
        }
        let request = client.request(method.clone(), &path).json(&body).header("content-encoding", "gzip");
        request.send().await.refused(415, "unsupported-media-type");
    }
}

async fn a_body_that_is_too_large_is_refused_before_it_is_parsed(service: &Service) {
    for (client, method, path, _) in with_bodies(service).await {
        let large = format!("{{\"question\":\"{}\"}}", "x".repeat(140_000));
        let answer = client.request(method, &path).body("application/json", large).send().await;
        answer.refused(413, "body-too-large");
    }
}

async fn deep_nesting_is_refused(service: &Service) {
    for (client, method, path, _) in with_bodies(service).await {
        let deep = "[".repeat(10_000);
        let request = client.request(method, &path).body("application/json", deep);
        request.send().await.refused(400, "invalid-request");
    }
}

async fn an_unknown_address_is_not_found(service: &Service) {
    for path in
        ["/x", "/v1", "/v2/polls", "/v1/polls/", "/v1/polls/a/b/c", "/admin", "/v1/voters/1", "/%00", "/..%2f", "/demo"]
    {
        service.client().get(path).undocumented().send().await.refused(404, "not-found");
    }
}

async fn a_method_that_does_not_apply_is_refused_with_those_that_do(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (path, allowed) in [
        ("/v1/voters".to_owned(), &["POST"][..]),
        ("/v1/polls".to_owned(), &["GET", "POST"]),
        (format!("/v1/polls/{poll}"), &["GET", "PATCH", "DELETE"]),
        (format!("/v1/polls/{poll}/votes"), &["POST"]),
        (format!("/v1/polls/{poll}/votes/mine"), &["POST"]),
        (format!("/v1/polls/{poll}/votes/withdraw"), &["POST"]),
        (format!("/v1/polls/{poll}/challenge"), &["POST"]),
        (format!("/v1/polls/{poll}/votes/me"), &["GET", "DELETE"]),
        (format!("/v1/polls/{poll}/results"), &["GET"]),
        (format!("/v1/polls/{poll}/results/runoff"), &["GET"]),
        (format!("/v1/polls/{poll}/open"), &["POST"]),
        (format!("/v1/polls/{poll}/publish"), &["POST"]),
        (format!("/v1/polls/{poll}/close"), &["POST"]),
        (format!("/v1/polls/{poll}/resolve"), &["POST"]),
        (format!("/v1/polls/{poll}/integrity"), &["GET"]),
        (format!("/v1/polls/{poll}/integrity/labels/no-mark"), &["POST"]),
        (format!("/v1/polls/{poll}/integrity/incidents"), &["POST"]),
        (format!("/v1/polls/{poll}/integrity/incidents/incident-8/close"), &["POST"]),
        (format!("/v1/polls/{poll}/snapshots"), &["GET", "POST"]),
        (format!("/v1/polls/{poll}/snapshots/1-1"), &["GET"]),
        (format!("/v1/polls/{poll}/snapshots/1-1/proof"), &["GET"]),
        ("/v1/sites/default/log".to_owned(), &["GET"]),
        ("/v1/sites/default/log/1/checkpoint".to_owned(), &["GET"]),
        ("/v1/sites/default/log/1/tile/entries/000.p/1".to_owned(), &["GET"]),
        ("/v1/sites/default/log/1/openings/0".to_owned(), &["GET"]),
        (format!("/v1/polls/{poll}/answers"), &["GET"]),
        (format!("/v1/polls/{poll}/answers.csv"), &["GET"]),
        (format!("/v1/polls/{poll}/answers/0123456789abcdef"), &["POST"]),
        ("/v1/results".to_owned(), &["GET", "POST"]),
        ("/v1/live".to_owned(), &["GET", "POST"]),
        ("/v1/views".to_owned(), &["POST"]),
        ("/v1/sites/default/trending".to_owned(), &["GET"]),
        ("/v1/sites/default/places".to_owned(), &["GET"]),
        ("/v1/sites/default/places/side".to_owned(), &["GET", "PUT", "DELETE"]),
        ("/v1/sites/default/places/side/now".to_owned(), &["GET"]),
        ("/v1/sites/default/templates".to_owned(), &["GET"]),
        ("/v1/sites/default/templates/x".to_owned(), &["GET", "PUT", "DELETE"]),
        ("/v1/sites/default/articles".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/a-1/x".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/a-1/x/votes".to_owned(), &["POST"]),
        ("/v1/sites/default/articles/a-1/x/votes/mine".to_owned(), &["POST"]),
        ("/v1/sites/default/articles/a-1/x/votes/withdraw".to_owned(), &["POST"]),
        ("/v1/sites/default/articles/a-1/x/challenge".to_owned(), &["POST"]),
        ("/v1/sites/default/articles/a-1/x/results".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/a-1/x/results.csv".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/a-1/x/results/runoff".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/a-1/x/timeline".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/a-1/x/timeline.csv".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/a-1/x/live".to_owned(), &["GET"]),
        ("/v1/sites/default/webhooks".to_owned(), &["GET", "POST"]),
        ("/v1/sites/default/webhooks/0123456789ab".to_owned(), &["GET", "PATCH", "DELETE"]),
        ("/v1/sites/default/webhooks/0123456789ab/secret".to_owned(), &["POST"]),
        ("/v1/sites/default/webhooks/0123456789ab/deliveries".to_owned(), &["GET"]),
        ("/v1/sites/default/webhooks/0123456789ab/deliveries/1795899306264000/replay".to_owned(), &["POST"]),
        ("/v1/sites/default/sessions".to_owned(), &["GET"]),
        ("/v1/sites/default/sessions/0123456789abcdef01234567".to_owned(), &["DELETE"]),
        ("/v1/keys".to_owned(), &["GET", "POST"]),
        ("/v1/keys/0123456789ab".to_owned(), &["DELETE"]),
        ("/v1/sites".to_owned(), &["GET"]),
        ("/v1/sites/default".to_owned(), &["GET", "PUT", "DELETE"]),
        ("/v1/sites/default/events".to_owned(), &["GET"]),
        ("/v1/sites/default/waiting".to_owned(), &["GET"]),
        (format!("/v1/polls/{poll}/qr.svg"), &["GET"]),
        ("/v1/sites/default/announced".to_owned(), &["GET"]),
        ("/v1/sites/default/articles/1".to_owned(), &["GET", "PUT", "DELETE"]),
        ("/embed.js".to_owned(), &["GET"]),
        ("/oembed".to_owned(), &["GET"]),
        (format!("/polls/{poll}/card.png"), &["GET"]),
        (format!("/v1/polls/{poll}/snapshots/1-7/card.png"), &["GET"]),
        ("/livez".to_owned(), &["GET"]),
        ("/readyz".to_owned(), &["GET"]),
        ("/openapi.yaml".to_owned(), &["GET"]),
        ("/".to_owned(), &["GET"]),
        ("/docs".to_owned(), &["GET"]),
    ] {
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE", "BREW"] {
            if allowed.contains(&method) {
                continue;
            }
            let method: Method = method.parse().unwrap();
            let answer = service.client().request(method, &path).undocumented().send().await;
            let allow = answer.header("allow").unwrap_or_default();
            answer.refused(405, "method-not-allowed");
            let said: Vec<_> = allow.split(", ").filter(|method| !matches!(*method, "HEAD" | "OPTIONS")).collect();
            assert_eq!(said, allowed, "{path}");
        }
    }
}

/// PowerShell, .NET and some editors begin any text with one, or write UTF-16.
async fn a_byte_order_mark_is_passed_over_and_another_encoding_is_named(service: &Service) {
    for (client, method, path, body) in with_bodies(service).await {
        let utf16: Vec<u8> = format!("\u{FEFF}{body}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let answer = client.request(method.clone(), &path).body("application/json", utf16).send().await;
        assert!(text(&answer.refused(400, "invalid-request")["detail"]).contains("UTF-16"), "{method} {path}");
        for charset in ["utf-16", "UTF-16LE", "windows-1256"] {
            let media_type = format!("application/json; charset={charset}");
            let answer = client.request(method.clone(), &path).body(&media_type, body.to_string()).send().await;
            assert!(text(&answer.refused(415, "unsupported-media-type")["detail"]).contains("UTF-8"), "{charset}");
        }
        let marked = client
            .request(method, &path)
            .undocumented()
            .body("Application/JSON; Charset=\"UTF-8\"", format!("\u{FEFF}{body}"));
        let answer = marked.send().await;
        assert!(matches!(answer.status, 200 | 201 | 204), "{answer}");
        if let Some(key) = answer.json()["key"].as_str() {
            crate::client::remember_secret(key);
        }
    }
}

/// A JSON library keeps one of two, and it is anybody's guess which.
async fn a_member_that_stands_there_twice_is_refused_and_named(service: &Service) {
    for (client, method, path, body) in with_bodies(service).await {
        for (name, value) in body.as_object().expect("an object") {
            let member = format!("\"{name}\":{value}");
            let twice = body.to_string().replacen('{', &format!("{{{member},"), 1);
            let answer = client.request(method.clone(), &path).body("application/json", twice).send().await;
            assert_eq!(answer.refused(400, "invalid-request")["errors"][0]["field"], name.as_str(), "{method} {path}");
        }
    }
    let option = "{\"question\":\"؟\",\"options\":[{\"label\":\"نعم\"},{\"label\":\"لا\",\"label\":\"كلا\"}]}";
    let answer = service.admin().post("/v1/polls").body("application/json", option).send().await;
    assert_eq!(answer.refused(400, "invalid-request")["errors"][0]["field"], "options[1].label");
}

/// What the reader of our JSON would take besides what the contract says.
async fn an_array_is_no_object_and_an_object_is_no_word(service: &Service) {
    let poll = service.poll(json!({})).await;
    let (voter, admin) = (service.client().new_voter().await, service.admin());
    let options = json!([["yes", "نعم"], ["no", "لا"]]);
    for (client, path, body) in [
        (&voter, format!("/v1/polls/{poll}/votes"), json!([["yes"]])),
        (&admin, "/v1/polls".to_owned(), json!(["default", "؟"])),
        (&admin, "/v1/polls".to_owned(), seed_poll(json!({ "options": options }))),
        (&admin, "/v1/polls".to_owned(), seed_poll(json!({ "kind": { "single": null } }))),
        (&admin, "/v1/polls".to_owned(), seed_poll(json!({ "results": { "never": null } }))),
        (&admin, "/v1/polls".to_owned(), seed_poll(json!({ "state": { "draft": null } }))),
        (&admin, "/v1/keys".to_owned(), json!({ "scopes": [{ "polls:read": null }] })),
    ] {
        client.post(&path).json(&body).send().await.refused(400, "invalid-request");
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 0);
}

/// Where nothing is to be said, `{}` says nothing too: some clients send it with every `POST`.
async fn an_action_takes_no_body_or_an_empty_object_and_nothing_else(service: &Service) {
    let client = service.client().with_key(ADMIN_KEY);
    for action in ["/open", "/publish", "/close", "/v1/voters"] {
        for (media_type, body) in [
            ("application/json", "{}"),
            ("application/json", ""),
            ("text/plain", " { }\r\n"),
            ("application/json; charset=utf-8", "\u{FEFF}{}"),
        ] {
            let poll = service.poll(json!({ "state": "draft" })).await;
            let path = if action.starts_with("/v1") { action.to_owned() } else { format!("/v1/polls/{poll}{action}") };
            let answer = client.post(&path).undocumented().body(media_type, body).send().await;
            assert!(matches!(answer.status, 200 | 201), "{body:?}: {answer}");
            if let Some(token) = answer.json()["voter"].as_str() {
                crate::client::remember_secret(token);
            }
        }
        let poll = service.poll(json!({ "state": "draft" })).await;
        let path = if action.starts_with("/v1") { action.to_owned() } else { format!("/v1/polls/{poll}{action}") };
        let long = " ".repeat(5_000);
        for body in ["{\"revision\":1}", "[]", "null", "{", "x", "{}{}", &long] {
            let refused =
                client.post(&path).body("application/json", body).send().await.refused(400, "invalid-request");
            assert!(text(&refused["detail"]).contains("takes no body"), "{refused}");
        }
    }
    let poll = service.poll(json!({})).await;
    client.post(&format!("/v1/polls/{poll}/close")).json(&json!({})).send().await.is(200);
}

service_rules![
    broken_json_is_refused_with_its_line_and_column,
    an_unknown_field_is_refused_and_named,
    a_field_of_the_wrong_type_is_named,
    what_is_wrong_is_said_with_the_field_and_what_it_may_be,
    a_body_that_is_not_json_by_its_type_is_refused,
    a_body_that_is_too_large_is_refused_before_it_is_parsed,
    deep_nesting_is_refused,
    an_unknown_address_is_not_found,
    a_method_that_does_not_apply_is_refused_with_those_that_do,
    a_byte_order_mark_is_passed_over_and_another_encoding_is_named,
    a_member_that_stands_there_twice_is_refused_and_named,
    an_array_is_no_object_and_an_object_is_no_word,
    an_action_takes_no_body_or_an_empty_object_and_nothing_else,
];
