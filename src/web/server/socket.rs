//! What the kernel is told about a connection's socket.

use std::time::Duration;

use tokio::net::TcpStream;

/// Bytes of answers that the kernel keeps for one connection before it sends them. Without a limit it takes up to
/// 4 MiB each, and a thousand readers that take nothing are felt by everybody who sends. A whole feed finds room.
#[cfg(target_os = "linux")]
const MAX_UNSENT: u32 = 512 * 1024;

/// Answers are not held back to be sent with others; little is kept for a reader that does not take it; and the
/// connection ends when the other side takes nothing of what was written for `write`, also after we have closed it.
pub(super) fn prepare(stream: &TcpStream, write: Duration) {
    let told = stream.set_nodelay(true).and_then(|()| limit(stream, write));
    if let Err(cause) = told {
        tracing::debug!(%cause, "cannot set the options of a socket");
    }
}

#[cfg(target_os = "linux")]
fn limit(stream: &TcpStream, write: Duration) -> std::io::Result<()> {
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_notsent_lowat(MAX_UNSENT)?;
    socket.set_tcp_user_timeout(Some(write))
}

/// Elsewhere the kernel's own limits hold.
#[cfg(not(target_os = "linux"))]
fn limit(_: &TcpStream, _: Duration) -> std::io::Result<()> {
    Ok(())
}

/// The connection is given up: what was not taken is thrown away, instead of kept until it is.
pub(super) fn give_up(stream: &TcpStream) {
    if let Err(cause) = stream.set_zero_linger() {
        tracing::debug!(%cause, "cannot reset a connection");
    }
}
