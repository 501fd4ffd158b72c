//! Polls: creating, reading, listing, editing and deleting them.

use std::{slice, sync::Arc};

use sawt::{
    poll::{
        ListCursor, NewPoll, Outcome, PartitionTally, Partitions, Phase, Poll, PollFields, PollId, ResultsPolicy,
        Revision, State, Timestamp,
    },
    secret::{KeyHash, random_bytes},
    store::{BatchOutcome, Creation, IdempotencyKey, Replacement, Store},
};

use crate::store::stage::{
    Stage, at_once, ballot, changeable, digest, done, of_32_options, open_answers, options, ranked, rating, reactions,
    yes_or_no,
};

crate::registry::store_rules![
    a_poll_is_kept_as_it_was_made,
    a_new_poll_has_an_empty_tally_in_every_partition,
    creating_a_poll_twice_makes_one_and_keeps_its_ballots,
    the_same_request_makes_one_poll_and_answers_it_as_it_is_now,
    an_idempotency_key_with_another_request_is_a_mistake,
    an_idempotency_key_belongs_to_its_site,
    concurrent_requests_with_one_idempotency_key_make_one_poll,
    a_poll_deleted_since_is_made_anew_by_the_same_request,
    polls_are_listed_newest_first_page_by_page,
    polls_are_listed_by_the_time_of_their_creation_whatever_their_ids_say,
    an_edit_takes_the_place_of_the_revision_before_it,
    of_two_edits_of_one_revision_one_is_made,
    a_correction_keeps_ballots_and_votes,
    a_poll_without_ballots_may_be_reshaped,
    a_poll_with_ballots_is_not_reshaped,
    a_single_ballot_in_any_partition_prevents_a_reshape,
    a_reshape_and_a_first_ballot_never_both_win,
    a_deleted_poll_is_forgotten_with_all_its_ballots,
    a_deleted_poll_that_is_made_again_starts_empty,
];

async fn a_poll_is_kept_as_it_was_made(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (opens_at, closes_at) = (stage.now_plus(3_600_000).await, stage.now_plus(7_200_000).await);
    let all_set = PollFields {
        question: Some(" «هل» تتوقع \"حل\" مجلس الأمة؟ 👩‍👩‍👧‍👦 \\ {POLL} ".to_owned()),
        language: Some("ar-KW".to_owned()),
        min_choices: Some(2),
        max_choices: Some(31),
        results: Some(ResultsPolicy::AfterVote),
        opens_at: Some(Some(opens_at)),
        closes_at: Some(Some(closes_at)),
        article_url: Some(Some("https://news.example/مقال?a=\"1\"&b={POLL}".to_owned())),
        ..of_32_options().fields
    };
    let all_set = NewPoll { draft: true, fields: all_set, ..of_32_options() };
    for new in [yes_or_no().into(), changeable().into(), rating(), reactions(), ranked(), open_answers(), all_set] {
        let poll = stage.draw_up(new).await;
        assert_eq!(stage.store.poll(poll.id).await.unwrap(), None);
        assert_eq!(stage.store.create_poll(&poll, None, &[]).await.unwrap(), Creation::Created(poll.clone()));
        assert_eq!(stage.store.poll(poll.id).await.unwrap(), Some(poll));
    }
}

async fn a_new_poll_has_an_empty_tally_in_every_partition(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let draft = NewPoll { draft: true, ..yes_or_no().into() };
    let scheduled = PollFields { opens_at: Some(Some(stage.now_plus(3_600_000).await)), ..yes_or_no() };
    for (new, state) in [
        (yes_or_no().into(), State::Open),
        (of_32_options(), State::Open),
        (draft, State::Draft),
        (scheduled.into(), State::Scheduled),
    ] {
        let poll = stage.poll(new).await;
        let before = stage.now().await;
        let tallies = stage.store.tally(&poll).await.unwrap().unwrap();
        let after = stage.now().await;
        assert_eq!(tallies.len(), usize::from(stage.store.partitions(poll.id).count()));
        for PartitionTally { revision, epoch, version, ballots, votes, state: shown, as_of } in tallies {
            assert_eq!((revision, epoch, version, ballots, shown), (poll.revision, 0, 0, 0, state));
            assert_eq!(votes.to_vec(), vec![0; poll.options.len()]);
            assert!((before..=after).contains(&as_of), "as of {as_of}, between {before} and {after}");
        }
    }
}

async fn creating_a_poll_twice_makes_one_and_keeps_its_ballots(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    match stage.store.create_poll(&poll, None, &[]).await.unwrap() {
        Creation::Created(again) | Creation::Existing(again) => assert_eq!(again, poll),
        Creation::Mismatch => panic!("there was no idempotency key to mismatch"),
        Creation::NoSite => panic!("the site is gone"),
    }
    assert_eq!(stage.count(&poll).await, (vec![1, 0], 1));
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Repeated);
    assert_eq!(stage.store.polls(&stage.site, None, 10).await.unwrap(), [poll]);
}

fn request(key: &str, body: &str) -> IdempotencyKey {
    IdempotencyKey { key: KeyHash::of(key), request: KeyHash::of(body) }
}

async fn the_same_request_makes_one_poll_and_answers_it_as_it_is_now(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (poll, twin) = (stage.draw_up(yes_or_no()).await, stage.draw_up(yes_or_no()).await);
    let key = request("key", "body");
    assert_eq!(stage.store.create_poll(&poll, Some(&key), &[]).await.unwrap(), Creation::Created(poll.clone()));
    assert_eq!(stage.store.create_poll(&twin, Some(&key), &[]).await.unwrap(), Creation::Existing(poll.clone()));
    let edit = PollFields { question: Some("تصحيح".to_owned()), ..PollFields::default() };
    let edited = stage.edited(&poll, edit).await;
    for _ in 0..2 {
        assert_eq!(stage.store.create_poll(&twin, Some(&key), &[]).await.unwrap(), Creation::Existing(edited.clone()));
    }
    assert_eq!(stage.store.poll(twin.id).await.unwrap(), None);
    assert_eq!(stage.store.polls(&stage.site, None, 10).await.unwrap(), [edited]);
}

async fn an_idempotency_key_with_another_request_is_a_mistake(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (poll, other) = (stage.draw_up(yes_or_no()).await, stage.draw_up(changeable()).await);
    stage.store.create_poll(&poll, Some(&request("key", "body")), &[]).await.unwrap();
    for _ in 0..2 {
        let answer = stage.store.create_poll(&other, Some(&request("key", "other body")), &[]).await.unwrap();
        assert_eq!(answer, Creation::Mismatch);
    }
    assert_eq!(stage.store.made_before(&stage.site, &request("key", "other body")).await.unwrap(), None);
    assert_eq!(stage.store.poll(other.id).await.unwrap(), None);
    let answer = stage.store.create_poll(&other, Some(&request("other key", "body")), &[]).await.unwrap();
    assert_eq!(answer, Creation::Created(other));
}

async fn an_idempotency_key_belongs_to_its_site(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store).await);
    let key = request("key", "body");
    for stage in [stage, other] {
        assert_eq!(stage.store.made_before(&stage.site, &key).await.unwrap(), None);
        let poll = stage.draw_up(yes_or_no()).await;
        assert_eq!(stage.store.create_poll(&poll, Some(&key), &[]).await.unwrap(), Creation::Created(poll.clone()));
        assert_eq!(stage.store.made_before(&stage.site, &key).await.unwrap(), Some(poll));
    }
}

async fn concurrent_requests_with_one_idempotency_key_make_one_poll(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for round in 0..10 {
        let key = request(&format!("key {round}"), "body");
        let mut polls = Vec::new();
        for _ in 0..16 {
            polls.push(stage.draw_up(yes_or_no()).await);
        }
        let answers = at_once(polls.into_iter().map(|poll| {
            let (store, key) = (stage.store.clone(), key.clone());
            async move { store.create_poll(&poll, Some(&key), &[]).await.unwrap() }
        }))
        .await;
        let is_created = |answer: &&Creation| matches!(answer, Creation::Created(_));
        assert_eq!(answers.iter().filter(is_created).count(), 1, "{answers:?}");
        let kept = &stage.store.polls(&stage.site, None, 100).await.unwrap();
        assert_eq!(kept.len(), round + 1);
        for answer in answers {
            assert!(matches!(&answer, Creation::Created(poll) | Creation::Existing(poll) if *poll == kept[0]));
        }
        // Its parts are of one poll, whoever wrote them: none is left for the same request to find.
        if round % 2 == 1 {
            let first = &kept[0];
            for voter in 0..12 {
                assert_eq!(stage.cast(first, voter, &["yes"]).await, Outcome::Counted);
            }
            assert!(stage.store.delete_poll(first.id, &[]).await.unwrap());
            let twin = stage.draw_up(yes_or_no()).await;
            let Creation::Created(anew) = stage.store.create_poll(&twin, Some(&key), &[]).await.unwrap() else {
                panic!("it was deleted")
            };
            assert_eq!((anew.id, stage.count(&anew).await), (first.id, (vec![0, 0], 0)));
        }
    }
}

async fn a_poll_deleted_since_is_made_anew_by_the_same_request(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (first, second) = (stage.draw_up(yes_or_no()).await, stage.draw_up(yes_or_no()).await);
    let key = request("key", "body");
    stage.store.create_poll(&first, Some(&key), &[]).await.unwrap();
    assert_eq!(stage.cast(&first, 1, &["yes"]).await, Outcome::Counted);
    assert!(stage.store.delete_poll(first.id, &[]).await.unwrap());
    let anew = Poll { id: first.id, partitions: first.partitions.clone(), ..second.clone() };
    assert_eq!(stage.store.create_poll(&second, Some(&key), &[]).await.unwrap(), Creation::Created(anew.clone()));
    assert_eq!(stage.store.create_poll(&second, Some(&key), &[]).await.unwrap(), Creation::Existing(anew.clone()));
    assert_eq!(stage.store.polls(&stage.site, None, 10).await.unwrap(), slice::from_ref(&anew));
    assert_eq!(stage.count(&anew).await, (vec![0, 0], 0));
    assert_eq!(stage.cast(&anew, 1, &["no"]).await, Outcome::Counted);
}

async fn polls_are_listed_newest_first_page_by_page(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store).await);
    let mut polls = Vec::new();
    for place in 0..5 {
        polls.push(stage.poll(NewPoll { draft: place % 2 == 1, ..yes_or_no().into() }).await);
        other.poll(yes_or_no()).await;
    }
    polls.reverse();
    let list = async |before: Option<ListCursor>, limit| stage.store.polls(&stage.site, before, limit).await.unwrap();
    assert_eq!(list(None, 10).await, polls);
    assert_eq!(list(None, 2).await, polls[..2]);
    assert_eq!(list(Some(polls[1].list_cursor()), 2).await, polls[2..4]);
    assert_eq!(list(Some(polls[3].list_cursor()), 2).await, polls[4..]);
    assert!(list(Some(polls[4].list_cursor()), 2).await.is_empty());
    // The cursor is a place, which stays one when its poll is gone.
    stage.store.delete_poll(polls[1].id, &[]).await.unwrap();
    assert_eq!(list(Some(polls[1].list_cursor()), 2).await, polls[2..4]);
    assert_eq!(list(None, 2).await, [polls[0].clone(), polls[2].clone()]);
}

/// An id that was derived from something says nothing of when its poll was made.
async fn polls_are_listed_by_the_time_of_their_creation_whatever_their_ids_say(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let noon = stage.now().await.as_millis();
    let mut polls = Vec::new();
    // Two moments, and many polls of one: their ids decide among those alone.
    for (place, minutes) in [3, 3, 3, 0, 1, 3, 2, 3].into_iter().enumerate() {
        let mut id: [u8; 16] = random_bytes();
        id[0] = u8::try_from(200 - 20 * place).unwrap();
        let created_at = Timestamp::from_millis(noon - 60_000 * minutes);
        let poll = Poll { id: PollId::from_bytes(id), created_at, ..stage.draw_up(yes_or_no()).await };
        stage.store.create_poll(&poll, None, &[]).await.unwrap();
        polls.push(poll);
    }
    polls.sort_by_key(|poll| std::cmp::Reverse((poll.created_at, poll.id)));
    for limit in 1..=polls.len() {
        let (mut before, mut listed) = (None, Vec::new());
        loop {
            let page = stage.store.polls(&stage.site, before, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.list_cursor());
            listed.extend(page);
        }
        assert_eq!(listed, polls, "{limit} at a time");
    }
}

async fn an_edit_takes_the_place_of_the_revision_before_it(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(NewPoll { draft: true, ..of_32_options() }).await;
    let mut reordered: Vec<String> = poll.options.iter().map(|option| option.id.to_string()).collect();
    reordered.rotate_left(5);
    let edit = PollFields {
        question: Some("هل يُحل المجلس؟".to_owned()),
        language: Some("ar-KW".to_owned()),
        options: Some(options(&reordered)),
        results: Some(ResultsPolicy::Never),
        changeable: Some(false),
        opens_at: Some(Some(stage.now_plus(60_000).await)),
        closes_at: Some(Some(stage.now_plus(90_000).await)),
        ..PollFields::default()
    };
    let edit = edit.apply(&poll, stage.now().await).unwrap();
    let made = done(stage.replace(&edit).await);
    assert!(made.revision >= edit.poll.revision);
    assert_eq!(made, Poll { revision: made.revision, ..edit.poll });
    assert_eq!(stage.read(&poll).await, made);
    let opened = stage.opened(&made).await;
    assert_eq!(opened.schedule.phase, Phase::Live);
    assert_eq!(stage.read(&poll).await, opened);
    assert_eq!(stage.tally(&opened).await.state, State::Open);
}

async fn of_two_edits_of_one_revision_one_is_made(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let mut poll = stage.poll(yes_or_no()).await;
    let ask = |question: String| PollFields { question: Some(question), ..PollFields::default() };
    let edited = stage.edited(&poll, ask("الأول".to_owned())).await;
    for question in ["الثاني", "الثالث"] {
        assert_eq!(stage.edit(&poll, ask(question.to_owned())).await, Replacement::Mismatch(edited.revision));
    }
    let mut ahead = edited.clone();
    ahead.revision = Revision(edited.revision.0 + 5);
    assert_eq!(stage.edit(&ahead, ask("الثالث".to_owned())).await, Replacement::Mismatch(edited.revision));
    assert_eq!(stage.read(&poll).await, edited);

    poll = edited;
    for round in 0..5 {
        let answers = at_once((0..8).map(|number| {
            let (stage, poll) = (stage.clone(), poll.clone());
            async move { stage.edit(&poll, ask(format!("{round} {number}"))).await }
        }))
        .await;
        let mut made = Vec::new();
        for answer in answers {
            match answer {
                Replacement::Done(poll) => made.push(poll),
                Replacement::Mismatch(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(made.len(), 1, "{made:?}");
        assert_eq!(stage.read(&poll).await, made[0]);
        poll = made.remove(0);
    }
}

async fn a_correction_keeps_ballots_and_votes(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let mut poll = stage.poll(yes_or_no()).await;
    for (voter, option) in [(1, "yes"), (2, "no"), (3, "yes")] {
        assert_eq!(stage.cast(&poll, voter, &[option]).await, Outcome::Counted);
    }
    let before = stage.tally(&poll).await;
    let swapped = PollFields { options: Some(options(&["no", "yes"])), ..PollFields::default() };
    let reworded = PollFields { question: Some("كلمات أخرى".to_owned()), ..PollFields::default() };
    for edit in [swapped, reworded, PollFields { changeable: Some(true), ..PollFields::default() }] {
        poll = stage.edited(&poll, edit).await;
        let after = stage.tally(&poll).await;
        assert_eq!((after.version, after.ballots, &after.votes), (before.version, before.ballots, &before.votes));
        assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Repeated);
        assert_eq!(stage.on_record(&poll, 2).await, Some(vec!["no".to_owned()]));
    }
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Changed);
    assert_eq!(stage.count(&poll).await, (vec![1, 2], 3));
}

async fn a_poll_without_ballots_may_be_reshaped(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    for voter in 0..4 {
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
        assert_eq!(stage.withdraw(&poll, voter).await, Outcome::Withdrawn);
    }
    let version = stage.tally(&poll).await.version;
    let edit = PollFields { options: Some(options(&["no", "perhaps", "yes"])), ..PollFields::default() };
    let reshaped = stage.edited(&poll, edit).await;
    assert_eq!(stage.count(&reshaped).await, (vec![0, 0, 0], 0));
    for (voter, option) in [(0, "yes"), (1, "perhaps"), (2, "yes"), (3, "no")] {
        assert_eq!(stage.cast(&reshaped, voter, &[option]).await, Outcome::Counted);
    }
    assert_eq!(stage.count(&reshaped).await, (vec![1, 1, 2], 4));
    assert!(stage.tally(&reshaped).await.version >= version + 4, "a version only grows");
}

async fn a_poll_with_ballots_is_not_reshaped(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(of_32_options()).await;
    assert_eq!(stage.cast(&poll, 1, &["o1", "o32"]).await, Outcome::Counted);
    let fewer = || PollFields { options: Some(options(&["o1", "o2"])), max_choices: Some(2), ..PollFields::default() };
    let stricter = || PollFields { max_choices: Some(1), ..PollFields::default() };
    for edit in [fewer(), stricter()] {
        // What the store did to find out may have cost a revision; the poll is the same otherwise.
        let current = stage.read(&poll).await;
        assert_eq!(stage.edit(&current, edit).await, Replacement::HasBallots);
    }
    let current = stage.read(&poll).await;
    assert_eq!(current, Poll { revision: current.revision, updated_at: current.updated_at, ..poll });
    assert_eq!(stage.cast(&current, 2, &["o32"]).await, Outcome::Counted);
    assert_eq!(stage.tally(&current).await.ballots, 2);
    for voter in [1, 2] {
        assert_eq!(stage.withdraw(&current, voter).await, Outcome::Withdrawn);
    }
    let reshaped = stage.edited(&current, fewer()).await;
    assert_eq!(stage.count(&reshaped).await, (vec![0, 0], 0));
}

async fn a_single_ballot_in_any_partition_prevents_a_reshape(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for partition in 0..4 {
        let poll = Poll { partitions: Partitions::unplaced(4), ..stage.draw_up(yes_or_no()).await };
        stage.store.create_poll(&poll, None, &[]).await.unwrap();
        let voter = (0..1_000).find(|voter| digest(&poll, *voter).partition == partition).unwrap();
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
        let reshape = PollFields { options: Some(options(&["a", "b", "c"])), ..PollFields::default() };
        assert_eq!(stage.edit(&poll, reshape).await, Replacement::HasBallots, "partition {partition}");
        let current = stage.read(&poll).await;
        assert_eq!(stage.count(&current).await, (vec![1, 0], 1));
    }
}

async fn a_reshape_and_a_first_ballot_never_both_win(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for round in 0..10 {
        let poll = stage.poll(yes_or_no()).await;
        let (editor, edited) = (stage.clone(), poll.clone());
        let reshape = tokio::spawn(async move {
            let edit = PollFields { options: Some(options(&["no", "yes", "perhaps"])), ..PollFields::default() };
            editor.edit(&edited, edit).await
        });
        let casts = at_once((0..8).map(|voter| {
            let (store, poll) = (stage.store.clone(), poll.clone());
            async move {
                let ballot = ballot(&poll, voter, &["yes"]);
                store.cast(&poll, ballot.voter.partition, &[ballot]).await.unwrap()
            }
        }))
        .await;
        let counted = casts.iter().filter(|cast| matches!(cast, BatchOutcome::Committed(_))).count();
        let current = stage.read(&poll).await;
        match reshape.await.unwrap() {
            Replacement::Done(reshaped) => {
                assert_eq!((counted, &reshaped), (0, &current), "round {round}");
                assert_eq!(stage.count(&current).await, (vec![0, 0, 0], 0));
            }
            Replacement::HasBallots => {
                assert!(counted > 0, "round {round}");
                assert_eq!(stage.count(&current).await, (vec![counted as u64, 0], counted as u64));
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn a_deleted_poll_is_forgotten_with_all_its_ballots(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (poll, bystander) = (stage.poll(changeable()).await, stage.poll(changeable()).await);
    for voter in 0..20 {
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
        assert_eq!(stage.cast(&bystander, voter, &["no"]).await, Outcome::Counted);
    }
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    for _ in 0..2 {
        assert_eq!(stage.store.poll(poll.id).await.unwrap(), None);
        assert_eq!(stage.store.tally(&poll).await.unwrap(), None);
        assert_eq!(stage.store.ballot(&poll, digest(&poll, 1)).await.unwrap(), None);
        assert_eq!(stage.store.polls(&stage.site, None, 10).await.unwrap(), slice::from_ref(&bystander));
        for partition in 0..poll.partitions.count() {
            // Upkeep that was asked for before comes too late, and brings nothing back.
            stage.store.upkeep(&poll, partition).await.unwrap();
        }
        let ballot = ballot(&poll, 1, &["yes"]);
        assert_eq!(stage.store.cast(&poll, ballot.voter.partition, &[ballot]).await.unwrap(), BatchOutcome::Gone);
        assert_eq!(stage.replace(&poll.closed(Timestamp::LATEST)).await, Replacement::Gone);
        assert!(!stage.store.delete_poll(poll.id, &[]).await.unwrap());
    }
    assert_eq!(stage.count(&bystander).await, (vec![0, 20], 20));
}

async fn a_deleted_poll_that_is_made_again_starts_empty(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let ballots: Vec<_> = (0..200).map(|voter| ballot(&poll, voter, &["yes"])).collect();
    for _ in 0..2 {
        assert_eq!(stage.apply(&poll, &ballots).await, [Outcome::Counted; 200]);
        assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
        assert_eq!(stage.store.create_poll(&poll, None, &[]).await.unwrap(), Creation::Created(poll.clone()));
        assert_eq!(stage.count(&poll).await, (vec![0, 0], 0));
        assert_eq!(stage.tally(&poll).await.version, 0);
        assert_eq!(stage.on_record(&poll, 1).await, None);
    }
}
