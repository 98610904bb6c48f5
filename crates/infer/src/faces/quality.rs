//! How well a face can be seen.

use super::align::{Similarity, TEMPLATE};
use super::resnet::SIDE;
use crate::yunet::Face;

/// The expected cosine distance of a face's vector to the mean of the person's: least squares over 1200
/// faces of 46 people made small, blurred, turned, dark, noisy, hidden and cut, at least 24 pixels wide
/// (bench/runs/2026-11-25.md). People kept aside in fifths, it correlates with the distance by .68.
const BASE: f32 = 0.09;
/// A score of 0 adds so much; see [`BASE`].
const SCORE: f32 = 0.91;
/// An e-th of [`SHARP`] adds so much; see [`BASE`].
const BLUR: f32 = 0.27;
/// A pixel of residual adds so much; see [`BASE`].
const TURN: f32 = 0.011;
/// A contrast of 1 would add so much; see [`BASE`].
const FLAT: f32 = 0.82;
/// Sharpness above which a face is no better.
const SHARP: f32 = 0.25;
/// Pixels of the chip between the places whose grey is compared: nearer ones tell how a picture was enlarged
/// rather than what can be seen in it.
const STEP: usize = 4;
/// Residual and contrast beyond which a face is no worse: nothing farther off was fitted.
const MOST_TURNED: f32 = 20.0;
/// See [`MOST_TURNED`].
const LEAST_CONTRAST: f32 = 5.0;
/// Expected distances of qualities 1 and 0: those of a face seen well, and of no resemblance.
const DISTANCES: (f32, f32) = (0.17, 0.6);

/// What a face's quality is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measures {
    /// The detector's score, which falls with small, turned, hidden and cut faces.
    score: f32,
    /// Root mean square distance, in pixels of the chip, of the five points from where those of a frontal
    /// face are.
    residual: f32,
    /// Deviation of the second differences along rows or columns, whichever is smaller, as part of
    /// [`contrast`](Self::contrast): small faces and those out of focus or in motion have little.
    sharpness: f32,
    /// Deviation of the chip's grey, in 0..=255.
    contrast: f32,
}

impl Measures {
    pub(super) fn of(face: &Face, chip: &[f32]) -> Self {
        let transform = Similarity::to_chip(&face.landmarks);
        let grey = grey(chip);
        let contrast = deviation(grey.iter().copied());
        Self {
            score: face.score,
            residual: transform.map_or(f32::INFINITY, |transform| residual(transform, face)),
            sharpness: sharpness(&grey) / contrast.max(1.0),
            contrast,
        }
    }

    /// 0..=1, by the distance at which the vector is expected from others of the same person.
    pub(super) fn quality(self) -> f32 {
        let blur = (SHARP / self.sharpness.max(f32::EPSILON)).ln().max(0.0);
        let distance = BASE
            + SCORE * (1.0 - self.score)
            + BLUR * blur
            + TURN * self.residual.min(MOST_TURNED)
            + FLAT / self.contrast.max(LEAST_CONTRAST);
        let (best, worst) = DISTANCES;
        ((worst - distance) / (worst - best)).clamp(0.0, 1.0)
    }
}

fn residual(transform: Similarity, face: &Face) -> f32 {
    let squares = face.landmarks.iter().zip(TEMPLATE).map(|(point, wanted)| {
        let (x, y) = transform.apply((f64::from(point.0), f64::from(point.1)));
        (x - f64::from(wanted.0)).powi(2) + (y - f64::from(wanted.1)).powi(2)
    });
    (squares.sum::<f64>() / TEMPLATE.len() as f64).sqrt() as f32
}

fn grey(chip: &[f32]) -> Vec<f32> {
    let plane = SIDE * SIDE;
    (0..plane)
        .map(|at| 0.299 * chip[at] + 0.587 * chip[plane + at] + 0.114 * chip[2 * plane + at])
        .collect()
}

/// Over the pixels where the face is, without its surroundings: the smaller of the deviations along
/// rows and columns.
fn sharpness(grey: &[f32]) -> f32 {
    const MARGIN: usize = SIDE / 5;
    let inner = MARGIN..SIDE - MARGIN;
    let along = |step: usize| {
        let places = inner.clone().flat_map(|y| inner.clone().map(move |x| y * SIDE + x));
        deviation(places.map(move |at| grey[at - step] + grey[at + step] - 2.0 * grey[at]))
    };
    along(STEP).min(along(STEP * SIDE))
}

fn deviation(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let count = values.clone().count().max(1) as f32;
    let mean = values.clone().sum::<f32>() / count;
    (values.map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt()
}
