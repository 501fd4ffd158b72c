//! What every call about a poll's ballots reads of it first.
//!
//! Closed is final only once it is recorded: a poll whose `closes_at` has passed would be open again if the clock were
//! set back. So the first to act on the clock ([`Head::close_if_due`]) writes the phase `closed` in the same
//! transaction. That is no edit, and the revision stays.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    poll::{Codec, LabelSet, Phase, Poll, PollId, Revision, Schedule, State, StateByClocks, Times, Timestamp},
    store::{
        StoreError,
        record::{read_poll, write_poll},
    },
};

/// What decides about a poll's ballots.
pub(super) struct Head {
    /// The poll's number in the other tables.
    pub(super) number: i64,
    pub(super) revision: Revision,
    /// An article's poll may go and come again with its id.
    pub(super) created_at: Timestamp,
    pub(super) schedule: Schedule,
    pub(super) changeable: bool,
    pub(super) codec: Codec,
    /// The labels whose ballots don't count.
    pub(super) uncounted: LabelSet,
}

impl Head {
    /// A poll's head, if there is such a poll.
    pub(super) fn read(db: &Connection, id: PollId) -> Result<Option<Self>, StoreError> {
        let mut select = db.prepare_cached(
            "select number, revision, phase, opens_at, closes_at, changeable, codec, uncounted, created_at
             from polls where id = ?1",
        )?;
        let columns = |row: &Row<'_>| {
            let head = (
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
            );
            Ok((head, row.get(8)?))
        };
        let Some(((number, revision, phase, opens_at, closes_at, changeable, codec, uncounted), created_at)) =
            select.query_row([id.to_string()], columns).optional()?
        else {
            return Ok(None);
        };
        let corrupt = |what| StoreError::Corrupt(format!("the {what} of poll {id}"));
        let phase = Phase::from_code(phase).ok_or_else(|| corrupt("phase"))?;
        let codec = Codec::from_code(codec).ok_or_else(|| corrupt("codec"))?;
        let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let schedule = Schedule { phase, opens_at: moment(opens_at), closes_at: moment(closes_at) };
        Ok(Some(Self {
            number,
            revision: Revision(revision),
            created_at: Timestamp::from_millis(created_at),
            schedule,
            changeable,
            codec,
            uncounted: LabelSet::from_bits(uncounted),
        }))
    }

    /// The poll itself.
    pub(super) fn definition(&self, db: &Connection) -> Result<Poll, StoreError> {
        definition(db, self.number)
    }

    /// Whether the clock has closed the poll, and that is not recorded yet.
    pub(super) fn is_due(&self, times: Times) -> bool {
        self.schedule.phase != Phase::Closed && self.schedule.state_by(times).state == State::Closed
    }

    /// The poll's state; if it is `closed`, that is recorded afterwards.
    pub(super) fn close_if_due(&mut self, db: &Connection, times: Times) -> Result<StateByClocks, StoreError> {
        if self.is_due(times) {
            self.schedule.phase = Phase::Closed;
            let mut poll = definition(db, self.number)?;
            poll.schedule.phase = Phase::Closed;
            write(db, self.number, &poll)?;
        }
        Ok(self.schedule.state_by(times))
    }
}

fn definition(db: &Connection, number: i64) -> Result<Poll, StoreError> {
    let mut select = db.prepare_cached("select definition from polls where number = ?1")?;
    let definition: String = select.query_row([number], |row| row.get(0))?;
    read_poll(definition.as_bytes())
}

/// Writes the columns that may change.
pub(super) fn write(db: &Connection, number: i64, poll: &Poll) -> Result<(), StoreError> {
    let schedule = poll.schedule;
    db.prepare_cached(
        "update polls set revision = ?2, phase = ?3, opens_at = ?4, closes_at = ?5, changeable = ?6, definition = ?7,
             uncounted = ?8
         where number = ?1",
    )?
    .execute(params![
        number,
        poll.revision.0,
        schedule.phase.code(),
        schedule.opens_at.map(Timestamp::as_millis),
        schedule.closes_at.map(Timestamp::as_millis),
        poll.changeable,
        write_poll(poll)?,
        poll.decisions.uncounted().bits(),
    ])?;
    Ok(())
}
