//! What has happened to a poll, by its site's log.

use super::EditorPollPage;
use crate::{
    newsroom::texts::fill,
    site::{Actor, Event, EventType},
};

/// A poll's events.
pub struct PollHistory {
    /// The last one first.
    pub events: Vec<Event>,
    /// Whether there are more.
    pub has_more: bool,
}

impl EditorPollPage<'_> {
    pub(super) fn event_text(&self, event: &Event) -> &'static str {
        let texts = self.texts();
        let named = [
            (EventType::PollCreated, &texts.event_created),
            (EventType::PollReworded, &texts.event_reworded),
            (EventType::PollOpened, &texts.event_opened),
            (EventType::PollClosed, &texts.event_closed),
            (EventType::PollResolved, &texts.event_resolved),
            (EventType::IncidentOpened, &texts.event_incident_opened),
            (EventType::IncidentClosed, &texts.event_incident_closed),
        ];
        // All else that a log tells of a poll is a change of it.
        named.into_iter().find(|(kind, _)| *kind == event.kind).map_or(&texts.event_edited, |(_, text)| text)
    }

    /// Who did it.
    pub(super) fn actor_text(&self, event: &Event) -> String {
        let texts = self.texts();
        match &event.actor {
            Actor::Schedule => texts.by_schedule.clone(),
            Actor::Detector => texts.by_detector.clone(),
            Actor::Admin => fill(&texts.by, &[("actor", &self.frame.texts().frame.operator)]),
            who @ (Actor::Key(_) | Actor::Person(_)) => fill(&texts.by, &[("actor", &who.to_string())]),
        }
    }

    /// How it was worded before, and why that was changed.
    pub(super) fn event_details(&self, event: &Event) -> Vec<String> {
        let (texts, data) = (self.texts(), &event.data);
        let question = |of: &str| data.get(of).and_then(|wording| wording.get("question")?.as_str());
        let before = question("before").filter(|before| question("after") != Some(before));
        let before = before.map(|text| fill(&texts.was_worded, &[("text", text)]));
        let reason = data.get("reason").and_then(|reason| reason.as_str());
        before.into_iter().chain(reason.map(|reason| fill(&texts.because, &[("reason", reason)]))).collect()
    }
}
