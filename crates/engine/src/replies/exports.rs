//! Answers of exports.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Reply of `POST /export/transcripts`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExportedTranscripts {
    /// One for each medium that has a finished transcript.
    pub files: Vec<ExportedTranscript>,
    /// The media that have none.
    pub missing: Vec<String>,
}

/// A transcript for other programs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExportedTranscript {
    /// As asked for.
    pub media_path: String,
    /// The document.
    pub content: String,
    /// Where it was written, if a folder was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_path: Option<String>,
}

/// Reply of `POST /export/premiere-xml` and `POST /export/timeline`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExportedTimeline {
    /// The document.
    pub content: String,
    /// Where it was written, if a file was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_path: Option<String>,
    /// What is not as one may think, a sentence each: media that are offline, ranges that were cut at the
    /// end of their medium, what the format cannot hold.
    pub warnings: Vec<String>,
    /// Clips in the sequence.
    pub clip_count: usize,
    /// Length of the sequence.
    pub duration_seconds: f64,
    /// Frames a second of the sequence.
    #[schema(example = "24000/1001")]
    pub frame_rate: String,
}

/// Reply of `POST /export/contact-sheet`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExportedSheet {
    /// The page, as HTML with its pictures in it.
    pub content: String,
    /// Where it was written, if a file was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_path: Option<String>,
    /// What is not as one may think, a sentence each.
    pub warnings: Vec<String>,
}

/// A range that became a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportedClip {
    /// Place of the range in the request, from 0.
    pub index: usize,
    /// The medium.
    pub media_path: String,
    /// The file.
    pub output_path: String,
    /// Its in point in the medium: of a copy the keyframe at or before the one asked for.
    pub start_seconds: f64,
    /// Its out point in the medium.
    pub end_seconds: f64,
    /// Pictures in it; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_count: Option<u64>,
    /// Source timecode of its first frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "01:00:12;08")]
    pub start_timecode: Option<String>,
}
