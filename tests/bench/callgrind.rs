//! Programs run under valgrind's `callgrind`, which counts the instructions they execute in user space. That count is
//! the same within 2% on any machine and beside any load, and so can be held to a figure where no time could.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::process::Process;

/// Without this, glibc clears and copies by `rep stosb` and `rep movsb`, and each byte counts as an instruction.
pub(crate) const ENVIRONMENT: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.cpu.x86_rep_stosb_threshold=1000000000:glibc.cpu.x86_rep_movsb_threshold=1000000000");

/// What callgrind calls the files it writes, with a number after it.
const DUMP: &str = "callgrind.out";

/// How long a program is looked at that has nothing to do.
const AT_REST: Duration = Duration::from_secs(4);

/// Where a program's counts are written, a file for each that was named.
pub(crate) struct Counts {
    directory: PathBuf,
    /// What the program executes each second without a request.
    per_sec: Cell<f64>,
}

/// A program that is being counted.
pub(crate) struct Watch<'a> {
    counts: &'a Counts,
    process: &'a Process,
    begun: Instant,
}

impl Watch<'_> {
    /// What was executed meanwhile. Where it was is kept as a file of this name.
    pub(crate) fn end(self, name: &str) -> f64 {
        let at_rest = self.counts.per_sec.get() * self.begun.elapsed().as_secs_f64();
        monitor(self.process, "dump");
        self.counts.take(name) - at_rest
    }
}

/// Whether valgrind is there.
pub(crate) fn is_installed() -> bool {
    let mut version = Command::new("valgrind");
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

impl Counts {
    /// Counts into a directory of this name under the build's.
    pub(crate) fn of(name: &str) -> Self {
        let directory = crate::report::target().join("instructions").join(name);
        // What is there is from a run before.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("the build's directory can be written to");
        Self { directory, per_sec: Cell::default() }
    }

    /// The command that runs a program and counts.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", self.directory.join(DUMP).display()));
        command.arg(program).env(ENVIRONMENT.0, ENVIRONMENT.1).stderr(Stdio::null());
        command
    }

    /// Notes what the program executes each second by itself, to take it off from now on.
    pub(crate) fn rest(&self, process: &Process) {
        self.per_sec.set(0.0);
        let executed = self.per_request(process, "at-rest", 1, || thread::sleep(AT_REST));
        self.per_sec.set(executed / AT_REST.as_secs_f64());
    }

    /// What the program executes for each of so many requests.
    pub(crate) fn per_request(&self, process: &Process, name: &str, count: usize, send: impl FnOnce()) -> f64 {
        let watch = self.watch(process);
        send();
        watch.end(name) / count as f64
    }

    /// Counts from now on.
    pub(crate) fn watch<'a>(&'a self, process: &'a Process) -> Watch<'a> {
        monitor(process, "zero");
        Watch { counts: self, process, begun: Instant::now() }
    }

    /// The total of what was dumped.
    fn take(&self, name: &str) -> f64 {
        let mut dumped = fs::read_dir(&self.directory).expect("it was made").flatten().map(|entry| entry.path());
        let is_new = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&format!("{DUMP}.")))
        };
        let dumped = dumped.find(is_new).expect("callgrind writes what it is told to");
        let text = fs::read_to_string(&dumped).expect("it can be read");
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a total is in it");
        fs::rename(dumped, self.directory.join(name)).expect("it can be renamed");
        total.trim().parse().expect("a number")
    }
}

/// Has callgrind do something, and waits until it has.
fn monitor(process: &Process, command: &str) {
    let mut vgdb = Command::new("vgdb");
    vgdb.arg(format!("--pid={}", process.id())).arg(command).stdout(Stdio::null()).stderr(Stdio::null());
    let status = vgdb.status().expect("vgdb comes with valgrind");
    assert!(status.success(), "callgrind does not answer to {command:?}");
}
