//! Under which name an article ranks, and whether it does.
//!
//! Anybody can tell of views of an address that they have thought of. So on a site that announces its articles no other
//! ranks: a flood of inventions takes no line, and no place among the items that are looked at to fill a list. Those
//! that are announced rank by their ids, which are short. Elsewhere an article ranks by its address, unless that is
//! longer than those that sites have, and only so many do: a ranking's memory is bounded in bytes, whatever is
//! invented.

use std::{sync::Arc, time::Duration};

use crate::{
    article::{Announced, ArticleKey},
    live::{Hub, StaleIfErrorCache},
    poll::SiteId,
    store::{Store, StoreError},
};

/// How long it is known whether a site announces its articles.
const KNOWN_FOR: Duration = Duration::from_secs(3);
/// Of how many sites.
const MOST_SITES: usize = 10_000;
/// The longest address, in bytes, by which an article ranks: 150 letters of Arabic, escaped, and a host. Longer ones
/// are seen and voted in as others are.
const LONGEST_ADDRESS: usize = 1_024;
/// The most items that a ranking keeps: beyond, those with the lowest scores are forgotten.
const MOST_RANKED: u32 = 100_000;
/// The same, on a site that announces no articles.
const MOST_RANKED_UNANNOUNCED: u32 = 10_000;

/// What a replica knows of that.
pub(super) struct RankedNames {
    hub: Arc<Hub>,
    announcing: StaleIfErrorCache<SiteId, bool>,
}

impl RankedNames {
    /// Nothing yet.
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, announcing: StaleIfErrorCache::new(KNOWN_FOR, MOST_SITES) }
    }

    async fn announces(&self, store: &dyn Store, site: &SiteId) -> Result<bool, StoreError> {
        self.announcing.get(site, announces(store, site)).await
    }

    /// The name under which an article of a site ranks; `None` if it does not.
    pub(super) async fn of(
        &self,
        store: &dyn Store,
        site: &SiteId,
        key: ArticleKey,
        announced: Option<&Announced>,
    ) -> Option<ArticleKey> {
        if let Some(article) = announced {
            return Some(ArticleKey::Id(article.id.clone()));
        }
        let is_short = match &key {
            ArticleKey::Id(_) => true,
            ArticleKey::Address(address) => address.as_str().len() <= LONGEST_ADDRESS,
        };
        // While the store is away nothing is lost: whoever reads the ranking leaves out what is not announced.
        let is_ranked = is_short && !self.announces(store, site).await.unwrap_or(false);
        is_ranked.then_some(key)
    }

    /// The same for an article of which nothing but its name is known.
    pub(super) async fn of_named(&self, store: &dyn Store, site: &SiteId, key: ArticleKey) -> Option<ArticleKey> {
        match self.hub.known_articles().announced(store, site, &key).await {
            Ok(announced) => self.of(store, site, key, announced.as_deref()).await,
            Err(_) => Some(key),
        }
    }

    /// The most items that a ranking of a site keeps.
    pub(super) async fn most_ranked(&self, store: &dyn Store, site: &SiteId) -> u32 {
        let announces = self.announces(store, site).await.unwrap_or(true);
        if announces { MOST_RANKED } else { MOST_RANKED_UNANNOUNCED }
    }
}

/// Whether a site announces its articles.
///
/// # Errors
/// What the store failed with.
pub(super) async fn announces(store: &dyn Store, site: &SiteId) -> Result<bool, StoreError> {
    Ok(!store.articles(site, None, 1).await?.is_empty())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        article::{MOST_ANNOUNCED, TITLE},
        clock::Clock,
        poll::{Text, Timestamp},
        site::SiteSettings,
        store::sqlite::SqliteStore,
    };

    #[tokio::test]
    async fn where_articles_are_announced_no_other_ranks_and_elsewhere_none_with_a_long_address() {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("sawt.db"), 1, Clock::default()).unwrap();
        let store: &dyn Store = &store;
        let site = SiteId::default();
        let address = |name: &str| ArticleKey::Address(format!("https://news.example/{name}").parse().unwrap());
        let (id, short, long) = (ArticleKey::Id("7".parse().unwrap()), address("7"), address(&"a".repeat(1_010)));
        let names = || RankedNames::new(Arc::new(Hub::new(Arc::default(), Clock::default(), false)));
        let before = names();
        for (key, is_ranked) in [(&id, true), (&short, true), (&long, false)] {
            let ranked = before.of_named(store, &site, key.clone()).await;
            assert_eq!(ranked.as_ref(), Some(key).filter(|_| is_ranked));
        }
        assert_eq!(before.most_ranked(store, &site).await, MOST_RANKED_UNANNOUNCED);
        let ArticleKey::Address(at) = &long else { panic!("an address") };
        let article = Announced {
            id: "a-1".parse().unwrap(),
            title: Text::parse("خبر", TITLE).unwrap(),
            url: at.as_str().parse().unwrap(),
            address: at.clone(),
            first_address: None,
            section: None,
            published_at: Timestamp::EARLIEST,
            announced_at: Timestamp::EARLIEST,
        };
        store.put_site(&site, SiteSettings::default(), &[]).await.unwrap();
        store.put_article(&site, &article, MOST_ANNOUNCED).await.unwrap();
        let after = names();
        for (key, expected) in [(id, None), (short, None), (long, Some(ArticleKey::Id("a-1".parse().unwrap())))] {
            assert_eq!(after.of_named(store, &site, key).await, expected);
        }
        assert_eq!(after.most_ranked(store, &site).await, MOST_RANKED);
    }
}
