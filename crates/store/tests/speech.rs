//! Bundles of speech: what is written reads back, and nothing else reads.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{
    check_flips, check_later_version, check_lengths, forge_section, replace_rest, small,
    small_meanings, small_speech,
};
use proptest::prelude::*;
use rushes_store::{
    Analysis, AnalysisFolder, Meanings, SpeechBundle, SpeechBundleFile, SpokenSegment, SpokenWord,
    StoreError, VisualBundleFile,
};
use std::path::{Path, PathBuf};

/// Bytes of the header of a speech bundle: four sections.
const HEADER: usize = 24 + 4 * 24 + 4;

fn publish(bundle: &SpeechBundle) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = AnalysisFolder::open(folder.path()).unwrap().publish_speech(bundle).unwrap();
    (folder, path)
}

fn is_damaged(path: &Path, bytes: &[u8]) -> bool {
    fs_err::write(path, bytes).unwrap();
    matches!(SpeechBundle::open(path), Err(StoreError::Damaged { .. }))
}

fn any_word() -> impl Strategy<Value = SpokenWord> {
    (".{0,20}", 0f32..=1.0, 0f64..1e6, 0f64..10.0).prop_map(|(text, probability, start, length)| {
        SpokenWord { text, start, end: start + length, probability }
    })
}

fn any_bundle() -> impl Strategy<Value = SpeechBundle> {
    let lengths = prop::collection::vec((prop::option::of(0u32..9), 1usize..5), 0..8);
    let value = prop::option::of(any::<u16>());
    (prop::collection::vec(any_word(), 40), lengths, value).prop_map(
        |(mut words, lengths, value)| {
            let meanings = |value| Meanings {
                encoder: "minilm-l6".parse().unwrap(),
                dim: 2,
                vectors: vec![value; 2 * lengths.len()],
            };
            let meanings = value.map(meanings);
            words.sort_by(|a, b| a.start.total_cmp(&b.start));
            let mut words = words.into_iter();
            let segments = lengths.into_iter().map(|(speaker, length)| SpokenSegment {
                speaker,
                words: words.by_ref().take(length).collect(),
            });
            SpeechBundle { segments: segments.collect(), meanings, ..small_speech(9) }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bundle in any_bundle()) {
        let (_folder, path) = publish(&bundle);
        let file = SpeechBundleFile::open(&path).unwrap();
        let read = SpeechBundle::open(&path).unwrap();
        prop_assert_eq!(file.meanings.is_some(), bundle.meanings.is_some());
        prop_assert_eq!(SpeechBundle { meanings: bundle.meanings.clone(), ..file.speech }, read.clone());
        prop_assert_eq!(read, bundle);
    }

    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        keep in 0usize..HEADER,
    ) {
        let (_folder, path) = publish(&small_speech(1));
        replace_rest(&path, keep, bytes);
        prop_assert!(SpeechBundle::open(&path).is_err());
    }

    /// Sections whose checksums fit and whose content was made up, as hostile files have them.
    #[test]
    fn no_section_panics(section in 1usize..4, position in 0usize..200, value in any::<u32>()) {
        let (_folder, path) = publish(&small_speech(1));
        let mut bytes = fs_err::read(&path).unwrap();
        forge_section(&mut bytes, section, position, value.to_le_bytes());
        fs_err::write(&path, &bytes).unwrap();
        if let Ok(bundle) = SpeechBundle::open(&path) {
            prop_assert_eq!(bundle.segments.len(), 2);
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let (_folder, path) = publish(&small_meanings(1));
    check_flips(&path, SpeechBundle::open);
    let (_folder, path) = publish(&small_meanings(1));
    check_flips(&path, SpeechBundleFile::open);
}

#[test]
fn every_other_length_is_an_error() {
    let (_folder, path) = publish(&small_meanings(1));
    check_lengths(&path, SpeechBundle::open);
}

#[test]
fn the_vectors_of_meanings_lie_where_the_file_says() {
    let bundle = small_meanings(1);
    let (_folder, path) = publish(&bundle);
    let (encoder, table) = SpeechBundleFile::open(&path).unwrap().meanings.unwrap();
    let written = bundle.meanings.unwrap();
    assert_eq!((encoder, table.count, table.width), (written.encoder, 2, 3));
    assert_eq!((table.offset % 64, &table.path), (0, &path));
    let bytes: Vec<u8> = written.vectors.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(fs_err::read(&path).unwrap()[table.offset as usize..], bytes);
}

#[test]
fn meanings_of_another_shape_are_refused() {
    let (_folder, path) = publish(&small_meanings(1));
    let whole = fs_err::read(&path).unwrap();
    let meta = whole.windows(7).position(|bytes| bytes == b"\"dim\":3").unwrap();
    for dim in [b'0', b'1', b'4', b'9'] {
        let mut bytes = whole.clone();
        // The four bytes from there on, of the first section.
        let offset = u64::from_le_bytes(bytes[32..40].try_into().unwrap()) as usize;
        forge_section(&mut bytes, 0, meta + 3 - offset, [b'm', b'"', b':', dim]);
        assert!(is_damaged(&path, &bytes), "{}", dim as char);
        assert!(SpeechBundleFile::open(&path).is_err());
    }
}

#[test]
fn sections_that_do_not_use_each_other_up_are_refused() {
    let (_folder, path) = publish(&small_speech(1));
    let whole = fs_err::read(&path).unwrap();
    // The number of words of the first segment, and the bytes of the first word's text.
    for (section, at) in [(1, 4), (2, 20)] {
        for value in [0, 1, 100, u32::MAX] {
            let mut bytes = whole.clone();
            forge_section(&mut bytes, section, at, u32::to_le_bytes(value));
            assert!(is_damaged(&path, &bytes), "section {section}: {value}");
        }
    }
}

#[test]
fn a_later_version_is_left_alone() {
    let (_folder, path) = publish(&small_speech(1));
    check_later_version(&path, SpeechBundle::open);
}

#[test]
fn a_visual_bundle_is_no_speech_and_the_reverse() {
    let (folder, text) = publish(&small_speech(1));
    let visual = AnalysisFolder::open(folder.path()).unwrap().publish(&small(1)).unwrap();
    assert!(matches!(SpeechBundle::open(&visual), Err(StoreError::Damaged { .. })));
    assert!(matches!(VisualBundleFile::open(&text), Err(StoreError::Damaged { .. })));
}

#[test]
fn what_does_not_fit_together_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let broken: [fn(&mut SpeechBundle); 9] = [
        |bundle| bundle.meanings.as_mut().unwrap().vectors.truncate(5),
        |bundle| bundle.meanings.as_mut().unwrap().dim = 0,
        |bundle| bundle.segments[0].words[0].start = f64::NAN,
        |bundle| bundle.segments[0].words[0].end = 0.1,
        |bundle| bundle.segments.swap(0, 1),
        |bundle| bundle.segments[1].words.clear(),
        |bundle| bundle.segments[1].speaker = Some(u32::MAX),
        |bundle| bundle.segments[0].words[1].probability = 1.5,
        |bundle| bundle.meta.facts.duration_seconds = f64::NAN,
    ];
    for (index, break_it) in broken.into_iter().enumerate() {
        let mut bundle = small_meanings(1);
        break_it(&mut bundle);
        let result = analyses.publish_speech(&bundle);
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{index}: {result:?}");
    }
    assert_eq!(analyses.list(Analysis::Speech).unwrap(), []);
}

#[test]
fn segments_have_times_and_text() {
    let SpeechBundle { segments, voice, .. } = small_speech(1);
    assert_eq!((segments[0].start(), segments[0].end()), (0.25, 0.9));
    assert_eq!(segments[0].text(&voice), "Übung macht.");
    let unspaced = rushes_store::Voice { spaced: false, ..voice };
    let mut latin = segments[0].clone();
    latin.words = ["彼", "は", "New", "York", "へ"]
        .map(|text| SpokenWord { text: text.to_owned(), ..latin.words[0].clone() })
        .to_vec();
    assert_eq!(latin.text(&unspaced), "彼はNew Yorkへ");
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/v1/small.rsb");

#[test]
fn version_1_is_read_for_ever() {
    assert_eq!(SpeechBundle::open(Path::new(FIXTURE)).unwrap(), small_speech(0x5A));
}

const WITH_MEANINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/v1/small-meanings.rsb");

#[test]
fn version_1_with_meanings_is_read_for_ever() {
    assert_eq!(SpeechBundle::open(Path::new(WITH_MEANINGS)).unwrap(), small_meanings(0x5A));
}

/// How the fixture was made; never again for version 1.
#[test]
#[ignore = "writes the fixture of the current format version"]
fn write_the_fixture_with_meanings() {
    let (_folder, path) = publish(&small_meanings(0x5A));
    fs_err::copy(path, WITH_MEANINGS).unwrap();
}

/// How the fixture was made; never again for version 1.
#[test]
#[ignore = "writes the fixture of the current format version"]
fn write_the_fixture() {
    let (_folder, path) = publish(&small_speech(0x5A));
    fs_err::copy(path, FIXTURE).unwrap();
}
