//! The people of a folder's collections.

use super::{LoadedFaces, LoadedFolder};
use crate::{
    paths::shorten,
    people::{Grouped, People, group},
};
use rushes_faces::{CollectionLog, Decision, Place};
use rushes_model::{ErrorCode, Failure, MediaId};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Media of one record: a tenth of what a record of the journal may be long.
const JOIN_AT_ONCE: usize = 3_000;

/// The people in memory, by collection.
#[derive(Default)]
pub struct Collections(Mutex<HashMap<String, Arc<Slot>>>);

/// What is in memory of one collection.
#[derive(Default)]
struct Slot {
    /// Held by whoever checks a decision and writes it down.
    deciding: Mutex<()>,
    /// Held by whoever groups the faces, which may take minutes.
    grouping: Mutex<()>,
    shown: Mutex<Option<Shown>>,
}

/// The people that were shown last, by these decisions.
#[derive(Clone)]
struct Shown {
    log: Arc<CollectionLog>,
    people: Arc<People>,
}

impl Collections {
    fn slot(&self, collection: &str) -> Arc<Slot> {
        let mut slots = lock(&self.0);
        slots.entry(collection.to_owned()).or_default().clone()
    }
}

impl Slot {
    fn shown(&self) -> Option<Shown> {
        lock(&self.shown).clone()
    }

    fn show(
        &self,
        collection: &str,
        log: &Arc<CollectionLog>,
        grouped: Arc<Grouped>,
    ) -> Arc<People> {
        let people = Arc::new(People::new(collection, grouped, log));
        *lock(&self.shown) = Some(Shown { log: log.clone(), people: people.clone() });
        people
    }
}

/// The locks guard no half-done state, so a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LoadedFolder {
    /// The names of the face collections of this folder.
    #[must_use]
    pub fn collections(&self) -> Vec<String> {
        self.decisions.refresh();
        self.decisions.collections()
    }

    /// The names of the collections that each medium joined.
    #[must_use]
    pub fn collections_by_medium(&self) -> HashMap<MediaId, Vec<String>> {
        let mut joined: HashMap<MediaId, Vec<String>> = HashMap::new();
        for name in self.collections() {
            let log = self.decisions.of_collection(&name);
            for media_id in log.iter().flat_map(|log| log.media()) {
                joined.entry(media_id).or_default().push(name.clone());
            }
        }
        joined
    }

    /// Whether there is a collection of this name.
    ///
    /// # Errors
    /// `NotFound` when there is not.
    pub fn check_collection(&self, collection: &str) -> Result<(), Failure> {
        self.log(collection).map(drop)
    }

    /// The people of a collection. While its faces are grouped by somebody else they are those that were
    /// grouped before, by everything that was decided since.
    ///
    /// # Errors
    /// `NotFound` when there is no collection of this name; `CacheDir` when the folder cannot be listed.
    pub fn people(&self, collection: &str) -> Result<Arc<People>, Failure> {
        self.log(collection)?;
        self.load_faces()?;
        let people = self.latest(collection, false, &|_| true)?;
        people.ok_or_else(|| Failure::new(ErrorCode::Internal, "the faces were not grouped"))
    }

    /// The same, for which everybody else is waited for; `None` when `progress` returned `false`.
    ///
    /// # Errors
    /// Those of [`LoadedFolder::people`].
    pub fn gather(
        &self,
        collection: &str,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<Arc<People>>, Failure> {
        self.load_faces()?;
        self.latest(collection, true, progress)
    }

    fn latest(
        &self,
        collection: &str,
        waits: bool,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<Arc<People>>, Failure> {
        let (log, media) = self.joined(collection)?;
        let slot = self.people.slot(collection);
        let shown = slot.shown();
        let is_current = |shown: &&Shown| shown.people.grouped.is_current(&log, &media);
        if let Some(Shown { log: by, people }) = shown.as_ref().filter(is_current) {
            let is_shown = *by == log;
            let again = || slot.show(collection, &log, people.grouped.clone());
            return Ok(Some(if is_shown { people.clone() } else { again() }));
        }
        let busy = slot.grouping.try_lock();
        let _turn = match (busy, &shown) {
            (Ok(turn), _) => turn,
            (Err(_), Some(shown)) if !waits => {
                let grouped = shown.people.grouped.clone();
                return Ok(Some(Arc::new(People::new(collection, grouped, &log))));
            }
            (Err(_), _) => lock(&slot.grouping),
        };
        // Whoever was waited for may have done it, or somebody may have decided something meanwhile.
        let (log, media) = self.joined(collection)?;
        let before = slot.shown().map(|shown| shown.people.grouped.clone());
        let grouped = match before {
            Some(before) if before.is_current(&log, &media) => Some(before),
            before => self.group(collection, &log, media, before.as_deref(), progress)?,
        };
        Ok(grouped.map(|grouped| slot.show(collection, &log, grouped)))
    }

    /// Groups the faces as a decision says, which is kept once that has been done; `None` when `progress`
    /// returned `false`, and then nothing has changed.
    ///
    /// # Errors
    /// Those of [`LoadedFolder::people`]; `CacheDir` when the decision cannot be written.
    pub fn regroup(
        &self,
        collection: &str,
        decision: Decision,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<Arc<People>>, Failure> {
        self.load_faces()?;
        let slot = self.people.slot(collection);
        let turn = lock(&slot.grouping);
        let (log, media) = self.joined(collection)?;
        let mut decided = (*log).clone();
        decided.push(Place::default(), decision.clone());
        let Some(grouped) = self.group(collection, &decided, media, None, progress)? else {
            return Ok(None);
        };
        {
            let _decides = lock(&slot.deciding);
            self.decisions.decide(collection, decision)?;
        }
        slot.show(collection, &self.log(collection)?, grouped);
        drop(turn);
        self.latest(collection, true, &|_| true)
    }

    fn group(
        &self,
        collection: &str,
        log: &CollectionLog,
        media: Vec<Arc<LoadedFaces>>,
        before: Option<&Grouped>,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<Arc<Grouped>>, Failure> {
        let name = format!("{}\n{collection}", self.store.root().display());
        let file = self.groups.join(blake3::hash(name.as_bytes()).to_hex().as_str());
        let grouped = group(log, media, before, &file, progress)
            .map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
        Ok(grouped.map(Arc::new))
    }

    /// What was decided about a collection so far.
    fn log(&self, collection: &str) -> Result<Arc<CollectionLog>, Failure> {
        self.decisions.refresh();
        self.decisions.of_collection(collection).ok_or_else(|| no_collection(collection))
    }

    /// What was decided about a collection so far, and those faces in memory that joined it.
    fn joined(
        &self,
        collection: &str,
    ) -> Result<(Arc<CollectionLog>, Vec<Arc<LoadedFaces>>), Failure> {
        let log = self.log(collection)?;
        let media = log.media().into_iter().filter_map(|id| self.faces.get(&id)).collect();
        Ok((log, media))
    }

    /// The faces of the media that joined a collection.
    ///
    /// # Errors
    /// Those of [`LoadedFolder::people`].
    pub fn faces_in(&self, collection: &str) -> Result<Vec<Arc<LoadedFaces>>, Failure> {
        self.log(collection)?;
        self.load_faces()?;
        Ok(self.joined(collection)?.1)
    }

    /// Keeps a decision about the people of a collection for good, made of what they are now. Nobody else of
    /// this process decides meanwhile.
    ///
    /// # Errors
    /// Those of `decide`, after which nothing was decided; `CacheDir` when it cannot be written.
    pub fn decide<R>(
        &self,
        collection: &str,
        decide: impl FnOnce(&People) -> Result<(Decision, R), Failure>,
    ) -> Result<R, Failure> {
        // First, so that a name that there is not makes no slot.
        self.log(collection)?;
        let slot = self.people.slot(collection);
        let _decides = lock(&slot.deciding);
        let (decision, reply) = decide(&*self.people(collection)?)?;
        self.decisions.decide(collection, decision)?;
        Ok(reply)
    }

    /// Takes back the last decision about names and clusters of a collection that holds, and gives it; `None`
    /// where there is none.
    ///
    /// # Errors
    /// `NotFound` when there is no collection of this name; `CacheDir` when that cannot be written.
    pub fn undo(&self, collection: &str) -> Result<Option<Decision>, Failure> {
        self.log(collection)?;
        let slot = self.people.slot(collection);
        let _decides = lock(&slot.deciding);
        let log = self.log(collection)?;
        let Some((of, decision)) = log.last_correction() else { return Ok(None) };
        self.decisions.decide(collection, Decision::Undo { of: of.clone() })?;
        Ok(Some(decision.clone()))
    }

    /// Has media join a collection, those that have not.
    ///
    /// # Errors
    /// `CacheDir` when that cannot be written.
    pub fn join(&self, collection: &str, media: &[MediaId]) -> Result<(), Failure> {
        self.decisions.refresh();
        let log = self.decisions.of_collection(collection);
        let joined: HashSet<MediaId> = log.iter().flat_map(|log| log.media()).collect();
        let new: Vec<MediaId> = media.iter().filter(|id| !joined.contains(id)).copied().collect();
        for media in new.chunks(JOIN_AT_ONCE) {
            self.decisions.decide(collection, Decision::Join { media: media.to_vec() })?;
        }
        Ok(())
    }
}

/// There is no collection of this name.
fn no_collection(name: &str) -> Failure {
    let message = format!("there is no face collection \"{}\" in cache_dir", shorten(name));
    Failure::new(ErrorCode::NotFound, message)
}
