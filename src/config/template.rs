//! `[[template]]`: forms of webhooks that an operator makes.

use url::Url;

use super::{
    read::{Section, Wrong},
    sections::Folders,
    tree::Place,
};
use crate::{
    model::Form,
    push::form::{Fault, Forms, Template},
};

/// The forms that webhooks can name.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) forms: Forms,
    /// Those that are wrong, which was recorded where they stand: whoever names them is not.
    broken: Vec<String>,
}

/// The forms that are built in, and those of the file.
pub(super) fn forms(root: &Section<'_>, folders: &Folders) -> Known {
    let mut known = Known::default();
    for section in root.tables("template") {
        section.require("name", "\"chat\"");
        section.require("file", "\"templates/chat.json.j2\"");
        let name = section.parsed("name", |text| name(text, &known));
        let source = source(&section, folders);
        section.finish();
        let Some(name) = name else { continue };
        let Some((file, source)) = source else {
            known.broken.push(name);
            continue;
        };
        if let Err(fault) = known.forms.add(Template { name: name.clone(), source: source.clone() }) {
            blame(root, &fault, (&file, &source), &name);
            known.broken.push(name);
        }
    }
    known
}

/// The form that a webhook names; `None` when something was recorded.
pub(super) fn form(section: &Section<'_>, url: Option<&Url>, known: &Known) -> Option<Form> {
    if !section.has("form") {
        return Some(Form::Native);
    }
    let word = section.filled("form")?;
    let broken = known.broken.contains(&word.text);
    let url = url.filter(|_| !broken)?;
    let wrong = |fault: Fault| Wrong { message: fault.to_string(), span: None, hint: fault.hint };
    known.forms.named(&word.text, url).map_err(|fault| section.blame(&word, wrong(fault))).ok()
}

fn name(text: &str, known: &Known) -> Result<String, Wrong> {
    if known.forms.names().chain(known.broken.iter().map(String::as_str)).any(|other| other == text) {
        return Err(Wrong::new(format!("there is a form `{text}` already")).hint("give it another name"));
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if text.len() <= 64 && text.chars().all(is_of_name) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("this is no name of a form").hint("a-z, A-Z, 0-9, `-`, `_`, at most 64 of them"))
}

/// The name and the text of the file.
fn source(section: &Section<'_>, folders: &Folders) -> Option<(String, String)> {
    let word = section.filled("file")?;
    let path = folders.resolve(&word.place, &word.text);
    match super::read_file(&path) {
        Ok(text) => Some((path.display().to_string(), text)),
        Err(cause) => {
            section.wrong("file", format!("cannot read `{}`: {cause}", path.display()), None);
            None
        }
    }
}

/// Points into the template's own text.
fn blame(root: &Section<'_>, fault: &Fault, (file, source): (&str, &str), name: &str) {
    let id = root.findings().add_text(file, source);
    let line = fault.line.unwrap_or(1).saturating_sub(1);
    let start = source.split_inclusive('\n').take(line).map(str::len).sum();
    let length = source.split('\n').nth(line).map_or(0, str::len);
    let message = format!("the form `{name}` cannot be used: {}", fault.message);
    root.findings().wrong(&Place::new(id, start..start + length), message, fault.hint.clone());
}
