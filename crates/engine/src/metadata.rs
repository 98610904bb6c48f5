//! Facts about files, a row a path.

use crate::{
    intake::{Intake, Reception},
    paths::Roots,
    replies::{AnalysisState, MediaMetadata},
};
use rushes_model::MediaKind;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Probes that run at the same time: each is a process that mostly waits for the disk.
pub const PROBES_AT_ONCE: usize = 4;

/// A row for every path, in order. A path that cannot be read has an error in its row.
pub fn rows(
    reception: &Reception,
    roots: &Roots,
    paths: &[String],
    state: &(dyn Fn(&Intake) -> Option<AnalysisState> + Sync),
) -> Vec<MediaMetadata> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else { return done };
            done.push((index, row(reception, roots, path, state)));
        }
    };
    let mut rows: Vec<(usize, MediaMetadata)> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..PROBES_AT_ONCE.min(paths.len())).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn row(
    reception: &Reception,
    roots: &Roots,
    named: &str,
    state: &(dyn Fn(&Intake) -> Option<AnalysisState> + Sync),
) -> MediaMetadata {
    let intake = roots
        .check(named)
        .map_err(|failure| failure.message)
        .and_then(|path| reception.take_in(&path).map_err(|error| error.to_string()));
    match intake {
        Ok(intake) => MediaMetadata { analysis: state(&intake), ..facts_row(named, &intake) },
        Err(message) => MediaMetadata {
            media_path: named.to_owned(),
            error: Some(message),
            ..MediaMetadata::default()
        },
    }
}

fn facts_row(named: &str, intake: &Intake) -> MediaMetadata {
    let facts = &intake.facts;
    let seen = |value: u32| facts.has_video().then_some(value);
    let kind = match facts.kind {
        MediaKind::Video => "video",
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
    };
    MediaMetadata {
        media_path: named.to_owned(),
        hash_str: Some(intake.hash_str.to_string()),
        kind: Some(kind.to_owned()),
        size_bytes: Some(facts.size_bytes),
        duration_seconds: (facts.kind != MediaKind::Image).then_some(facts.duration_seconds),
        width: seen(facts.width),
        height: seen(facts.height),
        fps: facts.frame_rate.map(|rate| (rate.as_f64() * 1000.0).round() / 1000.0),
        frame_rate: facts.frame_rate.map(|rate| rate.to_string()),
        start_timecode: facts.start_timecode.clone(),
        rotation: facts.has_video().then_some(facts.rotation),
        has_video: Some(facts.has_video()),
        has_audio: Some(facts.has_audio()),
        video_codec: facts.video_codec.clone(),
        audio_codec: facts.audio_codec.clone(),
        created_at: facts.created_at.clone(),
        analysis: None,
        error: None,
    }
}
