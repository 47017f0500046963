//! Honest dates for people: never more exact than the source was.

use serde::Serialize;

use super::language::Language;
use crate::model::{Date, Offset, Precision, Timestamp};

/// A date as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct When {
    /// For people.
    pub(super) text: String,
    /// For the `datetime` attribute: a date without a time where only the day is known.
    pub(super) machine: String,
}

impl When {
    /// A date of an article.
    pub(super) fn date(date: &Date, language: Language) -> Self {
        Self::new(date.at, date.offset, date.precision, language)
    }

    /// An instant of ours, exact to the minute.
    pub(super) fn instant(at: Timestamp, offset: Offset, language: Language) -> Self {
        Self::new(at, offset, Precision::Minute, language)
    }

    fn new(at: Timestamp, offset: Offset, precision: Precision, language: Language) -> Self {
        use Language::{English, Vietnamese};
        let (text, machine) = match (precision, language) {
            (Precision::Minute, Vietnamese) => ("%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S%:z"),
            (Precision::Minute, English) => ("%-d %B %Y, %H:%M", "%Y-%m-%dT%H:%M:%S%:z"),
            (Precision::Day, Vietnamese) => ("%d/%m/%Y", "%Y-%m-%d"),
            (Precision::Day, English) => ("%-d %B %Y", "%Y-%m-%d"),
            (Precision::Month, Vietnamese) => ("%m/%Y", "%Y-%m"),
            (Precision::Month, English) => ("%B %Y", "%Y-%m"),
            (Precision::Year, _) => ("%Y", "%Y"),
        };
        let zone = jiff::tz::Offset::from_seconds(offset.0).unwrap_or(jiff::tz::Offset::UTC);
        let local = at.to_jiff().to_zoned(zone.to_time_zone());
        Self { text: local.strftime(text).to_string(), machine: local.strftime(machine).to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_the_source_said_and_not_more() {
        let at: Timestamp = "2020-07-30T17:12:00+07:00".parse().unwrap();
        let table = [
            (Precision::Minute, "30/07/2020 17:12", "30 July 2020, 17:12", "2020-07-30T17:12:00+07:00"),
            (Precision::Day, "30/07/2020", "30 July 2020", "2020-07-30"),
            (Precision::Month, "07/2020", "July 2020", "2020-07"),
            (Precision::Year, "2020", "2020", "2020"),
        ];
        for (precision, vietnamese, english, machine) in table {
            let offset = Offset(7 * 3600);
            let date = Date { at, offset, precision, raw: None, inferred: false };
            for (language, text) in [(Language::Vietnamese, vietnamese), (Language::English, english)] {
                let expected = When { text: text.to_owned(), machine: machine.to_owned() };
                assert_eq!(When::date(&date, language), expected);
            }
        }
    }
}
