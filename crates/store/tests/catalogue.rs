//! The local catalogue: what it keeps, and that it never stands in the way.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::facts;
use rushes_model::{HashStr, MediaId};
use rushes_store::{BegunFile, Catalogue, FileStamp, Identity, StoreError};
use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

const STAMP: FileStamp = FileStamp { size: u64::MAX, mtime_ns: -5 };

fn identity(media: u8) -> Identity {
    Identity { media_id: MediaId([media; 16]), hash_str: HashStr(u32::MAX), facts: facts() }
}

fn paths_of(catalogue: &Catalogue, media: u8) -> Vec<PathBuf> {
    let seen = catalogue.paths_of(&MediaId([media; 16])).unwrap();
    assert!(seen.iter().all(|seen| seen.last_seen > 1_700_000_000));
    seen.into_iter().map(|seen| seen.path).collect()
}

#[test]
fn what_is_remembered_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/catalogue.db");
    let odd = Path::new(OsStr::from_bytes(b"/footage/\xFF\xFE.mov"));
    let catalogue = Catalogue::open(&path).unwrap();
    catalogue.remember(odd, STAMP, &identity(1)).unwrap();
    catalogue.remember(Path::new("/copy.mov"), STAMP, &identity(1)).unwrap();
    drop(catalogue);

    let catalogue = Catalogue::open(&path).unwrap();
    assert_eq!(catalogue.identity(odd, STAMP).unwrap(), Some(identity(1)));
    let mut paths = paths_of(&catalogue, 1);
    paths.sort();
    assert_eq!(paths, [Path::new("/copy.mov"), odd]);
    catalogue.forget(odd).unwrap();
    assert_eq!(catalogue.identity(odd, STAMP).unwrap(), None);
    assert_eq!(paths_of(&catalogue, 1), [Path::new("/copy.mov")]);
}

#[test]
fn a_changed_file_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(&folder.path().join("catalogue.db")).unwrap();
    let file = folder.path().join("take.mov");
    fs_err::write(&file, "one").unwrap();
    let before = FileStamp::of(&fs_err::metadata(&file).unwrap()).unwrap();
    catalogue.remember(&file, before, &identity(1)).unwrap();
    fs_err::write(&file, "three").unwrap();
    let after = FileStamp::of(&fs_err::metadata(&file).unwrap()).unwrap();
    assert_eq!(catalogue.identity(&file, after).unwrap(), None);
    let touched = FileStamp { mtime_ns: before.mtime_ns + 1, ..before };
    assert_eq!(catalogue.identity(&file, touched).unwrap(), None);

    catalogue.remember(&file, after, &identity(2)).unwrap();
    assert_eq!(catalogue.identity(&file, after).unwrap(), Some(identity(2)));
    assert!(paths_of(&catalogue, 1).is_empty(), "the path is now another medium's");
}

#[test]
fn threads_share_it() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(&folder.path().join("catalogue.db")).unwrap();
    std::thread::scope(|scope| {
        for media in 0..8u8 {
            let catalogue = &catalogue;
            scope.spawn(move || {
                for file in 0..20 {
                    let path = PathBuf::from(format!("/{media}/{file}"));
                    catalogue.remember(&path, STAMP, &identity(media)).unwrap();
                }
            });
        }
    });
    assert!((0..8).all(|media| paths_of(&catalogue, media).len() == 20));
}

#[test]
fn what_is_not_a_catalogue_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.db");
    let content = "this is no database, but it is long enough to look at twice. ".repeat(40);
    fs_err::write(&path, &content).unwrap();
    let catalogue = Catalogue::open(&path).unwrap();
    catalogue.remember(Path::new("/a"), STAMP, &identity(1)).unwrap();
    let aside = folder.path().join("catalogue.db.unusable");
    assert_eq!(fs_err::read_to_string(aside).unwrap(), content);
}

#[test]
fn another_version_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE seen (x); PRAGMA user_version = 77").unwrap();
    drop(other);
    let catalogue = Catalogue::open(&path).unwrap();
    catalogue.remember(Path::new("/a"), STAMP, &identity(1)).unwrap();
    assert!(folder.path().join("catalogue.db.unusable").exists());
}

#[test]
fn damage_after_an_unclean_stop_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.db");
    let catalogue = Catalogue::open(&path).unwrap();
    for file in 0..3000 {
        catalogue.remember(&PathBuf::from(format!("/{file}")), STAMP, &identity(1)).unwrap();
    }
    // As a crash leaves it: the database, which checkpoints have filled, and its log.
    let crashed = folder.path().join("crashed.db");
    fs_err::copy(&path, &crashed).unwrap();
    fs_err::copy(folder.path().join("catalogue.db-wal"), folder.path().join("crashed.db-wal"))
        .unwrap();
    let opened = Catalogue::open(&crashed).unwrap();
    assert_eq!(paths_of(&opened, 1).len(), 3000, "a whole one is used");
    drop(opened);

    let mut bytes = fs_err::read(&path).unwrap();
    assert!(bytes.len() > 100_000, "checkpoints happened");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xA5);
    fs_err::write(&crashed, bytes).unwrap();
    fs_err::write(folder.path().join("crashed.db-wal"), [0; 100]).unwrap();
    let rebuilt = Catalogue::open(&crashed).unwrap();
    assert_eq!(paths_of(&rebuilt, 1).len(), 0, "begun anew");
    rebuilt.remember(Path::new("/a"), STAMP, &identity(1)).unwrap();
    assert!(folder.path().join("crashed.db.unusable").exists());
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "").unwrap();
    let error = Catalogue::open(&file.join("catalogue.db")).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
    let folder = folder.path().join("catalogue.db");
    fs_err::create_dir(&folder).unwrap();
    let error = Catalogue::open(&folder).unwrap_err().to_string();
    assert!(error.contains(folder.to_str().unwrap()), "{error}");
}

#[test]
fn what_another_process_has_open_is_neither_checked_nor_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.db");
    let running = Catalogue::open(&path).unwrap();
    running.remember(Path::new("/a"), STAMP, &identity(1)).unwrap();
    assert!(fs_err::metadata(folder.path().join("catalogue.db-wal")).unwrap().len() > 0);
    let other = rusqlite::Connection::open(&path).unwrap();
    // What only a check finds: a row that breaks its table's rule.
    other
        .execute_batch(
            "PRAGMA ignore_check_constraints = 1; CREATE TABLE odd (x CHECK (x = 1));
             INSERT INTO odd VALUES (2);",
        )
        .unwrap();
    drop(Catalogue::open(&path).unwrap());
    other.execute_batch("PRAGMA user_version = 77").unwrap();
    drop(other);
    let error = Catalogue::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert_eq!(paths_of(&running, 1), [Path::new("/a")]);
    drop(running);
    assert!(paths_of(&Catalogue::open(&path).unwrap(), 1).is_empty(), "begun anew");
    assert!(folder.path().join("catalogue.db.unusable").exists());
}

#[test]
fn many_may_begin_or_migrate_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = folder.path().join(format!("{round}.db"));
        // Of none, of the first and of the second version.
        if let Some(older) =
            ["DROP TABLE watched; PRAGMA user_version = 1", "PRAGMA user_version = 2"]
                .get(round % 3)
        {
            drop(Catalogue::open(&path).unwrap());
            let old = rusqlite::Connection::open(&path).unwrap();
            old.execute_batch(&format!("DROP TABLE begun; {older}")).unwrap();
        }
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let catalogue = Catalogue::open(&path).unwrap();
                    (catalogue.watched("one").unwrap(), catalogue.begun().unwrap())
                });
            }
        });
        assert!(!folder.path().join(format!("{round}.db.unusable")).exists());
    }
}

#[test]
fn what_was_begun_and_not_ended_is_known_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.db");
    let file = |path: &str, times| BegunFile { path: path.into(), stamp: STAMP, times };
    let first = Catalogue::open(&path).unwrap();
    for begun in [file("/b", 1), file("/a", 1), file("/c", 1), file("/a", 2)] {
        first.begin(&begun).unwrap();
    }
    first.finish(Path::new("/c")).unwrap();
    first.finish(Path::new("/never")).unwrap();
    drop(first);
    let next = Catalogue::open(&path).unwrap();
    assert_eq!(next.begun().unwrap(), [file("/a", 2), file("/b", 1)]);
}
