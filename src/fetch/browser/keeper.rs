//! What a browser leaves is cleared away, also when `loa` is killed and can do nothing any more.
//!
//! Two shells wait for that. The first leads the process group of the browser and reads a pipe that only we hold: whatever
//! ends us closes it, and the shell kills its group, itself with it. The second stands beside that group and reads a pipe
//! that we hold and all processes of the browser, as their standard output: once it ends nobody is left who could write
//! into the folder, and the shell removes it.
//!
//! The browser is started by us and not by a shell, so a program that is not there is told as before. As long as the leader
//! is ours to bury, its number is nobody else's: the group that is killed is always the right one.

use std::{
    fs, io,
    os::{fd::AsFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// What the leader does. Signals that are meant for us do not end it before us.
const LEAD: &str = "trap '' HUP INT TERM; read -r end; kill -s KILL 0";
/// What the other one does, with the folder as its argument.
const CLEAR: &str = r#"trap '' HUP INT TERM; while read -r said; do :; done; rm -rf -- "$1""#;

/// A folder and a process group for a browser. Both are gone when this is dropped, or when this process has died.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) folder: PathBuf,
    leader: Child,
    cleaner: Child,
}

// === impl Keeper ===

impl Keeper {
    /// Makes the folder, which nobody else can read.
    pub(super) fn new() -> Result<Self, String> {
        let folder = folder()?;
        let mut leader = shell(LEAD, &folder).inspect_err(|_| remove(&folder))?;
        let cleaner = shell(CLEAR, &folder).inspect_err(|_| {
            end(&mut leader);
            remove(&folder);
        })?;
        Ok(Self { folder, leader, cleaner })
    }

    /// Starts a browser.
    pub(super) fn start(&self, mut command: Command) -> io::Result<Child> {
        let pipe = self.cleaner.stdin.as_ref().map(|pipe| pipe.as_fd().try_clone_to_owned()).transpose()?;
        let output = pipe.map_or_else(Stdio::null, Stdio::from);
        command.process_group(self.leader.id().cast_signed()).stdout(output).spawn()
    }
}

impl Drop for Keeper {
    /// Nothing in the folder is worth keeping, so that nobody has to be asked.
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.leader.id().cast_signed()) {
            kill_process_group(group, Signal::KILL).ok();
        }
        end(&mut self.leader);
        end(&mut self.cleaner);
        remove(&self.folder);
    }
}

/// A shell in a group of its own that runs `script` with the folder, and hears us.
fn shell(script: &str, folder: &Path) -> Result<Child, String> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "loa-browser"]).arg(folder);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|cause| format!("`/bin/sh`, which clears up behind it: {cause}"))
}

fn end(shell: &mut Child) {
    shell.kill().ok();
    shell.wait().ok();
}

/// A new folder that nobody else can read.
fn folder() -> Result<PathBuf, String> {
    use std::os::unix::fs::DirBuilderExt;
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(|cause| cause.to_string())?;
    let name = format!("loaphuong-browser-{:016x}", u64::from_le_bytes(name));
    let folder = std::env::temp_dir().join(name);
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    made.map_err(|cause| format!("cannot make the folder `{}`: {cause}", folder.display()))?;
    Ok(folder)
}

/// A process that dies may still write: the folder is tried again.
fn remove(folder: &Path) {
    let removed = (0..20).any(|_| fs::remove_dir_all(folder).is_ok() || !folder.exists());
    if !removed {
        tracing::warn!("the folder `{}` of the browser could not be removed", folder.display());
    }
}
