//! The scan: every row of every segment, the best kept.

use crate::{Hit, Query, Segment, VectorsError, best::Best, dot::Kernel};
use rayon::prelude::*;
use std::ops::Range;

/// Says whether row `.1` of segment `.0` may be found. Asked only for rows that
/// may make the list, of these perhaps twice.
pub type Keep<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// Gives row `.1` of segment `.0` its score, from the score that each query gives it.
pub type Combine<'a> = &'a (dyn Fn(usize, usize, &[f32]) -> f32 + Sync);

/// Rows a thread takes at a time: large against the cost of handing them out, small against a core's
/// share of a search.
const CHUNK_ROWS: usize = 2048;

/// The `k` rows of highest score, best first; of equal scores the earlier segment and row. Exact:
/// every row is scored, but for those of which a sketch proves that they cannot be among the best. Rows
/// whose score is NaN are never found.
///
/// # Errors
/// When the query's length is not that of the vectors.
pub fn top_k(
    segments: &[&Segment],
    query: &Query,
    k: usize,
    keep: Option<Keep<'_>>,
) -> Result<Vec<Hit>, VectorsError> {
    check_dimensions(segments, query)?;
    let scan = Scan { segments, query, kernel: Kernel::of_this_machine(), keep };
    if scan.gains_by_sketches(k) {
        return Ok(scan.sketched(k));
    }
    Ok(best_of(segments, k, |best, index, rows| scan.chunk(best, index, rows)))
}

/// The `k` rows of highest combined score, best first; of equal scores the earlier segment and row.
///
/// Every row is read once and scored against every query, vector and words, as [`top_k`] would score it;
/// `combine` makes one score of these. Where it answers NaN or negative infinity the row is not found.
/// Without queries `combine` gets no scores.
///
/// # Errors
/// When the length of a query is not that of the vectors.
pub fn top_k_by(
    segments: &[&Segment],
    queries: &[Query],
    combine: Combine<'_>,
    k: usize,
) -> Result<Vec<Hit>, VectorsError> {
    let scorer = Scorer::new(segments, queries, combine)?;
    Ok(best_of(segments, k, |best, segment, rows| scorer.add(best, rows.map(|row| (segment, row)))))
}

/// Of some rows, by segment and number, those that [`top_k_by`] may find, best first, each as often as
/// it is named.
///
/// # Errors
/// When the length of a query is not that of the vectors.
///
/// # Panics
/// When there is no such row.
pub fn rank_rows(
    segments: &[&Segment],
    queries: &[Query],
    combine: Combine<'_>,
    rows: &[(usize, usize)],
) -> Result<Vec<Hit>, VectorsError> {
    let scorer = Scorer::new(segments, queries, combine)?;
    let all = || Best::new(rows.len());
    let chunks = rows.par_chunks(CHUNK_ROWS);
    let ranked = chunks.fold(all, |best, rows| scorer.add(best, rows.iter().copied()));
    Ok(ranked.reduce(all, Best::merge).into_sorted())
}

/// What gives a row its combined score.
struct Scorer<'a> {
    segments: &'a [&'a Segment],
    queries: &'a [Query],
    combine: Combine<'a>,
    kernel: Kernel,
}

impl<'a> Scorer<'a> {
    fn new(
        segments: &'a [&'a Segment],
        queries: &'a [Query],
        combine: Combine<'a>,
    ) -> Result<Self, VectorsError> {
        queries.iter().try_for_each(|query| check_dimensions(segments, query))?;
        Ok(Self { segments, queries, combine, kernel: Kernel::of_this_machine() })
    }

    /// Adds what is worth it of some rows.
    fn add(&self, mut best: Best, rows: impl Iterator<Item = (usize, usize)>) -> Best {
        let (mut scores, mut room) = (vec![0.0; self.queries.len()], Vec::new());
        for (segment, row) in rows {
            for (score, query) in scores.iter_mut().zip(self.queries) {
                *score = query.score(self.kernel, self.segments[segment], row, &mut room);
            }
            let hit = Hit { segment, row, score: (self.combine)(segment, row, &scores) };
            if hit.score > f32::NEG_INFINITY && best.takes(&hit) {
                best.push(hit);
            }
        }
        best
    }
}

fn check_dimensions(segments: &[&Segment], query: &Query) -> Result<(), VectorsError> {
    let dimensions = query.vector().len();
    match segments.iter().map(|segment| segment.rows().dim()).find(|&dim| dim != dimensions) {
        Some(rows) => Err(VectorsError::Dimensions { query: dimensions, rows }),
        None => Ok(()),
    }
}

/// Has `add` put what is worth it of every range of rows into the list, on all cores.
fn best_of(
    segments: &[&Segment],
    k: usize,
    add: impl Fn(Best, usize, Range<usize>) -> Best + Sync,
) -> Vec<Hit> {
    let chunks = chunks(segments).into_par_iter();
    let folded = chunks.fold(|| Best::new(k), |best, (index, rows)| add(best, index, rows));
    folded.reduce(|| Best::new(k), Best::merge).into_sorted()
}

/// Index of a segment, and some of its rows.
pub(crate) type Chunk = (usize, Range<usize>);

/// Segments and ranges of rows that make all rows.
pub(crate) fn chunks(segments: &[&Segment]) -> Vec<Chunk> {
    let of_segment = |(index, segment): (usize, &&Segment)| {
        let count = segment.rows().count();
        let starts = (0..count).step_by(CHUNK_ROWS);
        starts.map(move |start| (index, start..count.min(start + CHUNK_ROWS)))
    };
    segments.iter().enumerate().flat_map(of_segment).collect()
}

/// What is the same for all rows.
pub(crate) struct Scan<'a> {
    pub(crate) segments: &'a [&'a Segment],
    pub(crate) query: &'a Query,
    pub(crate) kernel: Kernel,
    pub(crate) keep: Option<Keep<'a>>,
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
