//! The model in memory.

use super::align;
use super::mean::MEAN;
use super::quality::Measures;
use super::resnet::{DIMENSIONS, INPUT, OUTPUT, SIDE, graph};
use crate::minilm::normalise;
use crate::resize::{Area, FilterType, resize};
use crate::yunet::{Face, FaceDetector};
use crate::{InferError, Input, Runtime, SessionPool};
use rushes_model::{ModelKey, Picture};
use std::path::{Path, PathBuf};

/// Registry key of the embedder, and its folder.
const COMPONENT: &str = "dlib-resnet-v1";
const FILE: &str = "dlib_face_recognition_resnet_model_v1.dat";
/// Registry key of the whole.
pub const KEY: &str = "dlib-faces";
/// Long side in pixels at which faces are looked for: of faces of 32 pixels at 1080p 93 to 96 % are
/// found, about as many as at 1280, in half the time (bench/runs/2026-11-25.md).
const LONG_SIDE: u32 = 1024;
/// Least score of the detector.
const MIN_SCORE: f32 = 0.5;
/// Shorter side in pixels of the smallest face that is reported. Vectors of faces of 30 pixels are .16
/// from the same person's at full size, of 22 pixels .31 and one in ten is nearer to somebody else
/// (bench/runs/2026-11-25.md).
pub const SMALLEST_FACE: f32 = 24.0;
/// Quality below which a face is better not embedded: half of such vectors are nearer to somebody else
/// than to the person, of those up to 0.7 one in nine, above one in forty
/// (bench/runs/2026-11-25.md). Its place is still good for following it.
pub const LEAST_QUALITY: f32 = 0.3;
/// Times the API's `eps` it is the cosine distance at which [`FaceModel::embed`]'s vectors are
/// neighbours: the default of 0.48 is 0.32. Of 435 faces of 115 people DBSCAN joins 99 % of the pairs that
/// belong together from .30 on, and wrong ones, at most three in a thousand, up to .38; at .40 people
/// become one (bench/runs/2026-11-25.md).
pub const EPS_SCALE: f32 = 2.0 / 3.0;
/// A crop for people is so many times the box, and at most so many pixels.
const CROP_MARGIN: f32 = 1.6;
const CROP_SIDE: f64 = 160.0;

/// A face and how well it can be seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenFace {
    /// Where it is.
    pub face: Face,
    /// 0..=1: how near its vector is expected to be to others of the same person. A face looking at the
    /// camera, sharp and of 60 pixels or more has about 0.95.
    pub quality: f32,
}

/// A face that is seen well enough to be told apart.
#[derive(Debug, Clone, PartialEq)]
pub struct ClearFace {
    /// Where it is.
    pub face: Face,
    /// [`LEAST_QUALITY`] to 1; see [`SeenFace`].
    pub quality: f32,
    /// See [`FaceModel::embed`].
    pub vector: Vec<f32>,
}

/// Detector and embedder in memory. Calls may come from several threads at once.
pub struct FaceModel {
    key: ModelKey,
    detector: FaceDetector,
    embedder: SessionPool,
}

impl FaceModel {
    /// The file of the embedder under a models folder.
    #[must_use]
    pub fn file(models: &Path) -> PathBuf {
        models.join(COMPONENT).join(FILE)
    }

    /// Opens the model under a models folder for `workers` pictures at once.
    ///
    /// # Errors
    /// When a file is missing or is not the network that it should be.
    pub fn open(runtime: &Runtime, models: &Path, workers: usize) -> Result<Self, InferError> {
        let path = Self::file(models);
        if !path.is_file() {
            return Err(InferError::MissingFile { key: COMPONENT.to_owned(), path });
        }
        let bad = |reason: String| InferError::BadFile { path: path.clone(), reason };
        let key = KEY.parse().map_err(|_| bad(format!("{KEY} is not a key")))?;
        let model = graph(&fs_err::read(&path)?).map_err(|error| bad(error.to_string()))?;
        let embedder = SessionPool::from_memory(runtime, COMPONENT, &path, &model, workers)?;
        let detector = FaceDetector::open(runtime, models, LONG_SIDE, workers)?;
        Ok(Self { key, detector, embedder })
    }

    /// Key in the registry.
    #[must_use]
    pub fn key(&self) -> &ModelKey {
        &self.key
    }

    /// Length of the vectors.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    /// Long side in pixels at which faces are looked for. Larger pictures are shrunk for that alone: chips
    /// and vectors are taken from the picture as it is.
    #[must_use]
    pub fn detection_long_side(&self) -> u32 {
        LONG_SIDE
    }

    /// Finds the faces of a picture whose shorter side is at least [`SMALLEST_FACE`], best score first, also
    /// those that are seen too badly to be told apart: see [`LEAST_QUALITY`].
    ///
    /// # Errors
    /// When inference fails.
    pub fn detect(&self, picture: &Picture) -> Result<Vec<SeenFace>, InferError> {
        let seen = self.large(picture)?.into_iter().map(|face| {
            let chip = align::chip(picture, &face.landmarks)?;
            Ok(SeenFace { face, quality: quality(&face, chip.as_deref()) })
        });
        seen.collect()
    }

    /// The faces of a picture that are seen well enough to be told apart, with their vectors, best score first:
    /// what [`detect`](Self::detect) and [`embed`](Self::embed) give, for half the work on pixels.
    ///
    /// # Errors
    /// When inference fails.
    pub fn find(&self, picture: &Picture) -> Result<Vec<ClearFace>, InferError> {
        let mut found = Vec::new();
        for face in self.large(picture)? {
            let Some(chip) = align::chip(picture, &face.landmarks)? else { continue };
            let quality = quality(&face, Some(&chip));
            if quality >= LEAST_QUALITY {
                found.push(ClearFace { face, quality, vector: self.vector(&chip)? });
            }
        }
        Ok(found)
    }

    /// The faces that are large enough, best score first.
    fn large(&self, picture: &Picture) -> Result<Vec<Face>, InferError> {
        let mut faces = self.detector.detect(picture, MIN_SCORE)?;
        faces.retain(|face| face.width.min(face.height) >= SMALLEST_FACE);
        Ok(faces)
    }

    /// The vector of a face: [`dimensions`](Self::dimensions) values of length 1. The cosine distance of
    /// two is compared with `eps` times [`EPS_SCALE`]; the mean of several of one person, brought to
    /// length 1 again, stands for all of them.
    ///
    /// # Errors
    /// When inference fails, or the five points of the face lie in one place.
    pub fn embed(&self, picture: &Picture, face: &Face) -> Result<Vec<f32>, InferError> {
        let chip = align::chip(picture, &face.landmarks)?;
        self.vector(&chip.ok_or_else(|| failed("a face has no extent"))?)
    }

    fn vector(&self, chip: &[f32]) -> Result<Vec<f32>, InferError> {
        let mut vector = self.run(chip)?;
        vector.iter_mut().zip(MEAN).for_each(|(value, mean)| *value -= mean);
        normalise(&mut vector);
        Ok(vector)
    }

    fn run(&self, chip: &[f32]) -> Result<Vec<f32>, InferError> {
        let input = Input::F32(&[1, 3, SIDE, SIDE], chip);
        let mut outputs = self.embedder.run(&[(INPUT, input)], &[OUTPUT])?;
        let vector = outputs.swap_remove(0).values;
        if vector.len() != DIMENSIONS {
            return Err(failed("its vectors have another length than expected"));
        }
        Ok(vector)
    }

    /// A face with some of its surroundings, upright as in the picture, for people to look at.
    ///
    /// # Errors
    /// When it lies outside the picture.
    pub fn chip(&self, picture: &Picture, face: &Face) -> Result<Picture, InferError> {
        let side = face.width.max(face.height) * CROP_MARGIN;
        let (x, y) = (face.left + face.width / 2.0, face.top + face.height / 2.0);
        let span = |middle: f32, limit: u32| {
            let first = f64::from(middle - side / 2.0).clamp(0.0, f64::from(limit));
            let last = f64::from(middle + side / 2.0).clamp(0.0, f64::from(limit));
            (first, last - first)
        };
        let ((left, width), (top, height)) = (span(x, picture.width), span(y, picture.height));
        if !(width > 0.0 && height > 0.0) {
            let reason = "the face lies outside".to_owned();
            let (width, height) = (picture.width, picture.height);
            return Err(InferError::Picture { width, height, reason });
        }
        let shrink = (CROP_SIDE / width.max(height)).min(1.0);
        let size = |side: f64| ((side * shrink).round() as u32).max(1);
        let area = Area { left, top, width, height };
        resize(picture, area, (size(width), size(height)), FilterType::Bilinear)
    }
}

/// How well a face can be seen, by its chip; one without is not seen.
fn quality(face: &Face, chip: Option<&[f32]>) -> f32 {
    chip.map_or(0.0, |chip| Measures::of(face, chip).quality())
}

fn failed(reason: &str) -> InferError {
    InferError::Run { key: KEY.to_owned(), reason: reason.to_owned() }
}
