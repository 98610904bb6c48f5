//! Shots in the order of how well their best frames fit a plan.

use super::{
    plan::{Formula, Plan, Term, holds},
    readings::{Reading, RowScores, best_of, best_time, by_shot, readings},
    scope::Scope,
};
use crate::library::LoadedMedia;
use rayon::prelude::*;
use rushes_query::Filter;
use rushes_vectors::{Hit, Query, Segment, VectorsError, rank_rows, top_k, top_k_by};
use std::collections::HashSet;

/// Rows that are ranked for each shot wanted, before those of one shot are grouped. The fewer, the more
/// rows do sketches spare a search; on footage of shots of some seconds one pass is enough.
const ROWS_A_SHOT: usize = 2;
/// How many more are ranked where these were too few.
const WIDER: usize = 4;
/// Rows that each shot has where all of its rows are alike: its best frame and some further ones.
const ALIKE_ROWS: usize = 1 + super::MORE_FRAMES;

/// A plan over the media of a scope.
pub struct Ranking<'a> {
    plan: &'a Plan,
    scope: &'a Scope<'a>,
    segments: Vec<&'a Segment>,
    queries: Vec<Query>,
    facts: Facts<'a>,
    /// What was read and heard, by medium.
    read: Vec<RowScores>,
}

impl<'a> Ranking<'a> {
    /// Reads what the plan asks for of each medium.
    pub fn new(plan: &'a Plan, scope: &'a Scope<'a>) -> Self {
        let mut ranking = Self {
            plan,
            scope,
            segments: scope.media.iter().map(|media| &media.segment).collect(),
            queries: plan.terms.iter().map(|term| term.query.clone()).collect(),
            facts: Facts::of(scope, plan.formula.filters()),
            read: Vec::new(),
        };
        if !plan.terms.is_empty() {
            let read = scope.media.par_iter().map(|media| ranking.row_scores(media));
            ranking.read = read.collect();
        }
        ranking
    }

    /// The rows of the `most` shots whose best row fits best, best first, with their similarity as the
    /// score. Of these rows only those that fit.
    ///
    /// # Errors
    /// When rows are of another model than the terms.
    pub fn best_shots(&self, most: usize) -> Result<Vec<Hit>, VectorsError> {
        if self.plan.terms.is_empty() {
            return Ok(self.alike_shots(most));
        }
        let rows: usize = self.segments.iter().map(|segment| segment.rows().count()).sum();
        let mut wanted = most.saturating_mul(ROWS_A_SHOT).min(rows);
        loop {
            let best = self.best_rows(wanted)?;
            let shots = self.shots_of(&best, most);
            // Long shots can fill the list with their own rows.
            if shots.len() == most || best.len() < wanted || wanted == rows {
                return self.rank(&self.rows_of(&shots));
            }
            wanted = wanted.saturating_mul(WIDER).min(rows);
        }
    }

    /// The `k` rows that fit best, best first.
    fn best_rows(&self, k: usize) -> Result<Vec<Hit>, VectorsError> {
        match self.plan.formula {
            Formula::Term(index) if self.plan.required.is_empty() => {
                self.best_of_one(&self.plan.terms[index], k)
            }
            _ => top_k_by(
                &self.segments,
                &self.queries,
                &|segment, row, scores| self.similarity(segment, row, scores),
                k,
            ),
        }
    }

    /// A single query ranks by its raw scores, which its curve only renames and excluded concepts only
    /// lower: no row that scores less than all that were looked at can have a greater similarity.
    fn best_of_one(&self, term: &Term, k: usize) -> Result<Vec<Hit>, VectorsError> {
        let mut wanted = if self.plan.excluded().is_empty() { k } else { k.saturating_mul(WIDER) };
        loop {
            let seen = top_k(&self.segments, &term.query, wanted, None)?;
            let places: Vec<_> = seen.iter().map(|hit| (hit.segment, hit.row)).collect();
            let mut best = self.rank(&places)?;
            best.truncate(k);
            let unseen = seen.last().filter(|_| seen.len() == wanted);
            let unseen = unseen.map(|worst| term.curve.similarity(worst.score));
            let beaten = |most: f32| {
                most < self.plan.least
                    || best.len() == k && best.last().is_none_or(|hit| hit.score >= most)
            };
            if unseen.is_none_or(beaten) {
                return Ok(best);
            }
            wanted = wanted.saturating_mul(WIDER);
        }
    }

    /// Those of some rows that fit, best first.
    fn rank(&self, rows: &[(usize, usize)]) -> Result<Vec<Hit>, VectorsError> {
        let combine =
            |segment: usize, row: usize, scores: &[f32]| self.similarity(segment, row, scores);
        rank_rows(&self.segments, &self.queries, &combine, rows)
    }

    /// Negative infinity where the row is no match.
    fn similarity(&self, segment: usize, row: usize, scores: &[f32]) -> f32 {
        let read = |number: usize| self.read[segment].get(row, number);
        let holds = |filter: &Filter| self.facts.hold(segment, filter);
        self.plan.similarity(scores, &read, &holds).unwrap_or(f32::NEG_INFINITY)
    }

    /// The first `most` shots that rows are of, by segment and number.
    fn shots_of(&self, rows: &[Hit], most: usize) -> HashSet<(usize, usize)> {
        let mut shots = HashSet::new();
        for hit in rows {
            if shots.len() == most {
                break;
            }
            shots.insert((hit.segment, self.scope.media[hit.segment].shot_of(hit.row).0));
        }
        shots
    }

    fn rows_of(&self, shots: &HashSet<(usize, usize)>) -> Vec<(usize, usize)> {
        let of = |&(segment, shot): &(usize, usize)| {
            self.scope.media[segment].rows_of(shot).map(move |row| (segment, row))
        };
        shots.iter().flat_map(of).collect()
    }

    fn row_scores(&self, media: &LoadedMedia) -> RowScores {
        RowScores::of(media, &self.readings(media), self.plan.sought.len())
    }

    /// Where the phrases were read or heard in a medium.
    fn readings(&self, media: &LoadedMedia) -> Vec<Reading> {
        if self.plan.sought.is_empty() {
            return Vec::new();
        }
        let (text, transcript) = (self.scope.text_of(media), self.scope.transcript_of(media));
        readings(media, text.as_deref(), transcript.map(|one| &**one), &self.plan.sought)
    }

    /// Without terms all rows of a shot have one similarity: shots are ranked, each by the frame nearest
    /// to where the phrases were read or heard.
    fn alike_shots(&self, most: usize) -> Vec<Hit> {
        let segments = (0..self.scope.media.len()).into_par_iter();
        let found = segments.flat_map_iter(|segment| self.found_shots(segment));
        let mut found: Vec<FoundShot> = found.collect();
        found.par_sort_by(|a, b| b.score.total_cmp(&a.score));
        let shots = found.iter().take(most);
        shots.flat_map(|shot| shot.hits(&self.scope.media[shot.segment])).collect()
    }

    /// The shots of a medium that fit, in order.
    fn found_shots(&self, segment: usize) -> Vec<FoundShot> {
        let media = &self.scope.media[segment];
        let holds = |filter: &Filter| self.facts.hold(segment, filter);
        let score = |of_shot: &[Reading]| {
            self.plan.similarity(&[], &|phrase| best_of(of_shot, phrase), &holds)
        };
        let mut found = Vec::new();
        let mut add = |shot: usize, score: Option<f32>, seconds: Option<f64>| {
            // A shot between two sampled seconds has no frame to show.
            let score = score.filter(|_| !media.rows_of(shot).is_empty());
            found.extend(score.map(|score| FoundShot { score, segment, shot, seconds }));
        };
        let (readings, silent) = (self.readings(media), score(&[]));
        let mut next = 0;
        for of_shot in by_shot(&readings) {
            let shot = of_shot[0].shot;
            (next..shot).for_each(|shot| add(shot, silent, None));
            add(shot, score(of_shot), best_time(of_shot));
            next = shot + 1;
        }
        (next..media.shot_count()).for_each(|shot| add(shot, silent, None));
        found
    }
}

/// A shot all of whose rows fit alike.
struct FoundShot {
    score: f32,
    segment: usize,
    shot: usize,
    /// When what was looked for was read or heard.
    seconds: Option<f64>,
}

impl FoundShot {
    /// Its rows, those nearest to the reading first.
    fn hits(&self, media: &LoadedMedia) -> Vec<Hit> {
        let mut rows: Vec<usize> = media.rows_of(self.shot).collect();
        if let Some(seconds) = self.seconds {
            let distance = |row: &usize| (media.times[*row].seconds - seconds).abs();
            rows.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        }
        let hit = |row| Hit { segment: self.segment, row, score: self.score };
        rows.into_iter().take(ALIKE_ROWS).map(hit).collect()
    }
}

/// Whether each filter of an expression holds, for each medium.
struct Facts<'a> {
    filters: Vec<&'a Filter>,
    of_media: Vec<Vec<bool>>,
}

impl<'a> Facts<'a> {
    fn of(scope: &Scope<'_>, filters: Vec<&'a Filter>) -> Self {
        let of_one = |media: &LoadedMedia| {
            let path = scope.path_of(media);
            filters.iter().map(|filter| holds(filter, media, &path)).collect()
        };
        let media = scope.media.iter().take_while(|_| !filters.is_empty());
        let of_media = media.map(|media| of_one(media)).collect();
        Self { filters, of_media }
    }

    fn hold(&self, segment: usize, filter: &Filter) -> bool {
        let place = self.filters.iter().position(|known| std::ptr::eq(*known, filter));
        place.is_some_and(|place| self.of_media[segment][place])
    }
}
