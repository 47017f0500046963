//! A clock that was a year ahead for a while, as machines without a battery have it.

use std::time::Duration;

use loaphuong::{clock::Clock, demo::receiver::Answer};

use crate::world::World;

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_and_deliveries_go_on_when_the_clock_is_right_again() {
    let world = World::new().await;
    world.tick(YEAR).await;
    world.receiver.script([Answer::Later(503, 3600)]);
    world.portal.publish(world.story(901, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1);
    world.clock.set(world.clock.now().minus(YEAR));
    world.settle().await;
    assert_eq!(world.receiver.received().len(), 2, "the hold was until a year from now");
    world.portal.publish(world.story(902, "Tin hai"));
    world.tick(FIVE_MINUTES).await;
    let received = world.receiver.received();
    let titles: Vec<_> = received.iter().map(|one| one.body["data"]["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Tin một", "Tin một", "Tin hai"]);
    assert_eq!(received[0].id, received[1].id);
    // Its page was read by the clock that was ahead; the list says nothing of the change.
    world.portal.edit(901, |story| story.paragraphs.push("Đính chính: lịch lùi một ngày.".to_owned()));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received()[3].body["type"], "article.updated");
}
