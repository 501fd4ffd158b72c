//! Sessions that are ended over a connection that breaks.

use sawt::{
    poll::Timestamp,
    secret::{KeyHash, Secret},
    site::{Session, SessionHolder},
};

use super::scene::Scene;
use crate::registry::lone_rules;

lone_rules![a_session_that_was_ended_though_the_answer_was_lost_is_given_to_who_ended_it];

/// A link that signs somebody in is such a session: it would be used up, and nobody signed in.
async fn a_session_that_was_ended_though_the_answer_was_lost_is_given_to_who_ended_it() {
    let scene = Scene::new().await;
    let (cut, next) = (&scene.cut, &scene.next);
    let created_at = next.now().await;
    let expires_at = Timestamp::from_millis(created_at.as_millis() + 60_000);
    let holder = SessionHolder::Link { key: KeyHash::of("the admin key") };
    let session = Session { holder, created_at, expires_at };
    let kept = async || {
        let hash = KeyHash::of(Secret::generate().expose());
        next.store.add_session(hash, &session).await.unwrap();
        hash
    };
    // Also makes the script known.
    assert_eq!(cut.store.end_session(kept().await).await.unwrap().as_ref(), Some(&session));
    let hash = kept().await;
    scene.lose_one_answer();
    assert_eq!(cut.store.end_session(hash).await.unwrap().as_ref(), Some(&session));
    for stage in [cut, next] {
        assert_eq!(stage.store.end_session(hash).await.unwrap(), None);
    }
}
