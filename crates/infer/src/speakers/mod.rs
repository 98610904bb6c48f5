//! Speakers: who speaks when, of people that nobody has met before.
//!
//! A [`SpeakerModel`] holds two networks. [`Turns`] cuts a sound into chunks of ten seconds, in which the
//! first, PyanNet, tells up to three voices apart, overlaps included ([`activity`]); voices of neighbouring
//! chunks are linked to [`tracks`]. Where one track is heard alone, the second, CAM++, turns
//! [`windows`] of a second and a half into vectors that are near to each other when the same person
//! speaks ([`embedding`]). Vectors are gathered to people ([`clusters`]), and each moment of a track takes
//! the person of the window next to it ([`labels`]).
//!
//! Thresholds are those that told people apart best in dialogues cut together from sentences of many
//! readers, in several languages.

mod activity;
mod campplus;
mod clusters;
mod embedding;
mod fbank;
mod labels;
mod pyannet;
mod tracks;
mod turns;
mod windows;

pub use turns::Turns;

use crate::torch::{Checkpoint, CheckpointError};
use crate::{InferError, Runtime, SessionPool};
use activity::Activity;
use embedding::Embedder;
use std::path::Path;

/// Registry key of the model, and its folder.
pub const MODEL: &str = "campplus";

/// Samples of a frame, the unit in which times are counted here: 10 ms at 16 kHz.
const FRAME: usize = 160;
/// Frames a second.
const FRAMES_A_SECOND: f64 = 100.0;

/// Both networks in memory; several files may be listened to at once.
pub struct SpeakerModel {
    activity: Activity,
    embedder: Embedder,
}

/// A stretch in which one person speaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// Number of the person within the file, from 0 in the order in which people first speak.
    pub speaker: u32,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends.
    pub end: f64,
}

impl SpeakerModel {
    /// Opens the model under a models folder for `workers` files at once.
    ///
    /// # Errors
    /// When a file is missing or is not the checkpoint that it should be.
    pub fn open(runtime: &Runtime, models: &Path, workers: usize) -> Result<Self, InferError> {
        Ok(Self {
            activity: Activity::open(runtime, models, workers)?,
            embedder: Embedder::open(runtime, models, workers)?,
        })
    }

    /// Starts to listen to a file.
    #[must_use]
    pub fn listen(&self) -> Turns<'_> {
        Turns::new(self)
    }
}

/// Sessions of the graph that is made of a checkpoint in the model's folder.
fn open_graph(
    runtime: &Runtime,
    models: &Path,
    file: &str,
    workers: usize,
    graph: impl Fn(&Checkpoint<'_>) -> Result<Vec<u8>, CheckpointError>,
) -> Result<SessionPool, InferError> {
    let path = models.join(MODEL).join(file);
    if !path.is_file() {
        return Err(InferError::MissingFile { key: MODEL.to_owned(), path });
    }
    let bytes = fs_err::read(&path)?;
    let model = Checkpoint::read(&bytes).and_then(|checkpoint| graph(&checkpoint));
    let model = model
        .map_err(|error| InferError::BadFile { path: path.clone(), reason: error.to_string() })?;
    drop(bytes);
    SessionPool::from_memory(runtime, MODEL, &path, &model, workers)
}

/// What the tests of the parts compare themselves with.
#[cfg(test)]
mod testing {
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    /// Values of PyTorch and Kaldi on [`sample`]; `tests/reference/README.md` says how they were made.
    #[derive(Deserialize)]
    pub(super) struct Reference {
        /// Some frames of a stretch that begins at 18 s.
        pub features: BTreeMap<usize, Vec<f32>>,
        /// The vector of that stretch, not normalised.
        pub embedding: Vec<f32>,
        /// Log-probabilities at some steps of the chunk that begins at 10 s.
        pub activity: BTreeMap<usize, Vec<f32>>,
    }

    impl Reference {
        pub(super) fn read() -> Self {
            let text = include_str!("../../tests/reference/speakers.json");
            serde_json::from_str(text).expect("is valid")
        }
    }

    /// The dialogue that set-up installs: 30 s, 16 bits, 16 kHz, mono.
    pub(super) fn sample() -> Vec<f32> {
        /// Bytes before its samples.
        const HEADER: usize = 104;
        let media = std::env::var_os("RUSHES_TEST_MEDIA").map(PathBuf::from);
        let path = media.expect("make setup-test, and RUSHES_TEST_MEDIA").join("sample.wav");
        let bytes = fs_err::read(path).expect("make setup-test");
        let values = bytes[HEADER..].as_chunks::<2>().0.iter();
        values.map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0).collect()
    }
}
