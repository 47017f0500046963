//! Names to addresses, of which the guarded client sees the public ones only.
//!
//! The connection is made to the addresses that were checked, so a name that answers differently the next
//! time (DNS rebinding) gains nothing.

#[cfg(test)]
use std::{collections::HashMap, sync::Arc};
use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard;

/// Where names are looked up.
#[derive(Clone, Debug)]
pub(super) enum Lookup {
    /// Where the machine looks them up.
    System,
    /// In a table of a test: the address that the guard sees, and where the test's server really stands.
    #[cfg(test)]
    Table(Arc<HashMap<String, Vec<(IpAddr, SocketAddr)>>>),
}

/// Looks names up for one of the two clients.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) lookup: Lookup,
    pub(super) guarded: bool,
}

/// A name without any address.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` has no address{}", .source.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default())]
pub(super) struct NotFound {
    name: String,
    #[source]
    source: Option<io::Error>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, guarded) = (self.lookup.clone(), self.guarded);
        Box::pin(async move {
            let name = name.as_str();
            let found = lookup.find(name).await?;
            let seen: Vec<IpAddr> = found.iter().map(|(seen, _)| *seen).collect();
            let kept = if guarded { guard::checked(name, &seen)? } else { seen };
            let addresses: Vec<SocketAddr> =
                found.into_iter().filter(|(seen, _)| kept.contains(seen)).map(|(_, at)| at).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Lookup {
    /// Pairs of the address to judge and the address to connect to; port 0 stands for the URL's own.
    pub(super) async fn find(&self, name: &str) -> Result<Vec<(IpAddr, SocketAddr)>, NotFound> {
        let not_found = |source| NotFound { name: name.to_owned(), source };
        let found: Vec<_> = match self {
            Self::System => {
                let addresses = tokio::net::lookup_host((name, 0)).await;
                addresses.map_err(|cause| not_found(Some(cause)))?.map(|at| (at.ip(), at)).collect()
            }
            #[cfg(test)]
            Self::Table(table) => table.get(name).cloned().unwrap_or_default(),
        };
        if found.is_empty() { Err(not_found(None)) } else { Ok(found) }
    }
}
