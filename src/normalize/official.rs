//! Official documents: which one an article announces, as Vietnamese offices number them (Decree 30/2020/NĐ-CP,
//! appendix I): `123/QĐ-UBND`, `45/2026/NĐ-CP`, `Số: 07 /TB-UBND`.
//!
//! Only the document that the article is about: one of the title, one behind the `Số:` of a letterhead, one that is
//! said to be issued. What a text stands on (`Căn cứ Nghị định số …`) is another document.

use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use crate::model::{Official, text::composed};

/// How far into a text its own number stands, in characters.
const HEAD: usize = 1_500;
/// How far before a number the words stand that say what it is, and behind it its date, in characters.
const BEFORE: usize = 60;
const BEHIND: usize = 160;

/// Number, year and symbol. White space may stand around every joint.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    let part = r"[A-ZĐ][A-Za-zĐđƯư&]{0,14}\d{0,2}";
    let pattern =
        format!(r"(\d{{1,6}})(?:\s*/\s*((?:19|20)\d\d))?\s*/\s*({part}(?:\s*[-–.]\s*{part}){{0,4}})");
    Regex::new(&pattern).expect("a fixed pattern")
});

/// A day of signing behind a number.
static SIGNED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)ngày\s*(\d{1,2})\s*(?:[/.-]|tháng)\s*(\d{1,2})\s*(?:[/.-]|năm)\s*(\d{4})";
    Regex::new(pattern).expect("a fixed pattern")
});

/// Words before a number that is another document's.
static CITED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)(?:căn cứ|theo|tại|thực hiện|thi hành|triển khai|hướng dẫn|quán triệt|sửa đổi|bổ sung|thay thế|bãi bỏ|kèm theo|tiếp theo|góp ý|tuyên truyền|phổ biến|trả lời|đến|của)(?:\s+[^\s\d]+){0,5}\s*:?\s*$";
    Regex::new(pattern).expect("a fixed pattern")
});

/// Words before the number of the text's own document.
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?:(?:^|\n|\s)(?:Số|SỐ)\s*:\s*|(?i:ban hành|ký|công bố|đã ra|vừa ra|phát hành)\s+(?:[^\s\d.;]+\s+){0,6}(?i:số\s*:?\s*)?)$";
    Regex::new(pattern).expect("a fixed pattern")
});

/// A number that is called one.
static CALLED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(?:số|công văn)\s*:?\s*$").expect("a fixed pattern"));

/// What documents are called, by the first part of their symbol.
const KINDS: [(&str, &str); 30] = [
    ("NĐ", "Nghị định"),
    ("NQ", "Nghị quyết"),
    ("QĐ", "Quyết định"),
    ("CT", "Chỉ thị"),
    ("TT", "Thông tư"),
    ("TTLT", "Thông tư liên tịch"),
    ("QC", "Quy chế"),
    ("QyĐ", "Quy định"),
    ("TC", "Thông cáo"),
    ("TB", "Thông báo"),
    ("HD", "Hướng dẫn"),
    ("CTr", "Chương trình"),
    ("KH", "Kế hoạch"),
    ("PA", "Phương án"),
    ("ĐA", "Đề án"),
    ("DA", "Dự án"),
    ("BC", "Báo cáo"),
    ("BB", "Biên bản"),
    ("TTr", "Tờ trình"),
    ("HĐ", "Hợp đồng"),
    ("CV", "Công văn"),
    ("CĐ", "Công điện"),
    ("BGN", "Bản ghi nhớ"),
    ("GUQ", "Giấy ủy quyền"),
    ("GM", "Giấy mời"),
    ("GGT", "Giấy giới thiệu"),
    ("PL", "Pháp lệnh"),
    ("L", "Lệnh"),
    ("VBHN", "Văn bản hợp nhất"),
    ("TM", "Thư mời"),
];

/// Kinds that stand in words only.
const NAMED: [&str; 4] = ["Luật", "Bộ luật", "Pháp lệnh", "Nghị quyết"];

/// Offices that mean one thing wherever they stand.
const OFFICES: [(&str, &str); 20] = [
    ("CP", "Chính phủ"),
    ("TTg", "Thủ tướng Chính phủ"),
    ("CTN", "Chủ tịch nước"),
    ("QH", "Quốc hội"),
    ("UBTVQH", "Ủy ban Thường vụ Quốc hội"),
    ("VPCP", "Văn phòng Chính phủ"),
    ("UBND", "Ủy ban nhân dân"),
    ("HĐND", "Hội đồng nhân dân"),
    ("BTC", "Bộ Tài chính"),
    ("BNV", "Bộ Nội vụ"),
    ("BTP", "Bộ Tư pháp"),
    ("BYT", "Bộ Y tế"),
    ("BCA", "Bộ Công an"),
    ("BQP", "Bộ Quốc phòng"),
    ("BXD", "Bộ Xây dựng"),
    ("BCT", "Bộ Công Thương"),
    ("BGDĐT", "Bộ Giáo dục và Đào tạo"),
    ("BTTTT", "Bộ Thông tin và Truyền thông"),
    ("BKHCN", "Bộ Khoa học và Công nghệ"),
    ("NHNN", "Ngân hàng Nhà nước"),
];

/// The official document that an article announces or is; `text` is its full text without markup.
pub fn official(title: &str, text: &str) -> Option<Official> {
    let head: String = text.chars().take(HEAD).collect();
    let (title, head) = (composed(title), composed(&head));
    let of_title = find(&title, |_| true);
    let found = of_title.or_else(|| find(&head, |before| OWN.is_match(before)))?;
    let signed =
        found.signed.or_else(|| find(&head, |_| true).filter(|it| it.number == found.number)?.signed);
    Some(Official { signed, ..found })
}

/// The first number of a text that is not another document's, and before which stands what `fits`.
fn find(text: &str, fits: impl Fn(&str) -> bool) -> Option<Official> {
    if !may_have_number(text) {
        return None;
    }
    NUMBER.captures_iter(text).find_map(|captures| {
        let whole = captures.get(0)?;
        let before = last(text.get(..whole.start())?, BEFORE);
        let behind: String = text.get(whole.end()..)?.chars().take(BEHIND).collect();
        // `24/24`, `1.205/H`, `a1/B2`: a digit or a letter before is part of it.
        let is_cut = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | ',' | '-'))
            || before.ends_with('.') && before.trim_end_matches('.').ends_with(|c: char| c.is_ascii_digit());
        if is_cut || !fits(before) {
            return None;
        }
        let (number, year) = (captures.get(1)?.as_str(), captures.get(2).map(|year| year.as_str()));
        let symbol: Vec<&str> = captures.get(3)?.as_str().split(['-', '–', '.']).map(str::trim).collect();
        read(number, year, &symbol, before).map(|found| Official { signed: signed(&behind), ..found })
    })
}

/// Is there a `/` between a digit and a capital? Most texts have none, and a pattern takes longer to see that.
fn may_have_number(text: &str) -> bool {
    text.match_indices('/').any(|(at, _)| {
        let (before, behind) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        behind.trim_start().starts_with(|c: char| c == 'Đ' || c.is_ascii_uppercase())
            && before.trim_end().ends_with(char::is_numeric)
    })
}

/// A number by its parts; `None` where nothing says that it is a document's.
fn read(number: &str, year: Option<&str>, symbol: &[&str], before: &str) -> Option<Official> {
    let (first, rest) = symbol.split_first()?;
    let by_symbol = KINDS.iter().find(|(symbol, _)| symbol == first).map(|(_, kind)| *kind);
    let is_called = CALLED.is_match(before);
    let by_name = || {
        let (words, _) = before.trim_end().rsplit_once(char::is_whitespace)?;
        let name = |name: &&&str| words.trim_end().to_lowercase().ends_with(&name.to_lowercase());
        NAMED.iter().find(name).copied()
    };
    // `123/UBND-VX`: letters have no symbol of their kind, only the office and who wrote it.
    let letter = || (is_called && year.is_none() && !rest.is_empty()).then_some("Công văn");
    let with_office = !rest.is_empty() || is_called;
    let kind = by_symbol.filter(|_| with_office).or_else(by_name).or_else(letter);
    if kind.is_none() && !(is_called && year.is_some()) || CITED.is_match(unnamed(before, kind)) {
        return None;
    }
    let office = if by_symbol.is_some() { rest } else { symbol };
    let year = year.map(|year| format!("/{year}")).unwrap_or_default();
    Some(Official {
        number: format!("{number}{year}/{}", symbol.join("-")),
        kind: kind.map(str::to_owned),
        issuer: issuer(office),
        signed: None,
    })
}

/// What stands before a document's name: `Hướng dẫn` is one, and what is done with others.
fn unnamed<'a>(before: &'a str, kind: Option<&str>) -> &'a str {
    let before = before.trim_end().trim_end_matches(':').trim_end();
    let rest = CALLED.find(before).map_or(before, |called| before.get(..called.start()).unwrap_or_default());
    let n_chars = kind.map_or(0, |kind| kind.chars().count());
    let name = last(rest.trim_end(), n_chars);
    let is_named = n_chars > 0 && kind.is_some_and(|kind| name.to_lowercase() == kind.to_lowercase());
    if is_named { rest.trim_end().strip_suffix(name).unwrap_or(rest) } else { before }
}

fn issuer(office: &[&str]) -> Option<String> {
    let first = office.first()?;
    let bare = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let known = OFFICES.iter().find(|(symbol, _)| *symbol == bare).map(|(_, name)| *name);
    Some(known.map_or_else(|| office.join("-"), str::to_owned))
}

/// The day behind a number, where no other number stands before it.
fn signed(behind: &str) -> Option<Date> {
    let captures = SIGNED.captures(behind)?;
    let before = behind.get(..captures.get(0)?.start())?;
    if NUMBER.is_match(before) {
        return None;
    }
    let part = |number: usize| captures.get(number)?.as_str().parse::<i16>().ok();
    let (day, month) = (i8::try_from(part(1)?).ok()?, i8::try_from(part(2)?).ok()?);
    Date::new(part(3)?, month, day).ok()
}

/// The last characters of a text.
fn last(text: &str, n_chars: usize) -> &str {
    let start = text.char_indices().rev().nth(n_chars.saturating_sub(1)).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Number, kind, issuer and day of signing as one line.
    fn check(title: &str, text: &str, expected: &str) {
        let found = official(title, text).map_or_else(String::new, |found| {
            let said = [found.kind, found.issuer, found.signed.map(|day| day.to_string())];
            let said: Vec<_> = said.into_iter().map(|part| part.unwrap_or_else(|| "-".to_owned())).collect();
            format!("{} | {}", found.number, said.join(" | "))
        });
        assert_eq!(found, expected, "{title} / {text}");
    }

    #[test]
    fn reads_number_kind_issuer_and_day() {
        check(
            "Quyết định số 123/QĐ-UBND ngày 5 tháng 3 năm 2026 về việc phê duyệt",
            "",
            "123/QĐ-UBND | Quyết định | Ủy ban nhân dân | 2026-03-05",
        );
        check(
            "Nghị định 45/2026/NĐ-CP quy định về phí",
            "Chính phủ ban hành Nghị định số 45/2026/NĐ-CP ngày 10/02/2026.",
            "45/2026/NĐ-CP | Nghị định | Chính phủ | 2026-02-10",
        );
        check("TB 07 /TB - UBND", "", "07/TB-UBND | Thông báo | Ủy ban nhân dân | -");
        check("Luật số 45/2019/QH14", "", "45/2019/QH14 | Luật | Quốc hội | -");
        check("Công văn số 211/VPCP-KGVX", "", "211/VPCP-KGVX | Công văn | Văn phòng Chính phủ | -");
        check("Kế hoạch 15/KH-STTTT triển khai chữ ký số", "", "15/KH-STTTT | Kế hoạch | STTTT | -");
    }

    #[test]
    fn finds_its_own_number_in_the_head_of_a_text() {
        let letterhead = "ỦY BAN NHÂN DÂN\nSố: 12/TB-UBND\nQuận 1, ngày 05 tháng 03 năm 2026\nCăn cứ Nghị định số 30/2020/NĐ-CP";
        check("Thông báo tuyển dụng", letterhead, "12/TB-UBND | Thông báo | Ủy ban nhân dân | 2026-03-05");
        check(
            "Giảm phí",
            "Ngày 5/3, UBND Thành phố vừa ban hành Quyết định số 9/QĐ-UBND về phí.",
            "9/QĐ-UBND | Quyết định | Ủy ban nhân dân | -",
        );
    }

    #[test]
    fn what_is_cited_is_another_document() {
        for (title, text) in [
            ("Tin", "Căn cứ Nghị định số 30/2020/NĐ-CP của Chính phủ"),
            ("Triển khai Nghị định số 30/2020/NĐ-CP", ""),
            ("Tin", "Nhiều nơi nhắc tới Quyết định 5/QĐ-TTg."),
            ("Họp lúc 8h30 ngày 5/3", "24/7, 1/H, 3/2026, 5/Q1, A4/TB-X, 12.5/TB-X"),
            ("Trận đấu 3/TB", ""),
        ] {
            check(title, text, "");
        }
    }

    #[test]
    fn a_day_that_is_none_is_left_out() {
        check("Thông báo số 7/TB-UBND ngày 31/02/2026", "", "7/TB-UBND | Thông báo | Ủy ban nhân dân | -");
    }

    proptest! {
        #[test]
        fn reads_back_what_offices_write(
            number in 1u32..100_000, year in prop::option::of(1945u16..2100), kind in 0..KINDS.len(),
            office in "[A-ZĐ]{2,6}", day in 1i8..29, month in 1i8..13, gap in "[ ]?", composed in any::<bool>()
        ) {
            let (symbol, name) = KINDS[kind];
            let year = year.map(|year| format!("{gap}/{year}")).unwrap_or_default();
            let title = format!(
                "{name} số {number}{year}{gap}/{gap}{symbol}-{gap}{office} ngày {day} tháng {month} năm 2026"
            );
            let title = if composed {
                title
            } else {
                unicode_normalization::UnicodeNormalization::nfd(title.as_str()).collect()
            };
            let found = official(&title, "").unwrap();
            prop_assert_eq!(&found.number, &format!("{number}{}/{symbol}-{office}", year.trim()));
            prop_assert_eq!(found.kind.as_deref(), Some(name));
            prop_assert_eq!(found.signed, Some(jiff::civil::date(2026, month, day)));
            prop_assert_eq!(official("", &format!("Số: {number}/{symbol}-{office}")).map(|it| it.number),
                Some(format!("{number}/{symbol}-{office}")));
        }

        #[test]
        fn never_fails(title in "\\PC{0,80}", text in "([0-9]{1,3}|/|-|QĐ|UBND|Số: |ngày |\\PC| ){0,60}") {
            if let Some(found) = official(&title, &text) {
                prop_assert!(found.number.contains('/'));
                prop_assert!(found.number.chars().next().is_some_and(|c| c.is_ascii_digit()));
            }
        }
    }
}
