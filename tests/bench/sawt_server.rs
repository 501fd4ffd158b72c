//! The real program, with its log on as it is by default.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sawt::http_client::{Request, Url};

use crate::{
    process::{Process, free_port, wait_for},
    voters::{TOKEN, Voters},
};

/// What its voter tokens are signed with.
pub(crate) const SECRET: &str = "the-secret-of-a-measurement-0123456789abcdef";
/// The operator's key.
pub(crate) const ADMIN_KEY: &str = "the-admin-key-of-a-measurement";

/// The sawt that was built with this program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_sawt");

/// The poll that is voted on.
const POLL: &str = r#"{"question": "هل تتوقع حل مجلس الأمة ؟", "language": "ar",
    "options": [{"id": "yes", "label": "نعم"}, {"id": "no", "label": "لا"}]}"#;

/// The vote of everybody.
pub(crate) const VOTE: &str = r#"{"choices":["yes"]}"#;

/// A running replica.
pub(crate) struct Sawt {
    /// The process.
    pub(crate) process: Process,
    /// Where it serves readers.
    pub(crate) address: SocketAddr,
    /// From its start to its being ready.
    pub(crate) ready_after: Duration,
    ops_address: SocketAddr,
}

impl Sawt {
    /// Starts a replica on a store, in a directory it may write to, and waits until it is ready.
    pub(crate) fn start(store: &str, directory: &Path) -> Self {
        Self::start_by(Command::new(PROGRAM), store, directory, &[])
    }

    /// The same by a command of one's own, with settings of one's own.
    pub(crate) fn start_by(mut command: Command, store: &str, directory: &Path, settings: &[(&str, &str)]) -> Self {
        let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (address, ops_address) = (here(free_port()), here(free_port()));
        command.arg("serve").env_clear().current_dir(directory);
        command.env("SAWT_STORE", store).env("SAWT_SECRET", SECRET).env("SAWT_ADMIN_KEY", ADMIN_KEY);
        command.env("SAWT_LISTEN", address.to_string()).env("SAWT_OPS_LISTEN", ops_address.to_string());
        // Quotas are counted and refuse nobody: everything here comes from one address.
        for quota in ["VOTE", "BALLOT", "MINT", "CLIENT", "READ", "ADMIN"] {
            command.env(format!("SAWT_QUOTA_{quota}"), "1000000/1s");
        }
        // The load speaks for a million clients, so that quotas are counted and none is used up.
        command.env("SAWT_TRUSTED_PROXIES", "127.0.0.0/8");
        // Every line is made and written; that a disk is slow today is none of its business.
        command.env("SAWT_DRAIN_SECS", "0").stdout(Stdio::null()).stderr(Stdio::null());
        command.envs(settings.iter().copied());
        let begun = Instant::now();
        let mut process = Process::start(&mut command).expect("sawt can be started");
        let ready = Url::of(address, "/readyz");
        wait_for("sawt to be ready", || {
            assert!(!process.has_ended(), "sawt ended instead of becoming ready");
            ask("GET", &ready, None, None).ok().filter(|(status, _)| *status == 200)
        });
        Self { process, address, ready_after: begun.elapsed(), ops_address }
    }

    /// Makes a poll, and gives its path. What a load before has left waiting goes first.
    pub(crate) fn make_poll(&self) -> String {
        self.make_poll_of(POLL)
    }

    /// The same of a poll that is asked for so.
    pub(crate) fn make_poll_of(&self, poll: &str) -> String {
        let key = format!("Bearer {ADMIN_KEY}");
        let body = wait_for("a poll to be made", || {
            let url = Url::of(self.address, "/v1/polls");
            let (status, body) = ask("POST", &url, Some(&key), Some(poll)).expect("sawt answers");
            assert!(matches!(status, 201 | 503), "{body}");
            (status == 201).then_some(body)
        });
        let poll: serde_json::Value = serde_json::from_str(&body).expect("a poll is JSON");
        format!("/v1/polls/{}", poll["id"].as_str().expect("a poll has an id"))
    }

    /// Puts what a publisher would.
    pub(crate) fn put(&self, path: &str, json: &str) {
        let (key, url) = (format!("Bearer {ADMIN_KEY}"), Url::of(self.address, path));
        let (status, body) = ask("PUT", &url, Some(&key), Some(json)).expect("sawt answers");
        assert!(matches!(status, 200 | 201), "{body}");
    }

    /// Closes a poll.
    pub(crate) fn close_poll(&self, poll: &str) {
        let (key, url) = (format!("Bearer {ADMIN_KEY}"), Url::of(self.address, &format!("{poll}/close")));
        let (status, body) = ask("POST", &url, Some(&key), None).expect("sawt answers");
        assert_eq!(status, 200, "{body}");
    }

    /// Holds the ballots whose page left no mark, from now on.
    pub(crate) fn hold_unmarked(&self, poll: &str) {
        let (key, url) =
            (format!("Bearer {ADMIN_KEY}"), Url::of(self.address, &format!("{poll}/integrity/labels/no-mark")));
        let decision = r#"{"decision":"held","reason":"for the measurement"}"#;
        let (status, body) = ask("POST", &url, Some(&key), Some(decision)).expect("sawt answers");
        assert_eq!(status, 200, "{body}");
    }

    /// Casts the first voter's vote.
    pub(crate) fn vote(&self, poll: &str, voters: &Voters) {
        let mut token = [0; TOKEN];
        voters.write_token(0, &mut token);
        let voter = format!("Voter {}", std::str::from_utf8(&token).expect("a token is text"));
        let url = Url::of(self.address, &format!("{poll}/votes"));
        let (status, body) = ask("POST", &url, Some(&voter), Some(VOTE)).expect("sawt answers");
        assert_eq!(status, 201, "{body}");
    }

    /// Store calls that carried ballots, and how many they carried in all.
    pub(crate) fn batches(&self) -> (f64, f64) {
        let (_, text) = ask("GET", &Url::of(self.ops_address, "/metrics"), None, None).expect("sawt answers");
        let figure = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
            value.trim().parse().expect("a number")
        };
        (figure("sawt_batch_ballots_count"), figure("sawt_batch_ballots_sum"))
    }
}

/// A poll's ballots and the sum of its options' votes, as a replica says.
pub(crate) fn tally(address: SocketAddr, poll: &str) -> (u64, u64) {
    tally_at(address, &format!("{poll}/results"))
}

/// The same of a tally's own path.
pub(crate) fn tally_at(address: SocketAddr, path: &str) -> (u64, u64) {
    let (status, body) = ask("GET", &Url::of(address, path), None, None).expect("sawt answers");
    assert_eq!(status, 200, "{body}");
    let tally: serde_json::Value = serde_json::from_str(&body).expect("a tally is JSON");
    let votes =
        tally["options"].as_array().expect("there are options").iter().filter_map(|option| option["votes"].as_u64());
    (tally["ballots"].as_u64().expect("ballots are a number"), votes.sum())
}

/// A request, and the status and the body it is answered with.
fn ask(method: &str, url: &Url, authorization: Option<&str>, json: Option<&str>) -> std::io::Result<(u16, String)> {
    let request = Request { method, url, authorization, json };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(request.send(Duration::from_secs(10)))?;
    Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
}
