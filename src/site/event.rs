//! Events: facts in a site's log. Something was made, changed, opened, closed; who did it, and when.
//!
//! Never a voter, and never a secret: what publishers do is in the log, what readers do is in the tallies.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{EventType, KeyId, NAME};
use crate::poll::{PollId, SiteId, Text, Timestamp};

/// An event in its site's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log.
    pub id: EventId,
    /// When it happened, by the store's clock: what is due by the clock happened when it was due.
    pub at: Timestamp,
    /// Whose log it is in.
    pub site: SiteId,
    /// The poll it is about.
    pub poll: Option<PollId>,
    /// What happened.
    pub kind: EventType,
    /// Who did it.
    pub actor: Actor,
    /// What else there is to tell.
    pub data: serde_json::Value,
}

/// What a change of the state adds to the log, in the same step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEvent {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Who did it.
    pub actor: Actor,
    /// What else there is to tell.
    pub data: serde_json::Value,
}

/// An event's place in its site's log: the time it was written, in microseconds since 1970, later than all before it.
/// As text it has 16 digits, so texts sort as events do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(u64);

/// The greatest id of 16 digits, in the year 2286.
const LAST: u64 = 9_999_999_999_999_999;

impl EventId {
    /// The place of this number; `None` if it has more than 16 digits.
    pub fn from_micros(micros: u64) -> Option<Self> {
        (micros <= LAST).then_some(Self(micros))
    }

    /// The number.
    pub fn as_micros(self) -> u64 {
        self.0
    }

    /// The first place that an event written at this time or later may have.
    pub fn at(time: Timestamp) -> Self {
        Self(u64::try_from(time.as_millis()).unwrap_or(0).saturating_mul(1_000).min(LAST))
    }

    /// The place of an event that is written at this time, after the last one.
    #[must_use]
    pub fn next(last: Option<Self>, now: Timestamp) -> Self {
        let after = last.map_or(0, |last| last.0.saturating_add(1));
        Self(Self::at(now).0.max(after).min(LAST))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016}", self.0)
    }
}

impl FromStr for EventId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_id).map(Self).ok_or("must be the id of an event: 16 digits")
    }
}

impl TryFrom<String> for EventId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// Whoever holds the operator's key.
    Admin,
    /// Whoever holds a site's key.
    Key(KeyId),
    /// A person who is signed in to the newsroom, by name.
    Person(Text),
    /// Nobody: it was due by the clock.
    Schedule,
    /// Nobody: it was found in the flow of ballots.
    Detector,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::Key(id) => f.write_str(id.as_str()),
            // No person is called like a key or the operator.
            Self::Person(name) => write!(f, "@{}", name.as_str()),
            Self::Schedule => f.write_str("schedule"),
            Self::Detector => f.write_str("detector"),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "admin" => Ok(Self::Admin),
            "schedule" => Ok(Self::Schedule),
            "detector" => Ok(Self::Detector),
            name if name.starts_with('@') => Text::parse(name.get(1..).unwrap_or_default(), NAME)
                .map(Self::Person)
                .map_err(|rule| format!("a name {rule}")),
            key => key.parse().map(Self::Key).map_err(|rule| format!("an actor: {rule}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_id_sorts_as_text_and_grows_whatever_the_clock_does() {
        let at = |millis| EventId::next(None, Timestamp::from_millis(millis));
        assert_eq!(at(1_795_899_306_264).to_string(), "1795899306264000");
        assert!(at(0).to_string() < at(1).to_string() && at(999_999).to_string() < at(1_000_000).to_string());
        let last = at(1_795_899_306_264);
        for now in [0, 1_795_899_306_264] {
            let next = EventId::next(Some(last), Timestamp::from_millis(now));
            assert_eq!(next.to_string(), "1795899306264001");
        }
        assert_eq!(last.to_string().parse(), Ok(last));
        for bad in ["", "1", "-795899306264000", "17958993062640001", "179589930626400x", "نعم"] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
        assert_eq!((EventId::from_micros(LAST).is_some(), EventId::from_micros(LAST + 1)), (true, None));
    }

    #[test]
    fn actors_are_read_as_they_are_written() {
        for actor in [Actor::Admin, Actor::Schedule, Actor::Detector, Actor::Key("0123456789ab".parse().unwrap())] {
            assert_eq!(Actor::try_from(actor.to_string()), Ok(actor));
        }
        assert!(Actor::try_from("somebody".to_owned()).is_err());
    }
}
