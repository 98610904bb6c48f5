//! The faces of a collection.

use crate::vector::dot;

/// How far the length of a vector may lie from 1: what rounding to half precision does, with room.
const UNIT_TOLERANCE: f64 = 2e-3;

/// Why a face was not taken into a collection.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FacesError {
    /// Vectors without values.
    #[error("faces need vectors of at least one value: give the length of the model's vectors")]
    NoDimensions,
    /// A vector of another model.
    #[error("a face has {found} values where the collection has {expected}: use one model")]
    WrongLength {
        /// Values of the faces before it.
        expected: usize,
        /// Values of this face.
        found: usize,
    },
    /// A vector that is not a direction.
    #[error("a face's vector has the length {length}: divide it by its length first")]
    NotUnit {
        /// What it has in place of 1; NaN where a value is not a number.
        length: f64,
    },
    /// A face that was seen no times.
    #[error("a face has the weight 0: leave it out, or give it the number of times it was seen")]
    NoWeight,
    /// Frames out of order.
    #[error("the frames of a face do not ascend: sort them and remove what stands there twice")]
    FramesUnsorted,
    /// More faces than indices.
    #[error("a collection holds at most {} faces", u32::MAX - 1)]
    TooMany,
    /// A stored state that no clustering has.
    #[error("the stored state of a clustering is damaged ({0}): cluster the collection anew")]
    BadState(&'static str),
}

/// One face, as it joins a collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face<'a> {
    /// Unit vector of the embedding model.
    pub vector: &'a [f32],
    /// How many faces it counts for, at least 1: the sampled frames of a track.
    pub weight: u32,
    /// The medium it was seen in; frames of different scenes have nothing to do with each other.
    pub scene: u32,
    /// When it was seen, ascending, in whatever unit the scene is sampled in.
    pub frames: &'a [u32],
    /// Who a human said it is.
    pub person: Option<u32>,
}

/// Faces in the order in which they joined; an index is a face's place in that order.
///
/// Two faces are *apart*, and never in one cluster, if a human gave them different persons, or if
/// they were seen in one frame of one scene and no human gave both the same person.
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    dimensions: usize,
    vectors: Vec<f32>,
    weights: Vec<u32>,
    scenes: Vec<u32>,
    persons: Vec<Option<u32>>,
    frames: Vec<u32>,
    /// Where the frames of each face end in `frames`.
    ends: Vec<usize>,
}

impl Faces {
    /// A collection without faces whose vectors have `dimensions` values.
    ///
    /// # Errors
    ///
    /// [`FacesError::NoDimensions`] for 0.
    pub fn new(dimensions: usize) -> Result<Self, FacesError> {
        if dimensions == 0 {
            return Err(FacesError::NoDimensions);
        }
        Ok(Self {
            dimensions,
            vectors: Vec::new(),
            weights: Vec::new(),
            scenes: Vec::new(),
            persons: Vec::new(),
            frames: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// Lets a face join.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the face; the collection stays as it was.
    pub fn push(&mut self, face: &Face) -> Result<(), FacesError> {
        self.check(face)?;
        self.vectors.extend_from_slice(face.vector);
        self.weights.push(face.weight);
        self.scenes.push(face.scene);
        self.persons.push(face.person);
        self.frames.extend_from_slice(face.frames);
        self.ends.push(self.frames.len());
        Ok(())
    }

    fn check(&self, face: &Face) -> Result<(), FacesError> {
        if face.vector.len() != self.dimensions {
            let (expected, found) = (self.dimensions, face.vector.len());
            return Err(FacesError::WrongLength { expected, found });
        }
        let length = dot(face.vector, face.vector).sqrt();
        if length.is_nan() || (length - 1.0).abs() > UNIT_TOLERANCE {
            return Err(FacesError::NotUnit { length });
        }
        if face.weight == 0 {
            return Err(FacesError::NoWeight);
        }
        if !face.frames.is_sorted_by(|a, b| a < b) {
            return Err(FacesError::FramesUnsorted);
        }
        if self.len() >= u32::MAX as usize - 1 {
            return Err(FacesError::TooMany);
        }
        Ok(())
    }

    /// Changes who a human said a face is; an index beyond the last face changes nothing.
    pub fn set_person(&mut self, face: usize, person: Option<u32>) {
        if let Some(slot) = self.persons.get_mut(face) {
            *slot = person;
        }
    }

    /// Number of faces.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether no face has joined.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Values of each vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// A face as it joined, with the person that it has now.
    pub fn get(&self, face: usize) -> Option<Face<'_>> {
        let weight = *self.weights.get(face)?;
        let index = face as u32;
        let (vector, frames) = (self.vector(index), self.frames(index));
        Some(Face { vector, weight, scene: self.scene(index), frames, person: self.person(index) })
    }

    /// The fingerprint of no faces: the offset basis of FNV-1a.
    pub(crate) const FIRST_FINGERPRINT: u64 = 0xcbf2_9ce4_8422_2325;

    /// Goes on with a fingerprint over the vectors and weights of some faces: FNV-1a, a value at a
    /// time. It tells collections apart that were mixed up, not ones made to deceive.
    pub(crate) fn fingerprint(&self, faces: std::ops::Range<usize>, before: u64) -> u64 {
        let mix = |hash: u64, value: u32| (hash ^ u64::from(value)).wrapping_mul(0x100_0000_01b3);
        faces.fold(before, |hash, face| {
            let vector = self.vector(face as u32).iter();
            vector.fold(mix(hash, self.weights[face]), |hash, value| mix(hash, value.to_bits()))
        })
    }

    /// All vectors, face after face.
    pub(crate) fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    pub(crate) fn vector(&self, face: u32) -> &[f32] {
        let start = face as usize * self.dimensions;
        &self.vectors[start..start + self.dimensions]
    }

    /// The vectors of some faces, one after another.
    pub(crate) fn gather(&self, faces: &[u32]) -> Vec<f32> {
        let mut vectors = Vec::with_capacity(faces.len() * self.dimensions);
        faces.iter().for_each(|&face| vectors.extend_from_slice(self.vector(face)));
        vectors
    }

    pub(crate) fn weight(&self, face: u32) -> u32 {
        self.weights[face as usize]
    }

    pub(crate) fn scene(&self, face: u32) -> u32 {
        self.scenes[face as usize]
    }

    pub(crate) fn person(&self, face: u32) -> Option<u32> {
        self.persons[face as usize]
    }

    pub(crate) fn frames(&self, face: u32) -> &[u32] {
        let end = self.ends[face as usize];
        let start = (face as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.frames[start..end]
    }

    pub(crate) fn distance(&self, left: u32, right: u32) -> f64 {
        1.0 - dot(self.vector(left), self.vector(right))
    }
}

/// What density-based clustering goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Cosine distance up to which two faces are neighbours, itself included.
    pub eps: f32,
    /// Weight of neighbours, the face itself among them, that makes a face the core of a cluster.
    pub min_samples: u32,
}
