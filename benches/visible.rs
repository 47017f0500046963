//! How soon a new article is visible, and what many feeds weigh.
//!
//! `cargo bench --bench visible -- [FEEDS] [BYTES_PER_ARTICLE] [FORMATS]` (100, 600 and 3 when left out): feeds of
//! fifty articles each, all of one source, so that a new article belongs to every one of them; each is asked for in so
//! many formats and in four codings before. For a few hundred new articles it prints, from the article's commit on: when every view
//! has it, when a reader that asks for one feed then has the bytes, and when every document is written again.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::{sync::Arc, time::Instant};

use loaphuong::{
    clock,
    journal::{Entry, Journal, Pass},
    model::{Content, Date, Draft, ExtractedBy, IdentityKey, Offset, Precision, Timestamp},
    publish::{Coding, Feed, Format, Publisher, Settings, Variant},
    store,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// New articles.
const NEWS: i64 = 100;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let n_feeds = arguments.next().unwrap_or(100);
    let bytes = arguments.next().unwrap_or(600);
    let formats = Format::ALL.get(..arguments.next().unwrap_or(3)).expect("there are three formats");
    let store = store::open(&store::Settings { path: None, cache: 0 }).await.expect("memory is a store");
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await.expect("the journal opens"));
    for n in 0..50 {
        journal.record(pass(n, bytes)).await.expect("memory takes everything");
    }
    let publisher = Publisher::new(store, Arc::clone(&journal), Arc::new(clock::System), settings(n_feeds));
    publisher.rebuild().await.expect("memory is read");
    let before = resident();
    let mut size = 0;
    for feed in &publisher.settings().feeds {
        for format in formats {
            let document =
                publisher.document(&feed.id, *format, &Variant::default()).await.expect("it is there");
            for coding in Coding::ALL {
                size += document.pack(coding).body.len();
            }
        }
    }
    let documents = n_feeds * formats.len();
    println!(
        "{n_feeds} feeds, {documents} documents in 4 codings: {:.1} MB of bytes; resident {before:.1} MiB before, {:.1} MiB with them",
        size as f64 / 1e6,
        resident()
    );
    news(&publisher, &journal, bytes, formats).await;
}

async fn news(publisher: &Arc<Publisher>, journal: &Arc<Journal>, bytes: usize, formats: &[Format]) {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn({
        let (publisher, stop) = (Arc::clone(publisher), stop.clone());
        async move { publisher.follow(stop).await }
    });
    tasks.spawn({
        let (publisher, stop) = (Arc::clone(publisher), stop.clone());
        async move { publisher.refresh(stop).await }
    });
    let mut seen = publisher.watch();
    let (mut visible, mut answered, mut all) = (Vec::new(), Vec::new(), Vec::new());
    let last = publisher.settings().feeds.last().expect("there are feeds").id.clone();
    for n in 100..100 + NEWS {
        let head = journal.record(pass(n, bytes)).await.expect("memory takes everything").head;
        let committed = Instant::now();
        seen.wait_for(|seen| *seen >= head).await.expect("the follower runs");
        visible.push(committed.elapsed());
        let document =
            publisher.document(&last, Format::Rss, &Variant::default()).await.expect("it is there");
        publisher.pack(&document, Coding::Gzip).await;
        answered.push(committed.elapsed());
        while !publisher.settings().feeds.iter().all(|feed| is_written(publisher, feed, formats)) {
            tokio::time::sleep(std::time::Duration::from_micros(500)).await;
        }
        all.push(committed.elapsed());
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    for (what, mut times) in
        [("every view has it", visible), ("a reader has the bytes", answered), ("all is written again", all)]
    {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
        println!("{what}: median {:.2} ms, 95 % {:.2} ms, most {:.2} ms", at(50), at(95), at(100));
    }
}

fn is_written(publisher: &Publisher, feed: &Feed, formats: &[Format]) -> bool {
    formats.iter().all(|format| {
        Coding::ALL.iter().all(|coding| publisher.at_hand(feed.id.as_str(), *format, *coding).is_some())
    })
}

fn settings(n_feeds: usize) -> Settings {
    let source: loaphuong::model::SourceId = "quan1".parse().expect("a fine id");
    let feed = |n| {
        let id = format!("feed-{n}").parse().expect("a fine id");
        Feed {
            window: std::time::Duration::ZERO,
            ..Feed::new(id, &format!("Tin tức {n}"), vec![source.clone()])
        }
    };
    Settings::new("https://tin.example.vn", (0..n_feeds).map(feed).collect())
}

fn pass(n: i64, bytes: usize) -> Pass {
    const SENTENCE: &str = "Ủy ban nhân dân quận thông báo lịch tiếp công dân định kỳ hằng tháng. ";
    let at = Timestamp::from_second(1_700_000_000 + 60 * n);
    let summary = format!("{n}: {}", SENTENCE.repeat(bytes / SENTENCE.len() + 1));
    let content = Content {
        url: Some(format!("http://www.quan1.hochiminhcity.gov.vn/tintuc/lists/posts/post.aspx?ItemID={n}")),
        title: format!("Thông báo số {n} của Ủy ban nhân dân quận về lịch công tác tuần"),
        summary,
        extracted_by: ExtractedBy::Summary,
        ..Content::default()
    };
    let published =
        Date { at, offset: Offset(7 * 3600), precision: Precision::Minute, raw: None, inferred: false };
    let draft = Draft { published: Some(published), content, ..Draft::default() };
    let entry = Entry { draft, keys: vec![IdentityKey::Item(n.to_string())], first_seen: at };
    let source = "quan1".parse().expect("a fine id");
    Pass { source, zone: jiff::tz::TimeZone::UTC, at, quiet: false, entries: vec![entry], state: None }
}

/// Resident memory in MiB, where the system tells it.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or(0.0, |kilobytes| kilobytes / 1024.0)
}
