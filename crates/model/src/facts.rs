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
    /// What editing programs ask for beyond that; `None` where an earlier version did not look.
    #[serde(default)]
    pub streams: Option<StreamFacts>,
}

/// How pictures and sound lie in a file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StreamFacts {
    /// Width and height in pixels as stored, before rotation; zeros without pictures.
    pub coded: (u32, u32),
    /// Width and height of a stored pixel, in lowest terms; 1 and 1 where nothing is said.
    pub pixel_aspect: (u32, u32),
    /// How the lines of a frame follow each other.
    pub fields: FieldOrder,
    /// Frames of the video stream, counted by the container or worked out from its length.
    pub frames: Option<u64>,
    /// Tracks of sound, in their order.
    pub sound: Vec<SoundTrack>,
    /// Name of the tape or card, as the camera wrote it.
    pub reel: Option<String>,
}

/// Which field of a frame comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldOrder {
    /// Whole frames.
    #[default]
    Progressive,
    /// Odd lines first, also called top field first.
    Upper,
    /// Even lines first, also called bottom field first.
    Lower,
}

/// One track of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundTrack {
    /// Channels in it: 1 for mono, 2 for stereo, 6 for 5.1.
    pub channels: u32,
    /// Samples a second.
    pub sample_rate: u32,
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
