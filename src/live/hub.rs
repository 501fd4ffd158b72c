//! The newest tally per poll, shared by all workers of a replica.
//!
//! A poll is *live* here while somebody has asked for it within [`LIVE_FOR`]. Reading a live poll takes one look-up in
//! a map and one pointer; it asks nobody, waits for nobody and writes nothing. The [refresher](super::refresher) keeps
//! live polls fresh. A poll that is not live is read from the store once for all who ask meanwhile, on any worker. The
//! same goes for readers who have a later version than this replica.
//!
//! Memory is bounded: a poll that nobody asks for is forgotten after [`KEPT_FOR`], and beyond [`MOST_KNOWN`] polls the
//! one that was asked for longest ago is forgotten. Polls that streams follow stay (there are fewer streams than that).

mod replicas;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use super::{
    KnownArticles, KnownTally, PlaceCache, PollCache, PollIndex, SiteCache, VoteTraces,
    entry::{HubEntry, Taken, millis},
    publish_queue::PublishQueue,
    subscription::Subscription,
};
use crate::{
    clock::Clock,
    poll::{PartitionTally, Phase, Poll, PollId, SiteId, Tally},
    store::{Message, Store, StoreError, VotesSeen},
    wire::ReaderPosition,
};

/// How long after the last request a poll is kept fresh.
pub const LIVE_FOR: Duration = Duration::from_mins(1);
/// How long after the last request a poll is kept at all: while the store is away, its last tally is served.
pub const KEPT_FOR: Duration = Duration::from_mins(5);
/// The most polls there are in the hub.
pub const MOST_KNOWN: usize = 16_384;

/// A live poll whose last reading, successful or not, ended longer ago than this is read again by its readers. The
/// refresher tries every second, so a store that is away delays no reader.
const STALE: Duration = Duration::from_secs(5);
/// How long a reader waits for a poll to be read again, with an older tally in hand.
const REREAD_TIMEOUT: Duration = Duration::from_millis(250);
/// The map has this many shards, so that adding a poll blocks few readers of others.
const SHARDS: usize = 32;
const MOST_PER_SHARD: usize = MOST_KNOWN / SHARDS;

/// The hub. See the module.
pub struct Hub {
    shards: [RwLock<Shard>; SHARDS],
    pub(super) polls: Arc<PollCache>,
    known_articles: KnownArticles,
    sites: SiteCache,
    places: PlaceCache,
    poll_index: PollIndex,
    traces: VoteTraces,
    clock: Clock,
    /// What is to be published to the other replicas; `None` if there are none.
    publish_queue: Option<PublishQueue>,
    /// Followed polls that were forgotten.
    unfollowed: Mutex<Vec<PollId>>,
    /// A coarse clock in milliseconds, moved on by the refresher: no reader has to read the system's.
    moment: AtomicU64,
}

type Shard = FxHashMap<PollId, Arc<HubEntry>>;

/// The newest tally that is known here.
pub struct Newest {
    /// The tally, with its poll.
    pub snapshot: Arc<KnownTally>,
    /// Whether the reader has seen a later one, and the store did not answer in time which is newest.
    pub is_behind: bool,
}

impl Hub {
    /// Polls as last read.
    pub fn poll_cache(&self) -> &Arc<PollCache> {
        &self.polls
    }

    /// Announced articles as last read.
    pub fn known_articles(&self) -> &KnownArticles {
        &self.known_articles
    }

    /// Sites as last read.
    pub fn sites(&self) -> &SiteCache {
        &self.sites
    }

    /// Places as last read.
    pub fn places(&self) -> &PlaceCache {
        &self.places
    }

    /// What sites' lists of polls are searched and sorted by.
    pub fn poll_index(&self) -> &PollIndex {
        &self.poll_index
    }

    /// What was seen of votes lately.
    pub fn traces(&self) -> &VoteTraces {
        &self.traces
    }

    /// Tells the other replicas what was seen here.
    pub fn tell_votes(&self, seen: VotesSeen) {
        self.publish(Message::Votes(seen));
    }

    /// An empty hub, with the cache that it reads definitions into.
    pub fn new(polls: Arc<PollCache>, clock: Clock, has_others: bool) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            polls,
            known_articles: KnownArticles::default(),
            sites: SiteCache::default(),
            places: PlaceCache::default(),
            poll_index: PollIndex::default(),
            traces: VoteTraces::default(),
            clock,
            publish_queue: has_others.then(PublishQueue::default),
            unfollowed: Mutex::default(),
            moment: AtomicU64::new(0),
        }
    }

    /// A poll's newest tally; `None` if there is no such poll, or it is a draft: see [`PollCache`]. The store is asked
    /// only if the poll is not live here, or has opened or closed by the clock, or if the reader has seen more than is
    /// known here and is [believed](HubEntry::believes).
    ///
    /// # Errors
    /// What the store failed with, if nothing is known of the poll.
    pub async fn read(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        id: PollId,
        mut seen: Option<ReaderPosition>,
    ) -> Result<Option<Newest>, Arc<StoreError>> {
        let is_before = |snapshot: &KnownTally, seen: Option<ReaderPosition>| {
            seen.is_some_and(|it| snapshot.tally.position() < it.position)
        };
        let fresh = |snapshot| Newest { snapshot, is_behind: false };
        let mut known = None;
        if let Some(entry) = self.find(id) {
            // A poll that was not kept fresh, for whatever reason, is read by its readers.
            let is_live = self.ask(&entry) && self.moment().saturating_sub(entry.settled_at()) < millis(STALE);
            if let Some(newest) = entry.newest() {
                // A key's stream follows this draft. Nobody else may see it.
                if is_draft(&newest) {
                    return Box::pin(async {
                        let is_published = self.polls.refresh(&**store, id).await?.is_some();
                        if is_published { Ok(self.reread(store, id).await?.map(fresh)) } else { Ok(None) }
                    })
                    .await;
                }
                if is_before(&newest, seen) {
                    seen = seen.filter(|seen| entry.believes(*seen, self.moment()));
                }
                let is_ready = !newest.is_unread() && !newest.is_overtaken(self.clock.now());
                if is_live && is_ready && !is_before(&newest, seen) {
                    return Ok(Some(fresh(newest)));
                }
                known = Some((entry, newest));
            }
        }
        let is_known = known.is_some();
        // Boxed: keeps the common future small.
        let reading = Box::pin(async {
            match seen {
                // A reading that began earlier may not find what the reader has seen.
                Some(ReaderPosition { position, is_proven: true }) => {
                    self.find_or_add(id).note_proven(position);
                    self.read_anew(store, id).await
                }
                Some(_) if is_known => self.read_anew(store, id).await,
                Some(_) | None => self.reread(store, id).await,
            }
        });
        let Some((entry, newest)) = known else {
            return Ok(reading.await?.filter(|newest| !is_draft(newest)).map(fresh));
        };
        match tokio::time::timeout(REREAD_TIMEOUT, reading).await {
            Ok(Ok(reading)) => Ok(reading.map(fresh)),
            Ok(Err(error)) if is_corrupt(&error) => Err(error),
            Ok(Err(_)) | Err(_) => {
                let snapshot = entry.newest().unwrap_or(newest);
                Ok(Some(Newest { is_behind: is_before(&snapshot, seen), snapshot }))
            }
        }
    }

    /// A draft's tally, for those who may see it; `None` if it is gone. It is not kept.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn read_draft(&self, store: &dyn Store, poll: Poll) -> Result<Option<Arc<KnownTally>>, StoreError> {
        let tallies = store.tally(&poll).await?;
        let tally = tallies.and_then(|tallies| Tally::sum(&poll, &tallies));
        Ok(tally.map(|tally| Arc::new(KnownTally::after(None, tally, Arc::new(poll), None))))
    }

    /// A poll's tally, read from the store now; `None` if there is no such poll. Callers who ask while it is being read
    /// share the answer.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn reread(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        id: PollId,
    ) -> Result<Option<Arc<KnownTally>>, Arc<StoreError>> {
        self.join(store, id).await.0
    }

    /// The same, by a reading that begins now: one that is under way may have begun too early to find what the caller
    /// knows to be there.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn read_anew(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        id: PollId,
    ) -> Result<Option<Arc<KnownTally>>, Arc<StoreError>> {
        match self.join(store, id).await {
            (reading, true) => reading,
            (_, false) => self.reread(store, id).await,
        }
    }

    /// Takes in what a partition reported with a batch, and returns the poll's tally. Asks the store only if nothing
    /// recent is known of some partitions. `None` if the poll is gone.
    ///
    /// # Errors
    /// What the store failed with then.
    pub async fn learn(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        poll: &Arc<Poll>,
        partition: u16,
        tally: &PartitionTally,
    ) -> Result<Option<Arc<KnownTally>>, Arc<StoreError>> {
        let entry = self.find_or_add(poll.id);
        let is_whole = self.ask(&entry) || poll.partitions.count() == 1;
        let (taken, is_new) = entry.take_in(poll, partition, tally);
        if let Some(publish_queue) = self.publish_queue.as_ref().filter(|_| is_new)
            && entry.mark_unpublished(partition)
        {
            publish_queue.put(&entry);
        }
        match taken {
            Taken::Summed(snapshot) if is_whole && !snapshot.is_unread() => Ok(Some(snapshot)),
            Taken::Summed(_) | Taken::Unread => self.reread(store, poll.id).await,
        }
    }

    /// Reads a changed poll again, if it is in the hub, and its definition in any case.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn note_change(self: &Arc<Self>, store: &Arc<dyn Store>, id: PollId) -> Result<(), Arc<StoreError>> {
        self.note_in_index(id);
        self.publish(Message::Poll(id));
        if self.find(id).is_none() {
            self.polls.refresh(&**store, id).await?;
            return Ok(());
        }
        self.read_anew(store, id).await?;
        Ok(())
    }

    /// Notes a change in the list of the poll's site, or in all of them if the poll is not known here.
    fn note_in_index(&self, id: PollId) {
        let known = self.polls.if_known(id);
        self.poll_index.note(id, known.as_ref().map(|known| &known.poll.site));
    }

    /// The same, of a change that is made already: if the store does not answer, nobody is refused for it, and what is
    /// known of the poll here expires by itself.
    pub async fn note_made_change(self: &Arc<Self>, store: &Arc<dyn Store>, id: PollId) {
        if let Err(error) = self.note_change(store, id).await {
            tracing::warn!(poll = %id, error = %error, "a changed poll could not be read again; it will be soon");
        }
    }

    /// Forgets what is known of a site's polls, because its origins have changed.
    pub fn note_site(&self, site: &SiteId) {
        self.publish(Message::Site(site.clone()));
        self.polls.forget_site(site);
    }

    fn publish(&self, message: Message) {
        if let Some(publish_queue) = &self.publish_queue {
            publish_queue.put_message(message);
        }
    }

    /// Marks a subscription at every change of a poll from now on, and keeps the poll fresh for as long.
    pub(super) fn subscribe(&self, id: PollId, subscription: &Arc<Subscription>) -> Arc<HubEntry> {
        let mut shard = self.shard(id).write();
        let entry = shard.entry(id).or_insert_with(|| Arc::new(HubEntry::new(id, self.moment())));
        // Under the lock, so that the poll is not forgotten in between.
        entry.subscribe(Arc::clone(subscription));
        Arc::clone(entry)
    }

    /// How many polls are in the hub.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The time by the hub's coarse clock.
    pub(super) fn moment(&self) -> u64 {
        self.moment.load(Relaxed)
    }

    /// Moves the coarse clock on.
    pub(super) fn set_moment(&self, millis: u64) {
        self.moment.store(millis, Relaxed);
    }

    /// The live polls that are due to be read again: not read for so long, or opened or closed by the clock since.
    pub(super) fn due(&self, after: Duration) -> Vec<PollId> {
        let (moment, now, after) = (self.moment(), self.clock.now(), millis(after));
        let is_due = |entry: &HubEntry| {
            let is_old = moment.saturating_sub(entry.read_at()) >= after;
            (entry.is_listened_to() || self.is_live(entry.asked_at()))
                && (is_old || entry.newest().is_some_and(|newest| newest.is_overtaken(now)))
        };
        let mut due: Vec<(u64, PollId)> = Vec::new();
        for shard in &self.shards {
            let shard = shard.read();
            due.extend(shard.values().filter(|entry| is_due(entry)).map(|entry| (entry.read_at(), entry.id)));
        }
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Forgets what nobody has asked for in [`KEPT_FOR`].
    pub(super) fn sweep(&self) {
        let (moment, kept) = (self.moment(), millis(KEPT_FOR));
        for shard in &self.shards {
            let mut shard = shard.write();
            shard.retain(|_, entry| {
                let is_kept = entry.is_listened_to() || moment.saturating_sub(entry.asked_at()) < kept;
                if !is_kept {
                    self.unfollow(entry);
                }
                is_kept
            });
        }
    }

    /// Stops following a poll that is forgotten.
    fn unfollow(&self, entry: &HubEntry) {
        if entry.is_followed() {
            self.unfollowed.lock().push(entry.id);
        }
    }

    fn ask(&self, entry: &HubEntry) -> bool {
        self.is_live(entry.ask(self.moment())) || entry.is_listened_to()
    }

    fn is_live(&self, asked_at: u64) -> bool {
        self.moment().saturating_sub(asked_at) < millis(LIVE_FOR)
    }

    /// Forgets a deleted poll. Returns `None`, as every read of it does from now on.
    pub(super) fn note_gone(&self, entry: &HubEntry) -> Option<Arc<KnownTally>> {
        // An article's poll that streams wait for was never there: it comes with its first ballot.
        if entry.is_listened_to() && entry.newest().is_none() {
            return None;
        }
        self.shard(entry.id).write().remove(&entry.id);
        self.unfollow(entry);
        entry.note_gone();
        None
    }

    fn find(&self, id: PollId) -> Option<Arc<HubEntry>> {
        self.shard(id).read().get(&id).cloned()
    }

    pub(super) fn find_or_add(&self, id: PollId) -> Arc<HubEntry> {
        if let Some(entry) = self.find(id) {
            return entry;
        }
        let mut shard = self.shard(id).write();
        if shard.len() >= MOST_PER_SHARD && !shard.contains_key(&id) {
            let without_streams = shard.values().filter(|entry| !entry.is_listened_to());
            let longest_ago = without_streams.min_by_key(|entry| entry.asked_at()).map(|entry| entry.id);
            longest_ago.and_then(|id| shard.remove(&id)).inspect(|entry| self.unfollow(entry));
        }
        Arc::clone(shard.entry(id).or_insert_with(|| Arc::new(HubEntry::new(id, self.moment()))))
    }

    fn shard(&self, id: PollId) -> &RwLock<Shard> {
        // The last byte of an id is random.
        let [.., last] = *id.as_bytes();
        let [first, rest @ ..] = &self.shards;
        match usize::from(last) % SHARDS {
            0 => first,
            nth => rest.get(nth - 1).unwrap_or(first),
        }
    }
}

fn is_draft(snapshot: &KnownTally) -> bool {
    snapshot.poll.schedule.phase == Phase::Draft
}

fn is_corrupt(error: &StoreError) -> bool {
    match error {
        StoreError::Corrupt(_) | StoreError::Damaged(_) | StoreError::Unfit(_) => true,
        StoreError::Unavailable(_) | StoreError::Overloaded => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub_at(moment: Duration) -> Hub {
        let hub = Hub::new(Arc::default(), Clock::default(), false);
        hub.set_moment(millis(moment));
        hub
    }

    #[test]
    fn a_poll_nobody_asks_for_is_not_read_again_and_then_forgotten() {
        let hub = hub_at(Duration::from_secs(10));
        let [watched, left] = [PollId::generate(), PollId::generate()];
        for id in [watched, left] {
            hub.find_or_add(id);
        }
        hub.set_moment(millis(Duration::from_secs(11)));
        assert_eq!(hub.due(Duration::from_secs(1)), [watched, left]);
        hub.set_moment(millis(Duration::from_secs(69)));
        assert!(hub.ask(&hub.find(watched).unwrap()), "it was live all the time");
        hub.set_moment(millis(Duration::from_secs(10) + LIVE_FOR));
        assert_eq!(hub.due(Duration::from_secs(1)), [watched]);
        hub.set_moment(millis(Duration::from_secs(10) + KEPT_FOR) - 1);
        hub.sweep();
        assert_eq!(hub.len(), 2);
        assert!(!hub.ask(&hub.find(watched).unwrap()), "it is to be read anew");
        hub.set_moment(millis(Duration::from_secs(10) + KEPT_FOR));
        hub.sweep();
        assert!(hub.find(left).is_none() && hub.find(watched).is_some());
        hub.set_moment(millis(Duration::from_secs(10) + KEPT_FOR * 2));
        hub.sweep();
        assert!(hub.is_empty());
    }

    #[test]
    fn beyond_its_bound_the_hub_forgets_what_was_asked_for_longest_ago() {
        let hub = hub_at(Duration::ZERO);
        let asked: Vec<PollId> = (0..MOST_KNOWN).map(|_| PollId::generate()).collect();
        for (second, id) in (0..).zip(&asked) {
            hub.set_moment(second * 1_000);
            hub.find_or_add(*id);
        }
        let (old, recent) = asked.split_at(MOST_KNOWN / 2);
        for id in old {
            hub.find(*id).inspect(|entry| _ = hub.ask(entry));
        }
        let known = |ids: &[PollId]| ids.iter().filter(|id| hub.find(**id).is_some()).count();
        let known_before = known(old);
        for _ in 0..MOST_KNOWN / 4 {
            hub.find_or_add(PollId::generate());
        }
        assert!(hub.len() <= MOST_KNOWN);
        assert_eq!(known(old), known_before, "all of these were asked for since");
        assert!(known(recent) < MOST_KNOWN / 3);
    }
}
