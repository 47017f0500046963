//! What a pass asks of the rooms below: documents, and what they say.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use super::{Kind, Step, Walk};
use crate::{
    extract::{Document, Found},
    fetch::{self, Ask, Outcome, browser},
    ingest::document::{Parsed, broken, read},
    model::Validators,
};

impl Walk<'_> {
    pub(in crate::ingest) fn ask(&self, url: &Url, validators: Validators) -> Ask {
        Ask {
            url: url.clone(),
            validators,
            allow_private: self.source.allow_private,
            spacing: self.source.spacing,
            robots: self.source.robots,
            in_background: self.in_background,
            trust: self.source.trust.clone(),
            accept: if self.source.extract.feed || self.source.extract.sitemap {
                fetch::ACCEPT
            } else {
                fetch::ACCEPT_PAGE
            },
            partial: (self.source.extract.feed || self.source.extract.sitemap) && *url == self.source.url,
        }
    }

    /// Asks for a document, through the browser where its source wants that.
    pub(in crate::ingest) async fn fetch(
        &mut self,
        url: &Url,
        validators: Validators,
        kind: Kind,
    ) -> Outcome {
        let ask = self.ask(url, validators);
        let outcome = match self.source.browser.of(kind) {
            None => fetch::fetch(&self.ingest.client, &ask).await,
            Some(wait) => {
                let shown =
                    browser::show(self.ingest.browser.as_ref(), &self.ingest.client, &ask, wait).await;
                shown.issues.into_iter().for_each(|issue| self.wrong(issue));
                shown.outcome
            }
        };
        self.note_host(url);
        if let Outcome::Fresh { body, content_type, url, .. } = &outcome {
            let (url, bytes, content_type) = (url.clone(), body.len(), content_type.clone());
            self.note_host(&url);
            (self.show)(Step::Fetched { url, bytes, content_type });
        }
        outcome
    }

    /// Extracts and normalizes a document off the runtime's workers.
    pub(in crate::ingest) async fn parse(
        &mut self,
        body: Bytes,
        content_type: Option<String>,
        url: Url,
        kind: Kind,
    ) -> Parsed {
        let _permit = self.ingest.parsers.acquire().await;
        let (source, at) = (Arc::clone(self.source), self.at);
        let parsed = tokio::task::spawn_blocking(move || {
            let document = Document { bytes: &body, content_type: content_type.as_deref(), url: &url };
            read(&document, kind, &source, at)
        });
        let parsed = parsed.await.unwrap_or_else(|panic| {
            tracing::error!(source = %self.source.id, "a document of `{}` broke a parser: {panic}", self.source.id);
            (broken(kind), Vec::new())
        });
        let Found { format, encoding, items, issues, .. } = &parsed.0;
        (self.show)(Step::Extracted {
            format: format.clone(),
            encoding: encoding.clone(),
            items: items.len(),
        });
        for issue in issues {
            (self.show)(Step::Wrong(issue.clone()));
        }
        parsed
    }
}
