//! Bundles to write.
#![allow(dead_code)] // Each test file uses some of it.

use rushes_model::{
    Area, FrameRate, HashStr, MediaFacts, MediaId, MediaKind, Sampling, Shot, TimeRange,
};
use rushes_store::{
    Analysis, BundleMeta, FaceBundle, FaceBundleFile, FaceTrack, Meanings, Previews, RowTime, Seen,
    SpeechBundle, SpokenSegment, SpokenWord, StoreError, TAG_ROW_BYTES, TextBundle, TextFrame,
    TextLine, VisualBundle, VisualBundleFile, Voice,
};
use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    process::Command,
};

pub fn facts() -> MediaFacts {
    MediaFacts {
        kind: MediaKind::Video,
        size_bytes: 123_456_789_012,
        duration_seconds: 2.002,
        width: 1920,
        height: 1080,
        frame_rate: FrameRate::new(30_000, 1001),
        variable_frame_rate: false,
        start_timecode: Some("01:00:00;02".to_owned()),
        start_time: 0.033_366_7,
        rotation: 90,
        video_codec: Some("prores".to_owned()),
        audio_codec: None,
        audio_tracks: 0,
        created_at: Some("2024-05-01T12:00:00Z".to_owned()),
        streams: None,
    }
}

pub fn meta(media: u8) -> BundleMeta {
    BundleMeta {
        media_id: MediaId([media; 16]),
        hash_str: HashStr(0x00C0_FFEE),
        model_key: "lite-260".parse().unwrap(),
        facts: facts(),
        source_path: "/footage/Übung & \"take\" 1.mov".into(),
        sampling: Sampling::Full,
        created_at: 1_714_564_800,
        tool_version: "0.1.0".to_owned(),
    }
}

/// Three rows, the last two of which share a picture; two shots.
pub fn small(media: u8) -> VisualBundle {
    let shot = |start, end| Shot { range: TimeRange { start, end } };
    let tags = (0..3 * TAG_ROW_BYTES).map(|byte| byte as u8).collect();
    VisualBundle {
        meta: meta(media),
        dim: 5,
        times: [(0, 0.0), (1, 1.034_366_7), (2, 1.968_6)]
            .map(|(second, seconds)| RowTime { second, seconds })
            .to_vec(),
        vectors: (0..15).map(|value| 0x3000 + 7 * value).collect(),
        tags: Some(tags),
        shots: vec![shot(0.0, 1.2012), shot(1.2012, 2.002)],
        previews: Previews {
            of_row: vec![None, Some(1), Some(1)],
            pictures: vec![b"first".to_vec(), (0..=255).collect()],
        },
    }
}

/// A bundle of `rows` rows with `bytes` bytes of pictures.
pub fn large(media: u8, rows: usize, bytes: usize) -> VisualBundle {
    let mut bundle = small(media);
    bundle.times =
        (0..rows).map(|row| RowTime { second: row as u32, seconds: row as f64 }).collect();
    bundle.vectors = (0..rows * bundle.dim).map(|value| value as u16 & 0x3BFF).collect();
    bundle.tags = None;
    bundle.previews = Previews {
        of_row: vec![Some(0); rows],
        pictures: vec![(0..bytes).map(|byte| byte as u8).collect()],
    };
    bundle
}

/// Three frames that were read, the second of which has no text.
pub fn small_text(media: u8) -> TextBundle {
    let line = |text: &str, confidence, left: f32| TextLine {
        text: text.to_owned(),
        confidence,
        area: Area { left, top: 0.125, width: 0.75, height: 0.0625 },
    };
    let frame = |seconds, lines| TextFrame { seconds, lines };
    let lines = vec![line("SCENE 12A", 0.98, 0.1), line("Übung 東京", 0.5, 0.25)];
    TextBundle {
        meta: BundleMeta { model_key: "pp-ocr-v4".parse().unwrap(), ..meta(media) },
        frames: vec![
            frame(0.5, lines),
            frame(1.034_366_7, vec![]),
            frame(1.5, vec![line("", 1.0, 0.0)]),
        ],
    }
}

/// Two segments in two languages' letters, one with a speaker.
pub fn small_speech(media: u8) -> SpeechBundle {
    let word = |text: &str, start, end| SpokenWord {
        text: text.to_owned(),
        start,
        end,
        probability: 0.75,
    };
    let segment = |speaker, words| SpokenSegment { speaker, words };
    let voice =
        Voice { language: "de".to_owned(), track: 1, chosen: false, speakers: None, spaced: true };
    SpeechBundle {
        meta: BundleMeta { model_key: "whisper-base".parse().unwrap(), ..meta(media) },
        voice,
        segments: vec![
            segment(Some(1), vec![word("Übung", 0.25, 0.5), word("macht.", 0.5, 0.9)]),
            segment(None, vec![word("", 1.5, 1.5)]),
        ],
        meanings: None,
    }
}

/// The same with what it means.
pub fn small_meanings(media: u8) -> SpeechBundle {
    let vectors = vec![0x3C00, 0x0000, 0xB800, 0x3ABC, 0x0001, 0x7BFF];
    let meanings = Meanings { encoder: "minilm-l6".parse().unwrap(), dim: 3, vectors };
    SpeechBundle { meanings: Some(meanings), ..small_speech(media) }
}

/// Two faces, the second of which is seen in two frames and has a picture.
pub fn small_faces(media: u8) -> FaceBundle {
    let area = |left| Area { left, top: 0.125, width: 0.25, height: 0.375 };
    let seen = |seconds, left| Seen { seconds, area: area(left) };
    let track = |seen, clearest| FaceTrack { seen, clearest, quality: 0.75 };
    FaceBundle {
        meta: BundleMeta { model_key: "dlib-faces".parse().unwrap(), ..meta(media) },
        dim: 3,
        tracks: vec![
            track(vec![seen(0.5, 0.1)], 0),
            track(vec![seen(0.5, 0.6), seen(1.534_366_7, -0.05)], 1),
        ],
        vectors: vec![0x3C00, 0x0000, 0xB800, 0x3ABC, 0x0001, 0x7BFF],
        crops: Previews { of_row: vec![None, Some(0)], pictures: vec![b"a face".to_vec()] },
    }
}

/// Sets bytes of the header and makes its checksum fit again, as hostile files do.
pub fn forge(bytes: &mut [u8], position: usize, new: &[u8]) {
    bytes[position..position + new.len()].copy_from_slice(new);
    let sections = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let end = 24 + 24 * sections;
    let crc = crc32fast::hash(&bytes[..end]).to_le_bytes();
    bytes[end..end + 4].copy_from_slice(&crc);
}

/// Puts other bytes in the place of all but the first `keep` of a file.
pub fn replace_rest(path: &Path, keep: usize, bytes: Vec<u8>) {
    let mut mixed = fs_err::read(path).unwrap()[..keep].to_vec();
    mixed.extend(bytes);
    fs_err::write(path, mixed).unwrap();
}

/// Sets four bytes of a section's content, `position` being taken round at its end, and makes the checksums fit
/// again.
pub fn forge_section(bytes: &mut [u8], section: usize, position: usize, new: [u8; 4]) {
    let entry = 24 + 24 * section;
    let field = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (offset, length) = (field(entry + 8), field(entry + 16));
    let at = offset + position % (length - 3);
    bytes[at..at + 4].copy_from_slice(&new);
    let crc = crc32fast::hash(&bytes[offset..offset + length]);
    forge(bytes, entry + 4, &crc.to_le_bytes());
}

/// Opens the file with each byte changed in three ways: each is found, and the message names the file.
pub fn check_flips<T: Debug>(path: &Path, open: impl Fn(&Path) -> Result<T, StoreError>) {
    let whole = fs_err::read(path).unwrap();
    for position in 0..whole.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[position] ^= flip;
            fs_err::write(path, bytes).unwrap();
            let result = open(path).map_err(|error| error.to_string());
            let names_it = |message: &String| message.contains(path.to_str().unwrap());
            assert!(result.as_ref().is_err_and(names_it), "byte {position}: {result:?}");
        }
    }
}

/// Opens the file at every shorter length, and one byte longer: it is damaged.
pub fn check_lengths<T: Debug>(path: &Path, open: impl Fn(&Path) -> Result<T, StoreError>) {
    let whole = fs_err::read(path).unwrap();
    let longer = [&whole[..], &[0]].concat();
    for bytes in (0..whole.len()).map(|length| &whole[..length]).chain([&longer[..]]) {
        fs_err::write(path, bytes).unwrap();
        let result = open(path);
        assert!(matches!(result, Err(StoreError::Damaged { .. })), "{}: {result:?}", bytes.len());
    }
}

/// Opens the file as if the next version had written it: it is left alone.
pub fn check_later_version<T: Debug>(path: &Path, open: impl Fn(&Path) -> Result<T, StoreError>) {
    let mut bytes = fs_err::read(path).unwrap();
    forge(&mut bytes, 8, &2u32.to_le_bytes());
    fs_err::write(path, bytes).unwrap();
    let result = open(path);
    assert!(matches!(result, Err(StoreError::Newer { version: 2, .. })), "{result:?}");
}

/// Opens a bundle and reads all that is left in the file, too.
pub fn fully_read(analysis: Analysis, path: &Path) -> Result<BundleMeta, StoreError> {
    match analysis {
        Analysis::Visual => {
            let file = VisualBundleFile::open(path)?;
            (0..file.times().len()).try_for_each(|row| file.preview(row).map(drop))?;
            Ok(file.meta().clone())
        }
        Analysis::Text => Ok(TextBundle::open(path)?.meta),
        Analysis::Speech => Ok(SpeechBundle::open(path)?.meta),
        Analysis::Faces => {
            let FaceBundleFile { faces, crops } = FaceBundleFile::open(path)?;
            (0..faces.tracks.len()).try_for_each(|track| crops.of(track).map(drop))?;
            Ok(faces.meta)
        }
    }
}

/// Numbers that are the same in every run (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Makes a bundle of another medium from one that was published, thousands of which would take long to sync. Texts in
/// its facts are replaced by others as long.
pub fn copy_for(template: &Path, media_id: MediaId, texts: &[(&str, &str)]) -> PathBuf {
    let mut bytes = fs_err::read(template).unwrap();
    let field = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (offset, length) = (field(24 + 8), field(24 + 16));
    let mut meta = str::from_utf8(&bytes[offset..offset + length]).unwrap().to_owned();
    let (old, new) = (template.file_stem().unwrap().to_str().unwrap(), media_id.to_string());
    for (from, to) in texts.iter().copied().chain([(old, new.as_str())]) {
        assert!(from.len() == to.len() && meta.contains(from), "{from}, {to}");
        meta = meta.replace(from, to);
    }
    bytes[offset..offset + length].copy_from_slice(meta.as_bytes());
    forge(&mut bytes, 24 + 4, &crc32fast::hash(meta.as_bytes()).to_le_bytes());
    let model = template.parent().unwrap().parent().unwrap();
    let path = model.join(&new[..2]).join(&new).with_extension(template.extension().unwrap());
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(&path, bytes).unwrap();
    path
}

/// Names the folder that a child of these tests works in.
pub const CHILD: &str = "RUSHES_STORE_TEST_CHILD";

/// That folder, in a child.
pub fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// This test program again, for one test, by way of `command`.
pub fn again(mut command: Command, test: &str, folder: &Path) -> Command {
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, folder);
    command
}
