//! Threads that go on after a panic.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// The pause after a panic.
const REST: Duration = Duration::from_millis(100);

/// A panic's message, after a subject: "has panicked: …".
pub fn panicked(payload: &(dyn Any + Send)) -> String {
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("has panicked: {}", words.unwrap_or("without words"))
}

/// Runs a thread's work until it returns, and again after every panic, which is logged.
pub fn keep_thread_running(name: &'static str, mut work: impl FnMut()) {
    // The work's data is whole after each turn, and a turn that panicked answers nobody.
    while let Err(payload) = catch_unwind(AssertUnwindSafe(&mut work)) {
        tracing::error!(thread = name, "the thread {name} {}; it goes on", panicked(&*payload));
        std::thread::sleep(REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_goes_on() {
        let mut turns = 0;
        keep_thread_running("test", || {
            turns += 1;
            assert!(turns == 2, "on purpose");
        });
        assert_eq!(turns, 2);
    }
}
