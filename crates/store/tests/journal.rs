//! The journal: several machines, torn and damaged files, threads and processes at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use fs_err as fs;
use proptest::prelude::*;
use rushes_store::{AnalysisFolder, Journal, Machine, Records, StoreError};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    thread,
};
use tempfile::TempDir;

/// An analysis folder and the home of one machine.
struct Place {
    cache: TempDir,
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { cache: tempfile::tempdir().unwrap(), home: tempfile::tempdir().unwrap() }
    }

    fn journal(&self) -> Journal {
        journal(self.cache.path(), self.home.path())
    }

    /// The only file of the journal.
    fn file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.cache.path().join("rushes/journal")).unwrap();
        files.next().unwrap().unwrap().path()
    }
}

fn journal(cache: &Path, home: &Path) -> Journal {
    Journal::new(AnalysisFolder::open(cache).unwrap(), Machine::open(home).unwrap())
}

fn bodies(records: &Records) -> Vec<Value> {
    records.records.iter().map(|record| record.body.clone()).collect()
}

/// Bodies of what can be read, and whether all can.
fn read(place: &Place) -> (Vec<Value>, bool) {
    let read = place.journal().read().unwrap();
    (bodies(&read), read.damaged.is_empty())
}

#[test]
fn records_of_two_machines_are_read_in_order_of_time() {
    let (here, there) = (Place::new(), tempfile::tempdir().unwrap());
    assert!(here.journal().read().unwrap().records.is_empty(), "nothing was made by asking");
    assert!(!here.cache.path().join("rushes").exists());
    let (ours, theirs) = (here.journal(), journal(here.cache.path(), there.path()));
    let before = ours.stamp().unwrap();
    for n in 0..6 {
        let journal = if n % 2 == 0 { &ours } else { &theirs };
        journal.append("number", &json!({ "n": n })).unwrap();
        thread::sleep(std::time::Duration::from_millis(3));
    }
    assert_ne!(before, ours.stamp().unwrap());
    assert_eq!(theirs.stamp().unwrap(), ours.stamp().unwrap());
    let all = ours.read().unwrap();
    assert_eq!(bodies(&all), (0..6).map(|n| json!({ "n": n })).collect::<Vec<_>>());
    assert_eq!(bodies(&theirs.read().unwrap()), bodies(&all));
    let sequences: Vec<u64> = all.records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, [0, 0, 1, 1, 2, 2]);
    assert!(all.records.iter().all(|record| record.kind == "number"));
    let machine = Machine::open(here.home.path()).unwrap().id();
    assert_eq!(machine, Machine::open(here.home.path()).unwrap().id(), "it keeps its number");
    fs::write(here.home.path().join("machine"), "rubbish").unwrap();
    assert_ne!(machine, Machine::open(here.home.path()).unwrap().id());
    assert_eq!(bodies(&here.journal().read().unwrap()), bodies(&all), "and another file");
}

#[test]
fn a_torn_tail_is_passed_over_and_written_over() {
    let place = Place::new();
    (0..3).for_each(|n| place.journal().append("n", &n).unwrap());
    let (file, whole) = (place.file(), fs::read(place.file()).unwrap());
    let two = {
        fs::write(&file, &whole).unwrap();
        let ends: Vec<usize> = (0..whole.len())
            .filter(|end| {
                fs::write(&file, &whole[..*end]).unwrap();
                read(&place).0.len() == 2
            })
            .collect();
        ends[0]
    };
    for end in 0..whole.len() {
        fs::write(&file, &whole[..end]).unwrap();
        let (before, all) = read(&place);
        assert!(all, "cut at {end}, nothing is damaged");
        assert_eq!(before, (0..before.len()).map(Value::from).collect::<Vec<_>>());
        assert!(end < two || before.len() == 2, "cut at {end}");
        place.journal().append("n", &"new").unwrap();
        let (after, all) = read(&place);
        assert_eq!((after.len(), all), (before.len() + 1, true), "cut at {end}");
        assert_eq!(after.last(), Some(&json!("new")));
    }
    // The length came to the disk, and the bytes did not.
    fs::write(&file, [&whole[..], &[0; 200]].concat()).unwrap();
    assert!(read(&place) == (vec![json!(0), json!(1), json!(2)], true));
}

#[test]
fn a_flipped_bit_costs_one_record_and_is_told() {
    let place = Place::new();
    (0..4).for_each(|n| place.journal().append("n", &n).unwrap());
    let (file, whole) = (place.file(), fs::read(place.file()).unwrap());
    let all = [0, 1, 2, 3].map(Value::from);
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &bytes).unwrap();
        let found = place.journal().read().unwrap();
        assert_eq!(found.damaged.len(), 1, "bit {bit}");
        assert!(found.damaged[0].to_string().contains(file.to_str().unwrap()));
        let kept = bodies(&found);
        assert!(kept.iter().is_sorted_by_key(Value::as_u64), "bit {bit}: {kept:?}");
        let fewer = match (bit / 8, &found.damaged[0]) {
            // What a later version wrote is left alone, and whether one did is told by these bytes alone.
            (8..12, StoreError::Newer { .. }) => 4,
            (0..12, _) => 0,
            _ => 1,
        };
        assert_eq!(kept.len() + fewer, all.len(), "bit {bit}: {kept:?}");
    }
}

#[test]
fn a_damaged_file_is_kept_and_mended() {
    let place = Place::new();
    (0..4).for_each(|n| place.journal().append("n", &n).unwrap());
    assert!(!place.journal().mend().unwrap(), "it is whole");
    let (file, mut bytes) = (place.file(), fs::read(place.file()).unwrap());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bytes[last / 2] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let kept = read(&place).0;
    assert_eq!(kept.len(), 2);
    place.journal().append("n", &"new").unwrap();
    assert_eq!(read(&place), ([kept.clone(), vec![json!("new")]].concat(), true));
    let sequences: Vec<u64> =
        place.journal().read().unwrap().records.iter().map(|record| record.sequence).collect();
    assert!(sequences[2] > 3, "no number is given twice: {sequences:?}");

    let again = fs::read(&file).unwrap();
    fs::write(&file, [&again[..30], &[0xA5; 40], &again[30..]].concat()).unwrap();
    assert!(place.journal().mend().unwrap());
    let (after, all) = read(&place);
    assert!(all && after.ends_with(&[json!("new"), json!("a record is not as it was written")]));
    assert!(!place.journal().mend().unwrap());

    let aside = fs::read_dir(place.cache.path().join("rushes/quarantine")).unwrap();
    let copies: Vec<Vec<u8>> = aside
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().unwrap() == "rjl")
        .map(|path| fs::read(path).unwrap())
        .collect();
    assert_eq!(copies.len(), 2);
    assert!(copies.contains(&bytes), "the whole file was kept");
}

#[test]
fn what_a_later_version_wrote_is_left_alone() {
    let place = Place::new();
    place.journal().append("n", &1).unwrap();
    let file = place.file();
    let mut bytes = fs::read(&file).unwrap();
    bytes[8] = 9;
    fs::write(&file, &bytes).unwrap();
    let found = place.journal().read().unwrap();
    assert!(matches!(found.damaged[..], [StoreError::Newer { version: 9, .. }]));
    let error = place.journal().append("n", &2).unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn what_is_no_journal_is_not_read() {
    let place = Place::new();
    place.journal().append("n", &1).unwrap();
    let folder = place.file().parent().unwrap().to_owned();
    for name in ["notes.txt", "x.rjl", "00.rjl", ".rjl"] {
        fs::write(folder.join(name), b"\x89RJL").unwrap();
    }
    let other = "ABCDEF".repeat(6)[..32].to_owned() + ".rjl";
    fs::write(folder.join(other), b"x").unwrap();
    assert_eq!(read(&place), (vec![json!(1)], true));
    let long = "x".repeat(2 << 20);
    let error = place.journal().append("n", &long).unwrap_err().to_string();
    assert!(error.contains("1 MiB"), "{error}");
    assert_eq!(read(&place), (vec![json!(1)], true));
}

#[test]
fn a_number_that_another_process_is_about_to_write_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("machine");
    // As a process leaves it between taking the name and filling it.
    fs::write(&file, "").unwrap();
    let number = "0123456789abcdef0123456789abcdef";
    let writer = thread::spawn(move || {
        thread::sleep(std::time::Duration::from_millis(120));
        fs::write(file, format!("{number}\n")).unwrap();
    });
    assert_eq!(Machine::open(home.path()).unwrap().id().to_string(), number);
    writer.join().unwrap();
}

#[test]
fn threads_of_one_machine_take_turns() {
    let place = Place::new();
    thread::scope(|scope| {
        for thread in 0..4 {
            let journal = place.journal();
            scope.spawn(move || {
                (0..25).for_each(|n| journal.append("n", &json!([thread, n])).unwrap());
            });
        }
    });
    let found = place.journal().read().unwrap();
    assert!(found.damaged.is_empty());
    let sequences: Vec<u64> = found.records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (0..100).collect::<Vec<_>>());
}

const FIXTURE: &str = "000102030405060708090a0b0c0d0e0f.rjl";

#[test]
fn the_first_version_is_still_read() {
    let place = Place::new();
    let folder = place.cache.path().join("rushes/journal");
    fs::create_dir_all(&folder).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats/v1/journal");
    fs::copy(fixtures.join(FIXTURE), folder.join(FIXTURE)).unwrap();
    place.journal().append("ours", &Value::Null).unwrap();
    let found = place.journal().read().unwrap();
    assert!(found.damaged.is_empty());
    let first = &found.records[0];
    assert_eq!((first.time_ms, first.sequence), (1_764_000_000_000, 0));
    assert_eq!(first.machine.to_string() + ".rjl", FIXTURE);
    assert_eq!((first.kind.as_str(), &first.body["text"]), ("transcript.text", &json!("Größe 😀")));
    let kinds: Vec<&str> = found.records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["transcript.text", "to.come", "ours"], "unknown kinds are read, too");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn any_bytes_are_read_without_trouble(bytes: Vec<u8>, after_header: bool) {
        let place = Place::new();
        let folder = place.cache.path().join("rushes/journal");
        fs::create_dir_all(&folder).unwrap();
        let header: &[u8] = if after_header { b"\x89RJL\r\n\x1a\n\x01\0\0\0" } else { b"" };
        fs::write(folder.join(FIXTURE), [header, &bytes].concat()).unwrap();
        let found = place.journal().read().unwrap();
        prop_assert!(found.records.is_empty());
    }
}

/// A machine's file may come from anywhere: a record with the last number of all must not stop the next.
#[test]
fn a_record_with_the_last_number_of_all_can_be_followed() {
    let place = Place::new();
    place.journal().append("number", &json!(1)).unwrap();
    let path = place.file();
    let stored = json!({ "time_ms": 1, "sequence": u64::MAX, "kind": "number", "body": 2 });
    let payload = stored.to_string().into_bytes();
    let mut record = (payload.len() as u32).to_le_bytes().to_vec();
    record.extend(crc32fast::hash(&payload).to_le_bytes());
    record.extend(crc32fast::hash(&record).to_le_bytes());
    record.extend(payload);
    fs::write(&path, [fs::read(&path).unwrap(), record].concat()).unwrap();
    place.journal().append("number", &json!(3)).unwrap();
    let (mut bodies, whole) = read(&place);
    bodies.sort_by_key(Value::as_u64);
    assert_eq!((bodies, whole), (vec![json!(1), json!(2), json!(3)], true));
}

#[test]
fn a_file_that_is_made_to_be_looked_through_again_and_again_is_not() {
    let here = Place::new();
    here.journal().append("number", &json!({ "n": 1 })).unwrap();
    let file = here.file();
    // Beginnings of a record, each of which says that a megabyte follows: hashing what follows each would be 87,000
    // megabytes.
    let mut beginning = (1_u32 << 20).to_le_bytes().to_vec();
    beginning.extend([0; 4]);
    beginning.extend(crc32fast::hash(&beginning).to_le_bytes());
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend(beginning.repeat((1 << 20) / beginning.len()));
    bytes.extend(vec![b'x'; 1 << 20]);
    fs::write(&file, &bytes).unwrap();
    let (read, is_whole) = read(&here);
    assert_eq!((read, is_whole), (vec![json!({ "n": 1 })], false));
}
