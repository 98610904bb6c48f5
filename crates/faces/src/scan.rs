//! All pairs of neighbours between faces that join and all before them.

use pulp::Simd;
use rayon::prelude::*;

use crate::collection::Faces;
use crate::density::Density;
use crate::fold::Folded;
use crate::products::{Limit, Products, products};

/// Faces that join and are looked at together: the vectors of those that they are compared with
/// come from memory once for all of them.
const STRIPE: usize = 1024;
/// Faces that they are compared with in one go.
const COLUMNS: usize = 256;
/// Blocks that are looked at before what was found in them is entered, at first.
const FIRST_BATCH: usize = 4;
/// The same later on: bounds what is held.
const BATCH: usize = 64;
/// The component of a face that is no core.
const NONE: u32 = u32::MAX;

/// Enters all pairs of neighbours of which at least one is from `old` on. `None` when cancelled.
pub(crate) fn scan(
    density: &mut Density,
    faces: &Faces,
    old: usize,
    progress: &dyn Fn(f64) -> bool,
) -> Option<()> {
    let all = faces.len();
    let folded = Folded::new(faces, density.settings().eps, all - old);
    let area = |end: usize| (end as f64).powi(2) - (old as f64).powi(2);
    for start in (old..all).step_by(STRIPE) {
        let end = (start + STRIPE).min(all);
        density.flatten();
        for batch in batches((0..end).step_by(COLUMNS).collect()) {
            let search = |scratch: &mut Vec<f32>, &column: &usize| {
                let columns = (column, (column + COLUMNS).min(end));
                Block::new(density, (start, end), columns).neighbours(faces, &folded, scratch)
            };
            let found: Vec<Vec<(u32, u32)>> = batch.par_iter().map_init(Vec::new, search).collect();
            for (left, right) in found.into_iter().flatten() {
                density.meet(faces, left, right);
            }
        }
        if !progress(area(end) / area(all).max(1.0)) {
            return None;
        }
    }
    Some(())
}

/// Blocks that are looked at together: a few at first, then ever more, since the faces that join
/// soon become cores of components with which most of their pairs are then known.
fn batches(mut blocks: Vec<usize>) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let mut size = FIRST_BATCH;
    while !blocks.is_empty() {
        let after = blocks.split_off(size.min(blocks.len()));
        batches.push(std::mem::replace(&mut blocks, after));
        size = (2 * size).min(BATCH);
    }
    batches
}

/// A rectangle of pairs.
struct Block {
    rows: (usize, usize),
    columns: (usize, usize),
    limit: Limit,
    /// The component of each row and of each column, or [`NONE`].
    components: (Vec<u32>, Vec<u32>),
}

impl Block {
    fn new(density: &Density, rows: (usize, usize), columns: (usize, usize)) -> Self {
        let component = |face: usize| {
            let face = face as u32;
            if density.is_core(face) { density.root(face) } else { NONE }
        };
        let components = [rows, columns].map(|(start, end)| (start..end).map(component).collect());
        let limit = Limit::new(density.settings().eps, density.dimensions());
        Self { rows, columns, limit, components: components.into() }
    }

    /// Pairs that are neighbours, the earlier face second, less those that are known to be of one
    /// component.
    fn neighbours(
        &self,
        faces: &Faces,
        folded: &Folded,
        scratch: &mut Vec<f32>,
    ) -> Vec<(u32, u32)> {
        let mut search = Search { block: self, faces, never: folded.never, found: Vec::new() };
        if !self.settled() {
            let (rows, columns) = (folded.part(self.rows), folded.part(self.columns));
            products(rows, columns, folded.width, scratch, &mut search);
        }
        search.found
    }

    /// Whether all faces of the block are cores of one component: then no pair tells anything.
    fn settled(&self) -> bool {
        let first = self.components.0[0];
        let mut all = self.components.0.iter().chain(&self.components.1);
        first != NONE && all.all(|&component| component == first)
    }
}

/// Finds the neighbours among the pairs of a block that their products do not rule out.
struct Search<'a> {
    block: &'a Block,
    faces: &'a Faces,
    never: f32,
    found: Vec<(u32, u32)>,
}

impl Products for Search<'_> {
    #[inline(always)]
    fn least(&self, _row: usize) -> f32 {
        self.never
    }

    #[inline(always)]
    fn hear<S: Simd>(&mut self, simd: S, row: usize, column: usize, _product: f32) {
        let components = (self.block.components.0[row], self.block.components.1[column]);
        let known = components.0 != NONE && components.0 == components.1;
        let (left, right) = (self.block.rows.0 + row, self.block.columns.0 + column);
        if known || right >= left {
            return;
        }
        let pair = (left as u32, right as u32);
        if self.block.limit.near(simd, self.faces.vector(pair.0), self.faces.vector(pair.1)) {
            self.found.push(pair);
        }
    }
}
