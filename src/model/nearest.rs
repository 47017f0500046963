//! The name that was probably meant.

/// The one of `known` that takes the fewest edits, if it is near enough to be meant.
pub fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    /// Longer than any id of ours: not worth the quadratic work.
    const LONGEST: usize = 100;
    if given.len() > LONGEST {
        return None;
    }
    let given = given.to_lowercase();
    let near = known.iter().map(|name| (distance(&given, &name.to_lowercase()), *name));
    let (edits, name) = near.min_by_key(|(edits, _)| *edits)?;
    (edits <= 1 + name.chars().count() / 4).then_some(name)
}

/// Insertions, deletions and substitutions from `a` to `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let table = [("", "", 0), ("quan1", "quan1", 0), ("quan1", "quan-1", 1), ("kitten", "sitting", 3)];
        for (a, b, edits) in table {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["quan1", "thong-bao"];
        assert_eq!(nearest("QUAN-1", &known), Some("quan1"));
        assert_eq!(nearest("thongbao", &known), Some("thong-bao"));
        assert_eq!(nearest("favicon", &known), None);
        assert_eq!(nearest(&"x".repeat(5000), &known), None);
        assert_eq!(nearest("quan1", &[]), None);
    }
}
