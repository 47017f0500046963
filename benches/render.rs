//! How long it takes to render a feed of fifty items: composed, written, and read again strictly; and with that, in
//! every format and coding.
//!
//! `cargo bench --bench render`

use std::sync::Arc;

use loaphuong::{
    clock,
    journal::{Journal, Pass},
    model::{Article, SourceId},
    publish::{Coding, Feed, Format, Publisher, Settings},
    store,
};

mod made;

/// Bytes of an article's text, so that a document has about 49 kB and 458 kB.
const TEXTS: [usize; 2] = [400, 8_600];

fn main() {
    divan::main();
}

#[divan::bench(args = [Format::Rss, Format::Atom, Format::Json], consts = TEXTS)]
fn fifty_items<const TEXT: usize>(bencher: divan::Bencher<'_, '_>, format: Format) {
    let (settings, articles) = made_of(TEXT);
    bencher.bench(|| loaphuong::publish::render(&settings, &settings.feeds[0], &articles, format));
}

#[divan::bench(args = TEXTS)]
fn every_format_and_coding(bencher: divan::Bencher<'_, '_>, text: usize) {
    let (settings, articles) = made_of(text);
    bencher.bench(|| {
        Format::ALL.map(|format| {
            let body = loaphuong::publish::render(&settings, &settings.feeds[0], &articles, format);
            let body = body.expect("what we write is read again");
            Coding::ALL.map(|coding| coding.pack(&body))
        })
    });
}

#[divan::bench(args = [Coding::Gzip, Coding::Brotli, Coding::Zstd], consts = TEXTS)]
fn pack<const TEXT: usize>(bencher: divan::Bencher<'_, '_>, coding: Coding) {
    let (settings, articles) = made_of(TEXT);
    let body = loaphuong::publish::render(&settings, &settings.feeds[0], &articles, Format::Rss);
    let body = body.expect("what we write is read again");
    bencher.counter(divan::counter::BytesCount::new(body.len())).bench(|| coding.pack(&body));
}

/// A feed's settings and fifty articles, newest first.
fn made_of(text: usize) -> (Settings, Vec<Arc<Article>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("threads can be started");
    runtime.block_on(async {
        let store = store::open(&store::Settings { path: None, cache: 0 }).await.expect("memory is a store");
        let journal = Arc::new(Journal::open(Arc::clone(&store)).await.expect("the journal opens"));
        let source: SourceId = "quan1".parse().expect("a fine id");
        let pass = Pass {
            source: source.clone(),
            zone: made::zone(),
            at: made::at(50),
            quiet: true,
            entries: (0..50).map(|n| made::entry(n, text)).collect(),
            state: None,
        };
        journal.record(pass).await.expect("memory takes everything");
        let feed = Feed::new("quan1".parse().expect("a fine id"), "Tin tức Quận 1", vec![source]);
        let settings = Settings::new("https://tin.example.vn", vec![feed.clone()]);
        let publisher = Publisher::new(store, journal, Arc::new(clock::System), settings.clone());
        publisher.rebuild().await.expect("memory is read");
        (settings, publisher.articles(&feed.id).expect("the feed was read"))
    })
}
