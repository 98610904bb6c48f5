//! Faces that are added to clusters: those that are no cores, and cores that were taken out.

use std::collections::BTreeMap;

use pulp::Simd;
use rayon::prelude::*;

use crate::cluster::Placement;
use crate::fold::Folded;
use crate::products::{Limit, Products, products};
use crate::vector::rough;

/// Faces compared in one block of products.
const BLOCK: usize = 256;

/// A face of no part and the placed cores within `eps` that it may go to, nearest first, of two as
/// near the earlier.
pub(crate) struct Loose {
    face: u32,
    cores: Vec<(f64, u32)>,
}

/// Gives every face that is near to a core its part: nearest faces first, each to the nearest core
/// whose part allows it. `cores` are those that lost their parts.
pub(crate) fn attach(placement: &mut Placement, cores: Vec<Loose>) {
    let density = placement.density;
    let others = (0..density.len() as u32).filter(|&face| !density.is_core(face));
    let borders = others.map(|face| Loose { face, cores: placed_near(placement, face) });
    let mut loose: Vec<Loose> =
        borders.chain(cores).filter(|loose| !loose.cores.is_empty()).collect();
    loose.sort_by(|a, b| a.cores[0].0.total_cmp(&b.cores[0].0).then(a.face.cmp(&b.face)));
    for Loose { face, cores } in loose {
        let parts = cores.into_iter().map(|(_, core)| placement.part[core as usize]);
        let mut allowed = parts.filter(|&part| placement.allows(face, part));
        if let Some(part) = allowed.next() {
            placement.place(face, part);
        }
    }
}

/// The placed cores near a face that is none.
fn placed_near(placement: &Placement, face: u32) -> Vec<(f64, u32)> {
    let near = placement.density.near(face).iter().copied();
    let placed = near.filter(|&core| placement.density.is_core(core) && !placement.is_loose(core));
    let mut cores: Vec<(f64, u32)> =
        placed.map(|core| (placement.faces.distance(face, core), core)).collect();
    cores.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    cores
}

/// Takes apart what splitting left too light for a cluster: parts whose cores, with the borders
/// nearest to them, do not weigh `min_samples`.
pub(crate) fn dissolve_light(placement: &mut Placement, cores: &[u32]) {
    let faces = placement.faces;
    let mut weights: BTreeMap<u32, u64> = BTreeMap::new();
    for &core in cores.iter().filter(|&&core| !placement.is_loose(core)) {
        let weight = weights.entry(placement.part[core as usize]).or_default();
        *weight += u64::from(faces.weight(core));
    }
    let density = placement.density;
    for face in (0..density.len() as u32).filter(|&face| !density.is_core(face)) {
        let nearest =
            placed_near(placement, face).first().map(|core| placement.part[core.1 as usize]);
        if let Some(weight) = nearest.and_then(|part| weights.get_mut(&part)) {
            *weight += u64::from(faces.weight(face));
        }
    }
    let least = u64::from(density.settings().min_samples);
    for &core in cores {
        if weights.get(&placement.part[core as usize]).is_some_and(|&weight| weight < least) {
            placement.remove(core);
        }
    }
}

/// The cores of a component without a part, each with the nearest core within `eps` of every part.
pub(crate) fn loose_cores(placement: &Placement, cores: &[u32]) -> Vec<Loose> {
    let (mut order, mut placed): (Vec<u32>, Vec<u32>) =
        cores.iter().partition(|&&core| placement.is_loose(core));
    let loose = order.len();
    order.append(&mut placed);
    let eps = placement.density.settings().eps;
    let folded = Folded::of(placement.faces, &order, loose, eps);
    let starts: Vec<usize> = (0..loose).step_by(BLOCK).collect();
    let search = |scratch: &mut Vec<f32>, &start: &usize| {
        let rows = (start, (start + BLOCK).min(loose));
        nearest(placement, &folded, &order, rows, loose, scratch)
    };
    let found: Vec<Vec<Loose>> = starts.par_iter().map_init(Vec::new, search).collect();
    found.into_iter().flatten().collect()
}

/// For each face of a range the nearest core of each part, among those from a place on.
fn nearest(
    placement: &Placement,
    folded: &Folded,
    order: &[u32],
    rows: (usize, usize),
    placed: usize,
    scratch: &mut Vec<f32>,
) -> Vec<Loose> {
    let limit = Limit::new(placement.density.settings().eps, placement.faces.dimensions());
    let (never, best) = (folded.never, vec![BTreeMap::new(); rows.1 - rows.0]);
    let faces = &order[rows.0..rows.1];
    let mut search = Search { placement, limit, never, rows: faces, columns: &[], best };
    for start in (placed..order.len()).step_by(BLOCK) {
        let columns = (start, (start + BLOCK).min(order.len()));
        search.columns = &order[columns.0..columns.1];
        products(folded.part(rows), folded.part(columns), folded.width, scratch, &mut search);
    }
    let found = faces.iter().zip(search.best).map(|(&face, nearest)| {
        let mut cores: Vec<(f64, u32)> = nearest.into_values().collect();
        cores.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Loose { face, cores }
    });
    found.collect()
}

/// Keeps for each row the nearest core of each part, by part.
struct Search<'a> {
    placement: &'a Placement<'a>,
    limit: Limit,
    /// Faces whose folded product is below this are no neighbours.
    never: f32,
    rows: &'a [u32],
    columns: &'a [u32],
    best: Vec<BTreeMap<u32, (f64, u32)>>,
}

impl Products for Search<'_> {
    #[inline(always)]
    fn least(&self, _row: usize) -> f32 {
        self.never
    }

    #[inline(always)]
    fn hear<S: Simd>(&mut self, simd: S, row: usize, column: usize, _bound: f32) {
        let (face, core) = (self.rows[row], self.columns[column]);
        let [left, right] = [face, core].map(|face| self.placement.faces.vector(face));
        let product = rough(simd, left, right);
        if product < self.limit.never {
            return;
        }
        let (best, part) = (&mut self.best[row], self.placement.part[core as usize]);
        let farther = |kept: &(f64, u32)| self.limit.beyond(product, kept.0);
        if !best.get(&part).is_some_and(farther) && self.limit.holds(product, left, right) {
            keep_nearest(best, part, (self.placement.faces.distance(face, core), core));
        }
    }
}

/// Cores come ascending, so that of two as near the earlier stays.
fn keep_nearest(best: &mut BTreeMap<u32, (f64, u32)>, part: u32, next: (f64, u32)) {
    let kept = best.entry(part).or_insert(next);
    if next.0 < kept.0 {
        *kept = next;
    }
}
