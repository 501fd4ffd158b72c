//! What waits for an editor of a site: readers' own words that nobody has decided on, polls that close today, and
//! closed ones of which it may be said what came true.
//!
//! All is found by the [index](crate::live::PollIndex) of the site's polls. A poll does not say whether it is a
//! prediction, so every closed poll of kind `single` could be one: those that closed lately are named, and not counted
//! as waiting.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use futures_util::future::try_join_all;

use super::{PublishError, Publishing};
use crate::{
    live::IndexedPoll,
    poll::{AnswerState, CountedAnswer, Poll, PollId, Schedule, SiteId, State, Timestamp},
    site::{Publisher, Scope, Site},
};

/// The most polls of each sort that are named.
const MOST: usize = 50;
/// How many polls are looked at for texts that wait, at most, and at a time: most of those that take texts have none.
const MOST_LOOKED_AT: usize = 500;
const AT_A_TIME: usize = 10;
/// The most texts of a poll that are named.
const MOST_TEXTS: usize = 20;
/// How long after its closing a poll is named as one that may be resolved, and one whose texts wait: two weeks.
const LATELY_MILLIS: i64 = 14 * 24 * 60 * 60 * 1_000;
/// How long the count of a site is good.
const COUNT_KEPT_FOR: Duration = Duration::from_secs(20);

/// A poll with texts that wait.
pub struct WaitingAnswers {
    pub poll: Poll,
    /// How many texts wait.
    pub count: usize,
    /// The first of them: those that most ballots say.
    pub first: Vec<CountedAnswer>,
}

/// What waits at a site.
#[derive(Default)]
pub struct WaitingPolls {
    /// Polls with texts that nobody has decided on.
    pub answers: Vec<WaitingAnswers>,
    /// Open polls that close today, by the site's clock; the next one first.
    pub closing: Vec<Poll>,
    /// Polls that have closed lately and may be predictions; the last one first.
    pub resolvable: Vec<Poll>,
}

impl WaitingPolls {
    /// How many polls wait for an editor.
    pub fn count(&self) -> usize {
        self.answers.len() + self.closing.len()
    }
}

impl Publishing {
    /// How many polls waited at a site when somebody last looked, and whether the caller should look again.
    pub fn known_waiting(&self, site: &SiteId) -> (usize, bool) {
        self.hub.poll_index().waiting(site, COUNT_KEPT_FOR)
    }

    /// Reads what the next pages of a site will ask for: which polls there are, how many have voted in each, and what
    /// waits. No page waits for this.
    ///
    /// # Errors
    /// As [`waiting`](Self::waiting).
    pub async fn read_ahead(&self, publisher: &Publisher, site: &Site) -> Result<(), PublishError> {
        self.site(publisher, &site.id).await?;
        let index = self.hub.poll_index().of(&self.store, &site.id).await?;
        index.count_uncounted(&*self.store, self.clock.now()).await?;
        self.waiting(publisher, site).await?;
        Ok(())
    }

    /// What waits at a site. Texts are named to those who may see results.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn waiting(&self, publisher: &Publisher, site: &Site) -> Result<WaitingPolls, PublishError> {
        self.site(publisher, &site.id).await?;
        let (index, now) = (self.hub.poll_index().of(&self.store, &site.id).await?, self.clock.now());
        let tomorrow = site.settings.timezone.end_of_day(now);
        let closed_lately = |poll: &IndexedPoll| {
            let since = Timestamp::from_millis(now.as_millis() - LATELY_MILLIS);
            poll.state_at(now) == State::Closed && poll.schedule.closes_at.is_some_and(|closed| closed >= since)
        };
        let is_open = |poll: &IndexedPoll| poll.state_at(now) == State::Open;
        let closes_today =
            |poll: &IndexedPoll| is_open(poll) && poll.schedule.closes_at.is_some_and(|closes| closes < tomorrow);
        let may_be_resolved = |poll: &IndexedPoll| poll.may_be_resolved && closed_lately(poll);
        let has_texts = |poll: &IndexedPoll| poll.has_open_answers && (is_open(poll) || closed_lately(poll));

        let mut closing = self.named(&index.polls, now, closes_today).await?;
        closing.sort_by_key(|poll| poll.schedule.closes_at);
        let mut resolvable = self.named(&index.polls, now, may_be_resolved).await?;
        resolvable.retain(|poll| poll.resolution.is_none());
        resolvable.sort_by_key(|poll| Reverse(poll.schedule.closes_at));
        let mut waiting = WaitingPolls { answers: Vec::new(), closing, resolvable };
        if publisher.may(Scope::ResultsRead, &site.id) {
            let ids = ids_of(&index.polls, now, has_texts, MOST_LOOKED_AT);
            for some in ids.chunks(AT_A_TIME) {
                let found = try_join_all(some.iter().map(|id| self.waiting_answers(*id))).await?;
                waiting.answers.extend(found.into_iter().flatten());
                if waiting.answers.len() >= MOST {
                    break;
                }
            }
            waiting.answers.truncate(MOST);
            index.note_waiting(waiting.count());
        }
        Ok(waiting)
    }

    /// A poll with its texts that wait, if there are any.
    async fn waiting_answers(&self, id: PollId) -> Result<Option<WaitingAnswers>, PublishError> {
        let Some(poll) = self.store.poll(id).await? else { return Ok(None) };
        let mut texts = self.store.answers(&poll).await?;
        texts.retain(|text| text.state == AnswerState::Waiting);
        texts.sort_by_key(CountedAnswer::order);
        let count = texts.len();
        texts.truncate(MOST_TEXTS);
        Ok((count > 0).then_some(WaitingAnswers { poll, count, first: texts }))
    }

    async fn named(
        &self,
        polls: &[Arc<IndexedPoll>],
        now: Timestamp,
        is_asked: impl Fn(&IndexedPoll) -> bool,
    ) -> Result<Vec<Poll>, PublishError> {
        let ids = ids_of(polls, now, is_asked, MOST);
        let read = try_join_all(ids.into_iter().map(|id| self.store.poll(id))).await?;
        Ok(read.into_iter().flatten().collect())
    }
}

/// Those of some polls that are asked for, in the order in which they are named.
fn ids_of(
    polls: &[Arc<IndexedPoll>],
    now: Timestamp,
    is_asked: impl Fn(&IndexedPoll) -> bool,
    most: usize,
) -> Vec<PollId> {
    let asked = polls.iter().filter(|poll| is_asked(poll));
    first_named(asked.map(|poll| (poll.cursor.id, poll.schedule)), now, most)
}

/// Those that are named if there are too many: open ones before closed ones; of open ones those that close next, of
/// closed ones those that closed last.
fn first_named(polls: impl Iterator<Item = (PollId, Schedule)>, now: Timestamp, most: usize) -> Vec<PollId> {
    let mut polls: Vec<_> = polls.collect();
    polls.sort_by_key(|(_, schedule)| {
        let closes_at = schedule.closes_at.unwrap_or(Timestamp::LATEST).as_millis();
        let is_closed = schedule.state_at(now) == State::Closed;
        (is_closed, if is_closed { -closes_at } else { closes_at })
    });
    polls.into_iter().take(most).map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Phase;

    #[test]
    fn of_too_many_those_are_named_that_close_next_or_closed_last() {
        let now = Timestamp::from_millis(1_000);
        let poll = |closes_at: Option<i64>| {
            let closes_at = closes_at.map(Timestamp::from_millis);
            (PollId::generate(), Schedule { phase: Phase::Live, opens_at: None, closes_at })
        };
        let [next, later, never] = [Some(1_010), Some(5_000), None].map(poll);
        let [lately, before] = [Some(990), Some(10)].map(poll);
        let named = |polls: &[(PollId, Schedule)]| first_named(polls.iter().copied(), now, MOST);
        let order = [next, later, never, lately, before].map(|(id, _)| id);
        assert_eq!(named(&[before, never, later, lately, next]), order);
        // The newest come first in what a site has, and close later here.
        let newer = (0..i64::try_from(MOST).unwrap()).map(|more| poll(Some(2_000 + more)));
        let polls: Vec<_> = newer.chain([next]).collect();
        let named = named(&polls);
        assert_eq!((named.len(), named.first()), (MOST, Some(&next.0)));
    }
}
