//! Timelines: what moved a tally, by the minute.

use std::{ops::Range, sync::Arc};

use sawt::{
    poll::{Change, Minute, Outcome, Poll, PollFields},
    store::Store,
};

use crate::store::stage::{Stage, ballot, changeable, of_32_options, options, ranked, withdrawal, yes_or_no};

crate::registry::store_rules![
    a_poll_without_ballots_has_no_minutes,
    all_minutes_together_are_the_tally,
    of_32_options_each_has_its_own_votes_in_a_minute,
    of_a_ranked_poll_only_first_preferences_are_kept_by_the_minute,
    a_range_ends_before_its_end,
    a_reshaped_poll_begins_anew,
    a_reshape_that_is_refused_leaves_the_minutes_alone,
    a_poll_that_is_gone_has_no_minutes,
];

/// From well before a poll was made until the minute that is not over.
async fn whole(stage: &Stage, poll: &Poll) -> Range<Minute> {
    Minute::of(poll.created_at).plus(-5_000)..Minute::of(stage.now().await).plus(1)
}

/// Everything in a range, page by page, and in order.
async fn minutes(stage: &Stage, poll: &Poll, mut range: Range<Minute>) -> Vec<(Minute, Change)> {
    let mut all: Vec<(Minute, Change)> = Vec::new();
    loop {
        let page = stage.store.minutes(poll, range.clone()).await.unwrap();
        for (minute, change) in page.changes {
            assert!(range.contains(&minute), "{minute:?} is not in {range:?}");
            assert!(all.last().is_none_or(|(last, _)| *last < minute), "{minute:?} after {:?}", all.last());
            all.push((minute, change));
        }
        let Some(next) = page.next else { return all };
        assert!(next > range.start, "a page goes on from where it began");
        range.start = next;
    }
}

/// The sum over a range: votes by counter, and ballots.
async fn sum(stage: &Stage, poll: &Poll) -> (Vec<i64>, i64) {
    let mut sum = (vec![0; poll.options.len()], 0);
    for (_, change) in minutes(stage, poll, whole(stage, poll).await).await {
        sum.1 += change.ballots;
        for (index, votes) in (0..).zip(&mut sum.0) {
            *votes += change.votes_in(index);
        }
    }
    sum
}

async fn a_poll_without_ballots_has_no_minutes(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    assert_eq!(minutes(&stage, &poll, whole(&stage, &poll).await).await, []);
    let fixed = stage.edited(&poll, PollFields { changeable: Some(false), ..PollFields::default() }).await;
    assert_eq!(stage.withdraw(&fixed, 1).await, Outcome::NoBallot);
    assert_eq!(minutes(&stage, &fixed, whole(&stage, &poll).await).await, []);
}

async fn all_minutes_together_are_the_tally(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let option = |voter: u64| if voter.is_multiple_of(2) { "yes" } else { "no" };
    let ballots: Vec<_> = (0..40).map(|voter| ballot(&poll, voter, &[option(voter)])).collect();
    stage.apply(&poll, &ballots).await;
    assert_eq!(sum(&stage, &poll).await, (vec![20, 20], 40));
    // Changed, withdrawn, repeated, and withdrawn and cast again in one batch.
    for (voter, option) in [(0, "no"), (2, "no"), (1, "no"), (3, "yes")] {
        stage.cast(&poll, voter, &[option]).await;
    }
    stage.withdraw(&poll, 5).await;
    stage.apply(&poll, &[withdrawal(&poll, 7), ballot(&poll, 7, &["yes"])]).await;
    let (votes, ballots) = stage.count(&poll).await;
    assert_eq!((votes.as_slice(), ballots), ([20, 19].as_slice(), 39));
    assert_eq!(sum(&stage, &poll).await, (vec![20, 19], 39));
    let closed = stage.closed(&poll).await;
    assert_eq!(stage.cast(&closed, 99, &["yes"]).await, Outcome::NotOpen);
    assert_eq!(sum(&stage, &closed).await, (vec![20, 19], 39));
}

async fn of_32_options_each_has_its_own_votes_in_a_minute(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(of_32_options()).await;
    for place in 1..=32 {
        let chosen: Vec<String> = (1..=place).map(|place| format!("o{place}")).collect();
        stage.apply(&poll, &[ballot(&poll, place, &chosen)]).await;
    }
    assert_eq!(sum(&stage, &poll).await, ((1..=32).rev().collect(), 32));
}

async fn of_a_ranked_poll_only_first_preferences_are_kept_by_the_minute(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(ranked()).await;
    let ballots = [
        ballot(&poll, 1, &["a", "b", "c"]),
        ballot(&poll, 2, &["c", "a"]),
        ballot(&poll, 3, &["c"]),
        ballot(&poll, 2, &["b", "a"]),
    ];
    stage.apply(&poll, &ballots).await;
    assert_eq!(stage.count(&poll).await, (vec![1, 1, 1, 1, 1, 0, 0, 0, 1], 3));
    let all = minutes(&stage, &poll, whole(&stage, &poll).await).await;
    let votes_in = |index: u8| all.iter().map(|(_, change)| change.votes_in(index)).sum::<i64>();
    assert_eq!((0..9).map(votes_in).collect::<Vec<_>>(), [1, 1, 1, 0, 0, 0, 0, 0, 0]);
    stage.cast(&poll, 1, &["a", "c"]).await;
    assert_eq!(sum(&stage, &poll).await, (vec![1, 1, 1], 3));
}

async fn a_range_ends_before_its_end(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    stage.cast(&poll, 1, &["yes"]).await;
    let range = whole(&stage, &poll).await;
    let cast = minutes(&stage, &poll, range.clone()).await;
    let [(minute, change)] = cast.as_slice() else { panic!("{cast:?} of one ballot") };
    assert_eq!((change.ballots, change.votes_in(0), change.votes_in(1)), (1, 1, 0));
    assert_eq!(minutes(&stage, &poll, *minute..minute.plus(1)).await, cast);
    for elsewhere in [range.start..*minute, minute.plus(1)..minute.plus(9_000), *minute..*minute] {
        assert_eq!(minutes(&stage, &poll, elsewhere).await, []);
    }
}

async fn a_reshaped_poll_begins_anew(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    stage.cast(&poll, 1, &["no"]).await;
    stage.withdraw(&poll, 1).await;
    let edit = PollFields { options: Some(options(&["no", "perhaps"])), ..PollFields::default() };
    let reshaped = stage.edited(&poll, edit).await;
    assert_eq!(minutes(&stage, &reshaped, whole(&stage, &poll).await).await, [], "counters mean other options now");
    stage.cast(&reshaped, 1, &["perhaps"]).await;
    assert_eq!(sum(&stage, &reshaped).await, (vec![0, 1], 1));
}

async fn a_reshape_that_is_refused_leaves_the_minutes_alone(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    for voter in 0..20 {
        stage.cast(&poll, voter, &["no"]).await;
    }
    for voter in 1..20 {
        stage.withdraw(&poll, voter).await;
    }
    let before = minutes(&stage, &poll, whole(&stage, &poll).await).await;
    let edit = PollFields { options: Some(options(&["no", "perhaps"])), ..PollFields::default() };
    assert_eq!(stage.edit(&poll, edit).await, sawt::store::Replacement::HasBallots);
    assert_eq!(minutes(&stage, &poll, whole(&stage, &poll).await).await, before);
    assert_eq!(sum(&stage, &poll).await, (vec![0, 1], 1));
}

async fn a_poll_that_is_gone_has_no_minutes(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    stage.cast(&poll, 1, &["yes"]).await;
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(minutes(&stage, &poll, whole(&stage, &poll).await).await, []);
}
