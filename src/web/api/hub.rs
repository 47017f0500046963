//! `/api/v1/hub`: which hub feeds name, and whether one that is not ours delivers.

use axum::{Json, extract::State as With};
use serde_json::{Value, json};
use url::Url;

use crate::{
    publish::{
        Hub, Settings, Watch,
        canary::{Status, Watched},
    },
    web::{State, address::without_credentials},
};

pub(super) async fn show(With(state): With<State>) -> Json<Value> {
    let other = state.canary.status();
    Json(describe(&state.publisher.settings(), other.as_ref()))
}

fn describe(settings: &Settings, other: Option<&Status>) -> Value {
    json!({
        "named": settings.hub.as_ref().map(|hub| public(hub.named())),
        "open": match &settings.hub {
            Some(Hub::Own(_)) => true,
            Some(Hub::Other(other)) => other.stand_in.is_some(),
            None => false,
        },
        "other": other.map(of_other),
    })
}

/// A hub that is not ours. No token or secret stands here.
fn of_other(status: &Status) -> Value {
    let mut value = json!({
        "hub": public(&status.hub.address),
        "replaced": status.hub.is_replaced,
        "announce_error": status.untold,
        "state": match (&status.watched, &status.hub.watch) {
            (Some(watched), _) => watched.state.name(),
            (None, Watch::Off) => "off",
            (None, Watch::Unreachable) => "unreachable",
            (None, Watch::At(_)) => "starting",
        },
    });
    if let (Some(Watched { known, waiting, .. }), Some(object)) = (&status.watched, value.as_object_mut()) {
        let time = |at: Option<crate::model::Timestamp>| at.map(|at| at.to_string());
        let lease = known.lease.as_ref();
        let more = json!({
            "trusted": known.distrusted.is_none(),
            "distrusted_since": time(known.distrusted),
            "feed": known.feed.as_str(),
            "topic": lease.map(|lease| lease.advert.topic.as_str()),
            "lease_until": time(lease.and_then(|lease| lease.until)),
            "next_request": time(lease.and_then(|lease| lease.next)),
            "error": lease.and_then(|lease| lease.error.as_deref()),
            "delivered": known.on_time,
            "late": known.late,
            "missing": known.missing,
            "in_a_row": known.in_row,
            "waiting": waiting.len(),
            "waiting_since": time(waiting.first().copied()),
            "last_push": time(known.pushed),
        });
        object.extend(more.as_object().cloned().unwrap_or_default());
    }
    value
}

/// An address as everybody may see it.
fn public(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_owned(), |url| without_credentials(&url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        publish::{Other, canary::State},
        store::conformance::samples,
        web::pages::sample,
    };

    fn settings(hub: Option<Hub>) -> Settings {
        Settings { hub, ..sample::settings() }
    }

    #[test]
    fn what_is_known_is_told_without_secrets() {
        let hub = Other {
            address: "https://user:word@hub.example/".to_owned(),
            watch: Watch::At("https://tin.example".to_owned()),
            stand_in: Some("https://tin.example/hub".to_owned()),
            is_replaced: true,
        };
        let known = samples::canary("quan1");
        let watched = Watched { state: State::Missing, known, waiting: vec![samples::at(5), samples::at(6)] };
        let untold = Some("it answered 400".to_owned());
        let status = Status { hub: hub.clone(), untold, watched: Some(watched) };
        let value = describe(&settings(Some(Hub::Other(hub))), Some(&status));
        assert_eq!(
            value,
            json!({
                "named": "https://tin.example/hub", "open": true, "other": {
                    "hub": "https://hub.example/", "replaced": true, "announce_error": "it answered 400", "state": "missing", "trusted": false,
                    "distrusted_since": "1970-01-01T00:00:09Z", "feed": "quan1",
                    "topic": "https://portal.example/rss", "lease_until": "1970-01-01T00:15:00Z",
                    "next_request": null, "error": "503", "delivered": 7, "late": 0, "missing": 2, "in_a_row": 2,
                    "waiting": 2, "waiting_since": "1970-01-01T00:00:05Z", "last_push": "1970-01-01T00:00:08Z",
                },
            })
        );
        let hub = Other { watch: Watch::Off, ..status.hub };
        let off = Status { hub, untold: None, watched: None };
        assert_eq!(of_other(&off)["state"], "off");
        let own = settings(Some(Hub::Own("https://tin.example/hub".to_owned())));
        assert_eq!(describe(&own, None)["named"], "https://tin.example/hub");
        assert_eq!(describe(&settings(None), None), json!({ "named": null, "open": false, "other": null }));
    }
}
