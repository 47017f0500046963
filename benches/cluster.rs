//! Near duplicates: `cargo bench --bench cluster -- [ARTICLES] [PROBES]` (1,000,000 and 2,000 when left out). Fills the
//! index with synthetic articles, some of them templates that differ in numbers and names only; then times look-ups, and
//! counts what is found of texts in which some of the words were replaced.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::time::{Duration, Instant};

use loaphuong::{
    dedup::{
        Wording,
        similar::{self, Index, Signature},
    },
    model::{ArticleId, Content, Html, IdentityKey, SourceId, Timestamp},
};

/// How many words there are to choose from; the first ones are said more often, as people do (Zipf).
const WORDS: usize = 20_000;
/// One article of so many is a notice made from a template.
const TEMPLATED: u64 = 5;
/// The day of all articles: nearness of days helps nobody to be told apart.
const DAY: i64 = 1_700_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (n_articles, n_probes) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(2_000));
    let sources: Vec<SourceId> = (0..300).map(|n| format!("s{n}").parse().expect("a fine name")).collect();
    let (mut index, mut signing, mut putting) = (Index::default(), Duration::ZERO, Duration::ZERO);
    for n in 0..n_articles {
        let content = content(&title(n), &words(n).join(" "));
        let begin = Instant::now();
        let signature =
            similar::signature(&content, &Wording::of(&content), Timestamp::from_second(DAY), None);
        let signed = Instant::now();
        let seen = Timestamp::from_second(i64::try_from(n).unwrap_or_default());
        index.put(id(n), source(&sources, n), seen, &signature);
        putting += signed.elapsed();
        signing += signed - begin;
    }
    let each = |all: Duration| all.as_secs_f64() * 1e6 / n_articles as f64;
    println!(
        "{n_articles} articles: {:.1} bytes each, {} bytes",
        index.bytes() as f64 / n_articles as f64,
        index.bytes()
    );
    println!("signature {:.1} µs, taking in {:.1} µs an article (means)", each(signing), each(putting));
    let clustered = (0..n_articles).filter(|n| index.cluster(id(*n)).is_some()).count();
    println!(
        "of these, all different, {clustered} are in a cluster: {:.4} %",
        100.0 * clustered as f64 / n_articles as f64
    );
    let stranger: SourceId = "another".parse().expect("a fine name");
    for share in [0, 1, 5, 10, 20] {
        probe(&index, &stranger, n_articles, n_probes, share);
    }
    let new = (0..n_probes).map(|n| signed(&title(n_articles + n), &words(n_articles + n)));
    let (mut took, mut wrong) = (Vec::new(), 0);
    for signature in new {
        let begin = Instant::now();
        wrong += usize::from(index.first_like(&stranger, &signature).is_some());
        took.push(begin.elapsed());
    }
    println!("new texts: {wrong} of {n_probes} found something; {}", times(took));
}

/// Looks for articles in which `share` per cent of the words were replaced.
fn probe(index: &Index, stranger: &SourceId, n_articles: u64, n_probes: u64, share: u64) {
    let (mut took, mut right, mut wrong) = (Vec::new(), 0, 0);
    for probe in 0..n_probes {
        let n = mix(probe ^ share << 32) % n_articles;
        let mut text = words(n);
        for (at, word) in text.iter_mut().enumerate() {
            if mix(n ^ mix(at as u64 ^ share << 40)) % 100 < share {
                *word = spell(usize::try_from(mix(n + at as u64) % WORDS as u64).unwrap_or_default());
            }
        }
        let signature = signed(&title(n), &text);
        let begin = Instant::now();
        let found = index.first_like(stranger, &signature);
        took.push(begin.elapsed());
        right += usize::from(found == Some(id(n)));
        wrong += usize::from(found.is_some_and(|found| found != id(n)));
    }
    let precision = 100.0 * right as f64 / (right + wrong).max(1) as f64;
    println!(
        "{share:>2} % of the words replaced: recall {:.1} %, precision {precision:.2} % ({wrong} wrong); {}",
        100.0 * right as f64 / n_probes as f64,
        times(took)
    );
}

fn times(mut took: Vec<Duration>) -> String {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    format!("look-up p50 {:.1} µs, p99 {:.1} µs, at most {:.1} µs", at(0.5), at(0.99), at(1.0))
}

fn signed(title: &str, words: &[String]) -> Signature {
    let content = content(title, &words.join(" "));
    similar::signature(&content, &Wording::of(&content), Timestamp::from_second(DAY), None)
}

fn content(title: &str, text: &str) -> Content {
    let html = Html::default();
    // A summary stands for a text where there is none; only the sanitizer makes markup.
    Content { title: title.to_owned(), summary: text.to_owned(), html, ..Content::default() }
}

fn id(n: u64) -> ArticleId {
    ArticleId::mint(&"s".parse().expect("a fine name"), &IdentityKey::Item(n.to_string()))
}

fn source(sources: &[SourceId], n: u64) -> &SourceId {
    &sources[usize::try_from(n).unwrap_or_default() % sources.len()]
}

fn title(n: u64) -> String {
    if n.is_multiple_of(TEMPLATED) {
        return "Thông báo mời thầu".to_owned();
    }
    (0..10).map(|at| spell(zipf(mix(n ^ 0x7171 ^ at << 48)))).collect::<Vec<_>>().join(" ")
}

/// The words of an article: 120 to 400 of its own, or those of one of a hundred templates, with four numbers and two names.
fn words(n: u64) -> Vec<String> {
    if n.is_multiple_of(TEMPLATED) {
        let template = n / TEMPLATED % 100;
        let mut words: Vec<String> = (0..200).map(|at| spell(zipf(mix(template << 32 ^ at)))).collect();
        for (at, number) in [(20, 97), (60, 31), (61, 12), (120, 9_000)] {
            words[at] = (mix(n ^ at as u64) % number + 1).to_string();
        }
        words[61] = format!("{}.{}00.000", n % 900 + 100, n / 900 % 1_000);
        words[140] = format!("ông Nguyễn {}", capital(mix(n)));
        words[170] = format!("phường {} {}", capital(mix(n + 1)), capital(mix(n + 2)));
        return words;
    }
    (0..120 + mix(n) % 280)
        .map(|at| match at % 40 {
            7 => (mix(n ^ at << 20) % 2_000).to_string(),
            _ => spell(zipf(mix(n ^ mix(at)))),
        })
        .collect()
}

fn capital(n: u64) -> String {
    let word = spell(usize::try_from(n % WORDS as u64).unwrap_or_default());
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The rank of a word, by an even number.
fn zipf(even: u64) -> usize {
    let share = (even >> 11) as f64 / (1_u64 << 53) as f64;
    ((WORDS as f64).powf(share) as usize).min(WORDS - 1)
}

/// The word of a rank.
fn spell(rank: usize) -> String {
    const BEGIN: [&str; 20] = [
        "b", "c", "ch", "d", "đ", "g", "h", "kh", "l", "m", "n", "ng", "nh", "ph", "qu", "t", "th", "tr",
        "v", "x",
    ];
    const END: [&str; 25] = [
        "a", "à", "ác", "an", "ang", "ạt", "ê", "ế", "ến", "i", "ì", "ính", "o", "ọ", "òng", "ô", "ốn",
        "ổng", "ơ", "ời", "u", "ủ", "ùng", "ư", "ường",
    ];
    let (rest, begin) = (rank / 20, BEGIN[rank % 20]);
    let code: String = (rest / 25).to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
    format!("{begin}{}{}", END[rest % 25], if rest < 25 { "" } else { &code })
}

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
