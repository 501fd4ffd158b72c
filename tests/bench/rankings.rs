//! Bytes that an article takes in a site's rankings in Redis, in each of its windows.

use sawt::{
    article::ArticleKey,
    store::{Measure, RankedItem, TrendingWindow, ViewBatch, WriterId},
};

use crate::{
    ballots::{Ground, runtime},
    redis_server::RedisServer,
    table::{Table, number},
};

const ARTICLES: u32 = 100_000;
const BATCH: u32 = 256;
/// The most bytes that an article should take in a window.
const MOST: f64 = 200.0;

/// Measures and prints.
pub(crate) fn measure() {
    let title = "Bytes per article and window in Redis: what the whole server holds more than with one article";
    let mut table = Table::new(title, &["100,000 articles, named by", "bytes", "a site's rankings in MB"]);
    let by_address =
        |number: u32| format!("url:https://news.example/politics/2026/11/29/the-assembly-sits-again-{number:06}");
    for (name, key) in [
        ("an id", (|number| format!("id:20261129-{number:06}")) as fn(u32) -> String),
        ("an address of 75 bytes", by_address),
    ] {
        let redis = RedisServer::start();
        let held = runtime().block_on(async {
            let ground = Ground::new(&format!("redis://{}", redis.address())).await;
            see(&ground, key, 0, 1).await;
            let before = redis.used_memory();
            for first in (1..ARTICLES).step_by(BATCH as usize) {
                see(&ground, key, first, ARTICLES.min(first + BATCH)).await;
            }
            redis.used_memory() - before
        });
        let each = held / f64::from(ARTICLES) / TrendingWindow::ALL.len() as f64;
        table.row(name, [each, held / 1e6].map(number));
        table.at_most(&format!("bytes by {name}"), each, MOST);
    }
    table.print();
}

async fn see(ground: &Ground, key: fn(u32) -> String, from: u32, to: u32) {
    let seen = |number| {
        let key: ArticleKey = key(number).parse().expect("an article's key");
        (Measure::Views, RankedItem::Article(key), 1)
    };
    let batch = ViewBatch {
        writer: WriterId([7; 8]),
        number: to.into(),
        site: ground.poll.site.clone(),
        polls: Vec::new(),
        items: (from..to).map(seen).collect(),
        most_ranked: ARTICLES,
    };
    ground.store.count_views(&batch).await.expect("the store answers");
}
