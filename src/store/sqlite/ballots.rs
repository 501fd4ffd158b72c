//! Ballots: what is on record of each voter, and what becomes of what they ask.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    polls::Head,
    tallies::{self, Change},
};
use crate::{
    poll::{Applied, Ballot, Choices, Kind, PollId, Revision, Times, VoterDigest},
    store::{Cast, Committed, StoreError},
};

/// Applies ballots in order. The tally's rows are written once, however many ballots there are.
pub(super) fn cast(
    db: &Connection,
    times: Times,
    id: PollId,
    revision: Revision,
    partition: u16,
    ballots: &[Ballot],
) -> Result<Cast, StoreError> {
    let Some(mut head) = Head::read(db, id)? else { return Ok(Cast::Gone) };
    if head.revision != revision {
        return Ok(Cast::Stale);
    }
    let judged = head.close_if_due(db, times)?;
    let mut change = Change::default();
    let mut outcomes = Vec::with_capacity(ballots.len());
    for Ballot { voter, action } in ballots {
        let existing = on_record(db, head.number, head.kind, *voter)?;
        let Applied { outcome, record } = action.apply(existing, judged, head.changeable);
        if record != existing {
            put_on_record(db, &head, *voter, record)?;
            change.add(existing, record);
        }
        outcomes.push(outcome);
    }
    tallies::advance(db, times.store, head.number, partition, &change)?;
    let tally = tallies::partition(db, times, &head, partition)?;
    Ok(Cast::Committed(Committed { outcomes, tally, upkeep_due: false }))
}

/// A voter's choices on record.
pub(super) fn get(db: &Connection, id: PollId, voter: VoterDigest) -> Result<Option<Choices>, StoreError> {
    match Head::read(db, id)? {
        Some(head) => on_record(db, head.number, head.kind, voter),
        None => Ok(None),
    }
}

fn on_record(db: &Connection, poll: i64, kind: Kind, voter: VoterDigest) -> Result<Option<Choices>, StoreError> {
    let mut select = db.prepare_cached("select choices from ballots where poll = ?1 and voter = ?2")?;
    let code: Option<u32> = select.query_row([poll, number_of(voter)], |row| row.get(0)).optional()?;
    let read = |code| {
        Choices::from_code(kind, code).ok_or_else(|| StoreError::Corrupt(format!("a ballot of poll number {poll}")))
    };
    code.map(read).transpose()
}

fn put_on_record(db: &Connection, head: &Head, voter: VoterDigest, choices: Option<Choices>) -> Result<(), StoreError> {
    let (poll, voter) = (head.number, number_of(voter));
    match choices {
        Some(choices) => db
            .prepare_cached("insert or replace into ballots (poll, voter, choices) values (?1, ?2, ?3)")?
            .execute(params![poll, voter, choices.code(head.kind)])?,
        None => db.prepare_cached("delete from ballots where poll = ?1 and voter = ?2")?.execute([poll, voter])?,
    };
    Ok(())
}

/// A digest's eight bytes as SQLite's widest integer.
fn number_of(voter: VoterDigest) -> i64 {
    i64::from_be_bytes(voter.field)
}
