//! Receivers of webhooks as they are on a bad day, one behavior for each path.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use loaphuong::{
    clock::{self, Clock},
    model::Secret,
    push::sign,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a path does when it is in the mood; the rest of the time it confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Healthy,
    /// 500.
    Errors,
    /// 429, come again in a second.
    Busy,
    /// Reads the request and resets the connection.
    Resets,
    /// Reads the request and never answers.
    Silent,
    /// Confirms, after a while.
    Slow,
}

impl Mood {
    pub(crate) const ALL: [Self; 6] =
        [Self::Healthy, Self::Errors, Self::Busy, Self::Resets, Self::Silent, Self::Slow];

    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// One event that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) id: String,
    pub(crate) sequence: u64,
    pub(crate) title: String,
    pub(crate) verified: bool,
    pub(crate) confirmed: bool,
}

#[derive(Clone)]
pub(crate) struct Flaky(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    secret: Secret,
    seed: u64,
    requests: AtomicU64,
    calm: AtomicBool,
    arrived: Mutex<BTreeMap<String, Vec<Arrived>>>,
}

// === impl Flaky ===

impl Flaky {
    pub(crate) fn serve(
        listener: TcpListener,
        secret: Secret,
        seed: u64,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let flaky = Self(Arc::new(Inner {
            address: listener.local_addr().unwrap(),
            secret,
            seed,
            requests: AtomicU64::new(0),
            calm: AtomicBool::new(false),
            arrived: Mutex::default(),
        }));
        let served = flaky.clone();
        let (talks, closing) = (TaskTracker::new(), stop.clone());
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let flaky = served.clone();
                // A client that goes away ends its connection.
                let closing = closing.clone();
                talks.spawn(async move { closing.run_until_cancelled(flaky.talk(stream)).await });
            }
        };
        tasks.spawn(async move { stop.run_until_cancelled(accept).await });
        flaky
    }

    pub(crate) fn url(&self, mood: Mood) -> String {
        format!("http://{}/{}", self.0.address, mood.name())
    }

    /// How many requests came so far.
    pub(crate) fn n_requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// From now on everything is confirmed.
    pub(crate) fn calm_down(&self) {
        self.0.calm.store(true, Ordering::SeqCst);
    }

    pub(crate) fn arrived(&self, mood: Mood) -> Vec<Arrived> {
        self.0.arrived.lock().unwrap().get(&mood.name()).cloned().unwrap_or_default()
    }

    /// The titles that a path has confirmed.
    pub(crate) fn confirmed(&self, mood: Mood) -> BTreeSet<String> {
        self.arrived(mood).into_iter().filter(|one| one.confirmed).map(|one| one.title).collect()
    }

    async fn talk(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let Some((head, body)) = request(&mut stream, &mut buffer).await? else { return Ok(()) };
            let n = self.0.requests.fetch_add(1, Ordering::SeqCst);
            let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let event: Value = serde_json::from_slice(&body).unwrap_or_default();
            let is_ping = event["type"] == "ping";
            let mood = Mood::ALL.into_iter().find(|mood| mood.name() == path).unwrap_or(Mood::Healthy);
            let is_in_mood =
                !is_ping && !self.0.calm.load(Ordering::SeqCst) && random(self.0.seed, n).is_multiple_of(3);
            let confirms = !is_in_mood || matches!(mood, Mood::Healthy | Mood::Slow);
            if is_in_mood && mood == Mood::Slow {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Noted before it is said: a client that dies meanwhile may have heard it.
            if !is_ping {
                self.note(&path, self.arrival(&head, &body, &event, confirms));
            }
            match mood {
                _ if confirms => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?,
                Mood::Resets => return socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
                Mood::Silent => std::future::pending().await,
                Mood::Busy => {
                    let busy =
                        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(busy.as_bytes()).await?;
                }
                Mood::Healthy | Mood::Errors | Mood::Slow => {
                    let error = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(error.as_bytes()).await?;
                }
            }
        }
    }

    fn note(&self, path: &str, arrived: Arrived) {
        self.0.arrived.lock().unwrap().entry(path.to_owned()).or_default().push(arrived);
    }

    fn arrival(&self, head: &str, body: &[u8], event: &Value, confirmed: bool) -> Arrived {
        let header = |name: &str| {
            let found = head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            });
            found.unwrap_or_default()
        };
        let id = header("webhook-id");
        let at = header("webhook-timestamp").parse().unwrap_or_default();
        let seal = (id.as_str(), at, &*header("webhook-signature"));
        let verified = sign::verify(&self.0.secret, seal, body, clock::System.now()).is_ok();
        Arrived {
            sequence: event["sequence"].as_u64().unwrap_or_default(),
            title: event["data"]["title"].as_str().unwrap_or_default().to_owned(),
            id,
            verified,
            confirmed,
        }
    }
}

/// The next request's head and body; `None` at the end.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
            });
            let whole = end + 4 + length.unwrap_or_default();
            if buffer.len() >= whole {
                let body = buffer[end + 4..whole].to_vec();
                buffer.drain(..whole);
                return Ok(Some((head, body)));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The `n`th number of a seed.
pub(crate) fn random(seed: u64, n: u64) -> u64 {
    // SplitMix64.
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
