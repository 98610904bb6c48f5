//! One medium in memory as one model saw it.

use crate::{
    analysis::{Draft, Row},
    intake::Intake,
};
use half::f16;
use rushes_model::{HashStr, MediaFacts, MediaId, ModelKey, Sampling, Shot, TimeRange};
use rushes_store::{RowTime, StoreError, Table, VisualBundleFile, is_network_file_system};
use rushes_vectors::{Rows, Segment, Tags, VectorsError};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A frame stands for others of its shot up to so many seconds away.
const NEAR: f64 = 0.5;
/// Times this close in seconds are the same: they are written with few digits.
const SAME_FRAME: f64 = 0.001;
/// Times that differ by less, in seconds, are one: those of shots and frames are rounded differently.
const SAME_TIME: f64 = 1e-6;

/// One medium as one model saw it.
pub struct LoadedMedia {
    /// Identity.
    pub media_id: MediaId,
    /// Alias of the API.
    pub hash_str: HashStr,
    /// Who saw it.
    pub model_key: ModelKey,
    /// Where it was when it was analysed.
    pub source: PathBuf,
    /// What probing told.
    pub facts: MediaFacts,
    /// Second and own time of each row.
    pub times: Vec<RowTime>,
    /// Shots in time order.
    pub shots: Vec<Shot>,
    /// The vectors.
    pub segment: Segment,
    sampling: Option<Sampling>,
    previews: Previews,
}

enum Previews {
    Stored(Box<VisualBundleFile>),
    InMemory(Vec<Arc<Row>>),
}

impl LoadedMedia {
    /// From a bundle that is checked as it is opened.
    pub(super) fn stored(path: &Path) -> Result<Self, StoreError> {
        let file = VisualBundleFile::open(path)?;
        let segment = open_segment(file.rows(), file.tags())?;
        let meta = file.meta();
        Ok(Self {
            media_id: meta.media_id,
            hash_str: meta.hash_str,
            model_key: meta.model_key.clone(),
            source: meta.source_path.clone(),
            facts: meta.facts.clone(),
            times: file.times().to_vec(),
            shots: file.shots().to_vec(),
            segment,
            sampling: Some(meta.sampling),
            previews: Previews::Stored(Box::new(file)),
        })
    }

    /// From an analysis under way.
    ///
    /// # Errors
    /// When the rows are not of one length.
    pub fn in_memory(
        path: &Path,
        intake: &Intake,
        model_key: &ModelKey,
        draft: &Draft,
        duration: f64,
    ) -> Result<Self, VectorsError> {
        let rows: Vec<_> = draft.rows().collect();
        let segment = own_segment(&rows)?;
        Ok(Self {
            media_id: intake.media_id,
            hash_str: intake.hash_str,
            model_key: model_key.clone(),
            source: path.to_owned(),
            facts: intake.facts.clone(),
            times: draft.times(),
            shots: draft.shots(duration),
            segment,
            sampling: None,
            previews: Previews::InMemory(rows.iter().map(|(_, _, row)| (*row).clone()).collect()),
        })
    }

    /// How densely it was looked at; `None` while that is under way.
    #[must_use]
    pub fn sampling(&self) -> Option<Sampling> {
        self.sampling
    }

    pub(super) fn is_stored(&self) -> bool {
        matches!(self.previews, Previews::Stored(_))
    }

    /// JPEG preview of a row.
    ///
    /// # Errors
    /// When the bundle cannot be read any more.
    pub fn preview(&self, row: usize) -> Result<Vec<u8>, StoreError> {
        match &self.previews {
            Previews::Stored(file) => Ok(file.preview(row)?.unwrap_or_default()),
            Previews::InMemory(rows) => Ok(rows[row].preview.clone()),
        }
    }

    /// The row whose frame may stand for the frame at this time: half a second away at most, and with
    /// no cut between the rows around the time, since not every analysis knows cuts to the frame.
    #[must_use]
    pub fn row_near(&self, seconds: f64) -> Option<usize> {
        let distance = |row: usize| (self.times[row].seconds - seconds).abs();
        let after = self.times.partition_point(|time| time.seconds < seconds);
        let rows = after.saturating_sub(1)..self.times.len().min(after + 1);
        let nearest = rows.clone().min_by(|&a, &b| distance(a).total_cmp(&distance(b)))?;
        let exact = distance(nearest) <= SAME_FRAME;
        let around = rows.len() == 2 && self.shot_of(rows.start).0 == self.shot_of(rows.end - 1).0;
        let near = exact || (around && distance(nearest) <= NEAR);
        near.then_some(nearest)
    }

    /// The shot that a row lies in, by number and range.
    #[must_use]
    pub fn shot_of(&self, row: usize) -> (usize, TimeRange) {
        let seconds = self.times[row].seconds;
        let index = self.shot_at(seconds);
        let alone = TimeRange { start: seconds, end: seconds };
        (index, self.shots.get(index).map_or(alone, |shot| shot.range))
    }

    /// Number of the shot that a time lies in.
    #[must_use]
    pub fn shot_at(&self, seconds: f64) -> usize {
        let after = self.shots.partition_point(|shot| shot.range.start <= seconds + SAME_TIME);
        after.saturating_sub(1)
    }

    /// Number of shots; a medium of which none was told is one.
    #[must_use]
    pub fn shot_count(&self) -> usize {
        self.shots.len().max(1)
    }

    /// The rows that lie in a shot.
    #[must_use]
    pub fn rows_of(&self, shot: usize) -> Range<usize> {
        let first_from = |shot: usize| {
            let start = self.shots.get(shot).map_or(f64::INFINITY, |shot| shot.range.start);
            self.times.partition_point(|time| time.seconds + SAME_TIME < start)
        };
        // What lies before the first shot belongs to it.
        let start = if shot == 0 { 0 } else { first_from(shot) };
        start..first_from(shot + 1).max(start)
    }
}

/// Maps a bundle's vectors, or reads them where the folder is on a network, because a mapped page of a
/// share that went away would end the process, and where the system has no more maps to give.
pub fn open_segment(rows: &Table, tags: Option<&Table>) -> Result<Segment, StoreError> {
    let read = || read_segment(rows, tags);
    let opened = if is_network_file_system(&rows.path).unwrap_or(true) {
        read()
    } else {
        match map_segment(rows, tags) {
            Err(VectorsError::Io(_)) => read(),
            mapped => mapped,
        }
    };
    opened.map_err(|error| match error {
        VectorsError::Io(error) => StoreError::Io(error),
        error => StoreError::Damaged { path: rows.path.clone(), reason: error.to_string() },
    })
}

fn read_segment(at: &Table, tags: Option<&Table>) -> Result<Segment, VectorsError> {
    let tags = tags.map(|at| Tags::read(&at.path, at.offset, at.count)).transpose()?;
    Segment::new(Rows::read(&at.path, at.offset, at.count, at.width)?, tags)
}

fn map_segment(at: &Table, tags: Option<&Table>) -> Result<Segment, VectorsError> {
    let tags = tags.map(|at| Tags::map(&at.path, at.offset, at.count)).transpose()?;
    Segment::new(Rows::map(&at.path, at.offset, at.count, at.width)?, tags)
}

fn own_segment(rows: &[(u32, f64, &Arc<Row>)]) -> Result<Segment, VectorsError> {
    let dim = rows.first().map_or(0, |(_, _, row)| row.vector.len());
    let vectors: Vec<f16> =
        rows.iter().flat_map(|(_, _, row)| row.vector.iter().copied()).collect();
    let tags: Vec<u8> = rows.iter().flat_map(|(_, _, row)| Tags::pack(&row.tags)).collect();
    Segment::new(Rows::owned(vectors, dim)?, Some(Tags::owned(tags)?))
}
