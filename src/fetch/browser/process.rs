//! A Chromium of our own: started, found, and ended with everything that it wrote.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{cdp::Endpoint, keeper::Keeper};

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

/// It, and the folder that it writes into. Both are gone when this is dropped, or when we have died.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Child>,
    keeper: Keeper,
    pub(super) endpoint: Endpoint,
}

// === impl Process ===

impl Process {
    /// Starts `command` and waits until it listens. It gets a folder of its own and nothing of our environment, in
    /// which secrets may stand.
    pub(super) async fn start(command: &[String], user_agent: &str) -> Result<Self, String> {
        let keeper = Keeper::new()?;
        let child = spawn(command, user_agent, &keeper)?;
        let mut process = Self {
            child: Mutex::new(child),
            keeper,
            endpoint: Endpoint { at: (Ipv4Addr::LOCALHOST, 0).into(), path: String::new() },
        };
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(endpoint) = port_file(&process.keeper.folder) {
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

    #[cfg(test)]
    pub(super) fn folder(&self) -> &Path {
        &self.keeper.folder
    }

    /// What went wrong, with its own last words.
    fn why(&self, what: &str) -> String {
        let said = fs::read(self.keeper.folder.join(SAID)).unwrap_or_default();
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
    /// Ends it; all of its children, and its folder, go with the keeper.
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        child.kill().ok();
        child.wait().ok();
    }
}

/// The file of what it says.
const SAID: &str = "said.log";

fn spawn(command: &[String], user_agent: &str, keeper: &Keeper) -> Result<Child, String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let folder = &keeper.folder;
    let said = File::create(folder.join(SAID)).map_err(|cause| cause.to_string())?;
    let mut browser = Command::new(program);
    browser
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
        .stderr(said);
    keeper.start(browser).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => format!(
            "there is no `{program}`\nhint: install it (`apt install chromium`), or name another one in `browser.command`"
        ),
        _ => format!("`{program}`: {cause}"),
    })
}

/// Where it listens, once its file says so.
fn port_file(folder: &Path) -> Option<Endpoint> {
    let text = fs::read_to_string(folder.join("DevToolsActivePort")).ok()?;
    let (port, path) = text.split_once('\n')?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port.trim().parse().ok()?));
    let path = path.trim();
    path.starts_with('/').then(|| Endpoint { at, path: path.to_owned() })
}
