//! A look at a whole analysis folder, and mending it.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{
    Random, copy_for, forge, small, small_faces, small_meanings, small_speech, small_text,
};
use rushes_model::MediaId;
use rushes_store::{
    Analysis, AnalysisFolder, Entry, Examined, Journal, Machine, Report,
    durable::{
        Verb,
        faults::{self, Fault, Plan},
    },
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Mutex,
};

fn everything(analyses: &AnalysisFolder) -> Report {
    analyses.examine(&|_| true)
}

/// A bundle of each analysis for each of some media.
fn publish(analyses: &AnalysisFolder, media: std::ops::Range<usize>) -> Vec<PathBuf> {
    let (mut seen, mut read) = (small(0), small_text(0));
    let (mut said, mut faces) = (small_meanings(0), small_faces(0));
    for meta in [&mut seen.meta, &mut read.meta, &mut said.meta, &mut faces.meta] {
        meta.media_id = MediaId([0xFF; 16]);
        meta.source_path = "/footage/0000.mov".into();
    }
    let templates = [
        analyses.publish(&seen).unwrap(),
        analyses.publish_text(&read).unwrap(),
        analyses.publish_speech(&said).unwrap(),
        analyses.publish_faces(&faces).unwrap(),
    ];
    let mut paths = Vec::new();
    for medium in media {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&(medium as u16).to_le_bytes());
        let source = format!("/footage/{medium:04}.mov");
        let copy = |path| copy_for(path, MediaId(id), &[("/footage/0000.mov", &source)]);
        paths.extend(templates.iter().map(PathBuf::as_path).map(copy));
    }
    templates.iter().for_each(|path| fs_err::remove_file(path).unwrap());
    paths
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs_err::read(path).unwrap();
    change(&mut bytes);
    fs_err::write(path, bytes).unwrap();
}

#[test]
fn of_a_thousand_changed_bundles_each_is_found_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let mut paths = publish(&analyses, 0..300);
    let healthy = paths.split_off(1000);
    let mut random = Random(18);
    for path in &paths {
        change(path, |bytes| {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 + random.below(255) as u8;
        });
    }
    let report = everything(&analyses);
    let damaged: BTreeSet<&Path> =
        report.damaged.iter().map(|bundle| bundle.entry.path.as_path()).collect();
    assert_eq!(damaged, paths.iter().map(PathBuf::as_path).collect());
    let named = report.damaged.iter().filter(|bundle| bundle.source_path.is_some()).count();
    println!("1000 damaged, {named} of them with their source path; {:?}", report.bundles);
    assert!(named > 100, "the rest of a bundle is larger than its facts");

    let repaired = analyses.repair(&report);
    assert_eq!((repaired.quarantined.len(), repaired.failed.len()), (1000, 0));
    let after = everything(&analyses);
    assert!(after.is_sound());
    assert_eq!(after.quarantined, 1000);
    let left: usize = after.bundles.iter().map(|(_, sound)| sound.files).sum();
    assert_eq!(left, healthy.len());
    assert!(healthy.iter().all(|path| path.exists()));
}

#[test]
fn everything_in_a_folder_is_told_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    assert_eq!(everything(&analyses).bytes, 0, "a folder that is not there is empty");
    let root = analyses.root().to_owned();
    let paths = publish(&analyses, 0..3);
    let journal = Journal::new(analyses.clone(), Machine::open(home.path()).unwrap());
    (0..3).for_each(|n| journal.append("n", &n).unwrap());

    // A later version of a bundle and of a journal.
    change(&paths[0], |bytes| forge(bytes, 8, &2u32.to_le_bytes()));
    let later = root.join("journal/000102030405060708090a0b0c0d0e0f.rjl");
    fs_err::write(&later, b"\x89RJL\r\n\x1a\n\x02\0\0\0 something else").unwrap();
    // A bundle under another's name.
    fs_err::copy(&paths[4], &paths[8]).unwrap();
    // A bundle without its end, whose facts can be read, and one that is empty.
    change(&paths[1], |bytes| bytes.truncate(bytes.len() - 10));
    change(&paths[2], Vec::clear);
    // Files of others, unfinished ones, and what nobody has to look at.
    let foreign = [root.join("notes.txt"), root.join("old"), root.join("visual/.DS_Store")];
    fs_err::write(&foreign[0], "x").unwrap();
    fs_err::write(&foreign[2], "x").unwrap();
    fs_err::create_dir(&foreign[1]).unwrap();
    fs_err::write(foreign[1].join("inside"), "x").unwrap();
    let unfinished = paths[5].with_extension("rtb.tmp-elsewhere-1-0123456789abcdef");
    fs_err::write(&unfinished, "x").unwrap();
    fs_err::create_dir(root.join("claims")).unwrap();
    fs_err::write(root.join("claims/anything"), "x").unwrap();

    let seen = Mutex::new(Vec::new());
    let report = analyses.examine(&|far: Examined| {
        seen.lock().unwrap().push(far);
        true
    });
    let files: Vec<usize> = report.bundles.iter().map(|(_, sound)| sound.files).collect();
    assert_eq!(files, [1, 2, 2, 3]);
    assert!(report.bundles.iter().all(|(_, sound)| sound.bytes > 0));
    assert_eq!((report.journals.files, report.records), (1, 3));
    assert_eq!(report.newer.len(), 2);
    assert!(report.newer.contains(&(later, 2)) && report.newer.contains(&(paths[0].clone(), 2)));
    let named = |path: &Path| {
        let found = report.damaged.iter().find(|bundle| bundle.entry.path == path).unwrap();
        found.source_path.clone()
    };
    assert_eq!(report.damaged.len(), 3);
    assert_eq!(named(&paths[8]), Some("/footage/0001.mov".into()));
    assert_eq!(named(&paths[1]), Some("/footage/0000.mov".into()));
    assert_eq!(named(&paths[2]), None);
    assert_eq!(report.foreign, foreign);
    assert_eq!(report.unfinished, std::slice::from_ref(&unfinished));
    assert_eq!(report.unreadable, []);
    assert!(report.is_complete && !report.is_sound());
    let last = seen.into_inner().unwrap().into_iter().max_by_key(|far| far.files).unwrap();
    assert_eq!(last, Examined { files: 14, of_files: 14, bytes: report.bytes });

    // Meanwhile another machine has analysed one of them anew.
    let mut fresh = small(0);
    fresh.meta.media_id = entry_of(&report, &paths[8]).media_id;
    analyses.publish(&fresh).unwrap();
    let repaired = analyses.repair(&report);
    assert_eq!((repaired.quarantined.len(), repaired.failed.len(), repaired.removed), (2, 0, 0));
    assert!(unfinished.exists() && foreign[1].join("inside").exists() && paths[0].exists());
    let after = everything(&analyses);
    assert!(after.is_sound());
    assert_eq!((after.newer, after.foreign, after.quarantined), (report.newer, report.foreign, 2));
}

fn entry_of<'a>(report: &'a Report, path: &Path) -> &'a Entry {
    &report.damaged.iter().find(|bundle| bundle.entry.path == path).unwrap().entry
}

#[test]
fn a_damaged_journal_is_told_and_left_to_its_machine() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let journal = Journal::new(analyses.clone(), Machine::open(home.path()).unwrap());
    (0..5).for_each(|n| journal.append("n", &n).unwrap());
    let path = fs_err::read_dir(analyses.root().join("journal")).unwrap().next().unwrap();
    let path = path.unwrap().path();
    change(&path, |bytes| bytes[40] ^= 1);
    let report = everything(&analyses);
    assert_eq!((report.journals.files, report.records), (0, 4));
    let machine = Machine::open(home.path()).unwrap().id();
    let told: Vec<_> = report.damaged_journals.iter().map(|one| (one.machine, &one.path)).collect();
    assert_eq!(told, [(machine, &path)]);
    let bytes = fs_err::read(&path).unwrap();
    let repaired = analyses.repair(&report);
    assert!(repaired.quarantined.is_empty() && repaired.failed.is_empty());
    assert_eq!(fs_err::read(&path).unwrap(), bytes);
    assert!(journal.mend().unwrap());
    let report = everything(&analyses);
    assert!(report.is_sound());
    assert_eq!((report.journals.files, report.records, report.quarantined), (1, 5, 1));
}

#[test]
fn a_look_can_be_ended() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    publish(&analyses, 0..30);
    let report = analyses.examine(&|far| far.files < 10);
    let files: usize = report.bundles.iter().map(|(_, sound)| sound.files).sum();
    assert!(!report.is_complete && !report.is_sound());
    assert!((10..30).contains(&files), "{files}");
}

#[test]
fn what_cannot_be_put_aside_keeps_nothing_else_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let speech = analyses.publish_speech(&small_speech(1)).unwrap();
    let paths =
        [analyses.publish(&small(1)).unwrap(), analyses.publish(&small(2)).unwrap(), speech];
    paths.iter().for_each(|path| change(path, |bytes| bytes.truncate(100)));
    let report = everything(&analyses);
    // The second rename is that of the first bundle: the first was its reason's.
    let plan = Plan { verb: Some(Verb::Rename), nth: 1, fault: Fault::Io, lasting: false };
    let (repaired, fired) = faults::with(plan, || analyses.repair(&report));
    assert!(fired);
    assert_eq!((repaired.quarantined.len(), repaired.failed.len()), (2, 1));
    let (path, reason) = &repaired.failed[0];
    assert!(path.exists() && reason.contains("quarantine"), "{reason}");
    assert_eq!(analyses.repair(&everything(&analyses)).quarantined.len(), 1);
    assert!(analyses.list(Analysis::Visual).unwrap().is_empty());
}
