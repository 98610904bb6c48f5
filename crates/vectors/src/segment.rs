//! The rows of one medium.

use crate::{VectorsError, sketch::Sketch, table::Table};
use half::{f16, slice::HalfFloatSliceExt};
use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

/// Tags that a stored row has room for.
pub const TAGS_A_ROW: usize = 24;

/// Bytes of a stored row of tags: 24 tag numbers as little-endian u16, strongest first, then their 24
/// weights. Unused places have weight 0.
pub const TAG_ROW_BYTES: usize = 3 * TAGS_A_ROW;

/// Vectors as f16, one a row.
#[derive(Debug, Clone)]
pub struct Rows(Table<f16>);

impl Rows {
    /// Maps `count` rows of `dim` values that begin at byte `offset` of a published file.
    ///
    /// # Errors
    /// When the file cannot be opened or mapped, is too short, or `offset` is no multiple of 64.
    pub fn map(path: &Path, offset: u64, count: usize, dim: usize) -> Result<Self, VectorsError> {
        Table::map(path, offset, count, dim).map(Self)
    }

    /// Reads the same rows into memory, for network file systems: touching a mapped file whose disk has
    /// gone away kills the process.
    ///
    /// # Errors
    /// As for [`Rows::map`].
    pub fn read(path: &Path, offset: u64, count: usize, dim: usize) -> Result<Self, VectorsError> {
        Table::read(path, offset, count, dim).map(Self)
    }

    /// Takes vectors one after the other.
    ///
    /// # Errors
    /// When they do not make whole rows of `dim` values.
    pub fn owned(values: Vec<f16>, dim: usize) -> Result<Self, VectorsError> {
        whole_rows(values.len(), dim)?;
        Ok(Self(Table::owned(values, dim)))
    }

    /// Number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Values a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.0.width()
    }

    /// Row `index`. Panics when there is none.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f16] {
        self.0.row(index)
    }

    /// The bit patterns of all rows, one after the other: what a bundle stores.
    #[must_use]
    pub fn to_bits(&self) -> Vec<u16> {
        let rows = (0..self.count()).flat_map(|row| self.row(row));
        rows.map(|value| value.to_bits()).collect()
    }
}

/// Concepts seen, as tag numbers and weights, one fixed-size row for each vector.
#[derive(Debug, Clone)]
pub struct Tags(Table<u8>);

impl Tags {
    /// Maps `count` rows of [`TAG_ROW_BYTES`] that begin at byte `offset` of a published file.
    ///
    /// # Errors
    /// As for [`Rows::map`].
    pub fn map(path: &Path, offset: u64, count: usize) -> Result<Self, VectorsError> {
        Table::map(path, offset, count, TAG_ROW_BYTES).map(Self)
    }

    /// Reads the same rows into memory, for network file systems.
    ///
    /// # Errors
    /// As for [`Rows::map`].
    pub fn read(path: &Path, offset: u64, count: usize) -> Result<Self, VectorsError> {
        Table::read(path, offset, count, TAG_ROW_BYTES).map(Self)
    }

    /// Takes rows of [`TAG_ROW_BYTES`] one after the other.
    ///
    /// # Errors
    /// When they are not whole rows.
    pub fn owned(bytes: Vec<u8>) -> Result<Self, VectorsError> {
        whole_rows(bytes.len(), TAG_ROW_BYTES)?;
        Ok(Self(Table::owned(bytes, TAG_ROW_BYTES)))
    }

    /// One row's bytes, of the first [`TAGS_A_ROW`] tags.
    #[must_use]
    pub fn pack(tags: &[(u16, u8)]) -> [u8; TAG_ROW_BYTES] {
        let mut row = [0; TAG_ROW_BYTES];
        for (place, &(tag, weight)) in tags.iter().take(TAGS_A_ROW).enumerate() {
            row[2 * place..2 * place + 2].copy_from_slice(&tag.to_le_bytes());
            row[2 * TAGS_A_ROW + place] = weight;
        }
        row
    }

    /// Number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Tags and weights of row `index`, up to the first that has no weight. Panics when there is no
    /// such row.
    pub fn row(&self, index: usize) -> impl Iterator<Item = (u16, u8)> + '_ {
        let weights = &self.0.row(index)[2 * TAGS_A_ROW..];
        self.numbers(index).zip(weights.iter().copied()).take_while(|&(_, weight)| weight > 0)
    }

    /// All 24 tag numbers of row `index`, those of unused places too.
    pub(crate) fn numbers(&self, index: usize) -> impl Iterator<Item = u16> + '_ {
        let numbers = &self.0.row(index)[..2 * TAGS_A_ROW];
        numbers.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair))
    }

    /// All rows, one after the other: what a bundle stores.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        (0..self.count()).flat_map(|row| self.0.row(row)).copied().collect()
    }
}

fn whole_rows(values: usize, width: usize) -> Result<(), VectorsError> {
    if width == 0 || !values.is_multiple_of(width) {
        return Err(VectorsError::Shape { values, rows: 0, width });
    }
    Ok(())
}

/// What is searched of one medium: a vector a row and, for models that have them, tags.
#[derive(Debug, Clone)]
pub struct Segment {
    rows: Rows,
    tags: Option<Tags>,
    /// Nothing inside where rows are too long for one. Clones that are made later share it.
    sketch: OnceLock<Option<Arc<Sketch>>>,
}

impl Segment {
    /// Joins vectors and tags.
    ///
    /// # Errors
    /// When they differ in number.
    pub fn new(rows: Rows, tags: Option<Tags>) -> Result<Self, VectorsError> {
        if let Some(tags) = tags.as_ref().filter(|tags| tags.count() != rows.count()) {
            let values = tags.count() * TAG_ROW_BYTES;
            return Err(VectorsError::Shape { values, rows: rows.count(), width: TAG_ROW_BYTES });
        }
        Ok(Self::joined(rows, tags))
    }

    fn joined(rows: Rows, tags: Option<Tags>) -> Self {
        Self { rows, tags, sketch: OnceLock::new() }
    }

    /// The vectors.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The tags, if the model has them.
    #[must_use]
    pub fn tags(&self) -> Option<&Tags> {
        self.tags.as_ref()
    }

    /// Makes the sketch from which [`crate::top_k`] sees what it need not read, unless there is one;
    /// searches that run meanwhile do without. The hits are the same with and without, to the last bit.
    ///
    /// It reads all rows several times, takes some 20 µs a row of 768 values on one core, and stays in
    /// memory with the segment: 3/4 of a byte a value, filled up to whole 32 bytes twice, 17 bytes a row,
    /// and one mean, as long as a row, for 128 rows up to 64. That is 605 bytes beside the 1536 of a row
    /// of 768. Rows of more than 65,536 values get none.
    pub fn build_sketch(&self) {
        self.sketch.get_or_init(|| Sketch::of(&self.rows).map(Arc::new));
    }

    /// The segment with its sketch, as [`Segment::build_sketch`] makes it.
    #[must_use]
    pub fn with_sketch(self) -> Self {
        self.build_sketch();
        self
    }

    /// Whether the sketch has been made; costs nothing to ask.
    #[must_use]
    pub fn has_sketch(&self) -> bool {
        self.sketch().is_some()
    }

    /// Bytes of memory that the sketch takes; 0 while there is none.
    #[must_use]
    pub fn sketch_bytes(&self) -> usize {
        self.sketch().map_or(0, Sketch::bytes)
    }

    pub(crate) fn sketch(&self) -> Option<&Sketch> {
        self.sketch.get().and_then(Option::as_deref)
    }
}

/// Rows a block of a growing segment: a snapshot copies less than one block.
const BLOCK_ROWS: usize = 256;

/// A segment that takes rows while it is searched.
///
/// Full blocks are shared with every snapshot, so that a snapshot costs the copy of at most 255 rows,
/// however long the medium is.
#[derive(Debug)]
pub struct GrowingSegment {
    dim: usize,
    full: Vec<Arc<[f16]>>,
    full_tags: Vec<Arc<[u8]>>,
    last: Vec<f16>,
    last_tags: Vec<u8>,
    any_tags: bool,
}

impl GrowingSegment {
    /// An empty segment for vectors of `dim` values.
    #[must_use]
    pub fn new(dim: usize) -> Self {
        Self {
            dim,
            full: Vec::new(),
            full_tags: Vec::new(),
            last: Vec::new(),
            last_tags: Vec::new(),
            any_tags: false,
        }
    }

    /// Appends a row. Of the tags, strongest first, [`TAGS_A_ROW`] are kept.
    ///
    /// # Errors
    /// When the vector's length is not the segment's.
    pub fn push(&mut self, vector: &[f32], tags: &[(u16, u8)]) -> Result<(), VectorsError> {
        if vector.len() != self.dim || self.dim == 0 {
            return Err(VectorsError::Shape { values: vector.len(), rows: 1, width: self.dim });
        }
        let start = self.last.len();
        self.last.resize(start + self.dim, f16::ZERO);
        self.last[start..].convert_from_f32_slice(vector);
        self.last_tags.extend(Tags::pack(tags));
        self.any_tags |= !tags.is_empty();
        if self.last.len() == BLOCK_ROWS * self.dim {
            self.full.push(std::mem::take(&mut self.last).into());
            self.full_tags.push(std::mem::take(&mut self.last_tags).into());
        }
        Ok(())
    }

    /// Rows taken so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.full.len() * BLOCK_ROWS + self.last.len().checked_div(self.dim).unwrap_or(0)
    }

    /// The rows so far, as a segment of its own. It has tags if any row has some.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Segment> {
        let rows = with_last(&self.full, &self.last);
        let tags = self.any_tags.then(|| with_last(&self.full_tags, &self.last_tags));
        Arc::new(Segment::joined(
            Rows(Table::blocks(rows, BLOCK_ROWS, self.dim)),
            tags.map(|blocks| Tags(Table::blocks(blocks, BLOCK_ROWS, TAG_ROW_BYTES))),
        ))
    }
}

fn with_last<T: Copy>(full: &[Arc<[T]>], last: &[T]) -> Vec<Arc<[T]>> {
    let mut blocks = full.to_vec();
    blocks.push(last.into());
    blocks
}
