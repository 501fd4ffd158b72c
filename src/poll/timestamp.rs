//! Moments: the type of every time in a poll, a ballot or a tally.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in UTC with three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const PRINTER: jiff::fmt::temporal::DateTimePrinter = jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));

impl Timestamp {
    /// The first moment a poll's schedule may name: 1970.
    pub const EARLIEST: Self = Self(0);
    /// The last moment a poll's schedule may name: near the end of the year 9999, where RFC 3339 ends, less the widest
    /// offset from UTC.
    pub const LATEST: Self = Self(253_402_207_199_999);

    /// The moment so many milliseconds after the epoch, clamped to what RFC 3339 can write.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(Self::EARLIEST.0, Self::LATEST.0))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Adds its text. The same as `Display`, without its machinery, for a vote.
    pub fn push_to(self, text: &mut String) {
        // Writing to a String can't fail.
        let _ = PRINTER.print_timestamp(&self.into(), text);
    }

    /// Writes it as RFC 3339 with an offset from UTC.
    pub(super) fn fmt_at(self, offset: jiff::tz::Offset, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PRINTER.print_timestamp_with_offset(&self.into(), offset, jiff::fmt::StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(moment: Timestamp) -> Self {
        // jiff's range is larger than that of a timestamp, so every timestamp fits.
        Self::from_millisecond(moment.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        PRINTER.print_timestamp(&moment, jiff::fmt::StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}

const RULE: &str = "must be an RFC 3339 time with its offset, like 2026-11-23T18:00:00Z, from 1970 to 9999";

impl FromStr for Timestamp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // jiff decides about leap seconds and day-of-week annotations; a bracketed zone is not RFC 3339.
        if text.contains('[') {
            return Err(RULE);
        }
        let millis = text.parse::<jiff::Timestamp>().map_err(|_| RULE)?.as_millisecond();
        if (Self::EARLIEST.0..=Self::LATEST.0).contains(&millis) { Ok(Self(millis)) } else { Err(RULE) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rfc3339;

        impl de::Visitor<'_> for Rfc3339 {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(RULE.trim_start_matches("must be "))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Rfc3339)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let moment: Timestamp = "2026-11-23T21:00:00.5+03:00".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-23T18:00:00.500Z");
        assert_eq!(Timestamp::LATEST.to_string(), "9999-12-30T21:59:59.999Z");
        for bad in
            ["", "tomorrow", "2026-11-23", "2026-11-23T18:00:00", "2026-11-23T18:00:00Z[UTC]", "1969-12-31T23:59:59Z"]
        {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }
}
