//! Where a request may go: pure checks of a URL and of an address.
//!
//! A URL from a page, a feed or a subscriber must not reach the machine itself, its network or its cloud's
//! metadata. So a URL is checked before it is asked, again after every redirect, and every address that
//! a name resolves to is checked by the resolver that the connection is made from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The longest URL that is sent; RFC 9110, section 4.1 asks for at least 8,000 octets.
pub(crate) const MAX_URL: usize = 8192;

/// Why a request is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither `http` nor `https`.
    #[error("the scheme `{0}` is neither `http` nor `https`")]
    Scheme(String),
    /// The address stands for something that is not on the public internet.
    #[error("`{address}` is {kind}, not a public address")]
    Address {
        /// The address.
        address: IpAddr,
        /// What it is: `a loopback address`.
        kind: &'static str,
    },
    /// The name belongs to this machine or to its network.
    #[error("the name `{0}` is reserved for local use")]
    Name(String),
    /// Every address that the name has is refused.
    #[error("the name `{name}` leads to `{address}`, {kind}, not to a public address")]
    Resolved {
        /// The name.
        name: String,
        /// The first of its addresses.
        address: IpAddr,
        /// What that address is.
        kind: &'static str,
    },
    /// Longer than any server reads.
    #[error("its URL has {0} bytes and the limit is {MAX_URL}")]
    TooLong(usize),
    /// HTTP has no way to say this.
    #[error("{0}")]
    Malformed(String),
}

/// May an address be connected to? Refuses whatever the registries of special-purpose addresses
/// (RFC 6890, kept by IANA) do not call globally reachable, and the addresses that embed such a one.
pub fn allowed(address: IpAddr) -> Result<(), Refusal> {
    let kind = match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    };
    kind.map_or(Ok(()), |kind| Err(Refusal::Address { address, kind }))
}

/// May a URL be asked? Looks at what is written; names are checked again when they are resolved.
pub fn check(url: &Url, allow_private: bool) -> Result<(), Refusal> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::Scheme(url.scheme().to_owned()));
    }
    if url.as_str().len() > MAX_URL {
        return Err(Refusal::TooLong(url.as_str().len()));
    }
    if allow_private {
        return Ok(());
    }
    match url.host() {
        Some(Host::Ipv4(address)) => allowed(address.into()),
        Some(Host::Ipv6(address)) => allowed(address.into()),
        Some(Host::Domain(name)) if is_local_name(name) => Err(Refusal::Name(name.to_owned())),
        Some(Host::Domain(_)) => Ok(()),
        None => Err(Refusal::Malformed("the URL has no host".to_owned())),
    }
}

/// The checked ones of the addresses of a name; an error that names the first if none is left.
pub(super) fn checked(name: &str, addresses: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
    let mut refused = None;
    let mut kept = Vec::new();
    for &address in addresses {
        match allowed(address) {
            Ok(()) => kept.push(address),
            Err(Refusal::Address { address, kind }) if refused.is_none() => {
                refused = Some(Refusal::Resolved { name: name.to_owned(), address, kind });
            }
            Err(_) => {}
        }
    }
    match refused {
        Some(refusal) if kept.is_empty() => Err(refusal),
        _ => Ok(kept),
    }
}

/// Names of RFC 6761 (`localhost`), RFC 6762 (`local`), RFC 8375 (`home.arpa`), the private-use `internal`
/// (cloud metadata answers there), and what `/etc/hosts` usually calls this machine.
fn is_local_name(name: &str) -> bool {
    const NAMES: [&str; 4] = ["localhost", "ip6-localhost", "ip6-loopback", "home.arpa"];
    const ZONES: [&str; 5] = [".localhost", ".localdomain", ".local", ".internal", ".home.arpa"];
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || ZONES.iter().any(|zone| name.ends_with(zone))
}

fn kind_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an address of this network",
        [127, ..] => "a loopback address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [100, 64..=127, ..] => "a carrier's internal address",
        [169, 254, ..] => "a link-local address",
        [192, 0, 0, _] => "a protocol assignment",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [192, 88, 99, _] => "a 6to4 relay",
        [198, 18..=19, ..] => "an address for benchmarks",
        // Answers on every Azure machine, though the registries call it public.
        [168, 63, 129, 16] => "a cloud's internal address",
        [224..=239, ..] => "a multicast address",
        [255, 255, 255, 255] => "the broadcast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn kind_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(v4) = embedded(address) {
        return kind_v4(v4);
    }
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "the unspecified address",
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        [0, 0, 0, 0, 0, 0, _, _] => "an IPv4-compatible address",
        // The place of the IPv4 address in these is the operator's choice (RFC 8215), so none can be checked.
        [0x64, 0xff9b, 1, ..] => "a local translation address",
        [0xfc00..=0xfdff, ..] => "a private address",
        [0xfe80..=0xfebf, ..] => "a link-local address",
        [0xfec0..=0xfeff, ..] => "a site-local address",
        [0xff00..=0xffff, ..] => "a multicast address",
        // Teredo, ORCHID, benchmarks: nothing that a web server stands at (RFC 2928).
        [0x2001, 0..=0x1ff, ..] => "a protocol assignment",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "an address for documentation",
        // All global unicast addresses are in 2000::/3 (RFC 4291, section 2.4).
        [0x2000..=0x3fff, ..] => return None,
        _ => "a reserved address",
    })
}

/// The IPv4 address that a mapped (RFC 4291), NAT64 (RFC 6052) or 6to4 (RFC 3056) address leads to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_not_on_the_public_internet_up_to_its_borders() {
        let refused = "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 \
            127.255.255.255 168.63.129.16 169.254.0.0 169.254.255.255 172.16.0.0 172.31.255.255 \
            192.0.0.0 192.0.0.255 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 \
            198.19.255.255 198.51.100.1 203.0.113.9 224.0.0.0 239.255.255.255 240.0.0.0 \
            255.255.255.254 255.255.255.255 :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 \
            ::ffff:10.1.2.3 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::808:808 100::1 \
            2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:1ff::1 \
            2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe::1 3fff::1 3fff:fff::1 4000::1 fc00::1 fdff::1 \
            fe80::1 febf::1 fec0::1 feff::1 ff02::1 5f00::1";
        for address in refused.split_ascii_whitespace() {
            assert!(allowed(address.parse().unwrap()).is_err(), "{address}");
        }
    }

    #[test]
    fn lets_the_neighbors_of_refused_ranges_through() {
        let public = "1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 \
            128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 \
            192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2001:200::1 \
            2001:4860:4860::8888 2606:2800:220:1:248:1893:25c8:1946 2a00:1450::1 ::ffff:8.8.8.8 \
            64:ff9b::8.8.8.8 2002:808:808::1 3ffe::1";
        for address in public.split_ascii_whitespace() {
            assert_eq!(allowed(address.parse().unwrap()), Ok(()), "{address}");
        }
    }

    #[test]
    fn refuses_local_names_and_other_schemes_however_they_are_written() {
        let refused = "http://localhost/ http://LOCALHOST:8080/ http://localhost./ http://a.b.localhost/ \
            http://localhost.localdomain/ http://ip6-localhost/ http://metadata.google.internal/ \
            http://printer.local/ http://router.home.arpa/ http://2130706433/ http://0x7f.1/ \
            http://①②⑦.⓪.⓪.①/ http://[::ffff:7f00:1]/ ftp://example.com/ file:///etc/passwd \
            data:text/plain,x";
        for url in refused.split_ascii_whitespace() {
            assert!(check(&Url::parse(url).unwrap(), false).is_err(), "{url}");
        }
        for url in
            ["http://localhost.example.com/", "https://mylocalhost/", "http://foo/", "http://internal.vn/"]
        {
            assert_eq!(check(&Url::parse(url).unwrap(), false), Ok(()), "{url}");
        }
    }

    #[test]
    fn allow_private_opens_addresses_but_not_schemes() {
        assert_eq!(check(&Url::parse("http://127.0.0.1:1/").unwrap(), true), Ok(()));
        assert!(check(&Url::parse("ftp://127.0.0.1/").unwrap(), true).is_err());
    }

    #[test]
    fn refuses_a_url_that_no_server_would_read() {
        let url = Url::parse(&format!("http://example.com/{}", "x".repeat(MAX_URL))).unwrap();
        assert!(matches!(check(&url, true), Err(Refusal::TooLong(_))));
    }

    #[test]
    fn a_name_keeps_its_public_addresses_only() {
        let (public, private) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(checked("a.vn", &[private, public]), Ok(vec![public]));
        let refusal = checked("a.vn", &[private]).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the name `a.vn` leads to `10.0.0.1`, a private address, not to a public address"
        );
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_judged_as_the_address_it_maps(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let mapped = allowed(v4.to_ipv6_mapped().into()).is_ok();
            prop_assert_eq!(allowed(v4.into()).is_ok(), mapped);
            prop_assert!(allowed(v4.to_ipv6_compatible().into()).is_err());
        }

        #[test]
        fn nothing_that_std_calls_special_is_let_through(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified() {
                prop_assert!(allowed(v4.into()).is_err());
            }
        }
    }
}
