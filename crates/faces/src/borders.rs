//! Faces that are added to clusters: those that are no cores, and cores that were taken out.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::cluster::Placement;
use crate::products::{AtLeast, Limit, products};

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
    let (loose, placed): (Vec<u32>, Vec<u32>) =
        cores.iter().partition(|&&core| placement.is_loose(core));
    let blocks = loose.par_chunks(BLOCK).map(|rows| {
        let found = rows.iter().zip(nearest(placement, rows, &placed)).map(|(&face, nearest)| {
            let mut cores: Vec<(f64, u32)> = nearest.into_values().collect();
            cores.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            Loose { face, cores }
        });
        found.collect::<Vec<_>>()
    });
    blocks.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// For each face the nearest placed core of each part, by part.
fn nearest(placement: &Placement, rows: &[u32], placed: &[u32]) -> Vec<BTreeMap<u32, (f64, u32)>> {
    let faces = placement.faces;
    let limit = Limit::new(placement.density.settings().eps, faces.dimensions());
    let mut best = vec![BTreeMap::new(); rows.len()];
    let (left, mut scratch) = (faces.gather(rows), Vec::new());
    for columns in placed.chunks(BLOCK) {
        let hear = |row: usize, column: usize, product: f32| {
            let (row, best, core) = (rows[row], &mut best[row], columns[column]);
            let part = placement.part[core as usize];
            let farther = |kept: &(f64, u32)| limit.beyond(product, kept.0);
            if !best.get(&part).is_some_and(farther)
                && limit.holds(product, faces.vector(row), faces.vector(core))
            {
                keep_nearest(best, part, (faces.distance(row, core), core));
            }
        };
        let right = faces.gather(columns);
        let mut hearer = AtLeast(limit.never, hear);
        products(&left, &right, faces.dimensions(), &mut scratch, &mut hearer);
    }
    best
}

/// Cores come ascending, so that of two as near the earlier stays.
fn keep_nearest(best: &mut BTreeMap<u32, (f64, u32)>, part: u32, next: (f64, u32)) {
    let kept = best.entry(part).or_insert(next);
    if next.0 < kept.0 {
        *kept = next;
    }
}
