//! Which polls a site has, as last read, page by page.
//!
//! Anybody may ask for a site's results, as often as the quota allows, and the tallies come from the [hub](super::hub).
//! So the list must not cost the store more than one read a second either, however many ask: those who ask while a page
//! is read wait for that read, and those who come within a second after get what it found. Of a poll only a few numbers
//! are kept.

use std::{sync::Arc, time::Duration};

use super::SingleFlightCache;
use crate::poll::{ListCursor, Poll, Schedule, SiteId};

/// How long a page is kept.
const KEPT_FOR: Duration = Duration::from_secs(1);
/// The most pages that are kept. Beyond that, each request for another page reads it for itself.
const MOST_PAGES: usize = 256;

/// A poll in a list.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Which, and where it stands in the list.
    pub cursor: ListCursor,
    /// What decides its state.
    pub schedule: Schedule,
}

/// A page of a site's polls, newest first; `None` if there is no such site.
pub type List = Option<Arc<[Listed]>>;

/// The pages that were read lately, by their site and the poll before their first.
pub struct SiteLists(SingleFlightCache<(SiteId, Option<ListCursor>), List>);

impl Default for SiteLists {
    fn default() -> Self {
        Self(SingleFlightCache::new(KEPT_FOR, MOST_PAGES))
    }
}

impl Listed {
    /// What a list says of a poll.
    pub fn of(poll: &Poll) -> Self {
        Self { cursor: poll.list_cursor(), schedule: poll.schedule }
    }
}

impl SiteLists {
    /// A page. It is read only if nobody has read it within [`KEPT_FOR`].
    ///
    /// # Errors
    /// What reading it failed with. Each caller who waited for that read then reads for itself.
    pub async fn get<E>(
        &self,
        site: &SiteId,
        before: Option<ListCursor>,
        read: impl Future<Output = Result<List, E>>,
    ) -> Result<List, E> {
        self.0.get((site.clone(), before), read).await
    }
}
