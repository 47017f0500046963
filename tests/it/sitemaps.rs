//! A source whose list is a sitemap.

use std::time::Duration;

use serde_json::json;

use crate::world::World;

const TICK: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);

/// The source reads the sitemap at `/map.xml` of the same portal.
fn watching(config: &str) -> String {
    let line = |line: &str| match line.split_once("url = \"http://127.0.0.1:") {
        Some(("", rest)) if rest.contains("tintuc") => {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            format!("url = \"http://127.0.0.1:{port}/map.xml\"\n")
        }
        _ => format!("{line}\n"),
    };
    let text: String = config.lines().map(line).collect();
    let text = text.replace("platform = \"sharepoint-posts\"", "platform = \"sitemap\"");
    text.replacen("[[feed]]", "[source.archive]\npath = \"/tin/\"\n\n[[feed]]", 1)
}

fn page(title: &str, date: Option<&str>, text: &str) -> String {
    let date = date.map_or_else(String::new, |date| {
        format!("<meta property=\"article:published_time\" content=\"{date}\">")
    });
    format!(
        "<!doctype html><html lang=\"vi\"><head><title>{title}</title>{date}</head><body><h1>{title}</h1><article><p>{text} \
         Phường thông báo để toàn thể bà con trong khu phố được biết và cùng thực hiện cho đúng.</p></article></body></html>"
    )
}

fn put(world: &World, path: &str, body: String) {
    let kind = if path.ends_with(".xml") { "application/xml" } else { "text/html; charset=utf-8" };
    world.portal.put(path, kind, body);
}

/// An index of one sitemap, with these pages and their dates of change.
fn map(world: &World, pages: &[(&str, &str)]) {
    let site = world.portal.list_url();
    let site = &site[..site.find("/tintuc").unwrap()];
    let entry = |(path, changed): &(&str, &str)| {
        format!("<url><loc>{site}{path}</loc><lastmod>{changed}</lastmod></url>")
    };
    let entries: String = pages.iter().map(entry).collect();
    put(
        world,
        "/part.xml",
        format!("<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{entries}</urlset>"),
    );
    let newest = pages.iter().map(|(_, changed)| *changed).max().unwrap();
    put(
        world,
        "/map.xml",
        format!(
            "<sitemapindex><sitemap><loc>{site}/part.xml</loc><lastmod>{newest}</lastmod></sitemap></sitemapindex>"
        ),
    );
}

fn told(world: &World) -> Vec<String> {
    world.receiver.received().iter().map(|one| one.body["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_of_a_sitemap_are_found_dated_by_their_pages_and_read_again_when_it_says_so() {
    let world = World::with(|config| watching(&config)).await;
    let day = "2026-11-20T08:00:00+07:00";
    put(&world, "/tin/1", page("Khánh thành cầu đi bộ", Some(day), "Cầu mới."));
    put(&world, "/tin/2", page("Lịch tiếp công dân", Some(day), "Tháng mười hai."));
    put(&world, "/tin/gioi-thieu", page("Giới thiệu phường", None, "Lịch sử."));
    put(&world, "/lien-he", page("Liên hệ", Some(day), "Địa chỉ."));
    let pages = [
        ("/tin/1", "2026-11-20"),
        ("/tin/2", "2026-11-21"),
        ("/tin/gioi-thieu", "2026-11-19"),
        ("/lien-he", "2026-11-22"),
    ];
    map(&world, &pages);
    world.tick(HOUR).await;
    let mut titles = world.titles().await;
    titles.sort();
    assert_eq!(titles, ["Khánh thành cầu đi bộ", "Lịch tiếp công dân"], "{}", world.source().await);
    // What changed is not what appeared.
    assert!(world.items().await.iter().all(|item| item["date_published"] == day));
    assert!(told(&world).is_empty(), "a first look is quiet");
    let visits = world.portal.n_visits();
    world.tick(TICK).await;
    let again: Vec<String> = world
        .portal
        .visits()
        .into_iter()
        .skip(usize::try_from(visits).unwrap())
        .map(|visit| visit.uri)
        .collect();
    assert!(
        !again.iter().any(|uri| uri == "/tin/gioi-thieu"),
        "a page that is no article is left alone: {again:?}"
    );

    put(&world, "/tin/3", page("Ngày hội hiến máu", Some("2026-11-23T09:30:00+07:00"), "Ba trăm người."));
    put(&world, "/tin/1", page("Khánh thành cầu đi bộ", Some(day), "Cầu mới, dài hơn trước."));
    let pages = [
        ("/tin/3", "2026-11-23"),
        ("/tin/1", "2026-11-23"),
        ("/tin/2", "2026-11-21"),
        ("/tin/gioi-thieu", "2026-11-19"),
    ];
    map(&world, &pages);
    world.tick(TICK).await;
    assert_eq!(world.titles().await.len(), 3);
    let mut types = told(&world);
    types.sort();
    assert_eq!(types, ["article.published", "article.updated"], "{}", world.source().await);
    assert_eq!(world.source().await["state"], json!("ok"));
}

/// Many an index says the day only, or nothing: it stays the same when one of its sitemaps changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_under_an_index_that_stays_the_same_is_seen() {
    let world = World::with(|config| watching(&config)).await;
    let day = Some("2026-11-23T08:00:00+07:00");
    for n in 1..=3 {
        put(&world, &format!("/tin/{n}"), page(&format!("Tin số {n}"), day, "Hôm nay."));
    }
    let pages = [("/tin/1", "2026-11-23"), ("/tin/2", "2026-11-23"), ("/tin/3", "2026-11-23")];
    map(&world, &pages[..2]);
    world.tick(HOUR).await;
    assert_eq!(world.titles().await.len(), 2, "{}", world.source().await);
    map(&world, &pages);
    world.tick(TICK).await;
    assert_eq!(world.titles().await.len(), 3, "{}", world.source().await);
    assert_eq!(told(&world), ["article.published"]);
}
