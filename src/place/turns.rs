//! Which poll stands in a place at a moment, and until when.

use super::{PlacePlan, Rotation, Turn};
use crate::poll::{PollId, Timestamp};

const MINUTE_MILLIS: i64 = 60_000;

/// What stands in a place for a while. The first of its polls that readers can see is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceContent {
    /// The poll whose turn it is, by the calendar or the rotation.
    pub poll: Option<PollId>,
    /// The place's fallback.
    pub fallback: Option<PollId>,
    /// The first moment at which another may stand there; `None`: this goes on.
    pub until: Option<Timestamp>,
}

impl PlacePlan {
    /// What stands at a moment.
    pub fn at(&self, now: Timestamp) -> PlaceContent {
        // The calendar is in the order of time, so its first entry that is not over is the one now, or the next.
        let ahead = self.calendar.partition_point(|turn| turn.until <= now);
        let turn = self.calendar.get(ahead);
        if let Some(Turn { poll, until, .. }) = turn.filter(|turn| turn.from <= now) {
            return PlaceContent { poll: Some(*poll), fallback: self.fallback, until: Some(*until) };
        }
        let next = turn.map(|turn| turn.from);
        let (poll, changes) = self.rotation.as_ref().map_or((None, None), |rotation| rotation.at(now));
        let until = next.into_iter().chain(changes).min();
        PlaceContent { poll, fallback: self.fallback, until }
    }
}

impl Rotation {
    /// The poll whose minutes these are, and when they end.
    fn at(&self, now: Timestamp) -> (Option<PollId>, Option<Timestamp>) {
        let step = i64::from(self.every_minutes.max(1)) * MINUTE_MILLIS;
        let number = now.as_millis() / step;
        let count = i64::try_from(self.polls.len()).unwrap_or(i64::MAX).max(1);
        let poll = usize::try_from(number % count).ok().and_then(|nth| self.polls.get(nth));
        // One that is alone stays.
        let ends = (count > 1).then(|| Timestamp::from_millis(number.saturating_add(1).saturating_mul(step)));
        (poll.copied(), ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE_MILLIS)
    }

    fn polls<const N: usize>() -> [PollId; N] {
        [(); N].map(|()| PollId::generate())
    }

    #[test]
    fn a_turn_ends_at_its_last_moment_and_the_next_begins_there() {
        let [one, two, other] = polls();
        let turn = |poll, from, until| Turn { poll, from: at(from), until: at(until) };
        let calendar = vec![turn(one, 10, 20), turn(two, 20, 30), turn(one, 40, 50)];
        let plan = PlacePlan { calendar, fallback: Some(other), ..PlacePlan::default() };
        let before = |minute| Timestamp::from_millis(at(minute).as_millis() - 1);
        for (now, poll, until) in [
            (at(0), None, Some(10)),
            (before(10), None, Some(10)),
            (at(10), Some(one), Some(20)),
            (before(20), Some(one), Some(20)),
            (at(20), Some(two), Some(30)),
            (at(30), None, Some(40)),
            (at(49), Some(one), Some(50)),
            (at(50), None, None),
        ] {
            let expected = PlaceContent { poll, fallback: Some(other), until: until.map(at) };
            assert_eq!(plan.at(now), expected, "{now}");
        }
        assert_eq!(PlacePlan::default().at(at(0)), PlaceContent { poll: None, fallback: None, until: None });
    }

    #[test]
    fn polls_take_turns_where_the_calendar_says_nothing() {
        let [one, two, three, special] = polls();
        let rotation = Some(Rotation { polls: vec![one, two, three], every_minutes: 5 });
        let calendar = vec![Turn { poll: special, from: at(17), until: at(22) }];
        let plan = PlacePlan { calendar, rotation, ..PlacePlan::default() };
        for (minute, poll, until) in
            [(0, one, 5), (4, one, 5), (5, two, 10), (14, three, 15), (15, one, 17), (17, special, 22), (22, two, 25)]
        {
            let expected = PlaceContent { poll: Some(poll), fallback: None, until: Some(at(until)) };
            assert_eq!(plan.at(at(minute)), expected, "minute {minute}");
        }
        let alone = Rotation { polls: vec![one], every_minutes: 5 };
        let plan = PlacePlan { rotation: Some(alone), ..PlacePlan::default() };
        assert_eq!(plan.at(at(7)), PlaceContent { poll: Some(one), fallback: None, until: None });
        assert_eq!(plan.at(Timestamp::LATEST).poll, Some(one));
    }
}
