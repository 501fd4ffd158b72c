//! Changes that are cut short: whatever was made is told, and nothing else.

use sawt::{
    poll::{Poll, PollFields, State},
    site::{Actor, ApiKey, Event, EventType, NewEvent, NewKey, Scopes},
    store::{Replacement, StoreError},
};

use super::scene::{Scene, three_options};
use crate::{
    registry::lone_rules,
    store::stage::{Stage, changeable},
};

lone_rules![
    a_change_cut_short_anywhere_is_told_if_it_was_made_and_only_then,
    a_relay_cut_short_anywhere_brings_every_event_once,
    a_relay_that_stood_still_anywhere_brings_no_event_twice,
    a_key_cut_short_anywhere_is_told_if_it_was_made_or_revoked_and_only_then,
    what_was_made_before_there_were_logs_is_told_when_it_is_due,
];

/// One change of a poll: the type that tells of it.
const CHANGES: [EventType; 5] = [
    EventType::PollCreated,
    EventType::PollReworded,
    EventType::PollEdited,
    EventType::PollClosed,
    EventType::PollDeleted,
];

/// Makes the change, or is cut short.
async fn change(stage: &Stage, poll: &Poll, change: EventType) -> bool {
    let now = poll.created_at;
    let done = if change == EventType::PollCreated {
        let events = NewEvent::of_creation(poll, &Actor::Admin, now);
        stage.store.create_poll(poll, None, &events).await.map(|_| ())
    } else if change == EventType::PollDeleted {
        let event = NewEvent::of_deletion(poll, &Actor::Admin, now);
        stage.store.delete_poll(poll.id, &[event]).await.map(|_| ())
    } else {
        let reworded = PollFields { question: Some("؟".to_owned()), ..PollFields::default() };
        let fields = if change == EventType::PollReworded { reworded } else { three_options() };
        let edit = if change == EventType::PollClosed { poll.closed(now) } else { fields.apply(poll, now).unwrap() };
        let events = NewEvent::of_change(poll, &edit.poll, &Actor::Admin, now);
        stage.store.replace_poll(&edit, &events).await.map(|_| ())
    };
    match done {
        Ok(()) => true,
        Err(StoreError::Unavailable(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn a_change_cut_short_anywhere_is_told_if_it_was_made_and_only_then() {
    let scene = Scene::new().await;
    let (cut, next) = (&scene.cut, &scene.next);
    for kind in CHANGES {
        let begin = async || {
            let is_new = kind == EventType::PollCreated;
            if is_new { cut.draw_up(changeable()).await } else { cut.told_poll(changeable()).await }
        };
        let is_told = async |poll: &Poll| next.told(poll).await.into_iter().filter(|told| *told == kind).count();
        let act = async |stage: &Stage, poll: &Poll| {
            let is_done = change(stage, poll, kind).await;
            if is_done {
                assert_eq!(is_told(poll).await, 1, "{kind} was acknowledged");
            }
            is_done
        };
        let after = async |poll: Poll| {
            // Whoever reads finishes what was begun.
            let found = next.store.poll(poll.id).await.unwrap();
            let is_made = match (kind, &found) {
                (EventType::PollCreated, found) => found.is_some(),
                (EventType::PollDeleted, found) => found.is_none(),
                (EventType::PollClosed, found) => {
                    found.as_ref().is_some_and(|found| found.state_at(found.updated_at) == State::Closed)
                }
                (_, found) => found
                    .as_ref()
                    .is_some_and(|found| found.question != poll.question || found.options.len() != poll.options.len()),
            };
            assert_eq!(is_told(&poll).await, usize::from(is_made), "{kind} {found:?}");
            // The same request again.
            if found.is_some() || kind == EventType::PollCreated || kind == EventType::PollDeleted {
                assert!(change(next, &poll, kind).await);
                assert_eq!(is_told(&poll).await, 1, "{kind}, sent again");
            }
        };
        scene.cut_everywhere(begin, act, after).await;
    }
}

/// A poll of which the relay has to tell, and nothing else for it to look through: outboxes are looked through for half
/// a minute after they are empty.
async fn poll_to_relay(scene: &Scene) -> Poll {
    scene.storage.server().ask(&["DEL", "sawt:{events}:pending"]);
    scene.cut.told_poll(changeable()).await
}

/// What is told of that poll.
const TO_RELAY: [EventType; 2] = [EventType::PollCreated, EventType::PollOpened];

async fn a_relay_cut_short_anywhere_brings_every_event_once() {
    let scene = Scene::new().await;
    let act = async |stage: &Stage, _: &Poll| stage.store.relay_events().await.is_ok();
    let after = async |poll: Poll| assert_eq!(scene.next.told(&poll).await, TO_RELAY);
    scene.cut_everywhere(|| poll_to_relay(&scene), act, after).await;
}

async fn a_relay_that_stood_still_anywhere_brings_no_event_twice() {
    let scene = Scene::new().await;
    let next = &scene.next;
    // It stands still for so long that it may have got no answer.
    let act = async |stage: &Stage, _: &Poll| _ = stage.store.relay_events().await;
    let meanwhile = async |poll: &Poll| assert_eq!(next.told(poll).await, TO_RELAY);
    let after = async |poll: Poll| assert_eq!(next.told(&poll).await, TO_RELAY);
    scene.hold_everywhere(|| poll_to_relay(&scene), act, meanwhile, after).await;
}

async fn a_key_cut_short_anywhere_is_told_if_it_was_made_or_revoked_and_only_then() {
    let scene = Scene::new().await;
    let (cut, next) = (&scene.cut, &scene.next);
    let told = async |key: &ApiKey, kind: EventType| {
        let is_it = |event: &&Event| event.kind == kind && event.data["key"] == key.id.as_str();
        next.log().await.iter().filter(is_it).count()
    };
    let begin = async || NewKey::generate(cut.site.clone(), Scopes::all(), None, cut.now().await).key;
    let make = async |stage: &Stage, key: &ApiKey| {
        let event = NewEvent::of_new_key(key, &Actor::Admin, key.created_at);
        stage.store.add_key(key, &[event]).await.is_ok()
    };
    let revoke = async |stage: &Stage, key: &ApiKey| {
        let event = NewEvent::of_revoked_key(key, &Actor::Admin, key.created_at);
        stage.store.revoke_key(&key.id, &[event]).await.is_ok()
    };
    let after_making = async |key: ApiKey| {
        let is_made = next.store.key(&key.id).await.unwrap().is_some();
        assert_eq!(told(&key, EventType::KeyCreated).await, usize::from(is_made));
        assert!(make(next, &key).await && make(next, &key).await);
        assert_eq!(told(&key, EventType::KeyCreated).await, 1);
    };
    scene.cut_everywhere(begin, make, after_making).await;
    let begin_made = async || {
        let key = begin().await;
        assert!(make(cut, &key).await);
        key
    };
    let after_revoking = async |key: ApiKey| {
        let is_revoked = next.store.key(&key.id).await.unwrap().is_none();
        assert_eq!(told(&key, EventType::KeyRevoked).await, usize::from(is_revoked));
        assert!(revoke(next, &key).await && revoke(next, &key).await);
        assert_eq!(told(&key, EventType::KeyRevoked).await, 1);
    };
    scene.cut_everywhere(begin_made, revoke, after_revoking).await;
}

/// Polls without events are what an earlier version made.
async fn what_was_made_before_there_were_logs_is_told_when_it_is_due() {
    let scene = Scene::new().await;
    let stage = &scene.next;
    let open = stage.poll(changeable()).await;
    let closes_at = stage.now_plus(500).await;
    let closing = stage.poll(PollFields { closes_at: Some(Some(closes_at)), ..changeable() }).await;
    for _ in 0..2 {
        stage.store.begin_logs().await.unwrap();
    }
    stage.wait_until(closes_at).await;
    stage.tell_due(&closing).await;
    assert_eq!(stage.told(&closing).await, [EventType::PollClosed]);
    assert!(stage.tell_close(&open).await != Replacement::Closed);
    assert_eq!(stage.told(&open).await, [EventType::PollClosed], "that it had opened is of before");
}
