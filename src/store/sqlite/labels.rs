//! Ballots by their labels. `votes` and `tallies` have the sums of those that count; here are the sums of each label
//! but the clean, whether it counts or not. So what the clean ballots add up to is the rest.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::head::Head;
use crate::{
    poll::{Label, LabelSet, LabelTally, Minute, PartitionLabels, Poll, PollId, Revision, VERSION_STEP, Votes},
    store::StoreError,
};

/// Stands for how many ballots there are, where others are the index of a counter.
pub(super) const BALLOTS: i64 = -1;

/// Moves one number of a label, and the minute's if that is kept.
pub(super) fn advance(
    db: &Connection,
    (poll, partition, label): (i64, u16, Label),
    (counter, votes): (i64, i64),
    minute: Option<Minute>,
) -> Result<(), StoreError> {
    if votes == 0 {
        return Ok(());
    }
    db.prepare_cached(
        "insert into label_votes (poll, partition, label, counter, votes) values (?1, ?2, ?3, ?4, ?5)
         on conflict do update set votes = votes + excluded.votes",
    )?
    .execute(params![poll, partition, label.number(), counter, votes])?;
    if let Some(minute) = minute {
        db.prepare_cached(
            "insert into label_minutes (poll, label, minute, counter, votes) values (?1, ?2, ?3, ?4, ?5)
             on conflict do update set votes = votes + excluded.votes",
        )?
        .execute(params![poll, label.number(), minute.0, counter, votes])?;
    }
    Ok(())
}

/// Moves ballots into the poll's tallies or out of them, if it is decided otherwise which count. `head` is as before.
pub(super) fn decide(db: &Connection, head: &Head, poll: &Poll) -> Result<(), StoreError> {
    let changed = head.uncounted.differences(poll.decisions.uncounted());
    for label in changed.labels() {
        let step = if poll.decisions.count(label) { 1 } else { -1 };
        db.prepare_cached(
            "update tallies set ballots = ballots + ?3 * label_votes.votes from label_votes
             where tallies.poll = ?1 and label_votes.poll = ?1 and label_votes.partition = tallies.partition
                 and label = ?2 and counter = ?4",
        )?
        .execute(params![head.number, label.number(), step, BALLOTS])?;
        db.prepare_cached(
            "update votes set votes = votes.votes + ?3 * label_votes.votes from label_votes
             where votes.poll = ?1 and label_votes.poll = ?1 and label_votes.partition = votes.partition
                 and label = ?2 and label_votes.counter = votes.counter",
        )?
        .execute(params![head.number, label.number(), step])?;
    }
    if changed != LabelSet::default() || poll.moves_versions() {
        db.prepare_cached("update tallies set version = version + ?2 where poll = ?1")?
            .execute(params![head.number, VERSION_STEP])?;
    }
    Ok(())
}

/// All ballots of a poll by their labels, of each partition.
pub(super) fn read(db: &Connection, id: PollId) -> Result<Option<Vec<PartitionLabels>>, StoreError> {
    let Some(head) = Head::read(db, id)? else { return Ok(None) };
    // Each partition's tally first, as it is counted.
    let mut sums: BTreeMap<u16, BTreeMap<Label, LabelTally>> = BTreeMap::new();
    for sql in [
        "select partition, 0, -1, ballots from tallies where poll = ?1",
        "select partition, 0, counter, votes from votes where poll = ?1",
        "select partition, label, counter, votes from label_votes where poll = ?1",
    ] {
        let mut counted = db.prepare_cached(sql)?;
        let mut rows = counted.query([head.number])?;
        while let Some(row) = rows.next()? {
            let (partition, label, counter, votes): (u16, u8, i64, u64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let label = Label::from_number(label).ok_or_else(|| corrupt(&head))?;
            let tally = sums.entry(partition).or_default().entry(label);
            let tally = tally.or_insert_with(|| LabelTally { label, ballots: 0, votes: Votes::new() });
            match usize::try_from(counter) {
                Err(_) => tally.ballots = votes,
                Ok(index) => {
                    tally.votes.resize(tally.votes.len().max(index + 1), 0);
                    tally.votes.get_mut(index).into_iter().for_each(|it| *it = votes);
                }
            }
        }
    }
    let partitions = sums.into_values().map(|labels| partition(head.revision, head.uncounted, labels));
    partitions.collect::<Option<Vec<_>>>().map(Some).ok_or_else(|| corrupt(&head))
}

/// Takes what other labels add from the sum of all that count, which leaves the clean ballots. `None`: they are more.
fn partition(revision: Revision, uncounted: LabelSet, labels: BTreeMap<Label, LabelTally>) -> Option<PartitionLabels> {
    let mut labels: Vec<LabelTally> = labels.into_values().collect();
    let (clean, others) = labels.split_first_mut()?;
    for other in others {
        other.votes.resize(clean.votes.len(), 0);
        if !uncounted.has(other.label) {
            clean.take_out(other)?;
        }
    }
    Some(PartitionLabels { revision, labels })
}

/// Whether any ballot is on record that does not count.
pub(super) fn has_uncounted(db: &Connection, head: &Head) -> Result<bool, StoreError> {
    let mut select = db.prepare_cached(
        "select exists (select 1 from label_votes where poll = ?1 and counter = ?2 and votes > 0 and ?3 >> label & 1)",
    )?;
    Ok(select.query_row(params![head.number, BALLOTS, head.uncounted.bits()], |row| row.get(0))?)
}

/// Forgets all of a poll.
pub(super) fn delete(db: &Connection, number: i64) -> Result<(), StoreError> {
    for sql in ["delete from label_votes where poll = ?1", "delete from label_minutes where poll = ?1"] {
        db.prepare_cached(sql)?.execute([number])?;
    }
    Ok(())
}

fn corrupt(head: &Head) -> StoreError {
    StoreError::Corrupt(format!("the labels of poll number {}", head.number))
}
