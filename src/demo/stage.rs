//! What one watches: something happens at the portal, the daemon notices, the newsroom hears.

use std::{net::SocketAddr, time::Duration};

use tokio::sync::mpsc;

use super::{
    pages,
    portal::{Portal, Story, Visit},
    receiver::Received,
    screen::{Actor, Screen},
    stories,
};
use crate::{
    app::App,
    clock::{self, Clock},
    model::{FeedId, Seq},
};

/// Time between two things that happen at the portal.
const BEAT: Duration = Duration::from_secs(4);
/// Time between two looks at what the daemon has done.
const LOOK: Duration = Duration::from_millis(100);
/// How often something happens that is no news: another address, a pin.
const CYCLE: u32 = 6;

/// Everything on stage.
pub(super) struct Stage<'a> {
    pub(super) app: &'a App,
    pub(super) portal: &'a Portal,
    pub(super) address: SocketAddr,
    pub(super) screen: Screen,
}

/// Something happened that is no news: what the journal said before, and how to say that it still does.
struct Quiet {
    head: Seq,
    n_visits: u64,
    verdict: &'static str,
}

// === impl Stage ===

impl Stage<'_> {
    /// Runs until it is dropped.
    pub(super) async fn play(
        &self,
        mut received: mpsc::UnboundedReceiver<Received>,
        before: Seq,
    ) -> anyhow::Result<()> {
        self.first_pass().await?;
        self.addresses();
        let mut beats = tokio::time::interval(BEAT);
        let mut looks = tokio::time::interval(LOOK);
        let mut n_beats = 0;
        let mut quiet = None;
        loop {
            tokio::select! {
                // What is no news takes until the next pass to show; nothing else happens before.
                _ = beats.tick(), if quiet.is_none() => {
                    quiet = self.happen(n_beats, before).await?;
                    n_beats += 1;
                }
                _ = looks.tick() => quiet = self.settled(quiet).await?,
                Some(delivery) = received.recv() => self.screen.act(Actor::Newsroom, &told(&delivery)),
            }
        }
    }

    /// Shows every page that the first pass reads, and what came of it.
    async fn first_pass(&self) -> anyhow::Result<()> {
        let n_stories = self.portal.stories().len();
        self.screen.step(4, "the first pass:");
        let feed: FeedId = "quan1".parse()?;
        let mut n_shown = 0;
        loop {
            let done = self.app.publisher.articles(&feed).is_some_and(|known| known.len() >= n_stories)
                && self.app.is_idle().await?;
            let visits = self.portal.visits();
            for visit in visits.iter().skip(n_shown) {
                self.screen.detail(&read(visit));
            }
            n_shown = visits.len();
            if done {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let n_addresses = 2 * n_stories;
        self.screen.detail(&format!(
            "{n_addresses} addresses are {n_stories} articles: stored, published, nobody told (no news)"
        ));
        Ok(())
    }

    fn addresses(&self) {
        self.screen.step(5, "open or curl:");
        for (what, path) in [
            ("page", "/"),
            ("RSS", "/feeds/quan1.rss"),
            ("Atom", "/feeds/quan1.atom"),
            ("JSON", "/feeds/quan1.json"),
            ("OPML", "/opml.xml"),
            ("events", "/api/v1/events?after=0"),
        ] {
            self.screen.detail(&format!("{what:7} http://{}{path}", self.address));
        }
        self.screen.say("");
        self.screen.say("From now on something happens at the portal every few seconds. Ctrl-C ends it.");
        self.screen.say("");
    }

    /// What happens at the portal at a beat.
    async fn happen(&self, beat: u32, before: Seq) -> anyhow::Result<Option<Quiet>> {
        let head = self.app.store.head().await?;
        let n_visits = self.portal.n_visits();
        let quiet = |verdict| Ok(Some(Quiet { head, n_visits, verdict }));
        let newest = || self.portal.stories().pop();
        match (beat % CYCLE, newest()) {
            (2, Some(story)) => self.edit(&story, beat / CYCLE + 1),
            (3, Some(story)) => {
                let address = self.portal.readdress(story.item);
                self.screen.act(Actor::Portal, &format!("lists at another address: {}", quoted(&story)));
                self.screen.act(Actor::Portal, &format!("  {address}"));
                return quiet("still one article: a new address is an alias, not news; nobody is told");
            }
            (5, Some(_)) => {
                let story = self.pin(beat / CYCLE);
                self.screen.act(Actor::Portal, &format!("pins {} on top of its list", quoted(&story)));
                return quiet("known, and keeps its date: where a list shows it is not news; nobody is told");
            }
            _ => self.publish(beat, before),
        }
        Ok(None)
    }

    fn publish(&self, beat: u32, before: Seq) {
        // Of the six beats of a cycle, 0, 1 and 4 publish.
        let n_news = beat / CYCLE * 3 + (beat % CYCLE).min(2);
        // A store that was kept has the numbers of its earlier runs.
        let offset = u32::try_from(before.0).unwrap_or(0);
        let story = stories::news(offset + n_news, clock::System.now());
        self.screen.act(Actor::Portal, &format!("publishes {}", quoted(&story)));
        self.portal.publish(story);
    }

    fn edit(&self, story: &Story, round: u32) {
        self.portal.edit(story.item, |story| {
            story.paragraphs.push(format!("Cập nhật lần {round}: thời gian được lùi lại 30 phút."));
        });
        self.screen.act(Actor::Portal, &format!("edits {}", quoted(story)));
    }

    /// Pins one of the old stories, another one each time.
    fn pin(&self, round: u32) -> Story {
        let stories = self.portal.stories();
        let chosen = stories[round as usize % stories.len()].clone();
        for story in &stories {
            self.portal.edit(story.item, |story| story.pinned = story.item == chosen.item);
        }
        chosen
    }

    /// Says what the daemon made of what is no news, once it has looked.
    async fn settled(&self, quiet: Option<Quiet>) -> anyhow::Result<Option<Quiet>> {
        let Some(Quiet { head, n_visits, verdict }) = quiet else { return Ok(None) };
        if self.portal.n_visits() == n_visits || !self.app.is_idle().await? {
            return Ok(Some(Quiet { head, n_visits, verdict }));
        }
        let now = self.app.store.head().await?;
        if now == head {
            self.screen.act(Actor::Daemon, verdict);
        } else {
            self.screen.act(Actor::Daemon, &format!("wrote {} lines into its journal", now.0 - head.0));
        }
        Ok(None)
    }
}

/// One line for a delivery.
fn told(delivery: &Received) -> String {
    let text = |pointer: &str| {
        delivery.body.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("?").to_owned()
    };
    let sequence = delivery.body["sequence"].as_u64().unwrap_or(0);
    let seal = if delivery.verified { "signature verified" } else { "SIGNATURE WRONG, refused" };
    if delivery.body["type"] == "ping" {
        return format!("confirms a ping, {seal}");
    }
    let revision = match delivery.body["data"]["revision"].as_u64() {
        None | Some(1) => String::new(),
        Some(revision) => format!(" (revision {revision})"),
    };
    format!("hears #{sequence} {}{revision}, {seal}: “{}”", text("/type"), text("/data/title"))
}

/// One line for a page that the daemon reads.
fn read(visit: &Visit) -> String {
    let item = visit.uri.parse().ok().and_then(|uri| pages::item_number(&uri));
    let page = item.map_or_else(|| "the list".to_owned(), |item| format!("article {item}"));
    format!("reads {page} ({})", visit.status)
}

fn quoted(story: &Story) -> String {
    format!("“{}”", story.title)
}
