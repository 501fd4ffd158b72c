//! Which polls a site has, as last read, page by page.
//!
//! Anybody may ask for a site's results, as often as the quota allows, and the tallies come from the [hub](super::hub).
//! So the list must not cost the store more than one read a second either, however many ask: those who ask while a page
//! is read wait for that read, and those who come within a second after get what it found. Of a poll only a few numbers
//! are kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::OnceCell;

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

/// The pages that were read lately.
#[derive(Default)]
pub struct SiteLists(Mutex<FxHashMap<PageKey, CachedPage>>);

/// A site, and the poll before the page's first.
type PageKey = (SiteId, Option<ListCursor>);

struct CachedPage {
    begun_at: Instant,
    list: Arc<OnceCell<List>>,
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
        let list = self.page(site, before, Instant::now());
        list.get_or_try_init(|| read).await.cloned()
    }

    fn page(&self, site: &SiteId, before: Option<ListCursor>, now: Instant) -> Arc<OnceCell<List>> {
        let key = (site.clone(), before);
        let mut pages = self.0.lock();
        pages.retain(|_, page| now.saturating_duration_since(page.begun_at) < KEPT_FOR);
        if pages.len() >= MOST_PAGES && !pages.contains_key(&key) {
            return Arc::default();
        }
        let page = pages.entry(key).or_insert_with(|| CachedPage { begun_at: now, list: Arc::default() });
        Arc::clone(&page.list)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, convert::Infallible};

    use super::*;
    use crate::poll::{PollId, Timestamp};

    fn some_cursor() -> ListCursor {
        ListCursor { created_at: Timestamp::EARLIEST, id: PollId::generate() }
    }

    #[tokio::test]
    async fn a_crowd_that_asks_for_a_site_costs_the_store_one_reading() {
        let (lists, readings) = (SiteLists::default(), Cell::new(0));
        let read = async || {
            readings.set(readings.get() + 1);
            tokio::task::yield_now().await;
            Ok::<List, Infallible>(Some(Arc::default()))
        };
        let site = SiteId::default();
        let before = Some(some_cursor());
        let ask = |before| lists.get(&site, before, read());
        let (crowd, other) = tokio::join!(futures_util::future::join_all((0..50).map(|_| ask(None))), ask(before));
        assert!(crowd.into_iter().all(|list| list.is_ok_and(|list| list.is_some())) && other.is_ok());
        assert_eq!(readings.get(), 2, "one for each page");
        let later = Instant::now() + KEPT_FOR;
        assert!(lists.page(&site, None, later).get().is_none(), "it is read again");
    }

    #[tokio::test]
    async fn a_reading_that_failed_is_kept_from_nobody() {
        let (lists, site) = (SiteLists::default(), SiteId::default());
        assert_eq!(lists.get(&site, None, async { Err("away") }).await.err(), Some("away"));
        assert!(lists.get(&site, None, async { Ok::<_, Infallible>(None) }).await.is_ok());
    }

    #[test]
    fn whoever_asks_for_one_page_after_the_other_fills_no_memory() {
        let (lists, site, now) = (SiteLists::default(), SiteId::default(), Instant::now());
        for _ in 0..2 * MOST_PAGES {
            lists.page(&site, Some(some_cursor()), now);
        }
        assert_eq!(lists.0.lock().len(), MOST_PAGES);
    }
}
