//! What operators are told of sources: that one is held back, that it is believable again. The line of the journal names
//! the notice, what it says stands beside the gate's memory of the source.

use super::{Push, payload, router::is_of_type};
use crate::{
    model::{
        Article, ArticleId, Change, Channel, Content, Date, Digest, Event, Labels, Notice, Offset, Precision,
        Status, Subscription,
    },
    store,
};

/// Does a subscription hear of sources? Those of the configuration do unless they name other events; those that anybody
/// may make only where they ask for it. Filters speak of articles and are not asked. Mails are for readers.
pub(super) fn hears(subscription: &Subscription, event: &Event) -> bool {
    let asks = !subscription.events.is_empty() || subscription.configured;
    matches!(subscription.channel, Channel::Webhook(_)) && asks && is_of_type(subscription, event)
}

impl Push {
    /// The payload of a line that speaks of a source. Forms that are made for articles show it as one.
    pub(super) async fn say_of_source(&self, event: &Event) -> store::Result<Option<(String, Article)>> {
        let gate = self.store.gate(&event.source).await?;
        let notice = gate.into_iter().flat_map(|gate| gate.notices);
        let Some(notice) = notice.into_iter().find(|notice| notice.number == event.revision.0) else {
            return Ok(None);
        };
        let article = as_article(event, &notice);
        Ok(Some((payload::of_source(event, &article, &notice), article)))
    }
}

fn as_article(event: &Event, notice: &Notice) -> Article {
    let source = event.source.as_str();
    let is_silent = notice.reasons.iter().any(|reason| reason.code == "silent");
    let title = match event.change {
        Change::Recovered if is_silent => format!("Source `{source}` can be read again"),
        Change::Recovered => format!("Source `{source}` is believable again"),
        _ if is_silent => format!("Source `{source}` cannot be read any more"),
        _ => format!(
            "Source `{source}` is held: nothing of it is published until it is believable or accepted"
        ),
    };
    let lines = notice
        .reasons
        .iter()
        .map(|reason| format!("{} (usually {}; now {})", reason.message, reason.before, reason.after));
    let published =
        Date { at: notice.at, offset: Offset(0), precision: Precision::Minute, raw: None, inferred: false };
    Article {
        id: ArticleId::NONE,
        revision: event.revision,
        source: event.source.clone(),
        first_seen: notice.at,
        updated: notice.at,
        published,
        digest: Digest::default(),
        status: Status::Live,
        labels: Labels::default(),
        content: Content { title, summary: lines.collect::<Vec<_>>().join("; "), ..Content::default() },
    }
}
