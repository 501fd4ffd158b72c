//! Readers' own words: what ballots say of the option "something else", counted in the step that counts their ballots.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use rustc_hash::FxHashMap;

use super::head::Head;
use crate::{
    poll::{
        AnswerId, AnswerState, CountedAnswer, LabelSet, MOST_ANSWERS, OPEN_ANSWER, OpenAnswer, PollId, RecordedAnswer,
        Text,
    },
    store::StoreError,
};

/// What is on record of the text of a voter's ballot.
pub(super) fn on_record(db: &Connection, poll: i64, voter: i64) -> Result<RecordedAnswer, StoreError> {
    let mut select = db.prepare_cached("select answer from ballot_answers where poll = ?1 and voter = ?2")?;
    let kept: Option<Option<[u8; 8]>> = select.query_row([poll, voter], |row| row.get(0)).optional()?;
    Ok(match kept {
        None => RecordedAnswer::None,
        Some(None) => RecordedAnswer::LeftOut,
        Some(Some(id)) => RecordedAnswer::Kept(AnswerId::from_bytes(id)),
    })
}

/// What a voter's ballot says, if it is kept.
pub(super) fn text_of(db: &Connection, poll: i64, voter: i64) -> Result<Option<Text>, StoreError> {
    let RecordedAnswer::Kept(id) = on_record(db, poll, voter)? else { return Ok(None) };
    let mut select =
        db.prepare_cached("select answer, text, state, ballots from answers where poll = ?1 and answer = ?2")?;
    let mut found = select.query_and_then(params![poll, id.as_bytes()], counted)?;
    Ok(found.next().transpose()?.map(|answer| answer.text))
}

/// What would be on record of a ballot that says this.
pub(super) fn would_be(db: &Connection, poll: i64, answer: Option<&OpenAnswer>) -> Result<RecordedAnswer, StoreError> {
    let Some(OpenAnswer { id, .. }) = answer else { return Ok(RecordedAnswer::None) };
    let mut is_there = db.prepare_cached("select exists (select 1 from answers where poll = ?1 and answer = ?2)")?;
    let mut count = db.prepare_cached("select count(*) from answers where poll = ?1")?;
    let is_kept = is_there.query_row(params![poll, id.as_bytes()], |row| row.get(0))?
        || count.query_row([poll], |row| row.get::<_, usize>(0))? < MOST_ANSWERS;
    Ok(if is_kept { RecordedAnswer::Kept(*id) } else { RecordedAnswer::LeftOut })
}

/// Puts on record what a ballot says, and counts it. `text` is of what it becomes.
pub(super) fn put_on_record(
    db: &Connection,
    poll: i64,
    voter: i64,
    (was, becomes): (RecordedAnswer, RecordedAnswer),
    text: Option<&OpenAnswer>,
) -> Result<(), StoreError> {
    if was == becomes {
        return Ok(());
    }
    // What is said anew comes first: so a text that goes on is never gone.
    if let (RecordedAnswer::Kept(id), Some(OpenAnswer { text, .. })) = (becomes, text) {
        db.prepare_cached(
            "insert into answers (poll, answer, text, state, ballots) values (?1, ?2, ?3, ?4, 1)
             on conflict do update set ballots = ballots + 1",
        )?
        .execute(params![poll, id.as_bytes(), text.as_str(), AnswerState::Waiting.code()])?;
    }
    if let RecordedAnswer::Kept(id) = was {
        let key = params![poll, id.as_bytes()];
        db.prepare_cached("delete from answers where poll = ?1 and answer = ?2 and ballots = 1")?.execute(key)?;
        db.prepare_cached("update answers set ballots = ballots - 1 where poll = ?1 and answer = ?2 and ballots > 1")?
            .execute(key)?;
    }
    let mut put =
        db.prepare_cached("insert or replace into ballot_answers (poll, voter, answer) values (?1, ?2, ?3)")?;
    match becomes {
        RecordedAnswer::None => {
            db.prepare_cached("delete from ballot_answers where poll = ?1 and voter = ?2")?.execute([poll, voter])?
        }
        RecordedAnswer::LeftOut => put.execute(params![poll, voter, None::<[u8; 8]>])?,
        RecordedAnswer::Kept(id) => put.execute(params![poll, voter, id.as_bytes()])?,
    };
    Ok(())
}

/// All texts that ballots of a poll say.
pub(super) fn read(db: &Connection, id: PollId) -> Result<Vec<CountedAnswer>, StoreError> {
    let Some(head) = Head::read(db, id)? else { return Ok(Vec::new()) };
    let mut select = db.prepare_cached("select answer, text, state, ballots from answers where poll = ?1")?;
    let mut answers = select.query_and_then([head.number], counted)?.collect::<Result<Vec<_>, StoreError>>()?;
    leave_uncounted_out(db, &head, &mut answers)?;
    Ok(answers)
}

/// Takes the ballots that don't count out of those that say each text.
fn leave_uncounted_out(db: &Connection, head: &Head, answers: &mut [CountedAnswer]) -> Result<(), StoreError> {
    if head.uncounted == LabelSet::default() || answers.is_empty() {
        return Ok(());
    }
    // Of ballots that are one number. Others have no texts.
    let mut select = db.prepare_cached(
        "select answer, count(*) from ballot_answers join ballots using (poll, voter)
         where poll = ?1 and answer is not null and ?2 >> (counters >> 32) & 1 group by answer",
    )?;
    let mut uncounted = FxHashMap::default();
    let mut rows = select.query(params![head.number, head.uncounted.bits()])?;
    while let Some(row) = rows.next()? {
        uncounted.insert(row.get::<_, [u8; 8]>(0)?, row.get::<_, u64>(1)?);
    }
    for answer in answers {
        let of_it = uncounted.get(answer.id.as_bytes()).copied().unwrap_or_default();
        answer.ballots = answer.ballots.saturating_sub(of_it);
    }
    Ok(())
}

/// Takes the ballots that don't count out of those that say a text.
pub(super) fn count(db: &Connection, id: PollId, mut answer: CountedAnswer) -> Result<CountedAnswer, StoreError> {
    if let Some(head) = Head::read(db, id)? {
        leave_uncounted_out(db, &head, std::slice::from_mut(&mut answer))?;
    }
    Ok(answer)
}

/// Decides what readers are shown of a text, and says whether that is another decision; `None` if no ballot says it.
/// All ballots are counted that say it.
pub(super) fn decide(
    db: &Connection,
    poll: PollId,
    id: AnswerId,
    state: AnswerState,
) -> Result<Option<(CountedAnswer, bool)>, StoreError> {
    let Some(head) = Head::read(db, poll)? else { return Ok(None) };
    let mut same = db.prepare_cached("select 1 from answers where poll = ?1 and answer = ?2 and state = ?3")?;
    let is_same = same.exists(params![head.number, id.as_bytes(), state.code()])?;
    let mut update = db.prepare_cached(
        "update answers set state = ?3 where poll = ?1 and answer = ?2 returning answer, text, state, ballots",
    )?;
    let mut decided = update.query_and_then(params![head.number, id.as_bytes(), state.code()], counted)?;
    let decided = decided.next().transpose()?;
    Ok(decided.map(|decided| (decided, !is_same)))
}

fn counted(row: &Row<'_>) -> Result<CountedAnswer, StoreError> {
    let text: String = row.get(1)?;
    let corrupt = |what: &str| StoreError::Corrupt(format!("a text that ballots say: {what}"));
    Ok(CountedAnswer {
        id: AnswerId::from_bytes(row.get(0)?),
        text: Text::parse(&text, OPEN_ANSWER).map_err(|rule| corrupt(&rule))?,
        state: AnswerState::from_code(row.get(2)?).ok_or_else(|| corrupt("its state"))?,
        ballots: row.get(3)?,
    })
}
