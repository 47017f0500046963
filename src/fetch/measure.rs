//! How long a file is and what it is, by its server's own word, without fetching it.

use reqwest::{
    Method,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use super::{Ask, request, text};
use crate::net::{Client, Request, Want};

/// What a server says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Bytes.
    pub length: Option<u64>,
    /// The media type, without parameters.
    pub media_type: Option<String>,
}

/// Asks with `HEAD` (RFC 9110, section 9.3.2); where the server does not take that, with a `GET` whose body is left
/// unread. `None` where neither says that the file is there.
pub async fn measure(client: &Client, ask: &Ask) -> Option<Measured> {
    for method in [Method::HEAD, Method::GET] {
        let request = Request {
            method,
            // The length of the file itself, not of what a server makes of it on the way.
            headers: vec![("accept", "*/*".to_owned()), ("accept-encoding", "identity".to_owned())],
            want: Want::Start(0),
            ..request(client, ask)
        };
        let answer = client.send(request).await.ok()?;
        match answer.status {
            200 => {
                let length = text(&answer.headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
                return Some(Measured {
                    length,
                    media_type: text(&answer.headers, CONTENT_TYPE).and_then(|media_type| bare(&media_type)),
                });
            }
            403 | 405 | 501 => {}
            _ => return None,
        }
    }
    None
}

/// A media type without its parameters; nothing for the one that says nothing.
fn bare(media_type: &str) -> Option<String> {
    let bare = media_type.split(';').next()?.trim().to_ascii_lowercase();
    (bare.contains('/') && bare != "application/octet-stream").then_some(bare)
}
