//! Splitting a component of cores that are apart.
//!
//! Single linkage with constraints cuts where the last edge happened to fall: one bad face between
//! two people, or one face detected twice, tears a person in two halves. So the order is that of
//! *average linkage*: the two parts whose faces are nearest to each other on average go together
//! first, as long as neighbours within `eps` join them. With unit vectors the average over all
//! pairs is the product of the parts' sums, so no matrix of faces is needed.
//!
//! Two parts with faces that are apart stay two, except if everything but a few faces says that
//! they are one: if they are as near to each other as each is within itself ([`ALIKE`]), and what
//! would have to go for peace is a small share of the smaller part ([`EVICTED`]), or the smaller is
//! slight beside the larger ([`SLIGHT`]). Then those few faces go: a reflection, a face on a
//! screen, a face detected twice. What has been taken out is a loose face, which may go to another
//! part like a border.
//!
//! A component of more than [`PARTS`] cores is first gathered to that many parts (see `seeds`).

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::apart::persons_apart;
use crate::cluster::Placement;
use crate::collection::Faces;
use crate::seeds::seeds;
use crate::touching::Touching;
use crate::vector::{add, dot_sums};

/// Parts that average linkage starts from at most: the pairs of 512 are linked in a tenth of a second.
pub(crate) const PARTS: usize = 512;

/// How much farther than the wider of them is wide two parts may be apart and be alike. Samples of
/// one person differ by a few hundredths in their averages; two people of one component, who look
/// like each other, by a quarter and more (`tests/splitting.rs`).
const ALIKE: f64 = 1.15;

/// Share of the smaller part that may be taken out so that two parts become one. Two people who
/// are in pictures together are in more of them than that.
const EVICTED: f64 = 0.25;

/// Share of the larger part up to which the smaller may be taken out whole. Faces detected twice
/// are left over one by one; without this they would in the end be a person of their own.
const SLIGHT: f64 = 0.05;

/// The mark of cores that were taken out.
const LOOSE: usize = usize::MAX;

/// Splits the cores of a component, ascending, into parts without faces that are apart, each
/// ascending. Faces of no part were taken out.
pub(crate) fn split(placement: &Placement, cores: &[u32]) -> Vec<Vec<u32>> {
    let mut linkage = Linkage::new(placement, cores);
    for members in seeds(placement, cores) {
        linkage.seed(members);
    }
    linkage.run();
    let parts = linkage.parts.into_iter().flatten().map(|part| part.members);
    let sorted = parts.filter(|members| !members.is_empty()).map(|mut members| {
        members.sort_unstable();
        members
    });
    sorted.collect()
}

/// Faces that go together.
struct Part {
    members: Vec<u32>,
    /// What its members are marked with.
    mark: usize,
    sum: Vec<f64>,
    weight: f64,
    /// Squares of the weights of its members: what pairs of faces with themselves count.
    squares: f64,
    person: Option<u32>,
}

impl Part {
    fn new(faces: &Faces, members: Vec<u32>, mark: usize) -> Self {
        let sum = vec![0.0; faces.dimensions()];
        let mut part =
            Self { members: Vec::new(), mark, sum, weight: 0.0, squares: 0.0, person: None };
        for &face in &members {
            part.count(faces, face, 1.0);
        }
        part.person = members.iter().find_map(|&face| faces.person(face));
        part.members = members;
        part
    }

    /// Adds a face to what is summed up, or with a sign of -1 takes it out.
    fn count(&mut self, faces: &Faces, face: u32, sign: f64) {
        let times = f64::from(faces.weight(face));
        add(&mut self.sum, faces.vector(face), sign * times);
        self.weight += sign * times;
        self.squares += sign * times * times;
    }

    fn absorb(&mut self, other: Self) {
        self.sum.iter_mut().zip(&other.sum).for_each(|(all, more)| *all += more);
        self.weight += other.weight;
        self.squares += other.squares;
        self.members.extend(other.members);
    }

    fn evict(&mut self, faces: &Faces, evicted: &[u32]) {
        for &face in evicted {
            self.count(faces, face, -1.0);
        }
        self.members.retain(|face| !evicted.contains(face));
    }

    /// Average distance between faces of two parts.
    fn distance(&self, other: &Self) -> f64 {
        1.0 - dot_sums(&self.sum, &other.sum) / (self.weight * other.weight)
    }

    /// Average distance between two of its faces; 0 for a single one.
    fn width(&self) -> f64 {
        let pairs = self.weight * self.weight - self.squares;
        let product = dot_sums(&self.sum, &self.sum) - self.squares;
        if pairs > 0.0 { 1.0 - product / pairs } else { 0.0 }
    }
}

/// Two parts that may go together; the greatest is the nearest.
#[derive(PartialEq)]
struct Pair {
    distance: f64,
    left: usize,
    right: usize,
}

impl Eq for Pair {}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let places = (other.left, other.right).cmp(&(self.left, self.right));
        other.distance.total_cmp(&self.distance).then(places)
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

struct Linkage<'a> {
    placement: &'a Placement<'a>,
    cores: &'a [u32],
    /// Parts that have gone into others are `None`; those go to the end.
    parts: Vec<Option<Part>>,
    /// For each core the mark of its part.
    marks: Vec<usize>,
    pairs: BinaryHeap<Pair>,
    touching: Touching<'a>,
}

impl<'a> Linkage<'a> {
    fn new(placement: &'a Placement<'a>, cores: &'a [u32]) -> Self {
        let touching = Touching::new(placement.faces, placement.density.settings().eps);
        let (parts, marks, pairs) = (Vec::new(), vec![LOOSE; cores.len()], BinaryHeap::new());
        Self { placement, cores, parts, marks, pairs, touching }
    }

    fn seed(&mut self, members: Vec<u32>) {
        let mark = self.parts.len();
        self.mark(&members, mark);
        self.touching.add_seed(members.clone());
        self.add(Part::new(self.placement.faces, members, mark));
    }

    fn mark(&mut self, members: &[u32], mark: usize) {
        for face in members {
            if let Ok(place) = self.cores.binary_search(face) {
                self.marks[place] = mark;
            }
        }
    }

    fn marked(&self, face: u32, mark: usize) -> bool {
        self.cores.binary_search(&face).is_ok_and(|place| self.marks[place] == mark)
    }

    /// Adds a part at the end, and its pairs with all others.
    fn add(&mut self, part: Part) {
        let right = self.parts.len();
        for (left, other) in self.parts.iter().enumerate() {
            if let Some(other) = other {
                self.pairs.push(Pair { distance: other.distance(&part), left, right });
            }
        }
        self.parts.push(Some(part));
    }

    fn run(&mut self) {
        let mut alone = self.parts.len();
        let eps = f64::from(self.placement.density.settings().eps);
        while alone > 1 {
            let Some(Pair { distance, left, right }) = self.pairs.pop() else { return };
            let (Some(first), Some(second)) = (&self.parts[left], &self.parts[right]) else {
                continue;
            };
            let Some(evicted) = self.price(first, second, distance) else { continue };
            // An average within eps has a pair within eps.
            if distance <= eps || self.touching.touch(left, right) {
                self.merge(left, right, &evicted);
                alone -= 1;
            }
        }
    }

    /// The faces to take out so that two parts can go together; `None` if they must not.
    fn price(&self, first: &Part, second: &Part, distance: f64) -> Option<Vec<u32>> {
        let persons = persons_apart(first.person, second.person);
        let pairs = self.conflicts(first, second);
        if !persons && pairs.is_empty() {
            return Some(Vec::new());
        }
        let (small, large) = (first.weight.min(second.weight), first.weight.max(second.weight));
        let budget = if small <= SLIGHT * large { small } else { EVICTED * small };
        let alike = distance <= ALIKE * first.width().max(second.width());
        if !alike || self.least(&pairs) > budget {
            return None;
        }
        let mut evicted = if persons { self.named(first, second) } else { Vec::new() };
        self.cover(pairs, first, second, budget, &mut evicted)
    }

    /// Pairs of a face of each part that share a frame.
    fn conflicts(&self, first: &Part, second: &Part) -> Vec<(u32, u32)> {
        let shorter = first.members.len() <= second.members.len();
        let (from, to) = if shorter { (first, second) } else { (second, first) };
        let mut pairs = Vec::new();
        for &face in &from.members {
            let others = self.placement.conflicts.of(face).iter();
            let others = others.filter(|&&other| self.marked(other, to.mark));
            pairs.extend(others.map(|&other| (face, other)));
        }
        pairs
    }

    /// What must go at least: the weight of pairs that have no face in common.
    fn least(&self, pairs: &[(u32, u32)]) -> f64 {
        let mut used = BTreeSet::new();
        let mut weight = 0.0;
        for &(left, right) in pairs {
            if !used.contains(&left) && !used.contains(&right) {
                used.extend([left, right]);
                weight += self.weight(left).min(self.weight(right));
            }
        }
        weight
    }

    fn weight(&self, face: u32) -> f64 {
        f64::from(self.placement.faces.weight(face))
    }

    /// The faces that a human named in the part where they weigh less.
    fn named(&self, first: &Part, second: &Part) -> Vec<u32> {
        let named = |part: &Part| -> Vec<u32> {
            let faces = part.members.iter().copied();
            faces.filter(|&face| self.placement.faces.person(face).is_some()).collect()
        };
        let weight = |faces: &[u32]| faces.iter().map(|&face| self.weight(face)).sum::<f64>();
        let (left, right) = (named(first), named(second));
        if weight(&left) < weight(&right) { left } else { right }
    }

    /// Takes out a face of each pair: the one in most pairs for its weight, of several the one
    /// least like all others, of several the later. `None` if more than the budget would go.
    fn cover(
        &self,
        mut pairs: Vec<(u32, u32)>,
        first: &Part,
        second: &Part,
        budget: f64,
        evicted: &mut Vec<u32>,
    ) -> Option<Vec<u32>> {
        let mut spent: f64 = evicted.iter().map(|&face| self.weight(face)).sum();
        pairs.retain(|pair| !evicted.contains(&pair.0) && !evicted.contains(&pair.1));
        let mut sum = first.sum.clone();
        sum.iter_mut().zip(&second.sum).for_each(|(all, more)| *all += more);
        while spent <= budget {
            let Some(worst) = self.worst(&pairs, &sum) else {
                return Some(std::mem::take(evicted));
            };
            pairs.retain(|pair| pair.0 != worst && pair.1 != worst);
            spent += self.weight(worst);
            evicted.push(worst);
        }
        None
    }

    fn worst(&self, pairs: &[(u32, u32)], sum: &[f64]) -> Option<u32> {
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        for face in pairs.iter().flat_map(|pair| [pair.0, pair.1]) {
            *counts.entry(face).or_default() += 1.0 / self.weight(face);
        }
        let most = counts.values().copied().fold(0.0, f64::max);
        let likeness = |face: u32| -> f64 {
            let vector = self.placement.faces.vector(face);
            vector.iter().zip(sum).map(|(&value, all)| f64::from(value) * all).sum()
        };
        let worst = counts.into_iter().filter(|&(_, count)| count >= most);
        let worst = worst.map(|(face, _)| (likeness(face), face));
        worst.min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))).map(|(_, face)| face)
    }

    fn merge(&mut self, left: usize, right: usize, evicted: &[u32]) {
        let (Some(first), Some(second)) = (self.parts[left].take(), self.parts[right].take())
        else {
            return;
        };
        let larger = first.members.len() >= second.members.len();
        let (mut part, other) = if larger { (first, second) } else { (second, first) };
        self.mark(&other.members, part.mark);
        self.mark(evicted, LOOSE);
        part.absorb(other);
        part.evict(self.placement.faces, evicted);
        part.person = part.members.iter().find_map(|&face| self.placement.faces.person(face));
        self.touching.add_merged(left, right);
        self.add(part);
    }
}
