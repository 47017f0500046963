//! `ca_file` and `intermediates_file` of a source: read with the configuration, so that what is wrong with them is said
//! before anything relies on them.

use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::{
    read::{Section, Wrong},
    sections::Folders,
};
use crate::{
    clock::{self, Clock},
    net::{Trust, trust},
};

/// A file of certificates is a few thousand bytes; a bundle of all roots has two hundred thousand.
const MAX_BYTES: u64 = 1 << 20;

/// What a source believes beyond others: `Some(None)` where it names nothing, `None` where something was wrong.
pub(super) fn trust(section: &Section<'_>, folders: &Folders) -> Option<Option<Trust>> {
    let [roots, intermediates] = ["ca_file", "intermediates_file"].map(|key| {
        let Some(word) = section.filled(key) else { return (!section.has(key)).then(Vec::new) };
        let path = folders.resolve(&word.place, &word.text);
        certificates(&path).map_err(|wrong| section.blame(&word, wrong)).ok()
    });
    Some(Trust::new(roots?, intermediates?))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let shown = path.display();
    let unreadable = |cause: String| {
        Wrong::new(format!("cannot read `{shown}`: {cause}"))
            .hint("relative paths start at the folder of the file that names them")
    };
    let length = std::fs::metadata(path).map_err(|cause| unreadable(cause.to_string()))?.len();
    if length > MAX_BYTES {
        return Err(unreadable(format!("it is larger than {} KiB", MAX_BYTES >> 10)));
    }
    let pem = std::fs::read(path).map_err(|cause| unreadable(cause.to_string()))?;
    trust::certificates(&pem, clock::System.now()).map_err(|unfit| {
        Wrong::new(format!("`{shown}` cannot be used: {}", unfit.message))
            .hint(format!("`{shown}`: {}", unfit.hint))
    })
}
