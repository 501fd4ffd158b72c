//! Sessions of the newsroom.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    poll::SiteId,
    secret::KeyHash,
    site::{NewEvent, Realm, Session},
};

/// Who is signed in to the newsroom, by the hash of what their browser holds.
///
/// Sessions are never cached: one that was ended is ended at once, on every replica.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a session until it expires. The same again changes nothing.
    async fn add_session(&self, hash: KeyHash, session: &Session) -> Result<(), StoreError>;

    /// A session, unless it was ended or has expired.
    async fn session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError>;

    /// Ends a session, and returns it, unless it was ended or has expired before. Of several who end the same one at
    /// once, one gets it.
    async fn end_session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError>;

    /// The same, and tells of it in a site's log in the same step. Returns whether there was one.
    async fn end_session_at(&self, hash: KeyHash, site: &SiteId, event: &NewEvent) -> Result<bool, StoreError>;

    /// The sessions of those who have business in a realm, those that began last first: at most `limit`. One that is
    /// being added may be missing until it is.
    async fn sessions_in(&self, realm: &Realm, limit: usize) -> Result<Vec<(KeyHash, Session)>, StoreError>;
}
