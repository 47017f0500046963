use std::{collections::BTreeSet, path::Path};

use super::{units::print_duration, *};

const CERTIFICATE: &str = include_str!("../net/testdata/portal.pem");
const KEY: &str = include_str!("../net/testdata/portal.key");

/// Loads `text` as the file `loa.toml` in a folder that does not exist.
fn load_text(text: &str) -> Result<Config, Report> {
    load_layers(Some(text), &[], &[]).0
}

fn load_layers(
    text: Option<&str>,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> (Result<Config, Report>, BTreeSet<String>) {
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (environment, flags) = (owned(environment), owned(flags));
    let text = text.map(|text| Ok(text.to_owned()));
    let file = text.as_ref().map(|text| (Path::new("loa.toml"), text));
    load_from(Inputs { file, environment: &environment, flags: &flags })
}

fn problems(text: &str) -> String {
    load_text(text).unwrap_err().to_string()
}

/// A source that is right, to which a test adds what is wrong.
const SOURCE: &str = "[[source]]\nid = 'a'\nurl = 'https://a.example/'\nevery = '10m'\nplatform = 'feed'\n";

/// The reference with every key set that it only shows.
fn reference_with_everything() -> String {
    let shown = |line: &str| {
        let rest = line.strip_prefix('#')?;
        rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[').then(|| rest.to_owned())
    };
    layers::DEFAULTS.lines().map(|line| shown(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

/// Every dotted key of a table; elements of lists of tables count as one.
fn keys_of(table: &Table, path: &str, keys: &mut BTreeSet<String>) {
    for entry in &table.entries {
        let key = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        keys.insert(key.clone());
        match &entry.node.value {
            Value::Table(inner) if entry.key != "rename_params" => keys_of(inner, &key, keys),
            Value::List(nodes) => {
                for node in nodes {
                    if let Value::Table(inner) = &node.value {
                        keys_of(inner, &key, keys);
                    }
                }
            }
            _ => {}
        }
    }
}

#[test]
fn the_reference_has_every_key_of_the_code_and_no_other() {
    let text = reference_with_everything();
    let (result, asked) = load_layers(Some(&text), &[], &[]);
    // What the reference cannot do at once is to set both of two alternatives, or to bring the files that it names.
    let report = result.unwrap_err().to_string();
    for line in report.lines().filter(|line| line.starts_with("error:")) {
        let expected = [
            "are both there",
            "cannot read `secrets/",
            "cannot read `certificates/",
            "cannot read `templates/",
            "cannot read the folder",
        ];
        assert!(expected.iter().any(|part| line.contains(part)), "{report}");
    }
    let mut shown = BTreeSet::new();
    keys_of(&tree::parse(&text, 0).unwrap(), "", &mut shown);
    let asked: BTreeSet<String> = asked
        .into_iter()
        // A recipe's own keys, how compiled recipes call what a source calls `canonical`, and the parts of a pick.
        .filter(|key| key != "source.description" && !key.starts_with("source.url."))
        .filter(|key| key.starts_with("source.") || !is_part_of_a_pick(key))
        .collect();
    let missing: Vec<_> = asked.difference(&shown).collect();
    assert!(missing.is_empty(), "not in config/loa.toml: {missing:?}");
    let unknown: Vec<_> = shown
        .difference(&asked)
        .filter(|key| !key.starts_with("source.") || !key.ends_with(".select"))
        .collect();
    assert!(unknown.iter().all(|key| is_part_of_a_pick(key)), "only in config/loa.toml: {unknown:?}");
}

fn is_part_of_a_pick(key: &str) -> bool {
    [".select", ".take", ".pattern"].iter().any(|end| key.ends_with(end))
}

#[test]
fn without_a_file_the_reference_is_the_configuration() {
    let config = load_layers(None, &[], &[]).0.unwrap();
    assert_eq!(config.web.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.publish.base_url, "http://127.0.0.1:8080");
    assert_eq!(config.store.path.as_deref(), Some(Path::new("data")));
    let source = &config.ingest.sources[0];
    assert_eq!((source.id.as_str(), config.ingest.sources.len()), ("quan1", 1));
    assert_eq!(source.extract.platform, "sharepoint-posts");
    assert_eq!(source.normalize.zone.iana_name(), Some("Asia/Ho_Chi_Minh"));
    assert!(source.url.as_str().contains("Category=Tin+t%E1%BB%A9c+-+S%E1%BB%B1+ki%E1%BB%87n&Mode=2"));
    assert_eq!(config.publish.feeds[0].sources, std::slice::from_ref(&source.id));
    assert!(config.push.webhooks.is_empty());
}

#[test]
fn a_file_replaces_the_built_in_sources_and_keeps_the_other_defaults() {
    let config = load_text(&format!("{SOURCE}[web]\nlisten = '0.0.0.0:80'\n")).unwrap();
    assert_eq!(config.ingest.sources.len(), 1);
    assert_eq!(config.ingest.sources[0].id.as_str(), "a");
    assert_eq!(config.ingest.sources[0].name, "a");
    assert_eq!(config.ingest.sources[0].max_pages, 30);
    assert_eq!(config.ingest.sources[0].home.as_str(), "https://a.example/");
    assert!(config.publish.feeds.is_empty());
    assert_eq!(config.web.max_connections, 10_000);
    assert_eq!(config.web.max_streams, 5_000);
    assert_eq!(config.publish.base_url, "http://localhost:80");
    assert!(load_text("").unwrap().ingest.sources.is_empty());
}

#[test]
fn a_feed_of_one_source_mirrors_the_page_of_that_source() {
    let check = |source: &str, feed: &str, expected: Option<&str>| {
        let other = "[[source]]\nid = 'b'\nurl = 'https://b.example/'\nplatform = 'liferay6'\nevery = '1h'\n";
        let text = format!("{source}every = '1h'\n{other}[[feed]]\nid = 'f'\ntitle = 'F'\n{feed}");
        let config = load_text(&text).unwrap();
        assert_eq!(config.publish.feeds[0].home.as_deref(), expected, "{text}");
    };
    let list = "[[source]]\nid = 'a'\nurl = 'https://a.example/tin?x=1'\nplatform = 'liferay6'\n";
    let feed = "[[source]]\nid = 'a'\nurl = 'https://a.example/tin/rss.xml'\nplatform = 'feed'\n";
    let page = "home = 'https://a.example/tin'\n";
    check(list, "sources = ['a']\n", Some("https://a.example/tin?x=1"));
    check(feed, "sources = ['a']\n", Some("https://a.example/"));
    check(&format!("{feed}{page}"), "sources = ['a']\n", Some("https://a.example/tin"));
    check(list, &format!("sources = ['a']\n{page}"), Some("https://a.example/tin"));
    check(list, "sources = ['a', 'b']\n", None);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let text = "[web]\nlisten = '127.0.0.1:1'\n[push]\njitter = 0\n";
    let listen = |environment: &[(&str, &str)], flags: &[(&str, &str)]| {
        load_layers(Some(text), environment, flags).0.unwrap().web.listen.port()
    };
    let environment = [("LOA_WEB__LISTEN", "127.0.0.1:2")];
    assert_eq!(listen(&[], &[]), 1);
    assert_eq!(listen(&environment, &[]), 2);
    assert_eq!(listen(&environment, &[("web.listen", "127.0.0.1:3")]), 3);
    let environment = [
        ("LOA_CONFIG", "not ours"),
        ("LOA_PUSH__SCHEDULE", "0s, 5m"),
        ("LOA_PUSH__ALLOW_HTTP", "true"),
        ("LOA_PUSH__JITTER", "0.5"),
        ("LOA_NET__MAX_BODY", "1MB"),
        ("LOA_NET__MAX_REDIRECTS", "0"),
        ("LOA_WEB__TOKEN", "0123456789abcdef"),
    ];
    let config = load_layers(Some(text), &environment, &[]).0.unwrap();
    assert_eq!(config.push.schedule.len(), 2);
    assert!(config.push.allow_http);
    assert!((config.push.jitter - 0.5).abs() < f64::EPSILON);
    assert_eq!((config.net.max_body, config.net.max_redirects), (1_000_000, 0));
    assert_eq!(config.web.token.as_deref(), Some("0123456789abcdef"));
}

#[test]
fn mistakes_of_the_environment_and_of_flags_are_shown_like_those_of_files() {
    let environment = [
        ("LOA_WEB__LISTN", "x"),
        ("LOA_WBE__LISTEN", "x"),
        ("LOA_SOURCE__URL", "x"),
        ("LOA_WEB__MAX_CONNECTIONS", "many"),
        ("LOA_WEB__TOKEN", "hunter2"),
    ];
    let flags = [("web.listen", "8080")];
    let report = load_layers(None, &environment, &flags).0.unwrap_err().to_string();
    assert!(!report.contains("hunter2"));
    insta::assert_snapshot!(report);
}

#[test]
fn every_problem_is_reported_at_once() {
    insta::assert_snapshot!(problems(include_str!("fixtures/wrong.toml")));
}

#[test]
fn every_syntax_error_is_reported() {
    insta::assert_snapshot!(problems("[web]\nlisten = \n[store]\npath = \"a\" \"b\"\n[web]\ncache = 1\n"));
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let report = load(Some(Path::new("/nonexistent/loa.toml")), &[]).unwrap_err().to_string();
    assert!(report.contains("cannot read the configuration `/nonexistent/loa.toml`"), "{report}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin.toml");
    std::fs::write(&path, b"[web]\n# caf\xe9").unwrap();
    assert!(load(Some(&path), &[]).unwrap_err().to_string().contains("it is not UTF-8 after byte 11"));
}

#[test]
fn a_certificate_comes_with_its_key_and_makes_addresses_https() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loa.toml");
    let load = |keys: &str| {
        std::fs::write(&path, format!("[web]\nlisten = '0.0.0.0:443'\n{keys}")).unwrap();
        load(Some(&path), &[]).map_err(|report| report.to_string())
    };
    for (name, text) in [("c.pem", CERTIFICATE), ("k.pem", KEY), ("no.pem", "no PEM")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let config = load("certificate = 'c.pem'\nkey = 'k.pem'\n").unwrap();
    assert_eq!(config.publish.base_url, "https://localhost:443");
    assert_eq!(config.web.tls.unwrap().key, folder.path().join("k.pem"));
    for (keys, expected) in [
        ("certificate = 'c.pem'\n", "hint: name the file of the key with `key`, too"),
        ("key = 'k.pem'\n", "`key` is of no use without `certificate`"),
        ("certificate = 'c.pem'\nkey = 'no.pem'\n", "it holds no `BEGIN PRIVATE KEY`"),
        ("certificate = 'no.pem'\nkey = 'k.pem'\n", "hint: it must be a PEM file"),
        ("certificate = 'c.pem'\nkey = 'lost.pem'\n", "lost.pem"),
    ] {
        let report = load(keys).unwrap_err();
        assert!(report.contains(expected), "{keys}: {report}");
    }
}

#[test]
fn every_key_reaches_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("token", "file-token-0123456789\n"),
        ("newsroom", "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=\n"),
        ("ca.pem", "pem"),
        ("portal.pem", CERTIFICATE),
        ("portal.key", KEY),
        ("mailpass", "correct horse\n"),
        ("readers", "newsroom 0123456789abcdefghiX # một tòa soạn\n\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::create_dir(folder.path().join("own")).unwrap();
    std::fs::write(folder.path().join("own/mine.toml"), include_str!("fixtures/mine.toml")).unwrap();
    std::fs::write(folder.path().join("own/mine.json.j2"), "{\"text\": {{ data.title }}}").unwrap();
    let path = folder.path().join("loa.toml");
    std::fs::write(&path, include_str!("fixtures/everything.toml")).unwrap();
    let config = load(Some(&path), &[]).unwrap_or_else(|report| panic!("{report}"));
    let mut sources = config.ingest.sources.iter();
    let rules =
        |source: &ingest::Source| (source.extract.clone(), source.normalize.clone(), source.dedup.clone());
    let (mine, custom) = (sources.next().unwrap(), sources.next().unwrap());
    let kinds = [0, 1].map(|n: usize| push::sign::scheme(&config.push.webhooks[n].secret));
    assert_eq!(kinds, [push::sign::Scheme::V1a, push::sign::Scheme::V1]);
    let filters = [&config.publish.feeds[0].filter, &config.push.webhooks[0].filter];
    assert_eq!(filters.map(|filter| filter.as_ref().unwrap().to_string()), ["tin", "tin"]);
    assert!(config.publish.feeds[1].filter.is_none() && config.push.webhooks[1].filter.is_none());
    // How other rooms print a filter for debugging is their business.
    let mut config = config.clone();
    config.publish.feeds[0].filter = None;
    config.push.webhooks[0].filter = None;
    let printed = format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{} at once, {:?}\n{}\n{}\n",
        config.telemetry,
        config.net,
        config.store,
        config.publish,
        config.push,
        config.web,
        config.ingest.concurrency,
        config.ingest.callbacks,
        source_text(mine),
        source_text(custom),
    );
    let printed = printed.replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(printed);
    let (extract, normalize, dedup) = rules(custom);
    assert_eq!(extract.lists.len(), 2);
    assert_eq!(extract.page.as_ref().unwrap().drop.len(), 2);
    assert_eq!(normalize.title_noise[0].as_str(), "noise$");
    assert_eq!(dedup.item[0].key, "${site}#${id}");
}

/// What a source says, without the insides of compiled selectors.
fn source_text(source: &ingest::Source) -> String {
    let (extract, normalize) = (&source.extract, &source.normalize);
    let lists: Vec<String> = extract.lists.iter().map(list_text).collect();
    let lines = [
        format!("source {} {:?} {} {}", source.id, source.name, source.url, source.home),
        format!("  {} {}", print_duration(source.jitter), print_duration(source.recheck)),
        format!(
            "  private={} websub={} {:?} {} {:?}",
            source.allow_private, source.websub, source.spacing, source.max_pages, source.trust
        ),
        archive_text(&source.archive),
        format!("  {} feed={} max={}", extract.platform, extract.feed, extract.max_items),
        format!("  {:?}", extract.fingerprint),
        lists.join("\n"),
        extract.page.as_ref().map(page_text).unwrap_or_default(),
        format!("  {:?} {:?} {:?}", normalize.zone.iana_name(), normalize.order, normalize.language),
        format!("  {:?} {:?}", normalize.title_noise, normalize.body_noise),
        format!("  {:?}\n  {:#?}", source.dedup.item, normalize.url),
    ];
    lines.join("\n")
}

fn archive_text(archive: &ingest::backfill::Archive) -> String {
    let ingest::backfill::Archive { kind, pattern, next, sitemaps, path, max_pages, empty_days } = archive;
    let sitemaps: Vec<_> = sitemaps.iter().map(url::Url::as_str).collect();
    format!("  {kind:?} {pattern:?} {} {sitemaps:?} {path:?} {max_pages} {empty_days}", next.is_some())
}

fn list_text(list: &crate::extract::ListRules) -> String {
    let fields = [
        &list.title,
        &list.link,
        &list.id,
        &list.date,
        &list.summary,
        &list.image,
        &list.category,
        &list.author,
    ];
    format!("  {:?}\n    {}", list.scope, fields.map(pick_text).join("\n    "))
}

fn page_text(page: &crate::extract::PageRules) -> String {
    let first = [&page.id, &page.title, &page.date, &page.summary, &page.body].map(pick_text);
    let second = [&page.image, &page.category, &page.author, &page.attachments].map(pick_text);
    format!("  page\n    {}\n    {}", first.join("\n    "), second.join("\n    "))
}

fn pick_text(pick: &crate::extract::Pick) -> String {
    let one = |way: &crate::extract::Alternative| {
        let pattern = way.pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
        (way.select.is_some(), format!("{:?}", way.take), pattern)
    };
    format!("{:?}", pick.0.iter().map(one).collect::<Vec<_>>())
}

#[test]
fn the_digest_follows_the_rules_and_nothing_else() {
    let digest = |text: &str| load_text(text).unwrap().ingest.sources[0].rules;
    let base = digest(SOURCE);
    assert_eq!(base, digest(&format!("# a comment\n{SOURCE}max_pages = 3\nname = 'x'\n")));
    for other in ["timezone = 'UTC'", "language = 'en'", "max_items = 3", "[source.dates]\norder = 'mdy'"] {
        assert_ne!(base, digest(&format!("{SOURCE}{other}\n")), "{other}");
    }
    assert_ne!(base, digest(&SOURCE.replace("'feed'", "'liferay6'")));
    assert_ne!(base, digest(&SOURCE.replace("https://", "http://")), "validators are an address's own");
}

#[test]
fn a_zone_of_the_source_wins_over_the_recipe_and_that_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("x.toml"),
        "name = 'x'\nfeed = true\n[dates]\ntimezone = 'Asia/Tokyo'\n",
    )
    .unwrap();
    let zone = |more: &str| {
        let source = SOURCE.replace("'feed'", "'x'");
        let text = format!("platforms = '{}'\n{source}{more}\n", folder.path().display());
        let config = load_text(&text).unwrap_or_else(|report| panic!("{report}"));
        config.ingest.sources[0].normalize.zone.iana_name().unwrap().to_owned()
    };
    assert_eq!(zone(""), "Asia/Tokyo");
    assert_eq!(zone("timezone = 'Europe/Berlin'"), "Europe/Berlin");
    assert_eq!(zone("[source.dates]\ntimezone = 'UTC'"), "UTC");
}

#[test]
fn the_built_in_recipes_compile_under_their_names() {
    for (name, text) in recipe::BUILT_IN {
        let (extract, _, _) = recipe(name).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(extract.platform, name);
        let reads =
            extract.feed || !extract.lists.is_empty() || extract.json.is_some() || extract.page.is_some();
        assert!(reads, "{name}");
        let written = tree::parse(text, 0).unwrap();
        assert!(matches!(written.get("name").map(|node| &node.value), Some(Value::Text(own)) if own == name));
    }
    assert_eq!(platforms(None).unwrap().len(), recipe::BUILT_IN.len());
    assert!(generic().0.lists.is_empty());
    let report = recipe("liferay").unwrap_err().to_string();
    assert!(
        report.contains("there is no platform `liferay`") && report.contains("did you mean `liferay7`?"),
        "{report}"
    );
}

#[test]
fn a_recipe_that_is_wrong_is_wrong_once_and_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.toml"), "name = 'x'\nfeed = true\nmax_items = 0\n").unwrap();
    let source = SOURCE.replace("'feed'", "'x'");
    let second = source.replace("'a'", "'b'");
    let report =
        load_text(&format!("platforms = '{}'\n{source}{second}", folder.path().display())).unwrap_err();
    assert_eq!(report.len(), 1, "{report}");
    assert!(report.to_string().contains("x.toml:3:13"), "{report}");
}

#[test]
fn the_examples_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        // Secrets are not part of examples.
        let text = text
            .replace("secret_file = ", "secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\" # ");
        let result = load_text(&text);
        assert!(result.is_ok(), "{}:\n{}", path.display(), result.unwrap_err());
        count += 1;
    }
    assert!(count >= 2);
}

proptest::proptest! {
    /// Any text is a configuration or a report, never a panic.
    #[test]
    fn any_text_is_answered(text in "(?s)(\\[\\[?(web|source|feed|source\\.list)\\]\\]?|[a-z_]{1,8} = |['\"\\[\\]{}0-9a-zà-ỹ.,=\\n-]){0,60}") {
        match load_text(&text) {
            Ok(_) => {}
            Err(report) => proptest::prop_assert!(!report.to_string().is_empty() && !report.is_empty()),
        }
    }
}

#[test]
fn hubs_reach_us_where_our_address_is_written_and_public() {
    let check = |base_url: &str, allow: bool, expected: Option<&str>| {
        let base_url = if base_url.is_empty() { String::new() } else { format!("base_url = '{base_url}'\n") };
        let text = format!("{SOURCE}[web]\n{base_url}[ingest]\nallow_private_callbacks = {allow}\n");
        assert_eq!(load_text(&text).unwrap().ingest.callbacks.as_deref(), expected, "{base_url} {allow}");
    };
    check("https://tin.example.vn/loa/", false, Some("https://tin.example.vn/loa"));
    check("https://93.184.216.34:8443", false, Some("https://93.184.216.34:8443"));
    for private in [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "https://10.1.2.3",
        "http://[::1]",
        "https://a.internal",
    ] {
        check(private, false, None);
        check(private, true, Some(private));
    }
    check("", false, None);
    check("", true, None);
}

#[test]
fn an_address_becomes_a_source_whatever_is_in_it() {
    for text in [
        "https://a.example/x?a='b'&c=%22d%22",
        "http://127.0.0.1:1/#\"q\"\\\u{1b}",
        "https://a.example/tin-tức",
    ] {
        let url = url::Url::parse(text).unwrap();
        let source = source_at(&url, "feed", true, None).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!((source.url, source.allow_private, source.max_pages), (url, true, 30));
    }
    assert!(source_at(&url::Url::parse("ftp://a.example/").unwrap(), "feed", false, None).is_err());
}

#[test]
fn we_say_who_we_are_and_where_we_can_be_found() {
    let check = |text: &str, expected: &str| assert_eq!(load_text(text).unwrap().net.user_agent, expected);
    let version = env!("CARGO_PKG_VERSION");
    check("", &format!("loaphuong/{version}"));
    check(
        "[web]\nbase_url = 'https://tin.example.vn/'\n",
        &format!("loaphuong/{version} (+https://tin.example.vn/bot)"),
    );
    let contact = "[net]\ncontact = 'mailto:admin@tin.example.vn'\n";
    check(contact, &format!("loaphuong/{version} (mailto:admin@tin.example.vn)"));
    check(
        &format!("{contact}[web]\nbase_url = 'https://tin.example.vn'\n"),
        &format!("loaphuong/{version} (+https://tin.example.vn/bot; mailto:admin@tin.example.vn)"),
    );
    for wrong in ["admin@tin.example.vn", "mailto:nobody", "Chúng tôi"] {
        assert!(load_text(&format!("[net]\ncontact = '{wrong}'\n")).is_err(), "{wrong}");
    }
    check("[net]\nuser_agent = 'ours/1'\n[web]\nbase_url = 'https://tin.example.vn'\n", "ours/1");
}

#[test]
fn recipes_of_the_configuration_are_at_hand_before_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (path, own) = (folder.path().join("loa.toml"), folder.path().join("own"));
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("x.toml"), "name = 'x'\n[[list]]\nitem = 'li'\ntitle = 'a'\nlink = 'a'\n")
        .unwrap();
    // The rest of the file may be wrong: nothing is started with it.
    std::fs::write(&path, "platforms = 'own'\n[web]\nlisten = 'nowhere'\n").unwrap();
    let names: Vec<String> = platforms(Some(&path))
        .unwrap_or_else(|report| panic!("{report}"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let built_in = recipe::BUILT_IN.iter().map(|(name, _)| *name);
    assert_eq!(names, std::iter::once("x").chain(built_in).collect::<Vec<_>>());
    let url = url::Url::parse("https://a.example/").unwrap();
    let source = source_at(&url, "x", false, Some(&path)).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(source.extract.platform, "x");
    assert!(source_at(&url, "x", false, None).is_err());
    std::fs::write(own.join("y.toml"), "name = 'y'\nfeeed = true\n").unwrap();
    assert!(platforms(Some(&path)).unwrap_err().to_string().contains("y.toml:2:1"));
}

#[test]
fn groups_are_feeds_and_catalogues_and_names_are_distinct() {
    let text = r#"
[publish]
automatic = ["groups", "sources", "all"]
[[source]]
id = "a"
name = "Nguồn A"
url = "https://a.example/rss"
platform = "feed"
every = "10m"
group = "Quận – Huyện"
[[source]]
id = "b"
url = "https://b.example/rss"
platform = "feed"
every = "20m"
group = "Quận – Huyện"
[[source]]
id = "c"
url = "https://c.example/rss"
platform = "feed"
every = "20m"
[[feed]]
id = "b"
title = "Chỉ một"
groups = ["Quận – Huyện"]
sources = ["c", "b"]
"#;
    let config = load_text(text).unwrap_or_else(|report| panic!("{report}"));
    let feeds: Vec<_> = config
        .publish
        .feeds
        .iter()
        .map(|feed| {
            let sources: Vec<_> = feed.sources.iter().map(ToString::to_string).collect();
            (feed.id.to_string(), feed.title.clone(), sources.join(" "), feed.group.clone())
        })
        .collect();
    let group = Some("Quận – Huyện".to_owned());
    let expected = [
        ("b", "Chỉ một", "c b a", None),
        ("quan-huyen", "Quận – Huyện", "a b", group.clone()),
        ("a", "Nguồn A", "a", group),
        ("c", "c", "c", None),
        ("all", "Tất cả", "a b c", None),
    ];
    assert_eq!(
        feeds,
        expected.map(|(id, title, sources, group)| (id.into(), title.into(), sources.into(), group))
    );
    assert_eq!(config.publish.sources[0].feed.as_deref(), Some("https://a.example/rss"));
    assert_eq!(config.publish.sources[0].interval, std::time::Duration::from_secs(600));

    let wrong = text.replace("groups = [\"Quận – Huyện\"]", "groups = [\"Quận - Huyện\"]\naliases = [\"a\"]");
    let report = load_text(&wrong).unwrap_err().to_string();
    assert!(report.contains("no source is in the group") && report.contains("did you mean"), "{report}");
    assert!(report.contains("the alias `a` of the feed `b` is also a name of another one"), "{report}");
}

#[test]
fn forms_of_webhooks_are_read_tried_and_blamed_where_they_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let hook = |form: &str, url: &str| {
        format!(
            "[[webhook]]\nid = 'a'\nurl = '{url}'\nform = '{form}'\nsecret = 'whsec_{}'\n",
            "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
        )
    };
    let load = |template: &str, form: &str, url: &str| {
        std::fs::write(folder.path().join("chat.j2"), template).unwrap();
        let text = format!("[[template]]\nname = 'chat'\nfile = 'chat.j2'\n{}", hook(form, url));
        std::fs::write(folder.path().join("loa.toml"), text).unwrap();
        let report = load(Some(&folder.path().join("loa.toml")), &[]).map_err(|report| report.to_string());
        report.map_err(|report| report.replace(&folder.path().display().to_string(), "FOLDER"))
    };
    let good = "{\"text\": {{ data.title }}}";
    let (web, telegram) = ("https://a.example/", "https://api.telegram.org/bot1:x/sendMessage");
    let config = load(good, "chat", web).unwrap();
    assert_eq!(config.push.webhooks[0].form, crate::model::Form::Template("chat".into()));
    assert_eq!(
        load(good, "cloudevents", web).unwrap().push.webhooks[0].form,
        crate::model::Form::CloudEvents
    );
    for (template, form, url, words) in [
        (good, "slak", web, "did you mean `slack`?"),
        (good, "telegram", telegram, "add `?chat_id=…` to the address"),
        (
            "{\n\"text\": {{ data.titel }}}",
            "chat",
            web,
            "`data.titel` is not defined\n --> FOLDER/chat.j2:2:1",
        ),
        ("{\"text\": \"{{ data.title }}\"}", "chat", web, "what it makes is not JSON"),
        ("{% for %}", "chat", web, "FOLDER/chat.j2:1:1"),
    ] {
        let report = load(template, form, url).unwrap_err();
        assert!(report.contains(words), "{report}");
        assert!(report.ends_with("1 problem in the configuration"), "{report}");
    }
    let text =
        "[[template]]\nname = 'slack'\nfile = 'x.j2'\n[[template]]\nname = 'b c'\n[[template]]\nfile = 'x'";
    let report = load_layers(Some(text), &[], &[]).0.unwrap_err().to_string();
    for words in [
        "there is a form `slack` already",
        "cannot read `x.j2`",
        "no name of a form",
        "needs `file`",
        "needs `name`",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
}

#[test]
fn a_key_that_cannot_sign_is_not_repeated_and_the_hint_makes_one_that_can() {
    for (secret, words) in [
        ("whsk_c2hvcnQ=", "behind `whsk_` stand the 32 bytes of an ed25519 seed"),
        ("whsk_c2hvcnQ!", "what follows `whsk_` is not base64"),
        ("whpk_c2hvcnQ=", "this is a public key"),
    ] {
        let text = format!("[[webhook]]\nid = 'a'\nurl = 'https://a.example/'\nsecret = '{secret}'\n");
        let said = problems(&text);
        assert!(said.contains(words) && said.contains("echo whsk_$(openssl rand -base64 32)"), "{said}");
        assert!(said.contains("loa.toml:4") && !said.contains("c2hvcnQ"), "{said}");
    }
}

#[test]
fn another_hub_is_watched_where_it_can_reach_us_and_ours_stands_in_for_it() {
    use crate::publish::{Hub, Other, Watch};
    const OWN: &str = "https://tin.example.vn/hub";
    let check = |base_url: &str, more: &str, watch: Watch, stand_in: Option<&str>| {
        let text = format!(
            "{SOURCE}[web]\nbase_url = '{base_url}'\n[publish]\nhub = 'https://hub.example/'\n{more}\n"
        );
        let config = load_text(&text).unwrap();
        let stand_in = stand_in.map(str::to_owned);
        assert_eq!(config.push.hub.open, stand_in.is_some(), "{text}");
        let other = Other { address: "https://hub.example/".to_owned(), watch, stand_in, is_replaced: false };
        assert_eq!(config.publish.hub, Some(Hub::Other(other)), "{text}");
    };
    let public = "https://tin.example.vn";
    check(public, "", Watch::At(public.to_owned()), Some(OWN));
    check(public, "[hub]\nopen = false", Watch::At(public.to_owned()), None);
    check(public, "canary = false", Watch::Off, None);
    check("http://127.0.0.1:8080", "", Watch::Unreachable, None);
}

#[test]
fn the_certificates_of_a_source_are_looked_at_when_the_configuration_is_read() {
    const OLD: &str = include_str!("../net/testdata/aia/old.pem");
    const MIDDLE: &str = include_str!("../net/testdata/aia/middle.pem");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loa.toml");
    let read = |key: &str, file: Option<&str>| {
        let certificates = folder.path().join("own.pem");
        match file {
            Some(file) => std::fs::write(&certificates, file).unwrap(),
            None => std::fs::remove_file(&certificates).unwrap_or_default(),
        }
        std::fs::write(&path, format!("{SOURCE}{key} = 'own.pem'\n")).unwrap();
        load(Some(&path), &[])
    };
    let both = format!("{MIDDLE}{OLD}");
    for key in ["ca_file", "intermediates_file"] {
        for (file, expected) in [
            (None, "cannot read `"),
            (Some(""), "holds no `BEGIN CERTIFICATE`"),
            (Some(KEY), "holds a private key"),
            (Some(OLD), "certificate 1, `Test expired intermediate`, has expired at 2021-01-01"),
            (Some(&both), "certificate 2, `Test expired intermediate`, has expired"),
        ] {
            let report = read(key, file).unwrap_err().to_string();
            assert!(report.contains(expected) && report.matches("own.pem").count() >= 2, "{report}");
            assert!(report.contains("hint: ") && !report.contains("MII"), "{report}");
        }
        let config = read(key, Some(MIDDLE)).unwrap();
        assert!(config.ingest.sources[0].trust.is_some());
        // A reload reads the files again.
        let other = read(key, Some(&format!("{MIDDLE}{CERTIFICATE}"))).unwrap();
        assert_ne!(config.ingest.sources[0].trust, other.ingest.sources[0].trust);
    }
}

#[test]
fn a_source_that_asks_for_a_browser_needs_one() {
    let html = SOURCE.replace("platform = 'feed'", "platform = 'html'");
    let check = |text: String, expected: &str| {
        let report = problems(&text);
        assert!(report.contains(expected) && report.contains("hint:"), "{report}");
        assert_eq!(report.matches("error:").count(), 1, "{report}");
    };
    let none = load_text(&html).unwrap();
    assert!(none.browser.is_none());
    assert_eq!(none.ingest.sources[0].browser, ingest::Scripts::default());
    check(
        format!("{html}browser = 'all'\n"),
        "this source asks for a browser, and the configuration names none",
    );
    let named = "[browser]\ncommand = ['chromium', '--no-sandbox']\n";
    let config = load_text(&format!("{html}browser = 'list'\nbrowser_wait = 'ul li'\n{named}")).unwrap();
    let scripts = &config.ingest.sources[0].browser;
    assert_eq!((scripts.list, scripts.pages, scripts.wait_list.as_deref()), (true, false, Some("ul li")));
    assert_ne!(
        config.ingest.sources[0].rules, none.ingest.sources[0].rules,
        "what was read is another document"
    );
    let fetch::browser::Which::Command(command) = config.browser.unwrap().which else { panic!() };
    assert_eq!(command, ["chromium", "--no-sandbox"]);
    check(format!("{html}browser = 'pages'\nbrowser_wait = 'ul li'\n{named}"), "are both there");
    check(format!("{html}browser = 'list'\nbrowser_wait = 'ul..li'\n{named}"), "is no CSS selector");
    check(format!("{html}browser = 'yes'\n{named}"), "`browser` cannot be `yes`");
    check(format!("{SOURCE}browser = 'list'\n{named}"), "a feed is not made by scripts");
    assert!(load_text(&format!("{SOURCE}browser = 'pages'\n{named}")).is_ok());
    check(format!("{named}url = 'http://127.0.0.1:9222'\n"), "`command` and `url` are both there");
    for (url, expected) in
        [("https://a/", "over TLS"), ("9222", "no address"), ("ftp://a/", "no address of a browser")]
    {
        check(format!("[browser]\nurl = '{url}'\n"), expected);
    }
    check("[browser]\ncommand = ['']\n".to_owned(), "names no program");
    check("[browser]\nproxy_listen = 'loa'\n".to_owned(), "no IP address");
    check("[browser]\nproxy_listen = '0.0.0.0'\n".to_owned(), "cannot connect to every interface");
    assert!(load_text("[browser]\nproxy_listen = '0.0.0.0'\nproxy_host = 'loa'\n").is_ok());
}

#[test]
fn a_source_is_looked_at_or_filled_by_others() {
    let check = |lines: &str, expected: &str| {
        let report = problems(&format!("[[source]]\nid = 'a'\n{lines}\n"));
        assert!(report.contains(expected), "{lines}: {report}");
        assert_eq!(report.matches("error:").count(), 1, "{lines}: {report}");
    };
    check("home = 'https://a.example/'\nevery = '1h'\nplatform = 'feed'", "needs `url`");
    check("url = 'https://a.example/'\npushed = true", "`url` and `pushed` are both there");
    check("folder = 'x'\npushed = true\nhome = 'https://a.example/'", "`folder` and `pushed` are both there");
    check("pushed = true", "needs `home`");
    check("pushed = true\nhome = 'https://a.example/'\nevery = '1h'", "nothing is looked at here");
    check(
        "folder = 'x'\nhome = 'https://a.example/'\npushed_by = ['t']",
        "nothing is pushed into this source",
    );
    check("pushed = true\nhome = 'https://a.example/'\npushed_by = ['not a name']", "names no token");
    let source = |lines: &str| {
        let text = format!("[[source]]\nid = 'a'\nhome = 'https://a.example/'\n{lines}\n");
        load_text(&text).unwrap_or_else(|report| panic!("{report}")).ingest.sources[0].clone()
    };
    let pushed = source("pushed = true\npushed_by = ['office']");
    assert_eq!(pushed.origin, ingest::Origin::Pushed(vec!["office".parse().unwrap()]));
    assert!(pushed.schedule.is_never() && !pushed.websub && pushed.extract.feed);
    assert_eq!((pushed.asked(), pushed.place().as_str()), (None, "pushed"));
    let folder = source("folder = 'inbox'");
    assert_eq!((folder.place().as_str(), folder.jitter), ("inbox", std::time::Duration::ZERO));
    assert_eq!(folder.schedule.to_string(), "every 10s");
}
