//! Announced articles. All of a site lie in its hash slot, so one step writes an article, its address and its place.

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    article::{Announced, ArticleId, ArticleKey, ArticlePlace},
    poll::SiteId,
    store::{ArticlePutting, Articles, StoreError, articles::address_digest, record},
};

/// The length of the digest that a record begins with.
const DIGEST: usize = 16;

#[async_trait]
impl Articles for RedisStore {
    async fn put_article(&self, site: &SiteId, article: &Announced, most: usize) -> Result<ArticlePutting, StoreError> {
        let names = Names::of(site);
        let (digest, record) = (address_digest(&article.address), record::write(article)?);
        let (published_at, most) = (article.published_at.as_millis().to_string(), most.to_string());
        let call = Call::new(&self.scripts.put_article, &names.as_keys())
            .arg(article.id.as_str().as_bytes())
            .arg(&digest)
            .arg(record.as_bytes())
            .arg(published_at.as_bytes())
            .arg(most.as_bytes());
        match call.send(&self.link).await?.int()? {
            1 => Ok(ArticlePutting::Made),
            0 => Ok(ArticlePutting::Replaced),
            _ => Ok(ArticlePutting::NoSite),
        }
    }

    /// By its address in two steps: an article that is put between them may be missed, as if it had been put later.
    async fn article(&self, site: &SiteId, key: &ArticleKey) -> Result<Option<Announced>, StoreError> {
        let id: Option<String> = match key {
            ArticleKey::Id(id) => Some(id.as_str().to_owned()),
            ArticleKey::Address(address) => {
                let mut command = Cmd::new();
                command.arg("HGET").arg(keys::site_addresses(site)).arg(&address_digest(address));
                self.ask_for(&command).await?
            }
        };
        let Some(id) = id else { return Ok(None) };
        let mut command = Cmd::new();
        command.arg("HGET").arg(keys::site_articles(site)).arg(id);
        let kept: Option<Vec<u8>> = self.ask_for(&command).await?;
        kept.map(|kept| read(&kept)).transpose()
    }

    async fn articles(
        &self,
        site: &SiteId,
        before: Option<&ArticlePlace>,
        limit: usize,
    ) -> Result<Vec<Announced>, StoreError> {
        let (articles, places) = (keys::site_articles(site), keys::site_article_places(site));
        let limit = limit.to_string();
        let published_at = before.map(|place| place.published_at.as_millis().to_string());
        let mut call = Call::new(&self.scripts.list_articles, &[articles.as_bytes(), places.as_bytes()]);
        call = call.arg(limit.as_bytes());
        if let (Some(place), Some(published_at)) = (before, &published_at) {
            call = call.arg(published_at.as_bytes()).arg(place.id.as_str().as_bytes());
        }
        let mut reply = call.send(&self.link).await?;
        let mut listed = Vec::new();
        while let Some(kept) = reply.optional_bytes()? {
            listed.push(read(&kept)?);
        }
        Ok(listed)
    }

    async fn delete_article(&self, site: &SiteId, id: &ArticleId) -> Result<bool, StoreError> {
        let names = Names::of(site);
        let [_, articles, addresses, places] = names.as_keys();
        let call = Call::new(&self.scripts.delete_article, &[articles, addresses, places]);
        Ok(call.arg(id.as_str().as_bytes()).send(&self.link).await?.int()? == 1)
    }
}

/// The keys that a change touches.
struct Names([String; 4]);

impl Names {
    fn of(site: &SiteId) -> Self {
        let places = keys::site_article_places(site);
        Self([keys::site(site), keys::site_articles(site), keys::site_addresses(site), places])
    }

    fn as_keys(&self) -> [&[u8]; 4] {
        self.0.each_ref().map(String::as_bytes)
    }
}

fn read(kept: &[u8]) -> Result<Announced, StoreError> {
    record::read("an article", kept.get(DIGEST..).unwrap_or_default())
}
