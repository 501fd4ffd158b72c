//! Changing a poll's state by hand: opening and closing it.
//!
//! Such a change is an [`Edit`] like any other: one revision on, and made by the store only if nobody was faster. It
//! changes only phase and schedule, so it never reshapes a poll.

use super::{Edit, EditError, Effect, Phase, Poll, Schedule, State, Timestamp, Violation};

impl Poll {
    /// The poll, open from now on: a draft is published, and an opening time in the future, or a draft's that has none,
    /// becomes now.
    ///
    /// # Errors
    /// [`EditError::Closed`]: closed is final. [`EditError::Invalid`] for a draft whose `closes_at` has passed.
    pub fn opened(&self, now: Timestamp) -> Result<Edit, EditError> {
        if self.state_at(now) == State::Closed {
            return Err(EditError::Closed);
        }
        let Schedule { phase, opens_at, closes_at } = self.schedule;
        if closes_at.is_some_and(|closes_at| closes_at <= now) {
            let detail = format!("must be in the future when the poll opens; now it is {now}");
            return Err(EditError::Invalid(vec![Violation::new("closes_at", detail)]));
        }
        // A draft that opens when it is published says when that was.
        let published_at = (phase == Phase::Draft).then_some(now);
        let opens_at = opens_at.map(|opens_at| opens_at.min(now)).or(published_at);
        Ok(self.moved(Schedule { phase: Phase::Live, opens_at, closes_at }, now))
    }

    /// The poll, published by its schedule: a draft whose opening time is ahead opens by itself then, and another at
    /// once.
    ///
    /// # Errors
    /// As [`opened`](Self::opened).
    pub fn published(&self, now: Timestamp) -> Result<Edit, EditError> {
        let edit = self.opened(now)?;
        let is_ahead = self.schedule.opens_at.is_some_and(|opens_at| now < opens_at);
        Ok(if is_ahead { self.moved(Schedule { phase: Phase::Live, ..self.schedule }, now) } else { edit })
    }

    /// The poll, closed for good; `closes_at` is now, unless it has passed already.
    pub fn closed(&self, now: Timestamp) -> Edit {
        let closes_at = self.schedule.closes_at.map_or(now, |closes_at| closes_at.min(now));
        self.moved(Schedule { phase: Phase::Closed, closes_at: Some(closes_at), ..self.schedule }, now)
    }

    pub(super) fn moved(&self, schedule: Schedule, now: Timestamp) -> Edit {
        let poll = Self { schedule, revision: self.revision.next(), updated_at: now, ..self.clone() };
        Edit { poll, effect: Effect::Changes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Kind, Revision, definition::tests::poll_with};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn poll(phase: Phase, opens_at: Option<i64>, closes_at: Option<i64>) -> Poll {
        let schedule = Schedule { phase, opens_at: opens_at.map(at), closes_at: closes_at.map(at) };
        Poll { schedule, ..poll_with(Kind::Single, 1, 1, &["yes", "no"]) }
    }

    #[test]
    fn an_opened_poll_is_open_now() {
        for poll in [
            poll(Phase::Draft, None, None),
            poll(Phase::Draft, Some(90), Some(99)),
            poll(Phase::Live, Some(90), None),
            poll(Phase::Live, Some(10), Some(51)),
        ] {
            let edit = poll.opened(at(50)).unwrap();
            assert_eq!(edit.poll.state_at(at(50)), State::Open);
            assert_eq!(edit.poll.schedule.closes_at, poll.schedule.closes_at);
            assert_eq!((edit.poll.revision, edit.poll.updated_at, edit.effect), (Revision(2), at(50), Effect::Changes));
        }
    }

    #[test]
    fn a_draft_that_is_published_opens_when_its_schedule_says_so() {
        for (opens_at, is) in [(Some(90), State::Scheduled), (Some(50), State::Open), (None, State::Open)] {
            let draft = poll(Phase::Draft, opens_at, Some(99));
            let edit = draft.published(at(50)).unwrap();
            assert_eq!(edit.poll.state_at(at(50)), is);
            assert_eq!(edit.poll.state_at(at(90)), State::Open, "nobody has to come back for it");
            assert_eq!(edit.poll.schedule.closes_at, draft.schedule.closes_at);
            assert_eq!((edit.poll.revision, edit.effect), (Revision(2), Effect::Changes));
        }
        assert_eq!(poll(Phase::Closed, Some(90), None).published(at(50)).unwrap_err(), EditError::Closed);
        assert!(poll(Phase::Draft, Some(90), Some(50)).published(at(50)).is_err());
    }

    #[test]
    fn what_has_closed_or_would_at_once_is_not_opened() {
        assert_eq!(poll(Phase::Closed, None, None).opened(at(50)).unwrap_err(), EditError::Closed);
        assert_eq!(poll(Phase::Live, None, Some(50)).opened(at(50)).unwrap_err(), EditError::Closed);
        let refused = poll(Phase::Draft, None, Some(50)).opened(at(50)).unwrap_err();
        assert!(matches!(refused, EditError::Invalid(violations) if violations[0].field == "closes_at"));
    }

    #[test]
    fn a_closed_poll_says_when_it_closed() {
        for (closes_at, closed_at) in [(None, 50), (Some(90), 50), (Some(20), 20)] {
            let edit = poll(Phase::Live, None, closes_at).closed(at(50));
            assert_eq!(edit.poll.schedule.phase, Phase::Closed);
            assert_eq!(edit.poll.schedule.closes_at, Some(at(closed_at)));
            assert_eq!((edit.poll.revision, edit.poll.updated_at, edit.effect), (Revision(2), at(50), Effect::Changes));
        }
    }
}
