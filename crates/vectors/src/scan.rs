//! The scan: every row of every segment, the best kept.

use crate::{Query, Segment, VectorsError, dot::Kernel};
use rayon::prelude::*;
use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    ops::Range,
};

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Index of the segment among those searched.
    pub segment: usize,
    /// Row of the segment.
    pub row: usize,
    /// The query's score of it; never NaN.
    pub score: f32,
}

/// Says whether row `.1` of segment `.0` may be found. Asked only for rows that would make the list.
pub type Keep<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// Rows a thread takes at a time: large against the cost of handing them out, small against a core's
/// share of a search.
const CHUNK_ROWS: usize = 2048;

/// The `k` rows of highest score, best first; of equal scores the earlier segment and row. Exact: every
/// row is scored. Rows whose score is NaN are never found.
///
/// # Errors
/// When the query's length is not that of the vectors.
pub fn top_k(
    segments: &[&Segment],
    query: &Query,
    k: usize,
    keep: Option<Keep<'_>>,
) -> Result<Vec<Hit>, VectorsError> {
    let dimensions = query.vector().len();
    for rows in segments.iter().map(|segment| segment.rows()) {
        if rows.dim() != dimensions {
            return Err(VectorsError::Dimensions { query: dimensions, rows: rows.dim() });
        }
    }
    let scan = Scan { segments, query, kernel: Kernel::of_this_machine(), keep };
    let best = chunks(segments)
        .into_par_iter()
        .fold(|| Best::new(k), |best, (index, rows)| scan.chunk(best, index, rows))
        .reduce(|| Best::new(k), Best::merge);
    Ok(best.into_sorted())
}

/// Segments and ranges of rows that make all rows.
fn chunks(segments: &[&Segment]) -> Vec<(usize, Range<usize>)> {
    let of_segment = |(index, segment): (usize, &&Segment)| {
        let count = segment.rows().count();
        let starts = (0..count).step_by(CHUNK_ROWS);
        starts.map(move |start| (index, start..count.min(start + CHUNK_ROWS)))
    };
    segments.iter().enumerate().flat_map(of_segment).collect()
}

/// What is the same for all rows.
struct Scan<'a> {
    segments: &'a [&'a Segment],
    query: &'a Query,
    kernel: Kernel,
    keep: Option<Keep<'a>>,
}

impl Scan<'_> {
    /// Adds what is worth it of some rows of a segment.
    fn chunk(&self, mut best: Best, index: usize, rows: Range<usize>) -> Best {
        let segment = self.segments[index];
        let (vector, words) = (self.query.vector(), self.query.words());
        let bound = words.bound();
        let mut room = Vec::new();
        for row in rows {
            let mut score = self.kernel.dot(vector, segment.rows().row(row));
            // A row that its words cannot lift into the list is done before its tags are looked at.
            if score.is_nan() || score + bound < best.threshold {
                continue;
            }
            if let Some(tags) = segment.tags().filter(|_| words.any()) {
                score += words.score(tags, row, &mut room);
            }
            let hit = Hit { segment: index, row, score };
            if best.takes(&hit) && self.keep.is_none_or(|keep| keep(index, row)) {
                best.push(hit);
            }
        }
        best
    }
}

/// The best `k` hits so far.
struct Best {
    k: usize,
    /// The worst of them on top.
    heap: BinaryHeap<Reverse<Ranked>>,
    /// Score below which nothing enters any more.
    threshold: f32,
}

impl Best {
    fn new(k: usize) -> Self {
        let threshold = if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { k, heap: BinaryHeap::new(), threshold }
    }

    fn takes(&self, hit: &Hit) -> bool {
        let room = self.heap.len() < self.k;
        !hit.score.is_nan()
            && (room || self.heap.peek().is_some_and(|Reverse(worst)| Ranked(*hit) > *worst))
    }

    fn push(&mut self, hit: Hit) {
        self.heap.push(Reverse(Ranked(hit)));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() == self.k {
            let worst = self.heap.peek().map(|Reverse(Ranked(hit))| hit.score);
            self.threshold = worst.unwrap_or(self.threshold);
        }
    }

    fn merge(mut self, other: Self) -> Self {
        for Reverse(Ranked(hit)) in other.heap {
            if self.takes(&hit) {
                self.push(hit);
            }
        }
        self
    }

    fn into_sorted(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(Ranked(hit))| hit).collect()
    }
}

/// A hit in the order of the list: the better one is the greater.
#[derive(PartialEq)]
struct Ranked(Hit);

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |hit: &Hit| (hit.segment, hit.row);
        self.0.score.total_cmp(&other.0.score).then_with(|| place(&other.0).cmp(&place(&self.0)))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
