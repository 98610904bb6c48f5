//! What leaves for other programs.

use rushes_model::FrameRate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most ranges that one timeline takes.
pub const MAX_TIMELINE_CLIPS: usize = 10_000;
/// Most ranges that are cut, or shown on a contact sheet, by one call.
pub const MAX_CUT_CLIPS: usize = 1000;

/// A form of transcripts for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TranscriptFormat {
    /// SubRip captions.
    Srt,
    /// `WebVTT` captions.
    Vtt,
    /// Paragraphs with timecode and speaker.
    Txt,
    /// What `/transcriptions` answers, with source timecode.
    Json,
    /// A row a segment, with source timecode.
    Csv,
}

/// Body of `POST /export/transcripts`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ExportTranscriptsRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// Media whose transcripts are written.
    #[schema(min_items = 1)]
    pub media_paths: Vec<String>,
    /// What they are written as.
    #[schema(value_type = String, pattern = "^(srt|vtt|txt|json|csv)$", example = "srt")]
    pub format: TranscriptFormat,
    /// Folder that the documents are written into as well, each called like its medium. It has to be there;
    /// what is in it is never written over.
    #[serde(default)]
    pub output_dir: Option<String>,
}

/// A range of a medium. A match of any search can stand here as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClipRange {
    /// The medium. `video_path` of a visual match is read as well.
    #[serde(alias = "video_path")]
    pub media_path: String,
    /// In point. `scene_start_seconds` of a visual match is read as well.
    #[serde(alias = "scene_start_seconds")]
    #[schema(minimum = 0)]
    pub start_seconds: f64,
    /// Out point: the first moment that is not in it. `scene_end_seconds` is read as well.
    #[serde(alias = "scene_end_seconds")]
    pub end_seconds: f64,
    /// What the clip is called; the name of its file when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Ours: what was searched for when it was found.
    #[serde(default)]
    pub query: Option<String>,
    /// Ours: who is seen in it. With `cache_dir` the people with names who are seen there, when absent.
    #[serde(default)]
    pub people: Option<Vec<String>>,
    /// Ours: what is said in it. With `cache_dir` the words of its transcript, when absent.
    #[serde(default)]
    pub text: Option<String>,
    /// Ours: who says it.
    #[serde(default)]
    pub speaker_name: Option<String>,
    /// Ours: a remark for whoever edits.
    #[serde(default)]
    pub note: Option<String>,
}

/// Segments of a transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SegmentChoice {
    /// The medium.
    pub media_path: String,
    /// Which of the segments that `/transcriptions` answers, from 0. Neighbours become one clip, in the
    /// order of the list.
    #[schema(min_items = 1, example = json!([3, 4, 9]))]
    pub indices: Vec<usize>,
}

/// A form of timelines for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimelineFormat {
    /// Final Cut Pro 7 XML, for Premiere Pro and `DaVinci` Resolve.
    Xmeml,
    /// Final Cut Pro XML.
    Fcpxml,
    /// CMX 3600 edit decision list.
    Edl,
    /// `OpenTimelineIO`.
    Otio,
}

/// What is exported, whatever it becomes.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Ranges that the caller knows.
    pub clips: &'a [ClipRange],
    /// Ranges of segments, after these.
    pub segments: &'a [SegmentChoice],
    /// Where transcripts and people are.
    pub cache_dir: Option<&'a str>,
}

/// A body of an export of ranges: what all have, then its own fields. The number is that of the engine's limits,
/// which a schema cannot name.
macro_rules! export_body {
    ($(#[$about:meta])* $name:ident of at most $most:tt {
        $($(#[$field_about:meta])* $field:ident: $kind:ty,)*
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
        pub struct $name {
            /// Ranges, in the order of the result. May be left out where there are `segments`.
            #[serde(default)]
            #[schema(min_items = 1, max_items = $most, required = true)]
            pub clips: Vec<ClipRange>,
            /// Ours: segments of transcripts, which follow the clips. Needs `cache_dir`.
            #[serde(default)]
            pub segments: Vec<SegmentChoice>,
            /// Ours: analysis folder, for what is said and who is seen in the ranges.
            #[serde(default)]
            pub cache_dir: Option<String>,
            $($(#[$field_about])* pub $field: $kind,)*
        }

        impl $name {
            /// What is exported.
            #[must_use]
            pub fn selection(&self) -> Selection<'_> {
                Selection {
                    clips: &self.clips,
                    segments: &self.segments,
                    cache_dir: self.cache_dir.as_deref(),
                }
            }
        }
    };
}

export_body! {
    /// Body of `POST /export/premiere-xml`.
    TimelineRequest of at most 10_000 {
        /// Ours: seconds to add before and after each range, as far as the medium goes.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 3600, default = 0)]
        handle_seconds: f64,
        /// What the sequence is called; `Selects` when absent.
        #[serde(default = "selects")]
        #[schema(default = "Selects")]
        sequence_name: String,
        /// Frames a second as a fraction; those of the first clip when absent.
        #[serde(default)]
        #[schema(value_type = Option<String>, example = "24000/1001")]
        frame_rate: Option<FrameRate>,
        /// Ours: timecode of the first frame of the sequence; `01:00:00:00` when absent. A semicolon before
        /// the frames makes it drop-frame; absent, it counts as the first clip's medium does.
        #[serde(default)]
        #[schema(example = "01:00:00:00")]
        start_timecode: Option<String>,
        /// File to write the document into as well. Its folder has to be there.
        #[serde(default)]
        output_path: Option<String>,
        /// Ours: whether `output_path` may take the place of a document of the same kind.
        #[serde(default)]
        #[schema(default = false)]
        overwrite: bool,
    }
}

/// Body of `POST /export/timeline`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct TimelineOfFormatRequest {
    /// What becomes a sequence.
    #[serde(flatten)]
    pub timeline: TimelineRequest,
    /// What it is written as.
    #[schema(value_type = String, pattern = "^(xmeml|fcpxml|edl|otio)$", example = "fcpxml")]
    pub format: TimelineFormat,
}

export_body! {
    /// Body of `POST /export/clips`.
    ExportClipsRequest of at most 1000 {
        /// Seconds to add before and after each range, as far as the medium goes.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 3600, default = 0)]
        handle_seconds: f64,
        /// Folder that the files are written into. It has to be there; nothing in it is written over.
        output_dir: String,
        /// `copy` keeps the codec and begins at the keyframe at or before the in point; `reencode` has
        /// exactly the frames of the range.
        #[serde(default)]
        #[schema(value_type = String, pattern = "^(copy|reencode)$", default = "copy")]
        mode: ClipMode,
        /// Ours: what `reencode` encodes to.
        #[serde(default)]
        #[schema(value_type = String, pattern = "^(prores|h264)$", default = "prores")]
        codec: ClipCodec,
    }
}

/// How ranges become files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClipMode {
    /// As coded.
    #[default]
    Copy,
    /// Coded anew.
    Reencode,
}

/// What ranges are encoded to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClipCodec {
    /// `ProRes` 422 with PCM sound, for editing.
    #[default]
    Prores,
    /// H.264 with AAC sound, for watching.
    H264,
}

export_body! {
    /// Body of `POST /export/contact-sheet`.
    ContactSheetRequest of at most 1000 {
        /// What stands above; `Selects` when absent.
        #[serde(default = "selects")]
        #[schema(default = "Selects")]
        title: String,
        /// File to write the page into as well. Its folder has to be there.
        #[serde(default)]
        output_path: Option<String>,
        /// Whether `output_path` may take the place of another page.
        #[serde(default)]
        #[schema(default = false)]
        overwrite: bool,
    }
}

fn selects() -> String {
    "Selects".to_owned()
}

impl ClipRange {
    /// A range of a medium, of which nothing else is known.
    #[must_use]
    pub fn of(media_path: impl Into<String>, start_seconds: f64, end_seconds: f64) -> Self {
        Self { media_path: media_path.into(), start_seconds, end_seconds, ..Self::default() }
    }
}
