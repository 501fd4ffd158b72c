//! Quotas that replicas share.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use sawt::{
    poll::Timestamp,
    secret::random_bytes,
    store::{Lease, LeaseKey, Leased, Store},
};

use crate::store::stage::{Stage, at_once};

crate::registry::store_rules![
    a_quota_is_taken_whole_or_not_at_all,
    takers_at_the_same_time_get_no_more_than_there_is,
    who_waits_as_long_as_told_is_granted_what_was_refused,
    quotas_of_other_names_and_keys_are_apart,
];

/// So many of a quota nobody else takes from.
fn lease(limit: u32, window_secs: u32, quantity: u32) -> Lease {
    let number = |number| NonZeroU32::new(number).unwrap();
    Lease {
        name: "client",
        key: LeaseKey::from_bytes(random_bytes()),
        limit: number(limit),
        window_secs: number(window_secs),
        quantity: number(quantity),
    }
}

fn with_quantity(lease: &Lease, quantity: u32) -> Lease {
    Lease { quantity: NonZeroU32::new(quantity).unwrap(), ..lease.clone() }
}

async fn a_quota_is_taken_whole_or_not_at_all(store: Arc<dyn Store>) {
    // A token is back after a day.
    let four = lease(10, 864_000, 4);
    for _ in 0..2 {
        assert_eq!(store.take_quota(&four).await.unwrap(), Leased::Granted);
    }
    let Leased::Refused { wait } = store.take_quota(&four).await.unwrap() else { panic!("8 of 10 are taken") };
    assert!(wait > Duration::from_hours(47) && wait <= Duration::from_hours(48), "{wait:?}");
    // What was refused took nothing.
    assert_eq!(store.take_quota(&with_quantity(&four, 2)).await.unwrap(), Leased::Granted);
    assert!(matches!(store.take_quota(&with_quantity(&four, 1)).await.unwrap(), Leased::Refused { .. }));
}

async fn takers_at_the_same_time_get_no_more_than_there_is(store: Arc<dyn Store>) {
    let three = lease(100, 864_000, 3);
    let takers = (0..60).map(|_| {
        let (store, three) = (store.clone(), three.clone());
        async move { store.take_quota(&three).await.unwrap() == Leased::Granted }
    });
    let granted = at_once(takers).await.into_iter().filter(|is_granted| *is_granted).count();
    assert_eq!(granted, 33);
}

async fn who_waits_as_long_as_told_is_granted_what_was_refused(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    // Seven in a second does not divide into whole microseconds.
    let all = lease(7, 1, 7);
    assert_eq!(store.take_quota(&all).await.unwrap(), Leased::Granted);
    let two = with_quantity(&all, 2);
    let Leased::Refused { wait } = store.take_quota(&two).await.unwrap() else { return };
    let now = stage.now().await;
    assert!(wait > Duration::ZERO && wait <= Duration::from_millis(286), "{wait:?}");
    let micros = i64::try_from(wait.as_micros()).unwrap();
    stage.wait_until(Timestamp::from_millis(now.as_millis() + micros / 1_000 + 1)).await;
    assert_eq!(store.take_quota(&two).await.unwrap(), Leased::Granted);
}

async fn quotas_of_other_names_and_keys_are_apart(store: Arc<dyn Store>) {
    let one = lease(1, 86_400, 1);
    let others =
        [Lease { name: "mint", ..one.clone() }, Lease { key: LeaseKey::from_bytes(random_bytes()), ..one.clone() }];
    assert_eq!(store.take_quota(&one).await.unwrap(), Leased::Granted);
    for other in others {
        assert_eq!(store.take_quota(&other).await.unwrap(), Leased::Granted);
        assert!(matches!(store.take_quota(&other).await.unwrap(), Leased::Refused { .. }));
    }
}
