use jiff::civil::date;

use super::*;

fn found(body: &str, at: &str) -> Pager {
    let page = format!("<html><body><form id='f'></form>{body}</body></html>");
    pager(
        &Document { bytes: page.as_bytes(), content_type: Some("text/html"), url: &at.parse().unwrap() },
        None,
    )
}

fn numbered(body: &str, expected: Option<&str>) {
    let found = found(body, "https://a.vn/tin-tuc?x=1");
    let third = found.numbered.as_deref().and_then(|pattern| page_url(pattern, 3)).map(String::from);
    assert_eq!(third.as_deref(), expected, "{body}\n{:?}", found.numbered);
}

#[test]
fn numbered_pages_are_found_by_what_their_links_have_in_common() {
    let links = |links: &[(&str, &str)]| -> String {
        links.iter().map(|(label, href)| format!("<a href='{href}'>{label}</a> ")).collect()
    };
    let pager = |inner: &str| format!("<ul class='pagination'>{inner}</ul>");
    numbered(
        &links(&[("1", "/tin-tuc"), ("2", "?page=2"), ("3", "?page=3")]),
        Some("https://a.vn/tin-tuc?page=3"),
    );
    numbered(
        &links(&[("2", "?page=1"), ("3", "?page=2"), ("9", "?page=8")]),
        Some("https://a.vn/tin-tuc?page=2"),
    );
    numbered(&links(&[("2", "?start=10"), ("3", "?start=20")]), Some("https://a.vn/tin-tuc?start=20"));
    let liferay = "/tin?p_p_id=101&_101_delta=10&_101_cur=";
    let two = [format!("{liferay}2"), format!("{liferay}4")];
    numbered(
        &links(&[("2", &two[0]), ("4", &two[1])]),
        Some("https://a.vn/tin?p_p_id=101&_101_delta=10&_101_cur=3"),
    );
    numbered(&links(&[("2", "/c12/page/2/"), ("5", "/c12/page/5/")]), Some("https://a.vn/c12/page/3/"));
    numbered(
        &links(&[("2", "/cat/trang/2.htm"), ("3", "/cat/trang/3.htm")]),
        Some("https://a.vn/cat/trang/3.htm"),
    );
    numbered(&links(&[("Trang 2", "/tin-p2.html")]), Some("https://a.vn/tin-p3.html"));
    numbered(&pager(&links(&[("[2]", "/tin/2")])), Some("https://a.vn/tin/3"));
    // One number that stands anywhere else says nothing.
    numbered(&links(&[("2", "/bai-viet-2")]), None);
    numbered(&links(&[("2", "/bai-7.htm"), ("3", "/bai-9.htm")]), None);
    numbered(&links(&[("2", "https://b.vn/?page=2"), ("3", "https://b.vn/?page=3")]), None);
    // A calendar is no pager.
    let days: String = (1..=30).map(|day| format!("<a href='?d={day}'>{day}</a>")).collect();
    numbered(&days, None);
    let days: String = (1..=9).map(|day| format!("<a href='/lich/2026/06/{day}'>{day}</a>")).collect();
    numbered(&days, None);
    // The pager wins over numbers beside it.
    let tops = links(&[("1", "/top?rank=1"), ("2", "/top?rank=2"), ("3", "/top?rank=3")]);
    numbered(
        &(tops + &pager(&links(&[("2", "?page=2"), ("3", "?page=3")]))),
        Some("https://a.vn/tin-tuc?page=3"),
    );
}

#[test]
fn the_last_page_is_what_a_link_says() {
    let body = "<a href='?page=2'>2</a><a href='?page=3'>3</a><a href='?page=48'>48</a><a href='/x'>99</a>";
    assert_eq!(found(body, "https://a.vn/").last, Some(48));
}

#[test]
fn the_next_page_is_where_a_link_says_so() {
    let check = |body: &str, expected: Option<&str>| {
        let found = found(body, "https://a.vn/tin-tuc").next.map(String::from);
        assert_eq!(found.as_deref(), expected, "{body}");
    };
    check("<a href='?b=7'>Trang sau »</a>", Some("https://a.vn/tin-tuc?b=7"));
    check("<a href='/older'>Older posts</a>", Some("https://a.vn/older"));
    check("<link rel=next href='/tin-tuc/p/2'><a href='/x'>Next</a>", Some("https://a.vn/tin-tuc/p/2"));
    check("<a rel='nofollow next' href='/x'>…</a>", Some("https://a.vn/x"));
    check("<a href='?p=9'>»</a><a href='?p=2'>›</a>", Some("https://a.vn/tin-tuc?p=2"));
    check("<div class=pager><a href='/y'><img src=n.png alt='Tiếp'></a></div>", Some("https://a.vn/y"));
    check("<a href='?p=2' aria-label='Trang tiếp theo'><i></i></a>", Some("https://a.vn/tin-tuc?p=2"));
    // Words that stand on much else, carousels, other sites, the page itself.
    check("<a href='/bai-viet/1.htm'>Sau</a><a href='/gioi-thieu'>›</a>", None);
    check("<a href='#'>Next</a><a href='javascript:go()'>Next</a>", None);
    check("<a href='https://b.vn/'>Trang sau</a><a href='/tin-tuc'>Trang sau</a>", None);
}

#[test]
fn days_are_links_that_differ_in_a_date() {
    let check = |body: &str, expected: Option<&str>| {
        let found = found(body, "https://a.vn/tin").days;
        let url = found.as_deref().and_then(|pattern| day_url(pattern, date(2026, 6, 5))).map(String::from);
        assert_eq!(url.as_deref(), expected, "{body}\n{found:?}");
    };
    check(
        "<a href='/xem-theo-ngay-22-06-2026.htm'>22</a>",
        Some("https://a.vn/xem-theo-ngay-05-06-2026.htm"),
    );
    check("<a href='?date=2026-06-22'>22</a>", Some("https://a.vn/tin?date=2026-06-05"));
    check("<a href='?date=22%2F06%2F2026'>22</a>", Some("https://a.vn/tin?date=05%2F06%2F2026"));
    check("<a href='/d/20260622'>22</a><a href='/d/20260621'>21</a>", Some("https://a.vn/d/20260605"));
    check("<a href='/d/9/6/2026'>9</a><a href='/d/8/6/2026'>8</a>", Some("https://a.vn/d/5/6/2026"));
    check("<a href='/2026/06/22/mot-bai-viet'>Một</a><a href='/2026/06/21/hai'>Hai</a>", None);
    check("<a href='/tin-99-88-2026.htm'>x</a>", None);
}

const GRID: &str = r#"<form method="post" action="./Default.aspx?c=1">
<input type="hidden" name="__VIEWSTATE" value="a+/b=="><input name="__EVENTVALIDATION" type="hidden" value="v">
<input name="q" value=""><input type="checkbox" name="on" checked><input type="checkbox" name="off">
<input type="submit" name="go" value="Tìm"><select name="year"><option>2025</option><option selected value="26">2026</option></select>
<input name="ctl00$rdp$dateInput" type="text"><textarea name="note">x</textarea>
<table><tr class="grid-pager"><td>PAGER</td></tr></table></form>"#;

fn form(pager: &str) -> Form {
    let page = GRID.replace("PAGER", pager);
    let url = "https://a.vn/tin/Default.aspx?c=1".parse().unwrap();
    super::pager(&Document { bytes: page.as_bytes(), content_type: Some("text/html"), url: &url }, None)
        .form
        .unwrap()
}

#[test]
fn a_form_brings_everything_that_a_browser_would_send() {
    let form = form("");
    assert_eq!(form.action.as_str(), "https://a.vn/tin/Default.aspx?c=1");
    let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("__VIEWSTATE", "a+/b=="),
        ("__EVENTVALIDATION", "v"),
        ("q", ""),
        ("on", "on"),
        ("year", "26"),
        ("ctl00$rdp$dateInput", ""),
        ("note", "x"),
    ];
    assert_eq!(fields, expected);
    assert_eq!(form.picker, Some(Picker("ctl00$rdp".to_owned())));
    let with = form.with(&[("q", "1"), ("__EVENTTARGET", "t")]);
    assert_eq!((with[2].1.as_str(), with[7].0.as_str()), ("1", "__EVENTTARGET"));
}

#[test]
fn buttons_lead_toward_a_page() {
    let press = |target: &str, argument: &str, label: &str| {
        format!("<a href=\"javascript:__doPostBack(&#39;{target}&#39;,&#39;{argument}&#39;)\">{label}</a>")
    };
    let toward = |pager: &str, at: u64, to: u64| {
        let form = form(pager);
        form.toward(at, to).map(|(button, page)| (button.target.clone(), button.argument.clone(), page))
    };
    let is = |target: &str, argument: &str, page: u64| Some((target.to_owned(), argument.to_owned(), page));
    let grid = press("g", "Page$2", "2") + &press("g", "Page$3", "3") + &press("g", "Page$11", "...");
    assert_eq!(toward(&grid, 1, 2), is("g", "Page$2", 2));
    assert_eq!(toward(&grid, 1, 9), is("g", "Page$3", 3));
    assert_eq!(toward(&grid, 3, 12), is("g", "Page$11", 11));
    let list =
        press("p$0", "", "...") + &press("p$1", "", "6") + &press("p$2", "", "7") + &press("p$3", "", "...");
    assert_eq!(toward(&list, 5, 8), is("p$2", "", 7));
    assert_eq!(toward(&list, 7, 8), is("p$3", "", 8), "the last one leads on, the first one back");
    let last = press("p$0", "", "...") + &press("p$1", "", "6");
    assert_eq!(toward(&last, 7, 8), None);
    assert_eq!(toward(&press("n", "", "Trang sau"), 4, 5), is("n", "", 5));
    let options = r#"<a href='javascript:WebForm_DoPostBackWithOptions(new WebForm_PostBackOptions("w$2", "", true))'>2</a>"#;
    assert_eq!(toward(options, 1, 2), is("w$2", "", 2));
    let calendar: String =
        (1..=30).map(|day| press("cal", &format!("{}", 9000 + day), &day.to_string())).collect();
    assert_eq!(toward(&calendar, 1, 2), None);
}
