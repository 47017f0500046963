//! Connections whose reader may not dawdle: without this, a client that asks and never reads, or reads a byte a
//! second, holds its connection, and the feed's bytes, for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// Bytes a second that a reader has to take on average, while we wait for it.
const LEAST_RATE: u64 = 8 * 1024;

/// How long a reader may still make us wait. Waiting uses it up; what is taken earns it back, at [`LEAST_RATE`].
///
/// So an answer of `n` bytes has to be taken within the limit and `n / LEAST_RATE` seconds, and a reader that is
/// faster than that may stay as long as it likes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    most: Duration,
    left: Duration,
    waiting: Option<Instant>,
}

/// A stream that fails when its other side is slower than its [`Allowance`].
pub(super) struct Patient<S> {
    stream: S,
    allowance: Allowance,
    timer: Option<Pin<Box<Sleep>>>,
    give_up: fn(&S),
}

// === impl Allowance ===

impl Allowance {
    /// Of somebody who may make us wait `most` at once.
    pub(super) fn new(most: Duration) -> Self {
        Self { most, left: most, waiting: None }
    }

    /// We wait, since `now` if we did not wait before. Returns when that is too long.
    pub(super) fn wait(&mut self, now: Instant) -> Instant {
        *self.waiting.get_or_insert(now) + self.left
    }

    /// So many bytes were taken.
    pub(super) fn took(&mut self, bytes: usize) {
        // Nobody waited, nothing is owed: what happens all day asks no clock.
        if self.waiting.is_some() || self.left < self.most {
            self.settle(bytes, Instant::now());
        }
    }

    fn settle(&mut self, bytes: usize, now: Instant) {
        let waited = self.waiting.take().map_or(Duration::ZERO, |since| now.duration_since(since));
        let earned = Duration::from_millis(bytes as u64 * 1000 / LEAST_RATE);
        self.left = (self.left.saturating_sub(waited) + earned).min(self.most);
    }
}

// === impl Patient ===

impl<S> Patient<S> {
    /// Wraps `stream`, whose other side may make us wait `limit` at once. `give_up` is told when it did.
    pub(super) fn new(stream: S, limit: Duration, give_up: fn(&S)) -> Self {
        Self { stream, allowance: Allowance::new(limit), timer: None, give_up }
    }

    /// Lets a write's answer through, unless the other side has used up its time.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        answer: Poll<io::Result<T>>,
        taken: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(answer) = answer {
            self.allowance.took(answer.as_ref().map_or(0, taken));
            self.timer = None;
            return Poll::Ready(answer);
        }
        let until = self.allowance.wait(Instant::now());
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        timer.as_mut().poll(cx).map(|()| {
            (self.give_up)(&self.stream);
            Err(io::ErrorKind::TimedOut.into())
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, answer, |taken| *taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, answer, |taken| *taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, answer, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, answer, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(4);
        let mut ours = Patient::new(ours, Duration::from_millis(1), |_| ());
        let refused = ours.write_all(b"more than four bytes").await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_reader_that_takes_what_is_left_is_waited_for_no_more() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut ours = Patient::new(ours, Duration::from_secs(3600), |_| ());
        ours.write_all(b"four").await.unwrap();
        assert!(poll!(std::pin::pin!(ours.write_all(b"five"))).is_pending());
        assert!(ours.timer.is_some() && ours.allowance.waiting.is_some());
        theirs.read_u8().await.unwrap();
        ours.write_u8(b'!').await.unwrap();
        assert!(ours.timer.is_none() && ours.allowance.waiting.is_none());
    }

    /// Seconds that a reader stays who takes `bytes` at the end of every second, at most an hour.
    fn stays(bytes: usize) -> u64 {
        let begun = Instant::now();
        let mut allowance = Allowance::new(30 * SECOND);
        for second in 0..3600 {
            let now = begun + Duration::from_secs(second);
            if allowance.wait(now) < now + SECOND {
                return second;
            }
            allowance.settle(bytes, now + SECOND);
        }
        3600
    }

    #[test]
    fn a_reader_has_to_take_eight_kibibytes_a_second() {
        assert_eq!(stays(1), 30);
        assert_eq!(stays(4 * 1024), 59);
        assert_eq!(stays(8 * 1024), 3600);
        assert_eq!(stays(1 << 20), 3600);
    }
}
