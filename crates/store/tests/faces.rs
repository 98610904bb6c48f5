//! Bundles of faces: what is written reads back, and nothing else reads.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{
    check_flips, check_later_version, check_lengths, forge_section, replace_rest, small_faces,
    small_text,
};
use proptest::prelude::*;
use rushes_model::Area;
use rushes_store::{
    Analysis, AnalysisFolder, FaceBundle, FaceBundleFile, FaceTrack, Previews, Seen, StoreError,
};
use std::path::{Path, PathBuf};

/// Bytes of the header of a face bundle: six sections.
const HEADER: usize = 24 + 6 * 24 + 4;

fn publish(bundle: &FaceBundle) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = AnalysisFolder::open(folder.path()).unwrap().publish_faces(bundle).unwrap();
    (folder, path)
}

/// A bundle and the pictures of its tracks.
type WithPictures = (FaceBundle, Vec<Option<Vec<u8>>>);

/// Everything that reads back of a file.
fn read(path: &Path) -> Result<WithPictures, StoreError> {
    let file = FaceBundleFile::open(path)?;
    let crops = (0..file.faces.tracks.len()).map(|track| file.crops.of(track));
    Ok((file.faces.clone(), crops.collect::<Result<_, _>>()?))
}

/// What should read back of a bundle.
fn readable(bundle: &FaceBundle) -> WithPictures {
    let Previews { of_row, pictures } = &bundle.crops;
    let picture = |row: &Option<u32>| row.map(|index| pictures[index as usize].clone());
    let crops = of_row.iter().map(picture).collect();
    (FaceBundle { crops: Previews::default(), ..bundle.clone() }, crops)
}

fn any_seen() -> impl Strategy<Value = Seen> {
    let sides = (-1f32..2.0, -1f32..2.0, 0f32..1.0, 0f32..1e9);
    (-1e9f64..1e9, sides).prop_map(|(seconds, (left, top, width, height))| Seen {
        seconds,
        area: Area { left, top, width, height },
    })
}

fn any_track() -> impl Strategy<Value = FaceTrack> {
    let parts = (prop::collection::vec(any_seen(), 1..5), any::<prop::sample::Index>(), 0f32..=1.0);
    parts.prop_map(|(mut seen, clearest, quality)| {
        seen.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        seen.dedup_by(|a, b| a.seconds == b.seconds);
        FaceTrack { clearest: clearest.index(seen.len()), seen, quality }
    })
}

fn any_bundle() -> impl Strategy<Value = FaceBundle> {
    let face = (any_track(), prop::option::of(0u32..2), [0u16..0x7C00, 0x8000u16..0xFC00]);
    prop::collection::vec(face, 0..6).prop_map(|mut faces| {
        faces.sort_by(|a, b| a.0.seen[0].seconds.total_cmp(&b.0.seen[0].seconds));
        FaceBundle {
            dim: 2,
            vectors: faces.iter().flat_map(|face| face.2).collect(),
            crops: Previews {
                of_row: faces.iter().map(|face| face.1).collect(),
                pictures: vec![vec![1, 2, 3], vec![]],
            },
            tracks: faces.into_iter().map(|face| face.0).collect(),
            ..small_faces(9)
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bundle in any_bundle()) {
        let (_folder, path) = publish(&bundle);
        prop_assert_eq!(read(&path).unwrap(), readable(&bundle));
    }

    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        keep in 0usize..HEADER,
    ) {
        let (_folder, path) = publish(&small_faces(1));
        replace_rest(&path, keep, bytes);
        prop_assert!(read(&path).is_err());
    }

    /// Sections whose checksums fit and whose content was made up, as hostile files have them.
    #[test]
    fn no_section_panics(section in 1usize..5, position in 0usize..200, value in any::<u32>()) {
        let (_folder, path) = publish(&small_faces(1));
        let mut bytes = fs_err::read(&path).unwrap();
        forge_section(&mut bytes, section, position, value.to_le_bytes());
        fs_err::write(&path, &bytes).unwrap();
        if let Ok((faces, crops)) = read(&path) {
            prop_assert_eq!((faces.tracks.len(), crops.len()), (2, 2));
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let (_folder, path) = publish(&small_faces(1));
    check_flips(&path, read);
}

#[test]
fn every_other_length_is_an_error() {
    let (_folder, path) = publish(&small_faces(1));
    check_lengths(&path, read);
}

#[test]
fn a_later_version_is_left_alone() {
    let (_folder, path) = publish(&small_faces(1));
    check_later_version(&path, read);
}

#[test]
fn text_is_no_face_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = AnalysisFolder::open(folder.path()).unwrap().publish_text(&small_text(1)).unwrap();
    assert!(matches!(read(&path), Err(StoreError::Damaged { .. })));
}

#[test]
fn what_does_not_fit_together_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let broken: [fn(&mut FaceBundle); 11] = [
        |bundle| bundle.dim = 0,
        |bundle| bundle.dim = 2,
        |bundle| bundle.vectors[4] = 0x7E00,
        |bundle| bundle.tracks[0].seen.clear(),
        |bundle| bundle.tracks[1].clearest = 2,
        |bundle| bundle.tracks[1].seen.swap(0, 1),
        |bundle| bundle.tracks[1].seen[1].seconds = 0.5,
        |bundle| bundle.tracks[0].seen[0].area.width = f32::NAN,
        |bundle| bundle.tracks[0].quality = f32::NAN,
        |bundle| bundle.tracks[0].seen[0].seconds = 0.6,
        |bundle| bundle.crops.of_row[0] = Some(1),
    ];
    for (index, break_it) in broken.into_iter().enumerate() {
        let mut bundle = small_faces(1);
        break_it(&mut bundle);
        let result = analyses.publish_faces(&bundle);
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{index}: {result:?}");
    }
    assert_eq!(analyses.list(Analysis::Faces).unwrap(), []);
}

#[test]
fn a_bundle_is_listed_found_and_put_aside() {
    let (folder, path) = publish(&small_faces(3));
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let entries = analyses.list(Analysis::Faces).unwrap();
    assert_eq!(entries.iter().map(|entry| &entry.path).collect::<Vec<_>>(), [&path]);
    assert_eq!(analyses.of_medium(Analysis::Faces, &entries[0].media_id).unwrap(), entries);
    let aside = analyses.quarantine(&entries[0], "a test").unwrap();
    assert!(aside.extension().is_some_and(|extension| extension == "rfb"));
    assert_eq!(analyses.list(Analysis::Faces).unwrap(), []);
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/v1/small.rfb");

#[test]
fn version_1_is_read_for_ever() {
    assert_eq!(read(Path::new(FIXTURE)).unwrap(), readable(&small_faces(0x5A)));
}

/// How the fixture was made; never again for version 1.
#[test]
#[ignore = "writes the fixture of the current format version"]
fn write_the_fixture() {
    let (_folder, path) = publish(&small_faces(0x5A));
    fs_err::copy(path, FIXTURE).unwrap();
}
