//! When a source may be asked "anything new since?".
//!
//! Servers lie: a page that is put together for each request has the date of its template, a proxy keeps a tag for ever.
//! So a list is read whole once a day, whatever was heard of it. Where it has something new then under the very validators
//! that were known, its server is not asked any more whether something changed, for a week.

use std::time::Duration;

use crate::model::{Digest, SourceState, Timestamp, Validators};

/// The issue of a server that calls a changed list the same.
pub const LIE: &str = "validators-lie";

const DAY: Duration = Duration::from_secs(24 * 3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// The validators of the last answer, where they may be used: not when other rules read it, as a 304 would hide what the new
/// rules find in the same bytes; not on the first look of a day; and not where they are known to lie.
pub fn usable(state: &SourceState, rules: Digest, at: Timestamp) -> Validators {
    let first_in = |period| is_first_in(period, state, at);
    if state.rules != rules || first_in(DAY) || (is_known_to_lie(state) && !first_in(WEEK)) {
        return Validators::default();
    }
    state.validators.clone()
}

/// Was a changed list called the same, this week?
pub fn distrusted(state: &SourceState, at: Timestamp) -> bool {
    is_known_to_lie(state) && !is_first_in(WEEK, state, at)
}

fn is_known_to_lie(state: &SourceState) -> bool {
    state.issues.iter().any(|issue| issue.code == LIE)
}

/// Days begin at another time for each source, so that not all of them are read whole at midnight.
fn is_first_in(period: Duration, state: &SourceState, at: Timestamp) -> bool {
    let hash = blake3::hash(state.id.as_str().as_bytes());
    let phase = hash.as_bytes().iter().take(4).fold(0, |phase, byte| phase << 8 | i64::from(*byte));
    let seconds = i64::try_from(period.as_secs()).unwrap_or(i64::MAX);
    let number = |at: Timestamp| (at.as_second() + phase).div_euclid(seconds);
    state.last_attempt.is_none_or(|last| number(last) != number(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Issue;

    const RULES: Digest = Digest([1; 16]);

    fn state() -> SourceState {
        let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
        SourceState {
            rules: RULES,
            validators,
            last_attempt: Some(Timestamp::from_second(1_795_399_200)),
            ..SourceState::new("quan1".parse().unwrap())
        }
    }

    /// How many of this many looks, ten minutes apart, are conditional.
    fn conditional(mut state: SourceState, looks: i64) -> usize {
        let known = state.validators.clone();
        let begin = state.last_attempt.unwrap();
        let asks = (1..=looks).filter(|n| {
            let at = begin.plus(Duration::from_secs(600) * u32::try_from(*n).unwrap());
            let used = usable(&state, RULES, at);
            state.last_attempt = Some(at);
            used == known
        });
        asks.count()
    }

    #[test]
    fn other_rules_void_validators() {
        let at = state().last_attempt.unwrap();
        assert_eq!(usable(&state(), RULES, at), state().validators);
        assert_eq!(usable(&state(), Digest([2; 16]), at), Validators::default());
    }

    #[test]
    fn one_look_a_day_is_whole_and_a_liar_is_asked_once_a_week() {
        assert_eq!(conditional(state(), 144 * 14), 143 * 14);
        let liar = SourceState { issues: vec![Issue::warning(LIE, "x")], ..state() };
        // The look that begins a week begins a day, too.
        assert_eq!(conditional(liar.clone(), 144 * 14), 0);
        assert!(distrusted(&liar, liar.last_attempt.unwrap()));
        assert!(!distrusted(&state(), state().last_attempt.unwrap()));
        let later = liar.last_attempt.unwrap().plus(WEEK);
        assert!(!distrusted(&liar, later), "it may have been mended");
    }
}
