//! The scan where segments have sketches: what cannot be among the best is not read.
//!
//! 1. The coarse plane of every row gives the most that it can score.
//! 2. The rows that promise most are scored; the `k`-th best of them is a score that the worst hit
//!    reaches at least.
//! 3. Every row that may reach it is asked again of its fine plane, and if need be scored.
//!
//! Scores come from the rows themselves and nothing is passed over that could be a hit, so that the
//! result is that of the plain scan, to the last bit.

use crate::{
    Hit,
    best::Best,
    scan::{Chunk, Scan, chunks},
    sketch::{AHEAD, Bounds, StepQuery},
};
use rayon::prelude::*;

/// With fewer rows for each hit that is wanted, most would have to be read anyway.
const LEAST_ROWS_A_HIT: usize = 8;
/// Rows that are scored first for each hit wanted: more give a better threshold, but all are read twice.
const FIRST_ROWS_A_HIT: usize = 2;

/// What is known of a segment by its sketch, if it has one.
type Known<'a> = Option<Bounds<'a>>;
/// Some rows, and the most that each can score without its words.
type Bounded<'a> = (Chunk, &'a mut [f32]);

impl Scan<'_> {
    /// Whether there are sketches, and rows that they could save.
    pub(crate) fn gains_by_sketches(&self, k: usize) -> bool {
        let sketched = self.segments.iter().filter(|segment| segment.has_sketch());
        let rows: usize = sketched.map(|segment| segment.rows().count()).sum();
        rows / LEAST_ROWS_A_HIT > k
    }

    /// The best `k` rows.
    pub(crate) fn sketched(&self, k: usize) -> Vec<Hit> {
        let query = StepQuery::new(self.query.vector());
        let known = self.segments.par_iter().map(|&segment| {
            segment.sketch().map(|sketch| Bounds::new(self.kernel, &query, sketch))
        });
        let known: Vec<Known<'_>> = known.collect();
        let chunks = chunks(self.segments);
        let mut bounds = vec![0.0; chunks.iter().map(|(_, rows)| rows.len()).sum()];
        let mut bounded = with_bounds(chunks, &mut bounds);
        let first = Best::new(k.saturating_mul(FIRST_ROWS_A_HIT));
        let promising = bounded
            .par_iter_mut()
            .fold(|| first.clone(), |best, chunk| self.bound(best, &known, chunk))
            .reduce(|| first.clone(), Best::merge);
        let threshold = self.threshold(promising, k);
        bounded
            .par_iter()
            .fold(|| Best::new(k), |best, chunk| self.refine(best, threshold, &known, chunk))
            .reduce(|| Best::new(k), Best::merge)
            .into_sorted()
    }

    /// Notes what each row can score at most, and adds those that promise most.
    fn bound(&self, mut best: Best, known: &[Known<'_>], (chunk, most): &mut Bounded<'_>) -> Best {
        let (index, rows) = chunk.clone();
        let Some(bounds) = &known[index] else {
            most.fill(f32::INFINITY);
            return best;
        };
        let words = self.query.words().bound();
        let mut room = Vec::new();
        for (row, most) in rows.zip(most.iter_mut()) {
            *most = bounds.coarse(row);
            if *most + words < best.threshold || !most.is_finite() {
                continue;
            }
            let score = *most + self.words(index, row, &mut room);
            let hit = Hit { segment: index, row, score };
            if best.takes(&hit) && self.keep.is_none_or(|keep| keep(index, row)) {
                best.push(hit);
            }
        }
        best
    }

    /// What the `k`-th best of some rows scores; nothing scores less than negative infinity.
    fn threshold(&self, promising: Best, k: usize) -> f32 {
        let scored = promising.into_sorted().into_par_iter().map_init(Vec::new, |room, hit| {
            let segment = self.segments[hit.segment];
            Hit { score: self.query.score(self.kernel, segment, hit.row, room), ..hit }
        });
        let mut best = Best::new(k);
        for hit in scored.collect::<Vec<_>>() {
            if best.takes(&hit) {
                best.push(hit);
            }
        }
        best.threshold
    }

    /// Adds what is worth it of rows that may reach a threshold.
    fn refine(
        &self,
        mut best: Best,
        threshold: f32,
        known: &[Known<'_>],
        ((index, rows), bounded): &Bounded<'_>,
    ) -> Best {
        let segment = self.segments[*index];
        let bounds = known[*index].as_ref();
        let bound = self.query.words().bound();
        let mut room = Vec::new();
        for (place, row) in rows.clone().enumerate() {
            let most = bounded[place];
            // Nothing may be passed over that compares as NaN.
            let least = threshold.max(best.threshold);
            let soon = bounded.get(place + AHEAD).is_some_and(|most| most + bound >= least);
            if let Some(bounds) = bounds.filter(|_| soon) {
                bounds.announce(row + AHEAD);
            }
            if most + bound < least {
                continue;
            }
            let most = bounds.map_or(most, |bounds| bounds.fine(row, most));
            if most + bound < least {
                continue;
            }
            let words = self.words(*index, row, &mut room);
            if most + words < least {
                continue;
            }
            let score = self.kernel.dot(self.query.vector(), segment.rows().row(row)) + words;
            let hit = Hit { segment: *index, row, score };
            if best.takes(&hit) && self.keep.is_none_or(|keep| keep(*index, row)) {
                best.push(hit);
            }
        }
        best
    }

    /// What words add to the score of a row.
    fn words(&self, index: usize, row: usize, room: &mut Vec<u8>) -> f32 {
        let words = self.query.words();
        let tags = self.segments[index].tags().filter(|_| words.any());
        tags.map_or(-0.0, |tags| words.score(tags, row, room))
    }
}

fn with_bounds(chunks: Vec<Chunk>, mut bounds: &mut [f32]) -> Vec<Bounded<'_>> {
    let with_own = |chunk: Chunk| {
        let (own, others) = std::mem::take(&mut bounds).split_at_mut(chunk.1.len());
        bounds = others;
        (chunk, own)
    };
    chunks.into_iter().map(with_own).collect()
}
