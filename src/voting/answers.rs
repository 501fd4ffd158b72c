//! What readers are shown of each other's own words: the texts that an editor lets them see.
//!
//! Whoever may see a poll's tally may see them. They are read from the store at most once a second by a replica, however
//! many ask, as lists of polls are.

use std::{sync::Arc, time::Duration};

use super::{VoteError, Voting};
use crate::{
    live::BriefCache,
    poll::{AnswerState, CountedAnswer, Poll, PollId},
};

/// What readers are shown of polls, as it was last read.
pub(super) type AnswerLists = BriefCache<PollId, Arc<[CountedAnswer]>>;

/// How long a list is kept.
pub(super) const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(1);
/// The most lists that are kept.
pub(super) const MOST_ANSWER_LISTS: usize = 256;

impl Voting {
    /// The texts that readers are shown of a poll, those that most ballots say first; empty if the poll takes none.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn shown_answers(&self, poll: &Poll) -> Result<Arc<[CountedAnswer]>, VoteError> {
        if !poll.open_answer {
            return Ok(Arc::default());
        }
        let read = async {
            let mut answers = self.others.answers(poll).await?;
            answers.retain(|answer| answer.state == AnswerState::Shown);
            answers.sort_by_key(CountedAnswer::place);
            Ok(answers.into())
        };
        self.replica.answer_lists.get(poll.id, read).await
    }
}
