//! Fills a store with synthetic articles, through the same rooms as a real pass:
//! `cargo bench --bench fill -- FOLDER ARTICLES [BYTES_PER_BODY]`. What `benches/daemon.sh` measures is made by this.

use std::{path::PathBuf, sync::Arc};

use loaphuong::{
    journal::{Journal, Pass},
    store,
};

mod made;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (Some(folder), Some(n_articles)) = (arguments.next(), arguments.next().and_then(|n| n.parse().ok()))
    else {
        // `cargo bench` without arguments runs every bench: this one has nothing to measure.
        return;
    };
    let body = arguments.next().and_then(|bytes| bytes.parse().ok()).unwrap_or(2_000);
    let settings = store::Settings { path: Some(PathBuf::from(folder)), cache: 64 << 20 };
    let store = store::open(&settings).await.expect("the store opens");
    let journal = Journal::open(Arc::clone(&store)).await.expect("the journal opens");
    let mut n = 0_u64;
    while n < n_articles {
        let entries = (n..n_articles.min(n + 50)).map(|n| made::entry(n, body)).collect();
        n += 50;
        let pass = Pass {
            source: "quan1".parse().expect("a fine id"),
            zone: made::zone(),
            at: made::at(n),
            quiet: true,
            entries,
            state: None,
        };
        journal.record(pass).await.expect("the pass is recorded");
    }
}
