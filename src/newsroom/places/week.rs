//! Some days of all places: what stands where, and where nothing is planned.

use std::collections::BTreeMap;

use crate::{
    newsroom::{
        offered::shortened,
        texts::{PlacesTexts, fill},
    },
    place::{Occupant, Place, Stretch},
    poll::{Poll, PollId, State, TimeZone, Timestamp},
};

/// How many days are shown.
const DAYS: i64 = 7;

/// The polls that places name.
pub struct PlannedPolls {
    /// Those that there are.
    pub polls: BTreeMap<PollId, Poll>,
    /// The moment they are looked at.
    pub now: Timestamp,
}

/// Some days of all places.
pub struct PlaceWeek {
    /// The days.
    pub days: Vec<PlaceDay>,
    /// The places.
    pub rows: Vec<WeekRow>,
    /// The first of the days before, as an address has it.
    pub earlier: String,
    /// The first of the days after.
    pub later: String,
    /// Whether it begins today.
    pub is_from_today: bool,
}

/// A day.
pub struct PlaceDay {
    /// Which day of the week; Monday is 0.
    pub weekday: usize,
    /// Its date.
    pub date: String,
    /// Whether it is today.
    pub is_today: bool,
}

/// A place's days.
pub struct WeekRow {
    /// The place's id.
    pub id: String,
    /// What editors call it.
    pub name: String,
    /// What stands there on each day.
    pub days: Vec<Vec<PlaceSpan>>,
}

/// What stands in a place for a while, on one day.
pub struct PlaceSpan {
    /// From when until when, by the site's clock; `None`: all day.
    pub times: Option<(String, String)>,
    /// What stands.
    pub text: String,
    /// The poll whose turn it is.
    pub poll: Option<PollId>,
    /// Whether nothing is planned.
    pub is_gap: bool,
    /// Where one is put there instead, as a query; of what is over, nothing.
    pub put: Option<String>,
    /// Whether it stands now.
    pub is_now: bool,
    /// What an editor should know.
    pub warning: Option<String>,
}

impl PlannedPolls {
    /// A poll's question, or its id if it is gone.
    pub fn question(&self, id: PollId) -> String {
        self.polls.get(&id).map_or_else(|| id.to_string(), |poll| poll.question.to_string())
    }

    /// What an editor should know of a poll that is to stand from one moment to another: that readers can't vote in it
    /// then, or not all the time.
    pub fn warning(
        &self,
        id: PollId,
        (from, until): (Timestamp, Timestamp),
        timezone: &TimeZone,
        texts: &'static PlacesTexts,
    ) -> Option<String> {
        let poll = self.polls.get(&id).filter(|_| until > self.now)?;
        let said = |text: &str, at: Timestamp| fill(text, &[("time", &timezone.minute_time(at))]);
        let state = poll.state_at(self.now);
        let closes_at = poll.schedule.closes_at;
        match (state, closes_at) {
            (State::Draft, _) => Some(texts.is_draft.clone()),
            (State::Closed, Some(closed)) => Some(said(&texts.has_closed, closed)),
            (State::Closed, None) => Some(texts.is_over.clone()),
            (_, Some(closes)) if closes <= from => Some(said(&texts.closes_before, closes)),
            (_, Some(closes)) if closes < until => Some(said(&texts.closes_within, closes)),
            _ => {
                let opens = poll.schedule.opens_at.filter(|opens| state == State::Scheduled && *opens > from);
                opens.map(|opens| said(&texts.opens_within, opens))
            }
        }
    }
}

impl PlaceWeek {
    /// The days of all places from the one on in which a moment lies.
    pub fn of(
        places: &[Place],
        planned: &PlannedPolls,
        first: Timestamp,
        timezone: &TimeZone,
        texts: &'static PlacesTexts,
    ) -> Self {
        let starts: Vec<Timestamp> = (0..=DAYS).map(|day| timezone.start_of_day(first, day)).collect();
        let today = timezone.start_of_day(planned.now, 0);
        let day = |start: &Timestamp| PlaceDay {
            weekday: timezone.weekday(*start),
            date: timezone.day(*start),
            is_today: *start == today,
        };
        let days = starts.iter().zip(starts.iter().skip(1));
        let row = |place: &Place| WeekRow {
            id: place.id.to_string(),
            name: place.plan.name.as_ref().map_or_else(|| place.id.to_string(), ToString::to_string),
            days: days
                .clone()
                .map(|(start, end)| {
                    let stretches = place.plan.stretches(*start, *end).into_iter();
                    stretches.map(|stretch| span(stretch, (*start, *end), planned, timezone, texts)).collect()
                })
                .collect(),
        };
        Self {
            rows: places.iter().map(row).collect(),
            days: starts.iter().take(starts.len().saturating_sub(1)).map(day).collect(),
            earlier: timezone.day(timezone.start_of_day(first, -DAYS)),
            later: timezone.day(timezone.start_of_day(first, DAYS)),
            is_from_today: starts.first() == Some(&today),
        }
    }

    /// The polls that places name in these days.
    pub fn named(places: &[Place], first: Timestamp, timezone: &TimeZone) -> Vec<PollId> {
        let until = timezone.start_of_day(first, DAYS);
        let first = timezone.start_of_day(first, 0);
        let stretches = places.iter().flat_map(|place| place.plan.stretches(first, until));
        let mut named: Vec<PollId> = stretches
            .filter_map(|stretch| match stretch.occupant {
                Occupant::Turn(poll) | Occupant::Fallback(poll) => Some(poll),
                Occupant::Rotation | Occupant::Nothing => None,
            })
            .collect();
        named.sort_unstable();
        named.dedup();
        named
    }
}

fn span(
    Stretch { from, until, occupant }: Stretch,
    (start, end): (Timestamp, Timestamp),
    planned: &PlannedPolls,
    timezone: &TimeZone,
    texts: &'static PlacesTexts,
) -> PlaceSpan {
    let last = if until == end { "24:00".to_owned() } else { timezone.time_of_day(until) };
    let times = ((from, until) != (start, end)).then(|| (timezone.time_of_day(from), last));
    let (poll, text) = match occupant {
        Occupant::Turn(poll) => (Some(poll), planned.question(poll)),
        Occupant::Rotation => (None, texts.gap_rotation.clone()),
        Occupant::Fallback(poll) => (None, format!("{} {}", texts.gap_fallback, shortened(&planned.question(poll)))),
        Occupant::Nothing => (None, texts.gap_nothing.clone()),
    };
    let is_gap = poll.is_none();
    let can_be_put = is_gap && until > planned.now;
    let put = || {
        let from = timezone.form_time(from.max(planned.now));
        format!("from={from}&until={}#add", timezone.form_time(until))
    };
    PlaceSpan {
        times,
        text,
        poll,
        is_gap,
        put: can_be_put.then(put),
        is_now: from <= planned.now && planned.now < until,
        warning: poll.and_then(|poll| planned.warning(poll, (from, until), timezone, texts)),
    }
}
