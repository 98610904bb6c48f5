//! Frames of one pass, each with the second that it stands for.

use crate::{
    Cancel, MediaError, Pass, Tools,
    decoder::{Decoded, Decoder, Shape, add_output},
    in_points::InPoints,
    job::Job,
    raster,
};
use rushes_model::{MediaFacts, MediaKind, Picture};
use std::{collections::BTreeSet, path::Path};

/// A frame counts for a second from this long before it: containers round times to a millisecond.
const ROUNDING: f64 = 0.001;

/// Measures how each frame differs from the one before: the mean absolute difference of their
/// luminance at 64x36, 0 to 100, as ffmpeg's scdet gives it (`mafd`).
///
/// It is an output of its own: a `split` in front of both filters would make the decoder half as
/// slow again (ffmpeg 5.1), a second output costs next to nothing.
const CHANGES: &str = "scale=64:36:flags=fast_bilinear,format=gray,scdet=threshold=100,\
    metadata=mode=print:key=lavfi.scd.mafd";

/// Frames for models are decoded without the filter that smooths block borders: a fifth of the
/// decoder's work, and at a model's size its absence does not show (45 dB and more at a keyframe every
/// 2 s, 38 dB and more at one every 10 s of heavily compressed film).
const LOOP_FILTER: &str = "all";

/// A picture out of a medium.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The second of the medium that the picture stands for.
    pub second: u32,
    /// The picture's own time from the start of the medium, in seconds.
    pub seconds: f64,
    /// Upright, in the displayed shape.
    pub picture: Picture,
}

/// What a pass brings. Frames come in order of time and so do changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// The first frame of a second.
    Frame(Frame),
    /// How much a frame differs from the one before.
    Change {
        /// The frame's time from the start of the medium.
        seconds: f64,
        /// Mean absolute difference of luminance from 0 to 100 (black to white); 0 for the first.
        difference: f32,
    },
}

/// A pass at work, with a few pictures decoded ahead. Dropping it ends the decoder.
///
/// An error ends it. Frames that came before it are good.
pub struct FrameStream(Source);

enum Source {
    Still(Option<Picture>),
    Moving(Box<Moving>),
}

struct Moving {
    decoder: Decoder,
    /// Holds the list that the decoder reads.
    in_points: Option<InPoints>,
    covered: BTreeSet<u32>,
    last: Option<u32>,
    /// A pass that brings nothing is an error of the medium, unless others came before it.
    empty: Option<MediaError>,
}

impl Tools {
    /// Starts a pass. Pictures have the displayed shape with the longer side at most `long_side`.
    ///
    /// The first frame at or after second N and before N + 1 stands for second N; a second without a
    /// frame of its own has none.
    ///
    /// # Errors
    /// When the medium has no pictures, the file cannot be opened any more or ffmpeg does not start.
    pub fn frames(
        &self,
        path: &Path,
        facts: &MediaFacts,
        pass: &Pass,
        long_side: u32,
        cancel: &Cancel,
    ) -> Result<FrameStream, MediaError> {
        if !facts.has_video() {
            return Err(MediaError::NoPictures(path.to_owned()));
        }
        if facts.kind == MediaKind::Image || *pass == Pass::Picture {
            let picture = raster::fit(&self.read_image(path)?, long_side);
            return Ok(FrameStream(Source::Still(Some(picture))));
        }
        let (mut job, in_points) = self.pass_input(path, facts, pass)?;
        let origin = in_points.as_ref().map_or(facts.start_time, |list| list.origin);
        let shape = Shape::fitted(facts, long_side);
        add_output(&mut job, &first_of_each_second(origin), &shape);
        let covered = match pass {
            Pass::Whole { covered } => {
                job.args(["-map", "0:V:0", "-vf", CHANGES, "-fps_mode", "passthrough"]);
                job.args(["-f", "null", "-"]);
                covered.clone()
            }
            _ => BTreeSet::new(),
        };
        let budget = self.decode_budget(facts);
        let decoder = Decoder::start(path, job, shape, origin, budget, cancel)?;
        let empty = covered.is_empty().then(|| MediaError::NoFrames(path.to_owned()));
        let moving = Moving { decoder, in_points, covered, last: None, empty };
        Ok(FrameStream(Source::Moving(Box::new(moving))))
    }

    /// ffmpeg with the input of a pass, and the list if that is the input.
    fn pass_input(
        &self,
        path: &Path,
        facts: &MediaFacts,
        pass: &Pass,
    ) -> Result<(Job, Option<InPoints>), MediaError> {
        let mut job = self.decode_job(facts);
        job.args(["-noautorotate", "-skip_loop_filter", LOOP_FILTER]);
        if *pass == Pass::InPoints {
            let in_points = InPoints::write(path, facts)?;
            job.list_input(&in_points.list(), path);
            return Ok((job, Some(in_points)));
        }
        if let Pass::Keyframes { reordered } = pass {
            job.args(["-skip_frame", "nokey"]);
            if !reordered {
                job.args(["-discard:v", "nokey"]);
            }
        }
        job.input(path);
        Ok((job, None))
    }
}

/// The filter that lets the first frame of each second through, before it is scaled.
fn first_of_each_second(origin: f64) -> String {
    let second = |time: &str| format!("floor({time}-({origin:.6})+{ROUNDING})");
    let (now, last) = (second("t"), second("prev_selected_t"));
    format!("select='gt({now},if(isnan(prev_selected_t),-1,{last}))'")
}

impl Moving {
    fn frame(&mut self, seconds: f64, picture: Picture) -> Option<Frame> {
        let seconds = match &self.in_points {
            // The clock of a list is exact to a tick only, while frames are evenly spaced.
            Some(list) => (seconds * list.rate.as_f64()).round() / list.rate.as_f64(),
            None => seconds,
        };
        let second = (seconds + ROUNDING) as u32;
        // The filter starts anew where the size of the coded picture changes.
        let fresh = self.last.is_none_or(|last| second > last);
        self.last = self.last.max(Some(second));
        self.empty = None;
        let wanted = fresh && !self.covered.contains(&second);
        wanted.then_some(Frame { second, seconds, picture })
    }

    fn next(&mut self) -> Option<Result<Sample, MediaError>> {
        loop {
            return match self.decoder.next() {
                Some(Ok(Decoded::Picture { seconds, picture })) => {
                    match self.frame(seconds, picture) {
                        Some(frame) => Some(Ok(Sample::Frame(frame))),
                        None => continue,
                    }
                }
                Some(Ok(Decoded::Change { seconds, difference })) => {
                    Some(Ok(Sample::Change { seconds, difference }))
                }
                Some(Err(error)) => {
                    self.empty = None;
                    Some(Err(error))
                }
                None => self.empty.take().map(Err),
            };
        }
    }
}

impl Iterator for FrameStream {
    type Item = Result<Sample, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Still(picture) => {
                let frame = |picture| Frame { second: 0, seconds: 0.0, picture };
                picture.take().map(|picture| Ok(Sample::Frame(frame(picture))))
            }
            Source::Moving(moving) => moving.next(),
        }
    }
}
