//! Announced articles. All of a site lie in its hash slot, so one step writes an article, its address and its place.

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    article::{Announced, ArticleAddress, ArticleCursor, ArticleId, ArticleKey},
    poll::SiteId,
    store::{ArticlePutting, Articles, StoreError, articles::address_digest, record},
};

/// The length of a digest of an address.
const DIGEST: usize = 16;
/// What stands between the digest of the address and that of the first address.
const FIRST: u8 = 1;
/// How often an article that others put meanwhile is put again.
const MOST_TURNS: usize = 8;

#[async_trait]
impl Articles for RedisStore {
    async fn put_article(&self, site: &SiteId, article: &Announced, most: usize) -> Result<ArticlePutting, StoreError> {
        let names = Names::of(site);
        let digest = address_digest(&article.address);
        let (published_at, most) = (article.published_at.as_millis().to_string(), most.to_string());
        for _ in 0..MOST_TURNS {
            let before = self.kept_article(site, article.id.as_str()).await?;
            let first_address = match &before {
                Some(before) => read(before)?.first_address,
                None => self.free_address(site, &article.address).await?,
            };
            let first = first_address.as_ref().map(address_digest);
            let article = Announced { first_address, ..article.clone() };
            let call = Call::new(&self.scripts.put_article, &names.as_keys());
            let record = record::write(&article)?;
            let call = call.arg(article.id.as_str().as_bytes()).arg(&digest).arg(record.as_bytes());
            let call = call.arg(published_at.as_bytes()).arg(most.as_bytes());
            let call =
                call.arg(first.as_ref().map_or(&[], |first| &first[..])).arg(before.as_deref().unwrap_or_default());
            match call.send(&self.link).await?.int()? {
                1 if before.is_some() => return Ok(ArticlePutting::Replaced(article)),
                1 => return Ok(ArticlePutting::Made(article)),
                0 => {}
                -2 => self.note_first_addresses(site).await?,
                _ => return Ok(ArticlePutting::NoSite),
            }
        }
        Err(StoreError::unavailable("others put the same article"))
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
        self.kept_article(site, &id).await?.map(|kept| read(&kept)).transpose()
    }

    async fn articles(
        &self,
        site: &SiteId,
        before: Option<&ArticleCursor>,
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

impl RedisStore {
    /// What is kept of an article, as `put_article.lua` writes it.
    async fn kept_article(&self, site: &SiteId, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask_for(Cmd::new().arg("HGET").arg(keys::site_articles(site)).arg(id)).await
    }

    /// Notes the first addresses of articles that an earlier version has put.
    async fn note_first_addresses(&self, site: &SiteId) -> Result<(), StoreError> {
        let names = Names::of(site);
        let [_, articles, addresses, _] = names.as_keys();
        let mut place = b"0".to_vec();
        loop {
            let call = Call::new(&self.scripts.note_first_addresses, &[articles, addresses]);
            place.clone_from(&call.arg(&place).send(&self.link).await?.bytes()?);
            if place == b"0" {
                return Ok(());
            }
        }
    }

    /// An address, if it names no article, nor an article's polls.
    async fn free_address(
        &self,
        site: &SiteId,
        address: &ArticleAddress,
    ) -> Result<Option<ArticleAddress>, StoreError> {
        let (addresses, digest) = (keys::site_addresses(site), address_digest(address));
        let first = [&b"f"[..], &digest].concat();
        let named: Vec<Option<String>> =
            self.ask_for(Cmd::new().arg("HMGET").arg(addresses).arg(&digest).arg(first)).await?;
        Ok(named.iter().all(Option::is_none).then(|| address.clone()))
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
    let begins = if kept.get(DIGEST) == Some(&FIRST) { DIGEST + 1 + DIGEST } else { DIGEST };
    record::read("an article", kept.get(begins..).unwrap_or_default())
}
