//! The embedded visual model: a tagger in a text space, out of small models that packages carry.
//!
//! A picture's likely classes ([EfficientNet-Lite2](classes)), the [faces](crate::yunet) in it and
//! how it [looks](look) become one vector among the [sentences](crate::minilm) that describe them,
//! so a query is compared with it as with a sentence. Beside the vector the strongest tags are kept,
//! for the words that a query shares with them.
//!
//! It is no CLIP: it knows things, light and whether people are there, and not who or what they do.

mod attributes;
mod checkpoint;
mod classes;
mod efficientnet;
mod look;
mod pickle;
pub mod tables;
pub mod vocabulary;

use crate::lazy::Lazy;
use crate::minilm::{DIMENSIONS, SentenceEncoder, normalise};
use crate::yunet::FaceDetector;
use crate::{Calibration, Curve, Embedding, InferError, Runtime, TextQuery, VisualModel};
use attributes::{MIN_FACE_SCORE, attributes};
use classes::{Classifier, Crop};
use look::Look;
use rushes_model::{ModelKey, Picture};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tables::Tables;
use vocabulary::WordIndex;

/// What one key does with a frame.
#[derive(Debug, Clone, Copy)]
struct Recipe {
    key: &'static str,
    frame_long_side: u32,
    crops: &'static [Crop],
    /// Long side at which faces are looked for.
    faces_long_side: u32,
}

/// In the order of [`tables::KEYS`].
const RECIPES: [Recipe; 2] = [
    Recipe {
        key: tables::KEYS[0],
        frame_long_side: 640,
        crops: &[Crop::Centre, Crop::Squashed],
        faces_long_side: 640,
    },
    Recipe {
        key: tables::KEYS[1],
        frame_long_side: 512,
        crops: &[Crop::Squashed],
        faces_long_side: 320,
    },
];

/// Probabilities are raised to this: a class that is second still counts.
const CLASS_POWER: f32 = 0.45;
/// Classes that make up the vector.
const CLASSES_KEPT: usize = 50;
/// Weight of the attributes beside the classes, whose sum has length 1.
const ATTRIBUTE_WEIGHT: f32 = 0.2;
/// Share of the mean picture that is taken away: what all pictures have in common finds nothing.
const CENTRING: f32 = 0.7;
/// Weight of an attribute as a tag, beside a label's.
const ATTRIBUTE_TAG_WEIGHT: f32 = 0.7;
/// Weight of the word match in a score.
const WORD_WEIGHT: f32 = 0.1;

/// Measured by `rushes-bench calibrate`; figures and method are in `bench/`.
const CALIBRATION: Calibration = Calibration {
    text: Curve { slope: 12.0, centre: 0.3 },
    picture: Curve { slope: 12.0, centre: 0.6 },
    same_take: 0.95,
    least: 0.2,
};

/// The embedded model of one key.
pub struct LiteModel {
    key: ModelKey,
    recipe: Recipe,
    tables: Tables,
    mean: Vec<f32>,
    words: WordIndex,
    models: PathBuf,
    runtime: Runtime,
    workers: usize,
    sight: Lazy<Sight>,
    text: Lazy<SentenceEncoder>,
}

/// What is in memory while pictures are embedded.
struct Sight {
    classifier: Classifier,
    faces: FaceDetector,
}

/// Opens an embedded model out of the components under `models`; `workers` callers may embed at
/// once. Weights are read at the first picture and the first sentence, each for itself.
///
/// # Errors
/// When the key is none of [`tables::KEYS`] or a file is missing.
pub fn open(
    models: &Path,
    key: &ModelKey,
    workers: usize,
    runtime: &Runtime,
) -> Result<LiteModel, InferError> {
    let tables = Tables::built_in().ok_or_else(|| broken(key, "its tables do not fit the code"))?;
    open_with(models, key, workers, runtime, tables)
}

/// The same with other tables than those compiled in, which is how those are made.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    models: &Path,
    key: &ModelKey,
    workers: usize,
    runtime: &Runtime,
    tables: Tables,
) -> Result<LiteModel, InferError> {
    let found = RECIPES.iter().position(|recipe| recipe.key == key.as_str());
    let index = found.ok_or_else(|| broken(key, "it is no embedded model"))?;
    let [model, tokenizer] = SentenceEncoder::files(models);
    for path in [Classifier::file(models), FaceDetector::file(models), model, tokenizer] {
        if !path.is_file() {
            return Err(InferError::MissingFile { key: key.to_string(), path });
        }
    }
    let labels = vocabulary::labels().map_err(|error| broken(key, &error.to_string()))?;
    Ok(LiteModel {
        key: key.clone(),
        recipe: RECIPES[index],
        mean: tables.means[index * DIMENSIONS..][..DIMENSIONS].to_vec(),
        tables,
        words: WordIndex::of(&labels),
        models: models.to_path_buf(),
        runtime: runtime.clone(),
        workers,
        sight: Lazy::default(),
        text: Lazy::default(),
    })
}

fn broken(key: &ModelKey, reason: &str) -> InferError {
    InferError::Run { key: key.to_string(), reason: reason.to_owned() }
}

impl LiteModel {
    fn sight(&self) -> Result<Arc<Sight>, InferError> {
        self.sight.get(|| {
            let (runtime, models, workers) = (&self.runtime, &*self.models, self.workers);
            Ok(Sight {
                classifier: Classifier::open(runtime, models, workers)?,
                faces: FaceDetector::open(runtime, models, self.recipe.faces_long_side, workers)?,
            })
        })
    }

    /// Vector before the mean picture is taken away and it is normalised.
    fn blend(&self, probabilities: &[f32], attributes: &[(&str, f32)]) -> Vec<f32> {
        let mut weights: Vec<(usize, f32)> =
            probabilities.iter().map(|p| p.powf(CLASS_POWER)).enumerate().collect();
        weights.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
        let mut vector = vec![0.0; DIMENSIONS];
        for &(class, weight) in &weights[..CLASSES_KEPT] {
            add_row(&mut vector, &self.tables.labels, class, weight);
        }
        normalise(&mut vector);
        for (index, &(_, value)) in attributes.iter().enumerate() {
            add_row(&mut vector, &self.tables.attributes, index, ATTRIBUTE_WEIGHT * value);
        }
        normalise(&mut vector);
        vector
    }
}

fn add_row(vector: &mut [f32], rows: &[f32], index: usize, weight: f32) {
    let row = &rows[index * DIMENSIONS..][..DIMENSIONS];
    vector.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
}

/// The strongest labels and attributes as tags.
fn tags(probabilities: &[f32], attributes: &[(&str, f32)]) -> Vec<(u16, u8)> {
    let labels = probabilities.iter().map(|p| p.sqrt());
    let attributes = attributes.iter().map(|(_, value)| ATTRIBUTE_TAG_WEIGHT * value);
    let mut tags: Vec<(u16, u8)> = (0..)
        .zip(labels.chain(attributes).map(|weight| (weight * 255.0).round() as u8))
        .filter(|&(_, weight)| weight > 0)
        .collect();
    tags.sort_by_key(|&(tag, weight)| (std::cmp::Reverse(weight), tag));
    tags.truncate(Embedding::MAX_TAGS);
    tags
}

impl VisualModel for LiteModel {
    fn key(&self) -> &ModelKey {
        &self.key
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn calibration(&self) -> Calibration {
        CALIBRATION
    }

    fn frame_long_side(&self) -> u32 {
        self.recipe.frame_long_side
    }

    fn embed_picture(&self, picture: &Picture) -> Result<Embedding, InferError> {
        let sight = self.sight()?;
        let probabilities = sight.classifier.classify(picture, self.recipe.crops)?;
        let faces = sight.faces.detect(picture, MIN_FACE_SCORE)?;
        let seen = attributes(&Look::of(picture)?, &faces, picture.height);
        let mut vector = self.blend(&probabilities, &seen);
        vector.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value -= CENTRING * mean);
        normalise(&mut vector);
        Ok(Embedding { vector, tags: tags(&probabilities, &seen) })
    }

    fn embed_text(&self, text: &str) -> Result<TextQuery, InferError> {
        let open = || SentenceEncoder::open(&self.runtime, &self.models, self.workers);
        let encoder = self.text.get(open)?;
        Ok(TextQuery {
            vector: encoder.encode(text)?,
            words: self.words.words(text),
            word_weight: WORD_WEIGHT,
            curve: self.calibration().text,
        })
    }

    fn drop_idle(&self, longest: Duration) {
        self.sight.drop_idle(longest);
        self.text.drop_idle(longest);
    }
}
