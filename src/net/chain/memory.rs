//! What is known of the hosts that leave certificates out: what was found for them, or that nothing was.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::sync::Notify;

use super::der;
use crate::{
    clock::SharedClock,
    model::{Digest, Mended, Timestamp},
};

/// Hosts remembered. Beyond it the one that expires first is forgotten.
pub(super) const MAX_HOSTS: usize = 1024;
/// How long fetched certificates serve, over restarts, too. Authorities change them every few years.
pub(super) const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it is not tried again after it failed.
pub(super) const PAUSE: Duration = Duration::from_secs(3600);
/// Bytes of certificates for one host that are worth keeping over a restart. A few links have five thousand.
const MAX_KEPT: usize = 32 << 10;
/// Names that a sentence has.
const MAX_NAMES: usize = 3;

/// What is known of hosts that leave certificates out. One for all clients of a process: what one has found serves the
/// others. What was found is believed no more than what the server sends.
#[derive(Debug)]
pub struct Chains {
    clock: SharedClock,
    hosts: Mutex<HashMap<Key, Known>>,
    changed: Notify,
}

/// The host, and the set of certificates that the requests to it may rely on.
type Key = (String, Digest);

#[derive(Clone, Debug)]
struct Known {
    found: Found,
    until: Timestamp,
    /// Did the server leave it out when it was asked last?
    is_needed: bool,
    /// Is this in no store yet?
    is_new: bool,
}

#[derive(Clone, Debug)]
enum Found {
    /// Fetched from where the certificate says that its issuer's is kept.
    Fetched(Vec<CertificateDer<'static>>),
    /// What the source names in `intermediates_file` was enough.
    Pinned(Vec<CertificateDer<'static>>),
    /// Nothing, for this reason.
    Nothing(String),
}

/// A chain that had to be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Whose.
    pub host: String,
    /// What its certificates are called.
    pub names: Vec<String>,
    /// They are the operator's; otherwise they were fetched.
    pub pinned: bool,
}

// === impl Chains ===

impl Chains {
    /// With what was found before, as far as it is still good. Whatever the clock said then, nothing serves longer than
    /// from now on.
    pub fn new(clock: SharedClock, before: Vec<Mended>) -> Self {
        let now = clock.now();
        let known = |mended: Mended| {
            let until = mended.at.plus(KEPT).min(now.plus(KEPT));
            let found = Found::Fetched(mended.certificates.into_iter().map(CertificateDer::from).collect());
            ((mended.host, mended.trust), Known { found, until, is_needed: false, is_new: false })
        };
        let good = before.into_iter().map(known).filter(|(_, known)| now < known.until);
        Self { clock, hosts: Mutex::new(good.take(MAX_HOSTS).collect()), changed: Notify::new() }
    }

    /// Is this still good enough to be remembered?
    pub fn is_fresh(mended: &Mended, now: Timestamp) -> bool {
        now < mended.at.plus(KEPT)
    }

    /// Completes when something was found that nobody has taken yet.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What was found since this was asked last, to be kept over a restart.
    pub fn take_new(&self) -> Vec<Mended> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = hosts.iter_mut().filter_map(|((host, trust), known)| {
            let is_new = std::mem::take(&mut known.is_new);
            let Found::Fetched(certificates) = &known.found else { return None };
            let n_bytes: usize = certificates.iter().map(|certificate| certificate.len()).sum();
            (is_new && n_bytes <= MAX_KEPT).then(|| Mended {
                host: host.clone(),
                trust: *trust,
                certificates: certificates.iter().map(|certificate| certificate.to_vec()).collect(),
                at: known.until.minus(KEPT),
            })
        });
        new.collect()
    }

    /// What stands in for the certificates that this host left out when it was asked last.
    pub(in crate::net) fn completion(&self, host: &str, trust: Digest) -> Option<Completion> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosts.get(&(host.to_owned(), trust)).filter(|known| known.is_needed)?;
        let (certificates, pinned) = match &known.found {
            Found::Fetched(certificates) => (certificates, false),
            Found::Pinned(certificates) => (certificates, true),
            Found::Nothing(_) => return None,
        };
        let names = certificates.iter().filter_map(|one| der::common_name(one)).take(MAX_NAMES).collect();
        Some(Completion { host: host.to_owned(), names, pinned })
    }

    /// What was fetched for this name.
    pub(super) fn fetched(&self, name: &str, trust: Digest) -> Vec<CertificateDer<'static>> {
        match self.known(name, trust).map(|known| known.found) {
            Some(Found::Fetched(certificates)) => certificates,
            _ => Vec::new(),
        }
    }

    /// Why the chain of this name could not be completed lately.
    pub(in crate::net) fn failed(&self, name: &ServerName<'_>, trust: Digest) -> Option<String> {
        match self.known(&name.to_str(), trust)?.found {
            Found::Nothing(problem) => Some(problem),
            _ => None,
        }
    }

    fn known(&self, name: &str, trust: Digest) -> Option<Known> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&(name.to_owned(), trust)).filter(|known| self.clock.now() < known.until).cloned()
    }

    /// Remembers what came of a repair.
    pub(in crate::net) fn remember(
        &self,
        name: &ServerName<'_>,
        trust: Digest,
        found: Result<Vec<CertificateDer<'static>>, String>,
    ) {
        let is_found = found.is_ok();
        let found = found.map_or_else(Found::Nothing, Found::Fetched);
        self.put(&name.to_str(), trust, Known { is_new: is_found, ..self.now(found) });
        if is_found {
            self.changed.notify_one();
        }
    }

    /// The server left out what the source's own file has.
    pub(super) fn note_pinned(&self, name: &str, trust: Digest, used: Vec<CertificateDer<'static>>) {
        self.put(name, trust, Known { is_needed: true, ..self.now(Found::Pinned(used)) });
    }

    /// The server left out, or sent, what was found for it.
    pub(super) fn note(&self, name: &str, trust: Digest, is_needed: bool) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hosts.get_mut(&(name.to_owned(), trust)) {
            known.is_needed = is_needed;
        }
    }

    fn now(&self, found: Found) -> Known {
        let time = if matches!(found, Found::Nothing(_)) { PAUSE } else { KEPT };
        Known { found, until: self.clock.now().plus(time), is_needed: false, is_new: false }
    }

    fn put(&self, name: &str, trust: Digest, known: Known) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), trust);
        if !hosts.contains_key(&key) && hosts.len() >= MAX_HOSTS {
            let first = hosts.iter().min_by_key(|(_, known)| known.until).map(|(key, _)| key.clone());
            first.and_then(|first| hosts.remove(&first));
        }
        hosts.insert(key, known);
    }
}

impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let (host, names) = (&self.host, names.join(", "));
        let gap = if names.is_empty() { "" } else { " " };
        let from = if self.pinned {
            "it is taken from `intermediates_file`"
        } else {
            "it was fetched from where the server's certificate says, and the whole chain is verified"
        };
        write!(f, "`{host}` does not send its intermediate certificate{gap}{names}: {from}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, net::testing::clock};

    const MIDDLE: &[u8] = include_bytes!("../testdata/aia/middle.der");

    fn name(n: usize) -> ServerName<'static> {
        ServerName::try_from(format!("h{n}.example")).unwrap()
    }

    #[test]
    fn a_bounded_number_of_hosts_is_remembered() {
        let clock = clock();
        let chains = Chains::new(clock.clone(), Vec::new());
        for n in 0..MAX_HOSTS + 10 {
            clock.advance(Duration::from_secs(1));
            chains.remember(&name(n), Digest::default(), Err("no".to_owned()));
        }
        assert_eq!(chains.hosts.lock().unwrap().len(), MAX_HOSTS);
        assert_eq!(chains.failed(&name(0), Digest::default()), None);
    }

    #[test]
    fn what_was_found_is_told_once_and_serves_the_next_process_until_its_time() {
        let clock = clock();
        let chains = Chains::new(clock.clone(), Vec::new());
        let none = Digest::default();
        chains.remember(&name(1), none, Ok(vec![CertificateDer::from(MIDDLE)]));
        chains.remember(&name(2), none, Err("no".to_owned()));
        chains.remember(&name(3), none, Ok(vec![CertificateDer::from(vec![0; MAX_KEPT + 1])]));
        let new = chains.take_new();
        let expected = Mended {
            host: "h1.example".to_owned(),
            trust: none,
            certificates: vec![MIDDLE.to_vec()],
            at: clock.now(),
        };
        assert_eq!((new.clone(), chains.take_new()), (vec![expected.clone()], Vec::new()));
        clock.advance(Duration::from_secs(60));
        let next = Chains::new(clock.clone(), new);
        assert_eq!(next.fetched("h1.example", none), [CertificateDer::from(MIDDLE)]);
        assert_eq!(next.fetched("h1.example", Digest([7; 16])), [], "it serves who found it");
        clock.advance(KEPT - Duration::from_secs(60));
        assert_eq!(next.fetched("h1.example", none), [], "a restart makes nothing younger");
        assert!(!Chains::is_fresh(&expected, clock.now()));
        let ahead = Mended { at: clock.now().plus(KEPT * 9), ..expected };
        let next = Chains::new(clock.clone(), vec![ahead]);
        clock.advance(KEPT);
        assert_eq!(next.fetched("h1.example", none), [], "whatever the clock said then");
    }

    #[test]
    fn a_completion_is_known_while_the_server_needs_it() {
        let chains = Chains::new(clock(), Vec::new());
        let none = Digest::default();
        chains.remember(&name(1), none, Ok(vec![CertificateDer::from(MIDDLE)]));
        assert_eq!(chains.completion("h1.example", none), None, "nobody has seen that it helps");
        chains.note("h1.example", none, true);
        let said = chains.completion("h1.example", none).unwrap().to_string();
        assert!(
            said.starts_with(
                "`h1.example` does not send its intermediate certificate `Test intermediate`: it was"
            ),
            "{said}"
        );
        chains.note("h1.example", none, false);
        assert_eq!(chains.completion("h1.example", none), None);
        assert_eq!(chains.fetched("h1.example", none).len(), 1, "it may be needed again");
        chains.note_pinned("h1.example", none, vec![CertificateDer::from(MIDDLE)]);
        let said = chains.completion("h1.example", none).unwrap().to_string();
        assert!(said.ends_with("is taken from `intermediates_file`"), "{said}");
    }
}
