//! Quotas that replicas share.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use sawt::{
    poll::Timestamp,
    secret::random_bytes,
    store::{QuotaKey, Store, TokenReply, TokenRequest},
};

use crate::store::stage::{Stage, at_once};

crate::registry::store_rules![
    a_quota_is_taken_whole_or_not_at_all,
    takers_at_the_same_time_get_no_more_than_there_is,
    who_waits_as_long_as_told_is_granted_what_was_refused,
    quotas_of_other_names_and_keys_are_apart,
];

/// So many of a quota nobody else takes from.
fn request(limit: u32, window_secs: u32, quantity: u32) -> TokenRequest {
    let number = |number| NonZeroU32::new(number).unwrap();
    TokenRequest {
        name: "client",
        key: QuotaKey::from_bytes(random_bytes()),
        limit: number(limit),
        window_secs: number(window_secs),
        quantity: number(quantity),
    }
}

fn with_quantity(request: &TokenRequest, quantity: u32) -> TokenRequest {
    TokenRequest { quantity: NonZeroU32::new(quantity).unwrap(), ..request.clone() }
}

async fn a_quota_is_taken_whole_or_not_at_all(store: Arc<dyn Store>) {
    // A token is back after a day.
    let four = request(10, 864_000, 4);
    for _ in 0..2 {
        assert_eq!(store.take_quota(&four).await.unwrap(), TokenReply::Granted);
    }
    let TokenReply::Refused { wait } = store.take_quota(&four).await.unwrap() else { panic!("8 of 10 are taken") };
    assert!(wait > Duration::from_hours(47) && wait <= Duration::from_hours(48), "{wait:?}");
    // What was refused took nothing.
    assert_eq!(store.take_quota(&with_quantity(&four, 2)).await.unwrap(), TokenReply::Granted);
    assert!(matches!(store.take_quota(&with_quantity(&four, 1)).await.unwrap(), TokenReply::Refused { .. }));
}

async fn takers_at_the_same_time_get_no_more_than_there_is(store: Arc<dyn Store>) {
    let three = request(100, 864_000, 3);
    let takers = (0..60).map(|_| {
        let (store, three) = (store.clone(), three.clone());
        async move { store.take_quota(&three).await.unwrap() == TokenReply::Granted }
    });
    let granted = at_once(takers).await.into_iter().filter(|is_granted| *is_granted).count();
    assert_eq!(granted, 33);
}

async fn who_waits_as_long_as_told_is_granted_what_was_refused(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    // Seven in a second does not divide into whole microseconds.
    let all = request(7, 1, 7);
    assert_eq!(store.take_quota(&all).await.unwrap(), TokenReply::Granted);
    let two = with_quantity(&all, 2);
    let TokenReply::Refused { wait } = store.take_quota(&two).await.unwrap() else { return };
    let now = stage.now().await;
    assert!(wait > Duration::ZERO && wait <= Duration::from_millis(286), "{wait:?}");
    let micros = i64::try_from(wait.as_micros()).unwrap();
    stage.wait_until(Timestamp::from_millis(now.as_millis() + micros / 1_000 + 1)).await;
    assert_eq!(store.take_quota(&two).await.unwrap(), TokenReply::Granted);
}

async fn quotas_of_other_names_and_keys_are_apart(store: Arc<dyn Store>) {
    let one = request(1, 86_400, 1);
    let others = [
        TokenRequest { name: "mint", ..one.clone() },
        TokenRequest { key: QuotaKey::from_bytes(random_bytes()), ..one.clone() },
    ];
    assert_eq!(store.take_quota(&one).await.unwrap(), TokenReply::Granted);
    for other in others {
        assert_eq!(store.take_quota(&other).await.unwrap(), TokenReply::Granted);
        assert!(matches!(store.take_quota(&other).await.unwrap(), TokenReply::Refused { .. }));
    }
}
