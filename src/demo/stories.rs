//! The stories of the demo: written by us, in the manner of a district's news section.

use std::time::Duration;

use super::portal::Story;
use crate::model::Timestamp;

/// Title, teaser, paragraphs.
type Text = (&'static str, &'static str, &'static [&'static str]);

/// What the portal shows when it starts, oldest first.
const ARCHIVE: [Text; 6] = [
    (
        "Bài phát biểu bế mạc Đại hội đại biểu Đảng bộ Quận 1",
        "Toàn văn bài phát biểu bế mạc đại hội.",
        &[
            "Sau ba ngày làm việc nghiêm túc, đại hội đã hoàn thành chương trình đề ra.",
            "Xin trân trọng cảm ơn.",
        ],
    ),
    (
        "Trao 38 phần quà hỗ trợ người khuyết tật bị ảnh hưởng dịch bệnh",
        "Mỗi phần quà gồm gạo, dầu ăn và 500.000 đồng.",
        &[
            "Sáng nay, Hội Chữ thập đỏ Quận 1 trao 38 phần quà cho người khuyết tật trên địa bàn.",
            "Tổng trị giá các phần quà là 38.000.000 đồng.",
        ],
    ),
    (
        "Thông báo lịch tiếp công dân tháng 11",
        "Lịch tiếp công dân định kỳ của lãnh đạo quận.",
        &[
            "Lãnh đạo quận tiếp công dân vào ngày 10 và ngày 25 hằng tháng tại trụ sở Ban Tiếp công dân.",
            "Công dân mang theo giấy tờ tùy thân và hồ sơ có liên quan.",
        ],
    ),
    (
        "Khánh thành công viên bờ sông với 2,6 héc-ta cây xanh",
        "Công viên mở cửa tự do cho người dân từ 5 giờ đến 22 giờ.",
        &[
            "Công viên bờ sông được cải tạo trong 14 tháng, có 2,6 héc-ta cây xanh và 1.200 m đường dạo bộ.",
            "Quận mời gọi người dân cùng giữ gìn “màu xanh chung”.",
        ],
    ),
    (
        "Phường Bến Nghé ra mắt tổ tự quản khu phố 3",
        "Tổ tự quản gồm 12 thành viên, trực luân phiên mỗi tối.",
        &[
            "Tổ tự quản khu phố 3 ra mắt với 12 thành viên.",
            "Đường dây nóng tiếp nhận phản ánh của người dân 24/24 giờ.",
        ],
    ),
    (
        "Hướng dẫn nộp hồ sơ trực tuyến mức độ 4",
        "Người dân nộp hồ sơ và nhận kết quả mà không cần đến trụ sở.",
        &[
            "Từ ngày 01/12, 45 thủ tục được tiếp nhận trực tuyến ở mức độ 4.",
            "Kết quả được trả qua bưu điện theo yêu cầu.",
        ],
    ),
];

/// What happens while one watches, again and again with a running number.
const NEWS: [Text; 5] = [
    (
        "Thông báo tạm ngưng cấp nước để bảo trì đường ống",
        "Thời gian: từ 22 giờ đến 4 giờ sáng hôm sau.",
        &[
            "Đơn vị cấp nước tạm ngưng cấp nước để bảo trì đường ống trên một số tuyến đường.",
            "Người dân chủ động tích trữ nước sinh hoạt.",
        ],
    ),
    (
        "Khai mạc hội sách đường Nguyễn Huệ",
        "Hơn 40.000 tựa sách, 120 gian hàng.",
        &[
            "Hội sách quy tụ 120 gian hàng với hơn 40.000 tựa sách.",
            "Chương trình có tọa đàm “Đọc để hiểu thành phố” vào 19 giờ mỗi tối.",
        ],
    ),
    (
        "Quyết định phân luồng giao thông dịp cuối tuần",
        "Cấm ô tô vào trung tâm từ 18 giờ thứ Bảy.",
        &[
            "Để phục vụ lễ hội, lực lượng chức năng phân luồng giao thông khu vực trung tâm.",
            "Xe buýt được điều chỉnh lộ trình tạm thời.",
        ],
    ),
    (
        "Tiêm ngừa miễn phí cho trẻ em tại trạm y tế phường",
        "Phụ huynh mang theo sổ tiêm chủng.",
        &[
            "Trạm y tế phường tổ chức tiêm ngừa miễn phí cho trẻ từ 9 đến 24 tháng tuổi.",
            "Thời gian: 7 giờ 30 đến 11 giờ.",
        ],
    ),
    (
        "Giải chạy “Vì một Quận 1 xanh” thu hút 3.000 người",
        "Cự ly 5 km và 10 km quanh trung tâm.",
        &[
            "Hơn 3.000 người tham gia giải chạy ở hai cự ly 5 km và 10 km.",
            "Toàn bộ lệ phí được dùng để trồng cây.",
        ],
    ),
];

/// The number of the first story.
const FIRST_ITEM: u32 = 640;

/// What the portal shows when it starts; the notice of the third month stays pinned on top.
pub fn archive(now: Timestamp) -> Vec<Story> {
    let day = Duration::from_secs(24 * 3600);
    let story = |(index, text): (usize, &Text)| {
        let age = u32::try_from(ARCHIVE.len() - index).unwrap_or(1);
        let mut story = story(text, FIRST_ITEM + u32::try_from(index).unwrap_or(0), now.minus(day * age));
        story.pinned = index == 2;
        story
    };
    ARCHIVE.iter().enumerate().map(story).collect()
}

/// What lies in the archive of the portal: a story every other day, for three months before those of its list.
pub fn old(now: Timestamp) -> Vec<Story> {
    let day = Duration::from_secs(24 * 3600);
    let old = |n: u32| {
        let text = &NEWS[n as usize % NEWS.len()];
        let mut story = story(text, FIRST_ITEM - 1 - n, now.minus(day * (10 + 2 * n)));
        story.title = format!("{} (lưu trữ, số {})", story.title, n + 1);
        story
    };
    (0..45).map(old).collect()
}

/// The `n`-th story that happens while one watches.
pub fn news(n: u32, now: Timestamp) -> Story {
    let text = &NEWS[n as usize % NEWS.len()];
    let mut story = story(text, FIRST_ITEM + 100 + n, now);
    story.title = format!("{} (tin số {})", story.title, n + 1);
    story
}

fn story((title, teaser, paragraphs): &Text, item: u32, published: Timestamp) -> Story {
    Story {
        item,
        title: (*title).to_owned(),
        teaser: (*teaser).to_owned(),
        paragraphs: paragraphs.iter().map(|text| (*text).to_owned()).collect(),
        author: Some("T.X".to_owned()),
        published,
        photo: item.is_multiple_of(2).then(|| format!("hinh {item}.png")),
        attachment: item.is_multiple_of(3).then(|| format!("thong-bao-{item}.pdf")),
        pinned: false,
    }
}
