//! Tallies: votes per counter, ballots and version of each partition, and their change in each minute.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::{head::Head, labels};
use crate::{
    poll::{
        self, Counters, Label, LabelSet, Minute, PartitionTally, Poll, PollId, Position, RecordedBallot, Times,
        Timestamp, Votes,
    },
    store::StoreError,
};

/// The change that a batch of ballots makes in its partition.
#[derive(Default)]
pub(super) struct TallyChange {
    version: u64,
    /// Of all ballots, whether they count or not.
    moved: poll::Change,
    /// Of those with a label.
    labelled: BTreeMap<Label, poll::Change>,
}

impl TallyChange {
    /// One voter's ballot changes from this to that.
    pub(super) fn add(&mut self, was: Option<RecordedBallot>, becomes: Option<RecordedBallot>) {
        self.version += 1;
        for (ballot, step) in [(was, -1), (becomes, 1)] {
            let Some(RecordedBallot { label, counters }) = ballot else { continue };
            add(&mut self.moved, counters, step);
            if label != Label::CLEAN {
                add(self.labelled.entry(label).or_default(), counters, step);
            }
        }
    }

    /// The change of the tally.
    fn counted(&self, uncounted: LabelSet) -> poll::Change {
        let mut counted = self.moved.clone();
        for (_, change) in self.labelled.iter().filter(|(label, _)| uncounted.has(**label)) {
            counted.add(change, -1);
        }
        counted
    }
}

fn add(change: &mut poll::Change, counters: Counters, step: i64) {
    change.ballots += step;
    for index in counters.indexes() {
        change.move_votes(index, step);
    }
}

/// The counters whose votes change, and by how much.
fn moved(change: &poll::Change) -> impl Iterator<Item = (u8, i64)> {
    (0_u8..).zip(change.votes.iter().copied()).filter(|(_, votes)| *votes != 0)
}

/// What a read-only connection finds of a poll's tallies.
pub(super) enum TallyRead {
    /// One per partition; `None` if the poll is gone.
    Read(Option<Vec<PartitionTally>>),
    /// Only the clock has closed the poll: its tally must not be shown before that is recorded.
    CloseFirst,
}

/// A poll's tallies, unless the poll must be closed first.
pub(super) fn read(db: &Connection, times: Times, id: PollId) -> Result<TallyRead, StoreError> {
    match Head::read(db, id)? {
        None => Ok(TallyRead::Read(None)),
        Some(head) if head.is_due(times) => Ok(TallyRead::CloseFirst),
        Some(head) => Ok(TallyRead::Read(Some(partitions(db, times, &head)?))),
    }
}

/// A poll's tallies; first records that the poll is closed if the clock says so.
pub(super) fn close_and_read(
    db: &Connection,
    times: Times,
    id: PollId,
) -> Result<Option<Vec<PartitionTally>>, StoreError> {
    let Some(mut head) = Head::read(db, id)? else { return Ok(None) };
    head.close_if_due(db, times)?;
    partitions(db, times, &head).map(Some)
}

/// A poll's tallies, whether or not its close is recorded.
pub(super) fn read_as_it_is(
    db: &Connection,
    times: Times,
    id: PollId,
) -> Result<Option<Vec<PartitionTally>>, StoreError> {
    let Some(head) = Head::read(db, id)? else { return Ok(None) };
    partitions(db, times, &head).map(Some)
}

/// One partition's tally.
pub(super) fn partition(
    db: &Connection,
    times: Times,
    head: &Head,
    partition: u16,
) -> Result<PartitionTally, StoreError> {
    let mut select = db.prepare_cached(
        "select partition, version, ballots, counter, votes, epoch from tallies join votes using (poll, partition)
         where poll = ?1 and partition = ?2 order by counter",
    )?;
    let rows = select.query_map(params![head.number, partition], CounterRow::read)?;
    let unknown = || StoreError::Corrupt(format!("poll number {} has no partition {partition}", head.number));
    sums(head, times, rows)?.pop().ok_or_else(unknown)
}

fn partitions(db: &Connection, times: Times, head: &Head) -> Result<Vec<PartitionTally>, StoreError> {
    let mut select = db.prepare_cached(
        "select partition, version, ballots, counter, votes, epoch from tallies join votes using (poll, partition)
         where poll = ?1 order by partition, counter",
    )?;
    let rows = select.query_map([head.number], CounterRow::read)?;
    sums(head, times, rows)
}

/// Changes a partition's tally, and the minute's, which has the first `timed` counters.
pub(super) fn advance(
    db: &Connection,
    now: Timestamp,
    (head, timed): (&Head, usize),
    partition: u16,
    change: &TallyChange,
) -> Result<(), StoreError> {
    if change.version == 0 {
        return Ok(());
    }
    let (poll, minute) = (head.number, Minute::of(now));
    let is_timed = |index: u8| usize::from(index) < timed;
    let counted = change.counted(head.uncounted);
    db.prepare_cached(
        "update tallies set version = version + ?3, ballots = ballots + ?4 where poll = ?1 and partition = ?2",
    )?
    .execute(params![poll, partition, change.version, counted.ballots])?;
    for (index, votes) in moved(&counted) {
        db.prepare_cached("update votes set votes = votes + ?4 where poll = ?1 and partition = ?2 and counter = ?3")?
            .execute(params![poll, partition, index, votes])?;
    }
    db.prepare_cached(
        "insert into minutes (poll, minute, ballots) values (?1, ?2, ?3)
         on conflict do update set ballots = ballots + excluded.ballots",
    )?
    .execute(params![poll, minute.0, change.moved.ballots])?;
    for (index, votes) in moved(&change.moved).filter(|(index, _)| is_timed(*index)) {
        db.prepare_cached(
            "insert into minute_votes (poll, minute, counter, votes) values (?1, ?2, ?3, ?4)
             on conflict do update set votes = votes + excluded.votes",
        )?
        .execute(params![poll, minute.0, index, votes])?;
    }
    for (label, change) in &change.labelled {
        let of_label = (poll, partition, *label);
        labels::advance(db, of_label, (labels::BALLOTS, change.ballots), Some(minute))?;
        for (index, votes) in moved(change) {
            labels::advance(db, of_label, (index.into(), votes), is_timed(index).then_some(minute))?;
        }
    }
    Ok(())
}

/// Raises a partition that is behind a position to the epoch after it. Returns whether it was behind.
pub(super) fn raise(db: &Connection, id: PollId, partition: u16, seen: Position) -> Result<bool, StoreError> {
    let Some(head) = Head::read(db, id)? else { return Ok(false) };
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let raised = db
        .prepare_cached(
            "update tallies set epoch = ?3 + 1 where poll = ?1 and partition = ?2 and (epoch, version) < (?3, ?4)",
        )?
        .execute(params![head.number, partition, number(seen.epoch), number(seen.version)])?;
    Ok(raised > 0)
}

/// Writes the tallies of a new poll, all zero.
pub(super) fn create(db: &Connection, number: i64, poll: &Poll) -> Result<(), StoreError> {
    for partition in 0..poll.partitions.count() {
        db.prepare_cached("insert into tallies (poll, partition) values (?1, ?2)")?
            .execute(params![number, partition])?;
    }
    create_votes(db, number, poll)
}

/// Resets the counters of a poll without ballots. Versions go on, so what readers have is older than what follows.
pub(super) fn reshape(db: &Connection, number: i64, poll: &Poll) -> Result<(), StoreError> {
    for sql in [
        "delete from votes where poll = ?1",
        // All ballots were withdrawn, so every sum over the minutes is zero; and the counters mean other options now.
        "delete from minutes where poll = ?1",
        "delete from minute_votes where poll = ?1",
    ] {
        db.prepare_cached(sql)?.execute([number])?;
    }
    labels::delete(db, number)?;
    create_votes(db, number, poll)
}

/// Deletes all ballots and tallies of a poll.
pub(super) fn delete(db: &Connection, number: i64) -> Result<(), StoreError> {
    for sql in [
        "delete from ballots where poll = ?1",
        "delete from byte_ballots where poll = ?1",
        "delete from answers where poll = ?1",
        "delete from ballot_answers where poll = ?1",
        "delete from tallies where poll = ?1",
        "delete from votes where poll = ?1",
        "delete from minutes where poll = ?1",
        "delete from minute_votes where poll = ?1",
    ] {
        db.prepare_cached(sql)?.execute([number])?;
    }
    labels::delete(db, number)
}

/// Whether any voter has a ballot.
pub(super) fn has_ballots(db: &Connection, head: &Head) -> Result<bool, StoreError> {
    let mut select = db.prepare_cached("select exists (select 1 from tallies where poll = ?1 and ballots > 0)")?;
    Ok(select.query_row([head.number], |row| row.get(0))? || labels::has_uncounted(db, head)?)
}

fn create_votes(db: &Connection, number: i64, poll: &Poll) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached("insert into votes (poll, partition, counter) values (?1, ?2, ?3)")?;
    for partition in 0..poll.partitions.count() {
        for index in 0..poll.counters() {
            insert.execute(params![number, partition, index])?;
        }
    }
    Ok(())
}

/// One row: a counter, with what the counters of its partition share.
struct CounterRow {
    partition: u16,
    epoch: u64,
    version: u64,
    ballots: u64,
    votes: u64,
}

impl CounterRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            partition: row.get(0)?,
            epoch: row.get(5)?,
            version: row.get(1)?,
            ballots: row.get(2)?,
            votes: row.get(4)?,
        })
    }
}

/// The tallies of these rows, in the order of partitions and counters.
fn sums(
    head: &Head,
    times: Times,
    rows: impl Iterator<Item = rusqlite::Result<CounterRow>>,
) -> Result<Vec<PartitionTally>, StoreError> {
    let (revision, state) = (head.revision, head.schedule.state_by(times).state);
    let mut sums: Vec<PartitionTally> = Vec::new();
    let mut last = None;
    for row in rows {
        let CounterRow { partition, epoch, version, ballots, votes } = row?;
        match sums.last_mut() {
            Some(sum) if last == Some(partition) => sum.votes.push(votes),
            _ => {
                let votes = Votes::from_iter([votes]);
                sums.push(PartitionTally { revision, epoch, version, ballots, votes, state, as_of: times.store });
            }
        }
        last = Some(partition);
    }
    Ok(sums)
}
