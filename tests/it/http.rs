//! A bare HTTP/1.1 client: what is on the wire, nothing decoded, nothing followed.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value; the first, if there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text answers are UTF-8")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(body).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    parse(&bytes).ok_or_else(|| io::Error::other("the answer is no HTTP"))
}

/// An answer that goes on: its head, and its body block by block (blocks end with an empty line).
pub(crate) struct Stream {
    stream: TcpStream,
    pub(crate) head: Answer,
    /// What came and is not unpacked yet.
    packed: Vec<u8>,
    /// What was unpacked and not taken yet.
    text: String,
}

impl Stream {
    /// Asks, and waits for the head.
    pub(crate) async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").as_bytes())
            .await?;
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await?);
        }
        let length = bytes.len();
        let mut head = parse_head(&bytes[..length - 4]).ok_or_else(|| io::Error::other("no HTTP"))?;
        if head.header("transfer-encoding") != Some("chunked") {
            let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
            head.body = vec![0; length];
            stream.read_exact(&mut head.body).await?;
        }
        Ok(Self { stream, head, packed: Vec::new(), text: String::new() })
    }

    /// The next block without its empty line; `None` at the end. It gives up after a minute.
    pub(crate) async fn block(&mut self) -> Option<String> {
        tokio::time::timeout(Duration::from_secs(60), self.next()).await.expect("no block came")
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = self.chunk().await?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.packed.windows(2).position(|window| window == b"\r\n") {
                let size = std::str::from_utf8(&self.packed[..line]).ok()?;
                let size = usize::from_str_radix(size, 16).unwrap();
                if let Some(chunk) = self.packed.get(line + 2..line + 2 + size) {
                    let chunk = chunk.to_vec();
                    self.packed.drain(..(line + 4 + size).min(self.packed.len()));
                    return (size > 0).then_some(chunk);
                }
            }
            if self.stream.read_buf(&mut self.packed).await.ok()? == 0 {
                return None;
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = parse_head(&bytes[..end])?;
    let rest = &bytes[end + 4..];
    let chunked = head.header("transfer-encoding") == Some("chunked");
    Some(Answer { body: if chunked { unchunk(rest)? } else { rest.to_vec() }, ..head })
}

/// Everything but the body.
fn parse_head(head: &[u8]) -> Option<Answer> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer { status, headers, body: Vec::new() })
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(line + 2..line + 2 + size)?);
        bytes = bytes.get(line + 2 + size + 2..)?;
    }
}
