//! Bundles of all four kinds: a file as it is, and the same with checksums that fit, since behind them
//! nothing would be reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_fuzz::{file, folder, seal};
use rushes_store::{
    AnalysisFolder, FaceBundleFile, SpeechBundle, SpeechBundleFile, StoreError, Table, TextBundle,
    VisualBundleFile,
};
use rushes_vectors::{Rows, Segment, Tags};
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    open_all(bytes);
    if let Some(fitting) = fitting(bytes) {
        open_all(&fitting);
    }
});

/// The file with its sections laid out anew, each with the bytes that its entry points at as far as
/// there are some. `FORMAT.md` of the store has the numbers.
fn fitting(bytes: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let count = number(12)?.min(64);
    let mut sections = Vec::new();
    for entry in (0..count).map(|section| 24 + 24 * section) {
        let (kind, from, length) = (number(entry)?, number(entry + 8)?, number(entry + 16)?);
        let rest = bytes.get(from..).unwrap_or_default();
        sections.push((kind as u32, &rest[..length.min(rest.len())]));
    }
    let (mut header, mut body) = (bytes[..12].to_vec(), Vec::new());
    header.extend((sections.len() as u32).to_le_bytes());
    let mut end = 24 + 24 * sections.len() + 4;
    let mut table = Vec::new();
    for (kind, section) in sections {
        let from = end.next_multiple_of(64);
        body.resize(body.len() + from - end, 0);
        body.extend_from_slice(section);
        table.extend([kind, crc32fast::hash(section)].into_iter().flat_map(u32::to_le_bytes));
        table.extend([from as u64, section.len() as u64].into_iter().flat_map(u64::to_le_bytes));
        end = from + section.len();
    }
    header.extend((end as u64).to_le_bytes());
    header.extend(table);
    header.extend([0; 4]);
    seal(&mut header);
    Some([header, body].concat())
}

fn open_all(bytes: &[u8]) {
    let path = file("bundle", bytes).expect("there is room");
    let analyses = AnalysisFolder::open(folder()).expect("it is a folder");
    if let Some(visual) = told(VisualBundleFile::open(&path)) {
        look(&visual);
    }
    if let Some(text) = told(TextBundle::open(&path)) {
        let again = analyses.publish_text(&text).expect("what was read can be written");
        assert_eq!(TextBundle::open(&again).expect("and read"), text);
    }
    if let Some(speech) = told(SpeechBundle::open(&path)) {
        let again = analyses.publish_speech(&speech).expect("what was read can be written");
        assert_eq!(SpeechBundle::open(&again).expect("and read"), speech);
        speech.segments.iter().for_each(|segment| drop(segment.text(&speech.voice)));
    }
    if let Some((_, rows)) = told(SpeechBundleFile::open(&path)).and_then(|file| file.meanings) {
        rows_of(&rows);
    }
    if let Some(faces) = told(FaceBundleFile::open(&path)) {
        for track in 0..faces.faces.tracks.len() {
            told(faces.crops.of(track)).flatten().map(|jpeg| rushes_media::read_preview(&jpeg));
        }
        faces
            .faces
            .tracks
            .iter()
            .for_each(|track| assert!(track.seen.contains(&track.representative())));
    }
}

fn look(visual: &VisualBundleFile) {
    let rows = rows_of(visual.rows());
    let tags = visual.tags().map(|Table { path, offset, count, .. }| {
        Tags::read(path, *offset, *count).expect("its table was checked")
    });
    Segment::new(rows, tags).expect("there are as many tags as rows");
    for row in 0..visual.times().len() {
        told(visual.preview(row)).flatten().map(|jpeg| rushes_media::read_preview(&jpeg));
    }
}

fn rows_of(Table { path, offset, count, width }: &Table) -> Rows {
    Rows::read(path, *offset, *count, *width).expect("its table was checked")
}

/// What was read; an error has to name the file.
fn told<T>(read: Result<T, StoreError>) -> Option<T> {
    let name = Path::new("bundle").display().to_string();
    read.inspect_err(|error| assert!(error.to_string().contains(&name), "{error}")).ok()
}
