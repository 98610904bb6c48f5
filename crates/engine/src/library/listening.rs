//! What is heard in the media of a folder: its transcripts, and what people decided about them.

use super::{LIST_AGAIN, LoadedFolder, LoadedTranscript, cache_dir_failure};
use crate::decisions::{Correction, Naming};
use rushes_model::{Failure, MediaId, ModelKey};
use rushes_store::{Analysis, SpeechBundle, StoreError};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

impl LoadedFolder {
    /// Brings all transcripts of the folder into memory.
    ///
    /// # Errors
    /// `CacheDir` when the folder cannot be listed.
    pub fn load_transcripts(&self) -> Result<(), Failure> {
        let mut listing = self.listing();
        self.decisions.refresh();
        let before = self.transcripts.media();
        let entries = self.store.list(Analysis::Speech).map_err(cache_dir_failure)?;
        let mut there: HashMap<MediaId, HashSet<&ModelKey>> = HashMap::new();
        for entry in &entries {
            there.entry(entry.media_id).or_default().insert(&entry.model_key);
        }
        let none = HashSet::new();
        before.iter().for_each(|id| self.transcripts.keep(*id, there.get(id).unwrap_or(&none)));
        entries.iter().for_each(|entry| self.load_entry(entry, &mut listing));
        listing.last_of_transcripts = Some(Instant::now());
        Ok(())
    }

    /// The same, unless the folder was listed in the last five seconds.
    ///
    /// # Errors
    /// Those of [`LoadedFolder::load_transcripts`].
    pub fn load_transcripts_again(&self) -> Result<(), Failure> {
        let last = self.listing().last_of_transcripts;
        let is_recent = last.is_some_and(|last| last.elapsed() < LIST_AGAIN);
        if is_recent { Ok(()) } else { self.load_transcripts() }
    }

    /// Brings the transcripts of one medium into memory. What was brought before and is unchanged is not
    /// read again.
    pub fn load_transcripts_of(&self, media_id: MediaId) {
        let mut listing = self.listing();
        self.decisions.refresh();
        // A folder that does not answer has lost nothing.
        let Ok(entries) = self.store.of_medium(Analysis::Speech, &media_id) else { return };
        self.transcripts.keep(media_id, &entries.iter().map(|entry| &entry.model_key).collect());
        entries.iter().for_each(|entry| self.load_entry(entry, &mut listing));
    }

    /// The finished transcript of this medium by this model, if it is there, as it was heard: without the
    /// corrections that readers see.
    #[must_use]
    pub fn transcript(&self, model: &ModelKey, media_id: MediaId) -> Option<Arc<LoadedTranscript>> {
        let all = self.transcripts_of(media_id);
        let by_it = |one: &Arc<LoadedTranscript>| one.speech.meta.model_key == *model;
        let found = all.into_iter().find(|one| by_it(one) && one.is_finished())?;
        if found.is_as_heard() {
            return Some(found);
        }
        let entry = self.store.find(Analysis::Speech, &media_id, model).ok()??;
        LoadedTranscript::stored(&entry.path, Arc::default()).ok().map(Arc::new)
    }

    /// Whether anything of this folder was listened to.
    ///
    /// # Errors
    /// `CacheDir` when the folder cannot be listed.
    pub fn has_any_speech(&self) -> Result<bool, Failure> {
        if !self.transcripts.media().is_empty() {
            return Ok(true);
        }
        Ok(!self.store.list(Analysis::Speech).map_err(cache_dir_failure)?.is_empty())
    }

    /// Publishes what was heard in a medium.
    ///
    /// # Errors
    /// When it cannot be written; the error names the path.
    pub fn publish_speech(&self, bundle: &SpeechBundle) -> Result<(), StoreError> {
        let path = self.store.publish_speech(bundle)?;
        let decided = self.decisions.of(bundle.meta.media_id);
        self.transcripts.insert(LoadedTranscript::stored(&path, decided)?);
        Ok(())
    }

    /// Lets readers see what has been heard so far, unless a finished transcript is there.
    pub fn show_speech(&self, so_far: SpeechBundle) {
        let decided = self.decisions.of(so_far.meta.media_id);
        self.transcripts.show(so_far, decided);
    }

    /// Takes back what [`LoadedFolder::show_speech`] showed.
    pub fn withdraw_speech(&self, model: &ModelKey, media_id: MediaId) {
        self.transcripts.withdraw(model, media_id);
    }

    /// The transcripts of a medium that are there, in order of their models.
    #[must_use]
    pub fn transcripts_of(&self, media_id: MediaId) -> Vec<Arc<LoadedTranscript>> {
        self.load_transcripts_of(media_id);
        self.transcripts.of(media_id)
    }

    /// Keeps a correction, and has it read and found from now on.
    ///
    /// # Errors
    /// `CacheDir` when it cannot be written.
    pub fn correct(&self, correction: &Correction) -> Result<(), Failure> {
        self.decisions.correct(correction)?;
        self.load_transcripts_of(correction.media_id);
        Ok(())
    }

    /// Keeps names of speakers, and has them read from now on.
    ///
    /// # Errors
    /// `CacheDir` when they cannot be written.
    pub fn name_speakers(&self, naming: &Naming) -> Result<(), Failure> {
        self.decisions.name(naming)?;
        self.load_transcripts_of(naming.media_id);
        Ok(())
    }

    /// Of each medium that was heard the transcript in memory by this model, or else another one.
    #[must_use]
    pub fn heard(&self, model: Option<&ModelKey>) -> Vec<Arc<LoadedTranscript>> {
        self.transcripts.one_each(model)
    }
}
