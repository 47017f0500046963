//! `/bot`: what the default `User-Agent` leads to. For the owners of sites that we watch: who we are, what we look at and
//! how often, and how we are kept away.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State as With,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
    routing::get,
};
use minijinja::{Value, context};
use serde::Serialize;
use url::Url;

use super::render::Frame;
use crate::{
    ingest::Source,
    net::{self, robots},
    web::State,
};

/// The most hosts that are listed.
const HOSTS: usize = 500;

/// A host that we look at.
#[derive(Debug, Serialize)]
struct Host {
    name: String,
    /// How many of its sections.
    sections: usize,
    /// How often one of them at the most.
    every: Span,
    /// The time between two requests.
    pause: Span,
}

/// A duration for people, rounded down: never more often than is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Span {
    count: u64,
    /// As `words.toml` calls it, after `unit_`.
    unit: char,
}

pub(super) fn routes() -> Router<State> {
    Router::new().route("/bot", get(bot))
}

async fn bot(With(state): With<State>, uri: Uri, headers: HeaderMap) -> Response {
    let settings = state.publisher.settings();
    let sources = state.ingest.sources().into_iter().filter(|source| settings.is_public(&source.id));
    let page = page(&sources.collect::<Vec<_>>(), state.ingest.limits());
    Frame::of(&uri, &headers, &settings.base_url).page(StatusCode::OK, "bot.html", page)
}

fn page(sources: &[Arc<Source>], limits: &net::Settings) -> Value {
    let mut hosts = hosts(sources, limits);
    let n_more = hosts.len().saturating_sub(HOSTS);
    hosts.truncate(HOSTS);
    let contact = limits.contact.as_ref().map(|address| {
        let text = address.strip_prefix("mailto:").unwrap_or(address);
        context! { address, text }
    });
    context! {
        agent => limits.user_agent,
        contact,
        token => robots::TOKEN,
        spacing => Span::of(limits.spacing),
        budget => limits.daily_budget,
        hosts,
        n_more,
    }
}

/// Every host once, by name.
fn hosts(sources: &[Arc<Source>], limits: &net::Settings) -> Vec<Host> {
    let mut hosts: BTreeMap<String, (usize, Duration, Duration)> = BTreeMap::new();
    for source in sources {
        let Some(name) = source.asked().and_then(Url::host_str) else { continue };
        let (every, pause) = (source.schedule.usual_interval(), source.spacing.unwrap_or(limits.spacing));
        let host = hosts.entry(name.to_owned()).or_insert((0, every, pause));
        *host = (host.0 + 1, host.1.min(every), host.2.min(pause));
    }
    let host = |(name, (sections, every, pause))| Host {
        name,
        sections,
        every: Span::of(every),
        pause: Span::of(pause),
    };
    hosts.into_iter().map(host).collect()
}

impl Span {
    fn of(duration: Duration) -> Self {
        let seconds = duration.as_secs();
        match seconds {
            0..120 => Self { count: seconds, unit: 's' },
            120..7200 => Self { count: seconds / 60, unit: 'm' },
            _ => Self { count: seconds / 3600, unit: 'h' },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(uri: &str, contact: Option<&str>) -> String {
        let config = crate::config::load(None, &[]).unwrap();
        let limits = net::Settings { contact: contact.map(str::to_owned), ..config.net };
        let mut sources = config.ingest.sources;
        sources.push(Arc::clone(&sources[0]));
        let frame = Frame::of(&uri.parse().unwrap(), &HeaderMap::new(), "https://tin.example");
        frame.html("bot.html", page(&sources, &limits)).unwrap()
    }

    #[test]
    fn owners_of_sites_read_who_comes_how_often_and_how_to_end_it() {
        let english = html("/bot?lang=en", Some("mailto:admin@tin.example"));
        for part in [
            "<html lang=\"en\">",
            "User-Agent: loaphuong/",
            "User-agent: loaphuong\nDisallow: /</code>",
            "<a href=\"mailto:admin@tin.example\">admin@tin.example</a>",
            "<td>www.quan1.hochiminhcity.gov.vn</td><td>2</td><td>once in 10 min</td><td>2 s</td>",
            "day: 5000.",
        ] {
            assert!(english.contains(part), "{part} is not in\n{english}");
        }
        let vietnamese = html("/bot", None);
        assert!(vietnamese.contains("người vận hành") && vietnamese.contains("10 phút"), "{vietnamese}");
    }

    #[test]
    fn durations_are_never_shown_longer_than_they_are() {
        let check = |seconds: u64, count: u64, unit: char| {
            assert_eq!(Span::of(Duration::from_secs(seconds)), Span { count, unit });
        };
        check(0, 0, 's');
        check(119, 119, 's');
        check(120, 2, 'm');
        check(659, 10, 'm');
        check(7200, 2, 'h');
    }
}
