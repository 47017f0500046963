//! Every rule fires on a document that breaks it, and on no clean one.

use super::{Frame, judge};

const OWN: &str = "https://tin.example.vn/feeds/a.rss";
/// 2026-11-23, 09:00 in Vietnam.
const NOW: i64 = 1_795_399_200;

const RSS: &str = r#"<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:fh="http://purl.org/syndication/history/1.0"><channel><title>T</title><link>https://a.vn/</link><description>D</description><language>vi</language><lastBuildDate>Thu, 30 Jul 2020 17:00:00 +0700</lastBuildDate><ttl>5</ttl><atom:link href="https://tin.example.vn/feeds/a.rss" rel="self" type="application/rss+xml"/><item><title>A</title><link>https://a.vn/1</link><description>S</description><content:encoded>&lt;p&gt;x&lt;/p&gt;</content:encoded><guid isPermaLink="false">urn:uuid:181f90c7-e2a8-59aa-8bbc-700eaf6f6690</guid><pubDate>Thu, 30 Jul 2020 17:00:00 +0700</pubDate><enclosure url="https://a.vn/1.pdf" length="5" type="application/pdf"/></item></channel></rss>"#;

const ATOM: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"><title>T</title><id>urn:uuid:74309b22-80ee-52d0-bf71-93b24a86f8cb</id><updated>2020-07-30T17:00:00+07:00</updated><author><name>N</name><email>a@b.vn</email></author><link href="https://tin.example.vn/feeds/a.rss" rel="self" type="application/atom+xml"/><link href="https://a.vn/"/><at:deleted-entry ref="urn:x-y:1" when="2020-07-30T17:00:00Z"/><entry><title>A</title><id>urn:uuid:181f90c7-e2a8-59aa-8bbc-700eaf6f6690</id><updated>2020-07-30T17:00:00.5+07:00</updated><published>2020-07-30T17:00:00+07:00</published><link href="https://a.vn/1" rel="alternate"/><summary>S</summary><content type="html">&lt;p&gt;x&lt;/p&gt;</content></entry></feed>"#;

const JSON: &str = r#"{"version":"https://jsonfeed.org/version/1.1","title":"T","feed_url":"https://tin.example.vn/feeds/a.rss","language":"vi","authors":[{"name":"N"}],"hubs":[{"type":"WebSub","url":"https://h.vn/"}],"_own":1,"items":[{"id":"1","url":"https://a.vn/1","content_html":"<p>x</p>","date_published":"2020-07-30T17:00:00+07:00","tags":["a"],"attachments":[{"url":"https://a.vn/1.pdf","mime_type":"application/pdf","size_in_bytes":5}]}]}"#;

const OPML: &str = r#"<opml version="2.0"><head><title>T</title><dateModified>Thu, 30 Jul 2020 17:00:00 +0700</dateModified></head><body><outline text="G"><outline type="rss" text="T" title="T" xmlUrl="https://a.vn/x"/></outline></body></opml>"#;

fn rules(document: &str) -> Vec<&'static str> {
    judge(document.as_bytes(), Frame { own: OWN, now: NOW }).into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn clean_documents_are_clean() {
    for document in [RSS, ATOM, JSON, OPML] {
        assert_eq!(judge(document.as_bytes(), Frame { own: OWN, now: NOW }), [], "{document}");
    }
}

/// Exchanges one place of a clean document and expects a rule to complain.
fn check(clean: &str, table: &[(&str, &str, &str)]) {
    for (from, to, rule) in table {
        assert!(clean.contains(from), "{from}");
        let broken = clean.replacen(from, to, 1);
        assert!(rules(&broken).contains(rule), "{from} → {to}: {rule} is not in {:?}", rules(&broken));
    }
}

const BROKEN_RSS: &[(&str, &str, &str)] = &[
    ("version=\"2.0\"", "version=\"0.9\"", "InvalidRSSVersion"),
    ("</rss>", "", "SAXError"),
    ("<item>", "<item><x:y/>", "SAXError"),
    ("<ttl>5</ttl>", "<x/>", "UndefinedElement"),
    ("<ttl>5</ttl>", "<ttl>0</ttl>", "InvalidPositiveInteger"),
    ("<ttl>5</ttl>", "<ttl>5</ttl><ttl>5</ttl>", "DuplicateElement"),
    ("<title>T</title>", "", "MissingTitle"),
    ("<title>T</title>", "<title> </title>", "NotBlank"),
    ("<link>https://a.vn/</link>", "", "MissingLink"),
    ("<description>D</description>", "", "MissingDescription"),
    ("<language>vi</language>", "", "MissingDCLanguage"),
    ("<language>vi</language>", "<language>Việt</language>", "InvalidLanguage"),
    ("https://a.vn/<", "a.vn<", "InvalidFullLink"),
    ("https://a.vn/1<", "https://a.vn/1 2<", "InvalidUriChar"),
    ("https://a.vn/1<", "https://a.vn/?a[]=1<", "InvalidUriChar"),
    ("https://a.vn/1<", "https://a.vn/tiếng<", "InvalidUriChar"),
    ("https://a.vn/1<", "tel1:12345<", "SchemeNotIANARegistered"),
    ("Thu, 30 Jul 2020", "Fri, 30 Jul 2020", "IncorrectDOW"),
    ("Thu, 30 Jul 2020", "Thu, 30 Jul 20", "InvalidRFC2822Date"),
    ("Thu, 30 Jul 2020", "Fri, 30 Jul 2100", "ImplausibleDate"),
    ("Thu, 30 Jul 2020", "Thu, 30 Jul 1970", "ImplausibleDate"),
    ("rel=\"self\"", "rel=\"other\"", "UnregisteredAtomLinkRel"),
    ("rel=\"self\"", "rel=\"up\"", "MissingSelf"),
    ("feeds/a.rss", "feeds/b.rss", "SelfDoesntMatchLocation"),
    ("application/rss+xml", "text/xml", "SelfNotAtom"),
    ("<atom:link", "<fh:archive/><atom:link", "MissingCurrentInArchive"),
    ("</item>", "</item><category>x</category>", "MisplacedItem"),
    ("<title>A</title>", "<title>A &lt;b>x&lt;/b></title>", "ContainsHTML"),
    ("<title>A</title>", "<title>A &amp;lt; B</title>", "ContainsHTML"),
    ("<title>A</title>", "<title>A &lt;b</title>", "CharacterData"),
    ("<description>S", "<description>&lt;script>x&lt;/script>", "SecurityRisk"),
    ("<description>S", "<description>&lt;p onclick='x'>y&lt;/p>", "SecurityRiskAttr"),
    ("<description>S", "<description>&lt;p style='x:y'>y&lt;/p>", "DangerousStyleAttr"),
    ("<description>S", "<description>&lt;a href='/x'>y&lt;/a>", "ContainsRelRef"),
    ("<description>S", "<description>&lt;foo>y&lt;/foo>", "NotHtml"),
    ("<description>S", "<description>&lt;p>&lt;b>y&lt;/p>", "NotHtml"),
    ("<description>S</description>", "", "NeedDescriptionBeforeContent"),
    ("<guid isPermaLink=\"false\">", "<guid>", "InvalidPermalink"),
    ("<guid isPermaLink=\"false\">", "<guid isPermaLink=\"no\">", "InvalidBooleanAttribute"),
    ("urn:uuid:181f90c7-e2a8-59aa-8bbc-700eaf6f6690", "12345", "NotSufficientlyUnique"),
    ("length=\"5\"", "length=\"-1\"", "InvalidNonNegativeInteger"),
    ("type=\"application/pdf\"", "type=\"pdf\"", "InvalidMIMEAttribute"),
    ("https://a.vn/1.pdf", "ftp://a.vn/1.pdf", "InvalidURLAttribute"),
    ("<enclosure", "<enclosure url='https://a.vn/2' length='1' type='a/b'/><enclosure", "DuplicateEnclosure"),
    ("<enclosure", "<media:content url='https://a.vn/2' medium='pdf'/><enclosure", "InvalidMediaMedium"),
    ("<enclosure", "<media:content href='https://a.vn/2'/><enclosure", "UnexpectedAttribute"),
    ("<enclosure", "<author>N</author><enclosure", "InvalidAddrSpec"),
    ("<enclosure", "<author>a@b.vn</author><dc:creator>N</dc:creator><enclosure", "DuplicateItemSemantics"),
    ("<ttl>", "<image><title>T</title><link>https://b.vn/</link></image><ttl>", "ImageLinkDoesntMatch"),
    ("<ttl>", "<image><title>U</title><link>https://a.vn/</link></image><ttl>", "ImageTitleDoesntMatch"),
    ("<ttl>", "<image><title>T</title><link>https://a.vn/</link></image><ttl>", "MissingElement"),
    ("<title>A</title>", "<title>\u{85}\u{96}</title>", "BadCharacters"),
];

#[test]
fn every_rule_of_rss_fires() {
    check(RSS, BROKEN_RSS);
    let guid = "<guid isPermaLink=\"false\">urn:uuid:181f90c7-e2a8-59aa-8bbc-700eaf6f6690</guid>";
    let item = format!("<item><title>B</title>{guid}</item></channel>");
    assert_eq!(rules(&RSS.replace("</channel>", &item)), ["DuplicateValue"]);
    assert_eq!(rules(&RSS.replace(guid, "")), ["MissingGuid"]);
    let nameless = RSS.replace("<title>A</title>", "").replace("<description>S</description>", "");
    assert!(rules(&nameless).contains(&"ItemMustContainTitleOrDescription"));
    assert_eq!(rules(&RSS.replace("<title>A</title>", "<title>A &#x26;lt; &#x3C;b</title>")), [""; 0]);
}

#[test]
fn every_rule_of_atom_fires() {
    check(
        ATOM,
        &[
            ("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#", "InvalidNamespace"),
            ("<title>T</title>", "", "MissingElement"),
            ("<author><name>N</name><email>a@b.vn</email></author>", "", "MissingElement"),
            ("<name>N</name>", "", "MissingElement"),
            ("<name>N</name>", "<name>N &lt;a@b.vn&gt;</name>", "ContainsEmail"),
            ("a@b.vn", "a@b", "InvalidAddrSpec"),
            ("urn:uuid:74309b22-", "urn:uuid:x", "InvalidUUID"),
            ("urn:uuid:74309b22-80ee-52d0-bf71-93b24a86f8cb", "https://A.vn", "NonCanonicalURI"),
            ("urn:uuid:74309b22-80ee-52d0-bf71-93b24a86f8cb", "urn:x:y z", "InvalidURN"),
            ("<updated>2020-07-30T17:00:00+07:00", "<updated>2020-07-30", "InvalidRFC3339Date"),
            ("<updated>2020-07-30T17:00:00+07:00", "<updated>1970-01-01T00:00:00Z", "ImplausibleDate"),
            ("rel=\"self\"", "rel=\"up\"", "MissingSelf"),
            (
                "<link href=\"https://a.vn/\"/>",
                "<link href=\"https://a.vn/\"/><link href=\"https://b.vn/\"/>",
                "DuplicateAtomLink",
            ),
            ("<link href=\"https://a.vn/\"/>", "<link/>", "MissingHref"),
            ("<link href=\"https://a.vn/\"/>", "<link href=\"https://a.vn/\">x</link>", "AtomLinkNotEmpty"),
            ("<link href=\"https://a.vn/\"/>", "<link href=\"https://a.vn/\" title=\"\"/>", "AttrNotBlank"),
            ("rel=\"alternate\"", "rel=\"next\"", "FeedHistoryRelInEntry"),
            ("ref=\"urn:x-y:1\" ", "", "MissingAttribute"),
            ("</entry>", "</entry><subtitle>x</subtitle>", "MisplacedMetadata"),
            ("<entry>", "<entry><x xmlns=\"urn:a-b:c\"/>", "UnknownNamespace"),
            ("<summary>S</summary>", "<summary/>", "NotBlank"),
            ("<summary>S</summary>", "<summary>&lt;b>x&lt;/b></summary>", "ContainsUndeclaredHTML"),
            ("<summary>S</summary>", "<summary type=\"text/x\">x</summary>", "InvalidTextType"),
            ("<content type=\"html\">", "<content type=\"html\">&lt;iframe>&lt;/iframe>", "SecurityRisk"),
            ("<summary>", "<category/><summary>", "MissingAttribute"),
            ("<summary>", "<category term=\"\"/><summary>", "AttrNotBlank"),
        ],
    );
    let content = "<summary>S</summary><content type=\"html\">&lt;p&gt;x&lt;/p&gt;</content>";
    assert_eq!(rules(&ATOM.replace(content, "")), ["MissingTextualContent"]);
    let nowhere =
        ATOM.replace(content, "<summary>S</summary>").replace("rel=\"alternate\"", "rel=\"related\"");
    assert_eq!(rules(&nowhere), ["MissingContentOrAlternate"]);
    let entry = &ATOM[ATOM.find("<entry>").unwrap()..ATOM.find("</feed>").unwrap()];
    assert_eq!(
        rules(&ATOM.replace("</feed>", &format!("{entry}</feed>"))),
        ["DuplicateIds", "DuplicateUpdated"]
    );
}

#[test]
fn every_rule_of_json_feed_fires() {
    check(
        JSON,
        &[
            ("\"version\"", "version", "NotJson"),
            ("version/1.1", "version/1.2", "InvalidVersion"),
            ("\"title\":\"T\",", "", "MissingElement"),
            ("\"title\":\"T\"", "\"title\":5", "InvalidType"),
            ("feeds/a.rss", "feeds/b.rss", "SelfDoesntMatchLocation"),
            ("\"_own\"", "\"own\"", "UndefinedElement"),
            ("\"items\"", "\"_items\"", "MissingItems"),
            ("\"id\":\"1\"", "\"id\":1", "MissingElement"),
            ("\"content_html\":\"<p>x</p>\",", "", "MissingContent"),
            ("<p>x</p>", "<script>x</script>", "SecurityRisk"),
            ("2020-07-30T", "2020-07-30 ", "InvalidRFC3339Date"),
            ("[\"a\"]", "[1]", "InvalidType"),
            ("\"mime_type\":\"application/pdf\",", "", "MissingElement"),
            ("\"size_in_bytes\":5", "\"size_in_bytes\":\"5\"", "InvalidType"),
            ("{\"name\":\"N\"}", "{}", "MissingElement"),
            ("{\"name\":\"N\"}", "5", "InvalidType"),
            ("\"type\":\"WebSub\",", "", "MissingElement"),
            ("\"language\":\"vi\"", "\"language\":\"v\"", "InvalidLanguage"),
            ("\"_own\":1", "\"expired\":1", "InvalidType"),
            ("\"_own\":1", "\"next_url\":\"https://tin.example.vn/feeds/a.rss\"", "NextIsSelf"),
        ],
    );
    let item = &JSON[JSON.find("{\"id\"").unwrap()..JSON.rfind("]}").unwrap()];
    assert_eq!(rules(&JSON.replace(item, &format!("{item},{item}"))), ["DuplicateIds"]);
    assert_eq!(rules("{}").first(), Some(&"InvalidVersion"));
}

#[test]
fn every_rule_of_opml_fires() {
    check(
        OPML,
        &[
            ("2.0", "3.0", "InvalidOPMLVersion"),
            (
                "<head><title>T</title><dateModified>Thu, 30 Jul 2020 17:00:00 +0700</dateModified></head>",
                "",
                "MissingElement",
            ),
            ("Thu, 30", "Fri, 30", "IncorrectDOW"),
            ("<title>T</title>", "<x/>", "UndefinedElement"),
            ("<outline type", "<outlin/><outline type", "UndefinedElement"),
            ("text=\"T\"", "", "MissingAttribute"),
            ("title=\"T\"", "", "MissingTitleAttr"),
            ("type=\"rss\"", "", "MissingOutlineType"),
            ("xmlUrl=\"https://a.vn/x\"", "", "MissingXmlURL"),
            ("https://a.vn/x", "x", "InvalidFullLink"),
            ("title=\"T\"", "title=\"T\" url=\"x\"", "UnexpectedAttribute"),
            ("title=\"T\"", "title=\"T\" language=\"x!\"", "InvalidLanguage"),
            ("title=\"T\"", "title=\"T\" version=\"2\"", "InvalidOutlineVersion"),
        ],
    );
    assert_eq!(rules("<html/>"), ["UndefinedElement"]);
    assert_eq!(judge(b"\xff", Frame { own: OWN, now: NOW })[0].rule, "NotUTF8");
}
