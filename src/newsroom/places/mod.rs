//! Places in a site's pages: what stands there, and the calendar that says what will.

mod typed;
mod week;

use askama::Template;

pub use typed::{PlaceChange, PlaceReader, TypedPlace, TypedTurn};
pub use week::{PlaceDay, PlaceSpan, PlaceWarning, PlaceWeek, PlannedPolls, WeekRow};

use crate::{
    newsroom::{
        frame::Frame,
        offered::OfferedPolls,
        texts::{PlacesTexts, PollsTexts},
    },
    poll::TimeZone,
};

/// All places of a site, and what stands in them day by day.
#[derive(Template)]
#[template(path = "places/list.html", config = "src/newsroom/askama.toml")]
pub struct PlacesPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Some days of all places.
    pub week: &'a PlaceWeek,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// What was typed for a new one: its id and name.
    pub typed: (&'a str, &'a str),
    /// Why that is refused.
    pub faults: PlaceFaults,
}

/// Why a new place is refused.
#[derive(Default)]
pub struct PlaceFaults {
    /// Whether its id is wrong.
    pub is_wrong: bool,
    /// What is wrong with its name.
    pub wrong_name: Option<String>,
    /// Whether there are as many as there may be.
    pub is_full: bool,
}

/// An entry of a calendar, and what is told around it.
pub struct TurnLine<'a> {
    /// As it was typed.
    pub typed: &'a TypedTurn,
    /// Its poll's question, or its id if it is gone.
    pub question: String,
    /// What an editor should know: readers won't be able to vote all the time.
    pub warning: Option<PlaceWarning>,
    /// The gap before it, if there is one: from and until, for people.
    pub gap: Option<(String, String)>,
    /// Whether it stands now.
    pub is_now: bool,
}

/// What is told above a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceNotice {
    /// It was saved.
    Saved,
    /// Something in it is wrong.
    Wrong,
    /// Somebody else has changed it meanwhile; what they did.
    Changed(Vec<(&'static str, String)>),
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
    /// The revision the form was shown of.
    pub revision: u64,
    /// How the place was then, as JSON.
    pub base: String,
    /// What is told.
    pub notice: Option<PlaceNotice>,
    /// What was typed.
    pub typed: &'a TypedPlace,
    /// The calendar, in its order.
    pub turns: &'a [TurnLine<'a>],
    /// From when on nothing is planned, for people.
    pub last_gap: Option<String>,
    /// What an editor should know of the new entry.
    pub added_warning: Option<PlaceWarning>,
    /// The question of the poll that stands when no other does.
    pub fallback_question: String,
    /// What an editor should know of that one.
    pub fallback_warning: Option<PlaceWarning>,
    /// The polls that can be chosen.
    pub offered: &'a OfferedPolls,
    /// What a publisher puts into pages.
    pub code: &'a str,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
}

impl PlacesPage<'_> {
    fn texts(&self) -> &'static PlacesTexts {
        &self.frame.texts().places
    }

    fn weekday(&self, day: &PlaceDay) -> &'static str {
        let texts = self.texts();
        let names: [&'static str; 7] = [
            &texts.monday,
            &texts.tuesday,
            &texts.wednesday,
            &texts.thursday,
            &texts.friday,
            &texts.saturday,
            &texts.sunday,
        ];
        names.get(day.weekday).copied().unwrap_or_default()
    }
}

impl PlacePage<'_> {
    fn texts(&self) -> &'static PlacesTexts {
        &self.frame.texts().places
    }

    fn polls_texts(&self) -> &'static PollsTexts {
        &self.frame.texts().polls
    }

    /// What the place is called.
    fn title(&self) -> &str {
        if self.typed.name.is_empty() { self.id } else { &self.typed.name }
    }

    fn is_in_rotation(&self, id: &str) -> bool {
        self.typed.rotation.iter().any(|poll| poll == id)
    }
}
