//! Vietnamese encodings from before Unicode that nobody else decodes: VISCII (RFC 1456), TCVN3 (ABC fonts), VNI.

use unicode_normalization::UnicodeNormalization;

/// An encoding that `encoding_rs` does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Legacy {
    /// VISCII 1.1, RFC 1456.
    Viscii,
    /// TCVN 5712:1993 as the ABC fonts use it.
    Tcvn3,
    /// VNI for Windows: a base letter, then a byte for its marks.
    Vni,
}

/// The six C0 characters that VISCII gives to letters.
const VISCII_C0: [(u8, char); 6] =
    [(0x02, 'Ẳ'), (0x05, 'Ẵ'), (0x06, 'Ẫ'), (0x14, 'Ỷ'), (0x19, 'Ỹ'), (0x1e, 'Ỵ')];

const VISCII_HIGH: &str = "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ\
                           ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ";

const TCVN3_HIGH: &str = "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ\u{a0}ĂÂÊÔƠƯĐăâêôơưđẰ\
                          \u{323}\u{300}\u{309}\u{303}\u{301}àảãáạẲằẳẵắẴẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịò\
                          ỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ";

/// Letters that VNI writes as one byte.
const VNI_LETTERS: [(char, char); 16] = [
    ('ô', 'ơ'),
    ('Ô', 'Ơ'),
    ('ö', 'ư'),
    ('Ö', 'Ư'),
    ('ñ', 'đ'),
    ('Ñ', 'Đ'),
    ('æ', 'ỉ'),
    ('Æ', 'Ỉ'),
    ('ó', 'ĩ'),
    ('Ó', 'Ĩ'),
    ('ò', 'ị'),
    ('Ò', 'Ị'),
    ('î', 'ỵ'),
    ('Î', 'Ỵ'),
    ('ì', 'ì'),
    ('í', 'í'),
];

/// Marks that VNI writes behind a base letter, as combining characters.
const VNI_MARKS: [(char, &str); 17] = [
    ('ø', "\u{300}"),
    ('ù', "\u{301}"),
    ('û', "\u{309}"),
    ('õ', "\u{303}"),
    ('ï', "\u{323}"),
    ('â', "\u{302}"),
    ('á', "\u{302}\u{301}"),
    ('à', "\u{302}\u{300}"),
    ('å', "\u{302}\u{309}"),
    ('ã', "\u{302}\u{303}"),
    ('ä', "\u{302}\u{323}"),
    ('ê', "\u{306}"),
    ('é', "\u{306}\u{301}"),
    ('è', "\u{306}\u{300}"),
    ('ú', "\u{306}\u{309}"),
    ('ü', "\u{306}\u{303}"),
    ('ë', "\u{306}\u{323}"),
];

/// Words that every Vietnamese page has, and that no other reading of its bytes gives.
const COMMON: [&str; 64] = [
    "của",
    "và",
    "các",
    "được",
    "không",
    "những",
    "với",
    "người",
    "đã",
    "có",
    "là",
    "một",
    "để",
    "việt",
    "thành",
    "phố",
    "quận",
    "phường",
    "năm",
    "ngày",
    "tháng",
    "về",
    "công",
    "tại",
    "từ",
    "đến",
    "hội",
    "đồng",
    "nhân",
    "dân",
    "ủy",
    "chủ",
    "tịch",
    "thông",
    "báo",
    "kế",
    "hoạch",
    "quyết",
    "định",
    "nước",
    "xã",
    "tỉnh",
    "văn",
    "học",
    "số",
    "bộ",
    "này",
    "đó",
    "khi",
    "trên",
    "đầu",
    "như",
    "cũng",
    "nhiều",
    "phát",
    "triển",
    "tế",
    "nhà",
    "thể",
    "sự",
    "kiện",
    "tức",
    "giới",
    "thiệu",
];

// === impl Legacy ===

impl Legacy {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Viscii, Self::Tcvn3, Self::Vni];

    /// From a declared label.
    pub(super) fn for_label(label: &str) -> Option<Self> {
        let label = label.trim().to_ascii_lowercase();
        match label.as_str() {
            "viscii" | "viscii1.1" | "viscii1.1-1" | "csviscii" | "x-viet-viscii" => Some(Self::Viscii),
            "x-viet-tcvn" | "x-viet-tcvn3" | "x-viet-tcvn5712" | "tcvn" | "tcvn3" | "tcvn-5712"
            | "tcvn5712" | "tcvn5712-1" | "tcvn5712-1:1993" | "x-tcvn" | "abc" => Some(Self::Tcvn3),
            "x-viet-vni" | "vni" | "x-vni" | "vni-windows" => Some(Self::Vni),
            _ => None,
        }
    }

    /// The name that goes into `Found::encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Viscii => "viscii",
            Self::Tcvn3 => "x-viet-tcvn3",
            Self::Vni => "x-viet-vni",
        }
    }

    /// Decodes every byte to something.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Viscii => {
                let low =
                    |b: u8| VISCII_C0.iter().find(|(code, _)| *code == b).map_or(char::from(b), |(_, c)| *c);
                by_table(bytes, VISCII_HIGH, low)
            }
            Self::Tcvn3 => by_table(bytes, TCVN3_HIGH, char::from).nfc().collect(),
            Self::Vni => vni(bytes),
        }
    }
}

fn by_table(bytes: &[u8], high: &str, low: impl Fn(u8) -> char) -> String {
    let table: Vec<char> = high.chars().collect();
    let read = |&b: &u8| {
        if b < 0x80 { low(b) } else { table.get(usize::from(b - 0x80)).copied().unwrap_or('\u{fffd}') }
    };
    bytes.iter().map(read).collect()
}

fn vni(bytes: &[u8]) -> String {
    let (latin, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes);
    let mut out = String::with_capacity(latin.len() + latin.len() / 4);
    let mut base = None;
    for c in latin.chars() {
        let lower = lowered(c);
        let mark = VNI_MARKS.iter().find(|(code, _)| *code == lower).map(|(_, marks)| *marks);
        match (base.take(), mark) {
            (Some(before), Some(marks)) if takes(before, marks) => out.push_str(marks),
            _ => {
                out.push(VNI_LETTERS.iter().find(|(code, _)| *code == c).map_or(c, |(_, letter)| *letter));
                base = Some(lower).filter(|l| "aeiouyôö".contains(*l));
            }
        }
    }
    out.nfc().collect()
}

/// Does VNI put these marks on this letter?
fn takes(base: char, marks: &str) -> bool {
    match base {
        'a' => true,
        'e' | 'o' => !marks.starts_with('\u{306}'),
        'u' | 'y' | 'ô' | 'ö' => !marks.starts_with(['\u{302}', '\u{306}']),
        _ => false,
    }
}

fn lowered(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// The share of words with marks that are common Vietnamese words, 0.0 to 1.0; 0 when there are fewer than three.
pub(super) fn vietnamese_score(text: &str) -> f32 {
    /// Enough to decide, cheap on large pages.
    const SAMPLE: usize = 20_000;
    let (mut marked, mut common) = (0u16, 0u16);
    for word in
        text.split(|c: char| !c.is_alphanumeric() && !('\u{300}'..='\u{36f}').contains(&c)).take(SAMPLE)
    {
        if word.is_empty() || word.is_ascii() || word.len() > 24 {
            continue;
        }
        marked = marked.saturating_add(1);
        let plain: String = word.to_lowercase().nfc().collect();
        common = common.saturating_add(u16::from(COMMON.contains(&plain.as_str())));
    }
    if common < 3 { 0.0 } else { f32::from(common) / f32::from(marked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_tables() {
        let check = |legacy: Legacy, bytes: &[u8], expected: &str| {
            assert_eq!(legacy.decode(bytes), expected, "{legacy:?}");
        };
        check(Legacy::Viscii, b"Vi\xaet Nam, \xd0\xe0 N\xa1ng", "Việt Nam, Đà Nắng");
        check(Legacy::Viscii, b"\x02\x1e\xff\x80", "ẲỴỮẠ");
        check(Legacy::Tcvn3, b"Vi\xd6t Nam, Qu\xcbn 1, \xa7\xb5 N\xbdng", "Việt Nam, Quận 1, Đà Nẵng");
        check(Legacy::Vni, b"Vie\xe4t Nam, Qua\xe4n 1, \xd1a\xf8 Na\xfcng", "Việt Nam, Quận 1, Đà Nẵng");
        check(
            Legacy::Vni,
            b"ng\xf6\xf4\xf8i, ph\xf6\xf4\xf8ng, th\xf6\xef, k\xfd, l\xf2ch",
            "người, phường, thự, ký, lịch",
        );
        check(Legacy::Vni, b"co\xf9 QUYE\xc1T \xd1\xd2NH", "có QUYẾT ĐỊNH");
    }

    #[test]
    fn scores_vietnamese_above_its_misreadings() {
        let bytes = b"Qu\xcbn 1: Th\xabng b\xb8o v\xd2 k\xd5 ho\xb9ch c\xf1a \xf1y ban nh\xa9n d\xa9n th\xb5nh ph\xe8";
        assert!(vietnamese_score(&Legacy::Tcvn3.decode(bytes)) > 0.6);
        assert!(vietnamese_score(&Legacy::Viscii.decode(bytes)) < 0.2);
        assert!(vietnamese_score(&encoding_rs::WINDOWS_1252.decode(bytes).0) < 0.2);
    }
}
