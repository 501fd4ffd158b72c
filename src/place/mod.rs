//! Places, pure: named spots in a site's pages, and which poll stands in one at a moment.
//!
//! A publisher's page names a place, not a poll, so it may be kept by caches for as long as it likes: what stands there
//! is decided by a calendar that an editor fills. In this order:
//!
//! 1. the poll whose turn it is by the calendar;
//! 2. where the calendar says nothing, the rotation: some polls, each for so many minutes, one after another;
//! 3. the fallback;
//! 4. nothing: then readers see no gap either.
//!
//! A poll that readers can't see, because it is a draft or was deleted, leaves its turn to the fallback. One that is
//! scheduled or closed keeps it: readers see when it opens, or how it ended.
//!
//! The rotation is counted from 1970, so every replica shows the same poll, and nothing has to be kept of it.

mod check;
mod stretches;
mod turns;

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

pub use check::{CheckedPlan, NewPlace, NewRotation, NewTurn};
pub use stretches::{Occupant, Stretch};
pub use turns::PlaceContent;

use crate::poll::{InvalidId, PollId, Revision, SiteId, Text, TextLimit, Timestamp, word_id};

word_id!(
    /// A place's id on its site: 1 to 63 of `a-z 0-9 -`, as a site's.
    PlaceId,
    "1 to 63 characters of a-z, 0-9 and -, starting with a letter or digit",
    |bytes| {
        let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=63).contains(&bytes.len())
            && bytes.first().is_some_and(is_plain)
            && bytes.iter().all(|byte| is_plain(byte) || *byte == b'-')
    }
);

/// The most places of a site.
pub const MOST_PLACES: usize = 50;
/// The most entries of a calendar.
pub const MOST_TURNS: usize = 500;
/// The most polls of a rotation.
pub const MOST_IN_ROTATION: usize = 50;
/// The most minutes that a poll of a rotation stands: a week.
pub const MOST_MINUTES: u32 = 7 * 24 * 60;
/// The name by which a site's editors know a place.
pub const PLACE_NAME: TextLimit = TextLimit { characters: 100, bytes: 1_600 };

/// A named spot in a site's pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its id on its site.
    pub id: PlaceId,
    /// Whose it is.
    pub site: SiteId,
    /// What stands in it, and when.
    #[serde(flatten)]
    pub plan: PlacePlan,
    /// How often it was put.
    pub revision: Revision,
    /// When it was first put, by the store's clock.
    pub created_at: Timestamp,
    /// When it was last put, by the store's clock.
    pub updated_at: Timestamp,
}

/// What an editor decides about a place; each put replaces all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacePlan {
    /// The name by which editors know it.
    pub name: Option<Text>,
    /// In the order of time. No two overlap.
    pub calendar: Vec<Turn>,
    /// What stands when nothing else does.
    pub fallback: Option<PollId>,
    /// What stands when nothing in the calendar does.
    pub rotation: Option<Rotation>,
}

/// An entry of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub poll: PollId,
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// Polls that stand one after another, each for so many minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// At least one.
    pub polls: Vec<PollId>,
    /// At least one.
    pub every_minutes: u32,
}
