use std::fs;

use super::*;
use crate::{clock::Manual, model::Timestamp};

const CERTIFICATE: &str = include_str!("../../net/testdata/portal.pem");
const KEY: &str = include_str!("../../net/testdata/portal.key");
const OTHER_KEY: &str = include_str!("../testdata/renewed.key");

fn files(folder: &Path, certificate: &str, key: &str) -> Files {
    let files = Files { certificate: folder.join("c.pem"), key: folder.join("k.pem") };
    fs::write(&files.certificate, certificate).unwrap();
    fs::write(&files.key, key).unwrap();
    files
}

#[test]
fn files_that_are_of_no_use_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let said = |certificate, key| files(folder.path(), certificate, key).read().unwrap_err().to_string();
    assert!(files(folder.path(), CERTIFICATE, KEY).read().is_ok());
    assert!(said("", KEY).contains("BEGIN CERTIFICATE"));
    assert!(said(KEY, KEY).contains("BEGIN CERTIFICATE"));
    assert!(said(CERTIFICATE, CERTIFICATE).contains("BEGIN PRIVATE KEY"));
    let lost = Files { certificate: folder.path().join("lost.pem"), key: folder.path().join("k.pem") };
    assert!(lost.read().unwrap_err().to_string().contains("lost.pem"));
    assert!(said(CERTIFICATE, OTHER_KEY).contains("not the key of the certificate"));
    let mut other = KEY.to_owned();
    other.truncate(60);
    assert!(said(CERTIFICATE, &other).contains("k.pem"));
}

#[tokio::test]
async fn files_are_read_again_when_they_change_and_broken_ones_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Arc::new(Tls::load(files(folder.path(), CERTIFICATE, KEY)).unwrap());
    let first = tls.config.load_full();
    tls.look();
    assert!(Arc::ptr_eq(&first, &tls.config.load_full()), "nothing has changed");
    files(folder.path(), "broken", KEY);
    tls.look();
    assert!(Arc::ptr_eq(&first, &tls.config.load_full()), "the old one goes on");
    assert!(tls.reload().is_err());
    files(folder.path(), &format!("# renewed\n{CERTIFICATE}"), KEY);
    let clock = Arc::new(Manual::at(Timestamp::from_second(0)));
    let stop = CancellationToken::new();
    let watching = tls.watch(Arc::clone(&clock) as SharedClock, stop.clone());
    let mut watching = std::pin::pin!(watching);
    assert!(futures_util::poll!(watching.as_mut()).is_pending());
    clock.advance(LOOK);
    assert!(futures_util::poll!(watching.as_mut()).is_pending());
    assert!(!Arc::ptr_eq(&first, &tls.config.load_full()), "the new one");
    stop.cancel();
    watching.await;
}
