//! Who says what.

use crate::library::LoadedTranscript;
use rushes_store::SpokenSegment;

/// What labels of speakers begin with; their number follows, of two digits at least.
const LABEL: &str = "SPEAKER_";

/// Label of who says a segment, where that is known.
#[must_use]
pub fn label(segment: &SpokenSegment) -> Option<String> {
    segment.speaker.map(|number| format!("{LABEL}{number:02}"))
}

/// Numbers of the speakers of a transcript who are called so, by label, whatever its case.
#[must_use]
pub fn called(transcript: &LoadedTranscript, wanted: &str) -> Vec<u32> {
    let is_called =
        |one: &&SpokenSegment| label(one).is_some_and(|l| l.eq_ignore_ascii_case(wanted));
    let found = transcript.speech.segments.iter().find(is_called);
    found.and_then(|segment| segment.speaker).into_iter().collect()
}
