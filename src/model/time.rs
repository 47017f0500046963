//! Instants and honest dates.

use std::{fmt, str::FromStr, time::Duration};

use jiff::tz::TimeZone;

/// One instant in UTC, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// What an instant's local offset from UTC was, in seconds east.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Offset(pub i32);

/// How much of a date its source really said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// To the minute or better.
    Minute,
    /// The day only.
    Day,
    /// The month only.
    Month,
    /// The year only.
    Year,
}

/// A date as published: the instant, how exact it is, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    /// The instant.
    pub at: Timestamp,
    /// The offset in which people read it; feeds print it, so that output never depends on a machine's zone.
    pub offset: Offset,
    /// How exact it is.
    pub precision: Precision,
    /// The text it was read from.
    pub raw: Option<String>,
    /// True when the source said no usable date and the first sighting stands in for it.
    pub inferred: bool,
}

// === impl Timestamp ===

impl Timestamp {
    /// The latest instant that every format can print: 9999-12-30T22:00:00Z.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// From milliseconds since the epoch, clamped to the years 0001 to 9999.
    pub const fn from_millis(millis: i64) -> Self {
        const MIN: i64 = -62_135_510_400_000;
        Self(if millis < MIN {
            MIN
        } else if millis > Self::MAX.0 {
            Self::MAX.0
        } else {
            millis
        })
    }

    /// From seconds since the epoch.
    pub const fn from_second(second: i64) -> Self {
        Self::from_millis(second.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_second(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant and `duration` more.
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This instant and `duration` less.
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero when it was not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As the date crate's instant.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).expect("every value is clamped to years that jiff has")
    }

    /// The offset of `zone` at this instant.
    pub fn offset_in(self, zone: &TimeZone) -> Offset {
        Offset(zone.to_offset(self.to_jiff()).seconds())
    }

    /// RFC 3339 with a numeric offset: `2020-07-30T17:12:00+07:00`.
    pub fn rfc3339(self, offset: Offset) -> String {
        self.zoned(offset).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// RFC 822 with a four-digit year (RSS Advisory Board): `Thu, 30 Jul 2020 17:12:00 +0700`.
    pub fn rfc2822(self, offset: Offset) -> String {
        self.zoned(offset).strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
    }

    /// `IMF-fixdate` of RFC 9110, section 5.6.7: `Thu, 30 Jul 2020 10:12:00 GMT`.
    pub fn http_date(self) -> String {
        self.zoned(Offset(0)).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    fn zoned(self, offset: Offset) -> jiff::Zoned {
        let fixed = jiff::tz::Offset::from_seconds(offset.0).unwrap_or(jiff::tz::Offset::UTC);
        self.to_jiff().to_zoned(fixed.to_time_zone())
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self::from_millis(at.as_millisecond())
    }
}

/// RFC 3339 in UTC, with milliseconds only where there are some: `2026-03-05T02:15:09Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Reads RFC 3339 with any offset.
impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(Self::from)
    }
}

// === impl Precision ===

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        })
    }
}

// === impl Date ===

impl Date {
    /// RFC 3339 in the date's own offset.
    pub fn rfc3339(&self) -> String {
        self.at.rfc3339(self.offset)
    }

    /// RFC 822 in the date's own offset.
    pub fn rfc2822(&self) -> String {
        self.at.rfc2822(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIETNAM: Offset = Offset(7 * 3600);

    #[test]
    fn prints_the_formats_of_the_wire() {
        let at: Timestamp = "2020-07-30T17:12:00+07:00".parse().unwrap();
        assert_eq!(at.rfc3339(VIETNAM), "2020-07-30T17:12:00+07:00");
        assert_eq!(at.rfc2822(VIETNAM), "Thu, 30 Jul 2020 17:12:00 +0700");
        assert_eq!(at.http_date(), "Thu, 30 Jul 2020 10:12:00 GMT");
        assert_eq!(at.to_string(), "2020-07-30T10:12:00Z");
    }

    #[test]
    fn keeps_absurd_instants_printable() {
        for millis in [i64::MIN, i64::MAX] {
            let at = Timestamp::from_millis(millis);
            assert!(!at.rfc3339(VIETNAM).is_empty());
            assert!(!at.rfc2822(Offset(-18 * 3600)).is_empty());
        }
    }
}
