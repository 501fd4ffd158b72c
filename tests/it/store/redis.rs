//! What the Redis store promises beyond the contract, on a server of its own.

use std::sync::Arc;

use sawt::{
    clock::Clock,
    poll::{Minute, Outcome, TimeZone},
    site::SiteSettings,
    store::{Store, StoreSettings, Stores},
};

use super::stage::{Stage, changeable};
use crate::backends::{Program, Storage};

crate::registry::lone_rules![
    a_minute_in_which_ballots_only_changed_is_found,
    a_site_that_an_earlier_version_kept_is_in_utc_and_has_no_name,
];

async fn open() -> (Storage, Arc<dyn Store>) {
    let storage = Storage::single(Program::Redis, &[]);
    let address = storage.address().parse().unwrap();
    let stores = Stores::open(&StoreSettings { address, partitions: None, allow_eviction: false }, Clock::default());
    let store = stores.unwrap().connect();
    store.contact().await.unwrap();
    (storage, store)
}

/// A timeline is read by the field that counts a minute's ballots, and here none were cast or withdrawn.
async fn a_minute_in_which_ballots_only_changed_is_found() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    // As if that had been long ago.
    storage.server().ask(&["DEL", &format!("sawt:{{{}.0}}:minutes", poll.id)]);
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Changed);
    let now = Minute::of(stage.now().await);
    let page = stage.store.minutes(&poll, now.plus(-1)..now.plus(1)).await.unwrap();
    let moves: Vec<_> =
        page.changes.iter().map(|(_, moved)| (moved.ballots, moved.votes_in(0), moved.votes_in(1))).collect();
    assert_eq!(moves, [(0, -1, 1)]);
}

async fn a_site_that_an_earlier_version_kept_is_in_utc_and_has_no_name() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    storage.server().ask(&["HDEL", &format!("sawt:site:{{{}}}", stage.site), "timezone", "name", "url"]);
    let site = stage.store.site(&stage.site).await.unwrap().unwrap();
    assert_eq!(
        site.settings,
        SiteSettings { timezone: TimeZone::UTC, name: None, url: None, ..SiteSettings::default() }
    );
}
