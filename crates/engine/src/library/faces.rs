//! Faces in memory: who is seen in one medium, followed through its shots.

use super::{LIST_AGAIN, LoadedFolder, cache_dir_failure};
use crate::intake::stamp;
use fs_err as fs;
use half::f16;
use rushes_faces::FaceId;
use rushes_infer::faces;
use rushes_model::{Failure, MediaId, ModelKey, Sampling};
use rushes_store::{
    Analysis, BundleMeta, Entry, FaceBundle, FaceBundleFile, FaceCrops, FaceTrack, FileStamp, Seen,
    StoreError,
};
use std::{collections::HashSet, path::Path, time::Instant};

/// The faces of one medium.
pub struct LoadedFaces {
    /// What they are of.
    pub meta: BundleMeta,
    /// The faces that were followed, in order of time.
    pub tracks: Vec<LoadedTrack>,
    dim: usize,
    vectors: Vec<u16>,
    crops: FaceCrops,
    /// Of its bundle: published files never change, so it tells one from the one that took its place.
    file: FileStamp,
}

/// A face followed through a shot.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedTrack {
    /// Where it is clearest.
    pub clearest: Seen,
    /// How clear it is there, 0 to 1.
    pub quality: f32,
    /// The frames that it was seen in, in milliseconds of source time.
    pub frames: Vec<u32>,
}

/// How far from 1 the length of a stored vector may lie: rounding to 16 bits moves it by less than that.
const LENGTH_TOLERANCE: f32 = 1e-3;

/// Whether faces by this model are what this version gathers to people.
pub fn is_gathered(model: &ModelKey) -> bool {
    model.as_str() == faces::KEY
}

impl LoadedFaces {
    /// From a bundle that is checked as it is opened.
    pub(super) fn stored(path: &Path) -> Result<Self, StoreError> {
        // The stamp first: of a bundle that is replaced now, the next look tells.
        let file = FileStamp::of(&fs::metadata(path)?)?;
        let FaceBundleFile { faces, crops } = FaceBundleFile::open(path)?;
        let FaceBundle { meta, dim, tracks, vectors, .. } = faces;
        let tracks = tracks.iter().map(LoadedTrack::of).collect();
        let faces = Self { meta, tracks, dim, vectors, crops, file };
        if faces.fit() {
            return Ok(faces);
        }
        // One odd bundle must not stand in the way of the others of its collection.
        let reason = "its vectors are none of the model's".to_owned();
        Err(StoreError::Damaged { path: path.to_owned(), reason })
    }

    /// Whether the vectors are what the model gives: so many values, of length 1.
    fn fit(&self) -> bool {
        let length = |track| self.vector(track).map(|value| value * value).sum::<f32>().sqrt();
        let is_unit = |track| (length(track) - 1.0).abs() <= LENGTH_TOLERANCE;
        self.dim == faces::DIMENSIONS && (0..self.tracks.len()).all(is_unit)
    }

    /// Values a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The vector of a track, of length 1.
    pub fn vector(&self, track: usize) -> impl Iterator<Item = f32> {
        let row = &self.vectors[track * self.dim..][..self.dim];
        row.iter().map(|bits| f16::from_bits(*bits).to_f32())
    }

    /// JPEG of a face; `None` if none was kept.
    ///
    /// # Errors
    /// When the bundle cannot be read any more.
    pub fn crop(&self, track: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.crops.of(track)
    }
}

impl LoadedTrack {
    fn of(track: &FaceTrack) -> Self {
        let mut frames: Vec<u32> =
            track.seen.iter().map(|seen| milliseconds(seen.seconds)).collect();
        frames.dedup();
        Self { clearest: track.representative(), quality: track.quality, frames }
    }

    /// What the face is called, which is one of these faces.
    #[must_use]
    pub fn id(&self, of: &LoadedFaces) -> FaceId {
        let Seen { seconds, area } = self.clearest;
        FaceId::new(of.meta.media_id, milliseconds(seconds), area)
    }
}

/// A time in whole milliseconds.
pub fn milliseconds(seconds: f64) -> u32 {
    (seconds * 1000.0).round().max(0.0) as u32
}

impl LoadedFolder {
    /// Publishes who is seen in a medium.
    ///
    /// # Errors
    /// When it cannot be written; the error names the path.
    pub fn publish_faces(&self, bundle: &FaceBundle) -> Result<(), StoreError> {
        let path = self.store.publish_faces(bundle)?;
        self.faces.insert(bundle.meta.media_id, LoadedFaces::stored(&path)?);
        Ok(())
    }

    /// Brings all faces of the folder into memory. What was brought before and is unchanged costs nothing,
    /// and the folder is not listed more than once in five seconds.
    ///
    /// # Errors
    /// `CacheDir` when the folder cannot be listed.
    pub fn load_faces(&self) -> Result<(), Failure> {
        let mut listing = self.listing();
        if listing.last_of_faces.is_some_and(|last| last.elapsed() < LIST_AGAIN) {
            return Ok(());
        }
        let before = self.faces.keys();
        let entries = self.store.list(Analysis::Faces).map_err(cache_dir_failure)?;
        let ours = entries.iter().filter(|entry| is_gathered(&entry.model_key));
        let there: HashSet<_> = ours.clone().map(|entry| entry.media_id).collect();
        before.iter().filter(|id| !there.contains(id)).for_each(|id| self.faces.remove(id));
        ours.for_each(|entry| self.load_entry(entry, &mut listing));
        listing.last_of_faces = Some(Instant::now());
        Ok(())
    }

    /// How many faces are in memory.
    pub(super) fn face_count(&self) -> u64 {
        let media = self.faces.keys().into_iter().filter_map(|id| self.faces.get(&id));
        media.map(|faces| faces.tracks.len() as u64).sum()
    }

    /// Whether this medium's faces by this model are there, looked for at least as densely.
    #[must_use]
    pub fn has_faces(&self, model: &ModelKey, media_id: MediaId, sampling: Sampling) -> bool {
        match self.store.find(Analysis::Faces, &media_id, model) {
            Ok(Some(entry)) => self.load_entry(&entry, &mut self.listing()),
            Ok(None) => self.faces.remove(&media_id),
            // A folder that does not answer has lost nothing.
            Err(_) => {}
        }
        let found = self.faces.get(&media_id);
        found.is_some_and(|faces| super::is_as_dense(faces.meta.sampling, sampling))
    }

    /// Whether what is in memory is what this bundle holds.
    pub(super) fn has_these_faces(&self, entry: &Entry) -> bool {
        let loaded = self.faces.get(&entry.media_id);
        !is_gathered(&entry.model_key)
            || loaded.is_some_and(|faces| stamp(&entry.path) == Some(faces.file))
    }
}
