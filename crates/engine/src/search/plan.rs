//! What is looked for, as something that gives every row a similarity.

use super::{
    readings::{Reading, RowScores, best_of, best_time, by_shot, readings},
    scope::Scope,
};
use crate::library::LoadedMedia;
use rayon::prelude::*;
use rushes_infer::{Curve, ocr::matching::Phrase};
use rushes_query::{Filter, MediaView, Node};
use rushes_vectors::{Hit, Query, Segment, VectorsError, top_k, top_k_by};
use std::path::Path;

/// How much of its similarity a match loses at most to an excluded concept: what surely shows it keeps
/// a quarter, so that it stands far behind and is there all the same.
const EXCLUDED_SHARE: f32 = 0.75;

/// Rows that each shot has among those ranked where all of its rows are alike: its best frame and some
/// further ones.
const ALIKE_ROWS: usize = 1 + super::MORE_FRAMES;

/// A query in the model's space, with the meaning of its scores.
pub struct Term {
    /// What rows are scored against.
    pub query: Query,
    /// From such a score to a similarity.
    pub curve: Curve,
}

/// What a leaf of an expression is scored by.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// The term of this number.
    Term(usize),
    /// The phrase of this number.
    Phrase(usize),
}

/// How the similarities of the terms become one.
pub enum Formula {
    /// A single term.
    Term(usize),
    /// A picture that words refine: the mean of both pieces of evidence, the words' by their weight. A
    /// negative weight looks for what the words do not fit.
    Refined {
        /// The picture's term.
        picture: usize,
        /// The words.
        by: Box<Formula>,
        /// Their weight beside the picture's 1.
        weight: f32,
    },
    /// An expression of the query language, its leaves in order.
    Expression {
        /// The expression.
        node: Node,
        /// What scores each leaf.
        leaves: Vec<Source>,
    },
}

/// What a search looks for.
pub struct Plan {
    /// The terms of the formula and, after them, the excluded concepts.
    pub terms: Vec<Term>,
    /// What must be read in the picture.
    pub phrases: Vec<Phrase>,
    /// What makes a similarity of them.
    pub formula: Formula,
    /// Where the excluded concepts begin among the terms.
    pub excluded_from: usize,
    /// Similarity, exclusion aside, below which nothing is found.
    pub least: f32,
}

impl Plan {
    /// Leaves out the media that no moment can be found in, whatever it shows.
    pub fn narrow(&self, scope: &mut Scope<'_>) {
        // Paths are looked for on disk: not where nothing asks for them.
        let filtered = |node: &&Node| !node.filters().is_empty();
        if let Some(node) = self.formula.expression().filter(filtered) {
            scope.narrow(|media, path| node.admits(|filter| holds(filter, media, path)));
        }
    }

    /// The `k` best rows, best first, with their similarity as the score.
    ///
    /// # Errors
    /// When rows are of another model than the terms.
    pub fn best(&self, scope: &Scope<'_>, k: usize) -> Result<Vec<Hit>, VectorsError> {
        let segments: Vec<&Segment> = scope.media.iter().map(|media| &media.segment).collect();
        if let (Formula::Term(index), true) = (&self.formula, self.excluded().is_empty()) {
            let Term { query, curve } = &self.terms[*index];
            return self.best_of_one(&segments, query, *curve, k);
        }
        let facts = Facts::of(scope, self.formula.filters());
        if self.terms.is_empty() {
            return Ok(self.best_of_shots(scope, &facts, k));
        }
        let read: Vec<RowScores> =
            scope.media.par_iter().map(|one| self.row_scores(scope, one)).collect();
        let queries: Vec<Query> = self.terms.iter().map(|term| term.query.clone()).collect();
        let combine = |segment: usize, row: usize, scores: &[f32]| {
            let read = |phrase: usize| read[segment].get(row, phrase);
            let holds = |filter: &Filter| facts.hold(segment, filter);
            self.similarity(scores, &read, &holds).unwrap_or(f32::NEG_INFINITY)
        };
        top_k_by(&segments, &queries, &combine, k)
    }

    fn row_scores(&self, scope: &Scope<'_>, media: &LoadedMedia) -> RowScores {
        RowScores::of(media, &self.readings(scope, media), self.phrases.len())
    }

    /// Where the phrases were read in a medium.
    fn readings(&self, scope: &Scope<'_>, media: &LoadedMedia) -> Vec<Reading> {
        if self.phrases.is_empty() {
            return Vec::new();
        }
        let text = scope.text_of(media);
        text.map_or_else(Vec::new, |text| readings(media, &text, &self.phrases))
    }

    /// Without terms all rows of a shot have one similarity: shots are ranked, each by the frame nearest
    /// to where the phrases were read.
    fn best_of_shots(&self, scope: &Scope<'_>, facts: &Facts<'_>, k: usize) -> Vec<Hit> {
        let segments = (0..scope.media.len()).into_par_iter();
        let found = segments.flat_map_iter(|segment| self.found_shots(scope, facts, segment));
        let mut found: Vec<FoundShot> = found.collect();
        found.par_sort_by(|a, b| b.score.total_cmp(&a.score));
        found.iter().flat_map(|shot| shot.hits(&scope.media[shot.segment])).take(k).collect()
    }

    /// The shots of a medium that fit, in order.
    fn found_shots(&self, scope: &Scope<'_>, facts: &Facts<'_>, segment: usize) -> Vec<FoundShot> {
        let media = &scope.media[segment];
        let holds = |filter: &Filter| facts.hold(segment, filter);
        let score =
            |of_shot: &[Reading]| self.similarity(&[], &|phrase| best_of(of_shot, phrase), &holds);
        let mut found = Vec::new();
        let mut add = |shot: usize, score: Option<f32>, seconds: Option<f64>| {
            found.extend(score.map(|score| FoundShot { score, segment, shot, seconds }));
        };
        let (readings, silent) = (self.readings(scope, media), score(&[]));
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

    /// A single query is ranked by its raw scores, which its curve only renames.
    fn best_of_one(
        &self,
        segments: &[&Segment],
        query: &Query,
        curve: Curve,
        k: usize,
    ) -> Result<Vec<Hit>, VectorsError> {
        let mut hits = top_k(segments, query, k, None)?;
        hits.iter_mut().for_each(|hit| hit.score = curve.similarity(hit.score));
        hits.retain(|hit| hit.score >= self.least);
        Ok(hits)
    }

    fn excluded(&self) -> &[Term] {
        &self.terms[self.excluded_from..]
    }

    /// Similarity of a row by its scores, less what excluded concepts take; `None` when it is no match.
    fn similarity(
        &self,
        scores: &[f32],
        read: &impl Fn(usize) -> f32,
        holds: &impl Fn(&Filter) -> bool,
    ) -> Option<f32> {
        let of = |index: usize| self.terms[index].curve.similarity(scores[index]);
        let found = self.formula.similarity(&of, read, holds);
        if found < self.least || found <= 0.0 {
            return None;
        }
        let kept = |left: f32, index: usize| left * (1.0 - EXCLUDED_SHARE * of(index));
        Some((self.excluded_from..self.terms.len()).fold(found, kept))
    }
}

/// A shot all of whose rows fit alike.
struct FoundShot {
    score: f32,
    segment: usize,
    shot: usize,
    /// When what was looked for was read.
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

fn holds(filter: &Filter, media: &LoadedMedia, path: &Path) -> bool {
    filter.matches(MediaView { facts: &media.facts, path })
}

impl Formula {
    fn expression(&self) -> Option<&Node> {
        match self {
            Self::Term(_) => None,
            Self::Refined { by, .. } => by.expression(),
            Self::Expression { node, .. } => Some(node),
        }
    }

    /// The filters of the expression, from left to right.
    fn filters(&self) -> Vec<&Filter> {
        let filters = self.expression().map(Node::filters).unwrap_or_default();
        filters.into_iter().map(|(filter, _)| filter).collect()
    }

    /// One similarity out of those of the terms and what is known of the medium.
    fn similarity(
        &self,
        of: &impl Fn(usize) -> f32,
        read: &impl Fn(usize) -> f32,
        holds: &impl Fn(&Filter) -> bool,
    ) -> f32 {
        match self {
            Self::Term(index) => of(*index),
            Self::Refined { picture, by, weight } => {
                let words = by.similarity(of, read, holds);
                // A filter that does not hold decides, whatever the picture says.
                if words <= 0.0 { 0.0 } else { blend(of(*picture), words, *weight) }
            }
            Self::Expression { node, leaves } => {
                let score = |source: &Source| match *source {
                    Source::Term(term) => of(term),
                    Source::Phrase(phrase) => read(phrase),
                };
                let scores: Vec<f32> = leaves.iter().map(score).collect();
                node.score(&scores, holds)
            }
        }
    }
}

/// The mean of two similarities as evidence (log odds), the second by its weight.
fn blend(picture: f32, words: f32, weight: f32) -> f32 {
    let odds = |similarity: f32| {
        let inside = similarity.clamp(1e-6, 1.0 - 1e-6);
        (inside / (1.0 - inside)).ln()
    };
    let mean = (odds(picture) + weight * odds(words)) / (1.0 + weight.abs());
    1.0 / (1.0 + (-mean).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_move_a_picture_by_their_weight() {
        assert!((blend(0.8, 0.3, 0.0) - 0.8).abs() < 1e-5);
        let fits = [0.5, 1.0, 4.0].map(|weight| blend(0.5, 0.9, weight));
        assert!(fits.is_sorted() && fits[0] > 0.5 && fits[2] < 0.9, "{fits:?}");
        assert!(blend(0.5, 0.9, -1.0) < 0.5);
        assert!(blend(1.0, 0.0, 1.0).is_finite());
    }
}
