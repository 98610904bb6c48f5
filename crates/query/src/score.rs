//! One score of many.
//!
//! Scores are treated like independent chances. All of some terms: the product. Any of them: the
//! chance that not all fail. The opposite: what is missing to 1. A weight of 2 counts a term as if it
//! stood there twice, in whichever `AND` or `OR` it stands, turned by `NOT` or not.

use crate::{ast::Node, filter::Filter};

/// A term's chance and how often it counts.
struct Operand {
    chance: f64,
    weight: f64,
}

impl Operand {
    /// The chance that it holds as often as it counts.
    fn all(&self) -> f64 {
        self.chance.powf(self.weight)
    }

    /// The chance that it fails as often as it counts.
    fn none(&self) -> f64 {
        (1.0 - self.chance).powf(self.weight)
    }
}

impl Node {
    /// The score of a moment from 0 to 1, by those of the leaves, in the order of their index and from
    /// 0 to 1 (what is missing or not a number counts as 0, what is beyond as the bound), and by the
    /// facts of its medium. 0 means that the moment is no match at all.
    ///
    /// It never falls when the score of a leaf rises that is not under a `NOT`, and never rises when
    /// that of one under a single `NOT` does. A single sentence keeps its score beside filters that fit.
    #[must_use]
    pub fn score(&self, leaf_scores: &[f32], filter: impl Fn(&Filter) -> bool) -> f32 {
        let score = self.operand(leaf_scores, &filter).all();
        // Large weights may lead below what f32 can tell from 0, which would exclude.
        if score > 0.0 { (score as f32).max(f32::MIN_POSITIVE) } else { 0.0 }
    }

    fn operand(&self, scores: &[f32], filter: &impl Fn(&Filter) -> bool) -> Operand {
        let certain = |chance| Operand { chance, weight: 1.0 };
        match self {
            Self::And(nodes) => {
                certain(nodes.iter().map(|node| node.operand(scores, filter).all()).product())
            }
            Self::Or(nodes) => {
                let none: f64 =
                    nodes.iter().map(|node| node.operand(scores, filter).none()).product();
                certain(1.0 - none)
            }
            Self::Not(node) => {
                let Operand { chance, weight } = node.operand(scores, filter);
                Operand { chance: 1.0 - chance, weight }
            }
            Self::Weighted { node, weight } => {
                let inner = node.operand(scores, filter);
                Operand { weight: inner.weight * f64::from(*weight), ..inner }
            }
            Self::Leaf { index, .. } => certain(chance(scores.get(*index))),
            Self::Filter { filter: one, .. } => certain(f64::from(u8::from(filter(one)))),
        }
    }

    /// Whether any moment of a medium can be a match, judged by its facts alone: media that it refuses
    /// need not be looked into.
    #[must_use]
    pub fn admits(&self, filter: impl Fn(&Filter) -> bool) -> bool {
        self.can_be(true, &filter)
    }

    /// Whether this can come out above 0 (`true`) or below 1 (`false`), whatever the leaves say.
    fn can_be(&self, wanted: bool, filter: &impl Fn(&Filter) -> bool) -> bool {
        match self {
            Self::And(nodes) if wanted => nodes.iter().all(|node| node.can_be(wanted, filter)),
            Self::Or(nodes) if !wanted => nodes.iter().all(|node| node.can_be(wanted, filter)),
            Self::And(nodes) | Self::Or(nodes) => {
                nodes.iter().any(|node| node.can_be(wanted, filter))
            }
            Self::Not(node) => node.can_be(!wanted, filter),
            Self::Weighted { node, .. } => node.can_be(wanted, filter),
            Self::Leaf { .. } => true,
            Self::Filter { filter: one, .. } => filter(one) == wanted,
        }
    }
}

fn chance(score: Option<&f32>) -> f64 {
    let score = score.copied().filter(|score| !score.is_nan());
    f64::from(score.unwrap_or(0.0).clamp(0.0, 1.0))
}
