//! Bundles of text: what is written reads back, and nothing else reads.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{
    check_flips, check_later_version, check_lengths, forge_section, replace_rest, small, small_text,
};
use proptest::prelude::*;
use rushes_model::Area;
use rushes_store::{
    Analysis, AnalysisFolder, StoreError, TextBundle, TextFrame, TextLine, VisualBundleFile,
};
use std::path::{Path, PathBuf};

/// Bytes of the header of a text bundle: four sections.
const HEADER: usize = 24 + 4 * 24 + 4;

fn publish(bundle: &TextBundle) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = AnalysisFolder::open(folder.path()).unwrap().publish_text(bundle).unwrap();
    (folder, path)
}

fn is_damaged(path: &Path, bytes: &[u8]) -> bool {
    fs_err::write(path, bytes).unwrap();
    matches!(TextBundle::open(path), Err(StoreError::Damaged { .. }))
}

fn any_line() -> impl Strategy<Value = TextLine> {
    let sides = (0f32..1.0, 0f32..1.0, 0f32..1.0, -1e9f32..1e9);
    (".{0,20}", 0f32..=1.0, sides).prop_map(|(text, confidence, (left, top, width, height))| {
        TextLine { text, confidence, area: Area { left, top, width, height } }
    })
}

fn any_bundle() -> impl Strategy<Value = TextBundle> {
    let frame = (-1e9f64..1e9, prop::collection::vec(any_line(), 0..5))
        .prop_map(|(seconds, lines)| TextFrame { seconds, lines });
    prop::collection::vec(frame, 0..8).prop_map(|mut frames| {
        frames.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        TextBundle { frames, ..small_text(9) }
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bundle in any_bundle()) {
        let (_folder, path) = publish(&bundle);
        prop_assert_eq!(TextBundle::open(&path).unwrap(), bundle);
    }

    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        keep in 0usize..HEADER,
    ) {
        let (_folder, path) = publish(&small_text(1));
        replace_rest(&path, keep, bytes);
        prop_assert!(TextBundle::open(&path).is_err());
    }

    /// Sections whose checksums fit and whose content was made up, as hostile files have them.
    #[test]
    fn no_section_panics(section in 1usize..4, position in 0usize..200, value in any::<u32>()) {
        let (_folder, path) = publish(&small_text(1));
        let mut bytes = fs_err::read(&path).unwrap();
        forge_section(&mut bytes, section, position, value.to_le_bytes());
        fs_err::write(&path, &bytes).unwrap();
        if let Ok(bundle) = TextBundle::open(&path) {
            prop_assert_eq!(bundle.frames.len(), 3);
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let (_folder, path) = publish(&small_text(1));
    check_flips(&path, TextBundle::open);
}

#[test]
fn every_other_length_is_an_error() {
    let (_folder, path) = publish(&small_text(1));
    check_lengths(&path, TextBundle::open);
}

#[test]
fn sections_that_do_not_use_each_other_up_are_refused() {
    let (_folder, path) = publish(&small_text(1));
    let whole = fs_err::read(&path).unwrap();
    // The number of lines of the first frame, and the bytes of the first line's text.
    for (section, at) in [(1, 8), (2, 20)] {
        for value in [0, 1, 100, u32::MAX] {
            let mut bytes = whole.clone();
            forge_section(&mut bytes, section, at, u32::to_le_bytes(value));
            assert!(is_damaged(&path, &bytes), "section {section}: {value}");
        }
    }
}

#[test]
fn a_later_version_is_left_alone() {
    let (_folder, path) = publish(&small_text(1));
    check_later_version(&path, TextBundle::open);
}

#[test]
fn a_visual_bundle_is_no_text_and_the_reverse() {
    let (folder, text) = publish(&small_text(1));
    let visual = AnalysisFolder::open(folder.path()).unwrap().publish(&small(1)).unwrap();
    assert!(matches!(TextBundle::open(&visual), Err(StoreError::Damaged { .. })));
    assert!(matches!(VisualBundleFile::open(&text), Err(StoreError::Damaged { .. })));
}

#[test]
fn what_does_not_fit_together_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let broken: [fn(&mut TextBundle); 5] = [
        |bundle| bundle.frames[1].seconds = f64::NAN,
        |bundle| bundle.frames.swap(0, 1),
        |bundle| bundle.frames[0].lines[1].confidence = f32::NAN,
        |bundle| bundle.frames[0].lines[0].area.height = f32::INFINITY,
        |bundle| bundle.meta.facts.duration_seconds = f64::NAN,
    ];
    for (index, break_it) in broken.into_iter().enumerate() {
        let mut bundle = small_text(1);
        break_it(&mut bundle);
        let result = analyses.publish_text(&bundle);
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{index}: {result:?}");
    }
    assert_eq!(analyses.list(Analysis::Text).unwrap(), []);
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/v1/small.rtb");

#[test]
fn version_1_is_read_for_ever() {
    assert_eq!(TextBundle::open(Path::new(FIXTURE)).unwrap(), small_text(0x5A));
}

/// How the fixture was made; never again for version 1.
#[test]
#[ignore = "writes the fixture of the current format version"]
fn write_the_fixture() {
    let (_folder, path) = publish(&small_text(0x5A));
    fs_err::copy(path, FIXTURE).unwrap();
}
