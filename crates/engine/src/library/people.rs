//! The people of a folder's collections.

use super::{LoadedFaces, LoadedFolder};
use crate::people::{Gathered, People, gather};
use rushes_faces::{CollectionLog, Decision, Place};
use rushes_model::{ErrorCode, Failure, MediaId};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// Media of one record: a tenth of what a record of the journal may be long.
const JOIN_AT_ONCE: usize = 3_000;

/// The people in memory, by collection. Whoever gathers those of one collection holds up only those who ask
/// for it too.
#[derive(Default)]
pub struct Collections(Mutex<HashMap<String, Arc<Mutex<Option<Gathered>>>>>);

impl Collections {
    fn slot(&self, collection: &str) -> Arc<Mutex<Option<Gathered>>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(collection.to_owned()).or_default().clone()
    }
}

impl LoadedFolder {
    /// The names of the face collections of this folder.
    #[must_use]
    pub fn collections(&self) -> Vec<String> {
        self.decisions.refresh();
        self.decisions.collections()
    }

    /// The names of those that a medium joined.
    #[must_use]
    pub fn collections_of(&self, media_id: MediaId) -> Vec<String> {
        let mut collections = self.collections();
        let log = |name: &String| self.decisions.of_collection(name);
        collections.retain(|name| log(name).is_some_and(|log| log.media().contains(&media_id)));
        collections
    }

    /// The people of a collection, as they are now.
    ///
    /// # Errors
    /// `NotFound` when there is no collection of this name; `CacheDir` when the folder cannot be listed.
    pub fn people(&self, collection: &str) -> Result<Arc<People>, Failure> {
        self.load_faces()?;
        let people = self.gather(collection, &|_| true)?;
        people.ok_or_else(|| Failure::new(ErrorCode::Internal, "the faces were not grouped"))
    }

    /// The same of the faces in memory; `None` when `progress` returned `false`.
    ///
    /// # Errors
    /// `NotFound` when there is no collection of this name.
    pub fn gather(
        &self,
        collection: &str,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<Arc<People>>, Failure> {
        let slot = self.people.slot(collection);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that nobody who comes second lays older decisions over newer ones.
        let log = self.log(collection)?;
        let media = self.faces_in(&log);
        if let Some(known) = slot.as_ref().filter(|known| known.is_current(&log, &media)) {
            return Ok(Some(known.people.clone()));
        }
        let gathered = self.gathered(collection, &log, media, slot.take(), progress)?;
        Ok(gathered.map(|gathered| slot.insert(gathered).people.clone()))
    }

    fn gathered(
        &self,
        collection: &str,
        log: &Arc<CollectionLog>,
        media: Vec<Arc<LoadedFaces>>,
        before: Option<Gathered>,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<Gathered>, Failure> {
        let name = format!("{}\n{collection}", self.store.root().display());
        let file = self.groups.join(blake3::hash(name.as_bytes()).to_hex().as_str());
        gather(collection, log, media, before, &file, progress)
            .map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
    }

    /// What was decided about a collection so far.
    fn log(&self, collection: &str) -> Result<Arc<CollectionLog>, Failure> {
        self.decisions.refresh();
        self.decisions.of_collection(collection).ok_or_else(|| no_collection(collection))
    }

    /// Those faces in memory that joined a collection.
    fn faces_in(&self, log: &CollectionLog) -> Vec<Arc<LoadedFaces>> {
        log.media().into_iter().filter_map(|id| self.faces.get(&id)).collect()
    }

    /// Groups the faces in memory as a decision says, which is kept once that has been done; `None` when
    /// `progress` returned `false`, and then nothing has changed.
    ///
    /// # Errors
    /// `NotFound` when there is no collection of this name; `CacheDir` when the decision cannot be written.
    pub fn regroup(
        &self,
        collection: &str,
        decision: Decision,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<Arc<People>>, Failure> {
        let slot = self.people.slot(collection);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.log(collection)?;
        let mut decided = (*log).clone();
        decided.push(Place::default(), decision.clone());
        let (decided, media) = (Arc::new(decided), self.faces_in(&log));
        let Some(gathered) = self.gathered(collection, &decided, media, None, progress)? else {
            return Ok(None);
        };
        self.decisions.decide(collection, decision)?;
        *slot = Some(gathered);
        drop(slot);
        self.gather(collection, progress)
    }

    /// Keeps a decision about a collection for good.
    ///
    /// # Errors
    /// `CacheDir` when it cannot be written.
    pub fn decide(&self, collection: &str, decision: Decision) -> Result<(), Failure> {
        self.decisions.decide(collection, decision)
    }

    /// The decision about names and clusters of a collection that can be taken back: the last that holds.
    ///
    /// # Errors
    /// `NotFound` when there is no collection of this name.
    pub fn last_correction(&self, collection: &str) -> Result<Option<(Place, Decision)>, Failure> {
        let log = self.log(collection)?;
        Ok(log.last_correction().map(|(place, decision)| (place.clone(), decision.clone())))
    }

    /// Has media join a collection, those that have not.
    ///
    /// # Errors
    /// `CacheDir` when that cannot be written.
    pub fn join(&self, collection: &str, media: Vec<MediaId>) -> Result<(), Failure> {
        self.decisions.refresh();
        let log = self.decisions.of_collection(collection);
        let joined: HashSet<MediaId> = log.iter().flat_map(|log| log.media()).collect();
        let new: Vec<MediaId> = media.into_iter().filter(|id| !joined.contains(id)).collect();
        for media in new.chunks(JOIN_AT_ONCE) {
            self.decide(collection, Decision::Join { media: media.to_vec() })?;
        }
        Ok(())
    }
}

/// There is no collection of this name.
pub fn no_collection(name: &str) -> Failure {
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(80).collect();
    Failure::new(
        ErrorCode::NotFound,
        format!("there is no face collection \"{name}\" in cache_dir"),
    )
}
