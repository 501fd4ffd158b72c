//! Sessions of the newsroom.

use std::sync::Arc;

use sawt::{
    poll::Timestamp,
    secret::{KeyHash, Secret},
    site::{Session, SessionHolder},
    store::Store,
};

crate::registry::store_rules![
    a_session_is_there_until_it_is_ended_and_one_of_those_who_end_it_gets_it,
    a_session_that_has_expired_is_not_there,
];

async fn session(store: &dyn Store, secs: i64) -> (KeyHash, Session) {
    let created_at = store.now().await.unwrap();
    let expires_at = Timestamp::from_millis(created_at.as_millis() + secs * 1_000);
    let holder = SessionHolder::Admin { key: KeyHash::of("the admin key") };
    (KeyHash::of(Secret::generate().expose()), Session { holder, created_at, expires_at })
}

async fn a_session_is_there_until_it_is_ended_and_one_of_those_who_end_it_gets_it(store: Arc<dyn Store>) {
    let (hash, session) = session(&*store, 3_600).await;
    assert_eq!(store.session(hash).await.unwrap(), None);
    for _ in 0..2 {
        store.add_session(hash, &session).await.unwrap();
        assert_eq!(store.session(hash).await.unwrap().as_ref(), Some(&session));
    }
    let ended = futures_util::future::join_all((0..4).map(|_| store.end_session(hash))).await;
    let got: Vec<_> = ended.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(got, [session]);
    assert_eq!(store.session(hash).await.unwrap(), None);
}

async fn a_session_that_has_expired_is_not_there(store: Arc<dyn Store>) {
    let (hash, session) = session(&*store, -1).await;
    store.add_session(hash, &session).await.unwrap();
    assert_eq!(store.session(hash).await.unwrap(), None);
    assert_eq!(store.end_session(hash).await.unwrap(), None);
}
