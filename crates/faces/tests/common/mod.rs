//! Collections for tests.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use rushes_faces::{Clustering, Face, Faces};

/// Numbers that look random and are the same each time (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A direction.
    pub fn direction(&mut self, dimensions: usize) -> Vec<f32> {
        let vector: Vec<f64> = (0..dimensions).map(|_| self.normal()).collect();
        normalised(&vector)
    }

    /// A direction at about `distance` from another, to a random side.
    pub fn near(&mut self, centre: &[f32], distance: f64) -> Vec<f32> {
        let side = self.direction(centre.len());
        let along = 1.0 - distance;
        let across = (1.0 - along * along).max(0.0).sqrt();
        let parts = centre.iter().zip(&side);
        normalised(
            &parts.map(|(&c, &s)| f64::from(c) * along + f64::from(s) * across).collect::<Vec<_>>(),
        )
    }
}

pub fn normalised(vector: &[f64]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter().map(|value| (value / length) as f32).collect()
}

/// A face that owns what it is made of.
#[derive(Debug, Clone)]
pub struct Sample {
    pub vector: Vec<f32>,
    pub weight: u32,
    pub scene: u32,
    pub frames: Vec<u32>,
    pub person: Option<u32>,
}

impl Sample {
    pub fn alone(vector: Vec<f32>, scene: u32) -> Self {
        Self { vector, weight: 1, scene, frames: vec![0], person: None }
    }
}

pub fn faces(samples: &[Sample], dimensions: usize) -> Faces {
    let mut faces = Faces::new(dimensions).unwrap();
    for sample in samples {
        let Sample { vector, weight, scene, frames, person } = sample;
        let face = Face { vector, weight: *weight, scene: *scene, frames, person: *person };
        faces.push(&face).unwrap();
    }
    faces
}

pub fn apart(left: &Sample, right: &Sample) -> bool {
    let named = (left.person, right.person);
    let shares = || left.frames.iter().any(|frame| right.frames.contains(frame));
    match named {
        (Some(a), Some(b)) => a != b,
        _ => left.scene == right.scene && shares(),
    }
}

/// Pairs of one cluster that are apart.
pub fn violations(samples: &[Sample], clustering: &Clustering) -> usize {
    let pair = |a: usize, b: usize| {
        clustering.labels[a].is_some()
            && clustering.labels[a] == clustering.labels[b]
            && apart(&samples[a], &samples[b])
    };
    (0..samples.len()).map(|a| (0..a).filter(|&b| pair(a, b)).count()).sum()
}

/// Cosine distance, added up in the order of the values: exact for fewer than eight of them.
pub fn distance(left: &[f32], right: &[f32]) -> f64 {
    let products = left.iter().zip(right).map(|(&a, &b)| f64::from(a) * f64::from(b));
    1.0 - products.sum::<f64>()
}
