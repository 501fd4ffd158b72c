//! What of a site is seen, voted in or reacted to most: read once for all who ask within a few seconds.

use std::{sync::Arc, time::Duration};

use super::{Measure, RankedItem, TrendingWindow, ViewError, Viewing};
use crate::{
    live::BriefCache,
    poll::{Poll, PollId, SiteId, State, Timestamp, Viewer},
    store::ItemScore,
};

/// The most entries of a list.
pub const MOST_LISTED: usize = 50;
/// How many items of a ranking are looked at to fill a list: some are of polls that readers may not see.
const MOST_EXAMINED: usize = 4 * MOST_LISTED;
/// How long a list is kept.
const KEPT_FOR: Duration = Duration::from_secs(3);
/// The most lists that are kept. Beyond that, each request for another one reads it for itself.
const MOST_LISTS: usize = 256;

/// The lists that were read lately; `None` for a site that is not there.
pub(super) struct TrendingLists(BriefCache<(SiteId, Measure, TrendingWindow), Option<Arc<TrendingList>>>);

impl Default for TrendingLists {
    fn default() -> Self {
        Self(BriefCache::new(KEPT_FOR, MOST_LISTS))
    }
}

/// What ranks highest on a site.
pub struct TrendingList {
    /// When it was read.
    pub as_of: Timestamp,
    /// At most [`MOST_LISTED`], the highest first.
    pub entries: Vec<TrendingEntry>,
}

/// One item of a ranking.
pub struct TrendingEntry {
    /// Which.
    pub item: RankedItem,
    /// Its score.
    pub score: f64,
    /// The poll, if it is one.
    pub poll: Option<Arc<Poll>>,
}

impl Viewing {
    /// What ranks highest on a site.
    ///
    /// # Errors
    /// [`ViewError::NoSite`]; what the store failed with.
    pub async fn trending(
        &self,
        site: &SiteId,
        measure: Measure,
        window: TrendingWindow,
    ) -> Result<Arc<TrendingList>, ViewError> {
        let read = self.read_list(site, measure, window);
        self.replica.lists.0.get((site.clone(), measure, window), read).await?.ok_or(ViewError::NoSite)
    }

    async fn read_list(
        &self,
        site: &SiteId,
        measure: Measure,
        window: TrendingWindow,
    ) -> Result<Option<Arc<TrendingList>>, ViewError> {
        if self.replica.sites.get(&*self.store, site).await?.is_none() {
            return Ok(None);
        }
        let as_of = self.replica.clock.now();
        let ranked = self.store.ranking(site, measure, window, MOST_EXAMINED).await?;
        let mut entries = Vec::with_capacity(MOST_LISTED);
        for ItemScore { item, score } in ranked {
            if entries.len() == MOST_LISTED {
                break;
            }
            let poll = match item {
                RankedItem::Article(_) => None,
                RankedItem::Poll(id) => match self.public_poll(id, as_of).await? {
                    Some(poll) => Some(poll),
                    None => continue,
                },
            };
            entries.push(TrendingEntry { item, score, poll });
        }
        Ok(Some(Arc::new(TrendingList { as_of, entries })))
    }

    /// A poll whose tally everyone may see: a score says how many have voted.
    async fn public_poll(&self, id: PollId, now: Timestamp) -> Result<Option<Arc<Poll>>, ViewError> {
        let known = self.replica.polls.get(&*self.store, id).await?;
        let poll = known.map(|known| Arc::clone(&known.poll));
        Ok(poll.filter(|poll| {
            let state = poll.state_at(now);
            matches!(state, State::Open | State::Closed) && poll.results.shows(Viewer::Everyone, state)
        }))
    }
}
