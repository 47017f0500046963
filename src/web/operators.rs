//! `/feeds/_health.atom`: how the sources are, for operators. What is wrong with a source is never an item of its feed; it
//! stands here, behind the token.

use axum::{
    Extension,
    extract::State as With,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{State, access, error::Problem};
use crate::model::{
    ArticleId, Gate, IdentityKey, Notice, Scope, SourceId, Timestamp, What, diff::escaped, text::xml_safe,
};

/// Entries of the feed at most.
const ENTRIES: usize = 100;

/// The feed.
pub(super) fn routes() -> axum::Router<State> {
    axum::Router::new().route("/feeds/_health.atom", get(health))
}

/// Feed readers know no bearer tokens: the token may also be the password of HTTP Basic, or stand in the address
/// (`/p/TOKEN/feeds/_health.atom`).
async fn health(
    With(state): With<State>,
    token: Option<Extension<access::Token>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = match (&token, access::basic(&headers)) {
        (Some(Extension(token)), _) => state.tokens.holder(token.text()).await,
        (None, Some((name, password))) if password.is_empty() => state.tokens.holder(&name).await,
        (None, Some((_, password))) => state.tokens.holder(&password).await,
        (None, None) => state.tokens.caller(&headers).await,
    };
    caller.and_then(|caller| caller.needs(Scope::Read)).map_err(|problem| match problem.status {
        StatusCode::UNAUTHORIZED => problem.challenge("Basic realm=\"operators\", charset=\"UTF-8\""),
        _ => problem,
    })?;
    let gates = state.store.gates().await?;
    let base = state.publisher.settings().base_url.clone();
    let headers = [
        (header::CONTENT_TYPE, "application/atom+xml; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-cache"),
    ];
    Ok((headers, document(&gates, &base)).into_response())
}

/// The notices of all sources, the newest first, as Atom 1.0 (RFC 4287).
fn document(gates: &[Gate], base: &str) -> String {
    let mut notices: Vec<(&SourceId, &Notice)> =
        gates.iter().flat_map(|gate| gate.notices.iter().map(|notice| (&gate.source, notice))).collect();
    notices.sort_by_key(|(source, notice)| (std::cmp::Reverse(notice.at), *source));
    notices.truncate(ENTRIES);
    let updated = notices.first().map_or_else(Timestamp::default, |(_, notice)| notice.at);
    let own = escaped(&format!("{base}/feeds/_health.atom"));
    let entries: String = notices.iter().map(|(source, notice)| entry(source, notice, base)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<id>{own}</id>\n\
         <title>Health of the sources</title>\n<updated>{updated}</updated>\n<author><name>loaphuong</name></author>\n\
         <link rel=\"self\" href=\"{own}\"/>\n{entries}</feed>\n"
    )
}

fn entry(source: &SourceId, notice: &Notice, base: &str) -> String {
    let Notice { number, at, what, reasons } = notice;
    let id = ArticleId::mint(source, &IdentityKey::Guid(format!("loa health {number} {at}")));
    let is_silent = reasons.iter().any(|reason| reason.code == "silent");
    let title = match what {
        What::Held if is_silent => format!("{source}: cannot be read any more"),
        What::Recovered if is_silent => format!("{source}: can be read again"),
        What::Held => format!("{source}: held, nothing of it is published"),
        What::Recovered => format!("{source}: believable again"),
        What::Accepted => format!("{source}: what was held was accepted"),
    };
    let reason = |reason: &crate::model::Reason| {
        format!(
            "<li>{}: usually {}, now {}</li>",
            escaped(&reason.message),
            escaped(&reason.before),
            escaped(&reason.after)
        )
    };
    let evidence: String = reasons.iter().map(reason).collect();
    let body = escaped(&xml_safe(&format!("<ul>{evidence}</ul>")));
    format!(
        "<entry><id>{id}</id><title>{}</title><updated>{at}</updated>\
         <link rel=\"alternate\" href=\"{}\"/><category term=\"{}\"/>\
         <content type=\"html\">{body}</content></entry>\n",
        escaped(&title),
        escaped(&format!("{base}/api/v1/sources")),
        what.as_str(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::samples;

    #[test]
    fn the_feed_is_one_that_readers_read() {
        let mut gate = samples::gate("quan1");
        gate.notices[0].reasons[0].message = "<b> & \u{1}\"x\"".to_owned();
        let text = document(&[gate.clone(), samples::gate("quan3")], "https://tin.example");
        let feed = text.parse::<atom_syndication::Feed>().unwrap();
        assert_eq!(feed.entries.len(), 2);
        assert_eq!(feed.entries[0].title.value, "quan1: held, nothing of it is published");
        assert_ne!(feed.entries[0].id, feed.entries[1].id);
        assert!(
            feed.entries[0].content.as_ref().unwrap().value.as_ref().unwrap().contains("&lt;b&gt; &amp;")
        );
        assert!(document(&[], "https://tin.example").parse::<atom_syndication::Feed>().is_ok());
    }
}
