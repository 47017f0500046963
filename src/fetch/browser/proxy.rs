//! The only way to the net for a page: a forward proxy (RFC 9110, sections 7.6 and 9.3.6) that lives as long as the visit.
//!
//! The scripts of a page may ask for anything. Whatever they ask with (`fetch`, frames, workers, sockets, redirects) comes
//! here, and every connection is made to addresses that were judged (`net::guard`). The browser itself looks up no names.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use crate::net::{Client, Undialed, guard};

/// The most connections at once; further ones wait.
const AT_ONCE: usize = 32;
/// The longest head of a request.
const HEAD: usize = 64 * 1024;
/// Time for a head to arrive.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// What a page may use.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The one place that it may reach although it is private: where the page itself stands, if its source may.
    pub(super) home: Option<Place>,
    /// Where the browser is: nobody else is served.
    pub(super) browser: IpAddr,
    /// Connections, over the whole visit.
    pub(super) max_connections: usize,
    /// Bytes in both directions, over the whole visit.
    pub(super) max_traffic: u64,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(String, u16);

/// The proxy of one visit.
#[derive(Debug)]
pub(super) struct Proxy {
    listener: TcpListener,
    client: Client,
    rules: Rules,
    connections: AtomicUsize,
    traffic: AtomicU64,
    refused: Mutex<Vec<String>>,
}

/// A request, as a proxy gets it.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// A tunnel to this place.
    Tunnel(Url),
    /// This address, with the head that its server is sent and the length of the body.
    Plain { url: Url, head: Vec<u8>, body: u64 },
}

// === impl Place ===

impl Place {
    /// Where an address leads.
    pub(super) fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        Self(host, url.port_or_known_default().unwrap_or(0))
    }
}

// === impl Proxy ===

impl Proxy {
    /// Listens at a free port of `on`.
    pub(super) async fn listen(on: IpAddr, client: Client, rules: Rules) -> io::Result<Self> {
        let listener = TcpListener::bind((on, 0)).await?;
        let (connections, traffic, refused) = <(AtomicUsize, AtomicU64, Mutex<Vec<String>>)>::default();
        Ok(Self { listener, client, rules, connections, traffic, refused })
    }

    pub(super) fn port(&self) -> io::Result<u16> {
        self.listener.local_addr().map(|at| at.port())
    }

    /// What was refused, in sentences: the first few.
    pub(super) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Was more wanted than a page may have?
    pub(super) fn is_exhausted(&self) -> bool {
        self.traffic.load(Ordering::Relaxed) > self.rules.max_traffic
            || self.connections.load(Ordering::Relaxed) > self.rules.max_connections
    }

    /// Serves until it is dropped, and with it every connection.
    pub(super) async fn serve(&self) -> Infallible {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if open.len() < AT_ONCE => match accepted {
                    Ok((stream, peer)) if self.is_browser(peer) => open.push(Box::pin(self.talk(stream))),
                    Ok((_, peer)) => tracing::warn!(%peer, "the proxy of the browser was asked by somebody else"),
                    // Too many open files, most likely: they are closed again.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                // Connections end as they like: the browser sees it, too.
                Some(_) = open.next(), if !open.is_empty() => {}
            }
        }
    }

    /// A browser behind a published port of this machine comes from an address of the own network.
    fn is_browser(&self, peer: SocketAddr) -> bool {
        let (peer, browser) = (peer.ip().to_canonical(), self.rules.browser.to_canonical());
        peer == browser || (browser.is_loopback() && guard::allowed(peer).is_err())
    }

    async fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        let read = tokio::time::timeout(HEAD_TIME, read_head(&mut stream)).await;
        let (head, rest) = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let Some(asked) = asked(&head) else { return say(&mut stream, "400 Bad Request").await };
        let url = match &asked {
            Asked::Tunnel(url) | Asked::Plain { url, .. } => url,
        };
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.rules.max_connections {
            return say(&mut stream, "503 Service Unavailable").await;
        }
        let is_home = self.rules.home.as_ref() == Some(&Place::of(url));
        let mut server = match self.client.dial(url, is_home).await {
            Ok(server) => server,
            Err(Undialed::Refused(refusal)) => {
                self.refuse(url, &refusal);
                return say(&mut stream, "403 Forbidden").await;
            }
            Err(Undialed::Failed { .. }) => return say(&mut stream, "502 Bad Gateway").await,
        };
        match asked {
            Asked::Tunnel(_) => {
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                self.count(rest.len())?;
                server.write_all(&rest).await?;
                let (mut from, mut to) = stream.split();
                let (mut back, mut on) = server.split();
                tokio::try_join!(self.copy(&mut from, &mut on), self.copy(&mut back, &mut to))?;
                Ok(())
            }
            Asked::Plain { head, body, .. } => self.relay(stream, server, (head, rest, body)).await,
        }
    }

    /// One request and its answer; the connection ends with them. A browser that asks a second time on it finds it
    /// closed and asks on a new one.
    async fn relay(
        &self,
        mut stream: TcpStream,
        mut server: TcpStream,
        (head, rest, length): (Vec<u8>, Vec<u8>, u64),
    ) -> io::Result<()> {
        self.count(head.len() + rest.len())?;
        server.write_all(&head).await?;
        let begun = rest.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        server.write_all(&rest[..begun]).await?;
        let (mut from, mut to) = stream.split();
        let (mut back, mut on) = server.split();
        let answer = self.copy(&mut back, &mut to);
        let question = async {
            let mut body = (&mut from).take(length - begun as u64);
            self.copy_open(&mut body, &mut on).await?;
            // Whatever comes now is another request, or the end.
            from.read_u8().await.map(|_| ())
        };
        tokio::select! {
            done = answer => done,
            done = question => done,
        }
    }

    async fn copy(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        self.copy_open(from, to).await?;
        to.shutdown().await
    }

    async fn copy_open(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let n = from.read(&mut buffer).await?;
            if n == 0 {
                return Ok(());
            }
            self.count(n)?;
            to.write_all(&buffer[..n]).await?;
        }
    }

    /// Counts bytes; an error once there were too many.
    fn count(&self, n: usize) -> io::Result<()> {
        let before = self.traffic.fetch_add(n as u64, Ordering::Relaxed);
        if before + n as u64 > self.rules.max_traffic {
            return Err(io::Error::other("the page has used up what it may load"));
        }
        Ok(())
    }

    fn refuse(&self, url: &Url, refusal: &guard::Refusal) {
        const KEPT: usize = 3;
        metrics::counter!("loa_browser_refused_total").increment(1);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < KEPT {
            let Place(host, port) = Place::of(url);
            refused.push(format!("`{host}:{port}`: {refusal}"));
        }
    }
}

/// A head, its empty line included, and what came behind it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok((bytes, rest));
        }
        if bytes.len() > HEAD {
            return Err(io::Error::other("the head is too long"));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// What is asked for; `None` where it is nothing that a browser asks a proxy.
fn asked(head: &[u8]) -> Option<Asked> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok()?.is_complete().then_some(())?;
    let (method, target) = (request.method?, request.path?);
    if method == "CONNECT" {
        let is_authority = !target.contains(['/', '\\', '?', '#', '@']);
        let url = Url::parse(&format!("http://{target}/")).ok().filter(|_| is_authority)?;
        return Some(Asked::Tunnel(url));
    }
    let url = Url::parse(target).ok().filter(|url| url.scheme() == "http" && url.has_host())?;
    let mut sent = format!("{method} {}", url.path()).into_bytes();
    if let Some(query) = url.query() {
        sent.extend_from_slice(format!("?{query}").as_bytes());
    }
    sent.extend_from_slice(b" HTTP/1.1\r\n");
    let mut body = 0;
    for header in request.headers.iter() {
        match header.name.to_ascii_lowercase().as_str() {
            // These are about the connection to us, and its framing is ours to say.
            "proxy-connection" | "connection" | "keep-alive" | "proxy-authorization" | "te" | "upgrade" => {
                continue;
            }
            "transfer-encoding" => return None,
            "content-length" => body = std::str::from_utf8(header.value).ok()?.trim().parse().ok()?,
            _ => {}
        }
        sent.extend_from_slice(header.name.as_bytes());
        sent.extend_from_slice(b": ");
        sent.extend_from_slice(header.value);
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b"Connection: close\r\n\r\n");
    Some(Asked::Plain { url, head: sent, body })
}

/// Says why not, and hangs up.
async fn say(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::testing::{self, PUBLIC, Server};

    #[test]
    fn a_browser_asks_for_tunnels_and_for_addresses() {
        let tunnel = |head: &str, expected: Option<&str>| {
            let found = match asked(head.as_bytes()) {
                Some(Asked::Tunnel(url)) => Some(url.to_string()),
                Some(other) => panic!("{other:?}"),
                None => None,
            };
            assert_eq!(found.as_deref(), expected, "{head}");
        };
        tunnel("CONNECT a.vn:443 HTTP/1.1\r\nHost: a.vn:443\r\n\r\n", Some("http://a.vn:443/"));
        tunnel("CONNECT 0x7f.1:80 HTTP/1.1\r\n\r\n", Some("http://127.0.0.1/"));
        tunnel("CONNECT [::1]:443 HTTP/1.1\r\n\r\n", Some("http://[::1]:443/"));
        for head in [
            "CONNECT a.vn@b.vn:443 HTTP/1.1\r\n\r\n",
            "CONNECT http://a.vn/ HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.vn\r\n\r\n",
            "GET ftp://a.vn/ HTTP/1.1\r\n\r\n",
            "GET https://a.vn/ HTTP/1.1\r\n\r\n",
            "POST http://a.vn/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST http://a.vn/ HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            "\r\n\r\n",
        ] {
            tunnel(head, None);
        }
        let plain = asked(
            b"POST http://a.vn:81/x?y=1 HTTP/1.1\r\nHost: a.vn:81\r\nProxy-Connection: keep-alive\r\nContent-Length: 5\r\n\r\n",
        );
        let head = "POST /x?y=1 HTTP/1.1\r\nHost: a.vn:81\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
        let url = "http://a.vn:81/x?y=1".parse().unwrap();
        assert_eq!(plain, Some(Asked::Plain { url, head: head.into(), body: 5 }));
    }

    /// What a proxy with these rules answers, and what its server was asked.
    async fn answers(
        change: impl FnOnce(&mut Rules, SocketAddr),
        asks: &[&str],
    ) -> (Vec<String>, Vec<String>, Proxy) {
        let server = Server::new(|_| {
            testing::Reply::Bytes(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1000)).into())
        })
        .await;
        let hosts = [("tin.example", PUBLIC, server.at), ("inner.example", [10, 0, 0, 5].into(), server.at)];
        let client = Client::with_hosts(&testing::settings(), testing::clock(), &hosts).unwrap();
        let loopback: IpAddr = [127, 0, 0, 1].into();
        let mut rules = Rules { home: None, browser: loopback, max_connections: 10, max_traffic: 1 << 20 };
        change(&mut rules, server.at);
        let proxy = Proxy::listen(loopback, client, rules).await.unwrap();
        let port = proxy.port().unwrap();
        let ask = async {
            let mut answers = Vec::new();
            for ask in asks {
                let ask = ask.replace("SERVER", &server.at.to_string());
                let mut stream = TcpStream::connect((loopback, port)).await.unwrap();
                stream.write_all(ask.as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                // It may hang up however it likes.
                stream.read_to_end(&mut answer).await.ok();
                answers.push(String::from_utf8_lossy(&answer).into_owned());
            }
            answers
        };
        let answers = tokio::select! {
            answers = ask => answers,
            never = proxy.serve() => match never {},
        };
        (answers, server.heads(), proxy)
    }

    #[tokio::test]
    async fn only_public_addresses_are_reached_and_where_the_page_stands() {
        let asks = [
            "GET http://tin.example/a HTTP/1.1\r\nHost: tin.example\r\n\r\n",
            "CONNECT tin.example:443 HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            "GET http://inner.example/c HTTP/1.1\r\n\r\n",
            "GET http://SERVER/d HTTP/1.1\r\n\r\n",
            "CONNECT SERVER HTTP/1.1\r\n\r\nGET /e HTTP/1.1\r\n\r\n",
            "CONNECT localhost:80 HTTP/1.1\r\n\r\n",
            "CONNECT nowhere.example:80 HTTP/1.1\r\n\r\n",
            "nonsense\r\n\r\n",
        ];
        let statuses = |answers: &[String]| -> Vec<String> {
            answers.iter().map(|answer| answer.chars().skip(9).take(3).collect()).collect()
        };
        let paths = |heads: &[String]| -> Vec<String> {
            heads.iter().map(|head| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
        };
        let (said, heads, proxy) = answers(|_, _| {}, &asks).await;
        assert_eq!(statuses(&said), ["200", "200", "403", "403", "403", "403", "502", "400"]);
        assert_eq!(paths(&heads), ["/a", "/b"]);
        assert_eq!(proxy.refused().len(), 3, "{:?}", proxy.refused());
        assert!(proxy.refused()[0].contains("inner.example:80"), "{:?}", proxy.refused());
        let home = |rules: &mut Rules, at: SocketAddr| {
            rules.home = Some(Place::of(&format!("http://{at}/").parse().unwrap()));
        };
        let (said, heads, _) = answers(home, &asks).await;
        assert_eq!(statuses(&said), ["200", "200", "403", "200", "200", "403", "502", "400"]);
        assert_eq!(paths(&heads), ["/a", "/b", "/d", "/e"]);
    }

    #[tokio::test]
    async fn a_page_has_so_many_connections_and_bytes_and_its_own_browser_only() {
        let ask = "GET http://tin.example/a HTTP/1.1\r\n\r\n";
        let (said, heads, proxy) = answers(|rules, _| rules.max_connections = 1, &[ask, ask]).await;
        assert!(said[0].starts_with("HTTP/1.1 200") && said[1].starts_with("HTTP/1.1 503"), "{said:?}");
        assert_eq!((heads.len(), proxy.is_exhausted()), (1, true));
        let (said, _, proxy) = answers(|rules, _| rules.max_traffic = 500, &[ask]).await;
        assert!(!said[0].contains("xxx"), "{said:?}");
        assert!(proxy.is_exhausted());
        let (said, heads, _) = answers(|rules, _| rules.browser = [192, 0, 2, 1].into(), &[ask]).await;
        assert_eq!((said[0].as_str(), heads.len()), ("", 0));
    }

    #[tokio::test]
    async fn a_connection_is_for_one_request() {
        let ask = "GET http://tin.example/a HTTP/1.1\r\n\r\nGET http://inner.example/b HTTP/1.1\r\n\r\n";
        let (_, heads, _) = answers(|_, _| {}, &[ask]).await;
        assert!(heads.iter().all(|head| head.starts_with("GET /a ")), "{heads:?}");
    }
}
