//! Where values come from: defaults < file < environment < flags.

use std::path::Path;

use super::{
    report::{Findings, Problem},
    sections::Folders,
    suggest::nearest,
    tree::{self, Entry, FileId, Node, Place, Table, Value},
};

/// The reference: every key with its default. Also what is used when there is no file.
pub(super) const DEFAULTS: &str = include_str!("../../config/loa.toml");

/// The sections that the environment and flags may set.
const PLAIN: [&str; 9] = ["web", "store", "net", "browser", "ingest", "push", "mail", "publish", "log"];

/// What a configuration is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs<'a> {
    /// The file's name and text, or why it cannot be read.
    pub(super) file: Option<(&'a Path, &'a Result<String, String>)>,
    /// Environment variables.
    pub(super) environment: &'a [(String, String)],
    /// Flags: dotted key and value.
    pub(super) flags: &'a [(String, String)],
}

/// Everything in one table; `None` when something cannot even be read (it was recorded).
pub(super) fn gather(inputs: Inputs<'_>, folders: &mut Folders, findings: &Findings) -> Option<Table> {
    let mut table = defaults(findings);
    if let Some((path, text)) = inputs.file {
        for key in ["source", "feed", "webhook", "template"] {
            table.remove(key);
        }
        let written = file(path, text, findings)?;
        folders.add(findings, path);
        table = table.merged(written);
    }
    for (name, value) in inputs.environment {
        if let Some(path) = name.strip_prefix("LOA_").filter(|rest| rest.contains("__")) {
            let path = path.to_ascii_lowercase().replace("__", ".");
            set(&mut table, "environment", (name, value), &path, findings);
        }
    }
    for (path, value) in inputs.flags {
        set(&mut table, "command line", (path, value), path, findings);
    }
    Some(table)
}

/// The embedded reference as a table.
pub(super) fn defaults(findings: &Findings) -> Table {
    let id = findings.add_text("loa.toml (built in)", DEFAULTS);
    tree::parse(DEFAULTS, id).expect("a test reads the embedded reference")
}

/// Reads a TOML text and records its syntax errors.
pub(super) fn parse(text: &str, id: FileId, findings: &Findings) -> Option<Table> {
    match tree::parse(text, id) {
        Ok(table) => Some(table),
        Err(errors) => {
            for error in errors {
                findings.wrong(&error.place, format!("this is not TOML: {}", error.message), None);
            }
            None
        }
    }
}

fn file(path: &Path, text: &Result<String, String>, findings: &Findings) -> Option<Table> {
    match text {
        Ok(text) => parse(text, findings.add_text(path.display().to_string(), text), findings),
        Err(cause) => {
            let message = format!("cannot read the configuration `{}`: {cause}", path.display());
            findings.add(Problem { place: None, message, hint: None });
            None
        }
    }
}

/// Puts one value of the environment or of a flag where its path says.
fn set(table: &mut Table, origin: &str, written: (&str, &str), path: &str, findings: &Findings) {
    let (name, value) = written;
    let line = format!("{name}={value}");
    let id = findings.add_text(origin, line.clone());
    let name_place = Place::new(id, 0..name.len());
    let Some((section, key)) = path.split_once('.').filter(|(section, _)| PLAIN.contains(section)) else {
        let section = path.split('.').next().unwrap_or_default();
        let hint = match nearest(section, PLAIN) {
            Some(near) => format!("did you mean the section `{near}`?"),
            None => format!(
                "it can set keys of {}; sources, feeds and webhooks stand in the file",
                PLAIN.join(", ")
            ),
        };
        findings.wrong(&name_place, format!("the {origin} cannot set `{path}`"), Some(hint));
        return;
    };
    let place = Place::new(id, name.len() + 1..line.len());
    let node = Node { value: Value::Raw(value.to_owned()), place: place.clone() };
    let inner = Table {
        entries: vec![Entry { key: key.to_owned(), place: name_place.clone(), node }],
        place: place.clone(),
    };
    let entry = Entry {
        key: section.to_owned(),
        place: name_place,
        node: Node { value: Value::Table(inner), place },
    };
    let root = table.place.clone();
    let below = std::mem::replace(table, Table::empty(root.clone()));
    *table = below.merged(Table { entries: vec![entry], place: root });
}
