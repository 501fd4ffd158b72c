//! Processes started for a measurement, and what the system says they use.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a process may take to come up, and a store to get over a fault.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// The unit of the times in `/proc`: `USER_HZ`, which Linux keeps at 100 for all programs on all machines.
const TICKS_PER_SEC: f64 = 100.0;

/// A child process that does not outlive its guard.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it, without an input. Where its output goes is the command's to say.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Self> {
        command.stdin(Stdio::null()).spawn().map(Self)
    }

    /// The child itself, to take its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends it a signal, named as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(status.expect("the kill program runs").success(), "SIG{name} reaches process {}", self.id());
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// The processor's time it and its children have used, in seconds.
    pub(crate) fn cpu_secs(&self) -> f64 {
        cpu_secs_of(self.0.id())
    }

    /// How much of it stands in memory, in MiB.
    pub(crate) fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib / 1024.0
    }
}

impl Process {
    /// How much of memory it and its children take up, in KiB: what they share is counted once.
    pub(crate) fn proportional_kib(&self) -> f64 {
        proportional_kib_of(self.0.id())
    }
}

fn proportional_kib_of(id: u32) -> f64 {
    let Ok(rollup) = fs::read_to_string(format!("/proc/{id}/smaps_rollup")) else { return 0.0 };
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    kib + children.split_whitespace().flat_map(str::parse).map(proportional_kib_of).sum::<f64>()
}

/// How many files this process may have open, and so each it starts.
pub(crate) fn most_open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux tells");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX)
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its end is asked for, so that one with children ends them too; it fails only if it has ended already.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let asked = Instant::now();
        while !self.has_ended() && asked.elapsed() < Duration::from_secs(2) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The processor's time this process has used, in seconds.
pub(crate) fn own_cpu_secs() -> f64 {
    cpu_secs_of(std::process::id())
}

fn cpu_secs_of(id: u32) -> f64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { return 0.0 };
    // The name, in parentheses, may hold anything. After it, the time in user and in system mode are the 12th and 13th.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
    let ticks: f64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap_or(0.0)).sum();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = if id == std::process::id() { "" } else { children.as_str() };
    ticks / TICKS_PER_SEC + children.split_whitespace().flat_map(str::parse).map(cpu_secs_of).sum::<f64>()
}

/// Asks again until there is an answer; for what another process brings about and announces nowhere.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < START_TIMEOUT, "gave up waiting for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
