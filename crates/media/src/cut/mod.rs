//! Clips cut out of a medium, by copying packets or by coding anew.
//!
//! A [`Cutter`] has looked at a medium once for all the clips that are wanted of it: which streams it
//! has, and where the keyframes around each in and out point lie. Each cut is then one ffmpeg that
//! writes one file. A copied clip of 8 s out of an hour of 1080p costs 0.12 s of processor time, of
//! which 0.07 s is the start of ffmpeg with its two hundred libraries; one look at a hundred clips costs
//! 0.6 s: hence one look for many clips.
//!
//! A copy ends where nothing is missing: with B-frames that is up to a group of them after the out point.
//!
//! What was found out about ffmpeg, all of it seen in 5.1:
//!
//! * `-ss` before the input makes the in point zero and hides what precedes it in an edit list, which
//!   some players follow and others do not. Here the clock stays the container's (`-copyts`), and the
//!   muxer moves it so that the keyframe is at zero (`-output_ts_offset`).
//! * `-t` ends a copied stream by decoding time: with B-frames it keeps frames that are shown after
//!   the out point and loses those before them. Packets are chosen by their presentation time instead,
//!   with the bitstream filter `noise`, which damages nothing when it has only `drop` to do.
//! * That filter sees times in the muxer's ticks and calls the demuxer's tick `tb`. Limits are
//!   therefore given in the muxer's ticks (`Container::tick`).
//! * A copy ends when each of its streams has a packet past the end. Subtitles and tracks that have
//!   ended do not, so that ffmpeg would read on to the end of the file: it is asked to stop.
//! * `-seek_timestamp 1` makes `-ss` a time of the container even where that does not start at 0.
//! * `out_time_us` of `-progress` stays 0 for short clips of H.264, whose encoder looks ahead: frames are
//!   counted instead.
//! * Sound that ends before a clip does never comes to the clip's end, so that what is coded anew would be
//!   decoded to the end of the medium: ffmpeg is asked to stop here too.
//! * Times of evenly spaced frames are put on the frame rate's own clock (`settb`), or Matroska's
//!   milliseconds would come out as a variable rate; unevenly spaced ones need `-enc_time_base`, or they
//!   would be moved to an average rate's.
//! * ffmpeg turns pictures upright when it codes anew, and clears the matrix that says so.
//! * FLAC that is copied keeps the length of the whole in its header.
//! * MPEG program streams have no times of presentation that a parser could not guess: clips of them go
//!   to QuickTime and may be off by frames.
//! * A seek in a transport stream may land past the keyframe, as does one in an open GOP in MP4: the
//!   look begins earlier until there is a keyframe at or before the in point, and the out point.

mod container;
mod copy;
mod encode;
mod estimate;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod layout;
mod look;
mod work;

pub use container::extension;
pub use estimate::estimate;

use crate::{MediaError, Tools, ffprobe::Report};
use look::Span;
use rushes_model::{FrameRate, MediaFacts, MediaKind, SourceClock, TimeRange};
use std::path::{Path, PathBuf};

/// Ranges may end so much after the medium, in seconds: its length is a rounded sum.
const PAST_THE_END: f64 = 0.1;

/// A clip that is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Seconds from the medium's first frame; the out point's frame is not in the clip. Where frames are
    /// evenly spaced, the nearest frames are meant.
    pub range: TimeRange,
    /// How it is made.
    pub mode: CutMode,
}

/// How a clip is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CutMode {
    /// The medium's own packets: nothing is lost, and the clip starts at a keyframe.
    Copy,
    /// Frame-exact, decoded and coded anew.
    Reencode(Codec),
}

/// What to code anew with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ProRes 422, or 4444 where there is transparency, with PCM in QuickTime; of sound alone, WAV.
    ProRes,
    /// H.264 of high quality with AAC in MP4; of sound alone, AAC in MP4.
    H264,
}

/// A clip that was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cutting {
    /// What it shows, in seconds from the medium's first frame: from its first frame to the end of its
    /// last.
    pub range: TimeRange,
    /// Its video frames; `None` of sound.
    pub frames: Option<u64>,
}

/// A medium that was looked at for cutting.
#[derive(Debug)]
pub struct Cutter {
    tools: Tools,
    path: PathBuf,
    facts: MediaFacts,
    layout: Report,
    /// Of the ranges inside the medium; `None` where no keyframe was found at or before one.
    spans: Vec<(TimeRange, Option<Span>)>,
}

impl Tools {
    /// Cuts one clip: [`Self::cutter`] and [`Cutter::cut`] in one.
    ///
    /// # Errors
    /// Those of both.
    pub fn cut(
        &self,
        path: &Path,
        facts: &MediaFacts,
        cut: &Cut,
        target: &Path,
        progress: impl FnMut(f64),
    ) -> Result<Cutting, MediaError> {
        self.cutter(path, facts, &[cut.range])?.cut(cut, target, progress)
    }

    /// Looks at a medium for all the clips that are wanted of it. What is wrong with one range,
    /// [`Cutter::cut`] says.
    ///
    /// # Errors
    /// When the file is a still picture, or cannot be read any more.
    pub fn cutter(
        &self,
        path: &Path,
        facts: &MediaFacts,
        ranges: &[TimeRange],
    ) -> Result<Cutter, MediaError> {
        if facts.kind == MediaKind::Image {
            return Err(MediaError::StillPicture(path.to_owned()));
        }
        let inside = ranges.iter().filter_map(|range| Some((*range, snapped(facts, *range)?)));
        let layout = self.layout(path)?;
        let spans = self.spans(path, facts, &layout, &inside.collect::<Vec<_>>())?;
        Ok(Cutter {
            tools: self.clone(),
            path: path.to_owned(),
            facts: facts.clone(),
            layout,
            spans,
        })
    }
}

impl Cutter {
    /// Cuts a clip whose range is one of those that were looked for. Nothing but `target` is written,
    /// which must not exist yet and whose extension, one that [`extension`] gives, says the container.
    /// `progress` is called with numbers from 0 to 1, as often as ffmpeg reports, and ffmpeg waits for
    /// it. The tools' cancel ends it within a fraction of a second.
    ///
    /// # Errors
    /// When the range is none of those or not inside the medium, no keyframe precedes it, `target` exists
    /// or its container is unknown, the installed ffmpeg lacks an encoder, the disk is full, or ffmpeg
    /// fails. Then `target` is gone.
    pub fn cut(
        &self,
        cut: &Cut,
        target: &Path,
        progress: impl FnMut(f64),
    ) -> Result<Cutting, MediaError> {
        let span = self.span(cut.range)?;
        match cut.mode {
            // The header of FLAC counts the samples of the whole; coded anew it loses nothing.
            CutMode::Copy if self.container(target)?.is_flac() => {
                self.encode(span, Codec::ProRes, target, progress)
            }
            CutMode::Copy => self.copy(span, target, progress),
            CutMode::Reencode(codec) => self.encode(span, codec, target, progress),
        }
    }

    /// The place of a range that was looked for, if it has one.
    fn span(&self, range: TimeRange) -> Result<&Span, MediaError> {
        let found = self.spans.iter().find(|(asked, _)| *asked == range);
        let (_, span) = found.ok_or_else(|| MediaError::BadCut {
            path: self.path.clone(),
            start: range.start,
            end: range.end,
            duration: self.facts.duration_seconds,
        })?;
        span.as_ref().ok_or_else(|| MediaError::Decode {
            path: self.path.clone(),
            detail: format!("no keyframe was found before {:.3} s", range.start),
        })
    }

    /// The timecode of the frame at this time of the container, if the source counts any.
    fn timecode(&self, seconds: f64) -> Option<String> {
        self.facts.start_timecode.as_ref()?;
        let clock = SourceClock::of(&self.facts)?;
        Some(clock.at(seconds - self.facts.start_time).to_string())
    }

    /// The same time on the medium's own clock.
    fn own_time(&self, seconds: f64) -> f64 {
        // Below a microsecond it is the rounding of the container's clock.
        ((seconds - self.facts.start_time).max(0.0) * 1e6).round() / 1e6
    }
}

/// The rate of frames that are evenly spaced.
fn even_rate(facts: &MediaFacts) -> Option<FrameRate> {
    facts.frame_rate.filter(|_| facts.has_video() && !facts.variable_frame_rate)
}

/// The range on the container's clock, its ends moved to frames where these are evenly spaced, and at
/// least a frame long; `None` when it is not inside the medium.
fn snapped(facts: &MediaFacts, range: TimeRange) -> Option<TimeRange> {
    let TimeRange { start, end } = range;
    let inside = start >= 0.0
        && start < facts.duration_seconds
        && end > start
        && end <= facts.duration_seconds + PAST_THE_END;
    if !inside {
        return None;
    }
    let (start, end) = match even_rate(facts) {
        Some(rate) => {
            let first = nearest_first(facts, rate, start);
            let after = rate.nearest_frame(end).max(first + 1);
            (first as f64 / rate.as_f64(), after as f64 / rate.as_f64())
        }
        None => (start, end),
    };
    Some(TimeRange { start: facts.start_time + start, end: facts.start_time + end })
}

/// The frame nearest to an in point. Within the last half frame that is the last one, for none follows; what
/// begins after the last frame, where sound goes on, stays there.
fn nearest_first(facts: &MediaFacts, rate: FrameRate, start: f64) -> u64 {
    let counted = facts.streams.as_ref().and_then(|streams| streams.frames);
    let frames = counted.unwrap_or(u64::MAX).min(rate.nearest_frame(facts.duration_seconds));
    let first = rate.nearest_frame(start);
    if rate.frame_at(start) < frames { first.min(frames - 1) } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushes_model::StreamFacts;

    #[test]
    fn in_points_stay_within_the_frames() {
        let facts = MediaFacts {
            kind: MediaKind::Video,
            size_bytes: 1,
            duration_seconds: 12.0,
            width: 2,
            height: 2,
            frame_rate: FrameRate::new(25, 1),
            variable_frame_rate: false,
            start_timecode: None,
            start_time: 0.0,
            rotation: 0,
            video_codec: None,
            audio_codec: None,
            audio_tracks: 0,
            created_at: None,
            streams: Some(StreamFacts { frames: Some(250), ..StreamFacts::default() }),
        };
        let start = |facts: &MediaFacts, start| {
            let range = snapped(facts, TimeRange { start, end: 11.99 }).unwrap();
            (range.start * 25.0).round() as u64
        };
        assert_eq!(start(&facts, 9.99), 249);
        assert_eq!(start(&facts, 9.97), 249);
        assert_eq!(start(&facts, 9.95), 249);
        assert_eq!(start(&facts, 9.93), 248);
        // Sound goes on after the last frame.
        assert_eq!(start(&facts, 10.01), 250);
        let unknown = MediaFacts { streams: None, ..facts };
        assert_eq!(start(&unknown, 11.985), 299);
        assert_eq!(snapped(&unknown, TimeRange { start: 12.0, end: 12.05 }), None);
    }
}
