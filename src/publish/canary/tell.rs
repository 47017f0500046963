//! What is counted, and what the log says when something has changed.

use super::{State, judge};
use crate::{
    model::{self, Promptness},
    publish::{Other, Watch},
};

/// Writes down and counts what became of a change.
pub(super) fn count(kept: &mut model::Canary, became: Promptness) {
    judge::count(kept, became);
    let result = match became {
        Promptness::OnTime => "delivered",
        Promptness::Late => "late",
        Promptness::Missing => "missing",
    };
    metrics::counter!("loa_hub_canary_changes_total", "result" => result).increment(1);
}

/// Counts a push.
pub(super) fn pushed(result: &'static str) {
    metrics::counter!("loa_hub_canary_pushes_total", "result" => result).increment(1);
}

/// Says why a hub is not watched.
pub(super) fn watch(other: &Other) {
    let hub = &other.address;
    match other.watch {
        Watch::At(_) => {}
        Watch::Off => tracing::info!(
            hub,
            "nobody looks whether the hub `{hub}` delivers: `canary` of `[publish]` is false"
        ),
        Watch::Unreachable => tracing::info!(
            hub,
            "nobody looks whether the hub `{hub}` delivers: it cannot reach us\n\
             hint: write a public `base_url` of `[web]`, or `allow_private_callbacks = true` of `[ingest]` for a hub of your \
             own network"
        ),
    }
}

/// Says how a hub is.
pub(super) fn state(kept: &model::Canary, state: State) {
    let (hub, feed, n) = (&kept.hub, &kept.feed, kept.in_row);
    let error = kept.lease.as_ref().and_then(|lease| lease.error.as_deref());
    match state {
        State::Asked => match error {
            None => {
                tracing::info!(hub, "the hub `{hub}` is asked to tell us of `{feed}`, as it tells readers");
            }
            Some(error) => {
                tracing::warn!(hub, "the hub `{hub}` does not agree to tell us of `{feed}`: {error}");
            }
        },
        State::Unverified => {
            let error = error.map_or_else(String::new, |error| format!(": {error}"));
            tracing::warn!(
                hub,
                "the hub `{hub}` has not agreed to tell us of `{feed}` for a day{error}\n\
                 hint: it has to reach `base_url` of `[web]`, at `/websub/`"
            );
        }
        State::Subscribed => {
            tracing::info!(hub, "the hub `{hub}` is watched: it has agreed to tell us of `{feed}`");
        }
        State::Delivering => tracing::info!(hub, "the hub `{hub}` delivers changes of `{feed}` in time"),
        State::Late => tracing::warn!(hub, "the hub `{hub}` has delivered the last change of `{feed}` late"),
        State::Missing if n == 1 => {
            tracing::warn!(hub, "the hub `{hub}` has not delivered the last change of `{feed}`");
        }
        State::Missing | State::Silent => {
            tracing::warn!(hub, "the hub `{hub}` has not delivered the last {n} changes of `{feed}`");
        }
    }
}

/// Says which hub feeds name from now on.
pub(super) fn trust(other: &Other, is_trusted: bool) {
    let hub = &other.address;
    match (&other.stand_in, is_trusted) {
        (_, true) => tracing::info!(hub, "feeds name the hub `{hub}` again"),
        (Some(own), false) => {
            tracing::warn!(hub, "feeds name our own hub `{own}` instead of `{hub}` until that delivers");
        }
        (None, false) => tracing::warn!(
            hub,
            "readers that rely on the hub `{hub}` learn of news late\n\
             hint: let our own stand in (`open = true` of `[hub]`), or name another"
        ),
    }
}
