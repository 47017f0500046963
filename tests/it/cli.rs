//! The program as its users start it: exit codes, places of mistakes, and the shapes that scripts read.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

const FEED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>Tin Quận 1</title><link>https://a.example/</link><description>Tin</description>
<item><title>Khai mạc hội nghị</title><link>https://a.example/tin/1</link><guid isPermaLink="false">tin-1</guid>
<pubDate>Thu, 30 Jul 2020 17:12:00 +0700</pubDate><description>&lt;p&gt;Sáng nay&lt;/p&gt;</description>
<enclosure url="/files/a.pdf" type="application/pdf" length="123"/></item>
<item><title>Không có ngày</title><link>/tin/2</link></item>
</channel></rss>"#;

/// The program in an empty folder, without the environment's own settings.
fn loa(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loa"));
    command.current_dir(folder.path());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LOA_")) {
        command.env_remove(name);
    }
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn write(folder: &TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).unwrap();
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    loa(folder).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Checks the exit code, and that each of `parts` stands on one of the outputs.
fn check(arguments: &[&str], code: i32, parts: &[&str]) -> Output {
    let output = run(&folder(), arguments);
    let said = out(&output) + &err(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}");
    for part in parts {
        assert!(said.contains(part), "{arguments:?}: no `{part}` in\n{said}");
    }
    output
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    check(&["--help"], 0, &["Usage: loa", "Examples:", "completions"]);
    check(&["--version"], 0, &["loa 0."]);
    check(&[], 2, &["Usage: loa"]);
    check(&["chekc"], 2, &["unrecognized subcommand", "check"]);
    check(&["serve", "--lisen", "x"], 2, &["--lisen", "--listen"]);
    check(&["serve", "--listen", "nowhere"], 2, &["nowhere"]);
    check(&["extract"], 2, &["<FILE>"]);
    check(&["extract", "--platform", "liferay", "x"], 2, &["did you mean `liferay7`?"]);
    check(&["extract", "--as", "page", "x"], 2, &["feed, list, article, auto"]);
    check(&["check", "--set", "listen=x"], 2, &["section.key=value"]);
    check(&["run", "qan1"], 2, &["there is no source `qan1`", "did you mean `quan1`?"]);
    check(&["try", "nothing"], 2, &["there is no source `nothing`"]);
    check(&["completions", "tcsh"], 2, &["bash"]);
}

#[test]
fn the_built_in_configuration_is_right() {
    check(&["check"], 0, &["quan1", "sharepoint-posts", "http://127.0.0.1:8080/feeds/quan1.rss"]);
    let output = check(&["check", "--json"], 0, &[]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["ok"], &answer["listen"]), (&json!(true), &json!("127.0.0.1:8080")));
    assert_eq!(answer["sources"][0]["id"], "quan1");
    assert!(answer["sources"][0]["next_due"].as_str().unwrap().ends_with("+07:00"));
}

#[test]
fn every_problem_of_a_configuration_is_reported_with_its_place() {
    let folder = folder();
    write(
        &folder,
        "loa.toml",
        "[web]\nlistn = 'x'\n[[source]]\nid = 'a'\nurl = 'https://a.example/'\nschedule = '*/10 6-19 * * *'\n\
         timezone = 'Asia/Saigo'\n[[source.list]]\nitem = 'li >'\n",
    );
    let output = run(&folder, &["check", "--config", "loa.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let said = err(&output);
    for part in [
        "loa.toml:2:1",
        "did you mean `listen`?",
        "loa.toml:7:12",
        "Asia/Saigo",
        "loa.toml:9:8",
        "3 problems",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    assert!(!said.contains('\u{1b}'), "colors are for terminals");
    let output = run(&folder, &["check", "--config", "loa.toml", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], false);
    assert_eq!(answer["problems"].as_array().unwrap().len(), 3);
    assert_eq!((&answer["problems"][0]["line"], &answer["problems"][0]["column"]), (&json!(2), &json!(1)));
    // A daemon does not start with it either.
    assert_eq!(run(&folder, &["serve", "--config", "loa.toml"]).status.code(), Some(2));
    check(
        &["check", "--config", "/nonexistent.toml"],
        2,
        &["cannot read the configuration `/nonexistent.toml`"],
    );
}

#[test]
fn the_environment_and_flags_are_layers() {
    let folder = folder();
    let listen = |environment: &[(&str, &str)], arguments: &[&str]| {
        let output = loa(&folder)
            .args(["check", "--json"])
            .args(arguments)
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["listen"].clone()
    };
    let environment = [("LOA_WEB__LISTEN", "127.0.0.1:2")];
    assert_eq!(listen(&environment, &[]), "127.0.0.1:2");
    assert_eq!(listen(&environment, &["--set", "web.listen=127.0.0.1:3"]), "127.0.0.1:3");
    let output = loa(&folder).arg("check").env("LOA_WEB__LISTN", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("did you mean `listen`?"));
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = check(&["completions", shell], 0, &["extract", "platform"]);
        assert!(output.stdout.len() > 1000, "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_an_end_and_not_a_panic() {
    let folder = folder();
    let mut child = loa(&folder)
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
}

#[test]
fn extract_prints_the_promised_shape() {
    let folder = folder();
    write(&folder, "a.xml", FEED);
    let output =
        run(&folder, &["extract", "--as", "feed", "--url", "https://a.example/rss", "--json", "a.xml"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    assert_eq!(text.lines().count(), 1);
    let answer: Value = serde_json::from_str(&text).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        names(&answer),
        "id file kind format encoding title link feed_id description language published updated authors categories \
         links items issues"
    );
    assert_eq!(
        names(&answer["items"][0]),
        "id url title summary content_html content_type content_text language authors categories links published \
         updated date_precision date_raw date_inferred image enclosures keys extracted_by"
    );
    assert_eq!(answer["id"], Value::Null);
    assert_eq!(
        (&answer["file"], &answer["kind"], &answer["format"]),
        (&json!("a.xml"), &json!("feed"), &json!("rss-2.0"))
    );
    assert_eq!((&answer["title"], &answer["published"]), (&json!("Tin Quận 1"), &Value::Null));
    let item = &answer["items"][0];
    assert_eq!((&item["id"], &item["title"]), (&json!("tin-1"), &json!("Khai mạc hội nghị")));
    assert_eq!(
        (&item["published"], &item["date_precision"]),
        (&json!("2020-07-30T17:12:00+07:00"), &json!("minute"))
    );
    assert_eq!(
        item["enclosures"],
        json!([{"url": "https://a.example/files/a.pdf", "type": "application/pdf", "length": 123}])
    );
    assert_eq!(item["keys"][0], "guid:tin-1");
    assert_eq!(answer["items"][1]["url"], "https://a.example/tin/2");
}

#[test]
fn extract_reads_what_it_can_and_says_what_it_cannot() {
    let folder = folder();
    write(&folder, "a.xml", FEED);
    let output = run(&folder, &["extract", "--json", "missing.xml", "a.xml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("cannot read `missing.xml`"));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes: Vec<&Value> =
        answer["issues"].as_array().unwrap().iter().map(|issue| &issue["code"]).collect();
    assert!(codes.contains(&&json!("base-url-unknown")), "{answer}");
    // For people.
    let output = run(&folder, &["extract", "a.xml"]);
    let said = out(&output);
    for part in ["a.xml: feed (rss-2.0, utf-8) “Tin Quận 1”, 2 items", "Khai mạc hội nghị"] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
}

#[test]
fn an_article_page_is_known_by_its_address_whatever_its_host_is_called() {
    let folder = folder();
    write(
        &folder,
        "page.html",
        "<html><body><h1>Khai mạc hội nghị</h1><p>Sáng nay khai mạc hội nghị.</p></body></html>",
    );
    for url in ["https://a.example/tin/1.html", "http://www.a.example/tin/1.html?utm_source=x#y"] {
        let output = run(&folder, &["extract", "--as", "article", "--json", "--url", url, "page.html"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["items"][0]["keys"], json!(["url:/tin/1.html"]), "{answer}");
    }
}

#[test]
fn a_batch_answers_each_line_in_order_as_it_comes() {
    let folder = folder();
    write(&folder, "a.xml", FEED);
    let mut child = loa(&folder)
        .args(["extract", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut requests = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answer = || serde_json::from_str::<Value>(&answers.next().unwrap().unwrap()).unwrap();
    // The first is answered before the second is asked: nothing waits for the end of the input.
    writeln!(requests, "{}", json!({"id": "first", "file": "a.xml", "as": "feed"})).unwrap();
    let first = answer();
    assert_eq!((&first["id"], &first["items"][1]["title"]), (&json!("first"), &json!("Không có ngày")));
    for n in 0..200 {
        let file = if n % 3 == 0 { "missing.xml" } else { "a.xml" };
        writeln!(requests, "{}", json!({"id": n, "file": file, "url": "https://a.example/"})).unwrap();
    }
    writeln!(requests, "not json").unwrap();
    drop(requests);
    for n in 0..200 {
        let answer = answer();
        assert_eq!(answer["id"], n);
        assert_eq!(answer["error"].is_string(), n % 3 == 0, "{answer}");
    }
    let last = answer();
    assert_eq!(last["id"], Value::Null);
    assert!(last["error"].as_str().unwrap().contains("this is not a request"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_empty_store_survives_export_and_import() {
    let folder = folder();
    let header = "{\"loa_export\":1,\"version\":\"0.1.0\",\"at\":\"2026-03-05T02:15:09Z\"}\n";
    write(&folder, "empty.jsonl", &format!("{header}{{\"loa_export_end\":0}}\n"));
    write(&folder, "broken.jsonl", &format!("{header}{{\"key\":\"zz\",\"value\":1}}\n"));
    write(&folder, "cut.jsonl", header);
    let check = |arguments: &[&str], code: i32, part: &str| {
        let output = run(&folder, arguments);
        let said = out(&output) + &err(&output);
        assert!(output.status.code() == Some(code) && said.contains(part), "{arguments:?}: {said}");
    };
    check(&["export", "out.jsonl"], 1, "there is no store at `data`");
    check(&["import", "broken.jsonl"], 1, "line 2 of `broken.jsonl` is broken");
    check(&["import", "cut.jsonl"], 1, "cut off after 0 records");
    assert!(!folder.path().join("data").exists(), "a broken export makes no store");
    check(&["import", "empty.jsonl"], 0, "0 records imported");
    check(&["export", "out.jsonl"], 0, "");
    check(&["export"], 0, "{\"loa_export\":1,");
    check(&["import", "out.jsonl", "--set", "store.path=other"], 0, "0 records imported");
    assert!(!folder.path().join("out.jsonl.partial").exists());
    check(&["sources"], 0, "quan1");
    check(&["subscriptions", "list"], 0, "nobody is told anything");
    check(&["subscriptions", "show", "nobody"], 1, "there is no subscription `nobody`");
    let add =
        ["subscriptions", "add", "https://newsroom.example/hook", "--json", "--set", "push.verify=false"];
    let added: Value = serde_json::from_str(&out(&run(&folder, &add))).unwrap();
    let id = added["id"].as_str().unwrap();
    check(
        &["subscriptions", "page", id, "--set", "web.base_url=https://tin.example.vn"],
        0,
        "https://tin.example.vn/s/",
    );
    check(&["subscriptions", "replay", "nobody"], 2, "required");
    check(&["subscriptions", "replay", "nobody", "--after", "1", "--parked"], 2, "cannot be used with");
}

#[test]
fn documents_that_are_none_or_too_large_are_refused_by_name() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let large = std::fs::File::create(folder.path().join("large.html")).unwrap();
    large.set_len(100 << 20).unwrap();
    write(&folder, "empty.html", "");
    for (file, part) in
        [("folder", "Is a directory"), ("large.html", "more than 20 MB"), ("gone", "No such file")]
    {
        let output = run(&folder, &["extract", "--json", file]);
        let said = err(&output);
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""), "{said}");
        assert!(said.contains(&format!("cannot read `{file}`")) && said.contains(part), "{said}");
    }
    let output = run(&folder, &["extract", "--json", "empty.html", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(out(&output).matches("\"empty-page\"").count(), 2, "an empty page, and an empty input");
}

#[test]
fn an_export_that_cannot_be_written_says_so_and_never_replaces_a_device() {
    let folder = folder();
    let header = "{\"loa_export\":1,\"version\":\"0.1.0\",\"at\":\"2026-03-05T02:15:09Z\"}\n";
    write(&folder, "empty.jsonl", &format!("{header}{{\"loa_export_end\":0}}\n"));
    assert_eq!(run(&folder, &["import", "empty.jsonl"]).status.code(), Some(0));
    // A pipe that nobody replaces: what it holds is the export.
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::read_to_string(fifo).unwrap()
    });
    assert_eq!(run(&folder, &["export", "fifo"]).status.code(), Some(0));
    assert!(reader.join().unwrap().contains("{\"loa_export_end\":"));
    assert!(!fifo.is_file());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = loa(&folder).arg("export").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("No space left on device"), "{}", err(&output));
}

#[test]
fn the_examples_of_the_repository_are_right() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    for name in ["sharepoint.toml", "own-section.toml"] {
        let path = examples.join(name);
        check(&["check", "--config", path.to_str().unwrap()], 0, &["the configuration is right"]);
    }
}

/// Dates are those of the source, on machines whose own clocks stand in any zone.
#[test]
fn a_machines_own_zone_changes_no_date() {
    const DATES: [&str; 12] = [
        "(00:12 - 30/07/2020)",
        "Thứ Năm, 30/07/2020, 23:59",
        "Ngày đăng 30/07/2020 | 04:30 PM | View count: 8",
        "30/07/2020 4:30:15 CH",
        "ngày 31 tháng 7 năm 2020",
        "30/07/2020",
        "Thu, 30 Jul 2020 17:12:00 GMT",
        "Fri Jul 10 15:55:00 +0700 2026",
        "2020-07-30T23:12:00",
        "115241201164520419",
        "5 phút trước",
        "Hôm qua",
    ];
    let folder = folder();
    let items: Vec<_> = DATES
        .iter()
        .enumerate()
        .map(|(n, date)| json!({ "id": n, "title": date, "content_text": "x", "date_published": date }))
        .collect();
    let feed = json!({ "version": "https://jsonfeed.org/version/1.1", "title": "x", "items": items });
    std::fs::write(folder.path().join("feed.json"), feed.to_string()).unwrap();
    let read = |zone: &str| {
        let arguments =
            ["extract", "--as", "feed", "--json", "--fetched-at", "2026-11-23T00:30:00+07:00", "feed.json"];
        let output = loa(&folder).args(arguments).env("TZ", zone).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let here = read("Asia/Ho_Chi_Minh");
    let first: Value = serde_json::from_str(&here).unwrap();
    let dates: Vec<_> =
        first["items"].as_array().unwrap().iter().map(|item| item["published"].as_str().unwrap()).collect();
    assert_eq!(dates[0], "2020-07-30T00:12:00+07:00");
    assert_eq!((dates[10], dates[11]), ("2026-11-23T00:25:00+07:00", "2026-11-22T12:00:00+07:00"));
    for zone in ["America/Los_Angeles", "Pacific/Kiritimati", "Europe/Berlin"] {
        assert_eq!(read(zone), here, "on a machine in {zone}");
    }
}
