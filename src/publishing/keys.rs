//! API keys: made, listed, revoked.

use super::{PublishError, Publishing};
use crate::{
    poll::{SiteId, Text},
    secret::KeyHash,
    site::{ApiKey, KeyId, NewEvent, NewKey, Publisher, Scopes},
};

impl Publishing {
    /// The publisher that holds a key, by the key's text and its hash; `None` if nobody holds it, or it was revoked.
    /// Keys are looked up at each request and never cached, so a revoked one is refused at once. A text whose checksum
    /// is wrong is refused without a call to the store.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn key_holder(&self, text: &str, hash: KeyHash) -> Result<Option<Publisher>, PublishError> {
        // Comparing hashes takes the same time wherever they differ, here and below.
        if hash == self.admin_key {
            return Ok(Some(Publisher::Admin));
        }
        let Some(id) = ApiKey::id_in(text) else { return Ok(None) };
        let key = self.store.key(&id).await?;
        Ok(key.filter(|key| key.hash == hash).map(Publisher::Site))
    }

    /// Makes a key. A site's key makes keys for its own site only, and gives them no scope it lacks.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`ScopeNotGiven`](PublishError::ScopeNotGiven); [`NoSite`](PublishError::NoSite);
    /// what the store failed with.
    pub async fn create_key(
        &self,
        publisher: &Publisher,
        site: Option<SiteId>,
        scopes: Scopes,
        name: Option<Text>,
    ) -> Result<NewKey, PublishError> {
        let site = publisher.site(site)?;
        if let Some(scope) = scopes.missing_from(&publisher.scopes()) {
            return Err(PublishError::ScopeNotGiven(scope));
        }
        self.require_site(&site).await?;
        let now = self.store.now().await?;
        let new = NewKey::generate(site, scopes, name.map(|name| name.to_string()), now);
        let event = NewEvent::of_new_key(&new.key, &publisher.actor(), now);
        let is_added = self.store.add_key(&new.key, &[event]).await?;
        self.signal.note_change(&new.key.site);
        if is_added { Ok(new) } else { Err(PublishError::NoSite) }
    }

    /// A site's keys, oldest first.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn keys(&self, publisher: &Publisher, site: Option<SiteId>) -> Result<Vec<ApiKey>, PublishError> {
        let site = publisher.site(site)?;
        self.require_site(&site).await?;
        Ok(self.store.keys(&site).await?)
    }

    /// Revokes a key: it is refused from now on. For a site's key, another site's key does not exist.
    ///
    /// # Errors
    /// [`PublishError::NoKey`]; what the store failed with.
    pub async fn revoke_key(&self, publisher: &Publisher, id: &KeyId) -> Result<(), PublishError> {
        let key = self.store.key(id).await?.filter(|key| publisher.acts_for(&key.site)).ok_or(PublishError::NoKey)?;
        let event = NewEvent::of_revoked_key(&key, &publisher.actor(), self.store.now().await?);
        let was_there = self.store.revoke_key(&key.id, &[event]).await?;
        self.signal.note_change(&key.site);
        self.end_sessions_of_key(&key).await;
        if was_there { Ok(()) } else { Err(PublishError::NoKey) }
    }
}
