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
/// As many are kept of a site that announces none, whose addresses anybody may invent.
const UNANNOUNCED: u32 = 10_000;
const BATCH: u32 = 256;
/// The most bytes that an article should take in a window.
const MOST: f64 = 200.0;
/// The most that a flood of the longest addresses by which articles rank should take of a site's rankings, in MB.
const MOST_OF_A_FLOOD: f64 = 50.0;

/// Measures and prints.
pub(crate) fn measure() {
    let title = "Bytes per article and window in Redis: what the whole server holds more than with one article";
    let mut table = Table::new(title, &["articles, named by", "bytes", "a site's rankings in MB"]);
    let by_address =
        |number: u32| format!("url:https://news.example/politics/2026/11/29/the-assembly-sits-again-{number:06}");
    let by_long_address = |number: u32| format!("url:https://news.example/{}{number:06}", "a".repeat(997));
    for (name, key, articles) in [
        ("100,000, an id", (|number| format!("id:20261129-{number:06}")) as fn(u32) -> String, ARTICLES),
        ("100,000, an address of 75 bytes", by_address, ARTICLES),
        ("10,000, an address of 1,024 bytes", by_long_address, UNANNOUNCED),
    ] {
        let redis = RedisServer::start();
        let held = runtime().block_on(async {
            let ground = Ground::new(&format!("redis://{}", redis.address())).await;
            see(&ground, key, 0, 1).await;
            let before = redis.used_memory();
            for first in (1..articles).step_by(BATCH as usize) {
                see(&ground, key, first, articles.min(first + BATCH)).await;
            }
            redis.used_memory() - before
        });
        let each = held / f64::from(articles) / TrendingWindow::ALL.len() as f64;
        table.row(name, [each, held / 1e6].map(number));
        if articles == ARTICLES {
            table.at_most(&format!("bytes by {name}"), each, MOST);
        } else {
            table.at_most("MB of a flood", held / 1e6, MOST_OF_A_FLOOD);
        }
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
