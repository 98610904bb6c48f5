//! A sequence of ranges of media, for editing programs.
//!
//! A [`Timeline`] has [`Clip`]s, each a range of a [`Medium`], one after another in one track; a
//! [`Marker`] says why somebody wanted it. A [`TimelineFormat`] writes all of it as one document.
//!
//! Everything here is counted in whole frames: of a medium's own rate where its content is meant
//! (`source`), of the sequence's rate where the sequence is (`record`). Nothing is in seconds.

mod assemble;
mod edl;
mod fcpxml;
mod otio;
mod url;
mod xmeml;

pub use assemble::{Selects, Take};

use rushes_model::{FieldOrder, FrameRate, MediaKind, SoundTrack, Timecode};
use std::ops::Range;

/// Ranges of media, one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// What people call it. Any text, and whoever writes it escapes it.
    pub name: String,
    /// Frames a second.
    pub rate: FrameRate,
    /// Whether its timecode counts drop-frame.
    pub drop: bool,
    /// Frame of the day at which it begins: 90,000 for `01:00:00:00` at 25.
    pub start: u64,
    /// Width and height of its picture in square pixels.
    pub size: (u32, u32),
    /// What its clips are of.
    pub media: Vec<Medium>,
    /// In order, without gaps, none empty.
    pub clips: Vec<Clip>,
}

/// A file that clips are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Medium {
    /// Absolute path as the caller knows it: of this machine, or of another system.
    pub path: String,
    /// What it is.
    pub kind: MediaKind,
    /// The rate that its frames are counted at: its own, or the sequence's where it has none.
    pub rate: FrameRate,
    /// Frame of the day of its first frame: its start timecode.
    pub first: u64,
    /// Whether its timecode counts drop-frame.
    pub drop: bool,
    /// How many frames it has; `None` for stills, and where nobody knows.
    pub frames: Option<u64>,
    /// Width and height in pixels, upright; zeros without pictures.
    pub size: (u32, u32),
    /// Width and height of one pixel, upright, in lowest terms.
    pub pixel_aspect: (u32, u32),
    /// Which field comes first.
    pub fields: FieldOrder,
    /// Clockwise degrees by which players turn what is stored; `size` is after that.
    pub rotation: u16,
    /// Its tracks of sound.
    pub sound: Vec<SoundTrack>,
    /// Name of tape or card, where the camera wrote one.
    pub reel: Option<String>,
    /// Whether the file is not there now.
    pub offline: bool,
}

/// A range of a medium in a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Index in [`Timeline::media`].
    pub medium: usize,
    /// What people call it.
    pub name: String,
    /// Frames of the medium from its first one, handles included; the end is the first frame after it.
    pub source: Range<u64>,
    /// Frames of the sequence from its first one.
    pub record: Range<u64>,
    /// Why it is here.
    pub markers: Vec<Marker>,
    /// Words to find it by: people in it, what was searched for.
    pub keywords: Vec<String>,
}

/// A remark about some frames of a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Frames of the medium from its first one, within the clip's.
    pub source: Range<u64>,
    /// A few words.
    pub name: String,
    /// All that is known; may have several lines.
    pub note: String,
}

/// A form in which a timeline can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineFormat {
    /// Final Cut Pro 7 XML, version 4: Premiere Pro, DaVinci Resolve, Avid by translators.
    Xmeml,
    /// Final Cut Pro X XML.
    Fcpxml,
    /// CMX 3600 edit decision list.
    Edl,
    /// `OpenTimelineIO` JSON.
    Otio,
}

/// A timeline as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineDocument {
    /// The whole document.
    pub content: String,
    /// What the format could not hold, a sentence each.
    pub warnings: Vec<String>,
}

/// A timeline that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TimelineError {
    /// The format has one frame rate for everything.
    #[error(
        "an EDL has one frame rate, {sequence} here, but {medium} has {rate}: export as xmeml, fcpxml or \
         otio, or clips of one rate at a time"
    )]
    MixedRates {
        /// Rate of the sequence.
        sequence: FrameRate,
        /// The first medium that has another.
        medium: String,
        /// Its rate.
        rate: FrameRate,
    },
    /// A writer failed.
    #[error("the timeline {name} could not be written: {reason}")]
    Writer {
        /// Of the timeline.
        name: String,
        /// What the writer said.
        reason: String,
    },
}

impl TimelineFormat {
    /// What names of such files end with, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Xmeml => "xml",
            Self::Fcpxml => "fcpxml",
            Self::Edl => "edl",
            Self::Otio => "otio",
        }
    }

    /// The whole document, and what it could not hold.
    ///
    /// # Errors
    /// When an EDL would need more than one frame rate, or the writer fails.
    pub fn write(self, timeline: &Timeline) -> Result<TimelineDocument, TimelineError> {
        match self {
            Self::Xmeml => xmeml::document(timeline),
            Self::Fcpxml => fcpxml::document(timeline),
            Self::Edl => edl::document(timeline),
            Self::Otio => otio::document(timeline),
        }
    }
}

impl Timeline {
    /// Frames in it.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.clips.last().map_or(0, |clip| clip.record.end)
    }

    /// The label of a frame of the sequence, counted from its first one. Labels go round at 24 hours.
    #[must_use]
    pub fn timecode(&self, frame: u64) -> Timecode {
        Timecode::of_day(self.start + frame, self.rate, self.drop)
    }

    /// The medium that a clip is of.
    ///
    /// # Panics
    /// When the clip is of another timeline.
    #[must_use]
    pub fn medium(&self, clip: &Clip) -> &Medium {
        &self.media[clip.medium]
    }

    /// For each medium, how many frames it has: as many as are known, and as many as clips are of it,
    /// since programs refuse clips of what is not there.
    fn lengths(&self) -> Vec<u64> {
        let mut lengths: Vec<u64> =
            self.media.iter().map(|medium| medium.frames.unwrap_or(0)).collect();
        for clip in &self.clips {
            lengths[clip.medium] = lengths[clip.medium].max(clip.source.end);
        }
        lengths
    }
}

impl Medium {
    /// The file's name: what follows the last separator of whichever system the path is of.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let windows = url::is_windows(&self.path);
        let separator = |letter| letter == '/' || windows && letter == '\\';
        self.path.rsplit(separator).next().unwrap_or(&self.path)
    }

    /// The file as a URL with an empty host, such as `file:///Volumes/A%20B/take.mov`. Paths of Windows
    /// become `file:///C:/…`, shares `file://server/share/…`.
    #[must_use]
    pub fn url(&self) -> String {
        url::of_file(&self.path, "")
    }

    /// The label of one of its frames, counted from its first one.
    #[must_use]
    pub fn timecode(&self, frame: u64) -> Timecode {
        Timecode::of_day(self.first + frame, self.rate, self.drop)
    }

    /// Channels of all its tracks of sound. A file may say any number of each.
    pub(crate) fn channels(&self) -> u32 {
        self.sound.iter().fold(0, |sum, track| sum.saturating_add(track.channels))
    }

    /// Whether it has pictures, moving or still.
    #[must_use]
    pub fn has_pictures(&self) -> bool {
        self.kind != MediaKind::Audio
    }
}
