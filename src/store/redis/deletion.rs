//! Deleting a poll.
//!
//! The definition is first moved to where nobody looks for a poll ([`keys::deleting`]), and deleted last: until then it
//! says what is left to delete. So a deletion that was cut short is finished by the same request again, by whoever
//! makes a poll with the same id, and by the next list of the site's polls.

use std::ops::Range;

use redis::Cmd;

use super::{
    RedisStore,
    definitions::millis,
    keys,
    outbox::{OutboxEntries, too_late},
    script::Call,
};
use crate::{
    poll::{Poll, PollId},
    site::NewEvent,
    store::{Polls as _, StoreError, record},
};

/// How many buckets are deleted at once.
const CHUNK: u32 = 500;

impl RedisStore {
    /// Begins to delete a poll, and tells of it: it is there for nobody from then on. Only if this is its definition;
    /// if none is named, whichever it is.
    pub(super) async fn hide_poll(&self, id: PollId, definition: &[u8], events: &[NewEvent]) -> Result<(), StoreError> {
        let (key, deleting, outbox) = (keys::poll(id), keys::deleting(id), keys::poll_outbox(id));
        // Whose log it is told in. One that is hidden already has told it.
        let site = if events.is_empty() { None } else { self.poll(id).await?.map(|poll| poll.site) };
        let entries = match &site {
            Some(site) => self.announce_entries(&outbox, site, Some(id), events, &[]).await?,
            None => OutboxEntries::default(),
        };
        let call = Call::new(&self.scripts.hide_poll, &[key.as_bytes(), deleting.as_bytes(), outbox.as_bytes()]);
        let call = entries.add_to(call.arg(entries.announced.as_bytes()).arg(definition));
        if call.send(&self.link).await?.int()? == 6 { Err(too_late()) } else { Ok(()) }
    }

    /// Deletes what is left of a poll. Returns whether there was anything.
    pub(super) async fn finish_deletion(&self, id: PollId) -> Result<bool, StoreError> {
        let Some(kept) = self.kept_deleting(id).await? else { return Ok(false) };
        let poll = record::read_poll(&kept)?;
        for partition in 0..poll.partitions.count() {
            self.forget_partition(&poll, partition).await?;
        }
        let mut index = Cmd::new();
        index.arg("ZREM").arg(keys::site_polls(&poll.site)).arg(id.to_string());
        self.ask(&index).await?;
        self.forget_poll_views(&poll.site, id).await?;
        let deleting = keys::deleting(id);
        Call::new(&self.scripts.forget_poll, &[deleting.as_bytes()]).arg(&kept).send(&self.link).await?;
        Ok(true)
    }

    pub(super) async fn read_deleting(&self, id: PollId) -> Result<Option<Poll>, StoreError> {
        self.kept_deleting(id).await?.map(|kept| record::read_poll(&kept)).transpose()
    }

    async fn kept_deleting(&self, id: PollId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HGET").arg(keys::deleting(id)).arg("definition");
        self.ask_for(&command).await
    }

    pub(super) async fn forget_partition(&self, poll: &Poll, partition: u16) -> Result<(), StoreError> {
        let buckets = self.drop_buckets(poll, partition, 0..0, b"").await?;
        let mut first = 0;
        while first < buckets {
            let end = buckets.min(first.saturating_add(CHUNK));
            self.drop_buckets(poll, partition, first..end, if end == buckets { b"all" } else { b"" }).await?;
            first = end;
        }
        Ok(())
    }

    /// Deletes some buckets of a partition. Returns how many it had in all.
    async fn drop_buckets(
        &self,
        poll: &Poll,
        partition: u16,
        buckets: Range<u32>,
        is_all: &[u8],
    ) -> Result<u32, StoreError> {
        let kept = [keys::tally(poll, partition), keys::minutes(poll, partition), keys::answers(poll, partition)];
        let buckets: Vec<String> = buckets.map(|bucket| keys::voters(poll, partition, bucket)).collect();
        let script_keys: Vec<&[u8]> = kept.iter().chain(&buckets).map(String::as_bytes).collect();
        let made = millis(Some(poll.created_at));
        Call::new(&self.scripts.drop, &script_keys).arg(made.as_bytes()).arg(is_all).send(&self.link).await?.number()
    }
}
