//! Moments as readers without script see them.

use super::{
    digits::{Digits, with_digits},
    language::Language,
};
use crate::poll::{TimeZone, Timestamp};

/// A moment for those whose browser does not turn it into their own time. Its parts are numbers with signs between
/// them, which a right-to-left text would turn around: so each stands for itself.
pub(super) struct Time<'a> {
    pub(super) exact: String,
    pub(super) date: String,
    pub(super) clock: String,
    pub(super) zone: &'a str,
}

impl<'a> Time<'a> {
    pub(super) fn of(moment: Timestamp, zone: &'a TimeZone, digits: Digits, language: &'a Language) -> Self {
        let local = zone.local_time(moment).to_string();
        let (date, clock) = local.split_once(' ').unwrap_or((&local, ""));
        let minutes = clock.get(.."18:00".len()).unwrap_or(clock);
        let written = |text| with_digits(text, digits).into_owned();
        Self { exact: moment.to_string(), date: written(date), clock: written(minutes), zone: language.zone(zone) }
    }
}
