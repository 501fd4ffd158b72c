//! Sites: changed by those who act for them; made, listed and deleted by the operator.

use super::{PublishError, Publishing};
use crate::{
    poll::{SiteId, Timestamp},
    site::{NewEvent, OtherSite, Publisher, Site, SiteSettings},
    store::{SiteDeletion, SiteReplacement},
};

impl Publishing {
    /// Replaces the settings of a site that the publisher acts for; for the operator makes it too, unless it is to be
    /// as it was at `version`, its `updated_at`. Returns whether it was made.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); [`SiteChanged`](PublishError::SiteChanged); what
    /// the store failed with.
    pub async fn put_site(
        &self,
        publisher: &Publisher,
        id: &SiteId,
        settings: SiteSettings,
        version: Option<Timestamp>,
    ) -> Result<(Site, bool), PublishError> {
        if !publisher.acts_for(id) {
            return Err(OtherSite.into());
        }
        let (before, now) = (self.store.site(id).await?, self.store.now().await?);
        let events = [NewEvent::of_site(before.as_ref(), &settings, &publisher.actor(), now)];
        let put = if publisher.is_operator() && version.is_none() {
            self.store.put_site(id, settings, &events).await?
        } else {
            match self.store.replace_site(id, settings, version, &events).await? {
                SiteReplacement::Done(site) => (site, false),
                SiteReplacement::Changed(site) => return Err(PublishError::SiteChanged(Box::new(site))),
                SiteReplacement::Gone => return Err(PublishError::NoSite),
            }
        };
        self.signal.note_change(id);
        self.hub.note_site(id);
        Ok(put)
    }

    /// A site that the publisher acts for.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn site(&self, publisher: &Publisher, id: &SiteId) -> Result<Site, PublishError> {
        if !publisher.acts_for(id) {
            return Err(OtherSite.into());
        }
        self.require_site(id).await
    }

    /// Sites in the order of their ids: at most `limit` of those after `after`. Only for the operator.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, PublishError> {
        Ok(self.store.sites(after, limit).await?)
    }

    /// Deletes a site that has neither polls nor templates, places or keys, so that nothing is lost with it. Only for
    /// the operator.
    ///
    /// # Errors
    /// [`PublishError::NoSite`]; [`SiteHasPolls`](PublishError::SiteHasPolls);
    /// [`SiteHasTemplates`](PublishError::SiteHasTemplates); [`SiteHasPlaces`](PublishError::SiteHasPlaces);
    /// [`SiteHasWebhooks`](PublishError::SiteHasWebhooks); [`SiteHasKeys`](PublishError::SiteHasKeys);
    /// [`SiteIsDefault`](PublishError::SiteIsDefault); what the store failed with.
    pub async fn delete_site(&self, id: &SiteId) -> Result<(), PublishError> {
        if *id == SiteId::default() {
            return Err(PublishError::SiteIsDefault);
        }
        match self.store.delete_site(id).await? {
            SiteDeletion::Done => {
                self.hub.note_site(id);
                Ok(())
            }
            SiteDeletion::HasPolls => Err(PublishError::SiteHasPolls(id.clone())),
            SiteDeletion::HasTemplates => Err(PublishError::SiteHasTemplates(id.clone())),
            SiteDeletion::HasPlaces => Err(PublishError::SiteHasPlaces(id.clone())),
            SiteDeletion::HasWebhooks => Err(PublishError::SiteHasWebhooks(id.clone())),
            SiteDeletion::HasKeys => Err(PublishError::SiteHasKeys(id.clone())),
            SiteDeletion::Gone => Err(PublishError::NoSite),
        }
    }

    /// Checks that there is such a site. Only the operator can be refused here: every site's key has a site.
    pub(super) async fn require_site(&self, id: &SiteId) -> Result<Site, PublishError> {
        self.store.site(id).await?.ok_or(PublishError::NoSite)
    }
}
