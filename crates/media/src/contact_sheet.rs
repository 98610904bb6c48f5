//! Pictures of several times of one medium, made by one process.
//!
//! The medium is an input of that process once for each run of times that lie close together, and every
//! input is sought by itself, as for a single picture. A filter graph keeps the last frame at or before
//! each time and joins them to one stream of raw pictures, in the order of the times. Either all come
//! out or the sheet is void, so that no picture can stand for another time.

use crate::{MediaError, Tools, decoder::Shape, program, thumbnail::ROUNDING};
use rushes_model::{MediaFacts, MediaKind, Picture};
use std::{fmt::Write as _, path::Path};

/// Most pictures of one sheet. Each input has a decoder of its own that stays open to the end, 37 MB
/// at 1080p; five pictures a process took 22 % less processor time than one, ten no less than five.
const MOST: usize = 8;
/// Frames larger than 1080p make the sheets smaller, so that the decoders fit the limit of memory.
const MOST_PIXELS: u64 = MOST as u64 * 1920 * 1080;
/// Times up to this many seconds apart are one run: decoding on costs less than seeking again.
const RUN_GAP: f64 = 1.0;
/// How many seconds before a time its frame may have started where frames are not evenly spaced.
const UNEVEN_WINDOW: f64 = 0.25;

/// Deals times out to sheets, as places in `times`: in time order, as evenly as `workers` need it. What
/// has no frames at these times gets a sheet of its own, to fail by itself.
pub(crate) fn deal(facts: &MediaFacts, times: &[f64], workers: usize) -> Vec<Vec<usize>> {
    let inside = 0.0..=facts.duration_seconds;
    let takes = |place: &usize| facts.kind == MediaKind::Video && inside.contains(&times[*place]);
    let (mut places, alone): (Vec<_>, Vec<_>) = (0..times.len()).partition(takes);
    places.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
    let pixels = (u64::from(facts.width) * u64::from(facts.height)).max(1);
    let most = (MOST_PIXELS / pixels).clamp(1, MOST as u64) as usize;
    let sheets = places.len().div_ceil(most).next_multiple_of(workers.max(1));
    let size = places.len().div_ceil(sheets.max(1)).max(1);
    let together = places.chunks(size).map(<[usize]>::to_vec);
    together.chain(alone.into_iter().map(|place| vec![place])).collect()
}

impl Tools {
    /// The pictures at these times, which ascend and lie inside the medium. `None` when not every time
    /// has its own: by themselves they may still be had.
    pub(crate) fn contact_sheet(
        &self,
        path: &Path,
        facts: &MediaFacts,
        times: &[f64],
        shape: &Shape,
    ) -> Result<Option<Vec<Picture>>, MediaError> {
        let runs = times.chunk_by(|a, b| b - a <= RUN_GAP);
        let mut job = self.bare_decode_job();
        for run in runs.clone() {
            job.args(["-threads", "1", "-max_pixels", &self.limits().max_pixels.to_string()]);
            job.args(["-noautorotate", "-noaccurate_seek", "-ss", &format!("{:.6}", run[0])]);
            job.input(path);
        }
        job.args(["-filter_complex_threads", "1", "-filter_complex"]);
        job.arg(graph(runs, facts, shape)).args(["-map", "[sheet]"]);
        job.args(["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]);
        let bytes = shape.bytes() * times.len();
        let (pixels, ended) =
            program::capture(job, self.look_budget(), &self.cancel, bytes as u64 + 1)?;
        match ended.stopped(path) {
            Some(error) => Err(error),
            None => Ok((pixels.len() == bytes).then(|| shape.cut(&pixels))),
        }
    }
}

/// The filter graph: each run's input, split among its times; of each time at most one picture.
fn graph<'a>(runs: impl Iterator<Item = &'a [f64]>, facts: &MediaFacts, shape: &Shape) -> String {
    let rate = facts.frame_rate.filter(|_| !facts.variable_frame_rate);
    let window = rate.map_or(UNEVEN_WINDOW, |rate| 1.5 / rate.as_f64());
    let (mut text, mut outputs, mut count) = (String::new(), String::new(), 0);
    for (input, run) in runs.enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "[{input}:V:0]split={}", run.len());
        (0..run.len()).for_each(|i| _ = write!(text, "[in{}]", count + i));
        for seconds in run {
            let time = facts.start_time + seconds;
            let (from, end) = (time - window, time + ROUNDING);
            // The last of a window comes first when it is reversed; it alone is scaled.
            let _ = write!(
                text,
                ";[in{count}]select='gte(t,{from:.6})',trim=end={end:.6},reverse,\
                 trim=end_frame=1,{},setsar=1[out{count}]",
                shape.filters()
            );
            let _ = write!(outputs, "[out{count}]");
            count += 1;
        }
        text.push(';');
    }
    format!("{text}{outputs}concat=n={count}[sheet]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(width: u32, height: u32) -> MediaFacts {
        let text = format!(
            r#"{{"kind":"video","size_bytes":9,"duration_seconds":100.0,"width":{width},
            "height":{height},"frame_rate":"25/1","variable_frame_rate":false,"start_timecode":null,
            "start_time":0.0,"rotation":0,"video_codec":"h264","audio_codec":null,"created_at":null}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn sheets_are_even_and_in_time_order() {
        let times: Vec<f64> = (0..20).rev().map(|i| f64::from(i) * 5.0).collect();
        let sheets = deal(&facts(1920, 1080), &times, 2);
        assert_eq!(sheets.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert_eq!(sheets.concat(), (0..20).rev().collect::<Vec<_>>());
        // Frames of 8K leave no room beside them.
        assert_eq!(deal(&facts(7680, 4320), &times, 2).len(), 20);
        assert!(deal(&facts(1920, 1080), &[], 2).concat().is_empty());
    }

    #[test]
    fn every_place_is_dealt_once_whatever_the_time() {
        let times = [f64::NAN, -1.0, 3.0, f64::INFINITY, 1e300, 3.0, 100.0, 0.0];
        let sheets = deal(&facts(64, 48), &times, 1);
        let mut places = sheets.concat();
        assert_eq!(sheets[0], [7, 2, 5, 6]);
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
