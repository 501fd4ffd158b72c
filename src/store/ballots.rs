//! Ballots, and the tallies and timelines they add up to.

use std::{ops::Range, time::Instant};

use async_trait::async_trait;

use super::StoreError;
use crate::{
    poll::{
        AnswerId, AnswerState, Ballot, Change, CountedAnswer, Counters, Minute, Outcome, PartitionLabels,
        PartitionTally, Poll, Position, RecordedBallot, Text, VoterDigest,
    },
    site::NewEvent,
};

/// Ballots, tallies and timelines.
#[async_trait]
pub trait Ballots: Send + Sync {
    /// Applies ballots of one partition, in order, atomically. Their `voter.partition` is `partition` for each.
    async fn cast(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<BatchOutcome, StoreError>;

    /// Does the upkeep that [`Committed::upkeep_due`] asked for; counts and ballots stay as they are.
    async fn upkeep(&self, poll: &Poll, partition: u16) -> Result<(), StoreError>;

    /// The counters that a voter's ballot on record adds to.
    async fn ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Counters>, StoreError>;

    /// What a voter's ballot on record says in their own words, as that is kept; `None` if it says nothing, or was not
    /// kept.
    async fn ballot_answer(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Text>, StoreError>;

    /// A page of the ballots on record, in no order; `None` if the poll is gone. A scan begins without a cursor and
    /// goes on at each page's `next` until there is none. Each call is short, and votes are counted between them.
    ///
    /// Whatever is counted, changed or moved within the store meanwhile, a scan has no voter's ballot twice, and leaves
    /// none out that was on record all the time: so of a closed poll it has every ballot. One that is cast, changed or
    /// withdrawn while the scan is under way is read as it was at some moment of it, or as it was not there.
    async fn ballots(&self, poll: &Poll, from: Option<BallotCursor>) -> Result<Option<BallotPage>, StoreError>;

    /// The tallies of all partitions, in order; `None` if the poll is gone. Each names its revision, which is the
    /// caller's or a later one: then the caller is behind, and must read the poll again.
    async fn tally(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError>;

    /// All ballots on record by their labels, of each partition, in order; `None` if the poll is gone. For editors: it
    /// costs more than a tally.
    async fn labels(&self, poll: &Poll) -> Result<Option<Vec<PartitionLabels>>, StoreError>;

    /// All texts that ballots say in a poll with open answers, in any order, each with its ballots that count. A text
    /// is there as long as some ballot says it, and there are never more than
    /// [`MOST_ANSWERS`](crate::poll::MOST_ANSWERS): the text of a ballot that comes then is not kept.
    async fn answers(&self, poll: &Poll) -> Result<Vec<CountedAnswer>, StoreError>;

    /// Decides what readers are shown of a text; `None` if no ballot says it. The same decision again is not told.
    async fn decide_answer(
        &self,
        poll: &Poll,
        answer: AnswerId,
        state: AnswerState,
        events: &[NewEvent],
    ) -> Result<Option<CountedAnswer>, StoreError>;

    /// Raises a partition to the epoch after a position that was seen of it, if the partition is behind that position;
    /// else it stays as it is. One atomic step: if many replicas find the same loss at once, the epoch grows by one;
    /// the next loss makes another. Returns whether this call has raised it; not if the poll is gone.
    async fn raise_epoch(&self, poll: &Poll, partition: u16, seen: Position) -> Result<bool, StoreError>;

    /// By how much the tally moved in each minute of a range, over all partitions, as far as its counters have a
    /// timeline ([`Poll::timed_counters`]): as many minutes as fit in a page, in order. Nothing if the poll is gone. Of
    /// ballots with a label only those that count in the caller's revision of the poll.
    async fn minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError>;
}

/// Reads all ballots of a poll, page by page as [`Ballots::ballots`] has them, and rests after each page for as long as
/// it took: so votes are counted meanwhile. Returns whether the poll was there all the time.
///
/// # Errors
/// What `read` failed with.
pub async fn scan_ballots<F>(
    read: impl Fn(Option<BallotCursor>) -> F,
    mut take: impl FnMut(&BallotPage),
) -> Result<bool, StoreError>
where
    F: Future<Output = Result<Option<BallotPage>, StoreError>>,
{
    let mut from = None;
    loop {
        let begun = Instant::now();
        let Some(page) = read(from).await? else { return Ok(false) };
        take(&page);
        from = page.next;
        if from.is_none() {
            return Ok(true);
        }
        tokio::time::sleep(begun.elapsed()).await;
    }
}

/// What [`Ballots::cast`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// The ballots were applied.
    Committed(Committed),
    /// Another revision is in force, or another poll with this id was made since. Nothing was done: read the poll
    /// again, check the choices again, cast again.
    Stale,
    /// There is no such poll.
    Gone,
}

/// Ballots applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// One outcome per ballot, in order.
    pub outcomes: Vec<Outcome>,
    /// The places of ballots whose text was not kept, though they may be counted.
    pub left_out: Vec<usize>,
    /// The partition's tally with them; `as_of` is the time they were applied.
    pub tally: PartitionTally,
    /// Whether [`Ballots::upkeep`] should be called. Ballots may go on meanwhile.
    pub upkeep_due: bool,
}

/// A page of [`Ballots::ballots`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotPage {
    /// The ballots, whether they count or not.
    pub ballots: Vec<RecordedBallot>,
    /// Whose each is: the field of a [`VoterDigest`], in the same order.
    pub voters: Vec<[u8; 8]>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<BallotCursor>,
}

/// Where a scan of ballots goes on, in the store that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BallotCursor {
    /// After the voter of this number.
    After(i64),
    /// At a bucket of a partition, by its number when the partition had `of` buckets.
    Bucket {
        partition: u16,
        bucket: u32,
        /// How many there were when the scan of the partition began; 0 if it has not.
        of: u32,
    },
}

/// About how many ballots a page has: few enough that reading them takes a store less than half a millisecond.
pub(super) const BALLOTS_PAGE: usize = 512;

/// A page of [`Ballots::minutes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minutes {
    /// The minutes in which something was counted; all others are zero.
    pub changes: Vec<(Minute, Change)>,
    /// Where the next page begins; `None` at the end of the range.
    pub next: Option<Minute>,
}

/// The most numbers in a page of minutes: one for each minute's ballots and one for each counter. It bounds the cost of
/// one call: a long timeline is many short calls, and votes are counted between them.
pub(super) const MINUTES_PAGE: usize = 2_048;

impl Minutes {
    /// The most minutes in a page of this poll.
    pub(super) fn most(poll: &Poll) -> usize {
        // What does not count is read as well.
        let groups = 1 + poll.decisions.uncounted().labels().count();
        MINUTES_PAGE / groups / (1 + poll.timed_counters())
    }
}
