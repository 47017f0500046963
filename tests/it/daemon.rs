//! The daemon as a process of its own: started, signaled, killed, and listened to.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// A `loa serve` that dies with its owner.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    pub(crate) address: SocketAddr,
}

/// `loa serve` on `config`, in an environment without settings of its own.
pub(crate) fn serve(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loa"));
    command.args(["serve", "--config"]).arg(config).env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LOA_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Sends a signal. Not every machine has the program `kill`.
pub(crate) fn signal(child: &Child, which: Signal) {
    kill_process(Pid::from_child(child), which).unwrap();
}

impl Daemon {
    pub(crate) fn start(config: &Path) -> Self {
        Self::run(serve(config))
    }

    /// Runs `command`, a `loa serve`, until it listens.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the daemon ended: {}", log.lock().unwrap());
            *log.lock().unwrap() += &line;
            if let Some((_, rest)) = line.split_once("listening on http://") {
                break rest.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        let written = Arc::clone(&log);
        // Nobody may block on a full pipe.
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                *written.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self { child, log, reader: Some(reader), address }
    }

    /// What it said until now.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, which: Signal) {
        signal(&self.child, which);
    }

    /// SIGKILL: no handler runs, no buffer is written.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end: the exit code, and everything it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        (code, self.log())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits for what the daemon does to show somewhere.
pub(crate) async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if reached().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}
