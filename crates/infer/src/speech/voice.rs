//! Where somebody speaks: the Silero detector, block by block, and ranges out of its probabilities.

use crate::{InferError, Input, Runtime, SessionPool};
use std::path::{Path, PathBuf};

/// Registry key of the detector, and its folder.
pub const DETECTOR: &str = "silero-vad";
const FILE: &str = "silero_vad_16k_op15.onnx";

/// Samples that the detector looks at in one step, 32 ms.
pub const STEP: usize = 512;
/// Samples before them that it looks at too.
const CONTEXT: usize = 64;
/// Values that it carries from one step to the next.
const STATE: usize = 2 * 128;

/// A voice detector in memory.
pub struct VoiceDetector {
    sessions: SessionPool,
}

impl VoiceDetector {
    /// The file that the detector needs under a models folder.
    #[must_use]
    pub fn file(models: &Path) -> PathBuf {
        models.join(DETECTOR).join(FILE)
    }

    /// Opens the detector for `callers` at once.
    ///
    /// # Errors
    /// When the file is missing or is not the model.
    pub fn open(runtime: &Runtime, models: &Path, callers: usize) -> Result<Self, InferError> {
        let sessions = SessionPool::from_file(runtime, DETECTOR, &Self::file(models), callers)?;
        Ok(Self { sessions })
    }

    /// Starts to listen to a new sound.
    #[must_use]
    pub fn listen(&self) -> Ear<'_> {
        Ear { detector: self, state: vec![0.0; STATE], heard: vec![0.0; CONTEXT] }
    }
}

/// The detector at work on one sound.
pub struct Ear<'a> {
    detector: &'a VoiceDetector,
    state: Vec<f32>,
    /// The context of the next step and what has come of the step.
    heard: Vec<f32>,
}

impl Ear<'_> {
    /// The probability of a voice in each whole step that `samples` (16 kHz, mono) complete.
    ///
    /// # Errors
    /// When inference fails.
    pub fn hear(&mut self, samples: &[f32]) -> Result<Vec<f32>, InferError> {
        self.heard.extend(samples);
        let mut probabilities = Vec::new();
        let mut at = 0;
        while let Some(step) = self.heard.get(at..at + CONTEXT + STEP) {
            let inputs = [
                ("input", Input::F32(&[1, CONTEXT + STEP], step)),
                ("state", Input::F32(&[2, 1, 128], &self.state)),
                ("sr", Input::I64(&[], &[i64::from(super::SAMPLE_RATE)])),
            ];
            let outputs = self.detector.sessions.run(&inputs, &["output", "stateN"])?;
            probabilities.extend(outputs[0].values.first());
            self.state.clone_from(&outputs[1].values);
            at += STEP;
        }
        self.heard.drain(..at);
        Ok(probabilities)
    }
}
