//! Checks what an editor writes about a place, and reports every violation, not only the first.

use super::{MOST_IN_ROTATION, MOST_MINUTES, MOST_TURNS, PLACE_NAME, PlacePlan, Rotation, Turn};
use crate::poll::{InvalidId, PollId, Text, Timestamp, Violation};

/// Entries that ended longer ago than this are not kept: a month. So a calendar that is filled on and on does not
/// become full of what is over.
const KEPT_FOR_MILLIS: i64 = 31 * 24 * 60 * 60 * 1_000;

/// A place as an editor asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewPlace {
    /// The name by which editors know it.
    pub name: Option<String>,
    /// In any order.
    pub calendar: Vec<NewTurn>,
    /// A poll's id.
    pub fallback: Option<String>,
    /// What stands when nothing in the calendar does.
    pub rotation: Option<NewRotation>,
}

/// An entry of a calendar as it is asked for.
#[derive(Debug, Clone)]
pub struct NewTurn {
    /// A poll's id.
    pub poll: String,
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// A rotation as it is asked for.
#[derive(Debug, Clone)]
pub struct NewRotation {
    /// Polls' ids.
    pub polls: Vec<String>,
    /// For how many minutes each stands.
    pub every_minutes: u64,
}

/// A plan that is valid in itself. Whether there are such polls is not known yet.
#[derive(Debug)]
pub struct CheckedPlan {
    /// The plan, in the order of time and without what was over a month ago.
    pub plan: PlacePlan,
    /// Of each entry of its calendar, where it stood in the calendar that was sent.
    sent: Vec<usize>,
}

impl CheckedPlan {
    /// The polls that it may show from a moment on, each with the field that names it.
    pub fn polls_to_come(&self, now: Timestamp) -> impl Iterator<Item = (String, PollId)> {
        let PlacePlan { calendar, fallback, rotation, .. } = &self.plan;
        let turns = self.sent.iter().zip(calendar).filter(move |(_, turn)| turn.until > now);
        let turns = turns.map(|(at, turn)| (format!("calendar[{at}].poll"), turn.poll));
        let fallback = fallback.iter().map(|poll| ("fallback".to_owned(), *poll));
        let rotation = rotation.iter().flat_map(|rotation| rotation.polls.iter().enumerate());
        turns.chain(fallback).chain(rotation.map(|(at, poll)| (format!("rotation.polls[{at}]"), *poll)))
    }
}

impl NewPlace {
    /// What is asked for, if it is valid.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, now: Timestamp) -> Result<CheckedPlan, Vec<Violation>> {
        let mut violations = Vec::new();
        let mut refuse = |field: String, rule: String| violations.push(Violation::new(field, rule));
        let name = self.name.as_ref().map(|name| Text::parse(name, PLACE_NAME)).transpose();
        let name = name.unwrap_or_else(|rule| {
            refuse("name".to_owned(), rule);
            None
        });
        let mut poll = |field: String, id: &str| {
            let id: Result<PollId, InvalidId> = id.parse();
            id.map_err(|rule| refuse(field, rule.to_string())).ok()
        };
        let mut turns: Vec<(usize, Turn)> = Vec::with_capacity(self.calendar.len());
        for (at, NewTurn { poll: id, from, until }) in self.calendar.iter().enumerate() {
            if let Some(poll) = poll(format!("calendar[{at}].poll"), id) {
                turns.push((at, Turn { poll, from: *from, until: *until }));
            }
        }
        let fallback = self.fallback.as_ref().and_then(|id| poll("fallback".to_owned(), id));
        let rotation = self.rotation.as_ref().map(|rotation| Rotation {
            polls: (rotation.polls.iter().enumerate())
                .filter_map(|(at, id)| poll(format!("rotation.polls[{at}]"), id))
                .collect(),
            every_minutes: u32::try_from(rotation.every_minutes).unwrap_or(u32::MAX),
        });
        if let Some(NewRotation { polls, every_minutes }) = &self.rotation {
            if !(1..=MOST_IN_ROTATION).contains(&polls.len()) {
                let rule = format!("must be 1 to {MOST_IN_ROTATION} polls, is {}", polls.len());
                refuse("rotation.polls".to_owned(), rule);
            }
            if !(1..=u64::from(MOST_MINUTES)).contains(every_minutes) {
                let rule = format!("must be from 1 to {MOST_MINUTES}, is {every_minutes}");
                refuse("rotation.every_minutes".to_owned(), rule);
            }
        }
        turns.retain(|(at, turn)| {
            let is_right = turn.from < turn.until;
            if !is_right {
                refuse(format!("calendar[{at}].until"), "must be after from".to_owned());
            }
            is_right
        });
        // Stable: of two that begin at the same moment, the one that was sent first comes first.
        turns.sort_by_key(|(_, turn)| turn.from);
        let mut last: Option<&(usize, Turn)> = None;
        for turn in &turns {
            if let Some((before, Turn { until, .. })) = last.filter(|(_, before)| turn.1.from < before.until) {
                let rule = format!("must not be before {until}: calendar[{before}] ends then");
                refuse(format!("calendar[{}].from", turn.0), rule);
            }
            last = last.filter(|(_, before)| before.until > turn.1.until).or(Some(turn));
        }
        let oldest = Timestamp::from_millis(now.as_millis() - KEPT_FOR_MILLIS);
        turns.retain(|(_, turn)| turn.until > oldest);
        if turns.len() > MOST_TURNS {
            let rule = format!("must be at most {MOST_TURNS} entries, is {}", turns.len());
            refuse("calendar".to_owned(), rule);
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        let (sent, calendar) = turns.into_iter().unzip();
        Ok(CheckedPlan { plan: PlacePlan { name, calendar, fallback, rotation }, sent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60;

    fn at(minute: i64) -> Timestamp {
        // Some time after 1970, so that a month before it is one, too.
        Timestamp::from_millis((minute + 100 * DAY) * 60_000)
    }

    fn turn(from: i64, until: i64) -> NewTurn {
        NewTurn { poll: PollId::generate().to_string(), from: at(from), until: at(until) }
    }

    fn wrong(new: &NewPlace) -> Vec<String> {
        let violations = new.check(at(0)).unwrap_err();
        violations.into_iter().map(|Violation { field, .. }| field).collect()
    }

    #[test]
    fn entries_in_any_order_are_put_into_that_of_time() {
        let new = NewPlace { calendar: vec![turn(20, 30), turn(0, 10), turn(10, 20)], ..NewPlace::default() };
        let CheckedPlan { plan, sent } = new.check(at(0)).unwrap();
        assert_eq!(plan.calendar.iter().map(|turn| turn.from).collect::<Vec<_>>(), [at(0), at(10), at(20)]);
        assert_eq!(sent, [1, 2, 0]);
    }

    #[test]
    fn what_overlaps_is_refused_by_the_entry_that_begins_later() {
        for (calendar, fields) in [
            (vec![turn(0, 10), turn(9, 20)], vec!["calendar[1].from"]),
            (vec![turn(9, 20), turn(0, 10)], vec!["calendar[0].from"]),
            (vec![turn(0, 10), turn(0, 10)], vec!["calendar[1].from"]),
            // One within another, and one that begins after the inner one ends.
            (vec![turn(0, 100), turn(10, 20), turn(30, 40)], vec!["calendar[1].from", "calendar[2].from"]),
            (vec![turn(5, 5), turn(9, 8)], vec!["calendar[0].until", "calendar[1].until"]),
        ] {
            assert_eq!(wrong(&NewPlace { calendar, ..NewPlace::default() }), fields);
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let rotation = NewRotation { polls: vec!["x".to_owned()], every_minutes: 0 };
        let nobody = NewTurn { poll: String::new(), ..turn(0, 1) };
        let new = NewPlace {
            name: Some(" ".to_owned()),
            calendar: vec![turn(0, 1), nobody],
            fallback: Some("نعم".to_owned()),
            rotation: Some(rotation),
        };
        let fields = ["name", "calendar[1].poll", "fallback", "rotation.polls[0]", "rotation.every_minutes"];
        assert_eq!(wrong(&new), fields);
        for (polls, minutes, field) in [
            (0, 5, "rotation.polls"),
            (MOST_IN_ROTATION + 1, 5, "rotation.polls"),
            (2, u64::from(MOST_MINUTES) + 1, "rotation.every_minutes"),
            (2, u64::MAX, "rotation.every_minutes"),
        ] {
            let polls = (0..polls).map(|_| PollId::generate().to_string()).collect();
            let rotation = Some(NewRotation { polls, every_minutes: minutes });
            assert_eq!(wrong(&NewPlace { rotation, ..NewPlace::default() }), [field]);
        }
    }

    #[test]
    fn a_calendar_is_bounded_and_what_was_over_a_month_ago_takes_no_room_in_it() {
        let most = i64::try_from(MOST_TURNS).unwrap();
        let old = (0..10).map(|at| turn(at - 40 * DAY, at + 1 - 40 * DAY));
        let calendar: Vec<NewTurn> = old.chain((0..most).map(|at| turn(at, at + 1))).collect();
        let CheckedPlan { plan, .. } =
            NewPlace { calendar: calendar.clone(), ..NewPlace::default() }.check(at(0)).unwrap();
        assert_eq!((plan.calendar.len(), plan.calendar[0].from), (MOST_TURNS, at(0)));
        let recent = turn(-30 * DAY, 1 - 30 * DAY);
        let full = calendar.into_iter().chain([recent]).collect();
        assert_eq!(wrong(&NewPlace { calendar: full, ..NewPlace::default() }), ["calendar"]);
    }
}
