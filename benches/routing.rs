//! Whom does an article concern: `cargo bench --bench routing -- [SUBSCRIPTIONS] [ARTICLES]` (100,000 and 50 when left
//! out), beside a loop that tests every filter on the same article. Filters are two or three words of which few are in
//! any article, a phrase, or a category; the store is in memory, so that what is timed is the routing.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use loaphuong::{
    clock,
    journal::Journal,
    model::{Filter, Follower, Seq, Subscription, filter::Facts, markup},
    net,
    push::{Push, Settings},
    store,
};
use tokio_util::sync::CancellationToken;

#[path = "made/hooks.rs"]
mod hooks;
mod made;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (n_hooks, articles) = (arguments.next().unwrap_or(100_000), arguments.next().unwrap_or(50));
    let store = store::open(&store::Settings { path: None, cache: 1 << 20 }).await.expect("the store opens");
    let filters: Vec<Filter> = (0..n_hooks).map(filter).collect();
    for (n, filter) in (0..).zip(&filters) {
        let webhook = hooks::webhook(n, "https://newsroom.example/hook".to_owned());
        let webhook = Subscription { filter: Some(filter.clone()), ..webhook };
        store.put_subscription(webhook).await.expect("the store takes it");
    }
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await.expect("the journal opens"));
    let config = loaphuong::config::load(None, &[]).expect("the built-in configuration is right");
    let client = net::Client::new(&config.net, Arc::new(clock::System)).expect("a client");
    let settings = Settings { max_subscriptions: usize::MAX, ..config.push };
    let push = Push::new(Arc::clone(&store), Arc::clone(&journal), client, Arc::new(clock::System), settings);
    let (mut routed, mut tested, mut matches) = (Vec::new(), Vec::new(), 0);
    for n in 0..articles {
        journal.record(hooks::pass(n, 3_000)).await.expect("it is recorded");
        let head = store.head().await.expect("it is read");
        let begin = Instant::now();
        let stop = CancellationToken::new();
        let route = push.route(stop.clone());
        let seen = async {
            while store.cursor(Follower::Router).await.expect("it is read") < head {
                tokio::task::yield_now().await;
            }
            begin.elapsed()
        };
        let (done, took) = tokio::join!(route, async {
            let took = seen.await;
            stop.cancel();
            took
        });
        done.expect("it is routed");
        let event = store.events(Seq(head.0 - 1), 1).await.expect("it is read").remove(0);
        let article = store.article(event.article, Some(event.revision)).await.expect("it is read");
        let article = article.expect("it is kept");
        let begin = Instant::now();
        let facts = Facts::new(&article, &markup::to_text(article.content.html.as_str()));
        matches += filters.iter().filter(|filter| filter.matches(&facts)).count();
        // The first one reads the subscriptions and makes the index.
        if n > 0 {
            routed.push(took);
            tested.push(begin.elapsed());
        } else {
            println!("the first article, with the index: {took:.2?}");
        }
    }
    let queued = store.stats().await.expect("it is counted").queued;
    assert_eq!(queued, matches as u64, "both find the same");
    let (routed, tested) = (median(routed), median(tested));
    println!(
        "{n_hooks} filters, {:.1} matches an article: routed in {routed:.2?}, every filter tested in {tested:.2?}, ratio {:.1}",
        matches as f64 / articles as f64,
        tested.as_secs_f64() / routed.as_secs_f64(),
    );
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// What newsrooms ask for: a place and a matter, a phrase, sometimes everything of a category but something.
fn filter(n: u64) -> Filter {
    let text = match n % 10 {
        0..=5 => format!("phường{} lịch", n / 7),
        6 | 7 => format!("\"dự án số {}\" OR quyhoach{}", n / 3, n),
        8 => format!("category:\"Tin {}\" AND NOT nước", n % 997),
        _ => format!("title:\"số {}\" thông", n % 50_000),
    };
    Filter::parse(&text).expect("a fine filter")
}
