//! What leaves Rushes for other programs.
//!
//! A [`Transcript`] has [`Segment`]s of [`Word`]s, each segment said by a [`Speaker`] where that is known.
//! A [`Format`] writes it as captions (SRT, `WebVTT`), as text, as JSON or as a table.
//!
//! ```
//! use rushes_export::{Format, Segment, Transcript, Word};
//!
//! let word = |text: &str, start, end| Word { text: text.into(), start, end, probability: 0.9 };
//! let transcript = Transcript {
//!     media_path: "/footage/take.mov".into(),
//!     hash_str: "00000001".parse()?,
//!     model_key: "whisper-base".parse()?,
//!     language: "en".into(),
//!     spaced: true,
//!     clock: None,
//!     segments: vec![Segment {
//!         speaker: None,
//!         edited: false,
//!         words: vec![word("Good", 1.0, 1.4), word("morning.", 1.5, 2.2)],
//!     }],
//! };
//! let captions = Format::Srt.write(&transcript)?;
//! assert_eq!(captions, "1\r\n00:00:01,000 --> 00:00:02,200\r\nGood morning.\r\n\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod captions;
mod json;
mod sheet;
mod srt;
mod table;
mod timeline;
mod txt;
mod vtt;
mod xml;

pub use sheet::{ContactSheet, SheetRow};
pub use timeline::{
    Clip, Marker, Medium, Selects, Take, Timeline, TimelineDocument, TimelineError, TimelineFormat,
};

use rushes_model::{HashStr, ModelKey, SourceClock, timestamp};

/// What is said in one medium.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The medium, as callers know it.
    pub media_path: String,
    /// Short alias of the medium.
    pub hash_str: HashStr,
    /// Who listened.
    pub model_key: ModelKey,
    /// ISO 639-1 code; empty where nothing is said.
    pub language: String,
    /// Whether spaces part the words of the language.
    pub spaced: bool,
    /// The medium's timecode, where it has a frame rate.
    pub clock: Option<SourceClock>,
    /// What is said, in order of time.
    pub segments: Vec<Segment>,
}

/// A sentence, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Who says it, where that is known.
    pub speaker: Option<Speaker>,
    /// Whether somebody corrected it.
    pub edited: bool,
    /// In order of time.
    pub words: Vec<Word>,
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// Such as `SPEAKER_00`.
    pub label: String,
    /// What people call them, where somebody said so.
    pub name: Option<String>,
}

/// A word that is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// With its punctuation.
    pub text: String,
    /// When it begins, in seconds of source time.
    pub start: f64,
    /// When it ends.
    pub end: f64,
    /// How sure the model was, 0 to 1.
    pub probability: f64,
}

/// A form in which a transcript can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Captions as SubRip text.
    Srt,
    /// Captions as `WebVTT`.
    Vtt,
    /// Paragraphs with timecode and speaker.
    Txt,
    /// What the API answers, with source timecode.
    Json,
    /// A row a segment.
    Csv,
}

/// A transcript that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As JSON.
    #[error("the transcript of {media} cannot be written as JSON: {source}")]
    Json {
        /// The medium.
        media: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// As a table.
    #[error("the transcript of {media} cannot be written as CSV: {reason}")]
    Table {
        /// The medium.
        media: String,
        /// Why not.
        reason: String,
    },
}

impl Format {
    /// What names of such files end with, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Txt => "txt",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// The whole document.
    ///
    /// # Errors
    /// When the writer of JSON or CSV fails, which takes more memory than there is.
    pub fn write(self, transcript: &Transcript) -> Result<String, ExportError> {
        Ok(match self {
            Self::Srt => srt::document(transcript),
            Self::Vtt => vtt::document(transcript),
            Self::Txt => txt::document(transcript),
            Self::Json => json::document(transcript)?,
            Self::Csv => table::document(transcript)?,
        })
    }
}

impl Transcript {
    /// The time as timecode of the source, or as `HH:MM:SS` where the medium has no frames.
    fn time(&self, seconds: f64) -> String {
        let timecode = self.timecode(seconds);
        timecode.unwrap_or_else(|| timestamp(seconds))
    }

    fn timecode(&self, seconds: f64) -> Option<String> {
        Some(self.clock?.at(seconds).to_string())
    }

    fn text(&self, segment: &Segment) -> String {
        let words: Vec<&str> = segment.words.iter().map(|word| word.text.as_str()).collect();
        words.join(if self.spaced { " " } else { "" })
    }
}

impl Segment {
    /// When its first word begins, in seconds.
    fn start(&self) -> f64 {
        self.words.first().map_or(0.0, |word| word.start)
    }

    /// When its last word ends, in seconds.
    fn end(&self) -> f64 {
        self.words.last().map_or(0.0, |word| word.end)
    }

    /// The speaker as people are told.
    fn shown_speaker(&self) -> Option<&str> {
        self.speaker.as_ref().map(Speaker::shown)
    }
}

impl Speaker {
    fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.label)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
