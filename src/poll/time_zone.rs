//! Time zones: by which clock a publisher's days begin, and times are written for people.
//!
//! The database of the world's zones is part of the binary. A container without one knows the same zones as any other
//! machine, and all replicas of one version go by the same rules.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time zone by its IANA name, such as `Asia/Kuwait`.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// What a time zone must be, in words that follow its name.
    pub const RULE: &str = "must be the IANA name of a time zone, such as Asia/Kuwait, Europe/Paris or UTC";

    /// Coordinated universal time, which is used where nothing else is said.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// Its name.
    pub fn as_str(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
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
    /// Reads what a store kept. A zone may be newer than this version's database, while a later version runs beside it:
    /// it is taken for UTC, since a poll without its zone is better than no poll.
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
    fn a_stored_zone_that_this_version_does_not_know_is_taken_for_utc() {
        let read = |json: &str| serde_json::from_str::<TimeZone>(json).unwrap();
        assert_eq!(read("\"Asia/Kuwait\"").as_str(), "Asia/Kuwait");
        assert_eq!(read("\"Mars/Olympus_Mons\""), TimeZone::UTC);
    }
}
