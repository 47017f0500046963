//! When a source is looked at: crontab's five fields in a zone, `every`, or as its habit suggests (`adaptive`).
//!
//! The fields mean what crontab(5) says, and what cron(8) says of clocks that are changed: a run at a fixed
//! time that the clock jumps over comes right after the jump, and one that the clock shows twice comes the
//! first time only. A run with `*` in its minutes or hours simply follows the clock, through both.
use std::{fmt, sync::Arc, time::Duration};

use jiff::tz::TimeZone;

use self::adaptive::{Bounds, Habit};
use crate::model::Timestamp;

pub mod adaptive;
mod crontab;
pub mod pushed;
#[cfg(test)]
mod tests;

/// When to look.
#[derive(Clone)]
pub struct Schedule(Kind);

#[derive(Clone)]
enum Kind {
    Cron(Arc<Cron>),
    Every(Duration),
    Adaptive(Arc<Adaptive>),
    Never,
}

/// As often as the source's habit suggests.
struct Adaptive {
    bounds: Bounds,
    zone: TimeZone,
    /// The times that are allowed, where not all of them are.
    within: Option<Schedule>,
    /// What is taken for the habit of a source that has none yet.
    unknown: Habit,
}

/// What is known of a source's own ways.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// When it publishes.
    pub habit: Option<&'a Habit>,
    /// When something new was found last.
    pub news: Option<Timestamp>,
}

struct Cron {
    /// As it was written.
    expression: String,
    zone: TimeZone,
    /// The times of local clocks. Two where crontab means either of two kinds of days.
    walls: Vec<cron::Schedule>,
    /// Has `*` in its minutes or hours.
    follows_clock: bool,
}

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

/// What is said of a schedule that has no two more runs.
const SELDOM: Duration = Duration::from_secs(24 * 3600);

/// How often readers look for what may come at any time.
const ANYTIME: Duration = Duration::from_secs(600);

impl Schedule {
    /// Reads crontab's five fields.
    pub fn cron(expression: &str, zone: TimeZone) -> Result<Self, Error> {
        let fields = crontab::read(expression)?;
        let walls = fields.quartz().into_iter().map(|quartz| {
            // The user's text was checked above; what is parsed here is made of numbers within their ranges.
            quartz.parse().map_err(|_| Error {
                message: format!("`{expression}` cannot be used as a schedule"),
                span: 0..expression.len(),
                hint: None,
            })
        });
        Ok(Self(Kind::Cron(Arc::new(Cron {
            expression: expression.trim().to_owned(),
            zone,
            walls: walls.collect::<Result<_, Error>>()?,
            follows_clock: fields.follows_clock(),
        }))))
    }

    /// Every so often, but not more than once a second.
    pub fn every(interval: Duration) -> Self {
        Self(Kind::Every(interval.max(Duration::from_secs(1))))
    }

    /// Nobody looks: what is new is brought.
    pub fn never() -> Self {
        Self(Kind::Never)
    }

    /// Does nobody ever look?
    pub fn is_never(&self) -> bool {
        matches!(self.0, Kind::Never)
    }

    /// As often as its habit suggests, within these bounds, and where `within` says so at its times only: the first
    /// of them that is not too early.
    pub fn adaptive(bounds: Bounds, zone: TimeZone, within: Option<Self>) -> Self {
        let unknown = Habit::learn(&[], Timestamp::default(), &zone, bounds);
        Self(Kind::Adaptive(Arc::new(Adaptive { bounds, zone, within, unknown })))
    }

    /// Does it follow a habit? Then within which bounds, and by which clock.
    pub fn follows(&self) -> Option<(Bounds, &TimeZone)> {
        match &self.0 {
            Kind::Adaptive(adaptive) => Some((adaptive.bounds, &adaptive.zone)),
            Kind::Cron(_) | Kind::Every(_) | Kind::Never => None,
        }
    }

    /// The first due time after `after`; `None` for an expression that never comes (30 February).
    /// Always later than `after`, and never earlier for a later `after`.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Every(interval) => Some(after.plus(*interval)).filter(|next| *next > after),
            Kind::Cron(cron) => cron.next(after.as_second()).map(Timestamp::from_second),
            Kind::Adaptive(_) => self.next_knowing(after, Known::default()),
            Kind::Never => None,
        }
    }

    /// The same for a source of which something is known.
    pub fn next_knowing(&self, after: Timestamp, known: Known<'_>) -> Option<Timestamp> {
        let Kind::Adaptive(adaptive) = &self.0 else { return self.next(after) };
        let Adaptive { bounds, zone, within, unknown } = &**adaptive;
        let next = known.habit.unwrap_or(unknown).next(after, known.news, zone, *bounds);
        match within {
            None => Some(next).filter(|next| *next > after),
            // A run in the very second is not missed.
            Some(within) => within.next(next.minus(Duration::from_secs(1))),
        }
    }

    /// The time between the next two runs after `after`: how long what was read then stays fresh.
    pub fn interval(&self, after: Timestamp) -> Duration {
        let next = self.next(after);
        let second = next.and_then(|next| self.next(next));
        next.zip(second).map_or(SELDOM, |(next, second)| second.since(next))
    }

    /// The shortest time between two runs of an ordinary week: what can be said of it without knowing the time.
    pub fn usual_interval(&self) -> Duration {
        if self.is_never() {
            return ANYTIME;
        }
        if let Kind::Adaptive(adaptive) = &self.0 {
            let within = adaptive.within.as_ref().map_or(Duration::ZERO, Self::usual_interval);
            return adaptive.bounds.min.max(within);
        }
        /// Monday, 2026-01-05, 00:00 UTC.
        const MONDAY: Timestamp = Timestamp::from_second(1_767_571_200);
        const RUNS: usize = 200;
        let runs = std::iter::successors(self.next(MONDAY), |run| self.next(*run));
        let runs: Vec<_> = runs.take(RUNS).collect();
        let gaps = runs.iter().zip(runs.iter().skip(1)).map(|(run, next)| next.since(*run));
        gaps.min().unwrap_or(SELDOM)
    }
}

// === impl Cron ===

/// A stretch of time in which the clock of a zone is not changed; instants in seconds since the epoch.
struct Stretch {
    /// Seconds east of UTC.
    offset: i64,
    /// When it began, and the offset before.
    begin: Option<(i64, i64)>,
    /// When it ends.
    end: Option<i64>,
}

impl Cron {
    /// Walks from one change of the clock to the next: between two of them, local time is UTC and a constant.
    fn next(&self, after: i64) -> Option<i64> {
        let mut from = after + 1;
        loop {
            let stretch = self.stretch(from);
            let mut wall = from + stretch.offset;
            if let Some((begin, before)) = stretch.begin
                && !self.follows_clock
            {
                // Was a run jumped over? The local times from here to the first after the change do not exist.
                if begin == from && self.wall_from(begin + before)? < begin + stretch.offset {
                    return Some(begin);
                }
                // Local times that the clock shows again had their run.
                wall = wall.max(begin + before);
            }
            let due = self.wall_from(wall)? - stretch.offset;
            match stretch.end {
                Some(end) if due >= end => from = end,
                _ => return Some(due),
            }
        }
    }

    /// The first local time not before `wall`, in seconds of a clock that is never changed.
    fn wall_from(&self, wall: i64) -> Option<i64> {
        let before = chrono::DateTime::from_timestamp(wall - 1, 0)?;
        self.walls
            .iter()
            .filter_map(|schedule| schedule.after(&before).next())
            .map(|due| due.timestamp())
            .min()
    }

    /// The stretch that the second `at` belongs to.
    fn stretch(&self, at: i64) -> Stretch {
        let instant = |second| Timestamp::from_second(second).to_jiff();
        let offset = |second| i64::from(self.zone.to_offset(instant(second)).seconds());
        let begin = self.zone.preceding(instant(at + 1)).next().map(|change| change.timestamp().as_second());
        let end = self.zone.following(instant(at)).next().map(|change| change.timestamp().as_second());
        Stretch { offset: offset(at), begin: begin.map(|begin| (begin, offset(begin - 1))), end }
    }
}

// === impl Schedule ===

/// `*/10 6-19 * * * (Asia/Ho_Chi_Minh)`, `every 10m`, `every 5m to 2h, at */10 6-19 * * * (Asia/Ho_Chi_Minh)`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed = |duration: Duration| {
            jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
        };
        match &self.0 {
            Kind::Every(interval) => write!(f, "every {:#}", signed(*interval)),
            Kind::Adaptive(adaptive) => {
                let Bounds { min, max } = adaptive.bounds;
                write!(f, "every {:#} to {:#}", signed(min), signed(max))?;
                adaptive.within.as_ref().map_or(Ok(()), |within| write!(f, ", at {within}"))
            }
            Kind::Never => f.write_str("never"),
            Kind::Cron(cron) => {
                write!(f, "{} ({})", cron.expression, cron.zone.iana_name().unwrap_or("fixed offset"))
            }
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({self})")
    }
}
