//! `loa init`: from an address to a configuration that works, against sites that no recipe knows.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const TITLES: [&str; 5] = [
    "Khai mạc hội xuân trên phố đi bộ",
    "Thông báo lịch cắt nước cuối tuần",
    "Lớp học bơi miễn phí cho thiếu nhi",
    "Kết quả bình chọn khu phố xanh",
    "Đường hoa mở cửa đến hết mùng sáu",
];

/// A site of a few pages, which names a feed, a sitemap or nothing, on port 0, for as long as the tests run.
pub(crate) fn site(names: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let base = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut first = String::new();
            if reader.read_line(&mut first).is_err() {
                continue;
            }
            for line in reader.by_ref().lines() {
                if line.is_ok_and(|line| line.is_empty()) {
                    break;
                }
            }
            let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
            let (status, kind, body) = page(&path, names, &base);
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let mut stream = &stream;
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok();
        }
    });
    address
}

fn page(path: &str, names: &str, base: &str) -> (&'static str, &'static str, String) {
    let html = "text/html; charset=utf-8";
    let menu = "<nav><a href=/>Trang chủ</a><a href=/lien-he>Liên hệ</a><a href=/van-ban>Văn bản</a></nav>";
    let item = |(n, title): (usize, &&str)| {
        format!(
            "<li class=story><h3><a href='/tin/{n}-bai.html'>{title}</a></h3><span class=when>{}/11/2026</span></li>",
            10 + n
        )
    };
    let entry = |(n, title): (usize, &&str)| {
        format!("<item><title>{title}</title><link>{base}/tin/{n}-bai.html</link><guid>{n}</guid></item>")
    };
    match path {
        "/tin-tuc" => {
            let list: String = TITLES.iter().enumerate().map(item).collect();
            let link = if names == "a feed" {
                "<link rel=alternate type=application/rss+xml href=/rss>"
            } else {
                ""
            };
            let head = format!("<html lang=vi><head><title>Tin tức</title>{link}</head>");
            ("200 OK", html, format!("{head}<body>{menu}<main><ul>{list}</ul></main></body></html>"))
        }
        "/rss" => {
            let items: String = TITLES.iter().enumerate().map(entry).collect();
            let channel =
                format!("<title>Tin phường</title><link>{base}</link><description>x</description>{items}");
            (
                "200 OK",
                "application/rss+xml",
                format!("<rss version='2.0'><channel>{channel}</channel></rss>"),
            )
        }
        "/ban-tin" => {
            // Scripts show the list.
            let entry = |(n, title): (usize, &&str)| {
                format!(r#"{{"@type":"NewsArticle","url":"{base}/tin/{n}-bai.html","headline":"{title}"}}"#)
            };
            let all: Vec<String> = TITLES.iter().enumerate().map(entry).collect();
            let list = format!(r#"{{"@type":"ItemList","itemListElement":[{}]}}"#, all.join(","));
            let script = format!("<script type='application/ld+json'>{list}</script>");
            let head = format!("<html lang=vi><head><title>Bản tin</title>{script}</head>");
            ("200 OK", html, format!("{head}<body>{menu}<div id=app></div></body></html>"))
        }
        "/scripted" => scripted(menu),
        "/bare" => scripted(""),
        "/list.json" => {
            let list: Vec<(usize, &str)> = TITLES.into_iter().enumerate().collect();
            ("200 OK", "application/json", serde_json::to_string(&list).unwrap())
        }
        path if path == "/robots.txt" || path.ends_with(".xml") => map(path, names, base),
        path if path.starts_with("/tin/") => {
            let text = "<p>Sáng nay đông đảo người dân đã đến dự, với nhiều hoạt động kéo dài đến chiều tối trên các tuyến phố.</p>";
            let body = format!(
                "<html><body>{menu}<h1>Một bài</h1><article>{}</article></body></html>",
                text.repeat(6)
            );
            ("200 OK", html, body)
        }
        "/van-ban" => ("200 OK", html, format!("<html><body>{menu}<p>Không có gì ở đây.</p></body></html>")),
        _ => ("404 Not Found", html, String::new()),
    }
}

/// A page whose list scripts make.
fn scripted(menu: &str) -> (&'static str, &'static str, String) {
    let script = "fetch('/list.json').then(a => a.json()).then(list => list.forEach(([n, title]) =>
        document.querySelector('ul').innerHTML += `<li class=story><h3><a href='/tin/${n}-bai.html'>${title}</a></h3>
        <span class=when>${10 + n}/11/2026</span></li>`))";
    let head = "<html lang=vi><head><title>Tin của máy</title></head>";
    let body = format!("<body>{menu}<main><ul></ul></main><script>{script}</script></body></html>");
    ("200 OK", "text/html; charset=utf-8", format!("{head}{body}"))
}

/// What the site says of its sitemaps, and these.
fn map(path: &str, names: &str, base: &str) -> (&'static str, &'static str, String) {
    match path {
        "/robots.txt" if names == "a sitemap" => {
            ("200 OK", "text/plain", format!("User-agent: *\nSitemap: {base}/news-map.xml\n"))
        }
        "/sitemap.xml" if names == "an index" => {
            let part = |name: &str| format!("<sitemap><loc>{base}/{name}.xml</loc></sitemap>");
            let parts: String = ["page-map", "news-map"].map(part).concat();
            ("200 OK", "application/xml", format!("<sitemapindex>{parts}</sitemapindex>"))
        }
        "/sitemap-news.xml" if names == "no sitemap" => map("/news-map.xml", names, base),
        "/news-map.xml" => {
            let entry = |(n, title): (usize, &&str)| {
                format!(
                    "<url><loc>{base}/tin/{n}-bai.html</loc><news:news><news:publication_date>2026-11-{}T08:00:00+07:00\
                     </news:publication_date><news:title>{title}</news:title></news:news></url>",
                    10 + n
                )
            };
            let entries: String = TITLES.iter().enumerate().map(entry).collect();
            let spaces = "xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'";
            ("200 OK", "application/xml", format!("<urlset {spaces}>{entries}</urlset>"))
        }
        _ => ("404 Not Found", "text/plain", String::new()),
    }
}

pub(crate) fn loa(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loa"));
    command.current_dir(folder.path()).args(["--set", "net.spacing=0s"]).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LOA_")) {
        command.env_remove(name);
    }
    command.output().unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_page_becomes_a_configuration_that_works() {
    let (folder, site) = (tempfile::tempdir().unwrap(), site("nothing"));
    let url = format!("{site}/tin-tuc");
    let made = loa(&folder, &["init", &url, "--allow-private", "--id", "phuong", "--output", "loa.toml"]);
    assert!(made.status.success(), "{}", said(&made));
    for part in TITLES.into_iter().chain(["the page's own list has 5 articles", "2026-11-10", "by main-text"])
    {
        assert!(said(&made).contains(part), "no `{part}` in\n{}", said(&made));
    }
    let text = std::fs::read_to_string(folder.path().join("loa.toml")).unwrap();
    assert!(text.contains("[[source.list]]") && text.contains("language = \"vi\""), "{text}");
    let checked = loa(&folder, &["check", "--config", "loa.toml"]);
    assert!(checked.status.success(), "{}\n{text}", said(&checked));
    let tried = loa(&folder, &["try", "phuong", "--config", "loa.toml", "--json"]);
    let steps: Vec<Value> = String::from_utf8_lossy(&tried.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let new = steps.iter().filter(|step| step["became"] == "new").count();
    assert_eq!(new, TITLES.len(), "{}", said(&tried));
    let again = loa(&folder, &["init", &url, "--allow-private", "--output", "loa.toml"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert!(said(&again).contains("is there already") && said(&again).contains("hint:"));
}

#[test]
fn a_feed_that_shows_what_the_page_shows_comes_first() {
    let (folder, site) = (tempfile::tempdir().unwrap(), site("a feed"));
    let url = format!("{site}/tin-tuc");
    let chosen = |arguments: &[&str]| -> Value {
        let made = loa(&folder, &[&["init", &url, "--allow-private", "--json"], arguments].concat());
        serde_json::from_slice(&made.stdout).unwrap_or_else(|_| panic!("{}", said(&made)))
    };
    let made = chosen(&[]);
    assert_eq!((made["chosen"].as_str(), made["list"]["items"].as_array().unwrap().len()), (Some("feed"), 5));
    assert!(made["configuration"].as_str().unwrap().contains(&format!("url = \"{site}/rss\"")), "{made}");
    let made = chosen(&["--list"]);
    assert_eq!(made["chosen"], "list");
    assert!(made["considered"][0].as_str().unwrap().contains("Tin phường"), "{made}");
}

#[test]
fn a_news_sitemap_comes_before_what_only_looks_like_a_list() {
    let (folder, site) = (tempfile::tempdir().unwrap(), site("a sitemap"));
    let url = format!("{site}/tin-tuc");
    let made = loa(&folder, &["init", &url, "--allow-private", "--id", "phuong", "--output", "loa.toml"]);
    assert!(made.status.success(), "{}", said(&made));
    assert!(said(&made).contains("the site names a news sitemap, 5 articles"), "{}", said(&made));
    let text = std::fs::read_to_string(folder.path().join("loa.toml")).unwrap();
    assert!(text.contains("platform = \"sitemap\"") && text.contains("/news-map.xml\""), "{text}");
    let tried = loa(&folder, &["try", "phuong", "--config", "loa.toml"]);
    for title in TITLES {
        assert!(said(&tried).contains(title), "no `{title}` in {}", said(&tried));
    }
    let tried = loa(&folder, &["try", &format!("{site}/news-map.xml"), "--allow-private"]);
    assert!(said(&tried).contains("recognized sitemap"), "{}", said(&tried));
}

#[test]
fn sitemaps_are_looked_for_where_they_usually_are() {
    for (names, path, map) in
        [("no sitemap", "/tin-tuc", "/sitemap-news.xml"), ("an index", "/van-ban", "/news-map.xml")]
    {
        let (folder, site) = (tempfile::tempdir().unwrap(), site(names));
        let made = loa(&folder, &["init", &format!("{site}{path}"), "--allow-private"]);
        assert!(made.status.success(), "{}", said(&made));
        assert!(said(&made).contains(&format!("url = \"{site}{map}\"")), "{}", said(&made));
    }
}

#[test]
fn a_list_that_scripts_show_is_watched_through_its_description() {
    let (folder, site) = (tempfile::tempdir().unwrap(), site("nothing"));
    let url = format!("{site}/ban-tin");
    let made = loa(&folder, &["init", &url, "--allow-private", "--id", "phuong", "--output", "loa.toml"]);
    assert!(made.status.success(), "{}", said(&made));
    assert!(said(&made).contains("describes one to search engines: 5 articles"), "{}", said(&made));
    let tried = loa(&folder, &["try", "phuong", "--config", "loa.toml"]);
    assert!(tried.status.success(), "{}", said(&tried));
    for title in TITLES {
        assert!(said(&tried).contains(title), "no `{title}` in {}", said(&tried));
    }
}

#[test]
fn what_is_no_list_is_said_with_a_hint() {
    let (folder, site) = (tempfile::tempdir().unwrap(), site("nothing"));
    for (path, part) in [("/van-ban", "no list of articles was found"), ("/gone", "status 404")] {
        let made = loa(&folder, &["init", &format!("{site}{path}"), "--allow-private"]);
        assert_eq!(made.status.code(), Some(1), "{}", said(&made));
        assert!(said(&made).contains(part), "{}", said(&made));
        assert!(!said(&made).contains("--browser"), "it has no scripts: {}", said(&made));
    }
    let refused = loa(&folder, &["init", &format!("{site}/tin-tuc")]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("private"), "{}", said(&refused));
    assert_eq!(loa(&folder, &["init", "ftp://a.example/"]).status.code(), Some(2));
}
