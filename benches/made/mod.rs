//! Synthetic articles, made through the same rooms as those of a real pass.

use std::time::Duration;

use jiff::tz::TimeZone;
use loaphuong::{
    dedup,
    journal::Entry,
    model::{Item, Timestamp},
    normalize,
};
use url::Url;

const SENTENCES: [&str; 5] = [
    "Ủy ban nhân dân quận thông báo lịch tiếp công dân định kỳ hằng tháng tại trụ sở.",
    "Đại hội đã thảo luận thông qua 41 chỉ tiêu, 7 nhiệm vụ và giải pháp chủ yếu.",
    "Công trình có tổng mức đầu tư 15,98 tỷ đồng, hoàn thành trước thời hạn hai tháng.",
    "Người dân chủ động tích trữ nước sinh hoạt trong thời gian bảo trì đường ống.",
    "Hội sách quy tụ 120 gian hàng với hơn 40.000 tựa sách của các nhà xuất bản.",
];

pub(crate) fn zone() -> TimeZone {
    TimeZone::get("Asia/Ho_Chi_Minh").expect("the zone database is bundled")
}

/// A minute between two articles.
pub(crate) fn at(n: u64) -> Timestamp {
    Timestamp::from_second(1_600_000_000).plus(Duration::from_secs(60 * n))
}

/// The article with this number; its text has at least so many bytes.
pub(crate) fn entry(n: u64, body: usize) -> Entry {
    let base: Url = "http://www.quan1.hochiminhcity.gov.vn/tintuc/".parse().expect("a fine URL");
    let mut content = String::new();
    let mut sentence = usize::try_from(n).unwrap_or_default();
    while content.len() < body {
        content += &format!("<p>{} (đoạn {sentence})</p>", SENTENCES[sentence % SENTENCES.len()]);
        sentence += 1;
    }
    let item = Item {
        url: Some(format!("lists/posts/post.aspx?ItemID={n}&Mode=1")),
        title: Some(format!("Thông báo số {n} của Ủy ban nhân dân quận về lịch công tác tuần")),
        summary: Some(SENTENCES[sentence % SENTENCES.len()].to_owned()),
        content: Some(content),
        published: Some(at(n).to_string()),
        ..Item::default()
    };
    let rules = normalize::Rules {
        zone: zone(),
        order: normalize::Order::DayFirst,
        language: Some("vi".to_owned()),
        url: normalize::UrlRules::default(),
        title_noise: Vec::new(),
        body_noise: Vec::new(),
    };
    let context =
        normalize::Context { rules: &rules, base: &base, fetched: at(n).plus(Duration::from_secs(60)) };
    let (draft, _) = normalize::normalize(item, &context);
    let keys = dedup::keys(&draft, &dedup::Rules::default(), &base);
    Entry { draft, keys, first_seen: at(n) }
}
