//! What operators and disks do to the embedded store's file while a replica has it open.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    client::{Client, until},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
};

/// A replica on a file of its own, and a poll.
struct Fixture {
    folder: tempfile::TempDir,
    settings: Settings,
    replica: Replica,
    poll: String,
}

impl Fixture {
    async fn start() -> Self {
        Self::start_with(Replica::start).await
    }

    async fn start_with(start: impl FnOnce(&Settings) -> Replica) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let settings = Settings::on(&format!("sqlite:{}", folder.path().join("data/sawt.db").display()));
        let replica = start(&settings);
        let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
        let poll = text(&admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201)["id"]);
        Self { folder, settings, replica, poll }
    }

    /// A file beside the store's, or one of its own.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    fn client(&self) -> Client {
        Client::new(self.replica.address())
    }

    async fn new_voter(&self) -> Client {
        self.client().new_voter().await
    }

    /// Starts another replica on what is there now.
    fn restart(&mut self) {
        self.replica.stop();
        self.replica = Replica::start(&self.settings);
    }

    /// How many lines of the log say this.
    fn said(&self, words: &str) -> usize {
        self.replica.log().lines().iter().filter(|line| line.contains(words)).count()
    }

    /// Waits until the log has a line that says this: it comes by a pipe. There is one.
    async fn says_once(&self, words: &str, why: &str) {
        until(async || (self.said(words) > 0).then_some(())).await;
        assert_eq!(self.said(words), 1, "{why}: {}", self.replica.log().text());
    }

    async fn is_not_ready(&self) {
        until(async || (self.client().get("/readyz").send().await.status == 503).then_some(())).await;
        self.client().get("/livez").send().await.is(200);
    }

    async fn is_ready(&self) {
        until(async || (self.client().get("/readyz").send().await.status == 200).then_some(())).await;
    }
}

/// Everything under the name of the store's file, moved to another.
fn move_all(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let of = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        fs::rename(of(from), of(to)).unwrap();
    }
}

/// What happens to the files.
type Loss = fn(&Fixture);

const ASTRAY: &str = "deleted, moved or replaced:";

async fn a_vote_is_not_acknowledged_that_goes_to_a_file_which_is_not_there_any_more() {
    let losses: [(&str, Loss); 7] = [
        ("all is deleted", |it| {
            for name in ["sawt.db", "sawt.db-wal", "sawt.db-shm"] {
                fs::remove_file(it.path(name)).unwrap();
            }
        }),
        ("the file is deleted", |it| fs::remove_file(it.path("sawt.db")).unwrap()),
        ("the log is deleted", |it| fs::remove_file(it.path("sawt.db-wal")).unwrap()),
        ("the index is deleted", |it| fs::remove_file(it.path("sawt.db-shm")).unwrap()),
        ("the folder is deleted", |it| fs::remove_dir_all(it.path("")).unwrap()),
        ("the folder is moved", |it| fs::rename(it.path(""), it.folder.path().join("old")).unwrap()),
        ("the file is replaced", |it| {
            fs::copy(it.path("sawt.db"), it.path("new.db")).unwrap();
            fs::rename(it.path("new.db"), it.path("sawt.db")).unwrap();
        }),
    ];
    for (what, lose) in losses {
        let it = Fixture::start().await;
        let voters = [it.new_voter().await, it.new_voter().await, it.new_voter().await];
        voters[0].vote(&it.poll, &["yes"]).await.is(201);
        lose(&it);
        for voter in &voters[1..] {
            voter.vote(&it.poll, &["yes"]).await.refused(503, "store-unavailable");
        }
        it.is_not_ready().await;
        it.says_once(ASTRAY, what).await;
        // Readers of results are served all the same.
        it.client().results(&it.poll).await;
    }
}

async fn a_replica_that_nobody_votes_on_learns_that_its_file_is_gone() {
    let it = Fixture::start().await;
    fs::remove_file(it.path("sawt.db")).unwrap();
    it.is_not_ready().await;
    it.says_once(ASTRAY, "nobody votes").await;
}

async fn a_file_that_is_moved_back_is_written_again_and_has_every_acknowledged_vote() {
    let mut it = Fixture::start().await;
    let (early, late) = (it.new_voter().await, it.new_voter().await);
    early.vote(&it.poll, &["yes"]).await.is(201);
    move_all(&it.path("sawt.db"), &it.path("away.db"));
    late.vote(&it.poll, &["no"]).await.refused(503, "store-unavailable");
    it.is_not_ready().await;
    move_all(&it.path("away.db"), &it.path("sawt.db"));
    it.is_ready().await;
    let vote = late.vote(&it.poll, &["no"]).await;
    assert!([200, 201].contains(&vote.status), "{vote}");
    it.restart();
    assert_eq!(it.client().results(&it.poll).await["ballots"], 2);
}

async fn a_deleted_file_can_be_copied_from_the_process_that_has_it_open() {
    let mut it = Fixture::start().await;
    it.new_voter().await.vote(&it.poll, &["yes"]).await.is(201);
    for name in ["sawt.db", "sawt.db-wal", "sawt.db-shm"] {
        fs::remove_file(it.path(name)).unwrap();
    }
    it.is_not_ready().await;
    // As deploy/README.md says.
    for descriptor in fs::read_dir(format!("/proc/{}/fd", it.replica.id())).unwrap() {
        let descriptor = descriptor.unwrap().path();
        // A connection may have ended meanwhile.
        let Ok(target) = fs::read_link(&descriptor) else { continue };
        let target = target.display().to_string();
        let name = target.strip_suffix(" (deleted)").and_then(|path| Path::new(path).file_name());
        if let Some(name) = name.filter(|name| *name != "sawt.db-shm") {
            fs::copy(&descriptor, it.path("").join(name)).unwrap();
        }
    }
    it.restart();
    assert_eq!(it.client().results(&it.poll).await["ballots"], 1);
}

/// Overwrites the page a table begins at.
fn spoil(file: &Path, table: &str) {
    let db = rusqlite::Connection::open(file).unwrap();
    let root = db.query_row("select rootpage from sqlite_schema where name = ?1", [table], |row| row.get::<_, u64>(0));
    let size: u64 = db.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    let root = root.unwrap();
    drop(db);
    let file = fs::File::options().write(true).open(file).unwrap();
    file.write_all_at(&vec![0xA5; size.try_into().unwrap()], (root - 1) * size).unwrap();
}

async fn a_damaged_file_is_not_called_absent_and_is_not_written_any_more() {
    let mut it = Fixture::start().await;
    let admin = it.client().with_key(ADMIN_KEY);
    let key = json!({ "site": "default", "scopes": ["polls:read"] });
    let key = text(&admin.post("/v1/keys").json(&key).send().await.is(201)["key"]);
    it.replica.stop();
    spoil(&it.path("sawt.db"), "keys");
    it.replica = Replica::start(&it.settings);
    let voter = it.new_voter().await;
    voter.vote(&it.poll, &["yes"]).await.is(201);
    let publisher = it.client().with_key(&key);
    for _ in 0..2 {
        // The contract documents no 500 of its own: the default answer is that.
        publisher.get("/v1/polls?site=default").undocumented().send().await.refused(500, "internal");
    }
    let vote = voter.post(&format!("/v1/polls/{}/votes", it.poll)).json(&json!({ "choices": ["yes"] }));
    vote.undocumented().send().await.refused(500, "internal");
    it.is_not_ready().await;
    it.says_once("the store's file is damaged:", "damaged").await;
}

async fn a_file_damaged_where_every_start_reads_ends_the_start_and_is_named() {
    let it = Fixture::start().await;
    it.replica.stop();
    spoil(&it.path("sawt.db"), "sites");
    let ended = crate::server::run(&it.settings, &["serve"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("malformed"), "{ended:?}");
}

/// The disk is full, as far as this process is concerned: what it writes may be no longer than it is.
async fn a_full_disk_is_said_to_pass_and_votes_are_counted_once_it_has() {
    // By itself, a process that writes more than it may is ended by the system.
    let start = |settings: &Settings| Replica::start_by(&["env", "--ignore-signal=XFSZ"], settings, &["serve"]);
    let mut it = Fixture::start_with(start).await;
    let voter = it.new_voter().await;
    let limit = |most: &str| {
        let pid = it.replica.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={most}:")]).status();
        assert!(done.expect("prlimit, of util-linux, is there").success());
    };
    limit("4096");
    for _ in 0..2 {
        voter.vote(&it.poll, &["yes"]).await.refused(503, "store-unavailable");
    }
    // It passes by itself: no other replica would fare better.
    it.client().get("/readyz").send().await.is(200);
    limit("unlimited");
    voter.vote(&it.poll, &["yes"]).await.is(201);
    it.restart();
    assert_eq!(it.client().results(&it.poll).await["ballots"], 1);
}

lone_rules![
    a_vote_is_not_acknowledged_that_goes_to_a_file_which_is_not_there_any_more,
    a_replica_that_nobody_votes_on_learns_that_its_file_is_gone,
    a_file_that_is_moved_back_is_written_again_and_has_every_acknowledged_vote,
    a_deleted_file_can_be_copied_from_the_process_that_has_it_open,
    a_damaged_file_is_not_called_absent_and_is_not_written_any_more,
    a_file_damaged_where_every_start_reads_ends_the_start_and_is_named,
    a_full_disk_is_said_to_pass_and_votes_are_counted_once_it_has,
];
