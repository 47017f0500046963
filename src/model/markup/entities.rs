//! Character references (WHATWG HTML, section 13.5), as far as texts use them.

use std::{borrow::Cow, sync::LazyLock};

use super::table::Table;

/// Replaces character references that end in `;`. Numbers outside of Unicode become U+FFFD, as parsers do.
pub fn decode(text: &str) -> Cow<'_, str> {
    decode_if(text, |_, _| true)
}

/// Replaces those references for which `wanted(character, what follows)` is true.
pub fn decode_if(text: &str, wanted: impl Fn(char, &str) -> bool) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        rest = after;
        let body: String = after.chars().take(LONGEST).take_while(|&c| c != ';').collect();
        let tail = after.strip_prefix(body.as_str()).and_then(|tail| tail.strip_prefix(';'));
        match tail.and_then(|tail| character(&body).map(|found| (found, tail))) {
            Some((found, tail)) if wanted(found, tail) => {
                out.push(found);
                rest = tail;
            }
            _ => out.push('&'),
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Replaces the references to characters that no markup is made of, by themselves: a parser makes the same tree of the
/// result, and spends on each reference what hundreds of letters cost. Where parsers read no
/// references (in scripts, styles, comments, names of attributes) they are replaced, too.
pub fn decode_letters(markup: &str) -> Cow<'_, str> {
    let mut out = String::new();
    // What stands before `copied` is in `out`; what stands before `at` has been looked at.
    let (mut copied, mut at) = (0, 0);
    while let Some(begin) = memchr::memchr(b'&', markup.as_bytes().get(at..).unwrap_or_default()) {
        let begin = at + begin;
        at = begin + 1;
        let behind = markup.as_bytes().get(at..).unwrap_or_default();
        let Some(length) = behind.iter().take(LONGEST + 1).position(|&byte| byte == b';') else { continue };
        let body = markup.get(at..at + length).unwrap_or_default();
        if let Some(letter) = character(body).filter(|&c| c >= '\u{a0}') {
            out.push_str(markup.get(copied..begin).unwrap_or_default());
            out.push(letter);
            at += length + 1;
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(markup);
    }
    out.push_str(markup.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// The longest reference looked for, in characters.
const LONGEST: usize = 12;

fn character(body: &str) -> Option<char> {
    let Some(number) = body.strip_prefix('#') else {
        return Some(BY_NAME.get(packed(body.as_bytes())?)).filter(|&c| c != '\0');
    };
    // Rust reads `+5` as a number.
    let number = match number.strip_prefix(['x', 'X']) {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok()?,
        None if !number.starts_with('+') => number.parse().ok()?,
        _ => return None,
    };
    match number {
        0 => Some(char::REPLACEMENT_CHARACTER),
        // What authors mean by the C1 controls is windows-1252 (section 13.2.5.80).
        0x80..=0x9f => WINDOWS_1252.get(number as usize - 0x80).copied(),
        _ => Some(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)),
    }
}

const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

static BY_NAME: LazyLock<Table<char, 1024>> = LazyLock::new(|| {
    let by_number = |(name, c): (&str, char)| Some((packed(name.as_bytes())?, c));
    Table::of(NAMES.into_iter().filter_map(by_number))
});

/// A name as a number, another one for each; none has more than eight bytes.
fn packed(name: &[u8]) -> Option<u64> {
    let fits = (1..=8).contains(&name.len()) && name.iter().all(u8::is_ascii_alphanumeric);
    fits.then(|| name.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The names of HTML 4 and a few of HTML 5, sorted.
static NAMES: [(&str, char); 306] = [
    ("AElig", 'Æ'),
    ("AMP", '&'),
    ("Aacute", 'Á'),
    ("Abreve", 'Ă'),
    ("Acirc", 'Â'),
    ("Agrave", 'À'),
    ("Alpha", 'Α'),
    ("Aring", 'Å'),
    ("Atilde", 'Ã'),
    ("Auml", 'Ä'),
    ("Beta", 'Β'),
    ("COPY", '©'),
    ("Ccedil", 'Ç'),
    ("Chi", 'Χ'),
    ("Dagger", '‡'),
    ("Delta", 'Δ'),
    ("Dstrok", 'Đ'),
    ("ETH", 'Ð'),
    ("Eacute", 'É'),
    ("Ecirc", 'Ê'),
    ("Egrave", 'È'),
    ("Epsilon", 'Ε'),
    ("Eta", 'Η'),
    ("Euml", 'Ë'),
    ("GT", '>'),
    ("Gamma", 'Γ'),
    ("Hat", '^'),
    ("Iacute", 'Í'),
    ("Icirc", 'Î'),
    ("Igrave", 'Ì'),
    ("Iota", 'Ι'),
    ("Itilde", 'Ĩ'),
    ("Iuml", 'Ï'),
    ("Kappa", 'Κ'),
    ("LT", '<'),
    ("Lambda", 'Λ'),
    ("Mu", 'Μ'),
    ("NewLine", '\u{a}'),
    ("Ntilde", 'Ñ'),
    ("Nu", 'Ν'),
    ("OElig", 'Œ'),
    ("Oacute", 'Ó'),
    ("Ocirc", 'Ô'),
    ("Ograve", 'Ò'),
    ("Omega", 'Ω'),
    ("Omicron", 'Ο'),
    ("Oslash", 'Ø'),
    ("Otilde", 'Õ'),
    ("Ouml", 'Ö'),
    ("Phi", 'Φ'),
    ("Pi", 'Π'),
    ("Prime", '″'),
    ("Psi", 'Ψ'),
    ("QUOT", '"'),
    ("REG", '®'),
    ("Rho", 'Ρ'),
    ("Scaron", 'Š'),
    ("Sigma", 'Σ'),
    ("THORN", 'Þ'),
    ("Tab", '\u{9}'),
    ("Tau", 'Τ'),
    ("Theta", 'Θ'),
    ("Uacute", 'Ú'),
    ("Ucirc", 'Û'),
    ("Ugrave", 'Ù'),
    ("Upsilon", 'Υ'),
    ("Utilde", 'Ũ'),
    ("Uuml", 'Ü'),
    ("Xi", 'Ξ'),
    ("Yacute", 'Ý'),
    ("Ycirc", 'Ŷ'),
    ("Yuml", 'Ÿ'),
    ("Zeta", 'Ζ'),
    ("aacute", 'á'),
    ("abreve", 'ă'),
    ("acirc", 'â'),
    ("acute", '´'),
    ("aelig", 'æ'),
    ("agrave", 'à'),
    ("alefsym", 'ℵ'),
    ("alpha", 'α'),
    ("amp", '&'),
    ("and", '∧'),
    ("ang", '∠'),
    ("apos", '\''),
    ("aring", 'å'),
    ("ast", '*'),
    ("asymp", '≈'),
    ("atilde", 'ã'),
    ("auml", 'ä'),
    ("bdquo", '„'),
    ("beta", 'β'),
    ("brvbar", '¦'),
    ("bsol", '\\'),
    ("bull", '•'),
    ("cap", '∩'),
    ("ccedil", 'ç'),
    ("cedil", '¸'),
    ("cent", '¢'),
    ("check", '✓'),
    ("chi", 'χ'),
    ("circ", 'ˆ'),
    ("clubs", '♣'),
    ("colon", ':'),
    ("comma", ','),
    ("commat", '@'),
    ("cong", '≅'),
    ("copy", '©'),
    ("crarr", '↵'),
    ("cup", '∪'),
    ("curren", '¤'),
    ("dArr", '⇓'),
    ("dagger", '†'),
    ("darr", '↓'),
    ("dash", '‐'),
    ("deg", '°'),
    ("delta", 'δ'),
    ("diams", '♦'),
    ("divide", '÷'),
    ("dollar", '$'),
    ("dstrok", 'đ'),
    ("eacute", 'é'),
    ("ecirc", 'ê'),
    ("egrave", 'è'),
    ("empty", '∅'),
    ("emsp", '\u{2003}'),
    ("ensp", '\u{2002}'),
    ("epsilon", 'ε'),
    ("equals", '='),
    ("equiv", '≡'),
    ("eta", 'η'),
    ("eth", 'ð'),
    ("euml", 'ë'),
    ("euro", '€'),
    ("excl", '!'),
    ("exist", '∃'),
    ("fnof", 'ƒ'),
    ("forall", '∀'),
    ("frac12", '½'),
    ("frac14", '¼'),
    ("frac34", '¾'),
    ("frasl", '⁄'),
    ("gamma", 'γ'),
    ("ge", '≥'),
    ("grave", '`'),
    ("gt", '>'),
    ("hArr", '⇔'),
    ("harr", '↔'),
    ("hearts", '♥'),
    ("hellip", '…'),
    ("horbar", '―'),
    ("hyphen", '‐'),
    ("iacute", 'í'),
    ("icirc", 'î'),
    ("iexcl", '¡'),
    ("igrave", 'ì'),
    ("image", 'ℑ'),
    ("infin", '∞'),
    ("int", '∫'),
    ("iota", 'ι'),
    ("iquest", '¿'),
    ("isin", '∈'),
    ("itilde", 'ĩ'),
    ("iuml", 'ï'),
    ("kappa", 'κ'),
    ("lArr", '⇐'),
    ("lambda", 'λ'),
    ("lang", '⟨'),
    ("laquo", '«'),
    ("larr", '←'),
    ("lbrack", '['),
    ("lceil", '⌈'),
    ("lcub", '{'),
    ("ldquo", '“'),
    ("le", '≤'),
    ("lfloor", '⌊'),
    ("lowast", '∗'),
    ("lowbar", '_'),
    ("loz", '◊'),
    ("lpar", '('),
    ("lrm", '\u{200e}'),
    ("lsaquo", '‹'),
    ("lsqb", '['),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("macr", '¯'),
    ("mdash", '—'),
    ("micro", 'µ'),
    ("middot", '·'),
    ("minus", '−'),
    ("mu", 'μ'),
    ("nabla", '∇'),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("ne", '≠'),
    ("ni", '∋'),
    ("not", '¬'),
    ("notin", '∉'),
    ("nsub", '⊄'),
    ("ntilde", 'ñ'),
    ("nu", 'ν'),
    ("num", '#'),
    ("oacute", 'ó'),
    ("ocirc", 'ô'),
    ("oelig", 'œ'),
    ("ograve", 'ò'),
    ("oline", '‾'),
    ("omega", 'ω'),
    ("omicron", 'ο'),
    ("oplus", '⊕'),
    ("or", '∨'),
    ("ordf", 'ª'),
    ("ordm", 'º'),
    ("oslash", 'ø'),
    ("otilde", 'õ'),
    ("otimes", '⊗'),
    ("ouml", 'ö'),
    ("para", '¶'),
    ("part", '∂'),
    ("percnt", '%'),
    ("period", '.'),
    ("permil", '‰'),
    ("perp", '⊥'),
    ("phi", 'φ'),
    ("phone", '☎'),
    ("pi", 'π'),
    ("piv", 'ϖ'),
    ("plus", '+'),
    ("plusmn", '±'),
    ("pound", '£'),
    ("prime", '′'),
    ("prod", '∏'),
    ("prop", '∝'),
    ("psi", 'ψ'),
    ("quest", '?'),
    ("quot", '"'),
    ("rArr", '⇒'),
    ("radic", '√'),
    ("rang", '⟩'),
    ("raquo", '»'),
    ("rarr", '→'),
    ("rbrack", ']'),
    ("rceil", '⌉'),
    ("rcub", '}'),
    ("rdquo", '”'),
    ("real", 'ℜ'),
    ("reg", '®'),
    ("rfloor", '⌋'),
    ("rho", 'ρ'),
    ("rlm", '\u{200f}'),
    ("rpar", ')'),
    ("rsaquo", '›'),
    ("rsqb", ']'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("scaron", 'š'),
    ("sdot", '⋅'),
    ("sect", '§'),
    ("semi", ';'),
    ("shy", '\u{ad}'),
    ("sigma", 'σ'),
    ("sigmaf", 'ς'),
    ("sim", '∼'),
    ("sol", '/'),
    ("spades", '♠'),
    ("star", '☆'),
    ("starf", '★'),
    ("sub", '⊂'),
    ("sube", '⊆'),
    ("sum", '∑'),
    ("sup", '⊃'),
    ("sup1", '¹'),
    ("sup2", '²'),
    ("sup3", '³'),
    ("supe", '⊇'),
    ("szlig", 'ß'),
    ("tau", 'τ'),
    ("there4", '∴'),
    ("theta", 'θ'),
    ("thetasym", 'ϑ'),
    ("thinsp", '\u{2009}'),
    ("thorn", 'þ'),
    ("tilde", '˜'),
    ("times", '×'),
    ("trade", '™'),
    ("uArr", '⇑'),
    ("uacute", 'ú'),
    ("uarr", '↑'),
    ("ucirc", 'û'),
    ("ugrave", 'ù'),
    ("uml", '¨'),
    ("upsih", 'ϒ'),
    ("upsilon", 'υ'),
    ("utilde", 'ũ'),
    ("uuml", 'ü'),
    ("verbar", '|'),
    ("vert", '|'),
    ("weierp", '℘'),
    ("xi", 'ξ'),
    ("yacute", 'ý'),
    ("ycirc", 'ŷ'),
    ("yen", '¥'),
    ("yuml", 'ÿ'),
    ("zeta", 'ζ'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_is_a_reference() {
        for (text, expected) in [
            ("ng&agrave;y 1&nbsp;th&#225;ng", "ngày 1\u{a0}tháng"),
            ("&#x1EAD; &#146; &#0; &#xD800; &#99999999999;", "ậ ’ \u{fffd} \u{fffd} &#99999999999;"),
            ("AT&T &copy &nope; &; &&amp;", "AT&T &copy &nope; &; &&"),
            ("a?x=1&copy=2", "a?x=1&copy=2"),
            ("&AMP;&LT;&lang;&lbrack;ng&amp;agrave;y &ậ;&", "&<⟨[ng&agrave;y &ậ;&"),
            ("&#+225;&#x+e1;&#x;&#;", "&#+225;&#x+e1;&#x;&#;"),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
        for (name, c) in NAMES {
            assert_eq!(decode(&format!("&{name};")), c.to_string(), "{name}");
        }
    }

    #[test]
    fn letters_are_what_no_markup_is_made_of() {
        for (markup, expected) in [
            ("<p>ng&agrave;y&nbsp;1 th&#225;ng &#x1EAD;&#146;", "<p>ngày\u{a0}1 tháng ậ’"),
            ("<a href='?a=1&amp;b&lt;&quot;&#39;&#60;'>", "<a href='?a=1&amp;b&lt;&quot;&#39;&#60;'>"),
            ("&amp;agrave; &agrave &copy=1; &&aacute;;", "&amp;agrave; &agrave &copy=1; &á;"),
            ("a & b, đ&ậ; &", "a & b, đ&ậ; &"),
        ] {
            assert_eq!(decode_letters(markup), expected);
        }
        assert!(matches!(decode_letters("no &amp; letters"), Cow::Borrowed(_)));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

        /// Every name is what html5ever says it is, and nothing else in the tree changes.
        #[test]
        fn a_parser_makes_the_same_tree_of_decoded_letters(
            parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..12),
            names in proptest::collection::vec(proptest::sample::select(&NAMES[..]), 0..6),
        ) {
            let named: String = names.iter().map(|(name, _)| format!("&{name};<p title='&{name};'>")).collect();
            let markup = parts.concat() + &named;
            let decoded = decode_letters(&markup);
            let trees = [&*markup, &*decoded].map(|markup| scraper::Html::parse_document(markup).html());
            proptest::prop_assert_eq!(&trees[0], &trees[1], "{}", markup);
        }
    }

    const PARTS: &[&str] = &[
        "<p>",
        "</p>",
        "<table>",
        "<tr><td>",
        "<b>",
        "<a href=\"x&eacute;y\">",
        "<i>",
        "<!DOCTYPE html>",
        "<title>",
        "</title>",
        "<body>",
        "&",
        "&#",
        "&#x",
        "; ",
        "&agrave",
        "&agrave;",
        "&nbsp;",
        "&amp;",
        "&copy",
        "=",
        "&#225;",
        "&#xe1;",
        "&#150;",
        "&#0;",
        "&#xD800;",
        "&#1114112;",
        "&lt;p&gt;",
        "<textarea>",
        "</textarea>",
        "<select><option>",
        "<svg>",
        "x",
        " ",
        "à",
        "\n",
    ];
}
