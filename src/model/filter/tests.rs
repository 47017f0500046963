use proptest::prelude::*;

use super::{Facts, Filter, Node, facts::Phrase, parse::joined};
use crate::model::{
    Article, ArticleId, Category, Content, Date, Digest, IdentityKey, Offset, Person, Precision, Revision,
    Status,
};

pub(super) fn article() -> Article {
    let source = "quan1".parse().unwrap();
    Article {
        id: ArticleId::mint(&source, &IdentityKey::Item("1".into())),
        revision: Revision::FIRST,
        source,
        first_seen: "2020-07-30T10:20:00Z".parse().unwrap(),
        published: Date {
            // The 31st in Vietnam, the 30th in UTC.
            at: "2020-07-30T17:12:00Z".parse().unwrap(),
            offset: Offset(7 * 3600),
            precision: Precision::Minute,
            raw: None,
            inferred: false,
        },
        updated: "2020-07-30T17:12:00Z".parse().unwrap(),
        labels: Default::default(),
        digest: Digest::default(),
        status: Status::Live,
        content: Content {
            title: "UBND Quận 1 THÔNG BÁO về việc hòa giải".into(),
            summary: "Khoá bồi dưỡng đầu tiên".into(),
            authors: vec![Person { name: Some("Nguyễn Văn Ân".into()), ..Person::default() }],
            categories: vec![Category { term: "Tin tức - Sự kiện".into(), ..Category::default() }],
            ..Content::default()
        },
    }
}

pub(super) const TEXT: &str = "Quyết định số 123/QĐ-UBND ngày 30/07/2020, Nghị định 045/2020/NĐ-CP \
    và Công văn số: 07 / UBND–VX. Tháng tám, lại tháng tạm.";

fn check(filter: &str, expected: bool) {
    let parsed = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    assert_eq!(parsed.matches(&Facts::new(&article(), TEXT)), expected, "{filter}");
    assert_eq!(Filter::parse(&parsed.to_string()), Ok(parsed.clone()), "{filter} printed as {parsed}");
}

#[test]
fn words_are_whole_and_marks_are_optional() {
    check("quan", true);
    check("Quận", true);
    check("QUẬN", true);
    check("Qua\u{302}\u{323}n", true);
    check("quân", false);
    check("qua", false);
    check("thong bao", true);
    check("bao thong", true);
    check("hoà", true);
    check("hòa", true);
    check("khóa", true);
    check("đau", false);
    check("dau", true);
    check("dầu", false);
    check("xyz", false);
    check("and", false);
}

#[test]
fn phrases_are_words_in_a_row() {
    check("\"thông báo\"", true);
    check("“thông báo”", true);
    check("\"bao thong\"", false);
    check("\"thong báo ve\"", true);
    check("\"thong bào ve\"", false);
    check("\"tháng tạm\"", true);
    check("\"thang tam lai thang tạm\"", true);
    check("\"giai khoa\"", false);
    check("quan-1", true);
    check("1-quan", false);
}

#[test]
fn operators_bind_as_documented() {
    check("xyz OR quan", true);
    check("xyz OR quan zyx", false);
    check("(xyz OR quan) 1", true);
    check("NOT xyz", true);
    check("NOT xyz OR zyx", true);
    check("NOT (xyz OR quan)", false);
    check("NOT NOT quan", true);
    check("quan AND NOT xyz", true);
}

#[test]
fn fields_look_in_their_place() {
    check("title:thong-bao", true);
    check("title:\"thông báo\"", true);
    check("title:\"quyết định\"", false);
    check("Title:QUAN", true);
    check("source:quan1", true);
    check("source:QUAN1", true);
    check("source:quan", false);
    check("category:\"tin tức\"", true);
    check("category:thong", false);
    check("author:nguyễn", true);
    check("author:quan", false);
    check("17:30", false);
}

#[test]
fn numbers_are_found_whole_or_by_their_parts() {
    check("number:123/QĐ-UBND", true);
    check("number:123/qd-ubnd", true);
    check("number:123", true);
    check("number:QĐ-UBND", true);
    check("number:23/QĐ-UBND", false);
    check("number:45/2020/NĐ-CP", true);
    check("number:7/UBND-VX", true);
    check("number:30/07/2020", false);
    check("number:1", false);
}

#[test]
fn days_are_those_of_the_article() {
    check("after:2020-07-31", true);
    check("after:2020-08-01", false);
    check("before:2020-07-31", false);
    check("before:2020-08-01", true);
    check("after:2020", true);
    check("before:2020-08", true);
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    fn check(filter: &str, at: &str, words: &str) {
        let error = Filter::parse(filter).expect_err(filter);
        assert_eq!(filter.get(error.span.clone()), Some(at), "{filter}: {error}");
        assert!(error.to_string().contains(words), "{filter}: {error}");
    }
    check("", "", "empty");
    check("  ", "  ", "empty");
    check("a AND", "", "ends where");
    check("a OR OR b", "OR", "before this operator");
    check("AND a", "AND", "before this operator");
    check("(a b", "(", "never closed");
    check("a b)", ")", "closes nothing");
    check("()", ")", "expected before");
    check("ả \"bc", "\"bc", "never closed");
    check("ả titel:b", "titel:b", "did you mean `title:`?");
    check("http://x", "http://x", "no field `http:`");
    check("title: b", "title:", "no value");
    check("after:31/01/2026", "after:31/01/2026", "2026-01-31");
    check("after:2026-02-30", "after:2026-02-30", "is no date");
    check("source:\"a b\"", "source:\"a b\"", "cannot be an id");
    check("a -b", "-b", "`NOT b`");
    check("a +++", "+++", "no letters");
    check("number:-", "number:-", "no letters");
    assert!(Filter::parse(&format!("\"{}\"", "a ".repeat(51))).unwrap_err().message.contains("50 words"));
    let deep = "(".repeat(40) + "a" + &")".repeat(40);
    assert!(Filter::parse(&deep).unwrap_err().message.contains("inside one another"));
    assert!(Filter::parse(&"NOT ".repeat(900)).unwrap_err().message.contains("inside one another"));
    assert!(Filter::parse(&"a ".repeat(201)).unwrap_err().message.contains("200 terms"));
    assert!(Filter::parse(&"a".repeat(5000)).unwrap_err().message.contains("4096 bytes"));
}

#[test]
fn prints_one_way() {
    fn check(filter: &str, expected: &str) {
        assert_eq!(Filter::parse(filter).unwrap().to_string(), expected);
    }
    check(
        "source:quan1  (\"thông báo\" OR “quyết   định”)",
        "source:quan1 AND (\"thông báo\" OR \"quyết định\")",
    );
    check("((a AND b) c) OR (d OR NOT (e f))", "a AND b AND c OR d OR NOT (e AND f)");
    check("TITLE:\"x\" after:2026", "title:x AND after:2026-01-01");
    check("\"AND\" \"a:b\" \"say \\\"x\\\"\"", "\"AND\" AND \"a:b\" AND \"say \\\"x\\\"\"");
}

fn nodes() -> impl Strategy<Value = Node> {
    let text = |place: &'static str| {
        r#"[a-zA-Zàạđ0-9 :"\\()“”+\-]{0,12}[a-zà0-9]"#.prop_map(move |typed: String| {
            let escaped: String = typed.chars().flat_map(|c| ['\\', c]).collect();
            Filter::parse(&format!("{place}\"{escaped}\"")).unwrap().0
        })
    };
    let leaf = prop_oneof![
        text(""),
        text("title:"),
        text("number:"),
        "[a-z0-9_-]{1,10}".prop_map(Node::Source),
        (1i16..=9999, 1i8..=12, 1i8..=28)
            .prop_map(|(y, m, d)| Node::After(jiff::civil::Date::new(y, m, d).unwrap())),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|nodes| joined(nodes, Node::And)),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|nodes| joined(nodes, Node::Or)),
            inner.prop_map(|node| Node::Not(Box::new(node))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(node in nodes()) {
        let filter = Filter(node);
        prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn any_text_is_read_or_refused_in_place(text in r#"([a-zđ\u{300}:"“”()\\ \n-]|AND |OR |NOT |title:|after:){0,30}"#) {
        match Filter::parse(&text) {
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
            Err(error) => prop_assert!(text.get(error.span).is_some()),
        }
    }

    #[test]
    fn a_phrase_is_found_in_itself_between_others(phrase in "\\PC{0,20}") {
        if let Some(found) = Phrase::of(&phrase) {
            let mut article = article();
            article.content.title = format!("one, {phrase}, two");
            prop_assert!(Facts::new(&article, "").say(super::Place::Title, &found));
        }
    }
}

#[test]
fn filters_are_joined_and_categories_are_names_not_filters() {
    let joined = Filter::parse("a b").unwrap().and(Filter::parse("c OR d").unwrap());
    assert_eq!(joined.to_string(), "a AND b AND (c OR d)");
    assert_eq!(Filter::parse(&joined.to_string()).unwrap(), joined);
    for name in ["Tin tức - Sự kiện", "a OR b", "x) \"y\" \\", "NOT"] {
        let filter = Filter::category(name).unwrap();
        assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter, "{name}");
        assert!(filter.to_string().starts_with("category:"), "{name}");
    }
    assert!(Filter::category("").is_err());
}
