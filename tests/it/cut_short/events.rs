//! Changes that are cut short: whatever was made is told, and nothing else.

use sawt::{
    poll::{Poll, PollFields, State},
    site::{Actor, EventType, NewEvent},
    store::StoreError,
};

use super::scene::{Scene, three_options};
use crate::{
    registry::lone_rules,
    store::stage::{Stage, changeable},
};

lone_rules![
    a_change_cut_short_anywhere_is_told_if_it_was_made_and_only_then,
    a_relay_cut_short_anywhere_brings_every_event_once,
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

async fn a_relay_cut_short_anywhere_brings_every_event_once() {
    let scene = Scene::new().await;
    let (cut, next) = (&scene.cut, &scene.next);
    let begin = async || cut.told_poll(changeable()).await;
    let act = async |stage: &Stage, _: &Poll| stage.store.relay_events().await.is_ok();
    let told = [EventType::PollCreated, EventType::PollOpened];
    let after = async |poll: Poll| assert_eq!(next.told(&poll).await, told);
    scene.cut_everywhere(begin, act, after).await;
}
