//! Where the packets around in and out points lie.

use super::even_rate;
use crate::{
    MediaError, Tools,
    child::{Child, each_line},
    ffprobe::Report,
};
use rushes_model::{MediaFacts, TimeRange};
use std::{fmt::Write as _, path::Path};

/// Frames that may be stored before one that is shown earlier: x264 stores at most 16.
pub(super) const REORDERED: f64 = 20.0;
/// Seconds read past an out point at least, for media whose frames are unevenly spaced.
const PAST: f64 = 1.0;
/// How long before in and out points looks begin, in seconds, one after the other until a keyframe is found
/// at or before each. Past the last the whole medium is read.
const EARLIER: [f64; 4] = [0.0, 3.0, 15.0, 90.0];
/// Times count as the same when they differ by less, in seconds, where frames are unevenly spaced:
/// containers round times to a millisecond, and so do people.
const SAME: f64 = 0.001;
/// A range is looked at as one piece when its ends are nearer than this, in seconds.
const ONE_PIECE: f64 = 3.0;
/// Ranges of one look. A command line holds thousands; this keeps it short.
const AT_ONCE: usize = 200;

/// One clip's place among the packets. Times are the container's, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// Where to seek to before reading; `None` to read from the beginning.
    pub(super) seek: Option<f64>,
    /// The last keyframe shown at or before the in point.
    pub(super) key: f64,
    /// The first frame after a copy. Packets of frames shown before it can be decoded without it.
    pub(super) copy_end: f64,
    /// Whether there is such a frame; at the end of a medium there is none.
    pub(super) goes_on: bool,
    /// The frame shown at the in point.
    pub(super) first: f64,
    /// The first frame after a clip that is coded anew.
    pub(super) end: f64,
    /// Length of a frame, where it is known.
    pub(super) frame: Option<f64>,
}

/// A packet's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Packet {
    pub(super) pts: f64,
    dts: f64,
    key: bool,
    /// Hidden by an edit list.
    hidden: bool,
}

impl Tools {
    /// The spans of ranges that were moved to frames; `None` where no keyframe was found at or before one.
    pub(super) fn spans(
        &self,
        path: &Path,
        facts: &MediaFacts,
        layout: &Report,
        ranges: &[(TimeRange, TimeRange)],
    ) -> Result<Vec<(TimeRange, Option<Span>)>, MediaError> {
        let look = Look { tools: self, path, facts, indexed: layout.has_index() };
        let mut spans = Vec::new();
        for some in ranges.chunks(AT_ONCE) {
            spans.extend(look.spans(some)?);
        }
        Ok(spans)
    }
}

struct Look<'a> {
    tools: &'a Tools,
    path: &'a Path,
    facts: &'a MediaFacts,
    indexed: bool,
}

impl Look<'_> {
    fn spans(
        &self,
        ranges: &[(TimeRange, TimeRange)],
    ) -> Result<Vec<(TimeRange, Option<Span>)>, MediaError> {
        let mut open: Vec<(TimeRange, TimeRange)> = ranges.to_vec();
        let mut spans = Vec::new();
        // Without an index a seek hits packets, not keyframes.
        for earlier in &EARLIER[usize::from(!self.indexed)..] {
            let runs = self.read(&self.intervals(&open, *earlier))?;
            open.retain(|(asked, range)| {
                let span = self.span(&runs, *range, Some(*earlier));
                spans.extend(span.map(|span| (*asked, Some(span))));
                span.is_none()
            });
            if open.is_empty() {
                return Ok(spans);
            }
        }
        let last = open.iter().map(|(_, range)| range.end).fold(0.0, f64::max);
        let runs = self.read(&format!("%{:.6}", last + self.past()))?;
        spans.extend(open.iter().map(|(asked, range)| (*asked, self.span(&runs, *range, None))));
        Ok(spans)
    }

    fn frame(&self) -> Option<f64> {
        even_rate(self.facts).map(|rate| 1.0 / rate.as_f64())
    }

    fn tolerance(&self) -> f64 {
        self.frame().map_or(SAME, |frame| frame / 4.0)
    }

    fn past(&self) -> f64 {
        self.facts.frame_rate.map_or(PAST, |rate| (REORDERED / rate.as_f64()).max(PAST))
    }

    /// Where a look at an in point seeks to: a little late, because times are rounded, and not before
    /// the start, which some demuxers refuse.
    fn target(&self, start: f64, earlier: f64) -> f64 {
        (start - earlier).max(self.facts.start_time) + self.tolerance()
    }

    /// What ffprobe is to read: from before each in point to past it, and the same of each out point. The
    /// last comes first, so that decoding times go back wherever another interval begins.
    fn intervals(&self, ranges: &[(TimeRange, TimeRange)], earlier: f64) -> String {
        let mut all = Vec::new();
        for (_, range) in ranges {
            let (from, past) = (self.target(range.start, earlier), range.end + self.past());
            if range.duration() < ONE_PIECE {
                all.push((from, past));
            } else {
                all.push((from, range.start + self.past().min(PAST)));
                all.push((self.target(range.end, earlier), past));
            }
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut text = String::new();
        for (from, to) in all {
            let comma = if text.is_empty() { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}{from:.6}%{to:.6}");
        }
        text
    }

    /// Packets, in decoding order within each run.
    fn read(&self, intervals: &str) -> Result<Vec<Vec<Packet>>, MediaError> {
        let mut job = self.tools.probe_job();
        let stream = if self.facts.has_video() { "V:0" } else { "a:0" };
        job.args(["-select_streams", stream, "-show_entries", "packet=pts_time,dts_time,flags"]);
        job.args(["-of", "csv=p=0", "-read_intervals", intervals]);
        job.input(self.path);
        // The last look may read the whole medium.
        let budget = self.tools.decode_budget(self.facts);
        let mut child = Child::spawn(job, budget, &self.tools.cancel, |_| false)?;
        let mut runs: Vec<Vec<Packet>> = Vec::new();
        let watch = child.watch();
        if let Some(stdout) = child.stdout() {
            each_line(stdout, |line| {
                watch.sign_of_life();
                let last = runs.last().and_then(|run| run.last());
                if let Some(packet) = Packet::read(line, last) {
                    add(&mut runs, packet);
                }
                true
            });
        }
        // A seek that failed has brought no packets, and is tried from elsewhere.
        child.finish().stopped(self.path).map_or(Ok(runs), Err)
    }

    /// The span of a range, if these packets tell it; `earlier` is how they were looked for.
    fn span(&self, runs: &[Vec<Packet>], range: TimeRange, earlier: Option<f64>) -> Option<Span> {
        let tolerance = self.tolerance();
        // A clip may begin after the last frame, where sound goes on: only the whole medium tells that.
        let run = around(runs, range.start, tolerance).or_else(|| {
            runs.first()
                .filter(|run| earlier.is_none() && first_key(run) <= range.start + tolerance)
        })?;
        let keys = run.iter().filter(|packet| packet.key && packet.pts <= range.start + tolerance);
        let key = keys.map(|packet| packet.pts).reduce(f64::max)?;
        let last = around(runs, range.end, tolerance);
        // Where frames follow the out point, only a look from a keyframe on tells which of them a copy needs.
        let goes_past = || runs.iter().any(|run| latest(run) >= range.end - tolerance);
        if last.is_none() && earlier.is_some() && goes_past() {
            return None;
        }
        let after = last.and_then(|run| copy_end(run, range.end - tolerance));
        // Where a medium ends within a group of B-frames all of them are needed.
        let all = last.map_or(range.end, |run| (latest(run) + 2.0 * tolerance).max(range.end));
        let (first, end) = match self.frame() {
            Some(_) => (range.start, range.end),
            None if !self.facts.has_video() => (range.start, range.end),
            None => (shown_at(run, range.start).unwrap_or(range.start), {
                let next = last.and_then(|run| next_frame(run, range.end - tolerance));
                next.unwrap_or(range.end)
            }),
        };
        let seek = match earlier {
            Some(_) if self.indexed => Some(key + SAME),
            Some(earlier) => Some(self.target(range.start, earlier)),
            None => None,
        };
        Some(Span {
            seek,
            key,
            copy_end: after.unwrap_or(all),
            goes_on: after.is_some(),
            first,
            end,
            frame: self.frame(),
        })
    }
}

/// Decoding times go back where another interval begins.
fn add(runs: &mut Vec<Vec<Packet>>, packet: Packet) {
    match runs.last_mut() {
        Some(run) if run.last().is_some_and(|last| packet.dts >= last.dts) => run.push(packet),
        _ => runs.push(vec![packet]),
    }
}

/// The packets around a time: of all runs from a keyframe before it to past it the one that goes furthest,
/// since a run may stop within a group of B-frames.
fn around(runs: &[Vec<Packet>], time: f64, tolerance: f64) -> Option<&Vec<Packet>> {
    let covers =
        |run: &&Vec<Packet>| first_key(run) <= time + tolerance && latest(run) >= time - tolerance;
    runs.iter().filter(covers).max_by(|a, b| latest(a).total_cmp(&latest(b)))
}

fn latest(run: &[Packet]) -> f64 {
    run.iter().map(|packet| packet.pts).fold(f64::MIN, f64::max)
}

fn first_key(run: &[Packet]) -> f64 {
    run.iter().find(|packet| packet.key).map_or(f64::MAX, |packet| packet.pts)
}

/// The first frame after a copy that shows everything before `out`: packets from some packet on are
/// left out, and none of these may be shown before it.
fn copy_end(run: &[Packet], out: f64) -> Option<f64> {
    let mut end = None;
    let mut earliest = f64::INFINITY;
    for (i, packet) in run.iter().enumerate().rev() {
        earliest = earliest.min(packet.pts);
        if earliest < out {
            break;
        }
        // Nothing that is kept may be shown after what is left out.
        if run[..i].iter().all(|kept| kept.pts < earliest) {
            end = Some(earliest);
        }
    }
    end
}

fn shown_at(run: &[Packet], time: f64) -> Option<f64> {
    let shown = run.iter().filter(|packet| !packet.hidden && packet.pts <= time + SAME);
    shown.map(|packet| packet.pts).reduce(f64::max)
}

fn next_frame(run: &[Packet], out: f64) -> Option<f64> {
    run.iter().map(|packet| packet.pts).filter(|&pts| pts >= out).reduce(f64::min)
}

impl Packet {
    /// Reads `pts,dts,flags`; a time that a container does not have is `N/A`. After a seek in Matroska the
    /// first few packets have no time of decoding: they follow the `last`.
    pub(super) fn read(line: &[u8], last: Option<&Self>) -> Option<Self> {
        let mut fields = std::str::from_utf8(line).ok()?.split(',');
        let mut time = || fields.next()?.parse::<f64>().ok().filter(|time| time.is_finite());
        let (pts, dts) = (time(), time());
        let flags = fields.next()?;
        let key = flags.contains('K');
        let last = last.filter(|_| !key).map(|last| last.dts);
        let pts = pts.or(dts)?;
        Some(Self { pts, dts: dts.or(last).unwrap_or(pts), key, hidden: flags.contains('D') })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets in decoding order, by the numbers of their frames.
    fn run(numbers: &[u32]) -> Vec<Packet> {
        let packet = |(i, number): (usize, &u32)| Packet {
            pts: f64::from(*number),
            dts: i as f64 - 2.0,
            key: number % 9 == 0,
            hidden: false,
        };
        numbers.iter().enumerate().map(packet).collect()
    }

    #[test]
    fn a_copy_ends_where_nothing_is_missing() {
        let plain = run(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(copy_end(&plain, 2.75), Some(3.0));
        assert_eq!(copy_end(&plain, 5.75), None);
        // I P b B b P b B b I b B b: an out point within a group of B-frames waits for its end.
        let mixed = run(&[0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11]);
        assert_eq!(copy_end(&mixed, 4.75), Some(5.0));
        assert_eq!(copy_end(&mixed, 3.75), Some(5.0));
        assert_eq!(copy_end(&mixed, 5.75), Some(9.0));
        // An open GOP: what leads its keyframe belongs to what precedes it.
        let open = run(&[0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11]);
        assert_eq!(copy_end(&open, 7.75), Some(10.0));
        assert_eq!(copy_end(&open, 6.75), Some(7.0));
    }

    #[test]
    fn packet_lines() {
        let read = |line: &str| Packet::read(line.as_bytes(), None);
        let key = Packet { pts: 1.5, dts: 1.4, key: true, hidden: false };
        assert_eq!(read("1.500000,1.400000,K_"), Some(key));
        assert_eq!(read("N/A,1.400000,__").map(|packet| packet.pts), Some(1.4));
        assert_eq!(read("N/A,N/A,K_"), None);
        assert_eq!(read("x"), None);
        let mut runs = Vec::new();
        for dts in [5.0, 6.0, 1.0, 2.0, 2.0] {
            add(&mut runs, Packet { dts, ..key });
        }
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3]);
        let following = Packet::read(b"2.500000,N/A,__", Some(&key)).unwrap();
        assert_eq!((following.pts, following.dts), (2.5, 1.4));
    }
}
