//! Who says what.

use crate::library::LoadedTranscript;
use rushes_store::SpokenSegment;
use std::collections::{BTreeMap, BTreeSet};

/// What labels of speakers begin with; their number follows, of two digits at least.
const LABEL: &str = "SPEAKER_";

/// Label of who says a segment, where that is known.
#[must_use]
pub fn label(segment: &SpokenSegment) -> Option<String> {
    segment.speaker.map(|number| format!("{LABEL}{number:02}"))
}

/// Name of who says a segment, where somebody gave one.
#[must_use]
pub fn name<'a>(transcript: &'a LoadedTranscript, segment: &SpokenSegment) -> Option<&'a str> {
    transcript.names.get(&segment.speaker?).map(String::as_str)
}

/// The names in a transcript by label.
#[must_use]
pub fn names(transcript: &LoadedTranscript) -> BTreeMap<String, String> {
    let segments = transcript.speech.segments.iter();
    let named = |one| Some((label(one)?, name(transcript, one)?.to_owned()));
    segments.filter_map(named).collect()
}

/// Numbers of the speakers of a transcript who are called so, by label or by name, whatever its case.
#[must_use]
pub fn called(transcript: &LoadedTranscript, wanted: &str) -> Vec<u32> {
    let wanted = wanted.trim().to_lowercase();
    let is_called = |one: &&SpokenSegment| {
        let known = label(one).into_iter().chain(name(transcript, one).map(str::to_owned));
        known.into_iter().any(|known| known.to_lowercase() == wanted)
    };
    let found = transcript.speech.segments.iter().filter(is_called);
    let numbers: BTreeSet<u32> = found.filter_map(|segment| segment.speaker).collect();
    numbers.into_iter().collect()
}
