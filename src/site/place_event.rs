//! The events of places.

use serde_json::json;

use super::{Actor, EventType, NewEvent};
use crate::{
    place::Place,
    poll::{Revision, Timestamp},
};

impl NewEvent {
    /// A place was put, for the first time or again.
    pub fn of_put_place(place: &Place, actor: &Actor) -> Self {
        let is_new = place.revision == Revision::FIRST;
        let kind = if is_new { EventType::PlaceCreated } else { EventType::PlaceEdited };
        of(kind, place, actor, place.updated_at)
    }

    /// A place was deleted.
    pub fn of_deleted_place(place: &Place, actor: &Actor, now: Timestamp) -> Self {
        of(EventType::PlaceDeleted, place, actor, now)
    }
}

/// The name is part of it, so that editors know the place also once it is gone.
fn of(kind: EventType, place: &Place, actor: &Actor, at: Timestamp) -> NewEvent {
    let data = json!({ "place": place.id, "name": place.plan.name, "revision": place.revision });
    NewEvent { at, kind, actor: actor.clone(), data }
}
