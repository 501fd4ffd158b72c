//! A timeline as it is read: minutes are read from the store page by page and returned as buckets. So a timeline of any
//! length takes the memory of one page.
//!
//! Long timelines are for newsrooms, and votes come first: a replica reads [`PAGES_AT_ONCE`] pages at a time, for all
//! readers together. A timeline that is sent in pieces holds its page for as long as its reader takes, so there are at
//! most [`UNDER_WAY`] of them.
//!
//! The first page is read or refused quickly: the answer can still be a refusal. Later pages are tried again for some
//! seconds if the store is away or busy with votes: by then the answer has begun.

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::{VoteError, Voting, retry::retry};
use crate::{
    live::KnownTally,
    poll::{Bucket, Interval, Minute, Poll, Step, TallyDisplay, TimeZone, Timeline, WhyHidden},
    quota::{ConcurrencyLimiter, ConcurrencyLimits, Permit, Subject},
    store::{Minutes, Store, StoreError},
};

/// How many pages of minutes a replica reads at once.
const PAGES_AT_ONCE: usize = 2;

/// How many timelines there may be that are sent in pieces. Each takes some 100 KiB.
const UNDER_WAY: ConcurrencyLimits = ConcurrencyLimits { in_all: 256, per_client: 32 };

/// How long the first page waits for its turn.
const FIRST_PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// What all timelines of a replica share.
pub(super) struct TimelineLimits {
    reading: Semaphore,
    under_way: Arc<ConcurrencyLimiter>,
}

impl Default for TimelineLimits {
    fn default() -> Self {
        Self { reading: Semaphore::new(PAGES_AT_ONCE), under_way: Arc::new(ConcurrencyLimiter::new(UNDER_WAY)) }
    }
}

/// One timeline being read.
pub struct TimelineReader {
    timeline: Timeline,
    poll: Arc<Poll>,
    store: Arc<dyn Store>,
    limits: Arc<TimelineLimits>,
    /// What is still to be read.
    range: Range<Minute>,
}

impl Voting {
    /// The timeline of a tally that somebody may see. Reads its first page.
    ///
    /// # Errors
    /// [`VoteError::Hidden`] if the tally is in percent; what the store failed with.
    pub async fn timeline(
        &self,
        snapshot: &KnownTally,
        interval: Interval,
        timezone: &TimeZone,
    ) -> Result<TimelineReader, VoteError> {
        let display = snapshot.tally.display;
        if display == TallyDisplay::Percent {
            return Err(VoteError::Hidden(WhyHidden::Display(display)));
        }
        let (timeline, range) = Timeline::new(&snapshot.poll, &snapshot.tally, interval, timezone);
        let (poll, store) = (Arc::clone(&snapshot.poll), Arc::clone(&self.others));
        let mut reader =
            TimelineReader { timeline, poll, store, limits: Arc::clone(&self.replica.timeline_limits), range };
        if reader.poll.is_made() {
            let page = reader.first_page().await?;
            reader.take_in(page).await?;
        } else {
            reader.timeline.end_feed();
        }
        Ok(reader)
    }
}

impl TimelineReader {
    /// The next bucket; `None` at the end.
    ///
    /// # Errors
    /// What the store failed with after several attempts; or the poll was deleted meanwhile.
    pub async fn next(&mut self) -> Result<Option<Bucket>, VoteError> {
        loop {
            match self.timeline.step() {
                Step::Bucket(bucket) => return Ok(Some(bucket)),
                Step::NeedsMinutes => {
                    let page = self.next_page().await?;
                    self.take_in(page).await?;
                }
                Step::End => return Ok(None),
            }
        }
    }

    /// A permit to send this timeline in pieces; `None` if all are taken.
    pub fn permit(&self, client: Subject) -> Option<Permit> {
        self.limits.under_way.take(Some(client)).ok()
    }

    async fn first_page(&self) -> Result<Minutes, StoreError> {
        let turn = tokio::time::timeout(FIRST_PAGE_TIMEOUT, self.limits.reading.acquire()).await;
        let _turn = turn.map_err(|_| StoreError::Overloaded)?;
        self.store.minutes(&self.poll, self.range.clone()).await
    }

    async fn next_page(&self) -> Result<Minutes, StoreError> {
        retry(|| async {
            let _turn = self.limits.reading.acquire().await;
            self.store.minutes(&self.poll, self.range.clone()).await
        })
        .await
    }

    async fn take_in(&mut self, page: Minutes) -> Result<(), StoreError> {
        self.timeline.feed(page.changes);
        let Some(next) = page.next else {
            self.check_end().await?;
            self.timeline.end_feed();
            return Ok(());
        };
        self.range.start = next;
        Ok(())
    }

    /// Checks that the poll is still there, as it was: of a poll that was deleted or reshaped meanwhile, only some
    /// minutes may have been read. Ids are never used again, so one check at the end is enough.
    async fn check_end(&self) -> Result<(), StoreError> {
        let indexes = |poll: &Poll| {
            let mut indexes: Vec<_> = poll.options.iter().map(|option| (option.index, option.id.clone())).collect();
            indexes.sort_unstable();
            indexes
        };
        let now = retry(|| self.store.poll(self.poll.id)).await?;
        if now.is_some_and(|now| indexes(&now) == indexes(&self.poll)) {
            return Ok(());
        }
        Err(StoreError::unavailable("the poll was deleted while its timeline was read"))
    }
}
