//! The analysis folder: where it may be, what is listed, what is put aside.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{small, small_text};
use rushes_model::MediaId;
use rushes_store::{Analysis, AnalysisFolder, StoreError, VisualBundleFile};
use std::path::Path;

#[test]
fn a_folder_that_cannot_be_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "").unwrap();
    let cases = [
        (Path::new("relative/folder"), "relative"),
        (&file, "is a file"),
        (&folder.path().join("no/such"), "above it"),
        (&file.join("inside"), "inside"),
    ];
    for (path, word) in cases {
        let error = AnalysisFolder::open(path).unwrap_err();
        assert!(matches!(error, StoreError::Folder { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(word) && text.contains(path.to_str().unwrap()), "{text}");
    }
}

#[test]
fn reading_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(&folder.path().join("new")).unwrap();
    assert_eq!(analyses.list(Analysis::Visual).unwrap(), []);
    let key = "lite-260".parse().unwrap();
    assert_eq!(analyses.find(Analysis::Visual, &MediaId([1; 16]), &key).unwrap(), None);
    assert_eq!(analyses.remove_stale_temporaries().unwrap(), 0);
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    analyses.ensure_writable().unwrap();
    assert_eq!(fs_err::read_dir(analyses.root()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_says_so_before_work_begins() {
    let folder = tempfile::tempdir().unwrap();
    // Permissions do not bind root, under whom tests may run: a file in the way binds everybody.
    fs_err::write(folder.path().join("rushes"), "").unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let mut errors = vec![analyses.ensure_writable().unwrap_err()];
    errors.push(analyses.publish(&small(1)).unwrap_err());
    assert_eq!(analyses.list(Analysis::Visual).unwrap(), []);
    if cfg!(target_os = "linux") {
        errors
            .push(AnalysisFolder::open(Path::new("/proc")).unwrap().ensure_writable().unwrap_err());
    }
    for error in errors {
        assert!(error.to_string().contains("/rushes"), "{error}");
    }
}

#[test]
fn only_finished_files_of_ours_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let mut other_model = small(2);
    other_model.meta.model_key = "clip-b32".parse().unwrap();
    let paths = [small(3), small(1), other_model].map(|bundle| analyses.publish(&bundle).unwrap());
    let name = "01".repeat(16);
    let beside = |name: &str| paths[1].with_file_name(name);
    for foreign in [
        beside(&format!("{name}.rvb.tmp-host-1-0123456789abcdef")),
        beside("notes.txt"),
        beside(&format!("{}.rvb", "02".repeat(16))),
        beside(".rvb"),
        analyses.root().join("visual/Not A Model/01").join(format!("{name}.rvb")),
        analyses.root().join("visual/.DS_Store"),
    ] {
        fs_err::create_dir_all(foreign.parent().unwrap()).unwrap();
        fs_err::write(foreign, "").unwrap();
    }
    let entries = analyses.list(Analysis::Visual).unwrap();
    let listed: Vec<&Path> = entries.iter().map(|entry| entry.path.as_path()).collect();
    assert_eq!(listed, [&paths[2], &paths[1], &paths[0]]);
    assert!(paths[1].ends_with(format!("rushes/visual/lite-260/01/{name}.rvb")));
    for entry in entries {
        assert_eq!(
            analyses.find(Analysis::Visual, &entry.media_id, &entry.model_key).unwrap(),
            Some(entry)
        );
    }
}

#[test]
fn damaged_files_are_put_aside_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let path = analyses.publish(&small(1)).unwrap();
    fs_err::write(&path, b"\x89RVB\r\n\x1a\n and no more").unwrap();
    let entry = analyses.list(Analysis::Visual).unwrap().remove(0);
    let reason = VisualBundleFile::open(&path).unwrap_err().to_string();
    let moved = analyses.quarantine(&entry, &reason).unwrap();
    assert_eq!(analyses.list(Analysis::Visual).unwrap(), []);
    assert!(moved.starts_with(analyses.root().join("quarantine")));
    assert_eq!(fs_err::read(&moved).unwrap(), b"\x89RVB\r\n\x1a\n and no more");
    let text = fs_err::read_to_string(moved.with_extension("txt")).unwrap();
    assert!(text.contains(&reason), "{text}");
    // Another machine may have been faster.
    analyses.quarantine(&entry, &reason).unwrap();
    analyses.publish(&small(1)).unwrap();
    assert_eq!(analyses.list(Analysis::Visual).unwrap(), [entry]);
}

#[test]
fn what_is_seen_and_what_is_read_lie_apart() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let seen = analyses.publish(&small(1)).unwrap();
    let read = analyses.publish_text(&small_text(1)).unwrap();
    let name = "01".repeat(16);
    assert!(read.ends_with(format!("rushes/text/pp-ocr-v4/01/{name}.rtb")));
    for (analysis, path) in [(Analysis::Visual, &seen), (Analysis::Text, &read)] {
        let entries = analyses.list(analysis).unwrap();
        assert_eq!(entries.iter().map(|entry| &entry.path).collect::<Vec<_>>(), [path]);
        assert_eq!(analyses.of_medium(analysis, &MediaId([1; 16])).unwrap(), entries);
    }
    let entry = analyses.list(Analysis::Text).unwrap().remove(0);
    let moved = analyses.quarantine(&entry, "a test").unwrap();
    assert_eq!(moved.extension().unwrap(), "rtb");
    assert_eq!(analyses.list(Analysis::Text).unwrap(), []);
    assert_eq!(analyses.list(Analysis::Visual).unwrap().len(), 1);
}
