//! What the segments of a corrected transcript mean.

use crate::decisions::Corrected;
use half::f16;
use rushes_model::{ErrorCode, Failure};
use rushes_store::SpeechBundle;
use rushes_vectors::{Rows, Segment, VectorsError};
use std::sync::OnceLock;

/// A vector a segment as it is after corrections: those of segments that are as they were heard are in the
/// bundle, and the others are worked out when somebody searches by meaning.
pub struct CorrectedMeanings {
    /// Number of each segment among those that were heard, if it is as it was.
    heard: Vec<Option<usize>>,
    worked_out: OnceLock<Segment>,
}

impl CorrectedMeanings {
    /// Of what is said after corrections of so many segments; `None` where there were no corrections.
    #[must_use]
    pub fn of(said: &[Corrected], count: usize) -> Option<Self> {
        let heard: Vec<Option<usize>> = said.iter().map(|one| one.heard).collect();
        let as_heard = heard.iter().copied().eq((0..count).map(Some));
        (!as_heard).then(|| Self { heard, worked_out: OnceLock::new() })
    }

    /// The vectors, once they were worked out.
    #[must_use]
    pub fn get(&self) -> Option<&Segment> {
        self.worked_out.get()
    }

    /// Works them out, unless that was done.
    ///
    /// # Errors
    /// Those of `encode`.
    pub fn work_out(
        &self,
        speech: &SpeechBundle,
        meanings: &Segment,
        encode: &dyn Fn(&str) -> Result<Vec<f32>, Failure>,
    ) -> Result<(), Failure> {
        if self.worked_out.get().is_some() || speech.segments.is_empty() {
            return Ok(());
        }
        let mut values: Vec<f16> = Vec::new();
        for (segment, heard) in speech.segments.iter().zip(&self.heard) {
            match heard {
                Some(row) => values.extend(meanings.rows().row(*row)),
                None => values
                    .extend(encode(&segment.text(&speech.voice))?.into_iter().map(f16::from_f32)),
            }
        }
        let rows =
            Rows::owned(values, meanings.rows().dim()).and_then(|rows| Segment::new(rows, None));
        let failed = |error: VectorsError| Failure::new(ErrorCode::Internal, error.to_string());
        // Somebody else may have been faster, with the same.
        let _ = self.worked_out.set(rows.map_err(failed)?);
        Ok(())
    }
}
