//! Single pictures: of stills, and at given times.

use crate::{
    MediaError, Tools, contact_sheet,
    decoder::{Decoded, Decoder, Shape, add_output},
    raster,
    still::Kind,
};
use rushes_model::{MediaFacts, MediaKind, Picture};
use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// A frame counts as shown from this long before its time: times are written with few digits.
pub(crate) const ROUNDING: f64 = 0.001;
/// Where a container's index leads too far, as in transport streams, this many seconds before do.
const EARLIER: f64 = 10.0;
/// Processes at work for one call. Each decodes with one thread, which takes a quarter less processor
/// time than eight, because a seek needs few frames and threads decode more than are needed.
const MOST_AT_ONCE: usize = 4;

impl Tools {
    /// The picture that is shown at `seconds` from the start: the last frame at or before that time.
    /// Its width is `width`, or that of the medium if smaller.
    ///
    /// # Errors
    /// When the time is outside the medium, it has no pictures or they cannot be decoded.
    pub fn thumbnail(
        &self,
        path: &Path,
        facts: &MediaFacts,
        seconds: f64,
        width: u32,
    ) -> Result<Picture, MediaError> {
        if !facts.has_video() {
            return Err(MediaError::NoPictures(path.to_owned()));
        }
        let long_side = long_side(facts, width);
        if facts.kind == MediaKind::Image {
            return Ok(raster::fit(&self.read_image(path)?, long_side));
        }
        let duration = facts.duration_seconds;
        if !(0.0..=duration + ROUNDING).contains(&seconds) {
            return Err(MediaError::OutOfRange { path: path.to_owned(), seconds, duration });
        }
        let shape = Shape::fitted(facts, long_side);
        let quick = self.shown_at(path, facts, &shape, seconds, Look::near(facts))?;
        if let (Some(picture), _) = quick {
            return Ok(picture);
        }
        let (shown, next) = self.shown_at(path, facts, &shape, seconds, Look::FAR)?;
        shown.or(next).ok_or_else(|| MediaError::NoFrames(path.to_owned()))
    }

    /// The pictures at several times of one medium, in the order of `times`, each by itself a success
    /// or a failure. Times share processes, a few of which run at once, and only what `finish` makes of
    /// a place in `times` and its picture is kept.
    pub fn thumbnails<T: Send>(
        &self,
        path: &Path,
        facts: &MediaFacts,
        times: &[f64],
        width: u32,
        finish: impl Fn(usize, Result<Picture, MediaError>) -> T + Sync,
    ) -> Vec<T> {
        let workers = self.limits().threads.clamp(1, MOST_AT_ONCE);
        let sheets = contact_sheet::deal(facts, times, workers);
        let next = AtomicUsize::new(0);
        let work = || {
            let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
            let mine = numbers.map_while(|number| sheets.get(number));
            let mut done = Vec::new();
            for places in mine {
                self.sheet(path, facts, times, places, width, &mut |place, picture| {
                    done.push((place, finish(place, picture)));
                });
            }
            done
        };
        let mut done = thread::scope(|scope| {
            let others: Vec<_> =
                (1..workers.min(sheets.len())).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            let theirs = others.into_iter().filter_map(|thread| thread.join().ok());
            done.extend(theirs.flatten());
            done
        });
        done.sort_by_key(|&(place, _)| place);
        done.into_iter().map(|(_, picture)| picture).collect()
    }

    /// Hands out the pictures of some places in `times`: from one process, or where that does not bring
    /// them all, one by one.
    fn sheet(
        &self,
        path: &Path,
        facts: &MediaFacts,
        times: &[f64],
        places: &[usize],
        width: u32,
        hand_out: &mut dyn FnMut(usize, Result<Picture, MediaError>),
    ) {
        let wanted: Vec<f64> = places.iter().map(|&place| times[place]).collect();
        let shape = Shape::fitted(facts, long_side(facts, width));
        let sheet = match wanted.len() {
            1 => Ok(None),
            _ => self.contact_sheet(path, facts, &wanted, &shape),
        };
        if let Ok(Some(pictures)) = sheet {
            places.iter().zip(pictures).for_each(|(&place, one)| hand_out(place, Ok(one)));
            return;
        }
        for &place in places {
            // What does not answer once is not asked again for every picture.
            let picture = match &sheet {
                Err(MediaError::Stalled { path, after }) => {
                    Err(MediaError::Stalled { path: path.clone(), after: *after })
                }
                _ => self.thumbnail(path, facts, times[place], width),
            };
            hand_out(place, picture);
        }
    }

    /// The last frame at or before `seconds`, and the first one after it, as far as the look goes.
    fn shown_at(
        &self,
        path: &Path,
        facts: &MediaFacts,
        shape: &Shape,
        seconds: f64,
        look: Look,
    ) -> Result<(Option<Picture>, Option<Picture>), MediaError> {
        let mut job = self.decode_job(facts);
        job.args(["-noautorotate", "-noaccurate_seek"]);
        let from = seconds - look.earlier;
        if from > 0.0 {
            job.args(["-ss", &format!("{from:.6}")]);
        }
        job.input(path);
        let choice = look.window.map_or("null".to_owned(), |window| {
            format!("select='gte(t,{:.6})'", facts.start_time + seconds - window)
        });
        add_output(&mut job, &choice, shape);
        let (start, budget) = (facts.start_time, self.look_budget());
        let decoder = Decoder::start(path, job, shape.clone(), start, budget, &self.cancel)?;
        around(decoder, seconds)
    }
}

/// How to look for the frame at a time.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Only frames from so long before the time on are of interest; `None` for all.
    window: Option<f64>,
    /// Reading starts at the keyframe before so many seconds before the time.
    earlier: f64,
}

impl Look {
    /// For times of which the index knows, and media that go on to the end of their container.
    const FAR: Self = Self { window: None, earlier: EARLIER };

    /// With evenly spaced frames the one that is shown started less than a frame ago: the others since
    /// the keyframe need no scaling.
    fn near(facts: &MediaFacts) -> Self {
        let rate = facts.frame_rate.filter(|_| !facts.variable_frame_rate);
        Self { window: rate.map(|rate| 1.5 / rate.as_f64()), earlier: 0.0 }
    }
}

fn around(
    decoder: Decoder,
    seconds: f64,
) -> Result<(Option<Picture>, Option<Picture>), MediaError> {
    let mut shown = None;
    for decoded in decoder {
        match decoded {
            Ok(Decoded::Picture { seconds: time, picture }) if time <= seconds + ROUNDING => {
                shown = Some(picture);
            }
            Ok(Decoded::Picture { picture, .. }) => return Ok((shown, Some(picture))),
            Ok(Decoded::Change { .. }) => {}
            Err(error) if shown.is_none() => return Err(error),
            // The file is damaged after the frame that was asked for.
            Err(_) => break,
        }
    }
    Ok((shown, None))
}

/// The longer side of a picture of this width.
fn long_side(facts: &MediaFacts, width: u32) -> u32 {
    let width = width.clamp(1, facts.width.max(1));
    let height = f64::from(width) * f64::from(facts.height) / f64::from(facts.width.max(1));
    width.max(height.round() as u32)
}

impl Tools {
    /// The picture of a still that ffmpeg decodes.
    pub(crate) fn first_picture(&self, path: &Path, kind: Kind) -> Result<Picture, MediaError> {
        let facts = self.probe(path)?;
        if !facts.has_video() {
            return Err(MediaError::NoPictures(path.to_owned()));
        }
        let mut job = self.decode_job(&facts);
        job.arg("-noautorotate");
        if let Some(demuxer) = kind.demuxer() {
            job.args(["-f", demuxer]);
        }
        job.input(path);
        let shape = Shape::fitted(&facts, u32::MAX);
        add_output(&mut job, "null", &shape);
        let budget = self.look_budget();
        let decoder = Decoder::start(path, job, shape, 0.0, budget, &self.cancel)?;
        let (shown, next) = around(decoder, 0.0)?;
        shown.or(next).ok_or_else(|| MediaError::NoFrames(path.to_owned()))
    }
}
