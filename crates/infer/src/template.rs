//! Sentences that a search is put into before a model reads it.

use crate::minilm::normalise;
use serde::Deserialize;

/// Where the searched words go.
const GAP: &str = "{}";

/// A sentence with one gap, such as `a photo of {}`: models that were trained on captions may find more
/// by a caption than by bare words. Whether they do is measured, by `rushes-bench templates`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(String);

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.matches(GAP).count() == 1 {
            return Ok(Self(text));
        }
        Err(format!("the template {text:?} must have {GAP} exactly once, where the words go"))
    }
}

impl Template {
    /// The sentence with the words in its gap.
    #[must_use]
    pub fn fill(&self, words: &str) -> String {
        self.0.replacen(GAP, words, 1)
    }

    /// The sentence with its gap.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The normalised mean of the vectors of the words in all templates, or the vector of the words as typed
/// where there is none. `embed` gives L2-normalised vectors.
pub(crate) fn mean_vector<E>(
    templates: &[Template],
    words: &str,
    mut embed: impl FnMut(&str) -> Result<Vec<f32>, E>,
) -> Result<Vec<f32>, E> {
    let [first, others @ ..] = templates else { return embed(words) };
    let mut sum = embed(&first.fill(words))?;
    if others.is_empty() {
        return Ok(sum);
    }
    for template in others {
        let vector = embed(&template.fill(words))?;
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
    }
    normalise(&mut sum);
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_one_gap() {
        let photo = Template::try_from("a photo of {}, blurred".to_owned()).unwrap();
        assert_eq!(photo.fill("a {} and $1"), "a photo of a {} and $1, blurred");
        for wrong in ["", "a photo", "{} and {}", "{", "{ }"] {
            let refused = Template::try_from(wrong.to_owned()).unwrap_err();
            assert!(refused.contains("exactly once"), "{refused}");
        }
    }

    #[test]
    fn the_vector_is_the_mean_of_the_templates() {
        let template = |text: &str| Template::try_from(text.to_owned()).unwrap();
        let embed = |text: &str| {
            Ok::<_, ()>(match text {
                "cat" => vec![0.0, 0.0, 1.0],
                "a cat" => vec![1.0, 0.0, 0.0],
                _ => vec![0.6, 0.8, 0.0],
            })
        };
        assert_eq!(mean_vector(&[], "cat", embed), Ok(vec![0.0, 0.0, 1.0]));
        assert_eq!(mean_vector(&[template("a {}")], "cat", embed), Ok(vec![1.0, 0.0, 0.0]));
        let both = mean_vector(&[template("a {}"), template("the {}")], "cat", embed).unwrap();
        assert!((both[0] - 0.8944).abs() < 1e-4 && (both[1] - 0.4472).abs() < 1e-4, "{both:?}");
    }
}
