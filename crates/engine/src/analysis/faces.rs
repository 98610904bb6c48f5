//! Finding the faces of one file and following them through its shots.

use super::{
    bundle::meta,
    crew::Crew,
    draft::Draft,
    file::{Outcome, Task, nothing_decoded, text},
    meter::StageMeter,
    watching::Watch,
};
use crate::{intake::Intake, library::LoadedFolder};
use half::f16;
use rushes_faces::{Grouping, Sighting, Track, TrackSettings, tracks};
use rushes_infer::{
    faces::{ClearFace, EPS_SCALE, FaceModel},
    yunet::Face,
};
use rushes_model::{Area, Failure, MediaId, Picture, Sampling};
use rushes_store::{FaceBundle, FaceTrack, Previews, Seen};
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Longer side in pixels at which frames are searched for faces: at 1080p a face of 32 pixels is 1.7 % of
/// the width.
const LONG_SIDE: u32 = 1920;
/// A frame whose small copy differs by less has the same faces in it: a face of 32 pixels that comes into a still
/// frame of 1080p changes the mean by about .02 to .1, a stand-still by less than that.
const SAME_FACES: f32 = 0.02;
/// Quality of the JPEG of a face.
const JPEG_QUALITY: u8 = 80;
/// Most faces of one frame, the clearest: more than anybody has to tell apart in a crowd, and ten times what
/// fits side by side.
const MOST_FACES: usize = 256;

/// Time between two groups of media that join a collection.
const JOIN_EVERY: Duration = Duration::from_secs(2);

/// Who looks for faces, and for whom.
pub struct Seekers<'a> {
    /// The model.
    pub model: &'a FaceModel,
    /// The threads that look.
    pub crew: Crew<Vec<Found>>,
    /// How densely they look.
    pub sampling: Sampling,
    /// The collection that faces go to.
    pub joining: Joining<'a>,
}

/// Media on their way into a collection. They join in groups: each record of the journal has everybody who
/// reads it read it anew.
pub struct Joining<'a> {
    /// Which.
    pub collection: &'a str,
    folder: &'a LoadedFolder,
    waiting: Mutex<(Vec<MediaId>, Instant)>,
}

impl<'a> Joining<'a> {
    /// Nobody waits yet.
    #[must_use]
    pub fn new(collection: &'a str, folder: &'a LoadedFolder) -> Self {
        Self { collection, folder, waiting: Mutex::new((Vec::new(), Instant::now())) }
    }

    /// Has a medium join, at once or with the next.
    fn add(&self, media_id: MediaId) -> Result<(), String> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.0.push(media_id);
        if waiting.1.elapsed() < JOIN_EVERY {
            return Ok(());
        }
        self.folder.join(self.collection, &waiting.0).map_err(|failure| failure.message)?;
        // Only now: those that could not join wait on.
        *waiting = (Vec::new(), Instant::now());
        Ok(())
    }

    /// Has a medium join with the next.
    pub fn put(&self, media_id: MediaId) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).0.push(media_id);
    }

    /// Has those who still wait join.
    ///
    /// # Errors
    /// `CacheDir` when that cannot be written.
    pub fn finish(self) -> Result<(), Failure> {
        let (media, _) = self.waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.folder.join(self.collection, &media)
    }
}

/// A face in a frame.
pub struct Found {
    area: Area,
    quality: f32,
    vector: Vec<f32>,
    /// JPEG, if one was kept.
    crop: Option<Vec<u8>>,
}

/// Of the faces of one frame of a clip so many, the clearest, keep a picture until the file's end: a crowd of an
/// hour would fill the memory.
const MOST_CROPS: usize = 32;

/// Finds the faces of one file, publishes them and has the file join the collection.
///
/// # Errors
/// A sentence for people: what happened, to which file, and what to do.
pub fn find(
    task: &Task<'_>,
    seekers: &Seekers<'_>,
    path: &Path,
    intake: &Intake,
    meter: &StageMeter<'_>,
) -> Result<Outcome, String> {
    let (folder, model, sampling) = (task.folder, seekers.model, seekers.sampling);
    let outcome = if !task.force && folder.has_faces(model.key(), intake.media_id, sampling) {
        Outcome::AlreadyDone
    } else {
        look(task, seekers, path, intake, meter)?
    };
    if matches!(outcome, Outcome::Analysed | Outcome::AlreadyDone) {
        seekers.joining.add(intake.media_id)?;
    }
    Ok(outcome)
}

fn look(
    task: &Task<'_>,
    seekers: &Seekers<'_>,
    path: &Path,
    intake: &Intake,
    meter: &StageMeter<'_>,
) -> Result<Outcome, String> {
    let plan = task.tools.plan(path, &intake.facts, seekers.sampling).map_err(text)?;
    if plan.passes.is_empty() {
        return Ok(Outcome::NothingToSee);
    }
    let (crew, long_side, same_picture) = (&seekers.crew, LONG_SIDE, SAME_FACES);
    let watch = Watch { task, crew, long_side, same_picture, path, intake, meter };
    let draft = watch.run(&plan.passes, |_| Ok(()))?;
    if task.cancel.is_cancelled() {
        return Ok(Outcome::Cancelled);
    }
    if draft.len() == 0 {
        return Err(nothing_decoded(path));
    }
    task.folder.publish_faces(&bundle(seekers, path, intake, &draft)).map_err(text)?;
    Ok(Outcome::Analysed)
}

/// The faces of a picture, the only one of its medium or not, that are clear enough.
///
/// # Errors
/// When inference fails.
pub fn seek(model: &FaceModel, picture: &Picture, still: bool) -> Result<Vec<Found>, String> {
    let mut seen = model.find(picture).map_err(text)?;
    seen.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    seen.truncate(MOST_FACES);
    let crops = if still { MOST_FACES } else { MOST_CROPS };
    let found = |(rank, seen): (usize, ClearFace)| {
        let ClearFace { face, quality, vector } = seen;
        let crop = (rank < crops).then(|| crop(model, picture, &face)).transpose()?;
        let area = Area::of_pixels((face.left, face.top, face.width, face.height), picture);
        Ok(Found { area, quality, vector, crop: crop.flatten() })
    };
    seen.into_iter().enumerate().map(found).collect()
}

/// JPEG of a face; none of one that lies outside the picture.
fn crop(model: &FaceModel, picture: &Picture, face: &Face) -> Result<Option<Vec<u8>>, String> {
    let Ok(chip) = model.chip(picture, face) else { return Ok(None) };
    rushes_media::jpeg(&chip, JPEG_QUALITY).map(Some).map_err(text)
}

/// Faces followed through the shots of a file.
fn bundle(
    seekers: &Seekers<'_>,
    path: &Path,
    intake: &Intake,
    draft: &Draft<Vec<Found>>,
) -> FaceBundle {
    let found =
        || draft.rows().flat_map(|(_, seconds, row)| row.iter().map(move |one| (seconds, one)));
    let sighting = |(seconds, one): (f64, &Found)| Sighting {
        seconds,
        area: one.area,
        quality: one.quality,
        vector: one.vector.clone(),
    };
    let sightings: Vec<Sighting> = found().map(sighting).collect();
    let crops: Vec<Option<&Vec<u8>>> = found().map(|(_, one)| one.crop.as_ref()).collect();
    let shots = draft.shots(intake.facts.duration_seconds);
    let cuts: Vec<f64> = shots.iter().map(|shot| shot.range.start).collect();
    let followed = tracks(&sightings, &cuts, &TrackSettings::for_distance(neighbours()));
    let mut previews = Previews::default();
    for track in &followed {
        let picture = crops[track.representative];
        previews.of_row.push(picture.map(|_| previews.pictures.len() as u32));
        previews.pictures.extend(picture.cloned());
    }
    let values = followed.iter().flat_map(|track| &track.vector);
    FaceBundle {
        meta: meta(path, intake, seekers.model.key(), seekers.sampling),
        dim: seekers.model.dimensions(),
        vectors: values.map(|value| f16::from_f32(*value).to_bits()).collect(),
        tracks: followed.iter().map(|track| stored(track, &sightings)).collect(),
        crops: previews,
    }
}

/// Distance up to which two faces are neighbours by default.
fn neighbours() -> f32 {
    Grouping::DEFAULT.eps as f32 * EPS_SCALE
}

fn stored(track: &Track, sightings: &[Sighting]) -> FaceTrack {
    let members = track.members.iter().map(|member| &sightings[*member]);
    let seen = members.map(|one| Seen { seconds: one.seconds, area: one.area }).collect();
    let clearest = track.members.iter().position(|member| *member == track.representative);
    FaceTrack {
        seen,
        clearest: clearest.unwrap_or_default(),
        quality: sightings[track.representative].quality.clamp(0.0, 1.0),
    }
}
