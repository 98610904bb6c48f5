//! Pictures of moments: from the medium itself, several times of one file together.

use crate::{
    intake::{Intake, Reception},
    paths::Roots,
    replies::{SceneThumbnails, Thumbnail},
    requests::{SceneThumbnailsRequest, ThumbnailRequest},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rushes_media::MediaError;
use rushes_model::{ErrorCode, Failure, MediaKind, Picture, parse_timestamp, timestamp};
use std::{
    collections::HashMap,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

/// JPEG quality of a thumbnail.
const QUALITY: u8 = 80;
/// Bytes that the pictures of one call may have together: a thousand at 1080p, or eighty at 8K.
const MOST_BYTES: usize = 256 << 20;
/// Width of the pictures of a scene, in pixels.
const SCENE_WIDTH: u32 = 320;

/// A row a request, in request order.
pub fn thumbnails(
    reception: &Reception,
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
        let of_file = of_file(reception, roots, named, &times, width, &bytes);
        for (index, row) in indexes.iter().zip(of_file) {
            rows[*index] = row;
        }
    }
    rows
}

fn of_file(
    reception: &Reception,
    roots: &Roots,
    named: &str,
    times: &[f64],
    width: u32,
    bytes: &AtomicUsize,
) -> Vec<Thumbnail> {
    let opened = roots.check(named).map_err(|failure| failure.message).and_then(|path| {
        let intake = reception.take_in(&path).map_err(|error| error.to_string())?;
        Ok((path, intake))
    });
    match opened {
        Ok((path, intake)) => rows(reception, &path, &intake, times, width, bytes),
        Err(message) => vec![failed(message); times.len()],
    }
}

/// The row of a picture; `bytes` counts what the call has so far.
fn row(picture: Result<Picture, MediaError>, bytes: &AtomicUsize) -> Thumbnail {
    match picture.and_then(|picture| rushes_media::jpeg(&picture, QUALITY)) {
        Ok(jpeg) if bytes.fetch_add(jpeg.len(), Ordering::Relaxed) > MOST_BYTES => {
            failed("the pictures of one call are too much together; ask for fewer".to_owned())
        }
        Ok(jpeg) => Thumbnail { thumbnail: Some(STANDARD.encode(jpeg)), error: None },
        Err(error) => failed(error.to_string()),
    }
}

fn failed(message: String) -> Thumbnail {
    Thumbnail { thumbnail: None, error: Some(message) }
}

fn rows(
    reception: &Reception,
    path: &Path,
    intake: &Intake,
    times: &[f64],
    width: u32,
    bytes: &AtomicUsize,
) -> Vec<Thumbnail> {
    let row = |_, picture| row(picture, bytes);
    reception.tools().thumbnails(path, &intake.facts, times, width, row)
}

/// Pictures evenly spread over a range of a medium.
///
/// # Errors
/// When the times are malformed or the medium cannot be read.
pub fn scene(
    reception: &Reception,
    path: &Path,
    request: &SceneThumbnailsRequest,
) -> Result<SceneThumbnails, Failure> {
    let bad = |message: String| Failure::new(ErrorCode::BadRequest, message);
    let start = parse_timestamp(&request.start_time).map_err(|error| bad(error.to_string()))?;
    let end = parse_timestamp(&request.end_time).map_err(|error| bad(error.to_string()))?;
    if end < start {
        return Err(bad(format!("end_time {} lies before start_time", request.end_time)));
    }
    let intake = reception.take_in(path).map_err(|error| bad(error.to_string()))?;
    let Some(times) = spread(&intake, start, end, request.max_thumbnails) else {
        return Ok(SceneThumbnails { scene_thumbnails: None });
    };
    let bytes = AtomicUsize::new(0);
    let rows = rows(reception, path, &intake, &times, SCENE_WIDTH, &bytes).into_iter();
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
