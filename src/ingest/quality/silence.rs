//! A source that was read before and cannot be read any more: nobody misses what does not come. Pure.

use std::time::Duration;

use crate::model::{Reason, SourceState, Timestamp};

/// So many failures in a row, over at least so long, and over so many of its usual intervals, are no bad moment.
const FAILURES: u32 = 6;
const LONG: Duration = Duration::from_secs(6 * 60 * 60);
const INTERVALS: u32 = 3;

/// The code of its reason.
pub(in crate::ingest) const SILENT: &str = "silent";

/// The reason to tell operators that a source is silent, after a failure that `message` tells of.
pub(in crate::ingest) fn silent(
    state: &SourceState,
    usual: Duration,
    message: &str,
    at: Timestamp,
) -> Option<Reason> {
    let last = state.last_success?;
    let long = LONG.max(usual.saturating_mul(INTERVALS));
    let is_silent = state.backfilled && state.failures >= FAILURES && at.since(last) >= long;
    is_silent.then(|| Reason {
        code: SILENT.to_owned(),
        message: format!("the source cannot be read any more: {message}"),
        before: format!("read at {last}"),
        after: format!("{} failures in a row", state.failures),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_bad_moment_is_no_silence() {
        let at = Timestamp::from_second(1_000_000);
        let check = |failures: u32, hours: u32, usual: Duration, backfilled: bool, expected: bool| {
            let mut state = SourceState::new("a".parse().unwrap());
            (state.failures, state.backfilled) = (failures, backfilled);
            state.last_success = Some(at.minus(HOUR * hours));
            assert_eq!(silent(&state, usual, "x", at).is_some(), expected, "{failures} {hours} {usual:?}");
        };
        check(6, 6, HOUR / 6, true, true);
        check(5, 60, HOUR / 6, true, false);
        check(60, 5, HOUR / 6, true, false);
        check(6, 6, HOUR * 24, true, false);
        check(6, 72, HOUR * 24, true, true);
        check(6, 72, HOUR, false, false);
        let mut never = SourceState::new("a".parse().unwrap());
        (never.failures, never.backfilled) = (100, true);
        assert_eq!(silent(&never, HOUR, "x", at), None);
    }
}
