use proptest::prelude::{Strategy, proptest};
use regex::Regex;

use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn plain(text: &str) -> String {
    canonical(&url(text), &UrlRules::default())
}

#[test]
fn resolves_only_web_addresses() {
    let base = url("http://a.vn/tintuc/lists/posts/post.aspx?ItemID=1");
    for (href, expected) in [
        ("/x", Some("http://a.vn/x")),
        ("  y.html\n", Some("http://a.vn/tintuc/lists/posts/y.html")),
        ("http://b.vn/a\n   b.html", Some("http://b.vn/ab.html")),
        ("//c.vn", Some("http://c.vn/")),
        ("?ItemID=2", Some("http://a.vn/tintuc/lists/posts/post.aspx?ItemID=2")),
        ("\\_layouts\\x.jpg", Some("http://a.vn/_layouts/x.jpg")),
        ("tha\u{301}ng", Some("http://a.vn/tintuc/lists/posts/th%C3%A1ng")),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("\u{1}javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("mailto:a@b.vn", None),
        ("tel:115", None),
        ("file:///etc/passwd", None),
        ("http://", None),
        ("", None),
        (" \u{a0} ", None),
    ] {
        let found = absolute(&base, href);
        assert_eq!(found.as_ref().map(Url::as_str), expected, "{href:?}");
    }
}

#[test]
fn gives_readers_what_works() {
    for (from, expected) in [
        ("http://a.vn/x?utm_source=zalo&ID=5&fbclid=z#nội-dung", "http://a.vn/x?ID=5#n%E1%BB%99i-dung"),
        ("http://a.vn/x?p_p_auth=KeI6L92v", "http://a.vn/x"),
        ("http://a.vn/x;jsessionid=AB12?b=2&a=%2ftin+tuc", "http://a.vn/x?b=2&a=%2ftin+tuc"),
        ("http://a.vn/100%?q=a|b&c[]=%zz", "http://a.vn/100%25?q=a%7Cb&c%5B%5D=%25zz"),
        ("http://user:pw@a.vn:8007/", "http://a.vn:8007/"),
        ("http://a.vn/x?a=1#:~:text=abc", "http://a.vn/x?a=1"),
    ] {
        assert_eq!(public(&url(from)), expected, "{from}");
    }
}

#[test]
fn evens_out_what_names_the_same() {
    for (from, expected) in [
        ("https://www.A.vn:443/x/", "//a.vn/x"),
        ("http://a.vn:80/x#y", "//a.vn/x"),
        ("http://a.vn:8007/", "//a.vn:8007/"),
        ("http://www.vn/", "//www.vn/"),
        ("http://a.vn/index.html?", "//a.vn/"),
        ("http://a.vn//UploadImages//x.jpg", "//a.vn/UploadImages/x.jpg"),
        ("http://a.vn/x?b=2&a=1&b=2&c=", "//a.vn/x?a=1&b=2"),
        ("http://a.vn/x?a=%2ftin+t%e1%bb%a9c", "//a.vn/x?a=/tin%20tức"),
        ("http://a.vn/x?a=/tin%20t%E1%BB%A9c", "//a.vn/x?a=/tin%20tức"),
        ("http://a.vn/x?a=1%262&n=%3d%2B", "//a.vn/x?a=1%262&n==%2B"),
        ("http://a.vn/tha%CC%81ng", "//a.vn/tháng"),
        ("http://a.vn/%3Fx%23y%25", "//a.vn/%3Fx%23y%25"),
        ("http://a.vn/x;jsessionid=1/y", "//a.vn/x/y"),
        ("http://a.vn/%E1%BA", "//a.vn/%25E1%25BA"),
        ("http://a.vn/app#!/tin/5", "//a.vn/app#!/tin/5"),
        ("http://a.vn/?12345", "//a.vn/?12345"),
    ] {
        assert_eq!(plain(from), expected, "{from}");
    }
}

fn rules() -> UrlRules {
    UrlRules {
        fold_path: true,
        fold_params: true,
        drop_params: vec!["Source".into(), "_101_*".into()],
        keep_params: Vec::new(),
        rename_params: vec![("ID".into(), "itemid".into())],
        rewrite: vec![
            (Regex::new("^/(vi|en)(/|$)").unwrap(), "/".into()),
            (Regex::new("/pop_up/").unwrap(), "/".into()),
        ],
    }
}

#[test]
fn follows_the_rules_of_a_platform() {
    for (from, expected) in [
        ("http://a.vn/vi/en/Tin/pop_up/1.html?_101_viewMode=print", "//a.vn/tin/1.html"),
        ("http://a.vn/vi", "//a.vn/"),
        ("http://a.vn/video", "//a.vn/video"),
        ("http://a.vn/T/Post.aspx?Source=/T&ID=59", "//a.vn/t/post.aspx?itemid=59"),
        ("http://a.vn/t/post.aspx?itemid=59&SOURCE=x", "//a.vn/t/post.aspx?itemid=59"),
    ] {
        assert_eq!(canonical(&url(from), &rules()), expected, "{from}");
    }
    let keep = UrlRules { keep_params: vec!["id".into()], ..UrlRules::default() };
    assert_eq!(canonical(&url("http://a.vn/x?id=1&t=2"), &keep), "//a.vn/x?id=1");
}

fn addresses() -> impl Strategy<Value = String> {
    let part = proptest::sample::select(vec![
        "a",
        "B",
        "%2f",
        "%2F",
        "/",
        "//",
        "%25",
        "%252f",
        "%",
        "..",
        "%2e",
        "+",
        "%20",
        "%C3%A1",
        "a%CC%81",
        "é",
        "index.html",
        ";jsessionid=1",
        "%E1",
        "vi/",
        "en/",
        "\\",
        "%5c",
        "'",
        "\"",
        "%00",
        "İ",
    ]);
    let path = proptest::collection::vec(part.clone(), 0..6).prop_map(|parts| parts.concat());
    let pair = (proptest::collection::vec(part, 0..3), "[=]?[a-c+%&]{0,2}")
        .prop_map(|(name, value)| format!("{}{value}", name.concat()));
    let query = proptest::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&"));
    (path, query).prop_map(|(path, query)| format!("http://www.a.vn/{path}?{query}"))
}

proptest! {
    #[test]
    fn canonical_is_stable(address in addresses()) {
        let Ok(address) = address.parse::<Url>() else { return Ok(()) };
        for rules in [UrlRules::default(), rules()] {
            let once = canonical(&address, &rules);
            let again = canonical(&url(&format!("http:{once}")), &rules);
            proptest::prop_assert_eq!(once, again);
        }
    }

    #[test]
    fn canonical_does_not_see_order(mut pairs in proptest::collection::vec("[a-c]=[a-c]", 0..5)) {
        let forward = plain(&format!("http://a.vn/?{}", pairs.join("&")));
        pairs.reverse();
        proptest::prop_assert_eq!(forward, plain(&format!("http://a.vn/?{}", pairs.join("&"))));
    }

    #[test]
    fn public_stays_the_same_address(address in addresses()) {
        let Ok(address) = address.parse::<Url>() else { return Ok(()) };
        let shown = public(&address);
        proptest::prop_assert_eq!(&public(&url(&shown)), &shown);
        proptest::prop_assert_eq!(plain(&shown), plain(address.as_str()));
    }
}

/// Found by a fuzzer: what is shown of an address leads to the same article as the address itself.
#[test]
fn a_route_behind_a_hash_is_the_same_as_it_is_shown() {
    let rules = UrlRules::default();
    for href in [
        "https://a.example/#!/tin/2/a%zz?=&&a=1",
        "https://a.example/#/tin/{2}",
        "https://a.example/#!/tin/%2",
    ] {
        let address: Url = href.parse().unwrap();
        let shown: Url = public(&address).parse().unwrap();
        assert_eq!(canonical(&shown, &rules), canonical(&address, &rules), "{href}");
    }
}

/// Found by a fuzzer: canonical forms are those of themselves.
#[test]
fn hosts_are_named_once() {
    let base = "https://a.example/".parse().unwrap();
    for none in ["http:./www.a.example/a", "//../a", "https://./", "http://www.p0.0../a", "//.a.example/"] {
        assert_eq!(absolute(&base, none), None, "{none}");
    }
    let canonical = |url: &str| canonical(&url.parse().unwrap(), &UrlRules::default());
    assert_eq!(canonical("https://www.www.a.example/a"), canonical("https://a.example/a"));
    assert_eq!(canonical("https://www.example/a"), "//www.example/a");
}

/// Found by a fuzzer: what is shown of an address is an address again.
#[test]
fn what_is_shown_is_never_too_long_to_be_read() {
    let base = "https://a.example/".parse().unwrap();
    for sign in ["a", "ắ", "\"", "{", " a", "%zz"] {
        let long = |n: usize| absolute(&base, &format!("/{}", sign.repeat(n)));
        let lengths: Vec<usize> = (1..8_200).collect();
        let most = lengths.partition_point(|n| long(*n).is_some());
        assert!(most > 600, "{sign}");
        assert!(absolute(&base, &public(&long(most).unwrap())).is_some(), "{sign}");
    }
}
