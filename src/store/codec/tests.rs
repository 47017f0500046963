use proptest::prelude::*;

use super::*;
use crate::{
    model::{
        Article, Channel, Daily, Delivery, Event, Known, Language, Mailing, Secret, SourceState, Subscription,
    },
    store::{conformance::samples, keys},
};

/// Reads a record the way the table hands it over: the value, and its parts behind it.
fn there_and_back<T: Serialize + DeserializeOwned>(record: &T) -> T {
    decode(&keys::meta(), &encode(record).unwrap().concat()).unwrap()
}

fn failure<T: DeserializeOwned + std::fmt::Debug>(value: &[u8]) -> String {
    decode::<T>(&[Kind::Event as u8, 0, 7], value).unwrap_err().to_string()
}

fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(record: &T, bytes: &str) {
    let plain: String =
        postcard::to_allocvec(record).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(plain, bytes, "{record:?}");
    assert_eq!(&there_and_back(record), record);
}

/// The bytes of every version stay readable for ever: these were written by the first release.
#[test]
fn the_first_version_of_every_record_keeps_its_bytes() {
    let article = samples::article("a", 1, "Thông báo", 5);
    check(&MetaV1 { schema: 1, head: 300 }, "01ac02");
    check(&CursorV1 { follower: crate::model::Follower::Router.into(), seq: 5 }, "0205");
    check(
        &EventV1::from(&samples::event(&article, 3)),
        "0380a8d6b9070078c42d545ec25e079cb1218d082a87db01057175616e3100",
    );
    check(&DeliveryV1::from(&samples::delivery("hook", 5, 3)), "04686f6f6b904e0300");
    let retry = crate::model::Outcome::Retry { due: crate::model::Timestamp::from_second(9) };
    check(
        &AttemptV1::from(&samples::attempt("hook", 3, 5, retry)),
        "04686f6f6b03904e010c01f40305736f727279010f697420616e7377657265642035303001d08c01",
    );
    check(
        &KnownV1::new(&Known::from(&article), &article.source),
        "\
         78c42d545ec25e079cb1218d082a87db057175616e31010707070707070707070707070707070780a8d6b90790\
         4e00",
    );
    check(
        &AliasV1::new(&article.source, &samples::key("a"), article.id),
        "057175616e31066974656d3a6178c42d545ec25e079cb1218d082a87db",
    );
    check(
        &SourceV1::from(samples::state("quan1")),
        "\
         057175616e310000000000000000000000000000000001032278220001000190b3090000000001010e64617465\
         2d696e2d66757475726508746f6d6f72726f77066974656d20330001066974656d3a3100000000000000000000\
         00000000000000000002",
    );
    check(
        &FollowingV1::from(samples::following("quan1")),
        "\
         057175616e31011468747470733a2f2f6875622e6578616d706c652f1a68747470733a2f2f706f7274616c2e65\
         78616d706c652f727373011468747470733a2f2f6875622e6578616d706c652f1a68747470733a2f2f706f7274\
         616c2e6578616d706c652f7273731668747470733a2f2f74696e2e6578616d706c652e766e0005746f6b656e06\
         7365637265740100904e01c0ee6d00010103353033011468747470733a2f2f6875622e6578616d706c652f1a68\
         747470733a2f2f706f7274616c2e6578616d706c652f7273731668747470733a2f2f74696e2e6578616d706c65\
         2e766e0005746f6b656e067365637265740101e05d0000010103353033070601807d02",
    );
}

/// Articles were stored without labels first: those bytes are read still, and the second version begins with them.
#[test]
fn an_article_of_the_first_version_has_no_labels() {
    const FIRST: &str = "\
         78c42d545ec25e079cb1218d082a87db01057175616e3180a8d6b907904ee0890301010a33302f30372f323032\
         3000904e07070707070707070707070707070707000117687474703a2f2f706f7274616c2e6578616d706c652f\
         610b5468c3b46e672062c3a16f00123c703e5468c3b46e672062c3a16f3c2f703e000101095068c6b0e1bb9d6e\
         670000010374696e000000011b687474703a2f2f706f7274616c2e6578616d706c652f612e7064660001090000";
    let article = samples::article("a", 1, "Thông báo", 5);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let plain: Vec<u8> = FIRST.as_bytes().chunks(2).map(byte).collect();
    let read = decode_article(&[], &[&[1, 0, 0, 0][..], &plain].concat()).unwrap();
    assert_eq!(Article::try_from(read), Ok(article.clone()));
    let second = ArticleV2::from(article);
    assert_eq!(postcard::to_allocvec(&second).unwrap(), [&plain[..], &[0, 0]].concat());
    let mut json = Stored::Article(Box::new(second.clone())).to_json();
    json["v"] = 1.into();
    json.as_object_mut().unwrap().retain(|name, _| name != "cluster" && name != "document");
    assert_eq!(Stored::from_json(json).unwrap(), Stored::Article(Box::new(second)));
}

#[test]
fn the_first_version_of_the_gate_keeps_its_bytes() {
    check(
        &GateV1::from(samples::gate("quan1")),
        "\
         057175616e3101904e14000000000014000000000102766901c03e000207ffffffffffffffffff0101e05db06d\
         02010d6e6f7468696e672d6b6e6f776e106e6f7468696e67206973206b6e6f776e083230206f66203230073020\
         6f66203230010b6974656d203d20226c692201807d010101e05d00010d6e6f7468696e672d6b6e6f776e106e6f\
         7468696e67206973206b6e6f776e083230206f662032300730206f6620323001066974656d3a31000000000000\
         0000000000000000000000000002f02e01066974656d3a31a01f02",
    );
}

#[test]
fn the_first_version_of_what_completes_certificates_keeps_its_bytes() {
    check(
        &MendedV1::from(samples::mended("portal.example")),
        "0e706f7274616c2e6578616d706c65030303030303030303030303030303030203300102023003904e",
    );
}

#[test]
fn the_first_version_of_the_canary_keeps_its_bytes() {
    check(
        &CanaryV1::from(samples::canary("quan1")),
        "\
         1468747470733a2f2f6875622e6578616d706c652f057175616e31011468747470733a2f2f6875622e6578616d\
         706c652f1a68747470733a2f2f706f7274616c2e6578616d706c652f7273731668747470733a2f2f74696e2e65\
         78616d706c652e766e0005746f6b656e067365637265740100904e01c0ee6d0001010335303301146874747073\
         3a2f2f6875622e6578616d706c652f1a68747470733a2f2f706f7274616c2e6578616d706c652f727373166874\
         7470733a2f2f74696e2e6578616d706c652e766e0005746f6b656e067365637265740101e05d00000101033530\
         330007000201020201807d01d08c01",
    );
}

#[test]
fn the_first_version_of_a_walk_keeps_its_bytes() {
    check(
        &BackfillV1::from(samples::backfill("quan1")),
        "\
         057175616e31904e904e01f02e086e756d62657265642368747470733a2f2f706f7274616c2e6578616d706c65\
         2f3f706167653d7b706167657d0133020000000000000001c03e0201ffffffffffffffffff0100010573696e63\
         6501",
    );
}

#[test]
fn a_subscription_of_an_earlier_version_is_a_webhook_with_a_shared_secret_now() {
    const FIRST: &str = "\
        04686f6f6b1d68747470733a2f2f6e657773726f6f6d2e6578616d706c652f686f6f6b010b7469746c653a6de1\
        bb9d69021161727469636c652e7075626c69736865640470696e67010673656372657402033431300100d00f04\
        0001a01f010774696d656f75740103";
    const SECOND: &str = "\
        04686f6f6b1d68747470733a2f2f6e657773726f6f6d2e6578616d706c652f686f6f6b0000010b7469746c653a\
        6de1bb9d69021161727469636c652e7075626c69736865640470696e6701067365637265740002033431300100\
        d00f040001a01f010774696d656f75740103000000";
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let subscription = Subscription { made_by: None, ..samples::subscription("hook") };
    for (version, hex) in [(1, FIRST), (2, SECOND)] {
        let plain: Vec<u8> = hex.as_bytes().chunks(2).map(byte).collect();
        let value = [&[version, 0, 0, 0][..], &plain].concat();
        let read = decode_subscription(&keys::meta(), &value).unwrap();
        assert_eq!(Subscription::try_from(read).as_ref(), Ok(&subscription), "{version}");
    }
    let json = Stored::Subscription(Box::new((&subscription).into())).to_json();
    let mut third = json.clone();
    third.as_object_mut().unwrap().remove("made_by");
    third["v"] = 3.into();
    let mut second = third.clone();
    second["secrets"] = serde_json::json!(["c2VjcmV0"]);
    second["v"] = 2.into();
    let mut first = second.clone();
    for member in ["channel", "rotated", "verified", "owner", "page"] {
        first.as_object_mut().unwrap().remove(member);
    }
    first["v"] = 1.into();
    for earlier in [first, second, third] {
        assert_eq!(Stored::from_json(earlier).unwrap(), Stored::from_json(json.clone()).unwrap());
    }
}

#[test]
fn a_subscription_by_mail_keeps_what_its_mails_are_like() {
    for digest in [None, Some(Daily { minute: 1080, zone: "Asia/Ho_Chi_Minh".to_owned() })] {
        for language in Language::ALL {
            let channel = Channel::Mail(Mailing { language, digest: digest.clone() });
            let told = Subscription { channel, ..samples::subscription("mail") };
            let written = encode_subscription(&(&told).into()).unwrap().concat();
            let read = decode_subscription(&keys::meta(), &written).unwrap();
            assert_eq!(Subscription::try_from(read), Ok(told));
        }
    }
}

#[test]
fn a_subscription_keeps_its_key_pair_and_a_seed_of_another_length_is_damage() {
    const THIRD: &str = "\
        04686f6f6b1d68747470733a2f2f6e657773726f6f6d2e6578616d706c652f686f6f6b0000010b7469746c653a\
        6de1bb9d69021161727469636c652e7075626c69736865640470696e67020120070707070707070707070707\
        07070707070707070707070707070707070707070006736563726574000203343130\
        0100d00f040001a01f010774696d656f75740103000000";
    let secrets = vec![Secret::Ed25519([7; 32]), Secret::Shared(b"secret".to_vec())];
    let subscription = Subscription { secrets, ..samples::subscription("hook") };
    let written = encode_subscription(&(&subscription).into()).unwrap().concat();
    assert_eq!(written.first(), Some(&4));
    let read = decode_subscription(&keys::meta(), &written).unwrap();
    let plain: String =
        postcard::to_allocvec(&read).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(plain, format!("{THIRD}01086e657773726f6f6d"), "and by which token it was made");
    assert_eq!(Subscription::try_from(read), Ok(subscription.clone()));
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let third = THIRD.as_bytes().chunks(2).map(byte);
    let third: Vec<u8> = [3, 0, 0, 0].into_iter().chain(third).collect();
    let read = decode_subscription(&keys::meta(), &third).unwrap();
    assert_eq!(Subscription::try_from(read), Ok(Subscription { made_by: None, ..subscription.clone() }));
    let mut json = Stored::Subscription(Box::new((&subscription).into())).to_json();
    assert_eq!(json["secrets"][1], serde_json::json!({ "shared": "c2VjcmV0" }));
    assert!(Stored::from_json(json.clone()).is_ok());
    json["secrets"][0] = serde_json::json!({ "ed25519": "BwcH" });
    let Ok(Stored::Subscription(short)) = Stored::from_json(json) else { panic!("it is read as it stands") };
    let refused = Subscription::try_from(*short).unwrap_err();
    assert!(refused.contains("32 bytes"), "{refused}");
}

#[test]
fn an_export_is_readable_and_comes_back_the_same() {
    let article = samples::article("a", 1, "Thông báo", 5);
    let all = [
        Stored::Meta(MetaV1 { schema: 1, head: 300 }),
        Stored::Cursor(CursorV1 { follower: crate::model::Follower::Router.into(), seq: 5 }),
        Stored::Queued((&samples::delivery("hook", 5, 3)).into()),
        Stored::Parked((&samples::delivery("hook", 5, 3)).into()),
        Stored::Attempt((&samples::attempt("hook", 3, 5, crate::model::Outcome::Parked)).into()),
        Stored::Subscription(Box::new((&samples::subscription("hook")).into())),
        Stored::Source(Box::new(samples::state("quan1").into())),
        Stored::Following(Box::new(samples::following("quan1").into())),
        Stored::Canary(Box::new(samples::canary("quan1").into())),
        Stored::Token((&samples::token("newsroom")).into()),
        Stored::Backfill(Box::new(samples::backfill("quan1").into())),
        Stored::Gate(Box::new(samples::gate("quan1").into())),
        Stored::Mended(samples::mended("portal.example").into()),
        Stored::Event((&samples::event(&article, 3)).into()),
        Stored::Alias(AliasV1::new(&article.source, &samples::key("a"), article.id)),
        Stored::Known(KnownV1::new(&Known::from(&article), &article.source)),
        Stored::Article(Box::new(article.into())),
    ];
    for stored in all {
        let json = stored.to_json();
        let version = match json["kind"].as_str() {
            Some("subscription") => 4,
            Some("article") => 2,
            _ => 1,
        };
        assert_eq!(json["v"], version);
        assert_eq!(Stored::from_json(json).unwrap(), stored);
    }
    let secret = Stored::Subscription(Box::new((&samples::subscription("hook")).into())).to_json();
    assert_eq!(secret["secrets"][0]["shared"], "c2VjcmV0");
    let following = Stored::Following(Box::new(samples::following("quan1").into()));
    assert_eq!(following.to_json()["lease"]["token"], "dG9rZW4=");
    assert!(!format!("{following:?}{:?}", samples::following("quan1")).contains("secret\""), "never printed");
    assert_eq!(secret["created"], "1970-01-01T00:00:01Z");
}

#[test]
fn damaged_values_are_errors_that_name_their_key() {
    fn check(value: &[u8], expected: &str) {
        let message = failure::<EventV1>(value);
        assert!(message.contains("event record `\\x00\\x07`"), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    let good =
        encode(&EventV1::from(&samples::event(&samples::article("a", 1, "x", 5), 3))).unwrap().concat();
    check(&[], "no version");
    check(&[1, 0], "nothing follows its version");
    check(&[2, 0, 0, 0, 1], "newer `loa`");
    check(&[1, 9, 0, 0], "packing 9");
    check(&[1, 1, 0, 0, 0], "cut off");
    check(&[1, 1, 0, 0, 255, 255, 255, 255, 1], "more than");
    check(&[1, 1, 0, 0, 0, 0, 1, 0, 1, 2, 3], "Src size is incorrect");
    check(&[good.as_slice(), &[0]].concat(), "1 bytes too many");
    check(good.split_last().unwrap().1, "end");
}

#[test]
fn an_export_of_another_version_or_kind_is_refused() {
    fn check(json: &str, expected: &str) {
        let message = Stored::from_json(serde_json::from_str(json).unwrap()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    check(r#"{"kind":"meta","v":2,"schema":1,"head":1}"#, "version 2");
    check(r#"{"kind":"meta","schema":1,"head":1}"#, "no version");
    check(r#"{"kind":"poem","v":1}"#, "kind `poem`");
    check(r#"{"kind":"meta","v":1,"schema":1}"#, "head");
    check(r#"[]"#, "no version");
}

#[test]
fn large_records_are_spread_over_values_of_a_bounded_size() {
    let mut article = samples::article("a", 1, "x", 5);
    // Hashes do not compress.
    article.content.summary =
        (0..2000).map(|n: u32| blake3::hash(&n.to_be_bytes()).to_hex().to_string()).collect();
    let values = encode(&ArticleV2::from(article.clone())).unwrap();
    assert!(values.len() > 3);
    assert!(values.iter().all(|value| value.len() <= PART + HEADER));
    assert_eq!(usize::from(parts(&[], &values[0]).unwrap()), values.len() - 1);
    let back: ArticleV2 = decode(&[], &values.concat()).unwrap();
    assert_eq!(Article::try_from(back), Ok(article));
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let mut article = samples::article("a", 1, "x", 5);
    article.content.summary = "x".repeat(LARGEST - 1_000);
    let values = encode(&ArticleV2::from(article.clone())).unwrap();
    assert!(decode::<ArticleV2>(&[], &values.concat()).is_ok());
    article.content.summary = "x".repeat(LARGEST);
    assert!(encode(&ArticleV2::from(article)).unwrap_err().0 > LARGEST);
}

proptest! {
    #[test]
    fn articles_come_back_as_they_were(article in samples::any_article()) {
        let back = Article::try_from(there_and_back(&ArticleV2::from(article.clone())));
        prop_assert_eq!(back, Ok(article.clone()));
        let known = Known::from(&article);
        prop_assert_eq!(Known::from(there_and_back(&KnownV1::new(&known, &article.source))), known);
        let json = Stored::Article(Box::new(article.clone().into())).to_json().to_string();
        let json = Stored::from_json(serde_json::from_str(&json).unwrap()).unwrap();
        prop_assert_eq!(json, Stored::Article(Box::new(article.into())));
    }

    #[test]
    fn lines_and_deliveries_come_back_as_they_were(seq in any::<u64>(), due in any::<i64>(), quiet in any::<bool>()) {
        let article = samples::article("a", 1, "x", 5);
        let event = Event { quiet, ..samples::event(&article, seq) };
        prop_assert_eq!(Event::try_from(there_and_back(&EventV1::from(&event))), Ok(event));
        let due = crate::model::Timestamp::from_millis(due);
        let delivery = Delivery { due, ..samples::delivery("hook", 5, seq) };
        prop_assert_eq!(Delivery::try_from(there_and_back(&DeliveryV1::from(&delivery))), Ok(delivery));
    }

    #[test]
    fn states_and_subscriptions_come_back_as_they_were(text in any::<String>(), at in any::<Option<i64>>()) {
        let at = at.map(crate::model::Timestamp::from_millis);
        let state = SourceState { moved_to: Some(text.clone()), not_before: at, ..samples::state("quan1") };
        prop_assert_eq!(SourceState::try_from(there_and_back(&SourceV1::from(state.clone()))), Ok(state));
        let told = Subscription { url: text, hold_until: at, ..samples::subscription("hook") };
        let value = encode_subscription(&(&told).into()).unwrap().concat();
        prop_assert_eq!(Subscription::try_from(decode_subscription(&keys::meta(), &value).unwrap()), Ok(told));
    }

    #[test]
    fn no_bytes_make_reading_panic(value in proptest::collection::vec(any::<u8>(), 0..200), kind in 0_u8..14) {
        let damaged = decode_any(&[kind], &[&[VERSION, value.len() as u8 % 2, 0, 0], value.as_slice()].concat());
        if let Ok(stored) = damaged {
            let _json = stored.to_json();
        }
    }
}
