//! Announced articles.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{SqliteStore, has_site};
use crate::{
    article::{Announced, ArticleAddress, ArticleCursor, ArticleId, ArticleKey},
    poll::SiteId,
    store::{
        ArticlePutting, Articles, StoreError,
        articles::address_digest,
        record::{read, write},
    },
};

#[async_trait]
impl Articles for SqliteStore {
    async fn put_article(&self, site: &SiteId, article: &Announced, most: usize) -> Result<ArticlePutting, StoreError> {
        let (site, mut article) = (site.clone(), article.clone());
        self.write(move |db, _| {
            if !has_site(db, &site)? {
                return Ok(ArticlePutting::NoSite);
            }
            let before = forget(db, &site, &article.id)?;
            let is_replaced = before.is_some();
            article.first_address = match before {
                Some(before) => before.first_address,
                None => (!is_named(db, &site, &article.address)?).then(|| article.address.clone()),
            };
            insert(db, &site, &article)?;
            make_room(db, &site, &article.id, most)?;
            Ok(if is_replaced { ArticlePutting::Replaced(article) } else { ArticlePutting::Made(article) })
        })
        .await
    }

    async fn article(&self, site: &SiteId, key: &ArticleKey) -> Result<Option<Announced>, StoreError> {
        let (site, key) = (site.clone(), key.clone());
        self.read(move |db, _| {
            let record: Option<String> = match key {
                ArticleKey::Id(id) => db
                    .prepare_cached("select record from articles where site = ?1 and id = ?2")?
                    .query_row([site.as_str(), id.as_str()], |row| row.get(0))
                    .optional()?,
                ArticleKey::Address(address) => db
                    .prepare_cached(
                        "select record from article_addresses join articles on articles.site = article_addresses.site \
                         and id = article where article_addresses.site = ?1 and address = ?2",
                    )?
                    .query_row(params![site.as_str(), address_digest(&address)], |row| row.get(0))
                    .optional()?,
            };
            record.map(|record| read("an article", record.as_bytes())).transpose()
        })
        .await
    }

    async fn articles(
        &self,
        site: &SiteId,
        before: Option<&ArticleCursor>,
        limit: usize,
    ) -> Result<Vec<Announced>, StoreError> {
        let (site, before) = (site.clone(), before.cloned());
        self.read(move |db, _| {
            let (published_at, id) = match &before {
                Some(place) => (place.published_at.as_millis(), place.id.as_str()),
                None => (i64::MAX, ""),
            };
            let mut select = db.prepare_cached(
                "select record from articles where site = ?1 and (published_at, id) < (?2, ?3) \
                 order by published_at desc, id desc limit ?4",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let records =
                select.query_map(params![site.as_str(), published_at, id, limit], |row| row.get::<_, String>(0))?;
            records.map(|record| read("an article", record?.as_bytes())).collect()
        })
        .await
    }

    async fn delete_article(&self, site: &SiteId, id: &ArticleId) -> Result<bool, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.write(move |db, _| Ok(forget(db, &site, &id)?.is_some())).await
    }
}

/// Deletes all articles of a site.
pub(super) fn forget_site(db: &Connection, site: &SiteId) -> Result<(), StoreError> {
    for delete in [
        "delete from articles where site = ?1",
        "delete from article_addresses where site = ?1",
        "delete from article_counts where site = ?1",
    ] {
        db.prepare_cached(delete)?.execute([site.as_str()])?;
    }
    Ok(())
}

fn insert(db: &Connection, site: &SiteId, article: &Announced) -> Result<(), StoreError> {
    let Announced { id, address, published_at, .. } = article;
    db.prepare_cached("insert into articles (site, id, published_at, record) values (?1, ?2, ?3, ?4)")?
        .execute(params![site.as_str(), id.as_str(), published_at.as_millis(), write(article)?])?;
    // The first address may be another article's by now.
    for (address, conflict) in [(article.first_address.as_ref(), "ignore"), (Some(address), "replace")] {
        let insert =
            format!("insert or {conflict} into article_addresses (site, address, article) values (?1, ?2, ?3)");
        if let Some(address) = address {
            db.prepare_cached(&insert)?.execute(params![site.as_str(), address_digest(address), id.as_str()])?;
        }
    }
    add_to_count(db, site, 1)
}

/// Whether an address names an article, or an article's polls. SQLite would look through all of a site's articles
/// rather than use the index, if it were not told.
fn is_named(db: &Connection, site: &SiteId, address: &ArticleAddress) -> Result<bool, StoreError> {
    let mut select = db.prepare_cached(
        "select 1 where exists (select 1 from article_addresses where site = ?1 and address = ?2) \
         or exists (select 1 from articles indexed by articles_by_first_address \
         where site = ?1 and record ->> '$.first_address' = ?3)",
    )?;
    Ok(select.exists(params![site.as_str(), address_digest(address), address.as_str()])?)
}

/// Deletes an article, and those of its addresses that name no other by now. Returns what it was.
fn forget(db: &Connection, site: &SiteId, id: &ArticleId) -> Result<Option<Announced>, StoreError> {
    let mut delete = db.prepare_cached("delete from articles where site = ?1 and id = ?2 returning record")?;
    let record: Option<String> = delete.query_row([site.as_str(), id.as_str()], |row| row.get(0)).optional()?;
    let Some(record) = record else { return Ok(None) };
    let article: Announced = read("an article", record.as_bytes())?;
    for address in std::iter::once(&article.address).chain(&article.first_address) {
        db.prepare_cached("delete from article_addresses where site = ?1 and address = ?2 and article = ?3")?
            .execute(params![site.as_str(), address_digest(address), id.as_str()])?;
    }
    add_to_count(db, site, -1)?;
    Ok(Some(article))
}

/// Deletes the articles that were published first until a site has no more than it may, but not the one just put.
fn make_room(db: &Connection, site: &SiteId, put: &ArticleId, most: usize) -> Result<(), StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut count = db.prepare_cached("select articles from article_counts where site = ?1")?;
    while count.query_row([site.as_str()], |row| row.get::<_, i64>(0))? > most {
        let first: Option<String> = db
            .prepare_cached("select id from articles where site = ?1 and id <> ?2 order by published_at, id limit 1")?
            .query_row([site.as_str(), put.as_str()], |row| row.get(0))
            .optional()?;
        let Some(first) = first else { return Ok(()) };
        let first = first.parse().map_err(|rule| StoreError::Corrupt(format!("an article's id {rule}")))?;
        forget(db, site, &first)?;
    }
    Ok(())
}

/// Counting them anew would look at each, for each that is put.
fn add_to_count(db: &Connection, site: &SiteId, change: i64) -> Result<(), StoreError> {
    db.prepare_cached(
        "insert into article_counts (site, articles) values (?1, ?2) \
         on conflict (site) do update set articles = articles + ?2",
    )?
    .execute(params![site.as_str(), change])?;
    Ok(())
}
