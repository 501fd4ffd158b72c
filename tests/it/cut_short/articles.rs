//! Articles' polls and templates whose making or deletion is cut short, or stands still while another replica goes on.

use std::cell::Cell;

use sawt::{
    article::{NewArticlePoll, Template},
    poll::{DigestKey, Outcome, Poll},
    secret::random_bytes,
    store::{Making, SiteDeletion, Witness},
};

use super::scene::Scene;
use crate::{
    registry::lone_rules,
    store::{conformance::templates, stage::Stage},
};

lone_rules![
    an_articles_poll_cut_short_anywhere_is_made_by_whoever_comes_next,
    an_articles_poll_made_anew_while_another_replica_deletes_it_keeps_every_ballot,
    an_articles_poll_deleted_while_another_replica_makes_it_is_whole_or_not_there,
    a_deleted_template_cut_short_anywhere_is_finished_by_the_same_request,
];

/// The template has as many polls as it may: so one is deleted for it, in the same call.
async fn an_articles_poll_cut_short_anywhere_is_made_by_whoever_comes_next() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let template = Template { most_articles: 1, ..templates::template(next).await };
    let names = Cell::new(0);
    let begin = async || {
        let name = names.replace(names.get() + 1);
        templates::new_poll(next, &template, &name.to_string()).await
    };
    let act = async |stage: &Stage, new: &NewArticlePoll| stage.store.make_article_poll(new).await.is_ok();
    let before = Cell::new(None);
    let after = async |new: NewArticlePoll| {
        // Another replica has a key of its own, and takes the one that is there.
        let other = DigestKey::from_bytes(random_bytes());
        let again = NewArticlePoll { poll: Poll { digest_key: other, ..new.poll.clone() }, ..new };
        let Making::Made(poll) = next.store.make_article_poll(&again).await.unwrap() else { panic!("not made") };
        assert_eq!(next.read(&poll).await, poll);
        for voter in 0..3 {
            assert_eq!(next.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
        }
        assert_eq!(next.tally(&poll).await.ballots, 3);
        if let Some(gone) = before.replace(Some(poll)) {
            assert_eq!(scene.keys_of(&gone), [""; 0], "the one before it is gone");
        }
    };
    scene.cut_everywhere(begin, act, after).await;
}

/// The replica that deletes it stands still anywhere, as long as it takes to make it again and to vote.
async fn an_articles_poll_made_anew_while_another_replica_deletes_it_keeps_every_ballot() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let template = Template { most_articles: 1, ..templates::template(next).await };
    let make = async |name: &str| {
        let new = templates::new_poll(next, &template, name).await;
        let Making::Made(poll) = next.store.make_article_poll(&new).await.unwrap() else { panic!("not made") };
        (new, poll)
    };
    let names = Cell::new(0);
    let begin = async || {
        let name = names.replace(names.get() + 1);
        if let Some(before) = next.store.article_polls(&next.site, &template.id, None, 1).await.unwrap().pop() {
            assert!(next.store.delete_poll(before.id, &[]).await.unwrap());
        }
        let (again, poll) = make(&format!("a-{name}")).await;
        assert_eq!(next.cast(&poll, 0, &["no"]).await, Outcome::Counted);
        (again, templates::new_poll(next, &template, &format!("b-{name}")).await)
    };
    // Its place is taken by another.
    let act = async |stage: &Stage, (_, other): &(NewArticlePoll, NewArticlePoll)| {
        let _ = stage.store.make_article_poll(other).await;
    };
    let vote = async |(again, _): &(NewArticlePoll, NewArticlePoll)| {
        let again =
            NewArticlePoll { poll: Poll { created_at: next.now().await, ..again.poll.clone() }, ..again.clone() };
        let Making::Made(poll) = next.store.make_article_poll(&again).await.unwrap() else { panic!("not made") };
        for voter in 1..4 {
            assert_eq!(next.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
        }
        for client in 0..5 {
            next.store.vouch(&next.site, &template.id, poll.id, Witness::Client([client; 8])).await.unwrap();
        }
    };
    let after = async |(again, _): (NewArticlePoll, NewArticlePoll)| {
        // What the other replica was about to do may still be on its way.
        scene.cut.store.now().await.unwrap();
        let poll = next.read(&again.poll).await;
        let tally = next.tally(&poll).await;
        assert_eq!(tally.told_votes(0), Some(3), "{tally:?}");
        let Making::Made(same) = next.store.make_article_poll(&again).await.unwrap() else { panic!("not made") };
        assert_eq!(same, poll);
        assert_eq!(next.tally(&poll).await.position(), tally.position());
    };
    scene.hold_everywhere(begin, act, vote, after).await;
}

async fn an_articles_poll_deleted_while_another_replica_makes_it_is_whole_or_not_there() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let template = templates::template(next).await;
    let names = Cell::new(0);
    let begin = async || templates::new_poll(next, &template, &names.replace(names.get() + 1).to_string()).await;
    let act = async |stage: &Stage, new: &NewArticlePoll| _ = stage.store.make_article_poll(new).await;
    let delete = async |new: &NewArticlePoll| {
        let Making::Made(poll) = next.store.make_article_poll(new).await.unwrap() else { panic!("not made") };
        assert_eq!(next.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
        assert!(next.store.delete_poll(poll.id, &[]).await.unwrap());
    };
    let after = async |new: NewArticlePoll| {
        scene.cut.store.now().await.unwrap();
        let Making::Made(poll) = next.store.make_article_poll(&new).await.unwrap() else { panic!("not made") };
        assert_eq!(next.tally(&poll).await.ballots, 0, "nothing of the one before is left");
        assert_eq!(next.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
        assert!(next.store.delete_poll(poll.id, &[]).await.unwrap());
        assert_eq!(scene.keys_of(&poll), [""; 0]);
        let listed = next.store.article_polls(&next.site, &template.id, None, 9).await;
        assert_eq!(listed.unwrap(), [], "it is on no list");
    };
    scene.hold_everywhere(begin, act, delete, after).await;
}

async fn a_deleted_template_cut_short_anywhere_is_finished_by_the_same_request() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let begin = async || {
        let stage = Stage::new(next.store.clone()).await;
        let template = templates::template(&stage).await;
        for name in ["a", "b"] {
            let new = templates::new_poll(&stage, &template, name).await;
            let Making::Made(poll) = stage.store.make_article_poll(&new).await.unwrap() else { panic!("not made") };
            assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
        }
        (stage, template)
    };
    let act = async |cut: &Stage, (stage, template): &(Stage, Template)| {
        cut.store.delete_template(&stage.site, &template.id, &[]).await.is_ok()
    };
    let after = async |(stage, template): (Stage, Template)| {
        let was_there = next.store.delete_template(&stage.site, &template.id, &[]).await.unwrap();
        assert_eq!(next.store.template(&stage.site, &template.id).await.unwrap(), None);
        let left: Vec<String> = scene.storage.server().ask_for(&["KEYS", &format!("*{{{}}}*", stage.site)]);
        assert_eq!(left.len(), 1, "only the site is left of it: {left:?} {was_there}");
        assert_eq!(next.store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
    };
    scene.cut_everywhere(begin, act, after).await;
}
