//! What a configuration says of a list that scripts make.

use super::quoted;
use crate::{
    extract::{Scope, section::Sketch},
    fetch::browser::{Settings, Which},
};

/// What says that scripts make the list, and what it could be waited for.
pub(super) fn source(list: Option<&Sketch>) -> String {
    let mut text = "# Scripts make the list: the browser of `[browser]` reads it (docs/javascript.md).\n\
                    browser = \"list\"\n"
        .to_owned();
    if let Some(list) = list {
        text.push_str("# It is complete when it asks for nothing more; or when it shows this:\n");
        text.push_str(&format!("#browser_wait = {}\n", quoted(&shown_by(list))));
    }
    text
}

/// A selector of what a list shows when it is there: the link of an item, where that can be said in one.
fn shown_by(list: &Sketch) -> String {
    let link = list.link.iter().find_map(|way| way.select.as_deref());
    match link.filter(|link| !link.contains(',') && !list.item.contains(',')) {
        Some(link) if list.scope != Scope::UntilNext => format!("{} {link}", list.item),
        _ => list.item.clone(),
    }
}

/// The browser, for a configuration that stands alone.
pub(in crate::cli) fn browser(settings: &Settings) -> String {
    let which = match &settings.which {
        Which::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("command = [{}]\n", words.join(", "))
        }
        Which::At(url) => format!("url = {}\n", quoted(url.as_str())),
    };
    let mut text = format!("\n[browser]\n{which}");
    if let Some(host) = &settings.proxy_host {
        text.push_str(&format!(
            "proxy_listen = \"{}\"\nproxy_host = {}\n",
            settings.proxy_listen,
            quoted(host)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{Take, section::Way};

    #[test]
    fn a_list_is_waited_for_by_the_link_of_an_item() {
        let none = Vec::new;
        let empty = Sketch {
            item: String::new(),
            scope: Scope::Inside,
            title: none(),
            link: none(),
            date: none(),
            summary: none(),
            image: none(),
        };
        let shown = |item: &str, link: Option<&str>, scope: Scope| {
            let link = Way { select: link.map(str::to_owned), take: Take::Text, pattern: None };
            let list = Sketch { item: item.to_owned(), scope, link: vec![link], ..empty.clone() };
            shown_by(&list)
        };
        assert_eq!(shown("li.story", Some("h3 > a"), Scope::Inside), "li.story h3 > a");
        assert_eq!(shown("a.story", None, Scope::Inside), "a.story");
        assert_eq!(shown("li, dt", Some("a"), Scope::Inside), "li, dt");
        assert_eq!(shown("dt", Some("a"), Scope::UntilNext), "dt");
    }
}
