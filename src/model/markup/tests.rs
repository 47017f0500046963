//! The count is held against what a real parser builds.

use super::*;

fn check(markup: &str, depth: usize) {
    let shown: String = markup.chars().take(80).collect();
    assert_eq!(max_open_depth(markup), depth, "{shown}");
}

#[test]
fn counts_what_is_open() {
    check("", 0);
    check("text", 0);
    check("<p>a<p>b<p>c", 1);
    check("<ul><li>a<li>b<li><ul><li>c</ul><li>d</ul>", 4);
    check("<br><img src=x><hr><input>", 0);
    check("<div><p>a</div><div></div>", 2);
    check("<table><tr><td>a<td>b<tr><td>c</table>", 4);
    check("<dl><dt>a<dd>b<dt>c</dl>", 2);
    check("<select><option>a<option>b</select>", 2);
    check("<script>'<div><div><div>'</script><b>x</b>", 1);
    check("<!-- <div><div> --><i title='<div>'></i>", 1);
    check("<html><head><title><b></title></head><body><p>", 1);
}

#[test]
fn lets_pages_of_the_nineties_through() {
    let page = "<p><font size=2 face='Arial'>line<br><b>more".repeat(400);
    assert!(max_open_depth(&page) <= 32, "{}", max_open_depth(&page));
    let list = format!("<ul>{}", "<li><a href=x>one</a>".repeat(5_000));
    assert!(max_open_depth(&list) <= 8);
    let cells = format!("<table>{}", "<tr><td><font color=red><b>one<td><p>two".repeat(2_000));
    assert!(max_open_depth(&cells) <= 16);
    let tracked = "<noscript><iframe src=x></iframe><!-- x --><img src=y></noscript><p>x</p>".repeat(1_000);
    assert!(max_open_depth(&tracked) <= 4);
}

#[test]
fn refuses_what_parsers_choke_on() {
    let many = [
        "<div>".repeat(600),
        "<ul><li>".repeat(300),
        "<b>x<i>y".repeat(600),
        "<span>".repeat(600),
        "<svg><g>".repeat(300),
        "<table><tr><td>".repeat(200),
        (0..600).map(|n| format!("<p><font color={n}>x")).collect(),
        format!("<script><!--<script></script><style>--></script>{}", "<div>".repeat(600)),
        format!("<noscript><!--</noscript>{}", "<div>".repeat(600)),
        format!("<svg></p><noscript><!--</noscript>{}", "<div>".repeat(600)),
        format!("<math><title><style></title></math>{}", "<div>".repeat(600)),
        format!("<template><col><title></template>{}", "<div>".repeat(600)),
        format!("<template><col><script></template>{}", "<div>".repeat(600)),
        format!("<math><svg><desc><textarea>{}", "<div>".repeat(600)),
        format!("<math><mi><mglyph><plaintext>{}", "<div>".repeat(600)),
        format!("<svg><desc><![CDATA[<script>]]>{}", "<div>".repeat(600)),
        format!("<button><li><svg></button><noscript><!--</noscript>{}", "<div>".repeat(600)),
        format!("<table><tr><table></table><svg></tr><script>{}", "<div>".repeat(600)),
        "<template><div><caption>".repeat(300),
        "<template><td></td><div><tr>".repeat(300),
        "<form><div></form>".repeat(600),
        "<b><svg><desc></b>".repeat(300),
        format!("<div {}>", "a=b ".repeat(3)).repeat(600),
    ];
    for markup in many {
        let shown: String = markup.chars().take(80).collect();
        assert!(max_open_depth(&markup) > MAX_DEPTH, "{shown}");
    }
    let attributes: String = (0..2_000).map(|n| format!(" a{n}=1")).collect();
    assert_eq!(max_open_depth(&format!("<p{attributes}>")), usize::MAX);
    let fonts: String = (0..400).map(|n| format!("<font color={n}>")).collect();
    assert_eq!(max_open_depth(&format!("<p>{fonts}{}", "<p>x".repeat(1_000))), usize::MAX);
    let link = format!("<p><a href='{}'>{}", "x".repeat(8_000), "<p>x".repeat(1_000));
    assert_eq!(max_open_depth(&link), usize::MAX);
}

/// What stands in `noscript` nests nowhere in a page, and may in a part of one.
#[test]
fn noscript_holds_text_in_pages() {
    let page = format!("<body><noscript>{}</noscript><p>x", "<div>".repeat(600));
    assert!(max_open_depth_of_page(&page) <= 2 && max_open_depth(&page) > MAX_DEPTH);
    assert!(parsed_depth(&scraper::Html::parse_document(&page)) <= 4);
    let hidden = format!("<noscript><!--</noscript>{}", "<div>".repeat(600));
    assert!(max_open_depth_of_page(&hidden) > MAX_DEPTH);
}

#[test]
fn stays_linear_on_hostile_megabytes() {
    for part in [
        "<noscript>",
        "<template>",
        "<!-",
        "<script><!--",
        "</b>",
        "<a>",
        "<p></div>",
        "<",
        "<x y='",
        "<col>",
    ] {
        max_open_depth(&part.repeat(300_000 / part.len()));
    }
}

/// How deep elements really nest in what a parser built.
fn parsed_depth(html: &scraper::Html) -> usize {
    let elements = html.tree.nodes().filter(|node| node.value().is_element());
    elements
        .map(|node| node.ancestors().filter(|above| above.value().is_element()).count())
        .max()
        .unwrap_or(0)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(1_000))]

    /// Within what one page may hold, the parser never gets much deeper than counted.
    #[test]
    fn never_counts_less_than_a_parser_builds(
        parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..200),
    ) {
        // What is taken for text, or for another namespace, shows in what follows.
        let markup = parts.concat() + &"<div>".repeat(40);
        let fragment = parsed_depth(&scraper::Html::parse_fragment(&markup));
        let counted = max_open_depth(&markup);
        // A parser adds `html` by itself, and `</form>` and `</b>` leave trees deeper than the stack.
        proptest::prop_assert!(fragment <= 2 * counted + 3, "{fragment} > {counted} in {markup}");
        let page = parsed_depth(&scraper::Html::parse_document(&markup));
        let counted = max_open_depth_of_page(&markup);
        // And `body`.
        proptest::prop_assert!(page <= 2 * counted + 4, "{page} > {counted} in the page {markup}");
    }

    #[test]
    fn takes_any_text(markup in "\\PC{0,200}") {
        max_open_depth(&markup);
    }
}

const PARTS: &[&str] = &[
    "<div>",
    "</div>",
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<font color=1>",
    "<font color=2>",
    "</font>",
    "<a href=x>",
    "</a>",
    "<li>",
    "</li>",
    "<ul>",
    "</ul>",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "</td>",
    "</tr>",
    "<caption>",
    "<svg>",
    "</svg>",
    "<g>",
    "<g/>",
    "<foreignObject>",
    "</foreignObject>",
    "<desc>",
    "<math>",
    "<mi>",
    "</math>",
    "<select>",
    "<option>",
    "</select>",
    "<button>",
    "</button>",
    "<h1>",
    "</h1>",
    "<object>",
    "</object>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<style>",
    "</style>",
    "<title>",
    "</title>",
    "<noscript>",
    "</noscript>",
    "<template>",
    "</template>",
    "<col>",
    "<br>",
    "<img>",
    "text",
    " ",
    "<nobr>",
    "<form>",
    "</form>",
    "<dd>",
    "<dt>",
    "<marquee>",
    "</marquee>",
    "<textarea>",
    "</textarea>",
    "<span>",
    "</span>",
    "<ruby>",
    "<rt>",
    "</ruby>",
    "<optgroup>",
    "<hr>",
    "<input>",
    "<xmp>",
    "</xmp>",
    "<thead>",
    "</tbody>",
    "</caption>",
    "<colgroup>",
    "</colgroup>",
    "</p>",
    "<tfoot>",
    "</th>",
    "<th>",
    "</ul>",
    "</dd>",
    "</a>",
    "</option>",
    "<title/>",
    "<svg/>",
    "<iframe>",
    "</iframe>",
    "<h2>",
    "</h2>",
    "<ol>",
    "</form>",
    "</br>",
    "</body>",
    "<nobr>",
    "</nobr>",
    "<i>",
    "</i>",
    "<applet>",
    "</applet>",
    "<mtext>",
    "<annotation-xml>",
    "<mglyph>",
    "<![CDATA[",
    "]]>",
    "<head>",
    "<frameset>",
    "<center>",
    "<plaintext>",
    "<noembed>",
    "</noembed>",
    "<details>",
    "<section>",
    "</section>",
    "<u/>",
    "<desc/>",
    "<title >",
];
