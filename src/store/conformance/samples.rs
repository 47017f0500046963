//! Values to store.

use std::time::Duration;

use proptest::prelude::*;

use crate::{
    model::{
        Acceptance, Advert, Article, ArticleId, Attempt, Backfill, Canary, Category, Change, Channel,
        Cluster, Content, Date, Delivery, Digest, Enclosure, End, Event, EventType, ExtractedBy, Fallen,
        Filter, Following, Form, Gate, Held, Hidden, Html, IdentityKey, Intent, Issue, Labels, Lease,
        Likeness, Member, Mended, Missing, Notice, Official, Offset, Outcome, PageState, Person, Precision,
        Promptness, Reason, Revision, Run, Scope, Secret, Seq, SourceId, SourceState, State, Status,
        Subscription, Timestamp, Token, Validators, What,
    },
    store::Commit,
};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second)
}

pub(crate) fn source() -> SourceId {
    "quan1".parse().unwrap()
}

pub(crate) fn key(name: &str) -> IdentityKey {
    IdentityKey::Item(name.to_owned())
}

pub(crate) fn article(name: &str, revision: u32, title: &str, published: i64) -> Article {
    Article {
        id: ArticleId::mint(&source(), &key(name)),
        revision: Revision(revision),
        source: source(),
        first_seen: at(1_000_000),
        published: Date {
            at: at(published),
            offset: Offset(25_200),
            precision: Precision::Day,
            raw: Some("30/07/2020".to_owned()),
            inferred: false,
        },
        updated: at(published),
        labels: Default::default(),
        digest: Digest([7; 16]),
        status: Status::Live,
        content: Content {
            url: Some(format!("http://portal.example/{name}")),
            title: title.to_owned(),
            html: Html::sanitized(format!("<p>{title}</p>")),
            authors: vec![Person { name: Some("Phường".to_owned()), ..Person::default() }],
            categories: vec![Category { term: "tin".to_owned(), ..Category::default() }],
            enclosures: vec![Enclosure {
                url: "http://portal.example/a.pdf".to_owned(),
                length: Some(9),
                ..Enclosure::default()
            }],
            extracted_by: ExtractedBy::Recipe,
            ..Content::default()
        },
    }
}

pub(crate) fn event(article: &Article, seq: u64) -> Event {
    Event {
        seq: Seq(seq),
        at: article.first_seen,
        change: if article.revision == Revision::FIRST { Change::Published } else { Change::Updated },
        article: article.id,
        revision: article.revision,
        source: article.source.clone(),
        quiet: false,
    }
}

/// A commit of articles with their lines and one alias each, on top of `expected`.
pub(crate) fn commit(expected: Seq, articles: &[(&str, Article)]) -> Commit {
    Commit {
        expected,
        articles: articles.iter().map(|(_, article)| article.clone()).collect(),
        aliases: articles
            .iter()
            .map(|(name, article)| (article.source.clone(), key(name), article.id))
            .collect(),
        events: (expected.0 + 1..).zip(articles).map(|(seq, (_, article))| event(article, seq)).collect(),
        source: None,
        gate: None,
    }
}

pub(crate) fn delivery(subscription: &str, due: i64, seq: u64) -> Delivery {
    Delivery { subscription: subscription.parse().unwrap(), due: at(due), seq: Seq(seq), attempt: 0 }
}

pub(crate) fn attempt(subscription: &str, seq: u64, second: i64, outcome: Outcome) -> Attempt {
    Attempt {
        subscription: subscription.parse().unwrap(),
        seq: Seq(seq),
        at: at(second),
        number: 1,
        took: Duration::from_millis(12),
        status: Some(500),
        answer: "sorry".to_owned(),
        error: Some("it answered 500".to_owned()),
        outcome,
    }
}

pub(crate) fn subscription(id: &str) -> Subscription {
    Subscription {
        id: id.parse().unwrap(),
        url: "https://newsroom.example/hook".to_owned(),
        filter: Some("title:mời".parse::<Filter>().unwrap()),
        events: vec![EventType::ArticlePublished, EventType::Ping],
        secrets: vec![Secret::Shared(b"secret".to_vec())],
        state: State::Disabled { reason: "410".to_owned() },
        configured: true,
        allow_private: false,
        created: at(1),
        after: Seq(4),
        hold_until: None,
        failing_since: Some(at(2)),
        last_error: Some("timeout".to_owned()),
        rotated: None,
        verified: None,
        owner: None,
        page: None,
        made_by: Some("newsroom".parse().unwrap()),
        channel: Channel::Webhook(Form::Native),
        delivered: Some(Seq(3)),
    }
}

pub(crate) fn state(id: &str) -> SourceState {
    SourceState {
        backfilled: true,
        last_success: Some(at(77)),
        validators: Validators { etag: Some("\"x\"".to_owned()), last_modified: None },
        issues: vec![Issue::warning("date-in-future", "tomorrow").at("item 3")],
        pages: vec![PageState { key: "item:1".to_owned(), failures: 2, ..PageState::default() }],
        ..SourceState::new(id.parse().unwrap())
    }
}

pub(crate) fn gate(source: &str) -> Gate {
    let reason = Reason {
        code: "nothing-known".to_owned(),
        message: "nothing is known".to_owned(),
        before: "20 of 20".to_owned(),
        after: "0 of 20".to_owned(),
    };
    Gate {
        runs: vec![Run {
            at: at(5),
            items: 20,
            kinds: [20, 0, 0, 0],
            language: Some("vi".to_owned()),
            newest: Some(at(4)),
            ..Run::default()
        }],
        listed: vec![7, u64::MAX],
        held: Some(Held {
            since: at(6),
            last: at(7),
            runs: 2,
            reasons: vec![reason.clone()],
            proposal: Some("item = \"li\"".to_owned()),
        }),
        accepted: Some(Acceptance { at: at(8), announce: true }),
        notices: vec![Notice { number: 1, at: at(6), what: What::Held, reasons: vec![reason] }],
        fallen: vec![Fallen { page: state("x").pages.remove(0), since: at(3) }],
        missing: vec![Missing { key: "item:1".to_owned(), first: at(2), checks: 2 }],
        ..Gate::new(source.parse().unwrap())
    }
}

pub(crate) fn following(source: &str) -> Following {
    let lease = Lease {
        advert: Advert {
            hub: "https://hub.example/".to_owned(),
            topic: "https://portal.example/rss".to_owned(),
        },
        base: "https://tin.example.vn".to_owned(),
        allow_private: false,
        token: Hidden(b"token".to_vec()),
        secret: Hidden(b"secret".to_vec()),
        asked: Some((Intent::Subscribe, at(5))),
        until: Some(at(900)),
        next: None,
        failures: 1,
        error: Some("503".to_owned()),
    };
    Following {
        advert: Some(lease.advert.clone()),
        left: vec![Lease { asked: Some((Intent::Unsubscribe, at(6))), until: None, ..lease.clone() }],
        lease: Some(lease),
        pushes: 7,
        answered: 6,
        pushed: Some(at(8)),
        trust: 2,
        ..Following::new(source.parse().unwrap())
    }
}

pub(crate) fn backfill(id: &str) -> Backfill {
    Backfill {
        way: "numbered".to_owned(),
        pattern: "https://portal.example/?page={page}".to_owned(),
        place: "3".to_owned(),
        pages: 2,
        oldest: Some(at(4)),
        first: vec![1, u64::MAX],
        end: Some(End::Since),
        resume: true,
        ..Backfill::new(id.parse().unwrap(), Some(at(3)), at(5))
    }
}

pub(crate) fn token(id: &str) -> Token {
    Token {
        id: id.parse().unwrap(),
        hash: [7; 32],
        scopes: vec![Scope::Read, Scope::Subscribe],
        created: at(1),
        expires: Some(at(9)),
        used: None,
    }
}

pub(crate) fn mended(host: &str) -> Mended {
    Mended {
        host: host.to_owned(),
        trust: Digest([3; 16]),
        certificates: vec![vec![48, 1, 2], vec![48, 3]],
        at: at(5),
    }
}

pub(crate) fn canary(feed: &str) -> Canary {
    let Following { lease, left, .. } = following("quan1");
    Canary {
        lease,
        left,
        unagreed: None,
        on_time: 7,
        missing: 2,
        last: Some(Promptness::Missing),
        in_row: 2,
        pushed: Some(at(8)),
        distrusted: Some(at(9)),
        ..Canary::new("https://hub.example/".to_owned(), feed.parse().unwrap(), at(1))
    }
}

/// Of an article that says what another one said before it.
pub(crate) fn labels() -> Labels {
    let member = |name: &str, likeness| Member {
        article: ArticleId::mint(&source(), &key(name)),
        source: source(),
        first_seen: at(7),
        likeness,
    };
    let members = vec![member("a", Likeness::First), member("b", Likeness::Edited)];
    let document = Official {
        number: "12/TB-UBND".to_owned(),
        kind: Some("Thông báo".to_owned()),
        issuer: None,
        signed: Some(jiff::civil::date(2026, 3, 5)),
    };
    Labels { cluster: Some(Cluster { members }), document: Some(document) }
}

pub(crate) fn any_article() -> impl Strategy<Value = Article> {
    let texts = (any::<String>(), any::<String>(), "\\PC{0,2000}", any::<Option<String>>());
    let rest = (any::<i64>(), any::<i64>(), any::<[u8; 16]>(), any::<i32>(), 1..u32::MAX, any::<bool>());
    (texts, rest).prop_map(
        |((title, summary, html, url), (seen, published, bytes, offset, revision, yes))| Article {
            id: ArticleId::from_bytes(bytes),
            revision: Revision(revision),
            first_seen: Timestamp::from_millis(seen),
            published: Date {
                at: Timestamp::from_millis(published),
                offset: Offset(offset),
                precision: if yes { Precision::Year } else { Precision::Minute },
                raw: url.clone(),
                inferred: yes,
            },
            labels: if yes { labels() } else { Labels::default() },
            digest: Digest(bytes),
            status: if yes { Status::Withdrawn } else { Status::Live },
            content: Content {
                summary,
                html: Html::sanitized(html),
                image: url.clone(),
                language: url.clone(),
                url,
                extracted_by: if yes { ExtractedBy::JsonLd } else { ExtractedBy::Summary },
                ..article("a", 1, &title, 5).content
            },
            ..article("a", 1, "x", 5)
        },
    )
}
