//! A place as an editor has typed it, right or wrong: what its form shows again, and what is asked for with it.

use serde::{Deserialize, Serialize};

use crate::{
    newsroom::{fields::number, texts::PlacesTexts},
    place::{NewPlace, NewRotation, NewTurn, Place, Turn},
    poll::{TimeZone, Violation},
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
    /// Whether the rotation is wrong.
    #[serde(skip)]
    pub is_rotation_wrong: bool,
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

    /// What is asked for; `None` if a time is none, which is noted at its entry.
    pub fn new_place(&mut self, timezone: &TimeZone, texts: &'static PlacesTexts) -> Option<NewPlace> {
        let mut calendar = Vec::new();
        // A time without a poll was meant to be one's.
        let is_begun = |turn: &TypedTurn| [&turn.poll, &turn.from, &turn.until].iter().any(|text| !text.is_empty());
        let added = Some(&mut self.added).filter(|added| is_begun(added));
        for turn in self.turns.iter_mut().chain(added) {
            match (timezone.at_form_time(&turn.from), timezone.at_form_time(&turn.until)) {
                _ if turn.poll.is_empty() => turn.wrong = Some(&texts.wrong_none),
                (Some(from), Some(until)) => calendar.push(NewTurn { poll: turn.poll.clone(), from, until }),
                _ => turn.wrong = Some(&texts.wrong_time),
            }
        }
        if self.turns.iter().chain([&self.added]).any(|turn| turn.wrong.is_some()) {
            return None;
        }
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let rotation = (!self.rotation.is_empty()).then(|| NewRotation {
            polls: self.rotation.clone(),
            // What is no number is none of those that may be.
            every_minutes: number(&self.every_minutes).unwrap_or_default(),
        });
        Some(NewPlace { name: filled(&self.name), calendar, fallback: filled(&self.fallback), rotation })
    }

    /// Says at its entry what was found wrong.
    pub fn note(&mut self, violations: &[Violation], texts: &'static PlacesTexts) {
        for Violation { field, .. } in violations {
            let at = field.strip_prefix("calendar[").and_then(|rest| rest.split_once("]."));
            let said: &'static str = match at.map(|(_, name)| name) {
                Some("until") => &texts.wrong_until,
                Some("poll") => &texts.wrong_poll,
                _ => &texts.wrong_overlap,
            };
            match at.and_then(|(at, _)| at.parse::<usize>().ok()) {
                Some(at) if at < self.turns.len() => {
                    if let Some(turn) = self.turns.get_mut(at) {
                        turn.wrong = Some(said);
                    }
                }
                Some(_) => self.added.wrong = Some(said),
                None => self.is_rotation_wrong |= field.starts_with("rotation"),
            }
        }
    }

    /// What was typed onto what somebody else has made of the place meanwhile: of both, each change since `base`; where
    /// both changed the same entry, there are two, and the editor decides.
    #[must_use]
    pub fn onto(&self, base: &Self, theirs: &Self) -> Self {
        let mine_of = |at: usize| self.turns.iter().find(|turn| turn.was == Some(at));
        let in_base = |turn: &TypedTurn| base.turns.iter().position(|before| before.is(turn));
        let mut turns: Vec<TypedTurn> = Vec::new();
        for (at, turn) in theirs.turns.iter().enumerate() {
            let kept = match in_base(turn) {
                Some(before) => mine_of(before),
                None => Some(turn),
            };
            turns.extend(kept.map(|kept| TypedTurn { was: Some(at), ..kept.clone() }));
        }
        for mine in &self.turns {
            let before = mine.was.and_then(|at| base.turns.get(at));
            let is_there = before.is_some_and(|before| theirs.turns.iter().any(|turn| turn.is(before)));
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
            added: self.added.clone(),
            fallback: pick(&self.fallback, &base.fallback, &theirs.fallback),
            rotation: rotation.rotation.clone(),
            every_minutes: rotation.every_minutes.clone(),
            is_rotation_wrong: false,
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
