//! People among the faces of a collection.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::apart::{Conflicts, persons_apart};
use crate::borders;
use crate::collection::{Faces, Settings};
use crate::density::Density;
use crate::split::split;

/// The faces of no cluster.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// Clusters of faces.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// For each face its cluster. Clusters are numbered by their first faces in the order of
    /// joining; `None` is a face of no cluster.
    pub labels: Vec<Option<u32>>,
    /// For each face whether its neighbourhood holds `min_samples`.
    pub core: Vec<bool>,
    /// Number of clusters.
    pub clusters: u32,
    /// What lets faces join later: see [`extend`].
    pub density: Density,
}

/// Gathers faces to clusters.
///
/// Density first, as scikit-learn's `DBSCAN(metric="cosine")` with `sample_weight` has it: a face
/// whose neighbours within `eps`, itself included, weigh `min_samples` is a core, and cores within
/// `eps` of each other are of one cluster. A face that is no core goes to the cluster of its
/// nearest core within `eps`, of two as near to the earlier, where scikit-learn takes whichever it
/// met first.
///
/// A cluster whose cores are apart is then split (see the `split` module), and a face goes to the
/// nearest core whose cluster it may be in, nearest faces first. No cluster ever holds two faces
/// that are apart.
///
/// `progress` hears the part that is done, from 0 to 1; `None` when it returned `false`.
pub fn cluster(
    faces: &Faces,
    settings: &Settings,
    progress: &dyn Fn(f64) -> bool,
) -> Option<Clustering> {
    extend(Density::new(*settings, faces.dimensions()), faces, progress)
}

/// Gathers faces to clusters when those that a [`Density`] knows have been joined by others.
///
/// `faces` are all of them, the known ones first and with the weights that they had; persons and
/// frames may have changed. Gives exactly what [`cluster`] gives for all of them. A density of
/// other faces is begun anew.
pub fn extend(
    density: Density,
    faces: &Faces,
    progress: &dyn Fn(f64) -> bool,
) -> Option<Clustering> {
    let sound = density.fits(faces);
    let fresh = || Density::new(density.settings(), faces.dimensions());
    let density = if sound { density } else { fresh() };
    let density = density.extended(faces, progress)?;
    Some(label(faces, density))
}

/// Which part of which component each face is in.
pub(crate) struct Placement<'a> {
    pub(crate) faces: &'a Faces,
    pub(crate) density: &'a Density,
    pub(crate) conflicts: Conflicts,
    /// The first core of each face's part, or [`NOWHERE`].
    pub(crate) part: Vec<u32>,
    /// Who a part is, at its first core.
    persons: BTreeMap<u32, u32>,
}

impl Placement<'_> {
    /// Whether a face may come into a part.
    pub(crate) fn allows(&self, face: u32, part: u32) -> bool {
        let person = self.persons.get(&part).copied();
        let shares = |&other: &u32| self.part[other as usize] == part;
        !persons_apart(self.faces.person(face), person)
            && !self.conflicts.of(face).iter().any(shares)
    }

    /// Takes a face out of its part.
    pub(crate) fn remove(&mut self, face: u32) {
        self.part[face as usize] = NOWHERE;
    }

    /// Whether a face is of no part.
    pub(crate) fn is_loose(&self, face: u32) -> bool {
        self.part[face as usize] == NOWHERE
    }

    /// Puts a face into a part that allows it.
    pub(crate) fn place(&mut self, face: u32, part: u32) {
        self.part[face as usize] = part;
        if let Some(person) = self.faces.person(face) {
            self.persons.insert(part, person);
        }
    }
}

fn label(faces: &Faces, density: Density) -> Clustering {
    let all = 0..faces.len() as u32;
    let conflicts = Conflicts::find(faces, |face, found| homes(&density, face, found));
    let part = vec![NOWHERE; faces.len()];
    let mut placement =
        Placement { faces, density: &density, conflicts, part, persons: BTreeMap::new() };
    let mut torn = torn(&placement);
    for face in all.clone().filter(|&face| density.is_core(face)) {
        let root = density.root(face);
        match torn.get_mut(&root) {
            Some(cores) => cores.push(face),
            None => placement.place(face, root),
        }
    }
    let components: Vec<&Vec<u32>> = torn.values().collect();
    let parts: Vec<Vec<Vec<u32>>> =
        components.par_iter().map(|cores| split(&placement, cores)).collect();
    for part in parts.iter().flatten() {
        part.iter().for_each(|&face| placement.place(face, part[0]));
    }
    borders::dissolve_light(&mut placement, &torn.values().flatten().copied().collect::<Vec<_>>());
    let loose = torn.values().flat_map(|cores| borders::loose_cores(&placement, cores)).collect();
    borders::attach(&mut placement, loose);
    let (labels, clusters) = number(&placement.part);
    let core = all.map(|face| density.is_core(face)).collect();
    Clustering { labels, core, clusters, density }
}

/// Calls for each component that a face might come into.
fn homes(density: &Density, face: u32, found: &mut dyn FnMut(u32)) {
    if density.is_core(face) {
        return found(density.root(face));
    }
    let cores = density.near(face).iter().filter(|&&near| density.is_core(near));
    let roots: BTreeSet<u32> = cores.map(|&core| density.root(core)).collect();
    roots.into_iter().for_each(found);
}

/// Components with cores that are apart, by their first cores, yet without their cores.
fn torn(placement: &Placement) -> BTreeMap<u32, Vec<u32>> {
    let density = placement.density;
    let mut torn = BTreeMap::new();
    let mut persons: BTreeMap<u32, u32> = BTreeMap::new();
    for face in (0..density.len() as u32).filter(|&face| density.is_core(face)) {
        let root = density.root(face);
        let shares = |&other: &u32| density.is_core(other) && density.root(other) == root;
        let person = placement.faces.person(face);
        let first = person.map(|person| *persons.entry(root).or_insert(person));
        if person != first || placement.conflicts.of(face).iter().any(shares) {
            torn.insert(root, Vec::new());
        }
    }
    torn
}

/// Numbers parts by their first faces.
fn number(parts: &[u32]) -> (Vec<Option<u32>>, u32) {
    let mut numbers = vec![None; parts.len()];
    let mut next = 0;
    let mut label = |part: u32| {
        let slot: &mut Option<u32> = numbers.get_mut(part as usize)?;
        if slot.is_none() {
            *slot = Some(next);
            next += 1;
        }
        *slot
    };
    let labels = parts.iter().map(|&part| label(part)).collect();
    (labels, next)
}
