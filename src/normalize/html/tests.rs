use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn base() -> Url {
    "http://a.vn/tintuc/post.aspx?ItemID=1".parse().unwrap()
}

fn cleaned(raw: &str) -> String {
    clean(raw, None, &base(), &[]).html.to_string()
}

fn check(raw: &str, expected: &str) {
    assert_eq!(cleaned(raw), expected, "{raw}");
    assert_eq!(cleaned(expected), expected, "again: {raw}");
}

const REL: &str = "rel=\"noopener noreferrer\"";

#[test]
fn keeps_what_articles_are_made_of() {
    assert!(TAGS.is_sorted());
    check(
        "<p>Khai mạc <b>Đại hội</b></p><ul><li>một</li></ul>",
        "<p>Khai mạc <b>Đại hội</b></p><ul><li>một</li></ul>",
    );
    check(
        "<table><tbody><tr><td colspan=\"2\">1</td><td></td></tr></tbody></table>",
        "<table><tbody><tr><td colspan=\"2\">1</td><td></td></tr></tbody></table>",
    );
    check("<pre>a\n  b</pre>", "<pre>a\n  b</pre>");
    check("<a href=/x?utm_source=z>x</a>", &format!("<a href=\"http://a.vn/x\" {REL}>x</a>"));
}

#[test]
fn leaves_out_what_word_and_editors_leave_behind() {
    check(
        "<p class=MsoNormal style='x'><span lang=EN><o:p></o:p>Tin&nbsp;&nbsp; mới</span></p><p>&nbsp;</p><p><br></p>",
        "<p>Tin mới</p>",
    );
    check("<div><p></p><div><span> </span></div></div>", "");
    check("<!-- x --><p>a<b> </b>c</p><?xml x?>", "<p>a c</p>");
    check("<p>Qua\u{302}\u{323}n&#0; 1\u{b}&#xFFFE;\u{200b}</p>", "<p>Quận\u{fffd} 1</p>");
    check("<center>x</center><font color=red>y</font>", "<div>x</div>y");
}

#[test]
fn finds_the_real_image() {
    for (raw, expected) in [
        ("<img src=a.jpg>", "http://a.vn/tintuc/a.jpg"),
        ("<img src='data:image/gif;base64,x' data-src='/b.jpg'>", "http://a.vn/b.jpg"),
        ("<img src=blank.gif data-original=//c.vn/c.jpg>", "http://c.vn/c.jpg"),
        ("<img srcset='/s.jpg 300w, /l.jpg 1200w, /m.jpg 600w'>", "http://a.vn/l.jpg"),
        (
            "<img src='/hoi nghi chuyen de.jpg' width=500 height=300>",
            "http://a.vn/hoi%20nghi%20chuyen%20de.jpg",
        ),
    ] {
        let found = clean(raw, None, &base(), &[]);
        assert_eq!(found.images, [expected], "{raw}");
        assert!(found.html.as_str().contains(&format!("src=\"{expected}\"")), "{}", found.html);
    }
    for raw in [
        "<img src=/p.gif width=1 height=1>",
        "<img src=/p.gif style='width: 1px; HEIGHT:0'>",
        "<img src=/p.gif style='display: none'>",
        "<img src='data:image/png;base64,AA'>",
        "<img src=https://www.facebook.com/tr?id=1>",
        "<img>",
    ] {
        check(raw, "");
    }
}

#[test]
fn collects_documents() {
    let found = clean("<p>Xem <a href='/Lists/KH 12.pdf'>Kế hoạch <b>12</b></a></p>", None, &base(), &[]);
    assert_eq!(found.documents, [("http://a.vn/Lists/KH%2012.pdf".to_owned(), "Kế hoạch 12".to_owned())]);
}

#[test]
fn drops_noise_blocks_whole() {
    let noise = [Regex::new("(?i)chia sẻ|lượt xem: *\\d+").unwrap()];
    let raw = "<div><p>Chia sẻ</p><p>Chia sẻ niềm vui</p><div><span>Lượt xem:&nbsp;12</span><img src=/z.gif></div></div>";
    let found = clean(raw, None, &base(), &noise);
    assert_eq!(found.html.as_str(), "<div><p>Chia sẻ niềm vui</p></div>");
    assert!(found.images.is_empty());
}

#[test]
fn reads_text_as_text() {
    let text = |raw| clean(raw, Some("text/plain; charset=utf-8"), &base(), &[]).html.to_string();
    assert_eq!(text("1 < 2 & <b>\ndòng\r\n\r\nhai"), "<p>1 &lt; 2 &amp; &lt;b&gt;<br>dòng</p><p>hai</p>");
    assert_eq!(cleaned("một\n\nhai &amp; ba"), "<p>một</p><p>hai &amp; ba</p>");
    assert_eq!(cleaned(" \n "), "");
}

#[test]
fn blocks_do_not_end_in_blanks() {
    assert_eq!(
        cleaned("<p>Một <b>hai</b>&nbsp;</p><p>ba &nbsp; bốn&nbsp;</p>"),
        "<p>Một <b>hai</b></p><p>ba bốn</p>"
    );
    assert_eq!(cleaned("<pre>a <b>b</b> </pre>"), "<pre>a <b>b</b> </pre>");
}

#[test]
fn keeps_the_words_of_a_formula() {
    let formula = "<p>x <math><semantics><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow>\
                   <annotation encoding=TeX>a+b</annotation></semantics></math></p>";
    assert_eq!(cleaned(formula), "<p>x a+b</p>");
}

#[test]
fn keeps_the_words_of_what_is_too_deep() {
    let deep = format!("{}chữ<script>x</script>", "<div>".repeat(100_000));
    let found = clean(&deep, None, &base(), &[]);
    assert_eq!(found.html.as_str(), "<p>chữ</p>");
    assert_eq!(found.issues.len(), 1);
    assert_eq!(found.issues[0].code, "html-too-deep");
    let long = clean(&format!("<p>{}", "ắ ".repeat(600_000)), None, &base(), &[]);
    assert_eq!(long.issues[0].code, "html-too-long");
}

#[test]
fn text_has_a_line_per_paragraph() {
    let html = clean("<p>Một <b>hai</b></p><p>ba &amp; bốn</p>", None, &base(), &[]).html;
    assert_eq!(to_text(&html), "Một hai\nba & bốn");
}

/// Nothing that runs: looked for in the parsed result, as a browser would see it.
fn assert_safe(id: &str, raw: &str) {
    let out = cleaned(raw);
    let parsed = scraper::Html::parse_fragment(&out);
    for node in parsed.tree.nodes() {
        let Node::Element(element) = node.value() else { continue };
        let name = element.name();
        assert!(matches!(name, "html" | "body") || tag(name).is_some(), "{id}: <{name}> in {out}");
        for (key, value) in element.attrs() {
            assert!(!key.starts_with("on") && key != "style" && key != "srcdoc", "{id}: {key} in {out}");
            if matches!(key, "href" | "src" | "poster") {
                assert!(
                    value.starts_with("http://") || value.starts_with("https://"),
                    "{id}: {value} in {out}"
                );
            }
        }
    }
    assert!(out.chars().all(text::is_xml), "{id}: {out:?}");
    if out.contains('<') {
        assert_eq!(cleaned(&out), out, "{id}: not stable");
    }
}

fn data(path: &str) -> Option<String> {
    let mut folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    loop {
        if let Ok(found) = std::fs::read_to_string(folder.join("shared/data").join(path)) {
            return Some(found);
        }
        if !folder.pop() {
            println!("skipped: no shared/data/{path}");
            return None;
        }
    }
}

#[test]
fn nothing_executable_survives() {
    for raw in [
        "<script>alert(1)</script>",
        "<svg/onload=alert(1)>",
        "<a href='jAvA\nScript:alert(1)'>x</a>",
        "<a href=' &#14; javascript:alert(1)'>x</a>",
        "<img src=x onerror=alert(1)>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "<math><a xlink:href=javascript:alert(1)>x</a><mi href=javascript:alert(1)>y</mi><maction actiontype='statusline#http://x' xlink:href='javascript:alert(1)'>z",
        "<math><annotation-xml encoding='text/html'><img src=x onerror=alert(1)></annotation-xml></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<form><button formaction=javascript:alert(1)>x</button></form>",
        "<img src=\"x` `<script>alert(1)</script>\"` `>",
        "<b title='\"><script>alert(1)</script>'>x",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<p style='x:expression(alert(1))'>x</p>",
        "<video poster=javascript:alert(1) src=data:text/html,x><source src=vbscript:x></video>",
        "<textarea></textarea><img src=x onerror=alert(1)></textarea>",
        "<xmp><img src=x onerror=alert(1)></xmp><plaintext><script>",
    ] {
        assert_safe(raw, raw);
    }
}

#[test]
fn nothing_executable_survives_the_known_lists() {
    for file in ["dompurify", "h5sc", "owasp", "patt"] {
        let Some(list) = data(&format!("security/xss_{file}.json")) else { continue };
        let list: Value = serde_json::from_str(&list).unwrap();
        for case in list["cases"].as_array().unwrap() {
            if let Some(raw) = case["html"].as_str() {
                assert_safe(&format!("{file} {}", case["id"]), raw);
            }
        }
    }
}

/// What sanitizing twice could change: markup that parsers move, and texts that meet.
const PIECES: [&str; 76] = [
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<svg>",
    "</svg>",
    "<math>",
    "<mtext>",
    "<style>",
    "</style>",
    "<title>",
    "</title>",
    "<img src=x onerror=a>",
    "<a href=javascript:x>",
    "</a>",
    "<!--",
    "-->",
    "<noscript>",
    "</noscript>",
    "\"",
    "'",
    ">",
    "<",
    "&lt;",
    "x",
    "<select>",
    "<template>",
    "<pre>\n\n",
    "<script>",
    "</script>",
    "&#0;",
    "\u{0}",
    "<textarea>",
    "</textarea>",
    "<foreignObject>",
    "<ul>",
    "<li>",
    "<a href=/y>",
    "</td>",
    "<th>",
    "<caption>",
    "</caption>",
    "<tbody>",
    "<i>",
    "</i>",
    "<h1>",
    "<h2>",
    "<div>",
    "</div>",
    "<span>",
    "</span>",
    " ",
    "&nbsp;",
    "\n",
    "\u{301}",
    "\u{338}",
    "\u{200d}",
    "đậm ",
    "<br>",
    "<hr>",
    "</pre>",
    "<form>",
    "<dl>",
    "<dt>",
    "<dd>",
    "<ruby>",
    "<rt>",
    "<blockquote>",
    "</blockquote>",
    "<video src=/v>",
    "<col>",
    "<font color=red>",
];

proptest::proptest! {
    #[test]
    fn any_markup_becomes_safe(parts in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..24)) {
        let raw = parts.concat();
        let out = cleaned(&raw);
        proptest::prop_assert!(!out.contains("<script") && !out.contains("onerror=a>"), "{}", out);
        proptest::prop_assert!(out.chars().all(text::is_xml));
        proptest::prop_assert!(!out.contains('<') || cleaned(&out) == out, "{} becomes {}", out, cleaned(&out));
    }
}

/// Found by a fuzzer: of two blanks at the end one went, and the other one the next time.
#[test]
fn no_blank_is_left_at_the_end_of_a_block() {
    check("<p>a <a> </a></p>", "<p>a</p>");
    check("<p>a  </p>", "<p>a</p>");
    check("<pre>a  </pre>", "<pre>a  </pre>");
    let found = "<video srcb>đậm|/b/b> <a b/b> <a hrhref=\"/x.ebm></vide>t";
    check(found, "<video controls=\"\">đậm|/b/b&gt;</video>");
}

/// What goes between two pieces of text leaves one text, which is composed like any other.
#[test]
fn texts_that_meet_are_composed() {
    check("<p>a<!-- -->\u{301}</p>", "<p>á</p>");
    check("<p>a<span></span>\u{301} b<b> </b>\u{301}</p>", "<p>á b \u{301}</p>");
    check("<p>1 &gt;<i></i>\u{338} 2 &amp;<i></i>&lt;\u{338}</p>", "<p>1 ≯ 2 &amp;≮</p>");
    check("<p>ᄀ<span></span>ᅡ</p>", "<p>가</p>");
    // A mark of its own stays on its own: what it stands behind is a tag, and no letter.
    check("<p><b>a</b>\u{301}</p>", "<p><b>a</b>\u{301}</p>");
    let html = clean("<p><b>a</b>\u{301} b</p>", None, &base(), &[]).html;
    assert_eq!(to_text(&html), "á b");
}

/// A parser drops the line feed behind `<pre>` (WHATWG HTML, section 13.2.6.4.7), and does so each time.
#[test]
fn a_pre_does_not_begin_with_line_feeds() {
    check("<pre><span>\n</span>\n\na\n b</pre>", "<pre>a\n b</pre>");
    check("<pre lang=vi>\n\n<b></b>&#13;\na</pre>", "<pre lang=\"vi\">a</pre>");
    check("<pre>\n  <b>\na</b>\n</pre>", "<pre>  <b>\na</b>\n</pre>");
    check("<ul><li><pre>\n\n</pre></li></ul>", "");
}

/// Parsers build trees that no markup says. What is published is read as the tree that it was written from.
#[test]
fn elements_stand_where_they_will_be_read() {
    // Moved out of the table into a link, which would end there.
    check("<a href=x><table><a href=y>q", &format!("<a href=\"http://a.vn/tintuc/y\" {REL}>q</a>"));
    let cell = "<a href=x>p<table><tr><td><a href=y>q</a></table></a>";
    let [x, y] = ["x", "y"].map(|name| format!("<a href=\"http://a.vn/tintuc/{name}\" {REL}>"));
    check(cell, &format!("{x}p<table><tbody><tr><td>{y}q</a></td></tr></tbody></table></a>"));
    // The link that went held them apart; without it `rt` ends `dt`.
    check("<ruby><dt><a href=javascript:x><rt>x", "<ruby><rt>x</rt></ruby>");
    let files = clean("<a href=a.pdf><table><a href=b.pdf>x", None, &base(), &[]).documents;
    assert_eq!(files, [("http://a.vn/tintuc/b.pdf".to_owned(), "x".to_owned())]);
}

#[test]
fn what_cannot_be_shown_says_its_words() {
    let check = |raw: &str, html: &str, codes: &[&str]| {
        let cleaned = clean(raw, None, &base(), &[]);
        let said: Vec<_> = cleaned.issues.iter().map(|issue| issue.code.as_str()).collect();
        assert_eq!((cleaned.html.as_str(), &said[..]), (html, codes), "{raw}");
    };
    let drawing = "<svg><style>text{}</style><title>Sơ đồ</title><g><text>Khu A &lt; B</text></g></svg>";
    check(drawing, "<p>Sơ đồ</p><p>Khu A &lt; B</p>", &["drawing-left-out"]);
    check("<svg><circle r=1></svg>", "", &["drawing-left-out"]);
    check("<p><img alt='Năm mới &lt;b>'></p>", "<p>Năm mới &lt;b&gt;</p>", &[]);
    // Beside words a drawing is an icon.
    check(&format!("<p>Tin{drawing}</p>"), "<p>Tin</p>", &[]);
}
