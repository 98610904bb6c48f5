//! Keys against their verifier: what is signed is accepted, everything else is refused.
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::path::Path;

use proptest::prelude::*;
use rushes_license::{Issuer, IssuerId, KEYRING_FILE, License, LicenseError, Tier, Verifier};

const NOON: u64 = 1_750_000_000;

fn license(expires: Option<u64>) -> License {
    License { issued: NOON, expires, ..License::new(Tier::Standard).unwrap() }
}

fn issued(license: &License) -> (String, Verifier) {
    let issuer = Issuer::generate().unwrap();
    (issuer.issue(license).unwrap(), Verifier::new([issuer.id()]))
}

#[test]
fn a_key_gives_back_its_license() {
    let mut license = license(Some(NOON + 60));
    license.holder = Some("Ines & Söhne, \"cut\"".into());
    let (key, verifier) = issued(&license);
    assert!(key.starts_with("rushes_"));
    assert_eq!(verifier.verify_at(&key, NOON + 59).unwrap(), license);
}

#[test]
fn a_license_ends_and_says_when() {
    let (key, verifier) = issued(&license(Some(NOON + 60)));
    let error = verifier.verify_at(&key, NOON + 60).unwrap_err();
    assert!(matches!(&error, LicenseError::Expired(date) if date == "2025-06-15T15:07:40Z"));
    assert!(error.to_string().contains("2025-06-15"), "{error}");
}

#[test]
fn an_end_beyond_the_calendar_is_no_panic() {
    let (key, verifier) = issued(&license(Some(u64::MAX)));
    assert!(verifier.verify_at(&key, u64::MAX - 1).is_ok());
    assert!(matches!(verifier.verify_at(&key, u64::MAX), Err(LicenseError::Expired(_))));
}

#[test]
fn a_license_begins_and_a_clock_may_be_a_day_off() {
    let (key, verifier) = issued(&license(None));
    assert!(verifier.verify_at(&key, NOON - 24 * 3_600).is_ok());
    let early = verifier.verify_at(&key, NOON - 24 * 3_600 - 1);
    assert!(matches!(early, Err(LicenseError::NotYetValid(_))), "{early:?}");
}

#[test]
fn an_unknown_issuer_is_not_a_bad_signature() {
    let (key, _) = issued(&license(None));
    let stranger = Verifier::new([Issuer::generate().unwrap().id()]);
    let error = stranger.verify(&key).unwrap_err();
    assert!(matches!(error, LicenseError::UnknownIssuer { .. }), "{error:?}");
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let issuer = Issuer::generate().unwrap();
    let verifier = Verifier::new([issuer.id()]);
    let standard = issuer.issue(&license(None)).unwrap();
    let pro = issuer.issue(&License::new(Tier::Pro).unwrap()).unwrap();
    let payload = pro.split_once('.').unwrap().0;
    let mixed = format!("{payload}.{}", standard.split_once('.').unwrap().1);
    assert!(matches!(verifier.verify(&mixed), Err(LicenseError::BadSignature)));
}

#[test]
fn every_change_of_one_character_is_refused() {
    let (key, verifier) = issued(&license(None));
    for at in 0..key.len() {
        for other in ["A", "B", "_", "-", ".", "=", " ", "\0", "é"] {
            let mut changed = key.clone();
            changed.replace_range(at..=at, other);
            assert!(changed == key || verifier.verify(&changed).is_err(), "{at} {other:?}");
        }
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let (key, verifier) = issued(&license(None));
    for at in 0..key.len() {
        assert!(verifier.verify(&key[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut bytes = key.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8_lossy(&bytes);
            assert!(verifier.verify(&changed).is_err(), "bit {bit} of {at}");
        }
    }
}

#[test]
fn nothing_is_accepted_for_not_being_empty() {
    let (key, verifier) = issued(&license(None));
    let long = "rushes_".to_owned() + &"A".repeat(1 << 20);
    let padded = format!("{key} ");
    for text in ["", " ", "x", "rushes_", "rushes_.", "rushes_e30.e30", "Bearer", &long, &padded] {
        assert!(matches!(verifier.verify(text), Err(LicenseError::Malformed(_))));
    }
}

#[test]
fn no_error_repeats_the_key() {
    let (key, _) = issued(&license(None));
    let error = Verifier::default().verify(&key).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(&key[7..40]), "{shown}");
}

#[test]
fn a_holder_has_a_longest_name() {
    let mut license = license(None);
    license.holder = Some("\u{1}".repeat(256));
    let (key, verifier) = issued(&license);
    assert!(verifier.verify(&key).is_ok());
    license.holder = Some("x".repeat(257));
    assert!(Issuer::generate().unwrap().issue(&license).is_err());
}

fn write_keyring(home: &Path, text: &str) {
    fs_err::write(home.join(KEYRING_FILE), text).unwrap();
}

#[test]
fn a_keyring_trusts_the_issuers_in_it() {
    let home = tempfile::tempdir().unwrap();
    let issuer = Issuer::generate().unwrap();
    let key = issuer.issue(&license(None)).unwrap();
    assert!(Verifier::open(home.path()).unwrap().verify(&key).is_err());

    write_keyring(home.path(), &format!("# studio keys\n\n  {} the studio\n", issuer.id()));
    assert_eq!(Verifier::open(home.path()).unwrap().verify(&key).unwrap().tier, Tier::Standard);
}

#[test]
fn a_keyring_names_its_bad_line() {
    let home = tempfile::tempdir().unwrap();
    // 32 zero bytes are a point of small order, for which anybody can sign.
    let weak = format!("rushes-issuer_{}", "A".repeat(43));
    for line in ["rushes-issuer_short", "nonsense", weak.as_str()] {
        write_keyring(home.path(), &format!("# first\n{line}\n"));
        let error = Verifier::open(home.path()).unwrap_err().to_string();
        assert!(error.contains(KEYRING_FILE) && error.contains("line 2"), "{error}");
    }
}

#[test]
fn an_issuer_survives_its_text() {
    let id = Issuer::generate().unwrap().id();
    assert_eq!(id.to_string().parse::<IssuerId>().unwrap(), id);
}

proptest! {
    #[test]
    fn hostile_text_is_refused(text in any::<String>()) {
        let verifier = Verifier::new([Issuer::generate().unwrap().id()]);
        prop_assert!(verifier.verify(&text).is_err());
        let framed = format!("rushes_{text}.{text}");
        prop_assert!(verifier.verify(&framed).is_err());
        prop_assert!(text.parse::<IssuerId>().is_err());
    }

    #[test]
    fn well_formed_strangers_are_refused(json in "\\{.{0,80}\\}", signature in any::<[u8; 32]>()) {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let verifier = Verifier::new([Issuer::generate().unwrap().id()]);
        let signature = [signature, signature].concat();
        let (payload, signature) = (URL_SAFE_NO_PAD.encode(json), URL_SAFE_NO_PAD.encode(signature));
        let key = format!("rushes_{payload}.{signature}");
        prop_assert!(verifier.verify(&key).is_err());
    }

    #[test]
    fn any_license_survives(id in "[0-9a-f]{16}", issued: u64, end: Option<u64>, holder: Option<String>) {
        let holder = holder.map(|name| name.chars().take(64).collect());
        let license = License { id, tier: Tier::Pro, issued, expires: end, holder };
        let (key, verifier) = self::issued(&license);
        match verifier.verify_at(&key, issued) {
            Ok(read) => prop_assert_eq!(read, license),
            Err(LicenseError::Expired(_)) => prop_assert!(end.unwrap() <= issued),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
