//! What an event tells of, in one table: its type, what it is about, and its name on the wire.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::poll::State;

/// Declares the types from the table below.
macro_rules! event_types {
    ($($name:ident $subject:ident $written:literal $about:literal)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventType {
            $(#[doc = $about] #[serde(rename = $written)] $name,)*
        }

        impl EventType {
            /// Every type, in the table's order.
            pub const ALL: [Self; [$($written),*].len()] = [$(Self::$name),*];

            /// The type's name on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $written,)*
                }
            }

            /// What it is about.
            pub fn about(self) -> EventSubject {
                match self {
                    $(Self::$name => EventSubject::$subject,)*
                }
            }
        }
    };
}

event_types! {
    PollCreated     Poll     "poll.created"     "A poll was made."
    PollEdited      Poll     "poll.edited"      "A poll was edited."
    PollReworded    Poll     "poll.reworded"    "A poll's question or the label of an option was changed."
    PollOpened      Poll     "poll.opened"      "A poll takes votes from then on."
    PollClosed      Poll     "poll.closed"      "A poll takes no votes any more."
    PollResolved    Poll     "poll.resolved"    "It was said which option of a prediction came true."
    PollDeleted     Poll     "poll.deleted"     "A poll was deleted with its ballots."
    LabelHeld       Label    "label.held"       "The ballots with a label don't count for now."
    LabelReleased   Label    "label.released"   "The ballots with a label count again."
    LabelVoided     Label    "label.voided"     "The ballots with a label don't count."
    IncidentOpened  Incident "incident.opened"  "Something goes on in a poll that is not readers making up their minds."
    IncidentClosed  Incident "incident.closed"  "Such a thing is over."
    PlaceCreated    Place    "place.created"    "A place was made."
    PlaceEdited     Place    "place.edited"     "A place was changed: its calendar, its rotation, its fallback or its name."
    PlaceDeleted    Place    "place.deleted"    "A place was deleted with its calendar."
    AnswerShown     Answer   "answer.shown"     "A text in a voter's own words is shown to readers."
    AnswerHidden    Answer   "answer.hidden"    "A text in a voter's own words is not shown to readers, or no more."
    TemplatePut     Template "template.put"     "A template was made or replaced."
    TemplateDeleted Template "template.deleted" "A template was deleted with the polls of its articles."
    KeyCreated      Key      "key.created"      "An API key was made."
    KeyRevoked      Key      "key.revoked"      "An API key was revoked."
    SessionEnded    Session  "session.ended"    "Somebody was signed out of the newsroom by another."
    SitePut         Site     "site.put"         "A site was made, or its settings were replaced."
    WebhookCreated  Webhook  "webhook.created"  "A webhook was made."
    WebhookEdited   Webhook  "webhook.edited"   "A webhook was changed, or has a new secret."
    WebhookDisabled Webhook  "webhook.disabled" "A webhook is sent nothing more, because of what its receiver did."
    WebhookDeleted  Webhook  "webhook.deleted"  "A webhook was deleted."
}

impl EventType {
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
        u8::from(self == Self::PollOpened) + 2 * u8::from(self == Self::PollClosed)
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

/// What sort of thing an event is about: the first word of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSubject {
    Poll,
    /// A label of a poll.
    Label,
    /// An incident in a poll.
    Incident,
    /// A text in a voter's own words.
    Answer,
    Place,
    Template,
    /// The site itself.
    Site,
    /// An API key.
    Key,
    /// Who is signed in to the newsroom.
    Session,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written_and_begin_with_what_they_are_about() {
        for kind in EventType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let first_word = kind.as_str().split('.').next().unwrap();
            assert_eq!(first_word.parse(), Ok(kind.about()), "{kind}");
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        let refusal = "poll.voted".parse::<EventType>().unwrap_err();
        assert!(refusal.contains("poll.created, poll.edited"), "{refusal}");
    }

    #[test]
    fn a_poll_opens_before_it_closes_and_all_else_may_happen_again() {
        let stages = EventType::ALL.map(EventType::stage).into_iter().filter(|stage| *stage > 0);
        assert_eq!(stages.collect::<Vec<_>>(), [1, 2]);
        assert_eq!((EventType::PollOpened.stage(), EventType::stage_in(State::Closed)), (1, 2));
    }
}
