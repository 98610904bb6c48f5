//! What a file holds.

use crate::{
    MediaError, Tools,
    child::{Child, each_line},
    ffprobe::Report,
    program, source, still,
};
use rushes_model::{MediaFacts, MediaKind};
use std::{path::Path, time::SystemTime};

/// ffprobe's report on 64 streams with long tags is far below this.
const LONGEST_REPORT: u64 = 4 << 20;

impl Tools {
    /// Reads what a file holds: kind, length, displayed size, frame rate, timecode, codecs.
    ///
    /// # Errors
    /// When the path is not an absolute path of a readable file, the file is no medium that the
    /// installed ffmpeg can decode, has no length, or is over a limit.
    pub fn probe(&self, path: &Path) -> Result<MediaFacts, MediaError> {
        let (file, metadata) = source::open(path)?;
        let mut facts = match still::recognise(&file, path, self.limits())? {
            still::Kind::Decodable(format) => still::facts(file, path, format, self.limits())?,
            kind => self.probe_container(path, metadata.len(), kind.demuxer())?,
        };
        if facts.created_at.is_none() {
            facts.created_at = metadata.modified().ok().and_then(rfc3339);
        }
        Ok(facts)
    }

    fn probe_container(
        &self,
        path: &Path,
        size_bytes: u64,
        demuxer: Option<&str>,
    ) -> Result<MediaFacts, MediaError> {
        let report = self.report(path, demuxer)?;
        self.check_streams(path, &report)?;
        let duration = match report.duration() {
            Some(duration) => duration,
            None => self.measured_duration(path, &report)?,
        };
        let facts = report.facts(size_bytes, duration);
        self.check_facts(path, &facts)?;
        Ok(facts)
    }

    fn report(&self, path: &Path, demuxer: Option<&str>) -> Result<Report, MediaError> {
        let mut job = self.probe_job();
        job.args(["-print_format", "json", "-show_format", "-show_streams"]);
        if let Some(demuxer) = demuxer {
            job.args(["-f", demuxer]);
        }
        job.input(path);
        let (output, ended) =
            program::capture(job, self.probe_budget(), &self.cancel, LONGEST_REPORT)?;
        if let Some(error) = ended.stopped(path) {
            return Err(error);
        }
        let report = serde_json::from_str(&String::from_utf8_lossy(&output));
        let readable = report.ok().filter(|_| ended.code() == Some(0));
        readable.ok_or_else(|| {
            let detail = ended.detail().replace(&*source::url(path).to_string_lossy(), "");
            let detail = detail.trim_start_matches([':', ' ']).to_owned();
            MediaError::NotMedia { path: path.to_owned(), detail }
        })
    }

    fn check_streams(&self, path: &Path, report: &Report) -> Result<(), MediaError> {
        let (path, limits) = (path.to_owned(), self.limits());
        if report.streams.len() > limits.max_streams {
            let what = format!("it has {} streams", report.streams.len());
            return Err(MediaError::OverLimit {
                path,
                what,
                limit: limits.max_streams.to_string(),
            });
        }
        let Some(stream) = report.video().or(report.audio()) else {
            return Err(MediaError::NoStreams(path));
        };
        if stream.codec().is_none() {
            return Err(MediaError::NoDecoder {
                path,
                codec: stream.codec_tag().unwrap_or("an unknown codec").to_owned(),
            });
        }
        let (width, height) = stream.size();
        match limits.refuse_size(width, height) {
            Some((what, limit)) => Err(MediaError::OverLimit { path, what, limit }),
            None if stream.frames() == Some(0) => Err(MediaError::NoFrames(path)),
            None => Ok(()),
        }
    }

    fn check_facts(&self, path: &Path, facts: &MediaFacts) -> Result<(), MediaError> {
        let path = path.to_owned();
        let longest = self.limits().max_duration.as_secs_f64();
        if facts.has_video() && (facts.width == 0 || facts.height == 0) {
            return Err(MediaError::NoFrames(path));
        }
        if facts.kind == MediaKind::Image {
            return Ok(());
        }
        if facts.duration_seconds <= 0.0 {
            return Err(MediaError::NoFrames(path));
        }
        if facts.duration_seconds > longest {
            let what = format!("it lasts {:.0} s", facts.duration_seconds);
            return Err(MediaError::OverLimit { path, what, limit: format!("{longest:.0} s") });
        }
        Ok(())
    }

    /// The length of a medium whose container does not say, such as a recording of a browser: the
    /// end of the last packet, found by reading them all within the time for a probe.
    fn measured_duration(&self, path: &Path, report: &Report) -> Result<f64, MediaError> {
        if report.video().is_some_and(|video| report.is_still(video)) {
            return Ok(0.0);
        }
        let mut job = self.probe_job();
        let stream = if report.video().is_some() { "V:0" } else { "a:0" };
        let entries = "packet=pts_time,duration_time";
        job.args(["-select_streams", stream, "-show_entries", entries, "-of", "csv=p=0"]);
        job.input(path);
        let mut child = Child::spawn(job, self.probe_budget(), &self.cancel, |_| false)?;
        let (mut start, mut end) = (f64::INFINITY, 0.0_f64);
        if let Some(stdout) = child.stdout() {
            each_line(stdout, |line| {
                if let Some((from, length)) = packet_times(line) {
                    start = start.min(from);
                    end = end.max(from + length);
                }
                true
            });
        }
        child.finish().stopped(path).map_or_else(|| Ok((end - start).max(0.0)), Err)
    }
}

/// Start and length of a packet from a line such as `1.960000,0.040000` or `1.960000,N/A`.
fn packet_times(line: &[u8]) -> Option<(f64, f64)> {
    let mut fields = std::str::from_utf8(line).ok()?.split(',').map(str::parse::<f64>);
    let from = fields.next()?.ok().filter(|seconds| seconds.is_finite())?;
    let length = fields.next().and_then(Result::ok).filter(|length| *length >= 0.0);
    Some((from, length.unwrap_or(0.0)))
}

fn rfc3339(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    // Whole seconds: what editors show, and what the fractions of file systems are not good for.
    jiff::Timestamp::from_second(time.as_second()).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_lines() {
        assert_eq!(packet_times(b"1.5,0.04"), Some((1.5, 0.04)));
        assert_eq!(packet_times(b"1.5,N/A"), Some((1.5, 0.0)));
        assert_eq!(packet_times(b"N/A,0.04"), None);
        assert_eq!(packet_times(b"\xff"), None);
    }
}
