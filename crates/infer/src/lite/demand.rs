//! What a sentence asks of a picture before the two are taken to fit.
//!
//! The same score means more for one sentence than for another. Words that nothing goes by are in no
//! picture's vector on purpose, so what they score, they score by chance. A sentence that names a class
//! finds pictures of that class with high scores, so a middling best picture is of something else: "a
//! typewriter" finds a keyboard. Both show in the sentence alone, without a look at any picture.

use crate::minilm::DIMENSIONS;

/// How much less score is asked of a sentence whose words are all known than of one without any. By
/// logistic regression of score, share and nearness on the right pictures among the first five against
/// the best picture of each nonsense and absent query of the tune tables; see `bench/`.
const KNOWN_WORDS: f32 = 0.35;
/// How much more is asked of a sentence that is a label than of one at right angles to all of them. From
/// the same regression.
const NEAREST_LABEL: f32 = 0.65;

/// What is added to a sentence's centre: its vector has length 1, `labels` are rows of [`DIMENSIONS`]
/// values, `words` the tags of each of its words.
pub(super) fn demand(vector: &[f32], words: &[Vec<u16>], labels: &[f32]) -> f32 {
    let known = words.iter().filter(|tags| !tags.is_empty()).count() as f32;
    let share = known / words.len().max(1) as f32;
    NEAREST_LABEL * nearest(vector, labels) - KNOWN_WORDS * share
}

/// Cosine of the nearest label, at least 0.
fn nearest(vector: &[f32], labels: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine =
        |label: &[f32]| dot(vector, label) / dot(label, label).sqrt().max(f32::MIN_POSITIVE);
    labels.chunks_exact(DIMENSIONS).map(cosine).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The unit vector along an axis.
    fn axis(at: usize) -> Vec<f32> {
        (0..DIMENSIONS).map(|place| f32::from(u8::from(place == at))).collect()
    }

    #[test]
    fn unknown_words_and_named_classes_ask_for_more() {
        let labels: Vec<f32> =
            [axis(3), axis(4)].concat().iter().map(|value| value * 0.7).collect();
        let (known, unknown) = (vec![7], vec![]);
        let none = demand(&axis(9), &[unknown.clone(), unknown.clone()], &labels);
        let half = demand(&axis(9), &[known.clone(), unknown], &labels);
        let all = demand(&axis(9), &[known.clone(), known.clone()], &labels);
        assert_eq!((none, half, all), (0.0, -KNOWN_WORDS / 2.0, -KNOWN_WORDS));
        let named = demand(&axis(4), std::slice::from_ref(&known), &labels);
        assert!((named - all - NEAREST_LABEL).abs() < 1e-6, "{named}");
        assert_eq!(demand(&axis(9), &[], &labels), 0.0, "a query without words");
        assert_eq!(demand(&axis(9), &[known], &[0.0; DIMENSIONS]), all, "a row of zeros");
    }
}
