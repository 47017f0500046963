//! A mail server of our own: takes mails, or answers as a test tells it to.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A mail as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Headers and body, in lines that end with CR and LF.
    pub(crate) text: String,
}

/// At which step an answer of a test's own is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Greeting,
    Mail,
    Rcpt,
    Data,
    Message,
}

#[derive(Default)]
struct Inner {
    received: Mutex<Vec<Received>>,
    script: Mutex<VecDeque<(Step, &'static str)>>,
    connections: Mutex<usize>,
}

/// A server that ends with its owner.
pub(crate) struct Smtp {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
    listening: JoinSet<()>,
}

impl Smtp {
    pub(crate) async fn start() -> Self {
        let mut server = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            inner: Arc::default(),
            listening: JoinSet::new(),
        };
        server.resume().await;
        server
    }

    /// Nobody listens any more, until `resume`.
    pub(crate) async fn down(&mut self) {
        self.listening.shutdown().await;
    }

    /// Listens (again) at its address.
    pub(crate) async fn resume(&mut self) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        let listener = socket.listen(64).unwrap();
        self.address = listener.local_addr().unwrap();
        self.listening.spawn(serve(listener, Arc::clone(&self.inner)));
    }

    /// The next time that it comes to this step, it answers so.
    pub(crate) fn script(&self, answers: impl IntoIterator<Item = (Step, &'static str)>) {
        self.inner.script.lock().unwrap().extend(answers);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.inner.connections.lock().unwrap()
    }
}

impl Received {
    /// A header, unfolded and decoded (RFC 2047).
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.text.split_once("\r\n\r\n").unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let lines = unfolded.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = values.next()?;
        assert!(values.next().is_none(), "two headers `{name}`: {head}");
        Some(decoded(value))
    }

    /// The part of this type, decoded.
    pub(crate) fn part(&self, media: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("Content-Type: {media}")).expect(media);
        let (head, body) = rest.split_once("\r\n\r\n").unwrap();
        let (_, boundary) = self.text.split_once("boundary=\"").unwrap();
        let boundary = boundary.split('"').next().unwrap();
        let body = body.split(&format!("\r\n--{boundary}")).next().unwrap();
        match head.split_once("Content-Transfer-Encoding: ").map(|(_, rest)| rest.trim()) {
            Some("quoted-printable") => quoted_printable(body),
            Some("base64") => base64(body),
            _ => body.to_owned(),
        }
    }

    /// The first address that begins so, in the plain text.
    pub(crate) fn link(&self, start: &str) -> String {
        let text = self.part("text/plain");
        let at = text.find(start).unwrap_or_else(|| panic!("no `{start}` in {text}"));
        text[at..].split_whitespace().next().unwrap().to_owned()
    }
}

fn decoded(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("=?utf-8?b?") {
        // White space between two encoded words is not shown.
        if !before.trim().is_empty() {
            out.push_str(before);
        }
        let (word, after) = after.split_once("?=").unwrap();
        out.push_str(&base64(word));
        rest = after;
    }
    out + rest
}

fn base64(text: &str) -> String {
    use base64::Engine;
    let text: String = text.split_whitespace().collect();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' {
            let (hex, after) = after.split_at(2);
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let mut open = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        *inner.connections.lock().unwrap() += 1;
        let inner = Arc::clone(&inner);
        // A client that goes away ends its conversation.
        open.spawn(async move { talk(stream, &inner).await.ok() });
    }
}

async fn talk(stream: TcpStream, inner: &Inner) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let answer = |step: Step, usual: &'static str| {
        let mut script = inner.script.lock().unwrap();
        let at = script.iter().position(|(one, _)| *one == step);
        at.and_then(|at| script.remove(at)).map_or(usual, |(_, answer)| answer)
    };
    let (mut from, mut to) = (String::new(), String::new());
    let greeting = answer(Step::Greeting, "220 mail.example ESMTP");
    stream.write_all(format!("{greeting}\r\n").as_bytes()).await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.trim_end();
        let said = match command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => "250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
            "AUTH" if command == "AUTH PLAIN AGxvYQBzZWNyZXQ=" => "235 2.7.0 welcome",
            "AUTH" => "535 5.7.8 who are you?",
            "MAIL" => {
                from = inside(command);
                answer(Step::Mail, "250 2.1.0 fine")
            }
            "RCPT" => {
                to = inside(command);
                answer(Step::Rcpt, "250 2.1.5 fine")
            }
            "DATA" => {
                let said = answer(Step::Data, "354 go on");
                if said.starts_with('3') {
                    stream.write_all(format!("{said}\r\n").as_bytes()).await?;
                    let text = message(&mut stream).await?;
                    let said = answer(Step::Message, "250 2.0.0 taken as 4711");
                    if said.starts_with('2') {
                        let received = Received { from: from.clone(), to: to.clone(), text };
                        inner.received.lock().unwrap().push(received);
                    }
                    said
                } else {
                    said
                }
            }
            "RSET" => "250 2.0.0 fine",
            "QUIT" => {
                stream.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 5.5.1 what?",
        };
        if said.is_empty() {
            return Ok(());
        }
        stream.write_all(format!("{said}\r\n").as_bytes()).await?;
        if said.starts_with("421") {
            return Ok(());
        }
    }
}

fn inside(command: &str) -> String {
    command.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned()
}

async fn message(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line == ".\r\n" {
            return Ok(text);
        }
        text += line.strip_prefix('.').unwrap_or(&line);
    }
}
