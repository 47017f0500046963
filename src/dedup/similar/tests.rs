use proptest::prelude::*;

use super::*;
use crate::model::{ArticleId, Html, IdentityKey, SourceId};

const DAY: i64 = 86_400;

/// Sentences of a text that no other seed has.
fn words(seed: u64, n_words: usize) -> Vec<String> {
    let letters = ["b", "ch", "d", "đ", "h", "kh", "l", "m", "ng", "nh", "ph", "t", "th", "tr", "v", "x"];
    let ends = ["a", "an", "ang", "ê", "êt", "i", "inh", "o", "ong", "ô", "ôn", "ơ", "u", "ung", "ư", "ưng"];
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    (0..n_words).map(|_| format!("{}{}", letters[next() % 16], ends[next() % 16])).collect()
}

fn content(title: &str, text: &str) -> Content {
    Content { title: title.to_owned(), html: Html::sanitized(format!("<p>{text}</p>")), ..Content::default() }
}

fn signed(title: &str, text: &str, day: i64) -> Signature {
    let content = content(title, text);
    signature(&content, &Wording::of(&content), Timestamp::from_second(day * DAY), None)
}

fn check(one: (&str, &str), other: (&str, &str), expected: Option<Likeness>) {
    let (a, b) = (signed(one.0, one.1, 100), signed(other.0, other.1, 101));
    assert_eq!(likeness(&a, &b, false), expected, "{one:?} {other:?}");
    assert_eq!(likeness(&b, &a, false), expected, "{other:?} {one:?}");
}

#[test]
fn a_wording_is_the_same_or_edited_whatever_typists_do() {
    let text = words(1, 300).join(" ");
    check(("Tin", &text), ("Tin", &text.to_uppercase()), Some(Likeness::Identical));
    check(("Hoà bình", &text), ("HÒA BÌNH", &text.replace(' ', "\u{a0}\n")), Some(Likeness::Identical));
    let edited = text.replacen(' ', " thêm một vài chữ vào đây ", 1);
    check(("Tin", &text), ("Tin mới", &edited), Some(Likeness::Edited));
    let cut: String = text.chars().take(text.chars().count() * 2 / 3).collect();
    check(("Tin", &text), ("Tin", &cut), Some(Likeness::Edited));
    check(("Tin", &text), ("Tin", &words(2, 300).join(" ")), None);
}

#[test]
fn notices_that_name_other_numbers_or_places_are_two() {
    let text = words(3, 200).join(" ");
    let notice = |lot: &str, place: &str| format!("{text} gói thầu số {lot} tại phường {place} và {text}");
    let one = notice("5 mở lúc 9:00 ngày 29/7/2020", "Bến Thành");
    let title = "Thông báo mời thầu";
    check((title, &one), (title, &notice("6 mở lúc 9:30 ngày 2/8/2020", "Bến Thành")), None);
    check(
        (title, &one),
        (title, &notice("05 mở lúc 09:00 ngày 29/07/2020", "Bến Thành")),
        Some(Likeness::Edited),
    );
    let named = |who: &str| format!("{text} lịch tiếp công dân của {who} tại {text}");
    check((title, &named("ông Nguyễn Văn An")), (title, &named("bà Trần Thị Bình")), None);
    check((title, &named("ông Nguyễn Văn An")), (title, &named("chủ tịch")), Some(Likeness::Edited));
    let signed = |who: &str| format!("{} {text}</p><p>{who}", named("Thành phố Hồ Chí Minh"));
    let other = signed("Theo Trần Bình").replace("Thành phố", "TP");
    check((title, &signed("Nguyễn An")), (title, &other), Some(Likeness::Edited));
}

#[test]
fn short_texts_are_the_same_only_where_they_are_the_very_same() {
    let text = words(4, 30).join(" ");
    check(("Nghỉ lễ", &text), ("NGHỈ LỄ", &text), Some(Likeness::Identical));
    check(("Nghỉ lễ", &text), ("Nghỉ lễ", &format!("{text} thêm")), None);
    check(("Nghỉ lễ", &text), ("Nghỉ tết", &text), None);
    let see = "Xem tệp đính kèm";
    check(("Thông báo mời thầu", see), ("Thông báo mời thầu", see), None);
    check(("", ""), ("", ""), None);
}

#[test]
fn what_one_site_says_again_and_again_is_no_repetition() {
    let text = words(5, 200).join(" ");
    let on_one_site = |one: &Signature, other: &Signature| likeness(one, other, true);
    let (first, again) = (signed("Lịch tuần", &text, 1), signed("Lịch tuần", &text, 300));
    assert_eq!(on_one_site(&first, &again), Some(Likeness::Identical));
    // The page of errors that stands where the text should be, under every title.
    assert_eq!(on_one_site(&first, &signed("Giá điện tăng", &text, 1)), None);
    assert_eq!(likeness(&first, &signed("Giá điện tăng", &text, 1), false), Some(Likeness::Identical));
    assert_eq!(likeness(&first, &signed("Giá điện tăng", &text, 90), false), None);
}

#[test]
fn one_document_is_a_hint_and_no_proof() {
    let document =
        |number: &str| Official { number: number.to_owned(), kind: None, issuer: None, signed: None };
    let about = |title: &str, seed, day: i64, number: &str| {
        let text = words(seed, 100).join(" ");
        let at = Timestamp::from_second(day * DAY);
        let content = content(title, &text);
        signature(&content, &Wording::of(&content), at, Some(&document(number)))
    };
    let title = "Quyết định phê duyệt quy hoạch chi tiết khu dân cư phía nam";
    let one = about(title, 1, 1, "07/QĐ-UBND");
    assert_eq!(likeness(&one, &about(title, 2, 2, "7/QĐ-UBND"), false), Some(Likeness::Document));
    assert_eq!(likeness(&one, &about(title, 2, 2, "8/QĐ-UBND"), false), None);
    assert_eq!(likeness(&one, &about("Giải bóng đá học sinh", 2, 2, "7/QĐ-UBND"), false), None);
    assert_eq!(likeness(&one, &about(title, 2, 90, "7/QĐ-UBND"), false), None);
}

#[test]
fn a_number_given_away_again_has_nothing_of_the_old_text() {
    let two_days = std::time::Duration::from_secs(2 * 86_400);
    let old = content("Thông báo tuyển dụng", &words(1, 60).join(" "));
    let new = content("Giải bóng đá", &words(2, 60).join(" "));
    assert!(is_another_text(&old, &new, two_days));
    assert!(!is_another_text(&old, &new, std::time::Duration::ZERO));
    assert!(!is_another_text(
        &old,
        &content("Thông báo tuyển dụng (sửa)", &words(2, 60).join(" ")),
        two_days
    ));
    assert!(!is_another_text(&old, &content("Giải bóng đá", &words(1, 90).join(" ")), two_days));
    assert!(!is_another_text(&old, &content("Giải bóng đá", "Ngắn"), two_days), "too little to tell");
}

fn source(n: usize) -> SourceId {
    format!("s{n}").parse().unwrap()
}

fn id(n: usize) -> ArticleId {
    ArticleId::mint(&source(n), &IdentityKey::Item(n.to_string()))
}

#[test]
fn clusters_name_the_first_seen_and_what_the_others_are_to_it() {
    let text = words(1, 200).join(" ");
    let edited = text.replacen(' ', " thêm chữ ", 3);
    let mut index = Index::default();
    let mut put = |n: usize, second: i64, text: &str| {
        index.put(id(n), &source(n), Timestamp::from_second(second), &signed("Tin", text, 1));
    };
    put(2, 200, &edited);
    put(9, 50, &words(9, 200).join(" "));
    put(1, 100, &text);
    put(3, 300, &text);
    let cluster = index.cluster(id(3)).unwrap();
    let members: Vec<_> = cluster.members.iter().map(|it| (it.article, it.likeness)).collect();
    let expected = [(id(1), Likeness::First), (id(2), Likeness::Edited), (id(3), Likeness::Identical)];
    assert_eq!(members, expected);
    assert_eq!(index.cluster(id(1)), Some(cluster));
    assert_eq!(index.cluster(id(9)), None);
    assert_eq!(index.first_like(&source(7), &signed("Tin", &text, 1)), Some(id(1)));
    index.remove(id(1));
    assert_eq!(index.cluster(id(3)).unwrap().id(), Some(id(2)));
    let (changed, _) = index.changes(0);
    assert!(changed.unwrap().contains(&id(3)));
    index.put(id(3), &source(3), Timestamp::from_second(300), &signed("Khác", &words(8, 99).join(" "), 1));
    assert_eq!((index.cluster(id(2)), index.len()), (None, 3));
}

#[test]
fn an_article_costs_less_than_a_hundred_bytes() {
    const { assert!(index::SLOT <= 96) };
    let mut index = Index::default();
    assert_eq!((index.len(), index.bytes()), (0, 0));
    index.put(id(1), &source(1), Timestamp::default(), &signed("Tin", &words(1, 50).join(" "), 1));
    index.put(id(1), &source(1), Timestamp::default(), &signed("Tin", &words(1, 50).join(" "), 1));
    assert_eq!(index.len(), 1);
}

/// One of a few texts that are like one another in many ways.
fn text_of(family: u64, edits: usize) -> String {
    let mut all = words(family, 90);
    for n in 0..edits {
        let at = (n * 29) % all.len();
        all[at] = format!("sửa{n}");
    }
    all.join(" ")
}

fn fill(articles: &[(usize, u64, usize)]) -> Index {
    let mut index = Index::default();
    for (n, family, edits) in articles {
        put(&mut index, *n, *family, *edits);
    }
    index
}

fn put(index: &mut Index, n: usize, family: u64, edits: usize) {
    let seen = Timestamp::from_second(i64::try_from(n).unwrap() / 2);
    index.put(id(n), &source(n % 3), seen, &signed("Tin tức", &text_of(family, edits), 1));
}

proptest! {
    #[test]
    fn who_is_in_which_cluster_does_not_depend_on_the_way_there(
        steps in prop::collection::vec((0usize..16, 0u64..3, 0usize..24, any::<bool>()), 1..60),
        order in Just((0..16).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut index = Index::default();
        let mut now = std::collections::BTreeMap::new();
        for (n, family, edits, stays) in steps {
            if stays {
                put(&mut index, n, family, edits);
                now.insert(n, (n, family, edits));
            } else {
                index.remove(id(n));
                now.remove(&n);
            }
        }
        let shuffled: Vec<_> = order.iter().filter_map(|n| now.get(n).copied()).collect();
        let fresh = fill(&shuffled);
        prop_assert_eq!(index.len(), fresh.len());
        for n in 0..16 {
            let cluster = index.cluster(id(n));
            prop_assert_eq!(&cluster, &fresh.cluster(id(n)));
            for member in cluster.iter().flat_map(|cluster| &cluster.members) {
                prop_assert_eq!(&index.cluster(member.article), &cluster);
            }
        }
    }

    #[test]
    fn likeness_is_symmetric(one in (0u64..3, 0usize..24), other in (0u64..3, 0usize..24), site in any::<bool>()) {
        let [a, b] = [one, other].map(|(family, edits)| signed("Tin tức", &text_of(family, edits), 1));
        prop_assert_eq!(likeness(&a, &b, site), likeness(&b, &a, site));
        if one == other {
            prop_assert_eq!(likeness(&a, &b, site), Some(Likeness::Identical));
        }
    }
}
