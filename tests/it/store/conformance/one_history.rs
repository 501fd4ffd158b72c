//! One history of a site's log, whatever becomes of the store.

use std::{fs, path::Path, sync::Arc, time::Duration};

use sawt::{
    poll::{Poll, SiteId, State, Viewer},
    proof::{
        KnownCheckpoints, LogKeys, ProofError, ReplicaProof, SnapshotDraft, TransparencyLog, articles::ArticleRounds,
    },
    secret::Secret,
    store::{LOG_HEAD, LogWrite, Store},
    verify::Unverified,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::article_figures::round;
use crate::{
    store::stage::{Stage, yes_or_no},
    verifiers::{save_logs, verified, verified_in_python},
};

crate::registry::store_rules![
    a_replica_does_not_go_on_from_a_log_that_lacks_what_it_has_only_seen,
    a_log_that_was_set_back_and_has_grown_again_is_not_gone_on_from,
    a_log_that_is_lost_altogether_is_named_and_can_not_be_checked,
    hashes_that_no_published_checkpoint_is_of_are_not_served,
];

/// The head of a log of a few entries, and these.
struct LogCopy {
    head: Vec<u8>,
    entries: (String, Vec<u8>),
}

async fn file(store: &dyn Store, site: &SiteId, name: &str) -> Vec<u8> {
    store.log_files(site, &[name.to_owned()]).await.unwrap().pop().flatten().unwrap()
}

fn place_of(head: &[u8]) -> (String, Vec<u8>) {
    let space = head.iter().position(|byte| *byte == b' ').unwrap();
    (String::from_utf8(head[..space].to_vec()).unwrap(), head[space + 1..].to_vec())
}

impl LogCopy {
    async fn of(store: &dyn Store, site: &SiteId) -> Self {
        let head = file(store, site, LOG_HEAD).await;
        let name = format!("{}/entries/0", place_of(&head).0.split('.').next().unwrap());
        let entries = file(store, site, &name).await;
        Self { head, entries: (name, entries) }
    }

    /// Makes the log what it was, and shows that.
    async fn restore(&self, store: &dyn Store, site: &SiteId) {
        self.put(store, site).await;
        assert!(store.publish_log(site, &place_of(&self.head).0).await.unwrap());
    }

    async fn put(&self, store: &dyn Store, site: &SiteId) {
        put(store, site, &self.head, vec![self.entries.clone()]).await;
    }
}

/// Puts files into a site's log.
async fn put(store: &dyn Store, site: &SiteId, head: &[u8], files: Vec<(String, Vec<u8>)>) {
    let holder = "who puts things back";
    assert!(store.lease_log(site, holder, Duration::from_mins(1)).await.unwrap());
    let (now, (after, head)) = (place_of(&file(store, site, LOG_HEAD).await).0, place_of(head));
    let write = |before: &str, after: &str, head: &[u8], files| LogWrite {
        holder: holder.to_owned(),
        before: Some(before.to_owned()),
        after: after.to_owned(),
        head: head.to_owned(),
        files,
    };
    // The place must be another each time.
    assert!(store.write_log(site, &write(&now, "elsewhere", b"{}", Vec::new())).await.unwrap());
    assert!(store.write_log(site, &write("elsewhere", &after, &head, files)).await.unwrap());
    store.return_log(site, holder).await.unwrap();
}

/// Replaces one file of a site's log, and returns what it was.
pub(crate) async fn replace_file(store: &dyn Store, site: &SiteId, name: &str, bytes: Vec<u8>) -> Vec<u8> {
    let was = file(store, site, name).await;
    put(store, site, &file(store, site, LOG_HEAD).await, vec![(name.to_owned(), bytes)]).await;
    was
}

/// Two replicas' logs, with the same keys.
fn replicas(store: &Arc<dyn Store>) -> [TransparencyLog; 2] {
    let secret = Secret::generate();
    [(); 2].map(|()| {
        let (keys, known) = (LogKeys::of(&secret, None).unwrap(), KnownCheckpoints::open(None).unwrap());
        TransparencyLog::new(store.clone(), Arc::new(ReplicaProof::new(keys, None, Duration::ZERO, known)))
    })
}

/// Adds an entry.
async fn add(log: &TransparencyLog, poll: &Poll) {
    let statement = json!({ "type": "poll.snapshot" });
    log.take_snapshot(&SnapshotDraft { poll, state: State::Open, seen: Viewer::Everyone, statement }).await.unwrap();
}

/// The number of the log that goes on, and how many entries each has that is served.
async fn sizes(log: &TransparencyLog, stage: &Stage) -> (u32, Vec<u64>) {
    let logs = log.logs_of(&stage.site).await.unwrap();
    (logs.head.log, logs.before.iter().chain([&logs.head]).map(|head| head.size).collect())
}

/// What both verifiers say of a directory: with what was kept, if anything was.
async fn both_say(served: &Path, keep: Option<&Path>) -> (Result<String, Unverified>, Option<Value>) {
    let which = served.display().to_string();
    let in_python = match keep {
        Some(keep) => verified_in_python("since", &keep.display().to_string(), std::slice::from_ref(&which)),
        None => verified_in_python("directory", &which, &[]),
    };
    (verified(&which, &[], keep).await, in_python)
}

async fn a_replica_does_not_go_on_from_a_log_that_lacks_what_it_has_only_seen(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let ([writer, other], poll) = (replicas(&store), stage.poll(yes_or_no()).await);
    add(&writer, &poll).await;
    let copy = LogCopy::of(&*store, &stage.site).await;
    add(&writer, &poll).await;
    // It looks, and adds nothing.
    round(&other, &stage, &mut ArticleRounds::default()).await;
    copy.restore(&*store, &stage.site).await;
    add(&other, &poll).await;
    assert_eq!(sizes(&other, &stage).await, (2, vec![2, 2]));

    // What was lost of log 1 can't be told from what is left; that it is gone is told by who has kept it.
    let [served, kept] = [(); 2].map(|()| TempDir::new().unwrap());
    save_logs(&other, &stage.site, served.path()).await;
    let (said, in_python) = both_say(served.path(), None).await;
    let said = said.unwrap();
    assert!(said.contains("log 2 names a checkpoint of 3 entries of log 1, which has 2. Whether"), "{said}");
    assert_eq!(in_python.unwrap()[1]["lost"], Value::Null);
    assert!(verified(&served.path().display().to_string(), &[], Some(kept.path())).await.is_ok());
    let (said, in_python) = both_say(served.path(), Some(kept.path())).await;
    assert!(said.is_ok() && in_python.is_some(), "{said:?}");
    let index = served.path().join("log.json");
    let mut only_the_second: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    only_the_second["before"] = json!([]);
    fs::write(&index, only_the_second.to_string()).unwrap();
    let (said, in_python) = both_say(served.path(), Some(kept.path())).await;
    assert_eq!(said, Err(Unverified::Wrong("log 1, which was kept, is not served any more".to_owned())));
    assert_eq!(in_python, None);
    // Who has kept nothing is told at least that there was another.
    let (said, in_python) = both_say(served.path(), None).await;
    let Err(Unverified::Unknown(why)) = said else { panic!("{said:?}") };
    assert!(why.starts_with("log 1, of which log 2 names a checkpoint of 3 entries, is not served"), "{why}");
    assert!(in_python.unwrap()[0]["lost"].as_str().unwrap().ends_with("/log/1"));
}

async fn a_log_that_was_set_back_and_has_grown_again_is_not_gone_on_from(store: Arc<dyn Store>) {
    // As long as it was, and longer.
    for more in [1, 2] {
        let stage = Stage::new(store.clone()).await;
        let ([writer, other], poll) = (replicas(&store), stage.poll(yes_or_no()).await);
        add(&writer, &poll).await;
        let copy = LogCopy::of(&*store, &stage.site).await;
        add(&writer, &poll).await;
        copy.restore(&*store, &stage.site).await;
        for _ in 0..more {
            add(&other, &poll).await;
        }
        add(&writer, &poll).await;
        assert_eq!(sizes(&writer, &stage).await, (2, vec![2 + more, 2]));
        // Two checkpoints were signed that don't fit together, and the service does not hide it.
        let served = TempDir::new().unwrap();
        save_logs(&writer, &stage.site, served.path()).await;
        let (said, in_python) = both_say(served.path(), None).await;
        let Err(Unverified::Wrong(why)) = said else { panic!("{said:?}") };
        assert!(why.contains("log 1 has two histories"), "{why}");
        assert_eq!(in_python, None);
    }
}

async fn a_log_that_is_lost_altogether_is_named_and_can_not_be_checked(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let ([writer, _], poll) = (replicas(&store), stage.poll(yes_or_no()).await);
    add(&writer, &poll).await;
    let copy = LogCopy::of(&*store, &stage.site).await;
    add(&writer, &poll).await;
    // The same backup twice.
    for log in [2, 3] {
        copy.restore(&*store, &stage.site).await;
        add(&writer, &poll).await;
        assert_eq!(sizes(&writer, &stage).await, (log, vec![2, 2]));
    }
    let [served, kept] = [(); 2].map(|()| TempDir::new().unwrap());
    save_logs(&writer, &stage.site, served.path()).await;
    let (said, in_python) = both_say(served.path(), None).await;
    let Err(Unverified::Unknown(why)) = said else { panic!("{said:?}") };
    assert!(why.starts_with("log 2, of which log 3 names a checkpoint of 2 entries, is not served"), "{why}");
    assert!(why.contains("/log/3) is whole: 2 entries"), "the others are checked: {why}");
    assert!(in_python.unwrap()[1]["lost"].as_str().unwrap().ends_with("/log/2"));
    // They are kept as well.
    assert!(matches!(both_say(served.path(), Some(kept.path())).await, (Err(Unverified::Unknown(_)), Some(_))));
    assert!(kept.path().join("3/checkpoint").exists());
}

async fn hashes_that_no_published_checkpoint_is_of_are_not_served(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let ([log, _], poll) = (replicas(&store), stage.poll(yes_or_no()).await);
    add(&log, &poll).await;
    let two = LogCopy::of(&*store, &stage.site).await;
    add(&log, &poll).await;
    let three = LogCopy::of(&*store, &stage.site).await;
    two.restore(&*store, &stage.site).await;
    three.put(&*store, &stage.site).await;
    let length = async |name: &str| match log.tile(&stage.site, 1, name.parse().unwrap()).await {
        Ok(tile) => Some(tile.len()),
        Err(ProofError::NotThere) => None,
        Err(other) => panic!("{other}"),
    };
    let all = async || [length("0/000.p/2").await, length("0/000.p/3").await, length("entries/000.p/3").await];
    assert_eq!(all().await, [Some(2 * 32), None, None]);
    three.restore(&*store, &stage.site).await;
    assert_eq!(all().await, [Some(2 * 32), Some(3 * 32), Some(3 * 34)]);
}
