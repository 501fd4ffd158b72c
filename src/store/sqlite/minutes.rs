//! Timelines, a page of minutes at a time.

use std::ops::Range;

use rusqlite::{Connection, ToSql, params};

use super::head::Head;
use crate::{
    poll::{Change, LabelSet, Minute, Moves, PollId},
    store::{Minutes, StoreError},
};

/// The minutes in a range in which a poll's tally moved, at most so many, without what these labels add to them.
pub(super) fn read(
    db: &Connection,
    id: PollId,
    range: &Range<Minute>,
    (most, uncounted): (usize, LabelSet),
) -> Result<Minutes, StoreError> {
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

    let votes = "select minute, counter, votes from minute_votes where poll = ?1 and minute between ?2 and ?3
                 order by minute";
    add(db, &mut changes, votes, (params![head.number, range.start.0, last.0], 1))?;
    let of_label = "select minute, counter, votes from label_minutes
                    where poll = ?1 and label = ?4 and minute between ?2 and ?3 order by minute";
    for label in uncounted.labels() {
        let bounds = params![head.number, range.start.0, last.0, label.number()];
        add(db, &mut changes, of_label, (bounds, -1))?;
    }
    Ok(Minutes { changes, next })
}

/// Adds numbers to the minutes that they are of, so many times.
fn add(
    db: &Connection,
    changes: &mut [(Minute, Change)],
    sql: &str,
    (bounds, times): (&[&dyn ToSql], i64),
) -> Result<(), StoreError> {
    let mut select = db.prepare_cached(sql)?;
    let mut votes = select.query(bounds)?;
    let mut summed = changes.iter_mut().peekable();
    while let Some(row) = votes.next()? {
        let minute = Minute(row.get(0)?);
        while summed.next_if(|(before, _)| *before < minute).is_some() {}
        // Votes of a minute that is not among these are not wanted.
        let Some((_, change)) = summed.peek_mut().filter(|(found, _)| *found == minute) else { continue };
        let (counter, votes): (i64, i64) = (row.get(1)?, row.get(2)?);
        match u8::try_from(counter) {
            Ok(index) => change.move_votes(index, votes * times),
            // It is `labels::BALLOTS`.
            Err(_) => change.ballots += votes * times,
        }
    }
    Ok(())
}
