//! Where the demo keeps its store.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// The folder of the demo's store; a temporary one goes away with it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    temporary: bool,
}

// === impl Scratch ===

impl Scratch {
    /// The chosen folder, or a new one that only we can look into.
    pub(super) fn new(chosen: Option<PathBuf>) -> anyhow::Result<Self> {
        let named = |path: &Path| format!("cannot make the folder `{}`", path.display());
        if let Some(path) = chosen {
            fs::create_dir_all(&path).with_context(|| named(&path))?;
            return Ok(Self { path, temporary: false });
        }
        let folder = std::env::temp_dir();
        for attempt in 0..100 {
            let path = folder.join(format!("loa-demo-{}-{attempt}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                // Somebody's leftover, or somebody's trap: never ours to use.
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.with_context(|| named(&path)).map(|()| Self { path, temporary: true }),
            }
        }
        anyhow::bail!("cannot find a free name for a temporary folder in `{}`", folder.display())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is left of it at the end, for people.
    pub(super) fn leaves(&self) -> String {
        if self.temporary {
            return "nothing is left behind".to_owned();
        }
        format!("its store stays in `{}`", self.path.display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.temporary {
            // A leftover in the temporary folder is not worth a word at the end of a demo.
            fs::remove_dir_all(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_temporary_folder_goes_away() {
        let kept = tempfile::tempdir().unwrap();
        let (chosen, temporary) = (kept.path().join("deep/down"), Scratch::new(None).unwrap());
        let other = Scratch::new(None).unwrap();
        assert_ne!(temporary.path(), other.path());
        let path = temporary.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(temporary);
        drop(Scratch::new(Some(chosen.clone())).unwrap());
        assert!(!path.exists() && chosen.exists());
    }
}
