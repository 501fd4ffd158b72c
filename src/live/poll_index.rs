//! What a site's list of polls is searched, filtered and sorted by, in memory.
//!
//! Stores keep polls by age alone. To find one of 10,000 by its words, to know which closes next, or which has the most
//! votes, every definition would have to be read, for each request. So a replica on which somebody asks such a thing
//! reads a site's polls once, and keeps a few numbers and the folded question of each: some 300 bytes. What it then
//! answers is only *which* polls, in which order; the polls themselves are read from the store for each answer, so
//! whatever is shown is true, and what no longer belongs there is passed over.
//!
//! It is kept current by the same messages as everything else here ([`note`](PollIndex::note)), and each request first
//! asks the store for polls that are newer than those known. A message may be lost. Then an edit by another replica is
//! found when its poll is next shown, or when the index is read anew, which happens in the background after
//! [`RENEWED_AFTER`].
//!
//! Votes move all the time, and nobody is told of them. They are counted only for those who sort by them: at once if
//! that is little work, else in the background, so that an order may be some seconds old.
//!
//! Memory is bounded: [`MOST_OF_SITE`] polls of a site, the newest ones, and [`MOST_IN_ALL`] altogether, of the sites
//! that were asked for last.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use tokio::task::JoinHandle;

use crate::{
    poll::{ListCursor, Poll, PollId, Revision, Schedule, SiteId, State, Tally, Timestamp, fold},
    store::{Store, StoreError},
};

/// The most polls of a site: of one that has more, the newest.
pub const MOST_OF_SITE: usize = 20_000;
/// The most polls of all sites together, beyond those of the one that was asked for last.
const MOST_IN_ALL: usize = 100_000;
const MOST_SITES: usize = 1_000;
/// How old an index may become before it is read anew.
const RENEWED_AFTER: Duration = Duration::from_mins(10);
/// How many definitions are read at once.
const BATCH: usize = 100;
/// So many changes that nobody has asked about are read one by one; beyond that the index is read anew.
const MOST_CHANGES: usize = 1_000;
/// How long votes that were counted are good enough to sort by.
const COUNTED_FOR: Duration = Duration::from_secs(2);
/// So many polls are counted while somebody waits.
const COUNTED_AT_ONCE: usize = 200;
/// That a poll's votes were not counted yet.
const UNCOUNTED: u64 = u64::MAX;

/// The indexes of a replica. See the module.
#[derive(Default)]
pub struct PollIndex(Mutex<Vec<(SiteId, Arc<SiteIndex>)>>);

/// What is known of one poll.
#[derive(Debug)]
pub struct IndexedPoll {
    /// Which, and where it stands by age.
    pub cursor: ListCursor,
    /// Which version of it.
    pub revision: Revision,
    /// What decides its state.
    pub schedule: Schedule,
    /// Its question, as words are looked for in it.
    pub folded: Box<str>,
    /// Whether readers answer in their own words.
    pub has_open_answers: bool,
    /// Whether it could be said which of its options came true, and was not.
    pub may_be_resolved: bool,
    votes: AtomicU64,
    /// Whether its votes were counted after it had closed.
    is_final: AtomicBool,
}

/// A site's polls, newest first.
#[derive(Clone)]
pub struct IndexedPolls {
    pub polls: Arc<Vec<Arc<IndexedPoll>>>,
    /// Whether these are all.
    pub is_whole: bool,
    site: Arc<SiteIndex>,
}

#[derive(Default)]
struct SiteIndex {
    known: tokio::sync::Mutex<Option<KnownPolls>>,
    /// What has changed since it was read.
    changed: Mutex<Changes>,
    /// The same, since the index began to be read anew.
    changed_meanwhile: Mutex<Changes>,
    is_renewing: AtomicBool,
    len: AtomicUsize,
    /// When votes were last counted.
    counted_at: tokio::sync::Mutex<Option<Instant>>,
    /// How many of the polls waited for an editor when somebody last looked, and when that was.
    waiting: Mutex<Option<(usize, Instant)>>,
}

/// Polls that have changed.
#[derive(Default)]
struct Changes {
    polls: FxHashSet<PollId>,
    /// Whether they were more than [`MOST_CHANGES`], which are not kept: the index must be read anew.
    are_too_many: bool,
}

impl Changes {
    fn note(&mut self, id: PollId) {
        if self.are_too_many {
            return;
        }
        self.polls.insert(id);
        if self.polls.len() > MOST_CHANGES {
            *self = Self { polls: FxHashSet::default(), are_too_many: true };
        }
    }
}

struct KnownPolls {
    polls: Arc<Vec<Arc<IndexedPoll>>>,
    is_whole: bool,
    read_at: Instant,
    /// Taken out of the changed ones, and not read yet.
    pending: FxHashSet<PollId>,
}

impl IndexedPoll {
    fn of(poll: &Poll) -> Self {
        Self {
            cursor: poll.list_cursor(),
            revision: poll.revision,
            schedule: poll.schedule,
            folded: fold(poll.question.as_str()).into(),
            has_open_answers: poll.open_answer,
            may_be_resolved: poll.may_be_prediction() && poll.resolution.is_none(),
            votes: AtomicU64::new(UNCOUNTED),
            is_final: AtomicBool::new(false),
        }
    }

    /// Its state at a moment.
    pub fn state_at(&self, now: Timestamp) -> State {
        self.schedule.state_at(now)
    }

    /// How many had voted in it when that was last counted.
    pub fn votes(&self) -> u64 {
        match self.votes.load(Relaxed) {
            UNCOUNTED => 0,
            votes => votes,
        }
    }

    /// Whether its votes must be counted.
    fn is_due(&self, now: Timestamp) -> bool {
        match self.state_at(now) {
            State::Draft | State::Scheduled => false,
            State::Open => true,
            State::Closed => !self.is_final.load(Relaxed),
        }
    }

    fn note_votes(&self, tally: Option<&Tally>) {
        self.votes.store(tally.map_or(0, |tally| tally.ballots), Relaxed);
        self.is_final.store(tally.is_none_or(|tally| tally.state == State::Closed), Relaxed);
    }

    fn take_votes_of(&self, before: &Self) {
        self.votes.store(before.votes.load(Relaxed), Relaxed);
    }
}

impl PollIndex {
    /// A site's polls, as the store has them now, but for edits that this replica was not told of.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn of(&self, store: &Arc<dyn Store>, site: &SiteId) -> Result<IndexedPolls, StoreError> {
        let index = self.index_of(site);
        let mut known = index.known.lock().await;
        let mut polls = match known.take() {
            Some(polls) if polls.has_few_changes(&index) => polls,
            Some(_) | None => {
                // Whatever changes from here on is noted; what did before is in what is read now.
                *index.changed.lock() = Changes::default();
                KnownPolls::read(&**store, site).await?
            }
        };
        let brought_up = polls.bring_up(&index, &**store, site).await;
        index.len.store(polls.polls.len(), Relaxed);
        let is_old = polls.read_at.elapsed() >= RENEWED_AFTER;
        let answer =
            IndexedPolls { polls: Arc::clone(&polls.polls), is_whole: polls.is_whole, site: Arc::clone(&index) };
        *known = Some(polls);
        drop(known);
        brought_up?;
        if is_old {
            begin_to_renew(index, store, site);
        }
        self.forget_others();
        Ok(answer)
    }

    /// Notes that a poll was made, changed or deleted: of this site, if that is known. Articles' polls are in no list.
    pub(super) fn note(&self, id: PollId, site: Option<&SiteId>) {
        if id.is_derived() {
            return;
        }
        for (_, index) in self.0.lock().iter().filter(|(of, _)| site.is_none_or(|site| site == of)) {
            index.note(id);
        }
    }

    /// How many of a site's polls waited for an editor when somebody last looked, and whether the caller should look
    /// again: that was longer ago than this, and nobody else was told so meanwhile.
    pub fn waiting(&self, site: &SiteId, kept_for: Duration) -> (usize, bool) {
        let index = self.index_of(site);
        let mut waiting = index.waiting.lock();
        let is_due = waiting.is_none_or(|(_, at)| at.elapsed() >= kept_for);
        let count = waiting.map_or(0, |(count, _)| count);
        if is_due {
            *waiting = Some((count, Instant::now()));
        }
        (count, is_due)
    }

    /// A site's index, which is now the one that was used last.
    fn index_of(&self, site: &SiteId) -> Arc<SiteIndex> {
        let mut all = self.0.lock();
        let found = all.iter().position(|(other, _)| other == site).map(|nth| all.remove(nth).1);
        let index = found.unwrap_or_default();
        all.push((site.clone(), Arc::clone(&index)));
        index
    }

    /// Forgets those that were not used for longest, while there are too many polls.
    fn forget_others(&self) {
        let mut all = self.0.lock();
        let mut in_all: usize = all.iter().map(|(_, index)| index.len.load(Relaxed)).sum();
        while (in_all > MOST_IN_ALL || all.len() > MOST_SITES) && all.len() > 1 {
            let (_, index) = all.remove(0);
            in_all = in_all.saturating_sub(index.len.load(Relaxed));
        }
    }
}

/// Says that an index is no longer renewed, however that ends.
struct Renewing(Arc<SiteIndex>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.is_renewing.store(false, Release);
    }
}

/// Reads an index anew in the background, unless that is under way.
fn begin_to_renew(index: Arc<SiteIndex>, store: &Arc<dyn Store>, site: &SiteId) -> Option<JoinHandle<()>> {
    let is_under_way = index.is_renewing.swap(true, AcqRel);
    (!is_under_way).then(|| tokio::spawn(renew(Renewing(index), Arc::clone(store), site.clone())))
}

/// Reads an index anew while the old one still serves.
async fn renew(renewing: Renewing, store: Arc<dyn Store>, site: SiteId) {
    let index = &renewing.0;
    *index.changed_meanwhile.lock() = Changes::default();
    let read = KnownPolls::read(&*store, &site).await;
    let mut known = index.known.lock().await;
    if let Ok(mut polls) = read {
        let meanwhile = std::mem::take(&mut *index.changed_meanwhile.lock());
        polls.pending.extend(meanwhile.polls);
        index.changed.lock().are_too_many |= meanwhile.are_too_many;
        if let Some(before) = &*known {
            for poll in polls.polls.iter() {
                if let Ok(at) = before.polls.binary_search_by(|other| poll.cursor.cmp(&other.cursor)) {
                    before.polls.get(at).inspect(|before| poll.take_votes_of(before));
                }
            }
        }
        *known = Some(polls);
    }
}

impl SiteIndex {
    fn note(&self, id: PollId) {
        self.changed.lock().note(id);
        if self.is_renewing.load(Acquire) {
            self.changed_meanwhile.lock().note(id);
        }
    }
}

impl KnownPolls {
    async fn read(store: &dyn Store, site: &SiteId) -> Result<Self, StoreError> {
        let (mut polls, mut last) = (Vec::new(), None);
        let mut is_whole = false;
        while polls.len() < MOST_OF_SITE {
            let page = store.polls(site, last, BATCH).await?;
            last = page.last().map(Poll::list_cursor);
            polls.extend(page.iter().map(IndexedPoll::of).map(Arc::new));
            if page.len() < BATCH {
                is_whole = true;
                break;
            }
        }
        Ok(Self { polls: Arc::new(polls), is_whole, read_at: Instant::now(), pending: FxHashSet::default() })
    }

    /// Whether so few polls have changed that each is read by itself.
    fn has_few_changes(&self, index: &SiteIndex) -> bool {
        let changed = index.changed.lock();
        !changed.are_too_many && self.pending.len() + changed.polls.len() <= MOST_CHANGES
    }

    /// Reads what is known to have changed, and what is newer than all that is known. Whatever could not be read stays
    /// to be.
    async fn bring_up(&mut self, index: &SiteIndex, store: &dyn Store, site: &SiteId) -> Result<(), StoreError> {
        self.pending.extend(std::mem::take(&mut index.changed.lock().polls));
        while !self.pending.is_empty() {
            let ids: Vec<PollId> = self.pending.iter().copied().take(BATCH).collect();
            let read = try_join_all(ids.iter().map(|id| store.poll(*id))).await?;
            for (id, poll) in ids.into_iter().zip(read) {
                self.put(id, poll.filter(|poll| poll.site == *site && poll.article.is_none()).as_ref());
                self.pending.remove(&id);
            }
        }
        let newest = self.polls.first().map(|poll| poll.cursor);
        let (mut last, mut limit) = (None, 1);
        loop {
            let page = store.polls(site, last, limit).await?;
            let newer: Vec<&Poll> =
                page.iter().filter(|poll| newest.is_none_or(|it| poll.list_cursor() > it)).collect();
            for poll in &newer {
                self.put(poll.id, Some(poll));
            }
            if newer.len() < limit {
                return Ok(());
            }
            last = page.last().map(Poll::list_cursor);
            limit = BATCH;
        }
    }

    /// Puts a poll in place of what is known of it, or takes that away.
    fn put(&mut self, id: PollId, poll: Option<&Poll>) {
        let polls = Arc::make_mut(&mut self.polls);
        let before = polls.iter().position(|known| known.cursor.id == id).map(|at| polls.remove(at));
        let Some(poll) = poll else { return };
        let poll = IndexedPoll::of(poll);
        if let Some(before) = before {
            poll.take_votes_of(&before);
        }
        let at = polls.partition_point(|other| other.cursor > poll.cursor);
        polls.insert(at, Arc::new(poll));
        if polls.len() > MOST_OF_SITE {
            polls.truncate(MOST_OF_SITE);
            self.is_whole = false;
        }
    }
}

impl IndexedPolls {
    /// Notes that a poll is not as it is known here.
    pub fn note(&self, id: PollId) {
        self.site.note(id);
    }

    /// Notes how many of them wait for an editor.
    pub fn note_waiting(&self, count: usize) {
        *self.site.waiting.lock() = Some((count, Instant::now()));
    }

    /// Counts the votes of those that were never counted, so that whoever sorts by them next need not wait for all of
    /// them.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn count_uncounted(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        let is_uncounted = |poll: &&Arc<IndexedPoll>| poll.is_due(now) && poll.votes.load(Relaxed) == UNCOUNTED;
        let mut counted_at = self.site.counted_at.lock().await;
        let due: Vec<_> = self.polls.iter().filter(is_uncounted).collect();
        Self::count_these(store, &due, &mut counted_at).await
    }

    /// Counts the votes of those in which there may be new ones, or lets that be done in the background if it takes
    /// long and was done before.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn count_votes(&self, store: &Arc<dyn Store>, now: Timestamp) -> Result<(), StoreError> {
        let is_due = |poll: &&Arc<IndexedPoll>| poll.is_due(now);
        let is_uncounted = |poll: &Arc<IndexedPoll>| poll.votes.load(Relaxed) == UNCOUNTED;
        let due = self.polls.iter().filter(is_due);
        if due.clone().count() <= COUNTED_AT_ONCE || due.clone().any(is_uncounted) {
            let mut counted_at = self.site.counted_at.lock().await;
            return self.count(&**store, now, &mut counted_at).await;
        }
        let (polls, store) = (self.clone(), Arc::clone(store));
        tokio::spawn(async move {
            // If somebody is at it, that is enough.
            if let Ok(mut counted_at) = polls.site.counted_at.try_lock()
                && let Err(error) = polls.count(&*store, now, &mut counted_at).await
            {
                tracing::debug!(error = %error, "the votes of a site's polls could not be counted");
            }
        });
        Ok(())
    }

    async fn count(
        &self,
        store: &dyn Store,
        now: Timestamp,
        counted_at: &mut Option<Instant>,
    ) -> Result<(), StoreError> {
        let is_recent = counted_at.is_some_and(|at| at.elapsed() < COUNTED_FOR);
        let is_due =
            |poll: &&Arc<IndexedPoll>| poll.is_due(now) && !(is_recent && poll.votes.load(Relaxed) != UNCOUNTED);
        let due: Vec<_> = self.polls.iter().filter(is_due).collect();
        Self::count_these(store, &due, counted_at).await
    }

    async fn count_these(
        store: &dyn Store,
        due: &[&Arc<IndexedPoll>],
        counted_at: &mut Option<Instant>,
    ) -> Result<(), StoreError> {
        for some in due.chunks(BATCH) {
            let polls = try_join_all(some.iter().map(|poll| store.poll(poll.cursor.id))).await?;
            let tally = async |poll: &Option<Poll>| {
                let Some(poll) = poll else { return Ok(None) };
                let partitions = store.tally(poll).await?;
                Ok::<_, StoreError>(partitions.and_then(|partitions| Tally::sum(poll, &partitions)))
            };
            for (poll, tally) in some.iter().zip(try_join_all(polls.iter().map(tally)).await?) {
                poll.note_votes(tally.as_ref());
            }
        }
        if !due.is_empty() {
            *counted_at = Some(Instant::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, store::sqlite::SqliteStore};

    #[tokio::test]
    async fn an_index_is_read_anew_also_after_the_task_that_did_so_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("sawt.db"), 1, Clock::default()).unwrap();
        let (store, site): (Arc<dyn Store>, _) = (Arc::new(store), SiteId::default());
        let all = PollIndex::default();
        let begin = || begin_to_renew(all.index_of(&site), &store, &site);
        let killed = begin().unwrap();
        assert!(begin().is_none(), "one at a time");
        killed.abort();
        assert!(killed.await.unwrap_err().is_cancelled());
        begin().expect("nobody renews it for ever").await.unwrap();
        assert!(all.index_of(&site).known.lock().await.is_some());
    }

    #[tokio::test]
    async fn what_changes_while_nobody_asks_takes_little_memory_and_is_known_to_whoever_asks_then() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("sawt.db"), 1, Clock::default()).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let (all, [own, other]) = (PollIndex::default(), ["own", "other"].map(|id| id.parse::<SiteId>().unwrap()));
        for site in [&own, &other] {
            all.of(&store, site).await.unwrap();
        }
        let noted = |site| {
            let index = all.index_of(site);
            let changed = index.changed.lock();
            (changed.polls.len(), changed.are_too_many)
        };
        all.note(PollId::derived([7; 16]), None);
        all.note(PollId::generate(), Some(&own));
        assert_eq!((noted(&own), noted(&other)), ((1, false), (0, false)), "each its own polls, and no article's");
        all.note(PollId::generate(), None);
        assert_eq!((noted(&own), noted(&other)), ((2, false), (1, false)));
        for _ in 0..2 * MOST_CHANGES {
            all.note(PollId::generate(), Some(&own));
        }
        assert_eq!((noted(&own), noted(&other)), ((0, true), (1, false)));
        all.of(&store, &own).await.unwrap();
        assert_eq!(noted(&own), (0, false), "it was read anew");
    }
}
