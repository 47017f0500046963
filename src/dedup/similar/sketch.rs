//! From words to bits. Nothing here is stored: other programs may make other bits of the same words.

use super::BANDS;
use crate::model::text;

/// Words in a row that make a shingle.
const SHINGLE: usize = 3;
/// The bits of a sketch.
const BINS: usize = 128;
/// The most words of a last line that only says who wrote the text.
const SIGNATURE: usize = 6;
/// How many minima make a key.
const ROWS: usize = 2;

/// What is kept of the shingles of a text.
pub(super) struct Sketch {
    /// One bit of the smallest shingle of each of 128 bins.
    pub(super) bits: [u32; 4],
    /// Of the smallest shingles by two permutations each.
    pub(super) keys: [u16; BANDS],
}

impl Sketch {
    /// Of the words of a text, each as its hash. Of fewer than three the one shingle is all of them.
    pub(super) fn of(words: &[u64]) -> Self {
        let mut bins = [u64::MAX; BINS];
        let mut least = [u64::MAX; BANDS * ROWS];
        for shingle in words.windows(SHINGLE.min(words.len()).max(1)) {
            let shingle = shingle.iter().fold(0, |before, word| mix(before ^ word));
            // The top seven bits choose the bin, the others compete in it.
            let bin = usize::try_from(shingle >> 57).unwrap_or_default();
            bins[bin] = bins[bin].min(shingle << 7);
            for (row, least) in least.iter_mut().enumerate() {
                *least = (*least).min(shingle.wrapping_mul(ODD[row]).rotate_left(29).wrapping_mul(ODD[0]));
            }
        }
        let mut keys = [0; BANDS];
        for (key_of, rows) in keys.iter_mut().zip(least.chunks_exact(ROWS)) {
            *key_of = key(rows.iter().fold(0, |before, row| mix(before ^ row)));
        }
        Self { bits: bits(&bins), keys }
    }
}

/// A bit of each bin; an empty one borrows from one that is not, the same one in every text that has the same empty.
fn bits(bins: &[u64; BINS]) -> [u32; 4] {
    let mut bits = [0; 4];
    if bins.iter().all(|bin| *bin == u64::MAX) {
        return bits;
    }
    for number in 0..BINS {
        let mut at = number;
        let mut tries = 0;
        while bins[at] == u64::MAX {
            tries += 1;
            let next = mix(number as u64 * 1_000 + tries) % BINS as u64;
            at = usize::try_from(next).unwrap_or_default();
        }
        let bit = low(mix(bins[at] ^ number as u64)) & 1;
        bits[number / 32] |= bit << (number % 32);
    }
    bits
}

/// A bit for each number of a key of text: a date, an amount, an hour, a part of a document's number.
pub(super) fn numbers(keyed: &str) -> [u32; 2] {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b':' | b'/' | b'-');
    let mut bits = [0; 2];
    for run in keyed.as_bytes().split(|byte| !is_part(byte)).filter(|run| run.iter().any(u8::is_ascii_digit))
    {
        let mut number = 0;
        for part in run.split(|byte| !byte.is_ascii_digit()).filter(|part| !part.is_empty()) {
            // `05/3` and `5/03` are one day.
            let zeros = part.iter().take_while(|digit| **digit == b'0').count();
            number = mix(number ^ hash(&part[zeros..]));
        }
        set(&mut bits, number);
    }
    bits
}

/// A bit for each name of a text: the last two of several capitalized words in a row. A word that begins a sentence
/// is none, nor is what stands in capitals only, nor who signs in a last line: every paper has its own reporter.
pub(super) fn names(plain: &str) -> u32 {
    let (mut run, mut bits) = (Vec::new(), [0]);
    let mut end = |run: &mut Vec<String>| {
        if let [.., last, name] = run.as_slice() {
            set(&mut bits, hash(format!("{last} {name}").as_bytes()));
        }
        run.clear();
    };
    let (text, last) = plain.trim_end().rsplit_once('\n').unwrap_or((plain, ""));
    let signature = last.split_whitespace().count() <= SIGNATURE;
    let mut begins = true;
    for word in if signature { text } else { plain }.split_whitespace() {
        match name(word) {
            Some(name) if !begins => run.push(text::key(name)),
            _ => end(&mut run),
        }
        let stops = |c: char| !text::is_letter_or_digit(c) && c != ')' && c != '"' && c != '”';
        if !run.is_empty() && word.ends_with(stops) {
            end(&mut run);
        }
        begins = word.ends_with(['.', ':', '!', '?', '-', '–']);
    }
    end(&mut run);
    bits[0]
}

/// A word without what stands around it, where it is written like a name: one capital, and small letters.
fn name(word: &str) -> Option<&str> {
    // Most words begin with a small letter, which is seen at once.
    if word.starts_with(|c: char| c.is_ascii_lowercase()) {
        return None;
    }
    let bare = word.trim_matches(|c: char| !text::is_letter_or_digit(c));
    let mut letters = bare.chars();
    let capital = letters.next().is_some_and(char::is_uppercase);
    let small = |c: char| c.is_lowercase() || !text::is_letter(c);
    (capital && letters.all(small) && bare.len() > 1).then_some(bare)
}

/// A bit of the smallest word of a title by each of 32 permutations.
pub(super) fn title(keyed: &str) -> u32 {
    let words: Vec<u64> = text::words(keyed).map(|word| hash(word.as_bytes())).collect();
    (0..32).fold(0, |bits, number| {
        let least = words.iter().map(|word| mix(word ^ mix(number))).min().unwrap_or_default();
        bits | (low(least >> 7) & 1) << number
    })
}

/// Sets one of the bits.
fn set(bits: &mut [u32], value: u64) {
    let n_bits = bits.len() as u64 * 32;
    let bit = usize::try_from(mix(value) % n_bits).unwrap_or_default();
    bits[bit / 32] |= 1 << (bit % 32);
}

/// A hash of some bytes: FNV-1a, stirred.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    mix(bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// The finalizer of SplitMix64: every bit depends on every bit.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// The lower half.
pub(super) fn low(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default()
}

/// The lowest quarter, stirred.
pub(super) fn key(value: u64) -> u16 {
    u16::try_from(mix(value) & u64::from(u16::MAX)).unwrap_or_default()
}

/// Odd numbers: multiplying by one is a permutation.
const ODD: [u64; BANDS * ROWS] = [
    0x9e37_79b9_7f4a_7c15,
    0xd6e8_feb8_6659_fd93,
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
    0x8ebc_6af0_9c88_c6e3,
    0x5896_36a7_5d91_7acd,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
];
