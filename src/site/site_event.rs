//! What a change of a site, of its keys and templates, and of what readers are shown adds to its log.

use serde_json::{Value, json};

use super::{Actor, ApiKey, EventType, NewEvent, Session, SessionHolder, SessionId, Site, SiteSettings};
use crate::poll::{AnswerId, AnswerState, Poll, Timestamp};

impl NewEvent {
    /// What is told of a site that is put: which settings are otherwise. Those of a new site are what it is given.
    pub fn of_site(before: Option<&Site>, after: &SiteSettings, actor: &Actor, now: Timestamp) -> Self {
        let none = SiteSettings::default();
        let before = before.map_or(&none, |site| &site.settings);
        let SiteSettings {
            origins,
            timezone,
            name,
            url,
            look,
            addresses,
            disclosure,
            incidents,
            proof_of_work,
            poll_defaults,
        } = after;
        let all = [
            ("origins", *origins != before.origins),
            ("timezone", *timezone != before.timezone),
            ("name", *name != before.name),
            ("url", *url != before.url),
            ("look", *look != before.look),
            ("addresses", *addresses != before.addresses),
            ("disclosure", *disclosure != before.disclosure),
            ("incidents", *incidents != before.incidents),
            ("proof_of_work", *proof_of_work != before.proof_of_work),
            ("poll_defaults", *poll_defaults != before.poll_defaults),
        ];
        let changed: Vec<_> = all.iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| *field).collect();
        Self::about(EventType::SitePut, actor, now, json!({ "changed": changed }))
    }

    /// What is told of a key that is made. Its id and its name are no secrets.
    pub fn of_new_key(key: &ApiKey, actor: &Actor, now: Timestamp) -> Self {
        let data = json!({ "key": key.id, "name": key.name, "scopes": key.scopes });
        Self::about(EventType::KeyCreated, actor, now, data)
    }

    /// What is told of a key that is revoked.
    pub fn of_revoked_key(key: &ApiKey, actor: &Actor, now: Timestamp) -> Self {
        Self::about(EventType::KeyRevoked, actor, now, json!({ "key": key.id, "name": key.name }))
    }

    /// What is told of somebody who was signed out: who they are, by key, by name, or as the operator.
    pub fn of_ended_session(id: &SessionId, session: &Session, actor: &Actor, now: Timestamp) -> Self {
        let mut data = json!({ "session": id.to_string() });
        let holder = match &session.holder {
            SessionHolder::Key { key, .. } => ("key", json!(key)),
            SessionHolder::Person(person) => ("person", json!(person.name)),
            SessionHolder::Admin { .. } | SessionHolder::Link { .. } => ("operator", json!(true)),
        };
        if let Some(data) = data.as_object_mut() {
            data.insert(holder.0.to_owned(), holder.1);
        }
        Self::about(EventType::SessionEnded, actor, now, data)
    }

    /// What is told of a template: it was put or deleted.
    pub fn of_template(kind: EventType, id: &str, actor: &Actor, now: Timestamp) -> Self {
        Self::about(kind, actor, now, json!({ "template": id }))
    }

    /// What is told of a decision about a text: which, and not what it says. A reader wrote it.
    pub fn of_answer(poll: &Poll, answer: AnswerId, state: AnswerState, actor: &Actor, now: Timestamp) -> Self {
        let kind = if state == AnswerState::Shown { EventType::AnswerShown } else { EventType::AnswerHidden };
        Self::about(kind, actor, now, json!({ "question": poll.question, "answer": answer.to_string() }))
    }

    fn about(kind: EventType, actor: &Actor, now: Timestamp, data: Value) -> Self {
        Self { at: now, kind, actor: actor.clone(), data }
    }
}
