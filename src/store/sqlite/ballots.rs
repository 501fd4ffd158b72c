//! Ballots: what is on record of each voter, and the outcomes of new ones.

use std::ops::Range;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    SqliteStore, answers, events,
    head::Head,
    labels, minutes,
    tallies::{self, TallyChange, TallyRead},
};
use crate::{
    poll::{
        AnswerId, AnswerState, Applied, Ballot, Codec, CountedAnswer, Counters, Minute, Outcome, PartitionLabels,
        PartitionTally, Poll, PollId, Position, RecordedAnswer, RecordedBallot, Revision, Text, Times, Timestamp,
        VoterDigest,
    },
    site::NewEvent,
    store::{BallotCursor, BallotPage, Ballots, BatchOutcome, Committed, Minutes, StoreError, ballots::BALLOTS_PAGE},
};

#[async_trait]
impl Ballots for SqliteStore {
    async fn cast(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<BatchOutcome, StoreError> {
        let (id, known, ballots) = (poll.id, (poll.revision, poll.created_at), ballots.to_vec());
        let (timed, takes_answers) = (poll.timed_counters(), poll.open_answer);
        let known = (id, known, timed, takes_answers);
        self.write(move |db, times| apply(db, times, known, partition, &ballots)).await
    }

    /// Nothing to do: a B-tree keeps itself in shape, so [`Committed::upkeep_due`] is never set here.
    async fn upkeep(&self, _poll: &Poll, _partition: u16) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Counters>, StoreError> {
        let id = poll.id;
        self.read(move |db, _| match Head::read(db, id)? {
            Some(head) => Ok(on_record(db, &head, voter)?.map(|ballot| ballot.counters)),
            None => Ok(None),
        })
        .await
    }

    async fn ballot_answer(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Text>, StoreError> {
        let id = poll.id;
        self.read(move |db, _| match Head::read(db, id)? {
            Some(head) => answers::text_of(db, head.number, number_of(voter)),
            None => Ok(None),
        })
        .await
    }

    async fn ballots(&self, poll: &Poll, from: Option<BallotCursor>) -> Result<Option<BallotPage>, StoreError> {
        let (id, first) = (
            poll.id,
            match from {
                Some(BallotCursor::After(voter)) => voter.saturating_add(1),
                Some(BallotCursor::Bucket { .. }) | None => i64::MIN,
            },
        );
        self.read(move |db, _| Head::read(db, id)?.map(|head| page(db, &head, first)).transpose()).await
    }

    async fn tally(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError> {
        let id = poll.id;
        match self.read(move |db, times| tallies::read(db, times, id)).await? {
            TallyRead::Read(partitions) => Ok(partitions),
            TallyRead::CloseFirst => match self.write(move |db, times| tallies::close_and_read(db, times, id)).await {
                // A file that takes no writes is read as it is.
                Err(StoreError::Unavailable(_)) => {
                    self.read(move |db, times| tallies::read_as_it_is(db, times, id)).await
                }
                answer => answer,
            },
        }
    }

    async fn labels(&self, poll: &Poll) -> Result<Option<Vec<PartitionLabels>>, StoreError> {
        let id = poll.id;
        self.read(move |db, _| labels::read(db, id)).await
    }

    async fn answers(&self, poll: &Poll) -> Result<Vec<CountedAnswer>, StoreError> {
        let id = poll.id;
        self.read(move |db, _| answers::read(db, id)).await
    }

    async fn decide_answer(
        &self,
        poll: &Poll,
        answer: AnswerId,
        state: AnswerState,
        events: &[NewEvent],
    ) -> Result<Option<CountedAnswer>, StoreError> {
        let (id, poll, events) = (poll.id, poll.clone(), events.to_vec());
        let decide = move |db: &Connection, times: Times| {
            let Some((decided, is_news)) = answers::decide(db, poll.id, answer, state)? else { return Ok(None) };
            if is_news {
                events::tell(db, times.store, &poll.site, Some(poll.id), &events)?;
            }
            Ok(Some(decided))
        };
        match self.write(decide).await? {
            // Counted beside the votes: it takes long in a large poll of which ballots are held.
            Some(decided) => self.read(move |db, _| answers::count(db, id, decided)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn raise_epoch(&self, poll: &Poll, partition: u16, seen: Position) -> Result<bool, StoreError> {
        let id = poll.id;
        self.write(move |db, _| tallies::raise(db, id, partition, seen)).await
    }

    async fn minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError> {
        let (id, most, uncounted) = (poll.id, Minutes::most(poll), poll.decisions.uncounted());
        self.read(move |db, _| minutes::read(db, id, &range, (most, uncounted))).await
    }
}

/// Applies ballots in order. Writes the tally's rows once, however many ballots there are. `timed` says how many of the
/// poll's counters, from index 0 on, have a timeline.
fn apply(
    db: &Connection,
    times: Times,
    (id, known, timed, takes_answers): (PollId, (Revision, Timestamp), usize, bool),
    partition: u16,
    ballots: &[Ballot],
) -> Result<BatchOutcome, StoreError> {
    let Some(mut head) = Head::read(db, id)? else { return Ok(BatchOutcome::Gone) };
    if (head.revision, head.created_at) != known {
        return Ok(BatchOutcome::Stale);
    }
    let judged = head.close_if_due(db, times)?;
    let mut change = TallyChange::default();
    let mut outcomes = Vec::with_capacity(ballots.len());
    let mut left_out = Vec::new();
    for (nth, Ballot { voter, action, answer }) in ballots.iter().enumerate() {
        let existing = on_record(db, &head, *voter)?;
        let (was, becomes) = if takes_answers {
            let was = answers::on_record(db, head.number, number_of(*voter))?;
            (was, answers::would_be(db, head.number, answer.as_deref())?)
        } else {
            (RecordedAnswer::None, RecordedAnswer::None)
        };
        let is_answer_same = was.is_the_same(becomes, head.changeable);
        let Applied { outcome, record } =
            action.apply(existing, is_answer_same, judged, (head.changeable, head.uncounted));
        let is_moved = matches!(outcome, Outcome::Counted | Outcome::Changed | Outcome::Withdrawn);
        if is_moved {
            put_on_record(db, &head, *voter, record)?;
            change.add(existing, record);
        }
        if takes_answers {
            let kept = if is_moved { becomes } else { was };
            answers::put_on_record(db, head.number, number_of(*voter), (was, kept), answer.as_deref())?;
            let is_taken = is_moved || outcome == Outcome::Repeated;
            if is_taken && answer.is_some() && kept == RecordedAnswer::LeftOut {
                left_out.push(nth);
            }
        }
        outcomes.push(outcome);
    }
    tallies::advance(db, times.store, (&head, timed), partition, &change)?;
    let tally = tallies::partition(db, times, &head, partition)?;
    Ok(BatchOutcome::Committed(Committed { outcomes, left_out, tally, upkeep_due: false }))
}

fn on_record(db: &Connection, head: &Head, voter: VoterDigest) -> Result<Option<RecordedBallot>, StoreError> {
    let key = [head.number, number_of(voter)];
    let kept = match head.codec {
        Codec::Index | Codec::Bits => {
            let mut select = db.prepare_cached("select counters from ballots where poll = ?1 and voter = ?2")?;
            let number: Option<u64> = select.query_row(key, |row| row.get(0)).optional()?;
            number.map(|number| RecordedBallot::from_number(head.codec, number))
        }
        Codec::Bytes => {
            let mut select = db.prepare_cached("select counters from byte_ballots where poll = ?1 and voter = ?2")?;
            let read = |row: &Row<'_>| Ok(RecordedBallot::from_bytes(row.get_ref(0)?.as_blob()?));
            select.query_row(key, read).optional()?
        }
    };
    kept.map(|ballot| ballot.ok_or_else(|| corrupt(head))).transpose()
}

/// A page of the ballots of voters with a number of at least `?2`. One condition on it, so that SQLite goes there at
/// once.
const PAGE: &str = "select voter, counters from ballots where poll = ?1 and voter >= ?2 order by voter limit ?3";
const BYTES_PAGE: &str =
    "select voter, counters from byte_ballots where poll = ?1 and voter >= ?2 order by voter limit ?3";

/// The ballots of the voters from a number on, in the order of their numbers, which never change.
fn page(db: &Connection, head: &Head, first: i64) -> Result<BallotPage, StoreError> {
    let mut select = db.prepare_cached(match head.codec {
        Codec::Index | Codec::Bits => PAGE,
        Codec::Bytes => BYTES_PAGE,
    })?;
    let read = |row: &Row<'_>| {
        let ballot = match head.codec {
            Codec::Index | Codec::Bits => RecordedBallot::from_number(head.codec, row.get(1)?),
            Codec::Bytes => RecordedBallot::from_bytes(row.get_ref(1)?.as_blob()?),
        };
        Ok((row.get(0)?, ballot))
    };
    let (mut ballots, mut voters) = (Vec::with_capacity(BALLOTS_PAGE), Vec::with_capacity(BALLOTS_PAGE));
    for row in select.query_map(params![head.number, first, BALLOTS_PAGE], read)? {
        let (voter, ballot) = row?;
        ballots.push(ballot.ok_or_else(|| corrupt(head))?);
        voters.push(voter);
    }
    let is_full = ballots.len() == BALLOTS_PAGE;
    let next = voters.last().copied().filter(|last| is_full && *last < i64::MAX).map(BallotCursor::After);
    let voters = voters.into_iter().map(i64::to_be_bytes).collect();
    Ok(BallotPage { ballots, voters, next })
}

fn corrupt(head: &Head) -> StoreError {
    StoreError::Corrupt(format!("a ballot of poll number {}", head.number))
}

fn put_on_record(
    db: &Connection,
    head: &Head,
    voter: VoterDigest,
    ballot: Option<RecordedBallot>,
) -> Result<(), StoreError> {
    let (poll, voter) = (head.number, number_of(voter));
    match (ballot, head.codec) {
        (None, Codec::Index | Codec::Bits) => {
            db.prepare_cached("delete from ballots where poll = ?1 and voter = ?2")?.execute([poll, voter])?
        }
        (None, Codec::Bytes) => {
            db.prepare_cached("delete from byte_ballots where poll = ?1 and voter = ?2")?.execute([poll, voter])?
        }
        (Some(ballot), Codec::Index | Codec::Bits) => db
            .prepare_cached("insert or replace into ballots (poll, voter, counters) values (?1, ?2, ?3)")?
            .execute(params![poll, voter, ballot.number()])?,
        (Some(ballot), Codec::Bytes) => db
            .prepare_cached("insert or replace into byte_ballots (poll, voter, counters) values (?1, ?2, ?3)")?
            .execute(params![poll, voter, ballot.bytes().as_deref()])?,
    };
    Ok(())
}

/// A digest's eight bytes as SQLite's widest integer.
fn number_of(voter: VoterDigest) -> i64 {
    i64::from_be_bytes(voter.field)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Or each page of a long scan would be read from the first voter on.
    #[test]
    fn a_page_begins_where_the_one_before_it_ended() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("schema.sql")).unwrap();
        for page in [PAGE, BYTES_PAGE] {
            let mut plan = db.prepare(&format!("explain query plan {page}")).unwrap();
            let steps = plan.query_map([1, 2, 3], |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<String> = steps.map(Result::unwrap).collect();
            assert!(matches!(&steps[..], [step] if step.ends_with("(poll=? AND voter>?)")), "{steps:?}");
        }
    }
}
