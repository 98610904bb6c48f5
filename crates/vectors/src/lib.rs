//! Exact top-k search over half-precision vectors.
//!
//! A [`Segment`] is the rows of one medium: its vectors as [`Rows`] of f16 and, where the model has
//! them, [`Tags`] a row. Both are memory-mapped from a published file, read into memory, or owned; a
//! [`GrowingSegment`] takes rows while an analysis runs and can be searched meanwhile. [`top_k`] scores
//! every row of many segments against a [`Query`] on all cores and keeps the best [`Hit`]s: no index,
//! no approximation, the same answer every time. [`top_k_by`] reads the rows once for several queries and
//! lets the caller make one score of theirs; [`rank_rows`] does so for chosen rows. Where a segment has a sketch ([`Segment::build_sketch`]),
//! [`top_k`] passes over rows that provably are no hits, and finds the same.
//!
//! ```
//! use rushes_vectors::{GrowingSegment, Query, top_k};
//!
//! let mut growing = GrowingSegment::new(2);
//! growing.push(&[1.0, 0.0], &[])?;
//! growing.push(&[0.6, 0.8], &[(7, 255)])?;
//! let segment = growing.snapshot();
//!
//! let query = Query::new(vec![0.0, 1.0]).with_words(&[vec![7]], 0.1);
//! let hits = top_k(&[&segment], &query, 10, None)?;
//! assert_eq!((hits[0].row, hits[1].row), (1, 0));
//! assert!((hits[0].score - 0.9).abs() < 1e-3);
//! # Ok::<(), rushes_vectors::VectorsError>(())
//! ```

// The only crate with unsafe code: mapping files, SIMD and the allocator need it. Each block says why it
// is sound.
#![allow(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("stored vectors are little-endian and mapped as they are");

mod best;
mod codes;
mod dot;
mod means;
mod memory;
mod query;
mod scan;
mod segment;
mod sketch;
mod sketched;
mod table;

pub use best::Hit;
pub use dot::dot;
pub use half::f16;
pub use memory::keep_memory_small;
pub use query::Query;
pub use scan::{Combine, Keep, rank_rows, top_k, top_k_by};
pub use segment::{GrowingSegment, Rows, Segment, TAG_ROW_BYTES, TAGS_A_ROW, Tags};

use std::{io, path::PathBuf};

/// What can go wrong between a file and its vectors.
#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    /// The file cannot be opened, mapped or read; the message names it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file is shorter than the rows that it should hold. Nothing was mapped.
    #[error(
        "{path} has {length} bytes and should have at least {needed}: it was cut short. Delete it and analyse the media again."
    )]
    Short {
        /// The file.
        path: PathBuf,
        /// Its size.
        length: u64,
        /// Where its rows would end.
        needed: u64,
    },
    /// Rows do not begin at a multiple of 64 bytes, or their size is no number.
    #[error(
        "{path} cannot hold {count} rows of {width} values at byte {offset}. Delete it and analyse the media again."
    )]
    Layout {
        /// The file.
        path: PathBuf,
        /// First byte of the rows.
        offset: u64,
        /// Rows asked for.
        count: usize,
        /// Values a row.
        width: usize,
    },
    /// Values that should make whole rows do not, or vectors and tags differ in number of rows.
    #[error("{values} values are not {rows} rows of {width}")]
    Shape {
        /// Values given.
        values: usize,
        /// Rows expected, where known; else 0.
        rows: usize,
        /// Values a row.
        width: usize,
    },
    /// A query and a segment come from different models.
    #[error(
        "the query has {query} dimensions and the vectors have {rows}: they are of different models"
    )]
    Dimensions {
        /// Length of the query's vector.
        query: usize,
        /// Length of the segment's vectors.
        rows: usize,
    },
}
