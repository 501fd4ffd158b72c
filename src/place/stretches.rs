//! What stands in a place from one moment to another, for those who plan it.

use super::{PlacePlan, Turn};
use crate::poll::{PollId, Timestamp};

/// What a plan says for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupant {
    /// A poll whose turn it is by the calendar; the turn is whole, also where the while is only a part of it.
    Turn(Turn),
    /// The polls of the rotation, one after another.
    Rotation,
    Fallback(PollId),
    /// Nothing.
    Nothing,
}

/// A while in which one thing stands in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    /// What stands.
    pub occupant: Occupant,
}

impl PlacePlan {
    /// What stands where the calendar says nothing.
    pub fn between_turns(&self) -> Occupant {
        match (&self.rotation, self.fallback) {
            (Some(_), _) => Occupant::Rotation,
            (None, Some(poll)) => Occupant::Fallback(poll),
            (None, None) => Occupant::Nothing,
        }
    }

    /// What stands from one moment to another, without a hole: what lies between turns, before the first and after the
    /// last is a stretch too.
    pub fn stretches(&self, from: Timestamp, until: Timestamp) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        let mut reached = from;
        let mut reach = |to: Timestamp, occupant| {
            if reached < to {
                stretches.push(Stretch { from: reached, until: to, occupant });
                reached = to;
            }
        };
        for turn in self.calendar.iter().filter(|turn| turn.until > from && turn.from < until) {
            reach(turn.from, self.between_turns());
            reach(turn.until.min(until), Occupant::Turn(*turn));
        }
        reach(until, self.between_turns());
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Rotation;

    #[test]
    fn what_lies_between_turns_and_around_them_is_told_too() {
        let at = Timestamp::from_millis;
        let [one, two, other] = [(); 3].map(|()| PollId::generate());
        let turn = |poll, from, until| Turn { poll, from: at(from), until: at(until) };
        let calendar = vec![turn(one, 10, 20), turn(two, 20, 30), turn(one, 40, 50)];
        let [one, two, again] = [calendar[0], calendar[1], calendar[2]].map(Occupant::Turn);
        let mut plan = PlacePlan { calendar, fallback: Some(other), ..PlacePlan::default() };
        let told = |plan: &PlacePlan, from, until| {
            let told = plan.stretches(at(from), at(until)).into_iter();
            told.map(|it| (it.from.as_millis(), it.until.as_millis(), it.occupant)).collect::<Vec<_>>()
        };
        let gap = Occupant::Fallback(other);
        assert_eq!(
            told(&plan, 5, 60),
            [(5, 10, gap), (10, 20, one), (20, 30, two), (30, 40, gap), (40, 50, again), (50, 60, gap)]
        );
        assert_eq!(told(&plan, 12, 25), [(12, 20, one), (20, 25, two)]);
        assert_eq!(told(&plan, 50, 60), [(50, 60, gap)]);
        assert_eq!(told(&plan, 60, 60), []);
        plan.fallback = None;
        assert_eq!(told(&plan, 30, 40), [(30, 40, Occupant::Nothing)]);
        plan.rotation = Some(Rotation { polls: vec![other], every_minutes: 5 });
        assert_eq!(told(&plan, 30, 40), [(30, 40, Occupant::Rotation)]);
    }
}
