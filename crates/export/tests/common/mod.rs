//! Transcripts to write.

use rushes_export::{Segment, Speaker, Transcript, Word};
use unicode_segmentation::UnicodeSegmentation;

/// A transcript in English without frames.
pub fn transcript(segments: Vec<Segment>) -> Transcript {
    Transcript {
        media_path: "/footage/take.mov".to_owned(),
        hash_str: "0000002a".parse().unwrap(),
        model_key: "whisper-base".parse().unwrap(),
        language: "en".to_owned(),
        spaced: true,
        clock: None,
        segments,
    }
}

/// A sentence from a time on, so many characters a second.
pub fn sentence(text: &str, start: f64, speed: f64) -> Segment {
    let mut time = start;
    let word = |text: &str| {
        let start = time;
        time += (text.graphemes(true).count() as f64 + 1.0) / speed;
        Word { text: text.to_owned(), start, end: time - 0.5 / speed, probability: 0.9 }
    };
    Segment { speaker: None, edited: false, words: text.split_whitespace().map(word).collect() }
}

/// The same, said by somebody.
pub fn said_by(label: &str, name: Option<&str>, segment: Segment) -> Segment {
    let speaker = Speaker { label: label.to_owned(), name: name.map(str::to_owned) };
    Segment { speaker: Some(speaker), ..segment }
}
