//! Addresses that no configuration names, whose lists only scripts make: `--browser` of `loa try` and `loa init`.

use crate::{
    browser::chromium,
    init::{TITLES, loa, said, site},
};

#[test]
fn a_list_that_scripts_make_becomes_a_configuration_that_works() {
    let Some(command) = chromium() else { return };
    let (folder, site) = (tempfile::tempdir().unwrap(), site("nothing"));
    let (url, browser) = (format!("{site}/scripted"), format!("browser.command={}", command.join(",")));
    let asked = ["--browser", "--allow-private", "--set", &browser];
    let made =
        loa(&folder, &[&["init", &url, "--id", "phuong", "--output", "loa.toml"], &asked[..]].concat());
    assert!(made.status.success(), "{}", said(&made));
    assert!(said(&made).contains("the page's own list has 5 articles"), "{}", said(&made));
    let path = folder.path().join("loa.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\nbrowser = \"list\"\n") && text.contains("\n[browser]\ncommand = ["), "{text}");
    // What it says could be waited for is there.
    let waiting = text.replace("#browser_wait", "browser_wait");
    assert_ne!(waiting, text);
    for text in [text, waiting] {
        std::fs::write(&path, &text).unwrap();
        let tried = loa(&folder, &["try", "phuong", "--config", "loa.toml"]);
        assert!(tried.status.success(), "{}\n{text}", said(&tried));
        let all = said(&tried);
        assert!(
            TITLES.iter().all(|title| all.contains(title)) && !all.contains("unsettled"),
            "{all}\n{text}"
        );
    }
}

#[test]
fn an_address_is_tried_as_its_scripts_make_it() {
    let Some(command) = chromium() else { return };
    let (folder, site) = (tempfile::tempdir().unwrap(), site("nothing"));
    let (url, browser) = (format!("{site}/scripted"), format!("browser.command={}", command.join(",")));
    let tried = loa(&folder, &["try", &url, "--browser", "--allow-private", "--set", &browser]);
    assert!(tried.status.success(), "{}", said(&tried));
    for part in TITLES.into_iter().chain(["recognized html", "5 items, 5 new"]) {
        assert!(said(&tried).contains(part), "no `{part}` in {}", said(&tried));
    }
    let gone =
        loa(&folder, &["init", &format!("{site}/gone"), "--browser", "--allow-private", "--set", &browser]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(said(&gone).contains("the answer is status 404"), "{}", said(&gone));
}

#[test]
fn a_page_that_scripts_seem_to_make_leads_to_the_browser() {
    let (folder, site) = (tempfile::tempdir().unwrap(), site("nothing"));
    let init = |path: &str| loa(&folder, &["init", &format!("{site}{path}"), "--allow-private"]);
    let made = init("/bare");
    assert_eq!(made.status.code(), Some(1), "{}", said(&made));
    let hint = "hint: scripts seem to make this page: look again with `--browser`";
    assert!(said(&made).contains(hint), "{}", said(&made));
    // Its menu is all that repeats.
    let made = init("/scripted");
    assert!(made.status.success(), "{}", said(&made));
    assert!(said(&made).contains("note: scripts may make the list: `--browser`"), "{}", said(&made));
    let sure = said(&init("/tin-tuc"));
    assert!(sure.contains("5 articles") && !sure.contains("--browser"), "{sure}");
}

#[test]
fn what_cannot_be_shown_by_a_browser_is_said() {
    let (folder, site) = (tempfile::tempdir().unwrap(), site("nothing"));
    let url = format!("{site}/scripted");
    let absent = ["--allow-private", "--browser", "--set", "browser.command=no-such-chromium"];
    let record = ["--record", "tape"];
    let table: [(&[&str], i32, &str); 6] = [
        (&["init", &url, "--browser"], 2, "names none\nhint: add `--set browser.command=chromium`"),
        (&["try", &url, "--browser"], 2, "names none\nhint: add `--set browser.command=chromium`"),
        (
            &["try", "quan1", "--browser"],
            2,
            "`quan1` is a source of the configuration\nhint: write `browser = \"list\"`",
        ),
        (&[&["init", &url], &absent[..]].concat(), 1, "there is no `no-such-chromium`\nhint: install it"),
        (&[&["try", &url], &absent[..]].concat(), 1, "there is no `no-such-chromium`\nhint: install it"),
        (
            &[&["try", &url], &absent[..], &record].concat(),
            1,
            "is not recorded\nhint: record it without `--browser`",
        ),
    ];
    for (arguments, code, part) in table {
        let output = loa(&folder, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(part), "{arguments:?}: {}", said(&output));
    }
    assert!(!folder.path().join("tape").exists(), "no folder is made for what cannot be recorded");
}
