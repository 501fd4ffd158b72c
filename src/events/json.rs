//! An event as JSON, for those who read the log and those who are sent it.

use serde::Serialize;
use serde_json::Value;

use crate::{
    poll::{PollId, SiteId, Timestamp},
    site::{Event, EventType},
};

/// An event as JSON.
#[derive(Serialize)]
pub struct EventJson<'a> {
    id: String,
    at: Timestamp,
    site: &'a SiteId,
    poll: Option<PollId>,
    r#type: EventType,
    actor: String,
    data: &'a Value,
}

impl<'a> EventJson<'a> {
    /// Of an event.
    pub fn of(event: &'a Event) -> Self {
        Self::with(event, &event.data)
    }

    /// Of an event, with other data than its own.
    pub fn with(event: &'a Event, data: &'a Value) -> Self {
        let Event { id, at, site, poll, kind, actor, .. } = event;
        Self { id: id.to_string(), at: *at, site, poll: *poll, r#type: *kind, actor: actor.to_string(), data }
    }
}
