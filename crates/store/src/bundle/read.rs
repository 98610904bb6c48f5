//! From a file to a bundle, checked in full.

use super::{
    BundleMeta, RowTime, SHOT_BYTES, StoredMeta, TAG_ROW_BYTES, TIME_BYTES,
    contents::Contents,
    layout::{self, Fields, Kind},
    pictures::PreviewIndex,
};
use crate::StoreError;
use rushes_model::{Shot, TimeRange};
use std::path::{Path, PathBuf};

/// Sections that are kept in memory.
const KEPT: [Kind; 4] = [Kind::Meta, Kind::Times, Kind::Shots, Kind::PreviewIndex];

/// Where rows of fixed width lie in a bundle, for whoever maps or reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The bundle.
    pub path: PathBuf,
    /// First byte, a multiple of 64.
    pub offset: u64,
    /// Rows.
    pub count: usize,
    /// Values a row: f16 values of a vector, bytes of a row of tags.
    pub width: usize,
}

/// A bundle that was read and checked: everything but vectors, tags and pictures is in memory.
#[derive(Debug, Clone)]
pub struct VisualBundleFile {
    path: PathBuf,
    meta: BundleMeta,
    times: Vec<RowTime>,
    shots: Vec<Shot>,
    rows: Table,
    tags: Option<Table>,
    previews: PreviewIndex,
}

impl VisualBundleFile {
    /// Reads a bundle once from end to end and checks every byte of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when any byte is not what was written, [`StoreError::Newer`] when a later
    /// version wrote it, [`StoreError::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        parse(&Contents::read(path, &layout::VISUAL, &KEPT)?)
    }

    /// What the bundle is of.
    #[must_use]
    pub fn meta(&self) -> &BundleMeta {
        &self.meta
    }

    /// The moment of each row.
    #[must_use]
    pub fn times(&self) -> &[RowTime] {
        &self.times
    }

    /// The shots, in order.
    #[must_use]
    pub fn shots(&self) -> &[Shot] {
        &self.shots
    }

    /// Where the vectors lie, as little-endian f16.
    #[must_use]
    pub fn rows(&self) -> &Table {
        &self.rows
    }

    /// Where the tags lie, if the model has them: rows of [`TAG_ROW_BYTES`].
    #[must_use]
    pub fn tags(&self) -> Option<&Table> {
        self.tags.as_ref()
    }

    /// The picture of a row as an encoded image file, or none if it has none.
    ///
    /// # Errors
    /// When the file cannot be read, or was damaged or replaced since it was opened.
    pub fn preview(&self, row: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.previews.read(&self.path, row)
    }
}

fn parse(contents: &Contents<'_>) -> Result<VisualBundleFile, StoreError> {
    let meta: StoredMeta = contents.meta()?;
    let (count, dim) = (meta.rows, meta.dim);
    let rows = table(contents, Kind::Vectors, count, dim, 2)?;
    let tags = contents.section(Kind::Tags).is_some();
    Ok(VisualBundleFile {
        path: contents.path.to_owned(),
        meta: meta.bundle,
        times: times(contents, count)?,
        shots: shots(contents)?,
        rows: rows.filter(|_| dim > 0).ok_or_else(|| contents.damaged("it has no vectors"))?,
        tags: if tags { table(contents, Kind::Tags, count, TAG_ROW_BYTES, 1)? } else { None },
        previews: PreviewIndex::of(contents, count)?,
    })
}

/// The place of a section that must hold `count` rows of `width` values of `size` bytes.
pub(super) fn table(
    contents: &Contents<'_>,
    kind: Kind,
    count: usize,
    width: usize,
    size: usize,
) -> Result<Option<Table>, StoreError> {
    let Some(section) = contents.section(kind) else { return Ok(None) };
    let bytes = count.checked_mul(width).and_then(|values| values.checked_mul(size));
    if bytes.map(|bytes| bytes as u64) != Some(section.length) {
        return Err(contents.damaged("a section does not have the rows that it should"));
    }
    Ok(Some(Table { path: contents.path.to_owned(), offset: section.offset, count, width }))
}

fn times(contents: &Contents<'_>, count: usize) -> Result<Vec<RowTime>, StoreError> {
    let (rows, rest) = contents.kept(Kind::Times)?.as_chunks::<TIME_BYTES>();
    let row = |bytes: &[u8; TIME_BYTES]| {
        let mut fields = Fields(bytes);
        Some(RowTime { second: fields.u32()?, seconds: fields.f64()? })
    };
    let times: Vec<RowTime> = rows.iter().filter_map(row).collect();
    let finite = times.iter().all(|time| time.seconds.is_finite());
    if times.len() != count || !rest.is_empty() || !finite {
        return Err(contents.damaged("its times are not one a row"));
    }
    Ok(times)
}

fn shots(contents: &Contents<'_>) -> Result<Vec<Shot>, StoreError> {
    let (rows, rest) = contents.kept(Kind::Shots)?.as_chunks::<SHOT_BYTES>();
    let row = |bytes: &[u8; SHOT_BYTES]| {
        let mut fields = Fields(bytes);
        Some(Shot { range: TimeRange { start: fields.f64()?, end: fields.f64()? } })
    };
    let shots: Vec<Shot> = rows.iter().filter_map(row).collect();
    let sound = |shot: &Shot| shot.range.start.is_finite() && shot.range.duration() >= 0.0;
    if !rest.is_empty() || !shots.iter().all(sound) {
        return Err(contents.damaged("its shots are no ranges of time"));
    }
    Ok(shots)
}
