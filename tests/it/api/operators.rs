//! What an operator asks a replica.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{contract, registry::service_rules, service::Service};

async fn a_replica_says_that_it_lives_and_is_ready(service: &Service) {
    for client in service.clients() {
        for path in ["/livez", "/readyz"] {
            let answer = client.get(path).send().await;
            let cache_control = answer.header("cache-control").unwrap_or_default();
            assert!(cache_control.contains("no-store"), "{answer}");
            answer.is(200);
        }
    }
}

async fn what_a_replica_did_is_told_as_metrics_and_says_nothing_of_readers(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let told = service.replicas()[0].told_to_operators("/metrics");
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    assert!(told.contains("/v1/polls/{poll}/votes"), "requests are counted by route: {told}");
    for hidden in [poll.as_str(), voter.token(), "127.0.0.1"] {
        assert!(!told.contains(hidden), "{hidden} is among the metrics");
    }
    // Readers get none of it.
    service.client().get("/metrics").undocumented().send().await.refused(404, "not-found");
}

async fn metrics_are_what_prometheus_takes_and_tell_of_the_process(service: &Service) {
    service.client().get("/livez").send().await.is(200);
    let replica = &service.replicas()[0];
    let older = replica.told_to_operators_as("/metrics", "text/plain;version=0.0.4");
    let (head, body) = older.split_once("\r\n\r\n").expect("a body");
    assert!(head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{head}");
    for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"] {
        let value = body.lines().find_map(|line| line.strip_prefix(&format!("process_{name} ")));
        let value: f64 = value.unwrap_or_else(|| panic!("no process_{name}: {body}")).parse().expect("a number");
        assert!(value >= 0.0, "process_{name} {value}");
    }
    let newer = replica.told_to_operators("/metrics");
    assert!(newer.to_lowercase().contains("content-type: application/openmetrics-text; version=1.0.0"), "{newer}");
    assert!(newer.contains("# EOF"), "{newer}");

    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool can be started: `apt-get install prometheus` brings it");
    promtool.stdin.take().expect("a pipe").write_all(body.as_bytes()).expect("it reads");
    let said = promtool.wait_with_output().expect("it ends");
    let words = [said.stdout, said.stderr].concat();
    assert!(said.status.success() && words.is_empty(), "{}", String::from_utf8_lossy(&words));
}

async fn the_contract_is_served_as_it_is_written(service: &Service) {
    let answer = service.client().get("/openapi.yaml").send().await;
    let written = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml")).unwrap();
    assert_eq!(answer.status, 200, "{answer}");
    assert!(answer.body == written, "the document served is not the one in the repository");
    let etag = answer.header("etag").expect("it has a tag");
    service.client().get("/openapi.yaml").header("if-none-match", &etag).send().await.is(304);
}

async fn the_contract_is_served_as_json_too(service: &Service) {
    let answer = service.client().get("/openapi.json").send().await;
    let written: serde_json::Value =
        serde_norway::from_slice(&service.client().get("/openapi.yaml").send().await.body).unwrap();
    assert_eq!(answer.json(), written);
    let etag = answer.header("etag").expect("it has a tag");
    service.client().get("/openapi.json").header("if-none-match", &etag).send().await.is(304);
}

async fn the_bare_address_says_what_this_is_to_people_and_to_programs(service: &Service) {
    let told = service.client().get("/").header("accept", "*/*").send().await;
    assert_eq!(told.json()["name"], "sawt", "{told}");
    for next in ["openapi", "docs"] {
        let path = told.json()[next].as_str().unwrap().to_owned();
        service.client().get(&path).send().await.is(200);
    }
    for (accept_language, said) in [("ar-KW,ar;q=0.9", "dir=\"rtl\""), ("fr", "lang=\"fr\""), ("de", "lang=\"en\"")] {
        let request = service.client().get("/").header("accept", "text/html,*/*;q=0.8");
        let page = request.header("accept-language", accept_language).send().await;
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(text.contains(said) && text.contains("href=\"/docs\""), "{page}");
    }
}

async fn the_documentation_loads_nothing_from_anybody_else(service: &Service) {
    let page = service.client().get("/docs").send().await;
    let policy = page.header("content-security-policy").expect("it has a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert!(!text.contains("//"), "{text}");
    for file in ["start.js", "swagger-ui.css", "swagger-ui-bundle.js"] {
        assert!(text.contains(&format!("\"docs/{file}\"")), "{text}");
        let answer = service.client().get(&format!("/docs/{file}")).send().await;
        let etag = answer.header("etag").expect("it has a tag");
        let again = service.client().get(&format!("/docs/{file}")).header("if-none-match", &etag).send().await;
        again.is(304);
    }
    service.client().get("/docs/index.html").send().await.refused(404, "not-found");
}

async fn the_contract_knows_every_route_and_no_other(_service: &Service) {
    let served: std::collections::BTreeSet<String> = sawt::http::served()
        .into_iter()
        .flat_map(|(path, methods)| methods.into_iter().map(move |method| format!("{method} {path}")))
        .filter(|route| !route.starts_with("HEAD "))
        .collect();
    assert_eq!(contract::operations(), served);
}

async fn every_example_in_the_contract_is_true_to_its_schema(_service: &Service) {
    let refused = contract::false_examples();
    assert!(refused.is_empty(), "{refused}");
}

service_rules![
    a_replica_says_that_it_lives_and_is_ready,
    what_a_replica_did_is_told_as_metrics_and_says_nothing_of_readers,
    metrics_are_what_prometheus_takes_and_tell_of_the_process,
    the_contract_is_served_as_it_is_written,
    the_contract_is_served_as_json_too,
    the_bare_address_says_what_this_is_to_people_and_to_programs,
    the_documentation_loads_nothing_from_anybody_else,
    the_contract_knows_every_route_and_no_other,
    every_example_in_the_contract_is_true_to_its_schema,
];
