//! How long it takes until an article is seen, by evenly spaced looks and by `adaptive` ones, as many of each:
//! `cargo bench --bench adaptive`. Nothing is asked of anybody and no clock is waited for: the posts of sixteen weeks are
//! drawn, always the same ones, four weeks are learned from before the rest is measured.
//!
//! Set `LOA_PAGES` to a folder of saved Liferay pages to add a source that posts at their hours and weekdays.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::Duration;

use jiff::tz::TimeZone;
use loaphuong::{
    config, dedup,
    extract::{self, Document, Kind},
    ingest::schedule::adaptive::{ARTICLES, Bounds, Habit},
    model::{Precision, Timestamp},
    normalize,
};
use url::Url;

/// Monday, 2026-01-05, 00:00 in Ho Chi Minh City.
const BEGIN: i64 = 1_767_546_000;
const DAY: u64 = 24 * 3600;
const WARM_DAYS: u64 = 28;
const DAYS: u64 = 112;
/// How old a habit may be, as in the daemon.
const HABIT: Duration = Duration::from_secs(6 * 3600);
const BOUNDS: Bounds = Bounds { min: Duration::from_secs(300), max: Duration::from_secs(7200) };

/// Posts of one kind of source.
struct Profile {
    name: &'static str,
    /// In the mean, on a weekday.
    per_day: f64,
    /// How likely each hour is.
    hours: [f64; 24],
    /// How much less happens on Saturdays and Sundays.
    weekend: f64,
    /// How many posts follow one within a quarter of an hour, in the mean.
    followers: f64,
}

/// Offices: from eight to five with a break, and hardly anything else.
const OFFICE: [f64; 24] = [
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01, 0.3, 1.2, 2.0, 1.8, 0.8, 0.2, 0.5, 1.5, 2.0, 1.6, 0.7, 0.2, 0.1,
    0.05, 0.02, 0.0, 0.0,
];
/// A newsroom: all day, fewer at night.
const NEWSROOM: [f64; 24] = [
    0.1, 0.05, 0.05, 0.05, 0.2, 0.6, 1.2, 1.5, 1.5, 1.6, 1.5, 1.2, 0.8, 0.9, 1.2, 1.5, 1.5, 1.3, 1.0, 0.8,
    0.7, 0.6, 0.5, 0.3,
];
/// Once a morning.
const MORNING: [f64; 24] = [
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 2.0, 1.0, 0.1, 0.05, 0.0, 0.05, 0.05, 0.05, 0.05, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
];

const PROFILES: [Profile; 8] = [
    Profile { name: "ward, 1 in two days", per_day: 0.5, hours: OFFICE, weekend: 0.05, followers: 0.0 },
    Profile { name: "district, 3 a day", per_day: 3.0, hours: OFFICE, weekend: 0.05, followers: 0.0 },
    Profile { name: "department, 10 a day", per_day: 10.0, hours: OFFICE, weekend: 0.05, followers: 0.0 },
    Profile { name: "district, in bunches", per_day: 1.2, hours: OFFICE, weekend: 0.05, followers: 1.5 },
    Profile { name: "every morning", per_day: 2.0, hours: MORNING, weekend: 0.0, followers: 0.0 },
    Profile { name: "newsroom, 10 a day", per_day: 10.0, hours: NEWSROOM, weekend: 0.6, followers: 0.0 },
    Profile { name: "newsroom, 40 a day", per_day: 40.0, hours: NEWSROOM, weekend: 0.6, followers: 0.0 },
    Profile { name: "no habit, 5 a day", per_day: 5.0, hours: [1.0; 24], weekend: 1.0, followers: 0.0 },
];

fn main() {
    println!("                          looks  the same evenly  median delay         mean delay");
    println!(
        "source                    a day  one in           evenly  adaptive     evenly  adaptive   posts"
    );
    for profile in &PROFILES {
        let mut dice = Dice(7);
        report(profile.name, &profile.posts(&mut dice));
    }
    let Some(folder) = std::env::var_os("LOA_PAGES") else { return };
    let found = published(folder.into());
    println!("{} pages of LOA_PAGES say when they were published, to the minute", found.len());
    if !found.is_empty() {
        report("as those pages, 4 a day", &like(&found, &mut Dice(7)));
    }
}

/// Looks at one source both ways, and prints what came of it.
fn report(name: &str, posts: &[Timestamp]) {
    let (looks, adaptive) = adaptively(posts);
    let days = (DAYS - WARM_DAYS) as f64;
    let gap = Duration::from_secs_f64(days * DAY as f64 / looks as f64);
    // Where evenly spaced looks fall is chance: the mean of many chances.
    let mut evenly: Vec<f64> = (0..64).flat_map(|n| evenly(posts, gap, gap * n / 64)).collect();
    let (n_posts, mut adaptive) = (adaptive.len(), adaptive);
    let (median, mean) = (middle(&mut evenly), evenly.iter().sum::<f64>() / evenly.len() as f64);
    let (sooner, sooner_mean) = (middle(&mut adaptive), adaptive.iter().sum::<f64>() / n_posts as f64);
    println!(
        "{name:24} {:6.1}  {:5.1} min        {median:6.1}  {sooner:6.1} (÷{:.1})  {mean:7.1}  {sooner_mean:7.1}  {n_posts:6}",
        looks as f64 / days,
        gap.as_secs_f64() / 60.0,
        median / sooner,
    );
}

/// How many looks there were, and the delay of each post in minutes.
fn adaptively(posts: &[Timestamp]) -> (usize, Vec<f64>) {
    let (zone, end) = (zone(), at(DAYS * DAY));
    let (mut look, mut n_seen, mut news) = (at(0), 0, None);
    let (mut learned_at, mut habit) = (look, Habit::learn(&[], look, &zone, BOUNDS));
    let (mut n_looks, mut delays) = (0, Vec::new());
    while look < end {
        let new = posts.iter().skip(n_seen).take_while(|post| **post <= look);
        let new: Vec<f64> = new.map(|post| look.since(*post).as_secs_f64() / 60.0).collect();
        if look >= at(WARM_DAYS * DAY) {
            n_looks += 1;
            delays.extend_from_slice(&new);
        }
        n_seen += new.len();
        if !new.is_empty() {
            news = Some(look);
        }
        if look.since(learned_at) >= HABIT {
            let known = posts.get(n_seen.saturating_sub(ARTICLES)..n_seen).unwrap_or_default();
            (learned_at, habit) = (look, Habit::learn(known, look, &zone, BOUNDS));
        }
        look = habit.next(look, news, &zone, BOUNDS);
    }
    (n_looks, delays)
}

/// The delay of each post in minutes, looked for every `gap`, the first time after `first`.
fn evenly(posts: &[Timestamp], gap: Duration, first: Duration) -> Vec<f64> {
    let begin = at(WARM_DAYS * DAY);
    let posts = posts.iter().filter(|post| **post >= begin);
    let delay = |post: &Timestamp| {
        let since = post.since(begin).as_secs_f64() - first.as_secs_f64();
        (gap.as_secs_f64() - since.rem_euclid(gap.as_secs_f64())) / 60.0
    };
    posts.map(delay).collect()
}

fn middle(delays: &mut [f64]) -> f64 {
    delays.sort_unstable_by(f64::total_cmp);
    delays.get(delays.len() / 2).copied().unwrap_or_default()
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_second(BEGIN).plus(Duration::from_secs(second))
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Ho_Chi_Minh").expect("the zone database is bundled")
}

/// Chance that is always the same (`SplitMix64`).
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How often something happens that happens so often in the mean (Poisson).
    fn times(&mut self, mean: f64) -> usize {
        let (limit, mut product, mut n) = ((-mean).exp(), self.roll(), 0);
        while product > limit {
            product *= self.roll();
            n += 1;
        }
        n
    }
}

impl Profile {
    fn posts(&self, dice: &mut Dice) -> Vec<Timestamp> {
        let total: f64 = self.hours.iter().sum();
        let mut posts = Vec::new();
        for day in 0..DAYS {
            let share = if day % 7 < 5 { 1.0 } else { self.weekend };
            for (hour, likely) in (0..).zip(self.hours) {
                for _ in 0..dice.times(self.per_day * share * likely / total) {
                    let first =
                        at(day * DAY + hour * 3600).plus(Duration::from_secs_f64(3600.0 * dice.roll()));
                    posts.push(first);
                    let followers = dice.times(self.followers);
                    posts.extend(
                        (0..followers).map(|_| first.plus(Duration::from_secs_f64(900.0 * dice.roll()))),
                    );
                }
            }
        }
        posts.sort_unstable();
        posts
    }
}

/// Four posts a day, at weekdays and times that were drawn from these, give or take ten minutes.
fn like(found: &[Timestamp], dice: &mut Dice) -> Vec<Timestamp> {
    let week = 7 * DAY;
    let mut posts = Vec::new();
    for n in 0..DAYS / 7 {
        for _ in 0..dice.times(28.0) {
            let index = (dice.roll() * found.len() as f64) as usize;
            let Some(like) = found.get(index) else { continue };
            let second = (like.as_second() - BEGIN).rem_euclid(i64::try_from(week).unwrap_or(1));
            let moved = second + (dice.roll() * 1200.0) as i64 - 600;
            posts.push(at(n * week).plus(Duration::from_secs(u64::try_from(moved).unwrap_or_default())));
        }
    }
    posts.sort_unstable();
    posts
}

/// When the articles of a folder of Liferay pages were published, as far as they say it to the minute; each once.
fn published(folder: std::path::PathBuf) -> Vec<Timestamp> {
    let (rules, normalizing, _): (extract::Rules, normalize::Rules, dedup::Rules) =
        config::recipe("liferay6").expect("it is built in");
    let url = Url::parse("https://sotttt.hanoi.gov.vn/").expect("this is an address");
    let (mut found, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("LOA_PAGES is a folder") {
            let path = entry.expect("LOA_PAGES can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let document = Document { bytes: &bytes, content_type: None, url: &url };
            let items = extract::extract(&document, Kind::Article, &rules).items;
            let context = normalize::Context { rules: &normalizing, base: &url, fetched: at(0) };
            let dates = items.into_iter().filter_map(|item| normalize::normalize(item, &context).0.published);
            let exact = dates.filter(|date| date.precision == Precision::Minute && !date.inferred);
            found.extend(exact.map(|date| date.at));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
