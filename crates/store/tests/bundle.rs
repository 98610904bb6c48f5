//! Bundles: what is written reads back, and nothing else reads.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{check_flips, check_later_version, check_lengths, forge, large, replace_rest, small};
use proptest::prelude::*;
use rushes_model::{Shot, TimeRange};
use rushes_store::{
    Analysis, AnalysisFolder, Previews, RowTime, StoreError, TAG_ROW_BYTES, Table, VisualBundle,
    VisualBundleFile,
};
use std::{io::Read, os::unix::ffi::OsStringExt, path::Path};

fn publish(bundle: &VisualBundle) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = AnalysisFolder::open(folder.path()).unwrap().publish(bundle).unwrap();
    (folder, path)
}

fn bytes_of(table: &Table, size: usize) -> Vec<u8> {
    let bytes = fs_err::read(&table.path).unwrap();
    bytes[table.offset as usize..][..table.count * table.width * size].to_vec()
}

/// Everything of a file as the bundle that it was.
fn read_back(path: &Path) -> VisualBundle {
    let file = VisualBundleFile::open(path).unwrap();
    assert_eq!(file.rows().offset % 64, 0);
    let rows = 0..file.times().len();
    let mut previews = Previews::default();
    for picture in rows.map(|row| file.preview(row).unwrap()) {
        let index = picture.map(|picture| {
            let known = previews.pictures.iter().position(|known| *known == picture);
            known.unwrap_or_else(|| {
                previews.pictures.push(picture);
                previews.pictures.len() - 1
            })
        });
        previews.of_row.push(index.map(|index| index as u32));
    }
    VisualBundle {
        meta: file.meta().clone(),
        dim: file.rows().width,
        times: file.times().to_vec(),
        vectors: bytes_of(file.rows(), 2)
            .as_chunks()
            .0
            .iter()
            .map(|&pair| u16::from_le_bytes(pair))
            .collect(),
        tags: file.tags().map(|table| bytes_of(table, 1)),
        shots: file.shots().to_vec(),
        previews,
    }
}

/// Pictures in order of first use, each one used and unlike the others.
fn tidy(mut bundle: VisualBundle) -> VisualBundle {
    let mut pictures = Vec::new();
    for index in bundle.previews.of_row.iter_mut().flatten() {
        let picture = bundle.previews.pictures[*index as usize].clone();
        let place = pictures.iter().position(|known| *known == picture);
        *index = place.unwrap_or(pictures.len()) as u32;
        if place.is_none() {
            pictures.push(picture);
        }
    }
    bundle.previews.pictures = pictures;
    bundle
}

fn any_bundle() -> impl Strategy<Value = VisualBundle> {
    let sizes = (0usize..20, 1usize..9, any::<bool>(), 0usize..5);
    sizes.prop_flat_map(|(rows, dim, tags, pictures)| {
        let times = prop::collection::vec((any::<u32>(), -1e9f64..1e9), rows);
        let vectors = prop::collection::vec(any::<u16>(), rows * dim);
        let tags = prop::collection::vec(any::<u8>(), if tags { rows * TAG_ROW_BYTES } else { 0 })
            .prop_map(move |bytes| tags.then_some(bytes));
        let shots = prop::collection::vec((0f64..1e6, 0f64..1e6), 0..6);
        let index = if pictures > 0 {
            prop::option::of(0..pictures as u32).boxed()
        } else {
            Just(None).boxed()
        };
        let of_row = prop::collection::vec(index, rows);
        let pictures = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), pictures);
        let name = prop::collection::vec(1u8..=255, 0..40);
        (times, vectors, tags, shots, (of_row, pictures), name, any::<f64>()).prop_map(
            move |(times, vectors, tags, shots, (of_row, pictures), name, start_time)| {
                let mut bundle = small(9);
                bundle.meta.source_path = std::ffi::OsString::from_vec(name).into();
                bundle.meta.facts.start_time =
                    if start_time.is_finite() { start_time } else { 0.1 };
                let time = |(second, seconds)| RowTime { second, seconds };
                let shot = |(start, length)| {
                    let range = TimeRange { start, end: start + length };
                    Shot { range }
                };
                VisualBundle {
                    meta: bundle.meta,
                    dim,
                    times: times.into_iter().map(time).collect(),
                    vectors,
                    tags,
                    shots: shots.into_iter().map(shot).collect(),
                    previews: Previews { of_row, pictures },
                }
            },
        )
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bundle in any_bundle()) {
        let (_folder, path) = publish(&bundle);
        prop_assert_eq!(read_back(&path), tidy(bundle));
    }

    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        keep in 0usize..120,
    ) {
        let (_folder, path) = publish(&small(1));
        replace_rest(&path, keep, bytes);
        prop_assert!(VisualBundleFile::open(&path).is_err());
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let (_folder, path) = publish(&small(1));
    check_flips(&path, VisualBundleFile::open);
}

#[test]
fn every_other_length_is_an_error() {
    let (_folder, path) = publish(&small(1));
    check_lengths(&path, VisualBundleFile::open);
}

#[test]
fn forged_headers_are_refused() {
    let (_folder, path) = publish(&small(1));
    let whole = fs_err::read(&path).unwrap();
    // Of each entry: kind, offset and length. The fourth is that of the tags, which may be missing.
    let entries = (24..24 + 7 * 24).step_by(24);
    let fields = entries.flat_map(|entry| [entry, entry + 8, entry + 16]);
    for position in fields.filter(|&position| position != 24 + 3 * 24) {
        for new in [0u64, 1, 64, 4096, u64::MAX - 63, u64::MAX] {
            let mut bytes = whole.clone();
            let new = new.to_le_bytes();
            let width = if (position - 24) % 24 == 0 { 4 } else { 8 };
            forge(&mut bytes, position, &new[..width]);
            if bytes == whole {
                continue;
            }
            fs_err::write(&path, &bytes).unwrap();
            let result = VisualBundleFile::open(&path);
            assert!(matches!(result, Err(StoreError::Damaged { .. })), "{position}: {result:?}");
        }
    }
}

#[test]
fn a_later_version_is_left_alone() {
    let (_folder, path) = publish(&small(1));
    check_later_version(&path, VisualBundleFile::open);
}

#[test]
fn a_section_of_unknown_kind_is_passed_over() {
    let (_folder, path) = publish(&small(1));
    let mut bytes = fs_err::read(&path).unwrap();
    // The table's fourth entry is that of the tags, which are optional.
    forge(&mut bytes, 24 + 3 * 24, &999u32.to_le_bytes());
    fs_err::write(&path, bytes).unwrap();
    let file = VisualBundleFile::open(&path).unwrap();
    assert_eq!((file.tags(), file.times().len()), (None, 3));
}

#[test]
fn a_preview_that_changed_since_opening_is_refused() {
    let (_folder, path) = publish(&small(1));
    let file = VisualBundleFile::open(&path).unwrap();
    assert_eq!(file.preview(0).unwrap(), None);
    assert_eq!(file.preview(99).unwrap(), None);
    let mut bytes = fs_err::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs_err::write(&path, &bytes).unwrap();
    assert!(matches!(file.preview(2), Err(StoreError::Damaged { .. })));
    fs_err::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    assert!(matches!(file.preview(2), Err(StoreError::Damaged { .. })));
}

#[test]
fn what_does_not_fit_together_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let broken: [fn(&mut VisualBundle); 9] = [
        |bundle| bundle.vectors.truncate(14),
        |bundle| bundle.dim = 0,
        |bundle| bundle.tags = Some(vec![0; 71]),
        |bundle| bundle.times[1].seconds = f64::NAN,
        |bundle| bundle.shots[0].range.end = -1.0,
        |bundle| bundle.previews.of_row[0] = Some(2),
        |bundle| bundle.previews.of_row.truncate(2),
        |bundle| bundle.meta.facts.duration_seconds = f64::NAN,
        |bundle| bundle.meta.facts.start_time = f64::INFINITY,
    ];
    for (index, break_it) in broken.into_iter().enumerate() {
        let mut bundle = small(1);
        break_it(&mut bundle);
        let result = analyses.publish(&bundle);
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{index}: {result:?}");
    }
    assert_eq!(analyses.list(Analysis::Visual).unwrap(), []);
}

#[test]
fn an_hour_takes_the_size_of_its_parts() {
    let (_folder, path) = publish(&large(1, 3600, 100_000));
    let mut file = fs_err::File::open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length < 100_000 + 3600 * (2 * 5 + 12 + 4) + 2000, "{length}");
    let mut magic = [0; 4];
    file.read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"\x89RVB");
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/v1/small.rvb");

#[test]
fn version_1_is_read_for_ever() {
    assert_eq!(read_back(Path::new(FIXTURE)), tidy(small(0x5A)));
}

/// How the fixture was made; never again for version 1.
#[test]
#[ignore = "writes the fixture of the current format version"]
fn write_the_fixture() {
    let (_folder, path) = publish(&small(0x5A));
    fs_err::copy(path, FIXTURE).unwrap();
}
