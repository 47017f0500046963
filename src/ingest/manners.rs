//! What a pass says and does where the site, or a limit of ours, keeps it from asking.

use url::Url;

use super::pass::Walk;
use crate::{
    model::{Issue, Severity},
    net::Restraint,
};

impl Walk<'_> {
    /// The list was not asked for. That is a state and no failure: it does not count as one, and is not logged again
    /// and again. Where the site does not want us, the source's own schedule looks whether that has changed, which costs
    /// no request before its `robots.txt` is due.
    pub(super) fn leave_alone(&mut self, restraint: &Restraint) {
        let severity = match restraint {
            Restraint::Disallowed { .. } => Severity::Error,
            _ => Severity::Warning,
        };
        let issue = Issue::new(severity, restraint.code(), restraint.to_string());
        if severity == Severity::Error {
            self.state.failures = 0;
        }
        self.state.not_before = restraint.until();
        self.report.failed = Some(issue.message.clone());
        if self.state.issues.iter().all(|known| known.code != issue.code) {
            tracing::warn!(
                source = %self.source.id, code = %issue.code,
                "source `{}` is not asked: {}", self.source.id, issue.message
            );
        }
        self.wrong(issue);
    }

    /// Says that a server which this pass asked leaves certificates out. It can be read nevertheless: that is for its
    /// people to know.
    pub(super) fn note_chains(&mut self) {
        for host in std::mem::take(&mut self.hosts) {
            if let Some(completed) = self.ingest.client.completion(&host, self.source.trust.as_ref()) {
                self.wrong(Issue::new(Severity::Info, "tls-chain-repaired", completed.to_string()));
            }
        }
    }

    /// Remembers whom this pass asked.
    pub(super) fn note_host(&mut self, url: &Url) {
        /// A list that leads to more sites than this is not about one server.
        const MOST: usize = 8;
        let is_known = self.hosts.iter().any(|known| known.host() == url.host());
        if url.scheme() == "https" && !is_known && self.hosts.len() < MOST {
            self.hosts.push(url.clone());
        }
    }

    /// Puts off the next pass where a page said so, and says where a site wants more time than it gets.
    pub(super) fn note_manners(&mut self) {
        if let Some(until) = self.wait {
            self.state.not_before = self.state.not_before.max(Some(until));
        }
        let longest = self.ingest.client.settings().max_crawl_delay;
        let wanted =
            self.ingest.host(self.source).and_then(|host| host.crawl_delay).filter(|_| self.source.robots);
        if let Some(wanted) = wanted.filter(|wanted| *wanted > longest) {
            let message = format!(
                "the site's `robots.txt` wants {wanted:?} between two requests and the limit (`net.max_crawl_delay`) is \
                 {longest:?}"
            );
            self.wrong(Issue::new(Severity::Info, "crawl-delay", message));
        }
    }
}
