//! Search: from a sentence to moments.

use crate::{
    intake::Reception,
    library::{LoadedFolder, LoadedMedia},
    replies::VisualMatch,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rushes_infer::{InferError, TextQuery, VisualModel};
use rushes_model::{ErrorCode, Failure, ModelKey, Picture, TimeRange, timestamp};
use rushes_store::RowTime;
use rushes_vectors::{Hit, Query, Segment, top_k};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

/// How far an excluded concept pushes down, as a share of its own similarity: softly, so that a match
/// which fits the query much better than the excluded concept stays on top.
const EXCLUDE_WEIGHT: f32 = 0.5;
/// How often analyses that changed under a search are opened again.
const READ_AGAIN: usize = 3;
/// Frames that are ranked for each moment wanted, before those of one shot are grouped.
const FRAMES_PER_MOMENT: usize = 20;

/// Where a search looks.
pub struct Scope<'a> {
    reception: &'a Reception,
    /// The media, of one model.
    pub media: Vec<Arc<LoadedMedia>>,
    /// The path that the caller knows each medium by, where it named one.
    pub named: HashMap<rushes_model::MediaId, String>,
}

impl<'a> Scope<'a> {
    /// All of a folder, or the media that `paths` lead to.
    ///
    /// # Errors
    /// `BadRequest` when the folder holds analyses by other models only.
    pub fn new(
        folder: &LoadedFolder,
        model: &ModelKey,
        reception: &'a Reception,
        paths: Option<&[PathBuf]>,
    ) -> Result<Self, Failure> {
        let Some(paths) = paths else {
            folder.load_all()?;
            let media = seen_by(folder, model)?;
            return Ok(Self { reception, media, named: HashMap::new() });
        };
        if folder.is_untouched() || folder.is_whole() {
            folder.load_all()?;
        }
        let mut named = HashMap::new();
        let all = folder.seen_by(model);
        for path in paths {
            let by_source = || all.iter().find(|media| media.source == *path);
            let by_source = || by_source().map(|media| media.media_id);
            if let Some(media_id) = reception.media_id(path).or_else(by_source) {
                named.entry(media_id).or_insert_with(|| path.display().to_string());
            }
        }
        if !folder.is_whole() {
            named.keys().for_each(|media_id| folder.load_medium(*media_id));
        }
        let wanted = |media: &Arc<LoadedMedia>| named.contains_key(&media.media_id);
        let media = seen_by(folder, model)?.into_iter().filter(wanted).collect();
        Ok(Self { reception, media, named })
    }

    /// The path that the caller named, or where the medium was last seen.
    fn path_of(&self, media: &LoadedMedia) -> String {
        let last_seen =
            || self.reception.last_seen(media.media_id, &media.source).display().to_string();
        self.named.get(&media.media_id).cloned().unwrap_or_else(last_seen)
    }
}

fn seen_by(folder: &LoadedFolder, model: &ModelKey) -> Result<Vec<Arc<LoadedMedia>>, Failure> {
    let media = folder.seen_by(model);
    let others = folder.models();
    if media.is_empty() && !others.is_empty() {
        let others: Vec<_> = others.iter().map(ModelKey::as_str).collect();
        let message = format!(
            "cache_dir was analysed with {}, not with {model}, which is active; load one of those \
             with POST /models/load, or analyse again",
            others.join(", ")
        );
        return Err(Failure::new(ErrorCode::BadRequest, message));
    }
    Ok(media)
}

/// What a search looks for: a picture, a sentence, or a picture that a sentence refines.
pub struct Wanted<'a> {
    /// The picture.
    pub picture: Option<Picture>,
    /// The sentence.
    pub sentence: Option<&'a str>,
}

/// A query in the model's space: the picture and the sentence by its weight, less a share of what is
/// excluded.
///
/// # Errors
/// When inference fails.
pub fn query(
    model: &dyn VisualModel,
    wanted: &Wanted<'_>,
    text_weight: f32,
    exclude: &[String],
) -> Result<Query, Failure> {
    let failed = |error: InferError| internal(&error);
    let mut vector = match &wanted.picture {
        Some(picture) => model.embed_picture(picture).map_err(failed)?.vector,
        None => vec![0.0; model.dimensions()],
    };
    let mut words = (Vec::new(), 0.0);
    if let Some(sentence) = wanted.sentence {
        let text: TextQuery = model.embed_text(sentence).map_err(failed)?;
        vector.iter_mut().zip(&text.vector).for_each(|(sum, value)| *sum += text_weight * value);
        words = (text.words, text_weight * text.word_weight);
    }
    let mut query = Query::new(vector).with_words(&words.0, words.1);
    for concept in exclude.iter().filter(|concept| !concept.trim().is_empty()) {
        query = query.minus(&model.embed_text(concept).map_err(failed)?.vector, EXCLUDE_WEIGHT);
    }
    Ok(query)
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
    query: &Query,
    most: usize,
    look: impl Fn() -> Result<Scope<'a>, Failure>,
) -> Result<Vec<VisualMatch>, Failure> {
    for _ in 0..READ_AGAIN {
        match moments_of(&scope, query, most) {
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
    query: &Query,
    most: usize,
) -> Result<Vec<VisualMatch>, SearchError> {
    let segments: Vec<&Segment> = scope.media.iter().map(|media| &media.segment).collect();
    let frames: usize = scope.media.iter().map(|media| media.times.len()).sum();
    let mut wanted = most.saturating_mul(FRAMES_PER_MOMENT).min(frames);
    loop {
        let hits = top_k(&segments, query, wanted, None)
            .map_err(|error| SearchError::Failed(internal(&error)))?;
        let grouped = group(scope, &hits, most);
        // Long shots can fill the list with their own frames: look further down until it is full.
        if grouped.len() >= most || wanted >= frames {
            return read_all(scope, &grouped);
        }
        wanted = wanted.saturating_mul(4).min(frames);
    }
}

/// The first hit of each shot, with its rank among all.
fn group<'h>(scope: &Scope<'_>, hits: &'h [Hit], most: usize) -> Vec<(usize, &'h Hit)> {
    let mut shots = HashSet::new();
    let first_of_shot = |(_, hit): &(usize, &Hit)| {
        let (shot, _) = scope.media[hit.segment].shot_of(hit.row);
        shots.insert((hit.segment, shot))
    };
    hits.iter().enumerate().filter(first_of_shot).take(most).collect()
}

fn read_all(scope: &Scope<'_>, hits: &[(usize, &Hit)]) -> Result<Vec<VisualMatch>, SearchError> {
    let (mut matches, mut changed) = (Vec::new(), Vec::new());
    for &(rank, hit) in hits {
        let media = &scope.media[hit.segment];
        match media.preview(hit.row) {
            Ok(preview) => matches.push(moment(scope, rank, hit, &preview)),
            Err(error) => {
                tracing::info!(%error, "an analysis has changed; it is opened again");
                changed.push(media.clone());
            }
        }
    }
    if changed.is_empty() { Ok(matches) } else { Err(SearchError::Changed(changed)) }
}

fn moment(scope: &Scope<'_>, rank: usize, hit: &Hit, preview: &[u8]) -> VisualMatch {
    let media = &scope.media[hit.segment];
    let RowTime { second, seconds } = media.times[hit.row];
    let (_, TimeRange { start, end }) = media.shot_of(hit.row);
    VisualMatch {
        frame_idx: second.to_string(),
        timestamp: timestamp(f64::from(second)),
        image: STANDARD.encode(preview),
        scene_start_timestamp: timestamp(start),
        scene_end_timestamp: timestamp(end),
        original_index: rank as u64,
        hash_str: media.hash_str.to_string(),
        video_path: scope.path_of(media),
        frame_index: u64::from(second),
        similarity: f64::from(hit.score),
        time_seconds: seconds,
        scene_start_seconds: start,
        scene_end_seconds: end,
    }
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, error.to_string())
}
