//! Some days of all places: what stands where, and where nothing is planned.

use std::collections::BTreeMap;

use crate::{
    newsroom::{
        offered::shortened,
        texts::{PlacesTexts, fill},
    },
    place::{Occupant, Place, Stretch, Turn},
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

/// What an editor should know of a poll that is to stand in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceWarning(String);

/// Some days of all places.
pub struct PlaceWeek {
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
    pub warning: Option<PlaceWarning>,
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
    ) -> Option<PlaceWarning> {
        let poll = self.polls.get(&id).filter(|_| until > self.now)?;
        let said = |text: &str, at: Timestamp| fill(text, &[("time", &timezone.minute_time(at))]);
        let state = poll.state_at(self.now);
        let closes_at = poll.schedule.closes_at;
        let said = match (state, closes_at) {
            (State::Draft, _) => Some(texts.is_draft.clone()),
            (State::Closed, Some(closed)) => Some(said(&texts.has_closed, closed)),
            (State::Closed, None) => Some(texts.is_over.clone()),
            (_, Some(closes)) if closes <= from => Some(said(&texts.closes_before, closes)),
            (_, Some(closes)) if closes < until => Some(said(&texts.closes_within, closes)),
            _ => {
                let opens = poll.schedule.opens_at.filter(|opens| state == State::Scheduled && *opens > from);
                opens.map(|opens| said(&texts.opens_within, opens))
            }
        };
        said.map(PlaceWarning)
    }
}

impl PlaceWarning {
    /// What is said before its time, the time, and what is said after it: a time stands in one line.
    pub fn parts(&self) -> (&str, &str, &str) {
        let (before, rest) = self.0.split_at(self.0.find('\u{2066}').unwrap_or(self.0.len()));
        let (time, after) = rest.split_at(rest.find('\u{2069}').map_or(0, |last| last + '\u{2069}'.len_utf8()));
        (before, time, after)
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
                Occupant::Turn(Turn { poll, .. }) | Occupant::Fallback(poll) => Some(poll),
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
    let (turn, text) = match occupant {
        Occupant::Turn(turn) => (Some(turn), planned.question(turn.poll)),
        Occupant::Rotation => (None, texts.gap_rotation.clone()),
        Occupant::Fallback(poll) => (None, format!("{} {}", texts.gap_fallback, shortened(&planned.question(poll)))),
        Occupant::Nothing => (None, texts.gap_nothing.clone()),
    };
    let is_gap = turn.is_none();
    let can_be_put = is_gap && until > planned.now;
    let put = || {
        let from = timezone.form_time(from.max(planned.now));
        format!("from={from}&until={}#add", timezone.form_time(until))
    };
    PlaceSpan {
        times,
        text,
        poll: turn.map(|turn| turn.poll),
        is_gap,
        put: can_be_put.then(put),
        is_now: from <= planned.now && planned.now < until,
        // Of a turn of several days each day tells what is true of the whole turn; a day that is over tells nothing.
        warning: (turn.filter(|_| until > planned.now))
            .and_then(|turn| planned.warning(turn.poll, (turn.from, turn.until), timezone, texts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        embed::language::Language,
        newsroom::texts::texts_of,
        place::PlacePlan,
        poll::{DigestKey, Kind, NewOption, NewPoll, Partitions, PollFields, Revision, SiteId},
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn poll(closes_at: Timestamp, now: Timestamp) -> Poll {
        let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
        let fields = PollFields {
            question: Some("هل تؤيد قانون الإيجارات؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            closes_at: Some(Some(closes_at)),
            ..PollFields::default()
        };
        let (new, key) = (NewPoll { kind: Some(Kind::Single), ..fields.into() }, DigestKey::from_bytes([0; 32]));
        new.build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, now).unwrap()
    }

    #[test]
    fn each_day_of_a_turn_is_warned_by_the_whole_turn() {
        let (now, closes_at) = (at("2026-11-30T08:00:00Z"), at("2026-12-01T12:00:00Z"));
        let poll = poll(closes_at, now);
        let turn = Turn { poll: poll.id, from: at("2026-11-30T06:00:00Z"), until: at("2026-12-03T06:00:00Z") };
        let plan = PlacePlan { calendar: vec![turn], ..PlacePlan::default() };
        let (id, site) = ("side".parse().unwrap(), SiteId::default());
        let place = Place { id, site, plan, revision: Revision(1), created_at: now, updated_at: now };
        let texts = &texts_of(Language::find("en").unwrap()).places;
        let planned = |now| PlannedPolls { polls: [(poll.id, poll.clone())].into(), now };
        let warnings = |now: Timestamp| {
            let first = at("2026-11-30T00:00:00Z");
            let week = PlaceWeek::of(std::slice::from_ref(&place), &planned(now), first, &TimeZone::UTC, texts);
            let spans = week.rows.into_iter().flat_map(|row| row.days).flatten().filter(|span| span.poll.is_some());
            spans.map(|span| span.warning).collect::<Vec<_>>()
        };
        // It closes within its turn: that is said of the first day too, and no day says that it closes before its turn.
        let time = TimeZone::UTC.minute_time(closes_at);
        let within = Some(PlaceWarning(fill(&texts.closes_within, &[("time", &time)])));
        assert_eq!(warnings(now), vec![within; 4]);
        // A day that is over says nothing.
        let closed = Some(PlaceWarning(fill(&texts.has_closed, &[("time", &time)])));
        let parts = closed.as_ref().map(PlaceWarning::parts);
        assert_eq!(
            parts,
            Some(("It closed at ", &*format!("\u{2066}{time}\u{2069}"), ": readers can’t vote in it here."))
        );
        assert_eq!(PlaceWarning(texts.is_draft.clone()).parts(), (&*texts.is_draft, "", ""));
        assert_eq!(warnings(at("2026-12-02T08:00:00Z")), [None, None, closed.clone(), closed]);
    }
}
