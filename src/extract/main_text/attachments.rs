//! Documents that a text links to.

/// File name extensions of what people attach to articles.
const EXTENSIONS: [&str; 17] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf", "csv", "zip", "rar",
    "7z", "epub", "txt",
];

/// The address is that of a document, by its name.
pub(super) fn is_one(href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    path.rsplit_once('.').is_some_and(|(before, extension)| {
        before.contains('/') | !before.is_empty()
            && EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}
