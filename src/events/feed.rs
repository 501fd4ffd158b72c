//! Reading a site's log, and waiting for what comes next.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::EventSignal;
use crate::{
    poll::{PollId, SiteId},
    site::{Event, EventId, EventSubject, EventType, OtherSite, Publisher, Scope},
    store::{Store, StoreError},
};

/// How often a reader who waits looks again by itself: another replica may have written something.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The most events that one request looks at: a filter gives up after so many.
const MAX_EXAMINED: usize = 1_000;
/// How many are read at a time if not all of them are wanted.
const BATCH: usize = 200;

/// In which order events are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventsOrder {
    /// As they happened.
    #[default]
    Oldest,
    /// The last one first.
    Newest,
}

impl EventsOrder {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
        }
    }
}

/// Which events of a site are asked for.
#[derive(Debug, Clone)]
pub struct EventsQuery {
    /// In this order.
    pub order: EventsOrder,
    /// Those behind this place, in that order.
    pub after: Option<EventId>,
    /// Those of this type.
    pub kind: Option<EventType>,
    /// Those about this sort of thing.
    pub about: Option<EventSubject>,
    /// Those of this poll.
    pub poll: Option<PollId>,
    /// At most so many.
    pub limit: usize,
    /// For how long to wait if there are none.
    pub wait: Duration,
}

/// Some of a site's events, in order.
pub struct EventPage {
    pub events: Vec<Event>,
    /// The place behind all that was looked at, from which to go on; `None` if nothing was, from the beginning.
    pub next: Option<EventId>,
    /// Whether there are more behind it.
    pub has_more: bool,
}

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The key acts for another site.
    #[error(transparent)]
    OtherSite(#[from] OtherSite),
    /// There is no such site.
    #[error("no site has this id")]
    NoSite,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One worker's reader of logs.
pub struct EventFeed {
    store: Arc<dyn Store>,
    signal: Arc<EventSignal>,
}

impl EventFeed {
    /// A worker's, on its store for calls that are not votes.
    pub fn new(store: Arc<dyn Store>, signal: Arc<EventSignal>) -> Self {
        Self { store, signal }
    }

    /// A site's events behind a place. If there are none, waits for the first that comes; not where the last one comes
    /// first. Events of keys and of webhooks are for those who may list keys.
    ///
    /// # Errors
    /// [`FeedError::OtherSite`]; [`NoSite`](FeedError::NoSite); what the store failed with.
    pub async fn read(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        mut asked: EventsQuery,
    ) -> Result<EventPage, FeedError> {
        if !publisher.acts_for(site) {
            return Err(OtherSite.into());
        }
        self.store.site(site).await?.ok_or(FeedError::NoSite)?;
        let sees_keys = publisher.scopes().has(Scope::KeysWrite);
        let until = Instant::now() + asked.wait;
        let is_waiting = !asked.wait.is_zero() && asked.order == EventsOrder::Oldest;
        // Before the log is read, so that nothing is missed between.
        let mut waiting = if is_waiting { self.signal.wait() } else { None };
        loop {
            let page = self.page(site, &asked, sees_keys).await?;
            let Some(waiting) = waiting.as_mut().filter(|_| page.events.is_empty() && !page.has_more) else {
                return Ok(page);
            };
            let look_again = until.min(Instant::now() + LOOK_AGAIN);
            let goes_on = timeout_at(look_again, waiting.for_news(site)).await.unwrap_or(true);
            if !goes_on || Instant::now() >= until {
                return Ok(page);
            }
            asked.after = page.next;
        }
    }

    async fn page(&self, site: &SiteId, asked: &EventsQuery, sees_keys: bool) -> Result<EventPage, FeedError> {
        let is_asked = |event: &Event| {
            asked.kind.is_none_or(|kind| kind == event.kind)
                && asked.about.is_none_or(|about| about == event.kind.about())
                && asked.poll.is_none_or(|poll| Some(poll) == event.poll)
                && (sees_keys || !event.kind.needs_keys_scope())
        };
        let is_filtered = asked.kind.is_some() || asked.about.is_some() || asked.poll.is_some() || !sees_keys;
        // One more than the page holds shows whether there is another page.
        let batch = if is_filtered { BATCH } else { asked.limit + 1 };
        let (mut events, mut next, mut examined) = (Vec::new(), asked.after, 0);
        loop {
            let found = match asked.order {
                EventsOrder::Oldest => self.store.events(site, next, batch).await?,
                EventsOrder::Newest => self.store.events_before(site, next, batch).await?,
            };
            let is_last_batch = found.len() < batch;
            for event in found {
                if events.len() == asked.limit || examined == MAX_EXAMINED {
                    return Ok(EventPage { events, next, has_more: true });
                }
                examined += 1;
                next = Some(event.id);
                if is_asked(&event) {
                    events.push(event);
                }
            }
            if is_last_batch {
                return Ok(EventPage { events, next, has_more: false });
            }
        }
    }
}
