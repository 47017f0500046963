//! Connections below hyper: as long as a client asks for feeds that are there already, one read, one lookup and one
//! write answer it. The first request that is anything else takes the whole connection to hyper, with every byte
//! that was read.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Limits, Plain, plain, socket};
use crate::web::{at_hand::Ready, patience::Allowance};

/// Bytes read at once.
const READ: usize = 16 * 1024;

thread_local! {
    /// What is read is looked at before anything else happens on this thread, so one buffer does for all of its
    /// connections, and one that is idle owns none.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// How a connection left the hot path.
#[derive(Debug)]
pub(super) enum End {
    /// It is over.
    Closed,
    /// These bytes were read, and are none of ours.
    Other(Vec<u8>),
}

/// One connection.
struct Hot<'a, H> {
    stream: &'a mut TcpStream,
    ready: &'a H,
    limits: &'a Limits,
    allowance: Allowance,
    /// What could not be written at once.
    owed: Option<Box<Owed>>,
    /// When it ends if nothing happens.
    until: Instant,
    /// When it ends whatever happens: the end of the grace time, once there is one.
    latest: Option<Instant>,
}

struct Owed {
    ready: Ready,
    /// Requests that were read behind the one whose answer this is.
    behind: Vec<u8>,
}

/// Serves `stream` until it ends, until a request is not answered by `ready`, or until the stop. What is being written
/// at the stop is written to its end, within the grace time.
pub(super) async fn serve<H>(
    stream: &mut TcpStream,
    ready: &H,
    limits: &Limits,
    stop: &CancellationToken,
) -> io::Result<End>
where
    H: Fn(&Plain<'_>) -> Option<Ready>,
{
    let until = Instant::now() + limits.head;
    let mut hot = Hot {
        stream,
        ready,
        limits,
        allowance: Allowance::new(limits.write),
        owed: None,
        until,
        latest: None,
    };
    let mut stopped = std::pin::pin!(stop.cancelled());
    // One timer for the connection's life: it is only looked at when nothing else happens, and moved when it rings.
    let mut timer = std::pin::pin!(tokio::time::sleep_until(until));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(end) = hot.poll(cx) {
            return Poll::Ready(end);
        }
        if hot.latest.is_none() && stopped.as_mut().poll(cx).is_ready() {
            hot.latest = Some(Instant::now() + limits.grace);
        }
        if hot.latest.is_some() && hot.owed.is_none() {
            return Poll::Ready(Ok(End::Closed));
        }
        hot.poll_end(timer.as_mut(), cx).map(|()| {
            if hot.owed.is_some() {
                socket::give_up(hot.stream);
            }
            Err(io::ErrorKind::TimedOut.into())
        })
    })
    .await
}

impl<H> Hot<'_, H>
where
    H: Fn(&Plain<'_>) -> Option<Ready>,
{
    /// Reads and answers until one of both has to wait.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<End>> {
        loop {
            let end = match &mut self.owed {
                Some(_) => ready!(self.poll_owed(cx))?,
                None => ready!(self.poll_read(cx))?,
            };
            if let Some(end) = end {
                return Poll::Ready(Ok(end));
            }
        }
    }

    /// Ready when the connection's time is over. A timer that is set too early is set again when it rings, so that a
    /// request moves none.
    fn poll_end(&self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.latest.map_or(self.until, |latest| latest.min(self.until));
        loop {
            if timer.deadline() > until {
                timer.as_mut().reset(until);
            }
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }

    fn poll_owed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<End>>> {
        let Some(mut owed) = self.owed.take() else { return Poll::Ready(Ok(None)) };
        if self.poll_write(&mut owed.ready, cx)?.is_pending() {
            self.owed = Some(owed);
            return Poll::Pending;
        }
        Poll::Ready(self.answer(&owed.behind, cx))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<End>>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut buffer))?;
            match buffer.filled() {
                [] => Poll::Ready(Ok(Some(End::Closed))),
                input => Poll::Ready(self.answer(input, cx)),
            }
        })
    }

    /// Writes what is left of an answer. While it waits, the connection's end is the reader's allowance.
    fn poll_write(&mut self, ready: &mut Ready, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        while !(ready.head.is_empty() && ready.body.is_empty()) {
            let stream = Pin::new(&mut *self.stream);
            // One buffer costs the kernel less than a list of one.
            let written = match (ready.head.is_empty(), ready.body.is_empty()) {
                (false, true) => stream.poll_write(cx, &ready.head),
                (true, _) => stream.poll_write(cx, &ready.body),
                (false, false) => {
                    let slices = [IoSlice::new(&ready.head), IoSlice::new(&ready.body)];
                    stream.poll_write_vectored(cx, &slices)
                }
            };
            match written {
                Poll::Ready(taken) => {
                    let taken = taken?;
                    if taken == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                    self.allowance.took(taken);
                    let of_head = taken.min(ready.head.len());
                    ready.head.advance(of_head);
                    ready.body.advance(taken - of_head);
                }
                Poll::Pending => {
                    self.until = self.allowance.wait(Instant::now());
                    return Ok(Poll::Pending);
                }
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Answers the requests of `input` one after the other, until one cannot be written at once.
    fn answer(&mut self, mut input: &[u8], cx: &mut Context<'_>) -> io::Result<Option<End>> {
        while !input.is_empty() {
            let Some((plain, length)) = plain::parse(input) else { return Ok(Some(other(input))) };
            let Some(mut ready) = (self.ready)(&plain) else { return Ok(Some(other(input))) };
            input = input.split_at(length).1;
            if self.poll_write(&mut ready, cx)?.is_pending() {
                self.owed = Some(Box::new(Owed { ready, behind: input.to_vec() }));
                return Ok(None);
            }
        }
        self.until = Instant::now() + self.limits.idle;
        Ok(None)
    }
}

fn other(input: &[u8]) -> End {
    End::Other(input.to_vec())
}
