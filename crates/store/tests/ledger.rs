//! The ledger of tasks: what is kept, in which order, and for how long.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

use rushes_model::TaskId;
use rushes_store::{Catalogue, FileStamp, KeptPart, Ledger, StoreError, WatchFailure, WatchedFile};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn database() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    (folder, path)
}

#[test]
fn tasks_and_their_parts_survive_a_restart() {
    let (_folder, path) = database();
    let ledger = Ledger::open(&path).unwrap();
    for id in [9, 3, 7] {
        ledger.add(TaskId(id), &format!("request {id}")).unwrap();
    }
    ledger.part_done(TaskId(3), Path::new("/b.mov"), "").unwrap();
    ledger.part_done(TaskId(3), Path::new("/a.mov"), "broken").unwrap();
    ledger.part_done(TaskId(3), Path::new("/b.mov"), "well").unwrap();
    ledger.part_done(TaskId(9), Path::new("/c.mov"), "").unwrap();
    ledger.pause(TaskId(7), true).unwrap();
    ledger.end(TaskId(9), "completed").unwrap();
    drop(ledger);

    let ledger = Ledger::open(&path).unwrap();
    let tasks = ledger.tasks(10).unwrap();
    let ids: Vec<u128> = tasks.iter().map(|task| task.id.0).collect();
    assert_eq!(ids, [9, 3, 7], "in the order in which they were asked for");
    assert_eq!(tasks[1].request, "request 3");
    assert_eq!(tasks.iter().map(|task| task.paused).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(tasks[0].ending.as_deref(), Some("completed"));
    let part = |part: &str, outcome: &str| KeptPart { part: part.into(), outcome: outcome.into() };
    assert_eq!(
        ledger.parts(TaskId(3)).unwrap(),
        [part("/a.mov", "broken"), part("/b.mov", "well")]
    );
    assert_eq!(ledger.parts(TaskId(9)).unwrap(), []);
}

#[test]
fn old_tasks_are_forgotten_and_unfinished_ones_never() {
    let (_folder, path) = database();
    let ledger = Ledger::open(&path).unwrap();
    for id in 0..20 {
        ledger.add(TaskId(id), "").unwrap();
        if id != 2 {
            ledger.end(TaskId(id), "").unwrap();
        }
    }
    let ids: Vec<u128> = ledger.tasks(3).unwrap().iter().map(|task| task.id.0).collect();
    assert_eq!(ids, [2, 17, 18, 19]);
    assert!(ledger.add(TaskId(19), "").is_err(), "an id names one task");
}

#[test]
fn an_ending_makes_room_and_a_cancelled_task_ends_once() {
    let (_folder, path) = database();
    let ledger = Ledger::open(&path).unwrap();
    ledger.tasks(3).unwrap();
    for id in 0..20 {
        ledger.add(TaskId(id), "").unwrap();
        ledger.part_done(TaskId(id), Path::new("/a.mov"), "").unwrap();
        ledger.end(TaskId(id), "completed").unwrap();
    }
    ledger.add(TaskId(20), "").unwrap();
    assert!(ledger.cancel(TaskId(20), "cancelled").unwrap());
    assert!(!ledger.cancel(TaskId(20), "cancelled twice").unwrap());
    assert!(!ledger.cancel(TaskId(19), "cancelled").unwrap(), "it had ended before");
    assert!(!ledger.cancel(TaskId(99), "cancelled").unwrap(), "there is none");
    // As a worker does that has not heard of the end yet.
    ledger.part_done(TaskId(20), Path::new("/late.mov"), "").unwrap();
    let on_disk = Connection::open(&path).unwrap();
    let count = |table: &str| -> u32 {
        let sql = format!("SELECT count(*) FROM {table}");
        on_disk.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("tasks"), count("task_parts")), (3, 1), "without asking for them");
    let endings: Vec<_> =
        ledger.tasks(3).unwrap().into_iter().map(|task| (task.id.0, task.ending)).collect();
    let ended = |how: &str| Some(how.to_owned());
    let expected = [(18, ended("completed")), (19, ended("completed")), (20, ended("cancelled"))];
    assert_eq!(endings, expected);
    assert_eq!(count("task_parts"), 0, "of tasks that are over nothing is left");
}

#[test]
fn a_ledger_of_a_later_version_stays_and_a_damaged_one_is_put_aside() {
    let (_folder, path) = database();
    Ledger::open(&path).unwrap().add(TaskId(1), "kept").unwrap();
    let version = |version: u32| {
        let database = Connection::open(&path).unwrap();
        database.pragma_update(None, "user_version", version).unwrap();
    };
    version(7);
    let error = Ledger::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Newer { version: 7, .. }), "{error}");
    version(1);
    assert_eq!(Ledger::open(&path).unwrap().tasks(1).unwrap()[0].request, "kept");

    fs_err::write(&path, "no database, however long one looks at it. ".repeat(40)).unwrap();
    assert_eq!(Ledger::open(&path).unwrap().tasks(1).unwrap(), []);
    assert!(path.with_extension("db.unusable").exists());
}

#[test]
fn a_catalogue_of_an_earlier_version_keeps_what_it_knows() {
    for older in ["DROP TABLE watched; PRAGMA user_version = 1", "PRAGMA user_version = 2"] {
        let (_folder, path) = database();
        drop(Catalogue::open(&path).unwrap());
        let old = Connection::open(&path).unwrap();
        let seen = "INSERT INTO seen VALUES (x'2f61', 1, 2, zeroblob(16), 5, '{}', 6)";
        old.execute_batch(&format!("DROP TABLE begun; {older}; {seen}")).unwrap();
        drop(old);
        let catalogue = Catalogue::open(&path).unwrap();
        assert_eq!(catalogue.paths_of(&rushes_model::MediaId([0; 16])).unwrap().len(), 1);
        assert_eq!(catalogue.watched("one").unwrap(), []);
        assert_eq!(catalogue.begun().unwrap(), []);
        assert!(!path.with_extension("db.unusable").exists());
    }
}

#[test]
fn files_of_watch_folders_are_remembered_with_what_went_wrong() {
    let (_folder, path) = database();
    let catalogue = Catalogue::open(&path).unwrap();
    let file = |path: &str, failure: Option<WatchFailure>| WatchedFile {
        path: path.into(),
        stamp: FileStamp { size: u64::MAX, mtime_ns: -1 },
        failure,
    };
    let failure = WatchFailure { tries: 3, first: 17, gave_up: true, reason: "no moov".into() };
    let files = [file("/a", Some(failure)), file("/b", None)];
    files.iter().rev().for_each(|file| catalogue.set_watched("one", file).unwrap());
    catalogue.set_watched("two", &file("/c", None)).unwrap();
    assert_eq!(catalogue.watched("one").unwrap(), files);
    catalogue.forget_watched("one", Path::new("/a")).unwrap();
    assert_eq!(catalogue.watched("one").unwrap(), files[1..]);
    catalogue.forget_watch_folder("one").unwrap();
    assert_eq!(catalogue.watched("one").unwrap(), []);
    assert_eq!(catalogue.watched("two").unwrap().len(), 1);
}
