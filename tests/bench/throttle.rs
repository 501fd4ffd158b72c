//! Processes that get only a part of the processor, as on a smaller or a busier machine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Processes that run for a while, stand for a while, and so on, until this is dropped.
pub(crate) struct Throttle {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    /// Lets these processes, by id, run for so long of every so long.
    pub(crate) fn on(processes: &[u32], run: Duration, of: Duration) -> Self {
        let processes: Vec<Pid> = processes.iter().filter_map(|id| Pid::from_raw(id.cast_signed())).collect();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let tell = |signal| {
                for process in &processes {
                    // One that has ended takes no signal, and that is soon noticed elsewhere.
                    let _ = kill_process(*process, signal);
                }
            };
            while !ends.load(Relaxed) {
                tell(Signal::STOP);
                thread::sleep(of.saturating_sub(run));
                tell(Signal::CONT);
                thread::sleep(run);
            }
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
