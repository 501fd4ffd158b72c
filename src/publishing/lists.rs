//! A site's polls, listed: newest first from the store, and in any other way from an index in memory.
//!
//! Stores keep polls by age. A list that is searched, or in another order, asks the [index](crate::live::PollIndex)
//! which polls those are, and reads them from the store. The index has the newest 20,000 polls of a site; a filter by
//! state alone also finds older ones, since it then looks through the store, some at a time.

use std::cmp::Reverse;

use futures_util::future::try_join_all;

use super::{PublishError, Publishing};
use crate::{
    live::{IndexedPoll, IndexedPolls},
    poll::{ListCursor, PageStart, Poll, PollId, SearchWords, SiteId, State, Timestamp, fold},
    site::Publisher,
    store::resolve_page_start,
};

/// The most polls one request reads to find those in a state; then it gives up.
const MAX_EXAMINED: usize = 1_000;
/// How many are read at a time if not all of them are wanted.
const BATCH: usize = 100;

/// In which order polls are listed. Among equals, newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PollsOrder {
    /// Newest first.
    #[default]
    Newest,
    /// Those with the most votes first.
    Votes,
    /// Those that close next first; then those that don't close by the clock, or have closed.
    Closing,
}

/// The last poll of a page of a list that is sorted by something else than age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortedCursor {
    /// In which order.
    pub order: PollsOrder,
    /// What it is sorted by, ascending.
    pub rank: i64,
    /// Which poll.
    pub poll: ListCursor,
}

/// Where a page of polls begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollsStart {
    /// After this one, by age.
    ByAge(PageStart),
    /// After this one, in another order.
    Sorted(SortedCursor),
}

/// Which of a site's polls are asked for.
pub struct PollsQuery {
    pub site: SiteId,
    /// Those in this state.
    pub state: Option<State>,
    /// Those whose questions have these words.
    pub words: Option<SearchWords>,
    /// In this order.
    pub order: PollsOrder,
    /// Where the page begins. One of another order begins at the first poll.
    pub start: Option<PollsStart>,
    /// At most so many.
    pub limit: usize,
}

/// Some of a site's polls.
pub struct ListedPolls {
    pub site: SiteId,
    /// Its polls, in the state each has now.
    pub polls: Vec<(Poll, State)>,
    /// The last one examined, if there are more behind it.
    pub last: Option<SortedCursor>,
}

impl PollsOrder {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Votes, Self::Closing];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Votes => "votes",
            Self::Closing => "closing",
        }
    }

    /// The order of this name.
    ///
    /// # Errors
    /// What it may be, in words that follow its field's name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|order| order.as_str() == name);
        found.ok_or_else(|| "must be one of newest, votes, closing".to_owned())
    }

    fn rank(self, poll: &IndexedPoll, now: Timestamp) -> i64 {
        match self {
            Self::Newest => 0,
            Self::Votes => 0_i64.saturating_sub_unsigned(poll.votes()),
            Self::Closing => match (poll.state_at(now), poll.schedule.closes_at) {
                (State::Closed, _) | (_, None) => i64::MAX,
                (State::Draft | State::Scheduled | State::Open, Some(closes_at)) => closes_at.as_millis(),
            },
        }
    }
}

impl SortedCursor {
    fn key(&self) -> (i64, Reverse<ListCursor>) {
        (self.rank, Reverse(self.poll))
    }

    fn by_age(poll: ListCursor) -> Self {
        Self { order: PollsOrder::Newest, rank: 0, poll }
    }
}

impl PollsQuery {
    /// Whether a poll is one of those asked for, by what is known of it.
    fn takes(&self, state: State, folded: &str) -> bool {
        self.state.is_none_or(|wanted| wanted == state) && self.words.as_ref().is_none_or(|words| words.are_in(folded))
    }
}

impl Publishing {
    /// A site's polls.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn polls(&self, publisher: &Publisher, asked: PollsQuery) -> Result<ListedPolls, PublishError> {
        self.site(publisher, &asked.site).await?;
        let is_by_age = asked.order == PollsOrder::Newest && asked.words.is_none();
        if is_by_age && asked.state.is_none() {
            return self.polls_by_age(asked).await;
        }
        let index = self.hub.poll_index().of(&self.store, &asked.site).await?;
        // Beyond the index there may be more in that state.
        if is_by_age && !index.is_whole {
            return self.polls_by_age(asked).await;
        }
        self.polls_of_index(&index, asked).await
    }

    async fn polls_of_index(&self, index: &IndexedPolls, asked: PollsQuery) -> Result<ListedPolls, PublishError> {
        let now = self.clock.now();
        if asked.order == PollsOrder::Votes {
            index.count_votes(&self.store, now).await?;
        }
        let start = match asked.start {
            Some(PollsStart::Sorted(start)) if start.order == asked.order => Some(start),
            Some(PollsStart::ByAge(start)) if asked.order == PollsOrder::Newest => {
                resolve_page_start(&*self.store, &asked.site, Some(start)).await?.map(SortedCursor::by_age)
            }
            Some(_) | None => None,
        };
        let cursor = |poll: &IndexedPoll| SortedCursor {
            order: asked.order,
            rank: asked.order.rank(poll, now),
            poll: poll.cursor,
        };
        let known = index.polls.iter().filter(|poll| asked.takes(poll.state_at(now), &poll.folded));
        let mut found: Vec<_> = known.map(|poll| (cursor(poll), poll.revision)).collect();
        if let Some(start) = start {
            found.retain(|(cursor, _)| cursor.key() > start.key());
        }
        found.sort_unstable_by_key(|(cursor, _)| cursor.key());
        let mut page = ListedPolls { site: asked.site.clone(), polls: Vec::with_capacity(asked.limit), last: start };
        let mut rest = found.into_iter().peekable();
        while page.polls.len() < asked.limit && rest.peek().is_some() {
            let some: Vec<_> = rest.by_ref().take((asked.limit - page.polls.len()).min(BATCH)).collect();
            let ids: Vec<PollId> = some.iter().map(|(cursor, _)| cursor.poll.id).collect();
            for ((cursor, revision), poll) in some.into_iter().zip(self.several(&ids).await?) {
                page.last = Some(cursor);
                let poll = poll.filter(|poll| poll.site == asked.site);
                if poll.as_ref().is_none_or(|poll| poll.revision != revision) {
                    index.note(cursor.poll.id);
                }
                let Some(poll) = poll else { continue };
                let state = poll.state_at(now);
                if asked.takes(state, &fold(poll.question.as_str())) {
                    page.polls.push((poll, state));
                }
            }
        }
        if rest.peek().is_none() {
            page.last = None;
        }
        Ok(page)
    }

    /// These polls, as the store has them.
    async fn several(&self, ids: &[PollId]) -> Result<Vec<Option<Poll>>, PublishError> {
        Ok(try_join_all(ids.iter().map(|id| self.store.poll(*id))).await?)
    }

    /// The newest polls, from the store. A filter by state reads on until its page is full, and gives up after a
    /// bounded number of polls.
    async fn polls_by_age(&self, asked: PollsQuery) -> Result<ListedPolls, PublishError> {
        let PollsQuery { site, state, start, limit, .. } = asked;
        let start = match start {
            Some(PollsStart::ByAge(start)) => Some(start),
            Some(PollsStart::Sorted(_)) | None => None,
        };
        let before = resolve_page_start(&*self.store, &site, start).await?;
        let now = self.clock.now();
        // One more than the page holds shows whether there is another page.
        let batch = if state.is_some() { BATCH } else { limit + 1 };
        let (mut page, mut examined, mut last) = (Vec::new(), 0, before);
        loop {
            let polls = self.store.polls(&site, last, batch).await?;
            let is_last_batch = polls.len() < batch;
            for poll in polls {
                if page.len() == limit || examined == MAX_EXAMINED {
                    return Ok(ListedPolls { site, polls: page, last: last.map(SortedCursor::by_age) });
                }
                examined += 1;
                last = Some(poll.list_cursor());
                let found = poll.state_at(now);
                if state.is_none_or(|wanted| wanted == found) {
                    page.push((poll, found));
                }
            }
            if is_last_batch {
                return Ok(ListedPolls { site, polls: page, last: None });
            }
        }
    }
}
