//! Where polls, ballots and tallies are kept: the [`Store`] contract, and the stores that keep it.
//!
//! This rustdoc is the specification. One conformance suite (`tests/it/store/`) runs every rule below on every store,
//! and a property test drives random histories at all of them and at a plain in-memory model, and wants identical
//! answers.
//!
//! # What every store promises
//!
//! 1. **One ballot per voter and poll.** [`Store::cast`] claims, counts and advances the version in one atomic step.
//!    At every instant, in every partition, `ballots` is the number of voters on record, and in a `single` poll the
//!    votes of all options add up to it.
//! 2. **The store decides.** Whether the poll is open, by the store's own clock; whether the voter has a ballot;
//!    whether it may change: all inside that step. The caller says which [`Revision`] of the
//!    poll it knows; if that is not the one in force, the answer is [`Cast::Stale`] and nothing was done.
//! 3. **Every call may be made twice.** A lost answer is repeated by asking again: `Counted` and `Changed` turn into
//!    `Repeated`, `Withdrawn` into `NoBallot`, and nothing else changes.
//! 4. **Closed is final.** Once [`Store::replace_poll`] has answered with a closed poll, or a tally was read as closed,
//!    no ballot changes that tally again, whatever a replica believes and wherever the clock goes.
//!
//!    A clock that jumps would close polls that are due later, for good. So two clocks are asked: the store's, which
//!    decides, and another: on Redis that of the replica that asks, in the embedded store the system's monotonic clock
//!    ([`Clock::times`](crate::clock::Clock::times)). While they are more than five seconds apart, a poll has closed once
//!    both say so, and a ballot in a poll that is open by one of them alone is [`Outcome::Undecided`], an edit of it
//!    unavailable.
//!
//!    Reading needs no write. That a poll has closed by the clock is put on record by whoever finds it first; but a store
//!    that takes no writes now shows it as closed all the same. Should the store's clock then be set back before that
//!    could be put on record, the second clock keeps the rule: ballots are undecided, not counted.
//! 5. **Unknown is not failed.** [`StoreError::Unavailable`] says that no answer came in time. What was asked may or
//!    may not have been done, and may be asked again.
//! 6. **A quota is taken from in one step.** [`Store::take_quota`] takes all the tokens it is asked for or none, on the
//!    store's own clock, however many replicas ask at once: in any span of time a key's grants are at most the quota's
//!    limit and what comes back in that span. Who waits as long as a refusal says, while nobody else takes any, is
//!    granted the same, and a moment earlier is not. It is the one call of which a second copy is not free: it takes
//!    again, which errs towards too few.
//! 7. **Acknowledged is kept** as far as the store itself keeps it: SQLite answers after the disk has it
//!    (`synchronous=FULL`); Redis as its `appendfsync` says. Quotas are not: a store that loses them gives them anew.
//! 8. **Every minute is accounted for.** What moves a tally is recorded in the same step under the minute of the store's
//!    clock, so all of [`Store::minutes`] together add up to the tally, whatever was changed or withdrawn. A minute that
//!    is over does not change any more. A poll that is reshaped begins anew.
//! 9. **What is told later is later.** A partition's [`Position`] only grows as long as the store keeps what it was
//!    told. If it did not, whoever has seen more has the partition raised to the next epoch, by [`Store::raise_epoch`],
//!    before they believe it: so positions only grow whatever the store has lost.

mod bounded;
mod clock_watch;
mod feed;
mod open;
mod quota;
mod record;
pub mod redis;
pub mod sqlite;

use std::ops::Range;

use async_trait::async_trait;

pub use bounded::{BACKLOG, Bounded, MOST_READS, MOST_WRITES};
pub use clock_watch::ClockWatch;
pub use feed::{Feed, Follow, Heard, News, Tallies};
pub use open::{StoreAddress, StoreSettings, Stores};
pub use quota::{Lease, LeaseKey, Leased};

use crate::{
    poll::{
        Ballot, Change, Choices, Edit, Minute, Outcome, PartitionTally, Poll, PollId, Position, Revision, SiteId,
        Timestamp, VoterDigest,
    },
    secret::KeyHash,
    site::{ApiKey, KeyId, Origin, Site},
};

/// The contract. See the module for what holds for all of it.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes contact: reaches the store, checks that it can be relied on, and prepares it (the `default` site). Writes
    /// nothing in one that is prepared. Nothing but [`Store::now`] is called before this has succeeded once.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] if the store can be reached and must not be used as it is configured.
    async fn contact(&self) -> Result<(), StoreError>;

    /// The store's clock. All times a poll holds are read from it.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Whether the store takes no votes until somebody has mended it, as far as is known. Asks nobody; what is wrong was
    /// logged when it was found.
    fn needs_mending(&self) -> bool {
        false
    }

    /// How many partitions a new poll gets.
    fn partitions(&self) -> u16;

    /// Puts a site: makes it, or replaces its origins. Says whether it was made.
    async fn put_site(&self, id: &SiteId, origins: Vec<Origin>) -> Result<(Site, bool), StoreError>;

    /// One site.
    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError>;

    /// Keeps a key. Its site must exist; the caller has checked.
    async fn add_key(&self, key: &ApiKey) -> Result<(), StoreError>;

    /// One key, unless it was revoked. Never cached: a revoked key is refused at once.
    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// A site's keys, oldest first.
    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError>;

    /// Forgets a key. Says whether there was one.
    async fn revoke_key(&self, id: &KeyId) -> Result<bool, StoreError>;

    /// Keeps a new poll. With an [`IdempotencyKey`] that its site has used within [`IDEMPOTENCY_SECS`], makes no
    /// second one.
    async fn create_poll(&self, poll: &Poll, idempotency: Option<&IdempotencyKey>) -> Result<Creation, StoreError>;

    /// The poll that this site has made with this key and request before, if it is kept.
    async fn made_before(&self, site: &SiteId, idempotency: &IdempotencyKey) -> Result<Option<Poll>, StoreError>;

    /// One poll, in the revision in force.
    async fn poll(&self, id: PollId) -> Result<Option<Poll>, StoreError>;

    /// A site's polls, newest first: at most `limit` of those older than `before`.
    async fn polls(&self, site: &SiteId, before: Option<PollId>, limit: usize) -> Result<Vec<Poll>, StoreError>;

    /// Puts a new revision in place of the one before it. When this answers [`Replacement::Done`], every partition
    /// has taken the revision: a closed poll counts nothing more. An edit that reshapes is made only if the poll has
    /// no ballots, and no ballot can come in while that is found out. The same edit again is `Done` again, as long as
    /// no other has been made since.
    ///
    /// One that was cut short is finished, or undone, by whoever next reads the poll or casts a ballot, and by the same
    /// edit again. Until then readers find the poll as it was, or as it is to be; never as something in between.
    async fn replace_poll(&self, edit: &Edit) -> Result<Replacement, StoreError>;

    /// Whose poll this is; also while it is being deleted, when nothing else is to be had of it any more.
    async fn owner(&self, id: PollId) -> Result<Option<SiteId>, StoreError>;

    /// Forgets a poll with all its ballots and tallies. Says whether there was one, or something left of one whose
    /// deletion was cut short. From the first moment on nobody finds the poll.
    async fn delete_poll(&self, id: PollId) -> Result<bool, StoreError>;

    /// Applies ballots of one partition, in order, atomically. Their `voter.partition` is `partition` for each.
    async fn cast(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<Cast, StoreError>;

    /// Does the upkeep that [`Committed::upkeep_due`] asked for; counts and ballots stay as they are.
    async fn upkeep(&self, poll: &Poll, partition: u16) -> Result<(), StoreError>;

    /// A voter's choices on record.
    async fn ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Choices>, StoreError>;

    /// The tallies of all partitions, in order; `None` if the poll is gone. Each is of the revision it says, which is the
    /// caller's or a later one: then the caller is behind, and reads the poll again.
    async fn tally(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError>;

    /// Gives a partition the epoch after that of a position which was seen of it, if it is behind that position: so it is
    /// beyond it afterwards, and anything else is left as it is. One atomic step: however many replicas find the same
    /// loss, and at once, it is one epoch; the next loss is another. Says whether this call has raised it; not if the
    /// poll is gone.
    async fn raise_epoch(&self, poll: &Poll, partition: u16, seen: Position) -> Result<bool, StoreError>;

    /// By how much the tally moved in each minute of a range, over all partitions: those minutes that fit in a page, in
    /// order. Of a poll that is gone, nothing.
    async fn minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError>;

    /// Takes tokens of a quota that all replicas share: all that are asked for, or none.
    async fn take_quota(&self, lease: &Lease) -> Result<Leased, StoreError>;
}

/// How long a site's [`IdempotencyKey`] is remembered: a day.
pub const IDEMPOTENCY_SECS: u64 = 24 * 60 * 60;

/// A publisher's `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The hash of the key as sent.
    pub key: KeyHash,
    /// The hash of the request it came with: the same key with another request is a mistake.
    pub request: KeyHash,
}

/// What [`Store::create_poll`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// The poll is kept.
    Created(Poll),
    /// The same request was made before; this is the poll it made, as it is now.
    Existing(Poll),
    /// The idempotency key came with another request before.
    Mismatch,
}

/// What [`Store::replace_poll`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The new revision is in force everywhere. It may be later than the one asked for, by revisions the store needed
    /// to make the change safely.
    Done(Poll),
    /// Another revision than the one edited is in force: this one.
    Mismatch(Revision),
    /// The poll has closed in the meantime.
    Closed,
    /// The edit reshapes the poll, and it has ballots.
    HasBallots,
    /// There is no such poll.
    Gone,
}

/// What [`Store::cast`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cast {
    /// The ballots were applied.
    Committed(Committed),
    /// Another revision is in force. Nothing was done: read the poll again, check the choices again, cast again.
    Stale,
    /// There is no such poll.
    Gone,
}

/// Ballots applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// One outcome per ballot, in order.
    pub outcomes: Vec<Outcome>,
    /// The partition after them; its `as_of` is when they were applied.
    pub tally: PartitionTally,
    /// Whether [`Store::upkeep`] should be called. Ballots may go on meanwhile.
    pub upkeep_due: bool,
}

/// A page of [`Store::minutes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minutes {
    /// The minutes in which something was counted; all others are zero.
    pub changes: Vec<(Minute, Change)>,
    /// Where the next page begins; `None` if the range is done.
    pub next: Option<Minute>,
}

/// The most numbers in a page of minutes: one for each minute's ballots and one for each of its options. It bounds what
/// one call costs, so that a long timeline is many short calls, between which votes are counted.
const MINUTES_PAGE: usize = 2_048;

impl Minutes {
    /// The most minutes in a page of a poll.
    fn most(poll: &Poll) -> usize {
        MINUTES_PAGE / (1 + poll.options.len())
    }
}

/// Why a store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, or did not answer in time. What was asked may or may not have been done.
    #[error("the store did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Too much waits for it already: it was not asked, and nothing was done.
    #[error("too much waits for the store already")]
    Overloaded,
    /// It answered something this service does not write.
    #[error("the store holds something unexpected: {0}")]
    Corrupt(String),
    /// It is damaged: nothing it holds can be relied on until somebody has mended it.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// It must not be used as it is configured; the words say what to change.
    #[error("{0}")]
    Unfit(String),
}

impl StoreError {
    /// No answer, for this reason.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}
