//! Transcripts in memory, by medium and model, ready to be searched.

use super::{corrected::CorrectedMeanings, media::open_segment};
use crate::{
    decisions::{Corrected, Decided, Names},
    intake::stamp,
    meaning,
};
use fs_err as fs;
use rushes_model::{Failure, MediaId, ModelKey};
use rushes_store::{FileStamp, SpeechBundle, SpeechBundleFile, SpokenSegment, StoreError};
use rushes_text::{Folded, Index, Phrase, Room, word_count};
use rushes_vectors::Segment;
use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// What one model heard in one medium.
pub struct LoadedTranscript {
    /// What was said, as it is after all corrections. What it means is not in here.
    pub speech: SpeechBundle,
    /// Whether somebody corrected each segment.
    pub edited: Vec<bool>,
    /// Names of the speakers.
    pub names: Names,
    /// What each segment means as the model heard it, if that was worked out as it is now.
    pub meanings: Option<Segment>,
    /// The same after corrections, where there are any.
    corrected: Option<CorrectedMeanings>,
    /// The same, to be looked for word by word.
    pub index: Index,
    /// The same segment by segment, made when the first phrase is looked for.
    folded: OnceLock<Folded>,
    decided: Arc<Decided>,
    /// Of its bundle, once there is one: published files never change, so it tells one from the one that
    /// took its place.
    file: Option<FileStamp>,
}

impl LoadedTranscript {
    /// From a bundle that is checked as it is opened.
    pub(super) fn stored(path: &Path, decided: Arc<Decided>) -> Result<Self, StoreError> {
        // The stamp first: of a bundle that is replaced now, the next look tells.
        let file = Some(FileStamp::of(&fs::metadata(path)?)?);
        let SpeechBundleFile { speech, meanings } = SpeechBundleFile::open(path)?;
        let ours = meanings.filter(|(encoder, _)| meaning::is_searched(encoder));
        let meanings = ours.map(|(_, rows)| open_segment(&rows, None)).transpose()?;
        Ok(Self::new(speech, meanings, decided, file))
    }

    /// From an analysis under way.
    #[must_use]
    pub fn under_way(speech: SpeechBundle, decided: Arc<Decided>) -> Self {
        Self::new(speech, None, decided, None)
    }

    /// The one place where corrections and names come to what a model heard.
    fn new(
        mut speech: SpeechBundle,
        meanings: Option<Segment>,
        decided: Arc<Decided>,
        file: Option<FileStamp>,
    ) -> Self {
        let names = decided.names(&speech.segments);
        let heard = std::mem::take(&mut speech.segments);
        let count = heard.len();
        let said = decided.corrected(heard, &speech.voice);
        let corrected = CorrectedMeanings::of(&said, count);
        let edited = said.iter().map(|one| one.edited).collect();
        speech.segments = said.into_iter().map(|Corrected { segment, .. }| segment).collect();
        let mut index = Index::new(speech.voice.spaced);
        for segment in &speech.segments {
            index.push(segment.words.iter().map(|word| word.text.as_str()));
        }
        let folded = OnceLock::new();
        Self { speech, edited, names, meanings, corrected, index, folded, decided, file }
    }

    /// Whether nobody has corrected it.
    #[must_use]
    pub fn is_as_heard(&self) -> bool {
        self.corrected.is_none()
    }

    /// What each segment means as it is now, once that was worked out.
    #[must_use]
    pub fn understood(&self) -> Option<&Segment> {
        self.corrected.as_ref().map_or(self.meanings.as_ref(), CorrectedMeanings::get)
    }

    /// Works out what corrected segments mean, where that is known of the others.
    ///
    /// # Errors
    /// Those of `encode`.
    pub fn understand(
        &self,
        encode: &dyn Fn(&str) -> Result<Vec<f32>, Failure>,
    ) -> Result<(), Failure> {
        match (&self.corrected, &self.meanings) {
            (Some(corrected), Some(meanings)) => corrected.work_out(&self.speech, meanings, encode),
            _ => Ok(()),
        }
    }

    /// Time and score of each segment in which a phrase begins, in order. It may go on in the next ones.
    pub fn find(&self, phrase: &Phrase) -> impl Iterator<Item = (f64, f32)> {
        let folded = self.folded.get_or_init(|| self.fold());
        let mut room = Room::default();
        self.speech.segments.iter().enumerate().filter_map(move |(number, segment)| {
            let found = folded.begins(number, phrase, &mut room)?;
            Some((time_of(segment, found.word), found.score))
        })
    }

    fn fold(&self) -> Folded {
        let mut folded = Folded::default();
        for segment in &self.speech.segments {
            folded.push(segment.words.iter().map(|word| word.text.as_str()));
        }
        folded
    }

    /// What it is of, and where that was then.
    #[must_use]
    pub fn place(&self) -> (MediaId, &Path) {
        (self.speech.meta.media_id, &self.speech.meta.source_path)
    }

    /// Whether everything that is said has been written down.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.file.is_some()
    }

    /// Whether it is what this file holds now, with what was decided about it.
    fn is_of(&self, path: &Path, decided: &Decided) -> bool {
        *self.decided == *decided && self.file.is_some() && self.file == stamp(path)
    }
}

/// When a word of a segment begins, counted as folding has it, which may part a word and leave out another.
fn time_of(segment: &SpokenSegment, folded: usize) -> f64 {
    let ends = segment.words.iter().scan(0, |sum, word| {
        *sum += word_count(&word.text);
        Some((*sum, word.start))
    });
    let found = ends.into_iter().find(|(end, _)| folded < *end);
    found.map_or_else(|| segment.start(), |(_, start)| start)
}

/// Of the transcripts of one medium that by this model, or else the first one.
pub fn preferred<'a>(
    mut all: impl Iterator<Item = &'a Arc<LoadedTranscript>> + Clone,
    model: Option<&ModelKey>,
) -> Option<&'a Arc<LoadedTranscript>> {
    let by_it = |one: &&Arc<LoadedTranscript>| Some(&one.speech.meta.model_key) == model;
    all.clone().find(by_it).or_else(|| all.next())
}

/// The transcripts of each medium, by the key of the model.
type ByMedium = BTreeMap<MediaId, BTreeMap<ModelKey, Arc<LoadedTranscript>>>;

/// The transcripts in memory of one analysis folder.
#[derive(Default)]
pub struct Transcripts(RwLock<ByMedium>);

impl Transcripts {
    /// Those of a medium, in order of their models.
    pub fn of(&self, media_id: MediaId) -> Vec<Arc<LoadedTranscript>> {
        self.read().get(&media_id).into_iter().flat_map(|models| models.values().cloned()).collect()
    }

    /// One of each medium: that by this model, or else the first one.
    pub fn one_each(&self, model: Option<&ModelKey>) -> Vec<Arc<LoadedTranscript>> {
        self.read().values().filter_map(|all| preferred(all.values(), model)).cloned().collect()
    }

    /// Whether a medium's by this model is what this file holds, with what was decided about it.
    pub fn has(&self, model: &ModelKey, media_id: MediaId, path: &Path, decided: &Decided) -> bool {
        let transcript = self.read().get(&media_id).and_then(|models| models.get(model)).cloned();
        transcript.is_some_and(|transcript| transcript.is_of(path, decided))
    }

    /// Puts a transcript in the place of what was there by its model.
    pub fn insert(&self, transcript: LoadedTranscript) {
        let meta = &transcript.speech.meta;
        let (id, model) = (meta.media_id, meta.model_key.clone());
        self.write().entry(id).or_default().insert(model, Arc::new(transcript));
    }

    /// Puts one under way in the place of an earlier look at it, and not of a finished one.
    pub fn show(&self, speech: SpeechBundle, decided: Arc<Decided>) {
        let (id, model) = (speech.meta.media_id, speech.meta.model_key.clone());
        // Before the lock: it is folded for searches, and readers need not wait for that.
        let so_far = Arc::new(LoadedTranscript::under_way(speech, decided));
        let mut all = self.write();
        let models = all.entry(id).or_default();
        if !models.get(&model).is_some_and(|there| there.is_finished()) {
            models.insert(model, so_far);
        }
    }

    /// Drops what was shown of a transcript that will not be finished.
    pub fn withdraw(&self, model: &ModelKey, media_id: MediaId) {
        self.retain(media_id, |key, transcript| key != model || transcript.is_finished());
    }

    /// Drops a medium's finished transcripts whose models are not among these.
    pub fn keep(&self, media_id: MediaId, there: &HashSet<&ModelKey>) {
        self.retain(media_id, |key, transcript| there.contains(key) || !transcript.is_finished());
    }

    /// The media that have any.
    pub fn media(&self) -> Vec<MediaId> {
        self.read().keys().copied().collect()
    }

    fn retain(&self, media_id: MediaId, keep: impl Fn(&ModelKey, &LoadedTranscript) -> bool) {
        let mut all = self.write();
        if let Some(models) = all.get_mut(&media_id) {
            models.retain(|key, transcript| keep(key, transcript));
            if models.is_empty() {
                all.remove(&media_id);
            }
        }
    }

    /// The lock guards no half-done state, so a panic elsewhere does not matter.
    fn read(&self) -> RwLockReadGuard<'_, ByMedium> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, ByMedium> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
