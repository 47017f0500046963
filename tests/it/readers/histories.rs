//! What happens to sources, in the order in which it happens. Readers live beside it; [`Ward`] judges.

use std::time::Duration;

use loaphuong::{clock::Clock, demo::portal::Fault};

use super::{freshrss, ward::Ward};
use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);
const FIVE: Duration = Duration::from_secs(5 * 60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

// === Worlds ===

/// A portal with six stories, one of them pinned.
pub(super) async fn portal() -> World {
    // Pages are read again twice an hour: often enough for edits, and less work in a history of days.
    World::with(|config| config.replace("recheck = \"5m\"", "recheck = \"30m\"")).await
}

/// The same, and its feeds name a hub, which does not answer.
pub(super) async fn hub() -> World {
    World::with(|config| format!("{config}\n[publish]\nhub = \"http://127.0.0.1:9/hub\"\n")).await
}

/// A source that is a feed itself, with three items.
pub(super) async fn feed() -> World {
    let world = World::with(|config| {
        let (head, rest) = config.split_once("\nurl = \"").unwrap();
        let (url, rest) = rest.split_once('"').unwrap();
        let host = url.split("/tintuc").next().unwrap();
        format!("{head}\nurl = \"{host}/rss.xml\"{rest}").replace("sharepoint-posts", "feed")
    })
    .await;
    world.portal.stories().iter().for_each(|story| world.portal.retract(story.item));
    put(&world, "http", &[1, 2, 3]);
    world.tick(FIVE).await;
    world
}

/// Serves these items as the source's feed, in this order, with addresses of this scheme and no ids.
fn put(world: &World, scheme: &str, items: &[u32]) {
    let items: String = items
        .iter()
        .map(|item| {
            let date = jiff::Timestamp::from_second(feed_date(*item)).unwrap();
            let date = jiff::fmt::rfc2822::to_string(&date.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
            format!(
                "<item><title>Tin số {item}</title><link>{scheme}://tin.example/{item}</link>\
                 <description>Nội dung của tin số {item}.</description><pubDate>{date}</pubDate></item>"
            )
        })
        .collect();
    let feed = format!("<rss version=\"2.0\"><channel><title>Tin</title>{items}</channel></rss>");
    world.portal.put("/rss.xml", "application/rss+xml", feed);
}

fn feed_date(item: u32) -> i64 {
    crate::world::START - 3600 * i64::from(100 - item)
}

fn expect(ward: &mut Ward, items: &[u32]) {
    items.iter().for_each(|item| ward.expect(*item, &format!("Tin số {item}"), feed_date(*item)));
}

/// Publishes these, ten at a time, every quarter of an hour.
async fn fill(ward: &mut Ward, items: std::ops::Range<u32>) {
    for (n, item) in (1..).zip(items) {
        ward.publish(item);
        if n % 10 == 0 {
            ward.pass(15 * MINUTE, FIVE).await;
        }
    }
}

// === Histories ===

/// A day on which the portal's counters and clocks turn, its validators are void, and nobody writes anything.
pub(super) async fn a_quiet_day(ward: &mut Ward) {
    for _ in 0..12 {
        ward.world.portal.put("/elsewhere", "text/plain", "x");
        ward.pass_still(2 * HOUR, 20 * MINUTE).await;
    }
}

/// Nine days without news: longer than `NetNewsWire` keeps validators.
pub(super) async fn nine_days_without_news(ward: &mut Ward) {
    ward.pass_still(9 * DAY, 6 * HOUR).await;
}

/// News on a working day, every half hour, read in the rhythm of each reader.
pub(super) async fn a_day_with_news(ward: &mut Ward) {
    for item in 900..916 {
        ward.publish(item);
        ward.pass(30 * MINUTE, 10 * MINUTE).await;
    }
}

/// A new paragraph, a corrected headline, a word more.
pub(super) async fn significant_edits(ward: &mut Ward) {
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    ward.edit(645, |story| story.paragraphs.push("Bổ sung: nộp tại phường.".to_owned()));
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.edit(644, |story| story.title = "Phường Bến Nghé ra mắt hai tổ tự quản".to_owned());
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.edit(645, |story| story.paragraphs[0].push_str(" Hồ sơ gồm hai bản."));
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.pass_still(6 * HOUR, 30 * MINUTE).await;
}

/// Spaces, dashes of Word, another quote mark: what an editor's "save" does to a text.
pub(super) async fn edits_that_nobody_sees(ward: &mut Ward) {
    let portal = ward.world.portal.clone();
    portal.edit(645, |story| story.paragraphs[0].push_str("  "));
    ward.pass_still(2 * HOUR, 10 * MINUTE).await;
    portal.edit(644, |story| story.paragraphs.push(" \u{a0} ".to_owned()));
    ward.pass_still(2 * HOUR, 10 * MINUTE).await;
    portal.edit(643, |story| story.title.push_str(" \u{a0}"));
    ward.pass_still(2 * HOUR, 10 * MINUTE).await;
}

/// The portal moves to another host, where its stories have their numbers but other addresses.
pub(super) async fn the_source_moves_to_another_host(ward: &mut Ward) {
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    let old = ward.world.portal.clone();
    let new = ward.world.another_portal().await;
    old.stories().into_iter().for_each(|story| new.publish(story));
    old.fail(Some(Fault::Status(404, None)));
    ward.pass_still(HOUR, 10 * MINUTE).await;
    ward.readdressed();
    let (from, to) = (old.address().to_string(), new.address().to_string());
    ward.world.portal = new;
    ward.world.reload(|config| config.replace(&from, &to)).await;
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    ward.publish(901);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
}

/// The source's feed says `https` of the addresses that it said `http` of, one by one, and back for one.
pub(super) async fn the_source_moves_to_https(ward: &mut Ward) {
    expect(ward, &[1, 2, 3]);
    ward.pass_still(2 * HOUR, 10 * MINUTE).await;
    ward.readdressed();
    put(&ward.world, "https", &[1, 2, 3]);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    put(&ward.world, "https", &[4, 1, 2, 3]);
    expect(ward, &[4]);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.readdressed();
    put(&ward.world, "http", &[4, 3, 1, 2]);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
}

/// A day on which the portal is down in every way that portals are down; what it published meanwhile comes after.
pub(super) async fn an_outage(ward: &mut Ward) {
    let faults = [
        Fault::Status(500, None),
        Fault::Empty,
        Fault::Login,
        Fault::Status(503, Some(3600)),
        Fault::NoItems,
        Fault::Truncated,
        Fault::RedirectLoop,
        Fault::Status(410, None),
    ];
    for fault in faults {
        ward.world.portal.fail(Some(fault));
        ward.pass_still(3 * HOUR, 15 * MINUTE).await;
    }
    ward.publish(902);
    ward.pass_still(HOUR, 15 * MINUTE).await;
    ward.world.portal.fail(None);
    ward.pass(DAY, 30 * MINUTE).await;
}

/// The daemon restarts; so it does after the portal's validators were lost, and those of its readers.
pub(super) async fn restarts(ward: &mut Ward) {
    ward.publish(903);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.edit(903, |story| story.paragraphs.push("Thêm một đoạn.".to_owned()));
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    for _ in 0..2 {
        ward.world.stop().await;
        ward.world.portal.put("/elsewhere", "text/plain", "x");
        ward.world.start().await;
        ward.pass_still(3 * HOUR, 10 * MINUTE).await;
    }
    ward.forget_validators();
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
}

/// The daemon's store is lost: everything is read anew, under the same ids.
pub(super) async fn the_store_is_lost(ward: &mut Ward) {
    ward.publish(904);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.world.stop().await;
    ward.world.lose_store();
    ward.world.start().await;
    ward.pass(6 * HOUR, 10 * MINUTE).await;
}

/// A story appears today with a date of last week.
pub(super) async fn a_late_story(ward: &mut Ward) {
    ward.pass(HOUR, 10 * MINUTE).await;
    let mut story = ward.world.story(905, "Tin đến muộn");
    story.published = story.published.minus(3 * DAY + 2 * HOUR);
    ward.world.portal.publish(story);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
}

/// A story is dated the day after tomorrow, as a slip of the pen does it: it is shown when it came, for ever.
pub(super) async fn a_story_of_the_future(ward: &mut Ward) {
    ward.pass(HOUR, 10 * MINUTE).await;
    let mut story = ward.world.story(905, "Tin của ngày kia");
    story.published = story.published.plus(2 * DAY);
    // Second in the list, below the pinned story: a pass dates what it infers a second apart, in the list's order.
    let seen = ward.world.clock.now().plus(10 * MINUTE).as_second() - 1;
    ward.expect(905, "Tin của ngày kia", seen);
    ward.world.portal.publish(story);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.pass_still(3 * DAY, HOUR).await;
}

/// A story appears today, pinned, with a date of last year, before those of the fifty newest.
pub(super) async fn a_story_later_than_the_window(ward: &mut Ward) {
    fill(ward, 910..970).await;
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    let mut story = ward.world.story(990, "Tin cũ mới đăng");
    story.published = story.published.minus(400 * DAY);
    story.pinned = true;
    ward.world.portal.publish(story);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
}

/// Stories are pinned on top of the list and let go again.
pub(super) async fn pinned_stories(ward: &mut Ward) {
    let portal = ward.world.portal.clone();
    for (item, pinned) in [(640, true), (642, false), (645, true), (640, false), (645, false), (641, true)] {
        portal.edit(item, |story| story.pinned = pinned);
        ward.pass_still(2 * HOUR, 10 * MINUTE).await;
    }
    ward.publish(906);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
}

/// The source lists its items in another order every hour.
pub(super) async fn a_reordered_list(ward: &mut Ward) {
    expect(ward, &[1, 2, 3]);
    for order in [[3, 2, 1], [2, 3, 1], [1, 3, 2], [2, 1, 3]] {
        put(&ward.world, "http", &order);
        ward.pass_still(2 * HOUR, 10 * MINUTE).await;
    }
    put(&ward.world, "http", &[1, 4, 3, 2]);
    expect(ward, &[4]);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
}

/// Old stories leave the portal's list, which shows thirty, and then the feed, which shows fifty; the list is emptied
/// but for one story and filled again.
pub(super) async fn old_stories_leave_the_list(ward: &mut Ward) {
    fill(ward, 910..980).await;
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    let portal = ward.world.portal.clone();
    let stories = portal.stories();
    stories.iter().filter(|story| story.item != 979).for_each(|story| portal.retract(story.item));
    ward.pass_still(6 * HOUR, 20 * MINUTE).await;
    stories.into_iter().filter(|story| story.item != 979).for_each(|story| portal.publish(story));
    ward.pass_still(6 * HOUR, 20 * MINUTE).await;
}

/// Somebody corrects the source's zone: what is published stays as it is, what comes is read in the new one.
pub(super) async fn the_zone_changes(ward: &mut Ward) {
    ward.publish(907);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.world.reload(|config| config.replace("Asia/Ho_Chi_Minh", "Asia/Tokyo")).await;
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
    // The portal's clock says 9 o'clock of Saigon; read in Tokyo's zone, that was two hours ago.
    let read = ward.world.clock.now().minus(2 * HOUR).as_second();
    ward.publish(908);
    ward.expect(908, "Tin số 908", read);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.world.reload(|config| config.replace("Asia/Tokyo", "Asia/Ho_Chi_Minh")).await;
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
}

/// The list shows the same stories under other addresses, again and again.
pub(super) async fn new_addresses_of_the_same_stories(ward: &mut Ward) {
    let portal = ward.world.portal.clone();
    for item in [640, 642, 645, 640, 641, 640, 645] {
        portal.readdress(item);
        ward.pass_still(HOUR, 10 * MINUTE).await;
    }
    ward.publish(909);
    portal.readdress(909);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    portal.readdress(909);
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
}

/// The feed gets another name, and later a third one; readers that remember redirects need not ask the old ones again.
pub(super) async fn a_renamed_feed(ward: &mut Ward) {
    ward.pass_still(2 * HOUR, 10 * MINUTE).await;
    let rename = |config: String| {
        config.replace("id = \"quan1\"\ntitle", "id = \"ben-thanh\"\naliases = [\"quan1\"]\ntitle")
    };
    ward.world.reload(rename).await;
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    ward.publish(901);
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    assert!(ward.paths().iter().all(|path| path.starts_with("/feeds/ben-thanh.")), "{:?}", ward.paths());
    let again = |config: String| {
        let renamed = config.replace("id = \"ben-thanh\"", "id = \"sai-gon\"");
        renamed.replace("aliases = [\"quan1\"]", "aliases = [\"quan1\", \"ben-thanh\"]")
    };
    ward.world.reload(again).await;
    ward.publish(902);
    ward.pass(2 * HOUR, 10 * MINUTE).await;
    assert!(ward.paths().iter().all(|path| path.starts_with("/feeds/sai-gon.")), "{:?}", ward.paths());
    ward.pass_still(2 * HOUR, 10 * MINUTE).await;
}

/// The feed names a hub. The pickiest reader of `Link` finds it, and that it does not answer harms nobody.
pub(super) async fn a_hub_that_does_not_answer(ward: &mut Ward) {
    let feed = ward.world.get("/feeds/quan1.rss").await;
    let link = feed.header("link").unwrap();
    assert_eq!(freshrss::hub(link), Some("http://127.0.0.1:9/hub"), "{link}");
    ward.pass_still(2 * HOUR, 10 * MINUTE).await;
    ward.publish(901);
    ward.pass(3 * HOUR, 10 * MINUTE).await;
    ward.pass_still(3 * HOUR, 10 * MINUTE).await;
}
