//! Polls as last read from the store, shared by all workers of a replica.
//!
//! Voting never depends on how fresh these are, since the store compares revisions. They save each vote a read.
//!
//! Drafts are not kept. So asking for one costs as much as asking for an id that nobody has: one read of its
//! definition, every time. If a draft were kept, or its site read too, the time of the answer would show that it
//! exists.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::{
    poll::{Phase, Poll, PollId, SiteId},
    site::Site,
    store::{Store, StoreError},
    voter::SiteDigest,
};

/// How old a poll may be before it is read again.
const FRESH: Duration = Duration::from_secs(1);

/// How long after the store last confirmed a poll it may have changed unnoticed: longer than a slow read takes.
const UNCONFIRMED: Duration = Duration::from_secs(5);

/// How long a reader waits for a poll to be read again, with an older one in hand.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(50);

/// Beyond so many polls, those not read for [`FRESH`] are forgotten; if that frees nothing, all are.
const MOST_KNOWN: usize = 10_000;

/// A poll and the site that owns it.
#[derive(Debug)]
pub struct PollWithSite {
    pub poll: Arc<Poll>,
    pub site: Site,
    /// What tokens say of the site.
    pub site_digest: SiteDigest,
}

impl PollWithSite {
    /// A poll and its site.
    pub fn new(poll: Poll, site: Site) -> Self {
        let site_digest = SiteDigest::of(&site.id);
        Self { poll: Arc::new(poll), site, site_digest }
    }
}

/// The polls. See the module.
#[derive(Default)]
pub struct PollCache(RwLock<FxHashMap<PollId, CachedPoll>>);

struct CachedPoll {
    known: Arc<PollWithSite>,
    read_at: Instant,
    /// It is known to have changed since.
    is_expired: bool,
    /// When a read that found this poll as it is last began.
    confirmed_at: Instant,
}

impl CachedPoll {
    fn is_fresh(&self) -> bool {
        !self.is_expired && self.read_at.elapsed() < FRESH
    }
}

impl PollCache {
    /// A poll at most a second old; older only while the store does not answer. `None` if there is none.
    pub async fn get(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        id: PollId,
    ) -> Result<Option<Arc<PollWithSite>>, StoreError> {
        let stale = {
            let polls = self.0.read();
            match polls.get(&id) {
                Some(entry) if entry.is_fresh() => return Ok(Some(Arc::clone(&entry.known))),
                Some(entry) => Some(Arc::clone(&entry.known)),
                None => None,
            }
        };
        let Some(stale) = stale else { return self.refresh(&**store, id).await };
        // One reader reads it again; the others use what is there until that is done.
        if !self.claim(id) {
            return Ok(Some(stale));
        }
        let (polls, store) = (Arc::clone(self), Arc::clone(store));
        match within(REFRESH_TIMEOUT, async move { polls.read(&*store, id, true).await }).await {
            None | Some(Err(StoreError::Unavailable(_) | StoreError::Overloaded)) => Ok(Some(stale)),
            Some(answer) => answer,
        }
    }

    /// A poll as it was last read, however long ago; `None` if it was not.
    pub fn if_known(&self, id: PollId) -> Option<Arc<PollWithSite>> {
        let polls = self.0.read();
        polls.get(&id).map(|entry| Arc::clone(&entry.known))
    }

    /// Whether the store has not confirmed a poll lately, so that it may have changed unnoticed.
    pub fn is_unconfirmed(&self, id: PollId) -> bool {
        let polls = self.0.read();
        polls.get(&id).is_none_or(|entry| entry.confirmed_at.elapsed() >= UNCONFIRMED)
    }

    /// Reads a poll from the store and keeps it. Returns it, or a later revision that has become known meanwhile;
    /// `None` if there is no such poll, or it is a draft.
    pub async fn refresh(&self, store: &dyn Store, id: PollId) -> Result<Option<Arc<PollWithSite>>, StoreError> {
        self.read(store, id, false).await
    }

    /// The same; of one that is there already, nothing is kept if it was deleted meanwhile.
    async fn read(
        &self,
        store: &dyn Store,
        id: PollId,
        is_again: bool,
    ) -> Result<Option<Arc<PollWithSite>>, StoreError> {
        let began = Instant::now();
        let Some(poll) = store.poll(id).await?.filter(|poll| poll.schedule.phase != Phase::Draft) else {
            self.write(|polls| polls.remove(&id));
            return Ok(None);
        };
        let Some(site) = store.site(&poll.site).await? else {
            // A site is deleted after its polls: this poll may have been deleted since it was read.
            if store.poll(id).await?.is_some() {
                return Err(StoreError::Corrupt(format!("poll {id} belongs to no site")));
            }
            self.write(|polls| polls.remove(&id));
            return Ok(None);
        };
        let known = Arc::new(PollWithSite::new(poll, site));
        Ok(Some(self.write(|polls| {
            if is_again && !polls.contains_key(&id) {
                return known;
            }
            if polls.len() >= MOST_KNOWN && !polls.contains_key(&id) {
                polls.retain(|_, entry| entry.read_at.elapsed() < FRESH);
                if polls.len() >= MOST_KNOWN {
                    polls.clear();
                }
            }
            let now = Instant::now();
            let entry = polls.entry(id).or_insert_with(|| CachedPoll {
                known: Arc::clone(&known),
                read_at: now,
                is_expired: false,
                confirmed_at: now,
            });
            // Two reads may cross: the later revision stays, and of two polls of one article the later one. But a store
            // that has less than it had before it was asked has lost an edit, and is right.
            let place = |of: &PollWithSite| (of.poll.revision, of.poll.created_at);
            if place(&entry.known) <= place(&known) || began > entry.confirmed_at {
                *entry = CachedPoll { known, read_at: now, is_expired: false, confirmed_at: now };
            }
            Arc::clone(&entry.known)
        })))
    }

    /// Makes the next request read a poll again.
    pub fn expire(&self, id: PollId) {
        let is_known = self.if_known(id).is_some();
        if is_known {
            self.write(|polls| polls.get_mut(&id).map(|entry| entry.is_expired = true));
        }
    }

    /// Makes the next request read a poll again, for every poll of a site.
    pub fn expire_site(&self, site: &SiteId) {
        self.write(|polls| {
            for entry in polls.values_mut().filter(|entry| entry.known.site.id == *site) {
                entry.is_expired = true;
            }
        });
    }

    /// Forgets every poll of a site, because its origins have changed.
    pub fn forget_site(&self, site: &SiteId) {
        self.write(|polls| polls.retain(|_, entry| entry.known.site.id != *site));
    }

    /// Claims the right to read a poll again. Returns whether nobody else has it.
    fn claim(&self, id: PollId) -> bool {
        self.write(|polls| match polls.get_mut(&id) {
            Some(entry) if !entry.is_fresh() => {
                entry.read_at = Instant::now();
                entry.is_expired = false;
                true
            }
            Some(_) | None => false,
        })
    }

    fn write<T>(&self, change: impl FnOnce(&mut FxHashMap<PollId, CachedPoll>) -> T) -> T {
        change(&mut self.0.write())
    }
}

/// What a future gives within this time; else it goes on in a task of its own. So a poll is read again also from a
/// store that is further away than its readers wait.
async fn within<T: Send + 'static>(time: Duration, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
    tokio::time::timeout(time, tokio::spawn(future)).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_than_a_reader_waits_is_done_all_the_same() {
        let done = Arc::new(RwLock::new(0));
        let takes = |time: Duration| {
            let done = Arc::clone(&done);
            async move {
                tokio::time::sleep(time).await;
                *done.write() += 1;
            }
        };
        assert_eq!(within(REFRESH_TIMEOUT, takes(REFRESH_TIMEOUT / 2)).await, Some(()));
        assert_eq!(within(REFRESH_TIMEOUT, takes(REFRESH_TIMEOUT * 2)).await, None);
        assert_eq!(*done.read(), 1);
        tokio::time::sleep(REFRESH_TIMEOUT * 2).await;
        assert_eq!(*done.read(), 2);
    }
}
