//! What a whole run must have shown once every other trial has ended.

use std::collections::BTreeSet;

use crate::{
    client::{self, FORGED_ADDRESSES, FORWARDED_FOR},
    contract,
    server::{self, ADMIN_KEY, SECRET},
    service::{Service, Services},
};

/// A line in the document that no trial provokes is a promise that nobody checks.
pub(crate) fn every_documented_answer_was_seen(_services: &Services) {
    let unseen = contract::unseen();
    assert!(unseen.is_empty(), "documented, and never seen:\n{unseen}");
}

/// Stops the replicas that the trials shared, and reads every log of the run: also those of replicas that were killed.
pub(crate) fn every_replica_stops_in_good_order_and_its_log_holds_no_secret(services: &Services) {
    for replica in services.started().flat_map(Service::replicas) {
        let ended = replica.stop();
        assert_eq!(ended.code(), Some(0), "{ended}\n{}", replica.log().text());
    }
    let mut secrets = client::secrets();
    secrets.extend([ADMIN_KEY, SECRET].map(str::to_owned));
    for log in server::logs() {
        for line in log.lines() {
            let has_address = line.contains(FORWARDED_FOR) || line.contains(FORGED_ADDRESSES);
            assert!(!has_address, "an address is logged: {line}");
            assert!(!line.contains("panicked"), "a replica panicked: {line}");
            if let Some(secret) = words(&line).find(|word| secrets.contains(*word)) {
                panic!("{secret} is logged: {line}");
            }
            check_request_line(&line);
        }
    }
}

/// Everything in a line that has the shape of a key, a token or a planted choice. Looking whole words up is what makes
/// reading a hundred thousand lines for a thousand secrets quick.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_')))
        .filter(|word| word.len() >= 20)
}

/// A line about a request can be queried by field, and says nothing of where the request came from.
fn check_request_line(line: &str) {
    let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { return };
    if line.get("duration_us").is_none() {
        return;
    }
    let fields: BTreeSet<_> = line.as_object().expect("a line is an object").keys().map(String::as_str).collect();
    for field in ["timestamp", "level", "target", "message", "method", "route", "status", "outcome", "request_id"] {
        assert!(fields.contains(field), "{line} lacks {field}");
    }
    // One trial damages a file.
    let is_damage = line["error"].as_str().is_some_and(|error| error.starts_with("the store is damaged"));
    assert!(line["status"] != 500 || is_damage, "a defect: {line}");
    assert!(!line.to_string().contains("127.0.0.1"), "an address is logged: {line}");
}
