//! Where the articles of a source come from: its `url`, a `folder`, or whoever pushes.

use super::{
    read::{Section, Word, Wrong},
    sections::Folders,
};
use crate::ingest::Origin;

/// Exactly one of `url`, `folder` and `pushed` says where articles come from.
pub(super) fn origin(section: &Section<'_>, folders: &Folders) -> Option<Origin> {
    let folder = section.filled("folder");
    let is_pushed = section.boolean("pushed");
    let by = section.words("pushed_by");
    let said: Vec<&str> = ["url", "folder", "pushed"]
        .into_iter()
        .filter(|key| section.has(key) && (*key != "pushed" || is_pushed != Some(false)))
        .collect();
    match said[..] {
        [] => {
            section.require("url", "\"https://…\"");
            return None;
        }
        [first, second, ..] => {
            let message = format!("`{first}` and `{second}` are both there");
            let hint = "a source is looked at (`url`), reads files (`folder`), or is pushed into (`pushed`)";
            section.wrong(second, message, Some(hint.to_owned()));
            return None;
        }
        ["url"] => {}
        [_] => section.require("home", "\"https://…\""),
    }
    if by.is_some() && is_pushed != Some(true) {
        section.wrong(
            "pushed_by",
            "nothing is pushed into this source",
            Some("add `pushed = true`".to_owned()),
        );
    }
    let token =
        |word: &Word| word.text.parse().map_err(|_| Wrong::new(format!("`{}` names no token", word.text)));
    let by = by
        .unwrap_or_default()
        .into_iter()
        .filter_map(|word| token(&word).map_err(|wrong| section.blame(&word, wrong)).ok());
    Some(match folder {
        Some(word) => Origin::Folder(folders.resolve(&word.place, &word.text)),
        None if is_pushed == Some(true) => Origin::Pushed(by.collect()),
        None => Origin::Web,
    })
}
