//! The corpora of the fuzzer without a fuzzer: everything that it ever reached holds what it promises.
//!
//! `docs/fuzzing.md` says how they came to be. What is asserted stands in `fuzz/src`.

#[expect(unreachable_pub, reason = "the fuzzer's targets are crates of their own")]
#[path = "../../fuzz/src/lib.rs"]
mod invariants;

use std::{fs, panic, path::Path};

use invariants::targets::{ALL, Target};

/// Runs the files of one corpus and says which do not hold.
fn run(name: &str, target: Target) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "nothing in {}", folder.display());
    let mut fallen: Vec<_> = files
        .iter()
        .filter(|file| panic::catch_unwind(|| target(&fs::read(file).unwrap())).is_err())
        .collect();
    fallen.sort();
    assert!(fallen.is_empty(), "{name}: {fallen:#?}");
}

#[test]
fn every_corpus_holds_what_its_target_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut kept: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ALL.map(|(name, _)| name), "every corpus has a target, and every target a corpus");
    std::thread::scope(|scope| {
        let threads = ALL.map(|(name, target)| scope.spawn(move || run(name, target)));
        for thread in threads {
            thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        }
    });
}
