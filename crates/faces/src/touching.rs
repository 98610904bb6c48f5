//! Whether two parts hold neighbours of each other.

use std::collections::HashMap;

use pulp::Simd;

use crate::collection::Faces;
use crate::products::{Limit, Products, products};

/// Rows and columns of a block of products.
const BLOCK: usize = 256;

/// Answers, each worked out once, whether faces of two parts are within `eps`.
///
/// A part that came of two others touches what either touches, so that all answers together
/// compare each pair of faces at most once.
pub(crate) struct Touching<'a> {
    faces: &'a Faces,
    limit: Limit,
    parts: Vec<Origin>,
    known: HashMap<(usize, usize), bool>,
    scratch: Vec<f32>,
}

enum Origin {
    Seed(Vec<u32>),
    Merged(usize, usize),
}

impl<'a> Touching<'a> {
    pub(crate) fn new(faces: &'a Faces, eps: f32) -> Self {
        let limit = Limit::new(eps, faces.dimensions());
        Self { faces, limit, parts: Vec::new(), known: HashMap::new(), scratch: Vec::new() }
    }

    pub(crate) fn add_seed(&mut self, members: Vec<u32>) {
        self.parts.push(Origin::Seed(members));
    }

    pub(crate) fn add_merged(&mut self, left: usize, right: usize) {
        self.parts.push(Origin::Merged(left, right));
    }

    /// Whether two parts touch. The later part is opened first: it is the one made of others.
    pub(crate) fn touch(&mut self, left: usize, right: usize) -> bool {
        let (earlier, later) = (left.min(right), left.max(right));
        if let Some(&known) = self.known.get(&(earlier, later)) {
            return known;
        }
        let touch = match (&self.parts[earlier], &self.parts[later]) {
            (_, &Origin::Merged(first, second)) => {
                self.touch(earlier, first) || self.touch(earlier, second)
            }
            (&Origin::Merged(first, second), _) => {
                self.touch(first, later) || self.touch(second, later)
            }
            (Origin::Seed(first), Origin::Seed(second)) => {
                neighbours(self.faces, &self.limit, first, second, &mut self.scratch)
            }
        };
        self.known.insert((earlier, later), touch);
        touch
    }
}

/// Whether a face of each of two lists are within the distance.
fn neighbours(
    faces: &Faces,
    limit: &Limit,
    left: &[u32],
    right: &[u32],
    scratch: &mut Vec<f32>,
) -> bool {
    for rows in left.chunks(BLOCK) {
        let row_vectors = faces.gather(rows);
        for columns in right.chunks(BLOCK) {
            let column_vectors = faces.gather(columns);
            let mut search = Search { faces, limit, rows, columns, found: false };
            products(&row_vectors, &column_vectors, faces.dimensions(), scratch, &mut search);
            if search.found {
                return true;
            }
        }
    }
    false
}

struct Search<'a> {
    faces: &'a Faces,
    limit: &'a Limit,
    rows: &'a [u32],
    columns: &'a [u32],
    found: bool,
}

impl Products for Search<'_> {
    #[inline(always)]
    fn least(&self, _row: usize) -> f32 {
        if self.found { f32::INFINITY } else { self.limit.never }
    }

    fn hear<S: Simd>(&mut self, _simd: S, row: usize, column: usize, product: f32) {
        let pair = (self.faces.vector(self.rows[row]), self.faces.vector(self.columns[column]));
        self.found = self.found || self.limit.holds(product, pair.0, pair.1);
    }
}
