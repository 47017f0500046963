//! Secrets, keys and signatures against the vectors of others.

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::sign::*;
use crate::model::{Secret, Timestamp};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[test]
fn signs_as_the_reference_library_does() {
    let secret = parse_secret(SECRET).unwrap();
    assert_eq!(sign(std::slice::from_ref(&secret), ID, AT, BODY), SIGNATURE);
    assert_eq!(print_secret(&secret), SECRET);
}

#[test]
fn a_rotation_signs_with_both_secrets() {
    let (old, new) = (parse_secret(SECRET).unwrap(), generate_secret().unwrap());
    let both = sign(&[new.clone(), old.clone()], ID, AT, BODY);
    assert!(both.ends_with(&format!(" {SIGNATURE}")));
    for secret in [&old, &new] {
        assert_eq!(verify(secret, (ID, AT, &both), BODY, Timestamp::from_second(AT)), Ok(()));
    }
}

#[test]
fn verifies_only_what_was_signed_and_is_fresh() {
    fn check(id: &str, signed_at: i64, body: &[u8], now: i64, expected: Result<(), VerifyError>) {
        let secret = parse_secret(SECRET).unwrap();
        let now = Timestamp::from_second(now);
        assert_eq!(verify(&secret, (id, signed_at, SIGNATURE), body, now), expected);
    }
    check(ID, AT, BODY, AT + 300, Ok(()));
    check(ID, AT, BODY, AT - 300, Ok(()));
    check(ID, AT, BODY, AT + 301, Err(VerifyError::Time));
    check(ID, AT, BODY, AT - 301, Err(VerifyError::Time));
    check("msg_other", AT, BODY, AT, Err(VerifyError::Signature));
    check(ID, AT + 1, BODY, AT, Err(VerifyError::Signature));
    check(ID, AT, b"{}", AT, Err(VerifyError::Signature));
    let secret = parse_secret(SECRET).unwrap();
    for bad in ["", "v1,", "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,%%%", "v1,AAAA"] {
        let now = Timestamp::from_second(AT);
        assert_eq!(verify(&secret, (ID, AT, bad), BODY, now), Err(VerifyError::Signature), "{bad}");
    }
}

#[test]
fn reads_secrets_as_people_copy_them() {
    fn check(text: &str, expected: &Result<usize, SecretError>) {
        let length = |secret| match secret {
            Secret::Shared(bytes) => bytes.len(),
            Secret::Ed25519(_) => panic!("{text}"),
        };
        assert_eq!(&parse_secret(text).map(length), expected, "{text}");
    }
    check(SECRET, &Ok(24));
    check(&format!(" {SECRET}\n"), &Ok(24));
    check("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &Ok(32));
    check("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &Ok(32));
    check("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &Err(SecretError::Prefix));
    check("whsec_", &Err(SecretError::Length(0)));
    check("whsec_AAAA", &Err(SecretError::Length(3)));
    check(&format!("whsec_{}", "AAAA".repeat(22)), &Err(SecretError::Length(66)));
    check("whsec_not base64!", &Err(SecretError::Base64("whsec_")));
}

#[test]
fn new_secrets_differ_and_are_never_printed_by_accident() {
    for scheme in Scheme::ALL {
        let (one, two) = (generate(scheme).unwrap(), generate(scheme).unwrap());
        assert_ne!(one, two);
        assert_eq!((self::scheme(&one), public_key(&one).is_some()), (scheme, scheme == Scheme::V1a));
        let printed = print_secret(&one);
        let encoded = printed.strip_prefix(scheme.prefix()).unwrap();
        let numbers = format!("{:?}", STANDARD.decode(encoded).unwrap());
        let debug = format!("{one:?}");
        assert!(!debug.contains(encoded) && !debug.contains(numbers.trim_matches(['[', ']'])), "{debug}");
        assert_eq!(parse_secret(&printed), Ok(one));
    }
}

// === ed25519 ===

/// Private key, public key and signature as the test of the Go library of Standard Webhooks has them
/// (`libraries/go/webhook_asymmetric_test.go`), for the message above.
const KEY: &str = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=";
const KEY_SIGNATURE: &str =
    "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";

#[test]
fn signs_with_a_key_as_the_reference_library_does() {
    let secret = parse_secret(KEY).unwrap();
    assert_eq!(sign(std::slice::from_ref(&secret), ID, AT, BODY), KEY_SIGNATURE);
    assert_eq!((print_secret(&secret).as_str(), scheme(&secret)), (KEY, Scheme::V1a));
    let key = public_key(&secret).unwrap();
    let now = Timestamp::from_second(AT);
    assert_eq!(verify_public(&key, (ID, AT, KEY_SIGNATURE), BODY, now), Ok(()));
    assert_eq!(verify(&secret, (ID, AT, KEY_SIGNATURE), BODY, now), Ok(()));
    let late = Timestamp::from_second(AT + 301);
    assert_eq!(verify_public(&key, (ID, AT, KEY_SIGNATURE), BODY, late), Err(VerifyError::Time));
    let encoded = KEY_SIGNATURE.strip_prefix("v1a,").unwrap();
    for bad in
        [String::new(), "v1a,".into(), "v1a,AAAA".into(), format!("v1,{encoded}"), format!("v2,{encoded}")]
    {
        let verdict = verify_public(&key, (ID, AT, &bad), BODY, now);
        assert_eq!(verdict, Err(VerifyError::Signature), "{bad}");
    }
}

/// Secret keys, public keys and signatures of RFC 8032, section 7.1, tests 1 to 3.
#[test]
fn ed25519_is_that_of_rfc_8032() {
    fn bytes(hex: &str) -> Vec<u8> {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        hex.as_bytes().chunks(2).map(byte).collect()
    }
    fn check(seed: &str, public: &str, message: &str, signature: &str) {
        let seed: [u8; 32] = bytes(seed).try_into().unwrap();
        let secret = Secret::Ed25519(seed);
        assert_eq!(public_key(&secret).unwrap().0.to_vec(), bytes(public));
        assert_eq!(ed25519(&seed, &bytes(message)), bytes(signature));
    }
    check(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    check(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    check(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    );
}

#[test]
fn reads_keys_as_both_ways_of_writing_them_have_them() {
    fn check(bytes: &[u8], expected: &Result<Secret, SecretError>) {
        assert_eq!(&parse_secret(&format!(" whsk_{}\n", STANDARD.encode(bytes))), expected, "{bytes:?}");
    }
    let secret = parse_secret(KEY).unwrap();
    let Secret::Ed25519(seed) = secret else { panic!("a key is a key") };
    let public = public_key(&secret).unwrap();
    check(&seed, &Ok(secret.clone()));
    check(&[seed, public.0].concat(), &Ok(secret.clone()));
    check(&[seed, seed].concat(), &Err(SecretError::Halves));
    for length in [0, 24, 31, 33, 63, 65] {
        check(&vec![7; length], &Err(SecretError::KeyLength(length)));
    }
    assert_eq!(parse_secret(KEY.trim_end_matches('=')), Ok(secret));
    assert_eq!(parse_secret("whsk_no base64"), Err(SecretError::Base64("whsk_")));
    assert_eq!(parse_secret(&public.to_string()), Err(SecretError::Public));
    assert_eq!(parse_secret("WHSK_AAAA"), Err(SecretError::Prefix));

    assert_eq!(public.to_string().parse(), Ok(public));
    assert_eq!(public.to_string().trim_end_matches('=').parse(), Ok(public));
    for bad in ["", KEY, "whpk_", "whpk_AAAA", "whpk_%%%"] {
        assert_eq!(bad.parse::<PublicKey>(), Err(PublicKeyError), "{bad}");
    }
}

#[test]
fn complaints_about_keys_repeat_none_and_say_what_to_write() {
    for (text, words) in [
        ("whsk_AAAA", "32 bytes of an ed25519 seed, or 64 with the public key behind it, but here are 3"),
        ("whsk_%secret%", "what follows `whsk_` is not base64"),
        ("whpk_AAAA", "only a private one (`whsk_`) can sign"),
        ("secret", "begins with `whsec_`, or with `whsk_`"),
    ] {
        let said = parse_secret(text).unwrap_err().to_string();
        assert!(said.contains(words) && !said.contains("AAAA") && !said.contains("%"), "{said}");
    }
}

#[test]
fn a_rotation_from_a_secret_to_a_key_signs_with_both() {
    let (old, new) = (parse_secret(SECRET).unwrap(), parse_secret(KEY).unwrap());
    let both = sign(&[new.clone(), old.clone()], ID, AT, BODY);
    assert_eq!(both, format!("{KEY_SIGNATURE} {SIGNATURE}"));
    for secret in [&old, &new] {
        assert_eq!(verify(secret, (ID, AT, &both), BODY, Timestamp::from_second(AT)), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_signed_verifies_and_one_changed_byte_does_not(
        seed: [u8; 32],
        at in 0_i64..1 << 36,
        mut body in prop::collection::vec(any::<u8>(), 1..300),
        place: prop::sample::Index,
        flip in 1_u8..=255,
    ) {
        for secret in [Secret::Shared(seed.to_vec()), Secret::Ed25519(seed)] {
            let mut signatures = sign(std::slice::from_ref(&secret), ID, at, &body);
            let now = Timestamp::from_second(at);
            prop_assert_eq!(verify(&secret, (ID, at, &signatures), &body, now), Ok(()));
            let n = place.index(body.len());
            body[n] ^= flip;
            prop_assert_eq!(verify(&secret, (ID, at, &signatures), &body, now), Err(VerifyError::Signature));
            body[n] ^= flip;
            prop_assert_eq!(verify(&secret, (ID, at + 1, &signatures), &body, now), Err(VerifyError::Signature));
            let (name, encoded) = signatures.split_once(',').unwrap();
            let mut bytes = STANDARD.decode(encoded).unwrap();
            let n = place.index(bytes.len());
            bytes[n] ^= flip;
            signatures = format!("{name},{}", STANDARD.encode(bytes));
            prop_assert_eq!(verify(&secret, (ID, at, &signatures), &body, now), Err(VerifyError::Signature));
        }
    }

    #[test]
    fn keys_are_read_as_they_are_printed(seed: [u8; 32]) {
        let secret = Secret::Ed25519(seed);
        let public = public_key(&secret).unwrap();
        prop_assert_eq!(public.to_string().parse(), Ok(public));
        prop_assert_eq!(parse_secret(&print_secret(&secret)), Ok(secret));
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused(text in ".{0,80}", prefix in "whsk_|whsec_|whpk_|") {
        let text = format!("{prefix}{text}");
        if let Ok(secret) = parse_secret(&text) {
            prop_assert_eq!(parse_secret(&print_secret(&secret)), Ok(secret));
        }
        text.parse::<PublicKey>().ok();
    }
}
