//! What one source needs of a configuration, as a configuration of its own: what a recording takes along.

use std::path::Path;

use super::{
    Config, Inputs, Recipes, Report, defaults, layers, load_from,
    platforms::recipes,
    read_file,
    recipe::BUILT_IN,
    report::Findings,
    sections::Folders,
    source::{SOURCE_DEFAULTS, with_defaults},
    tree::{Entry, Node, Table, Value},
};
use crate::{model::SourceId, net::tape};

/// A configuration that needs nothing of this machine, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The configuration itself; it finds the recipes in the folder `recipes` beside it.
    pub text: String,
    /// The recipes of the operator's own that it needs: name and text.
    pub recipes: Vec<(String, String)>,
}

/// The folder of those recipes.
pub const RECIPES: &str = "recipes";

/// The keys of `[net]` that say who we are, and those of the machine.
const OURS: [&str; 4] = ["user_agent", "contact", "ca_file", "concurrency"];

/// What a pass over `source` needs of the configuration that [`super::load`] reads with the same arguments; without a source
/// what it takes to try an address.
pub fn excerpt(
    path: Option<&Path>,
    overrides: &[(String, String)],
    source: Option<&SourceId>,
) -> Result<Excerpt, Report> {
    let environment = super::environment();
    let text = path.map(|path| (path, read_file(path)));
    let file = text.as_ref().map(|(path, text)| (*path, text));
    let (findings, mut folders) = (Findings::default(), Folders::default());
    let inputs = Inputs { file, environment: &environment, flags: overrides };
    let table = layers::gather(inputs, &mut folders, &findings);
    let recipes = recipes(path, &findings);
    let (defaults, _) = defaults(&findings);
    let Some(table) = table.filter(|_| findings.is_empty()) else { return Err(findings.into_report()) };
    Ok(taken(&table, &recipes, &defaults, source))
}

/// The configuration of a file alone, whatever the environment says.
pub fn load_alone(path: &Path) -> Result<Config, Report> {
    let text = read_file(path);
    load_from(Inputs { file: Some((path, &text)), environment: &[], flags: &[] }).0
}

fn taken(table: &Table, recipes: &Recipes, defaults: &Table, source: Option<&SourceId>) -> Excerpt {
    let mut out = toml::Table::new();
    let mut net = table.table("net").map(plain).unwrap_or_default();
    OURS.iter().for_each(|key| drop(net.remove(*key)));
    out.insert("net".to_owned(), toml::Value::Table(net));
    let tables = table.list("source").iter().filter_map(|node| match &node.value {
        Value::Table(table) => Some(table),
        _ => None,
    });
    let written = |key: &str, table: &Table| match table.get(key).map(|node| &node.value) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let wanted = source.map(SourceId::as_str);
    let found =
        tables.into_iter().find(|table| wanted.is_some() && written("id", table).as_deref() == wanted);
    if let Some(found) = found {
        let whole = with_defaults(found, defaults, &SOURCE_DEFAULTS);
        out.insert("source".to_owned(), toml::Value::Array(vec![toml::Value::Table(plain(&whole))]));
    }
    let is_built_in = |name: &str, table: &Table| {
        let text = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        text.and_then(|text| super::tree::parse(text, 0).ok())
            .is_some_and(|own| own.canonical() == table.canonical())
    };
    let platform = found.map(|found| written("platform", found));
    let is_needed = |name: &&str| platform.as_ref().is_none_or(|platform| platform.as_deref() == Some(*name));
    let own: Vec<(String, String)> = recipes
        .names()
        .filter(is_needed)
        .filter_map(|name| recipes.get(name).map(|table| (name, table)))
        .filter(|(name, table)| !is_built_in(name, table))
        .map(|(name, table)| (name.to_owned(), plain(table).to_string()))
        .collect();
    if !own.is_empty() {
        out.insert("platforms".to_owned(), toml::Value::String(RECIPES.to_owned()));
    }
    Excerpt { text: out.to_string(), recipes: own }
}

/// A table without the places of its values, and without credentials.
fn plain(table: &Table) -> toml::Table {
    let value = |entry: &Entry| Some((entry.key.clone(), value(&entry.node)?));
    table.entries.iter().filter_map(value).collect()
}

/// A value; `None` for one that no key of ours has.
fn value(node: &Node) -> Option<toml::Value> {
    Some(match &node.value {
        Value::Text(text) => toml::Value::String(tape::redacted(text)),
        Value::Raw(text) => match (text.parse(), text.parse()) {
            (Ok(number), _) => toml::Value::Integer(number),
            (_, Ok(is_on)) => toml::Value::Boolean(is_on),
            _ => toml::Value::String(text.clone()),
        },
        Value::Integer(number) => toml::Value::Integer(i64::try_from(*number).ok()?),
        Value::Float(number) => toml::Value::Float(*number),
        Value::Bool(is_on) => toml::Value::Boolean(*is_on),
        Value::Datetime => return None,
        Value::List(nodes) => toml::Value::Array(nodes.iter().filter_map(value).collect()),
        Value::Table(table) => toml::Value::Table(plain(table)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, text: &str) -> std::path::PathBuf {
        let path = folder.join("loa.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn an_excerpt_is_a_configuration_that_reads_alike() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("recipes");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join("mine.toml"), "name = 'mine'\nfeed = true\n").unwrap();
        let text = "platforms = 'recipes'\n[net]\nmax_body = '2MB'\ncontact = 'mailto:a@b.example'\n\
            [[source]]\nid = 'a'\nurl = 'https://a.vn/rss?token=abc'\nevery = '1h'\nplatform = 'mine'\nmax_items = 7\n\
            [[source]]\nid = 'b'\nurl = 'https://b.vn/'\nevery = '1h'\nplatform = 'html'\n\
            [[source.list]]\nitem = 'li'\ntitle = { select = 'a', take = 'text' }\nlink = { select = 'a', take = '@href' }\n";
        let path = written(folder.path(), text);
        let overrides = [("net.max_redirects".to_owned(), "3".to_owned())];
        let whole = super::super::load(Some(&path), &overrides).unwrap_or_else(|report| panic!("{report}"));
        for (id, recipes) in [("a", 1), ("b", 0)] {
            let id: SourceId = id.parse().unwrap();
            let taken = excerpt(Some(&path), &overrides, Some(&id)).unwrap();
            assert_eq!(taken.recipes.len(), recipes, "{taken:?}");
            assert!(!taken.text.contains("abc") && !taken.text.contains("b.example"), "{}", taken.text);
            let elsewhere = tempfile::tempdir().unwrap();
            std::fs::create_dir(elsewhere.path().join(RECIPES)).unwrap();
            for (name, text) in &taken.recipes {
                std::fs::write(elsewhere.path().join(format!("{RECIPES}/{name}.toml")), text).unwrap();
            }
            let alone = load_alone(&written(elsewhere.path(), &taken.text))
                .unwrap_or_else(|report| panic!("{report}\n{}", taken.text));
            assert_eq!(alone.net.max_redirects, 3);
            assert_eq!(alone.net.max_body, whole.net.max_body);
            let source = &alone.ingest.sources[0];
            let as_it_was = whole.ingest.sources.iter().find(|source| source.id == id).unwrap();
            assert_eq!(alone.ingest.sources.len(), 1);
            // The digest of the rules has the address in it, which lost its token.
            assert_eq!(source.rules == as_it_was.rules, id.as_str() == "b", "{}", taken.text);
            assert_eq!((source.max_pages, source.recheck), (as_it_was.max_pages, as_it_was.recheck));
        }
    }

    #[test]
    fn an_excerpt_for_an_address_has_no_source() {
        let taken = excerpt(None, &[], None).unwrap();
        assert!(taken.recipes.is_empty() && !taken.text.contains("source"), "{}", taken.text);
        let folder = tempfile::tempdir().unwrap();
        let alone =
            load_alone(&written(folder.path(), &taken.text)).unwrap_or_else(|report| panic!("{report}"));
        assert!(alone.ingest.sources.is_empty());
    }
}
