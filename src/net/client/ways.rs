//! The connections of requests that may rely on the same certificates. Those of one set never serve another: a session
//! that was verified against a root is not verified again when it is resumed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use rustls::{RootCertStore, client::WebPkiServerVerifier};

use super::build;
use crate::{
    model::Digest,
    net::{
        Error, Settings,
        chain::Chains,
        resolve::{Lookup, Resolver},
        tls,
        trust::Trust,
    },
};

/// One way out for each set of certificates that is in use.
#[derive(Debug)]
pub(super) struct Ways {
    settings: Settings,
    lookup: Lookup,
    roots: RootCertStore,
    pub(super) chains: Arc<Chains>,
    /// The one of requests that name no certificates.
    plain: Arc<Way>,
    others: Mutex<HashMap<Digest, Other>>,
}

/// A way, and who last took it.
type Other = (Weak<Trust>, Arc<Way>);

/// Connections of one kind.
#[derive(Debug)]
pub(super) struct Way {
    /// Reaches public addresses only.
    guarded: reqwest::Client,
    /// Reaches any address. Its connections are its own, so that a guarded request cannot ride on one.
    open: reqwest::Client,
    pub(super) webpki: Arc<WebPkiServerVerifier>,
    pub(super) trust: Digest,
}

impl Ways {
    pub(super) fn new(settings: &Settings, lookup: &Lookup, chains: Arc<Chains>) -> Result<Self, Error> {
        let roots = tls::roots(settings)?;
        let plain = Arc::new(Way::new(settings, lookup, &roots, &chains, None)?);
        let (settings, lookup, others) = (settings.clone(), lookup.clone(), Mutex::default());
        Ok(Self { settings, lookup, roots, chains, plain, others })
    }

    /// The way of requests that rely on `trust`. One that nobody can take any more, after a reload of the
    /// configuration, is given up when the next one is made.
    pub(super) fn of(&self, trust: Option<&Arc<Trust>>) -> Result<Arc<Way>, Error> {
        let Some(set) = trust else { return Ok(Arc::clone(&self.plain)) };
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((user, way)) = others.get_mut(&Trust::key(trust)) {
            // The same certificates, perhaps read again: the older ones may be gone soon.
            *user = Arc::downgrade(set);
            return Ok(Arc::clone(way));
        }
        others.retain(|_, (user, _)| user.strong_count() > 0);
        let way = Arc::new(Way::new(&self.settings, &self.lookup, &self.roots, &self.chains, trust)?);
        others.insert(way.trust, (Arc::downgrade(set), Arc::clone(&way)));
        Ok(way)
    }

    #[cfg(test)]
    pub(super) fn n_others(&self) -> usize {
        self.others.lock().unwrap().len()
    }
}

impl Way {
    fn new(
        settings: &Settings,
        lookup: &Lookup,
        roots: &RootCertStore,
        chains: &Arc<Chains>,
        trust: Option<&Arc<Trust>>,
    ) -> Result<Self, Error> {
        let webpki = tls::webpki(roots, trust)?;
        let build = |guarded| {
            let resolver = Resolver { lookup: lookup.clone(), guarded };
            build(settings, resolver, tls::config(&webpki, chains, trust))
        };
        let (guarded, open) = (build(true)?, build(false)?);
        Ok(Self { guarded, open, webpki, trust: Trust::key(trust) })
    }

    /// The connections that may, or may not, lead to private addresses.
    pub(super) fn http(&self, allow_private: bool) -> &reqwest::Client {
        if allow_private { &self.open } else { &self.guarded }
    }
}
