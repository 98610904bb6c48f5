//! Plain text: paragraphs, each under its timecode and its speaker.

use crate::{Segment, Transcript, one_line};
use std::fmt::Write;

/// A pause of so many seconds begins a paragraph: people who write down interviews do so where the
/// speaker stops to think.
const PAUSE: f64 = 2.0;
/// After so many characters a paragraph ends with its sentence: about ten lines of a page.
const LONG: usize = 600;

pub(crate) fn document(transcript: &Transcript) -> String {
    let mut text = String::new();
    for paragraph in paragraphs(transcript) {
        let Some(first) = paragraph.first() else { continue };
        if !text.is_empty() {
            text.push('\n');
        }
        let speaker = first.shown_speaker().map(|name| format!(" {}", one_line(name)));
        let sentences: Vec<String> =
            paragraph.iter().map(|segment| one_line(&transcript.text(segment))).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "[{}]{}\n{}",
            transcript.time(first.start()),
            speaker.unwrap_or_default(),
            sentences.join(if transcript.spaced { " " } else { "" })
        );
    }
    text
}

fn paragraphs(transcript: &Transcript) -> impl Iterator<Item = &[Segment]> {
    let mut length = 0;
    transcript.segments.chunk_by(move |one, next| {
        length += transcript.text(one).len();
        let together = one.shown_speaker() == next.shown_speaker()
            && next.start() - one.end() < PAUSE
            && (length < LONG || !ends_sentence(one));
        if !together {
            length = 0;
        }
        together
    })
}

fn ends_sentence(segment: &Segment) -> bool {
    segment.words.last().is_some_and(|word| crate::captions::ends_sentence(&word.text))
}
