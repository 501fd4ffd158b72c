//! What a site's log is told of its webhooks.

use serde_json::{Value, json};
use url::Url;

use super::{Webhook, WhyDisabled};
use crate::{
    poll::{Revision, Timestamp},
    site::{Actor, EventType, NewEvent},
};

impl NewEvent {
    /// What is told of a webhook that was put.
    pub fn of_put_webhook(hook: &Webhook, actor: &Actor) -> Self {
        let is_new = hook.revision == Revision::FIRST;
        let kind = if is_new { EventType::WebhookCreated } else { EventType::WebhookEdited };
        of(kind, hook, None, actor, hook.updated_at)
    }

    /// What is told of a webhook that is sent nothing any more, because of what its receiver did.
    pub fn of_disabled_webhook(hook: &Webhook, why: WhyDisabled) -> Self {
        of(EventType::WebhookDisabled, hook, Some(why), &Actor::Schedule, hook.updated_at)
    }

    /// What is told of a webhook that is deleted.
    pub fn of_deleted_webhook(hook: &Webhook, actor: &Actor, now: Timestamp) -> Self {
        of(EventType::WebhookDeleted, hook, None, actor, now)
    }
}

/// Which webhook, by its id, its name and its host: the rest of its address may be a password.
fn of(kind: EventType, hook: &Webhook, why: Option<WhyDisabled>, actor: &Actor, at: Timestamp) -> NewEvent {
    let host = Url::parse(hook.url.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned));
    let mut data = json!({ "webhook": hook.id, "name": hook.name, "host": host });
    if let (Some(why), Value::Object(members)) = (why, &mut data) {
        members.insert("why".to_owned(), json!(why));
    }
    NewEvent { at, kind, actor: actor.clone(), data }
}
