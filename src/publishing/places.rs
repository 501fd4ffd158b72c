//! Places of sites, and the calendars that fill them.

use futures_util::future::try_join_all;

use super::{ExpectedRevision, PublishError, Publishing};
use crate::{
    place::{CheckedPlan, NewPlace, Place, PlaceId},
    poll::{Poll, PollId, Revision, SiteId, Timestamp, Violation},
    site::{NewEvent, Publisher},
    store::PlacePut,
};

/// How many polls are looked up at a time.
const AT_ONCE: usize = 32;

impl Publishing {
    /// Puts a place of a site that the publisher acts for: makes it, or replaces it in the revision that the publisher
    /// expects. Returns whether it was made. What is there already is as good as put, whatever revision is expected:
    /// the answer of an attempt before may have been lost.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); [`NoPlace`](PublishError::NoPlace) if a revision
    /// is expected of one that is not there; what [`ExpectedRevision::check`] refuses;
    /// [`InvalidPlace`](PublishError::InvalidPlace); [`TooManyPlaces`](PublishError::TooManyPlaces); what the store
    /// failed with.
    pub async fn put_place(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: PlaceId,
        expected: &ExpectedRevision,
        new: &NewPlace,
    ) -> Result<(Place, bool), PublishError> {
        self.site(publisher, site).await?;
        let now = self.store.now().await?;
        let checked = new.check(now).map_err(PublishError::InvalidPlace)?;
        let before = self.store.place(site, &id).await?;
        match &before {
            Some(before) => match expected.check(before.revision) {
                Ok(()) => {}
                Err(_) if before.plan == checked.plan => return Ok((before.clone(), false)),
                Err(refusal) => return Err(refusal),
            },
            None if *expected == ExpectedRevision::default() => {}
            None => return Err(PublishError::NoPlace),
        }
        self.check_polls(site, &checked, now).await?;
        let place = Place {
            site: site.clone(),
            plan: checked.plan,
            revision: before.as_ref().map_or(Revision::FIRST, |before| before.revision.next()),
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            updated_at: now,
            id,
        };
        let put = self.store.put_place(&place, &NewEvent::of_put_place(&place, &publisher.actor())).await?;
        self.signal.note_change(site);
        self.hub.places().forget(site, &place.id);
        match put {
            PlacePut::Done => Ok((place, before.is_none())),
            PlacePut::Mismatch(Some(in_force)) => Err(PublishError::RevisionMismatch(in_force)),
            PlacePut::Mismatch(None) => Err(PublishError::NoPlace),
            PlacePut::NoSite => Err(PublishError::NoSite),
            PlacePut::TooMany => Err(PublishError::TooManyPlaces),
        }
    }

    /// A place.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); [`NoPlace`](PublishError::NoPlace); what the
    /// store failed with.
    pub async fn place(&self, publisher: &Publisher, site: &SiteId, id: &PlaceId) -> Result<Place, PublishError> {
        self.site(publisher, site).await?;
        self.store.place(site, id).await?.ok_or(PublishError::NoPlace)
    }

    /// A site's places, in the order of their ids.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn places(&self, publisher: &Publisher, site: &SiteId) -> Result<Vec<Place>, PublishError> {
        self.site(publisher, site).await?;
        Ok(self.store.places(site).await?)
    }

    /// Deletes a place with its calendar. The polls stay.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub async fn delete_place(&self, publisher: &Publisher, site: &SiteId, id: &PlaceId) -> Result<(), PublishError> {
        let place = self.place(publisher, site, id).await?;
        let event = NewEvent::of_deleted_place(&place, &publisher.actor(), self.store.now().await?);
        let was_there = self.store.delete_place(site, id, &event).await?;
        self.signal.note_change(site);
        self.hub.places().forget(site, id);
        if was_there { Ok(()) } else { Err(PublishError::NoPlace) }
    }

    /// Checks that what a place may still show is the site's. What is over may name polls that were deleted since.
    async fn check_polls(&self, site: &SiteId, checked: &CheckedPlan, now: Timestamp) -> Result<(), PublishError> {
        let named: Vec<(String, PollId)> = checked.polls_to_come(now).collect();
        let mut polls: Vec<PollId> = named.iter().map(|(_, poll)| *poll).collect();
        polls.sort_unstable();
        polls.dedup();
        let mut missing = Vec::new();
        for some in polls.chunks(AT_ONCE) {
            let found = try_join_all(some.iter().map(|poll| self.store.poll(*poll))).await?;
            let is_missing = |found: &Option<Poll>| found.as_ref().is_none_or(|poll| poll.site != *site);
            missing.extend(some.iter().zip(&found).filter(|(_, found)| is_missing(found)).map(|(poll, _)| *poll));
        }
        let wrong: Vec<Violation> = named
            .into_iter()
            .filter(|(_, poll)| missing.contains(poll))
            .map(|(field, _)| Violation::new(field, "must be the id of one of the site's polls"))
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(PublishError::InvalidPlace(wrong)) }
    }
}
