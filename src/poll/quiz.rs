//! Which option is right: known from the beginning in a quiz, and found out afterwards in a prediction.
//!
//! A quiz keeps it to itself: `correct` and `explanation` are told to the poll's own publisher, and to a reader who has
//! voted. So they stand in nothing that is the same for all readers.

use serde::{Deserialize, Serialize};

use super::{Choices, Edit, Effect, OptionId, Phase, Poll, Schedule, State, Text, Timestamp, text::EXPLANATION};

/// What makes a poll a question of a quiz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiz {
    /// The right option.
    pub correct: OptionId,
    /// Why it is: told with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Text>,
}

/// What became of a prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The option that came true.
    pub option: OptionId,
    /// When that was said, by the store's clock.
    pub at: Timestamp,
    /// Why it was said anew, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}

/// Why a prediction is not resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveError {
    /// It still is in this state: only a closed one is resolved.
    NotClosed(State),
    /// The poll is of another kind than `single`, or a quiz.
    NotAPrediction,
    /// The poll has no such option.
    NoSuchOption,
    /// The reason is no text that may stand there; this is what it must be.
    Reason(String),
    /// It is resolved, with this option, and no reason is given for another.
    Resolved(OptionId),
}

impl Quiz {
    /// Why the right option is right, if that is told.
    pub fn explanation(&self) -> Option<&str> {
        self.explanation.as_ref().map(Text::as_str)
    }
}

impl Poll {
    /// Whether a ballot with these choices is right; `None` if the poll is no quiz.
    pub fn verdict(&self, choices: Choices) -> Option<(&Quiz, bool)> {
        let quiz = self.quiz.as_ref()?;
        Some((quiz, self.option(quiz.correct.as_str()).is_some_and(|option| choices.has(option))))
    }

    /// Whether ballots are right or wrong: in a quiz, and in a prediction that is resolved.
    pub fn is_judged(&self) -> bool {
        self.quiz.is_some() || self.resolution.is_some()
    }

    /// Whether it can be said of it which option came true, once it is closed.
    pub fn may_be_prediction(&self) -> bool {
        self.kind.has_right_answer() && self.quiz.is_none()
    }

    /// The poll with the option that came true; `None` if it says so already. It is closed on record then, also if only
    /// the clock had closed it.
    ///
    /// # Errors
    /// Why it can't be resolved so.
    pub fn resolved(&self, option: &str, reason: Option<&str>, now: Timestamp) -> Result<Option<Edit>, ResolveError> {
        let reason = reason.map(|reason| Text::parse(reason, EXPLANATION)).transpose().map_err(ResolveError::Reason)?;
        let option = self.option(option).ok_or(ResolveError::NoSuchOption)?;
        if !self.may_be_prediction() {
            return Err(ResolveError::NotAPrediction);
        }
        let state = self.state_at(now);
        if state != State::Closed {
            return Err(ResolveError::NotClosed(state));
        }
        match &self.resolution {
            Some(before) if before.option == option.id => return Ok(None),
            Some(before) if reason.is_none() => return Err(ResolveError::Resolved(before.option.clone())),
            Some(_) | None => {}
        }
        // The first time there is nothing that was otherwise.
        let reason = reason.filter(|_| self.resolution.is_some());
        let resolution = Some(Resolution { option: option.id.clone(), at: now, reason });
        let closed = self.moved(Schedule { phase: Phase::Closed, ..self.schedule }, now);
        Ok(Some(Edit { poll: Self { resolution, ..closed.poll }, effect: Effect::Amends }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        Kind, Revision,
        definition::tests::{earlier, poll_with},
    };

    fn closed() -> Poll {
        let schedule = Schedule { phase: Phase::Live, opens_at: None, closes_at: Some(earlier(10)) };
        Poll { schedule, ..poll_with(Kind::Single, 1, 1, &["yes", "no"]) }
    }

    #[test]
    fn a_prediction_is_resolved_once_it_is_closed_and_closed_for_good_then() {
        let poll = closed();
        let early = |option, reason| poll.resolved(option, reason, earlier(11)).unwrap_err();
        assert_eq!(early("yes", None), ResolveError::NotClosed(State::Open));
        // What is wrong whenever it is asked is said first.
        assert_eq!(early("maybe", None), ResolveError::NoSuchOption);
        assert!(matches!(early("yes", Some("\u{202E}")), ResolveError::Reason(_)));
        let edit = poll.resolved("yes", None, earlier(9)).unwrap().unwrap();
        assert_eq!(edit.effect, Effect::Amends);
        assert_eq!((edit.poll.schedule.phase, edit.poll.revision), (Phase::Closed, Revision(2)));
        let resolution = Resolution { option: "yes".parse().unwrap(), at: earlier(9), reason: None };
        assert_eq!(edit.poll.resolution, Some(resolution));
    }

    #[test]
    fn the_same_again_changes_nothing_and_another_needs_a_reason() {
        let resolved = closed().resolved("yes", Some("not needed yet"), earlier(9)).unwrap().unwrap().poll;
        assert_eq!(resolved.resolution.as_ref().unwrap().reason, None);
        assert!(resolved.resolved("yes", None, earlier(8)).unwrap().is_none());
        let again = resolved.resolved("no", None, earlier(8)).unwrap_err();
        assert_eq!(again, ResolveError::Resolved("yes".parse().unwrap()));
        let corrected = resolved.resolved("no", Some("أُعيد الفرز"), earlier(8)).unwrap().unwrap().poll;
        let resolution = corrected.resolution.unwrap();
        assert_eq!((resolution.option.as_str(), resolution.reason.unwrap().as_str()), ("no", "أُعيد الفرز"));
    }

    #[test]
    fn what_is_no_prediction_is_not_resolved() {
        let resolve = |poll: &Poll, option| poll.resolved(option, None, earlier(9)).unwrap_err();
        assert_eq!(resolve(&closed(), "maybe"), ResolveError::NoSuchOption);
        let several = Poll { kind: Kind::Multiple, ..closed() };
        assert_eq!(resolve(&several, "yes"), ResolveError::NotAPrediction);
        let quiz = Poll { quiz: Some(Quiz { correct: "no".parse().unwrap(), explanation: None }), ..closed() };
        assert_eq!(resolve(&quiz, "no"), ResolveError::NotAPrediction);
        let reason = closed().resolved("yes", Some(" "), earlier(9)).unwrap_err();
        assert_eq!(reason, ResolveError::Reason("must not be empty".to_owned()));
    }
}
