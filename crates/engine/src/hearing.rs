//! What listens to speech, in memory while it is needed.

use crate::{models::ModelPool, replies::LoadedModel};
use rushes_infer::{
    InferError,
    registry::Kind,
    speakers::{self, SpeakerModel},
    speech::{self, VoiceDetector, Whisper},
};
use rushes_model::{ErrorCode, Failure, ModelKey};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Speech models in the order in which one that is on disk is the default.
const DEFAULTS: [&str; 6] = [
    "whisper-base",
    "whisper-small",
    "whisper-large-v3-turbo-q5",
    "whisper-large-v3-turbo",
    "whisper-medium",
    "whisper-tiny.en",
];

/// Threads that listen for each that tells speakers apart: writing down takes five times as long as that
/// (bench/runs/2026-11-25.md), and each needs a copy of the model.
const LISTENERS_A_TELLER: usize = 4;

/// A speech model and what finds voices for it.
pub struct Hearing {
    /// Key of the model.
    pub key: ModelKey,
    /// Writes down what is said.
    pub whisper: Whisper,
    /// Finds voices.
    pub detector: VoiceDetector,
    /// Tells them apart, if that model is on disk.
    pub speakers: Option<SpeakerModel>,
}

/// The hearing in memory.
#[derive(Default)]
pub struct HearingSlot {
    /// With when it was last asked for. Locked for long only while one is opened.
    slot: Mutex<Option<(Arc<Hearing>, Instant)>>,
    /// Loads that somebody asked for and that go on.
    awaited: AtomicUsize,
}

/// A speech model that is being loaded, until this is dropped.
pub struct Awaited(ModelPool);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.hearing_slot().awaited.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who is to listen, checked: a model that is on disk, and a language that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechOrder {
    /// The model.
    pub model: ModelKey,
    /// ISO 639-1 code of what is spoken; found out when absent.
    pub language: Option<String>,
    /// Track among those with sound, from 0; the first in which anybody speaks when absent.
    pub track: Option<u32>,
}

impl HearingSlot {
    /// The hearing of this model, opened if it is not in memory, or is there without what tells speakers apart;
    /// another one's is let go.
    pub fn get(
        &self,
        key: &ModelKey,
        speakers: bool,
        open: impl FnOnce() -> Result<Hearing, String>,
    ) -> Result<Arc<Hearing>, String> {
        let mut slot = self.lock();
        let hearing = match slot.take() {
            Some((hearing, _)) if hearing.key == *key && hearing.speakers.is_some() == speakers => {
                hearing
            }
            _ => Arc::new(open()?),
        };
        *slot = Some((hearing.clone(), Instant::now()));
        Ok(hearing)
    }

    /// What is in memory, and whether something is on its way there.
    pub fn loaded(&self) -> LoadedModel {
        let awaited = self.awaited.load(Ordering::Relaxed) > 0;
        match self.slot.try_lock() {
            Ok(slot) => {
                let model_key = slot.as_ref().map(|(hearing, _)| hearing.key.to_string());
                LoadedModel { model_key, is_loading: awaited }
            }
            Err(_) => LoadedModel { model_key: None, is_loading: true },
        }
    }

    /// Lets go of what nobody uses and nobody has asked for this long.
    pub fn drop_idle(&self, idle: Duration) {
        let is_idle = |(hearing, used): &(Arc<Hearing>, Instant)| {
            Arc::strong_count(hearing) == 1 && used.elapsed() >= idle
        };
        self.lock().take_if(|slot| is_idle(slot));
    }

    /// The lock guards no half-done state, so a panic elsewhere does not matter.
    fn lock(&self) -> MutexGuard<'_, Option<(Arc<Hearing>, Instant)>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelPool {
    /// Who is to listen: the named model or the default one. `None` when none was named and none is on
    /// disk.
    ///
    /// # Errors
    /// `UnknownModel`; `BadRequest` when the named model is not on disk, or does not know the language.
    pub fn speech_order(
        &self,
        named: Option<&str>,
        language: Option<&str>,
    ) -> Result<Option<SpeechOrder>, Failure> {
        let language = language.map(known_language).transpose()?;
        let model = match named {
            Some(named) => {
                let key = self.known(Kind::Speech, named)?;
                self.check_downloaded(&key)?;
                Some(key)
            }
            None => self.active_speech(),
        };
        let Some(model) = model else { return Ok(None) };
        if let Some(language) = language
            && !self.knows_language(&model, language)
        {
            let message =
                format!("{model} does not know the language \"{language}\"; take another model");
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        Ok(Some(SpeechOrder { model, language: language.map(str::to_owned), track: None }))
    }

    /// The speech model for callers that name none: the one chosen by hand, or else the first default, if it
    /// is on disk.
    #[must_use]
    pub fn active_speech(&self) -> Option<ModelKey> {
        let chosen = fs_err::read_to_string(self.speech_choice()).unwrap_or_default();
        let candidates = [chosen.trim()].into_iter().chain(DEFAULTS);
        let mut known = candidates.filter_map(|key| self.known(Kind::Speech, key).ok());
        known.find(|key| self.is_downloaded(key))
    }

    /// Whether this is the key of a speech model.
    #[must_use]
    pub fn is_speech(&self, key: &ModelKey) -> bool {
        self.known(Kind::Speech, key.as_str()).is_ok()
    }

    /// Announces that a speech model is about to be loaded.
    #[must_use]
    pub fn await_speech(&self) -> Awaited {
        self.hearing_slot().awaited.fetch_add(1, Ordering::Relaxed);
        Awaited(self.clone())
    }

    /// What listens with this model.
    ///
    /// # Errors
    /// Why it cannot be loaded.
    pub fn hearing(&self, key: &ModelKey) -> Result<Arc<Hearing>, Failure> {
        let tells_apart = speakers::MODEL.parse().is_ok_and(|key| self.is_downloaded(&key));
        let opened = self.hearing_slot().get(key, tells_apart, || {
            let (runtime, models) = (self.runtime()?, self.folder().path());
            let open = || -> Result<Hearing, InferError> {
                let detector = VoiceDetector::open(&runtime, models, 1)?;
                let whisper = Whisper::open(models, key)?;
                let callers = self.workers().div_ceil(LISTENERS_A_TELLER);
                let speakers = || SpeakerModel::open(&runtime, models, callers);
                let speakers = tells_apart.then(speakers).transpose()?;
                Ok(Hearing { key: key.clone(), whisper, detector, speakers })
            };
            open().map_err(|error| error.to_string())
        });
        opened.map_err(|reason| Failure::new(ErrorCode::Internal, reason))
    }
}

/// A language as Whisper names it, of a code such as `en` or `en-GB`.
fn known_language(code: &str) -> Result<&'static str, Failure> {
    let known = speech::language(code.split(['-', '_']).next().unwrap_or_default());
    known.ok_or_else(|| {
        let code: String = code.chars().take(20).collect();
        let message = format!(
            "language is \"{code}\", which no model can hear; give a code such as en or de"
        );
        Failure::new(ErrorCode::BadRequest, message)
    })
}
