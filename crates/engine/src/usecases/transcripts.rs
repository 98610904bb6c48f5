//! Reading transcripts.

use super::{Engine, bad_request, check_count, check_range};
use crate::{
    intake::Reception,
    library::{LoadedFolder, LoadedTranscript, preferred},
    replies::{Segment, SegmentPage, Transcription, Transcriptions, Word},
    requests::{MAX_ANALYZE_PATHS, MAX_SEGMENTS, TranscriptionRangeRequest, TranscriptionsRequest},
    speakers,
};
use rushes_model::{ErrorCode, Failure, MediaId, ModelKey, timestamp};
use rushes_store::{SpokenSegment, SpokenWord};
use std::{path::Path, sync::Arc};

/// Words below this probability are wrong more often than right: of 84 in sentences of a book under noise 17 were
/// right, of 269 above 220 (whisper-base; bench/runs/2026-11-25.md).
const UNCERTAIN: f32 = 0.5;

impl Engine {
    /// Stored transcripts of some media; those that have none are named.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`.
    pub fn transcriptions(
        &self,
        request: &TranscriptionsRequest,
    ) -> Result<Transcriptions, Failure> {
        check_count("media_paths", request.media_paths.len(), MAX_ANALYZE_PATHS)?;
        let paths = self.paths(&request.media_paths)?;
        let shelf = self.transcripts(&request.cache_dir)?;
        let (mut transcriptions, mut missing) = (Vec::new(), Vec::new());
        for (named, path) in request.media_paths.iter().zip(&paths) {
            match shelf.of(path) {
                Some(found) => transcriptions.push(transcription(named, &found, request.words)),
                None => missing.push(named.clone()),
            }
        }
        Ok(Transcriptions { transcriptions, missing })
    }

    /// The segments of a medium that overlap a range of it, a page at a time.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; `NotFound` when the medium has no transcript.
    pub fn transcription_range(
        &self,
        request: &TranscriptionRangeRequest,
    ) -> Result<SegmentPage, Failure> {
        check_range("limit", request.limit, 1, MAX_SEGMENTS)?;
        let (start, end) = (request.start_seconds, request.end_seconds);
        check_span(start, end)?;
        let first = request.cursor.as_deref().map_or(Ok(0), place)?;
        let path = self.0.roots.check(&request.media_path)?;
        let found = self.transcripts(&request.cache_dir)?.must_have(&path)?;
        let mut rest = segments_in(&found, start, end).skip(first);
        let segments: Vec<Segment> = rest.by_ref().take(request.limit as usize).collect();
        let next_cursor = rest.next().map(|_| (first + segments.len()).to_string());
        Ok(SegmentPage { segments, next_cursor })
    }

    pub(super) fn transcripts(&self, cache_dir: &str) -> Result<Transcripts<'_>, Failure> {
        let preferred = self.preferred_ear()?;
        Ok(Transcripts { reception: &self.0.reception, folder: self.folder(cache_dir)?, preferred })
    }

    /// The model whose transcript of a medium is taken when several have heard it: that which would listen
    /// now.
    pub(super) fn preferred_ear(&self) -> Result<Option<ModelKey>, Failure> {
        Ok(self.0.models.speech_order(None, None)?.map(|order| order.model))
    }
}

/// The transcripts of an analysis folder.
pub(super) struct Transcripts<'a> {
    reception: &'a Reception,
    pub folder: Arc<LoadedFolder>,
    preferred: Option<ModelKey>,
}

impl Transcripts<'_> {
    /// The transcript of a file, by the preferred model if that heard it.
    pub fn of(&self, path: &Path) -> Option<Arc<LoadedTranscript>> {
        self.of_medium(self.reception.media_id(path)?)
    }

    /// The same of a medium, wherever its file is.
    pub fn of_medium(&self, media_id: MediaId) -> Option<Arc<LoadedTranscript>> {
        let all = self.folder.transcripts_of(media_id);
        preferred(all.iter(), self.preferred.as_ref()).cloned()
    }

    /// The same, where there has to be one.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn must_have(&self, path: &Path) -> Result<Arc<LoadedTranscript>, Failure> {
        self.of(path).ok_or_else(|| {
            let message =
                format!("{} has no transcript; analyse it with speech: true", path.display());
            Failure::new(ErrorCode::NotFound, message)
        })
    }
}

/// Refuses a range that holds nothing.
pub(super) fn check_span(start: f64, end: f64) -> Result<(), Failure> {
    if start >= 0.0 && start < end {
        return Ok(());
    }
    Err(bad_request(format!(
        "start_seconds is {start} and end_seconds {end}; a range begins at 0 or later and ends after \
         its beginning"
    )))
}

/// The segments that overlap a range, with their words.
pub(super) fn segments_in(
    found: &LoadedTranscript,
    start: f64,
    end: f64,
) -> impl Iterator<Item = Segment> {
    let overlaps = move |segment: &SpokenSegment| {
        segment.start() < end && (segment.end() > start || segment.start() >= start)
    };
    let numbers = (0..found.speech.segments.len())
        .filter(move |number| overlaps(&found.speech.segments[*number]));
    numbers.map(|number| spoken(found, number, true))
}

/// The number of segments that a cursor says have been read.
fn place(cursor: &str) -> Result<usize, Failure> {
    let place = cursor.parse();
    place.map_err(|_| bad_request("cursor is not one that next_cursor has given".to_owned()))
}

fn transcription(media_path: &str, found: &LoadedTranscript, words: bool) -> Transcription {
    let speech = &found.speech;
    let segments = (0..speech.segments.len()).map(|number| spoken(found, number, words));
    Transcription {
        media_path: media_path.to_owned(),
        hash_str: speech.meta.hash_str.to_string(),
        language: speech.voice.language.clone(),
        model_key: speech.meta.model_key.to_string(),
        is_complete: found.is_finished(),
        segments: segments.collect(),
    }
}

fn spoken(found: &LoadedTranscript, number: usize, words: bool) -> Segment {
    let segment = &found.speech.segments[number];
    let (start, end) = (segment.start(), segment.end());
    Segment {
        start_seconds: start,
        end_seconds: end,
        start_timestamp: timestamp(start),
        end_timestamp: timestamp(end),
        text: segment.text(&found.speech.voice),
        speaker: speakers::label(segment),
        speaker_name: speakers::name(found, segment).map(str::to_owned),
        edited: found.edited[number],
        words: words.then(|| segment.words.iter().map(word).collect()),
    }
}

fn word(word: &SpokenWord) -> Word {
    Word {
        word: word.text.clone(),
        start_seconds: word.start,
        end_seconds: word.end,
        probability: f64::from(word.probability),
        uncertain: word.probability < UNCERTAIN,
    }
}
