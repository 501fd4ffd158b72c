//! Places of sites.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    place::{Place, PlaceId},
    poll::{Revision, SiteId},
    site::NewEvent,
};

/// Places. One is one record with a revision, so that two editors lose nothing of each other's.
#[async_trait]
pub trait Places: Send + Sync {
    /// Keeps a place in the revision after the one before it: the first, where there is none. The same again is
    /// [`Done`](PlacePut::Done) again, as long as no other has been put since.
    ///
    /// The event goes to the site's log in the same step.
    async fn put_place(&self, place: &Place, event: &NewEvent) -> Result<PlacePut, StoreError>;

    /// One place.
    async fn place(&self, site: &SiteId, id: &PlaceId) -> Result<Option<Place>, StoreError>;

    /// A site's places, in the order of their ids.
    async fn places(&self, site: &SiteId) -> Result<Vec<Place>, StoreError>;

    /// Deletes a place, and tells that in the site's log in the same step. Returns whether there was one.
    async fn delete_place(&self, site: &SiteId, id: &PlaceId, event: &NewEvent) -> Result<bool, StoreError>;
}

/// What [`Places::put_place`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacePut {
    /// The place is kept.
    Done,
    /// Another revision than the one before it is in force: this one; `None`: there is no such place.
    Mismatch(Option<Revision>),
    /// There is no such site.
    NoSite,
    /// The site has as many places as it may.
    TooMany,
}
