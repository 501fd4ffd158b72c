//! Readers' own words, as a site's editors see them: all of them, and which of them readers are shown.

use std::cmp::Reverse;

use super::{PublishError, Publishing};
use crate::{
    poll::{AnswerId, AnswerState, CountedAnswer, Poll, PollId},
    site::{NewEvent, Publisher, Scope},
};

/// A place in a poll's list of texts, in which those come first that most ballots say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerCursor {
    /// How many ballots said the text before it, when that was listed.
    pub ballots: u64,
    /// Which text that was.
    pub id: AnswerId,
}

/// Which texts of a poll are asked for.
#[derive(Debug, Clone, Copy)]
pub struct AnswersQuery {
    /// Those in this state.
    pub state: Option<AnswerState>,
    /// Those behind this place.
    pub after: Option<AnswerCursor>,
    /// At most so many.
    pub limit: usize,
}

/// Some of a poll's texts, those that most ballots say first.
pub struct ListedAnswers {
    pub poll: Poll,
    /// The texts.
    pub answers: Vec<CountedAnswer>,
    /// The last of them, if there are more behind it.
    pub last: Option<AnswerCursor>,
}

impl Publishing {
    /// What ballots say in their voters' own words. Counts move while the list is read: a text may come twice, or on no
    /// page.
    ///
    /// # Errors
    /// [`PublishError::NoPoll`]; what the store failed with.
    pub async fn answers(
        &self,
        publisher: &Publisher,
        id: PollId,
        asked: AnswersQuery,
    ) -> Result<ListedAnswers, PublishError> {
        let poll = self.store.poll(id).await?.filter(|poll| publisher.may(Scope::ResultsRead, &poll.site));
        let poll = poll.ok_or(PublishError::NoPoll)?;
        let mut answers = if poll.open_answer { self.store.answers(&poll).await? } else { Vec::new() };
        let is_asked = |answer: &CountedAnswer| {
            asked.state.is_none_or(|state| state == answer.state)
                && asked.after.is_none_or(|after| (Reverse(after.ballots), after.id) < answer.order())
        };
        answers.retain(is_asked);
        answers.sort_by_key(CountedAnswer::order);
        let has_more = answers.len() > asked.limit;
        answers.truncate(asked.limit);
        let last = answers.last().filter(|_| has_more);
        let last = last.map(|CountedAnswer { ballots, id, .. }| AnswerCursor { ballots: *ballots, id: *id });
        Ok(ListedAnswers { poll, answers, last })
    }

    /// Decides what readers are shown of a text. The same again changes nothing.
    ///
    /// # Errors
    /// [`PublishError::NoPoll`]; [`NoAnswer`](PublishError::NoAnswer); what the store failed with.
    pub async fn decide_answer(
        &self,
        publisher: &Publisher,
        id: PollId,
        answer: AnswerId,
        state: AnswerState,
    ) -> Result<CountedAnswer, PublishError> {
        let poll = self.own_poll(publisher, id).await?;
        if !poll.open_answer {
            return Err(PublishError::NoAnswer);
        }
        let event = NewEvent::of_answer(&poll, answer, state, &publisher.actor(), self.store.now().await?);
        let decided = self.store.decide_answer(&poll, answer, state, &[event]).await?;
        self.signal.note_change(&poll.site);
        decided.ok_or(PublishError::NoAnswer)
    }
}
