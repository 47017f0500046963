//! What holds of sanitized markup.

use std::sync::LazyLock;

use loaphuong::{model::Html, normalize::html};
use scraper::{Node, node::Element};
use url::Url;

use super::{BASE, texts};

/// Every element that may stand in an article, and what parsers put around one.
const ELEMENTS: &str = "html head body a abbr article aside audio b bdi blockquote br caption cite code col colgroup \
    dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt \
    ruby s samp section small source strong sub summary sup table tbody td tfoot th thead time tr u ul var video wbr";

/// Every attribute that may stand there.
const ATTRIBUTES: &str = "alt colspan controls datetime dir height href lang poster rel reversed rowspan scope span \
    src start title type value width";

/// Another place than where it was found.
static ELSEWHERE: LazyLock<Url> =
    LazyLock::new(|| Url::parse("http://reader.example/a/b?c").expect("it is constant"));

/// Safe markup, which the sanitizer leaves as it is, wherever it stands.
pub fn sanitized(html: &Html) {
    let markup = html.as_str();
    for parsed in [scraper::Html::parse_fragment(markup), scraper::Html::parse_document(markup)] {
        for node in parsed.tree.values() {
            match node {
                Node::Element(element) => harmless(element, markup),
                Node::Text(text) => texts::shown(text),
                Node::Comment(_) | Node::ProcessingInstruction(_) | Node::Doctype(_) => {
                    panic!("{node:?} in {markup}")
                }
                Node::Document | Node::Fragment => {}
            }
        }
    }
    // Without a tag it could as well be text.
    if markup.contains('<') {
        for base in [&*BASE, &*ELSEWHERE] {
            let again = html::clean(markup, None, base, &[]);
            assert_eq!(again.html.as_str(), markup, "sanitized markup is stable");
        }
    }
    let words = html::to_text(html);
    words.lines().for_each(texts::shown);
}

/// An element that only shows something, and leads nowhere but into the web.
fn harmless(element: &Element, markup: &str) {
    let name = element.name();
    assert!(ELEMENTS.split_ascii_whitespace().any(|known| known == name), "<{name}> in {markup}");
    for (key, value) in element.attrs() {
        assert!(
            ATTRIBUTES.split_ascii_whitespace().any(|known| known == key),
            "{key} of <{name}> in {markup}"
        );
        match key {
            "href" | "src" | "poster" => texts::public(value),
            "rel" => assert_eq!(value, "noopener noreferrer"),
            _ => texts::shown(value),
        }
    }
}

/// Cleans as the daemon does, and holds everything that comes of it against the promises.
pub fn cleaned(raw: &str, media_type: Option<&str>) {
    let cleaned = html::clean(raw, media_type, &BASE, &[]);
    sanitized(&cleaned.html);
    let parsed = scraper::Html::parse_fragment(cleaned.html.as_str());
    let stands = |key: &str, address: &str| {
        let mut elements = parsed.tree.values().filter_map(Node::as_element);
        assert!(
            elements.any(|element| element.attr(key) == Some(address)),
            "no {key} {address} in {}",
            cleaned.html
        );
    };
    for image in &cleaned.images {
        stands("src", image);
    }
    for (document, title) in &cleaned.documents {
        stands("href", document);
        texts::line(title);
    }
    super::said(&cleaned.issues);
}
