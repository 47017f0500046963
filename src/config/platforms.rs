//! Recipes without a whole configuration: for reading files and for trying addresses.

use std::path::{Path, PathBuf};

use super::{
    Inputs, Rules, defaults, layers, load_from,
    read::Section,
    read_file,
    recipe::{self, Recipes},
    report::{Findings, Problem, Report},
    sections::Folders,
    tree::Place,
};
use crate::ingest;

/// The compiled built-in recipe of that name.
pub fn recipe(name: &str) -> Result<Rules, Report> {
    let findings = Findings::default();
    let rules = compile_named(&Recipes::built_in(&findings), name, &findings);
    rules.filter(|_| findings.is_empty()).ok_or_else(|| findings.into_report())
}

/// Every recipe at hand, compiled: those of the folder that the configuration at `path` names, then the built-in
/// ones. The rest of the configuration may be wrong.
pub fn platforms(path: Option<&Path>) -> Result<Vec<(String, Rules)>, Report> {
    let findings = Findings::default();
    let recipes = recipes(path, &findings);
    let compiled = |name: &str| Some((name.to_owned(), compile_named(&recipes, name, &findings)?));
    let mut rules: Vec<_> = recipes.names().filter_map(compiled).collect();
    // An operator's recipe knows better what it was written for.
    rules.sort_by_key(|(name, _)| recipe::BUILT_IN.iter().any(|(built_in, _)| built_in == name));
    if findings.is_empty() { Ok(rules) } else { Err(findings.into_report()) }
}

/// Rules that know nothing of any platform: metadata and main text only.
pub fn generic() -> Rules {
    let findings = Findings::default();
    let (source, _) = defaults(&findings);
    let effective = recipe::effective(None, None, &source);
    recipe::compile(&effective, "generic", "", &findings).expect("a test compiles the embedded defaults")
}

/// A source that no configuration names, with the defaults of all: for trying an address. `path` is the
/// configuration whose recipes are at hand beside the built-in ones.
pub fn source_at(
    url: &url::Url,
    platform: &str,
    allow_private: bool,
    path: Option<&Path>,
) -> Result<ingest::Source, Report> {
    let quoted = |text: &str| toml::Value::String(text.to_owned());
    let folder = folder_of(path);
    let text = format!(
        "{folder}[[source]]\nid = \"try\"\nevery = \"1h\"\nallow_private = {allow_private}\nurl = {}\nplatform = {}\n",
        quoted(url.as_str()),
        quoted(platform),
    );
    first_source(text, "loa try")
}

/// The first source of a configuration that stands in no file, with the recipes of the configuration at `path` at hand.
pub fn source_in(text: &str, path: Option<&Path>) -> Result<ingest::Source, Report> {
    first_source(format!("{}{text}", folder_of(path)), "loa init")
}

/// The line that names the folder of recipes of the configuration at `path`; empty where it names none.
fn folder_of(path: Option<&Path>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned());
    let folder = path.and_then(|path| own_folder(path, &Findings::default()));
    let folder =
        folder.and_then(|(folder, _)| std::path::absolute(folder).ok()?.into_os_string().into_string().ok());
    folder.map_or_else(String::new, |folder| format!("platforms = {}\n", quoted(&folder)))
}

fn first_source(text: String, name: &str) -> Result<ingest::Source, Report> {
    // A source that wants a browser may stand beside any.
    let flags = [("browser.command".to_owned(), "chromium".to_owned())];
    let inputs = Inputs { file: Some((Path::new(name), &Ok(text))), environment: &[], flags: &flags };
    let config = load_from(inputs).0?;
    let source = config.ingest.sources.into_iter().next().expect("the text names one");
    Ok(std::sync::Arc::unwrap_or_clone(source))
}

/// The built-in recipes, and those of the folder that the configuration at `path` names.
pub(super) fn recipes(path: Option<&Path>, findings: &Findings) -> Recipes {
    let mut recipes = Recipes::built_in(findings);
    if let Some((folder, place)) = path.and_then(|path| own_folder(path, findings)) {
        recipes.add_folder(&folder, &place, findings);
    }
    recipes
}

/// The folder of recipes that the configuration at `path` names, and where it does.
fn own_folder(path: &Path, findings: &Findings) -> Option<(PathBuf, Place)> {
    let (text, mut folders) = (read_file(path), Folders::default());
    let inputs = Inputs { file: Some((path, &text)), environment: &[], flags: &[] };
    let table = layers::gather(inputs, &mut folders, findings)?;
    let word = Section::new(&table, "", findings).filled("platforms")?;
    Some((folders.resolve(&word.place, &word.text), word.place))
}

fn compile_named(recipes: &Recipes, name: &str, findings: &Findings) -> Option<Rules> {
    let Some(table) = recipes.get(name) else {
        let wrong = recipes.unknown(name);
        findings.add(Problem { place: None, message: wrong.message, hint: wrong.hint });
        return None;
    };
    let (source, _) = defaults(findings);
    recipe::compile(&recipe::effective(Some(table), None, &source), name, "", findings)
}
