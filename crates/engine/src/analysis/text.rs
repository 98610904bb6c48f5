//! Reading the on-screen text of one file whose shots are known.

use super::{
    bundle::meta,
    file::{Eyes, Outcome, Task, text},
    meter::StageMeter,
};
use crate::{intake::Intake, library::LoadedMedia, models::Reader};
use rushes_infer::ocr;
use rushes_media::MediaError;
use rushes_model::{Area, MediaFacts, Picture, Sampling};
use rushes_store::{TextBundle, TextFrame, TextLine};
use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Longest shot in seconds of which one frame tells all: titles, lower thirds and slates stand for most
/// of theirs.
const LONG_SHOT: f64 = 20.0;
/// Of a longer shot a frame is read for so many seconds of it: a slide that goes by faster is hardly
/// read by people either.
const LONG_SHOT_STEP: f64 = 10.0;
/// Long side in pixels at which frames are read. Words 40 pixels high at 1080p need it; the detector
/// itself looks no closer.
const LONG_SIDE: f64 = 1920.0;
/// Frames that are asked for at once: enough for processes to share, few enough to be cancelled soon.
const GROUP: usize = 32;

/// One file's text under way.
struct Reading<'a> {
    task: &'a Task<'a>,
    reader: &'a Reader,
    path: &'a Path,
    facts: &'a MediaFacts,
    meter: &'a StageMeter<'a>,
    /// Seconds into the medium of the frames that are read.
    times: &'a [f64],
    done: AtomicUsize,
}

/// Reads the text of a file and publishes what it read.
///
/// # Errors
/// A sentence for people: what happened, to which file, and what to do.
pub fn read(
    task: &Task<'_>,
    eyes: &Eyes<'_>,
    reader: &Reader,
    path: &Path,
    intake: &Intake,
    meter: &StageMeter<'_>,
) -> Result<Outcome, String> {
    let media = task.folder.medium(eyes.model.key(), intake.media_id);
    let media = media.ok_or_else(|| {
        format!("{}: its analysis was removed before its text was read", path.display())
    })?;
    let sampling = media.sampling().unwrap_or(eyes.sampling);
    if !task.force && task.folder.has_text(&reader.key, intake.media_id, sampling) {
        return Ok(Outcome::AlreadyDone);
    }
    let (times, facts, done) = (frames_to_read(&media), &intake.facts, AtomicUsize::new(0));
    let reading = Reading { task, reader, path, facts, meter, times: &times, done };
    let Some(frames) = reading.frames()? else { return Ok(Outcome::Cancelled) };
    reading.publish(intake, sampling, frames)?;
    Ok(Outcome::Analysed)
}

/// Times of the frames to read: of each shot those that were analysed nearest to its middle, or to the
/// middles of its parts. What was read can so be seen in the preview of a row.
fn frames_to_read(media: &LoadedMedia) -> Vec<f64> {
    let mut times = Vec::new();
    for shot in 0..media.shot_count() {
        let rows = &media.times[media.rows_of(shot)];
        let range = media.shots.get(shot).map(|shot| shot.range);
        let (start, length) = range.map_or((0.0, 0.0), |range| (range.start, range.duration()));
        let parts = if length > LONG_SHOT { (length / LONG_SHOT_STEP).ceil() } else { 1.0 };
        for part in 0..parts as usize {
            let middle = start + (part as f64 + 0.5) * length / parts;
            let distance = |seconds: f64| (seconds - middle).abs();
            let seconds = rows.iter().map(|row| row.seconds);
            times.extend(seconds.min_by(|a, b| distance(*a).total_cmp(&distance(*b))));
        }
    }
    times.dedup();
    times
}

/// Why a frame was not read.
enum Unread {
    /// It could not be decoded; others may be.
    Frame(String),
    /// Something that stands in the way of all.
    File(String),
}

impl From<MediaError> for Unread {
    fn from(error: MediaError) -> Self {
        let of_one = matches!(
            error,
            MediaError::Decode { .. }
                | MediaError::NotMedia { .. }
                | MediaError::NoFrames(_)
                | MediaError::OutOfRange { .. }
        );
        if of_one { Self::Frame(text(error)) } else { Self::File(text(error)) }
    }
}

impl Reading<'_> {
    /// Every frame that can be decoded, read; `None` when the task was cancelled.
    fn frames(&self) -> Result<Option<Vec<TextFrame>>, String> {
        let (mut frames, mut unread) = (Vec::new(), None);
        for group in self.times.chunks(GROUP) {
            let read = self.group(group);
            if self.task.cancel.is_cancelled() {
                return Ok(None);
            }
            if read.len() < group.len() {
                return Err(format!("{}: {}", self.path.display(), super::DEFECT));
            }
            for frame in read {
                match frame {
                    Ok(frame) => frames.push(frame),
                    Err(Unread::Frame(reason)) => unread = Some(reason),
                    Err(Unread::File(reason)) => return Err(reason),
                }
            }
        }
        match unread {
            Some(reason) if frames.is_empty() => return Err(reason),
            Some(reason) => tracing::warn!(%reason, "some frames were not read"),
            None => {}
        }
        Ok(Some(frames))
    }

    /// The text at some times, in their order; fewer when a thread met a defect.
    fn group(&self, times: &[f64]) -> Vec<Result<TextFrame, Unread>> {
        let read = |place: usize, picture: Result<Picture, MediaError>| {
            self.frame(times[place], &picture?).map_err(Unread::File)
        };
        let width = width(self.facts);
        self.task.tools.thumbnails(self.path, self.facts, times, width, read)
    }

    fn frame(&self, seconds: f64, picture: &Picture) -> Result<TextFrame, String> {
        let cancel = self.task.cancel;
        if cancel.is_cancelled() {
            return Ok(TextFrame::default());
        }
        let lines = self.reader.reader.read_until(picture, &|| cancel.is_cancelled());
        let lines = lines.map_err(|error| format!("{}: {error}", self.path.display()))?;
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.meter.reached(done as f64 / self.times.len() as f64, seconds);
        let lines = lines.into_iter().map(|line| stored(line, picture)).collect();
        Ok(TextFrame { seconds, lines })
    }

    fn publish(
        &self,
        intake: &Intake,
        sampling: Sampling,
        frames: Vec<TextFrame>,
    ) -> Result<(), String> {
        let meta = meta(self.path, intake, &self.reader.key, sampling);
        self.task.folder.publish_text(&TextBundle { meta, frames }).map_err(text)
    }
}

/// Width at which frames are asked for.
fn width(facts: &MediaFacts) -> u32 {
    let (width, height) = (f64::from(facts.width), f64::from(facts.height));
    (LONG_SIDE * (width / height.max(1.0)).min(1.0)).round() as u32
}

/// A line with its place as fractions of the picture.
fn stored(line: ocr::TextLine, picture: &Picture) -> TextLine {
    let area = Area::of_pixels((line.left, line.top, line.width, line.height), picture);
    TextLine { text: line.text, confidence: line.confidence, area }
}
