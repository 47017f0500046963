//! A Chromium of our own: started, found, and ended with everything that it wrote.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::cdp::Endpoint;

/// Time for it to open its port.
const START: Duration = Duration::from_secs(30);

/// What it is started with, behind the operator's own words. Nothing that a page could do leads to the net but by the
/// proxy of its visit: names are not looked up, UDP is not spoken, and who has no proxy of a visit has one that is not
/// there.
const ARGUMENTS: [&str; 31] = [
    "--headless",
    "--remote-debugging-port=0",
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--dns-prefetch-disable",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-client-side-phishing-detection",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-features=MediaRouter,DialMediaRouteProvider,OptimizationHints,Translate",
    "--metrics-recording-only",
    "--no-pings",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--mute-audio",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--blink-settings=imagesEnabled=false",
];

/// It, and the folder that it writes into. Both are gone when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Child>,
    folder: PathBuf,
    pub(super) endpoint: Endpoint,
}

// === impl Process ===

impl Process {
    /// Starts `command` and waits until it listens. It gets a folder of its own and nothing of our environment, in
    /// which secrets may stand.
    pub(super) async fn start(command: &[String], user_agent: &str) -> Result<Self, String> {
        let folder = folder()?;
        let child = spawn(command, user_agent, &folder).inspect_err(|_| remove(&folder))?;
        let mut process = Self {
            child: Mutex::new(child),
            folder,
            endpoint: Endpoint { at: (Ipv4Addr::LOCALHOST, 0).into(), path: String::new() },
        };
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(endpoint) = port_file(&process.folder) {
                process.endpoint = endpoint;
                return Ok(process);
            }
            if process.has_ended() {
                return Err(process.why("it has ended at once"));
            }
            if begun.elapsed() > START {
                return Err(process.why(&format!("it opened no port within {START:?}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Has it ended by itself?
    pub(super) fn has_ended(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(child.try_wait(), Ok(None))
    }

    /// Ends it as if it had died.
    #[cfg(test)]
    pub(super) fn kill(&self) {
        self.child.lock().unwrap().kill().unwrap();
    }

    /// What went wrong, with its own last words.
    fn why(&self, what: &str) -> String {
        let said = fs::read(self.folder.join(SAID)).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let hint = if said.contains("--no-sandbox") {
            "\nhint: as root it needs `--no-sandbox`: add it to `browser.command`, or better run as somebody else"
        } else {
            "\nhint: try the command by hand, with `--headless --dump-dom about:blank` behind it"
        };
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        let last: String = last.unwrap_or("it said nothing").trim().chars().take(300).collect();
        format!("{what}: {last}{hint}")
    }
}

impl Drop for Process {
    /// Ends it with all of its children. Nothing in its folder is worth keeping, so that nobody has to be asked.
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        if matches!(child.try_wait(), Ok(None))
            && let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
        {
            kill_process_group(group, Signal::KILL).ok();
            child.kill().ok();
            child.wait().ok();
        }
        remove(&self.folder);
    }
}

/// The file of what it says.
const SAID: &str = "said.log";

fn spawn(command: &[String], user_agent: &str, folder: &Path) -> Result<Child, String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let said = File::create(folder.join(SAID)).map_err(|cause| cause.to_string())?;
    Command::new(program)
        .args(arguments)
        .args(ARGUMENTS)
        .arg(format!("--user-agent={user_agent}"))
        .arg(format!("--user-data-dir={}", folder.display()))
        .arg("about:blank")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .process_group(0)
        .spawn()
        .map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => format!(
                "there is no `{program}`\nhint: install it (`apt install chromium`), or name another one in `browser.command`"
            ),
            _ => format!("`{program}`: {cause}"),
        })
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

/// Where it listens, once its file says so.
fn port_file(folder: &Path) -> Option<Endpoint> {
    let text = fs::read_to_string(folder.join("DevToolsActivePort")).ok()?;
    let (port, path) = text.split_once('\n')?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port.trim().parse().ok()?));
    let path = path.trim();
    path.starts_with('/').then(|| Endpoint { at, path: path.to_owned() })
}
