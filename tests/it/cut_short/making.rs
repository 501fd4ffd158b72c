//! Polls whose making is cut short.

use sawt::{
    poll::{NewPoll, Outcome, Poll, PollId, Timestamp},
    secret::KeyHash,
    site::{ApiKey, NewKey, Scopes},
    store::{Creation, IdempotencyKey, SiteDeletion},
};

use super::scene::Scene;
use crate::{
    registry::lone_rules,
    store::stage::{Stage, open_answers, yes_or_no},
};

lone_rules![
    a_poll_whose_making_was_cut_short_anywhere_is_made_by_the_same_request_and_deleted_whole,
    what_was_cut_short_while_it_was_made_keeps_no_site_from_being_deleted,
    what_was_cut_short_long_ago_while_it_was_made_is_cleared_away_by_a_list,
];

/// The same request again comes later, and so draws the poll up at another moment.
async fn a_poll_whose_making_was_cut_short_anywhere_is_made_by_the_same_request_and_deleted_whole() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let begin = async || {
        let key = IdempotencyKey { key: KeyHash::of(&PollId::generate().to_string()), request: KeyHash::of("request") };
        (next.draw_up(yes_or_no()).await, key)
    };
    let act = async |stage: &Stage, (poll, key): &(Poll, IdempotencyKey)| {
        stage.store.create_poll(poll, Some(key), &[]).await.is_ok()
    };
    // Also by a replica whose clock is behind.
    for later in [5, -5] {
        let after = async |(poll, key): (Poll, IdempotencyKey)| {
            let created_at = Timestamp::from_millis(poll.created_at.as_millis() + later);
            let twin = Poll { created_at, updated_at: created_at, ..next.draw_up(yes_or_no()).await };
            let (Creation::Created(made) | Creation::Existing(made)) =
                next.store.create_poll(&twin, Some(&key), &[]).await.unwrap()
            else {
                panic!("not made")
            };
            for voter in 0..12 {
                assert_eq!(next.cast(&made, voter, &["yes"]).await, Outcome::Counted);
            }
            assert!(next.store.delete_poll(made.id, &[]).await.unwrap());
            assert_eq!(scene.keys_of(&made), [""; 0]);
        };
        scene.cut_everywhere(begin, act, after).await;
    }
}

async fn what_was_cut_short_while_it_was_made_keeps_no_site_from_being_deleted() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let begin = async || {
        let stage = Stage::new(next.store.clone()).await;
        let key = NewKey::generate(stage.site.clone(), Scopes::all(), None, stage.now().await).key;
        let poll = stage.draw_up(yes_or_no()).await;
        (stage, poll, key)
    };
    let act = async |cut: &Stage, (_, poll, key): &(Stage, Poll, ApiKey)| {
        let is_done = cut.store.create_poll(poll, None, &[]).await.is_ok() && cut.store.add_key(key, &[]).await.is_ok();
        is_done && cut.store.delete_poll(poll.id, &[]).await.is_ok() && cut.store.revoke_key(&key.id, &[]).await.is_ok()
    };
    let after = async |(stage, poll, key): (Stage, Poll, ApiKey)| {
        loop {
            match next.store.delete_site(&stage.site).await.unwrap() {
                SiteDeletion::Done => break,
                SiteDeletion::HasPolls => assert!(next.store.delete_poll(poll.id, &[]).await.unwrap()),
                SiteDeletion::HasKeys => assert!(next.store.revoke_key(&key.id, &[]).await.unwrap()),
                SiteDeletion::HasTemplates
                | SiteDeletion::HasPlaces
                | SiteDeletion::HasWebhooks
                | SiteDeletion::Gone => {
                    panic!("somebody else has changed it")
                }
            }
        }
        assert_eq!(next.store.poll(poll.id).await.unwrap(), None);
        assert_eq!(next.store.key(&key.id).await.unwrap(), None);
        // Of a poll that was off the list its deletion may lack the last step, which the same request makes.
        next.store.delete_poll(poll.id, &[]).await.unwrap();
        assert_eq!(next.store.owner(poll.id).await.unwrap(), None);
        let left: Vec<String> = scene.storage.server().ask_for(&["KEYS", &format!("*{}*", stage.site)]);
        assert_eq!(left, [""; 0]);
    };
    scene.cut_everywhere(begin, act, after).await;
}

async fn what_was_cut_short_long_ago_while_it_was_made_is_cleared_away_by_a_list() {
    let scene = Scene::new().await;
    let (next, server) = (&scene.next, scene.storage.server());
    let list = format!("sawt:site:{{{}}}:polls", next.site);
    let act = async |stage: &Stage, poll: &Poll| stage.store.create_poll(poll, None, &[]).await.is_ok();
    for (minutes, fields) in [(61, NewPoll::from(yes_or_no())), (61, open_answers()), (59, yes_or_no().into())] {
        let begin = async || {
            let poll = next.draw_up(fields.clone()).await;
            let created_at = Timestamp::from_millis(poll.created_at.as_millis() - minutes * 60_000);
            Poll { created_at, updated_at: created_at, ..poll }
        };
        let after = async |poll: Poll| {
            let listed = next.store.polls(&next.site, None, 10).await.unwrap();
            if minutes < 60 || listed.iter().any(|listed| listed.id == poll.id) {
                // Whoever was slow goes on.
                let (Creation::Created(made) | Creation::Existing(made)) =
                    next.store.create_poll(&poll, None, &[]).await.unwrap()
                else {
                    panic!("not made")
                };
                assert_eq!(made, poll);
                assert!(next.store.delete_poll(poll.id, &[]).await.unwrap());
            }
            let lasting = |key: &String| server.ask_for::<i64>(&["TTL", key]) < 0;
            let left: Vec<String> = scene.keys_of(&poll).into_iter().filter(lasting).collect();
            assert_eq!(left, [""; 0]);
            let entry: Option<i64> = server.ask_for(&["ZSCORE", &list, &poll.id.to_string()]);
            assert_eq!(entry, None);
        };
        scene.cut_everywhere(begin, act, after).await;
    }
}
