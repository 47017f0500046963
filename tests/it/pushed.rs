//! Articles that are brought: pushed over the API, or put into a folder.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{
    http::Answer,
    world::{START, World},
};

const PUSHED: &str = "
[[source]]
id = \"ward\"
name = \"Phường Bến Nghé\"
home = \"https://bennghe.example/\"
pushed = true

[[feed]]
id = \"ward\"
title = \"Phường Bến Nghé\"
sources = [\"ward\"]
";

const LOOK: Duration = Duration::from_secs(10);

async fn world() -> World {
    World::with(|config| format!("{config}{PUSHED}")).await
}

fn article(id: &str, title: &str) -> Value {
    json!({
        "id": id, "title": title, "url": format!("https://bennghe.example/tin/{id}"),
        "content_html": format!("<p>{title}, xin bà con lưu ý.</p>"), "date_published": "2026-11-23T08:30:00+07:00",
    })
}

async fn push(world: &World, query: &str, body: &str) -> Answer {
    let answer = world.api("POST", &format!("/api/v1/sources/ward/articles{query}"), body).await;
    world.settle().await;
    answer
}

async fn items(world: &World) -> Vec<Value> {
    let feed = world.get("/feeds/ward.json").await;
    assert_eq!(feed.status, 200, "{}", feed.text());
    feed.json()["items"].as_array().unwrap().clone()
}

async fn titles(world: &World) -> Vec<String> {
    items(world).await.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

/// What the newsroom heard of articles since it had heard `before` things.
fn told(world: &World, before: usize) -> Vec<String> {
    let types = world.receiver.received().into_iter().skip(before).map(|one| one.body["type"].clone());
    types
        .filter_map(|kind| kind.as_str().filter(|kind| kind.starts_with("article.")).map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pushed_is_published_told_corrected_and_taken_back() {
    let world = world().await;
    let before = world.receiver.received().len();
    let first = push(&world, "", &article("1", "Cúp nước đêm nay").to_string()).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let answer = first.json();
    assert_eq!((answer["new"].as_u64(), answer["articles"][0]["became"].as_str()), (Some(1), Some("new")));
    let id = answer["articles"][0]["id"].as_str().unwrap().to_owned();
    let shown = items(&world).await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["url"], "https://bennghe.example/tin/1");
    assert_eq!(shown[0]["date_published"], "2026-11-23T08:30:00+07:00");
    assert_eq!(told(&world, before), ["article.published"]);

    // Again: nothing. With another text: an update of the same article.
    let again = push(&world, "", &article("1", "Cúp nước đêm nay").to_string()).await.json();
    assert_eq!((again["unchanged"].as_u64(), &again["articles"][0]["id"]), (Some(1), &json!(id)));
    let edited = push(&world, "", &article("1", "Cúp nước đêm mai").to_string()).await.json();
    assert_eq!(edited["articles"][0], json!({ "id": id, "revision": 2, "became": "revised" }));
    assert_eq!(titles(&world).await, ["Cúp nước đêm mai"]);

    let path = format!("/api/v1/sources/ward/articles/{id}");
    let gone = world.api("DELETE", &path, "").await;
    assert_eq!((gone.status, gone.json()["withdrawn"].as_bool()), (200, Some(true)), "{}", gone.text());
    world.settle().await;
    assert!(titles(&world).await.is_empty());
    let twice = world.api("DELETE", &path, "").await;
    assert_eq!((twice.status, twice.json()["withdrawn"].as_bool()), (200, Some(false)));
    assert_eq!(told(&world, before), ["article.published", "article.updated", "article.withdrawn"]);
    // It is there again: what it was, never a new article.
    let back = push(&world, "", &article("1", "Cúp nước đêm mai").to_string()).await.json();
    assert_eq!(back["articles"][0], json!({ "id": id, "revision": 4, "became": "revised" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_is_taken_and_one_article_is_one() {
    let world = world().await;
    let feed = |items: &[Value]| {
        json!({ "version": "https://jsonfeed.org/version/1.1", "items": items }).to_string()
    };
    let one = article("1", "Một");
    let two = article("2", "Hai");
    let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><id>3</id><title>Ba</title><content type=\"html\">&lt;p&gt;Ba, xin \
        bà con lưu ý.&lt;/p&gt;</content><updated>2026-11-23T08:30:00+07:00</updated></entry></feed>";
    let page = "<!doctype html><html lang=\"vi\"><head><title>Bốn</title><link rel=\"canonical\" \
        href=\"https://bennghe.example/tin/4\"></head><body><h1>Bốn</h1><article><p>Phường thông báo lịch tiếp công dân \
        trong tháng mười hai cho toàn thể bà con được biết và thực hiện.</p></article></body></html>";
    for (body, expected) in [
        (one.to_string(), (1, 0)),
        (json!([one, two]).to_string(), (1, 1)),
        (format!("{one}\n{two}\n"), (0, 2)),
        (feed(&[one.clone(), two.clone()]), (0, 2)),
        (atom.to_owned(), (1, 0)),
        (atom.to_owned(), (0, 1)),
        (page.to_owned(), (1, 0)),
        (page.to_owned(), (0, 1)),
    ] {
        let answer = push(&world, "", &body).await;
        assert_eq!(answer.status, 200, "{}\n{body}", answer.text());
        let counts = answer.json();
        assert_eq!(
            (counts["new"].as_u64(), counts["unchanged"].as_u64()),
            (Some(expected.0), Some(expected.1)),
            "{body}"
        );
    }
    let mut all = titles(&world).await;
    all.sort();
    assert_eq!(all, ["Ba", "Bốn", "Hai", "Một"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_push_is_taken_that_cannot_be_read_whole() {
    let world = world().await;
    let good = article("1", "Một").to_string();
    for (body, part) in [
        (String::new(), "the document is empty"),
        ("xin chào".to_owned(), "neither RSS, Atom nor JSON Feed"),
        (format!("[{good}, 17]"), "this is no object, so no item; it is left out (item 2)"),
        (format!("[{good}, {{\"id\": \"2\"}}]"), "neither a title nor a text (item 2)"),
        (
            format!("{{\"version\": \"https://jsonfeed.org/version/1.1\", \"items\": [{good}, {{\"id\""),
            "ends early",
        ),
        (
            "{\"version\": \"https://jsonfeed.org/version/1.1\", \"items\": []}".to_owned(),
            "there are no items",
        ),
        ("<rss version=\"2.0\"><channel><item><title>A</title></item><item><ti".to_owned(), "ends early"),
    ] {
        let refused = push(&world, "", &body).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.text());
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("nothing of this push was taken: ") && detail.contains(part),
            "{body}: {detail}"
        );
    }
    assert!(titles(&world).await.is_empty());

    let dry = push(&world, "?dry_run=true", &good).await.json();
    assert_eq!(dry["articles"][0]["became"], "new");
    assert!(titles(&world).await.is_empty(), "only said");

    // A date that nobody can read is no reason to refuse: it is said, and nothing is invented.
    let odd = good.replace("2026-11-23T08:30:00+07:00", "hôm nào đó");
    let answer = push(&world, "", &odd).await.json();
    assert!(answer["issues"].as_array().unwrap().iter().any(|issue| issue["at"] == "item 1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_announced_only_when_somebody_says_so() {
    let world = world().await;
    let before = world.receiver.received().len();
    let many: Vec<Value> = (1..=60).map(|n| article(&n.to_string(), &format!("Tin số {n}"))).collect();
    let body = json!(many).to_string();
    let asked = push(&world, "", &body).await;
    assert_eq!((asked.status, asked.json()["field"].as_str()), (409, Some("announce")), "{}", asked.text());
    assert!(titles(&world).await.is_empty());
    let quiet = push(&world, "?announce=false", &body).await.json();
    assert_eq!((quiet["new"].as_u64(), quiet["articles"].as_array().unwrap().len()), (Some(60), 60));
    assert!(told(&world, before).is_empty(), "nobody is told");
    // What is known is known: the next push is told as usual.
    push(&world, "", &json!([article("61", "Tin mới"), many[0]]).to_string()).await;
    assert_eq!(told(&world, before).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_pushes_and_only_into_what_takes_it() {
    let by = PUSHED.replace("pushed = true", "pushed = true\npushed_by = [\"office\"]");
    let world = World::with(|config| format!("{config}{by}\n[net]\nmax_body = \"200KiB\"\n")).await;
    let token = async |name: &str, scope: &str| {
        let body = json!({ "name": name, "scopes": [scope] }).to_string();
        let made = world.api("POST", "/api/v1/tokens", &body).await;
        made.json()["token"].as_str().unwrap().to_owned()
    };
    let (office, other) = (token("office", "publish").await, token("other", "publish").await);
    let (reader, admin) = (token("reader", "read").await, token("admin", "admin").await);
    let body = article("1", "Một").to_string();
    for (token, source, status) in [
        (&office, "ward", 200),
        (&other, "ward", 403),
        (&reader, "ward", 403),
        (&admin, "ward", 200),
        (&office, "quan1", 409),
        (&office, "wart", 404),
        (&String::new(), "ward", 401),
    ] {
        let bearer = format!("Bearer {token}");
        let path = format!("/api/v1/sources/{source}/articles");
        let answer = world.send("POST", &path, &[("Authorization", &bearer)], body.as_bytes()).await;
        assert_eq!(answer.status, status, "{source}: {}", answer.text());
        let path = format!("{path}/0d5cbbe4-1a30-5b9e-a9b1-6a5f6ef8e6e5");
        let answer = world.send("DELETE", &path, &[("Authorization", &bearer)], b"").await;
        assert_eq!(answer.status, if status == 200 { 404 } else { status }, "{source}: {}", answer.text());
    }
    for (headers, query, status) in [
        (("Content-Encoding", "gzip"), "", 415),
        (("Content-Type", "application/json"), "?announce=maybe", 400),
        (("Content-Type", "application/json"), "?quiet=true", 400),
    ] {
        let bearer = format!("Bearer {office}");
        let path = format!("/api/v1/sources/ward/articles{query}");
        let answer = world.send("POST", &path, &[("Authorization", &bearer), headers], body.as_bytes()).await;
        assert_eq!(answer.status, status, "{query} {}", answer.text());
    }
    // As large as a feed, and no larger.
    let large = format!("{}{body}", " ".repeat(100_000));
    assert_eq!(push(&world, "", &large).await.status, 200);
    let larger = format!("{}{body}", " ".repeat(300_000));
    assert_eq!(push(&world, "", &larger).await.status, 413);
    // Nothing is looked at there.
    assert_eq!(world.api("POST", "/api/v1/sources/ward/run", "").await.status, 409);
    assert_eq!(world.api("POST", "/api/v1/sources/ward/backfill", "").await.status, 409);
    let sources = world.get("/api/v1/sources").await.json();
    let ward =
        sources["sources"].as_array().unwrap().iter().find(|source| source["id"] == "ward").unwrap().clone();
    assert_eq!(
        (&ward["origin"], &ward["next_due"], &ward["host"]),
        (&json!("pushed"), &Value::Null, &Value::Null)
    );
}

// === folders ===

/// Puts a file there as programs do that write it whole, `age` ago.
fn put(folder: &Path, name: &str, text: &str, second: i64) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(START + second).unwrap());
    fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

async fn ward(world: &World) -> Value {
    let sources = world.get("/api/v1/sources").await.json();
    sources["sources"].as_array().unwrap().iter().find(|source| source["id"] == "ward").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_read_file_by_file_and_what_was_there_first_is_not_news() {
    let inbox = tempfile::tempdir().unwrap();
    let inbox = inbox.path();
    put(inbox, "0.json", &article("0", "Tin cũ").to_string(), -3600);
    let folder = format!("folder = {inbox:?}");
    let world = World::with(|config| format!("{config}{}", PUSHED.replace("pushed = true", &folder))).await;
    let before = 0;
    assert_eq!(titles(&world).await, ["Tin cũ"]);
    assert!(told(&world, before).is_empty(), "a first look is quiet");

    put(inbox, "1.json", &article("1", "Cúp nước đêm nay").to_string(), 1);
    put(inbox, "half.json", "{\"id\": \"9\", \"title\": ", 2);
    put(inbox, "draft.json.tmp", &article("8", "Chưa xong").to_string(), 2);
    world.tick(LOOK).await;
    assert_eq!(told(&world, before).len(), 1);
    let state = ward(&world).await;
    assert_eq!(state["issues"][0]["at"], "half.json", "{state}");
    // It stays to be seen until the file is mended.
    world.tick(LOOK).await;
    assert_eq!(ward(&world).await["issues"][0]["at"], "half.json");
    put(inbox, "half.json", &article("9", "Trọn vẹn").to_string(), 25);
    world.tick(LOOK).await;
    let state = ward(&world).await;
    assert!(state["issues"].as_array().unwrap().is_empty(), "{state}");
    assert_eq!(told(&world, before).len(), 2);

    // A file that is replaced is read again, one that goes takes nothing with it.
    put(inbox, "1.json", &article("1", "Cúp nước đêm mai").to_string(), 32);
    fs::remove_file(inbox.join("0.json")).unwrap();
    world.tick(LOOK).await;
    let mut all = titles(&world).await;
    all.sort();
    assert_eq!(all, ["Cúp nước đêm mai", "Tin cũ", "Trọn vẹn"]);
    assert_eq!(told(&world, before), ["article.published", "article.published", "article.updated"]);
    assert_eq!(world.api("POST", "/api/v1/sources/ward/articles", "{}").await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_files_waits_for_a_person_and_a_folder_that_is_gone_comes_back() {
    let parent = tempfile::tempdir().unwrap();
    let inbox = &parent.path().join("inbox");
    let folder = format!("folder = {inbox:?}");
    let world = World::with(|config| format!("{config}{}", PUSHED.replace("pushed = true", &folder))).await;
    let state = ward(&world).await;
    assert_eq!(state["issues"][0]["code"], "folder-unreadable", "{state}");
    fs::create_dir(inbox).unwrap();
    world.tick(Duration::from_secs(3600)).await;
    assert_eq!(
        (&ward(&world).await["state"], &ward(&world).await["backfilled"]),
        (&json!("ok"), &json!(true))
    );

    let before = world.receiver.received().len();
    for n in 1..=30 {
        put(inbox, &format!("{n}.json"), &article(&n.to_string(), &format!("Tin số {n}")).to_string(), 3590);
    }
    world.tick(LOOK).await;
    let state = ward(&world).await;
    assert_eq!(
        (&state["state"], &state["held"]["reasons"][0]["code"]),
        (&json!("held"), &json!("flood")),
        "{state}"
    );
    assert!(titles(&world).await.is_empty());
    let accepted = world.api("POST", "/api/v1/sources/ward/accept", "{\"announce\": false}").await;
    assert_eq!(accepted.json()["new"], 30, "{}", accepted.text());
    world.settle().await;
    assert_eq!(titles(&world).await.len(), 30);
    assert!(told(&world, before).is_empty());
    put(inbox, "31.json", &article("31", "Tin mới").to_string(), 3615);
    world.tick(LOOK).await;
    world.tick(LOOK).await;
    assert_eq!(told(&world, before), ["article.published"], "{}", ward(&world).await);
}
