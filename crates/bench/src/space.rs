//! Made rows and sentences that lie as those of footage do.

use half::f16;
use rushes_vectors::Query;

/// Rows of one shot, in footage sampled once a second.
pub const SHOT_ROWS: usize = 8;
/// Parts of a row of footage: what all have in common, its medium, its shot, itself. Frames of one shot
/// have then a cosine of 0.9, of different media 0.4.
const PARTS: [f32; 4] = [0.65, 0.35, 0.6, 0.35];
/// How fast the weight of a space's directions falls: as their number to this power.
const FALL: f32 = -0.3;
/// What a sentence's vector has of what all rows have in common: sentences lie on the other side.
const APART: f32 = -0.15;

/// A small generator, so that every run scans the same rows.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// A vector of length 1, of values that are as large as their weights.
    fn vector(&mut self, weights: &[f32]) -> Vec<f32> {
        unit(weights.iter().map(|weight| weight * self.next()).collect())
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}

/// Where rows and sentences lie.
pub struct Space {
    noise: Noise,
    weights: Vec<f32>,
    /// What all rows have in common; nothing where they lie anywhere.
    common: Option<Vec<f32>>,
}

impl Space {
    /// Vectors of this length: as those of footage, or anywhere.
    pub fn new(dimensions: usize, like_footage: bool) -> Self {
        let mut noise = Noise(7);
        let fall = if like_footage { FALL } else { 0.0 };
        let weight = |place: usize| (place as f32 + 1.0).powf(fall);
        let weights: Vec<f32> = (0..dimensions).map(weight).collect();
        let common = like_footage.then(|| noise.vector(&weights));
        Self { noise, weights, common }
    }

    /// One of the space's vectors.
    pub fn vector(&mut self) -> Vec<f32> {
        self.noise.vector(&self.weights)
    }

    /// The rows of a medium, one after the other.
    pub fn medium(&mut self, rows: usize) -> Vec<f16> {
        let (medium, mut shot) = (self.vector(), Vec::new());
        let mut values = Vec::new();
        for index in 0..rows {
            if index % SHOT_ROWS == 0 {
                shot = self.vector();
            }
            let mut row = self.vector();
            if let Some(common) = &self.common {
                row = joined(&[common, &medium, &shot, &row], &PARTS);
            }
            values.extend(row.iter().map(|value| f16::from_f32(*value)));
        }
        values
    }

    /// A sentence's vector.
    pub fn sentence(&mut self) -> Vec<f32> {
        let own = self.vector();
        let joined = |common| joined(&[&own, common], &[1.0, APART]);
        self.common.as_ref().map_or(own.clone(), joined)
    }

    /// A sentence as a query.
    pub fn query(&mut self) -> Query {
        Query::new(self.sentence())
    }
}

/// Vectors by their shares, of length 1 together.
fn joined(vectors: &[&Vec<f32>], shares: &[f32]) -> Vec<f32> {
    let value =
        |place: usize| vectors.iter().zip(shares).map(|(one, share)| share * one[place]).sum();
    unit((0..vectors[0].len()).map(value).collect())
}
