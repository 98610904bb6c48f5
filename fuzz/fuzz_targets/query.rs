//! The query language: what parses is written so that it parses again, points into the text, and can be
//! asked of any medium. The text's last line is the medium's path, too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_model::{FrameRate, MediaFacts, MediaKind};
use rushes_query::{MediaView, Node, Query, parse};
use std::path::Path;

fuzz_target!(|text: &str| {
    let length = text.chars().count();
    let query = match parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!(error.span.len > 0 && error.span.end() <= length, "{error:?}");
            assert_eq!(error.pointed(text).lines().count(), 2);
            return;
        }
    };
    let written = query.to_string();
    let again = parse(&written).unwrap_or_else(|error| panic!("{written:?}: {error}"));
    assert_eq!(again.to_string(), written);
    if let Query::Expression(node) = &query {
        ask(node, text.lines().last().unwrap_or_default());
    }
});

fn ask(node: &Node, path: &str) {
    let facts = MediaFacts {
        kind: MediaKind::Video,
        size_bytes: 1,
        duration_seconds: 90.5,
        width: 1920,
        height: 1080,
        frame_rate: FrameRate::new(24_000, 1001),
        variable_frame_rate: false,
        start_timecode: None,
        start_time: 0.0,
        rotation: 0,
        video_codec: Some("h264".to_owned()),
        audio_codec: Some("pcm_s24le".to_owned()),
        audio_tracks: 2,
        created_at: Some("2024-05-06T07:08:09Z".to_owned()),
        streams: None,
    };
    let media = MediaView { facts: &facts, path: Path::new(path) };
    let scores = vec![0.5; node.leaves().len()];
    let score = node.score(&scores, |filter| filter.matches(media));
    assert!((0.0..=1.0).contains(&score), "{score}");
}
