//! Sessions of the newsroom.

use async_trait::async_trait;

use super::StoreError;
use crate::{secret::KeyHash, site::Session};

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
}
