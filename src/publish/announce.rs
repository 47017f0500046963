//! Telling a WebSub hub that feeds have changed: `hub.mode=publish` with the topic, one request each, which is what
//! every hub understands (the WebSub Recommendation leaves this step to hubs; PubSubHubbub 0.4, section 7.1, has it). The
//! topic is said under both of its names: `hub.url` is PubSubHubbub's, some newer hubs want `hub.topic`.

use std::{collections::HashMap, sync::PoisonError, time::Duration};

use tokio_util::sync::CancellationToken;
use url::{Url, form_urlencoded};

use super::{Format, Publisher, Settings, document::Address};
use crate::{model::FeedId, net, store};

/// The pause after the first failure; it doubles with each further one.
const PAUSE: Duration = Duration::from_secs(60);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(3600);

impl Publisher {
    /// Tells the hub about every feed that changed, until `stop`. A hub that cannot be reached is asked again, less
    /// and less often: what is told is only that there is news, so one request makes up for all that failed.
    pub async fn announce(&self, client: net::Client, stop: CancellationToken) -> store::Result<()> {
        let mut seen = self.seen.subscribe();
        let mut told: HashMap<FeedId, u64> = HashMap::new();
        let mut pause = PAUSE;
        loop {
            seen.mark_unchanged();
            let all_told = self.tell(&client, &mut told).await;
            pause = if all_told { PAUSE } else { (pause * 2).min(LONGEST) };
            let again = self.clock.sleep_until(self.clock.now().plus(pause));
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                moved = seen.changed() => if moved.is_err() { return Ok(()) },
                () = again, if !all_told => {}
            }
        }
    }

    /// Tells about the versions that were not told yet. False when some could not be.
    async fn tell(&self, client: &net::Client, told: &mut HashMap<FeedId, u64>) -> bool {
        let shown = self.shown.load_full();
        let Some(hub) = shown.settings.other_hub() else { return true };
        let Ok(hub) = Url::parse(&hub.address) else { return true };
        let mut failed = None;
        for (id, live) in &shown.feeds {
            let snapshot = live.snapshot();
            if snapshot.feed.is_private() || told.get(id) == Some(&snapshot.version) {
                continue;
            }
            match tell_of(client, &hub, &shown.settings, id).await {
                Ok(()) => drop(told.insert(id.clone(), snapshot.version)),
                Err(problem) => {
                    tracing::warn!(feed = %id, "cannot tell the hub `{hub}` about `{id}`: {problem}");
                    metrics::counter!("loa_hub_failures_total").increment(1);
                    failed = Some(problem);
                }
            }
        }
        let all_told = failed.is_none();
        *self.untold.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        all_told
    }
}

/// Tells about every format of a feed.
async fn tell_of(client: &net::Client, hub: &Url, settings: &Settings, feed: &FeedId) -> Result<(), String> {
    for format in Format::ALL {
        let topic = Address::of(settings, feed).of_format(format);
        let topic: String = form_urlencoded::byte_serialize(topic.as_bytes()).collect();
        let request = net::Request {
            method: reqwest::Method::POST,
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: Some(format!("hub.mode=publish&hub.url={topic}&hub.topic={topic}").into()),
            max_redirects: 0,
            // The operator wrote the address down: a hub may stand beside us.
            allow_private: true,
            want: net::Want::Start(0),
            ..net::Request::get(hub.clone())
        };
        let answer = client.send(request).await.map_err(|error| error.to_string())?;
        if !(200..300).contains(&answer.status) {
            return Err(format!("it answered {}", answer.status));
        }
    }
    Ok(())
}
