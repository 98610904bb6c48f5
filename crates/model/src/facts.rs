//! What probing a file tells.

use crate::FrameRate;
use serde::{Deserialize, Serialize};

/// What a medium is, by what can be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Has pictures in time.
    Video,
    /// One picture.
    Image,
    /// Sound only (cover art does not count as video).
    Audio,
}

/// Facts about one readable medium.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaFacts {
    /// What it is.
    pub kind: MediaKind,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Length in seconds; 0 for images.
    pub duration_seconds: f64,
    /// Width in pixels as displayed, after rotation; 0 without pictures.
    pub width: u32,
    /// Height in pixels as displayed, after rotation; 0 without pictures.
    pub height: u32,
    /// Average frame rate of the video stream.
    pub frame_rate: Option<FrameRate>,
    /// Whether frames are unevenly spaced.
    pub variable_frame_rate: bool,
    /// Start timecode as the container writes it, such as `01:00:00:00` or `01:00:00;00`.
    pub start_timecode: Option<String>,
    /// Presentation time of the first video frame in the container's clock, in seconds.
    pub start_time: f64,
    /// Clockwise rotation to apply for display: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Name of the video codec in ffmpeg's terms.
    pub video_codec: Option<String>,
    /// Name of the codec of the first audio stream that ffmpeg knows, in its terms.
    pub audio_codec: Option<String>,
    /// Number of audio streams; 0 also where an earlier version did not count them.
    #[serde(default)]
    pub audio_tracks: u32,
    /// Creation time as RFC 3339, from the container or else the file.
    pub created_at: Option<String>,
}

impl MediaFacts {
    /// Whether there are pictures to look at.
    #[must_use]
    pub fn has_video(&self) -> bool {
        self.kind != MediaKind::Audio
    }

    /// Whether there is sound to listen to.
    #[must_use]
    pub fn has_audio(&self) -> bool {
        self.sound_tracks() > 0
    }

    /// Number of tracks that can be listened to.
    #[must_use]
    pub fn sound_tracks(&self) -> u32 {
        self.audio_tracks.max(self.audio_codec.is_some().into())
    }
}
