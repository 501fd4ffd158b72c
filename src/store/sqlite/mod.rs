//! The embedded store: one SQLite file.
//!
//! **One thread writes.** SQLite has one writer at a time, so tasks queue for it instead of competing for its lock. It
//! takes all that wait, runs them in one transaction, commits, and only then answers them: all tasks that arrived
//! meanwhile share one wait for the disk, and an answer means that the disk has the data (`synchronous=FULL`). See
//! `threads.rs`.
//!
//! **A few threads read**, each on a read-only connection of its own. In WAL mode a reader sees the last commit and
//! never waits for the writer. The one read that may have to write is a tally past its poll's `closes_at`: closed is
//! final only once it is on record, so that tally is read by the writer, which marks the poll closed first.
//!
//! **Decisions are made inside the transaction**, from columns (`revision`, `phase`, `opens_at`, …) beside the poll's
//! JSON. Nothing is cached between transactions: a second process may share the file, and SQLite's own locks then keep
//! what is promised of polls and ballots. Leases and shared quotas are each process's own (`leases.rs`, `quotas.rs`):
//! of two replicas on one file each would deliver webhooks and write transparency logs, and admit the whole quota.
//!
//! **The file is watched.** A file that was deleted, replaced or damaged under the process is not written any more, and
//! no ballot is answered as counted that is not in it (`condition.rs`). A write-ahead log that has grown large is made
//! small again (`watch.rs`).
//!
//! Deleting a poll deletes its ballots in the same transaction; a million of them block the writer for about half a
//! second.

mod answers;
mod articles;
mod ballots;
mod condition;
mod events;
mod file;
mod head;
mod labels;
mod leases;
mod minutes;
mod places;
mod polls;
mod publishers;
mod quotas;
mod sessions;
mod tallies;
mod templates;
mod threads;
mod transparency_logs;
mod views;
mod watch;
mod webhooks;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use rusqlite::Connection;

use self::{
    condition::Condition, file::DatabaseFile, leases::SiteLeases, quotas::QuotaTable, threads::Threads,
    watch::FileWatch,
};
use super::{ClockWatch, Publishers as _, Store, StoreError};
use crate::{
    clock::Clock,
    poll::{SiteId, Times, Timestamp},
    secret::Secret,
};

/// How many threads read. Reads take microseconds from the page cache; a few threads keep one slow read (a long list)
/// from delaying the rest.
const READERS: usize = 3;

/// The embedded store. Dropping it waits until its threads have finished what is queued and closed the file; work whose
/// caller is gone is not begun.
pub struct SqliteStore {
    file: DatabaseFile,
    partitions: u16,
    clocks: Arc<ClockWatch>,
    quotas: QuotaTable,
    webhook_leases: Arc<SiteLeases>,
    log_leases: Arc<SiteLeases>,
    condition: Arc<Condition>,
    // Fields are dropped in this order; the last connection to close folds the log into the file, and must be a writer.
    _watch: FileWatch,
    readers: Threads,
    writer: Threads,
}

impl SqliteStore {
    /// Opens the file, or makes it (mode 0600). New polls get `partitions` partitions, at least one; `clock` is the
    /// store's clock. Blocks, so call it before requests are served.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] if the file can't be opened, belongs to another program or was written by a newer sawt;
    /// [`StoreError::Unavailable`] if another process holds it locked.
    pub fn open(path: &Path, partitions: u16, clock: Clock) -> Result<Self, StoreError> {
        let file = DatabaseFile::open(path)?;
        let writer = file.writer()?;
        let condition = Arc::new(file.condition()?);
        let writer = Threads::writing(writer, Arc::clone(&condition))?;
        let readers = (0..READERS).map(|_| file.reader()).collect::<Result<_, _>>()?;
        let readers = Threads::reading(readers, &condition)?;
        let watch = FileWatch::over(file.writer()?, Arc::clone(&condition))?;
        let (clocks, quotas) = (Arc::new(ClockWatch::new(clock)), QuotaTable::default());
        let (partitions, webhook_leases, log_leases) = (partitions.max(1), Arc::default(), Arc::default());
        Ok(Self {
            file,
            partitions,
            clocks,
            quotas,
            webhook_leases,
            log_leases,
            condition,
            _watch: watch,
            readers,
            writer,
        })
    }

    /// What is kept under a name. Blocks, so call it before requests are served.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        self.file.secret(name)
    }

    /// What is kept under a name, made if it is missing, and whether it was made. Blocks, so call it before requests
    /// are served.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn kept_secret(&self, name: &str, make: impl FnOnce() -> Secret) -> Result<(Secret, bool), StoreError> {
        self.file.kept_secret(name, make)
    }

    async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, Times) -> Result<T, StoreError> + Send + 'static,
    {
        // Reads the time when the work begins: a ballot that waited in the queue past `closes_at` came too late.
        let clocks = Arc::clone(&self.clocks);
        self.writer.ask(move |db| work(db, times(&clocks))).await
    }

    async fn read<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, Times) -> Result<T, StoreError> + Send + 'static,
    {
        let clocks = Arc::clone(&self.clocks);
        self.readers.ask(move |db| work(db, times(&clocks))).await
    }

    /// What is known of the system's clock.
    pub(super) fn clocks(&self) -> &Arc<ClockWatch> {
        &self.clocks
    }
}

/// Whether there is such a site.
fn has_site(db: &Connection, id: &SiteId) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("select 1 from sites where id = ?1")?.exists([id.as_str()])?)
}

fn times(clocks: &ClockWatch) -> Times {
    let times = clocks.own().times();
    clocks.note(times.ahead_millis());
    times
}

#[async_trait]
impl Store for SqliteStore {
    async fn contact(&self) -> Result<(), StoreError> {
        match self.site(&SiteId::default()).await? {
            Some(_) => Ok(()),
            None => self.write(|db, times| publishers::prepare(db, times.store)).await,
        }
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clocks.own().now())
    }

    fn needs_mending(&self) -> bool {
        !self.condition.is_sound()
    }
}

impl From<rusqlite::Error> for StoreError {
    /// A row that we never wrote is corrupt. All else (a full disk, a lock, an I/O error) may pass, and asking again is
    /// safe.
    fn from(error: rusqlite::Error) -> Self {
        let is_unexpected = matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
                | rusqlite::Error::InvalidColumnType(..)
        );
        if condition::is_damage(&error) {
            Self::Damaged(error.to_string())
        } else if is_unexpected {
            Self::Corrupt(error.to_string())
        } else {
            Self::unavailable(error)
        }
    }
}
