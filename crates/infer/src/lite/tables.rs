//! Vectors that are the same for every picture: of labels, attributes and things, their mean, and the
//! mean picture.
//!
//! They are made once by the example `lite_tables` and compiled in.

use super::attributes::phrases;
use super::efficientnet::CLASSES;
use super::things;
use super::vocabulary::{Label, labels};
use crate::InferError;
use crate::minilm::{DIMENSIONS, SentenceEncoder, normalise};
use crate::ssd;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Labels, attributes, things, the mean label, then one mean picture per key of [`KEYS`], as
/// little-endian f16 rows.
const BUILT_IN: &[u8] = include_bytes!("../../assets/lite-tables.f16");

/// Keys in the order of their mean pictures.
pub const KEYS: [&str; 2] = ["lite-260", "lite-260-fast"];

/// Rows of [`DIMENSIONS`] values.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// A row per class: its words' vector less the mean of all classes.
    pub labels: Vec<f32>,
    /// A row per attribute: its phrase's vector less that mean.
    pub attributes: Vec<f32>,
    /// A row per class of [`ssd::CLASSES`]: the vector of a photo of it less that mean.
    pub things: Vec<f32>,
    /// One row: the mean of all classes that the rows above are without.
    pub mean_label: Vec<f32>,
    /// A row per key: the mean vector of varied pictures.
    pub means: Vec<f32>,
}

impl Tables {
    /// The tables that are compiled in, or `None` when they do not fit the code: then `lite_tables`
    /// must be run again.
    #[must_use]
    pub fn built_in() -> Option<Self> {
        let bytes = BUILT_IN.as_chunks::<2>().0;
        let values: Vec<f32> =
            bytes.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect();
        let (labels, rest) = values.split_at_checked(CLASSES * DIMENSIONS)?;
        let (attributes, rest) = rest.split_at_checked(phrases().len() * DIMENSIONS)?;
        let (things, rest) = rest.split_at_checked(ssd::CLASSES.len() * DIMENSIONS)?;
        let (mean_label, means) = rest.split_at_checked(DIMENSIONS)?;
        (means.len() == KEYS.len() * DIMENSIONS).then(|| Self {
            labels: labels.to_vec(),
            attributes: attributes.to_vec(),
            things: things.to_vec(),
            mean_label: mean_label.to_vec(),
            means: means.to_vec(),
        })
    }

    /// Works the rows of words out anew; the mean pictures are zero.
    ///
    /// A label is the mean direction of "a photo of a NAME", NAME, its synonyms and, twice, its
    /// expansions.
    ///
    /// # Errors
    /// When inference fails.
    pub fn of_words(encoder: &SentenceEncoder) -> Result<Self, InferError> {
        let vocabulary = labels().map_err(|error| InferError::Run {
            key: "lite vocabulary".to_owned(),
            reason: error.to_string(),
        })?;
        let mut labels = Vec::with_capacity(CLASSES * DIMENSIONS);
        for label in &vocabulary {
            labels.extend(label_vector(encoder, label)?);
        }
        let mean_label = mean_row(&labels);
        let mut attributes = Vec::new();
        for phrase in phrases() {
            attributes.extend(encoder.encode(phrase)?);
        }
        let mut things = Vec::new();
        for (_, name) in things::tags() {
            things.extend(encoder.encode(&format!("a photo of a {name}"))?);
        }
        for rows in [&mut labels, &mut attributes, &mut things] {
            for row in rows.chunks_exact_mut(DIMENSIONS) {
                row.iter_mut().zip(&mean_label).for_each(|(value, mean)| *value -= mean);
            }
        }
        let means = vec![0.0; KEYS.len() * DIMENSIONS];
        Ok(Self { labels, attributes, things, mean_label, means })
    }

    /// The bytes to compile in.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let parts = [&self.labels, &self.attributes, &self.things, &self.mean_label, &self.means];
        let values: Vec<f32> = parts.into_iter().flatten().copied().collect();
        let mut halves = vec![f16::ZERO; values.len()];
        halves.convert_from_f32_slice(&values);
        halves.iter().flat_map(|half| half.to_le_bytes()).collect()
    }
}

fn label_vector(encoder: &SentenceEncoder, label: &Label) -> Result<Vec<f32>, InferError> {
    let photo = encoder.encode(&format!("a photo of a {}", label.name))?;
    let expansions =
        label.expansions.iter().map(|text| encoder.encode(text)).collect::<Result<Vec<_>, _>>()?;
    let mut expanded =
        if expansions.is_empty() { photo.clone() } else { mean_row(&expansions.concat()) };
    normalise(&mut expanded);
    let (name, synonyms) = (encoder.encode(&label.name)?, encoder.encode(&label.synonyms)?);
    let mut vector: Vec<f32> =
        (0..DIMENSIONS).map(|k| photo[k] + name[k] + synonyms[k] + 2.0 * expanded[k]).collect();
    normalise(&mut vector);
    Ok(vector)
}

/// Mean of rows of [`DIMENSIONS`] values.
#[must_use]
pub fn mean_row(rows: &[f32]) -> Vec<f32> {
    let count = (rows.len() / DIMENSIONS).max(1) as f32;
    let mut mean = vec![0.0; DIMENSIONS];
    for row in rows.chunks_exact(DIMENSIONS) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / count);
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::{models, runtime};

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
        a.iter().zip(b).map(|(a, b)| a - b).collect()
    }

    /// Rows are without the mean of all labels, so differences are compared, where it falls out.
    #[test]
    fn rows_are_what_the_encoder_says_of_the_words() {
        let encoder = SentenceEncoder::open(&runtime(), &models(), 1).expect("make setup");
        let tables = Tables::built_in().expect("tables fit");
        let vocabulary = labels().expect("vocabulary");
        let row = |rows: &[f32], index: usize| rows[index * DIMENSIONS..][..DIMENSIONS].to_vec();
        let expanded = vocabulary.iter().position(|label| label.expansions.len() > 1).expect("one");
        let pairs = [(0, 999), (281, expanded), (expanded, 7)];
        for (a, b) in pairs {
            let vector =
                |index: usize| label_vector(&encoder, &vocabulary[index]).expect("encodes");
            let kept = difference(&row(&tables.labels, a), &row(&tables.labels, b));
            let cosine = cosine(&kept, &difference(&vector(a), &vector(b)));
            assert!(cosine >= 0.999, "labels {a} and {b}: {cosine}");
        }
        let phrase = |index: usize| encoder.encode(phrases()[index]).expect("encodes");
        let kept = difference(&row(&tables.attributes, 0), &row(&tables.attributes, 20));
        let attributes = cosine(&kept, &difference(&phrase(0), &phrase(20)));
        assert!(attributes >= 0.999, "attributes: {attributes}");
        let photo = |name: &str| encoder.encode(&format!("a photo of a {name}")).expect("encodes");
        let kept = difference(&row(&tables.things, 0), &row(&tables.things, 15));
        let things = cosine(&kept, &difference(&photo("person"), &photo("cat")));
        assert!(things >= 0.999, "things: {things}");
    }

    #[test]
    fn tables_keep_their_bytes() {
        let tables = Tables::built_in().expect("tables fit");
        assert_eq!(tables.to_bytes(), BUILT_IN);
        for mean in tables.means.chunks_exact(DIMENSIONS) {
            let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
            assert!((0.05..1.0).contains(&length), "a mean picture of length {length}");
        }
    }
}
