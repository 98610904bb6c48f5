//! What sentences mean: who tells it, and what their numbers say.

use crate::models::ModelPool;
use half::f16;
use rushes_infer::{
    Curve, InferError,
    minilm::{self, LazyEncoder, SentenceEncoder},
};
use rushes_media::Cancel;
use rushes_model::{ErrorCode, Failure, ModelKey, ParseIdError};
use rushes_store::{Meanings, SpeechBundle, SpokenSegment};
use std::{
    panic::resume_unwind,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

/// Similarity below which a segment is no match: that of what comes nearest where nothing fits.
pub const LEAST: f32 = 0.5;
/// How fast the similarity rises with the cosine, and the cosine at which it is [`LEAST`] among so many
/// segments; `rushes-bench meaning` on `bench/eval/spoken.tsv`, bench/runs/2026-11-25.md.
const SLOPE: f32 = 23.9;
const CENTRE: f32 = 0.34;
const CENTRE_AMONG: f32 = 150.0;
/// How much higher that cosine is for each time that there are *e* times as many segments: the more there are,
/// the nearer one of them comes by chance. The same table among 20,000 segments.
const GROWTH: f32 = 0.02;
/// Cosines between which it stays: neither was measured beyond them.
const CENTRES: (f32, f32) = (0.30, 0.54);

/// From the cosine of a query and one of so many segments to a similarity.
#[must_use]
pub fn curve(segments: usize) -> Curve {
    let more = (segments.max(1) as f32 / CENTRE_AMONG).ln();
    Curve { slope: SLOPE, centre: (CENTRE + GROWTH * more).clamp(CENTRES.0, CENTRES.1) }
}

/// The sentence encoder, once somebody has asked for it.
#[derive(Default)]
pub struct EncoderSlot(Mutex<Option<Arc<LazyEncoder>>>);

impl EncoderSlot {
    /// Lets go of what nobody has asked for this long.
    pub fn drop_idle(&self, idle: Duration) {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        slot.iter().for_each(|encoder| encoder.drop_idle(idle));
    }
}

/// Whether vectors of this encoder are what this version searches.
#[must_use]
pub fn is_searched(encoder: &ModelKey) -> bool {
    encoder.as_str() == minilm::COMPONENT
}

impl ModelPool {
    /// Whether the sentence encoder is on disk.
    #[must_use]
    pub fn has_encoder(&self) -> bool {
        minilm::COMPONENT.parse().is_ok_and(|key| self.is_downloaded(&key))
    }

    /// The sentence encoder.
    ///
    /// # Errors
    /// `BadRequest` when it is not on disk, with what to do; why it cannot be loaded.
    pub fn encoder(&self) -> Result<Arc<SentenceEncoder>, Failure> {
        let internal = |reason: String| Failure::new(ErrorCode::Internal, reason);
        let key =
            minilm::COMPONENT.parse().map_err(|error: ParseIdError| internal(error.to_string()))?;
        self.check_downloaded(&key)?;
        let runtime = self.runtime().map_err(internal)?;
        let encoder = {
            let mut slot = self.encoder_slot().0.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(LazyEncoder::new(&runtime, self.folder().path(), self.workers()));
            slot.get_or_insert_with(new).clone()
        };
        encoder.get().map_err(|error| internal(error.to_string()))
    }
}

/// What a transcript means, worked out by so many threads; `None` when that was cancelled, or nothing is
/// said.
///
/// # Errors
/// When inference fails.
pub fn of(
    speech: &SpeechBundle,
    encoder: &SentenceEncoder,
    workers: usize,
    cancel: &Cancel,
) -> Result<Option<Meanings>, InferError> {
    let encode = |segment: &SpokenSegment| -> Result<Vec<u16>, InferError> {
        let vector = encoder.encode(&segment.text(&speech.voice))?;
        Ok(vector.into_iter().map(|value| f16::from_f32(value).to_bits()).collect())
    };
    let encode_all = |segments: &[SpokenSegment]| -> Result<Vec<Vec<u16>>, InferError> {
        segments.iter().take_while(|_| !cancel.is_cancelled()).map(encode).collect()
    };
    let segments = &speech.segments;
    let share = segments.len().div_ceil(workers.max(1)).max(1);
    let parts = thread::scope(|scope| {
        let parts = segments.chunks(share).map(|part| scope.spawn(|| encode_all(part)));
        let parts: Vec<_> = parts.collect();
        let join = |part: ScopedJoinHandle<'_, _>| {
            part.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        parts.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let vectors = parts.into_iter().flatten().flatten().collect();
    let encoder = minilm::COMPONENT.parse().ok();
    let meanings = encoder.map(|encoder| Meanings { encoder, dim: minilm::DIMENSIONS, vectors });
    Ok(meanings.filter(|_| !segments.is_empty() && !cancel.is_cancelled()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_of_one_among_many() {
        let centres = [0, 1, 150, 20_000, 1_000_000, usize::MAX].map(|count| curve(count).centre);
        assert!(centres.is_sorted() && centres[0] == CENTRES.0 && centres[5] == CENTRES.1);
        assert!((curve(150).similarity(CENTRE) - LEAST).abs() < 1e-6);
        assert!((curve(20_000).centre - 0.44).abs() < 0.01);
    }
}
