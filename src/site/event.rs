//! Events: facts in a site's log. Something was made, changed, opened, closed; who did it, and when.
//!
//! Never a voter, and never a secret: what publishers do is in the log, what readers do is in the tallies.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{KeyId, NAME};
use crate::poll::{PollId, SiteId, State, Text, Timestamp};

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

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A poll was made.
    #[serde(rename = "poll.created")]
    PollCreated,
    /// A poll was edited.
    #[serde(rename = "poll.edited")]
    PollEdited,
    /// A poll's question or the label of an option was changed.
    #[serde(rename = "poll.reworded")]
    PollReworded,
    /// A poll takes votes from then on.
    #[serde(rename = "poll.opened")]
    PollOpened,
    /// A poll takes no votes any more.
    #[serde(rename = "poll.closed")]
    PollClosed,
    /// It was said which option of a prediction came true.
    #[serde(rename = "poll.resolved")]
    PollResolved,
    /// A poll was deleted with its ballots.
    #[serde(rename = "poll.deleted")]
    PollDeleted,
    /// The ballots with a label don't count for now.
    #[serde(rename = "label.held")]
    LabelHeld,
    /// The ballots with a label count again.
    #[serde(rename = "label.released")]
    LabelReleased,
    /// The ballots with a label don't count.
    #[serde(rename = "label.voided")]
    LabelVoided,
    /// Something goes on in a poll that is not readers making up their minds.
    #[serde(rename = "incident.opened")]
    IncidentOpened,
    /// Such a thing is over.
    #[serde(rename = "incident.closed")]
    IncidentClosed,
    /// A place was made.
    #[serde(rename = "place.created")]
    PlaceCreated,
    /// A place was changed: its calendar, its rotation, its fallback or its name.
    #[serde(rename = "place.edited")]
    PlaceEdited,
    /// A place was deleted with its calendar.
    #[serde(rename = "place.deleted")]
    PlaceDeleted,
    /// A text in a voter's own words is shown to readers.
    #[serde(rename = "answer.shown")]
    AnswerShown,
    /// A text in a voter's own words is not shown to readers, or no more.
    #[serde(rename = "answer.hidden")]
    AnswerHidden,
    /// A template was made or replaced.
    #[serde(rename = "template.put")]
    TemplatePut,
    /// A template was deleted with the polls of its articles.
    #[serde(rename = "template.deleted")]
    TemplateDeleted,
    /// An API key was made.
    #[serde(rename = "key.created")]
    KeyCreated,
    /// An API key was revoked.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// Somebody was signed out of the newsroom by another.
    #[serde(rename = "session.ended")]
    SessionEnded,
    /// A site was made, or its settings were replaced.
    #[serde(rename = "site.put")]
    SitePut,
    /// A webhook was made.
    #[serde(rename = "webhook.created")]
    WebhookCreated,
    /// A webhook was changed, or has a new secret.
    #[serde(rename = "webhook.edited")]
    WebhookEdited,
    /// A webhook is sent nothing more, because of what its receiver did.
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled,
    /// A webhook was deleted.
    #[serde(rename = "webhook.deleted")]
    WebhookDeleted,
}

/// What sort of thing an event is about: the first word of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSubject {
    /// A poll.
    Poll,
    /// A label of a poll.
    Label,
    /// An incident in a poll.
    Incident,
    /// A text in a voter's own words.
    Answer,
    /// A place.
    Place,
    /// A template.
    Template,
    /// The site itself.
    Site,
    /// An API key.
    Key,
    /// Who is signed in to the newsroom.
    Session,
    /// A webhook.
    Webhook,
}

impl EventSubject {
    /// Every subject.
    pub const ALL: [Self; 10] = [
        Self::Poll,
        Self::Label,
        Self::Incident,
        Self::Answer,
        Self::Place,
        Self::Template,
        Self::Site,
        Self::Key,
        Self::Session,
        Self::Webhook,
    ];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Label => "label",
            Self::Incident => "incident",
            Self::Answer => "answer",
            Self::Place => "place",
            Self::Template => "template",
            Self::Site => "site",
            Self::Key => "key",
            Self::Session => "session",
            Self::Webhook => "webhook",
        }
    }

    /// Whether only those may know of it who may make keys.
    pub fn needs_keys_scope(self) -> bool {
        matches!(self, Self::Key | Self::Session | Self::Webhook)
    }
}

impl FromStr for EventSubject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|subject| subject.as_str() == text)
            .ok_or_else(|| format!("must be what events are about, one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 27] = [
        Self::PollCreated,
        Self::PollEdited,
        Self::PollReworded,
        Self::PollOpened,
        Self::PollClosed,
        Self::PollResolved,
        Self::PollDeleted,
        Self::LabelHeld,
        Self::LabelReleased,
        Self::LabelVoided,
        Self::IncidentOpened,
        Self::IncidentClosed,
        Self::PlaceCreated,
        Self::PlaceEdited,
        Self::PlaceDeleted,
        Self::AnswerShown,
        Self::AnswerHidden,
        Self::TemplatePut,
        Self::TemplateDeleted,
        Self::KeyCreated,
        Self::KeyRevoked,
        Self::SessionEnded,
        Self::SitePut,
        Self::WebhookCreated,
        Self::WebhookEdited,
        Self::WebhookDisabled,
        Self::WebhookDeleted,
    ];

    /// The type's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PollCreated => "poll.created",
            Self::PollEdited => "poll.edited",
            Self::PollReworded => "poll.reworded",
            Self::PollOpened => "poll.opened",
            Self::PollClosed => "poll.closed",
            Self::PollResolved => "poll.resolved",
            Self::PollDeleted => "poll.deleted",
            Self::LabelHeld => "label.held",
            Self::LabelReleased => "label.released",
            Self::LabelVoided => "label.voided",
            Self::IncidentOpened => "incident.opened",
            Self::IncidentClosed => "incident.closed",
            Self::PlaceCreated => "place.created",
            Self::PlaceEdited => "place.edited",
            Self::PlaceDeleted => "place.deleted",
            Self::AnswerShown => "answer.shown",
            Self::AnswerHidden => "answer.hidden",
            Self::TemplatePut => "template.put",
            Self::TemplateDeleted => "template.deleted",
            Self::KeyCreated => "key.created",
            Self::KeyRevoked => "key.revoked",
            Self::SessionEnded => "session.ended",
            Self::SitePut => "site.put",
            Self::WebhookCreated => "webhook.created",
            Self::WebhookEdited => "webhook.edited",
            Self::WebhookDisabled => "webhook.disabled",
            Self::WebhookDeleted => "webhook.deleted",
        }
    }

    /// What it is about.
    pub fn about(self) -> EventSubject {
        match self {
            Self::PollCreated
            | Self::PollEdited
            | Self::PollReworded
            | Self::PollOpened
            | Self::PollClosed
            | Self::PollResolved
            | Self::PollDeleted => EventSubject::Poll,
            Self::LabelHeld | Self::LabelReleased | Self::LabelVoided => EventSubject::Label,
            Self::IncidentOpened | Self::IncidentClosed => EventSubject::Incident,
            Self::PlaceCreated | Self::PlaceEdited | Self::PlaceDeleted => EventSubject::Place,
            Self::AnswerShown | Self::AnswerHidden => EventSubject::Answer,
            Self::TemplatePut | Self::TemplateDeleted => EventSubject::Template,
            Self::KeyCreated | Self::KeyRevoked => EventSubject::Key,
            Self::SessionEnded => EventSubject::Session,
            Self::SitePut => EventSubject::Site,
            Self::WebhookCreated | Self::WebhookEdited | Self::WebhookDisabled | Self::WebhookDeleted => {
                EventSubject::Webhook
            }
        }
    }

    /// Whether it tells of what only those may know who may make keys: of keys, of who is signed in, and of webhooks.
    pub fn needs_keys_scope(self) -> bool {
        self.about().needs_keys_scope()
    }

    /// The stage that a poll in a state has reached.
    pub fn stage_in(state: State) -> u8 {
        match state {
            State::Draft | State::Scheduled => 0,
            State::Open => Self::PollOpened.stage(),
            State::Closed => Self::PollClosed.stage(),
        }
    }

    /// How far in its life a poll is with this event: a poll opens once, and closes once. 0 for what may happen again.
    /// A store keeps the highest number that it has told of a poll, and tells none that is not higher.
    pub fn stage(self) -> u8 {
        match self {
            Self::PollOpened => 1,
            Self::PollClosed => 2,
            Self::PollCreated
            | Self::PollEdited
            | Self::PollReworded
            | Self::PollResolved
            | Self::PollDeleted
            | Self::LabelHeld
            | Self::LabelReleased
            | Self::LabelVoided
            | Self::IncidentOpened
            | Self::IncidentClosed
            | Self::PlaceCreated
            | Self::PlaceEdited
            | Self::PlaceDeleted
            | Self::AnswerShown
            | Self::AnswerHidden
            | Self::TemplatePut
            | Self::TemplateDeleted
            | Self::KeyCreated
            | Self::KeyRevoked
            | Self::SessionEnded
            | Self::SitePut
            | Self::WebhookCreated
            | Self::WebhookEdited
            | Self::WebhookDisabled
            | Self::WebhookDeleted => 0,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("must be a type of events, one of {}", Self::ALL.map(Self::as_str).join(", ")))
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
    fn types_and_actors_are_read_as_they_are_written() {
        for kind in EventType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let first_word = kind.as_str().split('.').next().unwrap();
            assert_eq!(first_word.parse(), Ok(kind.about()), "{kind}");
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        let refusal = "poll.voted".parse::<EventType>().unwrap_err();
        assert!(refusal.contains("poll.created, poll.edited"), "{refusal}");
        for actor in [Actor::Admin, Actor::Schedule, Actor::Detector, Actor::Key("0123456789ab".parse().unwrap())] {
            assert_eq!(Actor::try_from(actor.to_string()), Ok(actor));
        }
        assert!(Actor::try_from("somebody".to_owned()).is_err());
    }
}
