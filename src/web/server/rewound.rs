//! A stream of which something was read already.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What a client with prior knowledge of HTTP/2 sends first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that says `first` before everything else.
pub(super) struct Rewound<S> {
    first: Vec<u8>,
    said: usize,
    stream: S,
}

impl<S> Rewound<S> {
    pub(super) fn new(first: Vec<u8>, stream: S) -> Self {
        Self { first, said: 0, stream }
    }
}

impl<S: AsyncRead + Unpin> Rewound<S> {
    /// Does the client speak HTTP/2? Reads on while that cannot be told.
    pub(super) async fn is_http2(&mut self) -> io::Result<bool> {
        loop {
            let known = self.first.len().min(PREFACE.len());
            if known > 0 && self.first.get(..known) != PREFACE.get(..known) {
                return Ok(false);
            }
            if known == PREFACE.len() {
                return Ok(true);
            }
            if self.stream.read_buf(&mut self.first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.first.split_at(self.said).1;
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.split_at(count).0);
        self.said += count;
        if self.said == self.first.len() {
            (self.first, self.said) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// What is told of a client that says `first` and `then`, and everything it is heard to say.
    async fn told(first: &[u8], then: &[u8]) -> (Option<bool>, Vec<u8>) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(then).await.unwrap();
        drop(theirs);
        let mut stream = Rewound::new(first.to_vec(), ours);
        let told = stream.is_http2().await.ok();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        (told, heard)
    }

    #[tokio::test]
    async fn protocols_are_told_by_the_first_bytes_and_no_byte_is_lost() {
        let whole = [PREFACE, b"frames"].concat();
        for cut in 0..whole.len() {
            let (first, then) = whole.split_at(cut);
            assert_eq!(told(first, then).await, (Some(true), whole.clone()), "{cut}");
        }
        assert_eq!(told(b"", b"POST / HTTP/1.1").await, (Some(false), b"POST / HTTP/1.1".to_vec()));
        assert_eq!(told(b"P", b"UT /").await, (Some(false), b"PUT /".to_vec()));
        assert_eq!(told(b"PRI * HTTP/2.", b"").await.0, None, "nobody knows");
    }
}
