//! Several tallies at once: of polls that are named, or of a site's.
//!
//! A reader sees of each poll what they would see if they asked for it alone.
//!
//! A site's tallies come newest poll first and page by page. Open and closed polls are listed for everyone; those that
//! will open later only for the site's own keys, so that nobody learns beforehand what will be asked.

use std::sync::Arc;

use super::{Asker, TallyForViewer, VoteError, Voting};
use crate::{
    live::{KnownTally, List, Listed},
    poll::{ListCursor, PageStart, PollId, Schedule, SiteId, State, Timestamp, Viewer},
    site::Scope,
    store::resolve_page_start,
    wire::ReaderPosition,
};

/// How many polls of a site are read at a time, and the most that one request looks at.
const LIST: usize = 100;
const MAX_EXAMINED: usize = 2 * LIST;

/// What somebody sees of one poll among several.
pub enum PollTally {
    /// Its tally, as this viewer.
    Shown(Arc<KnownTally>, Viewer),
    /// Its policy hides the tally from this viewer.
    Hidden(PollId),
    /// There is no such poll, for them.
    Missing(PollId),
}

/// Which of a site's tallies are asked for.
pub struct SiteQuery {
    pub site: SiteId,
    /// Those of polls in this state.
    pub state: Option<State>,
    /// Where the page begins.
    pub start: Option<PageStart>,
    /// At most so many.
    pub limit: usize,
}

/// A page of a site's tallies.
pub struct SiteTallies {
    /// What is seen of each poll. A poll that was deleted meanwhile is left out.
    pub tallies: Vec<PollTally>,
    /// The schedules of polls that were left out because of their state: each of them may belong here later.
    pub left_out: Vec<Schedule>,
    /// Where the next page begins, if there are more polls: after the last one that was examined. Of one that was left
    /// out it has the time alone, since its id may be a secret.
    pub next: Option<ListCursor>,
    /// Whether whoever asks sees polls that others do not learn of.
    pub is_publishers: bool,
}

impl PollTally {
    /// What somebody sees of a poll who has this view of it.
    ///
    /// # Errors
    /// As [`TallyForViewer::shown`], but that the tally is hidden.
    pub(super) fn of(id: PollId, view: TallyForViewer) -> Result<Self, VoteError> {
        match view.shown() {
            Ok((snapshot, viewer)) => Ok(Self::Shown(snapshot, viewer)),
            Err(VoteError::Hidden(_)) => Ok(Self::Hidden(id)),
            Err(refusal) => Err(refusal),
        }
    }
}

impl Voting {
    /// The tallies of these polls, in their order. `seen` returns how far the reader has come with a poll, given its
    /// position among the results.
    ///
    /// # Errors
    /// What finding out who asks failed with; what the store failed with, if nothing is known of a poll.
    pub async fn tallies<A: Asker>(
        &self,
        asker: &A,
        ids: &[PollId],
        seen: impl Fn(PollId, usize) -> Option<ReaderPosition>,
    ) -> Result<Vec<PollTally>, A::Error> {
        let mut tallies = Vec::with_capacity(ids.len());
        for id in ids {
            let tally = self.tally(asker, *id, seen(*id, tallies.len())).await?;
            tallies.push(tally.unwrap_or(PollTally::Missing(*id)));
        }
        Ok(tallies)
    }

    /// A page of a site's tallies; `None` if there is no such site. `now` decides the state of each poll.
    ///
    /// # Errors
    /// As [`tallies`](Self::tallies).
    pub async fn tallies_of_site<A: Asker>(
        &self,
        asker: &A,
        query: &SiteQuery,
        now: Timestamp,
        seen: impl Fn(PollId, usize) -> Option<ReaderPosition>,
    ) -> Result<Option<SiteTallies>, A::Error> {
        let SiteQuery { site, state, start, limit } = query;
        let publisher = asker.publisher().await?;
        let sees_all = publisher.is_some_and(|publisher| publisher.may(Scope::ResultsRead, site));
        let is_asked = |found: State| state.is_none_or(|asked| asked == found);
        let mut last = resolve_page_start(&*self.others, site, *start).await.map_err(VoteError::from)?;
        let mut page = SiteTallies {
            tallies: Vec::with_capacity(*limit),
            left_out: Vec::new(),
            next: None,
            is_publishers: sees_all,
        };
        let mut next = last;
        let mut examined = 0;
        loop {
            let list = self.list(site, last, sees_all).await.map_err(A::Error::from)?;
            let Some(list) = list else { return Ok(None) };
            for Listed { cursor, schedule } in list.iter() {
                if page.tallies.len() == *limit || examined == MAX_EXAMINED {
                    return Ok(Some(SiteTallies { next, ..page }));
                }
                examined += 1;
                (last, next) = (Some(*cursor), Some(*cursor));
                let found = schedule.state_at(now);
                if !is_asked(found) || !(sees_all || matches!(found, State::Open | State::Closed)) {
                    page.left_out.push(*schedule);
                    // Before all others of that moment: one of them may come twice, and none is missed.
                    next = Some(ListCursor { id: PollId::from_bytes([0xff; 16]), ..*cursor });
                    continue;
                }
                let tally = self.tally(asker, cursor.id, seen(cursor.id, page.tallies.len())).await?;
                let is_of_another_state =
                    |tally: &PollTally| matches!(tally, PollTally::Shown(it, _) if !is_asked(it.tally.state));
                page.tallies.extend(tally.filter(|tally| !is_of_another_state(tally)));
            }
            if list.len() < LIST {
                return Ok(Some(page));
            }
        }
    }

    /// What somebody sees of a poll; `None` if it is not there, for them.
    async fn tally<A: Asker>(
        &self,
        asker: &A,
        id: PollId,
        seen: Option<ReaderPosition>,
    ) -> Result<Option<PollTally>, A::Error> {
        let view = self.tally_for(asker, id, seen).await?;
        Ok(view.map(|view| PollTally::of(id, view)).transpose()?)
    }

    /// A page of a site's polls. Publishers read it from the store, so they find what they have just made.
    async fn list(&self, site: &SiteId, before: Option<ListCursor>, is_publisher: bool) -> Result<List, VoteError> {
        let read = async {
            let polls = self.others.polls(site, before, LIST).await?;
            if polls.is_empty() && self.others.site(site).await?.is_none() {
                return Ok(None);
            }
            Ok(Some(polls.iter().map(Listed::of).collect()))
        };
        if is_publisher { read.await } else { self.replica.site_lists.get(site, before, read).await }
    }
}
