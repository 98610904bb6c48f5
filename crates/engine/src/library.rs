//! What is in memory of the analysis folders, and so can be searched.
//!
//! A [`LoadedFolder`] holds a [`LoadedMedia`] for each medium and model: mapped from its bundle, or
//! built in memory while its analysis is under way. Beside them it holds the [`LoadedText`] of each
//! medium and what is said in it, as one model heard it. These have bundles of their own and may come later.

mod corrected;
mod faces;
mod listening;
mod media;
mod people;
mod shelf;
mod text;
mod transcripts;

pub use faces::{LoadedFaces, LoadedTrack};
pub use media::LoadedMedia;
pub use text::{LoadedText, ReadFrame, is_searched};
pub use transcripts::{LoadedTranscript, preferred};

use crate::{decisions::Decisions, replies::LoadedCounts};
use people::Collections;
use rushes_model::{ErrorCode, Failure, HashStr, MediaId, ModelKey, Sampling};
use rushes_store::{
    Analysis, AnalysisFolder, Claim, Claims, Entry, Journal, Machine, StoreError, TextBundle,
    VisualBundle,
};
use rushes_vectors::Segment;
use shelf::Shelf;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use transcripts::Transcripts;

/// Rows from which a folder's vectors get sketches: below, plain scans take less than 50 ms on two cores,
/// and a sketch is a third more memory.
const SKETCH_FROM: usize = 500_000;
/// A folder that is searched is listed again after this long: another machine may have added to it.
const LIST_AGAIN: Duration = Duration::from_secs(5);

/// What a medium is claimed for: all that is done to it, so that it is decoded on one machine.
const CLAIM: &str = "analysis";

/// Shortest time between two looks for leftovers.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

/// The folders in memory.
pub struct Library {
    machine: Machine,
    groups: PathBuf,
    folders: Mutex<HashMap<PathBuf, Arc<LoadedFolder>>>,
}

/// What is in memory of one analysis folder.
pub struct LoadedFolder {
    store: AnalysisFolder,
    media: RwLock<Media>,
    texts: Shelf<MediaId, LoadedText>,
    faces: Shelf<MediaId, LoadedFaces>,
    transcripts: Transcripts,
    decisions: Decisions,
    people: Collections,
    /// Of this machine, for what can be worked out again.
    groups: PathBuf,
    listing: Mutex<Listing>,
    sketching: Arc<AtomicBool>,
    /// How many damaged bundles were moved away.
    quarantined: AtomicUsize,
    /// When leftovers were looked for last.
    tidied: Mutex<Option<Instant>>,
    claims: Claims,
}

/// How much of a folder has been asked for.
#[derive(Default)]
struct Listing {
    whole: bool,
    last: Option<Instant>,
    last_of_transcripts: Option<Instant>,
    last_of_faces: Option<Instant>,
    unreadable: HashSet<PathBuf>,
}

impl Library {
    /// Without any folder; `machine` is whose decisions go into the journals, and in the folder `groups` is
    /// kept how the faces of large collections are grouped.
    #[must_use]
    pub fn new(machine: Machine, groups: PathBuf) -> Self {
        Self { machine, groups, folders: Mutex::default() }
    }

    /// The folder, opened if it was not; nothing is read yet.
    ///
    /// # Errors
    /// `CacheDir` when it is not usable.
    pub fn folder(&self, cache_dir: &Path) -> Result<Arc<LoadedFolder>, Failure> {
        if let Some(folder) = self.lock().get(cache_dir) {
            return Ok(folder.clone());
        }
        // Outside the lock: a share that does not answer must not hold up the other folders.
        let store = AnalysisFolder::open(cache_dir).map_err(cache_dir_failure)?;
        let journal = Journal::new(store.clone(), self.machine.clone());
        let folder = LoadedFolder {
            claims: Claims::new(&store, &self.machine),
            store,
            media: RwLock::default(),
            texts: Shelf::default(),
            faces: Shelf::default(),
            transcripts: Transcripts::default(),
            decisions: Decisions::new(journal),
            people: Collections::default(),
            groups: self.groups.clone(),
            listing: Mutex::default(),
            sketching: Arc::default(),
            quarantined: AtomicUsize::new(0),
            tidied: Mutex::default(),
        };
        Ok(self.lock().entry(cache_dir.to_owned()).or_insert_with(|| Arc::new(folder)).clone())
    }

    /// Drops one folder from memory, or all.
    pub fn clear(&self, cache_dir: Option<&Path>) {
        match cache_dir {
            Some(cache_dir) => drop(self.lock().remove(cache_dir)),
            None => self.lock().clear(),
        }
    }

    /// What all folders hold together.
    #[must_use]
    pub fn counts(&self) -> LoadedCounts {
        let folders: Vec<_> = self.lock().values().cloned().collect();
        folders.iter().map(|folder| folder.counts()).fold(LoadedCounts::default(), |sum, one| {
            LoadedCounts {
                media: sum.media + one.media,
                frames: sum.frames + one.frames,
                transcripts: sum.transcripts + one.transcripts,
                faces: sum.faces + one.faces,
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<LoadedFolder>>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure to use an analysis folder, as callers are told it.
pub fn cache_dir_failure(error: StoreError) -> Failure {
    Failure::new(ErrorCode::CacheDir, error.to_string())
}

type Media = BTreeMap<(ModelKey, MediaId), Arc<LoadedMedia>>;

/// Whether what was looked at so densely need not be looked at again.
fn is_as_dense(found: Sampling, wanted: Sampling) -> bool {
    found == Sampling::Full || found == wanted
}

impl LoadedFolder {
    /// Makes sure that the folder can be written, before work is put into what goes there.
    ///
    /// # Errors
    /// `CacheDir` with what is in the way.
    pub fn ensure_writable(&self) -> Result<(), Failure> {
        self.store.ensure_writable().map_err(cache_dir_failure)
    }

    /// Brings everything analysed into memory. What was brought before and is unchanged costs nothing,
    /// and the folder is not listed more than once in five seconds.
    ///
    /// # Errors
    /// `CacheDir` when the folder cannot be listed.
    pub fn load_all(&self) -> Result<(), Failure> {
        let mut listing = self.listing();
        if listing.whole && listing.last.is_some_and(|last| last.elapsed() < LIST_AGAIN) {
            return Ok(());
        }
        // Only what was in memory before the listing can be missed in it.
        let before: Vec<_> = self.read().keys().cloned().collect();
        let texts_before = self.texts.keys();
        let list = |analysis| self.store.list(analysis).map_err(cache_dir_failure);
        let (entries, texts) = (list(Analysis::Visual)?, list(Analysis::Text)?);
        self.forget_removed(&before, &entries);
        self.forget_removed_texts(&texts_before, &texts);
        for entry in entries.iter().chain(&texts) {
            self.load_entry(entry, &mut listing);
        }
        listing.whole = true;
        listing.last = Some(Instant::now());
        Ok(())
    }

    /// Drops stored analyses that somebody has removed from the folder.
    fn forget_removed(&self, before: &[(ModelKey, MediaId)], entries: &[Entry]) {
        let there: HashSet<_> = entries.iter().map(|one| (&one.model_key, one.media_id)).collect();
        let gone = before.iter().filter(|(model, id)| !there.contains(&(model, *id)));
        let mut media = self.write();
        for key in gone {
            if media.get(key).is_some_and(|media| media.is_stored()) {
                media.remove(key);
            }
        }
    }

    /// The same for text.
    fn forget_removed_texts(&self, before: &[MediaId], entries: &[Entry]) {
        let ours = entries.iter().filter(|entry| is_searched(&entry.model_key));
        let there: HashSet<_> = ours.map(|entry| entry.media_id).collect();
        before.iter().filter(|id| !there.contains(id)).for_each(|id| self.texts.remove(id));
    }

    /// Opens an analysis again that is not what it was when it was opened, with the text beside it.
    pub fn reopen(&self, media: &LoadedMedia) {
        self.write().remove(&(media.model_key.clone(), media.media_id));
        self.texts.remove(&media.media_id);
        self.load_medium(media.media_id);
    }

    /// Brings the analyses of one medium into memory.
    pub fn load_medium(&self, media_id: MediaId) {
        let mut listing = self.listing();
        for analysis in [Analysis::Visual, Analysis::Text] {
            for entry in self.store.of_medium(analysis, &media_id).unwrap_or_default() {
                self.load_entry(&entry, &mut listing);
            }
        }
    }

    /// Whether everything was asked into memory, rather than single media.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.listing().whole
    }

    /// Whether nothing was asked into memory yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        !self.is_whole() && self.read().is_empty()
    }

    fn load_entry(&self, entry: &Entry, listing: &mut Listing) {
        if self.need_not_load(entry) || listing.unreadable.contains(&entry.path) {
            return;
        }
        let damaged = |error: &StoreError| matches!(error, StoreError::Damaged { .. });
        let opened = self.open(entry).or_else(|error| {
            // A bundle that is replaced while it is opened is not of one piece: look again.
            if damaged(&error) { self.open(entry) } else { Err(error) }
        });
        if let Err(error) = opened {
            tracing::warn!(path = %entry.path.display(), %error, "analysis passed over");
            // Only what is damaged is moved away; a newer version's bundle is good for others, and a
            // disk that did not answer may do so the next time.
            let moved = damaged(&error) && self.store.quarantine(entry, &error.to_string()).is_ok();
            self.quarantined.fetch_add(usize::from(moved), Ordering::Relaxed);
            if !moved && !matches!(error, StoreError::Io(_)) {
                listing.unreadable.insert(entry.path.clone());
            }
        }
    }

    fn need_not_load(&self, entry: &Entry) -> bool {
        let (model, id) = (&entry.model_key, entry.media_id);
        match entry.analysis {
            Analysis::Visual => self.read().contains_key(&(model.clone(), id)),
            Analysis::Text => !is_searched(model) || self.texts.get(&id).is_some(),
            Analysis::Speech => {
                self.transcripts.has(model, id, &entry.path, &self.decisions.of(id))
            }
            Analysis::Faces => self.has_these_faces(entry),
        }
    }

    fn open(&self, entry: &Entry) -> Result<(), StoreError> {
        match entry.analysis {
            Analysis::Visual => self.insert(LoadedMedia::stored(&entry.path)?),
            Analysis::Text => {
                self.texts.insert(entry.media_id, LoadedText::stored(&entry.path)?);
            }
            Analysis::Speech => {
                let decided = self.decisions.of(entry.media_id);
                self.transcripts.insert(LoadedTranscript::stored(&entry.path, decided)?);
            }
            Analysis::Faces => {
                self.faces.insert(entry.media_id, LoadedFaces::stored(&entry.path)?);
            }
        }
        Ok(())
    }

    /// Whether this medium's analysis by this model is there, at least as dense as asked for.
    #[must_use]
    pub fn has(&self, model: &ModelKey, media_id: MediaId, sampling: Sampling) -> bool {
        let key = (model.clone(), media_id);
        // What is in memory may have been removed from the folder since.
        if let Ok(None) = self.store.find(Analysis::Visual, &media_id, model) {
            self.forget_removed(&[key], &[]);
            return false;
        }
        self.load_medium(media_id);
        let found = self.read().get(&key).and_then(|media| media.sampling());
        found.is_some_and(|found| is_as_dense(found, sampling))
    }

    /// Whether this medium's text by this reader is there, of shots told at least as densely.
    #[must_use]
    pub fn has_text(&self, reader: &ModelKey, media_id: MediaId, sampling: Sampling) -> bool {
        if let Ok(None) = self.store.find(Analysis::Text, &media_id, reader) {
            self.forget_removed_texts(&[media_id], &[]);
            return false;
        }
        self.load_medium(media_id);
        self.text_of(media_id).is_some_and(|text| is_as_dense(text.sampling(), sampling))
    }

    /// Whether text was read in anything of this folder.
    ///
    /// # Errors
    /// `CacheDir` when the folder cannot be listed.
    pub fn has_any_text(&self) -> Result<bool, Failure> {
        if !self.texts.keys().is_empty() {
            return Ok(true);
        }
        let entries = self.store.list(Analysis::Text).map_err(cache_dir_failure)?;
        Ok(entries.iter().any(|entry| is_searched(&entry.model_key)))
    }

    /// A finished analysis of this medium by any model. It is not brought into memory, where it would
    /// take part in searches that nobody asked it into.
    #[must_use]
    pub fn analysed(&self, media_id: MediaId) -> Option<Arc<LoadedMedia>> {
        let loaded = |media: &&Arc<LoadedMedia>| media.media_id == media_id && media.is_stored();
        if let Some(media) = self.read().values().find(loaded) {
            return Some(media.clone());
        }
        let entries = self.store.of_medium(Analysis::Visual, &media_id).ok()?;
        entries.iter().find_map(|entry| LoadedMedia::stored(&entry.path).ok().map(Arc::new))
    }

    /// Claims a medium for its analysis, until the claim is dropped; `None` when somebody else has it.
    ///
    /// # Errors
    /// When claims cannot be made here; the work can be done without.
    pub fn claim(&self, media_id: MediaId) -> Result<Option<Claim>, StoreError> {
        self.claims.claim(&media_id, CLAIM)
    }

    /// How many damaged bundles were moved away by this process.
    #[must_use]
    pub fn quarantined(&self) -> usize {
        self.quarantined.load(Ordering::Relaxed)
    }

    /// Whether this model's finished analysis of a medium is there; whether it is whole, opening it tells.
    #[must_use]
    pub fn is_stored(&self, analysis: Analysis, media_id: MediaId, model: &ModelKey) -> bool {
        // A folder that cannot be asked is no reason to analyse anew.
        self.store.find(analysis, &media_id, model).map_or(true, |found| found.is_some())
    }

    /// Models whose finished analysis of this medium is there.
    #[must_use]
    pub fn models_of(&self, analysis: Analysis, media_id: MediaId) -> Vec<String> {
        let entries = self.store.of_medium(analysis, &media_id).unwrap_or_default();
        entries.into_iter().map(|entry| entry.model_key.into()).collect()
    }

    /// Lets searches see an analysis under way, unless a finished one is there: that shows more.
    pub fn show(&self, media: LoadedMedia) {
        let key = (media.model_key.clone(), media.media_id);
        let mut all = self.write();
        if !all.get(&key).is_some_and(|there| there.is_stored()) {
            all.insert(key, Arc::new(media));
        }
    }

    /// Takes back what [`LoadedFolder::show`] showed; a finished analysis from before shows again.
    pub fn withdraw(&self, model: &ModelKey, media_id: MediaId) {
        let key = (model.clone(), media_id);
        if self.read().get(&key).is_some_and(|media| !media.is_stored()) {
            self.write().remove(&key);
            self.load_medium(media_id);
        }
    }

    /// Publishes an analysis and makes it what searches see.
    ///
    /// # Errors
    /// When it cannot be written; the error names the path.
    pub fn publish(&self, bundle: &VisualBundle) -> Result<(), StoreError> {
        let path = self.store.publish(bundle)?;
        self.insert(LoadedMedia::stored(&path)?);
        Ok(())
    }

    /// Publishes what was read in a medium, for searches to find.
    ///
    /// # Errors
    /// When it cannot be written; the error names the path.
    pub fn publish_text(&self, bundle: &TextBundle) -> Result<(), StoreError> {
        self.store.publish_text(bundle)?;
        if is_searched(&bundle.meta.model_key) {
            self.texts.insert(bundle.meta.media_id, LoadedText::of(bundle));
        }
        Ok(())
    }

    /// A medium in memory as this model saw it.
    #[must_use]
    pub fn medium(&self, model: &ModelKey, media_id: MediaId) -> Option<Arc<LoadedMedia>> {
        self.read().get(&(model.clone(), media_id)).cloned()
    }

    /// What was read in a medium, if that is in memory.
    #[must_use]
    pub fn text_of(&self, media_id: MediaId) -> Option<Arc<LoadedText>> {
        self.texts.get(&media_id)
    }

    /// All media in memory that this model saw.
    #[must_use]
    pub fn seen_by(&self, model: &ModelKey) -> Vec<Arc<LoadedMedia>> {
        self.read().values().filter(|media| media.model_key == *model).cloned().collect()
    }

    /// Has the vectors of a large folder sketched in the background, one round at a time, so that searches
    /// read less from then on. What they find is the same.
    pub fn sketch_if_large<T>(&self, parts: &[Arc<T>], segment: fn(&T) -> Option<&Segment>)
    where
        T: Send + Sync + 'static,
    {
        let segments = || parts.iter().filter_map(|part| segment(part));
        let rows: usize = segments().map(|segment| segment.rows().count()).sum();
        let plain = |part: &T| segment(part).is_some_and(|segment| !segment.has_sketch());
        let all_sketched = !parts.iter().any(|part| plain(part));
        if rows < SKETCH_FROM || all_sketched || self.sketching.swap(true, Ordering::AcqRel) {
            return;
        }
        let plain: Vec<Arc<T>> = parts.iter().filter(|part| plain(part)).cloned().collect();
        let under_way = self.sketching.clone();
        thread::spawn(move || {
            plain.iter().filter_map(|part| segment(part)).for_each(Segment::build_sketch);
            under_way.store(false, Ordering::Release);
        });
    }

    /// A medium in memory by the alias that the API has for it.
    #[must_use]
    pub fn by_hash(&self, hash: HashStr) -> Option<Arc<LoadedMedia>> {
        self.read().values().find(|media| media.hash_str == hash).cloned()
    }

    /// A medium that was analysed when it lay at `path`, by any model.
    #[must_use]
    pub fn by_source(&self, path: &Path) -> Option<Arc<LoadedMedia>> {
        if let Err(failure) = self.load_all() {
            tracing::warn!(%failure, "what is analysed could not be read");
        }
        self.read().values().find(|media| media.source == path).cloned()
    }

    /// Removes what a killed process of this machine left half-written, once an hour at most: it lists everything.
    pub fn tidy(&self) {
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if tidied.is_some_and(|last| last.elapsed() < TIDY_EVERY) {
            return;
        }
        *tidied = Some(Instant::now());
        drop(tidied);
        if let Err(error) = self.store.remove_stale_temporaries() {
            tracing::warn!(%error, "leftovers of an earlier process were not looked for");
        }
    }

    /// Models of which anything is in memory.
    #[must_use]
    pub fn models(&self) -> Vec<ModelKey> {
        let mut keys: Vec<_> = self.read().keys().map(|(model, _)| model.clone()).collect();
        keys.dedup();
        keys
    }

    /// What is in memory. A medium that two models saw or heard counts once.
    #[must_use]
    pub fn counts(&self) -> LoadedCounts {
        let media = self.read();
        let ids: HashSet<MediaId> = media.keys().map(|(_, id)| *id).collect();
        let frames = media.values().map(|media| media.times.len() as u64).sum();
        let transcripts = self.transcripts.media().len() as u64;
        let faces = self.face_count();
        LoadedCounts { media: ids.len() as u64, frames, transcripts, faces }
    }

    fn insert(&self, media: LoadedMedia) {
        self.write().insert((media.model_key.clone(), media.media_id), Arc::new(media));
    }

    fn read(&self) -> RwLockReadGuard<'_, Media> {
        self.media.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Media> {
        self.media.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn listing(&self) -> MutexGuard<'_, Listing> {
        self.listing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
