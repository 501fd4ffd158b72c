//! Voters' own words: counted as their ballots are, and kept as long as some ballot says them.

use std::sync::Arc;

use sawt::{
    poll::{
        Action, AnswerState, Ballot, Choices, CountedAnswer, Kind, LabelDecision, MOST_ANSWERS, NewPoll, OTHER,
        OpenAnswer, Outcome, Poll, PollFields,
    },
    secret::KeyHash,
    store::{Creation, IdempotencyKey, Store},
};

use crate::store::stage::{Stage, at_once, ballot, counters, digest, label, open_answers, own_words, withdrawal};

crate::registry::store_rules![
    a_text_is_counted_with_its_ballot_and_taken_back_with_it,
    a_voter_is_told_the_text_that_is_kept_of_their_ballot,
    a_text_is_no_reason_to_count_a_ballot_twice,
    a_ballot_that_may_not_change_keeps_its_text,
    one_text_more_than_a_poll_keeps_is_left_out_and_its_ballot_counts,
    what_an_editor_decides_of_a_text_lasts_as_long_as_the_text,
    a_text_goes_with_one_choice_of_several,
    a_text_is_told_with_its_ballots_that_count,
    many_who_say_the_same_at_once_are_counted_one_by_one,
    texts_are_deleted_with_their_poll,
    a_poll_that_is_made_by_the_same_request_again_keeps_its_texts,
];

/// Texts with how many ballots say each, in the order of the texts.
async fn said(stage: &Stage, poll: &Poll) -> Vec<(String, u64)> {
    let answers = stage.store.answers(poll).await.unwrap();
    let mut said: Vec<_> = answers.into_iter().map(|answer| (answer.text.to_string(), answer.ballots)).collect();
    said.sort();
    said
}

fn expected(said: &[(&str, u64)]) -> Vec<(String, u64)> {
    said.iter().map(|(text, ballots)| ((*text).to_owned(), *ballots)).collect()
}

/// Casts one ballot; whether its text was left out.
async fn cast(stage: &Stage, poll: &Poll, ballot: Ballot) -> (Outcome, bool) {
    let committed = stage.commit(poll, ballot.voter.partition, &[ballot]).await;
    (committed.outcomes[0], committed.left_out == [0])
}

async fn a_text_is_counted_with_its_ballot_and_taken_back_with_it(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(open_answers()).await;
    for voter in 1..=3 {
        let text = if voter == 3 { "لا  أدري" } else { "لا أدري" };
        assert_eq!(cast(&stage, &poll, own_words(&poll, voter, text)).await, (Outcome::Counted, false));
    }
    assert_eq!(stage.cast(&poll, 4, &[OTHER]).await, Outcome::Counted, "without a text");
    assert_eq!(said(&stage, &poll).await, expected(&[("لا أدري", 3)]));
    assert_eq!(stage.count(&poll).await, (vec![0, 0, 4], 4));
    // Another text, another option, and nothing at all.
    assert_eq!(cast(&stage, &poll, own_words(&poll, 1, "غير ذلك")).await, (Outcome::Changed, false));
    assert_eq!(stage.cast(&poll, 2, &["no"]).await, Outcome::Changed);
    assert_eq!(said(&stage, &poll).await, expected(&[("غير ذلك", 1), ("لا أدري", 1)]));
    assert_eq!(stage.cast(&poll, 1, &[OTHER]).await, Outcome::Changed, "the text alone is taken back");
    assert_eq!(stage.withdraw(&poll, 3).await, Outcome::Withdrawn);
    assert_eq!(said(&stage, &poll).await, []);
    assert_eq!(stage.count(&poll).await, (vec![0, 1, 2], 3));
    assert_eq!(stage.on_record(&poll, 1).await, Some(vec![OTHER.to_owned()]));
}

async fn a_voter_is_told_the_text_that_is_kept_of_their_ballot(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(open_answers()).await;
    let kept = async |voter| {
        let text = stage.store.ballot_answer(&poll, digest(&poll, voter)).await.unwrap();
        text.map(|text| text.to_string())
    };
    assert_eq!(kept(1).await, None);
    for (voter, text) in [(1, "لا أدري"), (2, "لا أدـري"), (3, "b")] {
        assert_eq!(cast(&stage, &poll, own_words(&poll, voter, text)).await, (Outcome::Counted, false));
    }
    assert_eq!(stage.cast(&poll, 4, &[OTHER]).await, Outcome::Counted);
    // Of texts that look alike the first one is kept.
    for (voter, text) in [(1, Some("لا أدري")), (2, Some("لا أدري")), (3, Some("b")), (4, None)] {
        assert_eq!(kept(voter).await.as_deref(), text, "{voter}");
    }
    assert_eq!(stage.cast(&poll, 3, &["no"]).await, Outcome::Changed);
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::Withdrawn);
    assert_eq!((kept(3).await, kept(1).await), (None, None));
}

async fn a_text_is_told_with_its_ballots_that_count(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(open_answers()).await;
    let with = |voter, text, number| {
        let ballot = own_words(&poll, voter, text);
        Ballot { action: Action::Cast(label(number), counters(&poll, &[OTHER])), ..ballot }
    };
    for ballot in [with(1, "a", 0), with(2, "a", 3), with(3, "a", 5), with(4, "b", 3), with(5, "b", 3)] {
        cast(&stage, &poll, ballot).await;
    }
    // A ballot that is changed keeps its label.
    assert_eq!(cast(&stage, &poll, with(5, "c", 0)).await.0, Outcome::Changed);
    let all = expected(&[("a", 3), ("b", 1), ("c", 1)]);
    assert_eq!(said(&stage, &poll).await, all);
    let held = stage.decided(&poll, label(3), LabelDecision::Held).await;
    stage.tally(&held).await;
    assert_eq!(said(&stage, &held).await, expected(&[("a", 2), ("b", 0), ("c", 0)]));
    let id = OpenAnswer::check(&poll, Choices::check(&poll, &[OTHER]).unwrap(), "a").unwrap().id;
    let decided = stage.store.decide_answer(&held, id, AnswerState::Shown, &[]).await.unwrap().unwrap();
    assert_eq!(decided.ballots, 2);
    for voter in [2, 4] {
        assert_eq!(stage.withdraw(&held, voter).await, Outcome::Withdrawn);
    }
    assert_eq!(said(&stage, &held).await, expected(&[("a", 2), ("c", 0)]));
    let released = stage.decided(&held, label(3), LabelDecision::Counted).await;
    stage.tally(&released).await;
    assert_eq!(said(&stage, &released).await, expected(&[("a", 2), ("c", 1)]));
}

async fn a_text_is_no_reason_to_count_a_ballot_twice(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(open_answers()).await;
    let ballot = own_words(&poll, 1, "a");
    let batch = vec![ballot.clone(), ballot.clone(), own_words(&poll, 1, " a "), own_words(&poll, 1, "b"), ballot];
    let outcomes = stage.apply(&poll, &batch).await;
    let [repeated, changed] = [Outcome::Repeated, Outcome::Changed];
    assert_eq!(outcomes, [Outcome::Counted, repeated, repeated, changed, changed]);
    assert_eq!(said(&stage, &poll).await, expected(&[("a", 1)]));
    assert_eq!((stage.tally(&poll).await.version, stage.count(&poll).await.1), (3, 1));
}

async fn a_ballot_that_may_not_change_keeps_its_text(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let mut fixed = open_answers();
    fixed.fields.changeable = Some(false);
    let poll = stage.poll(fixed).await;
    assert_eq!(cast(&stage, &poll, own_words(&poll, 1, "a")).await.0, Outcome::Counted);
    assert_eq!(stage.cast(&poll, 2, &[OTHER]).await, Outcome::Counted);
    for other in [own_words(&poll, 1, "b"), ballot(&poll, 1, &[OTHER]), own_words(&poll, 2, "a"), withdrawal(&poll, 1)]
    {
        assert!(matches!(cast(&stage, &poll, other).await.0, Outcome::AlreadyVoted(_)));
    }
    assert_eq!(cast(&stage, &poll, own_words(&poll, 1, "a")).await, (Outcome::Repeated, false));
    assert_eq!(said(&stage, &poll).await, expected(&[("a", 1)]));
}

async fn one_text_more_than_a_poll_keeps_is_left_out_and_its_ballot_counts(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let mut fixed = open_answers();
    fixed.fields.changeable = Some(false);
    for (new, again) in [(open_answers(), (Outcome::Changed, false)), (fixed, (Outcome::Repeated, true))] {
        let poll = stage.poll(new).await;
        let most = u64::try_from(MOST_ANSWERS).unwrap();
        let ballots: Vec<_> = (0..most).map(|voter| own_words(&poll, voter, &format!("t{voter}"))).collect();
        for batch in ballots.chunks(200) {
            assert_eq!(stage.commit(&poll, 0, batch).await.left_out, [0_usize; 0]);
        }
        let late = own_words(&poll, most, "too late");
        assert_eq!(cast(&stage, &poll, late.clone()).await, (Outcome::Counted, true));
        assert_eq!(cast(&stage, &poll, late.clone()).await, (Outcome::Repeated, true));
        assert_eq!(cast(&stage, &poll, own_words(&poll, most + 1, "t7")).await, (Outcome::Counted, false));
        assert_eq!(stage.store.answers(&poll).await.unwrap().len(), MOST_ANSWERS);
        assert_eq!(stage.count(&poll).await, (vec![0, 0, most + 2], most + 2));
        // There is room once nobody says one of them any more. Where no ballot may change it is filled by nothing.
        if poll.changeable {
            assert_eq!(stage.withdraw(&poll, 0).await, Outcome::Withdrawn);
        }
        assert_eq!(cast(&stage, &poll, late).await, again);
    }
}

async fn what_an_editor_decides_of_a_text_lasts_as_long_as_the_text(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(open_answers()).await;
    let first = own_words(&poll, 1, "a");
    let id = first.answer.as_ref().unwrap().id;
    let decide = async |state| stage.store.decide_answer(&poll, id, state, &[]).await.unwrap();
    assert_eq!(decide(AnswerState::Shown).await, None, "nobody says it yet");
    assert_eq!(cast(&stage, &poll, first.clone()).await.0, Outcome::Counted);
    let state = async || stage.store.answers(&poll).await.unwrap().first().map(|answer| (answer.state, answer.ballots));
    assert_eq!(state().await, Some((AnswerState::Waiting, 1)));
    for state in [AnswerState::Shown, AnswerState::Shown, AnswerState::Hidden, AnswerState::Waiting, AnswerState::Shown]
    {
        let text = first.answer.as_ref().unwrap().text.clone();
        assert_eq!(decide(state).await, Some(CountedAnswer { id, text, state, ballots: 1 }));
    }
    assert_eq!(cast(&stage, &poll, own_words(&poll, 2, "a")).await.0, Outcome::Counted);
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::Withdrawn);
    assert_eq!(state().await, Some((AnswerState::Shown, 1)));
    assert_eq!(stage.withdraw(&poll, 2).await, Outcome::Withdrawn);
    assert_eq!(cast(&stage, &poll, first).await.0, Outcome::Counted);
    assert_eq!(state().await, Some((AnswerState::Waiting, 1)), "nothing is shown that nobody has decided on");
}

async fn a_text_goes_with_one_choice_of_several(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(NewPoll { kind: Some(Kind::Multiple), ..open_answers() }).await;
    let said_with = |voter, options: &[&str]| {
        let answer = OpenAnswer::check(&poll, sawt::poll::Choices::check(&poll, options).unwrap(), "a").unwrap();
        Ballot { answer: Some(answer), ..ballot(&poll, voter, options) }
    };
    assert_eq!(cast(&stage, &poll, said_with(1, &["yes", OTHER])).await.0, Outcome::Counted);
    let id = stage.store.answers(&poll).await.unwrap()[0].id;
    stage.store.decide_answer(&poll, id, AnswerState::Shown, &[]).await.unwrap();
    assert_eq!(cast(&stage, &poll, said_with(1, &["no", OTHER])).await.0, Outcome::Changed);
    let answers = stage.store.answers(&poll).await.unwrap();
    assert_eq!((answers[0].ballots, answers[0].state), (1, AnswerState::Shown), "the text went on");
    assert_eq!(stage.count(&poll).await, (vec![0, 1, 1], 1));
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Changed);
    assert_eq!(said(&stage, &poll).await, []);
}

async fn many_who_say_the_same_at_once_are_counted_one_by_one(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let poll = stage.poll(open_answers()).await;
    let asks = (0..200_u64).map(|place| {
        let (store, poll) = (store.clone(), poll.clone());
        // Each voter twice.
        let ballot = own_words(&poll, place / 2, ["a", "b", "c"][usize::try_from(place / 2 % 3).unwrap()]);
        async move { store.cast(&poll, ballot.voter.partition, &[ballot]).await.unwrap() }
    });
    at_once(asks).await;
    assert_eq!(said(&stage, &poll).await, expected(&[("a", 34), ("b", 33), ("c", 33)]));
    assert_eq!(stage.count(&poll).await, (vec![0, 0, 100], 100));
}

async fn texts_are_deleted_with_their_poll(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(open_answers()).await;
    let ballot = own_words(&poll, 1, "a");
    let id = ballot.answer.as_ref().unwrap().id;
    assert_eq!(cast(&stage, &poll, ballot).await.0, Outcome::Counted);
    let bystander = stage.poll(PollFields { question: Some("؟".to_owned()), ..open_answers().fields }).await;
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(stage.store.answers(&poll).await.unwrap(), []);
    assert_eq!(stage.store.decide_answer(&poll, id, AnswerState::Shown, &[]).await.unwrap(), None);
    stage.store.create_poll(&poll, None, &[]).await.unwrap();
    assert_eq!(stage.store.answers(&poll).await.unwrap(), []);
    assert_eq!(stage.store.answers(&bystander).await.unwrap(), []);
}

async fn a_poll_that_is_made_by_the_same_request_again_keeps_its_texts(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let key = IdempotencyKey { key: KeyHash::of("key"), request: KeyHash::of("request") };
    for round in 0..2 {
        let drawn_up = stage.draw_up(open_answers()).await;
        let Creation::Created(poll) = stage.store.create_poll(&drawn_up, Some(&key), &[]).await.unwrap() else {
            panic!("it was deleted")
        };
        assert_eq!(poll.id == drawn_up.id, round == 0, "the second time the key has the first poll's id");
        for voter in 0..12 {
            assert_eq!(cast(&stage, &poll, own_words(&poll, voter, "a")).await, (Outcome::Counted, false));
        }
        assert_eq!(said(&stage, &poll).await, expected(&[("a", 12)]));
        assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    }
}
