//! Ballots: every outcome, and the order in which the store decides.

use std::sync::Arc;

use sawt::{
    poll::{
        Action, Ballot, Codec, Counters, Indexes, Label, NewPoll, Outcome, PartitionTally, Partitions, Poll,
        PollFields, Revision, State, Tally,
    },
    store::{BatchOutcome, Store},
};

use crate::store::stage::{
    Stage, ballot, changeable, counters, digest, of_32_options, options, ranking, withdrawal, yes_or_no,
};

crate::registry::store_rules![
    a_first_ballot_is_counted,
    the_same_ballot_again_is_repeated_and_counts_nothing,
    a_second_ballot_with_other_choices_is_refused_with_those_on_record,
    a_ballot_may_be_changed_where_the_poll_says_so,
    a_ballot_may_be_withdrawn_where_the_poll_says_so,
    a_poll_that_is_not_open_takes_nothing_but_repeats,
    a_batch_is_applied_in_order,
    any_of_32_options_may_be_chosen_in_any_number,
    each_of_32_options_may_be_the_single_choice,
    a_ballot_that_is_kept_as_bytes_is_counted_by_each_of_them_and_known_by_their_order,
    an_order_of_15_options_is_counted_by_rank_and_known_again,
    a_version_counts_what_moved_the_tally_and_nothing_else,
    another_revision_than_the_one_in_force_is_stale_and_does_nothing,
    a_poll_may_have_any_number_of_partitions,
    an_answer_carries_its_partition_after_the_batch,
];

async fn a_first_ballot_is_counted(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    assert_eq!(stage.on_record(&poll, 1).await, None);
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Counted);
    assert_eq!(stage.cast(&poll, 2, &["yes"]).await, Outcome::Counted);
    assert_eq!(stage.count(&poll).await, (vec![1, 1], 2));
    assert_eq!(stage.on_record(&poll, 1).await, Some(vec!["no".to_owned()]));
    assert_eq!(stage.on_record(&poll, 3).await, None);
}

async fn the_same_ballot_again_is_repeated_and_counts_nothing(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for new in [yes_or_no(), changeable()] {
        let poll = stage.poll(new).await;
        assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
        let before = stage.tally(&poll).await;
        for _ in 0..3 {
            assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Repeated);
        }
        assert_eq!(Tally { as_of: before.as_of, ..stage.tally(&poll).await }, before);
    }
}

async fn a_second_ballot_with_other_choices_is_refused_with_those_on_record(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    let on_record = Outcome::AlreadyVoted(counters(&poll, &["yes"]));
    for _ in 0..2 {
        assert_eq!(stage.cast(&poll, 1, &["no"]).await, on_record);
        assert_eq!(stage.withdraw(&poll, 1).await, on_record);
    }
    assert_eq!(stage.count(&poll).await, (vec![1, 0], 1));
}

async fn a_ballot_may_be_changed_where_the_poll_says_so(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Changed);
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Repeated);
    assert_eq!(stage.count(&poll).await, (vec![0, 1], 1));
    assert_eq!(stage.on_record(&poll, 1).await, Some(vec!["no".to_owned()]));
    let fixed = stage.edited(&poll, PollFields { changeable: Some(false), ..PollFields::default() }).await;
    assert_eq!(stage.cast(&fixed, 1, &["yes"]).await, Outcome::AlreadyVoted(counters(&poll, &["no"])));
}

async fn a_ballot_may_be_withdrawn_where_the_poll_says_so(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::NoBallot);
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::Withdrawn);
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::NoBallot);
    assert_eq!(stage.on_record(&poll, 1).await, None);
    assert_eq!(stage.count(&poll).await, (vec![0, 0], 0));
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Counted);
    assert_eq!(stage.count(&poll).await, (vec![0, 1], 1));
}

async fn a_poll_that_is_not_open_takes_nothing_but_repeats(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let scheduled = PollFields { opens_at: Some(Some(stage.now_plus(3_600_000).await)), ..changeable() };
    for new in [NewPoll { draft: true, ..changeable().into() }, scheduled.into()] {
        let poll = stage.poll(new).await;
        assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::NotOpen);
        assert_eq!(stage.withdraw(&poll, 1).await, Outcome::NoBallot);
        assert_eq!(stage.count(&poll).await, (vec![0, 0], 0));
        assert_eq!(stage.tally(&poll).await.version, 0);
        let opened = stage.opened(&poll).await;
        assert_eq!(stage.cast(&opened, 1, &["yes"]).await, Outcome::Counted);
    }
    for new in [yes_or_no(), changeable()] {
        let poll = stage.poll(new).await;
        assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
        let closed = stage.closed(&poll).await;
        for _ in 0..2 {
            assert_eq!(stage.cast(&closed, 1, &["yes"]).await, Outcome::Repeated);
            assert_eq!(stage.cast(&closed, 1, &["no"]).await, Outcome::NotOpen);
            assert_eq!(stage.withdraw(&closed, 1).await, Outcome::NotOpen);
            assert_eq!(stage.cast(&closed, 2, &["yes"]).await, Outcome::NotOpen);
            assert_eq!(stage.withdraw(&closed, 2).await, Outcome::NoBallot);
        }
        assert_eq!(stage.on_record(&closed, 1).await, Some(vec!["yes".to_owned()]));
        assert_eq!(stage.count(&closed).await, (vec![1, 0], 1));
    }
}

async fn a_batch_is_applied_in_order(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let outcomes = stage
        .apply(
            &poll,
            &[
                ballot(&poll, 1, &["yes"]),
                ballot(&poll, 1, &["yes"]),
                ballot(&poll, 2, &["no"]),
                ballot(&poll, 1, &["no"]),
                withdrawal(&poll, 1),
                withdrawal(&poll, 1),
                withdrawal(&poll, 3),
                ballot(&poll, 1, &["yes"]),
                ballot(&poll, 4, &["yes"]),
                withdrawal(&poll, 4),
            ],
        )
        .await;
    assert_eq!(
        outcomes,
        [
            Outcome::Counted,
            Outcome::Repeated,
            Outcome::Counted,
            Outcome::Changed,
            Outcome::Withdrawn,
            Outcome::NoBallot,
            Outcome::NoBallot,
            Outcome::Counted,
            Outcome::Counted,
            Outcome::Withdrawn,
        ]
    );
    assert_eq!(stage.count(&poll).await, (vec![1, 1], 2));
    assert_eq!(stage.tally(&poll).await.version, 7);
    assert_eq!(stage.on_record(&poll, 1).await, Some(vec!["yes".to_owned()]));
    assert_eq!(stage.on_record(&poll, 4).await, None);

    let fixed = stage.poll(yes_or_no()).await;
    let ballots = [ballot(&fixed, 1, &["no"]), ballot(&fixed, 1, &["yes"]), ballot(&fixed, 1, &["no"])];
    let on_record = Outcome::AlreadyVoted(counters(&fixed, &["no"]));
    assert_eq!(stage.apply(&fixed, &ballots).await, [Outcome::Counted, on_record, Outcome::Repeated]);
    assert_eq!(stage.count(&fixed).await, (vec![0, 1], 1));
}

async fn any_of_32_options_may_be_chosen_in_any_number(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(of_32_options()).await;
    let ids: Vec<String> = poll.options.iter().map(|option| option.id.to_string()).collect();
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    for (voter, chosen) in [(1, &all[..]), (2, &all[31..]), (3, &all[..1]), (4, &all[16..])] {
        assert_eq!(stage.cast(&poll, voter, chosen).await, Outcome::Counted);
        assert_eq!(stage.on_record(&poll, voter).await, Some(chosen.iter().map(ToString::to_string).collect()));
    }
    let mut expected = vec![1; 32];
    expected[0] += 1;
    expected[31] += 1;
    for votes in &mut expected[16..] {
        *votes += 1;
    }
    assert_eq!(stage.count(&poll).await, (expected.clone(), 4));
    assert_eq!(stage.cast(&poll, 4, &["o32", "o1"]).await, Outcome::Changed);
    assert_eq!(stage.cast(&poll, 4, &["o1", "o32"]).await, Outcome::Repeated);
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::Withdrawn);
    expected[0] += 1;
    for votes in &mut expected[16..31] {
        *votes -= 1;
    }
    for votes in &mut expected {
        *votes -= 1;
    }
    assert_eq!(stage.count(&poll).await, (expected, 3));
}

async fn each_of_32_options_may_be_the_single_choice(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let ids: Vec<String> = (1..=32).map(|place| format!("o{place}")).collect();
    let poll = stage.poll(PollFields { options: Some(options(&ids)), ..yes_or_no() }).await;
    let mut ballots: Vec<Ballot> = Vec::new();
    for (voter, id) in (0..).zip(&ids) {
        ballots.push(ballot(&poll, voter, &[id]));
    }
    assert_eq!(stage.apply(&poll, &ballots).await, [Outcome::Counted; 32]);
    assert_eq!(stage.count(&poll).await, (vec![1; 32], 32));
    assert_eq!(stage.apply(&poll, &ballots).await, [Outcome::Repeated; 32]);
    for (voter, id) in (0..).zip(ids) {
        assert_eq!(stage.on_record(&poll, voter).await, Some(vec![id]));
    }
}

async fn a_ballot_that_is_kept_as_bytes_is_counted_by_each_of_them_and_known_by_their_order(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let made = async |new| {
        let poll = Poll { codec: Codec::Bytes, ..stage.draw_up(new).await };
        stage.store.create_poll(&poll, None, &[]).await.unwrap();
        assert_eq!(stage.read(&poll).await, poll);
        poll
    };
    let listed = |indexes: &[u8]| Counters::Bytes(Indexes::of(indexes).unwrap());
    let cast = |poll: &Poll, voter, indexes: &[u8]| {
        let action = Action::Cast(Label::CLEAN, listed(indexes));
        Ballot { voter: digest(poll, voter), action, answer: None }
    };
    let poll = made(of_32_options()).await;
    let all_that_fit: Vec<u8> = (0..15).rev().collect();
    let ballots = [
        cast(&poll, 1, &[31, 0]),
        cast(&poll, 1, &[31, 0]),
        cast(&poll, 1, &[0, 31]),
        cast(&poll, 2, &all_that_fit),
        cast(&poll, 3, &[12]),
        withdrawal(&poll, 3),
        withdrawal(&poll, 4),
    ];
    let expected = [
        Outcome::Counted,
        Outcome::Repeated,
        Outcome::Changed,
        Outcome::Counted,
        Outcome::Counted,
        Outcome::Withdrawn,
        Outcome::NoBallot,
    ];
    assert_eq!(stage.apply(&poll, &ballots).await, expected);
    let on_record = async |voter| stage.store.ballot(&poll, digest(&poll, voter)).await.unwrap();
    assert_eq!(on_record(1).await, Some(listed(&[0, 31])));
    assert_eq!(on_record(2).await, Some(listed(&all_that_fit)));
    assert_eq!((on_record(3).await, on_record(4).await), (None, None));
    let tally = Tally::sum(&poll, &stage.store.tally(&poll).await.unwrap().unwrap()).unwrap();
    let mut votes = vec![0; 32];
    votes[..15].fill(1);
    votes[0] = 2;
    votes[31] = 1;
    assert_eq!((tally.votes.to_vec(), tally.ballots), (votes, 2));

    let mut fixed = of_32_options();
    fixed.fields.changeable = Some(false);
    let fixed = made(fixed).await;
    let ballots = [cast(&fixed, 1, &[12, 9, 1]), cast(&fixed, 1, &[9]), withdrawal(&fixed, 1)];
    let on_record = Outcome::AlreadyVoted(listed(&[12, 9, 1]));
    assert_eq!(stage.apply(&fixed, &ballots).await, [Outcome::Counted, on_record, on_record]);
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(stage.store.ballot(&poll, digest(&poll, 1)).await.unwrap(), None);
}

async fn an_order_of_15_options_is_counted_by_rank_and_known_again(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let ids: Vec<String> = (0..15).map(|place| format!("o{place}")).collect();
    let poll = stage.poll(ranking(&ids)).await;
    let turned: Vec<String> = ids.iter().rev().cloned().collect();
    for (voter, order) in [(1, &ids[..]), (2, &turned), (3, &ids[7..8]), (4, &turned[3..9])] {
        assert_eq!(stage.cast(&poll, voter, order).await, Outcome::Counted);
        assert_eq!(stage.cast(&poll, voter, order).await, Outcome::Repeated);
        assert_eq!(stage.on_record(&poll, voter).await.as_deref(), Some(order));
    }
    assert_eq!(stage.cast(&poll, 4, &ids[12..]).await, Outcome::Changed);
    let mut votes = vec![0; 225];
    for (rank, first, last) in (0..15).map(|rank| (rank, rank, 14 - rank)) {
        votes[rank * 15 + first] += 1;
        votes[rank * 15 + last] += 1;
    }
    votes[7] += 1;
    for (rank, option) in [(0, 12), (1, 13), (2, 14)] {
        votes[rank * 15 + option] += 1;
    }
    assert_eq!(stage.count(&poll).await, (votes, 4));
    for voter in 1..=4 {
        assert_eq!(stage.withdraw(&poll, voter).await, Outcome::Withdrawn);
    }
    assert_eq!(stage.count(&poll).await, (vec![0; 225], 0));
}

async fn a_version_counts_what_moved_the_tally_and_nothing_else(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.tally(&poll).await.version, 0);
    let steps: [(Option<&str>, u64); 8] = [
        (Some("yes"), 1),
        (Some("yes"), 1),
        (Some("no"), 2),
        (None, 3),
        (None, 3),
        (Some("no"), 4),
        (Some("no"), 4),
        (Some("yes"), 5),
    ];
    for (step, version) in steps {
        let _ = match step {
            Some(option) => stage.cast(&poll, 1, &[option]).await,
            None => stage.withdraw(&poll, 1).await,
        };
        assert_eq!(stage.tally(&poll).await.version, version, "after {step:?}");
    }
    let closed = stage.closed(&poll).await;
    assert_eq!(stage.cast(&closed, 1, &["no"]).await, Outcome::NotOpen);
    assert_eq!(stage.tally(&closed).await.version, 5);
}

async fn another_revision_than_the_one_in_force_is_stale_and_does_nothing(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let old = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&old, 1, &["yes"]).await, Outcome::Counted);
    let edit = PollFields { question: Some("كلمات أخرى".to_owned()), ..PollFields::default() };
    let current = stage.edited(&old, edit).await;
    let ahead = Poll { revision: Revision(current.revision.0 + 1), ..current.clone() };
    let before = stage.tally(&current).await;
    for poll in [&old, &ahead] {
        for ballot in [ballot(poll, 1, &["yes"]), ballot(poll, 2, &["no"]), withdrawal(poll, 1)] {
            assert_eq!(stage.store.cast(poll, ballot.voter.partition, &[ballot]).await.unwrap(), BatchOutcome::Stale);
        }
    }
    assert_eq!(Tally { as_of: before.as_of, ..stage.tally(&current).await }, before);
    assert_eq!(stage.cast(&current, 2, &["no"]).await, Outcome::Counted);
    let closed = stage.closed(&current).await;
    let late = ballot(&current, 3, &["no"]);
    assert_eq!(stage.store.cast(&current, late.voter.partition, &[late]).await.unwrap(), BatchOutcome::Stale);
    assert_eq!(stage.count(&closed).await, (vec![1, 1], 2));
}

async fn a_poll_may_have_any_number_of_partitions(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for partitions in [1, 3, 16] {
        let poll = Poll { partitions: Partitions::unplaced(partitions), ..stage.draw_up(changeable()).await };
        stage.store.create_poll(&poll, None, &[]).await.unwrap();
        assert_eq!(stage.read(&poll).await, poll);
        let ballots: Vec<Ballot> = (0..200).map(|voter| ballot(&poll, voter, &["yes"])).collect();
        assert_eq!(stage.apply(&poll, &ballots).await, [Outcome::Counted; 200]);
        let tallies = stage.store.tally(&poll).await.unwrap().unwrap();
        let lying_in = |partition| ballots.iter().filter(|ballot| ballot.voter.partition == partition).count() as u64;
        let expected: Vec<u64> = (0..partitions).map(lying_in).collect();
        assert_eq!(tallies.iter().map(|tally| tally.ballots).collect::<Vec<_>>(), expected);
        assert_eq!(stage.apply(&poll, &ballots).await, [Outcome::Repeated; 200]);
        let reshape = PollFields { options: Some(options(&["a", "b", "c"])), ..PollFields::default() };
        assert_eq!(
            stage.edit(&stage.read(&poll).await, reshape).await,
            sawt::store::Replacement::HasBallots,
            "a ballot in any partition counts"
        );
        let closed = stage.closed(&stage.read(&poll).await).await;
        assert!(stage.store.tally(&closed).await.unwrap().unwrap().iter().all(|tally| tally.state == State::Closed));
        assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
        assert_eq!(stage.store.ballot(&poll, digest(&poll, 1)).await.unwrap(), None);
    }
}

async fn an_answer_carries_its_partition_after_the_batch(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    for voter in 0..20 {
        let ballot = ballot(&poll, voter, &[if voter % 3 == 0 { "no" } else { "yes" }]);
        let before = stage.now().await;
        let committed = stage.commit(&poll, ballot.voter.partition, std::slice::from_ref(&ballot)).await;
        let after = stage.now().await;
        assert!((before..=after).contains(&committed.tally.as_of), "applied by the store's clock");
        let tallies = stage.store.tally(&poll).await.unwrap().unwrap();
        let read = tallies[usize::from(ballot.voter.partition)].clone();
        assert_eq!(committed.tally, PartitionTally { as_of: committed.tally.as_of, ..read });
        assert_eq!(committed.tally.state, State::Open);
    }
}
