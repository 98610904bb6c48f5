//! What a sentence asks of a picture before the two are taken to fit.
//!
//! The same score means more for one sentence than for another. Words that nothing goes by are in no
//! picture's vector on purpose, so what they score, they score by chance. A sentence that names a class
//! finds pictures of that class with high scores, so a middling best picture is of something else: "a
//! typewriter" finds a keyboard. Both show in the sentence alone, without a look at any picture.

use crate::minilm::DIMENSIONS;

/// What shows in a sentence alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// Share of its words that a label, an attribute or a thing goes by, 0..=1; 0 without any words.
    pub known_words: f32,
    /// Cosine of the nearest label, at least 0.
    pub nearest_label: f32,
}

/// How much a sentence's signals move its centre. `rushes-bench calibrate` fits it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demand {
    /// How much less score is asked of a sentence whose words are all known than of one without any.
    pub known_words: f32,
    /// How much more is asked of a sentence that is a label than of one at right angles to all of them.
    pub nearest_label: f32,
}

impl Signals {
    /// Of a sentence's vector of length 1 and the tags of each of its words; `labels` are rows of
    /// [`DIMENSIONS`] values.
    #[must_use]
    pub fn of(vector: &[f32], words: &[Vec<u16>], labels: &[f32]) -> Self {
        let known = words.iter().filter(|tags| !tags.is_empty()).count() as f32;
        let known_words = known / words.len().max(1) as f32;
        Self { known_words, nearest_label: nearest(vector, labels) }
    }
}

impl Demand {
    /// What is added to the centre of a sentence with these signals.
    #[must_use]
    pub fn of(self, signals: Signals) -> f32 {
        self.nearest_label * signals.nearest_label - self.known_words * signals.known_words
    }
}

fn nearest(vector: &[f32], labels: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine =
        |label: &[f32]| dot(vector, label) / dot(label, label).sqrt().max(f32::MIN_POSITIVE);
    labels.chunks_exact(DIMENSIONS).map(cosine).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMAND: Demand = Demand { known_words: 0.5, nearest_label: 0.75 };

    /// The unit vector along an axis.
    fn axis(at: usize) -> Vec<f32> {
        (0..DIMENSIONS).map(|place| f32::from(u8::from(place == at))).collect()
    }

    #[test]
    fn unknown_words_and_named_classes_ask_for_more() {
        let labels: Vec<f32> =
            [axis(3), axis(4)].concat().iter().map(|value| value * 0.7).collect();
        let demand = |vector: &[f32], words: &[Vec<u16>], labels: &[f32]| {
            DEMAND.of(Signals::of(vector, words, labels))
        };
        let (known, unknown) = (vec![7], vec![]);
        let none = demand(&axis(9), &[unknown.clone(), unknown.clone()], &labels);
        let half = demand(&axis(9), &[known.clone(), unknown], &labels);
        let all = demand(&axis(9), &[known.clone(), known.clone()], &labels);
        assert_eq!((none, half, all), (0.0, -0.25, -0.5));
        let named = demand(&axis(4), std::slice::from_ref(&known), &labels);
        assert!((named - all - 0.75).abs() < 1e-6, "{named}");
        assert_eq!(demand(&axis(9), &[], &labels), 0.0, "a query without words");
        assert_eq!(demand(&axis(9), &[known], &[0.0; DIMENSIONS]), all, "a row of zeros");
    }
}
