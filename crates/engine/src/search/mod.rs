//! Search: from a plan to moments.

mod heard;
mod plan;
mod ranking;
mod readings;
mod scope;
mod takes;

pub use heard::{Heard, Kept, SHORTEST};
pub use plan::{Channel, Formula, Plan, Sought, Source, Term};
pub use scope::Scope;

use crate::{
    library::{LoadedFolder, LoadedMedia, ReadFrame},
    replies::{FrameMatch, VisualMatch},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ranking::Ranking;
use rushes_model::{ErrorCode, Failure, SourceClock, TimeRange, timestamp};
use rushes_store::{RowTime, SpokenSegment};
use rushes_vectors::Hit;
use std::{collections::HashMap, sync::Arc};
use takes::Moment;

/// How often analyses that changed under a search are opened again.
const READ_AGAIN: usize = 3;
/// Moments that are looked at beyond those wanted where takes fill the page, so that they can give way to
/// others.
const SPARE_MOMENTS: usize = 100;
/// Further frames of its shot that a match names.
const MORE_FRAMES: usize = 5;

/// Lines of on-screen or spoken text that a match has at most: an hour of slides without a cut is one shot.
const MOST_LINES: usize = 60;

/// How moments are listed.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// At most so many.
    pub most: usize,
    /// Cosine from which two frames are of takes of one set-up; `None` leaves them where they rank.
    pub same_take: Option<f32>,
}

/// The best moments: one a shot, with its best frame, best first.
///
/// Analyses that another process has replaced or removed since they were opened are opened again, and
/// `look` gives the scope anew.
///
/// # Errors
/// Those of `look`; when an analysis cannot be read however often it is opened.
pub fn moments<'a>(
    folder: &LoadedFolder,
    mut scope: Scope<'a>,
    plan: &Plan,
    listing: Listing,
    look: impl Fn() -> Result<Scope<'a>, Failure>,
) -> Result<Vec<VisualMatch>, Failure> {
    for _ in 0..READ_AGAIN {
        plan.narrow(&mut scope);
        match moments_of(&scope, plan, listing) {
            Err(SearchError::Changed(media)) => media.iter().for_each(|one| folder.reopen(one)),
            Err(SearchError::Failed(failure)) => return Err(failure),
            Ok(matches) => return Ok(matches),
        }
        scope = look()?;
    }
    let message = "analyses in cache_dir change while they are searched; try again in a moment";
    Err(Failure::new(ErrorCode::Internal, message))
}

/// Why there are no matches.
enum SearchError {
    /// These analyses are not what they were when they were opened.
    Changed(Vec<Arc<LoadedMedia>>),
    Failed(Failure),
}

fn moments_of(
    scope: &Scope<'_>,
    plan: &Plan,
    listing: Listing,
) -> Result<Vec<VisualMatch>, SearchError> {
    let ranking = Ranking::new(plan, scope);
    let ranked = |most: usize| {
        let hits = ranking.best_shots(most);
        hits.map(|hits| group(scope, hits)).map_err(|error| SearchError::Failed(internal(&error)))
    };
    let mut found = ranked(listing.most)?;
    if let Some(same_take) = listing.same_take {
        takes::tell_takes(scope, &mut found, same_take);
        if found.len() == listing.most && takes::flood(&found) {
            found = ranked(listing.most + SPARE_MOMENTS)?;
            takes::tell_takes(scope, &mut found, same_take);
        }
        found = takes::spread(found);
    }
    found.truncate(listing.most);
    read_all(scope, &found)
}

/// The shots of ranked frames, each with its frames.
fn group(scope: &Scope<'_>, hits: Vec<Hit>) -> Vec<Moment> {
    let mut places: HashMap<(usize, usize), usize> = HashMap::new();
    let mut moments: Vec<Moment> = Vec::new();
    for (rank, hit) in hits.into_iter().enumerate() {
        let (shot, _) = scope.media[hit.segment].shot_of(hit.row);
        let place = *places.entry((hit.segment, shot)).or_insert(moments.len());
        if place == moments.len() {
            moments.push(Moment { frames: Vec::new(), take_of: None });
        }
        moments[place].frames.push((rank, hit));
    }
    moments
}

fn read_all(scope: &Scope<'_>, moments: &[Moment]) -> Result<Vec<VisualMatch>, SearchError> {
    let (mut matches, mut changed) = (Vec::new(), Vec::new());
    for moment in moments {
        let (_, hit) = moment.best();
        let media = &scope.media[hit.segment];
        match media.preview(hit.row) {
            Ok(preview) => matches.push(match_of(scope, moment, &preview)),
            Err(error) => {
                tracing::info!(%error, "an analysis has changed; it is opened again");
                changed.push(media.clone());
            }
        }
    }
    if changed.is_empty() { Ok(matches) } else { Err(SearchError::Changed(changed)) }
}

fn match_of(scope: &Scope<'_>, moment: &Moment, preview: &[u8]) -> VisualMatch {
    let (rank, hit) = moment.best();
    let media = &scope.media[hit.segment];
    let RowTime { second, seconds } = media.times[hit.row];
    let (_, TimeRange { start, end }) = media.shot_of(hit.row);
    let clock = SourceClock::of(&media.facts);
    let timecode = |seconds: f64| Some(clock?.at(seconds).to_string());
    VisualMatch {
        frame_idx: second.to_string(),
        timestamp: timestamp(f64::from(second)),
        image: STANDARD.encode(preview),
        scene_start_timestamp: timestamp(start),
        scene_end_timestamp: timestamp(end),
        original_index: rank as u64,
        hash_str: media.hash_str.to_string(),
        video_path: scope.path_of(media).display().to_string(),
        frame_index: u64::from(second),
        similarity: f64::from(hit.score),
        time_seconds: seconds,
        scene_start_seconds: start,
        scene_end_seconds: end,
        timecode: timecode(seconds),
        scene_start_timecode: timecode(start),
        scene_end_timecode: timecode(end),
        frame_rate: clock.map(|clock| clock.rate().to_string()),
        take_of: moment.take_of.map(|rank| rank as u64),
        more_frames: more_frames(media, moment),
        on_screen_text: on_screen_text(scope, media, hit.row),
        spoken_text: spoken_text(scope, media, hit.row),
    }
}

/// The lines that were read in the shot of a row, in time order and each once. Of very many those that
/// were read nearest to the row.
fn on_screen_text(scope: &Scope<'_>, media: &LoadedMedia, row: usize) -> Vec<String> {
    let Some(text) = scope.text_of(media) else { return Vec::new() };
    let ((shot, _), seconds) = (media.shot_of(row), media.times[row].seconds);
    let mut frames: Vec<ReadFrame<'_>> =
        text.frames().filter(|frame| media.shot_at(frame.seconds) == shot).collect();
    let distance = |frame: &ReadFrame<'_>| (frame.seconds - seconds).abs();
    frames.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    let mut lines: Vec<(f64, &str)> = Vec::new();
    for frame in frames {
        for line in frame.lines() {
            if lines.len() < MOST_LINES && !lines.iter().any(|(_, known)| *known == line) {
                lines.push((frame.seconds, line));
            }
        }
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    lines.into_iter().map(|(_, line)| line.to_owned()).collect()
}

/// What is said during the shot of a row, segment by segment, where the search listens. Of very many those
/// that are said nearest to the row.
fn spoken_text(scope: &Scope<'_>, media: &LoadedMedia, row: usize) -> Vec<String> {
    let Some(transcript) = scope.transcript_of(media) else { return Vec::new() };
    let ((_, shot), seconds) = (media.shot_of(row), media.times[row].seconds);
    let speech = &transcript.speech;
    let during = |one: &&SpokenSegment| one.start() < shot.end && one.end() > shot.start;
    let mut segments: Vec<_> = speech.segments.iter().filter(during).collect();
    let distance = |one: &&SpokenSegment| (one.start() - seconds).abs();
    segments.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    segments.truncate(MOST_LINES);
    segments.sort_by(|a, b| a.start().total_cmp(&b.start()));
    segments.into_iter().map(|segment| segment.text(&speech.voice)).collect()
}

/// The next best frames of the shot, best first.
fn more_frames(media: &LoadedMedia, moment: &Moment) -> Vec<FrameMatch> {
    let frame = |(_, hit): &(usize, Hit)| FrameMatch {
        frame_idx: media.times[hit.row].second.to_string(),
        time_seconds: media.times[hit.row].seconds,
        similarity: f64::from(hit.score),
    };
    moment.frames.iter().skip(1).take(MORE_FRAMES).map(frame).collect()
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, error.to_string())
}
