//! A plain connection for somebody else's bytes: what stands between a browser and the net asks for it. The address is
//! judged, and connected to, exactly as for a request of our own.

use std::{io, net::SocketAddr};

use tokio::net::TcpStream;
use url::{Host, Url};

use super::{
    Client,
    guard::{self, Refusal},
};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Undialed {
    /// We do not connect there.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody there.
    #[error("cannot connect to `{host}`: {cause}")]
    Failed {
        /// Name and port.
        host: String,
        /// Why not.
        cause: String,
    },
}

// === impl Client ===

impl Client {
    /// Connects to the host and port of an `http` or `https` address, within `net.connect_timeout`. Without
    /// `allow_private` only public addresses are connected to, and only those that were judged: a name that is looked
    /// up again (DNS rebinding) gains nothing.
    pub async fn dial(&self, url: &Url, allow_private: bool) -> Result<TcpStream, Undialed> {
        guard::check(url, allow_private)?;
        let port = url.port_or_known_default().unwrap_or(80);
        let failed = |cause: String| Undialed::Failed { host: super::polite::name(url), cause };
        let connect = async {
            let addresses = match url.host() {
                Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
                Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
                Some(Host::Domain(name)) => self.addresses(name, port, allow_private).await?,
                None => return Err(failed("it has no host".to_owned())),
            };
            connect(&addresses).await.map_err(|cause| failed(cause.to_string()))
        };
        let limit = self.settings().connect_timeout;
        let timely = tokio::time::timeout(limit, connect).await;
        timely.map_err(|_| {
            failed(format!("it took longer than {limit:?}, which is the limit (`net.connect_timeout`)"))
        })?
    }

    async fn addresses(
        &self,
        name: &str,
        port: u16,
        allow_private: bool,
    ) -> Result<Vec<SocketAddr>, Undialed> {
        let found = self.0.lookup.find(name).await;
        let found = found
            .map_err(|cause| Undialed::Failed { host: format!("{name}:{port}"), cause: cause.to_string() })?;
        let seen: Vec<_> = found.iter().map(|(seen, _)| *seen).collect();
        let kept = if allow_private { seen } else { guard::checked(name, &seen)? };
        let kept = found.into_iter().filter(|(seen, _)| kept.contains(seen)).map(|(_, at)| at);
        Ok(kept.map(|at| if at.port() == 0 { SocketAddr::new(at.ip(), port) } else { at }).collect())
    }
}

/// The first of these addresses that answers.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::other("it has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(cause) => last = cause,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::net::testing;

    #[tokio::test]
    async fn only_what_was_judged_is_connected_to() {
        let server = testing::Server::says("HTTP/1.1 200 OK\r\n\r\n").await;
        let inner: IpAddr = [10, 0, 0, 5].into();
        let hosts = [("tin.example", testing::PUBLIC, server.at), ("inner.example", inner, server.at)];
        let client = Client::with_hosts(&testing::settings(), testing::clock(), &hosts).unwrap();
        let dial = async |url: &str, allow_private| client.dial(&url.parse().unwrap(), allow_private).await;
        assert!(dial("http://tin.example/", false).await.is_ok());
        assert!(dial("http://inner.example/", true).await.is_ok());
        let literal = format!("http://{}/", server.at);
        assert!(dial(&literal, true).await.is_ok());
        for url in ["http://inner.example/", &literal, "http://localhost/", "http://[::1]/", "http://0x7f.1/"]
        {
            let refused = dial(url, false).await;
            assert!(matches!(refused, Err(Undialed::Refused(_))), "{url}: {refused:?}");
        }
        assert!(matches!(dial("http://nowhere.example/", false).await, Err(Undialed::Failed { .. })));
    }
}
