//! Clips coded anew, frame by frame.

use super::{
    Codec, Cut, CutMode, Cutter, Cutting,
    container::Container,
    copy::{BEYOND, INTERLEAVED, Kept, add_times, may_end_before},
    estimate,
    look::{REORDERED, Span},
    work::{Cost, Flow, Target},
};
use crate::{MediaError, ffprobe::Stream, job::Job};
use rushes_model::{FieldOrder, TimeRange};
use std::path::Path;

/// Quality of H.264 on x264's scale: below 18 the difference does not show.
const CRF: &str = "16";
/// Bits a second of AAC for each channel.
const AAC: u32 = 128_000;
/// Seconds of ffmpeg's work between two reports.
const REPORTS: &str = "0.1";
/// Frames that an encoder keeps: x264 looks 50 frames ahead and has as many in its threads.
const KEPT_FRAMES: u64 = 160;
/// Bytes of a pixel at 16 bits in 4:2:2, with room for one more plane.
const PIXEL_BYTES: u64 = 6;
/// The clock of frames that are unevenly spaced: that of MPEG, fine enough for every container's.
const FINE_CLOCK: u32 = 90_000;

impl Cutter {
    pub(super) fn encode(
        &self,
        span: &Span,
        codec: Codec,
        target: &Path,
        mut progress: impl FnMut(f64),
    ) -> Result<Cutting, MediaError> {
        let container = self.container(target)?;
        let target = Target::new(target)?;
        let mut job = self.input(span);
        if let Some(video) = self.layout.video().filter(|_| self.facts.has_video()) {
            self.add_video(&mut job, video, span, codec);
        }
        self.add_sound(&mut job, span, codec, container)?;
        self.add_tags(&mut job, container, span.first);
        job.args(["-stats_period", REPORTS, "-progress", "pipe:1"]);
        target.write_to(&mut job);
        if let Some(stream) = self.followed() {
            let end = (!self.sound_may_end(span)).then_some(span.end + BEYOND);
            add_times(&mut job, stream, end);
        }

        let mut done = Done { end: span.end, ..Done::default() };
        let delay = self.decoder_delay();
        let length = span.end - span.first;
        let rate = self.facts.frame_rate.filter(|_| self.facts.has_video());
        let cost = self.encode_cost(span, codec);
        self.tools.write_file(job, &self.path, &target, cost, |line| {
            done.read(line);
            let read = done.read_to - span.first;
            let seconds = rate.map_or(read, |rate| done.frames as f64 / rate.as_f64());
            progress((seconds / length).clamp(0.0, 1.0));
            if done.has_read_past(delay) { Flow::Finish } else { Flow::Go }
        })?;
        let frames = self.facts.has_video().then_some(done.frames);
        if frames == Some(0) {
            let detail = "nothing could be decoded between its in and out point".to_owned();
            return Err(MediaError::Cut { path: self.path.clone(), detail });
        }
        target.keep();
        progress(1.0);
        let end = match (span.frame, frames) {
            // At the end of a medium there may be fewer frames than its length promises.
            (Some(frame), Some(frames)) => span.first + frames as f64 * frame,
            _ => span.end.min(self.facts.start_time + self.facts.duration_seconds),
        };
        let range = TimeRange { start: self.own_time(span.first), end: self.own_time(end) };
        Ok(Cutting { range, frames })
    }

    /// The stream whose times ffmpeg writes to us beside the clip. That nobody reads its reports any more does not
    /// stop an encoder; that it cannot write one of its outputs does, so that none outlives a process that died.
    fn followed(&self) -> Option<&Stream> {
        let video = self.layout.video().filter(|_| self.facts.has_video());
        video.or_else(|| self.layout.known_audios().next())
    }

    /// Whether sound may end before the clip does: then it never hears that the clip is over, and ffmpeg
    /// would decode the medium to its end.
    fn sound_may_end(&self, span: &Span) -> bool {
        self.facts.has_video()
            && self.layout.known_audios().any(|audio| may_end_before(audio, span.end))
    }

    /// Packets after which a frame has left its decoder, which keeps as many as it reorders and has threads.
    fn decoder_delay(&self) -> usize {
        REORDERED as usize + self.tools.limits().threads_for(self.facts.width, self.facts.height)
    }

    fn add_video(&self, job: &mut Job, video: &Stream, span: &Span, codec: Codec) {
        job.args(["-map", &format!("0:{}", video.index)]);
        let filters = [self.frames_of(span), shape(video, codec)].concat();
        job.args(["-vf", &filters.join(","), "-fps_mode", "passthrough"]);
        if span.frame.is_none() {
            job.args(["-enc_time_base", &format!("1:{FINE_CLOCK}")]);
            job.args(["-video_track_timescale", &FINE_CLOCK.to_string()]);
        }
        match codec {
            Codec::ProRes => {
                let profile = if video.has_alpha() { "4444" } else { "standard" };
                job.args(["-c:v", "prores_ks", "-profile:v", profile, "-vendor", "apl0"]);
            }
            Codec::H264 => {
                job.args(["-c:v", "libx264", "-preset", "medium", "-crf", CRF]);
                job.args(["-movflags", "+faststart"]);
            }
        }
        let order = match self.layout.fields(video) {
            FieldOrder::Progressive => None,
            FieldOrder::Upper => Some("tt"),
            FieldOrder::Lower => Some("bb"),
        };
        if let Some(order) = order {
            job.args(["-flags:v", "+ildct+ilme", "-field_order", order]);
        }
        job.args(["-pix_fmt", pixels(video, codec)]);
    }

    /// The filters that let a clip's frames through and start its clock at zero. Evenly spaced frames get
    /// even times, which containers with a clock of their own have rounded.
    fn frames_of(&self, span: &Span) -> Vec<String> {
        let half = span.frame.map_or(0.0005, |frame| frame / 2.0);
        let (from, to) = (span.first - half, span.end - half);
        let mut filters = vec![
            format!("trim=start={from:.6}:end={to:.6}"),
            format!("setpts=round(PTS-({:.6})/TB)", span.first),
        ];
        if let Some(rate) = super::even_rate(&self.facts) {
            filters.push(format!("settb={}/{}", rate.den(), rate.num()));
        }
        filters
    }

    fn add_sound(
        &self,
        job: &mut Job,
        span: &Span,
        codec: Codec,
        container: &Container,
    ) -> Result<(), MediaError> {
        let most = if container.is_single() { 1 } else { usize::MAX };
        let audios: Vec<&Stream> = self.layout.known_audios().take(most).collect();
        if audios.is_empty() && !self.facts.has_video() {
            return Err(MediaError::NoSound(self.path.clone()));
        }
        // A filter of its own fills gaps, for `first_pts` counts samples as they come in.
        let filter = format!(
            "atrim=start={from:.6}:end={to:.6},asetpts=PTS-({from:.6})/TB,aresample=async=1:first_pts=0",
            from = span.first,
            to = span.end
        );
        for (i, audio) in audios.iter().enumerate() {
            job.args(["-map", &format!("0:{}", audio.index)]);
            job.args([format!("-filter:a:{i}"), filter.clone()]);
            let coded = match codec {
                _ if container.is_flac() => "flac",
                Codec::ProRes if audio.has_fine_sound() => "pcm_s24le",
                Codec::ProRes => "pcm_s16le",
                Codec::H264 => "aac",
            };
            job.args([format!("-c:a:{i}"), coded.to_owned()]);
            if codec == Codec::H264 {
                let bits = AAC * audio.channels.clamp(1, 8);
                job.args([format!("-b:a:{i}"), bits.to_string()]);
            }
        }
        Ok(())
    }

    fn encode_cost(&self, span: &Span, codec: Codec) -> Cost {
        let range = TimeRange { start: span.first, end: span.end };
        let mode = CutMode::Reencode(codec);
        let pixels = u64::from(self.facts.width) * u64::from(self.facts.height);
        Cost {
            file_bytes: estimate::worst_case(&self.facts, &Cut { range, mode }),
            memory_bytes: pixels * PIXEL_BYTES * KEPT_FRAMES,
            // An encoder takes ten times as long as a decoder.
            seconds: 10.0 * (range.duration() + self.facts.duration_seconds.min(60.0)),
        }
    }
}

/// The filters that fit pictures to a codec. What is red, green and blue has no matrix yet.
fn shape(video: &Stream, codec: Codec) -> Vec<String> {
    let mut filters = Vec::new();
    if codec == Codec::H264 {
        filters.push("crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0".to_owned());
    }
    let full = video.color_range.as_deref() == Some("pc");
    if video.is_rgb() {
        filters.push("scale=out_color_matrix=bt709:out_range=tv".to_owned());
        filters.push("setparams=colorspace=bt709:range=tv".to_owned());
    } else if full && codec == Codec::ProRes {
        // ProRes has video range only.
        filters.push("scale=in_range=pc:out_range=tv".to_owned());
        filters.push("setparams=range=tv".to_owned());
    }
    filters
}

fn pixels(video: &Stream, codec: Codec) -> &'static str {
    let full = video.color_range.as_deref() == Some("pc") && !video.is_rgb();
    match codec {
        Codec::ProRes if video.has_alpha() => "yuva444p10le",
        Codec::ProRes => "yuv422p10le",
        Codec::H264 if video.depth() > 8 => "yuv420p10le",
        Codec::H264 if full => "yuvj420p",
        Codec::H264 => "yuv420p",
    }
}

/// How far ffmpeg has come, by its own report, `frame=12`, and by the times of the packets that it has read.
#[derive(Debug, Default)]
struct Done {
    frames: u64,
    packets: Kept,
    /// Where the clip ends, in seconds of the container.
    end: f64,
    /// Packets that were read past its end.
    past: usize,
    /// The time of decoding of the packet that was read last.
    read_to: f64,
}

impl Done {
    /// Whether all pictures and sound of the clip have been read, and have left a decoder of this delay.
    fn has_read_past(&self, delay: usize) -> bool {
        self.past > delay && self.read_to > self.end + INTERLEAVED
    }

    fn read(&mut self, line: &[u8]) {
        if let Some(dts) = self.packets.read(line) {
            self.read_to = dts;
            self.past += usize::from(dts > self.end);
        }
        let pair = std::str::from_utf8(line).ok().and_then(|line| line.split_once('='));
        if let Some(("frame", value)) = pair {
            self.frames = value.trim().parse().unwrap_or(self.frames);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_when_all_frames_have_left_the_decoder() {
        let mut done = Done { end: 10.0, ..Done::default() };
        done.read(b"#tb 0: 1/1000");
        let mut until = |milliseconds: &[u32]| {
            for time in milliseconds {
                done.read(format!("0, {time}, {time}, 40, 100, 0x1").as_bytes());
                done.read(b"frame=250");
            }
            done.has_read_past(3)
        };
        assert!(!until(&[9_960, 10_000]));
        // Far past the end, but unevenly spaced frames may still be in the decoder.
        assert!(!until(&[15_000, 20_000, 25_000]));
        assert!(until(&[30_000]));
        let mut dense = Done { end: 10.0, ..Done::default() };
        dense.read(b"#tb 0: 1/25");
        for frame in 250..300 {
            dense.read(format!("0, {frame}, {frame}, 1, 100, 0x1").as_bytes());
        }
        // Sound may lie so far behind the picture.
        assert!(!dense.has_read_past(3));
        dense.read(b"0, 301, 301, 1, 100, 0x1");
        assert!(dense.has_read_past(3));
    }
}
