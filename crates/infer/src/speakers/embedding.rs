//! What a voice sounds like, as a vector: CAM++ on a stretch in which one person speaks.

use super::campplus::{DIMENSIONS, INPUT, OUTPUT, graph};
use super::fbank::{BANDS, Fbank};
use super::{MODEL, open_graph};
use crate::minilm::normalise;
use crate::{InferError, Input, Runtime, SessionPool};
use std::path::Path;

const FILE: &str = "campplus_cn_en_common.pt";

/// A voice as a direction: of length 1 unless it is a sum.
pub(super) type Voice = [f32; DIMENSIONS];

/// CAM++ in memory.
pub(super) struct Embedder {
    sessions: SessionPool,
    fbank: Fbank,
}

impl Embedder {
    pub(super) fn open(
        runtime: &Runtime,
        models: &Path,
        workers: usize,
    ) -> Result<Self, InferError> {
        let sessions = open_graph(runtime, models, FILE, workers, graph)?;
        Ok(Self { sessions, fbank: Fbank::new() })
    }

    /// The voice of a stretch of at least 0.1 s.
    pub(super) fn embed(&self, samples: &[f32]) -> Result<Voice, InferError> {
        let mut features = self.fbank.features(samples);
        take_mean_away(&mut features);
        let mut voice = self.run(&features)?;
        normalise(&mut voice);
        Ok(voice)
    }

    fn run(&self, features: &[f32]) -> Result<Voice, InferError> {
        let input = Input::F32(&[1, features.len() / BANDS, BANDS], features);
        let outputs = self.sessions.run(&[(INPUT, input)], &[OUTPUT])?;
        let voice = outputs[0].values.as_slice().try_into();
        voice.map_err(|_| InferError::Run {
            key: MODEL.to_owned(),
            reason: "its vectors have another length than expected".to_owned(),
        })
    }
}

/// Takes its mean over time away from each band.
fn take_mean_away(features: &mut [f32]) {
    let (rows, _) = features.as_chunks_mut::<BANDS>();
    let mut mean = [0.0; BANDS];
    for row in &*rows {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / rows.len() as f32);
    }
    for row in rows {
        row.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Reference, sample};
    use super::*;
    use crate::runtime::testing::{models, runtime};

    /// The stretch of the reference: 298 frames.
    fn stretch() -> Vec<f32> {
        sample()[288_000..][..47_920].to_vec()
    }

    #[test]
    fn features_are_those_of_kaldi() {
        let features = Fbank::new().features(&stretch());
        assert_eq!(features.len(), 298 * BANDS);
        for (frame, expected) in Reference::read().features {
            let here = &features[frame * BANDS..][..BANDS];
            for (band, (here, expected)) in here.iter().zip(expected).enumerate() {
                assert!((here - expected).abs() < 1e-3, "{frame}, {band}: {here} {expected}");
            }
        }
    }

    #[test]
    fn vectors_are_those_of_pytorch() {
        let embedder = Embedder::open(&runtime(), &models(), 1).expect("make setup-test");
        let mut features = embedder.fbank.features(&stretch());
        take_mean_away(&mut features);
        let here = embedder.run(&features).expect("runs");
        let expected = Reference::read().embedding;
        let furthest = here.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(expected.len(), DIMENSIONS);
        assert!(furthest < 1e-3, "{furthest}");
        let voice = embedder.embed(&stretch()).expect("embeds");
        let length = expected.iter().map(|value| value * value).sum::<f32>().sqrt();
        let furthest = voice.iter().zip(&expected).map(|(a, b)| (a - b / length).abs());
        let furthest = furthest.fold(0.0, f32::max);
        assert!(furthest < 1e-4, "{furthest}");
    }
}
