//! The house rules that a compiler does not check: layers, who may call what, sizes, leftovers.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Rooms by layer: a file may use rooms of lower layers, and its own. `None`: not a room.
fn layer(room: &str) -> Option<u8> {
    Some(match room {
        "model" => 0,
        "clock" | "telemetry" => 1,
        "extract" | "normalize" | "dedup" | "net" | "store" => 2,
        "fetch" | "journal" => 3,
        "ingest" | "publish" | "push" => 4,
        "web" => 5,
        "main" | "lib" | "cli" | "app" | "config" | "demo" => 6,
        _ => return None,
    })
}

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.iter_mut().for_each(|(path, _)| *path = path.strip_prefix(&root).unwrap().to_owned());
    files.sort();
    files
}

fn room(path: &Path) -> String {
    path.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Code without its tests: what stands before the tests at a file's end. A file of tests has none.
fn code<'a>(path: &Path, text: &'a str) -> &'a str {
    let tests = ["tests", "testing", "conformance", "sample"];
    let is_test = |part: &std::ffi::OsStr| tests.iter().any(|name| part == *name);
    if path.with_extension("").iter().any(is_test) {
        return "";
    }
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

/// Every room named after `crate::` in the code, with `use crate::{a, b::c}` taken apart.
fn used(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' | ':' if depth == 0 => {
                        rooms.push(std::mem::take(&mut word).trim().to_owned());
                        if c == ':' {
                            depth += 100;
                        }
                    }
                    ',' if depth == 100 => depth = 0,
                    c if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            rooms.push(word.trim().to_owned());
        } else {
            rooms.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms.retain(|room| layer(room).is_some());
    rooms
}

#[test]
fn the_parser_of_use_lines_sees_every_room() {
    let code =
        "use crate::{clock, model::{Article, Seq}, store::Store,\n net};\nlet x = crate::push::sign();";
    assert_eq!(used(code), ["clock", "model", "store", "net", "push"]);
}

#[test]
fn arrows_between_rooms_run_down() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = room(&path);
        let level = layer(&own).unwrap_or_else(|| panic!("`{}` is in no room of the house", path.display()));
        for other in used(code(&path, &text)) {
            let below = layer(&other).unwrap() < level;
            if other != own && !below && level < 6 {
                wrong.push(format!("{} uses `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that run up or sideways:\n{}", wrong.join("\n"));
}

fn callers(needle: &str) -> Vec<String> {
    let files = sources();
    let calls = files.iter().filter(|(path, text)| code(path, text).contains(needle));
    calls.map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn only_the_sanitizer_and_the_store_make_html() {
    assert_eq!(callers("Html::sanitized("), ["normalize/html.rs", "store/codec/article.rs"]);
}

#[test]
fn only_the_journal_commits() {
    let callers: Vec<_> =
        callers(".commit(").into_iter().filter(|path| !path.starts_with("store/")).collect();
    assert!(callers.iter().all(|path| path.starts_with("journal/")), "{callers:?}");
    assert!(!callers.is_empty());
}

#[test]
fn pure_rooms_do_no_io_and_never_ask_the_time() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !["extract", "normalize", "dedup", "model"].contains(&room(&path).as_str()) {
            continue;
        }
        for io in ["std::fs", "tokio::", "std::net", "clock::", "reqwest", "std::env"] {
            if code(&path, &text).contains(io) {
                wrong.push(format!("{} uses `{io}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_two_traits_in_the_house() {
    let mut traits = BTreeMap::new();
    for (path, text) in sources() {
        for line in code(&path, &text).lines() {
            let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            if let Some(rest) = line.trim_start_matches("pub(super) ").strip_prefix("trait ") {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
                traits.insert(name, path.display().to_string());
            }
        }
    }
    assert_eq!(traits.keys().map(String::as_str).collect::<Vec<_>>(), ["Clock", "Store"], "{traits:?}");
}

#[test]
fn rooms_stay_small_enough_to_be_read() {
    let long: Vec<_> = sources()
        .iter()
        .map(|(path, text)| (code(path, text).lines().count(), path.display().to_string()))
        .filter(|(lines, _)| *lines > 450)
        .collect();
    assert!(long.is_empty(), "files over 450 lines of code: {long:?}");
}

#[test]
fn nothing_is_left_undone_or_machine_bound() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for word in ["todo!(", "unimplemented!(", "dbg!(", "/home/"] {
            if code(&path, &text).contains(word) {
                wrong.push(format!("{} has `{word}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
