//! All pairs of neighbours between faces that join and all before them.

use rayon::prelude::*;

use crate::collection::Faces;
use crate::density::Density;
use crate::products::{Limit, products};

/// Faces that join, in one block of products.
const ROWS: usize = 256;
/// Faces that they are compared with; a block of products of 512 KiB stays in a core's cache.
const COLUMNS: usize = 512;
/// Blocks that are looked at before what was found in them is entered: bounds what is held.
const BATCH: usize = 64;

/// Enters all pairs of neighbours of which at least one is from `old` on. `None` when cancelled.
pub(crate) fn scan(
    density: &mut Density,
    faces: &Faces,
    old: usize,
    progress: &dyn Fn(f64) -> bool,
) -> Option<()> {
    let limit = Limit::new(density.settings().eps, faces.dimensions());
    let all = faces.len();
    let area = |end: usize| (end as f64).powi(2) - (old as f64).powi(2);
    for start in (old..all).step_by(ROWS) {
        let end = (start + ROWS).min(all);
        density.flatten();
        let blocks: Vec<usize> = (0..end).step_by(COLUMNS).collect();
        for batch in blocks.chunks(BATCH) {
            let search = |scratch: &mut Vec<f32>, &column: &usize| {
                let block =
                    Block { rows: (start, end), columns: (column, (column + COLUMNS).min(end)) };
                block.neighbours(density, faces, &limit, scratch)
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

/// A rectangle of pairs.
struct Block {
    rows: (usize, usize),
    columns: (usize, usize),
}

impl Block {
    /// Pairs that are neighbours, the earlier face second, less those that are known to be of one
    /// component.
    fn neighbours(
        &self,
        density: &Density,
        faces: &Faces,
        limit: &Limit,
        scratch: &mut Vec<f32>,
    ) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        if self.settled(density) {
            return found;
        }
        let dimensions = faces.dimensions();
        let part =
            |(start, end): (usize, usize)| &faces.vectors()[start * dimensions..end * dimensions];
        products(part(self.rows), part(self.columns), dimensions, scratch);
        let width = self.columns.1 - self.columns.0;
        for (row, line) in scratch.chunks_exact(width).enumerate() {
            let left = (self.rows.0 + row) as u32;
            let root = density.is_core(left).then(|| density.root(left));
            limit.each(line, |column, product| {
                let right = (self.columns.0 + column) as u32;
                let known =
                    root.is_some() && density.is_core(right) && root == Some(density.root(right));
                if right < left
                    && !known
                    && limit.holds(product, faces.vector(left), faces.vector(right))
                {
                    found.push((left, right));
                }
            });
        }
        found
    }

    /// Whether all faces of the block are cores of one component: then no pair tells anything.
    fn settled(&self, density: &Density) -> bool {
        let first = density.root(self.rows.0 as u32);
        let mut faces = (self.rows.0..self.rows.1).chain(self.columns.0..self.columns.1);
        faces.all(|face| density.is_core(face as u32) && density.root(face as u32) == first)
    }
}
