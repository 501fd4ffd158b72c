//! What readers are shown of each other's own words: the texts that an editor lets them see.
//!
//! Whoever may see a poll's tally may see them. They are read from the store at most once a second by a replica, however
//! many ask, as lists of polls are.

use std::{sync::Arc, time::Duration};

use super::{VoteError, Voting};
use crate::{
    live::{KnownTally, SingleFlightCache},
    poll::{AnswerState, CountedAnswer, PollId},
};

/// What readers are shown of polls, as it was last read.
pub(super) type AnswerLists = SingleFlightCache<PollId, Arc<[CountedAnswer]>>;

/// How long a list is kept.
pub(super) const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(1);
/// The most lists that are kept.
pub(super) const MOST_ANSWER_LISTS: usize = 256;

impl Voting {
    /// The texts that are shown beside a tally, those that most ballots say first; empty if the poll takes none. Each is
    /// told with its ballots, so there are none beside a tally that is not exact.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn shown_answers(&self, snapshot: &KnownTally) -> Result<Arc<[CountedAnswer]>, VoteError> {
        let poll = &snapshot.poll;
        if !poll.open_answer || !poll.is_made() || !snapshot.tally.display.is_exact() {
            return Ok(Arc::default());
        }
        let read = async {
            let mut answers = self.others.answers(poll).await?;
            answers.retain(|answer| answer.state == AnswerState::Shown && answer.ballots > 0);
            answers.sort_by_key(CountedAnswer::order);
            Ok(answers.into())
        };
        self.replica.answer_lists.get(poll.id, read).await
    }
}
