//! A server of raw bytes for tests, which says what no decent server would.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Client, Settings};
use crate::{clock::Manual, model::Timestamp};

/// What the server does with one request.
pub(crate) enum Reply {
    /// Sends this and hangs up.
    Bytes(Vec<u8>),
    /// Sends the first, then the second this many times, then hangs up.
    Repeat(Vec<u8>, Vec<u8>, u64),
    /// Sends the first, then a byte now and then, for ever.
    Drip(Vec<u8>),
    /// Sends this, then says nothing more, for ever.
    Stall(Vec<u8>),
}

/// A server on a free port of the loopback. Stops when dropped.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

/// The address that guards are shown for the names of tests.
pub(crate) const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));

impl Server {
    pub(crate) async fn new(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (reply, log) = (Arc::new(reply), heads.clone());
        #[expect(clippy::disallowed_methods, reason = "a test server")]
        let task = tokio::spawn(async move {
            // Dropped with the task: no connection outlives the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(talk(stream, reply.clone(), log.clone()));
            }
        });
        Self { at, heads, task }
    }

    /// A server that says the same to everybody.
    pub(crate) async fn says(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |_| Reply::Bytes(answer.clone())).await
    }

    /// Its address as a URL.
    pub(crate) fn url(&self, path: &str) -> url::Url {
        format!("http://{}{path}", self.at).parse().unwrap()
    }

    /// The heads of the requests that came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(mut stream: TcpStream, reply: Arc<impl Fn(&str) -> Reply>, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let reply = reply(&head);
    log.lock().unwrap().push(head);
    // The client may hang up whenever it likes.
    say(&mut stream, reply).await.ok();
}

async fn say(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
        Reply::Repeat(first, again, times) => {
            stream.write_all(&first).await?;
            for _ in 0..times {
                stream.write_all(&again).await?;
            }
        }
        Reply::Drip(first) => {
            stream.write_all(&first).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(b"x").await?;
            }
        }
        Reply::Stall(first) => {
            stream.write_all(&first).await?;
            std::future::pending::<()>().await;
        }
    }
    stream.shutdown().await?;
    // Reads what is left, or closing would reset the connection and throw away what was just sent.
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

/// Generous limits: a test that is about one of them sets it.
pub(crate) fn settings() -> Settings {
    Settings {
        user_agent: "loaphuong/test (+https://example.com)".to_owned(),
        contact: None,
        connect_timeout: Duration::from_secs(60),
        read_timeout: Duration::from_secs(60),
        timeout: Duration::from_secs(60),
        max_body: 4_000_000,
        max_redirects: 5,
        concurrency: 8,
        spacing: Duration::ZERO,
        max_crawl_delay: Duration::from_secs(60),
        daily_budget: 0,
        caps: super::trap::Caps { length: 2048, depth: 20, repeats: 2 },
        idle_per_host: 2,
        ca_file: None,
    }
}

/// A clock that nobody moves.
pub(crate) fn clock() -> Arc<Manual> {
    Arc::new(Manual::at(Timestamp::from_second(1_780_000_000)))
}

/// A client with these limits.
pub(crate) fn client(settings: &Settings) -> Client {
    Client::new(settings, clock()).unwrap()
}
