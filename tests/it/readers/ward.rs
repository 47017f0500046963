//! All readers in all formats before one real daemon, and what must be true of them whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use loaphuong::{
    clock::Clock,
    demo::portal::{Portal, Story},
    publish::Format,
};

use super::{
    READERS,
    client::{Client, Notice, Visit},
    document::{self, unpack},
    freshrss,
};
use crate::world::World;

/// What the source says of a story.
#[derive(Clone, Debug, Default)]
struct Truth {
    date: i64,
    /// How many significant edits it had.
    edits: usize,
    /// Every headline that it had.
    titles: BTreeSet<String>,
}

/// A world with its readers, at one point of a history.
pub(crate) struct Ward {
    pub(crate) world: World,
    history: &'static str,
    clients: Vec<Client>,
    stories: BTreeMap<u32, Truth>,
    /// True while nothing that readers can see may change.
    still: bool,
    /// How many stories' addresses changed; readers that look at addresses may show these again.
    moves: usize,
    wrong: Vec<String>,
}

impl Ward {
    /// Readers subscribe to what `world` publishes.
    pub(crate) async fn open(history: &'static str, world: World) -> Self {
        let clients = READERS
            .iter()
            .flat_map(|rules| rules.formats.iter().map(move |format| Client::new(rules, *format)))
            .collect();
        let (stories, wrong) = (BTreeMap::new(), Vec::new());
        let mut ward = Self { world, history, clients, stories, still: false, moves: 0, wrong };
        ward.note();
        ward.poll(Duration::ZERO).await;
        ward
    }

    // === What happens ===

    /// Time passes, in steps; readers ask when their rules say so.
    pub(crate) async fn pass(&mut self, time: Duration, step: Duration) {
        self.note();
        let mut left = time;
        while !left.is_zero() {
            let step = step.min(left);
            self.world.tick(step).await;
            self.poll(step).await;
            left -= step;
        }
    }

    /// Time passes, and nobody may see anything but 304.
    pub(crate) async fn pass_still(&mut self, time: Duration, step: Duration) {
        self.still = true;
        self.pass(time, step).await;
        self.still = false;
    }

    /// A story that the portal publishes now, at a whole minute as the portal's dates are.
    pub(crate) fn publish(&mut self, item: u32) {
        let story = self.world.story(item, &format!("Tin số {item}"));
        self.world.portal.publish(story);
        self.note();
    }

    /// A significant edit.
    pub(crate) fn edit(&mut self, item: u32, edit: impl FnOnce(&mut Story)) {
        assert!(self.world.portal.edit(item, edit));
        self.stories.entry(item).or_default().edits += 1;
        self.note();
    }

    /// Says what a source says that is not the world's portal: a story's number, headline and date.
    pub(crate) fn expect(&mut self, item: u32, title: &str, date: i64) {
        let truth = self.stories.entry(item).or_default();
        truth.date = date;
        truth.titles.insert(title.to_owned());
    }

    /// The addresses of all stories change, which is no edit but can be seen.
    pub(crate) fn readdressed(&mut self) {
        self.moves += 1;
    }

    /// Every reader loses its validators, as after a restore from a backup.
    pub(crate) fn forget_validators(&mut self) {
        self.clients.iter_mut().for_each(|client| client.memory.learn(None, None, 0));
    }

    /// Where each reader will ask next time.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.clients.iter().map(|client| client.path.as_str()).collect()
    }

    /// Takes note of the portal's stories: new ones, and new headlines.
    fn note(&mut self) {
        self.note_from(&self.world.portal.clone());
    }

    /// The same of another portal.
    pub(crate) fn note_from(&mut self, portal: &Portal) {
        for story in portal.stories() {
            let truth = self.stories.entry(story.item).or_default();
            if truth.titles.is_empty() {
                truth.date = story.published.as_second();
            }
            truth.titles.insert(story.title);
        }
    }

    fn now(&self) -> i64 {
        self.world.clock.now().as_second()
    }

    // === What must be true at every request ===

    async fn poll(&mut self, step: Duration) {
        let (now, server) = (self.now(), self.world.address);
        let mut bodies = BTreeMap::new();
        for at in 0..self.clients.len() {
            let (due, before) = (self.clients[at].memory.next, self.clients[at].memory.body.clone());
            if now < due {
                continue;
            }
            let late = now - due > i64::try_from(step.as_secs()).unwrap();
            let visit = self.clients[at].poll(server, now).await;
            let path = self.clients[at].path.clone();
            if !bodies.contains_key(&path) {
                let answer = self.world.get(&path).await;
                bodies.insert(path.clone(), answer.body);
            }
            let client = &self.clients[at];
            let mut found = served(client, &visit, &before, &bodies[&path]);
            found.extend(
                (self.still && visit.conditional && visit.answer.status != 304)
                    .then(|| format!("nothing changed, but the answer was {}", visit.answer.status)),
            );
            found.extend((due > 0 && late).then(|| "it was asked too late to keep its rhythm".to_owned()));
            found.extend(rhythm(client, &visit, now));
            let name = client.name();
            self.wrong.extend(found.into_iter().map(|what| format!("{name}: {what}")));
        }
    }

    // === What must be true at the end ===

    /// Lets every reader come once more and judges what its user saw.
    pub(crate) async fn close(mut self) {
        self.pass(Duration::from_secs(2 * 3600), Duration::from_secs(600)).await;
        let mut wrong = std::mem::take(&mut self.wrong);
        for client in &self.clients {
            wrong.extend(self.judge(client).into_iter().map(|what| format!("{}: {what}", client.name())));
        }
        wrong.dedup();
        assert!(wrong.is_empty(), "history `{}`:\n{}", self.history, wrong.join("\n"));
    }

    fn judge(&self, client: &Client) -> Vec<String> {
        let mut wrong = Vec::new();
        for (item, truth) in &self.stories {
            let count = |pick: fn(&Notice) -> Option<&String>| {
                client.notices.iter().filter_map(pick).filter(|title| truth.titles.contains(*title)).count()
            };
            let new = count(|notice| match notice {
                Notice::New(title) | Notice::Old(title) => Some(title),
                _ => None,
            });
            let again = count(|notice| if let Notice::Again(title) = notice { Some(title) } else { None });
            let name = format!("story {item} {:?}", truth.titles);
            wrong.extend((new > 1).then(|| format!("{name} was shown as new {new} times")));
            wrong.extend((new == 0).then(|| format!("{name} never came")));
            wrong.extend(self.again(client, truth, again).map(|what| format!("{name} {what}")));
            let kept = client.shelf.values().find(|kept| truth.titles.contains(&kept.title));
            match kept {
                None if new > 0 => wrong.push(format!("{name} is not there any more")),
                Some(kept) if kept.date != truth.date => wrong.push(format!(
                    "{name} is dated {} instead of {}",
                    shown(kept.date),
                    shown(truth.date)
                )),
                _ => {}
            }
        }
        let bad = client
            .notices
            .iter()
            .filter(|notice| matches!(notice, Notice::Broken | Notice::Lost(_) | Notice::Gone(_)));
        wrong.extend(bad.map(|notice| format!("{notice:?}")));
        let known = |title: &String| self.stories.values().any(|truth| truth.titles.contains(title));
        let strangers = client.shelf.values().filter(|kept| !known(&kept.title));
        wrong.extend(strangers.map(|kept| format!("`{}` is no story of the source", kept.title)));
        wrong
    }

    /// Unread again: for significant edits, and for changed addresses in readers that compare these.
    fn again(&self, client: &Client, truth: &Truth, again: usize) -> Option<String> {
        let sees_addresses = client.rules.name == freshrss::FRESHRSS.name;
        let most = truth.edits + if sees_addresses { self.moves } else { 0 };
        match again {
            _ if again > most => Some(format!("was unread again {again} times for {} edits", truth.edits)),
            0 if client.rules.again && truth.edits > 0 => {
                Some("was edited, and it did not notice".to_owned())
            }
            _ => None,
        }
    }
}

/// What is wrong with an answer (wire.md, sections 1 and 2).
pub(crate) fn served(client: &Client, visit: &Visit, before: &[u8], current: &[u8]) -> Vec<String> {
    let answer = &visit.answer;
    let header = |name| answer.header(name).unwrap_or_default();
    let mut wrong = Vec::new();
    match answer.status {
        200 if visit.conditional && unpack(answer) == before => {
            wrong.push("it had this version and got it again instead of a 304".to_owned());
        }
        304 if before != current => wrong.push("a 304 hides a change".to_owned()),
        304 if !answer.body.is_empty() => wrong.push("a 304 has a body".to_owned()),
        200 | 304 => {}
        status => wrong.push(format!("the answer was {status}")),
    }
    let tag = header("etag");
    if !(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2) {
        wrong.push(format!("`{tag}` is no strong tag"));
    }
    if document::date(&header("last-modified").replace("GMT", "+0000")).is_none() {
        wrong.push(format!("`{}` is no date of a change", header("last-modified")));
    }
    let cache = header("cache-control");
    if !(cache.starts_with("public, max-age=") && cache.ends_with("stale-if-error=86400"))
        || answer.header("expires").is_some()
        || answer.header("pragma").is_some()
    {
        wrong.push(format!("it may not cache by `{cache}`"));
    }
    wrong.extend(discovered(client, header("link")));
    wrong
}

/// Self, and a hub where there is one, have to be found by the pickiest reader of `Link`.
fn discovered(client: &Client, link: &str) -> Option<String> {
    let own = document::read(client.format, &client.memory.body)?.own;
    let named = link.contains(&format!("<{own}>; rel=\"self\""));
    let hub = !link.contains("rel=\"hub\"") || freshrss::hub(link).is_some();
    (!named || !hub || !own.ends_with(&client.path))
        .then(|| format!("`Link: {link}` does not lead to `{own}`, which it keeps as `{}`", client.path))
}

/// Does the interval that the reader took from the answer agree with what the answer says?
pub(crate) fn rhythm(client: &Client, visit: &Visit, now: i64) -> Option<String> {
    let next = client.memory.next - now;
    let cache = visit.answer.header("cache-control")?;
    let age: i64 = cache.split("max-age=").nth(1)?.split(',').next()?.trim().parse().ok()?;
    if !(60..=900).contains(&age) {
        return Some(format!("`max-age={age}` is not between one and fifteen minutes"));
    }
    let ttl = client.memory.ttl.map_or(0, |ttl| ttl * 60);
    if client.format == Format::Rss && !(60..=900).contains(&ttl) {
        return Some(format!("a `ttl` of {ttl} seconds is not between one and fifteen minutes"));
    }
    let fits = !client.rules.heeds_max_age || (next >= age && next <= 3600);
    (!fits).then(|| format!("it was told {age} s and comes back after {next} s"))
}

fn shown(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}
