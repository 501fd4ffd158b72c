//! What of a site is seen, voted in or reacted to most: read once for all who ask within a few seconds.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::{Measure, RankedItem, TrendingWindow, ViewError, Viewing, ranked_names::announces};
use crate::{
    article::{Announced, ArticleKey},
    live::SingleFlightCache,
    poll::{Poll, PollId, SiteId, State, Timestamp},
    site::SiteLook,
    store::ItemScore,
};

/// The most entries of a list.
pub const MOST_LISTED: usize = 50;
/// How many items of a ranking are looked at to fill a list: some are of polls that readers may not see, or were never
/// announced.
const MOST_EXAMINED: usize = 10 * MOST_LISTED;
/// How many for a section's list: most are of others.
const MOST_EXAMINED_FOR_SECTION: usize = 40 * MOST_LISTED;
/// How many are looked up at a time.
const AT_ONCE: usize = 50;
/// How long a list is kept.
const KEPT_FOR: Duration = Duration::from_secs(3);
/// The most lists that are kept. Beyond that, each request for another one reads it for itself.
const MOST_LISTS: usize = 256;

/// The lists that were read lately; `None` for a site that is not there.
pub(super) struct TrendingLists(SingleFlightCache<TrendingQuery, Option<Arc<TrendingList>>>);

impl Default for TrendingLists {
    fn default() -> Self {
        Self(SingleFlightCache::new(KEPT_FOR, MOST_LISTS))
    }
}

/// Which list is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrendingQuery {
    /// Of this site.
    pub site: SiteId,
    /// What ranks its items.
    pub measure: Measure,
    /// How far the ranking looks back.
    pub window: TrendingWindow,
    /// Only articles that were announced for this section.
    pub section: Option<String>,
}

/// What ranks highest on a site.
pub struct TrendingList {
    /// When it was read.
    pub as_of: Timestamp,
    /// At most [`MOST_LISTED`], the highest first.
    pub entries: Vec<TrendingEntry>,
    /// How the site's lists look.
    pub look: SiteLook,
}

/// One item of a ranking.
pub struct TrendingEntry {
    /// Which.
    pub item: RankedItem,
    pub score: f64,
    /// The poll, if it is one.
    pub poll: Option<Arc<Poll>>,
    /// The article as it was announced, if it is one and was.
    pub article: Option<Arc<Announced>>,
}

impl Viewing {
    /// What ranks highest on a site.
    ///
    /// # Errors
    /// [`ViewError::NoSite`]; what the store failed with.
    pub async fn trending(&self, query: TrendingQuery) -> Result<Arc<TrendingList>, ViewError> {
        let read = self.read_list(&query);
        self.replica.lists.0.get(query.clone(), read).await?.ok_or(ViewError::NoSite)
    }

    async fn read_list(&self, query: &TrendingQuery) -> Result<Option<Arc<TrendingList>>, ViewError> {
        let TrendingQuery { site, measure, window, section } = query;
        let Some(of) = self.replica.hub.sites().get(&*self.store, site).await? else { return Ok(None) };
        let as_of = self.replica.clock.now();
        let most = if section.is_some() { MOST_EXAMINED_FOR_SECTION } else { MOST_EXAMINED };
        let ranked = self.store.ranking(site, *measure, *window, most).await?;
        // Anybody can tell of views of an address that they have thought of, whose words are then the line.
        let announces = announces(&*self.store, site).await?;
        let may_stand = |entry: &TrendingEntry| entry.poll.is_some() || entry.article.is_some() || !announces;
        let is_asked = |entry: &TrendingEntry| {
            let found = entry.article.as_ref().and_then(|article| article.section.as_ref());
            section.as_ref().is_none_or(|asked| found.is_some_and(|found| found.as_str() == asked))
        };
        let mut entries: Vec<TrendingEntry> = Vec::with_capacity(MOST_LISTED);
        for items in ranked.chunks(AT_ONCE) {
            if entries.len() >= MOST_LISTED {
                break;
            }
            for entry in join_all(items.iter().map(|item| self.entry(site, item, as_of))).await {
                let Some(entry) = entry?.filter(|entry| may_stand(entry) && is_asked(entry)) else { continue };
                // One that was seen by its address before it was announced, and by its id after.
                match entries.iter_mut().find(|known| known.item == entry.item) {
                    Some(known) => known.score += entry.score,
                    None => entries.push(entry),
                }
            }
        }
        entries.sort_by(|one, other| other.score.total_cmp(&one.score));
        entries.truncate(MOST_LISTED);
        Ok(Some(Arc::new(TrendingList { as_of, entries, look: of.settings.look.clone() })))
    }

    /// What readers are shown of an item; `None` if that is nothing.
    async fn entry(
        &self,
        site: &SiteId,
        ItemScore { item, score }: &ItemScore,
        now: Timestamp,
    ) -> Result<Option<TrendingEntry>, ViewError> {
        let (item, score) = (item.clone(), *score);
        Ok(match item {
            RankedItem::Poll(id) => {
                let poll = self.public_poll(id, now).await?;
                poll.map(|poll| TrendingEntry { item, score, poll: Some(poll), article: None })
            }
            RankedItem::Article(key) => {
                let article = self.replica.hub.known_articles().announced(&*self.store, site, &key).await?;
                let key = article.as_ref().map_or(key, |article| ArticleKey::Id(article.id.clone()));
                Some(TrendingEntry { item: RankedItem::Article(key), score, poll: None, article })
            }
        })
    }

    /// A poll whose tally everyone may see: a score says how many have voted.
    async fn public_poll(&self, id: PollId, now: Timestamp) -> Result<Option<Arc<Poll>>, ViewError> {
        let known = self.replica.hub.poll_cache().get(&self.store, id).await?;
        let poll = known.map(|known| Arc::clone(&known.poll));
        Ok(poll.filter(|poll| {
            let state = poll.state_at(now);
            matches!(state, State::Open | State::Closed) && poll.tells_everyone_its_ballots(state)
        }))
    }
}
