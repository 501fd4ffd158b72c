//! Views, without HTTP: how often polls and articles were seen, and what of a site is seen, voted in and reacted to
//! most.
//!
//! A view is counted in this replica's memory ([`counts`]) and written by a background task ([`writer`]), a second
//! later at most: so no reader waits for the store, no vote waits for a view, and a crash loses a second of views. What
//! is counted is bounded at every step: what waits in memory, what waits for a store that is away, and what the store
//! keeps.
//!
//! Votes move rankings too. They are counted here where a batch of ballots was committed, and take the same way.
//!
//! An article ranks by one name, and an invented one not at all where a site announces its articles ([`ranked_names`]).
//! A vote that is taken back soon is taken off again ([`recent_ballots`]).
//!
//! A ranking is read from the store once for all who ask within a few seconds ([`trending`]).

mod counts;
mod error;
mod ranked_names;
mod recent_ballots;
mod target;
mod trending;
mod writer;

use std::sync::Arc;

pub use crate::store::{Measure, RankedItem, TrendingWindow};
pub use counts::ViewCounts;
pub use error::ViewError;
pub use target::{ViewTarget, Viewed};
pub use trending::{MOST_LISTED, TrendingEntry, TrendingList, TrendingQuery};
pub use writer::ViewWriter;

use crate::{
    clock::Clock,
    live::{Hub, NameRefusal},
    poll::Poll,
    store::Store,
};
use ranked_names::RankedNames;
use trending::TrendingLists;

/// What the workers of a replica share of this.
#[derive(Clone)]
pub struct ReplicaViews {
    counts: Arc<ViewCounts>,
    hub: Arc<Hub>,
    names: Arc<RankedNames>,
    lists: Arc<TrendingLists>,
    clock: Clock,
}

impl ReplicaViews {
    /// Made of what else the replica has.
    pub fn new(counts: Arc<ViewCounts>, hub: Arc<Hub>, clock: Clock) -> Self {
        let names = Arc::new(RankedNames::new(Arc::clone(&hub)));
        Self { counts, hub, names, lists: Arc::default(), clock }
    }
}

/// One worker's use cases of views.
pub struct Viewing {
    store: Arc<dyn Store>,
    replica: ReplicaViews,
}

impl Viewing {
    /// A worker's, on its store for calls that are not votes.
    pub fn new(store: Arc<dyn Store>, replica: ReplicaViews) -> Self {
        Self { store, replica }
    }

    /// Finds what was seen.
    ///
    /// # Errors
    /// [`ViewError::NoPoll`]; [`NoSite`](ViewError::NoSite); [`NotOfSite`](ViewError::NotOfSite); what the store failed
    /// with, if nothing is known of the poll or the site yet.
    pub async fn find(&self, target: ViewTarget) -> Result<Viewed, ViewError> {
        match target {
            ViewTarget::Poll(id) => {
                let known = self.replica.hub.poll_cache().get(&self.store, id).await?;
                known.map(Viewed::Poll).ok_or(ViewError::NoPoll)
            }
            ViewTarget::Article(site, name) => {
                let site = self.replica.hub.sites().get(&*self.store, &site).await?.ok_or(ViewError::NoSite)?;
                let store = &*self.store;
                let (key, announced) = match self.replica.hub.known_articles().find(store, &site, &name).await {
                    // No view is lost because the store is away: whoever reads the ranking finds the article.
                    Err(NameRefusal::Store(error)) => {
                        (site.article_key(&name).map_err(|_| ViewError::Store(error))?, None)
                    }
                    named => named.map(|named| (named.key, named.announced))?,
                };
                let key = self.replica.names.of(store, &site.id, key, announced.as_deref()).await;
                Ok(Viewed::Article(site, key))
            }
        }
    }

    /// Counts a view.
    pub fn count(&self, viewed: &Viewed) {
        if let Viewed::Poll(known) = viewed {
            self.replica.hub.traces().note_view(known.poll.id);
        }
        self.replica.counts.count(viewed);
    }

    /// Passes over a view that a bot says it is.
    pub fn leave_out(&self) {
        self.replica.counts.leave_out();
    }

    /// How many views a poll has had. For its publisher: a reader is not told.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn views_of(&self, poll: &Poll) -> Result<u64, ViewError> {
        Ok(self.store.poll_views(&poll.site, poll.id).await?)
    }
}
