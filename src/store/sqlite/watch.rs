//! A thread that checks the file every second, beside the threads that work with it.
//!
//! It checks that the file is at its path, so that a replica without votes notices a loss too, and makes the
//! write-ahead log small again. SQLite folds the log into the file from time to time, and then writes it from its
//! beginning. A reader with a long transaction (a shell, a backup) prevents that; the log grows meanwhile, and keeps
//! its size. This thread cuts it as soon as nobody needs it.

use std::{
    fs,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::condition::{self, Condition};
use crate::{store::StoreError, threads::keep_thread_running};

/// How often it checks.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The largest size of the log: some four times what it grows to when nothing prevents folding.
pub(super) const LOG_LIMIT: u64 = 16 * 1_048_576;

/// A log that is too large in so many checks in a row is logged as a warning.
const WARN_AFTER_CHECKS: u32 = 60;

/// The thread. Dropping it waits until it has closed its connection.
pub(super) struct FileWatch {
    // Dropped to end the thread.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FileWatch {
    /// Watches until dropped. The thread owns the connection.
    pub(super) fn over(db: Connection, condition: Arc<Condition>) -> Result<Self, StoreError> {
        // Writers go first; another check follows.
        db.busy_timeout(Duration::ZERO)?;
        let (stop, stopped) = mpsc::channel();
        let look = move || {
            let mut checks_too_large = 0;
            keep_thread_running("sqlite-watch", || {
                while stopped.recv_timeout(CHECK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                    if condition.look().is_err() {
                        continue;
                    }
                    checks_too_large = if shrink_log(&db, &condition) { 0 } else { checks_too_large + 1 };
                    if checks_too_large == WARN_AFTER_CHECKS {
                        tracing::warn!(
                            file = %condition.log_path().display(),
                            "the store's write-ahead log can't be made small; another process may hold a transaction open"
                        );
                    }
                }
            });
            leave_as_found(&db, &condition);
        };
        let thread = thread::Builder::new().name("sqlite-watch".to_owned()).spawn(look);
        Ok(Self { stop: Some(stop), thread: Some(thread.map_err(StoreError::unavailable)?) })
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panics goes on, so it ends without an error.
            let _ = thread.join();
        }
    }
}

/// Folds a log that is too large into the file, and cuts it. Returns whether it is small.
fn shrink_log(db: &Connection, condition: &Condition) -> bool {
    let length = fs::metadata(condition.log_path()).map_or(0, |log| log.len());
    if length <= LOG_LIMIT {
        return true;
    }
    // The first does the work while others write; little is left for the second.
    let fold = |mode: &str| db.query_row(&format!("pragma wal_checkpoint({mode})"), [], |row| row.get::<_, bool>(0));
    match fold("passive").and_then(|_| fold("truncate")) {
        Ok(is_held) => !is_held,
        Err(error) => {
            if condition::is_damage(&error) {
                condition.note_damage(&error.to_string());
            }
            false
        }
    }
}

/// Before a connection is closed: the last one to close folds the log into the file and deletes the log by its name.
/// That must not happen to files that somebody has put where ours were, or wants to save.
pub(super) fn leave_as_found(db: &Connection, condition: &Condition) {
    if condition.look().is_err() {
        let _ = db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}
