//! Exports: what is written where, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, config, files_below, publish_speech, studio, text};
use fs_err as fs;
use rushes_engine::{
    Config, Engine,
    replies::{ExportedTranscripts, Transcription},
    requests::{
        CorrectTranscriptRequest, ExportTranscriptsRequest, NameSpeakersRequest, TranscriptFormat,
        TranscriptionsRequest,
    },
};
use rushes_model::{ErrorCode, Failure};
use serde_json::Value;
use std::path::{Path, PathBuf};

const MODEL: &str = "whisper-tiny.en";
const TALK: [(Option<u32>, &str); 2] = [(Some(0), "Where were you?"), (Some(1), "At home.")];

fn request(studio: &Studio, media: &[&Path], format: TranscriptFormat) -> ExportTranscriptsRequest {
    ExportTranscriptsRequest {
        cache_dir: text(studio.cache.path()),
        media_paths: media.iter().map(|path| text(path)).collect(),
        format,
        output_dir: None,
    }
}

fn into(studio: &Studio, media: &[&Path], folder: &Path) -> Result<ExportedTranscripts, Failure> {
    let request = request(studio, media, TranscriptFormat::Srt);
    let request = ExportTranscriptsRequest { output_dir: Some(text(folder)), ..request };
    studio.engine.export_transcripts(&request)
}

fn content(studio: &Studio, medium: &Path, format: TranscriptFormat) -> String {
    let request = request(studio, &[medium], format);
    studio.engine.export_transcripts(&request).unwrap().files.remove(0).content
}

#[test]
fn every_format_has_what_people_corrected_and_named() {
    let (studio, film) = (studio(), clip("bikes.mp4"));
    publish_speech(studio.cache.path(), &film, MODEL, &TALK);
    let (cache_dir, media_path) = (text(studio.cache.path()), text(&film));
    let correction = CorrectTranscriptRequest {
        cache_dir: cache_dir.clone(),
        media_path: media_path.clone(),
        start_seconds: 1.0,
        end_seconds: 2.4,
        text: Some("Where was Zoë & <co>?".to_owned()),
    };
    studio.engine.correct_transcript(&correction).unwrap();
    let names = [("SPEAKER_01".to_owned(), "=Bo".to_owned())].into();
    let naming = NameSpeakersRequest { cache_dir, media_path, names };
    studio.engine.name_speakers(&naming).unwrap();

    let srt = content(&studio, &film, TranscriptFormat::Srt);
    assert!(srt.contains("\r\nWhere was Zoë & <co>?\r\n"), "{srt}");
    assert!(srt.contains("\r\n=Bo: At home.\r\n"), "{srt}");
    let vtt = content(&studio, &film, TranscriptFormat::Vtt);
    assert!(vtt.contains("\nWhere was Zoë &amp; &lt;co&gt;?\n"), "{vtt}");
    assert!(vtt.contains("\n<v =Bo>At home.\n"), "{vtt}");
    let txt = content(&studio, &film, TranscriptFormat::Txt);
    assert!(txt.starts_with("[00:00:01:00] SPEAKER_00\nWhere was"), "{txt}");
    let csv = content(&studio, &film, TranscriptFormat::Csv);
    assert!(csv.contains(",1.000,") && csv.contains(",'=Bo,At home.\r\n"), "{csv}");

    let json = content(&studio, &film, TranscriptFormat::Json);
    let mut exported: Value = serde_json::from_str(&json).unwrap();
    let answered = TranscriptionsRequest {
        cache_dir: text(studio.cache.path()),
        media_paths: vec![text(&film)],
        words: true,
    };
    let reply = studio.engine.transcriptions(&answered).unwrap().transcriptions.remove(0);
    let mut answered = serde_json::to_value::<Transcription>(reply).unwrap();
    assert!(exported["frame_rate"].take().is_string());
    for segment in exported["segments"].as_array_mut().unwrap() {
        assert!(segment["start_timecode"].take().is_string());
        assert!(segment["end_timecode"].take().is_string());
    }
    let fields = |value: &mut Value| {
        let object = value.as_object_mut().unwrap();
        object.retain(|_, value| !value.is_null());
        object.remove("is_complete");
    };
    fields(&mut exported);
    fields(&mut answered);
    exported["segments"].as_array_mut().unwrap().iter_mut().for_each(fields);
    assert_eq!(exported, answered, "it is what the API answers, but for timecode");
}

/// A copy of a clip, which is the same medium by its content, or another one by a byte at its end.
fn copy(of: &str, to: &Path, end: &[u8]) -> PathBuf {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::write(to, [&fs::read(clip(of)).unwrap(), end].concat()).unwrap();
    to.to_owned()
}

#[test]
fn files_of_one_name_are_kept_apart_and_nothing_is_written_over() {
    let studio = studio();
    let top = studio.home.path();
    let output = top.join("captions");
    fs::create_dir(&output).unwrap();
    let one = copy("bikes.mp4", &top.join("a/take 1.mp4"), b"1");
    let two = copy("bikes.mp4", &top.join("b/take 1.mp4"), b"2");
    let long = copy("bikes.mp4", &top.join(format!("{}&<>.mp4", "🎬".repeat(60))), b"3");
    let silent = clip("vtest.avi");
    for film in [&one, &two, &long] {
        publish_speech(studio.cache.path(), film, MODEL, &TALK);
    }
    fs::write(output.join("take 1.srt"), "somebody's own").unwrap();
    let reply = into(&studio, &[&one, &silent, &two, &long], &output).unwrap();
    assert_eq!(reply.missing, [text(&silent)]);
    let names: Vec<String> = reply
        .files
        .iter()
        .map(|file| {
            let path = PathBuf::from(file.output_path.as_ref().unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), file.content);
            path.file_name().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    let long = long.with_extension("srt");
    let expected =
        ["take 1 (2).srt", "take 1 (3).srt", long.file_name().unwrap().to_str().unwrap()];
    assert_eq!(names, expected);
    assert_eq!(fs::read_to_string(output.join("take 1.srt")).unwrap(), "somebody's own");
    assert_eq!(files_below(&output).len(), 4, "and nothing half-written");
}

#[test]
fn folders_that_cannot_be_written_to_are_refused() {
    let (studio, film) = (studio(), clip("bikes.mp4"));
    publish_speech(studio.cache.path(), &film, MODEL, &TALK);
    let file = studio.home.path().join("file");
    fs::write(&file, "").unwrap();
    let missing = studio.home.path().join("none");
    // Nobody can write to /proc, root included.
    for folder in [&file, &missing, Path::new("/proc"), Path::new("relative"), Path::new("")] {
        let failure = into(&studio, &[&film], folder).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadPath, "{}", folder.display());
        assert!(failure.message.contains(folder.to_str().unwrap()), "{}", failure.message);
    }
    assert!(!missing.exists());
    let none = request(&studio, &[], TranscriptFormat::Srt);
    assert_eq!(studio.engine.export_transcripts(&none).unwrap_err().code, ErrorCode::BadRequest);
}

#[test]
fn nothing_is_written_outside_of_the_roots() {
    let top = fs::canonicalize(tempfile::tempdir().unwrap().keep()).unwrap();
    let (inside, outside) = (top.join("inside"), top.join("outside"));
    fs::create_dir(&inside).unwrap();
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
    let film = copy("bikes.mp4", &inside.join("bikes.mp4"), b"");
    publish_speech(&inside, &film, MODEL, &TALK);
    let home = tempfile::tempdir().unwrap();
    let settings = Config { roots: vec![inside.clone()], ..config(home.path()) };
    let engine = Engine::open(settings).unwrap();
    let export = |folder: &Path| {
        engine.export_transcripts(&ExportTranscriptsRequest {
            cache_dir: text(&inside),
            media_paths: vec![text(&film)],
            format: TranscriptFormat::Vtt,
            output_dir: Some(text(folder)),
        })
    };
    for folder in [&outside, &inside.join("link"), &inside.join("../outside")] {
        assert_eq!(export(folder).unwrap_err().code, ErrorCode::BadPath, "{}", folder.display());
    }
    assert!(files_below(&outside).is_empty());
    assert!(export(&inside).is_ok());
    fs::remove_dir_all(top).unwrap();
}
