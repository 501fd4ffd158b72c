//! What a site's log is told of places.

use serde_json::json;

use super::{Actor, EventType, NewEvent};
use crate::{
    place::Place,
    poll::{Revision, Timestamp},
};

impl NewEvent {
    /// What is told of a place that was put.
    pub fn of_put_place(place: &Place, actor: &Actor) -> Self {
        let is_new = place.revision == Revision::FIRST;
        let kind = if is_new { EventType::PlaceCreated } else { EventType::PlaceEdited };
        of(kind, place, actor, place.updated_at)
    }

    /// What is told of a place that is deleted.
    pub fn of_deleted_place(place: &Place, actor: &Actor, now: Timestamp) -> Self {
        of(EventType::PlaceDeleted, place, actor, now)
    }
}

/// Which place, in which revision, and by which name editors know it, also once it is gone.
fn of(kind: EventType, place: &Place, actor: &Actor, at: Timestamp) -> NewEvent {
    let data = json!({ "place": place.id, "name": place.plan.name, "revision": place.revision });
    NewEvent { at, kind, actor: actor.clone(), data }
}
