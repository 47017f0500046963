//! The examples of RFC 9309, and what real files look like.

use proptest::prelude::*;

use super::*;

fn allows(text: &str, path: &str) -> bool {
    let url = Url::parse("https://tin.example").unwrap().join(path).unwrap();
    Rules::parse(text.as_bytes()).verdict(&url).is_ok()
}

/// The paths that we may ask for, and those that we may not.
fn check(text: &str, allowed: &[&str], forbidden: &[&str]) {
    for path in allowed {
        assert!(allows(text, path), "{path} is allowed by\n{text}");
    }
    for path in forbidden {
        assert!(!allows(text, path), "{path} is forbidden by\n{text}");
    }
}

#[test]
fn the_groups_of_one_agent_are_one_group() {
    // Section 2.2.1, with our name in the place of the examples'.
    let merged = "user-agent: LoaPhuong\ndisallow: /foo\ndisallow: /bar\n\nuser-agent: BazBot\ndisallow: /x\n\n\
                  user-agent: loaphuong\ndisallow: /baz";
    check(merged, &["/x", "/"], &["/foo", "/bar", "/baz"]);
    // Section 5.1.
    let simple = "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n\
                  User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\nAllow:/example/allowed.gif\n\n\
                  User-Agent: barbot\nUser-Agent: loaphuong\nDisallow: /example/page.html\n\n\
                  User-Agent: quxbot";
    check(simple, &["/a.gif", "/example/", "/"], &["/example/page.html"]);
    check(&simple.replace("loaphuong", "bazbot"), &["/a.gif?x", "/publications/"], &["/a.gif", "/example/x"]);
    // An empty group of our own frees us from everybody's.
    check(
        &simple.replace("quxbot", "loaphuong").replacen("loaphuong", "bazbot", 1),
        &["/a.gif", "/example/"],
        &[],
    );
}

#[test]
fn the_longest_match_decides() {
    // Section 5.2.
    let text =
        "User-Agent: foobot\nUser-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif";
    check(text, &["/example/page/x.gif"], &["/example/page/disallowed.gif"]);
    check(
        "User-agent: *\nDisallow: /\nAllow: /tin",
        &["/tin/1", "/tintuc", "/robots.txt"],
        &["/", "/ti", "/x"],
    );
    check("User-agent: *\nDisallow: /a\nAllow: /a", &["/a"], &[]);
    check("User-agent: *\nAllow: /a\nDisallow: /a", &["/a"], &[]);
    check("User-agent: *\nAllow: /a\nDisallow: /*b", &["/a"], &["/ab", "/xb"]);
}

#[test]
fn special_characters() {
    // Section 2.2.3.
    check(
        "User-agent: *\nAllow: /this/path/exactly$\nDisallow: /this",
        &["/this/path/exactly"],
        &["/this/path/exactly/"],
    );
    check(
        "User-agent: *\nDisallow: /this/*/exactly",
        &["/this/exactly"],
        &["/this/a/exactly", "/this/a/b/exactly?x"],
    );
    check("User-agent: * # all\nDisallow: /a # but this\n#Disallow: /b", &["/b"], &["/a"]);
    check("User-agent: *\nDisallow: /*?", &["/a"], &["/a?b=1"]);
    check("User-agent: *\nDisallow: /*.aspx$", &["/a.aspx?ID=1", "/a.aspx/b"], &["/a.aspx", "/a.aspx.aspx"]);
    check("User-agent: *\nDisallow: /a*b*c$", &["/abcd", "/acb"], &["/abc", "/axbxcc"]);
    check("User-agent: *\nDisallow: *", &[], &["/", "/a"]);
    check("User-agent: *\nDisallow: /$", &["/a", "/?a"], &["/"]);
    check("User-agent: *\nDisallow: /a**b", &["/a"], &["/ab", "/axb"]);
}

#[test]
fn one_spelling_for_each_address() {
    // Section 2.2.2, table 1: (pattern, path, does it match?).
    let table = [
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz", true),
        ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https://foo.bar", true),
        ("/foo/bar/\u{304}", "/foo/bar/%CC%84", true),
        ("/foo/bar/%cc%84", "/foo/bar/\u{304}", true),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz", true),
        ("/foo/bar/baz", "/foo/bar/%62%61%7A", true),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html", true),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-x.html", false),
        ("/path/foo-%24", "/path/foo-$", true),
        ("/path/foo-%24", "/path/foo-", false),
        ("/a%2fb", "/a/b", false),
        ("/a%2fb", "/a%2Fb", true),
        ("/tin tức", "/tin%20t%E1%BB%A9c", true),
        ("/100%", "/100%", true),
        ("/%", "/%zz", true),
    ];
    for (pattern, path, expected) in table {
        let forbidden = !allows(&format!("User-agent: *\nDisallow: {pattern}"), path);
        assert_eq!(forbidden, expected, "{pattern} {path}");
    }
}

#[test]
fn agents_are_named_in_many_ways() {
    for name in ["loaphuong", "LoaPhuong", "LOAPHUONG/1.0", "loaphuong (+https://x)", " loaphuong\t"] {
        check(&format!("User-agent: {name}\nDisallow: /\nUser-agent: *\nAllow: /"), &[], &["/"]);
    }
    for name in ["loa", "loaphuongx", "loaphuong-news", "my loaphuong", "", "bot*"] {
        check(&format!("User-agent: {name}\nDisallow: /"), &["/"], &[]);
    }
    check("useragent: *\nDISALLOW :/a\n  Disallow:\t/b ", &["/c"], &["/a", "/b"]);
    check("Disallow: /a\nUser-agent: *\nDisallow: /b", &["/a"], &["/b"]);
}

#[test]
fn files_as_they_are_found() {
    check("", &["/"], &[]);
    check("User-agent: *\nDisallow:", &["/"], &[]);
    check("\u{feff}User-agent: *\r\nDisallow: /a\r\n\r\nDisallow: /b\r\n", &["/"], &["/a", "/b"]);
    check("User-agent: *\rDisallow: /a\rAllow: /", &["/"], &["/a"]);
    // A sitemap within a group, or other lines, end nothing.
    check("User-agent: x\nSitemap: https://a/\nHost: a\nUser-agent: *\nDisallow: /a", &["/"], &["/a"]);
    check("<!DOCTYPE html><title>404: not found</title><p>User-agent</p>", &["/"], &[]);
    let wild = Rules::parse(b"\xff\xfe\x00User-agent\xff: *\nDisallow: /");
    assert_eq!(wild, Rules::default());
}

#[test]
fn delays_and_sitemaps() {
    let delay = |text: &str| Rules::parse(text.as_bytes()).crawl_delay.map(|delay| delay.as_millis());
    assert_eq!(delay("User-agent: *\nCrawl-delay: 10"), Some(10_000));
    assert_eq!(delay("User-agent: *\nCrawl-delay: 0.5"), Some(500));
    assert_eq!(delay("User-agent: *\nCrawl-delay: 1e99"), Some(86_400_000));
    assert_eq!(delay("User-agent: *\ncrawl-delay: 3\nUser-agent: *\nCrawl-delay: 2"), Some(3000));
    for none in ["-1", "NaN", "inf", "soon", "", "1,5"] {
        assert_eq!(delay(&format!("User-agent: *\nCrawl-delay: {none}")), None, "{none}");
    }
    // A delay is a line of a group: the next agent begins another.
    assert_eq!(delay("User-agent: bingbot\nCrawl-delay: 9\nUser-agent: *\nDisallow: /a"), None);
    assert_eq!(delay("User-agent: loaphuong\nDisallow: /a\nUser-agent: *\nCrawl-delay: 9"), None);
    let rules = Rules::parse(b"Sitemap: https://a/1.xml\nUser-agent: x\nsitemap:https://a/2.xml\nSitemap:");
    assert_eq!(rules.sitemaps, ["https://a/1.xml", "https://a/2.xml"]);
}

#[test]
fn the_verdict_names_the_line() {
    let rules = Rules::parse(b"User-agent: *\nDisallow: /a\nDisallow: /ab*c");
    let verdict = |url: &str| rules.verdict(&Url::parse(url).unwrap());
    assert_eq!(verdict("http://x/abc"), Err("Disallow: /ab*c".to_owned()));
    assert_eq!(verdict("http://x/b"), Ok(()));
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        Rules::parse(&bytes);
    }

    /// Against a matcher that tries everything.
    #[test]
    fn patterns_match_as_they_should(pattern in "/[ab*]{0,6}[$]?", path in "/[ab]{0,8}") {
        fn slow(pattern: &[u8], path: &[u8]) -> bool {
            match pattern {
                [] => true,
                [b'$'] => path.is_empty(),
                [b'*', rest @ ..] => (0..=path.len()).any(|n| slow(rest, &path[n..])),
                [first, rest @ ..] => path.first() == Some(first) && slow(rest, &path[1..]),
            }
        }
        prop_assert_eq!(matches(&pattern, &path), slow(pattern.as_bytes(), path.as_bytes()));
    }

    #[test]
    fn normalizing_twice_changes_nothing(text in "[/a-c%0-9A-F*$ é]{0,12}") {
        let once = normalized(&text, Side::Pattern);
        prop_assert_eq!(normalized(&once, Side::Pattern), once);
    }
}
