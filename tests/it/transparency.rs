//! Transparency logs whose replicas are killed, whose keys are rotated and whose stores are set back; and both
//! verifiers.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sawt::{
    clock::Clock,
    poll::{State, Timestamp, Viewer},
    proof::{SnapshotDraft, articles::ArticleRounds},
    store::{StoreSettings, Stores},
    verify::Unverified,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    backends::{Backend, Program, RedisServer, Storage, wait_until},
    client::{Client, until},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, SECRET, Settings, run},
    service::{seed_poll, text},
    store::{
        conformance::{
            article_figures::{log_on, round, said},
            templates,
        },
        stage::{Stage, digest, yes_or_no},
    },
    verifiers::{save_logs, verified, verified_in_python},
};

lone_rules![
    a_log_is_whole_after_a_kill_and_a_rotation_and_a_store_that_was_set_back_begins_a_new_one,
    two_replicas_write_one_history_also_when_one_is_killed,
    a_log_of_more_than_a_tile_is_verified_by_both,
    tallies_of_open_polls_go_into_the_log_every_so_often,
    the_voters_of_an_articles_poll_are_forgotten_a_day_after_its_root_is_in_the_log,
    a_checkpoint_is_published_once_the_stores_replicas_have_it,
    a_checkpoint_on_a_cluster_is_published_once_the_replicas_of_its_master_have_it,
    what_is_wrong_and_what_can_not_be_checked_have_their_own_exit_codes,
];

const LOG: &str = "/v1/sites/default/log";

fn admin(replica: &Replica) -> Client {
    Client::new(replica.address()).with_key(ADMIN_KEY)
}

async fn make_poll(admin: &Client) -> String {
    text(&admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201)["id"])
}

async fn head(client: &Client) -> Option<Value> {
    let answer = client.get(LOG).send().await;
    (answer.status == 200).then(|| answer.is(200))
}

/// The log, once it has so many entries.
async fn log_with(client: &Client, size: u64) -> Value {
    until(async || head(client).await.filter(|log| log["size"].as_u64() >= Some(size))).await
}

/// The key that signs now.
fn key(log: &Value) -> String {
    text(&log["keys"].as_array().unwrap().last().unwrap()["key"])
}

fn address(replica: &Replica, path: &str) -> String {
    format!("http://{}{path}", replica.address())
}

/// Both say that a log is right. Its logs, as the other verifier has read them.
async fn both_verify(replica: &Replica, keys: &[String]) -> Value {
    let address = address(replica, LOG);
    let said = verified(&address, keys, None).await.unwrap();
    assert!(said.contains("is whole"), "{said}");
    verified_in_python("log", &address, keys).expect("the other verifier finds it right")
}

fn statements_of(log: &Value, kind: &str) -> usize {
    log["statements"].as_object().unwrap().values().filter(|said| said["type"] == kind).count()
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Flips one bit in each of some bytes of a file, one after the other: none goes unnoticed.
async fn no_flipped_bit_goes_unnoticed(file: &Path, what: &str, as_what: &str, key: &str, every: usize) {
    let (good, keys) = (fs::read(file).unwrap(), [key.to_owned()]);
    for place in (0..good.len()).step_by(every) {
        let mut flipped = good.clone();
        flipped[place] ^= 1 << (place % 8);
        fs::write(file, flipped).unwrap();
        let said = verified(what, &keys, None).await;
        assert!(matches!(said, Err(Unverified::Wrong(_))), "byte {place} of {}: {said:?}", file.display());
        // A process for each is dear.
        if (place / every).is_multiple_of(25) {
            assert_eq!(verified_in_python(as_what, what, &keys), None, "byte {place} of {}", file.display());
        }
    }
    fs::write(file, good).unwrap();
    assert!(verified(what, &keys, None).await.is_ok());
}

async fn a_log_is_whole_after_a_kill_and_a_rotation_and_a_store_that_was_set_back_begins_a_new_one() {
    let (storage, kept) = (Storage::file(), TempDir::new().unwrap());
    let database = PathBuf::from(storage.address().strip_prefix("sqlite:").unwrap());
    let settings = Settings::on(storage.address());
    let replica = Replica::start(&settings);
    make_poll(&admin(&replica)).await;
    let old_key = key(&log_with(&admin(&replica), 3).await);
    replica.stop();
    let copy = kept.path().join("copy.db");
    fs::copy(&database, &copy).unwrap();

    let replica = Replica::start(&settings);
    let poll = make_poll(&admin(&replica)).await;
    log_with(&admin(&replica), 5).await;
    replica.signal("KILL");
    replica.wait();
    // A rotation: the secret before signs beside the new one.
    let rotated = settings.clone().with("SAWT_SECRET", &format!("{SECRET}-new")).with("SAWT_SECRET_PREVIOUS", SECRET);
    let replica = Replica::start(&rotated);
    admin(&replica).post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let log = log_with(&admin(&replica), 9).await;
    let new_key = key(&log);
    assert_ne!(old_key, new_key);
    assert_eq!(log["keys"].as_array().unwrap().len(), 2);
    // Whoever knows one of them alone goes on.
    for keys in [vec![], vec![old_key.clone()], vec![new_key.clone()]] {
        let logs = both_verify(&replica, &keys).await;
        assert_eq!((statements_of(&logs[0], "log.key"), statements_of(&logs[0], "poll.final")), (1, 1), "{logs}");
    }
    // A replica that has not been restarted yet has them the other way round: it begins no third.
    replica.stop();
    let behind = settings.clone().with("SAWT_SECRET_PREVIOUS", &format!("{SECRET}-new"));
    let replica = Replica::start(&behind);
    make_poll(&admin(&replica)).await;
    assert_eq!(log_with(&admin(&replica), 11).await["keys"], log["keys"]);
    both_verify(&replica, std::slice::from_ref(&new_key)).await;
    replica.stop();
    let replica = Replica::start(&rotated);
    let directory = kept.path().join("log");
    let kept_log = verified(&address(&replica, LOG), &[], Some(&directory)).await;
    assert!(kept_log.is_ok(), "{kept_log:?}");
    replica.stop();

    fs::copy(&copy, &database).unwrap();
    let replica = Replica::start(&rotated);
    make_poll(&admin(&replica)).await;
    let second = until(async || head(&admin(&replica)).await.filter(|log| log["log"] == 2)).await;
    assert_eq!(second["before"][0]["origin"], log["origin"]);
    let logs = both_verify(&replica, &[old_key, new_key, key(&second)]).await;
    assert_eq!(logs.as_array().unwrap().len(), 2);
    assert!(text(&logs[1]["after"]).starts_with(&format!("{}\n11\n", text(&log["origin"]))), "{logs}");
    // And whoever has kept the first one is told.
    let address = address(&replica, LOG);
    let Err(Unverified::Wrong(why)) = verified(&address, &[], Some(&directory)).await else {
        panic!("entries are missing");
    };
    assert_eq!(verified_in_python("since", &directory.display().to_string(), &[address]), None);
    assert!(why.contains("had 11 entries, and has 3 now"), "{why}");
}

async fn two_replicas_write_one_history_also_when_one_is_killed() {
    let storage = Storage::single(Program::Redis, &[]);
    let settings = Settings::on(storage.address());
    let [killed, replica] = [Replica::start(&settings), Replica::start(&settings)];
    let [one, two] = [admin(&killed), admin(&replica)];
    let polls = futures_util::future::join_all((0..6).map(|place| make_poll(if place % 2 == 0 { &one } else { &two })));
    let polls = polls.await;
    let voter = Client::new(replica.address()).new_voter().await;
    voter.vote(&polls[0], &["yes"]).await.is(201);
    for place in 0..4 {
        let on = if place % 2 == 0 { &one } else { &two };
        on.post(&format!("/v1/polls/{}/snapshots", polls[0])).send().await.is(201);
    }
    killed.signal("KILL");
    killed.wait();
    // The lease of who was killed ends by itself; nothing is left out.
    for poll in &polls {
        two.post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    }
    let path = format!("/v1/polls/{}/votes/me?proof", polls[0]);
    let receipt = until(async || {
        let told = voter.get(&path).send().await.is(200);
        Some(told["receipt"].clone()).filter(Value::is_object)
    })
    .await;
    let log = log_with(&two, 1 + 6 * 2 + 4 + 6 * 3).await;
    let key = key(&log);
    let logs = both_verify(&replica, std::slice::from_ref(&key)).await;
    let found = ["poll.opened", "poll.closed", "poll.final", "poll.ballots", "poll.snapshot"];
    assert_eq!(found.map(|kind| statements_of(&logs[0], kind)), [6, 6, 6, 6, 4], "each once: {logs}");

    // What is kept is checked without any server, and no flipped bit goes unnoticed.
    let kept = TempDir::new().unwrap();
    let directory = kept.path().join("log");
    verified(&address(&replica, LOG), &[], Some(&directory)).await.unwrap();
    let snapshots = two.get(&format!("/v1/polls/{}/snapshots", polls[0])).send().await.is(200);
    let id = text(&snapshots["items"][0]["id"]);
    let proof = two.get(&format!("/v1/polls/{}/snapshots/{id}/proof", polls[0])).send().await;
    drop((replica, storage));
    let [receipt_file, proof_file] = ["receipt.json", "a.tlog-proof"].map(|name| kept.path().join(name));
    fs::write(&receipt_file, receipt.to_string()).unwrap();
    fs::write(&proof_file, &proof.body).unwrap();
    for (file, what, words) in [(&receipt_file, "receipt", "Recorded: "), (&proof_file, "proof", "1 ballots")] {
        let which = file.display().to_string();
        let said = verified(&which, std::slice::from_ref(&key), None).await.unwrap();
        assert!(said.contains(words), "{said}");
        assert!(verified_in_python(what, &which, std::slice::from_ref(&key)).is_some());
        no_flipped_bit_goes_unnoticed(file, &which, what, &key, 5).await;
    }
    let which = directory.display().to_string();
    assert!(verified(&which, std::slice::from_ref(&key), None).await.is_ok());
    assert!(verified_in_python("directory", &which, std::slice::from_ref(&key)).is_some());
    // The description of the log is not proof of anything.
    for file in files(&directory).iter().filter(|file| !file.ends_with("log.json")) {
        no_flipped_bit_goes_unnoticed(file, &which, "directory", &key, 61).await;
    }
}

async fn a_log_of_more_than_a_tile_is_verified_by_both() {
    let storage = Storage::file();
    let store = storage.store().await;
    let stage = Stage::new(Arc::clone(&store)).await;
    let (log, mut poll) = (log_on(&store), stage.poll(yes_or_no()).await);
    let kept = TempDir::new().unwrap();
    // The first entry says that it began; then the tile is full, one more begins the next, and it goes on.
    for (number, size) in (2..=513).enumerate() {
        if number % 90 == 0 {
            poll = stage.poll(yes_or_no()).await;
        }
        let statement = json!({ "type": "poll.cited", "number": number });
        let draft = SnapshotDraft { poll: &poll, state: State::Open, seen: Viewer::Everyone, statement };
        log.take_snapshot(&draft).await.unwrap();
        if ![255, 256, 257, 512, 513].contains(&size) {
            continue;
        }
        let directory = kept.path().join(size.to_string());
        save_logs(&log, &stage.site, &directory).await;
        let which = directory.display().to_string();
        let said = verified(&which, &[], None).await.unwrap();
        assert!(said.contains(&format!(" is whole: {size} entries")), "{said}");
        assert!(verified_in_python("directory", &which, &[]).is_some(), "{size}");
        // What is not as it was is found in each tile, wherever that is.
        for file in files(&directory).iter().filter(|file| !file.ends_with("log.json")) {
            let good = fs::read(file).unwrap();
            let mut flipped = good.clone();
            let place = flipped.len() / 2;
            flipped[place] ^= 1;
            fs::write(file, flipped).unwrap();
            let said = verified(&which, &[], None).await;
            assert!(matches!(said, Err(Unverified::Wrong(_))), "{}: {said:?}", file.display());
            assert_eq!(verified_in_python("directory", &which, &[]), None, "{}", file.display());
            fs::write(file, good).unwrap();
        }
    }
}

async fn tallies_of_open_polls_go_into_the_log_every_so_often() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_PROOF_TALLY_SECS", "1"));
    let admin = admin(&replica);
    let hidden = seed_poll(json!({ "results": "after_vote" }));
    let hidden = text(&admin.post("/v1/polls").json(&hidden).send().await.is(201)["id"]);
    let poll = make_poll(&admin).await;
    for voted in [&poll, &hidden] {
        Client::new(replica.address()).new_voter().await.vote(voted, &["yes"]).await.is(201);
    }
    // It has begun, and two events of each poll.
    log_with(&admin, 1 + 4 + 2).await;
    let tallies = async || {
        let opened = admin.get(&format!("{LOG}/1/openings/0")).send().await.is(200)["openings"].clone();
        let said = |opened: &Value| serde_json::from_str::<Value>(&text(&opened["statement"])).unwrap();
        let said: Vec<Value> = opened.as_array().unwrap().iter().map(said).collect();
        said.into_iter().filter(|said| said["type"] == "poll.tally").collect::<Vec<_>>()
    };
    let public = tallies().await;
    assert_eq!((public.len(), &public[0]["poll"], &public[0]["counted"]["ballots"]), (1, &json!(poll), &json!(1)));
    admin.post(&format!("/v1/polls/{hidden}/close")).send().await.is(200);
    let opened = until(async || Some(tallies().await).filter(|tallies| tallies.len() == 2)).await;
    assert!(opened.iter().any(|tally| tally["poll"] == hidden), "with the close: {opened:?}");
    both_verify(&replica, &[]).await;
}

async fn the_voters_of_an_articles_poll_are_forgotten_a_day_after_its_root_is_in_the_log() {
    let (storage, clock) = (Storage::file(), Clock::stopped_at(Clock::default().now()));
    let address = storage.address().parse().unwrap();
    let settings = StoreSettings { address, partitions: None, allow_eviction: false };
    let store = Stores::open(&settings, clock.clone()).unwrap().connect();
    store.contact().await.unwrap();
    let stage = Stage::new(store.clone()).await;
    let template = templates::template(&stage).await;
    let poll = Arc::new(templates::made(&stage, &template, "a").await);
    stage.cast(&poll, 1, &["yes"]).await;
    let (log, mut rounds) = (log_on(&store), ArticleRounds::default());
    let mut after = async |days: i64, millis: i64| {
        clock.set(Timestamp::from_millis(poll.created_at.as_millis() + days * 24 * 60 * 60 * 1_000 + millis));
        round(&log, &stage, &mut rounds).await;
        let is_in_log = log.receipt(&poll, digest(&poll, 1)).await.unwrap().is_some();
        (is_in_log, stage.on_record(&poll, 1).await.is_some())
    };
    assert_eq!(after(89, 0).await, (false, true));
    // The template says 90 days. Nobody has to come by: the clock closes the poll.
    assert_eq!(after(90, 1_000).await, (true, true));
    assert_eq!(after(91, 999).await, (true, true), "whoever comes now still has a receipt");
    assert_eq!(after(91, 1_000).await, (false, false));
    assert_eq!(stage.tally(&poll).await.ballots, 1, "the counts stay");
    assert_eq!(after(95, 0).await, (false, false));
    let said = said(&log, &stage).await;
    let finals = said.iter().filter(|said| said["type"] == "poll.final").collect::<Vec<_>>();
    assert_eq!((finals.len(), &finals[0]["raw"]["ballots"]), (1, &json!(1)));
}

async fn a_checkpoint_is_published_once_the_stores_replicas_have_it() {
    let (storage, kept) = (Storage::single(Program::Redis, &[]), TempDir::new().unwrap());
    let master = storage.server();
    let follower = master.follower();
    let checkpoints = kept.path().join("checkpoints.json").display().to_string();
    let settings = Settings::on(storage.address()).with("SAWT_PROOF_CHECKPOINTS", &checkpoints);
    let replica = Replica::start(&settings);
    let editor = admin(&replica);
    let poll = make_poll(&editor).await;
    let seen = log_with(&editor, 3).await;
    let checkpoint = editor.get(&format!("{LOG}/1/checkpoint")).send().await.body;
    follower.freeze();
    let snapshots = format!("/v1/polls/{poll}/snapshots");
    editor.post(&snapshots).send().await.refused(503, "store-unavailable");
    let written = master.ask(&["HGET", "sawt:site:{default}:transparency", "head"]);
    assert!(written.starts_with("1.4 "), "{written}");
    // Nobody is shown what a failover would take back.
    assert_eq!(head(&editor).await, Some(seen));
    assert_eq!(editor.get(&format!("{LOG}/1/checkpoint")).send().await.body, checkpoint);
    assert_eq!(editor.get(&snapshots).send().await.is(200)["items"], json!([]));
    assert_eq!(
        editor.get(&format!("{LOG}/1/openings/0")).send().await.is(200)["openings"].as_array().unwrap().len(),
        2
    );
    follower.thaw();
    log_with(&editor, 4).await;
    assert_eq!(editor.get(&snapshots).send().await.is(200)["items"].as_array().unwrap().len(), 1);
    let directory = kept.path().join("log");
    verified(&address(&replica, LOG), &[], Some(&directory)).await.unwrap();

    // After a failover the log goes on: what anybody has seen is there.
    drop((replica, storage));
    follower.ask(&["REPLICAOF", "NO", "ONE"]);
    let store = format!("redis://127.0.0.1:{}", follower.port());
    let replica = Replica::start(&Settings::on(&store).with("SAWT_PROOF_CHECKPOINTS", &checkpoints));
    make_poll(&admin(&replica)).await;
    let log = log_with(&admin(&replica), 6).await;
    assert_eq!((&log["log"], &log["before"]), (&json!(1), &json!([])));
    let address = address(&replica, LOG);
    verified(&address, &[], Some(&directory)).await.unwrap();
    assert!(verified_in_python("since", &directory.display().to_string(), &[address]).is_some());
    both_verify(&replica, &[]).await;
}

/// A site's log lies on one master of a cluster: that one's replicas are waited for, and no other's.
async fn a_checkpoint_on_a_cluster_is_published_once_the_replicas_of_its_master_have_it() {
    const KEY: &str = "sawt:site:{default}:transparency";
    let storage = Storage::start_with(Backend::Cluster, &[("repl-diskless-sync-delay", "0")]);
    let followers: Vec<RedisServer> = storage.servers().iter().map(RedisServer::follower).collect();
    let replica = Replica::start(&Settings::on(storage.address()));
    let editor = admin(&replica);
    let poll = make_poll(&editor).await;
    let seen = log_with(&editor, 3).await;
    let master = storage.server_of(KEY);
    let is_its = |place: &usize| storage.servers()[*place].port() == master.port();
    let (own, others): (Vec<usize>, Vec<usize>) = (0..followers.len()).partition(is_its);
    let follower = &followers[own[0]];
    let snapshots = format!("/v1/polls/{poll}/snapshots");
    follower.freeze();
    editor.post(&snapshots).send().await.refused(503, "store-unavailable");
    let written = master.ask(&["HGET", KEY, "head"]);
    assert!(written.starts_with("1.4 "), "{written}");
    assert_eq!(head(&editor).await, Some(seen), "nobody is shown what a failover would take back");
    follower.thaw();
    log_with(&editor, 4).await;

    for other in &others {
        followers[*other].freeze();
    }
    editor.post(&snapshots).send().await.is(201);
    for other in &others {
        followers[*other].thaw();
    }
    // The follower takes over, and has all that anybody has seen.
    let seen = log_with(&editor, 5).await;
    let mut asked: Option<Instant> = None;
    wait_until("the follower is the master", || {
        if follower.ask(&["INFO", "replication"]).contains("role:master") {
            return Some(());
        }
        // A take-over has five seconds, and begins anew if it is asked for meanwhile.
        if asked.is_none_or(|asked| asked.elapsed() > Duration::from_secs(6)) {
            follower.ask(&["CLUSTER", "FAILOVER"]);
            asked = Some(Instant::now());
        }
        None
    });
    until(async || (head(&editor).await.as_ref() == Some(&seen)).then_some(())).await;
    until(async || (editor.post(&snapshots).send().await.status == 201).then_some(())).await;
    let log = log_with(&editor, 6).await;
    assert_eq!((&log["log"], &log["before"]), (&json!(1), &json!([])));
    both_verify(&replica, &[]).await;
}

async fn what_is_wrong_and_what_can_not_be_checked_have_their_own_exit_codes() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("broken.tlog-proof");
    fs::write(&file, "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n").unwrap();
    let file = file.display().to_string();
    let key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    for (arguments, code, words) in [
        (vec!["verify", &file, "--key", key], 1, "WRONG: it is not a proof"),
        (vec!["verify", "/nowhere/at/all"], 2, "not checked: "),
        (vec!["verify", "http://127.0.0.1:1/v1/sites/default/log"], 2, "not checked: "),
        (vec!["verify", &file, "--key", "nonsense"], 64, "must be a key"),
        (vec!["verify"], 64, "FILE-or-URL"),
    ] {
        let ended = run(&Settings::bare(), &arguments);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}
