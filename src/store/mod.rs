//! Where polls, ballots and tallies are kept: the [`Store`] contract, in twelve parts ([`Polls`], [`Ballots`],
//! [`Publishers`], [`Articles`], [`Templates`], [`Places`], [`Quotas`], [`Views`], [`Events`], [`Sessions`],
//! [`Webhooks`], [`TransparencyLogs`]), and the stores that keep it. Each store has a file for each part.
//!
//! This rustdoc is the specification. One conformance suite (`tests/it/store/`) runs every rule below on every store. A
//! property test runs random histories on all of them and on a plain in-memory model, and expects identical answers.
//!
//! # What every store promises
//!
//! 1. **One ballot per voter and poll.** [`Ballots::cast`] claims, counts and advances the version in one atomic step.
//!    At every instant, in every partition, `ballots` is the number of voters on record, and every counter's votes are
//!    the ballots on record that add to it. A store knows how many counters a poll has, and by its
//!    [`Codec`](crate::poll::Codec) how a ballot is kept; it does not know what counters mean to readers.
//!
//!    Each ballot has a [`Label`](crate::poll::Label), which is counted in the same step, with minutes of its own. The
//!    tally is of the ballots whose labels count by the poll's [`Decisions`](crate::poll::Decisions): a revision that
//!    decides otherwise moves the ballots of those labels into a partition's tally, or out of it, in the step that
//!    brings the partition to that revision, and moves its version on by
//!    [`VERSION_STEP`](crate::poll::VERSION_STEP). So does a revision with which readers begin or cease to be shown
//!    snapshots. At every instant, in every partition, the counted, held and void ballots are together all the ballots
//!    on record. A ballot that is changed keeps a label that does not count, or else the worse of the two, and one that
//!    is taken back is taken from the group of its label.
//! 2. **The store decides.** Whether the poll is open, by the store's own clock; whether the voter has a ballot;
//!    whether it may change: all inside that step. The caller says which [`Revision`](crate::poll::Revision) of the
//!    poll it knows; if that is not the one in force, the answer is [`BatchOutcome::Stale`] and nothing was done.
//! 3. **Every call may be made twice.** A lost answer is repeated by asking again: `Counted` and `Changed` turn into
//!    `Repeated`, `Withdrawn` into `NoBallot`, and nothing else changes.
//! 4. **Closed is final.** Once [`Polls::replace_poll`] has answered with a closed poll, or a tally was read as closed,
//!    no ballot changes that tally again, whatever a replica believes and wherever the clock goes.
//!
//!    A clock that jumps would close polls that are due later, for good. So two clocks are asked: the store's, which
//!    decides, and another: on Redis that of the replica that asks, in the embedded store the system's monotonic clock
//!    ([`Clock::times`](crate::clock::Clock::times)). While they are more than five seconds apart, a poll is closed
//!    once both say so. If only one of them says that it is open, a ballot in it is
//!    [`Outcome::Undecided`](crate::poll::Outcome::Undecided), and an edit of it unavailable.
//!
//!    Reading needs no write. The first call that finds a poll closed by the clock records it; but a store that takes
//!    no writes now shows the poll as closed all the same. If the store's clock is then set back before that could be
//!    recorded, the second clock keeps the rule: ballots are undecided, not counted.
//! 5. **Unknown is not failed.** [`StoreError::Unavailable`] says that no answer came in time. What was asked may or
//!    may not have been done, and may be asked again.
//! 6. **A quota is taken from in one step.** [`Quotas::take_quota`] takes all the tokens it is asked for or none, on
//!    the store's own clock, however many replicas ask at once: in any span of time a key's grants are at most the
//!    quota's limit and what comes back in that span. Who waits as long as a refusal says, while nobody else takes any,
//!    is granted the same, and a moment earlier is not. It is the one call of which a second copy is not free: it takes
//!    again, which errs towards too few.
//! 7. **Acknowledged is kept** as far as the store itself keeps it: SQLite answers after the disk has it
//!    (`synchronous=FULL`); Redis as its `appendfsync` says. Quotas are not: a store that loses them gives them anew.
//! 8. **Every minute is accounted for.** What moves a tally is recorded in the same step under the minute of the
//!    store's clock, so all of [`Ballots::minutes`] together add up to the tally, whatever was changed or withdrawn: to
//!    its ballots and its first counters, as many as the poll's kind keeps a timeline of. A minute that is over does not
//!    change any more, until it is decided otherwise which ballots count. A poll that is reshaped begins anew.
//! 9. **Positions only grow.** A partition's [`Position`](crate::poll::Position) grows as long as the store keeps
//!    what was written. If it lost something, a caller that has seen more has the partition raised to the next epoch,
//!    by [`Ballots::raise_epoch`], before it believes the tally: so positions grow whatever the store has lost.
//! 10. **A batch of views is counted once**, however often [`Views::count_views`] is asked for it, and its memory is
//!     bounded: a ranking keeps no more items than the batch says, those with the highest scores. Views come after
//!     votes: a batch is small enough that no vote waits long behind it.
//! 11. **An article has one poll of each template.** [`Templates::make_article_poll`] makes it in steps that may be
//!     repeated, by several replicas at once: whatever was cut short, the same call again finishes. Whoever invents
//!     articles makes only the invented ones go.
//! 12. **Each text is said by as many ballots as its count says.** [`Ballots::cast`] counts what a ballot says in its
//!     voter's own words in the step that counts the ballot, and takes it back with it.
//! 13. **Every change has its events, and every event its change.** A call that is given
//!     [events](crate::site::NewEvent) writes them in the step that makes the change, so a change has its events
//!     whenever the caller is killed. If another had made the change before, nothing is told anew. A poll opens once
//!     and closes once in its log, whoever tells of it first.
//! 14. **What a webhook is told is queued before its cursor passes it**, in one step, and waits until it is delivered or
//!     given up. One holder of a site's lease at a time does that.
//! 15. **A transparency log has one history.** [`TransparencyLogs::write_log`] writes all of what comes next or nothing,
//!     and only on top of what the caller has seen: of two that go on from one place, one does.

mod articles;
mod ballots;
mod bounded;
mod broker;
mod clock_watch;
mod events;
mod open;
mod places;
mod polls;
mod publishers;
mod quotas;
mod record;
pub mod redis;
mod sessions;
mod shared_read;
pub mod sqlite;
mod templates;
mod transparency_logs;
mod views;
mod webhooks;

use async_trait::async_trait;

pub use articles::{ArticlePutting, Articles};
pub use ballots::{BallotCursor, BallotPage, Ballots, BatchOutcome, Committed, Minutes, scan_ballots};
pub use bounded::{BACKLOG, Bounded, MOST_READS, MOST_WRITES};
pub use broker::{Broker, Follow, Message, Received, Tallies, VotesSeen};
pub use clock_watch::ClockWatch;
pub use events::{Events, MoveReminder};
pub use open::{StoreAddress, StoreSettings, Stores};
pub use places::{PlacePut, Places};
pub use polls::{Creation, IDEMPOTENCY_SECS, IdempotencyKey, Polls, Replacement, resolve_page_start};
pub use publishers::{Publishers, SiteDeletion, SiteReplacement, all_sites};
pub use quotas::{QuotaKey, Quotas, TokenReply, TokenRequest};
pub use sessions::Sessions;
pub use shared_read::{SharedRead, shared_read};
pub use templates::{ArticleStatus, ClientDigest, Making, TemplatePut, Templates, Witness};
pub use transparency_logs::{LOG_HEAD, LOG_PUBLISHED, LogWrite, TransparencyLogs};
pub use views::{ItemScore, Measure, RankedItem, SeenPoll, TrendingWindow, ViewBatch, Views, WRITER_SECS, WriterId};
pub use webhooks::{MOST_KEPT, MOST_WAITING, QueuedDeliveries, Queueing, WebhookPut, Webhooks};

use crate::poll::Timestamp;

/// The contract: its twelve parts, under the rules of the module.
///
/// It is used as one `Arc<dyn Store>`: one connection serves all parts, and a call reaches each of them at the same
/// cost.
#[async_trait]
pub trait Store:
    Polls
    + Ballots
    + Publishers
    + Articles
    + Templates
    + Places
    + Quotas
    + Views
    + Events
    + Sessions
    + Webhooks
    + TransparencyLogs
{
    /// Makes contact: reaches the store, checks that it can be relied on, and prepares it (the `default` site). Writes
    /// nothing to a prepared store. Only [`Store::now`] is called before this has succeeded once.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] if the store can be reached and must not be used as it is configured.
    async fn contact(&self) -> Result<(), StoreError>;

    /// The store's clock. All times in a poll come from it.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Whether the store takes no votes until somebody has mended it, as far as is known. Makes no call; the fault was
    /// logged when it was found.
    fn needs_mending(&self) -> bool {
        false
    }
}

/// Why a store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, or did not answer in time. It may have done what it was asked for.
    #[error("the store did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Too many calls wait for it: it was not asked, and nothing was done.
    #[error("too much waits for the store already")]
    Overloaded,
    /// It answered something that this service does not write.
    #[error("the store holds something unexpected: {0}")]
    Corrupt(String),
    /// It is damaged: nothing it holds can be relied on until somebody has mended it.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// It must not be used as it is configured; the text says what to change.
    #[error("{0}")]
    Unfit(String),
}

impl StoreError {
    /// No answer, for this reason.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}
