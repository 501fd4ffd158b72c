//! How an article's poll comes to be and goes, among replicas that do both at once and stop anywhere.
//!
//! A poll may go and come again: at the cap the oldest provisional one leaves its template's list, and the next ballot
//! makes it anew. So its id names one poll after another, and what is one replica's late step to delete the one must
//! not meet the next. What tells them apart is the moment since which a poll stands on the list, which no two share:
//!
//! - A poll is made at that moment (`created_at`), so a definition is the poll's only while the list says the same. It is
//!   compared once it is written, before there is a partition: until then nobody can vote.
//! - A poll that leaves the list is noted with its moment until it is deleted, and none is made meanwhile. Whoever
//!   deletes it reads the definition, then sees that it is still leaving, and marks that definition and no other.
//! - Partitions keep the moment too, and are dropped by it.

use redis::Cmd;

use super::{
    RedisStore,
    definitions::{DefineOptions, DefineOutcome, Definition, SyncMode, SyncedPartition},
    keys,
    script::Call,
};
use crate::{
    article::{ArticleId, NewArticlePoll, TemplateId},
    poll::{Poll, PollId, Revision, SiteId, Timestamp},
    site::NewEvent,
    store::{Making, StoreError, record},
};

/// How often a poll that others delete meanwhile is made again, or one that others edit is deleted.
const MOST_TURNS: usize = 8;

/// What became of putting a poll on its list.
enum JoinOutcome {
    /// On its template's list since then.
    Listed(Timestamp),
    /// It was on the list since then, and must be gone before it is made again.
    Leaving(Timestamp),
    /// It may not be made.
    Refused(ListRefusal),
}

enum ListRefusal {
    NoTemplate,
    NotAnnounced,
    Full,
}

impl RedisStore {
    pub(super) async fn make_poll_of_article(&self, new: &NewArticlePoll) -> Result<Making, StoreError> {
        for _ in 0..MOST_TURNS {
            let since = match self.join_list(new).await? {
                JoinOutcome::Listed(since) => since,
                JoinOutcome::Leaving(since) => {
                    self.finish_leaving(new.site(), &new.template, new.poll.id, since).await?;
                    continue;
                }
                JoinOutcome::Refused(refusal) => return Ok(refusal.into()),
            };
            if let Some(making) = self.define_since(new, since).await? {
                return Ok(making);
            }
        }
        Err(StoreError::unavailable("the article's poll was deleted while it was made"))
    }

    /// Puts a poll on its template's list. Deletes the poll that leaves it for this one, and one that another did not
    /// finish.
    async fn join_list(&self, new: &NewArticlePoll) -> Result<JoinOutcome, StoreError> {
        let site = new.site();
        let mut names = vec![keys::site(site), keys::templates(site), keys::site_articles(site)];
        names.extend(keys::article_polls(site, &new.template));
        let names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let (poll, most) = (new.poll.id.to_string(), new.most_articles.to_string());
        let announced = new.announced.as_ref().map_or("", ArticleId::as_str);
        let call = Call::new(&self.scripts.join_article, &names)
            .arg(new.template.as_str().as_bytes())
            .arg(poll.as_bytes())
            .arg(announced.as_bytes())
            .arg(most.as_bytes());
        let mut reply = call.send(&self.link).await?;
        Ok(match reply.int()? {
            0 => JoinOutcome::Refused(ListRefusal::NoTemplate),
            -2 => JoinOutcome::Refused(ListRefusal::NotAnnounced),
            3 => JoinOutcome::Refused(ListRefusal::Full),
            2 => JoinOutcome::Leaving(read_moment(&reply.bytes()?)?),
            _ => {
                let since = read_moment(&reply.bytes()?)?;
                while let Some(leaving) = reply.optional_bytes()? {
                    let (leaving, since) = (read_id(&leaving)?, read_moment(&reply.bytes()?)?);
                    self.finish_leaving(site, &new.template, leaving, since).await?;
                }
                JoinOutcome::Listed(since)
            }
        })
    }

    /// Writes a poll that is on the list since then, unless it is there, and makes its partition. `None` if it has to
    /// be put on the list again.
    async fn define_since(&self, new: &NewArticlePoll, since: Timestamp) -> Result<Option<Making>, StoreError> {
        let id = new.poll.id;
        self.finish_deletion(id).await?;
        let poll = Poll { created_at: since, updated_at: since, ..new.poll.clone() };
        match self.define(&poll, Revision(0), DefineOptions::default()).await? {
            DefineOutcome::Gone => return Ok(None),
            DefineOutcome::Done(_) | DefineOutcome::Mismatch | DefineOutcome::Closed | DefineOutcome::NotClosed => {}
        }
        // Another replica may have been first: then its definition is the poll's.
        let Some(definition) = self.definition(id).await? else { return Ok(None) };
        let made_at = definition.poll.created_at;
        // It may have left the list meanwhile, and stand there anew.
        match self.join_list(new).await? {
            JoinOutcome::Listed(since) if since == made_at => {}
            // What is leaving is deleted with all that is there.
            JoinOutcome::Leaving(_) => return Ok(None),
            JoinOutcome::Listed(since) => {
                self.forget_made_before(id, since).await?;
                return Ok(None);
            }
            // The poll is on the list.
            JoinOutcome::Refused(refusal @ ListRefusal::NotAnnounced) => return Ok(Some(refusal.into())),
            JoinOutcome::Refused(refusal @ (ListRefusal::NoTemplate | ListRefusal::Full)) => {
                // It has left the list, and is on none: so no definition of it is anybody's.
                self.forget_made_before(id, Timestamp::from_millis(made_at.as_millis() + 1)).await?;
                return Ok(Some(refusal.into()));
            }
        }
        let mut is_whole = true;
        for partition in 0..definition.poll.partitions.count() {
            is_whole &= self.make_partition(&definition, partition).await?;
        }
        if is_whole && self.definition(id).await?.is_some_and(|found| found.poll.created_at == made_at) {
            return Ok(Some(Making::Made(definition.poll)));
        }
        // It was deleted between these steps, and perhaps before there was this partition.
        for partition in 0..definition.poll.partitions.count() {
            self.forget_partition(&definition.poll, partition).await?;
        }
        Ok(None)
    }

    /// Returns whether there is a partition of this poll.
    async fn make_partition(&self, definition: &Definition, partition: u16) -> Result<bool, StoreError> {
        Ok(match self.sync_partition(definition, partition, SyncMode::MakeAnew).await? {
            SyncedPartition::Done(..) => true,
            SyncedPartition::Gone => false,
            SyncedPartition::OfAnother(made_at) => {
                // Of one that is gone: whoever made it stopped before it knew.
                if made_at < definition.poll.created_at {
                    let other = Poll { created_at: made_at, ..definition.poll.clone() };
                    self.forget_partition(&other, partition).await?;
                }
                false
            }
        })
    }

    /// Forgets a definition that is of an earlier moment than its poll is on the list. Nobody has voted by it: there
    /// was no partition.
    async fn forget_made_before(&self, id: PollId, since: Timestamp) -> Result<(), StoreError> {
        if let Some(kept) = self.kept_definition(id).await?
            && record::read_poll(&kept)?.created_at < since
        {
            self.hide_poll(id, &kept, &[]).await?;
            self.finish_deletion(id).await?;
        }
        Ok(())
    }

    /// Deletes a poll that is an article's, takes it off its template's list, and tells of it: unless a ballot comes in
    /// between, that makes it anew. Returns whether it is one.
    pub(super) async fn delete_poll_of_article(&self, id: PollId, events: &[NewEvent]) -> Result<bool, StoreError> {
        let Some(kept) = self.kept_definition(id).await? else { return Ok(false) };
        let poll = record::read_poll(&kept)?;
        let Some(template) = poll.article.as_ref().and_then(|article| article.template.parse().ok()) else {
            return Ok(false);
        };
        let lists = keys::article_polls(&poll.site, &template);
        let lists: Vec<&[u8]> = lists.iter().map(String::as_bytes).collect();
        let name = id.to_string();
        let mut reply = Call::new(&self.scripts.leave_article, &lists).arg(name.as_bytes()).send(&self.link).await?;
        match reply.optional_bytes()? {
            Some(since) => {
                self.hide_poll(id, &kept, events).await?;
                self.finish_leaving(&poll.site, &template, id, read_moment(&since)?).await?;
            }
            // It stands on none.
            None => self.hide_poll(id, &kept, events).await?,
        }
        Ok(true)
    }

    /// Deletes a poll that has left its template's list, where it stood since then.
    async fn finish_leaving(
        &self,
        site: &SiteId,
        template: &TemplateId,
        poll: PollId,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let [.., leaving] = keys::article_polls(site, template);
        let (name, since) = (poll.to_string(), since.as_millis().to_string());
        for _ in 0..MOST_TURNS {
            let kept = self.kept_definition(poll).await?;
            // Once another has finished this, the poll may be made anew; what was read before is still what has left.
            let left: Option<String> = self.ask_for(Cmd::new().arg("ZSCORE").arg(&leaving).arg(&name)).await?;
            if left.is_none_or(|left| left != since) {
                return Ok(());
            }
            if let Some(kept) = &kept {
                self.hide_poll(poll, kept, &[]).await?;
            }
            self.finish_deletion(poll).await?;
            if kept.is_none() {
                // No other has this moment.
                self.ask(Cmd::new().arg("ZREMRANGEBYSCORE").arg(&leaving).arg(&since).arg(&since)).await?;
                return Ok(());
            }
        }
        Err(StoreError::unavailable("the poll kept changing while it was deleted"))
    }

    async fn kept_definition(&self, id: PollId) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask_for(Cmd::new().arg("HGET").arg(keys::poll(id)).arg("definition")).await
    }
}

impl From<ListRefusal> for Making {
    fn from(refusal: ListRefusal) -> Self {
        match refusal {
            ListRefusal::NoTemplate => Self::NoTemplate,
            ListRefusal::NotAnnounced => Self::NotAnnounced,
            ListRefusal::Full => Self::Full,
        }
    }
}

pub(super) fn read_id(text: &[u8]) -> Result<PollId, StoreError> {
    let text = String::from_utf8_lossy(text);
    text.parse().map_err(|rule| StoreError::Corrupt(format!("a poll id {rule}")))
}

/// A moment as lists have it: whole milliseconds.
pub(super) fn read_moment(text: &[u8]) -> Result<Timestamp, StoreError> {
    let millis = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    millis.map(Timestamp::from_millis).ok_or_else(|| StoreError::Corrupt("since when a poll is listed".to_owned()))
}
