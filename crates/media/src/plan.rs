//! In which passes a file is read.

use crate::{
    MediaError, Tools, in_points,
    keyframes::{Keys, Spacing},
};
use rushes_model::{MediaFacts, MediaKind, Sampling};
use std::{collections::BTreeSet, path::Path};

/// Codecs whose frames build on each other though some packets claim to be keys.
const WHOLE_ONLY: [&str; 3] = ["gif", "apng", "webp"];

/// The passes that show every second of a medium at the least cost, in order. Sound has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodePlan {
    /// What to hand to [`Tools::frames`], one after the other.
    pub passes: Vec<Pass>,
}

/// One reading of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// The one picture of a still.
    Picture,
    /// Keyframes only: the first one in each second that has one. Nothing else is decoded, and where
    /// the container has an index, not even read.
    Keyframes {
        /// Frames are stored in another order than they are shown in (B-frames). Then all packets are
        /// read, because ffmpeg loses the keyframes' times when it skips any.
        reordered: bool,
    },
    /// The first frame of each second, each by a seek: for streams in which every frame is a key.
    InPoints,
    /// Every frame decoded: the first one of each second that is not `covered` yet, and for every
    /// frame how much it differs from the one before.
    Whole {
        /// Seconds that earlier passes have shown. The plan leaves it empty.
        covered: BTreeSet<u32>,
    },
}

impl Tools {
    /// Plans how to read a medium, by the spacing of its keyframes.
    ///
    /// Keyframes at most a second apart are exact enough by themselves; where every frame is one,
    /// seeking is quicker. Otherwise the keyframes come first, so that there is something to search
    /// within seconds, and unless `sampling` is [`Sampling::Fast`] the whole stream follows.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn plan(
        &self,
        path: &Path,
        facts: &MediaFacts,
        sampling: Sampling,
    ) -> Result<DecodePlan, MediaError> {
        let passes = match facts.kind {
            MediaKind::Audio => Vec::new(),
            MediaKind::Image => vec![Pass::Picture],
            MediaKind::Video => self.video_passes(path, facts, sampling)?,
        };
        Ok(DecodePlan { passes })
    }

    fn video_passes(
        &self,
        path: &Path,
        facts: &MediaFacts,
        sampling: Sampling,
    ) -> Result<Vec<Pass>, MediaError> {
        let whole = Pass::Whole { covered: BTreeSet::new() };
        if facts.video_codec.as_deref().is_some_and(|codec| WHOLE_ONLY.contains(&codec)) {
            return Ok(vec![whole]);
        }
        let Keys { spacing, reordered } = self.keys(path, facts)?;
        let keyframes = Pass::Keyframes { reordered };
        Ok(match (spacing, sampling) {
            (Spacing::EveryFrame, _) if in_points::possible(facts) => vec![Pass::InPoints],
            (Spacing::Sparse, Sampling::Full) => vec![keyframes, whole],
            _ => vec![keyframes],
        })
    }
}
