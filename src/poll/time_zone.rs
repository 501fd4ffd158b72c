//! Time zones: when a publisher's days begin, and how times are written for people.
//!
//! The database of the world's zones is part of the binary. A container without one knows the same zones as any other
//! machine, and all replicas of one version use the same rules.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Minute, Timestamp, calendar::Span};

/// A time zone by its IANA name, such as `Asia/Kuwait`.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// What a time zone must be, in words that follow its name.
    pub const RULE: &str = "must be the IANA name of a time zone, such as Asia/Kuwait, Europe/Paris or UTC";

    /// Coordinated universal time, the default.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// The names of all there are, but for those that only programs use.
    pub fn names() -> impl Iterator<Item = String> {
        let names = jiff::tz::db().available().map(|name| name.as_str().to_owned());
        names.filter(|name| name == "UTC" || (name.contains('/') && !name.starts_with("Etc/")))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// A moment on the zone's clock, for people and their spreadsheets: `2026-11-23 21:00:00`. Spreadsheets of every
    /// language read this as a time; not all of them read one with a `T`, a fraction or an offset.
    pub fn local_time(&self, moment: Timestamp) -> impl fmt::Display {
        let local = self.0.to_datetime(moment.into());
        fmt::from_fn(move |f| {
            let (year, month, day) = (local.year(), local.month(), local.day());
            write!(f, "{year:04}-{month:02}-{day:02} ")?;
            write!(f, "{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second())
        })
    }

    /// A moment with the zone's offset from UTC, for programs: `2026-11-23T21:00:00.000+03:00` (RFC 3339).
    pub fn exact_time(&self, moment: Timestamp) -> impl fmt::Display {
        let offset = (*self != Self::UTC).then(|| self.0.to_offset(moment.into()));
        fmt::from_fn(move |f| match offset {
            None => fmt::Display::fmt(&moment, f),
            Some(offset) => moment.fmt_at(offset, f),
        })
    }

    /// A moment on the zone's clock to the minute, for people: `2026-11-23 21:00`.
    pub fn minute_time(&self, moment: Timestamp) -> String {
        self.0.to_datetime(moment.into()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// A moment on the zone's clock, as a form's field for a time has it: `2026-11-23T21:00`.
    pub fn form_time(&self, moment: Timestamp) -> String {
        self.0.to_datetime(moment.into()).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// The moment that such a text stands for; `None` if it is none. Of a time that the zone's clock shows twice it is
    /// the first, and of one that it leaves out it is as much later as the clock is set forward.
    pub fn at_form_time(&self, text: &str) -> Option<Timestamp> {
        let time: jiff::civil::DateTime = text.parse().ok()?;
        let moment = self.0.to_ambiguous_timestamp(time).compatible().ok()?;
        Some(Timestamp::from_millis(moment.as_millisecond()))
    }

    /// The moment at which the next day begins by the zone's clock.
    pub fn end_of_day(&self, moment: Timestamp) -> Timestamp {
        self.start_of_day(moment, 1)
    }

    /// The moment at which the day begins by the zone's clock that is so many days after a moment's own.
    pub fn start_of_day(&self, moment: Timestamp, days: i64) -> Timestamp {
        let date = self.0.to_datetime(moment.into()).date().checked_add(jiff::Span::new().days(days));
        let midnight = date.map(|date| date.at(0, 0, 0, 0)).and_then(|midnight| self.0.to_timestamp(midnight));
        // Only near the ends of time is there no such day.
        midnight.map_or(moment, |midnight| Timestamp::from_millis(midnight.as_millisecond()))
    }

    /// The moment at which a day begins that is written as `2026-11-30`; `None` if it is none.
    pub fn at_day(&self, text: &str) -> Option<Timestamp> {
        let date: jiff::civil::Date = text.parse().ok()?;
        let moment = self.0.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        Some(Timestamp::from_millis(moment.as_millisecond()))
    }

    /// The day on the zone's clock: `2026-11-30`.
    pub fn day(&self, moment: Timestamp) -> String {
        self.0.to_datetime(moment.into()).strftime("%Y-%m-%d").to_string()
    }

    /// The time of day on the zone's clock: `21:00`.
    pub fn time_of_day(&self, moment: Timestamp) -> String {
        self.0.to_datetime(moment.into()).strftime("%H:%M").to_string()
    }

    /// Which day of the week it is on the zone's clock; Monday is 0.
    pub fn weekday(&self, moment: Timestamp) -> usize {
        let weekday = self.0.to_datetime(moment.into()).weekday().to_monday_zero_offset();
        usize::try_from(weekday).unwrap_or_default()
    }

    /// The time around a minute in which the zone's clock is not changed.
    pub(super) fn span(&self, minute: Minute) -> Span {
        if *self == Self::UTC {
            return Span::always(0);
        }
        // A change at this very moment has happened.
        let moment: jiff::Timestamp = minute.start().into();
        let reached = jiff::Timestamp::from_second(moment.as_second().saturating_add(1)).unwrap_or(moment);
        let minutes = |seconds: i64| seconds.div_euclid(60);
        let offset_at = |moment| minutes(self.0.to_offset(moment).seconds().into());
        let offset = offset_at(moment);
        let until = self.0.following(moment).next().map(|next| minutes(next.timestamp().as_second()));
        let (from, before) = match self.0.preceding(reached).next().map(|last| last.timestamp().as_second()) {
            None => (i64::MIN, offset),
            Some(moved_at) => {
                let before = jiff::Timestamp::from_second(moved_at.saturating_sub(1)).map_or(offset, offset_at);
                (minutes(moved_at), before)
            }
        };
        Span { from, until: until.unwrap_or(i64::MAX), offset, before }
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for TimeZone {
    type Err = &'static str;

    /// Reads a name, in capitals or not.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let zone = jiff::tz::TimeZone::get(name).map_err(|_| Self::RULE)?;
        // `Etc/Unknown` is for software that does not know its zone.
        if zone.is_unknown() { Err(Self::RULE) } else { Ok(Self(zone)) }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    /// Reads a stored name. A later version that runs beside this one may know a zone that this one does not: it counts
    /// as UTC, since a poll without its zone is better than no poll.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| name.parse().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_one_that_the_database_has() {
        for (written, name) in [
            ("Asia/Kuwait", "Asia/Kuwait"),
            ("asia/kuwait", "Asia/Kuwait"),
            ("Africa/Casablanca", "Africa/Casablanca"),
            ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            ("UTC", "UTC"),
        ] {
            assert_eq!(written.parse::<TimeZone>().unwrap().as_str(), name);
        }
        for bad in ["", "Kuwait", "Asia/Nowhere", "+03:00", "AST-3", "Etc/Unknown", "../UTC", " UTC", "Asia/Kuwait\0"] {
            assert_eq!(bad.parse::<TimeZone>(), Err(TimeZone::RULE), "{bad:?}");
        }
    }

    #[test]
    fn times_are_told_by_the_zones_clock() {
        let moment: Timestamp = "2026-11-23T22:30:07.120Z".parse().unwrap();
        for (zone, cell, exact) in [
            ("UTC", "2026-11-23 22:30:07", "2026-11-23T22:30:07.120Z"),
            ("Asia/Kuwait", "2026-11-24 01:30:07", "2026-11-24T01:30:07.120+03:00"),
            ("America/St_Johns", "2026-11-23 19:00:07", "2026-11-23T19:00:07.120-03:30"),
        ] {
            let zone: TimeZone = zone.parse().unwrap();
            assert_eq!(zone.local_time(moment).to_string(), cell);
            assert_eq!(zone.exact_time(moment).to_string(), exact);
        }
    }

    #[test]
    fn a_stored_zone_that_this_version_does_not_know_is_taken_for_utc() {
        let read = |json: &str| serde_json::from_str::<TimeZone>(json).unwrap();
        assert_eq!(read("\"Asia/Kuwait\"").as_str(), "Asia/Kuwait");
        assert_eq!(read("\"Mars/Olympus_Mons\""), TimeZone::UTC);
    }
}
