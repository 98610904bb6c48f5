//! The embedded visual model: a tagger in a text space, out of small models that packages carry.
//!
//! A picture's likely classes ([EfficientNet-Lite2](classes)), the [things](crate::ssd) and
//! [faces](crate::yunet) in it and how it [looks](look) become one vector among the
//! [sentences](crate::minilm) that describe them, so a query is compared with it as with a sentence.
//! The smaller of the two models does without things. Beside the vector the strongest tags are kept,
//! for the words that a query shares with them.
//!
//! It is no CLIP: it knows things, light and whether people are there, and not who or what they do.

mod attributes;
mod classes;
pub mod demand;
mod efficientnet;
mod look;
pub mod tables;
mod things;
pub mod vocabulary;

use crate::lazy::Lazy;
use crate::minilm::{DIMENSIONS, SentenceEncoder, normalise};
use crate::ssd::Detector;
use crate::template::mean_vector;
use crate::yunet::FaceDetector;
use crate::{Calibration, Curve, Embedding, InferError, Runtime, Template, TextQuery, VisualModel};
use attributes::{MIN_FACE_SCORE, Sights, attributes};
use classes::{Classifier, Crop};
use demand::{Demand, Signals};
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
    /// Whether things are looked for.
    things: bool,
    /// Measured by `rushes-bench calibrate`; figures and method are in `bench/`. The centre is that of a
    /// sentence of which nothing is known; the demand moves it.
    calibration: Calibration,
    /// From the same command.
    demand: Demand,
}

/// In the order of [`tables::KEYS`].
const RECIPES: [Recipe; 2] = [
    Recipe {
        key: tables::KEYS[0],
        frame_long_side: 640,
        crops: &[Crop::Centre, Crop::Squashed],
        faces_long_side: 640,
        things: true,
        calibration: Calibration {
            text: Curve { slope: 9.50, centre: 0.2148 },
            picture: Curve { slope: 10.67, centre: 0.6312 },
            same_take: 0.942,
            least: 0.418,
        },
        demand: Demand { known_words: 0.34, nearest_label: 0.69 },
    },
    Recipe {
        key: tables::KEYS[1],
        frame_long_side: 512,
        crops: &[Crop::Squashed],
        faces_long_side: 320,
        things: false,
        calibration: Calibration {
            text: Curve { slope: 9.06, centre: 0.2336 },
            picture: Curve { slope: 11.55, centre: 0.6198 },
            same_take: 0.941,
            least: 0.335,
        },
        demand: Demand { known_words: 0.41, nearest_label: 0.75 },
    },
];

/// Probabilities are raised to this: a class that is second still counts.
const CLASS_POWER: f32 = 0.45;
/// Classes that make up the vector.
const CLASSES_KEPT: usize = 50;
/// Weight of the things beside the classes, whose sum has length 1.
const THING_WEIGHT: f32 = 0.4;
/// Weight of the attributes beside the classes, whose sum has length 1.
const ATTRIBUTE_WEIGHT: f32 = 0.2;
/// Share that is taken away of the mean picture from pictures, and of the mean label from sentences: what
/// all have in common finds nothing.
const CENTRING: f32 = 0.7;
/// Weight of an attribute as a tag, beside a label's.
const ATTRIBUTE_TAG_WEIGHT: f32 = 0.7;
/// Weight of the word match in a score.
const WORD_WEIGHT: f32 = 0.2;

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
    things: Option<Detector>,
}

/// What was found in a picture.
struct Seen {
    /// Probability of each class.
    labels: Vec<f32>,
    /// How far each attribute holds, 0..=1.
    attributes: Vec<f32>,
    /// How much there is of each class of things, 0..=1.
    things: Vec<f32>,
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
    let recipe = RECIPES[index];
    let [model, tokenizer] = SentenceEncoder::files(models);
    let files = [Classifier::file(models), FaceDetector::file(models), model, tokenizer];
    for path in files.into_iter().chain(recipe.things.then(|| Detector::file(models))) {
        if !path.is_file() {
            return Err(InferError::MissingFile { key: key.to_string(), path });
        }
    }
    let labels = vocabulary::labels().map_err(|error| broken(key, &error.to_string()))?;
    Ok(LiteModel {
        key: key.clone(),
        recipe,
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
            let detector = || Detector::open(runtime, models, workers);
            Ok(Sight {
                classifier: Classifier::open(runtime, models, workers)?,
                faces: FaceDetector::open(runtime, models, self.recipe.faces_long_side, workers)?,
                things: self.recipe.things.then(detector).transpose()?,
            })
        })
    }

    fn look_at(&self, picture: &Picture) -> Result<Seen, InferError> {
        let sight = self.sight()?;
        let faces = sight.faces.detect(picture, MIN_FACE_SCORE)?;
        let things = sight.things.as_ref().map(|detector| detector.detect(picture)).transpose()?;
        let (look, things) = (Look::of(picture)?, things.unwrap_or_default());
        let sights = Sights { look: &look, faces: &faces, things: &things, height: picture.height };
        Ok(Seen {
            labels: sight.classifier.classify(picture, self.recipe.crops)?,
            attributes: attributes(&sights).into_iter().map(|(_, value)| value).collect(),
            things: things::weights(&things),
        })
    }

    /// Vector before the mean picture is taken away and it is normalised.
    fn blend(&self, seen: &Seen) -> Vec<f32> {
        let mut weights: Vec<(usize, f32)> =
            seen.labels.iter().map(|p| p.powf(CLASS_POWER)).enumerate().collect();
        weights.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
        let mut vector = vec![0.0; DIMENSIONS];
        for &(class, weight) in &weights[..CLASSES_KEPT] {
            add_row(&mut vector, &self.tables.labels, class, weight);
        }
        normalise(&mut vector);
        for (index, value) in seen.things.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            add_row(&mut vector, &self.tables.things, index, THING_WEIGHT * value);
        }
        for (index, value) in seen.attributes.iter().enumerate() {
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

/// The direction of a vector when a mean is taken away as far as [`CENTRING`] says.
fn without(mut vector: Vec<f32>, mean: &[f32]) -> Vec<f32> {
    vector.iter_mut().zip(mean).for_each(|(value, mean)| *value -= CENTRING * mean);
    normalise(&mut vector);
    vector
}

/// The strongest labels, attributes and things as tags.
fn tags(seen: &Seen) -> Vec<(u16, u8)> {
    let labels = seen.labels.iter().map(|p| p.sqrt());
    let attributes = seen.attributes.iter().map(|value| ATTRIBUTE_TAG_WEIGHT * value);
    let things = things::tags().map(|(tag, _)| tag).zip(seen.things.iter().copied());
    let mut tags: Vec<(u16, u8)> = (0..)
        .zip(labels.chain(attributes))
        .chain(things)
        .map(|(tag, weight)| (tag, (weight * 255.0).round() as u8))
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
        self.recipe.calibration
    }

    fn frame_long_side(&self) -> u32 {
        self.recipe.frame_long_side
    }

    fn embed_picture(&self, picture: &Picture) -> Result<Embedding, InferError> {
        let seen = self.look_at(picture)?;
        let vector = without(self.blend(&seen), &self.mean);
        Ok(Embedding { vector, tags: tags(&seen) })
    }

    fn embed_text_in(&self, templates: &[Template], text: &str) -> Result<TextQuery, InferError> {
        let open = || SentenceEncoder::open(&self.runtime, &self.models, self.workers);
        let encoder = self.text.get(open)?;
        let words = self.words.words(text);
        let typed = mean_vector(templates, text, |sentence| encoder.encode(sentence))?;
        let vector = without(typed, &self.tables.mean_label);
        let Curve { slope, centre } = self.recipe.calibration.text;
        let signals = Signals::of(&vector, &words, &self.tables.labels);
        let centre = centre + self.recipe.demand.of(signals);
        let curve = Curve { slope, centre };
        Ok(TextQuery { vector, words, word_weight: WORD_WEIGHT, curve })
    }

    fn drop_idle(&self, longest: Duration) {
        self.sight.drop_idle(longest);
        self.text.drop_idle(longest);
    }
}
