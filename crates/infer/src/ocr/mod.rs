//! On-screen text: slates, titles, lower thirds, slides, burnt-in timecode.
//!
//! A [`TextReader`] finds the pieces of text in a picture with PP-OCRv4's detector, reads each with its
//! recogniser, and gives [`TextLine`]s in reading order.
//!
//! Recipes are those of PaddleOCR, and of the package that the files come in. Text may be tilted by
//! some 15 degrees; text that runs from top to bottom is not read.
//!
//! ```no_run
//! use rushes_infer::{Runtime, ocr::TextReader};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (library, models) = ("libonnxruntime.so".as_ref(), "models".as_ref());
//! # let picture = rushes_model::Picture { width: 1, height: 1, pixels: vec![0; 3] };
//! let reader = TextReader::open(&Runtime::load(library)?, models, 1)?;
//! for line in reader.read(&picture)? {
//!     println!("{} ({:.2})", line.text, line.confidence);
//! }
//! # Ok(())
//! # }
//! ```

mod boxes;
mod detector;
mod layout;
mod planes;
mod recogniser;

use crate::lazy::Lazy;
use crate::{InferError, Runtime};
use boxes::Slanted;
use detector::Detector;
use recogniser::Recogniser;
use rushes_model::Picture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Registry key of the model, and its folder.
pub const MODEL: &str = "pp-ocr-v4";

/// Pieces read of one picture, the largest first: a page of a newspaper must not take a minute.
const MAX_PIECES: usize = 100;

/// A line of text in a picture; places are pixels of that picture.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLine {
    /// What stands there, words parted by single spaces.
    pub text: String,
    /// Mean probability of its characters, 0..=1.
    pub confidence: f32,
    /// Left edge of the upright box around the line.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// A piece of text that was read, not yet in a line.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    text: String,
    confidence: f32,
    area: Slanted,
}

/// Reads text in pictures. Calls may come from several threads at once.
pub struct TextReader {
    runtime: Runtime,
    models: PathBuf,
    workers: usize,
    parts: Lazy<Parts>,
}

struct Parts {
    detector: Detector,
    recogniser: Recogniser,
}

impl TextReader {
    /// Files that the reader needs under a models folder: detector and recogniser.
    #[must_use]
    pub fn files(models: &Path) -> [PathBuf; 2] {
        ["det.onnx", "rec.onnx"].map(|file| models.join(MODEL).join(file))
    }

    /// Opens the reader for `workers` pictures at a time.
    ///
    /// # Errors
    /// [`InferError::MissingFile`] when the model has not been pulled, [`InferError::BadFile`] when a
    /// file is damaged or holds no alphabet.
    pub fn open(runtime: &Runtime, models: &Path, workers: usize) -> Result<Self, InferError> {
        let reader = Self {
            runtime: runtime.clone(),
            models: models.to_path_buf(),
            workers,
            parts: Lazy::default(),
        };
        reader.parts()?;
        Ok(reader)
    }

    /// The lines of text in a picture of any size, from top to bottom and from left to right. What is
    /// read without confidence, or holds neither letter nor digit, is left out.
    ///
    /// # Errors
    /// When inference fails.
    pub fn read(&self, picture: &Picture) -> Result<Vec<TextLine>, InferError> {
        self.read_until(picture, &|| false)
    }

    /// The same, ended within some hundred milliseconds when `stop` says so. What comes then is of no
    /// use.
    ///
    /// # Errors
    /// As [`TextReader::read`].
    pub fn read_until(
        &self,
        picture: &Picture,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<TextLine>, InferError> {
        let parts = self.parts()?;
        let mut areas = parts.detector.detect(picture)?;
        areas.sort_by(|a, b| b.height.total_cmp(&a.height));
        areas.truncate(MAX_PIECES);
        let mut pieces = Vec::new();
        for area in areas.into_iter().take_while(|_| !stop()) {
            pieces.extend(parts.recogniser.read(picture, area)?);
        }
        Ok(layout::lines(pieces, picture))
    }

    /// Gives back the memory of the model if it was last used at least `longest` ago; the next read
    /// takes it again.
    pub fn drop_idle(&self, longest: Duration) {
        self.parts.drop_idle(longest);
    }

    fn parts(&self) -> Result<Arc<Parts>, InferError> {
        self.parts.get(|| {
            let [detector, recogniser] = Self::files(&self.models);
            Ok(Parts {
                detector: Detector::open(&self.runtime, &detector, self.workers)?,
                recogniser: Recogniser::open(&self.runtime, &recogniser, self.workers)?,
            })
        })
    }
}
