//! Processes that get only a part of a processor, as on a smaller or a busier machine.
//!
//! What counts is the processor's time they have used, not the time that has passed: on a machine that is busy with
//! the load they would otherwise get the less the more there is to do.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How often it is looked up what they have used.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// Processes that run until they have used up their time, stand until they get more, and so on, until this is dropped.
pub(crate) struct Throttle {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    /// Lets these processes, by id, use so much of a processor's time together in every so long, in the mean: the
    /// system tells what they have used some milliseconds late.
    pub(crate) fn on(processes: &[u32], time: Duration, every: Duration) -> Self {
        let processes = processes.to_vec();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let time = time.as_nanos() as i64;
            let (mut used, mut credit) = (used_nanos(&processes), 0);
            while !ends.load(Relaxed) {
                // What was not used is not saved; what was used too much is paid back.
                credit = time.min(credit + time);
                let begun = Instant::now();
                let mut are_running = false;
                while begun.elapsed() < every {
                    if are_running != (credit > 0) {
                        are_running = !are_running;
                        tell(&processes, if are_running { Signal::CONT } else { Signal::STOP });
                    }
                    thread::sleep(if are_running { LOOK_EVERY } else { every.saturating_sub(begun.elapsed()) });
                    let by_now = used_nanos(&processes);
                    // A thread that has ended is counted no more.
                    credit -= (by_now - used).max(0);
                    used = by_now;
                }
                tell(&processes, Signal::STOP);
            }
            tell(&processes, Signal::CONT);
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        // It ends after a turn, and leaves everything running.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn tell(processes: &[u32], signal: Signal) {
    for process in processes.iter().filter_map(|id| Pid::from_raw(id.cast_signed())) {
        // One that has ended takes no signal, and that is soon noticed elsewhere.
        let _ = kill_process(process, signal);
    }
}

/// The processor's time that these processes have used, in seconds.
pub(crate) fn used_secs(processes: &[u32]) -> f64 {
    used_nanos(processes) as f64 / 1e9
}

/// The processor's time that all threads of these processes have used.
fn used_nanos(processes: &[u32]) -> i64 {
    let tasks = processes.iter().filter_map(|id| fs::read_dir(format!("/proc/{id}/task")).ok()).flatten().flatten();
    let used = tasks.filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    used.filter_map(|used| used.split(' ').next()?.parse::<i64>().ok()).sum()
}
