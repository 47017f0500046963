//! "Did you mean": the nearest of the names that would have been right.

/// The name nearest to `wrong`, where one is near enough to have been meant.
pub(crate) fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wrong.chars().count();
    let limit = if length < 3 { 0 } else { (length / 3).max(1) };
    right
        .into_iter()
        .map(|name| (difference(&wrong.to_lowercase(), &name.to_lowercase(), limit), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How far two names are apart; a beginning is as near as may be.
fn difference(wrong: &str, right: &str, limit: usize) -> usize {
    let distance = distance(wrong, right);
    if limit > 0 && right.starts_with(wrong) { distance.min(limit) } else { distance }
}

/// Edit distance that counts a swap of two neighbors as one (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        let keys = ["listen", "base_url", "token", "token_file", "every"];
        let check =
            |wrong: &str, expected: Option<&str>| assert_eq!(nearest(wrong, keys), expected, "{wrong}");
        check("listn", Some("listen"));
        check("lsiten", Some("listen"));
        check("Base_URL", Some("base_url"));
        check("baseurl", Some("base_url"));
        check("evry", Some("every"));
        check("tokenfile", Some("token_file"));
        check("base", Some("base_url"));
        check("color", None);
        check("x", None);
        assert_eq!(nearest("d", ["c"]), None);
        check("", None);
    }
}
