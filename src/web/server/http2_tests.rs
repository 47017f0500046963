//! HTTP/2 as strangers speak it, frame by frame.

use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Limits,
    tests::{PATIENT, served, soon},
};

/// A frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a GET of `/` and the like: static entries of HPACK, and a literal `:authority`.
fn fields(path: &str) -> Vec<u8> {
    let literal =
        |index: u8, text: &str| [&[index, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [&[0x82, 0x86][..], &literal(4, path), &literal(1, "x")].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// The kinds of frames that the server sends until it closes or `until` has come, counted.
async fn frames(stream: &mut TcpStream, until: u8) -> HashMap<u8, usize> {
    let mut kinds = HashMap::new();
    let mut head = [0; 9];
    while soon(stream.read_exact(&mut head)).await.is_ok() {
        *kinds.entry(head[3]).or_default() += 1;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if soon(stream.read_exact(&mut payload)).await.is_err() || head[3] == until {
            break;
        }
    }
    kinds
}

#[tokio::test]
async fn http2_is_spoken_with_who_knows_it_beforehand() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    let request = [PREFACE, &frame(HEADERS, 5, 1, &fields("/"))].concat();
    stream.write_all(&request).await.unwrap();
    let kinds = frames(&mut stream, 0).await;
    assert_eq!((kinds.get(&HEADERS), kinds.get(&0)), (Some(&1), Some(&1)), "{kinds:?}");
    server.stop.cancel();
    assert!(frames(&mut stream, GOAWAY).await.contains_key(&GOAWAY));
    drop(stream);
    soon(server.running).await.unwrap();
}

/// CVE-2023-44487: streams that are taken back as soon as they are opened.
#[tokio::test]
async fn http2_streams_that_are_taken_back_at_once_end_the_connection() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    let mut flood = PREFACE.to_vec();
    for number in 0..10_000 {
        let id = 2 * number + 1;
        flood.extend(frame(HEADERS, 5, id, &fields("/wait")));
        flood.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
    }
    // It closes before it has taken everything.
    stream.write_all(&flood).await.ok();
    frames(&mut stream, GOAWAY).await;
    drop(stream);
    assert!(server.seen.load(Ordering::SeqCst) < 1_000, "{:?}", server.seen);
    server.stop.cancel();
    soon(server.running).await.unwrap();
}

/// Fields without end: each frame is small, and none of them the last.
#[tokio::test]
async fn http2_fields_without_end_end_the_connection() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    let field = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat();
    let mut flood = [PREFACE, &frame(HEADERS, 1, 1, &fields("/"))].concat();
    for _ in 0..20_000 {
        flood.extend(frame(CONTINUATION, 0, 1, &field));
    }
    stream.write_all(&flood).await.ok();
    frames(&mut stream, GOAWAY).await;
    drop(stream);
    assert_eq!(server.seen.load(Ordering::SeqCst), 0);
    server.stop.cancel();
    soon(server.running).await.unwrap();
}

#[tokio::test]
async fn http2_connections_on_which_nothing_moves_end() {
    let server = served(Limits { idle: Duration::from_millis(50), ..PATIENT }).await;
    let mut stream = server.connect().await;
    stream.write_all(&[PREFACE, &frame(HEADERS, 5, 1, &fields("/"))].concat()).await.unwrap();
    let kinds = frames(&mut stream, GOAWAY).await;
    assert!(kinds.contains_key(&GOAWAY) && kinds.contains_key(&HEADERS), "{kinds:?}");
    let mut stream = server.connect().await;
    // The window stays as it is: 64 KiB of this are sent, and no more.
    stream.write_all(&[PREFACE, &frame(HEADERS, 5, 1, &fields("/large"))].concat()).await.unwrap();
    frames(&mut stream, GOAWAY).await;
    server.stop.cancel();
    soon(server.running).await.unwrap();
}

#[tokio::test]
async fn http2_answers_that_go_on_are_no_standstill() {
    let server = served(Limits { idle: Duration::from_millis(500), ..PATIENT }).await;
    let mut stream = server.connect().await;
    stream.write_all(&[PREFACE, &frame(HEADERS, 5, 1, &fields("/drip"))].concat()).await.unwrap();
    let kinds = frames(&mut stream, GOAWAY).await;
    assert!(kinds.get(&0).is_some_and(|pieces| *pieces >= 80), "{kinds:?}");
    drop(stream);
    server.stop.cancel();
    soon(server.running).await.unwrap();
}
