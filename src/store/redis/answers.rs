//! Readers' own words: what ballots say of the option "something else".
//!
//! `cast.lua` counts them in the step that counts their ballots. They are all in one partition, for a poll with open
//! answers has no other.

use redis::Cmd;

use super::{RedisStore, keys, outbox::too_late, script::Call};
use crate::{
    poll::{AnswerId, AnswerState, CountedAnswer, OPEN_ANSWER, Poll, Text},
    site::NewEvent,
    store::StoreError,
};

/// Where a poll with open answers has its ballots, and so what they say.
const PARTITION: u16 = 0;

impl RedisStore {
    pub(super) async fn read_answers(&self, poll: &Poll) -> Result<Vec<CountedAnswer>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HGETALL").arg(keys::answers(poll, PARTITION));
        let kept: Vec<(Vec<u8>, Vec<u8>)> = self.ask_for(&command).await?;
        let mut answers = kept.iter().map(|(id, kept)| read(id, kept)).collect::<Result<Vec<_>, _>>()?;
        self.leave_uncounted_out(poll, &mut answers).await?;
        Ok(answers)
    }

    /// Takes the ballots that don't count out of those that say each text.
    async fn leave_uncounted_out(&self, poll: &Poll, answers: &mut [CountedAnswer]) -> Result<(), StoreError> {
        let labels = poll.decisions.uncounted().labels();
        let mut fields = Vec::new();
        for answer in answers.iter() {
            for label in labels.clone() {
                let mut field = format!("{}.t", label.number()).into_bytes();
                field.extend(answer.id.as_bytes());
                fields.push(field);
            }
        }
        if fields.is_empty() {
            return Ok(());
        }
        let mut command = Cmd::new();
        command.arg("HMGET").arg(keys::minutes(poll, PARTITION)).arg(&fields);
        let mut uncounted = self.ask_for::<Vec<Option<u64>>>(&command).await?.into_iter();
        for answer in answers {
            let of_it = uncounted.by_ref().take(labels.clone().count()).flatten().sum();
            answer.ballots = answer.ballots.saturating_sub(of_it);
        }
        Ok(())
    }

    pub(super) async fn read_answer(&self, poll: &Poll, answer: AnswerId) -> Result<Option<CountedAnswer>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HGET").arg(keys::answers(poll, PARTITION)).arg(answer.as_bytes());
        let kept: Option<Vec<u8>> = self.ask_for(&command).await?;
        kept.map(|kept| read(answer.as_bytes(), &kept)).transpose()
    }

    pub(super) async fn put_answer_state(
        &self,
        poll: &Poll,
        answer: AnswerId,
        state: AnswerState,
        events: &[NewEvent],
    ) -> Result<Option<CountedAnswer>, StoreError> {
        let (key, outbox) = (keys::answers(poll, PARTITION), keys::answers_outbox(poll, PARTITION));
        let letter = [state.code()];
        let entries = self.announce_entries(&outbox, &poll.site, Some(poll.id), events, &[]).await?;
        let call = Call::new(&self.scripts.decide_answer, &[key.as_bytes(), outbox.as_bytes()])
            .arg(answer.as_bytes())
            .arg(&letter)
            .arg(entries.announced.as_bytes());
        let mut reply = entries.add_to(call).send(&self.link).await?;
        match reply.int()? {
            0 => Ok(None),
            6 => Err(too_late()),
            _ => {
                let mut decided = [read(answer.as_bytes(), &reply.bytes()?)?];
                self.leave_uncounted_out(poll, &mut decided).await?;
                let [decided] = decided;
                Ok(Some(decided))
            }
        }
    }
}

/// A letter for what is shown of it, how many ballots say it, a colon, and the text.
fn read(id: &[u8], kept: &[u8]) -> Result<CountedAnswer, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("a text that ballots say: {:?}", String::from_utf8_lossy(kept)));
    let found = || {
        let id = AnswerId::from_bytes(id.try_into().ok()?);
        let (state, rest) = kept.split_first()?;
        let (ballots, text) = std::str::from_utf8(rest).ok()?.split_once(':')?;
        let (state, ballots) = (AnswerState::from_code(*state)?, ballots.parse().ok()?);
        Some(CountedAnswer { id, state, ballots, text: Text::parse(text, OPEN_ANSWER).ok()? })
    };
    found().ok_or_else(corrupt)
}
