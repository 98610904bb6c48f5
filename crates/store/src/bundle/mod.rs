//! Bundles: what an analysis found, as one immutable file. `FORMAT.md` has the layout.

mod check;
mod contents;
mod encoded;
mod faces;
mod glance;
mod layout;
mod pictures;
mod read;
mod speech;
mod text;
mod write;

pub(crate) use check::check;
pub(crate) use encoded::Encoded;
pub use faces::{FaceBundle, FaceBundleFile, FaceCrops, FaceTrack, Seen};
pub(crate) use glance::glance;
pub use pictures::Previews;
pub use read::{Table, VisualBundleFile};
pub use speech::{Meanings, SpeechBundle, SpeechBundleFile, SpokenSegment, SpokenWord, Voice};
pub use text::{TextBundle, TextFrame, TextLine};

use crate::path_bytes;
use rushes_model::{HashStr, MediaFacts, MediaId, ModelKey, Sampling, Shot};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Bytes of a row of tags: 24 tag numbers as little-endian u16, then their 24 weights.
pub const TAG_ROW_BYTES: usize = 72;

/// Bytes of a stored [`RowTime`].
const TIME_BYTES: usize = 12;
/// Bytes of a stored shot.
const SHOT_BYTES: usize = 16;

/// What a bundle is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BundleMeta {
    /// Identity of the medium.
    pub media_id: MediaId,
    /// Its short name in the API.
    pub hash_str: HashStr,
    /// The model that made the vectors, read the text or heard the words.
    pub model_key: ModelKey,
    /// What probing told.
    pub facts: MediaFacts,
    /// Where the medium was when it was analysed; it may have moved since.
    #[serde(with = "path_bytes")]
    pub source_path: PathBuf,
    /// How densely it was looked at; of text, how densely the look was that told the shots; of speech always
    /// in full.
    pub sampling: Sampling,
    /// When, in seconds since 1970.
    pub created_at: u64,
    /// Version of Rushes.
    pub tool_version: String,
}

/// Which moment a row stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowTime {
    /// The second of media; the API's `frame_idx`.
    pub second: u32,
    /// Source time of the frame that was looked at, in seconds.
    pub seconds: f64,
}

/// Everything that a visual analysis found in one medium.
#[derive(Debug, Clone, PartialEq)]
pub struct VisualBundle {
    /// What it is of.
    pub meta: BundleMeta,
    /// Values a vector.
    pub dim: usize,
    /// The moment of each row.
    pub times: Vec<RowTime>,
    /// Bit patterns of f16 values, row after row.
    pub vectors: Vec<u16>,
    /// Rows of [`TAG_ROW_BYTES`], for models that have tags.
    pub tags: Option<Vec<u8>>,
    /// The shots, in order.
    pub shots: Vec<Shot>,
    /// The pictures.
    pub previews: Previews,
}

/// The META section: what a visual bundle is of, and its shape.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct StoredMeta {
    rows: usize,
    dim: usize,
    bundle: BundleMeta,
}
