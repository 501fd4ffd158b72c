//! Articles that a site's publisher has announced.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    article::{Announced, ArticleAddress, ArticleCursor, ArticleId, ArticleKey},
    poll::SiteId,
    secret::first_bytes,
};

/// Announced articles. They go with their site.
#[async_trait]
pub trait Articles: Send + Sync {
    /// Keeps an article of an existing site, in place of the one with its id. Its address names this one from then on,
    /// and not the one it named before. If the site then has more than `most`, others that were published first go.
    ///
    /// A new article's [`first_address`](Announced::first_address) is its address, unless that names another, or is the
    /// first one of another, wherever that stands by now: no two have the same. Whoever replaces an article keeps it.
    /// It goes on naming the article after the address has changed, until another article is announced with it; other
    /// addresses that it had name nothing.
    async fn put_article(&self, site: &SiteId, article: &Announced, most: usize) -> Result<ArticlePutting, StoreError>;

    /// The article that a key names.
    async fn article(&self, site: &SiteId, key: &ArticleKey) -> Result<Option<Announced>, StoreError>;

    /// A site's articles, those published last first: at most `limit` of those that stand behind a place, whether or
    /// not an article stands there.
    async fn articles(
        &self,
        site: &SiteId,
        before: Option<&ArticleCursor>,
        limit: usize,
    ) -> Result<Vec<Announced>, StoreError>;

    /// Deletes an article. Returns whether there was one.
    async fn delete_article(&self, site: &SiteId, id: &ArticleId) -> Result<bool, StoreError>;
}

/// What [`Articles::put_article`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArticlePutting {
    /// The article is new, and kept as this.
    Made(Announced),
    /// It took the place of the one with its id, and is kept as this.
    Replaced(Announced),
    /// There is no such site.
    NoSite,
}

/// What stands for an address in an index: shorter, and as good as the address.
pub(super) fn address_digest(address: &ArticleAddress) -> [u8; 16] {
    first_bytes(blake3::hash(address.as_str().as_bytes()).into())
}
