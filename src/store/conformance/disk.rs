//! What only a store on a disk can do wrong.

use super::{
    Kept,
    samples::{article, commit},
    settings,
};
use crate::{
    model::{Article, Content, Seq},
    store::{self, Error, Settings, keyed::Keyed, keys, sled::Disk, table::Table},
};

#[tokio::test]
async fn a_second_opener_is_told_that_it_is_locked() {
    let Kept { store: _store, folder } = Kept::on_disk().await;
    let second = store::open(&settings(&folder.unwrap())).await.map(|_| ()).unwrap_err();
    assert!(matches!(second, Error::Locked { .. }), "{second}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_io_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let path = Some(file.join("data"));
    let failed = store::open(&Settings { path, cache: 1 << 20 }).await.map(|_| ()).unwrap_err();
    assert!(matches!(failed, Error::Io { doing: "open", .. }), "{failed}");
}

/// Whatever is scribbled over, opening and reading end in an answer or in an error that says so.
#[tokio::test]
async fn a_scribbled_file_is_an_error_and_never_a_panic() {
    let mut failures = 0;
    for place in 0..6_usize {
        let Kept { store, folder } = Kept::on_disk().await;
        let articles: Vec<_> = (0..40).map(|n| format!("n{n}")).collect();
        let articles: Vec<_> = articles.iter().map(|n| (n.as_str(), article(n, 1, n, 10))).collect();
        store.commit(commit(Seq(0), &articles)).await.unwrap();
        let whole = store.dump(None, 1_000).await.unwrap().len();
        drop(store);
        let folder = folder.unwrap();
        let file = folder.path().join("data/db");
        let mut bytes = std::fs::read(&file).unwrap();
        let from = 16 + place * 700;
        bytes.iter_mut().skip(from).take(400).for_each(|byte| *byte ^= 0x5a);
        std::fs::write(&file, bytes).unwrap();
        let read = match store::open(&settings(&folder)).await {
            Ok(store) => store.dump(None, 1_000).await.map(|records| records.len()),
            Err(failed) => Err(failed),
        };
        match read {
            Ok(records) => assert_eq!(records, whole, "something was lost and nobody was told"),
            Err(failed) => {
                assert!(matches!(failed, Error::Damaged { .. }), "{failed}");
                failures += 1;
            }
        }
    }
    assert!(failures > 0, "no place that was scribbled over was noticed");
}

#[tokio::test]
async fn a_store_of_a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let disk = || Table::Disk(Disk::open(folder.path(), 1 << 20).unwrap());
    let meta = store::codec::encode(&store::codec::MetaV1 { schema: 2, head: 0 }).unwrap().concat();
    let table = disk();
    table.apply([(keys::meta(), Some(meta))].into()).unwrap();
    table.sync().unwrap();
    drop(table);
    let refused = Keyed::open(disk()).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("newer `loa`"), "{refused}");
}

/// Values stay small enough that sled never moves a leaf to a file of its own: those are never synced, nor freed.
#[tokio::test]
async fn large_articles_make_no_files() {
    let Kept { store, folder } = Kept::on_disk().await;
    let noise: String = (0..3_000_u32).map(|n| blake3::hash(&n.to_be_bytes()).to_hex().to_string()).collect();
    for n in 0..30 {
        let name = format!("n{n}");
        let content = Content { summary: noise.clone(), ..Content::default() };
        let large = Article { content, ..article(&name, 1, "A", 10) };
        store.commit(commit(Seq(n), &[(&name, large)])).await.unwrap();
    }
    let blobs = folder.unwrap().path().join("data/blobs");
    let files = std::fs::read_dir(blobs).map_or(0, Iterator::count);
    assert_eq!(files, 0);
}
