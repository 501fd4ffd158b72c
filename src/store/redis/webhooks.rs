//! Webhooks, and what is on its way to them. All of a site lie in its hash slot.

use std::time::Duration;

use async_trait::async_trait;
use redis::Cmd;

use super::{
    RedisStore, keys,
    records::{NewRecord, RecordPut, read_record},
    script::Call,
};
use crate::{
    poll::{Revision, SiteId, Timestamp},
    site::{Delivery, EventId, MOST_WEBHOOKS, NewEvent, Webhook, WebhookId},
    store::{MOST_KEPT, MOST_WAITING, QueuedDeliveries, Queueing, StoreError, WebhookPut, Webhooks, record},
};

#[async_trait]
impl Webhooks for RedisStore {
    async fn sites_with_webhooks(&self) -> Result<Vec<SiteId>, StoreError> {
        let sites: Vec<String> = self.ask_for(Cmd::new().arg("SMEMBERS").arg(keys::SITES_WITH_WEBHOOKS)).await?;
        let site = |site: &String| site.parse().map_err(|rule| StoreError::Corrupt(format!("a site's id {rule}")));
        sites.iter().map(site).collect()
    }

    /// The index first, which lies in another slot; and once more for a new one, since whoever deleted the last one may
    /// have taken the site off it meanwhile.
    async fn put_webhook(&self, hook: &Webhook, event: &NewEvent) -> Result<WebhookPut, StoreError> {
        let Webhook { site, id, revision, created_at, .. } = hook;
        let is_new = *revision == Revision::FIRST;
        if is_new {
            self.index_webhooks(site).await?;
        }
        let new = NewRecord {
            site,
            among: keys::webhooks(site),
            id: id.as_str(),
            revision: *revision,
            record: hook,
            most: MOST_WEBHOOKS,
            event,
            cursor: Some((keys::webhook_cursors(site), EventId::at(*created_at))),
        };
        Ok(match self.put_record(&new).await? {
            RecordPut::Done => {
                if is_new {
                    self.index_webhooks(site).await?;
                }
                WebhookPut::Done
            }
            RecordPut::Mismatch(in_force) => WebhookPut::Mismatch(in_force),
            RecordPut::TooMany => WebhookPut::TooMany,
            RecordPut::NoSite => WebhookPut::NoSite,
        })
    }

    async fn webhook(&self, site: &SiteId, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HGET").arg(keys::webhooks(site)).arg(id.as_str());
        let kept: Option<Vec<u8>> = self.ask_for(&command).await?;
        kept.map(|kept| read_record("a webhook", &kept)).transpose()
    }

    async fn webhooks(&self, site: &SiteId) -> Result<Vec<Webhook>, StoreError> {
        let kept: Vec<Vec<u8>> = self.ask_for(Cmd::new().arg("HVALS").arg(keys::webhooks(site))).await?;
        let hooks = kept.iter().map(|kept| read_record("a webhook", kept));
        let mut hooks: Vec<Webhook> = hooks.collect::<Result<_, _>>()?;
        hooks.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(hooks)
    }

    async fn delete_webhook(&self, site: &SiteId, id: &WebhookId, event: &NewEvent) -> Result<bool, StoreError> {
        let [deliveries, due, kept] = keys::deliveries(site, id);
        let names = [keys::webhooks(site), keys::webhook_cursors(site), keys::site_log(site), deliveries, due, kept];
        let event = record::write_event(None, event)?;
        let call = Call::new(&self.scripts.delete_webhook, &names.each_ref().map(String::as_bytes));
        let call = call.arg(id.as_str().as_bytes()).arg(event.as_bytes());
        let is_deleted = call.send(&self.link).await?.int()? == 1;
        if self.webhooks(site).await?.is_empty() {
            self.ask(Cmd::new().arg("SREM").arg(keys::SITES_WITH_WEBHOOKS).arg(site.as_str())).await?;
            // One that was made meanwhile.
            if !self.webhooks(site).await?.is_empty() {
                self.index_webhooks(site).await?;
            }
        }
        Ok(is_deleted)
    }

    async fn lease_webhooks(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError> {
        self.take_lease(&keys::webhook_lease(site), holder, ttl).await
    }

    async fn webhook_cursor(&self, site: &SiteId, id: &WebhookId) -> Result<Option<EventId>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HGET").arg(keys::webhook_cursors(site)).arg(id.as_str());
        let cursor: Option<String> = self.ask_for(&command).await?;
        let corrupt = |rule| StoreError::Corrupt(format!("the cursor of {id}: {rule}"));
        cursor.map(|cursor| cursor.parse().map_err(corrupt)).transpose()
    }

    async fn queue_deliveries(&self, queued: &QueuedDeliveries<'_>) -> Result<Queueing, StoreError> {
        let QueuedDeliveries { site, webhook, holder, from, to, deliveries } = *queued;
        let [of_hook, due, kept] = keys::deliveries(site, webhook);
        let names = [keys::webhook_lease(site), keys::webhook_cursors(site), of_hook, due, kept];
        let fixed = [from.to_string(), to.to_string(), MOST_WAITING.to_string(), MOST_KEPT.to_string()];
        let mut each = Vec::with_capacity(3 * deliveries.len());
        for delivery in deliveries {
            each.extend([delivery.event.to_string(), write(delivery)?, due_text(delivery)]);
        }
        let call = Call::new(&self.scripts.queue_deliveries, &names.each_ref().map(String::as_bytes));
        let call = call.arg(holder.as_bytes()).arg(webhook.as_str().as_bytes());
        let call = fixed.iter().chain(&each).fold(call, |call, argument| call.arg(argument.as_bytes()));
        match call.send(&self.link).await?.int()? {
            1 => Ok(Queueing::Done),
            -1 => Ok(Queueing::Full),
            _ => Ok(Queueing::Lost),
        }
    }

    async fn due_deliveries(&self, site: &SiteId, id: &WebhookId, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let [_, due, _] = keys::deliveries(site, id);
        let now = self.clock_time().await?;
        let mut command = Cmd::new();
        command.arg("ZRANGEBYSCORE").arg(due).arg("-inf").arg(now.as_millis()).arg("LIMIT").arg(0).arg(limit);
        let events: Vec<String> = self.ask_for(&command).await?;
        self.deliveries_of(site, id, &events).await
    }

    async fn put_delivery(
        &self,
        site: &SiteId,
        id: &WebhookId,
        delivery: &Delivery,
        holder: Option<&str>,
    ) -> Result<bool, StoreError> {
        let [of_hook, due, _] = keys::deliveries(site, id);
        let names = [keys::webhook_lease(site), of_hook, due];
        let (event, before) = (delivery.event.to_string(), delivery.revision.saturating_sub(1).to_string());
        let (record, due) = (write(delivery)?, due_text(delivery));
        let arguments = [holder.unwrap_or_default(), &event, &before, &record, &due];
        let call = Call::new(&self.scripts.put_delivery, &names.each_ref().map(String::as_bytes));
        let call = arguments.iter().fold(call, |call, argument| call.arg(argument.as_bytes()));
        Ok(call.send(&self.link).await?.int()? == 1)
    }

    async fn delivery(&self, site: &SiteId, id: &WebhookId, event: EventId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.deliveries_of(site, id, &[event.to_string()]).await?.pop())
    }

    async fn deliveries(
        &self,
        site: &SiteId,
        id: &WebhookId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let [_, _, kept] = keys::deliveries(site, id);
        let before = before.map_or_else(|| "+inf".to_owned(), |before| format!("({before}"));
        let mut command = Cmd::new();
        command.arg("ZREVRANGEBYSCORE").arg(kept).arg(before).arg("-inf").arg("LIMIT").arg(0).arg(limit);
        let events: Vec<String> = self.ask_for(&command).await?;
        self.deliveries_of(site, id, &events).await
    }
}

impl RedisStore {
    async fn index_webhooks(&self, site: &SiteId) -> Result<(), StoreError> {
        self.ask(Cmd::new().arg("SADD").arg(keys::SITES_WITH_WEBHOOKS).arg(site.as_str())).await?;
        Ok(())
    }

    /// The deliveries of these events that there are, in the same order.
    async fn deliveries_of(
        &self,
        site: &SiteId,
        id: &WebhookId,
        events: &[String],
    ) -> Result<Vec<Delivery>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let [of_hook, _, _] = keys::deliveries(site, id);
        let mut command = Cmd::new();
        command.arg("HMGET").arg(of_hook);
        for event in events {
            command.arg(event);
        }
        let kept: Vec<Option<Vec<u8>>> = self.ask_for(&command).await?;
        kept.iter().flatten().map(|kept| read_record("a delivery", kept)).collect()
    }
}

fn due_text(delivery: &Delivery) -> String {
    delivery.due.map(Timestamp::as_millis).map(|millis| millis.to_string()).unwrap_or_default()
}

/// A record comes after its revision, by which scripts compare.
fn write(delivery: &Delivery) -> Result<String, StoreError> {
    Ok(format!("{} {}", delivery.revision, record::write(delivery)?))
}
