//! Sites: made and changed by the operator.

use super::{PublishError, Publishing};
use crate::{
    poll::SiteId,
    site::{OtherSite, Publisher, Site, SiteSettings},
};

impl Publishing {
    /// Makes a site, or replaces its settings, for the operator alone. Says whether it was made.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn put_site(&self, id: &SiteId, settings: SiteSettings) -> Result<(Site, bool), PublishError> {
        let put = self.store.put_site(id, settings).await?;
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

    /// Makes sure that there is such a site. Only the operator can hear that there is none: a site's key has a site.
    pub(super) async fn require_site(&self, id: &SiteId) -> Result<Site, PublishError> {
        self.store.site(id).await?.ok_or(PublishError::NoSite)
    }
}
