//! The Chrome DevTools Protocol, as far as it is messages: JSON over WebSocket (RFC 6455), with an upper limit.
//!
//! Every visit has a connection of its own: what it made in the browser goes away with it, however it ends.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, protocol::WebSocketConfig},
};

/// Where a browser listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Its address: connected to as it is.
    pub(super) at: SocketAddr,
    /// The path of its endpoint, `/devtools/browser/…`.
    pub(super) path: String,
}

/// What the browser says.
#[derive(Debug)]
pub(super) enum Message {
    /// The answer to a command.
    Reply {
        /// Which one.
        id: u64,
        /// Its result, or why there is none.
        result: Result<Value, String>,
    },
    /// Something happened.
    Event {
        /// What.
        method: String,
        /// The rest.
        params: Value,
    },
}

/// One connection.
#[derive(Debug)]
pub(super) struct Cdp {
    socket: WebSocketStream<TcpStream>,
    last: u64,
}

// === impl Cdp ===

impl Cdp {
    /// Connects. A message of more than `most` bytes ends the connection.
    pub(super) async fn connect(endpoint: &Endpoint, most: usize) -> Result<Self, String> {
        let stream = TcpStream::connect(endpoint.at).await.map_err(|cause| cause.to_string())?;
        stream.set_nodelay(true).map_err(|cause| cause.to_string())?;
        let limits = WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most));
        // By its address and without `Origin`: Chromium takes neither names nor pages of others for its operator.
        let url = format!("ws://{}{}", endpoint.at, endpoint.path);
        let (socket, _) =
            client_async_with_config(url, stream, Some(limits)).await.map_err(|cause| cause.to_string())?;
        Ok(Self { socket, last: 0 })
    }

    /// Sends a command, to a page where there is a session of one; gives the number of its reply.
    pub(super) async fn send(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<u64, String> {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let sent = self.socket.send(tungstenite::Message::text(command.to_string())).await;
        sent.map_err(|cause| cause.to_string())?;
        Ok(self.last)
    }

    /// The next message. It may be dropped while it waits: nothing is lost.
    pub(super) async fn next(&mut self) -> Result<Message, String> {
        loop {
            let frame = match self.socket.next().await {
                Some(Ok(frame)) => frame,
                Some(Err(cause)) => return Err(cause.to_string()),
                None => return Err("it has closed the connection".to_owned()),
            };
            match frame {
                tungstenite::Message::Text(text) => return understood(text.as_str()),
                tungstenite::Message::Close(_) => return Err("it has closed the connection".to_owned()),
                // Pings are answered below us.
                _ => {}
            }
        }
    }
}

/// A message of the browser.
fn understood(text: &str) -> Result<Message, String> {
    let strange = || {
        let start: String = text.chars().take(100).collect();
        format!("it says what is no message of its protocol: `{start}`")
    };
    let mut message: Value = serde_json::from_str(text).map_err(|_| strange())?;
    if let Some(id) = message["id"].as_u64() {
        let result = match message.get("error") {
            Some(error) => {
                let said = error["message"].as_str().unwrap_or("it does not say why");
                Err(said.chars().take(300).collect())
            }
            None => Ok(message["result"].take()),
        };
        return Ok(Message::Reply { id, result });
    }
    let method = message["method"].as_str().ok_or_else(strange)?.to_owned();
    Ok(Message::Event { method, params: message["params"].take() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_replies_or_events() {
        let reply = understood(r#"{"id":3,"result":{"a":1},"sessionId":"s"}"#).unwrap();
        assert!(matches!(reply, Message::Reply { id: 3, result: Ok(value) } if value["a"] == 1));
        let wrong = understood(r#"{"id":4,"error":{"code":-32000,"message":"no such target"}}"#).unwrap();
        assert!(matches!(wrong, Message::Reply { id: 4, result: Err(said) } if said == "no such target"));
        let event = understood(r#"{"method":"Page.loadEventFired","params":{"timestamp":1}}"#).unwrap();
        assert!(matches!(event, Message::Event { method, .. } if method == "Page.loadEventFired"));
        for strange in ["", "[]", "{}", "<html>", r#"{"id":"3"}"#, r#"{"method":3}"#, "{\"method\":\"\u{1}"] {
            assert!(understood(strange).is_err(), "{strange}");
        }
    }
}
