//! Shots and how densely footage is sampled.

use crate::TimeRange;
use serde::{Deserialize, Serialize};

/// One uninterrupted camera run: from its first frame to the next shot's first frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shot {
    /// In and out point in source time.
    pub range: TimeRange,
}

/// How densely a video is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Keyframes only, however far apart they are.
    Fast,
    /// One frame for every second of media.
    #[default]
    Full,
}
