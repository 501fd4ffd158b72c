//! When a delivery is tried again: ten tries over about three days.

use std::time::Duration;

use crate::poll::Timestamp;

/// The pauses before the second try, the third, …; each is lengthened by up to a fifth, so that many deliveries that
/// failed together don't come back together.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(6),
    Duration::from_hours(12),
    Duration::from_hours(18),
    Duration::from_hours(24),
];

/// The most tries of a delivery.
#[cfg(test)]
const MOST_TRIES: usize = PAUSES.len() + 1;

/// The longest pause that a receiver may ask for by `Retry-After`.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// When to try again after so many tries, the last of which ended now; `None` after the last. `jitter` is a random
/// byte; `asked` is what the receiver asked for.
pub(super) fn next_try(tries: usize, now: Timestamp, jitter: u8, asked: Option<Duration>) -> Option<Timestamp> {
    let pause = PAUSES.get(tries.checked_sub(1)?)?;
    let pause = pause.saturating_add(pause.saturating_mul(u32::from(jitter)) / (5 * 255));
    let pause = asked.map_or(pause, |asked| pause.max(asked.min(LONGEST_ASKED)));
    let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    Some(Timestamp::from_millis(now.as_millis().saturating_add(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(tries: usize, jitter: u8, asked: Option<Duration>) -> Option<i64> {
        next_try(tries, Timestamp::EARLIEST, jitter, asked).map(Timestamp::as_millis)
    }

    #[test]
    fn ten_tries_take_about_three_days() {
        let all = |jitter| (1..MOST_TRIES).filter_map(|tries| after(tries, jitter, None)).sum::<i64>();
        let day = 24 * 60 * 60 * 1_000;
        assert!((5 * day / 2..=3 * day).contains(&all(0)), "{}", all(0));
        assert!((3 * day..=4 * day).contains(&all(255)), "{}", all(255));
        assert_eq!((after(0, 0, None), after(MOST_TRIES, 0, None)), (None, None));
        assert!((1..MOST_TRIES - 1).all(|tries| after(tries, 255, None) < after(tries + 1, 0, None)));
    }

    #[test]
    fn what_a_receiver_asks_for_makes_a_pause_longer_and_never_shorter() {
        assert_eq!(after(1, 0, Some(Duration::from_mins(1))), Some(60_000));
        assert_eq!(after(4, 0, Some(Duration::from_secs(1))), after(4, 0, None));
        assert_eq!(after(1, 0, Some(Duration::MAX)), Some(24 * 60 * 60 * 1_000));
    }
}
