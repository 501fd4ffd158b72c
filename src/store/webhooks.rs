//! Webhooks of sites, and what is on its way to them.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    poll::{Revision, SiteId},
    site::{Delivery, EventId, NewEvent, Webhook, WebhookId},
};

/// The most deliveries that wait for one webhook. More events wait in the log.
pub const MOST_WAITING: usize = 1_000;
/// The most deliveries that are kept of one webhook: the oldest that are over go first.
pub const MOST_KEPT: usize = 2_000;

/// Webhooks. Each has a cursor, the place in its site's log behind which nothing is queued for it yet. An event is
/// queued in the step that moves the cursor, and waits until it is delivered or given up: so none is left out, however
/// often replicas are killed, and one is delivered twice at worst.
///
/// What is done for a site's webhooks is done by the replica that [holds the lease](Webhooks::lease_webhooks): each of
/// its writes checks that it still does.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// The sites that have webhooks, and perhaps some that had.
    async fn sites_with_webhooks(&self) -> Result<Vec<SiteId>, StoreError>;

    /// Keeps a webhook in the revision after the one before it: the first, where there is none. The same again is
    /// [`Done`](WebhookPut::Done) again. The cursor of a new one is the time at which it was made. The event goes to
    /// the site's log in the same step.
    async fn put_webhook(&self, hook: &Webhook, event: &NewEvent) -> Result<WebhookPut, StoreError>;

    /// One webhook.
    async fn webhook(&self, site: &SiteId, id: &WebhookId) -> Result<Option<Webhook>, StoreError>;

    /// A site's webhooks, the oldest first.
    async fn webhooks(&self, site: &SiteId) -> Result<Vec<Webhook>, StoreError>;

    /// Deletes a webhook with its deliveries, and tells that in the site's log in the same step. Returns whether there
    /// was one.
    async fn delete_webhook(&self, site: &SiteId, id: &WebhookId, event: &NewEvent) -> Result<bool, StoreError>;

    /// Takes the lease of a site's webhooks for so long, or holds on to it. Returns whether the holder has it: not if
    /// another has.
    async fn lease_webhooks(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError>;

    /// A webhook's cursor; `None` if there is no such webhook.
    async fn webhook_cursor(&self, site: &SiteId, id: &WebhookId) -> Result<Option<EventId>, StoreError>;

    /// Queues events, and moves the webhook's cursor from one place to another, all or nothing. The same again is done
    /// again.
    async fn queue_deliveries(&self, queued: &QueuedDeliveries<'_>) -> Result<Queueing, StoreError>;

    /// What is due for a webhook now: at most `limit`, what was due first first.
    async fn due_deliveries(&self, site: &SiteId, id: &WebhookId, limit: usize) -> Result<Vec<Delivery>, StoreError>;

    /// Puts a delivery in place of the revision before it, if that is what is kept and, where a holder is named, it has
    /// the lease. Returns whether it is in place.
    async fn put_delivery(
        &self,
        site: &SiteId,
        id: &WebhookId,
        delivery: &Delivery,
        holder: Option<&str>,
    ) -> Result<bool, StoreError>;

    /// One delivery.
    async fn delivery(&self, site: &SiteId, id: &WebhookId, event: EventId) -> Result<Option<Delivery>, StoreError>;

    /// A webhook's deliveries of events before a place in the log, the newest first: at most `limit`.
    async fn deliveries(
        &self,
        site: &SiteId,
        id: &WebhookId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;
}

/// Events that are to be queued for a webhook.
#[derive(Debug, Clone, Copy)]
pub struct QueuedDeliveries<'a> {
    /// Whose webhook.
    pub site: &'a SiteId,
    pub webhook: &'a WebhookId,
    /// Who holds the lease.
    pub holder: &'a str,
    /// Where the cursor is.
    pub from: EventId,
    /// Where it is then: at the last event that was looked at.
    pub to: EventId,
    /// Of the events between, those that it is told.
    pub deliveries: &'a [Delivery],
}

/// What [`Webhooks::queue_deliveries`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queueing {
    /// They are queued.
    Done,
    /// [`MOST_WAITING`] wait already.
    Full,
    /// Another has the lease, the cursor is elsewhere, or there is no such webhook.
    Lost,
}

/// What [`Webhooks::put_webhook`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookPut {
    /// The webhook is kept.
    Done,
    /// Another revision than the one before it is in force: this one; `None`: there is no such webhook.
    Mismatch(Option<Revision>),
    /// There is no such site.
    NoSite,
    /// The site has as many webhooks as it may.
    TooMany,
}
