//! Sessions of the newsroom.

use std::sync::Arc;

use sawt::{
    poll::{SiteId, Text, Timestamp},
    secret::{KeyHash, Secret},
    site::{Actor, EventType, Grant, NAME, NewEvent, Person, Realm, Role, Session, SessionHolder, SessionId},
    store::Store,
};

use crate::store::stage::Stage;

crate::registry::store_rules![
    a_session_is_there_until_it_is_ended_and_one_of_those_who_end_it_gets_it,
    a_session_that_has_expired_is_not_there,
    a_session_that_somebody_else_ends_is_told_of_once,
    sessions_are_listed_where_their_holders_have_business_until_they_end,
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

async fn a_session_that_somebody_else_ends_is_told_of_once(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let (hash, session) = session(&*store, 3_600).await;
    store.add_session(hash, &session).await.unwrap();
    let event = NewEvent::of_ended_session(&SessionId::of(hash), &session, &Actor::Admin, stage.now().await);
    let ended = futures_util::future::join_all((0..4).map(|_| store.end_session_at(hash, &stage.site, &event))).await;
    assert_eq!(ended.into_iter().filter(|ended| *ended.as_ref().unwrap()).count(), 1);
    assert_eq!(store.session(hash).await.unwrap(), None);
    assert!(!store.sessions_in(&Realm::Everywhere, 1_000).await.unwrap().iter().any(|(other, _)| *other == hash));
    store.relay_events().await.unwrap();
    let told = store.events(&stage.site, None, 10).await.unwrap();
    let told: Vec<_> = told.iter().map(|event| (event.kind, event.data["operator"].clone())).collect();
    assert_eq!(told, [(EventType::SessionEnded, true.into())]);
}

async fn sessions_are_listed_where_their_holders_have_business_until_they_end(store: Arc<dyn Store>) {
    let [mine, theirs]: [SiteId; 2] = [(); 2].map(|()| format!("site-{}", hex_of_some_bytes()).parse().unwrap());
    let begin = async |holder: SessionHolder, secs: i64| {
        let (hash, session) = session(&*store, secs).await;
        let session = Session { holder, ..session };
        store.add_session(hash, &session).await.unwrap();
        (hash, session)
    };
    let grant = |site: &SiteId| Grant { role: Role::Editor, site: Some(site.clone()) };
    let person = |grants: Vec<Grant>| {
        let name = Text::parse("هدى", NAME).unwrap();
        SessionHolder::Person(Person { subject: "7".to_owned(), name, grants })
    };
    let key = SessionHolder::Key { key: "0123456789ab".parse().unwrap(), site: Some(mine.clone()) };
    let by_key = begin(key.clone(), 3_600).await;
    let of_both = begin(person(vec![grant(&mine), grant(&theirs)]), 7_200).await;
    begin(key, -1).await;
    begin(SessionHolder::Link { key: KeyHash::of("the admin key") }, 3_600).await;
    let listed = async |site: &SiteId, limit| {
        let mut listed = store.sessions_in(&Realm::Site(site.clone()), limit).await.unwrap();
        listed.sort_by_key(|(hash, _)| *hash != by_key.0);
        listed
    };
    assert_eq!(listed(&mine, 10).await, [by_key.clone(), of_both.clone()]);
    assert_eq!(listed(&mine, 1).await.len(), 1);
    assert_eq!(listed(&theirs, 10).await, std::slice::from_ref(&of_both));
    let everywhere = begin(SessionHolder::Admin { key: KeyHash::of("the admin key") }, 3_600).await;
    assert!(store.sessions_in(&Realm::Everywhere, 1_000).await.unwrap().contains(&everywhere));
    store.end_session(of_both.0).await.unwrap();
    assert_eq!((listed(&mine, 10).await.len(), listed(&theirs, 10).await.len()), (1, 0));
}

/// Trials share stores.
fn hex_of_some_bytes() -> String {
    KeyHash::of(Secret::generate().expose()).to_hex()[..16].to_owned()
}
