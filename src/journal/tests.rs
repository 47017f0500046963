use std::collections::BTreeMap;

use super::*;
use crate::{
    model::{Change, Content, Date, Enclosure, Event, ExtractedBy, Html, Offset, Precision, Status},
    store::Settings,
};

const VIETNAM: Offset = Offset(25_200);

async fn journal() -> Journal {
    Journal::open(store::open(&Settings { path: None, cache: 0 }).await.unwrap()).await.unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second)
}

fn date(second: i64) -> Date {
    Date {
        at: at(second),
        offset: VIETNAM,
        precision: Precision::Minute,
        raw: Some("raw".to_owned()),
        inferred: false,
    }
}

fn key(name: &str) -> IdentityKey {
    IdentityKey::Item(name.to_owned())
}

/// An entry known under `keys` (separated by spaces) that says `text`.
fn entry(keys: &str, text: &str) -> Entry {
    let content = Content {
        title: "Title".to_owned(),
        html: Html::sanitized(format!("<p>{text}</p>")),
        extracted_by: ExtractedBy::Recipe,
        ..Content::default()
    };
    Entry {
        draft: Draft { content, published: Some(date(500)), ..Draft::default() },
        keys: keys.split(' ').map(key).collect(),
        first_seen: at(1_000),
    }
}

fn pass(second: i64, entries: &[Entry]) -> Pass {
    Pass {
        source: "quan1".parse().unwrap(),
        zone: jiff::tz::Offset::from_seconds(VIETNAM.0).unwrap().to_time_zone(),
        at: at(second),
        quiet: false,
        entries: entries.to_vec(),
        state: None,
    }
}

fn became(recorded: &Recorded) -> Vec<Became> {
    recorded.entries.iter().map(|(_, _, became)| *became).collect()
}

async fn events(journal: &Journal) -> Vec<Event> {
    journal.store().events(Seq(0), 10_000).await.unwrap()
}

async fn latest(journal: &Journal, id: ArticleId) -> crate::model::Article {
    journal.store().article(id, None).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_recorded_twice_is_recorded_once() {
    let journal = journal().await;
    let found = pass(1_000, &[entry("a", "A"), entry("b", "B")]);
    let first = journal.record(found.clone()).await.unwrap();
    assert_eq!((first.head, became(&first)), (Seq(2), vec![Became::New, Became::New]));
    let before = journal.store().dump(None, 1_000).await.unwrap();
    let second = journal.record(found).await.unwrap();
    assert_eq!((second.head, became(&second)), (Seq(2), vec![Became::Unchanged, Became::Unchanged]));
    assert_eq!(second.entries[0].0, first.entries[0].0);
    assert_eq!(journal.store().dump(None, 1_000).await.unwrap(), before);
    let lines: Vec<_> = events(&journal).await.iter().map(|event| (event.article, event.change)).collect();
    assert_eq!(lines, first.entries.iter().map(|(id, ..)| (*id, Change::Published)).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_id_is_minted_from_the_strongest_key_and_every_key_leads_to_it() {
    let journal = journal().await;
    let first = journal.record(pass(1_000, &[entry("strong weak", "A")])).await.unwrap();
    let id = first.entries[0].0;
    assert_eq!(id, ArticleId::mint(&"quan1".parse().unwrap(), &key("strong")));
    // A stronger name that turns up later changes nothing but what is known.
    let again = journal.record(pass(2_000, &[entry("new weak", "A")])).await.unwrap();
    assert_eq!((again.entries[0].0, again.head), (id, Seq(1)));
    let last = journal.record(pass(3_000, &[entry("new", "A")])).await.unwrap();
    assert_eq!((last.entries[0].0, last.entries[0].2), (id, Became::Unchanged));
}

/// Else a site that moved leaves its old stories with dead links, and one that names its stories in two ways would have
/// a new version with every look.
#[tokio::test]
async fn a_story_goes_to_another_host_without_a_word_but_not_to_another_path() {
    let journal = journal().await;
    let at_address = |url: &str, text: &str| {
        let mut entry = entry("a", text);
        entry.draft.content.url = Some(url.to_owned());
        entry
    };
    for (second, url, text, kept, quiet) in [
        (1_000, "http://old.example/a/1", "A", "http://old.example/a/1", false),
        (2_000, "http://old.example/b/1", "A", "http://old.example/a/1", false),
        (3_000, "https://old.example/b/1", "A", "https://old.example/b/1", true),
        (4_000, "https://new.example/c/1", "A", "https://new.example/c/1", true),
        (5_000, "https://new.example/c/1", "A", "https://new.example/c/1", true),
        (6_000, "https://new.example/c/1", "B", "https://new.example/c/1", false),
    ] {
        let recorded = journal.record(pass(second, &[at_address(url, text)])).await.unwrap();
        let article = latest(&journal, recorded.entries[0].0).await;
        assert_eq!(article.content.url.as_deref(), Some(kept), "{second}");
        assert_eq!(events(&journal).await.last().unwrap().quiet, quiet, "{second}");
        let edited = if second == 6_000 { at(second) } else { article.published.at };
        assert_eq!(article.updated, edited, "{second}: a move is no edit");
    }
    assert_eq!(events(&journal).await.len(), 4);
}

/// Nobody asks again how long the files of an article are that says what it said.
#[tokio::test]
async fn a_story_that_moved_keeps_what_is_known_of_its_files() {
    let journal = journal().await;
    let at_host = |host: &str, length: Option<u64>| {
        let mut entry = entry("a", "A");
        entry.draft.content.url = Some(format!("https://{host}/1"));
        let media_type = length.map(|_| "application/pdf".to_owned());
        let file = |name: &str| format!("https://{host}/{name}.pdf?id=1");
        entry.draft.content.enclosures = ["a", "b"]
            .map(|name| Enclosure { url: file(name), length, media_type: media_type.clone(), title: None })
            .into();
        entry
    };
    journal.record(pass(1_000, &[at_host("old.example", Some(7))])).await.unwrap();
    let mut moved = at_host("new.example", None);
    moved.draft.content.enclosures.reverse();
    let recorded = journal.record(pass(2_000, &[moved])).await.unwrap();
    let files = latest(&journal, recorded.entries[0].0).await.content.enclosures;
    let known: Vec<_> = files.iter().map(|file| (file.url.as_str(), file.length)).collect();
    assert_eq!(
        known,
        [("https://new.example/b.pdf?id=1", Some(7)), ("https://new.example/a.pdf?id=1", Some(7))]
    );
    assert!(files.iter().all(|file| file.media_type.as_deref() == Some("application/pdf")));
}

#[tokio::test]
async fn of_two_entries_that_are_one_article_the_last_one_speaks() {
    let journal = journal().await;
    let found = pass(1_000, &[entry("x", "old words"), entry("other", "O"), entry("y x", "new words")]);
    for head in [2, 2] {
        let recorded = journal.record(found.clone()).await.unwrap();
        assert_eq!(recorded.head, Seq(head));
        assert_eq!(recorded.entries[0].0, recorded.entries[2].0);
        let article = latest(&journal, recorded.entries[0].0).await;
        assert_eq!((article.content.html.as_str(), article.revision), ("<p>new words</p>", Revision::FIRST));
    }
    // Also where only the store knows that they are one.
    let edited = pass(2_000, &[entry("x", "first"), entry("y", "second")]);
    let recorded = journal.record(edited.clone()).await.unwrap();
    assert_eq!((recorded.head, became(&recorded)), (Seq(3), vec![Became::Unchanged, Became::Revised]));
    assert_eq!(journal.record(edited).await.unwrap().head, Seq(3));
}

#[tokio::test]
async fn an_edit_is_a_revision_and_keeps_its_dates() {
    let journal = journal().await;
    let id = journal.record(pass(1_000, &[entry("a", "A")])).await.unwrap().entries[0].0;
    let first = latest(&journal, id).await;
    assert_eq!((first.published.clone(), first.updated, first.first_seen), (date(500), at(500), at(1_000)));
    let mut edit = entry("a", "A, corrected");
    edit.draft.published = Some(date(9_999));
    edit.first_seen = at(2_000);
    let recorded = journal.record(pass(2_000, &[edit])).await.unwrap();
    assert_eq!(recorded.entries, [(id, Revision(2), Became::Revised)]);
    let second = latest(&journal, id).await;
    assert_eq!((second.published, second.updated, second.first_seen), (date(500), at(2_000), at(1_000)));
    assert_eq!(second.content.html.as_str(), "<p>A, corrected</p>");
    assert_eq!(journal.store().article(id, Some(Revision::FIRST)).await.unwrap(), Some(first));
    assert_eq!(events(&journal).await[1].change, Change::Updated);
}

#[tokio::test]
async fn the_date_of_an_edit_is_the_sources_where_it_is_believable() {
    async fn check(said: &[Option<i64>], expected: &[i64]) {
        let journal = journal().await;
        let id = journal.record(pass(1_000, &[entry("a", "A")])).await.unwrap().entries[0].0;
        for ((said, expected), run) in said.iter().zip(expected).zip(2..) {
            let mut edit = entry("a", &format!("A {run}"));
            edit.draft.updated = said.map(date);
            journal.record(pass(run * 1_000, &[edit])).await.unwrap();
            assert_eq!(latest(&journal, id).await.updated, at(*expected));
        }
    }
    check(&[Some(1_500)], &[1_500]).await;
    check(&[None], &[2_000]).await;
    check(&[Some(2_001)], &[2_000]).await;
    check(&[Some(499)], &[2_000]).await;
    // The source did not move its date the second time: never back, never the same again.
    check(&[Some(1_500), Some(1_500)], &[1_500, 3_000]).await;
}

#[tokio::test]
async fn an_edit_seen_before_the_published_date_is_not_older_than_it() {
    let journal = journal().await;
    let mut ahead = entry("a", "A");
    ahead.draft.published = Some(date(5_000));
    let id = journal.record(pass(1_000, &[ahead])).await.unwrap().entries[0].0;
    journal.record(pass(2_000, &[entry("a", "B")])).await.unwrap();
    assert_eq!(latest(&journal, id).await.updated, at(5_000));
}

#[tokio::test]
async fn what_has_no_date_keeps_its_first_sighting_for_ever() {
    let journal = journal().await;
    let mut undated = entry("a", "A");
    undated.draft.published = None;
    let mut guessed = entry("b", "B");
    guessed.draft.published = Some(Date { inferred: true, raw: Some("32/13/2020".to_owned()), ..date(7) });
    guessed.first_seen = at(1_001);
    let recorded = journal.record(pass(1_000, &[undated.clone(), guessed])).await.unwrap();
    let inferred =
        |second, raw: Option<&str>| Date { inferred: true, raw: raw.map(str::to_owned), ..date(second) };
    let (a, b) = (recorded.entries[0].0, recorded.entries[1].0);
    assert_eq!(latest(&journal, a).await.published, inferred(1_000, None));
    assert_eq!(latest(&journal, b).await.published, inferred(1_001, Some("32/13/2020")));
    // A date that is found later does not re-date it.
    undated.first_seen = at(9_000);
    undated.draft.published = Some(date(400));
    undated.draft.content.title.push('!');
    journal.record(pass(9_000, &[undated])).await.unwrap();
    let article = latest(&journal, a).await;
    assert_eq!((article.revision, article.published), (Revision(2), inferred(1_000, None)));
}

#[tokio::test]
async fn a_backfill_and_a_text_that_was_only_found_later_are_quiet() {
    let journal = journal().await;
    let mut teaser = entry("a", "");
    teaser.draft.content.extracted_by = ExtractedBy::Summary;
    journal.record(Pass { quiet: true, ..pass(1_000, &[teaser.clone()]) }).await.unwrap();
    journal.record(pass(2_000, &[entry("a", "the whole text")])).await.unwrap();
    // Its page cannot be read this time: what we have stays.
    let lost = journal.record(pass(3_000, &[teaser.clone()])).await.unwrap();
    assert_eq!(became(&lost), [Became::Unchanged]);
    journal.record(pass(4_000, &[entry("a", "the whole text, edited")])).await.unwrap();
    // Another title is an edit, whatever else is missing.
    teaser.draft.content.title = "Another".to_owned();
    journal.record(pass(5_000, &[teaser])).await.unwrap();
    let lines: Vec<_> = events(&journal).await.iter().map(|event| (event.change, event.quiet)).collect();
    let (published, updated) = (Change::Published, Change::Updated);
    assert_eq!(lines, [(published, true), (updated, true), (updated, false), (updated, false)]);
}

#[tokio::test]
async fn a_guess_never_replaces_what_the_recipe_found_unless_the_rules_changed() {
    let journal = journal().await;
    let with = |text: &str, by| {
        let mut entry = entry("a", text);
        entry.draft.content.extracted_by = by;
        entry
    };
    journal.record(pass(1_000, &[with("A", ExtractedBy::Recipe)])).await.unwrap();
    let guess = with("Hệ thống đang bảo trì", ExtractedBy::MainText);
    let guessed = journal.record(pass(2_000, std::slice::from_ref(&guess))).await.unwrap();
    assert_eq!(became(&guessed), [Became::Unchanged]);
    let edited = journal.record(pass(3_000, &[with("A, edited", ExtractedBy::Recipe)])).await.unwrap();
    assert_eq!(became(&edited), [Became::Revised]);
    let reread = journal.record(Pass { quiet: true, ..pass(4_000, &[guess]) }).await.unwrap();
    assert_eq!(became(&reread), [Became::Revised]);
    let again = journal.record(pass(5_000, &[with("A, edited", ExtractedBy::Recipe)])).await.unwrap();
    assert_eq!(became(&again), [Became::Revised]);
}

#[tokio::test]
async fn a_withdrawn_article_that_says_something_new_is_live_again() {
    let journal = journal().await;
    let id = journal.record(pass(1_000, &[entry("a", "A")])).await.unwrap().entries[0].0;
    let gone = crate::model::Article {
        status: Status::Withdrawn,
        revision: Revision(2),
        ..latest(&journal, id).await
    };
    let event =
        Event { change: Change::Withdrawn, revision: Revision(2), ..events(&journal).await.remove(0) };
    let withdrawal = store::Commit {
        expected: Seq(1),
        articles: vec![gone],
        events: vec![event],
        ..store::Commit::default()
    };
    journal.store().commit(withdrawal).await.unwrap();
    journal.record(pass(3_000, &[entry("a", "A is back")])).await.unwrap();
    let article = latest(&journal, id).await;
    assert_eq!((article.status, article.revision), (Status::Live, Revision(3)));
}

#[tokio::test]
async fn the_state_is_written_even_where_nothing_else_is() {
    let journal = journal().await;
    let state = SourceState { failures: 3, ..SourceState::new("quan1".parse().unwrap()) };
    let recorded = journal.record(Pass { state: Some(state.clone()), ..pass(1_000, &[]) }).await.unwrap();
    assert_eq!((recorded.head, recorded.entries), (Seq(0), vec![]));
    assert_eq!(journal.store().source(&state.id).await.unwrap(), Some(state));
}

#[tokio::test]
async fn a_large_pass_is_recorded_whole_in_order_and_with_its_state() {
    let journal = journal().await;
    let entries: Vec<_> = (0..130).map(|n| entry(&format!("n{n}"), "A")).collect();
    let state = SourceState::new("quan1".parse().unwrap());
    let recorded =
        journal.record(Pass { state: Some(state.clone()), ..pass(1_000, &entries) }).await.unwrap();
    assert_eq!(recorded.head, Seq(130));
    let order: Vec<_> = events(&journal).await.iter().map(|event| event.article).collect();
    assert_eq!(order, recorded.entries.iter().map(|(id, ..)| *id).collect::<Vec<_>>());
    assert_eq!(journal.store().source(&state.id).await.unwrap(), Some(state));
    assert_eq!(*journal.head().borrow(), Seq(130));
}

/// Two journals over one store, eight tasks, the same articles: whoever is overtaken decides again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_overtake_each_other_agree() {
    let first = Arc::new(journal().await);
    let second = Arc::new(Journal::open(Arc::clone(first.store())).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let journal = Arc::clone(if task % 2 == 0 { &first } else { &second });
        tasks.spawn(async move {
            for n in 0..20 {
                let shared = entry(&format!("shared{n}"), "A");
                let own = entry(&format!("own{task}-{n}"), "A");
                journal.record(pass(1_000, &[shared, own])).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let lines = events(&first).await;
    assert_eq!(lines.len(), 20 + 8 * 20);
    assert!(lines.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)));
    let mut by_article = BTreeMap::new();
    lines.iter().for_each(|event| *by_article.entry(event.article).or_insert(0) += 1);
    assert!(by_article.values().all(|count| *count == 1), "an article was published twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_woken_and_misses_nothing() {
    let journal = Arc::new(journal().await);
    let writer = Arc::clone(&journal);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        for n in 0..50 {
            writer.record(pass(1_000, &[entry(&format!("n{n}"), "A")])).await.unwrap();
        }
    });
    let (mut head, mut seen) = (journal.head(), Vec::new());
    while seen.len() < 50 {
        let after = seen.last().copied().unwrap_or_default();
        let batch = journal.next_batch(after, 3, &mut head).await.unwrap();
        assert!((1..=3).contains(&batch.len()));
        seen.extend(batch.into_iter().map(|event| event.seq));
    }
    assert_eq!(seen, (1..=50).map(Seq).collect::<Vec<_>>());
    // Nothing new: it waits.
    assert!(futures_util::poll!(Box::pin(journal.next_batch(Seq(50), 3, &mut head))).is_pending());
}

#[tokio::test]
async fn a_learned_name_leads_to_its_article_and_never_takes_another_ones() {
    let journal = journal().await;
    let source: SourceId = "quan1".parse().unwrap();
    let recorded = journal.record(pass(1, &[entry("a", "one"), entry("b", "two")])).await.unwrap();
    let [(a, ..), (b, ..)] = recorded.entries[..] else { panic!("two entries") };
    let before = journal.store().head().await.unwrap();
    journal.learn(&source, vec![(key("c"), a), (key("b"), a)]).await.unwrap();
    let known = journal.store().known(&source, &[key("c"), key("b")]).await.unwrap();
    assert_eq!(known.into_iter().map(|known| known.unwrap().id).collect::<Vec<_>>(), [a, b]);
    assert_eq!(journal.store().head().await.unwrap(), before, "nothing visible has changed");
}

#[tokio::test]
async fn a_rehearsal_says_what_a_recording_then_does_and_writes_nothing() {
    let journal = journal().await;
    let guess = |keys, text| {
        let mut entry = entry(keys, text);
        entry.draft.content.extracted_by = ExtractedBy::MainText;
        entry
    };
    journal.record(pass(1, &[entry("a", "one"), entry("b", "two")])).await.unwrap();
    let before = events(&journal).await;
    let next = pass(2, &[entry("a", "other"), guess("b", "a guess"), entry("c", "new")]);
    let rehearsed = journal.rehearse(next.clone()).await.unwrap();
    assert_eq!(events(&journal).await, before);
    assert_eq!(rehearsed, journal.record(next).await.unwrap().entries);
    let became: Vec<_> = rehearsed.into_iter().map(|(_, _, became)| became).collect();
    assert_eq!(became, [Became::Revised, Became::Unchanged, Became::New]);
}
