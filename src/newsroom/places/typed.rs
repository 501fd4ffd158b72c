//! A place as an editor has typed it, right or wrong: what its form shows again, and what is asked for with it.

use serde::{Deserialize, Serialize};

use crate::{
    embed::language::Language,
    newsroom::{faults, fields::number, texts::texts_of},
    place::{MOST_IN_ROTATION, MOST_TURNS, NewPlace, NewRotation, NewTurn, PLACE_NAME, Place, Turn},
    poll::{TimeZone, Timestamp, Violation},
};

/// An entry of a calendar, as it stands in the form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedTurn {
    /// The poll's id.
    pub poll: String,
    /// Its first moment, as the form has it.
    pub from: String,
    /// The first moment after it.
    pub until: String,
    /// Its place in the calendar as the form was first shown; `None`: it was not in it.
    #[serde(skip)]
    pub was: Option<usize>,
    /// What is wrong with it.
    #[serde(skip)]
    pub wrong: Option<&'static str>,
}

/// A place as it stands in the form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedPlace {
    /// What editors call it.
    pub name: String,
    /// The calendar.
    pub turns: Vec<TypedTurn>,
    /// A new entry.
    #[serde(skip)]
    pub added: TypedTurn,
    /// The id of the poll that stands when no other does.
    pub fallback: String,
    /// The ids of polls that take turns when nothing in the calendar stands.
    pub rotation: Vec<String>,
    /// For how many minutes each.
    pub every_minutes: String,
    /// What is wrong with the name.
    #[serde(skip)]
    pub wrong_name: Option<String>,
    /// What is wrong with the fallback.
    #[serde(skip)]
    pub wrong_fallback: Option<&'static str>,
    /// Whether the rotation is wrong.
    #[serde(skip)]
    pub is_rotation_wrong: bool,
}

/// What a form is read with.
#[derive(Clone, Copy)]
pub struct PlaceReader<'a> {
    /// The place as it is kept.
    pub kept: &'a Place,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// The editor's language.
    pub language: &'static Language,
    /// The moment it is read at.
    pub now: Timestamp,
}

/// What somebody else has done to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceChange {
    /// They put a poll there.
    Added(TypedTurn),
    /// They took one out.
    Removed(TypedTurn),
    /// They gave the place another name.
    Name(String),
    /// They chose another fallback; empty: none.
    Fallback(String),
    /// They chose other polls to take turns.
    Rotation(Vec<String>),
}

impl TypedTurn {
    fn is(&self, other: &Self) -> bool {
        (&self.poll, &self.from, &self.until) == (&other.poll, &other.from, &other.until)
    }
}

impl TypedPlace {
    /// A place as its form shows it.
    pub fn of(place: &Place, timezone: &TimeZone) -> Self {
        let plan = &place.plan;
        let turn = |(at, turn): (usize, &Turn)| TypedTurn {
            poll: turn.poll.to_string(),
            from: timezone.form_time(turn.from),
            until: timezone.form_time(turn.until),
            was: Some(at),
            wrong: None,
        };
        let rotation = plan.rotation.as_ref();
        Self {
            name: plan.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            turns: plan.calendar.iter().enumerate().map(turn).collect(),
            fallback: plan.fallback.map(|poll| poll.to_string()).unwrap_or_default(),
            rotation: rotation.map(|it| it.polls.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            every_minutes: rotation.map(|it| it.every_minutes.to_string()).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// How a place was when its form was begun, as the form says it: no longer than a place may be.
    pub fn read(json: &str) -> Option<Self> {
        let mut read: Self = serde_json::from_str(json).ok()?;
        read.turns.truncate(MOST_TURNS);
        read.rotation.truncate(MOST_IN_ROTATION);
        Some(read)
    }

    /// The rotation in the order it had, and what is new in it behind that: boxes that are ticked have an order of
    /// their own, which nobody has chosen.
    pub fn keep_order(&mut self, base: &Self) {
        let kept = base.rotation.iter().filter(|poll| self.rotation.contains(poll));
        let new = self.rotation.iter().filter(|poll| !base.rotation.contains(poll));
        self.rotation = kept.chain(new).cloned().collect();
    }

    /// What is asked for; `None` if a time is none: then everything that is wrong is noted at its entry.
    pub fn new_place(&mut self, reader: PlaceReader<'_>) -> Option<NewPlace> {
        let texts = &texts_of(reader.language).places;
        let mut calendar = Vec::new();
        // Of each entry that is asked for, its line in the form.
        let mut lines = Vec::new();
        // A time without a poll was meant to be one's.
        let is_begun = |turn: &TypedTurn| [&turn.poll, &turn.from, &turn.until].iter().any(|text| !text.is_empty());
        let added = Some(&mut self.added).filter(|added| is_begun(added));
        for (line, turn) in self.turns.iter_mut().chain(added).enumerate() {
            match reader.times(turn) {
                _ if turn.poll.is_empty() => turn.wrong = Some(&texts.wrong_none),
                (Some(from), Some(until)) => {
                    calendar.push(NewTurn { poll: turn.poll.clone(), from, until });
                    lines.push(line);
                }
                _ => turn.wrong = Some(&texts.wrong_time),
            }
        }
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let rotation = (!self.rotation.is_empty()).then(|| NewRotation {
            polls: self.rotation.clone(),
            // What is no number is none of those that may be.
            every_minutes: number(&self.every_minutes).unwrap_or_default(),
        });
        let new = NewPlace { name: filled(&self.name), calendar, fallback: filled(&self.fallback), rotation };
        if self.turns.iter().chain([&self.added]).all(|turn| turn.wrong.is_none()) {
            return Some(new);
        }
        if let Err(violations) = new.check(reader.now) {
            self.note_at(&violations, reader.language, |at| lines.get(at).copied());
        }
        None
    }

    /// Says at its entry what was found wrong.
    pub fn note(&mut self, violations: &[Violation], language: &'static Language) {
        self.note_at(violations, language, Some);
    }

    fn note_at(
        &mut self,
        violations: &[Violation],
        language: &'static Language,
        line: impl Fn(usize) -> Option<usize>,
    ) {
        let texts = &texts_of(language).places;
        for Violation { field, .. } in violations {
            let at = field.strip_prefix("calendar[").and_then(|rest| rest.split_once("]."));
            let said: &'static str = match at.map(|(_, name)| name) {
                Some("until") => &texts.wrong_until,
                Some("poll") => &texts.wrong_poll,
                _ => &texts.wrong_overlap,
            };
            match at.and_then(|(at, _)| at.parse().ok()).and_then(&line) {
                Some(at) => self.turns.get_mut(at).unwrap_or(&mut self.added).wrong = Some(said),
                None if field == "name" => {
                    self.wrong_name = faults::text(Some(self.name.trim()), PLACE_NAME, language).err();
                }
                None if field == "fallback" => self.wrong_fallback = Some(&texts.wrong_poll),
                None => self.is_rotation_wrong |= field.starts_with("rotation"),
            }
        }
    }

    /// What was typed onto what somebody else has made of the place meanwhile: of both, each change since `base`; where
    /// both changed the same entry, there are two, and the editor decides. What both did is there once, so a form that
    /// was sent twice adds nothing.
    #[must_use]
    pub fn onto(&self, base: &Self, theirs: &Self) -> Self {
        let in_theirs = |turn: &TypedTurn| theirs.turns.iter().any(|there| there.is(turn));
        let mine_of = |at: usize| self.turns.iter().find(|turn| turn.was == Some(at));
        let in_base = |turn: &TypedTurn| base.turns.iter().position(|before| before.is(turn));
        let mut turns: Vec<TypedTurn> = Vec::new();
        for (at, turn) in theirs.turns.iter().enumerate() {
            let kept = match in_base(turn) {
                Some(before) => mine_of(before).filter(|mine| mine.is(turn) || !in_theirs(mine)),
                None => Some(turn),
            };
            turns.extend(kept.map(|kept| TypedTurn { was: Some(at), ..kept.clone() }));
        }
        for mine in &self.turns {
            let before = mine.was.and_then(|at| base.turns.get(at));
            let is_there = before.is_some_and(in_theirs) || in_theirs(mine);
            // What they took out and this editor has left as it was stays out.
            let is_left = before.is_some_and(|before| before.is(mine));
            if !is_there && !is_left {
                turns.push(TypedTurn { was: None, ..mine.clone() });
            }
        }
        turns.sort_by(|one, other| one.from.cmp(&other.from));
        let pick = |mine: &String, base: &String, theirs: &String| if mine == base { theirs } else { mine }.clone();
        let has_own_rotation = (&self.rotation, &self.every_minutes) != (&base.rotation, &base.every_minutes);
        let rotation = if has_own_rotation { self } else { theirs };
        Self {
            name: pick(&self.name, &base.name, &theirs.name),
            turns,
            added: Some(&self.added).filter(|added| !in_theirs(added)).cloned().unwrap_or_default(),
            fallback: pick(&self.fallback, &base.fallback, &theirs.fallback),
            rotation: rotation.rotation.clone(),
            every_minutes: rotation.every_minutes.clone(),
            ..Self::default()
        }
    }

    /// What somebody else has done since `base`.
    pub fn changes_since(&self, base: &Self) -> Vec<PlaceChange> {
        let has = |place: &Self, turn: &TypedTurn| place.turns.iter().any(|other| other.is(turn));
        let added = self.turns.iter().filter(|turn| !has(base, turn)).cloned().map(PlaceChange::Added);
        let removed = base.turns.iter().filter(|turn| !has(self, turn)).cloned().map(PlaceChange::Removed);
        let name = (self.name != base.name).then(|| PlaceChange::Name(self.name.clone()));
        let fallback = (self.fallback != base.fallback).then(|| PlaceChange::Fallback(self.fallback.clone()));
        let rotates = (&self.rotation, &self.every_minutes) != (&base.rotation, &base.every_minutes);
        let rotation = rotates.then(|| PlaceChange::Rotation(self.rotation.clone()));
        added.chain(removed).chain(name).chain(fallback).chain(rotation).collect()
    }
}

impl PlaceReader<'_> {
    /// An entry's first moment, and the first after it. A form tells minutes, and of an hour that the clock shows twice
    /// not which; so what nobody has touched is as it is kept.
    fn times(&self, turn: &TypedTurn) -> (Option<Timestamp>, Option<Timestamp>) {
        let kept = turn.was.and_then(|at| self.kept.plan.calendar.get(at));
        let kept = kept.filter(|kept| kept.poll.to_string() == turn.poll);
        let time = |text: &str, kept: Option<Timestamp>| {
            kept.filter(|kept| self.timezone.form_time(*kept) == text).or_else(|| self.timezone.at_form_time(text))
        };
        (time(&turn.from, kept.map(|kept| kept.from)), time(&turn.until, kept.map(|kept| kept.until)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        place::PlacePlan,
        poll::{PollId, Revision, SiteId},
    };

    fn turn(poll: &str, from: &str, was: Option<usize>) -> TypedTurn {
        let until = format!("{from}:59");
        TypedTurn { poll: poll.to_owned(), from: from.to_owned(), until, was, wrong: None }
    }

    #[test]
    fn of_two_who_fill_a_calendar_each_keeps_what_they_did() {
        let turns = vec![turn("a", "08", Some(0)), turn("b", "10", Some(1)), turn("c", "12", Some(2))];
        let base = TypedPlace { turns, name: "side".to_owned(), ..TypedPlace::default() };
        // One takes `a` out, moves `b`, puts `d` there and gives it another name.
        let theirs = TypedPlace {
            turns: vec![turn("b", "11", Some(0)), turn("c", "12", Some(1)), turn("d", "14", Some(2))],
            name: "top".to_owned(),
            ..base.clone()
        };
        // The other moves `c`, leaves the rest, and is about to add one.
        let mine = TypedPlace {
            turns: vec![turn("a", "08", Some(0)), turn("b", "10", Some(1)), turn("c", "13", Some(2))],
            added: turn("e", "16", None),
            fallback: "f".to_owned(),
            ..base.clone()
        };
        let both = mine.onto(&base, &theirs);
        assert_eq!(both.turns, [turn("b", "11", Some(0)), turn("c", "13", Some(1)), turn("d", "14", Some(2))]);
        assert_eq!((&*both.name, &*both.fallback, &both.added), ("top", "f", &mine.added));
        let (a, b) = (turn("a", "08", Some(0)), turn("b", "10", Some(1)));
        assert_eq!(
            theirs.changes_since(&base),
            [
                PlaceChange::Added(turn("b", "11", Some(0))),
                PlaceChange::Added(turn("d", "14", Some(2))),
                PlaceChange::Removed(a.clone()),
                PlaceChange::Removed(b),
                PlaceChange::Name("top".to_owned()),
            ]
        );
        // Where both have moved the same one, neither is lost; and what this editor took out is out.
        let moved = TypedPlace { turns: vec![a, turn("b", "09", Some(1))], ..base.clone() };
        let both = moved.onto(&base, &theirs);
        let polls: Vec<_> = both.turns.iter().map(|turn| (&*turn.poll, &*turn.from)).collect();
        assert_eq!(polls, [("b", "09"), ("b", "11"), ("d", "14")]);
    }

    #[test]
    fn a_form_that_was_sent_twice_adds_nothing() {
        let base =
            TypedPlace { turns: vec![turn("a", "08", Some(0)), turn("b", "10", Some(1))], ..TypedPlace::default() };
        let mine = TypedPlace {
            turns: vec![turn("a", "09", Some(0)), turn("b", "10", Some(1))],
            added: turn("c", "12", None),
            ..base.clone()
        };
        let saved = vec![turn("a", "09", Some(0)), turn("b", "10", Some(1)), turn("c", "12", Some(2))];
        let both = mine.onto(&base, &TypedPlace { turns: saved.clone(), ..base.clone() });
        assert_eq!((both.turns, both.added), (saved, TypedTurn::default()));
        // Both have moved an entry to the same moment, and one has put the old one back.
        let theirs = vec![turn("a", "08", Some(0)), turn("a", "09", Some(1))];
        let both = mine.onto(&base, &TypedPlace { turns: theirs, ..base.clone() });
        assert_eq!((both.turns, both.added), (vec![turn("a", "09", Some(1))], turn("c", "12", None)));
    }

    #[test]
    fn a_rotation_keeps_the_order_that_nobody_has_changed() {
        let polls = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let place = |names: &[&str]| TypedPlace {
            rotation: polls(names),
            every_minutes: "5".to_owned(),
            ..TypedPlace::default()
        };
        let base = place(&["c", "a", "b", "c"]);
        for (ticked, kept) in [
            (&["a", "b", "c"][..], &["c", "a", "b", "c"][..]),
            (&["b", "c"], &["c", "b", "c"]),
            (&["a", "d", "c", "e"], &["c", "a", "c", "d", "e"]),
            (&[], &[]),
        ] {
            let mut mine = place(ticked);
            mine.keep_order(&base);
            assert_eq!(mine.rotation, polls(kept), "{ticked:?}");
        }
        // So who has not touched it leaves it as somebody else has made it.
        let mut mine = place(&["a", "b", "c"]);
        mine.keep_order(&base);
        assert_eq!(mine.onto(&base, &place(&["b", "d"])).rotation, polls(&["b", "d"]));
    }

    #[test]
    fn of_what_a_form_says_of_the_place_before_no_more_is_read_than_a_place_may_have() {
        let long = TypedPlace {
            turns: vec![TypedTurn::default(); MOST_TURNS + 1],
            rotation: vec!["a".to_owned(); MOST_IN_ROTATION + 1],
            ..TypedPlace::default()
        };
        let read = TypedPlace::read(&serde_json::to_string(&long).unwrap()).unwrap();
        assert_eq!((read.turns.len(), read.rotation.len()), (MOST_TURNS, MOST_IN_ROTATION));
        assert_eq!(TypedPlace::read("{"), None);
    }

    fn english() -> &'static Language {
        Language::find("en").unwrap()
    }

    fn kept(turns: &[(&str, &str)]) -> Place {
        let turn = |(from, until): &(&str, &str)| Turn {
            poll: PollId::generate(),
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        };
        let plan = PlacePlan { calendar: turns.iter().map(turn).collect(), ..PlacePlan::default() };
        let now = Timestamp::from_millis(0);
        let (id, site) = ("side".parse().unwrap(), SiteId::default());
        Place { id, site, plan, revision: Revision(1), created_at: now, updated_at: now }
    }

    #[test]
    fn times_that_nobody_has_touched_stay_as_they_are_kept() {
        // On this day Paris sets its clock back, and shows the hour from two twice.
        let place = kept(&[
            ("2026-10-24T08:00:00Z", "2026-10-24T08:00:30Z"),
            ("2026-10-25T00:15:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T01:15:00Z", "2026-10-25T01:30:00Z"),
        ]);
        let timezone: TimeZone = "Europe/Paris".parse().unwrap();
        let reader =
            PlaceReader { kept: &place, timezone: &timezone, language: english(), now: Timestamp::from_millis(0) };
        let times = |typed: &mut TypedPlace| {
            let asked = typed.new_place(reader).unwrap().calendar;
            asked.iter().map(|turn| (turn.from, turn.until)).collect::<Vec<_>>()
        };
        let mut typed = TypedPlace::of(&place, &timezone);
        let as_kept: Vec<_> = place.plan.calendar.iter().map(|turn| (turn.from, turn.until)).collect();
        assert_eq!(times(&mut typed), as_kept);
        // What was typed is taken as it is typed.
        typed.turns[2].until = "2026-10-25T03:00".to_owned();
        typed.turns[0].until = "2026-10-24T10:01".to_owned();
        let [first, _, last] = times(&mut typed)[..] else { panic!("three") };
        assert_eq!(first, (as_kept[0].0, "2026-10-24T08:01:00Z".parse().unwrap()));
        assert_eq!(last, (as_kept[2].0, "2026-10-25T02:00:00Z".parse().unwrap()));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_at_its_field() {
        let place = kept(&[]);
        let reader =
            PlaceReader { kept: &place, timezone: &TimeZone::UTC, language: english(), now: Timestamp::from_millis(0) };
        let entry = |from: &str, until: &str| TypedTurn {
            poll: PollId::generate().to_string(),
            from: from.to_owned(),
            until: until.to_owned(),
            ..TypedTurn::default()
        };
        let mut typed = TypedPlace {
            name: "n".repeat(PLACE_NAME.characters + 1),
            turns: vec![
                entry("soon", "2026-11-30T20:00"),
                entry("2026-11-30T18:00", "2026-11-30T20:00"),
                entry("2026-11-30T19:00", "2026-11-30T21:00"),
            ],
            added: entry("2026-11-30T20:30", "2026-11-30T22:00"),
            fallback: "none".to_owned(),
            ..TypedPlace::default()
        };
        assert!(typed.new_place(reader).is_none());
        let texts = &texts_of(english()).places;
        let wrong: Vec<_> = typed.turns.iter().chain([&typed.added]).map(|turn| turn.wrong).collect();
        let overlaps = Some(&*texts.wrong_overlap);
        assert_eq!(wrong, [Some(&*texts.wrong_time), None, overlaps, overlaps]);
        assert_eq!(typed.wrong_fallback, Some(&*texts.wrong_poll));
        assert!(typed.wrong_name.is_some_and(|said| said.contains("100")), "the limit is said");
    }
}
