//! Timelines, a page of minutes at a time.

use std::ops::Range;

use rusqlite::{Connection, params};

use super::polls::Head;
use crate::{
    poll::{Change, Minute, Moves, PollId},
    store::{Minutes, StoreError},
};

/// The minutes in a range in which a poll's tally moved, at most so many.
pub(super) fn read(db: &Connection, id: PollId, range: &Range<Minute>, most: usize) -> Result<Minutes, StoreError> {
    let Some(head) = Head::read(db, id)? else { return Ok(Minutes { changes: Vec::new(), next: None }) };
    let mut select = db.prepare_cached(
        "select minute, ballots from minutes where poll = ?1 and minute >= ?2 and minute < ?3 order by minute limit ?4",
    )?;
    let bounds = params![head.number, range.start.0, range.end.0, most];
    let minutes = select
        .query_map(bounds, |row| Ok((Minute(row.get(0)?), Change { ballots: row.get(1)?, votes: Moves::default() })))?;
    let mut changes: Vec<(Minute, Change)> = minutes.collect::<Result<_, _>>()?;
    let Some((last, _)) = changes.last() else { return Ok(Minutes { changes, next: None }) };
    let last = *last;
    let next = (changes.len() == most).then(|| last.plus(1));

    let mut select = db.prepare_cached(
        "select minute, counter, votes from minute_votes where poll = ?1 and minute between ?2 and ?3 order by minute",
    )?;
    let mut votes = select.query(params![head.number, range.start.0, last.0])?;
    let mut summed = changes.iter_mut().peekable();
    while let Some(row) = votes.next()? {
        let minute = Minute(row.get(0)?);
        while summed.next_if(|(before, _)| *before < minute).is_some() {}
        // Votes of a minute that is not among these are not wanted.
        if let Some((_, change)) = summed.peek_mut().filter(|(found, _)| *found == minute) {
            change.move_votes(row.get(1)?, row.get(2)?);
        }
    }
    drop(votes);
    Ok(Minutes { changes, next })
}
