//! One frame a second of a stream in which every frame is a key, read by seeking.
//!
//! ffmpeg's concat demuxer plays a list of in and out points. The list names the medium once for
//! every second, with room for a single frame, so that nothing between is even read.

use crate::MediaError;
use rushes_model::{FrameRate, MediaFacts};
use std::{
    fmt::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Below this rate, in frames a second, reading every frame costs no more than seeking.
const WORTHWHILE: f64 = 4.0;
/// Name of the link to the medium. The list stays free of names that strangers chose.
const LINK: &str = "medium";

/// Whether in points can be worked out for this medium: evenly spaced frames, and more than a few.
pub(crate) fn possible(facts: &MediaFacts) -> bool {
    let rate = facts.frame_rate.filter(|_| !facts.variable_frame_rate);
    rate.is_some_and(|rate| rate.as_f64() > WORTHWHILE)
}

/// A list in a private folder, which goes when this is dropped.
pub(crate) struct InPoints {
    folder: TempDir,
    /// The container's time at the start of the medium, on the clock of the list.
    pub(crate) origin: f64,
    /// The medium's frame rate.
    pub(crate) rate: FrameRate,
}

impl InPoints {
    /// Writes the list for one frame a second.
    pub(crate) fn write(path: &Path, facts: &MediaFacts) -> Result<Self, MediaError> {
        let rate = facts.frame_rate.filter(|_| possible(facts));
        let rate = rate.ok_or_else(|| MediaError::NoFrames(path.to_owned()))?;
        let points = points(rate, facts.start_time, facts.duration_seconds);
        let first = points.first().map_or(0.0, |&point| point as f64 / 1e6);
        let folder = tempfile::Builder::new().prefix("rushes-").tempdir();
        let folder = folder.map_err(MediaError::Temporary)?;
        symlink(path, folder.path().join(LINK)).map_err(MediaError::Temporary)?;
        let in_points = Self { folder, origin: facts.start_time - first, rate };
        fs_err::write(in_points.list(), list(&points, rate)).map_err(MediaError::Temporary)?;
        Ok(in_points)
    }

    /// Path of the list.
    pub(crate) fn list(&self) -> PathBuf {
        self.folder.path().join("list.ffconcat")
    }
}

/// In points in microseconds, each a quarter of a frame into the first frame of its second. A seek takes
/// the last frame before the point; a quarter is more than containers round times by, and where they
/// count in frames it is rounded to the frame itself.
fn points(rate: FrameRate, start: f64, duration: f64) -> Vec<i64> {
    let (num, den) = (u64::from(rate.num()), u64::from(rate.den()));
    let frame_of = |second: u64| (second * num).div_ceil(den);
    let seconds = |second| (frame_of(second) as f64 + 0.25) / rate.as_f64();
    let inside = (0..).map(seconds).take_while(|&seconds| seconds < duration);
    inside.map(|seconds| ((start + seconds) * 1e6).round() as i64).collect()
}

/// The list. Durations are the differences of the points, so that the clock of the list is that of
/// the medium but for the first point.
fn list(points: &[i64], rate: FrameRate) -> String {
    let quarter = (250_000.0 / rate.as_f64()) as i64;
    let mut text = "ffconcat version 1.0\n".to_owned();
    for (i, &point) in points.iter().enumerate() {
        let next = points.get(i + 1).copied().unwrap_or(point + 1_000_000);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "file {LINK}\ninpoint {point}us\noutpoint {}us\nduration {}us",
            point + quarter,
            next - point
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_in_the_first_frame_of_each_second() {
        let ntsc = FrameRate::new(30_000, 1001).unwrap();
        let points = points(ntsc, 0.0, 7200.0);
        assert_eq!(points.len(), 7200);
        for (second, &point) in points.iter().enumerate() {
            let frame = ntsc.frame_at(point as f64 / 1e6);
            let time = frame as f64 / ntsc.as_f64();
            assert!((second as f64 - 1e-9..second as f64 + 0.0334).contains(&time), "{second}");
        }
    }

    #[test]
    fn the_clock_of_the_list_does_not_drift() {
        let ntsc = FrameRate::new(30_000, 1001).unwrap();
        let points = points(ntsc, 1.4, 3600.0);
        let text = list(&points, ntsc);
        let durations = text.lines().filter_map(|line| line.strip_prefix("duration "));
        let sum: i64 = durations.map(|d| d.trim_end_matches("us").parse::<i64>().unwrap()).sum();
        assert_eq!(sum, points[points.len() - 1] - points[0] + 1_000_000);
    }
}
