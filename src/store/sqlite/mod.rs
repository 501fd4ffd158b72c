//! The embedded store: one SQLite file.
//!
//! **One thread writes.** SQLite has one writer at a time whatever one does, so tasks queue for it in order instead of
//! fighting over its lock. It takes all that wait, runs them in one transaction, commits, and only then answers any of
//! them: one wait for the disk is shared by everything that arrived during the last one, and an answer means that the
//! disk has it (`synchronous=FULL`). See `threads.rs`.
//!
//! **A few threads read**, each on a read-only connection of its own. In WAL mode a reader sees the last commit and
//! never waits for the writer. The one read that may have to write is a tally past its poll's `closes_at`: closed is
//! final only once it is on record, so that tally is read by the writer, which marks the poll closed first.
//!
//! **Decisions are made inside the transaction**, from columns (`revision`, `phase`, `opens_at`, …) that stand beside
//! the poll's JSON. Nothing is cached between transactions: the file may be shared with a second process, and SQLite's
//! own locks keep every promise then too.
//!
//! **The file is watched.** One that was deleted, replaced or damaged under the process is not written any more, and
//! nobody is told that a ballot was counted which is not in it (`condition.rs`); and a write-ahead log that has grown
//! large is made small again (`watch.rs`).
//!
//! Deleting a poll deletes its ballots in the same transaction; a million of them hold the writer up for about
//! half a second.

mod ballots;
mod condition;
mod file;
mod minutes;
mod polls;
mod quotas;
mod sites;
mod tallies;
mod threads;
mod watch;

use std::{ops::Range, path::Path, sync::Arc};

use async_trait::async_trait;
use rusqlite::Connection;

use self::{condition::Condition, file::File, quotas::Quotas, tallies::Reading, threads::Threads, watch::Watch};
use super::{Cast, ClockWatch, Creation, IdempotencyKey, Lease, Leased, Minutes, Replacement, Store, StoreError};
use crate::{
    clock::Clock,
    poll::{
        Ballot, Choices, Edit, Minute, PartitionTally, Poll, PollId, Position, SiteId, Times, Timestamp, VoterDigest,
    },
    secret::Secret,
    site::{ApiKey, KeyId, Origin, Site},
};

/// How many threads read. Reads take microseconds from the page cache; a few threads keep one slow one (a long list)
/// from holding up the rest.
const READERS: usize = 3;

/// The embedded store. Dropping it waits until its threads have finished what is queued and closed the file; what
/// nobody waits for any more is not begun.
pub struct SqliteStore {
    file: File,
    partitions: u16,
    clocks: Arc<ClockWatch>,
    quotas: Quotas,
    condition: Arc<Condition>,
    // Fields are dropped in this order, and the last to close folds the log into the file, which takes a writer.
    _watch: Watch,
    readers: Threads,
    writer: Threads,
}

impl SqliteStore {
    /// Opens the file, or makes it (mode 0600). New polls get so many partitions, at least one; `clock` is the store's
    /// clock. Blocks, so call it before requests are served.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] if the file can't be opened, belongs to another program or was written by a newer sawt;
    /// [`StoreError::Unavailable`] if another process holds it locked.
    pub fn open(path: &Path, partitions: u16, clock: Clock) -> Result<Self, StoreError> {
        let file = File::open(path)?;
        let writer = file.writer()?;
        let condition = Arc::new(file.condition()?);
        let writer = Threads::writing(writer, Arc::clone(&condition))?;
        let readers = (0..READERS).map(|_| file.reader()).collect::<Result<_, _>>()?;
        let readers = Threads::reading(readers, &condition)?;
        let watch = Watch::over(file.writer()?, Arc::clone(&condition))?;
        let (clocks, quotas) = (Arc::new(ClockWatch::new(clock)), Quotas::default());
        Ok(Self { partitions: partitions.max(1), clocks, quotas, condition, _watch: watch, writer, readers, file })
    }

    /// What is kept under a name, if anything. Blocks, so call it before requests are served.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        self.file.secret(name)
    }

    /// What is kept under a name, made and kept if it is not there yet, and whether it was made. Blocks, so call it
    /// before requests are served.
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
        // The time is read when the work's turn has come: what waited in the queue past `closes_at` came too late.
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

    /// What is seen of the system's clock.
    pub(super) fn clocks(&self) -> &Arc<ClockWatch> {
        &self.clocks
    }
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
            None => self.write(|db, times| sites::prepare(db, times.store)).await,
        }
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clocks.own().now())
    }

    fn needs_mending(&self) -> bool {
        !self.condition.is_sound()
    }

    fn partitions(&self) -> u16 {
        self.partitions
    }

    async fn put_site(&self, id: &SiteId, origins: Vec<Origin>) -> Result<(Site, bool), StoreError> {
        let id = id.clone();
        self.write(move |db, times| sites::put(db, times.store, &id, origins)).await
    }

    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let id = id.clone();
        self.read(move |db, _| sites::get(db, &id)).await
    }

    async fn add_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |db, _| sites::add_key(db, &key)).await
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        let id = id.clone();
        self.read(move |db, _| sites::key(db, &id)).await
    }

    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError> {
        let site = site.clone();
        self.read(move |db, _| sites::keys(db, &site)).await
    }

    async fn revoke_key(&self, id: &KeyId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |db, _| sites::revoke_key(db, &id)).await
    }

    async fn create_poll(&self, poll: &Poll, idempotency: Option<&IdempotencyKey>) -> Result<Creation, StoreError> {
        let (poll, idempotency) = (poll.clone(), idempotency.cloned());
        self.write(move |db, times| polls::create(db, times.store, poll, idempotency.as_ref())).await
    }

    async fn made_before(&self, site: &SiteId, idempotency: &IdempotencyKey) -> Result<Option<Poll>, StoreError> {
        let (site, idempotency) = (site.clone(), idempotency.clone());
        self.read(move |db, times| polls::made_before(db, times.store, &site, &idempotency)).await
    }

    async fn poll(&self, id: PollId) -> Result<Option<Poll>, StoreError> {
        self.read(move |db, _| polls::get(db, id)).await
    }

    async fn polls(&self, site: &SiteId, before: Option<PollId>, limit: usize) -> Result<Vec<Poll>, StoreError> {
        let site = site.clone();
        self.read(move |db, _| polls::list(db, &site, before, limit)).await
    }

    async fn replace_poll(&self, edit: &Edit) -> Result<Replacement, StoreError> {
        let edit = edit.clone();
        self.write(move |db, times| polls::replace(db, times, edit)).await
    }

    async fn owner(&self, id: PollId) -> Result<Option<SiteId>, StoreError> {
        Ok(self.poll(id).await?.map(|poll| poll.site))
    }

    async fn delete_poll(&self, id: PollId) -> Result<bool, StoreError> {
        self.write(move |db, _| polls::delete(db, id)).await
    }

    async fn cast(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<Cast, StoreError> {
        let (id, revision, ballots) = (poll.id, poll.revision, ballots.to_vec());
        self.write(move |db, times| ballots::cast(db, times, id, revision, partition, &ballots)).await
    }

    /// Nothing: a B-tree keeps itself in shape, so [`super::Committed::upkeep_due`] is never set here.
    async fn upkeep(&self, _poll: &Poll, _partition: u16) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Choices>, StoreError> {
        let id = poll.id;
        self.read(move |db, _| ballots::get(db, id, voter)).await
    }

    async fn tally(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError> {
        let id = poll.id;
        match self.read(move |db, times| tallies::read(db, times, id)).await? {
            Reading::Read(partitions) => Ok(partitions),
            Reading::CloseFirst => match self.write(move |db, times| tallies::close_and_read(db, times, id)).await {
                // A file that takes no writes is read as it is.
                Err(StoreError::Unavailable(_)) => {
                    self.read(move |db, times| tallies::read_as_it_is(db, times, id)).await
                }
                answer => answer,
            },
        }
    }

    async fn raise_epoch(&self, poll: &Poll, partition: u16, seen: Position) -> Result<bool, StoreError> {
        let id = poll.id;
        self.write(move |db, _| tallies::raise(db, id, partition, seen)).await
    }

    async fn minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError> {
        let (id, most) = (poll.id, Minutes::most(poll));
        self.read(move |db, _| minutes::read(db, id, &range, most)).await
    }

    async fn take_quota(&self, lease: &Lease) -> Result<Leased, StoreError> {
        Ok(self.quotas.take(lease, self.clocks.own().now()))
    }
}

impl From<rusqlite::Error> for StoreError {
    /// A row that holds what we never wrote is corrupt. All else (a full disk, a lock, an I/O error) may pass, and
    /// asking again is safe.
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
