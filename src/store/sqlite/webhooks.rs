//! Webhooks, and what is on its way to them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{SqliteStore, events, has_site};
use crate::{
    poll::{Revision, SiteId, Timestamp},
    site::{Delivery, EventId, MOST_WEBHOOKS, NewEvent, Webhook, WebhookId},
    store::{
        MOST_KEPT, MOST_WAITING, QueuedDeliveries, Queueing, StoreError, WebhookPut, Webhooks,
        record::{read, write},
    },
};

#[async_trait]
impl Webhooks for SqliteStore {
    async fn sites_with_webhooks(&self) -> Result<Vec<SiteId>, StoreError> {
        self.read(|db, _| {
            let mut select = db.prepare_cached("select distinct site from webhooks")?;
            let sites = select.query_map([], |row| row.get::<_, String>(0))?;
            let site = |site: String| site.parse().map_err(|rule| StoreError::Corrupt(format!("a site's id {rule}")));
            sites.map(|found| site(found?)).collect()
        })
        .await
    }

    async fn put_webhook(&self, hook: &Webhook, event: &NewEvent) -> Result<WebhookPut, StoreError> {
        let (hook, event) = (hook.clone(), event.clone());
        self.write(move |db, times| put(db, times.store, &hook, event)).await
    }

    async fn webhook(&self, site: &SiteId, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, _| find(db, &site, &id)).await
    }

    async fn webhooks(&self, site: &SiteId) -> Result<Vec<Webhook>, StoreError> {
        let site = site.clone();
        self.read(move |db, _| {
            let mut select = db.prepare_cached("select record from webhooks where site = ?1")?;
            let records = select.query_map([site.as_str()], |row| row.get::<_, String>(0))?;
            let hooks = records.map(|record| read("a webhook", record?.as_bytes()));
            let mut hooks: Vec<Webhook> = hooks.collect::<Result<_, StoreError>>()?;
            hooks.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
            Ok(hooks)
        })
        .await
    }

    async fn delete_webhook(&self, site: &SiteId, id: &WebhookId, event: &NewEvent) -> Result<bool, StoreError> {
        let (site, id, event) = (site.clone(), id.clone(), event.clone());
        self.write(move |db, times| {
            let mut delete = db.prepare_cached("delete from webhooks where site = ?1 and id = ?2")?;
            let is_deleted = delete.execute([site.as_str(), id.as_str()])? > 0;
            if is_deleted {
                db.prepare_cached("delete from deliveries where site = ?1 and webhook = ?2")?
                    .execute([site.as_str(), id.as_str()])?;
                events::tell(db, times.store, &site, None, &[event])?;
            }
            Ok(is_deleted)
        })
        .await
    }

    async fn lease_webhooks(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError> {
        Ok(self.webhook_leases.take(site, holder, self.clocks.own().now(), ttl))
    }

    async fn webhook_cursor(&self, site: &SiteId, id: &WebhookId) -> Result<Option<EventId>, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, _| cursor(db, &site, &id)).await
    }

    async fn queue_deliveries(&self, queued: &QueuedDeliveries<'_>) -> Result<Queueing, StoreError> {
        let QueuedDeliveries { site, webhook, holder, from, to, deliveries } = *queued;
        let (site, webhook, holder) = (site.clone(), webhook.clone(), holder.to_owned());
        let (deliveries, leases) = (deliveries.to_vec(), Arc::clone(&self.webhook_leases));
        self.write(move |db, times| {
            if !leases.has(&site, &holder, times.store) {
                return Ok(Queueing::Lost);
            }
            match cursor(db, &site, &webhook)? {
                Some(cursor) if cursor == to => return Ok(Queueing::Done),
                Some(cursor) if cursor == from => {}
                Some(_) | None => return Ok(Queueing::Lost),
            }
            let waiting = "select count(*) from deliveries where site = ?1 and webhook = ?2 and due is not null";
            if count(db, waiting, &site, &webhook)? >= MOST_WAITING {
                return Ok(Queueing::Full);
            }
            for delivery in &deliveries {
                write_delivery(db, &site, &webhook, delivery)?;
            }
            db.prepare_cached("update webhooks set cursor = ?3 where site = ?1 and id = ?2")?.execute(params![
                site.as_str(),
                webhook.as_str(),
                column(to)
            ])?;
            let all = "select count(*) from deliveries where site = ?1 and webhook = ?2";
            let too_many = count(db, all, &site, &webhook)?.saturating_sub(MOST_KEPT);
            if too_many > 0 {
                let mut forget = db.prepare_cached(
                    "delete from deliveries where site = ?1 and webhook = ?2 and event in (
                         select event from deliveries where site = ?1 and webhook = ?2 and due is null
                         order by event limit ?3)",
                )?;
                let too_many = i64::try_from(too_many).unwrap_or(i64::MAX);
                forget.execute(params![site.as_str(), webhook.as_str(), too_many])?;
            }
            Ok(Queueing::Done)
        })
        .await
    }

    async fn due_deliveries(&self, site: &SiteId, id: &WebhookId, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, times| {
            let mut select = db.prepare_cached(
                "select record from deliveries where site = ?1 and webhook = ?2 and due <= ?3 order by due, event limit ?4",
            )?;
            let (now, limit) = (times.store.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX));
            let rows = select.query_map(params![site.as_str(), id.as_str(), now, limit], |row| row.get(0))?;
            rows.map(|record: Result<String, _>| read("a delivery", record?.as_bytes())).collect()
        })
        .await
    }

    async fn put_delivery(
        &self,
        site: &SiteId,
        id: &WebhookId,
        delivery: &Delivery,
        holder: Option<&str>,
    ) -> Result<bool, StoreError> {
        let (site, id, delivery, holder) = (site.clone(), id.clone(), delivery.clone(), holder.map(str::to_owned));
        let leases = Arc::clone(&self.webhook_leases);
        self.write(move |db, times| {
            if holder.is_some_and(|holder| !leases.has(&site, &holder, times.store)) {
                return Ok(false);
            }
            let Some(before) = find_delivery(db, &site, &id, delivery.event)? else { return Ok(false) };
            if before == delivery {
                return Ok(true);
            }
            if before.revision + 1 != delivery.revision {
                return Ok(false);
            }
            write_delivery(db, &site, &id, &delivery)?;
            Ok(true)
        })
        .await
    }

    async fn delivery(&self, site: &SiteId, id: &WebhookId, event: EventId) -> Result<Option<Delivery>, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, _| find_delivery(db, &site, &id, event)).await
    }

    async fn deliveries(
        &self,
        site: &SiteId,
        id: &WebhookId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, _| {
            let mut select = db.prepare_cached(
                "select record from deliveries where site = ?1 and webhook = ?2 and event < ?3 order by event desc limit ?4",
            )?;
            let (before, limit) = (before.map_or(i64::MAX, column), i64::try_from(limit).unwrap_or(i64::MAX));
            let rows = select.query_map(params![site.as_str(), id.as_str(), before, limit], |row| row.get(0))?;
            rows.map(|record: Result<String, _>| read("a delivery", record?.as_bytes())).collect()
        })
        .await
    }
}

fn put(db: &Connection, now: Timestamp, hook: &Webhook, event: NewEvent) -> Result<WebhookPut, StoreError> {
    let Webhook { site, id, revision, created_at, .. } = hook;
    if !has_site(db, site)? {
        return Ok(WebhookPut::NoSite);
    }
    let before = find(db, site, id)?;
    if before.as_ref() == Some(hook) {
        return Ok(WebhookPut::Done);
    }
    let in_force = before.map(|before| before.revision);
    if in_force.map_or(Revision::FIRST, Revision::next) != *revision {
        return Ok(WebhookPut::Mismatch(in_force));
    }
    let mut count = db.prepare_cached("select count(*) from webhooks where site = ?1")?;
    let count: usize = count.query_row([site.as_str()], |row| row.get(0))?;
    if in_force.is_none() && count >= MOST_WEBHOOKS {
        return Ok(WebhookPut::TooMany);
    }
    // Behind all that is in the log, which is ahead of a clock that was set back.
    let begins_at = events::last_id(db, site)?.max(Some(EventId::at(*created_at)));
    db.prepare_cached(
        "insert into webhooks (site, id, cursor, record) values (?1, ?2, ?3, ?4)
         on conflict (site, id) do update set record = excluded.record",
    )?
    .execute(params![site.as_str(), id.as_str(), begins_at.map(column), write(hook)?])?;
    events::tell(db, now, site, None, &[event])?;
    Ok(WebhookPut::Done)
}

fn find(db: &Connection, site: &SiteId, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
    let mut select = db.prepare_cached("select record from webhooks where site = ?1 and id = ?2")?;
    let record: Option<String> = select.query_row([site.as_str(), id.as_str()], |row| row.get(0)).optional()?;
    record.map(|record| read("a webhook", record.as_bytes())).transpose()
}

fn cursor(db: &Connection, site: &SiteId, id: &WebhookId) -> Result<Option<EventId>, StoreError> {
    let mut select = db.prepare_cached("select cursor from webhooks where site = ?1 and id = ?2")?;
    let cursor: Option<u64> = select.query_row([site.as_str(), id.as_str()], |row| row.get(0)).optional()?;
    Ok(cursor.and_then(EventId::from_micros))
}

fn count(db: &Connection, select: &str, site: &SiteId, id: &WebhookId) -> Result<usize, StoreError> {
    Ok(db.prepare_cached(select)?.query_row([site.as_str(), id.as_str()], |row| row.get(0))?)
}

fn find_delivery(
    db: &Connection,
    site: &SiteId,
    id: &WebhookId,
    event: EventId,
) -> Result<Option<Delivery>, StoreError> {
    let mut select =
        db.prepare_cached("select record from deliveries where site = ?1 and webhook = ?2 and event = ?3")?;
    let record: Option<String> =
        select.query_row(params![site.as_str(), id.as_str(), column(event)], |row| row.get(0)).optional()?;
    record.map(|record| read("a delivery", record.as_bytes())).transpose()
}

fn write_delivery(db: &Connection, site: &SiteId, id: &WebhookId, delivery: &Delivery) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached(
        "insert or replace into deliveries (site, webhook, event, due, record) values (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute(params![
        site.as_str(),
        id.as_str(),
        column(delivery.event),
        delivery.due.map(Timestamp::as_millis),
        write(delivery)?
    ])?;
    Ok(())
}

/// An id as its column has it: it fits, having 16 digits.
fn column(id: EventId) -> i64 {
    i64::try_from(id.as_micros()).unwrap_or(i64::MAX)
}
