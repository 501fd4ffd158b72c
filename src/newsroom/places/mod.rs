//! Places in a site's pages: what stands there, and the calendar that says what will.

use askama::Template;

use crate::{
    newsroom::{frame::Frame, texts::PlacesTexts},
    poll::TimeZone,
};

/// A place in the list.
pub struct PlaceRow {
    /// Its id.
    pub id: String,
    /// What editors call it.
    pub name: String,
    /// What stands there now.
    pub now: Option<String>,
    /// Until when, to the minute.
    pub until: Option<String>,
}

/// All places of a site.
#[derive(Template)]
#[template(path = "places/list.html", config = "src/newsroom/askama.toml")]
pub struct PlacesPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// In the order of their ids.
    pub rows: &'a [PlaceRow],
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// What was typed for a new one: its id and name.
    pub typed: (&'a str, &'a str),
    /// Whether that was refused.
    pub is_wrong: bool,
    /// Whether there are as many as there may be.
    pub is_full: bool,
}

/// A poll that can be put somewhere.
pub struct PlacePoll {
    /// Its id.
    pub id: String,
    /// Its question.
    pub question: String,
}

/// An entry of a calendar, as it stands in the form.
#[derive(Debug, Clone, Default)]
pub struct TypedTurn {
    /// The poll's id.
    pub poll: String,
    /// Its question, or its id if it is gone.
    pub question: String,
    /// Its first moment, as the form has it.
    pub from: String,
    /// The first moment after it.
    pub until: String,
    /// What is wrong with it.
    pub wrong: Option<&'static str>,
    /// How long the gap before it is, if there is one: from and until, for people.
    pub gap: Option<(String, String)>,
    /// Whether it stands now.
    pub is_now: bool,
}

/// What is told above a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceNotice {
    /// It was saved.
    Saved,
    /// Something in it is wrong.
    Wrong,
    /// Somebody else has changed it meanwhile.
    Changed,
    /// Whether it is really to be deleted.
    Deleting,
}

/// One place with its calendar.
#[derive(Template)]
#[template(path = "places/page.html", config = "src/newsroom/askama.toml")]
pub struct PlacePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The place's id.
    pub id: &'a str,
    /// What editors call it.
    pub name: &'a str,
    /// The revision the form was shown of.
    pub revision: u64,
    /// What is told.
    pub notice: Option<PlaceNotice>,
    /// The calendar, in its order.
    pub turns: &'a [TypedTurn],
    /// A new entry that was typed.
    pub added: &'a TypedTurn,
    /// The id of the poll that stands when no other does.
    pub fallback: &'a str,
    /// The ids of polls that take turns when nothing in the calendar stands.
    pub rotation: &'a [String],
    /// For how many minutes each.
    pub every_minutes: &'a str,
    /// Whether the rotation is wrong.
    pub is_rotation_wrong: bool,
    /// The polls that can be chosen.
    pub polls: &'a [PlacePoll],
    /// What a publisher puts into pages.
    pub code: &'a str,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
}

impl PlacesPage<'_> {
    fn texts(&self) -> &'static PlacesTexts {
        &self.frame.texts().places
    }
}

impl PlacePage<'_> {
    fn texts(&self) -> &'static PlacesTexts {
        &self.frame.texts().places
    }

    fn question_of<'s>(&'s self, id: &'s str) -> &'s str {
        self.polls.iter().find(|poll| poll.id == id).map_or(id, |poll| &poll.question)
    }

    fn is_in_rotation(&self, poll: &PlacePoll) -> bool {
        self.rotation.contains(&poll.id)
    }
}
