//! Transcripts that lie in an analysis folder: what is brought into memory of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, studio, text};
use fs_err as fs;
use rushes_engine::requests::{LoadTranscriptionsRequest, MetadataRequest};
use rushes_media::{Limits, Tools, identify};
use rushes_model::Sampling;
use rushes_store::{AnalysisFolder, BundleMeta, SpeechBundle, SpokenSegment, SpokenWord, Voice};
use std::path::{Path, PathBuf};

/// Publishes a transcript of a clip as another machine would, and tells where.
fn publish(cache: &Path, clip: &Path, model: &str) -> PathBuf {
    let identity = identify(clip).unwrap();
    let word = SpokenWord { text: "Hello.".to_owned(), start: 1.0, end: 1.5, probability: 0.9 };
    let bundle = SpeechBundle {
        meta: BundleMeta {
            media_id: identity.media_id,
            hash_str: identity.hash_str,
            model_key: model.parse().unwrap(),
            facts: Tools::locate(Limits::default()).unwrap().probe(clip).unwrap(),
            source_path: clip.to_owned(),
            sampling: Sampling::Full,
            created_at: 0,
            tool_version: "1".to_owned(),
        },
        voice: Voice { language: "en".to_owned(), track: 0, spaced: true },
        segments: vec![SpokenSegment { speaker: None, words: vec![word] }],
    };
    AnalysisFolder::open(cache).unwrap().publish_speech(&bundle).unwrap()
}

/// Brings transcripts into memory and tells of how many media there are any.
fn load(studio: &Studio, media: Option<&[&Path]>) -> u64 {
    let request = LoadTranscriptionsRequest {
        cache_dir: text(studio.cache.path()),
        media_paths: media.map(|paths| paths.iter().map(|path| text(path)).collect()),
    };
    studio.engine.load_transcriptions(&request).unwrap().loaded.transcripts
}

#[test]
fn transcripts_are_loaded_counted_and_forgotten() {
    let studio = studio();
    let (rabbit, bikes) = (clip("bigbuckbunny.mp4"), clip("bikes.mp4"));
    let first = publish(studio.cache.path(), &rabbit, "whisper-base");
    publish(studio.cache.path(), &rabbit, "whisper-tiny.en");
    publish(studio.cache.path(), &bikes, "whisper-base");
    assert_eq!(load(&studio, Some(&[&clip("vtest.avi")])), 0, "nothing is said of that one");
    assert_eq!(load(&studio, Some(&[&rabbit])), 1, "a medium that two models heard counts once");
    assert_eq!(load(&studio, None), 2);

    let request = MetadataRequest {
        media_paths: vec![text(&rabbit)],
        cache_dir: Some(text(studio.cache.path())),
    };
    let rows = studio.engine.media_metadata(&request).unwrap().media;
    let analysed = rows[0].analysis.as_ref().unwrap();
    assert_eq!(analysed.speech, ["whisper-base", "whisper-tiny.en"]);
    assert!(analysed.visual.is_empty());

    fs::remove_dir_all(first.ancestors().nth(2).unwrap()).unwrap();
    assert_eq!(load(&studio, None), 1, "what somebody removed from the folder is gone");
}

#[test]
fn a_damaged_transcript_is_moved_aside() {
    let studio = studio();
    let path = publish(studio.cache.path(), &clip("bikes.mp4"), "whisper-base");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(load(&studio, None), 0);
    assert!(!path.exists());
    let quarantine = studio.cache.path().join("rushes/quarantine");
    let names = fs::read_dir(quarantine).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().any(|name| name.to_str().unwrap().ends_with(".rsb")));
}
