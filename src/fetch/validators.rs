//! When a source may be asked "anything new since?".

use crate::model::{Digest, SourceState, Validators};

/// The validators of the last answer, unless other rules read it: then a 304 would hide what the new rules
/// find in the same bytes.
pub fn usable(state: &SourceState, rules: Digest) -> Validators {
    if state.rules == rules { state.validators.clone() } else { Validators::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_rules_void_validators() {
        let rules = Digest([1; 16]);
        let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
        let source = "quan1".parse().unwrap();
        let state = SourceState { rules, validators: validators.clone(), ..SourceState::new(source) };
        assert_eq!(usable(&state, rules), validators);
        assert_eq!(usable(&state, Digest([2; 16])), Validators::default());
    }
}
