//! The real program: started with settings, watched through its log, stopped by signals.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use serde_json::Value;
use tempfile::TempDir;

use crate::backends::{Process, wait_until};

/// The admin key of every server under test.
pub(crate) const ADMIN_KEY: &str = "canary-admin-key-0123456789abcdefghijklmnop";
/// The secret of every server under test.
pub(crate) const SECRET: &str = "canary-token-secret-0123456789abcdefghijkl";

/// What a replica is started with: `SAWT_*` variables, and nothing else of this environment.
#[derive(Debug, Clone)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// A server on this store, with the admin key and the secret above, on free ports, logging JSON. Asked to stop, it
    /// begins at once: no load balancer has to notice first. Quotas are off: all trials come from one address. Probes
    /// are logged too, since trials ask by them what else was asked.
    pub(crate) fn on(store: &str) -> Self {
        let quotas = ["VOTE", "BALLOT", "MINT", "CLIENT", "READ", "ADMIN"];
        let bare = quotas.iter().fold(Self::bare(), |bare, name| bare.with(&format!("SAWT_QUOTA_{name}"), "off"));
        bare.with("SAWT_STORE", store)
            .with("SAWT_ADMIN_KEY", ADMIN_KEY)
            .with("SAWT_SECRET", SECRET)
            .with("SAWT_DRAIN_SECS", "0")
            .with("SAWT_LOG", "info,sawt::request=debug,actix_server=warn,actix_http::h1=off")
    }

    /// Free ports and a JSON log, and everything else as it is by default.
    pub(crate) fn bare() -> Self {
        Self(BTreeMap::new())
            .with("SAWT_LISTEN", "127.0.0.1:0")
            .with("SAWT_OPS_LISTEN", "127.0.0.1:0")
            .with("SAWT_LOG_FORMAT", "json")
    }

    /// These settings with one set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// These settings with one left out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }
}

/// One running sawt. Killed when dropped; its log lives on in [`logs`].
pub(crate) struct Replica {
    process: Mutex<Process>,
    address: SocketAddr,
    ops_address: SocketAddr,
    log: Arc<Log>,
    printed: Arc<Log>,
    /// Where it runs, so that it finds no settings file and leaves nothing behind.
    _directory: TempDir,
}

impl Replica {
    /// Starts `sawt serve` and waits until it is ready.
    pub(crate) fn start(settings: &Settings) -> Self {
        Self::start_command(settings, &["serve"])
    }

    /// Starts this command, which serves, and waits until it is ready.
    pub(crate) fn start_command(settings: &Settings, arguments: &[&str]) -> Self {
        Self::start_by(&[], settings, arguments)
    }

    /// The same by a program that turns into sawt.
    pub(crate) fn start_by(program: &[&str], settings: &Settings, arguments: &[&str]) -> Self {
        let replica = Self::listen(program, settings, arguments);
        wait_until("a replica is ready", || {
            assert!(!replica.has_exited(), "sawt ended instead of becoming ready:\n{}", replica.log.text());
            (replica.status_of("/readyz") == Some(200)).then_some(())
        });
        replica
    }

    /// Starts `sawt serve` and waits until it listens.
    pub(crate) fn start_unready(settings: &Settings) -> Self {
        Self::listen(&[], settings, &["serve"])
    }

    fn listen(program: &[&str], settings: &Settings, arguments: &[&str]) -> Self {
        let (mut process, directory) = spawn(program, settings, arguments);
        let log = Log::of_errors(&mut process);
        let printed = Log::of(process.child().stdout.take().expect("standard output is a pipe"));
        let listening = log
            .wait_for_line(|line| line.contains("listening"))
            .unwrap_or_else(|| panic!("sawt ended instead of listening:\n{}", log.text()));
        let address = |field: &str| address_in(&listening, field).unwrap_or_else(|| panic!("no {field}: {listening}"));
        Self {
            address: address("address"),
            ops_address: address("ops_address"),
            process: Mutex::new(process),
            log,
            printed,
            _directory: directory,
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process().id()
    }

    /// Where readers and publishers reach it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Everything it has printed and logged, once it has ended.
    pub(crate) fn output(&self) -> String {
        self.printed.whole() + "\n" + &self.log.whole()
    }

    /// What it has printed, as soon as there is such a line.
    pub(crate) fn printed(&self, is_it: impl Fn(&str) -> bool) -> String {
        wait_until("it is printed", || {
            let lines = self.printed.lines();
            lines.iter().any(|line| is_it(line)).then(|| lines.join("\n"))
        })
    }

    /// Sends it a signal, named as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        self.process().signal(name);
    }

    /// Stops every instruction of it (SIGSTOP): it is connected, and silent.
    pub(crate) fn freeze(&self) -> Frozen<'_> {
        self.signal("STOP");
        Frozen(self)
    }

    /// Whether it has ended.
    pub(crate) fn has_exited(&self) -> bool {
        self.process().has_exited()
    }

    /// Waits for its end.
    pub(crate) fn wait(&self) -> ExitStatus {
        self.process().wait()
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    pub(crate) fn stop(&self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// The most memory it has had so far, in KiB; about, so that it may be less a little later.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process().id())).expect("a status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Whether it takes connections.
    pub(crate) fn is_listening(&self) -> bool {
        TcpStream::connect(self.address).is_ok()
    }

    /// What it tells its operator under this path: head and body.
    pub(crate) fn told_to_operators(&self, path: &str) -> String {
        get(self.ops_address, path).expect("an answer")
    }

    /// The same for who likes to have it in this form.
    pub(crate) fn told_to_operators_as(&self, path: &str, accept: &str) -> String {
        get_as(self.ops_address, path, accept).expect("an answer")
    }

    fn status_of(&self, path: &str) -> Option<u16> {
        get(self.address, path)?.split(' ').nth(1)?.parse().ok()
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock()
    }
}

/// A replica that does nothing, until this is dropped: a trial that fails meanwhile leaves none like that to others.
pub(crate) struct Frozen<'a>(&'a Replica);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.signal("CONT");
    }
}

/// The address under this name in a log line of either format.
fn address_in(line: &str, field: &str) -> Option<SocketAddr> {
    match serde_json::from_str::<Value>(line) {
        Ok(line) => line[field].as_str()?.parse().ok(),
        Err(_) => line.split_once(&format!(" {field}="))?.1.split(' ').next()?.trim_matches('"').parse().ok(),
    }
}

/// A whole answer; `None` if there is none.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    get_as(address, path, "*/*")
}

fn get_as(address: SocketAddr, path: &str, accept: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: sawt\r\nAccept: {accept}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A run of sawt that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it said on standard error.
    pub(crate) stderr: String,
}

/// Runs a command of sawt that ends by itself.
pub(crate) fn run(settings: &Settings, arguments: &[&str]) -> Ended {
    let (mut process, _directory) = spawn(&[], settings, arguments);
    let stderr = Log::of_errors(&mut process);
    let stdout = Log::of(process.child().stdout.take().expect("standard output is a pipe"));
    let code = process.wait().code();
    Ended { code, stdout: stdout.whole(), stderr: stderr.whole() }
}

fn spawn(program: &[&str], settings: &Settings, arguments: &[&str]) -> (Process, TempDir) {
    let directory = TempDir::new().expect("a temporary directory can be made");
    let mut words = program.iter().copied().chain([env!("CARGO_BIN_EXE_sawt")]);
    let mut command = Command::new(words.next().expect("there is one"));
    command.args(words).args(arguments).env_clear().envs(&settings.0).current_dir(directory.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    (Process::spawn(&mut command).expect("sawt can be started"), directory)
}

/// The lines a process has written so far.
pub(crate) struct Log {
    lines: Mutex<Lines>,
    grown: Condvar,
}

#[derive(Default)]
struct Lines {
    written: Vec<String>,
    is_complete: bool,
}

static LOGS: Mutex<Vec<Arc<Log>>> = Mutex::new(Vec::new());

/// Everything any sawt has logged in this run. What it prints is no log: an admin key is shown there, once.
pub(crate) fn logs() -> Vec<Arc<Log>> {
    LOGS.lock().clone()
}

impl Log {
    /// Reads a pipe to its end, on a thread of its own.
    fn of(pipe: impl Read + Send + 'static) -> Arc<Self> {
        let log = Arc::new(Self { lines: Mutex::default(), grown: Condvar::new() });
        let writer = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                writer.lines.lock().written.push(String::from_utf8_lossy(&line).into_owned());
                writer.grown.notify_all();
            }
            writer.lines.lock().is_complete = true;
            writer.grown.notify_all();
        });
        log
    }

    /// A process's log, kept for [`logs`].
    fn of_errors(process: &mut Process) -> Arc<Self> {
        let log = Self::of(process.child().stderr.take().expect("standard error is a pipe"));
        LOGS.lock().push(log.clone());
        log
    }

    /// The first line that is JSON of this kind, as soon as it is written; `None` if the process ends without it.
    /// Blocks: a trial whose own tasks must go on meanwhile calls it on another thread.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
        let parse = |line: &str| serde_json::from_str(line).ok();
        self.wait_for_line(|line| parse(line).is_some_and(|line| is_it(&line))).and_then(|line| parse(&line))
    }

    /// The first line of this kind, in the same way.
    pub(crate) fn wait_for_line(&self, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let mut read = 0;
        let mut lines = self.lines.lock();
        loop {
            let new = lines.written.get(read..).unwrap_or_default();
            if let Some(line) = new.iter().find(|line| is_it(line)) {
                return Some(line.clone());
            }
            read = lines.written.len();
            if lines.is_complete {
                return None;
            }
            let line_timeout = Duration::from_mins(1);
            let waited = self.grown.wait_for(&mut lines, line_timeout);
            assert!(!waited.timed_out(), "gave up waiting for a line in the log:\n{}", lines.written.join("\n"));
        }
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().written.clone()
    }

    /// The lines so far, as one text.
    pub(crate) fn text(&self) -> String {
        self.lines.lock().written.join("\n")
    }

    /// Everything, once the process has closed its end.
    fn whole(&self) -> String {
        let mut lines = self.lines.lock();
        while !lines.is_complete {
            self.grown.wait(&mut lines);
        }
        lines.written.join("\n")
    }
}
