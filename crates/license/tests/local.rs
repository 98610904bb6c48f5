//! The key that a machine makes for itself, and the files that hold it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path, thread};

use rushes_license::{
    Issuer, LICENSE_FILE, License, LicenseError, LocalKey, SIGNING_FILE, Tier, Verifier,
};

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs_err::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_first_call_makes_a_pro_key_and_the_next_reads_it() {
    let top = tempfile::tempdir().unwrap();
    let home = top.path().join("a/home");
    let first = LocalKey::ensure(&home).unwrap();
    assert!(first.is_new);
    assert_eq!(Verifier::open(&home).unwrap().verify(&first.key).unwrap().tier, Tier::Pro);

    let second = LocalKey::ensure(&home).unwrap();
    assert!(!second.is_new);
    assert_eq!(second.key, first.key);
}

#[test]
fn key_files_are_their_owners() {
    let top = tempfile::tempdir().unwrap();
    let home = top.path().join("home");
    LocalKey::ensure(&home).unwrap();
    assert_eq!(mode(&home), 0o700);
    let mut names: Vec<_> =
        fs_err::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [SIGNING_FILE, LICENSE_FILE], "nothing temporary is left");
    for name in [LICENSE_FILE, SIGNING_FILE] {
        assert_eq!(mode(&home.join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_remedy() {
    for name in [LICENSE_FILE, SIGNING_FILE] {
        for bits in [0o640, 0o604, 0o660, 0o602] {
            let home = tempfile::tempdir().unwrap();
            LocalKey::ensure(home.path()).unwrap();
            let path = home.path().join(name);
            set_mode(&path, bits);
            let error = LocalKey::ensure(home.path()).unwrap_err();
            assert!(matches!(&error, LicenseError::Permissions { mode, .. } if *mode == bits));
            let text = error.to_string();
            assert!(text.contains("chmod 600") && text.contains(name), "{text}");
        }
    }
}

#[test]
fn ten_first_calls_at_once_get_one_key() {
    for _ in 0..20 {
        let home = tempfile::tempdir().unwrap();
        let ensure = || LocalKey::ensure(home.path()).unwrap();
        let keys: Vec<LocalKey> = thread::scope(|scope| {
            let running: Vec<_> = (0..10).map(|_| scope.spawn(ensure)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|local| local.key == keys[0].key));
        assert_eq!(keys.iter().filter(|local| local.is_new).count(), 1);
    }
}

#[test]
fn a_stop_between_the_two_files_is_mended() {
    let home = tempfile::tempdir().unwrap();
    Issuer::generate().unwrap().save(&home.path().join(SIGNING_FILE)).unwrap();
    assert!(LocalKey::ensure(home.path()).unwrap().is_new);
}

#[test]
fn what_cannot_be_trusted_is_named_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let stranger = Issuer::generate().unwrap().issue(&License::new(Tier::Pro).unwrap()).unwrap();
    let path = home.path().join(LICENSE_FILE);
    for content in ["", "nonsense", &stranger] {
        fs_err::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        let error = LocalKey::ensure(home.path()).unwrap_err().to_string();
        assert!(error.contains(LICENSE_FILE) && error.contains("Move it away"), "{error}");
        assert_eq!(fs_err::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn a_damaged_signing_key_is_named() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(SIGNING_FILE);
    for content in ["", "rushes-signing_AAAA", "rushes-signing_\u{fffd}", &"A".repeat(100_000)] {
        fs_err::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        let error = LocalKey::ensure(home.path()).unwrap_err().to_string();
        assert!(error.contains(SIGNING_FILE) && error.contains("move it away"), "{error}");
    }
}

#[test]
fn a_file_in_the_place_of_the_home_is_named() {
    let home = tempfile::NamedTempFile::new().unwrap();
    let error = LocalKey::ensure(home.path()).unwrap_err().to_string();
    assert!(error.contains(home.path().to_str().unwrap()), "{error}");
}

#[test]
fn saving_never_replaces_an_issuer() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("studio.key");
    let (first, second) = (Issuer::generate().unwrap(), Issuer::generate().unwrap());
    assert!(first.save(&path).unwrap());
    assert!(!second.save(&path).unwrap());
    assert_eq!(Issuer::load(&path).unwrap().id(), first.id());
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let home = tempfile::tempdir().unwrap();
    let local = LocalKey::ensure(home.path()).unwrap();
    let issuer = Issuer::load(&home.path().join(SIGNING_FILE)).unwrap();
    let secret = fs_err::read_to_string(home.path().join(SIGNING_FILE)).unwrap();
    let shown = format!("{local:?} {issuer:?}");
    assert!(!shown.contains(&local.key) && !shown.contains(secret.trim()), "{shown}");
}
