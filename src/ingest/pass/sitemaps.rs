//! A list that is a sitemap: of an index the newest sitemaps are read as well, and of all of them only what is in the section.

use url::Url;

use super::{Outcome, Walk, refusal};
use crate::{
    extract::{Found, Kind, sitemap::INDEX},
    model::{Draft, IdentityKey, Issue, Severity, Validators},
};

impl Walk<'_> {
    /// Reads the sitemaps that an index names, and leaves out what stands elsewhere.
    pub(super) async fn follow_sitemaps(
        &mut self,
        found: &mut Found,
        drafts: &mut Vec<(Draft, Vec<IdentityKey>)>,
    ) {
        if found.format == INDEX {
            for link in std::mem::take(&mut found.head.links) {
                let Ok(url) = self.source.url.join(&link.href) else { continue };
                match self.fetch(&url, Validators::default(), Kind::List).await {
                    Outcome::Fresh { body, content_type, url, .. } => {
                        let (more, of_them) = self.parse(body, content_type, url.clone(), Kind::List).await;
                        // That one of several cannot be read is no reason to read nothing.
                        let lesser =
                            |issue: Issue| Issue { severity: issue.severity.min(Severity::Warning), ..issue };
                        found
                            .issues
                            .extend(more.issues.into_iter().map(|issue| lesser(issue).at(url.as_str())));
                        found.items.extend(more.items);
                        drafts.extend(of_them);
                    }
                    other => {
                        let issue = refusal(&other, &url);
                        found.issues.push(Issue { severity: Severity::Warning, ..issue });
                    }
                }
            }
        }
        let (items, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut found.items)
            .into_iter()
            .zip(std::mem::take(drafts))
            .filter(|(_, (draft, _))| self.is_in_section(draft))
            .unzip();
        (found.items, *drafts) = (items, kept);
    }

    fn is_in_section(&self, draft: &Draft) -> bool {
        let Some(url) = draft.content.url.as_deref().and_then(|url| Url::parse(url).ok()) else {
            return false;
        };
        let path = self.source.archive.path.as_deref().unwrap_or("/");
        url.path().starts_with(path) && url.path() != path
    }
}
