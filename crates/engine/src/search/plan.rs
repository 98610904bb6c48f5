//! What is looked for, as something that gives every row a similarity.

use super::scope::Scope;
use crate::{library::LoadedMedia, people::Presence};
use rushes_infer::Curve;
use rushes_query::{Filter, MediaView, Node};
use rushes_text::Phrase;
use rushes_vectors::Query;
use std::path::Path;

/// How much of its similarity a match loses at most to an excluded concept: what surely shows it keeps
/// a quarter, so that it stands far behind and is there all the same.
const EXCLUDED_SHARE: f32 = 0.75;

/// A query in the model's space, with the meaning of its scores.
pub struct Term {
    /// What rows are scored against.
    pub query: Query,
    /// From such a score to a similarity.
    pub curve: Curve,
}

/// What is there in some shots and not in others.
#[derive(Debug)]
pub enum Sought {
    /// A phrase.
    Words {
        /// Its words.
        phrase: Phrase,
        /// How they are told.
        channel: Channel,
    },
    /// Somebody who is seen.
    Person(Presence),
}

/// How words are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Written in the picture.
    Text,
    /// Spoken.
    Speech,
}

/// What a leaf of an expression is scored by.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// The term of this number.
    Term(usize),
    /// What is sought, of this number.
    Sought(usize),
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
    /// What is to be read in the picture or heard, and who is to be seen.
    pub sought: Vec<Sought>,
    /// Numbers of those without which a shot is no match, whatever the formula says.
    pub required: Vec<usize>,
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
        let is_missed = |media: &LoadedMedia, number: usize| match &self.sought[number] {
            Sought::Person(presence) => presence.of(media.media_id).is_empty(),
            Sought::Words { .. } => false,
        };
        if !self.required.is_empty() {
            let misses =
                |media: &LoadedMedia| self.required.iter().any(|one| is_missed(media, *one));
            scope.media.retain(|media| !misses(media));
        }
    }

    /// What matches are lowered by.
    pub fn excluded(&self) -> &[Term] {
        &self.terms[self.excluded_from..]
    }

    /// Similarity of a row by its scores, less what excluded concepts take; `None` when it is no match.
    pub fn similarity(
        &self,
        scores: &[f32],
        read: &impl Fn(usize) -> f32,
        holds: &impl Fn(&Filter) -> bool,
    ) -> Option<f32> {
        if self.required.iter().any(|number| read(*number) <= 0.0) {
            return None;
        }
        let of = |index: usize| self.terms[index].curve.similarity(scores[index]);
        let found = self.formula.similarity(&of, read, holds);
        if found < self.least || found <= 0.0 {
            return None;
        }
        let kept = |left: f32, index: usize| left * (1.0 - EXCLUDED_SHARE * of(index));
        Some((self.excluded_from..self.terms.len()).fold(found, kept))
    }
}

/// Whether a filter holds for a medium, which lies at `path`.
pub fn holds(filter: &Filter, media: &LoadedMedia, path: &Path) -> bool {
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
    pub fn filters(&self) -> Vec<&Filter> {
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
                    Source::Sought(number) => read(number),
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
