//! Speech: where somebody speaks, what is said, and when.
//!
//! A [`VoiceDetector`] tells where a voice is, [`Windows`] cuts what it finds at silences, and
//! [`Listener`]s of a [`Whisper`] model write down what is said in each [`Window`].

mod align;
mod ctranslate;
mod ggml;
mod invented;
mod mel;
mod sentences;
mod voice;
mod whisper;
mod windows;
mod words;

pub use voice::{DETECTOR, Ear, STEP, VoiceDetector};
pub use whisper::{Listener, Whisper, language};
pub use windows::{Window, Windows};
pub use words::is_spaced;

/// Samples a second of all sound here.
pub const SAMPLE_RATE: u32 = 16_000;

/// A word that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// With its punctuation, without spaces around it.
    pub text: String,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends.
    pub end: f64,
    /// How sure the model was, 0..=1: the geometric mean of its tokens.
    pub probability: f32,
}

/// Words that belong together: a sentence, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Phrase {
    /// In order of time.
    pub words: Vec<Word>,
    /// How likely nobody speaks in the window that it is of, 0..=1.
    pub silence: f32,
}
