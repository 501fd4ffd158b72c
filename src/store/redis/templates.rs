//! Templates, and the polls of articles.
//!
//! All that a site lists lies in its own hash slot, an article's poll in others. So a poll is made in three steps, each
//! in one slot and each of which may be repeated: it is put on its template's list; its definition is written, unless
//! another replica was first; its partition is made by the definition that is there. Whoever finds a poll without a
//! partition makes that. A poll that leaves the list for another is noted as leaving until it is deleted, so the
//! deletion is finished by whoever makes the next one. See [`article_polls`](super::article_polls).

use async_trait::async_trait;
use redis::Cmd;

use super::{
    RedisStore,
    article_polls::{read_id, read_moment},
    keys,
    outbox::site_entry,
    script::Call,
};
use crate::{
    article::{HONEST_CLIENTS, MOST_TEMPLATES, NewArticlePoll, Template, TemplateId},
    poll::{ListCursor, Poll, PollId, SiteId},
    site::NewEvent,
    store::{
        ArticleStatus, Making, Polls as _, Publishers as _, StoreError, TemplatePut, Templates, Witness,
        record::{read_template, write_template},
    },
};

/// How many polls of a template, and buckets of a poll, are deleted at once.
const CHUNK: usize = 500;

#[async_trait]
impl Templates for RedisStore {
    async fn put_template(&self, template: &Template, events: &[NewEvent]) -> Result<TemplatePut, StoreError> {
        let (site, id) = (&template.pattern.site, &template.id);
        if self.site(site).await?.is_none() {
            return Ok(TemplatePut::NoSite);
        }
        // What is left of one that is being deleted goes first.
        if self.kept_template(site, id).await?.is_some_and(|kept| kept.is_empty()) {
            self.delete_template(site, id, &[]).await?;
        }
        let known: Vec<String> = self.ask_for(Cmd::new().arg("HKEYS").arg(keys::templates(site))).await?;
        if known.len() >= MOST_TEMPLATES && !known.iter().any(|known| known == id.as_str()) {
            return Ok(TemplatePut::TooMany);
        }
        let (names, definition) = (log_names(site), write_template(template)?);
        let (name, event) = site_entry(events)?;
        let call = Call::new(&self.scripts.put_template, &names.each_ref().map(String::as_bytes))
            .arg(id.as_str().as_bytes())
            .arg(definition.as_bytes())
            .arg(name.as_bytes())
            .arg(event.as_bytes());
        let is_new = call.send(&self.link).await?.int()? == 1;
        Ok(if is_new { TemplatePut::Made } else { TemplatePut::Replaced })
    }

    async fn template(&self, site: &SiteId, id: &TemplateId) -> Result<Option<Template>, StoreError> {
        let kept = self.kept_template(site, id).await?;
        kept.filter(|kept| !kept.is_empty()).map(|kept| read_template(&kept)).transpose()
    }

    async fn templates(&self, site: &SiteId) -> Result<Vec<Template>, StoreError> {
        let kept: Vec<Vec<u8>> = self.ask_for(Cmd::new().arg("HVALS").arg(keys::templates(site))).await?;
        let kept = kept.iter().filter(|kept| !kept.is_empty());
        let mut templates = kept.map(|kept| read_template(kept)).collect::<Result<Vec<_>, _>>()?;
        templates.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(templates)
    }

    async fn delete_template(&self, site: &SiteId, id: &TemplateId, events: &[NewEvent]) -> Result<bool, StoreError> {
        let names = log_names(site);
        let (name, event) = site_entry(events)?;
        let call = Call::new(&self.scripts.hide_template, &names.each_ref().map(String::as_bytes))
            .arg(id.as_str().as_bytes())
            .arg(name.as_bytes())
            .arg(event.as_bytes());
        if call.send(&self.link).await?.int()? == 0 {
            return Ok(false);
        }
        let [open, provisional, old, clients, leaving] = keys::article_polls(site, id);
        for list in [&open, &old, &leaving] {
            loop {
                let mut some = Cmd::new();
                some.arg("ZRANGE").arg(list).arg(0).arg(CHUNK - 1);
                let polls: Vec<String> = self.ask_for(&some).await?;
                if polls.is_empty() {
                    break;
                }
                for poll in &polls {
                    self.delete_poll(read_id(poll.as_bytes())?, &[]).await?;
                }
                // What was never defined.
                self.ask(Cmd::new().arg("ZREM").arg(list).arg(&polls)).await?;
            }
        }
        self.ask(Cmd::new().arg("UNLINK").arg(&provisional).arg(&clients)).await?;
        // Only now can its site be deleted.
        self.ask(Cmd::new().arg("HDEL").arg(keys::templates(site)).arg(id.as_str())).await?;
        Ok(true)
    }

    async fn make_article_poll(&self, new: &NewArticlePoll) -> Result<Making, StoreError> {
        self.make_poll_of_article(new).await
    }

    async fn vouch(
        &self,
        site: &SiteId,
        template: &TemplateId,
        poll: PollId,
        witness: Witness,
    ) -> Result<ArticleStatus, StoreError> {
        let [open, provisional, _, clients, _] = keys::article_polls(site, template);
        let (poll, wanted) = (poll.to_string(), HONEST_CLIENTS.to_string());
        let client: &[u8] = match &witness {
            Witness::Client(mark) => mark,
            Witness::Publisher => &[],
        };
        let lists = [&open, &provisional, &clients].map(String::as_bytes);
        let call = Call::new(&self.scripts.vouch, &lists).arg(poll.as_bytes()).arg(client).arg(wanted.as_bytes());
        Ok(match call.send(&self.link).await?.int()? {
            1 => ArticleStatus::Provisional,
            0 => ArticleStatus::Honest,
            _ => ArticleStatus::NotListed,
        })
    }

    async fn forget_voters(&self, site: &SiteId, template: &TemplateId, poll: PollId) -> Result<(), StoreError> {
        if let Some(definition) = self.definition(poll).await?
            && !self.forget_buckets(&definition.poll).await?
        {
            return Ok(());
        }
        let [open, provisional, old, clients, _] = keys::article_polls(site, template);
        let lists = [&open, &provisional, &old, &clients].map(String::as_bytes);
        let id = poll.to_string();
        Call::new(&self.scripts.retire_article, &lists).arg(id.as_bytes()).send(&self.link).await?;
        Ok(())
    }

    async fn article_polls(
        &self,
        site: &SiteId,
        template: &TemplateId,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListCursor>, StoreError> {
        let [open, ..] = keys::article_polls(site, template);
        // No two of them were made at the same moment.
        let after = after.map_or("-inf".to_owned(), |place| format!("({}", place.created_at.as_millis()));
        let mut command = Cmd::new();
        command.arg("ZRANGEBYSCORE").arg(open).arg(after).arg("+inf").arg("WITHSCORES");
        let polls: Vec<(String, String)> = self.ask_for(command.arg("LIMIT").arg(0).arg(limit)).await?;
        let read = |(poll, made_at): &(String, String)| {
            Ok(ListCursor { created_at: read_moment(made_at.as_bytes())?, id: read_id(poll.as_bytes())? })
        };
        polls.iter().map(read).collect()
    }
}

impl RedisStore {
    async fn kept_template(&self, site: &SiteId, id: &TemplateId) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask_for(Cmd::new().arg("HGET").arg(keys::templates(site)).arg(id.as_str())).await
    }

    /// Forgets the voters of a closed poll. Returns whether it is closed, or not there.
    async fn forget_buckets(&self, poll: &Poll) -> Result<bool, StoreError> {
        for partition in 0..poll.partitions.count() {
            let Some(buckets) = self.forget_some(poll, partition, 0..0).await? else { return Ok(false) };
            let mut first = 0;
            while first < buckets {
                let end = buckets.min(first.saturating_add(u32::try_from(CHUNK).unwrap_or(u32::MAX)));
                self.forget_some(poll, partition, first..end).await?;
                first = end;
            }
        }
        Ok(true)
    }

    /// Forgets some buckets. Returns how many there are; `None` if the partition is open.
    async fn forget_some(
        &self,
        poll: &Poll,
        partition: u16,
        buckets: std::ops::Range<u32>,
    ) -> Result<Option<u32>, StoreError> {
        let tally = keys::tally(poll, partition);
        let buckets: Vec<String> = buckets.map(|bucket| keys::voters(poll, partition, bucket)).collect();
        let mut names = vec![tally.as_bytes()];
        names.extend(buckets.iter().map(String::as_bytes));
        let own = self.own_time();
        match Call::new(&self.scripts.forget_voters, &names).arg(own.as_bytes()).send(&self.link).await?.int()? {
            -2 => Ok(None),
            // The partition is gone.
            -1 => Ok(Some(0)),
            buckets => Ok(Some(u32::try_from(buckets).unwrap_or(0))),
        }
    }
}

/// What a change of a template touches.
fn log_names(site: &SiteId) -> [String; 3] {
    [keys::templates(site), keys::site_log(site), keys::relayed(site)]
}
