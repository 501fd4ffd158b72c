//! Writes what was counted, in batches, every second.
//!
//! A batch stays the same until the store has taken it, and has a number, so one whose answer was lost is counted once.
//! While the store is away nothing new is taken out of the [counts](super::ViewCounts), where it only adds up: so what
//! waits is bounded.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, future::ready, stream};
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};

use super::{RankedItem, ReplicaViews, ViewCounts, counts::SiteCounts, ranked_names::RankedNames};
use crate::{
    poll::SiteId,
    secret::random_bytes,
    store::{Measure, Store, StoreError, ViewBatch, WriterId},
    telemetry::{Metrics, ViewOutcome},
};

/// How often what was counted is written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// The most polls, and the most items, in a batch: no vote waits long behind it.
const LARGEST_BATCH: usize = 256;
/// How many articles are looked up at once: a store that hangs holds up the views of all sites.
const NAMED_AT_ONCE: usize = 64;

/// A replica's writer.
pub struct ViewWriter {
    counts: Arc<ViewCounts>,
    names: Arc<RankedNames>,
    id: WriterId,
    unsent: Mutex<Unsent>,
    metrics: Arc<Metrics>,
}

/// What the store has not taken yet.
#[derive(Default)]
struct Unsent {
    /// What was taken of the counts, by site, and has no names to rank by yet.
    unnamed: VecDeque<(SiteId, SiteCounts)>,
    batches: VecDeque<ViewBatch>,
    last_number: u64,
    is_failing: bool,
}

impl ViewWriter {
    /// A writer of what a replica counts.
    pub fn new(views: &ReplicaViews, metrics: Arc<Metrics>) -> Self {
        let (counts, names) = (Arc::clone(&views.counts), Arc::clone(&views.names));
        Self { counts, names, id: WriterId(random_bytes()), unsent: Mutex::default(), metrics }
    }

    /// Writes every second. Never ends.
    pub async fn run(self: Arc<Self>, store: Arc<dyn Store>) {
        let mut every = interval(WRITE_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.write(&*store).await;
        }
    }

    /// Writes all that was counted, as far as the store takes it.
    pub async fn write(&self, store: &dyn Store) {
        let mut unsent = self.unsent.lock().await;
        if unsent.batches.is_empty() {
            unsent.unnamed.extend(self.counts.take());
            // Whoever ends this while it waits loses nothing: the next one goes on.
            while let Some((site, counts)) = unsent.unnamed.front().cloned() {
                let counts = self.renamed(store, &site, counts).await;
                let most_ranked = self.names.most_ranked(store, &site).await;
                unsent.unnamed.pop_front();
                self.add_batches(&mut unsent, &site, counts, most_ranked);
            }
        }
        while let Some(batch) = unsent.batches.front() {
            let views = views(batch);
            let outcome = match store.count_views(batch).await {
                Ok(()) => ViewOutcome::Written,
                // It would stand in the way of all others for ever.
                Err(StoreError::Corrupt(what)) => {
                    tracing::error!(what, "a batch of views could not be counted, and is dropped");
                    ViewOutcome::Dropped
                }
                Err(error) => {
                    self.metrics.count_store_failure("count_views");
                    if !std::mem::replace(&mut unsent.is_failing, true) {
                        tracing::warn!(error = %error, "views can't be written; they are kept, and written later");
                    }
                    return;
                }
            };
            self.metrics.count_views(outcome, views);
            unsent.batches.pop_front();
        }
        unsent.is_failing = false;
    }

    /// What was counted, with what was voted in articles' polls by the names that articles rank by, as views are
    /// already.
    async fn renamed(&self, store: &dyn Store, site: &SiteId, counts: SiteCounts) -> SiteCounts {
        let rename = async |(measure, item, count)| match (measure, item) {
            (Measure::Votes | Measure::Reactions, RankedItem::Article(key)) => {
                let key = self.names.of_named(store, site, key).await?;
                Some((measure, RankedItem::Article(key), count))
            }
            (_, item) => Some((measure, item, count)),
        };
        let items = stream::iter(counts.items).map(rename).buffered(NAMED_AT_ONCE);
        SiteCounts { polls: counts.polls, items: items.filter_map(ready).collect().await }
    }

    fn add_batches(
        &self,
        unsent: &mut Unsent,
        site: &SiteId,
        SiteCounts { mut polls, mut items }: SiteCounts,
        most_ranked: u32,
    ) {
        while !polls.is_empty() || !items.is_empty() {
            unsent.last_number += 1;
            unsent.batches.push_back(ViewBatch {
                writer: self.id,
                number: unsent.last_number,
                site: site.clone(),
                polls: polls.split_off(polls.len().saturating_sub(LARGEST_BATCH)),
                items: items.split_off(items.len().saturating_sub(LARGEST_BATCH)),
                most_ranked,
            });
        }
    }
}

/// How many views are in a batch.
fn views(batch: &ViewBatch) -> u64 {
    // Those of articles are among the items.
    let of_polls: u64 = batch.polls.iter().filter(|seen| seen.template.is_none()).map(|seen| seen.views).sum();
    let of_articles = batch.items.iter().filter(|(measure, ..)| *measure == Measure::Views);
    of_polls + of_articles.map(|(.., count)| count.unsigned_abs()).sum::<u64>()
}
