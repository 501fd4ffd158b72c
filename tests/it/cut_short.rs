//! Moves of a poll that are cut short between any two of their steps, as when a replica is killed there.
//!
//! One replica goes over a wire that is cut; another, beside it, is the one that comes next.

pub(crate) mod articles;
pub(crate) mod events;
pub(crate) mod first_vote;
pub(crate) mod making;
mod scene;
pub(crate) mod sessions;

use std::cell::Cell;

use futures_util::future::join_all;
use sawt::{
    poll::{Edit, LabelDecision, Outcome, PartitionTally, Phase, Poll, PollFields, State},
    store::{BatchOutcome, Creation, Replacement, StoreError},
};
use serde_json::json;

use self::scene::{PARTITIONS, Scene, connect, is_whole, poll_to_reshape, replace, three_options};
use crate::{
    backends::{Program, Storage},
    client::{Client, until},
    redis_wire::RedisWire,
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
    store::stage::{Stage, ballot, changeable, label, labelled, yes_or_no},
};

lone_rules![
    a_change_of_the_options_cut_short_anywhere_is_finished_by_whoever_comes_next,
    a_change_of_the_options_cut_short_is_finished_once_however_many_come,
    a_change_of_the_options_that_found_ballots_and_was_cut_short_is_undone,
    while_a_change_can_not_be_finished_readers_find_the_poll_as_it_was,
    a_change_that_was_cut_short_until_the_poll_had_closed_is_not_made,
    an_edit_or_a_close_cut_short_anywhere_reaches_every_partition,
    what_is_decided_of_a_label_is_decided_in_every_partition_though_it_was_cut_short_anywhere,
    a_poll_of_which_a_part_has_closed_is_closed_altogether,
    a_deletion_cut_short_anywhere_is_finished_by_the_same_request,
    a_publishers_request_that_was_cut_short_may_be_sent_again_as_it_was,
];

async fn a_change_of_the_options_cut_short_anywhere_is_finished_by_whoever_comes_next() {
    let scene = Scene::new().await;
    let (cut, next) = (&scene.cut, &scene.next);
    let begin = || poll_to_reshape(cut);
    let act = async |stage: &Stage, (_, edit): &(Poll, Edit)| replace(stage, edit).await.is_some();
    // A reader.
    scene.cut_everywhere(begin, act, async |(poll, edit)| _ = is_whole(next, &poll, &edit).await).await;
    // A voter who knows the poll as it was.
    let by_voter = async |(poll, edit): (Poll, Edit)| {
        for voter in 100.. {
            let ballot = ballot(&poll, voter, &["yes"]);
            match next.store.cast(&poll, ballot.voter.partition, &[ballot]).await.unwrap() {
                BatchOutcome::Stale => break,
                BatchOutcome::Committed(_) => assert_eq!(next.withdraw(&poll, voter).await, Outcome::Withdrawn),
                BatchOutcome::Gone => panic!("the poll is gone"),
            }
            if voter == 120 {
                // No partition is held yet.
                break;
            }
        }
        is_whole(next, &poll, &edit).await;
    };
    scene.cut_everywhere(begin, act, by_voter).await;
    // Whoever edits, once more.
    let by_editor = async |(poll, edit): (Poll, Edit)| {
        let Some(Replacement::Done(made)) = replace(next, &edit).await else { panic!("not made") };
        assert_eq!((&made, &made.options), (&next.read(&poll).await, &edit.poll.options));
        assert_eq!(is_whole(next, &poll, &edit).await, made);
        assert_eq!(replace(next, &edit).await, Some(Replacement::Done(made)), "and once more");
    };
    scene.cut_everywhere(begin, act, by_editor).await;
    // A list of the site's polls.
    let by_list = async |(poll, edit): (Poll, Edit)| {
        let listed = next.store.polls(&next.site, None, 1).await.unwrap();
        assert_eq!(listed[0].schedule.phase, Phase::Live);
        is_whole(next, &poll, &edit).await;
    };
    scene.cut_everywhere(begin, act, by_list).await;
}

async fn a_change_of_the_options_cut_short_is_finished_once_however_many_come() {
    let scene = Scene::new().await;
    let others = [connect(scene.storage.address()).await, connect(scene.storage.address()).await];
    let act = async |stage: &Stage, (_, edit): &(Poll, Edit)| replace(stage, edit).await.is_some();
    let after = async |(poll, edit): (Poll, Edit)| {
        let stages = others.iter().map(|store| Stage { store: store.clone(), site: scene.next.site.clone() });
        let stages: Vec<Stage> = stages.chain([scene.next.clone()]).collect();
        let readers = stages.iter().cycle().take(9).map(async |stage| (stage.read(&poll).await, None));
        let editors = stages.iter().map(async |stage| {
            let replacement = until(async || replace(stage, &edit).await).await;
            (stage.read(&poll).await, Some(replacement))
        });
        let (read, edited) = tokio::join!(join_all(readers), join_all(editors));
        let made = scene.next.read(&poll).await;
        assert_eq!(made.options, edit.poll.options);
        for (found, replacement) in read.into_iter().chain(edited) {
            assert_eq!(found.schedule.phase, Phase::Live);
            assert!(replacement.is_none_or(|replacement| replacement == Replacement::Done(made.clone())));
        }
        is_whole(&scene.next, &poll, &edit).await;
    };
    scene.cut_everywhere(|| poll_to_reshape(&scene.cut), act, after).await;
}

async fn a_change_of_the_options_that_found_ballots_and_was_cut_short_is_undone() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let undone = Cell::new(0);
    let act = async |stage: &Stage, (_, edit): &(Poll, Edit)| replace(stage, edit).await.is_some();
    let after = async |(poll, edit): (Poll, Edit)| {
        // A replica that knows the poll as it was, and a partition that is not held yet.
        for voter in 0..20 {
            let ballot = ballot(&poll, voter, &["yes"]);
            let cast = next.store.cast(&poll, ballot.voter.partition, &[ballot]).await.unwrap();
            let BatchOutcome::Committed(committed) = cast else { continue };
            assert_eq!(committed.outcomes, [Outcome::Counted]);
            let found = next.read(&poll).await;
            assert_eq!(found, Poll { revision: found.revision, ..poll.clone() });
            assert_eq!(next.count(&found).await, (vec![1, 0], 1));
            assert_eq!(next.tally(&found).await.state, State::Open);
            let again = Edit { poll: Poll { revision: found.revision.next(), ..edit.poll }, ..edit };
            assert_eq!(replace(next, &again).await, Some(Replacement::HasBallots));
            undone.set(undone.get() + usize::from(found.revision != poll.revision));
            return;
        }
    };
    scene.cut_everywhere(|| poll_to_reshape(&scene.cut), act, after).await;
    assert!(undone.get() > 0, "no ballot came in between");
}

async fn while_a_change_can_not_be_finished_readers_find_the_poll_as_it_was() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let act = async |stage: &Stage, (_, edit): &(Poll, Edit)| replace(stage, edit).await.is_some();
    let after = async |(poll, edit): (Poll, Edit)| {
        scene.takes_writes(false);
        let found = until(async || next.store.poll(poll.id).await.ok()).await.expect("the poll is there");
        assert_eq!(found.schedule.phase, Phase::Live);
        let tally = until(async || next.store.tally(&found).await.ok()).await.expect("the poll is there");
        assert!(tally.iter().all(|partition| partition.state == State::Open));
        let ballot = ballot(&found, 1, &["yes"]);
        let cast = next.store.cast(&found, ballot.voter.partition, &[ballot]).await;
        assert!(matches!(cast, Err(StoreError::Unavailable(_))), "{cast:?}");
        scene.takes_writes(true);
        until(async || next.store.now().await.ok()).await;
        is_whole(next, &poll, &edit).await;
    };
    scene.cut_everywhere(|| poll_to_reshape(&scene.cut), act, after).await;
}

async fn a_change_that_was_cut_short_until_the_poll_had_closed_is_not_made() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let begin = async || {
        // On a slow machine the poll may have closed before it was drawn up; then with more time.
        for ahead in [200, 1_000, 5_000, 25_000] {
            let closes_at = next.now_plus(ahead).await;
            let poll = next.poll(PollFields { closes_at: Some(Some(closes_at)), ..changeable() }).await;
            let later = PollFields { closes_at: Some(None), ..three_options() };
            if let Ok(edit) = later.apply(&poll, next.now().await) {
                return (poll, edit);
            }
        }
        panic!("the store takes half a minute to make a poll");
    };
    let act = async |stage: &Stage, (poll, edit): &(Poll, Edit)| match replace(stage, edit).await {
        None => false,
        Some(Replacement::Done(_) | Replacement::Closed) => true,
        Some(other) => panic!("{other:?} of {poll:?}"),
    };
    let after = async |(poll, edit): (Poll, Edit)| {
        next.wait_until(poll.schedule.closes_at.unwrap()).await;
        let found = next.read(&poll).await;
        let is_made = found.options == edit.poll.options;
        let tally = next.tally(&found).await;
        // Made it may be only by the replica that began, in time.
        assert_eq!(tally.state, if is_made { State::Open } else { State::Closed });
        assert_eq!(found.schedule.closes_at.is_none(), is_made);
        let outcome = if is_made { Outcome::Counted } else { Outcome::NotOpen };
        assert_eq!(next.cast(&found, 1, &["yes"]).await, outcome);
    };
    scene.cut_everywhere(begin, act, after).await;
}

async fn an_edit_or_a_close_cut_short_anywhere_reaches_every_partition() {
    let scene = Scene::new().await;
    let next = &scene.next;
    let act = async |stage: &Stage, (_, edit): &(Poll, Edit)| replace(stage, edit).await.is_some();
    let fixed = async || {
        let poll = scene.cut.poll(changeable()).await;
        scene.cut.apply(&poll, &(0..20).map(|voter| ballot(&poll, voter, &["yes"])).collect::<Vec<_>>()).await;
        let edit = PollFields { changeable: Some(false), ..PollFields::default() };
        let edit = edit.apply(&poll, scene.cut.now().await).unwrap();
        (poll, edit)
    };
    let closed = async || {
        let (poll, _) = fixed().await;
        let edit = poll.closed(scene.cut.now().await);
        (poll, edit)
    };
    // Whoever votes, with the poll as it is: by it the ballot does not change, whatever its partition has been told.
    let by_voter = async |(poll, edit): (Poll, Edit)| {
        let found = next.read(&poll).await;
        let is_made = found.revision == edit.poll.revision;
        for voter in 0..20 {
            let outcome = next.cast(&found, voter, &["no"]).await;
            assert_eq!(outcome != Outcome::Changed, is_made, "{outcome:?}");
        }
    };
    scene.cut_everywhere(fixed, act, by_voter).await;
    scene.cut_everywhere(closed, act, by_voter).await;
    // Whoever reads the tally; then a replica that knows the poll as it was can count nothing by that.
    let by_reader = async |(poll, edit): (Poll, Edit)| {
        let found = next.read(&poll).await;
        let tally = next.tally(&found).await;
        assert_eq!(tally.state, found.state_at(tally.as_of));
        for voter in 0..20 {
            let ballot = ballot(&poll, voter, &["no"]);
            let cast = next.store.cast(&poll, ballot.voter.partition, &[ballot]).await.unwrap();
            assert_eq!(cast == BatchOutcome::Stale, found.revision == edit.poll.revision);
        }
    };
    scene.cut_everywhere(fixed, act, by_reader).await;
    scene.cut_everywhere(closed, act, by_reader).await;
    let by_editor = async |(poll, edit): (Poll, Edit)| {
        assert_eq!(replace(next, &edit).await, Some(Replacement::Done(edit.poll.clone())));
        assert_eq!(next.read(&poll).await, edit.poll);
        by_voter((poll, edit)).await;
    };
    scene.cut_everywhere(closed, act, by_editor).await;
}

async fn what_is_decided_of_a_label_is_decided_in_every_partition_though_it_was_cut_short_anywhere() {
    let scene = Scene::new().await;
    let (cut, next) = (&scene.cut, &scene.next);
    let hold = async || {
        let poll = cut.poll(changeable()).await;
        let ballots = (0..20).map(|voter| labelled(&poll, voter, &["yes"], label(u8::from(voter >= 12))));
        cut.apply(&poll, &ballots.collect::<Vec<_>>()).await;
        let edit = poll.decided(label(1), LabelDecision::Held, cut.now().await).unwrap();
        (poll, edit)
    };
    let act = async |stage: &Stage, (_, edit): &(Poll, Edit)| replace(stage, edit).await.is_some();
    let after = async |(poll, edit): (Poll, Edit)| {
        let found = next.read(&poll).await;
        let is_made = found.revision == edit.poll.revision;
        assert_eq!(next.count(&found).await, if is_made { (vec![12, 0], 12) } else { (vec![20, 0], 20) });
        let Some(Replacement::Done(made)) = replace(next, &edit).await else { panic!("not made") };
        assert_eq!(next.count(&made).await, (vec![12, 0], 12), "and not twice");
        let released = next.decided(&made, label(1), LabelDecision::Counted).await;
        assert_eq!(next.count(&released).await, (vec![20, 0], 20));
    };
    scene.cut_everywhere(hold, act, after).await;
}

/// A closing time that is put off while it comes finds some partitions closed and others open; and whoever finds that
/// may be cut short in closing the rest.
async fn a_poll_of_which_a_part_has_closed_is_closed_altogether() {
    let scene = Scene::new().await;
    let (next, server) = (&scene.next, scene.storage.server());
    let begin = async || {
        let poll = next.poll(yes_or_no()).await;
        let suffix = poll.partitions.suffix(1).expect("they are placed");
        server.ask(&["HSET", &format!("sawt:{{{}.1.{suffix}}}:tally", poll.id), "phase", "2"]);
        poll
    };
    let is_closed = async |poll: Poll| {
        let tally = next.tally(&poll).await;
        assert_eq!(tally.state, State::Closed);
        let found = next.read(&poll).await;
        assert!(found.schedule.phase == Phase::Closed && found.schedule.closes_at.is_some());
        for voter in 0..20 {
            assert_eq!(next.cast(&found, voter, &["yes"]).await, Outcome::NotOpen);
        }
    };
    // A reader who is cut short still reads; so it is over once somebody else finds it closed.
    let by_reader = async |stage: &Stage, poll: &Poll| stage.store.tally(poll).await.is_ok_and(is_closed_in_each);
    scene.cut_everywhere(begin, by_reader, is_closed).await;
    // And a voter, in the partition that has closed.
    let poll = begin().await;
    let late =
        (0..1_000).map(|voter| ballot(&poll, voter, &["yes"])).find(|ballot| ballot.voter.partition == 1).unwrap();
    assert_eq!(next.apply(&poll, &[late]).await, [Outcome::NotOpen]);
    assert_eq!(next.read(&poll).await.schedule.phase, Phase::Closed);
    is_closed(poll).await;
}

fn is_closed_in_each(tallies: Option<Vec<PartitionTally>>) -> bool {
    tallies.is_some_and(|tallies| tallies.iter().all(|partition| partition.state == State::Closed))
}

async fn a_deletion_cut_short_anywhere_is_finished_by_the_same_request() {
    let scene = Scene::new().await;
    let (cut, next) = (&scene.cut, &scene.next);
    let begin = async || {
        let poll = cut.poll(yes_or_no()).await;
        // Several buckets in each partition.
        for first in [0, 250, 500] {
            let ballots: Vec<_> = (first..first + 250).map(|voter| ballot(&poll, voter, &["yes"])).collect();
            cut.apply(&poll, &ballots).await;
            for partition in 0..PARTITIONS {
                cut.store.upkeep(&poll, partition).await.unwrap();
            }
        }
        assert!(scene.keys_of(&poll).len() > 4 * usize::from(PARTITIONS));
        poll
    };
    let act = async |stage: &Stage, poll: &Poll| stage.store.delete_poll(poll.id, &[]).await.is_ok();
    let is_forgotten = async |poll: &Poll| {
        assert_eq!(scene.keys_of(poll), [""; 0]);
        assert!(!next.store.delete_poll(poll.id, &[]).await.unwrap());
        assert_eq!(next.store.owner(poll.id).await.unwrap(), None);
        assert_eq!(next.store.polls(&next.site, None, 10).await.unwrap(), []);
        let index = format!("sawt:site:{{{}}}:polls", next.site);
        assert_eq!(scene.storage.server().ask(&["EXISTS", &index]), "0", "nor is it in the site's list");
    };
    // Nobody finds it any more, once its deletion has begun; nor is a ballot counted by anybody who reads it first.
    let is_hidden = async |poll: &Poll| {
        let is_begun = next.store.poll(poll.id).await.unwrap().is_none();
        assert_eq!(next.store.owner(poll.id).await.unwrap(), Some(next.site.clone()), "whose it was is known");
        is_begun
    };
    let again = async |poll: Poll| {
        is_hidden(&poll).await;
        assert!(next.store.delete_poll(poll.id, &[]).await.unwrap());
        is_forgotten(&poll).await;
    };
    scene.cut_everywhere(begin, act, again).await;
    let by_list = async |poll: Poll| {
        if is_hidden(&poll).await {
            // It is in the list until the last but one step.
            next.store.polls(&next.site, None, 10).await.unwrap();
        }
        next.store.delete_poll(poll.id, &[]).await.unwrap();
        is_forgotten(&poll).await;
    };
    scene.cut_everywhere(begin, act, by_list).await;
    // Whoever makes a poll with this id, by the same request as the first time, gets one without ballots.
    let by_maker = async |poll: Poll| {
        if is_hidden(&poll).await {
            assert_eq!(next.store.create_poll(&poll, None, &[]).await.unwrap(), Creation::Created(poll.clone()));
            assert_eq!(next.count(&poll).await, (vec![0, 0], 0));
            assert_eq!(next.cast(&poll, 1, &["no"]).await, Outcome::Counted);
        }
        assert!(next.store.delete_poll(poll.id, &[]).await.unwrap());
        is_forgotten(&poll).await;
    };
    scene.cut_everywhere(begin, act, by_maker).await;
}

/// From whoever sends it, to whoever reads meanwhile.
async fn a_publishers_request_that_was_cut_short_may_be_sent_again_as_it_was() {
    let storage = Storage::single(Program::Redis, &[]);
    let wire = RedisWire::to(storage.server().port());
    let settings = |address: &str| Settings::on(address).with("SAWT_PARTITIONS", "3").with("SAWT_WORKERS", "1");
    let (cut, next) = (Replica::start(&settings(&wire.address())), Replica::start(&settings(storage.address())));
    let (publisher, reader) = (Client::new(cut.address()).with_key(ADMIN_KEY), Client::new(next.address()));
    let works = async || until(async || (publisher.get("/v1/polls").send().await.status == 200).then_some(())).await;
    let options =
        json!([{ "id": "no", "label": "لا" }, { "id": "perhaps", "label": "ربما" }, { "id": "yes", "label": "نعم" }]);
    let mut cut_short = 0;
    // This replica asks more than what the request needs, and how much depends on the moment.
    for commands in 0..40 {
        works().await;
        let made = publisher.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        let path = format!("/v1/polls/{}", text(&made["id"]));
        reader.get(&path).send().await.is(200);
        let edit =
            || publisher.patch(&path).header("if-match", "\"1-open\"").json(&json!({ "options": options })).send();
        wire.cut_after(commands);
        let first = edit().await;
        wire.heal();
        let seen = reader.get(&path).send().await.is(200);
        assert_eq!(seen["state"], json!("open"));
        reader.get(&format!("{path}/results")).send().await.is(200);
        works().await;
        if first.status == 503 {
            cut_short += 1;
        } else {
            first.is(200);
        }
        let again = edit().await.is(200);
        assert_eq!(again["options"], options);
        assert_eq!(edit().await.is(200)["revision"], again["revision"]);
        reader.new_voter().await.vote(&text(&made["id"]), &["perhaps"]).await.is(201);

        wire.cut_after(commands);
        let first = publisher.delete(&path).send().await;
        wire.heal();
        works().await;
        let again = publisher.delete(&path).send().await;
        if first.status == 503 {
            cut_short += 1;
            // Not of this poll alone: the key was not found out about, or all was done but the answer.
            assert!(
                again.status == 204
                    || storage.server().ask(&["EXISTS", &format!("sawt:{{{}}}:poll", text(&made["id"]))]) == "0"
            );
        } else {
            assert_eq!(again.status, 404);
        }
        let mut left: Vec<String> = storage.server().ask_for(&["KEYS", &format!("*{}*", text(&made["id"]))]);
        // What is told of it may not be carried to the log yet.
        left.retain(|key| !key.ends_with(":outbox"));
        assert_eq!(left, [""; 0]);
        reader.get(&path).send().await;
    }
    assert!(cut_short > 10, "{cut_short}");
}
