//! A client that is seldom its own limit: it reads 64 KiB at a time where `wrk` reads 8, and looks at nothing but the
//! length. For large answers `wrk` needs more processor than the servers that it measures.
//!
//! `cargo bench --bench pull -- ADDRESS PATH [SECONDS] [HEADER]`: one thread, 64 connections that stay; prints what
//! `benches/serving.sh` reads of `wrk`.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const CONNECTIONS: usize = 64;
const READ: usize = 64 << 10;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(address), Some(path)) = (arguments.next(), arguments.next()) else {
        // `cargo bench` without arguments runs every bench: this one has nothing to measure.
        return;
    };
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(4.0);
    let header = arguments.next().unwrap_or_else(|| "Accept: */*".to_owned());
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\n\r\n");
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(seconds);
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(client(address.clone(), request.clone(), end));
    }
    let mut times = clients.join_all().await.concat();
    times.sort_unstable();
    let n = times.len();
    println!("{n} requests in {:.2?}", begin.elapsed());
    println!("Requests/sec: {:.2}", n as f64 / begin.elapsed().as_secs_f64());
    println!("99% {:.3}ms", times[n * 99 / 100].as_secs_f64() * 1e3);
}

/// Asks again and again until `end`; how long each answer took.
async fn client(address: String, request: String, end: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(&address).await.expect("the server listens");
    let mut buffer = vec![0; READ];
    let mut times = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        let mut left = None;
        while left != Some(0) {
            let n = stream.read(&mut buffer).await.expect("the server answers");
            assert!(n > 0, "the server closed the connection");
            left = Some(left.map_or_else(|| body(&buffer[..n]), |left: usize| left - n));
        }
        times.push(begin.elapsed());
    }
    times
}

/// How much of the answer's body is still to come, after its first bytes.
fn body(answer: &[u8]) -> usize {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the head comes at once") + 4;
    let head = std::str::from_utf8(&answer[..end]).expect("a head is ASCII").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "the answer is {head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
    length.trim().parse::<usize>().expect("a number") - (answer.len() - end)
}
