//! Addresses: absolute, fit for readers, canonical for comparing.
//!
//! The canonical form is made in this order:
//! 1. scheme, user, fragment and default port are left out; host in lower case without `www.`;
//! 2. path decoded, NFC, session parts (`;jsessionid=…`) cut, doubled slashes joined;
//! 3. path in lower case, where `fold_path` says so;
//! 4. `rewrite` rules on the decoded path, again until nothing changes (at most 8 rounds);
//! 5. index pages and the trailing slash cut;
//! 6. parameters decoded (`+` is a space), NFC, names in lower case where `fold_params` says so, renamed,
//!    tracking and session parameters and those of `drop_params` cut, then all but `keep_params`, empty ones,
//!    and doubled ones; sorted.
//!
//! What structure needs is encoded again: `//host/path?name=value&name=value`.

use std::borrow::Cow;

use ::url::Url;
use unicode_normalization::UnicodeNormalization;

use super::UrlRules;

/// The longest address read, in bytes.
const LONGEST: usize = 8_192;

/// How often rewrite rules are applied to their own result.
const ROUNDS: usize = 8;

/// Resolves `href` as browsers do. Only `http` and `https` addresses survive.
pub fn absolute(base: &Url, href: &str) -> Option<Url> {
    let trimmed = href.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    if trimmed.is_empty() || trimmed.len() > LONGEST {
        return None;
    }
    let one_line: Cow<'_, str> = match trimmed.contains(['\n', '\r', '\t']) {
        true => Cow::Owned(trimmed.split(['\n', '\r', '\t']).map(str::trim).collect()),
        false => Cow::Borrowed(trimmed),
    };
    let composed: String = one_line.nfc().collect();
    let url = base.join(&composed).ok()?;
    // `http:./a` names a host of one dot, which is none; and of labels only the root's is empty (RFC 1034, section 3.1).
    let is_name = |host: &str| !host.is_empty() && host.split('.').all(|label| !label.is_empty());
    let has_host = url.host_str().is_some_and(|host| is_name(host.strip_suffix('.').unwrap_or(host)));
    // Encoded it may be three times as long, and what is shown is read again.
    let is_long = url.as_str().len() > LONGEST / 3 && public(&url).len() > LONGEST;
    (matches!(url.scheme(), "http" | "https") && has_host && !is_long).then_some(url)
}

/// The address that readers get: without tracking and session parameters, otherwise left working, and with
/// every character that RFC 3986 does not allow encoded.
pub fn public(url: &Url) -> String {
    let mut url = url.clone();
    let path = cut_session(url.path()).into_owned();
    if path != url.path() {
        url.set_path(&path);
    }
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_noise(pair)).collect();
        let kept = kept.join("&");
        if kept != query {
            url.set_query((!kept.is_empty()).then_some(&kept));
        }
    }
    if url.fragment().is_some_and(is_tracking_fragment) {
        url.set_fragment(None);
    }
    if !url.username().is_empty() || url.password().is_some() {
        let bare = url.set_username("").and_then(|()| url.set_password(None));
        debug_assert!(bare.is_ok(), "an address with a host can lose its user");
    }
    encode_rest(url.as_str())
}

/// The canonical form of an address, for comparing only.
pub fn canonical(url: &Url, rules: &UrlRules) -> String {
    let mut out = String::from("//");
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    out.push_str(bare_host(&host));
    if let Some(port) = url.port() {
        out.push_str(&format!(":{port}"));
    }
    push_encoded(&mut out, &canonical_path(url.path(), rules), "?#%\\ ");
    let mark = if let Some(route) = url.fragment().filter(|fragment| fragment.starts_with(['!', '/'])) {
        format!("#{}", encoded(route))
    } else {
        String::new()
    };
    for (at, (name, value)) in parameters(url.query().unwrap_or_default(), rules).iter().enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        push_encoded(&mut out, name, "&#%+= ");
        if let Some(value) = value {
            out.push('=');
            push_encoded(&mut out, value, "&#%+ ");
        }
    }
    out + &mark
}

/// Takes each `www.` off that names no other site.
fn bare_host(mut host: &str) -> &str {
    while let Some(rest) = host.strip_prefix("www.").filter(|rest| rest.contains('.')) {
        host = rest;
    }
    host
}

// === Paths ===

fn canonical_path(path: &str, rules: &UrlRules) -> String {
    let mut path = join_slashes(&decode(&cut_session(path), false));
    if rules.fold_path {
        path = path.to_lowercase().nfc().collect();
    }
    for _ in 0..ROUNDS {
        let rewritten = rewrite(&path, rules);
        if rewritten == path {
            break;
        }
        path = rewritten;
    }
    let mut shown = path.trim_end_matches('/');
    while let Some((folder, last)) = shown.rsplit_once('/')
        && is_index(last)
    {
        shown = folder.trim_end_matches('/');
    }
    if shown.is_empty() { "/".to_owned() } else { shown.to_owned() }
}

fn rewrite(path: &str, rules: &UrlRules) -> String {
    let mut path = Cow::Borrowed(path);
    for (pattern, with) in &rules.rewrite {
        if pattern.is_match(&path) {
            path = Cow::Owned(join_slashes(&pattern.replace_all(&path, with.as_str())));
        }
        if path.len() > LONGEST {
            break;
        }
    }
    path.into_owned()
}

/// One slash where there are several, and one at the start. Dots that decoding brought are steps as well.
fn join_slashes(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 1);
    for segment in path.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        if segment == ".." {
            out.truncate(out.rfind('/').unwrap_or(0));
            continue;
        }
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() || path.ends_with('/') {
        out.push('/');
    }
    out
}

/// Cuts `;jsessionid=…` and its like from path segments.
fn cut_session(path: &str) -> Cow<'_, str> {
    if !path.contains(';') {
        return Cow::Borrowed(path);
    }
    let clean = |segment: &str| -> String {
        let kept = segment.split(';').enumerate().filter(|(at, part)| {
            let name = part.split('=').next().unwrap_or_default();
            *at == 0 || !is_session(&name.to_ascii_lowercase())
        });
        kept.map(|(_, part)| part).collect::<Vec<_>>().join(";")
    };
    Cow::Owned(path.split('/').map(clean).collect::<Vec<_>>().join("/"))
}

fn is_index(name: &str) -> bool {
    const INDEX: [&str; 12] = [
        "index.html",
        "index.htm",
        "index.php",
        "index.asp",
        "index.aspx",
        "index.jsp",
        "index.shtml",
        "index.xhtml",
        "default.aspx",
        "default.asp",
        "default.htm",
        "default.html",
    ];
    INDEX.iter().any(|index| name.eq_ignore_ascii_case(index))
}

// === Parameters ===

fn parameters(query: &str, rules: &UrlRules) -> Vec<(String, Option<String>)> {
    let mut found: Vec<(String, Option<String>)> =
        query.split('&').filter(|pair| !is_noise(pair)).filter_map(|pair| parameter(pair, rules)).collect();
    found.sort();
    found.dedup();
    found
}

fn parameter(pair: &str, rules: &UrlRules) -> Option<(String, Option<String>)> {
    let (name, value) = match pair.split_once('=') {
        Some((name, value)) => (name, Some(decode(value, true).trim().to_owned())),
        None => (pair, None),
    };
    let mut name = decode(name, true).trim().to_owned();
    if rules.fold_params {
        name = name.to_lowercase().nfc().collect();
    }
    let same = |other: &str| if rules.fold_params { other.to_lowercase() == name } else { other == name };
    if let Some((_, to)) = rules.rename_params.iter().find(|(from, _)| same(from)) {
        name.clone_from(to);
    }
    let listed = |rule: &String| matches_name(rule, &name, rules.fold_params);
    let dropped = rules.drop_params.iter().any(listed);
    let kept = rules.keep_params.is_empty() || rules.keep_params.iter().any(listed);
    let empty = name.is_empty() || value.as_ref().is_some_and(String::is_empty);
    (!dropped && kept && !empty).then_some((name, value))
}

fn matches_name(rule: &str, name: &str, fold: bool) -> bool {
    let (rule, name) = match fold {
        true => (Cow::Owned(rule.to_lowercase()), Cow::Owned(name.to_lowercase())),
        false => (Cow::Borrowed(rule), Cow::Borrowed(name)),
    };
    match rule.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => rule == name,
    }
}

/// True for parameters that say who clicked where, or in which session, on whatever site.
fn is_noise(pair: &str) -> bool {
    const TRACKING: [&str; 33] = [
        "fbclid",
        "gclid",
        "gclsrc",
        "dclid",
        "gbraid",
        "wbraid",
        "msclkid",
        "yclid",
        "ysclid",
        "twclid",
        "ttclid",
        "igshid",
        "igsh",
        "li_fat_id",
        "zarsrc",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "_hsenc",
        "_hsmi",
        "__hstc",
        "__hssc",
        "__hsfp",
        "vero_id",
        "vero_conv",
        "oly_enc_id",
        "oly_anon_id",
        "_openstat",
        "wickedid",
        "_ga",
        "_gl",
        "srsltid",
        "zanpid",
    ];
    let name = pair.split('=').next().unwrap_or_default();
    let name = decode(name, true).trim().to_ascii_lowercase();
    name.starts_with("utm_") || TRACKING.contains(&name.as_str()) || is_session(&name)
}

fn is_session(name: &str) -> bool {
    matches!(
        name,
        "p_p_auth" | "p_auth" | "jsessionid" | "phpsessid" | "cfid" | "cftoken" | "asp.net_sessionid"
    ) || name.starts_with("aspsessionid")
}

fn is_tracking_fragment(fragment: &str) -> bool {
    ["utm_", "xtor=", ":~:", "fbclid="].iter().any(|start| fragment.starts_with(start))
}

// === Encoding ===

/// Percent-decoding, evened out: composed characters; bytes that are no UTF-8 stay encoded, in upper case.
fn decode(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let code = peek_hex(&rest);
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest.nth(1);
            }
            (b'+', _) if plus => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out.nfc().collect()
}

/// The byte that the next two hexadecimal digits stand for.
fn peek_hex(ahead: &std::str::Bytes<'_>) -> Option<u8> {
    let mut ahead = ahead.clone();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (high, low) = (digit(ahead.next()?)?, digit(ahead.next()?)?);
    Some(high * 16 + low)
}

/// Appends `text` with the characters of `structure` and controls encoded.
fn push_encoded(out: &mut String, text: &str, structure: &str) {
    for c in text.chars() {
        if c.is_control() || structure.contains(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
}

/// Encodes what browsers leave and RFC 3986 forbids: stray `%`, `|`, `[`, `{` … behind the host.
fn encode_rest(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("//") else { return url.to_owned() };
    let (host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    format!("{scheme}//{host}{}", encoded(tail))
}

/// The same of what stands behind the host.
fn encoded(tail: &str) -> String {
    let mut out = String::with_capacity(tail.len());
    let mut bytes = tail.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte);
        if allowed || (byte == b'%' && peek_hex(&bytes).is_some()) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
