//! On-screen text in memory: what was read in one medium, ready to be searched.

use rushes_infer::ocr;
use rushes_model::{ModelKey, Sampling};
use rushes_store::{StoreError, TextBundle};
use rushes_text::{Folded, Phrase, Room};
use std::path::Path;

/// What was read in one medium. Frames without text are left out.
pub struct LoadedText {
    sampling: Sampling,
    frames: Vec<Place>,
    /// Lines of all frames, each ended by a line break.
    lines: String,
    /// The same frame by frame as phrases are looked for in.
    folded: Folded,
}

/// When a frame was read, and where its text ends.
struct Place {
    seconds: f64,
    lines_end: usize,
}

/// One frame that was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadFrame<'a> {
    /// Its own time in seconds.
    pub seconds: f64,
    lines: &'a str,
}

/// Whether text by this model is what this version searches.
#[must_use]
pub fn is_searched(reader: &ModelKey) -> bool {
    reader.as_str() == ocr::MODEL
}

impl LoadedText {
    /// From a bundle that is checked as it is opened.
    pub(super) fn stored(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::of(&TextBundle::open(path)?))
    }

    /// What a bundle holds.
    #[must_use]
    pub fn of(bundle: &TextBundle) -> Self {
        let (mut lines, mut folded, mut frames) = (String::new(), Folded::default(), Vec::new());
        for frame in bundle.frames.iter().filter(|frame| !frame.lines.is_empty()) {
            let texts = frame.lines.iter().map(|line| line.text.as_str());
            folded.push(texts.clone());
            texts.for_each(|text| lines.extend([text, "\n"]));
            frames.push(Place { seconds: frame.seconds, lines_end: lines.len() });
        }
        Self { sampling: bundle.meta.sampling, frames, lines, folded }
    }

    /// Of the look that told the shots whose frames were read.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The frames with text, in time order.
    pub fn frames(&self) -> impl Iterator<Item = ReadFrame<'_>> {
        let mut start = 0;
        self.frames.iter().map(move |place| {
            let lines = &self.lines[start..place.lines_end];
            start = place.lines_end;
            ReadFrame { seconds: place.seconds, lines }
        })
    }

    /// Time and score of each frame in which something of a phrase can be read, in time order.
    pub fn find(&self, phrase: &Phrase) -> impl Iterator<Item = (f64, f32)> {
        let mut room = Room::default();
        self.frames.iter().enumerate().filter_map(move |(frame, place)| {
            let score = self.folded.score(frame, phrase, &mut room);
            (score > 0.0).then_some((place.seconds, score))
        })
    }
}

impl<'a> ReadFrame<'a> {
    /// The lines in reading order.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.lines.lines()
    }
}
