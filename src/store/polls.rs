//! Polls: making them, finding them, editing and deleting them.

use async_trait::async_trait;

use super::{Store, StoreError};
use crate::{
    poll::{Edit, ListCursor, PageStart, Partitions, Poll, PollId, Revision, SiteId},
    secret::KeyHash,
    site::NewEvent,
};

/// Polls, and whose they are.
#[async_trait]
pub trait Polls: Send + Sync {
    /// The partitions of a new poll of this id.
    fn partitions(&self, id: PollId) -> Partitions;

    /// Keeps a new poll if its site exists. With an [`IdempotencyKey`] that its site has used within
    /// [`IDEMPOTENCY_SECS`], makes no second one.
    async fn create_poll(
        &self,
        poll: &Poll,
        idempotency: Option<&IdempotencyKey>,
        events: &[NewEvent],
    ) -> Result<Creation, StoreError>;

    /// The poll that this site made with this key and request before, if that is still known.
    async fn made_before(&self, site: &SiteId, idempotency: &IdempotencyKey) -> Result<Option<Poll>, StoreError>;

    /// One poll, in the revision in force.
    async fn poll(&self, id: PollId) -> Result<Option<Poll>, StoreError>;

    /// A site's polls, newest first: at most `limit` of those older than `before`.
    async fn polls(&self, site: &SiteId, before: Option<ListCursor>, limit: usize) -> Result<Vec<Poll>, StoreError>;

    /// Puts a new revision in place of the one before it. When this answers [`Replacement::Done`], every partition has
    /// the revision: a closed poll counts nothing more. An edit that reshapes is made only if the poll has no ballots,
    /// and no ballot can come in while that is checked. The same edit again is `Done` again, as long as no other has
    /// been made since. It is of the poll that was made at its moment: an article's poll may be deleted and come again
    /// with the same id, and that one is never edited by it.
    ///
    /// An edit that was cut short is finished, or undone, by whoever next reads the poll or casts a ballot, and by the
    /// same edit again. Until then readers find the poll as it was, or as it will be, and nothing in between.
    async fn replace_poll(&self, edit: &Edit, events: &[NewEvent]) -> Result<Replacement, StoreError>;

    /// The site that owns this poll; known also while the poll is being deleted.
    async fn owner(&self, id: PollId) -> Result<Option<SiteId>, StoreError>;

    /// Deletes a poll with all its ballots and tallies. Returns whether there was one, or a part of one whose deletion
    /// was cut short. Nobody finds the poll once this has begun.
    async fn delete_poll(&self, id: PollId, events: &[NewEvent]) -> Result<bool, StoreError>;
}

/// The place in a site's list that a page begins after.
///
/// # Errors
/// What the store failed with.
pub async fn resolve_page_start(
    store: &dyn Store,
    site: &SiteId,
    start: Option<PageStart>,
) -> Result<Option<ListCursor>, StoreError> {
    Ok(match start {
        None => None,
        Some(PageStart::After(last)) => Some(last),
        Some(PageStart::Poll(id, created_at)) => {
            let poll = store.poll(id).await?.filter(|poll| poll.site == *site);
            Some(poll.map_or(ListCursor { created_at, id }, |poll| poll.list_cursor()))
        }
    })
}

/// How long a site's [`IdempotencyKey`] is remembered: a day.
pub const IDEMPOTENCY_SECS: u64 = 24 * 60 * 60;

/// A publisher's `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The hash of the key as sent.
    pub key: KeyHash,
    /// The hash of the request it came with: the same key with another request is a mistake.
    pub request: KeyHash,
}

/// What [`Polls::create_poll`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// The poll is kept.
    Created(Poll),
    /// The same request was made before; this is the poll it made, as it is now.
    Existing(Poll),
    /// The idempotency key came with another request before.
    Mismatch,
    /// There is no such site, or not any more.
    NoSite,
}

/// What [`Polls::replace_poll`] did.
#[expect(clippy::large_enum_variant, reason = "one is made for each edit, and taken apart at once")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The new revision is in force everywhere. It may be later than the one asked for, by revisions that the store
    /// needed to make the change safely.
    Done(Poll),
    /// Another revision than the one edited is in force: this one.
    Mismatch(Revision),
    /// The poll has closed in the meantime.
    Closed,
    /// The edit adds to a closed poll, and it is not closed.
    NotClosed,
    /// The edit reshapes the poll, and it has ballots.
    HasBallots,
    /// There is no such poll, or another with its id by now.
    Gone,
}
