//! What a list of polls says of each: how many have voted, and how many in each of the last 24 hours.
//!
//! A busy poll has 1,440 minutes a day, and a page lists dozens of polls. Minutes that are over don't change any more, so
//! a replica sums them up once and keeps 24 numbers for each poll that was listed: the next list reads the minutes since.
//!
//! The tallies are read from the store. The [hub](crate::live::Hub) would keep each poll fresh for a minute after it was
//! listed.

use futures_util::future::try_join_all;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{VoteError, Voting};
use crate::{
    poll::{Minute, Poll, PollId, State, Tally, Timestamp},
    site::{Publisher, Scope},
    store::StoreError,
};

const HOUR_MILLIS: i64 = 60 * 60 * 1_000;
/// How many minutes before now are over by the store's clock too, whose minutes they are.
const LEEWAY_MINUTES: i64 = 2;
/// How many polls' hours are kept in each half; when the newer half is full, it becomes the older one.
const MOST_IN_HALF: usize = 4_096;
/// How many polls are read at once.
const AT_ONCE: usize = 8;

/// What a list says of a poll.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollNumbers {
    /// How many have voted.
    pub ballots: u64,
    /// How many did in each of the last 24 hours, the last one last: cast, less taken back.
    pub last_day: [u64; 24],
}

/// The hours of the polls that were listed lately.
#[derive(Default)]
pub(super) struct LastDays(Mutex<[FxHashMap<PollId, PollHours>; 2]>);

/// A poll's hours, as far as they are over.
#[derive(Debug, Clone, Copy)]
struct PollHours {
    /// The hour of the last number, counted from 1970.
    last: i64,
    hours: [i64; 24],
    /// The minutes before this one are in them.
    through: Minute,
}

impl Voting {
    /// The numbers of each of these polls; `None` for one whose tally the publisher may not see.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn numbers(&self, publisher: &Publisher, polls: &[&Poll]) -> Result<Vec<Option<PollNumbers>>, VoteError> {
        let now = self.replica.clock.now();
        let mut numbers = Vec::with_capacity(polls.len());
        for some in polls.chunks(AT_ONCE) {
            numbers.extend(try_join_all(some.iter().map(|poll| self.numbers_of(publisher, poll, now))).await?);
        }
        Ok(numbers)
    }

    async fn numbers_of(
        &self,
        publisher: &Publisher,
        poll: &Poll,
        now: Timestamp,
    ) -> Result<Option<PollNumbers>, StoreError> {
        let state = poll.state_at(now);
        if !publisher.may(Scope::ResultsRead, &poll.site) && !poll.tells_everyone_its_ballots(state) {
            return Ok(None);
        }
        if matches!(state, State::Draft | State::Scheduled) {
            return Ok(Some(PollNumbers::default()));
        }
        // It was deleted since it was listed.
        let Some(partitions) = self.others.tally(poll).await? else { return Ok(None) };
        let ballots = Tally::sum(poll, &partitions).map_or(0, |tally| tally.ballots);
        let last_day = if ballots == 0 { [0; 24] } else { self.last_day_of(poll, now).await? };
        Ok(Some(PollNumbers { ballots, last_day }))
    }

    async fn last_day_of(&self, poll: &Poll, now: Timestamp) -> Result<[u64; 24], StoreError> {
        let mut kept = self.replica.last_days.get(poll.id, now);
        let over = Minute::of(now).plus(-LEEWAY_MINUTES);
        let mut hours = kept;
        let (mut from, end) = (kept.through, Minute::of(now).plus(1));
        // Nothing was counted after a poll had closed.
        let end = poll.schedule.closes_at.map_or(end, |closes_at| end.min(Minute::of(closes_at).plus(1)));
        while from < end {
            let page = self.others.minutes(poll, from..end).await?;
            for (minute, change) in page.changes {
                hours.add(minute, change.ballots);
                if minute < over {
                    kept.add(minute, change.ballots);
                }
            }
            let Some(next) = page.next else { break };
            from = next;
        }
        kept.through = kept.through.max(over);
        self.replica.last_days.put(poll.id, kept);
        Ok(hours.hours.map(|votes| u64::try_from(votes).unwrap_or_default()))
    }
}

impl LastDays {
    /// A poll's hours, moved on to now.
    fn get(&self, id: PollId, now: Timestamp) -> PollHours {
        let kept = {
            let halves = self.0.lock();
            halves.iter().find_map(|half| half.get(&id).copied())
        };
        let last = now.as_millis().div_euclid(HOUR_MILLIS);
        let first = Minute::of(Timestamp::from_millis((last - 23) * HOUR_MILLIS));
        let mut hours = kept.unwrap_or(PollHours { last, hours: [0; 24], through: first });
        hours.move_on(last);
        hours.through = hours.through.max(first);
        hours
    }

    fn put(&self, id: PollId, hours: PollHours) {
        let mut halves = self.0.lock();
        let [newer, older] = &mut *halves;
        if newer.len() >= MOST_IN_HALF && !newer.contains_key(&id) {
            *older = std::mem::take(newer);
        }
        newer.insert(id, hours);
    }
}

impl PollHours {
    /// Makes this the last hour. A clock that was set back changes nothing.
    fn move_on(&mut self, last: i64) {
        let Ok(by) = usize::try_from(last - self.last) else { return };
        self.last = last;
        let by = by.min(24);
        self.hours.rotate_left(by % 24);
        self.hours.iter_mut().rev().take(by).for_each(|votes| *votes = 0);
    }

    fn add(&mut self, minute: Minute, ballots: i64) {
        let hour = minute.start().as_millis().div_euclid(HOUR_MILLIS);
        let nth = usize::try_from(hour - self.last + 23).ok();
        if let Some(votes) = nth.and_then(|nth| self.hours.get_mut(nth)) {
            *votes += ballots;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_move_on_and_what_is_over_is_summed_once() {
        let at = |hours: i64, minutes: i64| Timestamp::from_millis(hours * HOUR_MILLIS + minutes * 60_000);
        let (days, id) = (LastDays::default(), PollId::generate());
        let mut hours = days.get(id, at(100, 30));
        assert_eq!(hours.through, Minute::of(at(77, 0)));
        hours.add(Minute::of(at(100, 3)), 4);
        hours.add(Minute::of(at(77, 59)), 2);
        hours.add(Minute::of(at(76, 59)), 9);
        hours.through = Minute::of(at(100, 28));
        days.put(id, hours);
        assert_eq!((hours.hours[23], hours.hours[0], hours.hours.iter().sum::<i64>()), (4, 2, 6));
        let next = days.get(id, at(101, 1));
        assert_eq!((next.hours[22], next.hours[23], next.hours.iter().sum::<i64>()), (4, 0, 4));
        assert_eq!(next.through, Minute::of(at(100, 28)));
        let much_later = days.get(id, at(124, 0));
        assert_eq!((much_later.hours, much_later.through), ([0; 24], Minute::of(at(101, 0))));
    }
}
