//! ASP.NET Web Forms: a pager whose links submit the whole page.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{Anchor, next::is_next, numbered::number};
use crate::extract::dom;

/// A form with its state, and the buttons of its pager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it is posted to.
    pub action: Url,
    /// Every field that a browser would send, in its order.
    pub fields: Vec<(String, String)>,
    /// The pager's buttons.
    pub buttons: Vec<Button>,
    /// The day filter.
    pub picker: Option<Picker>,
}

/// A link that submits the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// `__EVENTTARGET`
    pub target: String,
    /// `__EVENTARGUMENT`
    pub argument: String,
    /// What it says.
    pub label: Label,
}

/// Where a button leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// To this page.
    Page(u32),
    /// To pages that the pager has no place for.
    More,
    /// One page on.
    Next,
}

/// A `RadDatePicker`: its unique name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picker(pub String);

/// Days of a calendar are buttons with numbers, too.
const MONTH: usize = 28;

static CALL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:__doPostBack|WebForm_PostBackOptions)\(\s*['"]([^'"]*)['"]\s*,\s*['"]([^'"]*)['"]"#)
        .expect("it is a constant")
});

impl Form {
    /// The highest page that a button says.
    pub(super) fn last(&self) -> Option<u32> {
        let numbers = self.buttons.iter().filter_map(|button| match button.label {
            Label::Page(number) => Some(number),
            Label::More | Label::Next => None,
        });
        numbers.max()
    }

    /// The button that leads from page `at` towards page `to`, and the page that it leads to.
    pub fn toward(&self, at: u64, to: u64) -> Option<(&Button, u64)> {
        let numbered = |button: &Button| match button.label {
            Label::Page(number) => Some(u64::from(number)),
            Label::More | Label::Next => None,
        };
        let pages = self.buttons.iter().filter_map(|button| Some((button, numbered(button)?)));
        let nearest = pages.filter(|(_, page)| (at + 1..=to).contains(page)).max_by_key(|(_, page)| *page);
        let more = || {
            // Before the numbers it leads back.
            let last = self.buttons.iter().rposition(|button| numbered(button).is_some())?;
            let more = self.buttons.iter().skip(last).find(|button| button.label == Label::More)?;
            let shown = self.buttons.iter().filter_map(numbered).max().unwrap_or(at).max(at);
            Some((more, shown + 1))
        };
        let next = || Some((self.buttons.iter().find(|button| button.label == Label::Next)?, at + 1));
        nearest.or_else(more).or_else(next)
    }

    /// The fields with `changes` in their places, or after all others.
    pub fn with(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        for (name, value) in changes {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => (*value).clone_into(known),
                None => fields.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        fields
    }
}

/// The form that holds the view state.
pub(super) fn find(html: &Html, anchors: &[Anchor], base: &Url) -> Option<Form> {
    let forms = Selector::parse("form").ok()?;
    let state = Selector::parse("input[name='__VIEWSTATE'], input[name='__VIEWSTATE1'], input[name='__EVENTTARGET'], input[name='__VSTATE']").ok()?;
    let form = html.select(&forms).find(|form| form.select(&state).next().is_some())?;
    let action = form.attr("action").map(str::trim).filter(|action| !action.is_empty());
    let fields = fields(form);
    let picker = picker(&fields);
    Some(Form {
        action: action.map_or_else(|| Ok(base.clone()), |action| base.join(action)).ok()?,
        buttons: buttons(anchors),
        picker,
        fields,
    })
}

/// What a browser would send of a form: everything that has a name and is switched on, but no button (HTML, section
/// 4.10.21.4).
fn fields(form: ElementRef<'_>) -> Vec<(String, String)> {
    let Ok(controls) = Selector::parse("input[name], select[name], textarea[name]") else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    for control in form.select(&controls) {
        let name = control.attr("name").unwrap_or_default().to_owned();
        if name.is_empty() || control.attr("disabled").is_some() {
            continue;
        }
        match control.value().name() {
            "select" => fields.extend(selected(control).map(|value| (name, value))),
            "textarea" => fields.push((name, control.text().collect())),
            _ => {
                let kind = control.attr("type").unwrap_or("text").to_ascii_lowercase();
                let value = control.attr("value");
                match kind.as_str() {
                    "submit" | "button" | "image" | "reset" | "file" => {}
                    "checkbox" | "radio" if control.attr("checked").is_none() => {}
                    "checkbox" | "radio" => fields.push((name, value.unwrap_or("on").to_owned())),
                    _ => fields.push((name, value.unwrap_or_default().to_owned())),
                }
            }
        }
    }
    fields
}

fn selected(select: ElementRef<'_>) -> Option<String> {
    let options = select.descendent_elements().filter(|inner| inner.value().name() == "option");
    let options: Vec<_> = options.collect();
    let chosen =
        options.iter().find(|option| option.attr("selected").is_some()).or(options.first()).copied()?;
    Some(chosen.attr("value").map_or_else(|| dom::text(chosen), str::to_owned))
}

/// The buttons that lead to other pages, in their order.
fn buttons(anchors: &[Anchor]) -> Vec<Button> {
    let all = anchors.iter().filter_map(|anchor| {
        let script = anchor.script.as_deref()?;
        let call = CALL.captures(script)?;
        let text = |index: usize| call.get(index).map_or("", |part| part.as_str()).to_owned();
        let (target, argument) = (text(1), text(2));
        let label = meaning(&anchor.label, &argument)?;
        Some(Button { target, argument, label })
    });
    let all: Vec<Button> = all.collect();
    let mut days: BTreeMap<&str, usize> = BTreeMap::new();
    for button in all.iter().filter(|button| !button.argument.starts_with("Page$")) {
        *days.entry(button.target.as_str()).or_default() += 1;
    }
    let is_calendar = |button: &&Button| {
        !button.argument.is_empty() && days.get(button.target.as_str()).is_some_and(|n| *n >= MONTH)
    };
    all.iter().filter(|button| !is_calendar(button)).cloned().collect()
}

/// Where a button leads, by its argument where that says it (`Page$2`), else by what stands on it.
fn meaning(label: &str, argument: &str) -> Option<Label> {
    match argument.strip_prefix("Page$") {
        Some("Next") => return Some(Label::Next),
        Some(word) if word.chars().all(|c| c.is_ascii_digit()) => return word.parse().ok().map(Label::Page),
        Some(_) => return None,
        None => {}
    }
    if let Some(number) = number(label) {
        return Some(Label::Page(number));
    }
    if matches!(label.trim(), "..." | "…" | "[...]") {
        return Some(Label::More);
    }
    is_next(label).then_some(Label::Next)
}

/// The date picker, by its visible input: `NAME$dateInput`.
fn picker(fields: &[(String, String)]) -> Option<Picker> {
    fields.iter().find_map(|(name, _)| Some(Picker(name.strip_suffix("$dateInput")?.to_owned())))
}
