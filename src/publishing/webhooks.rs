//! Webhooks of sites, and what was sent to them.

use super::{PublishError, Publishing};
use crate::{
    poll::{SiteId, WebAddress},
    site::{Delivery, EventId, NewEvent, Publisher, Webhook, WebhookFields, WebhookId},
    store::WebhookPut,
};

/// How often a webhook that is edited by others meanwhile is edited anew.
const ATTEMPTS: usize = 5;

impl Publishing {
    /// Makes a webhook of a site that the publisher acts for, with a secret of its own.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite);
    /// [`TooManyWebhooks`](PublishError::TooManyWebhooks); what the store failed with.
    pub async fn create_webhook(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        url: WebAddress,
        fields: WebhookFields,
    ) -> Result<Webhook, PublishError> {
        self.site(publisher, site).await?;
        let hook = Webhook::new(site.clone(), url, fields, self.store.now().await?);
        self.put_webhook(publisher, &hook).await?;
        Ok(hook)
    }

    /// A site's webhooks, the oldest first.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn webhooks(&self, publisher: &Publisher, site: &SiteId) -> Result<Vec<Webhook>, PublishError> {
        self.site(publisher, site).await?;
        Ok(self.store.webhooks(site).await?)
    }

    /// A webhook.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); [`NoWebhook`](PublishError::NoWebhook); what the
    /// store failed with.
    pub async fn webhook(&self, publisher: &Publisher, site: &SiteId, id: &WebhookId) -> Result<Webhook, PublishError> {
        self.site(publisher, site).await?;
        self.store.webhook(site, id).await?.ok_or(PublishError::NoWebhook)
    }

    /// Changes fields of a webhook. One that is enabled anew goes on where it has stopped.
    ///
    /// # Errors
    /// As [`webhook`](Self::webhook); [`KeptChanging`](PublishError::KeptChanging).
    pub async fn edit_webhook(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &WebhookId,
        fields: &WebhookFields,
    ) -> Result<Webhook, PublishError> {
        let now = self.store.now().await?;
        self.change_webhook(publisher, site, id, |before| Ok(before.edited(fields.clone(), now))).await
    }

    /// Gives a webhook a new secret. The one before signs beside it for a day.
    ///
    /// # Errors
    /// As [`edit_webhook`](Self::edit_webhook); [`TooManySecrets`](PublishError::TooManySecrets).
    pub async fn rotate_webhook_secret(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &WebhookId,
    ) -> Result<Webhook, PublishError> {
        let now = self.store.now().await?;
        self.change_webhook(publisher, site, id, |before| before.rotated(now).map_err(PublishError::TooManySecrets))
            .await
    }

    /// Deletes a webhook with its deliveries.
    ///
    /// # Errors
    /// As [`webhook`](Self::webhook).
    pub async fn delete_webhook(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &WebhookId,
    ) -> Result<(), PublishError> {
        let hook = self.webhook(publisher, site, id).await?;
        let event = NewEvent::of_deleted_webhook(&hook, &publisher.actor(), self.store.now().await?);
        let was_there = self.store.delete_webhook(site, id, &event).await?;
        self.signal.note_change(site);
        if was_there { Ok(()) } else { Err(PublishError::NoWebhook) }
    }

    /// A webhook's deliveries of events before one of them, the newest first: at most `limit`.
    ///
    /// # Errors
    /// As [`webhook`](Self::webhook).
    pub async fn deliveries(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &WebhookId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, PublishError> {
        self.webhook(publisher, site, id).await?;
        Ok(self.store.deliveries(site, id, before, limit).await?)
    }

    /// Sends an event once more, with the same id: at once, and as often as one that is new.
    ///
    /// # Errors
    /// As [`webhook`](Self::webhook); [`NoDelivery`](PublishError::NoDelivery);
    /// [`KeptChanging`](PublishError::KeptChanging).
    pub async fn replay_delivery(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &WebhookId,
        event: EventId,
    ) -> Result<Delivery, PublishError> {
        self.webhook(publisher, site, id).await?;
        for _ in 0..ATTEMPTS {
            let before = self.store.delivery(site, id, event).await?.ok_or(PublishError::NoDelivery)?;
            let replayed = before.replayed(self.store.now().await?);
            if self.store.put_delivery(site, id, &replayed, None).await? {
                self.signal.note_change(site);
                return Ok(replayed);
            }
        }
        Err(PublishError::KeptChanging)
    }

    /// The editor says which fields are otherwise, not which revision they have seen: so it is made again on top of
    /// what another has put meanwhile.
    async fn change_webhook(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &WebhookId,
        change: impl Fn(&Webhook) -> Result<Webhook, PublishError>,
    ) -> Result<Webhook, PublishError> {
        for _ in 0..ATTEMPTS {
            let hook = change(&self.webhook(publisher, site, id).await?)?;
            match self.put_webhook(publisher, &hook).await {
                Ok(()) => return Ok(hook),
                Err(PublishError::KeptChanging) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Err(PublishError::KeptChanging)
    }

    async fn put_webhook(&self, publisher: &Publisher, hook: &Webhook) -> Result<(), PublishError> {
        let event = NewEvent::of_put_webhook(hook, &publisher.actor());
        let put = self.store.put_webhook(hook, &event).await?;
        self.signal.note_change(&hook.site);
        match put {
            WebhookPut::Done => Ok(()),
            WebhookPut::Mismatch(Some(_)) => Err(PublishError::KeptChanging),
            WebhookPut::Mismatch(None) => Err(PublishError::NoWebhook),
            WebhookPut::NoSite => Err(PublishError::NoSite),
            WebhookPut::TooMany => Err(PublishError::TooManyWebhooks),
        }
    }
}
