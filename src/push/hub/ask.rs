//! What somebody asks of the hub (WebSub, section 5.1). Pure.

use std::time::Duration;

use url::{Url, form_urlencoded};

use crate::model::{Secret, SubscriptionId};

/// The longest address that a subscriber may have, in bytes.
const MAX_CALLBACK: usize = 2_048;
/// A secret is shorter than this, in bytes (WebSub, section 5.1).
const MAX_SECRET: usize = 200;
/// A lease is at least this long: shorter ones would only be renewed all the time.
const MIN_LEASE: Duration = Duration::from_secs(5 * 60);
/// Whoever asks for more than ten years has mistaken the unit.
const MAX_ASKED: u64 = 10 * 366 * 24 * 3600;

/// What a subscriber wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Subscribe, or unsubscribe.
    pub mode: Mode,
    /// Where it is told.
    pub callback: Url,
    /// The address of the feed.
    pub topic: String,
    /// How long it wants to be told; `None` leaves it to the hub.
    pub lease: Option<Duration>,
    /// What what it is told is signed with.
    pub secret: Option<Secret>,
}

/// What the hub is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `subscribe`: for the first time, or to renew a lease.
    Subscribe,
    /// `unsubscribe`
    Unsubscribe,
}

/// Why the hub does not even ask the subscriber back. Says which parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A parameter cannot be used.
    #[error("{0}: {1}")]
    Parameter(&'static str, String),
    /// There are as many subscriptions as there may be.
    #[error("{0}")]
    Full(String),
    /// Too much at once.
    #[error("too many subscriptions are being verified: ask again in a minute")]
    Busy,
    /// The hub is switched off.
    #[error("this hub is not open: feeds name the one to ask")]
    Closed,
}

// === impl Ask ===

impl Ask {
    /// Reads the form of a request. Parameters that nobody knows (`hub.verify` of older subscribers) are passed over;
    /// an empty secret is none.
    pub fn parse(form: &[u8]) -> Result<Self, Refusal> {
        let find = |name: &str| {
            let mut pairs = form_urlencoded::parse(form);
            pairs.find_map(|(key, value)| (key == name).then(|| value.trim().to_owned()))
        };
        let required = |name: &'static str| {
            find(name).filter(|text| !text.is_empty()).ok_or_else(|| wrong(name, "it is missing"))
        };
        let mode = match required("hub.mode")?.as_str() {
            "subscribe" => Mode::Subscribe,
            "unsubscribe" => Mode::Unsubscribe,
            "publish" => {
                return Err(wrong(
                    "hub.mode",
                    "this hub knows by itself when its feeds change: no need to tell it",
                ));
            }
            _ => return Err(wrong("hub.mode", "it is `subscribe` or `unsubscribe`")),
        };
        Ok(Self {
            mode,
            callback: callback(&required("hub.callback")?)?,
            topic: required("hub.topic")?,
            lease: find("hub.lease_seconds")
                .filter(|text| !text.is_empty())
                .map(|text| lease(&text))
                .transpose()?,
            secret: find("hub.secret").filter(|text| !text.is_empty()).map(secret).transpose()?,
        })
    }

    /// The subscription that this is about: a callback and a topic are one (WebSub, section 5.1).
    pub(in crate::push) fn id(&self) -> SubscriptionId {
        let hash = blake3::hash(format!("{}\n{}", self.callback, self.topic).as_bytes()).to_hex();
        format!("hub_{}", hash.get(..20).unwrap_or_default())
            .parse()
            .expect("these characters are those of ids")
    }

    /// How long the lease is, given the longest and usual one.
    pub(super) fn granted(&self, longest: Duration) -> Duration {
        self.lease.unwrap_or(longest).clamp(MIN_LEASE.min(longest), longest)
    }

    /// Where the subscriber is asked whether it meant this; what it has in its query stays (section 5.3).
    pub(super) fn question(&self, challenge: &str, lease: Duration) -> Url {
        let mode = match self.mode {
            Mode::Subscribe => "subscribe",
            Mode::Unsubscribe => "unsubscribe",
        };
        let seconds = lease.as_secs().to_string();
        let mut parameters =
            vec![("hub.mode", mode), ("hub.topic", &self.topic), ("hub.challenge", challenge)];
        if self.mode == Mode::Subscribe {
            parameters.push(("hub.lease_seconds", &seconds));
        }
        with_parameters(&self.callback, &parameters)
    }
}

/// Where a subscriber hears that it is not told (any more), and why (section 5.2).
pub(super) fn denial(callback: &Url, topic: &str, reason: &str) -> Url {
    with_parameters(callback, &[("hub.mode", "denied"), ("hub.topic", topic), ("hub.reason", reason)])
}

/// The address with more parameters behind those that it has, which stay as they are, byte for byte.
fn with_parameters(callback: &Url, parameters: &[(&str, &str)]) -> Url {
    let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let query = match callback.query() {
        None | Some("") => added,
        Some(own) => format!("{own}&{added}"),
    };
    let mut url = callback.clone();
    url.set_query(Some(&query));
    url
}

fn callback(text: &str) -> Result<Url, Refusal> {
    let wrong = |what: &str| wrong("hub.callback", what);
    if text.len() > MAX_CALLBACK {
        return Err(wrong("it is longer than 2048 bytes"));
    }
    let mut url = Url::parse(text).map_err(|cause| wrong(&format!("it is no address: {cause}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it begins with `https://` or `http://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("an address with a user name or password is not accepted"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Seconds; longer leases than the hub grants are cut later, nonsense is refused here.
fn lease(text: &str) -> Result<Duration, Refusal> {
    match text.parse::<u64>() {
        Ok(1..=MAX_ASKED) => Ok(Duration::from_secs(text.parse().unwrap_or_default())),
        Ok(_) => Err(wrong(
            "hub.lease_seconds",
            "it is from 1 second to ten years: leases here have 10 days at most",
        )),
        Err(_) => Err(wrong("hub.lease_seconds", "it is a number of seconds")),
    }
}

fn secret(text: String) -> Result<Secret, Refusal> {
    if text.len() < MAX_SECRET {
        return Ok(Secret::Shared(text.into_bytes()));
    }
    Err(wrong("hub.secret", "it has less than 200 bytes"))
}

pub(super) fn wrong(name: &'static str, what: &str) -> Refusal {
    Refusal::Parameter(name, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "hub.mode=subscribe&hub.topic=https%3A%2F%2Ftin.example%2Ffeeds%2Fa.atom\
        &hub.callback=https%3A%2F%2Freader.example%2Fpush%3Fkey%3Da%252Fb%26x";

    fn parse(form: &str) -> Result<Ask, Refusal> {
        Ask::parse(form.as_bytes())
    }

    #[test]
    fn a_request_is_read_whole() {
        let ask = parse(&format!("{PLAIN}&hub.lease_seconds=864000&hub.secret=s3cret&hub.verify=sync&x=y"))
            .unwrap();
        assert_eq!(ask.mode, Mode::Subscribe);
        assert_eq!(ask.callback.as_str(), "https://reader.example/push?key=a%2Fb&x");
        assert_eq!(ask.topic, "https://tin.example/feeds/a.atom");
        assert_eq!(ask.lease, Some(Duration::from_secs(864_000)));
        assert_eq!(ask.secret, Some(Secret::Shared(b"s3cret".to_vec())));
        let bare = parse(&format!("{PLAIN}&hub.secret=&hub.lease_seconds=")).unwrap();
        assert_eq!((bare.lease, bare.secret), (None, None));
        assert_eq!(parse(PLAIN).unwrap().id(), ask.id(), "the lease and the secret may change");
        assert_ne!(parse(&PLAIN.replace("a.atom", "a.rss")).unwrap().id(), ask.id());
    }

    #[test]
    fn a_bad_request_names_its_parameter() {
        for (from, to, name) in [
            ("hub.mode=subscribe&", "", "hub.mode"),
            ("hub.mode=subscribe", "hub.mode=Subscribe", "hub.mode"),
            ("hub.mode=subscribe", "hub.mode=publish", "hub.mode"),
            ("hub.topic=", "topic=", "hub.topic"),
            ("hub.callback=", "callback=", "hub.callback"),
            ("https%3A%2F%2Freader.example", "reader", "hub.callback"),
            ("https%3A%2F%2Freader", "ftp%3A%2F%2Freader", "hub.callback"),
            ("https%3A%2F%2Freader", "javascript%3Areader", "hub.callback"),
            ("%2F%2Freader", "%2F%2Fa%3Ab%40reader", "hub.callback"),
            ("%2Fpush", &"%2Fpush".repeat(500), "hub.callback"),
            ("hub.mode=", "hub.lease_seconds=0&hub.mode=", "hub.lease_seconds"),
            ("hub.mode=", "hub.lease_seconds=1000000000&hub.mode=", "hub.lease_seconds"),
            ("hub.mode=", "hub.lease_seconds=-1&hub.mode=", "hub.lease_seconds"),
            ("hub.mode=", "hub.lease_seconds=1e3&hub.mode=", "hub.lease_seconds"),
            ("hub.mode=", "hub.lease_seconds=99999999999999999999&hub.mode=", "hub.lease_seconds"),
            ("hub.mode=", &format!("hub.secret={}&hub.mode=", "x".repeat(200)), "hub.secret"),
            (PLAIN, "", "hub.mode"),
            (PLAIN, "%ff&=&&hub.mode", "hub.mode"),
        ] {
            let form = PLAIN.replacen(from, to, 1);
            match parse(&form) {
                Err(Refusal::Parameter(wrong, _)) => assert_eq!(wrong, name, "{form}"),
                other => panic!("{form}: {other:?}"),
            }
        }
        let long = parse(&format!("{PLAIN}&hub.secret={}", "x".repeat(199))).unwrap();
        assert_eq!(long.secret, Some(Secret::Shared(vec![b'x'; 199])));
    }

    #[test]
    fn leases_are_what_was_asked_for_within_bounds() {
        let longest = Duration::from_secs(864_000);
        for (asked, granted) in [("60", 300), ("300", 300), ("86400", 86_400), ("31536000", 864_000)] {
            let ask = parse(&format!("{PLAIN}&hub.lease_seconds={asked}")).unwrap();
            assert_eq!(ask.granted(longest).as_secs(), granted, "{asked}");
        }
        assert_eq!(parse(PLAIN).unwrap().granted(longest), longest);
        assert_eq!(parse(PLAIN).unwrap().granted(Duration::from_secs(60)).as_secs(), 60);
    }

    #[test]
    fn the_question_keeps_the_query_of_the_callback() {
        let ask = parse(PLAIN).unwrap();
        let question = ask.question("abc", Duration::from_secs(600));
        assert_eq!(
            question.as_str(),
            "https://reader.example/push?key=a%2Fb&x&hub.mode=subscribe\
             &hub.topic=https%3A%2F%2Ftin.example%2Ffeeds%2Fa.atom&hub.challenge=abc&hub.lease_seconds=600"
        );
        let plain = Url::parse("https://reader.example/push").unwrap();
        let denied = denial(&plain, "https://tin.example/a", "the feed has ended");
        assert_eq!(
            denied.query(),
            Some("hub.mode=denied&hub.topic=https%3A%2F%2Ftin.example%2Fa&hub.reason=the+feed+has+ended")
        );
        let stop = Ask { mode: Mode::Unsubscribe, callback: plain, ..ask };
        assert!(!stop.question("abc", Duration::from_secs(600)).as_str().contains("lease"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(form: Vec<u8>) {
            Ask::parse(&form).ok();
        }
    }
}
