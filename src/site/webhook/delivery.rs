//! One event on its way to one webhook.

use serde::{Deserialize, Serialize};

use crate::{
    poll::Timestamp,
    site::{EventId, EventType},
};

/// The most tries that are listed of one delivery; those before are forgotten.
const MOST_LISTED: usize = 20;

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event's place in its site's log.
    pub event: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// How often this record was written. Whoever writes it says what it was made from.
    pub revision: u64,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried since it was queued or replayed.
    pub tries: usize,
    /// When it is tried next, while it waits.
    pub due: Option<Timestamp>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// What came of the tries, the oldest first.
    pub attempts: Vec<Attempt>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It waits for its next try.
    Waiting,
    /// The receiver has taken it.
    Delivered,
    /// It is tried no more.
    GivenUp,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub millis: u64,
    /// What the receiver answered.
    pub status: Option<u16>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

impl Delivery {
    /// An event that is due at once.
    pub fn new(event: EventId, kind: EventType, now: Timestamp) -> Self {
        Self {
            event,
            kind,
            revision: 1,
            state: DeliveryState::Waiting,
            tries: 0,
            due: Some(now),
            queued_at: now,
            attempts: Vec::new(),
        }
    }

    /// The delivery after a try. If that failed it waits until it is due again, or is given up.
    #[must_use]
    pub fn tried(&self, attempt: Attempt, due: Option<Timestamp>) -> Self {
        let state = match (&attempt.failure, due) {
            (None, _) => DeliveryState::Delivered,
            (Some(_), Some(_)) => DeliveryState::Waiting,
            (Some(_), None) => DeliveryState::GivenUp,
        };
        let due = due.filter(|_| state == DeliveryState::Waiting);
        let forgotten = (self.attempts.len() + 1).saturating_sub(MOST_LISTED);
        let attempts = self.attempts.iter().skip(forgotten).cloned().chain([attempt]).collect();
        Self { revision: self.revision + 1, state, tries: self.tries + 1, due, attempts, ..self.clone() }
    }

    /// The delivery that is due anew, whatever became of it.
    #[must_use]
    pub fn replayed(&self, now: Timestamp) -> Self {
        let state = DeliveryState::Waiting;
        Self { revision: self.revision + 1, state, tries: 0, due: Some(now), ..self.clone() }
    }

    /// When it was first tried since it was queued or replayed, as far as that is listed.
    pub fn first_tried_at(&self) -> Option<Timestamp> {
        let before = self.attempts.len().saturating_sub(self.tries);
        self.attempts.get(before).map(|attempt| attempt.at)
    }

    /// When the receiver took it.
    pub fn delivered_at(&self) -> Option<Timestamp> {
        let last = self.attempts.last().filter(|_| self.state == DeliveryState::Delivered)?;
        Some(last.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(millis: i64, failure: Option<&str>) -> Attempt {
        let at = Timestamp::from_millis(millis);
        Attempt { at, millis: 1, status: None, failure: failure.map(str::to_owned) }
    }

    #[test]
    fn a_delivery_waits_until_it_is_taken_or_given_up_and_lists_its_last_tries() {
        let at = Timestamp::from_millis;
        let new = Delivery::new(EventId::at(at(1)), EventType::PollOpened, at(1));
        let failed = new.tried(attempt(2, Some("no answer")), Some(at(9)));
        assert_eq!((failed.state, failed.due, failed.tries), (DeliveryState::Waiting, Some(at(9)), 1));
        let given_up = failed.tried(attempt(9, Some("no answer")), None);
        assert_eq!((given_up.state, given_up.due), (DeliveryState::GivenUp, None));
        assert_eq!((given_up.first_tried_at(), given_up.delivered_at()), (Some(at(2)), None));
        let again = given_up.replayed(at(20));
        assert_eq!((again.state, again.due, again.tries), (DeliveryState::Waiting, Some(at(20)), 0));
        let taken = again.tried(attempt(21, None), Some(at(30)));
        assert_eq!((taken.state, taken.due), (DeliveryState::Delivered, None));
        assert_eq!((taken.first_tried_at(), taken.delivered_at()), (Some(at(21)), Some(at(21))));
        let often = (0..50).fold(taken, |tried, millis| tried.tried(attempt(millis, Some("no")), Some(at(99))));
        assert_eq!((often.attempts.len(), often.attempts[MOST_LISTED - 1].at), (MOST_LISTED, at(49)));
    }
}
