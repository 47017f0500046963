//! When a source is looked at: crontab's five fields in a zone, or `every`.
use crate::model::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// When to look.
#[derive(Clone, Debug)]
pub struct Schedule;

/// A cron expression or duration that says nothing usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is wrong, in a sentence.
    pub message: String,
    /// Byte range of the wrong part in the expression.
    pub span: std::ops::Range<usize>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Schedule {
    /// Reads crontab's five fields.
    pub fn cron(_expression: &str, _zone: TimeZone) -> Result<Self, Error> {
        unimplemented!("spine")
    }
    /// Every so often.
    pub fn every(_interval: Duration) -> Self {
        unimplemented!("spine")
    }
    /// The first due time after `after`; `None` for an expression that never comes (30 February).
    pub fn next(&self, _after: Timestamp) -> Option<Timestamp> {
        unimplemented!("spine")
    }
}
