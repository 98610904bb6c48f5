//! How far apart the keyframes of a stream are.

use crate::{
    MediaError, Tools,
    child::{Child, each_line},
};
use rushes_model::MediaFacts;
use std::{ops::ControlFlow, path::Path};

/// Keyframes this far apart, in seconds, are as good as a frame a second.
const DENSE: f64 = 1.05;
/// So many gaps of a single frame in a row, and every frame is a keyframe.
const ALL_KEYS: usize = 48;
/// Seconds looked at from the start.
const FIRST_LOOK: f64 = 60.0;
/// Seconds looked at in the middle, because what precedes a take may be coded differently.
const SECOND_LOOK: f64 = 30.0;
/// Codecs without any frames but keyframes, by ffmpeg's names.
const INTRA_CODECS: [&str; 22] = [
    "prores", "dnxhd", "mjpeg", "mjpegb", "jpeg2000", "cfhd", "hap", "dvvideo", "rawvideo", "v210",
    "v308", "v408", "v410", "r210", "r10k", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "png",
    "dpx", "exr",
];

/// A packet's time where it has none (ffmpeg's AV_NOPTS_VALUE).
const NO_TIME: i64 = i64::MIN;

/// Whether a codec has no frames but keyframes.
pub(crate) fn is_intra(codec: &str) -> bool {
    INTRA_CODECS.contains(&codec)
}

/// How the keyframes of a stream lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// Every frame is one.
    EveryFrame,
    /// There is one about every second, or more.
    Dense,
    /// Further apart somewhere.
    Sparse,
}

/// What was found out about the keyframes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) spacing: Spacing,
    /// Whether frames are stored in another order than they are shown in.
    pub(crate) reordered: bool,
}

impl Tools {
    /// Finds the spacing by the codec, or else by the keyframes of a sample: their packets alone are
    /// read where the container has an index, and no longer than the answer needs.
    pub(crate) fn keys(&self, path: &Path, facts: &MediaFacts) -> Result<Keys, MediaError> {
        let codec = facts.video_codec.as_deref().unwrap_or_default();
        if is_intra(codec) {
            return Ok(Keys { spacing: Spacing::EveryFrame, reordered: false });
        }
        let duration = facts.duration_seconds;
        let first = self.look(path, facts, 0.0, FIRST_LOOK)?;
        if first.spacing == Spacing::Dense && duration > 2.0 * (FIRST_LOOK + SECOND_LOOK) {
            return self.look(path, facts, duration / 2.0, SECOND_LOOK);
        }
        Ok(first)
    }

    fn look(
        &self,
        path: &Path,
        facts: &MediaFacts,
        from: f64,
        length: f64,
    ) -> Result<Keys, MediaError> {
        let mut job = self.decode_job(facts);
        if from > 0.0 {
            job.args(["-ss", &format!("{from:.3}")]);
        }
        job.args(["-discard:v", "nokey"]).input(path);
        job.args(["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-flush_packets", "1"]);
        job.arg("pipe:1");
        let mut child = Child::spawn(job, self.look_budget(), &self.cancel, |_| false)?;
        let frame = facts.frame_rate.map_or(0.0, |rate| 1.0 / rate.as_f64());
        let until = facts.start_time + from + length;
        let mut sample = Sample { frame, until, ..Sample::default() };
        let (mut lines, watch) = (PacketLines::default(), child.watch());
        if let Some(stdout) = child.stdout() {
            each_line(stdout, |line| {
                watch.sign_of_life();
                let key = lines.key_time(line);
                key.is_none_or(|seconds| sample.add(seconds).is_continue())
            });
        }
        // It may have been left in the middle of its work.
        child.kill();
        if let Some(error) = child.finish().stopped(path) {
            return Err(error);
        }
        let spacing = sample.spacing(facts.start_time + facts.duration_seconds);
        Ok(Keys { spacing, reordered: lines.delay != Some(0) })
    }
}

/// Keyframe times, as far as they are needed.
#[derive(Debug, Default)]
struct Sample {
    /// Length of one frame, or 0 if it is not known.
    frame: f64,
    /// The container's time at which the look ends.
    until: f64,
    last: Option<f64>,
    gaps: usize,
    longest: f64,
    ended: bool,
}

impl Sample {
    fn add(&mut self, seconds: f64) -> ControlFlow<()> {
        if let Some(last) = self.last {
            self.longest = self.longest.max(seconds - last);
            self.gaps += 1;
        }
        self.last = Some(seconds);
        let all_keys = self.gaps >= ALL_KEYS && self.single_frames();
        self.ended = all_keys || self.longest > DENSE || seconds >= self.until;
        if self.ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn single_frames(&self) -> bool {
        self.gaps > 0 && self.longest < 1.5 * self.frame
    }

    /// The answer; `end` is the container's time at the end of the medium.
    fn spacing(mut self, end: f64) -> Spacing {
        if let Some(last) = self.last.filter(|_| !self.ended) {
            self.longest = self.longest.max(end.min(self.until) - last - self.frame);
        }
        if self.last.is_none() || self.longest > DENSE {
            Spacing::Sparse
        } else if self.single_frames() {
            Spacing::EveryFrame
        } else {
            Spacing::Dense
        }
    }
}

/// Reads what ffmpeg's framecrc muxer writes: `#tb 0: 1/12800`, then for each packet
/// `stream, dts, pts, duration, size, crc` and `F=0x0` where it is not a keyframe.
///
/// Times are decoding times and the delay of the first packet. Presentation times cannot be used:
/// when packets are discarded, ffmpeg's mov demuxer (seen in 5.1) goes on to give each packet that
/// is left the composition offset of the next in the table, which belongs to another one.
#[derive(Debug, Default)]
pub(crate) struct PacketLines {
    tick: f64,
    /// From decoding to presentation of the first packet, in ticks.
    delay: Option<i64>,
}

impl PacketLines {
    pub(crate) fn key_time(&mut self, line: &[u8]) -> Option<f64> {
        let line = std::str::from_utf8(line).ok()?;
        if let Some(tick) = line.strip_prefix("#tb 0: ") {
            let (num, den) = tick.split_once('/')?;
            self.tick = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
            return None;
        }
        let mut fields = line.split(',').map(str::trim);
        let dts: i64 = fields.nth(1)?.parse().ok()?;
        let pts: i64 = fields.next()?.parse().ok()?;
        let other = fields.any(|field| field.starts_with("F=0x") && !ends_odd(field));
        if other || dts == NO_TIME {
            return None;
        }
        let delay = if pts == NO_TIME { 0 } else { pts.saturating_sub(dts) };
        let delay = *self.delay.get_or_insert(delay);
        Some(dts.saturating_add(delay) as f64 * self.tick)
    }
}

/// Whether the lowest bit of a hexadecimal number is set: the flag of a keyframe.
fn ends_odd(field: &str) -> bool {
    field.chars().last().and_then(|digit| digit.to_digit(16)).is_some_and(|digit| digit % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spacing(times: impl IntoIterator<Item = f64>, end: f64) -> Spacing {
        let mut sample = Sample { frame: 0.04, until: 60.0, ..Sample::default() };
        for seconds in times {
            if sample.add(seconds).is_break() {
                break;
            }
        }
        sample.spacing(end)
    }

    #[test]
    fn spacings_are_told_apart() {
        let every = |step: f64| (0..100).map(move |i| f64::from(i) * step);
        assert_eq!(spacing(every(0.04), 100.0), Spacing::EveryFrame);
        assert_eq!(spacing(every(0.5), 50.0), Spacing::Dense);
        assert_eq!(spacing(every(1.001), 100.0), Spacing::Dense);
        assert_eq!(spacing(every(2.0), 200.0), Spacing::Sparse);
        assert_eq!(spacing([0.0], 10.0), Spacing::Sparse);
        assert_eq!(spacing([0.0], 0.5), Spacing::Dense);
        assert_eq!(spacing([], 10.0), Spacing::Sparse);
    }

    #[test]
    fn packet_lines_of_several_containers() {
        let mut lines = PacketLines::default();
        let mut read = |line: &str| lines.key_time(line.as_bytes());
        assert_eq!(read("#tb 0: 1/90000"), None);
        assert_eq!(read("0,  86400,  90000,  3600,  155194, 0xeae06827, S=1,  1"), Some(1.0));
        assert_eq!(read("0,  129600,  144000,  3600,  17478, 0xf2be46fc, F=0x0, S=1,  1"), None);
        assert_eq!(read("0,  176400,  999999,  3600,  17478, 0xf2be46fc, F=0x11"), Some(2.0));
        let without = "0,  266400, -9223372036854775808,  3600,  17478, 0xf2be46fc";
        assert_eq!(read(without), Some(3.0));
        assert_eq!(read("#dimensions 0: 1920x1080"), None);
        assert_eq!(read("garbage, 1"), None);
    }
}
