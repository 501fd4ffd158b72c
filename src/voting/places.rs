//! What stands in a place of a site now: the poll whose turn it is, if readers can see it, and otherwise the fallback.
//!
//! Readers are told until when. `src/embed/widget/place.js` waits for that, and asks again.

use std::sync::Arc;

use super::{VoteError, Voting};
use crate::{
    live::PollWithSite,
    place::{Place, PlaceContent, PlaceId},
    poll::{PollId, SiteId, Timestamp},
};

/// What readers find in a place.
pub struct PlaceNow {
    /// The poll; `None`: nothing.
    pub poll: Option<Arc<PollWithSite>>,
    /// When it ends, and another may come; `None`: it goes on.
    pub until: Option<Timestamp>,
    /// The poll that comes then, as far as is known now; `None`: nothing.
    pub next: Option<PollId>,
}

impl Voting {
    /// What stands in a place now. A poll that is a draft, was deleted, or is another site's is not shown.
    ///
    /// # Errors
    /// [`VoteError::NoPlace`]; what the store failed with, if nothing is known of the place or its polls.
    pub async fn place_now(&self, site: &SiteId, id: &PlaceId) -> Result<PlaceNow, VoteError> {
        let place = self.replica.hub.places().get(&*self.others, site, id).await?.ok_or(VoteError::NoPlace)?;
        let standing = place.plan.at(self.replica.clock.now());
        let poll = self.shown_in(&place, standing).await?;
        let next = match standing.until {
            Some(until) => self.shown_in(&place, place.plan.at(until)).await?.map(|known| known.poll.id),
            None => None,
        };
        Ok(PlaceNow { poll, until: standing.until, next })
    }

    /// The first of the polls that readers can see.
    async fn shown_in(
        &self,
        place: &Place,
        PlaceContent { poll, fallback, .. }: PlaceContent,
    ) -> Result<Option<Arc<PollWithSite>>, VoteError> {
        let missing = self.replica.hub.places();
        for id in poll.into_iter().chain(fallback) {
            if missing.is_missing(id) {
                continue;
            }
            match self.polls.get(&self.others, id).await? {
                Some(known) if known.site.id == place.site => return Ok(Some(known)),
                Some(_) => {}
                None => missing.note_missing(id),
            }
        }
        Ok(None)
    }
}
