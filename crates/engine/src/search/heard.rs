//! Searching what is said: the transcripts in scope, and the passages in them.

use super::scope::Named;
use crate::{
    intake::Reception,
    library::{LoadedFolder, LoadedTranscript},
    meaning,
    replies::TranscriptMatch,
    speakers,
};
use rayon::prelude::*;
use rushes_model::{Failure, ModelKey, timestamp};
use rushes_store::SpokenSegment;
use rushes_text::{Passage, Wording};
use rushes_vectors::{Hit, Keep, Query, Segment, VectorsError, top_k};
use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Transcripts that are searched before it is seen whether there are matches enough: many, so that threads
/// have work, and few, so that common words are found after looking at a part of a large folder.
const AT_ONCE: usize = 64;
/// A match lasts so many seconds at least: the step in which Whisper tells time.
pub const SHORTEST: f64 = 0.02;

/// The transcripts in scope, in the order in which their media were named, and of their paths.
pub struct Heard<'a> {
    named: Named<'a>,
    transcripts: Vec<Arc<LoadedTranscript>>,
}

/// What is kept of what is found.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// At most so many matches.
    pub most: usize,
    /// Only what this speaker says.
    pub speaker: Option<&'a str>,
}

/// Where something is said: the number of the transcript, and from when to when in which segments.
struct Row {
    transcript: usize,
    start: f64,
    end: f64,
    segments: RangeInclusive<usize>,
    similarity: Option<f32>,
}

impl<'a> Heard<'a> {
    /// All transcripts of a folder, or those of the media that `paths` lead to; where several models heard a
    /// medium that of `preferred`, if it did.
    ///
    /// # Errors
    /// `CacheDir` when the folder cannot be listed.
    pub fn new(
        folder: &LoadedFolder,
        reception: &'a Reception,
        preferred: Option<&ModelKey>,
        paths: Option<&[PathBuf]>,
    ) -> Result<Self, Failure> {
        let ids = |path: &PathBuf| path.is_file().then(|| reception.media_id(path)).flatten();
        let ids: Option<Vec<_>> =
            paths.map(|paths| paths.iter().map(ids).collect()).unwrap_or_default();
        match ids {
            Some(ids) => ids.into_iter().for_each(|id| folder.load_transcripts_of(id)),
            // All of them are meant, those below a folder, or one that is known by its path alone.
            None => folder.load_transcripts_again()?,
        }
        let mut transcripts = folder.heard(preferred);
        let sources = transcripts.iter().map(|one| one.place());
        let named = Named::new(reception, paths, sources);
        transcripts.retain(|one| {
            let (media_id, source) = one.place();
            named.holds(media_id, source)
        });
        transcripts.sort_by_cached_key(|one| {
            let (media_id, source) = one.place();
            named.order(media_id, source)
        });
        Ok(Self { named, transcripts })
    }

    /// Where a wording is said, in order of media and time. One match tells of all places in the same
    /// segments, and lasts from the first word to the last one of the first place.
    #[must_use]
    pub fn exact(&self, wording: &Wording, kept: Kept<'_>) -> Vec<TranscriptMatch> {
        let numbers: Vec<usize> = (0..self.transcripts.len()).collect();
        let mut rows = Vec::new();
        for numbers in numbers.chunks(AT_ONCE) {
            let found = numbers.par_iter().map(|number| self.rows(*number, wording, kept));
            rows.extend(found.collect::<Vec<_>>().into_iter().flatten());
            if rows.len() >= kept.most {
                break;
            }
        }
        rows.truncate(kept.most);
        self.matches(&rows)
    }

    /// Where a wording is said in one transcript.
    fn rows(&self, number: usize, wording: &Wording, kept: Kept<'_>) -> Vec<Row> {
        let transcript = &*self.transcripts[number];
        let speakers = kept.speaker.map(|wanted| speakers::called(transcript, wanted));
        let segments = &transcript.speech.segments;
        let row = |Passage { first, last }: Passage| Row {
            transcript: number,
            start: segments[first.segment].words[first.word].start,
            end: segments[last.segment].words[last.word].end,
            segments: first.segment..=last.segment,
            similarity: None,
        };
        let rows = transcript.index.find(wording).map(row).filter(|row| {
            speakers
                .as_ref()
                .is_none_or(|speakers| are_said_by(&segments[row.segments.clone()], speakers))
        });
        rows.take(kept.most).collect()
    }

    /// Whether there are words, and the meaning of none of them was worked out.
    #[must_use]
    pub fn lacks_meanings(&self) -> bool {
        let mut spoken = self.transcripts.iter().filter(|one| !one.speech.segments.is_empty());
        spoken.clone().next().is_some() && spoken.all(|one| one.meanings.is_none())
    }

    /// The transcripts, to be sketched.
    #[must_use]
    pub fn transcripts(&self) -> &[Arc<LoadedTranscript>] {
        &self.transcripts
    }

    /// The segments that mean about what a query does, best first; none that comes near by chance alone.
    ///
    /// # Errors
    /// When vectors are of another length than the query.
    pub fn semantic(
        &self,
        query: &Query,
        kept: Kept<'_>,
    ) -> Result<Vec<TranscriptMatch>, VectorsError> {
        let all = self.transcripts.iter().enumerate();
        let (numbers, parts): (Vec<usize>, Vec<&Segment>) =
            all.filter_map(|(number, one)| Some((number, one.understood()?))).unzip();
        let transcript = |part: usize| &self.transcripts[numbers[part]];
        let speakers: Option<Vec<Vec<u32>>> = kept.speaker.map(|wanted| {
            (0..numbers.len()).map(|part| speakers::called(transcript(part), wanted)).collect()
        });
        let is_kept = |part: usize, row: usize| {
            let segments = &transcript(part).speech.segments;
            speakers.as_ref().is_none_or(|all| are_said_by(&segments[row..=row], &all[part]))
        };
        let keep: Option<Keep<'_>> = if speakers.is_some() { Some(&is_kept) } else { None };
        let curve = meaning::curve(parts.iter().map(|part| part.rows().count()).sum());
        let row = |Hit { segment: part, row, score }: Hit| {
            let similarity = curve.similarity(score);
            let segment = &transcript(part).speech.segments[row];
            (similarity >= meaning::LEAST).then_some(Row {
                transcript: numbers[part],
                start: segment.start(),
                end: segment.end(),
                segments: row..=row,
                similarity: Some(similarity),
            })
        };
        let hits = top_k(&parts, query, kept.most, keep)?;
        Ok(self.matches(&hits.into_iter().map_while(row).collect::<Vec<_>>()))
    }

    /// Rows as callers see them.
    fn matches(&self, rows: &[Row]) -> Vec<TranscriptMatch> {
        let of_one = rows.chunk_by(|a, b| a.transcript == b.transcript);
        let matches = of_one.flat_map(|rows| {
            let transcript = &self.transcripts[rows[0].transcript];
            let (media_id, source) = transcript.place();
            let path = self.named.path_of(media_id, source);
            rows.iter().map(move |row| match_of(transcript, &path, row))
        });
        matches.collect()
    }
}

/// Whether somebody of these says all of some segments.
fn are_said_by(segments: &[SpokenSegment], speakers: &[u32]) -> bool {
    segments.iter().all(|one| one.speaker.is_some_and(|number| speakers.contains(&number)))
}

fn match_of(transcript: &LoadedTranscript, path: &Path, row: &Row) -> TranscriptMatch {
    let speech = &transcript.speech;
    let segments = &speech.segments[row.segments.clone()];
    let start_seconds = row.start.max(0.0);
    let end_seconds = row.end.max(start_seconds + SHORTEST);
    let texts: Vec<String> = segments.iter().map(|segment| segment.text(&speech.voice)).collect();
    let mut speakers: Vec<String> = Vec::new();
    for label in segments.iter().filter_map(speakers::label) {
        if !speakers.contains(&label) {
            speakers.push(label);
        }
    }
    TranscriptMatch {
        media_path: path.display().to_string(),
        hash_str: speech.meta.hash_str.to_string(),
        start_seconds,
        end_seconds,
        text: texts.join(if speech.voice.spaced { " " } else { "" }),
        start_timestamp: timestamp(start_seconds),
        end_timestamp: timestamp(end_seconds),
        speaker: segments.first().and_then(speakers::label),
        speaker_name: segments
            .first()
            .and_then(|one| speakers::name(transcript, one))
            .map(str::to_owned),
        speakers: if speakers.len() > 1 { speakers } else { Vec::new() },
        similarity: row.similarity.map(f64::from),
    }
}
