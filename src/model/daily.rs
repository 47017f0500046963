//! A time of the day at a place.

use std::fmt;

use jiff::{ToSpan, civil, tz::TimeZone};

use super::Timestamp;

/// Once a day at this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    /// Minutes after midnight, as clocks on the wall show them.
    pub minute: u16,
    /// Of which place: a name of the IANA time zone database.
    pub zone: String,
}

impl Daily {
    /// The minute of a text such as `18:00`; `None` where it is no time of the day.
    pub fn parse_minute(text: &str) -> Option<u16> {
        let (hour, minute) = text.trim().split_once(':')?;
        let digits = |part: &str, most: usize| {
            let fits = (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            fits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = (digits(hour, 2)?, digits(minute, 2).filter(|_| minute.len() == 2)?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    }

    /// Is there a time zone of this name?
    pub fn has_zone(name: &str) -> bool {
        TimeZone::get(name).is_ok()
    }

    /// The first time after `now`. Where the clocks were put forward over it, it is as much later; where they were put
    /// back and it comes twice, the first of both counts. A zone that is not known (any more) is UTC.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let zone = TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC);
        let (hour, minute) = (self.minute / 60 % 24, self.minute % 60);
        let [hour, minute] = [hour, minute].map(|part| i8::try_from(part).unwrap_or_default());
        let today = now.to_jiff().to_zoned(zone.clone()).date();
        // Yesterday's may still come: a day can be skipped, or begin twice.
        let dates = (-1..=2).filter_map(|days: i64| today.checked_add(days.days()).ok());
        let times = dates.filter_map(|date| {
            let wall = date.to_datetime(civil::time(hour, minute, 0, 0));
            zone.to_ambiguous_zoned(wall).compatible().ok()
        });
        times.map(|at| Timestamp::from(at.timestamp())).find(|at| *at > now).unwrap_or(Timestamp::MAX)
    }
}

/// `18:00`
impl fmt::Display for Daily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_is_hours_and_minutes() {
        for (text, minute) in [("18:00", 1080), ("0:00", 0), ("07:05", 425), ("23:59", 1439), (" 6:30 ", 390)]
        {
            assert_eq!(Daily::parse_minute(text), Some(minute), "{text}");
        }
        for wrong in ["", "18", "18:0", "24:00", "12:60", "-1:00", "+1:00", "6:30 pm", "18:00:00", "١٨:٠٠"]
        {
            assert_eq!(Daily::parse_minute(wrong), None, "{wrong}");
        }
        assert_eq!(Daily { minute: 425, zone: "UTC".into() }.to_string(), "07:05");
    }

    #[test]
    fn the_next_time_is_that_of_clocks_on_the_wall() {
        let table = [
            // Later today, tomorrow, and exactly now is over.
            ("Asia/Ho_Chi_Minh", "18:00", "2026-03-05T10:59:59Z", "2026-03-05T11:00:00Z"),
            ("Asia/Ho_Chi_Minh", "18:00", "2026-03-05T11:00:00Z", "2026-03-06T11:00:00Z"),
            // It is already tomorrow there.
            ("Asia/Ho_Chi_Minh", "00:30", "2026-03-05T17:00:00Z", "2026-03-05T17:30:00Z"),
            ("America/New_York", "23:30", "2026-03-05T03:00:00Z", "2026-03-05T04:30:00Z"),
            // The end of February.
            ("UTC", "06:00", "2028-02-28T07:00:00Z", "2028-02-29T06:00:00Z"),
            // The day on which the clocks are put forward, before, over and after the gap from 2 to 3.
            ("Europe/Berlin", "01:30", "2026-03-28T12:00:00Z", "2026-03-29T00:30:00Z"),
            ("Europe/Berlin", "02:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
            ("Europe/Berlin", "18:00", "2026-03-28T17:00:00Z", "2026-03-29T16:00:00Z"),
            // The day on which they are put back: half past two comes twice, and counts once.
            ("Europe/Berlin", "02:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("Europe/Berlin", "02:30", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
            // A day that Samoa never had: its time falls on the day after.
            ("Pacific/Apia", "18:00", "2011-12-30T04:00:00Z", "2011-12-31T04:00:00Z"),
            ("No/Where", "18:00", "2026-03-05T00:00:00Z", "2026-03-05T18:00:00Z"),
        ];
        for (zone, time, now, expected) in table {
            let daily = Daily { minute: Daily::parse_minute(time).unwrap(), zone: zone.to_owned() };
            let next = daily.next(now.parse().unwrap());
            assert_eq!(next, expected.parse().unwrap(), "{zone} {time} {now}");
        }
    }

    #[test]
    fn no_day_is_missed_and_none_comes_twice() {
        let daily = Daily { minute: 150, zone: "Europe/Berlin".into() };
        let mut at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut days = std::collections::BTreeSet::new();
        for _ in 0..365 {
            at = daily.next(at);
            let day = at.to_jiff().to_zoned(TimeZone::get("Europe/Berlin").unwrap()).date();
            assert!(days.insert(day), "{day}");
        }
        assert_eq!(days.len(), 365);
    }
}
