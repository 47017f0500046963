//! Addresses that no site means: relative links of a page that answers everywhere compose `/vi/vi/en/vi/…` without
//! end. Pure.

use std::collections::HashMap;

use url::Url;

/// What an address may look like that we follow. Each has its own key in `[net]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Characters.
    pub length: usize,
    /// Segments of its path.
    pub depth: usize,
    /// How often one segment may stand in its path. Numbers and dashes do not count: dates repeat them.
    pub repeats: usize,
}

/// The rule that an address breaks, in words.
pub(super) fn broken(url: &Url, caps: &Caps) -> Option<String> {
    let length = url.as_str().chars().count();
    if length > caps.length {
        return Some(format!(
            "it has {length} characters and the limit (`net.max_url_length`) is {}",
            caps.length
        ));
    }
    let segments = url.path().split('/').filter(|segment| !segment.is_empty());
    let depth = segments.clone().count();
    if depth > caps.depth {
        return Some(format!(
            "its path is {depth} segments deep and the limit (`net.max_url_depth`) is {}",
            caps.depth
        ));
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for segment in segments.filter(|segment| segment.bytes().any(|byte| byte.is_ascii_alphabetic())) {
        let count = counts.entry(segment.to_ascii_lowercase()).or_default();
        *count += 1;
        if *count > caps.repeats {
            return Some(format!(
                "`{segment}` stands more than {} times in its path, which is the limit (`net.max_url_repeats`)",
                caps.repeats
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_name() {
        let caps = Caps { length: 100, depth: 8, repeats: 2 };
        let check = |path: &str, expected: Option<&str>| {
            let url = Url::parse("https://tin.example").unwrap().join(path).unwrap();
            let broken = broken(&url, &caps);
            let key =
                broken.as_deref().map(|text| text.split('`').find(|part| part.starts_with("net.")).unwrap());
            assert_eq!(key, expected, "{path}");
        };
        check("/", None);
        check("/tintuc/lists/posts/post.aspx?ID=1&Source=/tintuc/tintuc/tintuc", None);
        check("/2011/11/11/11/-/-/-/-", None);
        check("/vi/tin/vi", None);
        check("/vi/vi/en/vi/", Some("net.max_url_repeats"));
        check("/vi/a/VI/b/vi", Some("net.max_url_repeats"));
        check("/a/b/c/d/e/f/g/h/", None);
        check("/a/b/c/d/e/f/g/h/i", Some("net.max_url_depth"));
        check(&format!("/?{}", "x".repeat(90)), Some("net.max_url_length"));
    }
}
