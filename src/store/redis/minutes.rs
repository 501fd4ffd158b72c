//! Timelines, a page of minutes at a time.
//!
//! A partition's timeline is a hash, which has no order. But its fields can be named: those of a minute are its number
//! and a slot. So nothing is scanned and nothing sorted: a page asks for the ballots of a stretch of minutes, one field
//! each, and then for the votes of those minutes that are there.

use std::ops::Range;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use redis::Cmd;

use super::{RedisStore, keys};
use crate::{
    poll::{Change, Minute, Moves, Poll},
    store::{MINUTES_PAGE, Minutes, StoreError},
};

/// How many partitions are asked at the same time: all of them at once would make each other late.
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
        let options = poll.options.len();
        let fields = found.iter().flat_map(|(minute, _)| (0..options).map(move |slot| format!("{minute}:{slot}")));
        let votes = self.read_fields(poll, fields.collect()).await?;
        let mut votes = votes.into_iter().map(Option::unwrap_or_default);
        let changes = found.into_iter().map(|(minute, ballots)| {
            let votes: Moves = votes.by_ref().take(options).collect();
            (Minute(minute), Change { ballots, votes })
        });
        let next = Minute(done).plus(1);
        Ok(Minutes { changes: changes.collect(), next: (next < range.end).then_some(next) })
    }

    /// Fields of the timeline, summed over the partitions; `None` where no partition has the field.
    async fn read_fields(&self, poll: &Poll, fields: Vec<String>) -> Result<Vec<Option<i64>>, StoreError> {
        let mut sums = vec![None; fields.len()];
        if fields.is_empty() {
            return Ok(sums);
        }
        let read = async |partition| {
            let mut command = Cmd::new();
            command.arg("HMGET").arg(keys::minutes(poll.id, partition)).arg(&fields);
            self.ask_for::<Vec<Option<i64>>>(&command).await
        };
        let mut partitions = stream::iter((0..poll.partitions).map(read)).buffer_unordered(MOST_AT_ONCE);
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
