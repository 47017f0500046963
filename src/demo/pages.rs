//! The portal's pages: written by us in the structure of SharePoint news sections in Ho Chi Minh City.
//!
//! Every real nuisance is here on purpose: cells twice, item numbers under several parameter names, path case,
//! `%2f`, a date picker inside the text, a visitor counter and a clock that change with every request.

use std::{collections::HashMap, fmt::Write};

use axum::{body::Bytes, http::Uri};
use quick_xml::escape::escape;

use super::portal::Story;
use crate::model::{Offset, Timestamp};

/// The section's name.
pub(super) const CATEGORY: &str = "Tin tức - Sự kiện";

/// What an expired session shows.
pub(super) const LOGIN: &str = r#"<!DOCTYPE html><html><head><title>Đăng nhập hệ thống</title></head><body>
<form method="post" action="/_layouts/login.aspx"><label>Tên đăng nhập <input name="user"></label>
<label>Mật khẩu <input type="password" name="password"></label><input type="submit" value="Đăng nhập"></form></body></html>"#;

const ZONE: Offset = Offset(7 * 3600);
const WEEKDAYS: [&str; 7] = ["Chủ nhật", "Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy"];

/// The short addresses that lead to the section: what people type.
pub(super) fn is_front(uri: &Uri) -> bool {
    matches!(uri.path(), "/" | "/tintuc" | "/tintuc/")
}

/// The section's path and query.
pub(super) fn list_path() -> String {
    format!("/tintuc/lists/posts/post.aspx?Source=/tintuc&Category={}&Mode=2", category())
}

/// Is this one of the section's pages? Paths are the same in any case.
pub(super) fn is_post(uri: &Uri) -> bool {
    uri.path().eq_ignore_ascii_case("/tintuc/lists/posts/post.aspx")
}

/// The item that a query names, by any of the names that the platform takes.
pub(super) fn item_number(uri: &Uri) -> Option<u32> {
    url::form_urlencoded::parse(uri.query()?.as_bytes())
        .find(|(name, _)| name.eq_ignore_ascii_case("itemid") || name.eq_ignore_ascii_case("id"))
        .and_then(|(_, value)| value.parse().ok())
}

/// The list page: pinned stories first, then newest first. `moves` says how often the address that it shows for an
/// item has changed.
pub(super) fn list(stories: &[Story], moves: &HashMap<u32, u32>, around: &Around) -> String {
    let mut sorted: Vec<_> = stories.iter().collect();
    sorted.sort_by_key(|story| (!story.pinned, std::cmp::Reverse((story.published, story.item))));
    sorted.truncate(30);
    let mut body = String::new();
    for story in &sorted {
        let address = moved_address(story.item, moves.get(&story.item).copied().unwrap_or(0));
        let (href, title) = (escape(address), escape(story.title.as_str()));
        let photo = story.photo.as_ref().map_or_else(String::new, |name| {
            format!(r#"<img src="{}" width="120" alt="">"#, escape(photo_path(name)))
        });
        let _infallible = write!(
            body,
            r#"<tr><td class="TitleFront" colspan="2"><a href="{href}">{title}</a>&nbsp;<span>{}</span></td></tr>
<tr><td class="tinHT" valign="top">{photo}</td><td><div class="ContentText"><div>{}</div></div></td></tr>
"#,
            long_date(story.published),
            escape(story.teaser.as_str()),
        );
    }
    let mut twins = String::new();
    for story in &sorted {
        let href = escape(other_address(story.item));
        let title = escape(story.title.as_str());
        let _infallible = writeln!(
            twins,
            "<tr><td class=\"TitleFront\"><a href=\"{href}\">{title}</a> <span>{}</span></td></tr>",
            long_date(story.published)
        );
    }
    let main = format!(
        "<table class=\"tblTin\" width=\"100%\">\n{body}</table>\n<table class=\"tblTin2\" style=\"display:none\">\n{twins}</table>{}",
        around.pager
    );
    frame(&format!("{CATEGORY} - Cổng thông tin điện tử Quận 1"), &main, around)
}

/// An article page, with the block of earlier articles below it.
pub(super) fn article(story: &Story, all: &[Story], noise: u64) -> String {
    let mut text = String::new();
    for (index, paragraph) in story.paragraphs.iter().enumerate() {
        let _infallible = write!(
            text,
            r#"<p class="MsoNormal" style="text-align:justify"><span style="font-size:12pt">{}&nbsp;</span></p>"#,
            escape(paragraph.as_str())
        );
        if let (0, Some(photo)) = (index, &story.photo) {
            let _infallible = write!(
                text,
                r#"<p align="center"><img alt="" src="{}"></p><p>&nbsp;</p>"#,
                escape(photo_path(photo))
            );
        }
    }
    if let Some(name) = &story.attachment {
        let path = format!("/Lists/Posts/Attachments/{}/{name}", story.item);
        let _infallible =
            write!(text, r#"<p><a href="{}">{}</a></p>"#, escape(path.as_str()), escape(name.as_str()));
    }
    if let Some(author) = &story.author {
        let _infallible =
            write!(text, r#"<p align="right"><strong>{}</strong></p>"#, escape(author.as_str()));
    }
    let mut earlier: Vec<_> = all.iter().filter(|other| other.published < story.published).collect();
    earlier.sort_by_key(|other| std::cmp::Reverse((other.published, other.item)));
    let mut links = String::new();
    for other in earlier.into_iter().take(3) {
        let _infallible = writeln!(
            links,
            "<div class=\"tinkhac\">&nbsp;&nbsp; <a href=\"{}\">{} ({})</a></div>",
            escape(address(other.item)),
            escape(other.title.as_str()),
            short_date(other.published)
        );
    }
    let main = format!(
        r#"<div id="part1"><table width="100%"><tr><td class="TitleNews">{title}</td></tr>
<tr><td class="Time">{date}</td></tr>
<tr><td><div class="ExternalClass{guid}">{text}</div></td></tr></table></div>
<div class="TinDaDua"><b>Các {CATEGORY} đã đưa</b>
{links}</div>"#,
        title = escape(story.title.as_str()),
        date = long_date(story.published),
        // The platform mints one for each text; selecting on it would find one article only.
        guid = blake3::hash(&story.item.to_be_bytes())
            .to_hex()
            .chars()
            .take(32)
            .collect::<String>()
            .to_uppercase(),
    );
    frame(&story.title, &main, &Around::of_noise(noise))
}

/// What a page shows beside its stories.
pub(super) struct Around {
    /// How many requests there were.
    pub(super) noise: u64,
    /// The pager.
    pub(super) pager: String,
    /// The hidden fields of its form.
    pub(super) fields: String,
}

impl Around {
    /// No archive: nothing but what changes with every request.
    pub(super) fn of_noise(noise: u64) -> Self {
        let fields = format!(
            r#"<input type="hidden" name="__VIEWSTATE" id="__VIEWSTATE" value="/wEPDwUKLTM{noise}" />"#
        );
        Self { noise, pager: String::new(), fields }
    }
}

/// The day of an instant, as people in the district say it.
pub(super) fn day(at: Timestamp) -> jiff::civil::Date {
    let offset = jiff::tz::Offset::from_seconds(ZONE.0).unwrap_or(jiff::tz::Offset::UTC);
    offset.to_datetime(at.to_jiff()).date()
}

/// What stands around every page of the site.
fn frame(title: &str, main: &str, around: &Around) -> String {
    let Around { noise, fields, .. } = around;
    format!(
        r##"<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" lang="vi-vn" dir="ltr">
<head><meta http-equiv="Content-Type" content="text/html; charset=utf-8" /><meta name="GENERATOR" content="Microsoft SharePoint" />
<title>{title}</title>
<script type="text/javascript">var _spPageContextInfo = {{webServerRelativeUrl: "\u002ftintuc"}};</script></head>
<body><form name="aspnetForm" method="post" action="{action}" id="aspnetForm">
{fields}
<ul class="menu"><li><a href="/">Trang chủ</a></li><li><a href="/gioithieu">Giới thiệu</a></li><li><a href="/tintuc">Tin tức</a></li></ul>
<div class="breadcrumb">TIN TỨC &amp; SỰ KIỆN | {CATEGORY}</div>
{main}
<div class="theongay">Xem bài viết theo ngày
<div id="ctl00_rdp_wrapper" class="RadPicker RadPicker_Default" style="display:inline-block;width:160px;">
<table class="rcTable rcSingle" cellspacing="0" summary="Table holding date picker control for selection of dates.">
<caption style="display:none;">RadDatePicker</caption><thead style="display:none;"><tr><th scope="col">RadDatePicker</th></tr></thead>
<tbody><tr><td class="rcInputCell"><span class="riSingle RadInput"><input name="ctl00$rdp$dateInput" type="text" value="" /></span></td>
<td><a title="Open the calendar popup." href="#" class="rcCalPopup">Open the calendar popup.</a></td></tr></tbody></table></div></div>
<div class="footer">Lượt truy cập: {count} <span id="clock">{noise:06}</span></div>
</form></body></html>"##,
        title = escape(title),
        action = escape(list_path()),
        count = 1_204_377 + noise,
    )
}

/// The usual address of an article.
fn address(item: u32) -> String {
    format!("/tintuc/lists/posts/post.aspx?Source=%2ftintuc&Category={}&ItemID={item}&Mode=1", category())
}

/// The address that the list shows after it has changed so many times.
pub(super) fn moved_address(item: u32, n_moves: u32) -> String {
    if n_moves.is_multiple_of(4) { address(item) } else { variant(item, n_moves) }
}

/// Another address of the same article.
fn other_address(item: u32) -> String {
    variant(item, item)
}

fn variant(item: u32, form: u32) -> String {
    match form % 3 {
        0 => format!("/tintuc/Lists/Posts/Post.aspx?ID={item}"),
        1 => format!("/TinTuc/Lists/Posts/Post.aspx?ItemID={item}&Mode=1&Source=/tintuc"),
        _ => {
            format!("/tintuc/lists/posts/post.aspx?Category=Th%C3%B4ng+b%C3%A1o&ItemID={item}&PublishedDate=")
        }
    }
}

fn category() -> String {
    url::form_urlencoded::byte_serialize(CATEGORY.as_bytes()).collect()
}

fn photo_path(name: &str) -> String {
    format!("/_layouts/LacVietBIO/fckUpload_BL/SiteChinh/2026-11/{}", name.replace(' ', "%20"))
}

/// `Thứ Năm, 28/06/2018, 08:00`
fn long_date(at: Timestamp) -> String {
    let (weekday, [year, month, day, hour, minute]) = local(at);
    format!("{weekday}, {day:02}/{month:02}/{year}, {hour:02}:{minute:02}")
}

/// `17:12 - 30/07/2020`
fn short_date(at: Timestamp) -> String {
    let (_, [year, month, day, hour, minute]) = local(at);
    format!("{hour:02}:{minute:02} - {day:02}/{month:02}/{year}")
}

fn local(at: Timestamp) -> (&'static str, [i64; 5]) {
    let offset = jiff::tz::Offset::from_seconds(ZONE.0).unwrap_or(jiff::tz::Offset::UTC);
    let local = offset.to_datetime(at.to_jiff());
    let weekday = usize::try_from(local.weekday().to_sunday_zero_offset()).unwrap_or(0);
    let [year, month, day] = [i64::from(local.year()), local.month().into(), local.day().into()];
    (WEEKDAYS[weekday], [year, month, day, local.hour().into(), local.minute().into()])
}

/// Photos and PDFs: tiny, but real.
pub(super) fn file(path: &str) -> Option<(&'static str, Bytes)> {
    match path.rsplit_once('.')?.1 {
        "png" => Some(("image/png", Bytes::from_static(include_bytes!("../../assets/demo-photo.png")))),
        "pdf" => Some(("application/pdf", Bytes::from_static(PDF.as_bytes()))),
        _ => None,
    }
}

const PDF: &str = "%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Resources<<>>>>endobj
trailer<</Root 1 0 R>>
%%EOF
";
