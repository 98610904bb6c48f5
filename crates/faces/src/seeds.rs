//! Small parts of a large component that average linkage starts from.

use rayon::prelude::*;

use crate::apart::persons_apart;
use crate::cluster::Placement;
use crate::products::products;
use crate::split::PARTS;

/// Nearest cores of a core that may be joined with it.
const NEAREST: usize = 8;

/// Candidates for them by products in single precision, of which exact distances choose.
const CANDIDATES: usize = 16;

/// Rows and columns of a block of products.
const BLOCK: usize = 512;

/// How many times its even share of the cores a seed may hold: no chain of near faces reaches
/// across a person, and what is a person is left to average linkage.
const SHARES: usize = 8;

/// Seeds of a component's cores, ascending: every core of its own where they are few.
///
/// Otherwise cores that are among each other's nearest are joined, shortest distances first,
/// unless they are apart or their seed would be large; a bad face between two people has
/// nearest faces but is not among theirs. A core that is nobody's goes to its nearest. If many
/// are left all the same, the heaviest are seeds and the others loose.
pub(crate) fn seeds(placement: &Placement, cores: &[u32]) -> Vec<Vec<u32>> {
    if cores.len() <= PARTS {
        return cores.iter().map(|&core| vec![core]).collect();
    }
    let nearest = nearest(placement, cores);
    let mut forest = Forest::new(placement, cores);
    forest.join_all(edges(&nearest, true), |_, _| true);
    forest.join_all(edges(&nearest, false), |left, right| left == 1 || right == 1);
    heaviest(placement, forest.groups)
}

/// The nearest cores of each, by place among the cores, with their distances.
fn nearest(placement: &Placement, cores: &[u32]) -> Vec<Vec<(f64, usize)>> {
    let places: Vec<usize> = (0..cores.len()).collect();
    let blocks = places.par_chunks(BLOCK).map(|rows| {
        let mut best: Vec<Vec<(f32, usize)>> = vec![Vec::new(); rows.len()];
        let left = placement.faces.gather(&cores[rows[0]..rows[0] + rows.len()]);
        let mut scratch = Vec::new();
        for (block, columns) in cores.chunks(BLOCK).enumerate() {
            let right = placement.faces.gather(columns);
            products(&left, &right, placement.faces.dimensions(), &mut scratch);
            let lines = scratch.chunks_exact(columns.len());
            for (line, (&row, best)) in lines.zip(rows.iter().zip(&mut best)) {
                keep_best(best, line, block * BLOCK, row);
            }
        }
        let exact = |(&row, best): (&usize, Vec<(f32, usize)>)| exact(placement, cores, row, &best);
        rows.iter().zip(best).map(exact).collect::<Vec<_>>()
    });
    blocks.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Keeps the greatest products, of equal ones the earlier.
fn keep_best(best: &mut Vec<(f32, usize)>, line: &[f32], start: usize, row: usize) {
    for (column, &product) in line.iter().enumerate() {
        let full = best.len() == CANDIDATES;
        let place = start + column;
        if place == row || full && best.last().is_some_and(|last| product <= last.0) {
            continue;
        }
        let at = best.partition_point(|kept| kept.0 >= product);
        best.insert(at, (product, place));
        best.truncate(CANDIDATES);
    }
}

/// The nearest of a row's candidates, within `eps`, by exact distance.
fn exact(
    placement: &Placement,
    cores: &[u32],
    row: usize,
    best: &[(f32, usize)],
) -> Vec<(f64, usize)> {
    let distance = |place: usize| placement.faces.distance(cores[row], cores[place]);
    let mut exact: Vec<(f64, usize)> =
        best.iter().map(|&(_, place)| (distance(place), place)).collect();
    exact.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    exact.truncate(NEAREST);
    exact.retain(|near| near.0 <= f64::from(placement.density.settings().eps));
    exact
}

/// Pairs of near cores, shortest first: those that are among each other's, or the rest.
fn edges(nearest: &[Vec<(f64, usize)>], mutual: bool) -> Vec<(f64, usize, usize)> {
    let listed = |left: usize, right: usize| nearest[left].iter().any(|near| near.1 == right);
    let mut edges = Vec::new();
    for (left, near) in nearest.iter().enumerate() {
        for &(distance, right) in near {
            let both = listed(right, left);
            if both == mutual && (!both || left < right) {
                edges.push((distance, left, right));
            }
        }
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    edges
}

/// Groups of cores that grow together.
struct Forest<'a> {
    placement: &'a Placement<'a>,
    cores: &'a [u32],
    /// The group of each core, by place.
    group: Vec<usize>,
    groups: Vec<Vec<u32>>,
    left: usize,
}

impl<'a> Forest<'a> {
    fn new(placement: &'a Placement<'a>, cores: &'a [u32]) -> Self {
        let groups = cores.iter().map(|&core| vec![core]).collect();
        Self { placement, cores, group: (0..cores.len()).collect(), groups, left: cores.len() }
    }

    /// Joins along edges for as long as there are more groups than wanted; `sized` says whether
    /// groups of two sizes may go together.
    fn join_all(&mut self, edges: Vec<(f64, usize, usize)>, sized: impl Fn(usize, usize) -> bool) {
        let most = SHARES * self.cores.len() / PARTS;
        for (_, left, right) in edges {
            if self.left <= PARTS {
                return;
            }
            let (left, right) = (self.group[left], self.group[right]);
            let sizes = (self.groups[left].len(), self.groups[right].len());
            if left != right && sizes.0 + sizes.1 <= most && sized(sizes.0, sizes.1) {
                let (large, small) = if sizes.0 >= sizes.1 { (left, right) } else { (right, left) };
                self.join(large, small);
            }
        }
    }

    fn join(&mut self, large: usize, small: usize) {
        if self.apart(large, small) {
            return;
        }
        for face in std::mem::take(&mut self.groups[small]) {
            if let Ok(place) = self.cores.binary_search(&face) {
                self.group[place] = large;
            }
            self.groups[large].push(face);
        }
        self.left -= 1;
    }

    fn apart(&self, large: usize, small: usize) -> bool {
        let person = |group: usize| {
            self.groups[group].iter().find_map(|&face| self.placement.faces.person(face))
        };
        let inside = |&other: &u32| {
            self.cores.binary_search(&other).is_ok_and(|place| self.group[place] == large)
        };
        let shares = |&face: &u32| self.placement.conflicts.of(face).iter().any(inside);
        persons_apart(person(large), person(small)) || self.groups[small].iter().any(shares)
    }
}

/// The heaviest groups, in the order of their first faces, each ascending.
fn heaviest(placement: &Placement, groups: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let weight = |group: &[u32]| -> u64 {
        group.iter().map(|&face| u64::from(placement.faces.weight(face))).sum()
    };
    let mut groups: Vec<Vec<u32>> = groups.into_iter().filter(|group| !group.is_empty()).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_by_key(|group| (std::cmp::Reverse(weight(group)), group[0]));
    groups.truncate(PARTS);
    groups.sort_by_key(|group| group[0]);
    groups
}
