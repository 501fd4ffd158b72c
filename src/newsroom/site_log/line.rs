//! One event, as it is told to editors.

use std::collections::{HashMap, HashSet};

use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    embed::language::Language,
    newsroom::{
        frame::Frame,
        labels::{cause_text, label_text},
        texts::{NewsroomTexts, SiteLogTexts, fill, texts_of},
    },
    poll::{IncidentCause, Label, PollId, TimeZone},
    site::{Actor, ApiKey, Event, EventSubject, EventType, KeyId},
};

/// An event in words.
pub struct EventLine {
    /// What happened.
    pub what: &'static str,
    /// To what, and where that is to be seen, if it is still there.
    pub subject: Option<(String, Option<String>)>,
    /// Who did it.
    pub who: String,
    /// What else there is to tell, a sentence each.
    pub details: Vec<String>,
    /// When, by the site's clock.
    pub at: String,
}

/// Writes events for one editor.
pub struct EventWriter<'a> {
    frame: &'a Frame<'a>,
    timezone: &'a TimeZone,
    /// What keys are called, as far as the editor may know.
    keys: HashMap<&'a KeyId, String>,
    /// What is known to be gone.
    gone: HashSet<PollId>,
}

impl<'a> EventWriter<'a> {
    /// One for an editor who may know of these keys. What the events tell of as deleted is not linked to.
    pub fn new(frame: &'a Frame<'a>, timezone: &'a TimeZone, keys: &'a [ApiKey], events: &[Event]) -> Self {
        let deleted = events.iter().filter(|event| event.kind == EventType::PollDeleted);
        let gone = deleted.filter_map(|event| event.poll).collect();
        Self { frame, timezone, keys: keys.iter().map(|key| (&key.id, key.called())).collect(), gone }
    }

    /// An event, with what it is about.
    pub fn line(&self, event: &Event) -> EventLine {
        EventLine {
            what: event_text(self.frame.language, event.kind),
            subject: self.subject(event),
            who: self.who(&event.actor),
            details: self.details(event),
            at: self.timezone.minute_time(event.at),
        }
    }

    /// An event of a poll, on that poll's own page.
    pub fn line_of_poll(&self, event: &Event) -> EventLine {
        EventLine { subject: None, ..self.line(event) }
    }

    fn all_texts(&self) -> &'static NewsroomTexts {
        self.frame.texts()
    }

    fn texts(&self) -> &'static SiteLogTexts {
        &self.all_texts().log
    }

    fn subject(&self, event: &Event) -> Option<(String, Option<String>)> {
        let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(str::to_owned);
        let here = self.frame.here();
        let named = |id: &str| text("name").or_else(|| text(id));
        if let Some(poll) = event.poll {
            let path = (!self.gone.contains(&poll)).then(|| format!("{here}/polls/{poll}"));
            return text("question").map(|question| (question, path));
        }
        if let Some(place) = text("place") {
            let path = (event.kind != EventType::PlaceDeleted).then(|| format!("{here}/places/{place}"));
            return named("place").map(|name| (name, path));
        }
        if event.kind == EventType::SessionEnded && event.data.get("key").is_none() {
            let name = text("person").unwrap_or_else(|| self.all_texts().frame.operator.clone());
            return Some((name, Some(format!("{here}/people"))));
        }
        let key = || {
            let name = text("name").or_else(|| text("key")?.parse::<KeyId>().ok().map(|id| self.called(&id)));
            name.map(|name| (name, None))
        };
        if event.data.get("key").is_some() {
            return key();
        }
        let is_left = !matches!(event.kind, EventType::WebhookDeleted | EventType::TemplateDeleted);
        if let Some(hook) = text("webhook") {
            let path = is_left.then(|| format!("{here}/webhooks/{hook}"));
            return named("host").map(|name| (name, path));
        }
        let template = text("template")?;
        let path = (is_left && self.frame.may_write()).then(|| format!("{here}/templates/{template}"));
        Some((template, path))
    }

    /// Who did it.
    fn who(&self, actor: &Actor) -> String {
        let texts = self.texts();
        let name = match actor {
            Actor::Schedule => return texts.by_schedule.clone(),
            Actor::Detector => return texts.by_detector.clone(),
            Actor::Admin => self.all_texts().frame.operator.clone(),
            Actor::Key(id) => self.called(id),
            Actor::Person(_) => actor.to_string(),
        };
        fill(&texts.by, &[("actor", &name)])
    }

    fn called(&self, id: &KeyId) -> String {
        self.keys.get(id).cloned().unwrap_or_else(|| id.prefix())
    }

    fn details(&self, event: &Event) -> Vec<String> {
        let texts = self.texts();
        let data = &event.data;
        let question = |of: &str| data.get(of).and_then(|wording| wording.get("question")?.as_str());
        let before = question("before").filter(|before| question("after") != Some(before));
        let before = before.map(|text| fill(&texts.was_worded, &[("text", text)]));
        let label = data.get("label").and_then(Value::as_str).and_then(|name| name.parse::<Label>().ok());
        let label = label.map(|label| label_text(self.frame.language, label));
        let reason = reason(self.frame.language, event);
        let reason = reason.map(|reason| fill(&texts.because, &[("reason", reason)]));
        let why = data.get("why").and_then(Value::as_str).map(|why| match why {
            "gone" => texts.disabled_gone.clone(),
            _ => texts.disabled_failing.clone(),
        });
        let option = data.get("came_true").and_then(Value::as_str);
        let option = option.map(|option| fill(&texts.came_true, &[("text", option)]));
        let is_correction = data.get("correction").and_then(Value::as_bool) == Some(true);
        let correction = is_correction.then(|| texts.correction.clone());
        let first = self.changed(event).into_iter().chain(before).chain(self.answers_before(event)).chain(option);
        first.chain(label).chain(reason).chain(correction).chain(why).collect()
    }

    /// What the answers were that were put in other words.
    fn answers_before(&self, event: &Event) -> Vec<String> {
        let labels = event.data.get("before").and_then(|before| before.get("labels")?.as_object());
        let labels = labels.into_iter().flat_map(|labels| labels.values()).filter_map(Value::as_str);
        labels.map(|label| fill(&self.texts().answer_was_worded, &[("text", label)])).collect()
    }

    /// Which fields are otherwise, as the forms call them.
    fn changed(&self, event: &Event) -> Option<String> {
        let texts = self.all_texts();
        let (make, settings) = (&texts.make, &texts.settings);
        let named = |field: &Value| -> Option<&'static str> {
            let text = match field.as_str()? {
                "state" => &texts.polls.state,
                "question" => &make.question,
                "language" => &make.language,
                "options" => &make.options,
                "scale" => &make.scale,
                "min_choices" => &make.min_choices,
                "max_choices" => &make.max_choices,
                "results" => &make.results,
                "changeable" => &make.changeable,
                "opens_at" => &make.opens_at,
                "closes_at" => &make.closes_at,
                "article_url" => &make.article_url,
                "correct" => &make.correct,
                "explanation" => &make.explanation,
                "minimum_ballots" => &make.minimum_ballots,
                "display" => &make.display,
                "shuffle" => &make.shuffle,
                "after_vote" => &make.thanks,
                "disclosure" => &settings.disclosure,
                "origins" => &settings.origins,
                "timezone" => &settings.timezone,
                "name" => &settings.name,
                "url" => &settings.url,
                "look" => &settings.look,
                "addresses" => &settings.addresses,
                "incidents" => &settings.incidents,
                "proof_of_work" => &settings.work,
                "poll_defaults" => &settings.new_polls,
                _ => return None,
            };
            Some(text)
        };
        let fields = event.data.get("changed")?.as_array()?.iter().filter_map(named).collect::<Vec<_>>();
        let separator = if self.frame.language.tag() == "ar" { "، " } else { ", " };
        (!fields.is_empty()).then(|| fill(&texts.log.changed, &[("fields", &fields.join(separator))]))
    }
}

/// Why, in the words of whoever did it. Detectors speak English: what they have found is told in the editor's language.
fn reason<'a>(language: &Language, event: &'a Event) -> Option<&'a str> {
    let found = event.data.get("cause").filter(|_| event.actor == Actor::Detector);
    match found.and_then(|cause| IncidentCause::deserialize(cause).ok()) {
        Some(cause) if event.kind == EventType::IncidentOpened => Some(cause_text(language, cause)),
        Some(_) | None => event.data.get("reason").and_then(Value::as_str),
    }
}

/// What happened, in a few words.
pub fn event_text(language: &Language, kind: EventType) -> &'static str {
    let texts = &texts_of(language).log;
    match kind {
        EventType::PollCreated => &texts.poll_created,
        EventType::PollEdited => &texts.poll_edited,
        EventType::PollReworded => &texts.poll_reworded,
        EventType::PollOpened => &texts.poll_opened,
        EventType::PollClosed => &texts.poll_closed,
        EventType::PollResolved => &texts.poll_resolved,
        EventType::PollDeleted => &texts.poll_deleted,
        EventType::LabelHeld => &texts.label_held,
        EventType::LabelReleased => &texts.label_released,
        EventType::LabelVoided => &texts.label_voided,
        EventType::IncidentOpened => &texts.incident_opened,
        EventType::IncidentClosed => &texts.incident_closed,
        EventType::PlaceCreated => &texts.place_created,
        EventType::PlaceEdited => &texts.place_edited,
        EventType::PlaceDeleted => &texts.place_deleted,
        EventType::AnswerShown => &texts.answer_shown,
        EventType::AnswerHidden => &texts.answer_hidden,
        EventType::TemplatePut => &texts.template_put,
        EventType::TemplateDeleted => &texts.template_deleted,
        EventType::KeyCreated => &texts.key_created,
        EventType::KeyRevoked => &texts.key_revoked,
        EventType::SessionEnded => &texts.session_ended,
        EventType::SitePut => &texts.site_put,
        EventType::WebhookCreated => &texts.webhook_created,
        EventType::WebhookEdited => &texts.webhook_edited,
        EventType::WebhookDisabled => &texts.webhook_disabled,
        EventType::WebhookDeleted => &texts.webhook_deleted,
    }
}

/// What a sort of events is about.
pub fn subject_text(language: &Language, subject: EventSubject) -> &'static str {
    let texts = &texts_of(language).log;
    match subject {
        EventSubject::Poll => &texts.polls,
        EventSubject::Label => &texts.labels,
        EventSubject::Incident => &texts.incidents,
        EventSubject::Answer => &texts.answers,
        EventSubject::Place => &texts.places,
        EventSubject::Template => &texts.templates,
        EventSubject::Site => &texts.site,
        EventSubject::Key => &texts.keys,
        EventSubject::Session => &texts.sessions,
        EventSubject::Webhook => &texts.webhooks,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::poll::{SiteId, Timestamp};

    #[test]
    fn what_a_detector_has_found_is_told_in_the_editors_language_and_what_a_person_says_as_they_said_it() {
        let told = |tag: &str, actor: Actor, kind: EventType, reason: Value| {
            let event = Event {
                id: "1795899306264000".parse().unwrap(),
                at: Timestamp::LATEST,
                site: SiteId::default(),
                poll: None,
                kind,
                actor,
                data: json!({ "cause": "network-burst", "reason": reason }),
            };
            super::reason(Language::find(tag).unwrap(), &event).map(str::to_owned)
        };
        let english = || json!("one network cast 100 ballots within a minute");
        for (tag, words) in [
            ("ar", "شبكات تصوّت أكثر مما يفسّره ماضيها وسائر القراء"),
            ("en", "Networks vote more than their past and the other readers explain"),
            ("fr", "Des réseaux votent plus que leur passé et les autres lecteurs ne l’expliquent"),
        ] {
            assert_eq!(told(tag, Actor::Detector, EventType::IncidentOpened, english()).as_deref(), Some(words));
        }
        assert_eq!(told("ar", Actor::Detector, EventType::IncidentClosed, Value::Null), None, "it is over by itself");
        let by_editor = told("ar", Actor::Admin, EventType::IncidentClosed, json!("مدرسة"));
        assert_eq!(by_editor.as_deref(), Some("مدرسة"));
    }
}
