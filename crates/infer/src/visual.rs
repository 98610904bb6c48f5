//! What every visual model can do.

use crate::{Calibration, Curve, Template, registry::RegistryError};
use rushes_model::{ModelKey, Picture};
use std::{path::PathBuf, time::Duration};

/// A picture in a model's space.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// `dimensions()` values, L2-normalised.
    pub vector: Vec<f32>,
    /// Concepts seen, as tag number and weight 0..=255, strongest first and at most
    /// [`Embedding::MAX_TAGS`]. Empty for models that have no tags.
    pub tags: Vec<(u16, u8)>,
}

impl Embedding {
    /// Tags kept a picture: what a stored row has room for.
    pub const MAX_TAGS: usize = 24;
}

/// A sentence in a model's space.
///
/// A picture's score is `vector · picture + word_weight * Σ_w max_{t in words[w]} tag(t) / √words.len()`
/// with `tag(t)` the picture's weight of tag `t` as 0..=1.
#[derive(Debug, Clone, PartialEq)]
pub struct TextQuery {
    /// `dimensions()` values, L2-normalised.
    pub vector: Vec<f32>,
    /// For each word of the query the tags that are called by it. Empty for models without tags.
    pub words: Vec<Vec<u16>>,
    /// Weight of the word match beside the vectors.
    pub word_weight: f32,
    /// What its scores mean.
    pub curve: Curve,
}

/// A model that is in memory and ready. Calls may come from several threads at once.
pub trait VisualModel: Send + Sync {
    /// Key in the registry.
    fn key(&self) -> &ModelKey;

    /// Length of the vectors.
    fn dimensions(&self) -> usize;

    /// Long side in pixels at which frames should arrive; larger only costs time.
    fn frame_long_side(&self) -> u32;

    /// What its scores mean.
    fn calibration(&self) -> Calibration;

    /// Embeds a picture of any size.
    ///
    /// # Errors
    /// When inference fails.
    fn embed_picture(&self, picture: &Picture) -> Result<Embedding, InferError>;

    /// Embeds a sentence in the model's own templates; what is longer than the model reads is cut.
    ///
    /// # Errors
    /// When inference fails.
    fn embed_text(&self, text: &str) -> Result<TextQuery, InferError> {
        self.embed_text_in(self.templates(), text)
    }

    /// Embeds a sentence in these templates, or as typed when there are none.
    ///
    /// # Errors
    /// When inference fails.
    fn embed_text_in(&self, templates: &[Template], text: &str) -> Result<TextQuery, InferError>;

    /// The model's own templates; none for models that read words as they are typed.
    fn templates(&self) -> &[Template] {
        &[]
    }

    /// Gives back memory that can be had again, if it was last used at least `longest` ago: of a text
    /// tower always, of the picture side where the model can. The next call takes it again and waits.
    fn drop_idle(&self, longest: Duration) {
        let _ = longest;
    }
}

/// What can go wrong between a model's files and a vector.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The ONNX Runtime library is missing or does not load.
    #[error(
        "ONNX Runtime could not be loaded from {path}: {reason}. Run `rushes models pull onnxruntime`."
    )]
    Runtime {
        /// Where it was looked for.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// A model's file is not on disk.
    #[error("{key} needs {path}, which is not there. Run `rushes models pull {key}`.")]
    MissingFile {
        /// Registry key of the model or component.
        key: String,
        /// The absent file.
        path: PathBuf,
    },
    /// A model's file is there and cannot be used.
    #[error("{path} cannot be used as a model: {reason}. Delete it and pull the model again.")]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A session failed while running.
    #[error("{key} failed while running: {reason}")]
    Run {
        /// Registry key.
        key: String,
        /// What the runtime said.
        reason: String,
    },
    /// A picture cannot be brought to a model's size.
    #[error("a picture of {width}x{height} cannot be resized: {reason}")]
    Picture {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is in no registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Reading a file failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
