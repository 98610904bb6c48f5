//! Pictures of moments: those made before, those kept by an analysis, or from the medium itself, several
//! times of one file together.

use crate::{
    intake::{Intake, Reception},
    library::{LoadedFolder, LoadedMedia},
    paths::Roots,
    pictures::{Jpeg, Key, PictureCache},
    replies::{SceneThumbnails, Thumbnail},
    requests::{SceneThumbnailsRequest, ThumbnailRequest},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rushes_media::MediaError;
use rushes_model::{ErrorCode, Failure, MediaKind, Picture, parse_timestamp, timestamp};
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// JPEG quality of a thumbnail.
const QUALITY: u8 = 80;
/// Bytes that the pictures of one call may have together: a thousand at 1080p, or eighty at 8K.
const MOST_BYTES: usize = 256 << 20;
/// Width of the pictures of a scene, in pixels.
const SCENE_WIDTH: u32 = 320;
/// A preview is enlarged by this at most: from 256 pixels to the 320 that callers get by default.
const MOST_ENLARGED: f64 = 1.25;

/// Where pictures come from.
pub struct Sources<'a> {
    /// For the media themselves.
    pub reception: &'a Reception,
    /// Pictures made before.
    pub cache: &'a PictureCache,
    /// Whose previews may stand for pictures; none where the very frames are wanted.
    pub folder: Option<Arc<LoadedFolder>>,
}

/// A row a request, in request order.
pub fn thumbnails(
    sources: &Sources<'_>,
    roots: &Roots,
    requests: &[ThumbnailRequest],
    width: u32,
) -> Vec<Thumbnail> {
    let mut by_file: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, request) in requests.iter().enumerate() {
        by_file.entry(&request.media_path).or_default().push(index);
    }
    let mut rows = vec![Thumbnail::default(); requests.len()];
    let bytes = AtomicUsize::new(0);
    for (named, indexes) in by_file {
        let times: Vec<f64> = indexes.iter().map(|index| requests[*index].time_seconds).collect();
        let of_file = of_file(sources, roots, named, &times, width, &bytes);
        for (index, row) in indexes.iter().zip(of_file) {
            rows[*index] = row;
        }
    }
    rows
}

fn of_file(
    sources: &Sources<'_>,
    roots: &Roots,
    named: &str,
    times: &[f64],
    width: u32,
    bytes: &AtomicUsize,
) -> Vec<Thumbnail> {
    let opened = roots.check(named).map_err(|failure| failure.message).and_then(|path| {
        let intake = sources.reception.take_in(&path).map_err(|error| error.to_string())?;
        Ok((path, intake))
    });
    match opened {
        Ok((path, intake)) => rows(sources, &path, &intake, times, width, bytes),
        Err(message) => times.iter().map(|_| failed(message.clone())).collect(),
    }
}

/// `bytes` counts what the call has so far.
fn rows(
    sources: &Sources<'_>,
    path: &Path,
    intake: &Intake,
    times: &[f64],
    width: u32,
    bytes: &AtomicUsize,
) -> Vec<Thumbnail> {
    let width = width.min(intake.facts.width.max(1));
    let keyed: Vec<(Key, f64)> =
        times.iter().map(|&seconds| (key(intake, seconds, width), seconds)).collect();
    let mut found = previews(sources, intake, &keyed);
    make(sources, path, intake, &keyed, &mut found);
    let row = |(key, seconds): &(Key, f64)| {
        let jpeg = found.get(key).cloned().unwrap_or_else(|| {
            // Somebody else was making it.
            let made = || sources.reception.tools().thumbnail(path, &intake.facts, *seconds, width);
            sources.cache.wait(*key).map_or_else(|| encoded(made()), Ok)
        });
        match jpeg.and_then(|jpeg| counted(jpeg, bytes)) {
            Ok(jpeg) => Thumbnail { thumbnail: Some(STANDARD.encode(jpeg)), error: None },
            Err(message) => failed(message),
        }
    };
    keyed.iter().map(row).collect()
}

fn key(intake: &Intake, seconds: f64, width: u32) -> Key {
    let still = intake.facts.kind == MediaKind::Image;
    let millisecond = if still { 0 } else { (seconds * 1000.0).round() as u64 };
    Key { media_id: intake.media_id, millisecond, width }
}

type Found = HashMap<Key, Result<Jpeg, String>>;

/// Adds what has to be made, and is not being made already.
fn make(
    sources: &Sources<'_>,
    path: &Path,
    intake: &Intake,
    keyed: &[(Key, f64)],
    found: &mut Found,
) {
    let times: HashMap<Key, f64> =
        keyed.iter().filter(|(key, _)| !found.contains_key(key)).copied().collect();
    let Some(width) = times.keys().next().map(|key| key.width) else { return };
    let making = sources.cache.claim(times.keys().copied());
    let wanted: Vec<f64> = making.keys.iter().map(|key| times[key]).collect();
    let bytes = AtomicUsize::new(0);
    let finish = |place: usize, picture| {
        let jpeg = encoded(picture).and_then(|jpeg| counted(jpeg, &bytes));
        making.settle(making.keys[place], jpeg.as_ref().ok());
        jpeg
    };
    let made = sources.reception.tools().thumbnails(path, &intake.facts, &wanted, width, finish);
    found.extend(making.keys.iter().copied().zip(made));
}

fn encoded(picture: Result<Picture, MediaError>) -> Result<Jpeg, String> {
    let jpeg = picture.and_then(|picture| rushes_media::jpeg(&picture, QUALITY));
    jpeg.map(Jpeg::from).map_err(|error| error.to_string())
}

fn counted(jpeg: Jpeg, bytes: &AtomicUsize) -> Result<Jpeg, String> {
    if bytes.fetch_add(jpeg.len(), Ordering::Relaxed) > MOST_BYTES {
        return Err("the pictures of one call are too much together; ask for fewer".to_owned());
    }
    Ok(jpeg)
}

fn failed(message: String) -> Thumbnail {
    Thumbnail { thumbnail: None, error: Some(message) }
}

/// The pictures that an analysis keeps previews of.
fn previews(sources: &Sources<'_>, intake: &Intake, keyed: &[(Key, f64)]) -> Found {
    let analysed = sources.folder.as_ref().and_then(|folder| folder.analysed(intake.media_id));
    let Some(media) = analysed else { return Found::new() };
    let still = intake.facts.kind == MediaKind::Image;
    let preview = |(key, seconds): &(Key, f64)| {
        let row = if still { Some(0) } else { media.row_near(*seconds) }?;
        Some((*key, Ok(preview(&media, row, key.width)?)))
    };
    keyed.iter().filter_map(preview).collect()
}

/// A row's preview at this width, unless it is much smaller.
fn preview(media: &LoadedMedia, row: usize, width: u32) -> Option<Jpeg> {
    let kept = media.preview(row).ok()?;
    let picture = rushes_media::read_preview(&kept)?;
    if picture.width == width {
        return Some(kept.into());
    }
    if f64::from(width) > MOST_ENLARGED * f64::from(picture.width) {
        return None;
    }
    let height = (u64::from(picture.height) * u64::from(width)).div_ceil(picture.width.into());
    let resized = rushes_media::resize(&picture, width, height as u32);
    rushes_media::jpeg(&resized, QUALITY).ok().map(Jpeg::from)
}

/// Pictures evenly spread over a range of a medium.
///
/// # Errors
/// When the times are malformed or the medium cannot be read.
pub fn scene(
    sources: &Sources<'_>,
    path: &Path,
    request: &SceneThumbnailsRequest,
) -> Result<SceneThumbnails, Failure> {
    let bad = |message: String| Failure::new(ErrorCode::BadRequest, message);
    let start = parse_timestamp(&request.start_time).map_err(|error| bad(error.to_string()))?;
    let end = parse_timestamp(&request.end_time).map_err(|error| bad(error.to_string()))?;
    if end < start {
        return Err(bad(format!("end_time {} lies before start_time", request.end_time)));
    }
    let intake = sources.reception.take_in(path).map_err(|error| bad(error.to_string()))?;
    let Some(times) = spread(&intake, start, end, request.max_thumbnails) else {
        return Ok(SceneThumbnails { scene_thumbnails: None });
    };
    let bytes = AtomicUsize::new(0);
    let rows = rows(sources, path, &intake, &times, SCENE_WIDTH, &bytes).into_iter();
    let pairs = rows.zip(&times).filter_map(|(row, time)| Some((row.thumbnail?, timestamp(*time))));
    Ok(SceneThumbnails { scene_thumbnails: Some(pairs.collect()) })
}

/// One time a second, or fewer, evenly spread, where the range holds more seconds than wanted.
/// `None` when the range lies outside the medium.
fn spread(intake: &Intake, start: f64, end: f64, most: u32) -> Option<Vec<f64>> {
    let duration = match intake.facts.kind {
        MediaKind::Video => intake.facts.duration_seconds,
        MediaKind::Image => 1.0,
        MediaKind::Audio => return None,
    };
    if start >= duration {
        return None;
    }
    let length = end.min(duration) - start;
    let count = (length.ceil() as u32).clamp(1, most);
    let step = (length / f64::from(count)).max(0.0);
    Some((0..count).map(|i| start + step * f64::from(i)).collect())
}
