//! Clips of a medium's own packets.

use super::{
    Cut, CutMode, Cutter, Cutting,
    container::Container,
    estimate,
    look::Span,
    work::{Cost, Flow, Target},
};
use crate::{
    MediaError,
    ffprobe::{Kind, Stream},
    job::Job,
};
use rushes_model::TimeRange;
use std::path::Path;

/// Times are the same when they differ by less, in seconds; a tick of 90 kHz is 0.00001.
const SAME: f64 = 0.0002;
/// Reading goes on for so long past the end, in seconds, because times of decoding are estimates.
pub(super) const BEYOND: f64 = 0.2;
/// Tracks lie so near to each other in a container, in seconds: when the picture is so far past the end, so
/// is the sound.
pub(super) const INTERLEAVED: f64 = 2.0;

impl Cutter {
    pub(super) fn copy(
        &self,
        span: &Span,
        target: &Path,
        mut progress: impl FnMut(f64),
    ) -> Result<Cutting, MediaError> {
        let container = self.container(target)?;
        let streams = self.copied_streams(container);
        let reference = *streams.first().ok_or_else(|| MediaError::NoStreams(self.path.clone()))?;
        let target = Target::new(target)?;
        // An edit list may hide what follows a keyframe: then the medium begins later.
        let origin = span.key.max(self.facts.start_time);
        let mut job = self.input(span);
        self.add_file(&mut job, container, &streams, span, origin);
        target.write_to(&mut job);
        let endless = streams.iter().any(|stream| may_end_before(stream, span.copy_end));
        let beyond = if endless { INTERLEAVED + BEYOND } else { BEYOND };
        add_times(&mut job, reference, Some(span.copy_end + beyond));

        let mut kept = Kept { origin, end: span.copy_end, ..Kept::default() };
        let length = span.copy_end - origin;
        let cost = self.copy_cost(span);
        self.tools.write_file(job, &self.path, &target, cost, |line| {
            let Some(dts) = kept.read(line) else { return Flow::Go };
            progress(((dts - origin) / length).clamp(0.0, 1.0));
            if dts > span.copy_end + INTERLEAVED { Flow::Finish } else { Flow::Go }
        })?;
        if kept.packets == 0 {
            let detail = "no packet was found at its in point".to_owned();
            return Err(MediaError::Cut { path: self.path.clone(), detail });
        }
        target.keep();
        progress(1.0);
        let end = if span.goes_on { span.copy_end } else { kept.last };
        let range = TimeRange { start: self.own_time(kept.first), end: self.own_time(end) };
        Ok(Cutting { range, frames: self.facts.has_video().then_some(kept.packets) })
    }

    /// The container that a target's name says.
    pub(super) fn container(&self, target: &Path) -> Result<&'static Container, MediaError> {
        Container::of(target).ok_or_else(|| MediaError::NotWritten {
            path: target.to_owned(),
            detail: "its extension is of no container that clips are written to".to_owned(),
        })
    }

    /// ffmpeg with the medium as its input, from where a span begins.
    pub(super) fn input(&self, span: &Span) -> Job {
        let mut job = self.tools.decode_job(&self.facts);
        if let Some(seek) = span.seek {
            job.args(["-noaccurate_seek", "-seek_timestamp", "1", "-ss", &format!("{seek:.6}")]);
        }
        job.input(&self.path);
        job
    }

    /// The picture first, then what else the container takes.
    fn copied_streams(&self, container: &Container) -> Vec<&Stream> {
        let video = self.layout.video().filter(|_| self.facts.has_video());
        let others = self.layout.streams.iter().filter(|stream| stream.kind() != Kind::Video);
        let all = video.into_iter().chain(others).filter(|stream| container.takes(stream));
        let most = if container.is_single() { 1 } else { usize::MAX };
        all.take(most).collect()
    }

    fn add_file(
        &self,
        job: &mut Job,
        container: &Container,
        streams: &[&Stream],
        span: &Span,
        origin: f64,
    ) {
        for (i, stream) in streams.iter().enumerate() {
            job.args(["-map", &format!("0:{}", stream.index)]);
            job.arg(format!("-bsf:{i}")).arg(choice(container, stream, span, origin));
        }
        job.args(["-c", "copy", "-strict", "-2"]).args(until(span.copy_end + BEYOND));
        job.args(["-output_ts_offset", &format!("{:.6}", -origin)]);
        let video = streams.first().filter(|stream| stream.kind() == Kind::Video);
        if container.hides()
            && let Some(video) = video
        {
            if let Some((_, tick)) = container.tick(video) {
                job.args(["-video_track_timescale", &tick.to_string()]);
            }
            let tagged = video.codec_tag().is_some_and(|tag| ["hvc1", "hev1"].contains(&tag));
            if video.codec() == Some("hevc") && !tagged {
                job.args(["-tag:v", "hvc1"]);
            }
        }
        self.add_tags(job, container, origin);
    }

    /// Carries over what the medium says of itself; its timecode is that of the clip's first frame.
    pub(super) fn add_tags(&self, job: &mut Job, container: &Container, first: f64) {
        job.args(["-map_metadata", "0", "-map_chapters", "-1"]);
        if let Some(timecode) = self.timecode(first) {
            let timecode = format!("timecode={timecode}");
            job.args(["-metadata", &timecode, "-metadata:s:v:0", &timecode]);
        }
        if let Some(reel) = self.layout.reel().filter(|_| self.facts.has_video()) {
            job.args(["-metadata:s:v:0", &format!("reel_name={reel}")]);
        }
        if container.hides() && self.layout.has_named_tags() {
            job.args(["-movflags", "+use_metadata_tags"]);
        }
        job.args(["-f", container.muxer]).args(container.options());
    }

    fn copy_cost(&self, span: &Span) -> Cost {
        let range = TimeRange { start: span.key, end: span.copy_end };
        let cut = Cut { range, mode: CutMode::Copy };
        let file_bytes = estimate::worst_case(&self.facts, &cut);
        Cost { file_bytes, memory_bytes: 0, seconds: self.facts.duration_seconds }
    }
}

/// Has the times of a stream's packets written to stdout, up to a time of the container or its end.
pub(super) fn add_times(job: &mut Job, stream: &Stream, end: Option<f64>) {
    job.args(["-map", &format!("0:{}", stream.index), "-c", "copy"]);
    job.args(end.map(until).unwrap_or_default());
    job.args(["-f", "framecrc", "-flush_packets", "1", "pipe:1"]);
}

/// Ends an output at a time of the container.
fn until(end: f64) -> Vec<String> {
    // A clock that ends before zero cannot be told; what is too much is dropped by the filters.
    if end > 0.0 { vec!["-t".to_owned(), format!("{end:.6}")] } else { Vec::new() }
}

/// Whether a stream may have no packet past the end. Matroska does not say when its tracks end.
pub(super) fn may_end_before(stream: &Stream, end: f64) -> bool {
    stream.kind() == Kind::Subtitle || stream.end().is_none_or(|stops| stops < end + BEYOND)
}

/// The filter that lets through the packets of a clip.
fn choice(container: &Container, stream: &Stream, span: &Span, origin: f64) -> String {
    let (num, den) = container.tick(stream).unwrap_or((1, 90_000));
    let ticks = |seconds: f64| seconds * f64::from(den) / f64::from(num);
    let hidden = container.hides() && stream.kind() == Kind::Audio;
    let (time, from) = match stream.kind() {
        Kind::Video => ("ld(0)", ticks(span.key - SAME)),
        // A packet that the clip begins within is kept where an edit list can hide its beginning.
        _ if hidden => ("ld(0)+duration", ticks(origin + SAME)),
        _ => ("ld(0)", ticks(origin - SAME)),
    };
    let end = ticks(span.copy_end - SAME);
    // A packet without a time of presentation is shown when it is decoded.
    format!(
        "noise=drop=st(0\\,if(eq(pts\\,nopts)\\,dts\\,pts))*0+lt({time}\\,{from:.3})+gte(ld(0)\\,{end:.3})"
    )
}

/// Counts the packets that a clip consists of, as framecrc reports them: `#tb 0: 1/12800`, then for each
/// `stream, dts, pts, duration, size, checksum`.
#[derive(Debug, Default)]
pub(super) struct Kept {
    origin: f64,
    end: f64,
    tick: f64,
    packets: u64,
    first: f64,
    /// End of the packet that ends last.
    last: f64,
}

impl Kept {
    /// The packet's time of decoding in seconds.
    pub(super) fn read(&mut self, line: &[u8]) -> Option<f64> {
        let line = std::str::from_utf8(line).ok()?;
        if let Some(tick) = line.strip_prefix("#tb 0: ") {
            let (num, den) = tick.split_once('/')?;
            self.tick = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
            return None;
        }
        let mut times = line.split(',').skip(1).map(|field| field.trim().parse::<i64>().ok());
        let (dts, pts) = (times.next()??, times.next()??);
        let duration = times.next()??.max(0) as f64 * self.tick;
        let pts = if pts == i64::MIN { dts } else { pts } as f64 * self.tick;
        if pts >= self.origin - SAME && pts < self.end - SAME {
            self.first = if self.packets == 0 { pts } else { self.first.min(pts) };
            self.last = self.last.max(pts + duration);
            self.packets += 1;
        }
        Some(dts as f64 * self.tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_between_the_points_are_counted() {
        let mut kept = Kept { origin: 1.0, end: 1.12, ..Kept::default() };
        for line in [
            "#software: Lavf",
            "#tb 0: 1/25",
            "0, 23, 25, 1, 100, 0x1",
            "0, 24, 27, 1, 100, 0x1, F=0x0",
            "0, 25, 24, 1, 100, 0x1, F=0x0",
            "0, 26, 26, 1, 100, 0x1, F=0x0",
            "0, 27, 28, 1, 100, 0x1, F=0x0",
        ] {
            kept.read(line.as_bytes());
        }
        assert_eq!(kept.packets, 3);
        assert!((kept.first - 1.0).abs() < 1e-9 && (kept.last - 1.12).abs() < 1e-9);
    }
}
