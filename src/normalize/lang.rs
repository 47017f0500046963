//! Which language: as declared, unless the letters tell otherwise, else as the letters tell, else as configured.

use crate::model::text::is_letter;

/// The BCP 47 tag of an item; `sample` is some of its text. A portal's English frame around a Vietnamese text
/// declares `en`: the text knows better.
pub(super) fn language(declared: Option<&str>, sample: &str, configured: Option<&str>) -> Option<String> {
    let (own, all) = vietnamese_letters(sample);
    // Vietnamese prose has one such letter in five; an English text about Mr Đặng has a few.
    let (likely, certain) = (own >= 2 && own * 20 >= all, own >= 4 && own * 10 >= all);
    declared
        .and_then(tag)
        .filter(|tag| !certain || tag == "vi" || tag.starts_with("vi-"))
        .or_else(|| likely.then(|| "vi".to_owned()))
        .or_else(|| configured.and_then(tag))
}

/// A declared tag, well-formed and in the usual case (RFC 5646, section 2.1.1): `vi_vn` is `vi-VN`.
fn tag(declared: &str) -> Option<String> {
    let first = declared.split([',', ';']).next()?.trim().replace('_', "-");
    let mut out = String::new();
    for (at, part) in first.split('-').enumerate() {
        let fits = (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let part = part.to_ascii_lowercase();
        let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !fits || (at == 0 && !((2..=3).contains(&part.len()) && letters)) {
            return None;
        }
        match (at, part.len()) {
            // `vn` is the country; people write it for the language.
            (0, _) => out.push_str(if part == "vn" { "vi" } else { &part }),
            (_, 2) if letters => out.push_str(&format!("-{}", part.to_ascii_uppercase())),
            (_, 4) if letters => {
                let (head, tail) = part.split_at(1);
                out.push_str(&format!("-{}{tail}", head.to_ascii_uppercase()));
            }
            _ => out.push_str(&format!("-{part}")),
        }
    }
    (out != "und").then_some(out)
}

/// How many of the first letters are such as only Vietnamese has, and how many were looked at.
fn vietnamese_letters(sample: &str) -> (u32, u32) {
    let own = |c: char| matches!(c, 'ă' | 'Ă' | 'đ' | 'Đ' | 'ơ' | 'Ơ' | 'ư' | 'Ư' | '\u{1ea0}'..='\u{1ef9}');
    let letters = sample.chars().filter(|c| is_letter(*c)).take(2_000);
    letters.fold((0, 0), |(found, all), c| (found + u32::from(own(c)), all + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_detects_and_falls_back() {
        for (declared, sample, expected) in [
            (Some("vi_vn"), "", Some("vi-VN")),
            (Some("VN"), "", Some("vi")),
            (Some("zh-hant-tw"), "", Some("zh-Hant-TW")),
            (Some("en-US, en"), "", Some("en-US")),
            (Some("en-US"), "Khai mạc Đại hội Đảng bộ", Some("vi")),
            (Some("vi-VN"), "Khai mạc Đại hội Đảng bộ", Some("vi-VN")),
            (Some("en"), "Mr Đặng opened the congress of the ward", Some("en")),
            (Some("tiếng Việt"), "Khai mạc Đại hội Đảng bộ", Some("vi")),
            (None, "Khai mạc Đại hội Đảng bộ Quận 1", Some("vi")),
            (None, "Opening of the congress in Hà Nội", Some("fr")),
            (Some("und"), "à la carte, déjà vu", Some("fr")),
        ] {
            assert_eq!(language(declared, sample, Some("fr")).as_deref(), expected, "{declared:?} {sample}");
        }
        assert_eq!(language(None, "", None), None);
    }
}
