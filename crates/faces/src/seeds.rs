//! Small parts of a large component that average linkage starts from.

use pulp::Simd;
use rayon::prelude::*;

use crate::apart::persons_apart;
use crate::cluster::Placement;
use crate::collection::Faces;
use crate::fold::Folded;
use crate::products::{Products, products};
use crate::split::PARTS;
use crate::vector::rough;

/// Nearest cores of a core that may be joined with it.
const NEAREST: usize = 8;

/// Candidates for them by products in single precision, of which exact distances choose.
const CANDIDATES: usize = 16;

/// More than products of the same vectors in single precision may differ by (see
/// [`crate::products::Limit`]).
const SLACK: f32 = 1e-3;

/// Rows and columns of a block of products.
const BLOCK: usize = 256;

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
    let folded = Folded::of(placement.faces, cores, cores.len(), placement.density.settings().eps);
    let starts: Vec<usize> = (0..cores.len()).step_by(BLOCK).collect();
    let search = |scratch: &mut Vec<f32>, &start: &usize| {
        let best = candidates(placement.faces, cores, &folded, start, scratch);
        let rows = (start..).zip(best);
        rows.map(|(row, best)| exact(placement, cores, row, &best)).collect()
    };
    let found: Vec<Vec<_>> = starts.par_iter().map_init(Vec::new, search).collect();
    found.into_iter().flatten().collect()
}

/// The greatest products of each row of a block with other cores, and those cores' places.
fn candidates(
    faces: &Faces,
    cores: &[u32],
    folded: &Folded,
    start: usize,
    scratch: &mut Vec<f32>,
) -> Vec<Vec<(f32, usize)>> {
    let block = |start: usize| (start, (start + BLOCK).min(cores.len()));
    let rows = block(start);
    let best = vec![Vec::new(); rows.1 - rows.0];
    let mut search = Search { faces, cores, never: folded.never, starts: (start, 0), best };
    for columns in (0..cores.len()).step_by(BLOCK).map(block) {
        search.starts.1 = columns.0;
        let (left, right) = (folded.part(rows), folded.part(columns));
        products(left, right, folded.width, scratch, &mut search);
    }
    search.best
}

/// Keeps the greatest products of each row, of equal ones the earlier.
struct Search<'a> {
    faces: &'a Faces,
    cores: &'a [u32],
    /// Cores whose folded product is below this are no neighbours.
    never: f32,
    /// The places of the first row and the first column.
    starts: (usize, usize),
    best: Vec<Vec<(f32, usize)>>,
}

impl Products for Search<'_> {
    #[inline(always)]
    fn least(&self, row: usize) -> f32 {
        self.best[row].get(CANDIDATES - 1).map_or(self.never, |last| self.never.max(last.0 - SLACK))
    }

    #[inline(always)]
    fn hear<S: Simd>(&mut self, simd: S, row: usize, column: usize, bound: f32) {
        let places = (self.starts.0 + row, self.starts.1 + column);
        if places.0 == places.1 || bound < self.least(row) {
            return;
        }
        let [left, right] = [places.0, places.1].map(|place| self.faces.vector(self.cores[place]));
        let (product, best) = (rough(simd, left, right), &mut self.best[row]);
        let at = best.partition_point(|kept| kept.0 >= product);
        best.insert(at, (product, places.1));
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
