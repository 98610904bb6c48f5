//! On-screen text in memory: what was read in one medium, ready to be searched.

use rushes_infer::ocr::{self, matching::fold};
use rushes_model::{ModelKey, Sampling};
use rushes_store::{StoreError, TextBundle};
use std::path::Path;

/// What was read in one medium. Frames without text are left out.
pub struct LoadedText {
    sampling: Sampling,
    frames: Vec<Place>,
    /// Lines of all frames, each ended by a line break.
    lines: String,
    /// The same frame by frame as phrases are looked for in.
    folded: String,
}

/// When a frame was read, and where its text ends.
struct Place {
    seconds: f64,
    lines_end: usize,
    folded_end: usize,
}

/// One frame that was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadFrame<'a> {
    /// Its own time in seconds.
    pub seconds: f64,
    /// What was read, as [`fold`] makes it.
    pub folded: &'a str,
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
        let (mut lines, mut folded, mut frames) = (String::new(), String::new(), Vec::new());
        for frame in bundle.frames.iter().filter(|frame| !frame.lines.is_empty()) {
            let texts = frame.lines.iter().map(|line| line.text.as_str());
            folded.push_str(&fold(texts.clone()));
            texts.for_each(|text| lines.extend([text, "\n"]));
            let (lines_end, folded_end) = (lines.len(), folded.len());
            frames.push(Place { seconds: frame.seconds, lines_end, folded_end });
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
        let (mut lines_start, mut folded_start) = (0, 0);
        self.frames.iter().map(move |place| {
            let lines = &self.lines[lines_start..place.lines_end];
            let folded = &self.folded[folded_start..place.folded_end];
            (lines_start, folded_start) = (place.lines_end, place.folded_end);
            ReadFrame { seconds: place.seconds, folded, lines }
        })
    }
}

impl<'a> ReadFrame<'a> {
    /// The lines in reading order.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.lines.lines()
    }
}
