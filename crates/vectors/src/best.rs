//! The best rows so far.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Index of the segment among those searched.
    pub segment: usize,
    /// Row of the segment.
    pub row: usize,
    /// The score of it; never NaN.
    pub score: f32,
}

/// The best `k` hits so far.
#[derive(Clone)]
pub(crate) struct Best {
    k: usize,
    /// The worst of them on top.
    heap: BinaryHeap<Reverse<Ranked>>,
    /// Score below which nothing enters any more.
    pub(crate) threshold: f32,
}

impl Best {
    pub(crate) fn new(k: usize) -> Self {
        let threshold = if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { k, heap: BinaryHeap::new(), threshold }
    }

    pub(crate) fn takes(&self, hit: &Hit) -> bool {
        let room = self.heap.len() < self.k;
        !hit.score.is_nan()
            && (room || self.heap.peek().is_some_and(|Reverse(worst)| Ranked(*hit) > *worst))
    }

    pub(crate) fn push(&mut self, hit: Hit) {
        self.heap.push(Reverse(Ranked(hit)));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() == self.k {
            let worst = self.heap.peek().map(|Reverse(Ranked(hit))| hit.score);
            self.threshold = worst.unwrap_or(self.threshold);
        }
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        for Reverse(Ranked(hit)) in other.heap {
            if self.takes(&hit) {
                self.push(hit);
            }
        }
        self
    }

    pub(crate) fn into_sorted(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(Ranked(hit))| hit).collect()
    }
}

/// A hit in the order of the list: the better one is the greater.
#[derive(Clone, PartialEq)]
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
