//! What callers are told. Field names are the public contract's; an optional field that is unknown is
//! left out.

mod exports;
mod folders;
mod people;

pub use exports::*;
pub use folders::*;
pub use people::*;

use rushes_model::{FileError, TaskId, TaskKind, TaskState};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is in memory of one kind of model.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct LoadedModel {
    /// Null where nothing of that kind is loaded.
    #[schema(required = true)]
    pub model_key: Option<String>,
    /// Whether a model of that kind is being loaded.
    pub is_loading: bool,
}

/// Reply of `GET /models/loaded`.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct LoadedModels {
    /// Looks at pictures.
    pub visual: LoadedModel,
    /// Listens to speech.
    pub speech: LoadedModel,
    /// Finds faces.
    pub face: LoadedModel,
}

/// One model of the registry.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelInfo {
    /// Key.
    pub model_key: String,
    /// Name for people.
    pub name: String,
    /// Whether all its files are on disk.
    pub is_downloaded: bool,
    /// Whether it is the one that analyses and searches use by default.
    pub is_active: bool,
    /// Side of the pictures that it sees, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<u32>,
    /// Length of its vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// Size of its files, shared ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Licence of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Languages that it reads or hears, as ISO 639-1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

/// Reply of `GET /models/available`.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct AvailableModels {
    /// Models that look at pictures.
    pub visual: Vec<ModelInfo>,
    /// Models that listen to speech.
    pub speech: Vec<ModelInfo>,
    /// Models that find faces.
    pub face: Vec<ModelInfo>,
}

/// Finished analyses of a medium.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct AnalysisState {
    /// Keys of visual models.
    pub visual: Vec<String>,
    /// Keys of speech models.
    pub speech: Vec<String>,
    /// Names of face collections.
    pub faces: Vec<String>,
    /// Keys of models that read on-screen text.
    pub text: Vec<String>,
}

/// Facts about one file, or why there are none.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct MediaMetadata {
    /// As asked for.
    pub media_path: String,
    /// Short alias of the medium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_str: Option<String>,
    /// `video`, `image` or `audio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Size of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// Width as displayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height as displayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Frames a second, rounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    /// Frames a second, exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "30000/1001")]
    pub frame_rate: Option<String>,
    /// Start timecode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "01:00:00:00")]
    pub start_timecode: Option<String>,
    /// Clockwise rotation for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<u16>,
    /// Whether there are pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_video: Option<bool>,
    /// Whether there is sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_audio: Option<bool>,
    /// Codec of the pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// Codec of the sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
    /// Creation time, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// What has been analysed; only with a `cache_dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisState>,
    /// Why there are no facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Reply of `POST /media/metadata`: a row a path, in request order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MediaMetadataReply {
    /// The rows.
    pub media: Vec<MediaMetadata>,
}

/// Reply of every call that starts a task.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TaskStarted {
    /// A sentence for people.
    pub message: String,
    /// Also the name of the Socket.IO room.
    pub task_id: String,
    /// Of exports: what is not as one may think, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl TaskStarted {
    /// A task about which there is nothing else to say.
    #[must_use]
    pub fn new(message: String, task_id: TaskId) -> Self {
        Self { message, task_id: task_id.to_string(), warnings: Vec::new() }
    }
}

/// Reply of calls that only do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Message {
    /// A sentence for people.
    pub message: String,
}

/// A file's error within a task.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TaskError {
    /// The file.
    pub media_path: String,
    /// What happened and what to do.
    pub message: String,
}

impl From<FileError> for TaskError {
    fn from(error: FileError) -> Self {
        Self { media_path: error.media_path, message: error.message }
    }
}

/// Reply of `GET /tasks/{task_id}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Task {
    /// Id.
    pub task_id: String,
    /// What it does.
    #[schema(value_type = String)]
    pub kind: TaskKind,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: TaskState,
    /// 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub progress: f64,
    /// Files that it covers.
    pub files_total: u64,
    /// Files that are finished, skipped or failed.
    pub files_done: u64,
    /// What went wrong with single files.
    pub errors: Vec<TaskError>,
    /// Files that it wrote.
    pub output_paths: Vec<String>,
    /// Of each file that was cut what is in it, in the order of finishing. Left out of other tasks
    /// and of the list of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clips: Vec<ExportedClip>,
    /// Ours: whether it was told to wait.
    pub paused: bool,
    /// Ours: the watch folder that brought it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch_folder: Option<String>,
    /// Ours: what it is about, or how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Reply of `GET /tasks`, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Tasks {
    /// The tasks.
    pub tasks: Vec<Task>,
}

/// What is in memory of an analysis folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LoadedCounts {
    /// Media.
    pub media: u64,
    /// Frames.
    pub frames: u64,
    /// Transcripts.
    pub transcripts: u64,
    /// Faces.
    pub faces: u64,
}

/// Reply of the analysis-data calls.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LoadReply {
    /// A sentence for people.
    pub message: String,
    /// What is now loaded.
    pub loaded: LoadedCounts,
}

/// A moment that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VisualMatch {
    /// Second of the medium that the frame stands for.
    #[schema(pattern = r"^\d{1,20}$")]
    pub frame_idx: String,
    /// The same as `HH:MM:SS`.
    pub timestamp: String,
    /// JPEG preview of under 100 KiB, base64.
    #[schema(content_encoding = "base64")]
    pub image: String,
    /// In point of the shot.
    pub scene_start_timestamp: String,
    /// Out point of the shot.
    pub scene_end_timestamp: String,
    /// Rank before matches of one shot were grouped.
    #[schema(minimum = 0)]
    pub original_index: u64,
    /// Short alias of the medium.
    pub hash_str: String,
    /// The requested path, or where the medium was last seen.
    pub video_path: String,
    /// `frame_idx` under the name that older clients read.
    pub frame_index: u64,
    /// How well it fits, 0 to 1. The same number means about the same for every model.
    #[schema(minimum = 0, maximum = 1)]
    pub similarity: f64,
    /// The frame's own time.
    pub time_seconds: f64,
    /// In point of the shot.
    pub scene_start_seconds: f64,
    /// Out point of the shot.
    pub scene_end_seconds: f64,
    /// Source timecode of the frame, drop-frame with a semicolon. Left out where there is no frame rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "01:00:12;08")]
    pub timecode: Option<String>,
    /// Source timecode of the in point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scene_start_timecode: Option<String>,
    /// Source timecode of the out point: of the first frame after the shot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scene_end_timecode: Option<String>,
    /// Frame rate that timecode counts in; the nearest standard rate where frames are unevenly spaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "30000/1001")]
    pub frame_rate: Option<String>,
    /// `original_index` of the first match that looks nearly the same: this is another take of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_of: Option<u64>,
    /// The next best frames of the same shot, best first, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_frames: Vec<FrameMatch>,
    /// Lines of text that were read in the shot, in reading order. Left out where none were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["SCENE 12A", "TAKE 3"]))]
    pub on_screen_text: Vec<String>,
    /// What is said during the shot, of searches with `said:`. Left out where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spoken_text: Vec<String>,
}

/// A further frame of a moment that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FrameMatch {
    /// Second of the medium that the frame stands for.
    #[schema(pattern = r"^\d{1,20}$")]
    pub frame_idx: String,
    /// The frame's own time.
    pub time_seconds: f64,
    /// How well it fits, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub similarity: f64,
}

/// Reply of the visual searches, best first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Matches {
    /// The moments.
    pub matches: Vec<VisualMatch>,
}

/// Something that is said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TranscriptMatch {
    /// The requested path, or where the medium was last seen.
    pub media_path: String,
    /// Short alias of the medium.
    pub hash_str: String,
    /// When it begins: in `exact` mode with the first word that was looked for, in `semantic` mode with the
    /// segment.
    #[schema(minimum = 0)]
    pub start_seconds: f64,
    /// When it ends, after its beginning.
    pub end_seconds: f64,
    /// All that is said in the segments that it lies in.
    pub text: String,
    /// The beginning as `HH:MM:SS`.
    pub start_timestamp: String,
    /// The end as `HH:MM:SS`.
    pub end_timestamp: String,
    /// Who says it, or begins to, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "SPEAKER_00")]
    pub speaker: Option<String>,
    /// The name that somebody gave the speaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker_name: Option<String>,
    /// All who say it, where it goes from one to another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub speakers: Vec<String>,
    /// How near it comes to what was meant, 0 to 1. Only in `semantic` mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub similarity: Option<f64>,
}

/// Reply of `POST /search/transcript`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TranscriptMatches {
    /// In order of media and time, or best first.
    pub matches: Vec<TranscriptMatch>,
}

/// Reply of `POST /transcriptions`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Transcriptions {
    /// Of the media that have one.
    pub transcriptions: Vec<Transcription>,
    /// The media that have none.
    pub missing: Vec<String>,
}

/// What is said in one medium.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Transcription {
    /// As asked for.
    pub media_path: String,
    /// Short alias of the medium.
    pub hash_str: String,
    /// ISO 639-1 code; empty where nothing is said.
    pub language: String,
    /// Who listened.
    pub model_key: String,
    /// Whether the medium was heard to its end; `false` while it is listened to.
    pub is_complete: bool,
    /// What is said, in order of time.
    pub segments: Vec<Segment>,
}

/// A sentence, or a part of one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Segment {
    /// When its first word begins.
    pub start_seconds: f64,
    /// When its last word ends.
    pub end_seconds: f64,
    /// The beginning as `HH:MM:SS`.
    pub start_timestamp: String,
    /// The end as `HH:MM:SS`.
    pub end_timestamp: String,
    /// What is said.
    pub text: String,
    /// Who says it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// The name that somebody gave the speaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker_name: Option<String>,
    /// Whether somebody corrected it.
    pub edited: bool,
    /// Word by word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<Word>>,
}

/// A word that is said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Word {
    /// With its punctuation.
    pub word: String,
    /// When it begins.
    pub start_seconds: f64,
    /// When it ends.
    pub end_seconds: f64,
    /// How sure the model was, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub probability: f64,
    /// Ours: whether it is more likely to be wrong than right.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncertain: bool,
}

/// Reply of `POST /transcriptions/range`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SegmentPage {
    /// The segments.
    pub segments: Vec<Segment>,
    /// What the next page is asked for with; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Reply of `PUT /transcriptions/speakers`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpeakerNames {
    /// All names that speakers of the medium have now, by label.
    pub names: BTreeMap<String, String>,
}

/// One picture, or why there is none.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Thumbnail {
    /// JPEG, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// Why there is no picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Reply of `POST /thumbnails`: a row a request, in request order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Thumbnails {
    /// The rows.
    pub thumbnails: Vec<Thumbnail>,
}

/// Reply of `POST /thumbnails/scene`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SceneThumbnails {
    /// Pairs of JPEG (base64) and timestamp in time order; null when the range lies outside the medium.
    // Said in words of JSON Schema: the list of types that a pair would give is none of OpenAPI 3.1.
    #[schema(required = true, value_type = Option<Vec<[String; 2]>>)]
    pub scene_thumbnails: Option<Vec<(String, String)>>,
}
