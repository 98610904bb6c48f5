//! What callers ask for. Field names, defaults and ranges are the public contract's; every way in
//! (HTTP, command line, agents) fills the same types.

mod exports;
mod folders;
mod people;

pub use exports::*;
pub use folders::*;
pub use people::*;

use rushes_model::Sampling;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Largest number of results that one search gives.
pub const MAX_RESULTS: u32 = 1000;
/// Longest query in characters.
pub const MAX_QUERY_CHARS: usize = 2000;
/// Most paths that one metadata call takes.
pub const MAX_METADATA_PATHS: usize = 10_000;
/// Most paths that one analysis takes.
pub const MAX_ANALYZE_PATHS: usize = 100_000;
/// Most pictures that one thumbnails call takes.
pub const MAX_THUMBNAILS: usize = 1000;

fn yes() -> bool {
    true
}

/// Body of `POST /models/load`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LoadModelRequest {
    /// Key of the model in the registry.
    pub model_key: String,
}

/// Body of `POST /media/metadata`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct MetadataRequest {
    /// Absolute paths, at most 10,000.
    #[schema(min_items = 1, max_items = 10_000)]
    pub media_paths: Vec<String>,
    /// With it, each row also tells what has been analysed.
    #[serde(default)]
    pub cache_dir: Option<String>,
}

/// Body of `POST /analyze`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalyzeRequest {
    /// Analysis folder; made if its parent exists.
    pub cache_dir: String,
    /// Files or folders; a folder is walked.
    #[schema(min_items = 1, max_items = 100_000)]
    pub media_paths: Vec<String>,
    /// Look at the pictures.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub visual: bool,
    /// Listen to the speech.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub speech: bool,
    /// Find faces.
    #[serde(default)]
    #[schema(default = false)]
    pub faces: bool,
    /// The collection that faces go to. Required when `faces` is true.
    #[serde(default)]
    pub cluster_job_name: Option<String>,
    /// Visual model; the active one when absent.
    #[serde(default)]
    pub visual_model_key: Option<String>,
    /// Speech model; the active one when absent.
    #[serde(default)]
    pub speech_model_key: Option<String>,
    /// BCP 47 or ISO 639-1 code of the speech; found out when absent.
    #[serde(default)]
    #[schema(example = "en")]
    pub language: Option<String>,
    /// Ours: the audio track to listen to, from 0; the first in which anybody speaks when absent.
    #[serde(default)]
    #[schema(format = Int64)]
    pub audio_track: Option<u32>,
    /// Analyse again what is already analysed.
    #[serde(default)]
    #[schema(default = false)]
    pub force: bool,
    /// Ours: `full` looks at every second, `fast` at keyframes only.
    #[serde(default)]
    #[schema(inline, default = "full")]
    pub sampling: SamplingName,
    /// Ours: read text in the picture as well, so that `text:"..."` finds it. Only what was not read yet,
    /// unless `force` is true.
    #[serde(default)]
    #[schema(default = false)]
    pub ocr: bool,
}

impl AnalyzeRequest {
    /// A request to look at the pictures of these media, everything else by default.
    #[must_use]
    pub fn of_pictures(cache_dir: String, media_paths: Vec<String>, model: Option<String>) -> Self {
        Self {
            cache_dir,
            media_paths,
            visual: true,
            speech: false,
            faces: false,
            cluster_job_name: None,
            visual_model_key: model,
            speech_model_key: None,
            language: None,
            audio_track: None,
            force: false,
            sampling: SamplingName::default(),
            ocr: false,
        }
    }
}

/// Sampling as requests name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SamplingName {
    /// Keyframes only.
    Fast,
    /// One frame for every second.
    #[default]
    Full,
}

impl From<SamplingName> for Sampling {
    fn from(name: SamplingName) -> Self {
        match name {
            SamplingName::Fast => Self::Fast,
            SamplingName::Full => Self::Full,
        }
    }
}

/// Body of `POST /analyze/cancel`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CancelRequest {
    /// The task to stop.
    pub task_id: String,
}

/// Body of `POST /analyze/pause` and `POST /analyze/resume`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PauseRequest {
    /// The analysis that is to wait, or to go on.
    pub task_id: String,
}

/// Body of `POST /analysis-data/load`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct LoadRequest {
    /// Analysis folder.
    pub cache_dir: String,
}

/// Body of `POST /analysis-data/load-for-media`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct LoadForMediaRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// Media to load.
    #[schema(min_items = 1)]
    pub media_paths: Vec<String>,
}

/// Body of `POST /analysis-data/load-transcriptions`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct LoadTranscriptionsRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// Media to load; all when absent.
    #[serde(default)]
    pub media_paths: Option<Vec<String>>,
}

/// Body of `POST /transcriptions`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct TranscriptionsRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// Media to read.
    #[schema(min_items = 1)]
    pub media_paths: Vec<String>,
    /// Give every word with its times.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub words: bool,
}

/// Body of `POST /transcriptions/range`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct TranscriptionRangeRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The medium.
    pub media_path: String,
    /// Beginning of the range.
    #[schema(minimum = 0)]
    pub start_seconds: f64,
    /// Its end, which does not belong to it.
    pub end_seconds: f64,
    /// Segments of a page.
    #[serde(default = "page_of_segments")]
    #[schema(minimum = 1, maximum = 1000, default = 200)]
    pub limit: u32,
    /// The last page's `next_cursor`.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Most segments of a page.
pub const MAX_SEGMENTS: u32 = 1000;

fn page_of_segments() -> u32 {
    200
}

/// Body of `PUT /transcriptions/segments`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CorrectTranscriptRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The medium.
    pub media_path: String,
    /// Beginning of the range that is corrected: words whose middle lies in it are replaced.
    #[schema(minimum = 0)]
    pub start_seconds: f64,
    /// Its end, which does not belong to it.
    pub end_seconds: f64,
    /// What is said there; empty where nothing is. Null takes earlier corrections back.
    // Without this a text that was forgotten would take corrections back.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, max_length = 20000)]
    pub text: Option<String>,
}

/// Body of `PUT /transcriptions/speakers`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct NameSpeakersRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The medium.
    pub media_path: String,
    /// Names by label; an empty one takes the name away.
    pub names: BTreeMap<String, String>,
}

/// Body of `POST /analysis-data/clear`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct ClearRequest {
    /// Analysis folder to drop from memory; all when absent.
    #[serde(default)]
    pub cache_dir: Option<String>,
}

/// A person that must be seen.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PersonFilter {
    /// Collection of faces.
    pub cluster_job_name: String,
    /// Name given to a cluster.
    #[serde(default)]
    pub person_name: Option<String>,
    /// Cluster, when it has no name; decides where both are given.
    #[serde(default)]
    pub cluster_id: Option<String>,
}

/// What the three visual searches share, whatever they look for.
#[derive(Debug, Clone, Copy)]
pub struct SearchOptions<'a> {
    /// Analysis folder.
    pub cache_dir: &'a str,
    /// Media that the search is restricted to.
    pub media_paths: Option<&'a [String]>,
    /// Most matches.
    pub max_results: u32,
    /// Weight of the text part of the query.
    pub text_weight: f64,
    /// What is pushed down.
    pub exclude: &'a [String],
    /// Who must be seen.
    pub people: &'a [PersonFilter],
    /// Similarity below which nothing is found; absent: the default.
    pub min_similarity: Option<f64>,
    /// Whether takes of one set-up give way to other moments.
    pub diversity: bool,
}

/// A body of a visual search: its own fields, then those that all have.
macro_rules! search_body {
    ($(#[$about:meta])* $name:ident {
        $($(#[$field_about:meta])* $field:ident: $kind:ty,)*
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Deserialize, ToSchema)]
        pub struct $name {
            $($(#[$field_about])* pub $field: $kind,)*
            /// Analysis folder.
            pub cache_dir: String,
            /// Restrict to these media. Not looked at when `search_all` is true.
            #[serde(default)]
            pub media_paths: Option<Vec<String>>,
            /// At most so many matches.
            #[serde(default = "default_results")]
            #[schema(minimum = 1, maximum = 1000, default = 50)]
            pub max_results: u32,
            /// Weight of the text part of the query.
            #[serde(default = "one")]
            #[schema(default = 1)]
            pub text_weight: f64,
            /// Visual concepts; what looks like them is pushed down softly, not removed.
            #[serde(default)]
            pub exclude: Option<Vec<String>>,
            /// All loaded media of `cache_dir`.
            #[serde(default)]
            #[schema(default = false)]
            pub search_all: bool,
            /// Keep only moments in which all of these people are seen.
            #[serde(default)]
            pub people_filter: Option<Vec<PersonFilter>>,
            /// Moments of a lower similarity are not found; 0 finds everything. Absent: a default that
            /// leaves out what most likely does not fit.
            #[serde(default)]
            #[schema(minimum = 0, maximum = 1)]
            pub min_similarity: Option<f64>,
            /// Of shots that look nearly the same the best two stay among the first twenty matches, the
            /// others follow behind. False leaves every shot where it ranks.
            #[serde(default = "yes")]
            #[schema(default = true)]
            pub diversity: bool,
        }

        impl $name {
            /// What it shares with the other visual searches.
            #[must_use]
            pub fn options(&self) -> SearchOptions<'_> {
                SearchOptions {
                    cache_dir: &self.cache_dir,
                    media_paths: self.media_paths.as_deref().filter(|_| !self.search_all),
                    max_results: self.max_results,
                    text_weight: self.text_weight,
                    exclude: self.exclude.as_deref().unwrap_or_default(),
                    people: self.people_filter.as_deref().unwrap_or_default(),
                    min_similarity: self.min_similarity,
                    diversity: self.diversity,
                }
            }

            fn everywhere($($field: $kind,)* cache_dir: String) -> Self {
                Self {
                    $($field,)*
                    cache_dir,
                    media_paths: None,
                    max_results: default_results(),
                    text_weight: one(),
                    exclude: None,
                    search_all: false,
                    people_filter: None,
                    min_similarity: None,
                    diversity: true,
                }
            }
        }
    };
}

search_body! {
    /// Body of `POST /search/text`.
    SearchTextRequest {
        /// What is looked for, in words.
        #[schema(min_length = 1, max_length = 2000, example = "man pointing a finger")]
        query: String,
    }
}

search_body! {
    /// Body of `POST /search/image`.
    SearchImageRequest {
        /// Absolute path of a picture of what is looked for.
        image_path: String,
        /// Words that refine the picture.
        #[serde(default)]
        #[schema(max_length = 2000)]
        query: Option<String>,
    }
}

search_body! {
    /// Body of `POST /search/frame`.
    SearchFrameRequest {
        /// Absolute path of the medium that the frame is taken from; it need not be among `media_paths`.
        media_path: String,
        /// The frame's time from the start of the medium.
        #[schema(minimum = 0)]
        time_seconds: f64,
        /// Words that refine the frame.
        #[serde(default)]
        #[schema(max_length = 2000)]
        query: Option<String>,
    }
}

impl SearchTextRequest {
    /// A search of all of a folder, everything else by default.
    #[must_use]
    pub fn simple(query: impl Into<String>, cache_dir: impl Into<String>) -> Self {
        Self::everywhere(query.into(), cache_dir.into())
    }
}

impl SearchImageRequest {
    /// A search of all of a folder for what a picture shows, everything else by default.
    #[must_use]
    pub fn simple(image_path: impl Into<String>, cache_dir: impl Into<String>) -> Self {
        Self::everywhere(image_path.into(), None, cache_dir.into())
    }
}

impl SearchFrameRequest {
    /// A search of all of a folder for what a frame shows, everything else by default.
    #[must_use]
    pub fn simple(
        media_path: impl Into<String>,
        time_seconds: f64,
        cache_dir: impl Into<String>,
    ) -> Self {
        Self::everywhere(media_path.into(), time_seconds, None, cache_dir.into())
    }
}

/// Body of `POST /search/transcript`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct SearchTranscriptRequest {
    /// What is said.
    #[schema(min_length = 1, max_length = 2000, example = "good morning")]
    pub query: String,
    /// Analysis folder.
    pub cache_dir: String,
    /// Restrict to these media. Not looked at when `search_all` is true.
    #[serde(default)]
    pub media_paths: Option<Vec<String>>,
    /// At most so many matches.
    #[serde(default = "default_results")]
    #[schema(minimum = 1, maximum = 1000, default = 50)]
    pub max_results: u32,
    /// All transcripts of `cache_dir`. Absent, `media_paths` decides where it is given.
    #[serde(default)]
    #[schema(default = true)]
    pub search_all: Option<bool>,
    /// Keep only what this speaker says (label or display name).
    #[serde(default)]
    pub speaker: Option<String>,
    /// How it is looked for: `exact`, as it is, or `semantic`, by what it means.
    #[serde(default)]
    #[schema(value_type = String, pattern = "^(exact|semantic)$", default = "exact")]
    pub mode: TranscriptMode,
}

/// How words that are said are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TranscriptMode {
    /// As they are, whatever their case, accents and punctuation.
    #[default]
    Exact,
    /// By what they mean.
    Semantic,
}

impl SearchTranscriptRequest {
    /// A search of all of a folder for these words, everything else by default.
    #[must_use]
    pub fn simple(query: impl Into<String>, cache_dir: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            cache_dir: cache_dir.into(),
            media_paths: None,
            max_results: default_results(),
            search_all: None,
            speaker: None,
            mode: TranscriptMode::Exact,
        }
    }

    /// The media that it is restricted to, if it is.
    #[must_use]
    pub fn scope(&self) -> Option<&[String]> {
        self.media_paths.as_deref().filter(|_| self.search_all != Some(true))
    }
}

fn default_results() -> u32 {
    50
}

fn one() -> f64 {
    1.0
}

/// One picture of `POST /thumbnails`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ThumbnailRequest {
    /// Absolute path of the medium.
    pub media_path: String,
    /// Time from the start of the medium.
    #[schema(minimum = 0)]
    pub time_seconds: f64,
}

/// Body of `POST /thumbnails`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ThumbnailsRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// Width of the pictures in pixels; heights follow the shape of the medium.
    #[serde(default = "default_width")]
    #[schema(minimum = 16, maximum = 3840, default = 320)]
    pub width: u32,
    /// Ours: the very frames, decoded anew. Otherwise the preview that an analysis kept of a frame of
    /// the same shot, at most half a second away, may stand for one.
    #[serde(default)]
    #[schema(default = false)]
    pub exact: bool,
    /// Which pictures.
    #[schema(min_items = 1, max_items = 1000)]
    pub requests: Vec<ThumbnailRequest>,
}

fn default_width() -> u32 {
    320
}

/// Body of `POST /thumbnails/scene`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct SceneThumbnailsRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// Absolute path of the medium.
    pub media_path: String,
    /// In point as `HH:MM:SS`, fractions allowed.
    #[schema(pattern = r"^\d{2,}:[0-5]\d:[0-5]\d(\.\d+)?$", example = "00:01:00")]
    pub start_time: String,
    /// Out point as `HH:MM:SS`, fractions allowed.
    #[schema(pattern = r"^\d{2,}:[0-5]\d:[0-5]\d(\.\d+)?$", example = "00:02:00")]
    pub end_time: String,
    /// Alias of the medium; used where `media_path` is no longer there.
    #[serde(default)]
    pub hash_str: Option<String>,
    /// At most so many pictures, evenly spread.
    #[serde(default = "default_scene")]
    #[schema(minimum = 1, maximum = 600, default = 60)]
    pub max_thumbnails: u32,
}

fn default_scene() -> u32 {
    60
}
