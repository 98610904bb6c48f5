//! A file on its way through the networks, chunk by chunk.

use super::activity::{CHUNK, Heard};
use super::embedding::Voice;
use super::tracks::{self, HOP, Linker, Span, Track};
use super::windows::{self, Cutter};
use super::{FRAME, FRAMES_A_SECOND, SpeakerModel, Turn, clusters, labels};
use crate::InferError;
use std::ops::Range;

/// Frames of a chunk, of which those in the middle count: at its edges the network knows too little.
const MIDDLE: Range<usize> = 250..750;

/// One file that is listened to for its speakers.
///
/// Sound comes as 16 kHz mono in blocks of any length. What is kept of it is a chunk of ten seconds, and
/// of each second in which one person speaks a vector or two.
pub struct Turns<'a> {
    model: &'a SpeakerModel,
    /// Sound from the begin of the next chunk on.
    sound: Vec<f32>,
    /// The frame at which that is.
    start: usize,
    linker: Linker,
    spans: Vec<Span>,
    cutter: Cutter,
    windows: Vec<Range<usize>>,
    voices: Vec<Voice>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(model: &'a SpeakerModel) -> Self {
        Self {
            model,
            sound: Vec::new(),
            start: 0,
            linker: Linker::default(),
            spans: Vec::new(),
            cutter: Cutter::default(),
            windows: Vec::new(),
            voices: Vec::new(),
        }
    }

    /// Listens to what comes next.
    ///
    /// # Errors
    /// When inference fails.
    pub fn hear(&mut self, samples: &[f32]) -> Result<(), InferError> {
        for block in samples.chunks(HOP * FRAME) {
            self.sound.extend(block);
            if self.sound.len() > CHUNK {
                self.chunk(CHUNK, MIDDLE.end)?;
                self.sound.drain(..HOP * FRAME);
                self.start += HOP;
            }
        }
        Ok(())
    }

    /// Who speaks when, in order of start; of speakers who begin together the one who ends first. Turns of
    /// two may overlap. Empty where nobody speaks for .3 s without another.
    ///
    /// # Errors
    /// When inference fails.
    pub fn finish(mut self) -> Result<Vec<Turn>, InferError> {
        if !self.sound.is_empty() {
            self.chunk(self.sound.len(), self.sound.len() / FRAME)?;
            let last = self.cutter.end();
            self.embed(last)?;
        }
        let seconds: Vec<f32> = self.windows.iter().map(seconds).collect();
        let people = clusters::people(&self.voices, &seconds);
        Ok(labels::turns(&self.spans, &self.windows, &people))
    }

    /// Takes in the frames of the chunk at the begin of the sound: from its middle on, or all of the first.
    fn chunk(&mut self, samples: usize, end: usize) -> Result<(), InferError> {
        let heard = self.model.activity.hear(&self.sound[..samples])?;
        let voices = self.linker.link(&heard);
        let mut at = if self.start == 0 { 0 } else { MIDDLE.start };
        for same in heard[at..end].chunk_by(Heard::eq) {
            let frames = self.start + at..self.start + at + same.len();
            self.add(frames, tracks::of(same[0], &voices))?;
            at += same.len();
        }
        Ok(())
    }

    fn add(&mut self, frames: Range<usize>, tracks: [Option<Track>; 2]) -> Result<(), InferError> {
        let span = Span { frames: frames.clone(), tracks };
        let windows = self.cutter.add(frames, span.alone());
        match self.spans.last_mut() {
            Some(last) if last.tracks == tracks && last.frames.end == span.frames.start => {
                last.frames.end = span.frames.end;
            }
            _ if tracks[0].is_some() => self.spans.push(span),
            _ => {}
        }
        self.embed(windows)
    }

    /// Windows end after the frames of the chunk before, so that all of their sound is there.
    fn embed(&mut self, windows: Vec<Range<usize>>) -> Result<(), InferError> {
        for window in windows {
            let sample = |frame: usize| (frame - self.start) * FRAME;
            let sound = &self.sound[sample(window.start)..sample(window.end)];
            self.voices.push(self.model.embedder.embed(sound)?);
            self.windows.push(window);
        }
        Ok(())
    }
}

/// What a window counts for, since it shares the rest with the next.
fn seconds(window: &Range<usize>) -> f32 {
    (window.len().min(windows::HOP) as f64 / FRAMES_A_SECOND) as f32
}
