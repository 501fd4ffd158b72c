//! Timelines, a page of minutes at a time.
//!
//! A partition's timeline is a hash, which has no order. But its fields are known: a minute's number with a counter's
//! index. So nothing is scanned or sorted: a page reads the ballots of a range of minutes, one field each, and then the
//! votes of those minutes that exist, and what labels add to them that don't count.

use std::ops::Range;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use redis::Cmd;

use super::{RedisStore, keys};
use crate::{
    poll::{Change, Minute, Moves, Poll},
    store::{Minutes, StoreError, ballots::MINUTES_PAGE},
};

/// How many partitions are asked for their minutes at the same time: all at once would delay each other.
const MOST_AT_ONCE: usize = 4;

impl RedisStore {
    pub(super) async fn read_minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError> {
        let stretch: Vec<i64> = (range.start.0..range.end.0).take(MINUTES_PAGE).collect();
        let Some(last) = stretch.last().copied() else { return Ok(Minutes { changes: Vec::new(), next: None }) };
        let ballots = self.read_fields(poll, stretch.iter().map(|minute| format!("{minute}:b")).collect()).await?;
        let found = stretch.into_iter().zip(ballots).filter_map(|(minute, ballots)| Some((minute, ballots?)));
        let most = Minutes::most(poll);
        let found: Vec<(i64, i64)> = found.take(most).collect();
        let done = match found.last() {
            Some((minute, _)) if found.len() == most => *minute,
            _ => last,
        };
        let counters = poll.timed_counters();
        let fields = found.iter().flat_map(|(minute, _)| (0..counters).map(move |index| format!("{minute}:{index}")));
        let votes = self.read_fields(poll, fields.collect()).await?;
        let mut votes = votes.into_iter().map(Option::unwrap_or_default);
        let changes = found.into_iter().map(|(minute, ballots)| {
            let votes: Moves = votes.by_ref().take(counters).collect();
            (Minute(minute), Change { ballots, votes })
        });
        let mut changes: Vec<(Minute, Change)> = changes.collect();
        self.leave_out_uncounted(poll, &mut changes).await?;
        let next = Minute(done).plus(1);
        Ok(Minutes { changes, next: (next < range.end).then_some(next) })
    }

    /// Takes what does not count out of these minutes.
    async fn leave_out_uncounted(&self, poll: &Poll, changes: &mut [(Minute, Change)]) -> Result<(), StoreError> {
        let (labels, counters) = (poll.decisions.uncounted().labels(), poll.timed_counters());
        let in_minute = |minute: Minute| {
            let of_label = move |label: u8| {
                let votes = (0..counters).map(move |index| format!("{}:{label}.{index}", minute.0));
                std::iter::once(format!("{}:{label}.b", minute.0)).chain(votes)
            };
            labels.clone().flat_map(move |label| of_label(label.number()))
        };
        let fields = changes.iter().flat_map(|(minute, _)| in_minute(*minute)).collect();
        let mut moves = self.read_fields(poll, fields).await?.into_iter().map(Option::unwrap_or_default);
        for (_, change) in changes {
            for _ in labels.clone() {
                let ballots = moves.next().unwrap_or_default();
                change.add(&Change { ballots, votes: moves.by_ref().take(counters).collect() }, -1);
            }
        }
        Ok(())
    }

    /// Fields of the timeline, summed over the partitions; `None` where no partition has the field.
    async fn read_fields(&self, poll: &Poll, fields: Vec<String>) -> Result<Vec<Option<i64>>, StoreError> {
        let mut sums = vec![None; fields.len()];
        if fields.is_empty() {
            return Ok(sums);
        }
        let read = async |partition| {
            let mut command = Cmd::new();
            command.arg("HMGET").arg(keys::minutes(poll, partition)).arg(&fields);
            self.ask_for::<Vec<Option<i64>>>(&command).await
        };
        let mut partitions = stream::iter((0..poll.partitions.count()).map(read)).buffer_unordered(MOST_AT_ONCE);
        while let Some(moves) = partitions.try_next().await? {
            for (sum, moved) in sums.iter_mut().zip(moves) {
                if let Some(moved) = moved {
                    *sum = Some(sum.unwrap_or(0) + moved);
                }
            }
        }
        Ok(sums)
    }
}
