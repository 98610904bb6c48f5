//! Single bytes that changed on the disk: each one is found, in whichever bundle, and nothing else is.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{
    Random, check_lengths, fully_read, large, small, small_faces, small_meanings, small_speech,
    small_text,
};
use rushes_store::{Analysis, AnalysisFolder, Previews, StoreError, TextFrame, TextLine};
use std::path::{Path, PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/v1");

/// Bundles of all kinds, some of a few hundred bytes, some of hundreds of thousands, and those of version 1.
fn bundles(folder: &Path) -> Vec<(Analysis, PathBuf)> {
    let analyses = AnalysisFolder::open(folder).unwrap();
    let mut text = small_text(2);
    let line = |number: usize| TextLine {
        text: format!("take {number}"),
        ..text.frames[0].lines[0].clone()
    };
    let lines: Vec<TextLine> = (0..5).map(line).collect();
    let frame = |second: usize| TextFrame { seconds: second as f64, lines: lines.clone() };
    text.frames = (0..300).map(frame).collect();
    let mut speech = small_speech(2);
    speech.segments = vec![speech.segments[0].clone(); 400];
    let shift = |(number, segment): (usize, &mut rushes_store::SpokenSegment)| {
        for word in &mut segment.words {
            word.start += number as f64;
            word.end += number as f64;
        }
    };
    speech.segments.iter_mut().enumerate().for_each(shift);
    let mut faces = small_faces(2);
    faces.tracks = vec![faces.tracks[0].clone(); 200];
    faces.vectors = faces.vectors[..3].repeat(200);
    faces.crops =
        Previews { of_row: (0..200).map(Some).collect(), pictures: vec![vec![7; 900]; 200] };
    let mut bundles = vec![
        (Analysis::Visual, analyses.publish(&small(1)).unwrap()),
        (Analysis::Visual, analyses.publish(&large(2, 700, 300_000)).unwrap()),
        (Analysis::Text, analyses.publish_text(&small_text(1)).unwrap()),
        (Analysis::Text, analyses.publish_text(&text).unwrap()),
        (Analysis::Speech, analyses.publish_speech(&small_speech(1)).unwrap()),
        (Analysis::Speech, analyses.publish_speech(&speech).unwrap()),
        (Analysis::Speech, analyses.publish_speech(&small_meanings(3)).unwrap()),
        (Analysis::Faces, analyses.publish_faces(&small_faces(1)).unwrap()),
        (Analysis::Faces, analyses.publish_faces(&faces).unwrap()),
    ];
    for (analysis, name) in OLD {
        let copy = folder.join(name);
        fs_err::copy(Path::new(FIXTURES).join(name), &copy).unwrap();
        bundles.push((analysis, copy));
    }
    bundles
}

/// The bundles of version 1.
const OLD: [(Analysis, &str); 5] = [
    (Analysis::Visual, "small.rvb"),
    (Analysis::Text, "small.rtb"),
    (Analysis::Speech, "small.rsb"),
    (Analysis::Speech, "small-meanings.rsb"),
    (Analysis::Faces, "small.rfb"),
];

#[test]
fn a_thousand_changed_bytes_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let bundles = bundles(folder.path());
    let mut random = Random(0x0F11_9B17);
    for flip in 0..1000 {
        let (analysis, path) = &bundles[flip % bundles.len()];
        let whole = fs_err::read(path).unwrap();
        let mut bytes = whole.clone();
        let (at, mask) = (random.below(whole.len()), 1 + random.below(255) as u8);
        bytes[at] ^= mask;
        fs_err::write(path, bytes).unwrap();
        let result = fully_read(*analysis, path);
        let found =
            matches!(&result, Err(StoreError::Damaged { path: named, .. }) if named == path);
        assert!(found, "{}: byte {at} by {mask:#x}: {result:?}", path.display());
        fs_err::write(path, whole).unwrap();
        fully_read(*analysis, path).unwrap();
    }
}

#[test]
fn every_byte_of_the_header_is_covered() {
    let folder = tempfile::tempdir().unwrap();
    for (analysis, name) in OLD {
        let path = folder.path().join(name);
        let whole = fs_err::read(Path::new(FIXTURES).join(name)).unwrap();
        let sections = u32::from_le_bytes(whole[12..16].try_into().unwrap()) as usize;
        for bit in 0..8 * (24 + 24 * sections + 4) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&path, bytes).unwrap();
            let result = fully_read(analysis, &path);
            assert!(matches!(result, Err(StoreError::Damaged { .. })), "bit {bit}: {result:?}");
        }
    }
}

#[test]
fn version_1_is_damaged_at_every_other_length() {
    let folder = tempfile::tempdir().unwrap();
    for (analysis, name) in OLD {
        let copy = folder.path().join(name);
        fs_err::copy(Path::new(FIXTURES).join(name), &copy).unwrap();
        check_lengths(&copy, |path| fully_read(analysis, path));
    }
}
