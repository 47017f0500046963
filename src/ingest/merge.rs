//! A list's item and its article page become one draft.

use crate::model::{Date, Draft, ExtractedBy};

/// What `page` says, completed by what the list said of the same article.
///
/// The list's headline wins, because a page's `<title>` is often the site's; unless the list has cut it short.
/// Address and names are the list's: a page may have been reached through a redirect.
pub(super) fn merge(list: Draft, page: Draft) -> Draft {
    let mut merged = list;
    let (list, page_content) = (&mut merged.content, page.content);
    // What has no title is called by its address.
    let is_made = list.url.as_deref() == Some(list.title.as_str());
    if list.title.is_empty() || is_made || is_cut(&list.title, &page_content.title) {
        list.title = page_content.title;
    }
    if list.summary.is_empty() {
        list.summary = page_content.summary;
    }
    if !page_content.html.is_empty() {
        list.html = page_content.html;
        list.extracted_by = page_content.extracted_by;
    } else if list.html.is_empty() {
        list.extracted_by = ExtractedBy::Summary;
    }
    list.language = page_content.language.or(list.language.take());
    list.image = page_content.image.or(list.image.take());
    if !page_content.authors.is_empty() {
        list.authors = page_content.authors;
    }
    for category in page_content.categories {
        if !list.categories.contains(&category) {
            list.categories.push(category);
        }
    }
    for enclosure in page_content.enclosures {
        if !list.enclosures.iter().any(|known| known.url == enclosure.url) {
            list.enclosures.push(enclosure);
        }
    }
    merged.published = better(page.published, merged.published);
    merged.updated = page.updated.or(merged.updated);
    merged.links.extend(page.links);
    merged
}

/// Fills what `item` does not say with what its twin on the same list says: a list shows one article twice, and only
/// one of the two with its picture.
pub(super) fn complete(item: &mut Draft, twin: Draft) {
    let (content, other) = (&mut item.content, twin.content);
    for (own, others) in [(&mut content.title, other.title), (&mut content.summary, other.summary)] {
        if own.is_empty() {
            *own = others;
        }
    }
    if content.html.is_empty() {
        content.html = other.html;
    }
    content.url = content.url.take().or(other.url);
    content.image = content.image.take().or(other.image);
    for category in other.categories {
        if !content.categories.contains(&category) {
            content.categories.push(category);
        }
    }
    item.published = better(item.published.take(), twin.published);
}

/// True when `short` is the beginning of `long` followed by an ellipsis.
fn is_cut(short: &str, long: &str) -> bool {
    let stem = short.trim_end_matches(['.', '…']).trim_end();
    stem.len() < short.len() && !stem.is_empty() && long.len() > short.len() && long.starts_with(stem)
}

/// The date that says more: a real one before an inferred one, then the finer precision, then the first.
fn better(first: Option<Date>, second: Option<Date>) -> Option<Date> {
    match (first, second) {
        (Some(a), Some(b)) => {
            let rank = |date: &Date| (date.inferred, date.precision);
            Some(if rank(&b) < rank(&a) { b } else { a })
        }
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, Offset, Precision, Timestamp};

    fn draft(title: &str, precision: Option<Precision>) -> Draft {
        let published = precision.map(|precision| Date {
            at: Timestamp::from_second(1_596_103_920),
            offset: Offset(25_200),
            precision,
            raw: None,
            inferred: false,
        });
        Draft {
            content: Content { title: title.into(), ..Content::default() },
            published,
            ..Draft::default()
        }
    }

    #[test]
    fn the_lists_headline_wins_unless_it_was_cut() {
        let title = |list: &str, page: &str| merge(draft(list, None), draft(page, None)).content.title;
        assert_eq!(title("Khai mạc đại hội", "Cổng thông tin Quận 1"), "Khai mạc đại hội");
        assert_eq!(title("Khai mạc…", "Khai mạc đại hội"), "Khai mạc đại hội");
        assert_eq!(title("Khai mạc...", "Khai mạc đại hội"), "Khai mạc đại hội");
        assert_eq!(title("Thế rồi…", "Khai mạc đại hội"), "Thế rồi…");
        assert_eq!(title("", "Khai mạc đại hội"), "Khai mạc đại hội");
        let mut by_address = draft("https://a.example/1", None);
        by_address.content.url = Some("https://a.example/1".to_owned());
        assert_eq!(merge(by_address, draft("Khai mạc", None)).content.title, "Khai mạc");
    }

    #[test]
    fn the_finer_date_wins_and_the_page_breaks_ties() {
        let precision =
            |list, page| merge(draft("a", list), draft("a", page)).published.map(|date| date.precision);
        assert_eq!(precision(Some(Precision::Minute), Some(Precision::Day)), Some(Precision::Minute));
        assert_eq!(precision(Some(Precision::Day), Some(Precision::Minute)), Some(Precision::Minute));
        assert_eq!(precision(Some(Precision::Day), None), Some(Precision::Day));
        let mut inferred = draft("a", Some(Precision::Minute));
        inferred.published.as_mut().unwrap().inferred = true;
        let real = draft("a", Some(Precision::Day));
        assert!(!merge(real, inferred).published.unwrap().inferred);
    }
}
