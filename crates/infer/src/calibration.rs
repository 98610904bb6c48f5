//! What raw scores mean.

use serde::Deserialize;

/// From a raw score to a similarity, `1 / (1 + e^(-slope * (score - centre)))`: how likely it is that a
/// frame with this score fits, so that the same number means about the same for every model.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// How fast the similarity rises, per unit of the score; above 0.
    pub slope: f32,
    /// Score of similarity one half.
    pub centre: f32,
}

impl Curve {
    /// Similarity from 0 to 1 of a raw score.
    #[must_use]
    pub fn similarity(self, score: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (score - self.centre)).exp())
    }
}

/// What a model's scores mean. `rushes-bench calibrate` measures it.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Of sentences against pictures.
    pub text: Curve,
    /// Of pictures against pictures.
    pub picture: Curve,
    /// Cosine from which two pictures look nearly the same, as takes of one set-up do.
    pub same_take: f32,
    /// Similarity below which a frame most likely does not fit; 0 where nobody has measured it.
    #[serde(default)]
    pub least: f32,
}

/// For a model that nobody has measured: cosines as they are common among two-tower models. Nothing is
/// left out by them.
impl Default for Calibration {
    fn default() -> Self {
        Self {
            text: Curve { slope: 20.0, centre: 0.2 },
            picture: Curve { slope: 12.0, centre: 0.75 },
            same_take: 0.95,
            least: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_rises_from_0_to_1() {
        let curve = Curve { slope: 10.0, centre: 0.3 };
        assert_eq!(curve.similarity(0.3), 0.5);
        let values = [-100.0, 0.0, 0.2, 0.4, 1.0, 100.0].map(|score| curve.similarity(score));
        assert!(values.is_sorted() && values[0] >= 0.0 && values[5] <= 1.0, "{values:?}");
    }
}
