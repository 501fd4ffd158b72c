//! Labels: what is held or void does not count, is not lost, and counts again once that is decided.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sawt::{
    poll::{
        Ballot, Ending, Finding, IncidentCause, IncidentPolicy, Label, LabelDecision, Minute, NetworkDigest, NewPoll,
        Outcome, Poll, PollFields, REASON, RecordedBallot, Suspects, Text, Timestamp,
    },
    store::{BatchOutcome, Replacement, Store},
};

use crate::store::stage::{
    Stage, at_once, ballot, changeable, counters, done, label, labelled, open_answers, options, own_words, ranked,
    withdrawal, yes_or_no,
};

crate::registry::store_rules![
    a_label_that_is_held_does_not_count_and_counts_again_once_it_is_released,
    a_vote_with_a_held_label_is_taken_as_any_other,
    an_incident_is_kept_and_what_was_cast_before_it_counts_as_before,
    versions_move_on_when_snapshots_begin_and_end,
    a_changed_ballot_keeps_the_worse_label,
    a_ballot_does_not_get_out_of_its_hold_by_being_changed,
    a_repeated_ballot_keeps_the_label_it_has,
    a_ballot_that_is_taken_back_is_taken_from_the_group_of_its_label,
    every_codec_keeps_a_ballots_label,
    a_text_of_the_voters_own_is_kept_beside_a_label,
    a_held_ballot_keeps_the_options_from_being_changed,
    a_closed_poll_keeps_what_was_decided_before,
    a_poll_that_is_gone_has_no_labels,
    many_held_ballots_are_kept_as_well_as_counted_ones,
    no_ballot_is_lost_or_counted_twice_while_it_is_decided_what_counts,
];

const WORST: u8 = 31;

/// The sum of all minutes: votes by counter, and ballots.
async fn sum_of_minutes(stage: &Stage, poll: &Poll) -> (Vec<i64>, i64) {
    let now = Minute::of(stage.now().await);
    let page = stage.store.minutes(poll, now.plus(-60)..now.plus(1)).await.unwrap();
    let mut sum = (vec![0; poll.timed_counters()], 0);
    for (_, change) in page.changes {
        sum.1 += change.ballots;
        (0..).zip(&mut sum.0).for_each(|(index, votes)| *votes += change.votes_in(index));
    }
    sum
}

async fn a_label_that_is_held_does_not_count_and_counts_again_once_it_is_released(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let mut ballots: Vec<Ballot> = (0..10).map(|voter| ballot(&poll, voter, &["yes"])).collect();
    ballots.extend((10..14).map(|voter| labelled(&poll, voter, &["no"], label(3))));
    ballots.extend((14..17).map(|voter| labelled(&poll, voter, &["yes"], label(WORST))));
    assert_eq!(stage.apply(&poll, &ballots).await, [Outcome::Counted; 17]);
    let by_label = stage.by_label(&poll).await;
    let expected = [(Label::CLEAN, (10, vec![10, 0])), (label(3), (4, vec![0, 4])), (label(WORST), (3, vec![3, 0]))];
    assert_eq!(by_label, expected.into());

    let (whole, held, all_held) = ((vec![13, 4], 17), (vec![13, 0], 13), (vec![10, 0], 10));
    let is = async |poll: &Poll, (votes, ballots): &(Vec<u64>, u64)| {
        assert_eq!(&stage.count(poll).await, &(votes.clone(), *ballots));
        let votes: Vec<i64> = votes.iter().map(|votes| votes.cast_signed()).collect();
        assert_eq!(sum_of_minutes(&stage, poll).await, (votes, ballots.cast_signed()));
        assert_eq!(stage.by_label(poll).await, by_label, "whatever counts, all are on record");
    };
    is(&poll, &whole).await;
    let mut version = stage.tally(&poll).await.version;
    let mut now = poll;
    for (number, decision, expected) in [
        (3, LabelDecision::Held, &held),
        (WORST, LabelDecision::Void, &all_held),
        (9, LabelDecision::Held, &all_held),
        (WORST, LabelDecision::Held, &all_held),
        (WORST, LabelDecision::Counted, &held),
        (3, LabelDecision::Counted, &whole),
    ] {
        let before = now;
        now = stage.decided(&before, label(number), decision).await;
        is(&now, expected).await;
        // Whoever holds a tally of before takes this one for a later one, if another set of ballots counts.
        let tally = stage.tally(&now).await;
        assert_eq!(tally.version > version, now.decisions.uncounted() != before.decisions.uncounted());
        version = tally.version;
        // The same again is made already.
        let again = before.decided(label(number), decision, now.updated_at).unwrap();
        assert_eq!(stage.replace(&again).await, Replacement::Done(now.clone()));
        is(&now, expected).await;
    }
}

async fn a_vote_with_a_held_label_is_taken_as_any_other(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let held = stage.decided(&poll, label(5), LabelDecision::Held).await;
    assert_eq!(stage.cast(&held, 1, &["yes"]).await, Outcome::Counted);
    let cast = async |options: &[&str]| stage.apply(&held, &[labelled(&held, 2, options, label(5))]).await;
    assert_eq!(cast(&["no"]).await, [Outcome::Counted]);
    assert_eq!(cast(&["no"]).await, [Outcome::Repeated]);
    assert_eq!(cast(&["yes"]).await, [Outcome::AlreadyVoted(counters(&held, &["no"]))]);
    assert_eq!(stage.on_record(&held, 2).await, Some(vec!["no".to_owned()]));
    assert_eq!(stage.count(&held).await, (vec![1, 0], 1));
    assert_eq!(stage.tally(&held).await.version - stage.tally(&poll).await.version, 0);
    let released = stage.decided(&held, label(5), LabelDecision::Counted).await;
    assert_eq!(stage.count(&released).await, (vec![1, 1], 2));
}

async fn an_incident_is_kept_and_what_was_cast_before_it_counts_as_before(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    stage.cast(&poll, 1, &["yes"]).await;
    let text = |text: &str| Text::parse(text, REASON).unwrap();
    let new = |since: Timestamp| Finding {
        cause: IncidentCause::NetworkBurst,
        since,
        reason: text("دعوة"),
        sureness: 95,
        suspects: Suspects::Networks(vec![NetworkDigest(7), NetworkDigest(u32::MAX)]),
        honest_per_hour: 3,
        figures: None,
        asks_for_work: false,
    };
    let (edit, incident) = poll.with_incident(new(poll.created_at), IncidentPolicy::Show, stage.now().await).unwrap();
    let open = done(stage.replace(&edit).await);
    assert_eq!((&open, &stage.read(&poll).await), (&edit.poll, &edit.poll));
    assert_eq!(open.incidents, std::slice::from_ref(&incident));
    let (other, _) = poll.with_incident(new(poll.created_at), IncidentPolicy::Show, stage.now().await).unwrap();
    assert!(matches!(stage.replace(&other).await, Replacement::Mismatch(_)), "of two at once one comes first");
    let behind = ballot(&poll, 2, &["no"]);
    let answer = stage.store.cast(&poll, behind.voter.partition, &[behind]).await.unwrap();
    assert_eq!(answer, BatchOutcome::Stale, "who does not know of it reads the poll again");
    assert_eq!(stage.apply(&open, &[labelled(&open, 2, &["no"], incident.label)]).await, [Outcome::Counted]);
    let because = text("انتهت");
    let ending = Ending::ByEditor(&because);
    let (ended, told) = open.with_incident_ended(incident.label, ending, stage.now().await).unwrap();
    assert_eq!(told, ended.poll.incidents);
    let ended = done(stage.replace(&ended).await);
    assert_eq!(stage.read(&poll).await, ended);
    assert_eq!(stage.count(&ended).await, (vec![1, 1], 2), "it counts until that is decided otherwise");
    let held = stage.decided(&ended, incident.label, LabelDecision::Held).await;
    assert_eq!((stage.count(&held).await, &held.incidents), ((vec![1, 0], 1), &ended.incidents));
}

async fn versions_move_on_when_snapshots_begin_and_end(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    stage.apply(&poll, &[ballot(&poll, 1, &["yes"]), ballot(&poll, 2, &["no"])]).await;
    let finding = |number: u32| Finding {
        cause: IncidentCause::NetworkBurst,
        since: poll.created_at,
        reason: Text::parse("؟", REASON).unwrap(),
        sureness: 70,
        suspects: Suspects::Networks(vec![NetworkDigest(number)]),
        honest_per_hour: 0,
        figures: None,
        asks_for_work: false,
    };
    let before = stage.tally(&poll).await.version;
    let (edit, incident) = poll.with_incident(finding(7), IncidentPolicy::Show, stage.now().await).unwrap();
    let edit = edit.numbered(before);
    let mut open = done(stage.replace(&edit).await);
    let first = open.sampling.unwrap().version;
    let meanwhile = stage.tally(&open).await.version;
    assert!(before < first && first + 1_000 < meanwhile, "{before}, {first}, {meanwhile}");
    assert_eq!(stage.replace(&edit).await, Replacement::Done(open.clone()));
    // More networks, or another wording, are no reason.
    let (more, _) = open.with_incident(finding(8), IncidentPolicy::Show, stage.now().await).unwrap();
    open = done(stage.replace(&more).await);
    let question = Some("؟".to_owned());
    open = stage.edited(&open, PollFields { question, ..PollFields::default() }).await;
    assert_eq!(stage.tally(&open).await.version, meanwhile);
    let (ended, _) = open.with_incident_ended(incident.label, Ending::Over(0), stage.now().await).unwrap();
    let ended = done(stage.replace(&ended.numbered(meanwhile)).await);
    assert!(stage.tally(&ended).await.version > meanwhile);
    assert_eq!(stage.count(&ended).await, (vec![1, 1], 2));
}

async fn a_changed_ballot_keeps_the_worse_label(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    for (voter, was, casts, becomes) in [(1, 0, 4, 4), (2, 4, 0, 4), (3, 4, 2, 4), (4, 4, WORST, WORST)] {
        let before = stage.by_label(&poll).await.get(&label(becomes)).map_or(0, |(ballots, _)| *ballots);
        stage.apply(&poll, &[labelled(&poll, voter, &["yes"], label(was))]).await;
        let changed = stage.apply(&poll, &[labelled(&poll, voter, &["no"], label(casts))]).await;
        assert_eq!(changed, [Outcome::Changed]);
        let by_label = stage.by_label(&poll).await;
        assert_eq!(by_label[&label(becomes)].0, before + 1, "from {was} by {casts}: {by_label:?}");
    }
    assert_eq!(stage.by_label(&poll).await, [(label(4), (3, vec![0, 3])), (label(WORST), (1, vec![0, 1]))].into());
}

async fn a_ballot_does_not_get_out_of_its_hold_by_being_changed(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let poll = stage.decided(&poll, label(8), LabelDecision::Held).await;
    for (voter, was, casts, becomes) in [(1, 8, 9, 8), (2, 9, 8, 8), (3, 8, 0, 8), (4, 9, WORST, WORST)] {
        stage.apply(&poll, &[labelled(&poll, voter, &["yes"], label(was))]).await;
        let changed = stage.apply(&poll, &[labelled(&poll, voter, &["no"], label(casts))]).await;
        assert_eq!(changed, [Outcome::Changed]);
        let by_label = stage.by_label(&poll).await;
        assert!(by_label[&label(becomes)].1[1] > 0, "from {was} by {casts}: {by_label:?}");
    }
    assert_eq!(stage.by_label(&poll).await, [(label(8), (3, vec![0, 3])), (label(WORST), (1, vec![0, 1]))].into());
    assert_eq!(stage.count(&poll).await, (vec![0, 1], 1), "none of the held ones counts");
    // Of two that are held it is the worse.
    let both = stage.decided(&poll, label(WORST), LabelDecision::Void).await;
    stage.apply(&both, &[labelled(&both, 1, &["yes"], label(WORST))]).await;
    assert_eq!(stage.by_label(&both).await[&label(WORST)].0, 2);
    assert_eq!(stage.count(&both).await, (vec![0, 0], 0));
}

async fn a_repeated_ballot_keeps_the_label_it_has(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for new in [yes_or_no(), changeable()] {
        let poll = stage.poll(new).await;
        for (voter, was, casts) in [(1, 0, 4), (2, 4, 0), (3, 4, WORST)] {
            stage.apply(&poll, &[labelled(&poll, voter, &["yes"], label(was))]).await;
            let repeated = stage.apply(&poll, &[labelled(&poll, voter, &["yes"], label(casts))]).await;
            assert_eq!(repeated, [Outcome::Repeated]);
        }
        let expected = [(Label::CLEAN, (1, vec![1, 0])), (label(4), (2, vec![2, 0]))];
        assert_eq!(stage.by_label(&poll).await, expected.into());
    }
}

async fn a_ballot_that_is_taken_back_is_taken_from_the_group_of_its_label(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let ballots =
        [labelled(&poll, 1, &["yes"], label(2)), labelled(&poll, 2, &["no"], label(2)), ballot(&poll, 3, &["no"])];
    stage.apply(&poll, &ballots).await;
    let held = stage.decided(&poll, label(2), LabelDecision::Held).await;
    assert_eq!(stage.withdraw(&held, 1).await, Outcome::Withdrawn);
    assert_eq!(stage.withdraw(&held, 1).await, Outcome::NoBallot);
    assert_eq!(stage.count(&held).await, (vec![0, 1], 1), "what did not count is not taken from what does");
    let expected = [(Label::CLEAN, (1, vec![0, 1])), (label(2), (1, vec![0, 1]))];
    assert_eq!(stage.by_label(&held).await, expected.into());
    assert_eq!(stage.cast(&held, 1, &["yes"]).await, Outcome::Counted, "and begins anew");
    let released = stage.decided(&held, label(2), LabelDecision::Counted).await;
    assert_eq!(stage.count(&released).await, (vec![1, 2], 3));
    assert_eq!(sum_of_minutes(&stage, &released).await, (vec![1, 2], 3));
}

async fn every_codec_keeps_a_ballots_label(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let several = NewPoll {
        kind: Some(sawt::poll::Kind::Multiple),
        ..PollFields { options: Some(options(&["a", "b", "c"])), ..changeable() }.into()
    };
    let single = PollFields { options: Some(options(&["a", "b", "c"])), ..changeable() };
    for (new, first, second) in [
        (NewPoll::from(single), &["c"][..], &["a"][..]),
        (several, &["a", "c"], &["b"]),
        (ranked(), &["c", "a", "b"], &["b"]),
    ] {
        let poll = stage.poll(new).await;
        let mut expected = Vec::new();
        for number in 0..=WORST {
            stage.apply(&poll, &[labelled(&poll, number.into(), first, label(number))]).await;
            let changed = labelled(&poll, number.into(), second, Label::CLEAN);
            assert_eq!(stage.apply(&poll, &[changed]).await, [Outcome::Changed]);
            let on_record = stage.store.ballot(&poll, crate::store::stage::digest(&poll, number.into())).await.unwrap();
            assert!(on_record == Some(counters(&poll, second)), "{number}");
            expected.push(RecordedBallot { label: label(number), counters: counters(&poll, second) });
        }
        let mut found = stage.store.ballots(&poll, None).await.unwrap().unwrap();
        while let Some(next) = found.next {
            let page = stage.store.ballots(&poll, Some(next)).await.unwrap().unwrap();
            found.ballots.extend(page.ballots);
            found.next = page.next;
        }
        found.ballots.sort_by_key(|ballot| ballot.label);
        assert_eq!(found.ballots, expected);
        assert_eq!(stage.by_label(&poll).await.len(), 32);
        let (votes, _) = stage.count(&poll).await;
        let held = stage.decided(&poll, label(7), LabelDecision::Held).await;
        let (left, ballots) = stage.count(&held).await;
        let of_one = counters(&poll, second).indexes().map(usize::from).collect::<Vec<_>>();
        let without = votes.iter().enumerate().map(|(index, votes)| votes - u64::from(of_one.contains(&index)));
        assert_eq!((left, ballots), (without.collect(), 31));
    }
}

async fn a_text_of_the_voters_own_is_kept_beside_a_label(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(open_answers()).await;
    let said = |number, text, number_of_label| {
        let ballot = own_words(&poll, number, text);
        let sawt::poll::Action::Cast(_, counters) = ballot.action else { panic!("not cast") };
        Ballot { action: sawt::poll::Action::Cast(label(number_of_label), counters), ..ballot }
    };
    let texts = async || {
        let mut texts: Vec<(String, u64)> = stage
            .store
            .answers(&poll)
            .await
            .unwrap()
            .into_iter()
            .map(|answer| (answer.text.as_str().to_owned(), answer.ballots))
            .collect();
        texts.sort();
        texts
    };
    assert_eq!(stage.apply(&poll, &[said(1, "one", 6)]).await, [Outcome::Counted]);
    assert_eq!(stage.apply(&poll, &[said(1, "one", 0)]).await, [Outcome::Repeated]);
    assert_eq!(texts().await, [("one".to_owned(), 1)]);
    assert_eq!(stage.apply(&poll, &[said(1, "two", 0)]).await, [Outcome::Changed]);
    assert_eq!(texts().await, [("two".to_owned(), 1)]);
    let digest = crate::store::stage::digest(&poll, 1);
    let kept = stage.store.ballot_answer(&poll, digest).await.unwrap();
    assert_eq!(kept.as_ref().map(sawt::poll::Text::as_str), Some("two"));
    assert_eq!(stage.by_label(&poll).await.into_keys().collect::<Vec<_>>(), [label(6)]);
    assert_eq!(stage.apply(&poll, &[withdrawal(&poll, 1)]).await, [Outcome::Withdrawn]);
    assert_eq!((texts().await, stage.by_label(&poll).await.len()), (vec![], 0));
}

async fn a_held_ballot_keeps_the_options_from_being_changed(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let poll = stage.decided(&poll, label(1), LabelDecision::Void).await;
    stage.apply(&poll, &[labelled(&poll, 1, &["yes"], label(1))]).await;
    let three = || PollFields { options: Some(options(&["no", "perhaps", "yes"])), ..PollFields::default() };
    assert_eq!(stage.edit(&poll, three()).await, Replacement::HasBallots);
    let poll = stage.read(&poll).await;
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::Withdrawn);
    let reshaped = stage.edited(&poll, three()).await;
    assert_eq!(reshaped.decisions, poll.decisions);
    stage.apply(&reshaped, &[labelled(&reshaped, 1, &["perhaps"], label(1))]).await;
    assert_eq!(stage.count(&reshaped).await, (vec![0, 0, 0], 0));
    assert_eq!(stage.by_label(&reshaped).await, [(label(1), (1, vec![0, 1, 0]))].into());
}

async fn a_closed_poll_keeps_what_was_decided_before(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    stage.apply(&poll, &[ballot(&poll, 1, &["yes"]), labelled(&poll, 2, &["no"], label(1))]).await;
    let held = stage.decided(&poll, label(1), LabelDecision::Held).await;
    let closed = stage.closed(&held).await;
    assert_eq!(stage.count(&closed).await, (vec![1, 0], 1));
    let late = closed.decided(label(1), LabelDecision::Counted, stage.now().await).unwrap();
    assert_eq!(stage.replace(&late).await, Replacement::Closed, "the figure is final");
    let recorded = stage.store.labels(&closed).await.unwrap().unwrap();
    let amended = closed.amended(label(1), LabelDecision::Counted, &recorded, stage.now().await).unwrap();
    let amended = done(stage.replace(&amended).await);
    assert_eq!(
        amended.addendum.as_ref().map(|addendum| (addendum.ballots, &addendum.votes[..])),
        Some((2, &[1, 1][..]))
    );
    assert_eq!(stage.read(&amended).await, amended);
    assert_eq!(stage.count(&amended).await, (vec![1, 0], 1));
    assert_eq!(stage.by_label(&amended).await.len(), 2);
}

async fn a_poll_that_is_gone_has_no_labels(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    stage.apply(&poll, &[labelled(&poll, 1, &["yes"], label(1))]).await;
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(stage.store.labels(&poll).await.unwrap(), None);
}

async fn many_held_ballots_are_kept_as_well_as_counted_ones(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let held = stage.decided(&poll, label(6), LabelDecision::Held).await;
    for some in 0..20 {
        let batch: Vec<Ballot> =
            (some * 100..(some + 1) * 100).map(|voter| labelled(&held, voter, &["yes"], label(6))).collect();
        for partition in 0..held.partitions.count() {
            let batch: Vec<Ballot> = batch.iter().filter(|it| it.voter.partition == partition).cloned().collect();
            if stage.commit(&held, partition, &batch).await.upkeep_due {
                stage.store.upkeep(&held, partition).await.unwrap();
            }
        }
    }
    assert_eq!(stage.count(&held).await, (vec![0, 0], 0));
    for voter in [0, 999, 1_999] {
        assert_eq!(stage.on_record(&held, voter).await, Some(vec!["yes".to_owned()]));
    }
    let released = stage.decided(&held, label(6), LabelDecision::Counted).await;
    assert_eq!(stage.count(&released).await, (vec![2_000, 0], 2_000));
}

async fn no_ballot_is_lost_or_counted_twice_while_it_is_decided_what_counts(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let done = Arc::new(AtomicBool::new(false));
    let editor = tokio::spawn({
        let (stage, mut poll, done) = (stage.clone(), poll.clone(), done.clone());
        async move {
            while !done.load(Ordering::SeqCst) {
                for decision in [LabelDecision::Held, LabelDecision::Void, LabelDecision::Counted] {
                    poll = stage.decided(&poll, label(2), decision).await;
                    // In each partition at once: the clean ballots would be less than none if the tally had lost any.
                    let partitions = stage.store.labels(&poll).await.unwrap().unwrap();
                    assert!(partitions.iter().all(|partition| partition.revision == poll.revision));
                    stage.tally(&poll).await;
                }
            }
            poll
        }
    });
    at_once((0..6).map(|voter| {
        let (stage, mut poll) = (stage.clone(), poll.clone());
        async move {
            for round in 0..25 {
                for (option, number) in [("yes", round % 3), ("no", 2), ("yes", 0)] {
                    let ballot = labelled(&poll, voter, &[option], label(number));
                    let partition = ballot.voter.partition;
                    // Until it is cast by the revision in force.
                    while stage.store.cast(&poll, partition, std::slice::from_ref(&ballot)).await.unwrap()
                        == sawt::store::BatchOutcome::Stale
                    {
                        poll = stage.read(&poll).await;
                    }
                }
            }
        }
    }))
    .await;
    done.store(true, Ordering::SeqCst);
    let poll = editor.await.unwrap();
    assert_eq!(stage.count(&poll).await, (vec![6, 0], 6));
    assert_eq!(stage.by_label(&poll).await, [(label(2), (6, vec![6, 0]))].into());
    assert_eq!(sum_of_minutes(&stage, &poll).await, (vec![6, 0], 6));
    let held = stage.decided(&poll, label(2), LabelDecision::Held).await;
    assert_eq!((stage.count(&held).await, sum_of_minutes(&stage, &held).await), ((vec![0, 0], 0), (vec![0, 0], 0)));
}
