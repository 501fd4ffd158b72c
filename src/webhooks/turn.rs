//! One webhook's turn: what is new is queued, and what is due is sent.

use std::time::Instant;

use super::{
    Dispatcher, LEASE,
    message::WebhookMessage,
    retries::next_try,
    sender::{ReceiverAnswer, SendFailure},
};
use crate::{
    poll::{SiteId, Timestamp},
    secret::random_bytes,
    site::{Attempt, Delivery, Event, EventId, NewEvent, Webhook, WebhookId, WhyDisabled, sign},
    store::{QueuedDeliveries, Queueing, StoreError, WebhookPut},
};

/// How many events are queued at once, and how many deliveries read.
const CHUNK: usize = 100;

/// What a receiver answers that wants nothing any more.
const GONE: u16 = 410;

impl Dispatcher {
    /// Queues and sends until nothing is due.
    pub(super) async fn turn(&self, site: &SiteId, id: &WebhookId) -> Result<(), StoreError> {
        loop {
            let Some(hook) = self.enabled(site, id).await? else { return Ok(()) };
            let has_more = self.queue(&hook).await?;
            let due = self.store.due_deliveries(site, id, CHUNK).await?;
            let was_due = due.len();
            for delivery in due {
                // It may have been edited, disabled or deleted meanwhile, and the lease be another's.
                let Some(hook) = self.enabled(site, id).await? else { return Ok(()) };
                if !self.store.lease_webhooks(site, &self.holder, LEASE).await? {
                    return Ok(());
                }
                self.send(&hook, delivery).await?;
            }
            if !has_more && was_due == 0 {
                return Ok(());
            }
        }
    }

    async fn enabled(&self, site: &SiteId, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        Ok(self.store.webhook(site, id).await?.filter(|hook| hook.disabled.is_none()))
    }

    /// Queues events behind the cursor. Returns whether there may be more.
    async fn queue(&self, hook: &Webhook) -> Result<bool, StoreError> {
        let Webhook { site, id, .. } = hook;
        let Some(from) = self.store.webhook_cursor(site, id).await? else { return Ok(false) };
        let events = self.store.events(site, Some(from), CHUNK).await?;
        let Some(last) = events.last() else { return Ok(false) };
        let now = self.store.now().await?;
        let told = events.iter().filter(|event| hook.is_told(event.kind));
        let deliveries: Vec<Delivery> = told.map(|event| Delivery::new(event.id, event.kind, now)).collect();
        let (webhook, holder, deliveries) = (id, self.holder.as_str(), deliveries.as_slice());
        let queued = QueuedDeliveries { site, webhook, holder, from, to: last.id, deliveries };
        let queueing = self.store.queue_deliveries(&queued).await?;
        Ok(queueing == Queueing::Done && events.len() == CHUNK)
    }

    async fn send(&self, hook: &Webhook, delivery: Delivery) -> Result<(), StoreError> {
        let at = self.store.now().await?;
        let began = Instant::now();
        let answer = match self.event(hook, delivery.event).await? {
            Some(event) => {
                let message = WebhookMessage::of(hook, &event, self.public_url.as_ref());
                let signature = sign(hook.signing_secrets(at), &message.id, at, &message.body);
                self.sender.send(&hook.url, message, at, signature).await
            }
            None => Err(SendFailure::for_good("the site's log keeps the event no more")),
        };
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, asked, failure, is_final) = match answer {
            Ok(answer @ ReceiverAnswer { status, pause }) => {
                let failure = (!answer.is_success()).then(|| answer.failure());
                (Some(status), pause, failure, status == GONE)
            }
            Err(SendFailure { why, is_final }) => (None, None, Some(why), is_final),
        };
        let [jitter] = random_bytes();
        let after = self.store.now().await?;
        let due = if is_final { None } else { next_try(delivery.tries + 1, after, jitter, asked) };
        let is_delivered = failure.is_none();
        let tried = delivery.tried(Attempt { at, millis, status, failure }, due);
        self.metrics.count_webhook(match (is_delivered, due) {
            (true, _) => "delivered",
            (false, Some(_)) => "failed",
            (false, None) => "given-up",
        });
        // Before the try is noted: if this is cut short, the receiver is asked again.
        if status == Some(GONE) {
            self.disable(hook, WhyDisabled::Gone, after).await?;
        } else if !is_delivered && !is_final && due.is_none() && !self.has_delivered_since(hook, &tried).await? {
            self.disable(hook, WhyDisabled::Failing, after).await?;
        }
        self.store.put_delivery(&hook.site, &hook.id, &tried, Some(&self.holder)).await?;
        Ok(())
    }

    /// One event of the site's log.
    async fn event(&self, hook: &Webhook, id: EventId) -> Result<Option<Event>, StoreError> {
        let before = id.as_micros().checked_sub(1).and_then(EventId::from_micros);
        let found = self.store.events(&hook.site, before, 1).await?;
        Ok(found.into_iter().next().filter(|event| event.id == id))
    }

    /// Whether anything was delivered since a delivery was first tried.
    async fn has_delivered_since(&self, hook: &Webhook, given_up: &Delivery) -> Result<bool, StoreError> {
        let Some(since) = given_up.first_tried_at() else { return Ok(false) };
        let mut before = None;
        loop {
            let page = self.store.deliveries(&hook.site, &hook.id, before, CHUNK).await?;
            if page.iter().any(|delivery| delivery.delivered_at().is_some_and(|at| since <= at)) {
                return Ok(true);
            }
            match page.last() {
                Some(last) if page.len() == CHUNK => before = Some(last.event),
                Some(_) | None => return Ok(false),
            }
        }
    }

    /// Disables a webhook, unless somebody has edited it meanwhile: then it is as they want it, until it fails again.
    async fn disable(&self, hook: &Webhook, why: WhyDisabled, now: Timestamp) -> Result<(), StoreError> {
        let disabled = hook.disabled(why, now);
        let event = NewEvent::of_disabled_webhook(&disabled, why);
        if self.store.put_webhook(&disabled, &event).await? == WebhookPut::Done {
            tracing::warn!(site = %hook.site, webhook = %hook.id, ?why, "a webhook is disabled: its receiver takes nothing");
            self.signal.note_change(&hook.site);
        }
        Ok(())
    }
}
