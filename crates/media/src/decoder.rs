//! One ffmpeg at work: raw pictures on its stdout, their times on its stderr.

use crate::{
    Cancel, MediaError,
    child::{Budget, Child, Watch},
    job::Job,
    messages::{Report, ReportReader},
    raster,
};
use rushes_model::{MediaFacts, Picture};
use std::{
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, channel, sync_channel},
    thread,
};

/// Pictures that wait for whoever reads them. Then ffmpeg waits, and memory stays flat.
const WAITING: usize = 2;

/// The size that pictures are decoded to, and the filters that do it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    width: u32,
    height: u32,
    filters: String,
}

impl Shape {
    /// The displayed shape with its longer side at most `long_side`, never enlarged. Pictures are made
    /// small before they are turned.
    pub(crate) fn fitted(facts: &MediaFacts, long_side: u32) -> Self {
        let (width, height) = raster::fitted(facts.width, facts.height, long_side);
        let (turn, across) = match facts.rotation {
            90 => (",transpose=clock", true),
            180 => (",hflip,vflip", false),
            270 => (",transpose=cclock", true),
            _ => ("", false),
        };
        let (from_width, from_height) = if across { (height, width) } else { (width, height) };
        let scale = format!("scale={from_width}:{from_height}:flags=bicubic,format=rgb24");
        Self { width, height, filters: format!("{scale}{turn}") }
    }

    /// The filters that make a frame a picture of this shape.
    pub(crate) fn filters(&self) -> &str {
        &self.filters
    }

    /// Bytes of one picture.
    pub(crate) fn bytes(&self) -> usize {
        self.width as usize * self.height as usize * 3
    }

    /// The whole pictures in these bytes.
    pub(crate) fn cut(&self, pixels: &[u8]) -> Vec<Picture> {
        let pictures = pixels.chunks_exact(self.bytes());
        pictures.filter_map(|one| Picture::new(self.width, self.height, one.to_vec())).collect()
    }
}

/// Adds what comes after the input: the first video stream through `choice` and the shape's filters,
/// as raw pictures on stdout, none dropped and none doubled.
pub(crate) fn add_output(job: &mut Job, choice: &str, shape: &Shape) {
    // The checksums that showinfo makes by default cost more than the scaling.
    let filters = format!("{choice},{},showinfo=checksum=0", shape.filters);
    job.args(["-map", "0:V:0", "-vf", &filters, "-fps_mode", "passthrough"]);
    job.args(["-f", "rawvideo", "-flush_packets", "1", "pipe:1"]);
}

/// What a decoder brings, in order of time for each kind.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// A picture and its time from the start of the medium.
    Picture { seconds: f64, picture: Picture },
    /// How much the frame at this time differs from the one before, 0 to 100.
    Change { seconds: f64, difference: f32 },
}

/// An iterator over what one ffmpeg decodes. Dropping it ends the process.
pub(crate) struct Decoder {
    path: PathBuf,
    child: Option<Child>,
    reports: Receiver<Report>,
    pictures: Receiver<Vec<u8>>,
    shape: Shape,
    /// The container's time at the start of the medium.
    origin: f64,
    tick: f64,
}

impl Decoder {
    /// Starts a job, which ends in [`add_output`]'s arguments.
    pub(crate) fn start(
        path: &Path,
        job: Job,
        shape: Shape,
        origin: f64,
        budget: Budget,
        cancel: &Cancel,
    ) -> Result<Self, MediaError> {
        let (report, reports) = channel();
        let mut reader = ReportReader::default();
        let mut child = Child::spawn(job, budget, cancel, move |line| {
            match reader.read(line) {
                // Nobody listens any more once the decoder was dropped.
                Some(found) => report.send(found).is_ok(),
                None => line.windows(7).any(|part| part == b"[info] "),
            }
        })?;
        let (deliver, pictures) = sync_channel(WAITING);
        if let Some(stdout) = child.stdout() {
            let watch = child.watch();
            let bytes = shape.bytes();
            thread::spawn(move || read_pictures(stdout, bytes, &watch, &deliver));
        }
        let path = path.to_owned();
        Ok(Self { path, child: Some(child), reports, pictures, shape, origin, tick: 0.0 })
    }

    fn seconds(&self, ticks: i64) -> f64 {
        (ticks as f64 * self.tick - self.origin).max(0.0)
    }

    fn picture(&self, ticks: i64) -> Option<Decoded> {
        let pixels = self.pictures.recv().ok()?;
        let picture = Picture::new(self.shape.width, self.shape.height, pixels)?;
        Some(Decoded::Picture { seconds: self.seconds(ticks), picture })
    }

    /// The error that the child ended with, if it did, the first time that it is asked.
    fn end(&mut self) -> Option<MediaError> {
        let ended = self.child.take()?.finish();
        ended.stopped(&self.path).or_else(|| {
            let failed = ended.code() != Some(0);
            failed.then(|| MediaError::Decode { path: self.path.clone(), detail: ended.detail() })
        })
    }
}

impl Iterator for Decoder {
    type Item = Result<Decoded, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Reports whose pictures never came may be left when the child has ended.
            self.child.as_ref()?;
            let decoded = match self.reports.recv() {
                Ok(Report::TimeBase(tick)) => {
                    self.tick = tick;
                    continue;
                }
                Ok(Report::Change(ticks, difference)) => {
                    Some(Decoded::Change { seconds: self.seconds(ticks), difference })
                }
                Ok(Report::Picture(ticks)) => self.picture(ticks),
                Err(_) => None,
            };
            return decoded.map(Ok).or_else(|| self.end().map(Err));
        }
    }
}

/// Cuts stdout into pictures of this many bytes until it ends or nobody wants them.
fn read_pictures(
    mut stdout: impl Read,
    bytes: usize,
    watch: &Watch,
    deliver: &SyncSender<Vec<u8>>,
) {
    loop {
        let mut pixels = vec![0; bytes];
        if fill(&mut stdout, &mut pixels, watch) < bytes {
            return;
        }
        watch.pause();
        let wanted = deliver.send(pixels).is_ok();
        watch.resume();
        if !wanted {
            return;
        }
    }
}

/// Reads until the buffer is full or there is no more, and tells how many bytes it got.
pub(crate) fn fill(input: &mut impl Read, buffer: &mut [u8], watch: &Watch) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        watch.sign_of_life();
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushes_model::MediaKind;

    #[test]
    fn turned_pictures_are_scaled_before_they_are_turned() {
        let facts = MediaFacts {
            kind: MediaKind::Video,
            size_bytes: 1,
            duration_seconds: 1.0,
            width: 1080,
            height: 1920,
            frame_rate: None,
            variable_frame_rate: false,
            start_timecode: None,
            start_time: 0.0,
            rotation: 90,
            video_codec: None,
            audio_codec: None,
            audio_tracks: 0,
            created_at: None,
            streams: None,
        };
        let shape = Shape::fitted(&facts, 320);
        assert_eq!((shape.width, shape.height), (180, 320));
        assert!(shape.filters.starts_with("scale=320:180:"), "{}", shape.filters);
    }
}
