//! A site with ten thousand polls: what a page of its list costs, counted in what its store is asked, not in time.

use std::sync::Arc;

use futures_util::future::join_all;
use sawt::{
    poll::{DigestKey, NewOption, NewPoll, PollFields, PollId, SiteId, Timestamp},
    store::{Creation, Store},
};
use serde_json::json;

use super::Browser;
use crate::{
    api::embed::after,
    backends::{Backend, Program, Storage},
    client::until,
    registry::lone_rules,
    service::Service,
};

const POLLS: i64 = 10_000;
/// The most that Redis may be asked for a page of 25 polls, each with its tally and its last day. To read all polls
/// would take more than one command for each.
const MOST_COMMANDS: u64 = 1_000;

lone_rules![of_ten_thousand_polls_a_page_reads_its_own_and_no_request_reads_all];

/// Makes polls as an editor would have over the years, straight in the store.
async fn fill(store: &Arc<dyn Store>, site: &SiteId) {
    let option =
        |id: &str, label: &str| NewOption { id: Some(id.to_owned()), label: label.to_owned(), ..NewOption::default() };
    let now = store.now().await.expect("the time").as_millis();
    let make = async |number: i64| {
        let of = if number % 100 == 0 { "قانون الإيجارات" } else { "سؤال اليوم" };
        let new = PollFields {
            question: Some(format!("{of} {number}؟")),
            options: Some(vec![option("yes", "نعم"), option("no", "لا")]),
            ..PollFields::default()
        };
        let made_at = Timestamp::from_millis(now - (POLLS - number) * 60_000);
        let id = PollId::generate();
        let key = DigestKey::from_bytes([7; 32]);
        let poll =
            NewPoll::from(new).build(id, site.clone(), store.partitions(id), key, made_at).expect("a sound poll");
        assert!(matches!(store.create_poll(&poll, None, &[]).await, Ok(Creation::Created(_))));
    };
    // Few at once, so that none waits for long on a machine that is busy.
    for first in (0..POLLS).step_by(50) {
        join_all((first..first + 50).map(make)).await;
    }
}

async fn of_ten_thousand_polls_a_page_reads_its_own_and_no_request_reads_all() {
    let storage = Storage::single(Program::Redis, &[]);
    let store = storage.store().await;
    let service = Service::start_on(Backend::Redis, storage);
    // In a time zone in which the day goes on for hours, so that what closes soon closes today.
    let now = service.now_millis().await;
    let hour = now.div_euclid(3_600_000).rem_euclid(24);
    let site = service.site().await;
    let zone = json!({ "origins": [], "timezone": if hour < 12 { "Etc/UTC" } else { "Etc/GMT+12" } });
    service.admin().put(&format!("/v1/sites/{site}")).json(&zone).send().await.is(200);
    fill(&store, &site.parse().unwrap()).await;
    let today = crate::service::moment(now + 3 * 3_600_000);
    service.poll(json!({ "site": site, "question": "يُغلق اليوم؟", "closes_at": today })).await;

    let browser = Browser::of_site(&service, &site).await;
    let list = format!("/newsroom/sites/{site}/polls");
    // The first page asks for what it shows. Meanwhile all polls are read, for those who will search them: that they
    // were is seen by the number in the bar.
    until(async || browser.get(&list).await.page(200).contains("<span class=\"count\">1</span></a>").then_some(()))
        .await;

    let asked = || {
        let told = service.storage().server().ask(&["INFO", "commandstats"]);
        let calls = told.lines().filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok());
        calls.sum::<u64>()
    };
    let page = async |query: &str| {
        let before = asked();
        let page = browser.get(&format!("{list}{query}")).await.page(200);
        let cost = asked() - before;
        assert!(cost < MOST_COMMANDS, "{query}: Redis was asked {cost} times");
        page
    };
    let questions = |page: &str| page.matches("<th scope=\"row\">").count();
    for query in ["", "?sort=votes", "?sort=closing", "?state=open", "?state=closed"] {
        let expected = if query == "?state=closed" { 0 } else { 25 };
        assert_eq!(questions(&page(query).await), expected, "{query}");
    }
    // By the cursor to the end of what was found: each once.
    let (mut query, mut found) = ("?q=الايجارات".to_owned(), Vec::new());
    loop {
        let shown = page(&query).await;
        found.extend(shown.split("قانون الإيجارات ").skip(1).map(|rest| rest.split('؟').next().unwrap().to_owned()));
        if !shown.contains("<p class=\"more\">") {
            break;
        }
        query = after(&shown, "<p class=\"more\"><a class=\"button second\" href=\"").replace("&#38;", "&");
    }
    let expected: Vec<String> = (0..100).rev().map(|number| (number * 100).to_string()).collect();
    assert_eq!(found, expected);
    // A poll that is made and one that is deleted meanwhile cost what they are, and not all of them anew.
    let made = service.poll(json!({ "site": site, "question": "قانون الإيجارات 10000؟" })).await;
    assert!(page("?q=الايجارات").await.contains(&made));
    service.admin().delete(&format!("/v1/polls/{made}")).send().await.is(204);
    assert!(!page("?q=الايجارات").await.contains(&made));
}
