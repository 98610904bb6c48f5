//! Which faces are cores and which cores belong together: DBSCAN without its borders.

use crate::collection::{Faces, FacesError, Settings};
use crate::scan::scan;

/// What is known of the neighbourhoods of the faces that have joined so far.
///
/// Faces that join later are counted against all that came before; what was found among those is
/// not looked at again. A face that is no core yet keeps the list of its neighbours, which are
/// fewer than `min_samples`, since any of them may make it a core later.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    settings: Settings,
    dimensions: usize,
    /// Of the vectors and weights of the faces counted so far.
    fingerprint: u64,
    /// Weight of each face's neighbours, its own included, at most `min_samples`.
    weights: Vec<u32>,
    /// The forest of cores: towards the first core of each component.
    parents: Vec<u32>,
    /// Neighbours of each face that is no core.
    near: Vec<Vec<u32>>,
}

/// A [`Density`] as plain numbers, to be kept on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct DensityState {
    /// What the faces were clustered by.
    pub settings: Settings,
    /// Values of each vector.
    pub dimensions: usize,
    /// Of the vectors and weights of the faces: by it a state is told from one of other faces.
    pub fingerprint: u64,
    /// Weight of each face's neighbours, its own included, at most `min_samples`.
    pub weights: Vec<u32>,
    /// For each core the first core of its component, for any other face itself.
    pub roots: Vec<u32>,
    /// How many neighbours are listed for each face; 0 for cores.
    pub near_counts: Vec<u32>,
    /// Neighbours of the faces that are no cores, one list after another, each ascending.
    pub near: Vec<u32>,
}

impl Density {
    /// Nothing counted yet.
    pub fn new(settings: Settings, dimensions: usize) -> Self {
        let (weights, parents, near) = (Vec::new(), Vec::new(), Vec::new());
        Self { settings, dimensions, fingerprint: Faces::FIRST_FINGERPRINT, weights, parents, near }
    }

    /// Counts the faces that have joined since the last time.
    ///
    /// `progress` hears the part that is done, from 0 to 1, and cancels by returning `false`:
    /// then nothing is left of either.
    pub fn extended(mut self, faces: &Faces, progress: &dyn Fn(f64) -> bool) -> Option<Self> {
        let old = self.len();
        for face in old..faces.len() {
            self.weights.push(faces.weight(face as u32).min(self.settings.min_samples));
            self.parents.push(face as u32);
            self.near.push(Vec::new());
        }
        self.fingerprint = faces.fingerprint(old..faces.len(), self.fingerprint);
        scan(&mut self, faces, old, progress)?;
        self.settle();
        Some(self)
    }

    /// Takes note of two neighbours, each pair once.
    pub(crate) fn meet(&mut self, faces: &Faces, left: u32, right: u32) {
        self.count(faces, left, right);
        self.count(faces, right, left);
        if self.is_core(left) && self.is_core(right) {
            self.join(left, right);
        }
    }

    fn count(&mut self, faces: &Faces, face: u32, neighbour: u32) {
        if self.is_core(face) {
            return;
        }
        let slot = face as usize;
        self.near[slot].push(neighbour);
        let weight = self.weights[slot].saturating_add(faces.weight(neighbour));
        self.weights[slot] = weight.min(self.settings.min_samples);
        if self.is_core(face) {
            for other in std::mem::take(&mut self.near[slot]) {
                if self.is_core(other) {
                    self.join(face, other);
                }
            }
        }
    }

    fn join(&mut self, left: u32, right: u32) {
        let (left, right) = (self.compress(left), self.compress(right));
        let (first, second) = (left.min(right), left.max(right));
        self.parents[second as usize] = first;
    }

    fn compress(&mut self, mut face: u32) -> u32 {
        while self.parents[face as usize] != face {
            let above = self.parents[face as usize];
            self.parents[face as usize] = self.parents[above as usize];
            face = self.parents[face as usize];
        }
        face
    }

    /// Points every core at the first of its component. Parents come before their children.
    pub(crate) fn flatten(&mut self) {
        for face in 0..self.parents.len() {
            self.parents[face] = self.parents[self.parents[face] as usize];
        }
    }

    /// Brings the state to the one form that it has however its pairs were found.
    fn settle(&mut self) {
        self.flatten();
        for near in &mut self.near {
            near.sort_unstable();
            near.shrink_to_fit();
        }
    }

    /// What the faces are clustered by.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Tells states of other faces apart.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Values of each vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Number of faces counted so far.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether no face was counted.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Whether a face's neighbourhood holds `min_samples`.
    pub(crate) fn is_core(&self, face: u32) -> bool {
        self.weights[face as usize] >= self.settings.min_samples
    }

    /// The first core of a core's component.
    pub(crate) fn root(&self, mut face: u32) -> u32 {
        while self.parents[face as usize] != face {
            face = self.parents[face as usize];
        }
        face
    }

    /// Neighbours of a face that is no core.
    pub(crate) fn near(&self, face: u32) -> &[u32] {
        &self.near[face as usize]
    }

    /// The state as plain numbers.
    pub fn to_state(&self) -> DensityState {
        DensityState {
            settings: self.settings,
            dimensions: self.dimensions,
            fingerprint: self.fingerprint,
            weights: self.weights.clone(),
            roots: self.parents.clone(),
            near_counts: self.near.iter().map(|near| near.len() as u32).collect(),
            near: self.near.concat(),
        }
    }

    /// Takes up where a state was left.
    ///
    /// # Errors
    ///
    /// [`FacesError::BadState`] for numbers that no clustering leaves.
    pub fn from_state(state: DensityState) -> Result<Self, FacesError> {
        check(&state)?;
        let mut rest = state.near.as_slice();
        let mut near = Vec::with_capacity(state.near_counts.len());
        for &count in &state.near_counts {
            let (list, after) = rest.split_at(count as usize);
            near.push(list.to_vec());
            rest = after;
        }
        let DensityState { settings, dimensions, fingerprint, weights, roots, .. } = state;
        Ok(Self { settings, dimensions, fingerprint, weights, parents: roots, near })
    }

    /// Whether this state is of the first faces of a collection.
    pub(crate) fn fits(&self, faces: &Faces) -> bool {
        self.dimensions == faces.dimensions()
            && self.len() <= faces.len()
            && self.fingerprint == faces.fingerprint(0..self.len(), Faces::FIRST_FINGERPRINT)
    }
}

fn check(state: &DensityState) -> Result<(), FacesError> {
    let all = state.weights.len();
    let known = |face: &u32| (*face as usize) < all;
    let core = |face: usize| state.weights[face] >= state.settings.min_samples;
    let listed: u64 = state.near_counts.iter().map(|&count| u64::from(count)).sum();
    if state.roots.len() != all || state.near_counts.len() != all {
        return Err(FacesError::BadState("lists of different lengths"));
    }
    if listed != state.near.len() as u64 || !state.near.iter().all(known) {
        return Err(FacesError::BadState("neighbours that are not there"));
    }
    let rooted = |(face, &root): (usize, &u32)| {
        let root = root as usize;
        root <= face
            && state.roots[root] as usize == root
            && (root == face || core(root) && core(face))
    };
    if !state.roots.iter().enumerate().all(rooted) {
        return Err(FacesError::BadState("cores without a first one"));
    }
    Ok(())
}
