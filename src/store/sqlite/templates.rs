//! Templates, and the polls of articles.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{SqliteStore, events, has_site, head::Head, polls};
use crate::{
    article::{HONEST_CLIENTS, MOST_TEMPLATES, NewArticlePoll, Template, TemplateId},
    poll::{ListCursor, PollId, SiteId, State, Times, Timestamp},
    site::NewEvent,
    store::{
        ArticleStatus, Making, StoreError, TemplatePut, Templates, Witness,
        record::{read_template, write_template},
    },
};

/// How many polls of a template are deleted in one transaction: votes are counted between them.
const DELETED_AT_ONCE: i64 = 50;

#[async_trait]
impl Templates for SqliteStore {
    async fn put_template(&self, template: &Template, events: &[NewEvent]) -> Result<TemplatePut, StoreError> {
        let (template, events) = (template.clone(), events.to_vec());
        // What is left of one that is being deleted goes first.
        if self.is_deleting(&template.pattern.site, &template.id).await? {
            self.delete_template(&template.pattern.site, &template.id, &[]).await?;
        }
        self.write(move |db, times| {
            let put = put_template(db, &template)?;
            if matches!(put, TemplatePut::Made | TemplatePut::Replaced) {
                events::tell(db, times.store, &template.pattern.site, None, &events)?;
            }
            Ok(put)
        })
        .await
    }

    async fn template(&self, site: &SiteId, id: &TemplateId) -> Result<Option<Template>, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, _| find_template(db, &site, &id)).await
    }

    async fn templates(&self, site: &SiteId) -> Result<Vec<Template>, StoreError> {
        let site = site.clone();
        self.read(move |db, _| {
            let mut select =
                db.prepare_cached("select definition from templates where site = ?1 and definition <> '' order by id")?;
            let definitions = select.query_map([site.as_str()], |row| row.get::<_, String>(0))?;
            definitions.map(|definition| read_template(definition?.as_bytes())).collect()
        })
        .await
    }

    async fn delete_template(&self, site: &SiteId, id: &TemplateId, events: &[NewEvent]) -> Result<bool, StoreError> {
        let (of, named, events) = (site.clone(), id.clone(), events.to_vec());
        let was_there = self
            .write(move |db, times| {
                if find_template(db, &of, &named)?.is_some() {
                    events::tell(db, times.store, &of, None, &events)?;
                }
                let mut update =
                    db.prepare_cached("update templates set definition = '' where site = ?1 and id = ?2")?;
                Ok(update.execute([of.as_str(), named.as_str()])? > 0)
            })
            .await?;
        loop {
            let (of, named) = (site.clone(), id.clone());
            if self.write(move |db, _| delete_some(db, &of, &named)).await? == 0 {
                return Ok(was_there);
            }
        }
    }

    async fn make_article_poll(&self, new: &NewArticlePoll) -> Result<Making, StoreError> {
        let new = new.clone();
        self.write(move |db, times| make(db, times.store, &new)).await
    }

    async fn vouch(
        &self,
        _site: &SiteId,
        _template: &TemplateId,
        poll: PollId,
        witness: Witness,
    ) -> Result<ArticleStatus, StoreError> {
        self.write(move |db, _| vouch(db, poll, witness)).await
    }

    async fn forget_voters(&self, _site: &SiteId, _template: &TemplateId, poll: PollId) -> Result<(), StoreError> {
        self.write(move |db, times| forget_voters(db, times, poll)).await
    }

    async fn article_polls(
        &self,
        site: &SiteId,
        template: &TemplateId,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListCursor>, StoreError> {
        let (site, template) = (site.clone(), template.clone());
        self.read(move |db, _| {
            let (made_at, poll) =
                after.map_or((i64::MIN, String::new()), |place| (place.created_at.as_millis(), place.id.to_string()));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            // In the order of the index.
            let mut select = db.prepare_cached(
                "select * from (
                     select made_at, poll from article_polls
                     where site = ?1 and template = ?2 and has_voters = 1 and is_provisional = 0
                         and (made_at, poll) > (?3, ?4) order by made_at, poll limit ?5)
                 union all select * from (
                     select made_at, poll from article_polls
                     where site = ?1 and template = ?2 and has_voters = 1 and is_provisional = 1
                         and (made_at, poll) > (?3, ?4) order by made_at, poll limit ?5)
                 order by made_at, poll limit ?5",
            )?;
            let values = params![site.as_str(), template.as_str(), made_at, poll, limit];
            let polls = select.query_map(values, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
            polls
                .map(|poll| {
                    let (made_at, poll) = poll?;
                    Ok(ListCursor { created_at: Timestamp::from_millis(made_at), id: read_id(&poll)? })
                })
                .collect()
        })
        .await
    }
}

impl SqliteStore {
    async fn is_deleting(&self, site: &SiteId, id: &TemplateId) -> Result<bool, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, _| {
            let mut select =
                db.prepare_cached("select 1 from templates where site = ?1 and id = ?2 and definition = ''")?;
            Ok(select.exists([site.as_str(), id.as_str()])?)
        })
        .await
    }
}

/// Whether a site has templates, or parts of some.
pub(super) fn has_templates(db: &Connection, site: &SiteId) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("select 1 from templates where site = ?1")?.exists([site.as_str()])?)
}

fn put_template(db: &Connection, template: &Template) -> Result<TemplatePut, StoreError> {
    let site = &template.pattern.site;
    if !has_site(db, site)? {
        return Ok(TemplatePut::NoSite);
    }
    let is_new = find_template(db, site, &template.id)?.is_none();
    let mut count = db.prepare_cached("select count(*) from templates where site = ?1")?;
    let count: usize = count.query_row([site.as_str()], |row| row.get(0))?;
    if is_new && count >= MOST_TEMPLATES {
        return Ok(TemplatePut::TooMany);
    }
    db.prepare_cached("insert or replace into templates (site, id, definition) values (?1, ?2, ?3)")?.execute([
        site.as_str(),
        template.id.as_str(),
        &write_template(template)?,
    ])?;
    Ok(if is_new { TemplatePut::Made } else { TemplatePut::Replaced })
}

fn find_template(db: &Connection, site: &SiteId, id: &TemplateId) -> Result<Option<Template>, StoreError> {
    let mut select =
        db.prepare_cached("select definition from templates where site = ?1 and id = ?2 and definition <> ''")?;
    let definition: Option<String> = select.query_row([site.as_str(), id.as_str()], |row| row.get(0)).optional()?;
    definition.map(|definition| read_template(definition.as_bytes())).transpose()
}

/// Deletes some polls of a template, and the template once none is left. Returns how many were there.
fn delete_some(db: &Connection, site: &SiteId, id: &TemplateId) -> Result<usize, StoreError> {
    let mut select = db.prepare_cached("select poll from article_polls where site = ?1 and template = ?2 limit ?3")?;
    let polls =
        select.query_map(params![site.as_str(), id.as_str(), DELETED_AT_ONCE], |row| row.get::<_, String>(0))?;
    let polls = polls.map(|poll| read_id(&poll?)).collect::<Result<Vec<_>, _>>()?;
    for poll in &polls {
        polls::delete(db, *poll)?;
    }
    if polls.is_empty() {
        db.prepare_cached("delete from templates where site = ?1 and id = ?2 and definition = ''")?
            .execute([site.as_str(), id.as_str()])?;
    }
    Ok(polls.len())
}

fn make(db: &Connection, now: Timestamp, new: &NewArticlePoll) -> Result<Making, StoreError> {
    let NewArticlePoll { poll, template, announced, most_articles } = new;
    let (site, id) = (new.site(), poll.id.to_string());
    if !has_site(db, site)? || find_template(db, site, template)?.is_none() {
        return Ok(Making::NoTemplate);
    }
    if let Some(article) = announced {
        let mut select = db.prepare_cached("select 1 from articles where site = ?1 and id = ?2")?;
        if !select.exists([site.as_str(), article.as_str()])? {
            return Ok(Making::NotAnnounced);
        }
    }
    if db.prepare_cached("select 1 from article_polls where poll = ?1")?.exists([&id])? {
        if let Some(existing) = polls::get(db, poll.id)? {
            return Ok(Making::Made(existing));
        }
    } else {
        let mut count = db.prepare_cached(
            "select count(*) from article_polls where site = ?1 and template = ?2 and has_voters = 1",
        )?;
        let count: u32 = count.query_row([site.as_str(), template.as_str()], |row| row.get(0))?;
        if count >= *most_articles {
            let mut oldest = db.prepare_cached(
                "select poll from article_polls
                 where site = ?1 and template = ?2 and has_voters = 1 and is_provisional = 1 order by made_at, poll limit 1",
            )?;
            let oldest: Option<String> =
                oldest.query_row([site.as_str(), template.as_str()], |row| row.get(0)).optional()?;
            let Some(oldest) = oldest else { return Ok(Making::Full) };
            polls::delete(db, read_id(&oldest)?)?;
        }
    }
    db.prepare_cached(
        "insert or replace into article_polls (poll, site, template, made_at, has_voters, is_provisional, clients)
         values (?1, ?2, ?3, ?4, 1, ?5, x'')",
    )?
    .execute(params![id, site.as_str(), template.as_str(), now.as_millis(), announced.is_none()])?;
    polls::insert(db, poll)?;
    Ok(Making::Made(poll.clone()))
}

fn vouch(db: &Connection, poll: PollId, witness: Witness) -> Result<ArticleStatus, StoreError> {
    let id = poll.to_string();
    let mut select =
        db.prepare_cached("select is_provisional, clients from article_polls where poll = ?1 and has_voters = 1")?;
    let read = |row: &Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, Vec<u8>>(1)?));
    let Some((was_provisional, mut clients)) = select.query_row([&id], read).optional()? else {
        return Ok(ArticleStatus::NotListed);
    };
    if !was_provisional {
        return Ok(ArticleStatus::Honest);
    }
    let is_provisional = match witness {
        Witness::Client(client) => {
            if clients.chunks(client.len()).any(|known| known == client) {
                return Ok(ArticleStatus::Provisional);
            }
            clients.extend(client);
            clients.len() < HONEST_CLIENTS * client.len()
        }
        Witness::Publisher => false,
    };
    if !is_provisional {
        clients.clear();
    }
    db.prepare_cached("update article_polls set is_provisional = ?2, clients = ?3 where poll = ?1")?
        .execute(params![id, is_provisional, clients])?;
    Ok(if is_provisional { ArticleStatus::Provisional } else { ArticleStatus::Honest })
}

fn forget_voters(db: &Connection, times: Times, poll: PollId) -> Result<(), StoreError> {
    if let Some(mut head) = Head::read(db, poll)? {
        if head.close_if_due(db, times)?.state != State::Closed {
            return Ok(());
        }
        for table in ["ballots", "byte_ballots"] {
            db.execute(&format!("delete from {table} where poll = ?1"), [head.number])?;
        }
    }
    db.prepare_cached("update article_polls set has_voters = 0, is_provisional = 0, clients = x'' where poll = ?1")?
        .execute([poll.to_string()])?;
    Ok(())
}

fn read_id(text: &str) -> Result<PollId, StoreError> {
    text.parse().map_err(|rule| StoreError::Corrupt(format!("a poll id {rule}")))
}
