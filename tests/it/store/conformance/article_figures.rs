//! Figures, as they get into a site's transparency log: of articles' polls, and snapshots.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use sawt::{
    article::Template,
    poll::{LabelDecision, OptionId, Outcome, Partitions, Poll, State, Viewer},
    proof::{
        KnownCheckpoints, LogKeys, ProofError, ReplicaProof, SnapshotDraft, TransparencyLog, articles::ArticleRounds,
    },
    secret::Secret,
    store::Store,
    wire::runoff_json,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    one_history::replace_file,
    templates::{made, template},
};
use crate::{
    store::stage::{Stage, digest, done, label, labelled, ranked, yes_or_no},
    verifiers::{save_logs, verified, verified_in_python},
};

crate::registry::store_rules![
    an_articles_poll_has_its_tallies_and_its_final_figure_in_the_log_once_each,
    polls_older_than_their_template_has_days_by_now_are_closed_and_forget_their_voters_a_day_later,
    who_won_a_ranked_poll_is_kept_when_its_ballots_are_forgotten,
    those_who_take_snapshots_at_once_by_one_worker_get_one_each,
];

/// A replica's log, by which a round is always due.
pub(crate) fn log_on(store: &Arc<dyn Store>) -> TransparencyLog {
    let (keys, known) = (LogKeys::of(&Secret::generate(), None).unwrap(), KnownCheckpoints::open(None).unwrap());
    TransparencyLog::new(store.clone(), Arc::new(ReplicaProof::new(keys, None, Duration::ZERO, known)))
}

/// A round through the polls of the stage's site.
pub(crate) async fn round(log: &TransparencyLog, stage: &Stage, rounds: &mut ArticleRounds) {
    log.look_through_articles_of(&stage.site, stage.now().await, rounds).await.unwrap();
}

/// What the log says by then.
pub(crate) async fn said(log: &TransparencyLog, stage: &Stage) -> Vec<Value> {
    let opened = log.openings(&stage.site, 1, 0).await.unwrap();
    opened.iter().map(|opened| serde_json::from_str(&opened.opening.statement).unwrap()).collect()
}

async fn an_articles_poll_has_its_tallies_and_its_final_figure_in_the_log_once_each(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let template = template(&stage).await;
    let [poll, quiet] = [made(&stage, &template, "a").await, made(&stage, &template, "b").await];
    let (log, mut rounds) = (log_on(&store), ArticleRounds::default());
    let kinds = async || {
        let said = said(&log, &stage).await;
        said.iter().map(|said| said["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    // A replica that was restarted, or another, adds nothing twice.
    for rounds in [&mut rounds, &mut ArticleRounds::default()] {
        round(&log, &stage, rounds).await;
        assert_eq!(kinds().await, ["log.began", "poll.tally"], "in the other nobody has voted");
    }
    let tally = said(&log, &stage).await.pop().unwrap();
    assert_eq!((&tally["poll"], &tally["counted"]["ballots"]), (&json!(poll.id), &json!(1)));
    assert_eq!((&tally["article"], &tally["template"]), (&json!("url:https://news.example/a"), &json!("reactions")));
    assert_eq!(stage.cast(&poll, 2, &["no"]).await, Outcome::Counted);
    round(&log, &stage, &mut rounds).await;
    assert_eq!(kinds().await, ["log.began", "poll.tally", "poll.tally"]);

    let [closed, _] = [stage.closed(&poll).await, stage.closed(&quiet).await];
    for _ in 0..2 {
        round(&log, &stage, &mut rounds).await;
        let said = said(&log, &stage).await;
        let of = |kind: &str| said.iter().filter(|said| said["type"] == kind).collect::<Vec<_>>();
        let [finals, ballots] = ["poll.final", "poll.ballots"].map(of);
        assert_eq!((said.len(), finals.len(), ballots.len()), (7, 2, 2), "{said:?}");
        let last = finals.iter().find(|said| said["poll"] == json!(poll.id)).unwrap();
        assert_eq!((&last["raw"]["ballots"], &last["article"]), (&json!(2), &tally["article"]));
    }
    let closed = Arc::new(closed);
    assert!(log.receipt(&closed, digest(&closed, 1)).await.unwrap().is_some());
    assert!(log.receipt(&closed, digest(&closed, 3)).await.unwrap().is_none(), "who has no ballot has no receipt");

    // One that goes and comes again is another: it has a close of its own.
    assert!(store.delete_poll(poll.id, &[]).await.unwrap());
    let again = made(&stage, &template, "a").await;
    assert_eq!(stage.cast(&again, 7, &["yes"]).await, Outcome::Counted);
    let of_open = async |log: &TransparencyLog| log.receipt(&Arc::new(again.clone()), digest(&again, 7)).await;
    assert!(of_open(&log).await.unwrap().is_none(), "what the log has is of the one before it");
    // If it were not, the tree that is read now would be another than the log's: it is not kept.
    let notes = format!("poll/{}", again.id);
    let mut of_this: Value = json!({ "is_closed": true, "ballots": { "log": 1, "index": 4 } });
    of_this["final_figure"] = json!({ "made_at": again.created_at, "at": again.created_at });
    let was = replace_file(&*store, &stage.site, &notes, of_this.to_string().into_bytes()).await;
    assert!(matches!(of_open(&log).await, Err(ProofError::Internal(_))));
    replace_file(&*store, &stage.site, &notes, was).await;
    assert_eq!(stage.cast(&again, 8, &["no"]).await, Outcome::Counted);
    round(&log, &stage, &mut rounds).await;
    assert!(log.receipt(&Arc::new(again.clone()), digest(&again, 7)).await.unwrap().is_none(), "it is open");
    let again = Arc::new(stage.closed(&again).await);
    round(&log, &stage, &mut rounds).await;
    let finals = said(&log, &stage).await.into_iter().filter(|said| said["type"] == "poll.final").count();
    assert_eq!(finals, 3);
    assert!(log.receipt(&again, digest(&again, 7)).await.unwrap().is_some());
    let kept = TempDir::new().unwrap();
    save_logs(&log, &stage.site, kept.path()).await;
    let kept = kept.path().display().to_string();
    assert!(verified(&kept, &[], None).await.unwrap().contains(" is whole: 10 entries"));
    assert!(verified_in_python("directory", &kept, &[]).is_some());
}

async fn polls_older_than_their_template_has_days_by_now_are_closed_and_forget_their_voters_a_day_later(
    store: Arc<dyn Store>,
) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let stage = Stage::new(store.clone()).await;
    let template = template(&stage).await;
    let (log, mut rounds) = (log_on(&store), ArticleRounds::default());
    let poll = made(&stage, &template, "a").await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    // Whose template has so many days, so many days later: is it open, and is its voter on record?
    let mut later = async |days: u32, after: i64| {
        let shorter = Template { open_for_days: days, ..template.clone() };
        store.put_template(&shorter, &[]).await.unwrap();
        let now = stage.now_plus(after * DAY).await;
        log.look_through_articles_of(&stage.site, now, &mut rounds).await.unwrap();
        let poll = stage.read(&poll).await;
        (poll.state_at(stage.now().await), stage.on_record(&poll, 1).await.is_some())
    };
    for (days, after) in [(1, 0), (30, 29), (90, 31)] {
        assert_eq!(later(days, after).await, (State::Open, true), "{days}");
    }
    assert_eq!(later(30, 32).await, (State::Closed, true));
    // Its final figure is in the log now, and a day later nobody asks for a receipt.
    for (after, is_on_record) in [(32, true), (34, false), (34, false)] {
        assert_eq!(later(30, after).await, (State::Closed, is_on_record), "{after}");
    }
    assert_eq!(stage.cast(&stage.read(&poll).await, 2, &["yes"]).await, Outcome::NotOpen);
    assert_eq!(stage.tally(&stage.read(&poll).await).await.ballots, 1);
}

async fn who_won_a_ranked_poll_is_kept_when_its_ballots_are_forgotten(store: Arc<dyn Store>) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let stage = Stage::new(store.clone()).await;
    let pattern = Poll { partitions: Partitions::unplaced(1), ..stage.draw_up(ranked()).await };
    let template = Template { pattern, ..template(&stage).await };
    store.put_template(&template, &[]).await.unwrap();
    let (log, mut rounds) = (log_on(&store), ArticleRounds::default());
    let poll = made(&stage, &template, "a").await;
    let [first, second, ..] = [0, 1, 2].map(|place| poll.options[place].id.as_str());
    for (voter, order) in [(1, [first, second]), (2, [second, first])] {
        assert_eq!(stage.cast(&poll, voter, &order).await, Outcome::Counted);
    }
    assert_eq!(stage.apply(&poll, &[labelled(&poll, 3, &[second, first], label(1))]).await, [Outcome::Counted]);
    stage.closed(&poll).await;
    for after in [0, 2, 2] {
        let now = stage.now_plus(after * DAY).await;
        log.look_through_articles_of(&stage.site, now, &mut rounds).await.unwrap();
    }
    let poll = stage.read(&poll).await;
    assert!(stage.on_record(&poll, 1).await.is_none(), "its voters are not forgotten");
    let runoff = poll.runoff.as_deref().expect("who won is gone with them");
    assert_eq!((runoff.ballots, runoff.winner.as_ref().map(OptionId::as_str)), (3, Some(second)));
    assert_eq!(stage.tally(&poll).await.ballots, 3);

    // What is decided from now on can't be counted by rounds. Readers are told that there is something.
    let recorded = store.labels(&poll).await.unwrap().unwrap();
    let edit = poll.amended(label(1), LabelDecision::Held, &recorded, stage.now().await).unwrap();
    let amended = done(stage.replace(&edit).await);
    let runoff = amended.runoff.as_deref().unwrap();
    let told = runoff_json(&amended, runoff, None, State::Closed, stage.now().await);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["winner"], &told["addendum"]["ballots"]), (&json!(second), &json!(2)));
    assert_eq!((&told["addendum"]["rounds"], &told["addendum"]["winner"]), (&Value::Null, &Value::Null));
}

async fn those_who_take_snapshots_at_once_by_one_worker_get_one_each(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let (log, poll) = (log_on(&store), stage.poll(yes_or_no()).await);
    let take = async |number: usize| {
        let statement = json!({ "type": "poll.snapshot", "number": number });
        log.take_snapshot(&SnapshotDraft { poll: &poll, state: State::Open, seen: Viewer::Everyone, statement }).await
    };
    let taken = join_all((0..8).map(take)).await;
    let mut taken: Vec<String> = taken.into_iter().map(|taken| taken.unwrap().to_string()).collect();
    taken.sort();
    assert_eq!(taken, (1..9).map(|entry| format!("1-{entry}")).collect::<Vec<_>>());
    assert_eq!(said(&log, &stage).await.len(), 9);
}
