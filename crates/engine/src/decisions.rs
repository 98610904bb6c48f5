//! What people decided about media, kept in the journal of the analysis folder.
//!
//! [`Decisions`] are those of one folder, by all machines that share it, and [`Decided`] what holds for one
//! medium: [`Correction`]s of what is said in it, and [`Naming`]s of who speaks. They belong to the medium
//! and to no model, so that they last when it is analysed again. What was decided about faces belongs to
//! their collection: [`CollectionLog`].

mod alignment;
mod corrections;
mod names;

pub use corrections::{Corrected, Correction};
pub use names::{Named, Names, Naming, times_of};

use crate::library::cache_dir_failure;
use rushes_faces::{CollectionLog, Decision, Place};
use rushes_model::{Failure, MediaId};
use rushes_store::{Journal, JournalStamp, Record, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Kind of the records of corrections.
const CORRECTION: &str = "transcript.text";
/// Kind of the records of names.
const NAMING: &str = "transcript.speakers";
/// Kind of the records of what is decided about faces.
const PEOPLE: &str = "people";

/// The decisions of one analysis folder, as they were when it was last looked at.
pub struct Decisions {
    journal: Journal,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    stamp: JournalStamp,
    /// Time of the last record.
    latest_ms: u64,
    media: HashMap<MediaId, Arc<Decided>>,
    collections: BTreeMap<String, Arc<CollectionLog>>,
}

/// A decision about the faces of a collection, as it is kept.
#[derive(Serialize, Deserialize)]
struct OfCollection {
    collection: String,
    #[serde(flatten)]
    decision: Decision,
}

/// What the records of a journal say.
#[derive(Default)]
struct Sorted {
    media: HashMap<MediaId, Decided>,
    collections: BTreeMap<String, CollectionLog>,
}

/// What was decided about one medium.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decided {
    corrections: Vec<Correction>,
    namings: Vec<Naming>,
}

impl Decisions {
    /// Those of a journal, which is not read yet.
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        Self { journal, seen: Mutex::default() }
    }

    /// Reads the journal again if it has changed. One that cannot be read now has lost nothing: what was
    /// read before holds on.
    pub fn refresh(&self) {
        if let Err(error) = self.read_if_changed() {
            tracing::warn!(%error, "corrections and names were not looked for");
        }
    }

    fn read_if_changed(&self) -> Result<(), StoreError> {
        let mut seen = self.seen();
        // The stamp first: what is written while the journal is read, the next look tells.
        let stamp = self.journal.stamp()?;
        if stamp == seen.stamp {
            return Ok(());
        }
        let read = self.journal.read()?;
        for error in &read.damaged {
            tracing::warn!(%error, "some corrections and names are lost");
        }
        seen.latest_ms = read.records.last().map_or(0, |last| last.time_ms);
        let mut sorted = Sorted::default();
        read.records.into_iter().for_each(|record| sorted.take_in(record));
        let Sorted { media, collections } = sorted;
        seen.media = media.into_iter().map(|(id, decided)| (id, Arc::new(decided))).collect();
        let collections = collections.into_iter();
        seen.collections = collections.map(|(name, log)| (name, Arc::new(log))).collect();
        seen.stamp = stamp;
        Ok(())
    }

    /// What holds for a medium.
    #[must_use]
    pub fn of(&self, media_id: MediaId) -> Arc<Decided> {
        self.seen().media.get(&media_id).cloned().unwrap_or_default()
    }

    /// Keeps a correction for good.
    ///
    /// # Errors
    /// `CacheDir` when the journal cannot be written.
    pub fn correct(&self, correction: &Correction) -> Result<(), Failure> {
        self.append(CORRECTION, correction)
    }

    /// Keeps names for good.
    ///
    /// # Errors
    /// `CacheDir` when the journal cannot be written.
    pub fn name(&self, naming: &Naming) -> Result<(), Failure> {
        self.append(NAMING, naming)
    }

    /// What was decided about a collection; `None` if there is none of this name.
    #[must_use]
    pub fn of_collection(&self, name: &str) -> Option<Arc<CollectionLog>> {
        self.seen().collections.get(name).cloned()
    }

    /// The names of all collections.
    #[must_use]
    pub fn collections(&self) -> Vec<String> {
        self.seen().collections.keys().cloned().collect()
    }

    /// Keeps a decision about the faces of a collection for good.
    ///
    /// # Errors
    /// `CacheDir` when the journal cannot be written.
    pub fn decide(&self, collection: &str, decision: Decision) -> Result<(), Failure> {
        self.append(PEOPLE, &OfCollection { collection: collection.to_owned(), decision })
    }

    fn append(&self, kind: &str, body: &impl Serialize) -> Result<(), Failure> {
        self.refresh();
        let known_ms = self.seen().latest_ms;
        self.journal.append_after(known_ms, kind, body).map_err(cache_dir_failure)?;
        self.refresh();
        Ok(())
    }

    /// The lock guards no half-done state, so a panic elsewhere does not matter.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sorted {
    /// Adds a record to what holds for its medium or collection. Kinds of later versions are passed over.
    fn take_in(&mut self, record: Record) {
        match record.kind.as_str() {
            CORRECTION => {
                if let Some(correction) = body::<Correction>(record) {
                    let decided = self.media.entry(correction.media_id).or_default();
                    correction.join(&mut decided.corrections);
                }
            }
            NAMING => {
                if let Some(naming) = body::<Naming>(record) {
                    self.media.entry(naming.media_id).or_default().namings.push(naming);
                }
            }
            PEOPLE => {
                let place =
                    Place { machine: record.machine.to_string(), sequence: record.sequence };
                if let Some(OfCollection { collection, decision }) = body(record) {
                    self.collections.entry(collection).or_default().push(place, decision);
                }
            }
            _ => {}
        }
    }
}

fn body<B: DeserializeOwned>(record: Record) -> Option<B> {
    let kind = record.kind;
    let read = serde_json::from_value(record.body);
    read.inspect_err(|error| tracing::warn!(kind, %error, "a decision was not understood")).ok()
}
