//! Announced articles as last read from the store, shared by all workers of a replica.
//!
//! Readers name articles in every request, and most of what they name is known already, or was never announced. So
//! what was read is kept for a few seconds, also that there is no such article; those who ask while it is read share
//! that reading, its failure too. Publishers see their own changes at once on the replica that made them.
//!
//! Memory is bounded whatever readers invent: there are two halves, and when the newer one is full, it becomes the
//! older one, and what that held is forgotten.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::OnceCell;

use crate::{
    article::{Announced, ArticleKey, ArticleName},
    poll::SiteId,
    site::{AddressRefusal, Site},
    store::{Store, StoreError},
};

/// How long an article is known before it is read again.
const KEPT_FOR: Duration = Duration::from_secs(3);
/// The most articles in each half.
const MOST_IN_HALF: usize = 4_096;

/// The articles. See the module.
#[derive(Default)]
pub struct KnownArticles(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    newer: Half,
    older: Half,
}

type Half = FxHashMap<(SiteId, ArticleKey), Known>;

/// An article, or that there is none.
type Found = Option<Arc<Announced>>;

#[derive(Clone)]
struct Known {
    begun_at: Instant,
    reading: Arc<OnceCell<Result<Found, Arc<StoreError>>>>,
    /// What was found before: for those who ask while it is read again, or while the store is away.
    before: Option<Found>,
}

/// Why a name is none of a site's articles.
#[derive(Debug)]
pub enum NameRefusal {
    /// The address is none of the site's.
    Address(AddressRefusal),
    /// The store did not say whether it was announced.
    Store(Arc<StoreError>),
}

/// An article that a request names.
#[derive(Debug, Clone)]
pub struct NamedArticle {
    /// What its polls and views are named by.
    pub key: ArticleKey,
    /// As it was announced, if it was.
    pub announced: Option<Arc<Announced>>,
}

impl KnownArticles {
    /// An article of a site, whichever way it is named: an address that was announced for an article is that article.
    /// Whoever votes, reads or sees goes by this.
    ///
    /// # Errors
    /// [`NameRefusal`]; without asking the store, if the address is not the site's.
    pub async fn find(&self, store: &dyn Store, site: &Site, name: &ArticleName) -> Result<NamedArticle, NameRefusal> {
        let key = site.article_key(name).map_err(NameRefusal::Address)?;
        let announced = self.announced(store, &site.id, &key).await.map_err(NameRefusal::Store)?;
        Ok(NamedArticle { key: announced.as_ref().map_or(key, |article| article.key()), announced })
    }

    /// The article that a key of a site names, at most a few seconds old; older only while the store does not answer.
    /// `None` if none was announced.
    ///
    /// # Errors
    /// What the store failed with, if nothing is known of the article.
    pub async fn announced(
        &self,
        store: &dyn Store,
        site: &SiteId,
        key: &ArticleKey,
    ) -> Result<Option<Arc<Announced>>, Arc<StoreError>> {
        self.get(site, key, async { Ok(store.article(site, key).await?.map(Arc::new)) }).await
    }

    /// Makes the next request read an article again, by either name.
    pub fn forget(&self, site: &SiteId, article: &Announced) {
        let mut halves = self.0.lock();
        for key in article.keys() {
            let key = (site.clone(), key);
            halves.newer.remove(&key);
            halves.older.remove(&key);
        }
    }

    async fn get(
        &self,
        site: &SiteId,
        key: &ArticleKey,
        read: impl Future<Output = Result<Found, StoreError>>,
    ) -> Result<Found, Arc<StoreError>> {
        let key = (site.clone(), key.clone());
        let (Known { reading, before, .. }, is_first) = self.0.lock().known(key, Instant::now());
        if let (Some(before), false, None) = (&before, is_first, reading.get()) {
            return Ok(before.clone());
        }
        match (reading.get_or_init(async || read.await.map_err(Arc::new)).await, before) {
            (Ok(found), _) => Ok(found.clone()),
            (Err(error), Some(before)) if is_away(error) => Ok(before),
            (Err(error), _) => Err(Arc::clone(error)),
        }
    }
}

impl Halves {
    /// What is known by a key, and whether the caller is the first to read it.
    fn known(&mut self, key: (SiteId, ArticleKey), now: Instant) -> (Known, bool) {
        let kept = self.newer.get(&key).or_else(|| self.older.get(&key));
        if let Some(kept) = kept.filter(|kept| kept.is_fresh(now)) {
            return (kept.clone(), false);
        }
        let before = kept.and_then(Known::newest);
        let known = Known { begun_at: now, reading: Arc::default(), before };
        if self.newer.len() >= MOST_IN_HALF && !self.newer.contains_key(&key) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, known.clone());
        (known, true)
    }
}

impl Known {
    /// Whether it need not be read again. What could not be read is, by whoever asks next.
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun_at) < KEPT_FOR && !matches!(self.reading.get(), Some(Err(_)))
    }

    fn newest(&self) -> Option<Found> {
        match self.reading.get() {
            Some(Ok(found)) => Some(found.clone()),
            Some(Err(_)) | None => self.before.clone(),
        }
    }
}

fn is_away(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::Overloaded)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::pending};

    use futures_util::{FutureExt as _, future::join_all};

    use super::*;
    use crate::{
        article::{ArticleAddress, TITLE},
        poll::{Text, Timestamp},
    };

    fn key(number: usize) -> ArticleKey {
        ArticleKey::Id(number.to_string().parse().unwrap())
    }

    fn article(number: usize) -> Arc<Announced> {
        let address: ArticleAddress = format!("https://news.example/{number}").parse().unwrap();
        Arc::new(Announced {
            id: number.to_string().parse().unwrap(),
            title: Text::parse("خبر", TITLE).unwrap(),
            url: address.as_str().parse().unwrap(),
            address,
            first_address: None,
            section: None,
            published_at: Timestamp::EARLIEST,
            announced_at: Timestamp::EARLIEST,
        })
    }

    /// Makes whatever is known old enough to be read again.
    fn age(known: &KnownArticles) {
        let mut halves = known.0.lock();
        let Halves { newer, older } = &mut *halves;
        for kept in newer.values_mut().chain(older.values_mut()) {
            kept.begun_at = kept.begun_at.checked_sub(KEPT_FOR).unwrap();
        }
    }

    #[tokio::test]
    async fn a_crowd_that_names_an_article_costs_the_store_one_reading_whether_or_not_there_is_one() {
        let (known, site) = (KnownArticles::default(), SiteId::default());
        for (number, found) in [(1, Some(article(1))), (2, None)] {
            let readings = Cell::new(0);
            let key = key(number);
            let ask = || {
                known.get(&site, &key, async {
                    readings.set(readings.get() + 1);
                    tokio::task::yield_now().await;
                    Ok(found.clone())
                })
            };
            let crowd = join_all((0..50).map(|_| ask())).await;
            assert!(crowd.into_iter().all(|answer| answer.unwrap() == found));
            ask().await.unwrap();
            assert_eq!(readings.get(), 1);
            age(&known);
            ask().await.unwrap();
            assert_eq!(readings.get(), 2, "it is read again after a while");
        }
    }

    #[tokio::test]
    async fn what_was_known_is_told_while_the_store_is_away_and_nobody_waits_for_it_twice() {
        let (known, site, key) = (KnownArticles::default(), SiteId::default(), key(1));
        let away = || async { Err(StoreError::unavailable("frozen")) };
        let crowd = join_all((0..5).map(|_| known.get(&site, &key, away()))).await;
        assert!(crowd.iter().all(Result::is_err), "a failure is shared");
        assert_eq!(
            known.get(&site, &key, async { Ok(Some(article(1))) }).await.unwrap(),
            Some(article(1)),
            "and not kept"
        );
        age(&known);
        let mut slow = Box::pin(known.get(&site, &key, pending()));
        assert!(slow.as_mut().now_or_never().is_none());
        assert_eq!(known.get(&site, &key, pending()).now_or_never().unwrap().unwrap(), Some(article(1)));
        drop(slow);
        age(&known);
        for _ in 0..2 {
            assert_eq!(known.get(&site, &key, away()).await.unwrap(), Some(article(1)));
        }
    }

    #[tokio::test]
    async fn what_its_publisher_has_changed_is_read_again_at_once_by_either_name() {
        let (known, site) = (KnownArticles::default(), SiteId::default());
        let changed = article(1);
        for key in changed.keys() {
            known.get(&site, &key, async { Ok(None) }).await.unwrap();
        }
        known.forget(&site, &changed);
        for key in changed.keys() {
            assert_eq!(known.get(&site, &key, async { Ok(Some(article(1))) }).await.unwrap(), Some(article(1)));
        }
    }

    #[tokio::test]
    async fn whoever_invents_articles_fills_no_memory() {
        let (known, site) = (KnownArticles::default(), SiteId::default());
        for number in 0..3 * MOST_IN_HALF {
            known.get(&site, &key(number), async { Ok(None) }).await.unwrap();
        }
        let halves = known.0.lock();
        assert_eq!((halves.newer.len(), halves.older.len()), (MOST_IN_HALF, MOST_IN_HALF));
    }
}
