//! Which models are in memory, and who waits for one.

use crate::{
    config::Config,
    face_models::FaceSlot,
    hearing::HearingSlot,
    meaning::EncoderSlot,
    replies::{AvailableModels, LoadedModel, LoadedModels, ModelInfo},
};
use fs_err as fs;
use rushes_infer::{
    InferError, ProviderChoice, Runtime, VisualModel, faces,
    ocr::{self, TextReader},
    registry::{Entry, Kind, ModelFile, ModelFolder, Registry, RegistryError},
};
use rushes_media::Cancel;
use rushes_model::{ErrorCode, Failure, ModelKey, ParseIdError};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Files in the home folder that hold the keys chosen by `rushes models use`.
const CHOICE: &str = "visual-model";
const SPEECH_CHOICE: &str = "speech-model";
/// Time between two looks whether whoever waits for a model was cancelled.
const CANCEL_LOOK: Duration = Duration::from_millis(200);
/// The default that installs from packages alone.
const EMBEDDED: &str = "lite-260";
/// Visual models in the order in which one that is on disk is the default: fetching a better one does not
/// make it active, because what is analysed could not be searched with it.
const DEFAULTS: [&str; 7] = [
    EMBEDDED,
    "lite-260-fast",
    "v2-medium-256",
    "v2-medium-256-full",
    "v2-medium-256-small",
    "clip-b32",
    "tinyclip-8m",
];
/// Entry of the ONNX Runtime library, which a configured library takes the place of.
const RUNTIME: &str = "onnxruntime";

/// The models of this process. Cheap to clone.
#[derive(Clone)]
pub struct ModelPool(Arc<Inner>);

struct Inner {
    registry: Registry,
    folder: ModelFolder,
    choice: PathBuf,
    speech_choice: PathBuf,
    embedded: ModelKey,
    defaults: Vec<ModelKey>,
    configured: Option<ModelKey>,
    provider: ProviderChoice,
    library: Option<PathBuf>,
    workers: usize,
    idle: Duration,
    state: Mutex<State>,
    changed: Condvar,
    reader: Mutex<Option<Arc<Reader>>>,
    hearing: HearingSlot,
    encoder: EncoderSlot,
    faces: FaceSlot,
}

/// Reads on-screen text.
pub struct Reader {
    /// Its key in the registry.
    pub key: ModelKey,
    /// The model; its parts are in memory while they are needed.
    pub reader: TextReader,
}

#[derive(Default)]
struct State {
    runtime: Option<Runtime>,
    visual: HashMap<ModelKey, Slot>,
    /// The change of the active model that is under way.
    switch: Option<Switching>,
    /// Changes that have begun so far.
    switches: u64,
}

struct Switching {
    number: u64,
    key: ModelKey,
    cancel: Cancel,
}

/// A change of the active model, under way until this is dropped.
pub struct Switch {
    pool: ModelPool,
    number: u64,
}

enum Slot {
    Loading,
    Ready(Arc<dyn VisualModel>, Instant),
    Failed(String),
}

/// The compiled-in registry with the user's own entries, if there are any.
fn read_registry(user_file: &Path) -> Result<Registry, RegistryError> {
    let registry = Registry::builtin()?;
    if user_file.exists() { registry.with_user_file(user_file) } else { Ok(registry) }
}

impl ModelPool {
    /// Reads the registry and the user's choice; loads nothing.
    ///
    /// # Errors
    /// When the user's own registry file is not valid, or has no model that the configuration names.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        let registry = read_registry(&config.home.join("models.toml"))
            .map_err(|error| Failure::new(ErrorCode::BadRequest, error.to_string()))?;
        let internal = |error: ParseIdError| Failure::new(ErrorCode::Internal, error.to_string());
        let defaults: Result<Vec<ModelKey>, _> = DEFAULTS.iter().map(|key| key.parse()).collect();
        let pool = Self(Arc::new(Inner {
            embedded: EMBEDDED.parse().map_err(internal)?,
            defaults: defaults.map_err(internal)?,
            registry,
            folder: ModelFolder::new(config.models_dir()),
            choice: config.home.join(CHOICE),
            speech_choice: config.home.join(SPEECH_CHOICE),
            configured: config.visual_model.clone(),
            provider: config.provider,
            library: config.onnxruntime.clone(),
            workers: config.worker_count(),
            idle: config.model_idle(),
            state: Mutex::default(),
            changed: Condvar::new(),
            reader: Mutex::default(),
            hearing: HearingSlot::default(),
            encoder: EncoderSlot::default(),
            faces: FaceSlot::default(),
        }));
        if let Some(key) = &config.visual_model {
            pool.known_visual(key.as_str()).map_err(|Failure { code, message }| {
                Failure::new(code, format!("visual_model in the configuration: {message}"))
            })?;
        }
        Ok(pool)
    }

    /// All models that can be had.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Where models lie on disk.
    #[must_use]
    pub fn folder(&self) -> &ModelFolder {
        &self.0.folder
    }

    /// The visual model for callers that name none: the configured one, the one chosen by hand, else
    /// the first default on disk.
    #[must_use]
    pub fn active_visual(&self) -> ModelKey {
        let inner = &self.0;
        // A choice that the registry no longer has is none.
        let known = |named: &str| self.known_visual(named).ok();
        let chosen = || known(fs::read_to_string(&inner.choice).ok()?.trim());
        let on_disk = |key: &&ModelKey| self.is_downloaded(key);
        let default = || inner.defaults.iter().find(on_disk).cloned();
        // Nothing on disk: the embedded default, whose absence the caller is then told.
        let embedded = || inner.embedded.clone();
        inner.configured.clone().or_else(chosen).or_else(default).unwrap_or_else(embedded)
    }

    /// The same for work that is to begin now.
    ///
    /// # Errors
    /// `Loading` while another model is being made the active one.
    pub fn settled_visual(&self) -> Result<ModelKey, Failure> {
        if let Some(Switching { key, .. }) = &self.lock().switch {
            let message = format!("{key} is being made the active model; try again in a moment");
            return Err(Failure::new(ErrorCode::Loading, message));
        }
        Ok(self.active_visual())
    }

    /// Announces that a model is about to become the active one, which takes the place of a change that
    /// is under way. `cancel` ends this one.
    #[must_use]
    pub fn begin_switch(&self, key: &ModelKey, cancel: &Cancel) -> Switch {
        let mut state = self.lock();
        state.switches += 1;
        let number = state.switches;
        let switching = Switching { number, key: key.clone(), cancel: cancel.clone() };
        if let Some(earlier) = state.switch.replace(switching) {
            earlier.cancel.cancel();
        }
        Switch { pool: self.clone(), number }
    }

    /// Whether [`ModelPool::choose`] would take this model.
    ///
    /// # Errors
    /// `UnknownModel`; `BadRequest` when the configuration names another model, which then decides.
    pub fn check_choice(&self, key: &ModelKey) -> Result<(), Failure> {
        self.known_visual(key.as_str())?;
        match &self.0.configured {
            Some(configured) if configured != key => {
                let message = format!(
                    "visual_model = \"{configured}\" in the configuration decides; change it there"
                );
                Err(Failure::new(ErrorCode::BadRequest, message))
            }
            _ => Ok(()),
        }
    }

    /// Makes a model the one of its kind for callers that name none, now and after a restart.
    ///
    /// # Errors
    /// Those of [`ModelPool::check_choice`], or when the choice cannot be written.
    pub fn choose(&self, key: &ModelKey) -> Result<(), Failure> {
        let choice = if self.is_speech(key) {
            &self.0.speech_choice
        } else {
            self.check_choice(key)?;
            &self.0.choice
        };
        fs::write(choice, format!("{key}\n"))
            .map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
    }

    /// The key of a visual model that the registry knows.
    ///
    /// # Errors
    /// `UnknownModel`, with the known keys.
    pub fn known_visual(&self, named: &str) -> Result<ModelKey, Failure> {
        self.known(Kind::Visual, named)
    }

    /// The key of a model of this kind.
    ///
    /// # Errors
    /// `UnknownModel`, with those that there are.
    pub fn known(&self, kind: Kind, named: &str) -> Result<ModelKey, Failure> {
        let of_kind = self.0.registry.entries().iter().filter(|entry| entry.kind == kind);
        let keys: Vec<&ModelKey> = of_kind.map(|entry| &entry.key).collect();
        keys.iter().find(|key| key.as_str() == named).map(|key| (*key).clone()).ok_or_else(|| {
            let known: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
            let named: String = named.chars().take(64).collect();
            let message = format!("no {kind} model \"{named}\"; there are {}", known.join(", "));
            Failure::new(ErrorCode::UnknownModel, message)
        })
    }

    /// Whether a model's entry names this language, or very many.
    #[must_use]
    pub fn knows_language(&self, key: &ModelKey, language: &str) -> bool {
        let knows =
            |entry: &Entry| entry.languages.iter().any(|one| one == language || one == "mul");
        self.0.registry.get(key).is_ok_and(knows)
    }

    /// What tells the meanings of sentences.
    #[must_use]
    pub fn encoder_slot(&self) -> &EncoderSlot {
        &self.0.encoder
    }

    /// Callers that a model serves at once.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.0.workers
    }

    /// What listens to speech.
    #[must_use]
    pub fn hearing_slot(&self) -> &HearingSlot {
        &self.0.hearing
    }

    /// What finds faces.
    #[must_use]
    pub fn face_slot(&self) -> &FaceSlot {
        &self.0.faces
    }

    /// File that holds the key of the speech model that was chosen by hand.
    #[must_use]
    pub fn speech_choice(&self) -> &Path {
        &self.0.speech_choice
    }

    /// Whether everything that a model needs is on disk.
    #[must_use]
    pub fn is_downloaded(&self, key: &ModelKey) -> bool {
        self.check_downloaded(key).is_ok()
    }

    /// Whether everything that a model needs is on disk, in full length.
    ///
    /// # Errors
    /// `UnknownModel`; `BadRequest` names the first file that is missing or short, and says how to get it.
    pub fn check_downloaded(&self, key: &ModelKey) -> Result<(), Failure> {
        let entries = self
            .0
            .registry
            .closure(key)
            .map_err(|error| Failure::new(ErrorCode::UnknownModel, error.to_string()))?;
        // A library of the user's own is checked by loading it.
        let needed = |entry: &&Entry| self.0.library.is_none() || entry.key.as_str() != RUNTIME;
        for entry in entries.into_iter().filter(needed) {
            if let Some(file) = self.0.folder.missing(entry).first() {
                return Err(self.incomplete(key, entry, file));
            }
        }
        Ok(())
    }

    fn incomplete(&self, key: &ModelKey, entry: &Entry, file: &ModelFile) -> Failure {
        let path = self.0.folder.path_of(entry, &file.name);
        let state = if path.is_file() { "is not whole" } else { "is not there" };
        let message = format!(
            "{key} needs {}, which {state}: fetch it with POST /models/load or `rushes models pull {key}`",
            path.display()
        );
        Failure::new(ErrorCode::BadRequest, message)
    }

    /// What to tell whoever searches with the active model in what only `others` have analysed.
    #[must_use]
    pub fn analysed_by_others(&self, active: &ModelKey, others: &[ModelKey]) -> Failure {
        let list = |keys: &[&ModelKey]| {
            keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(" or ")
        };
        let all: Vec<&ModelKey> = others.iter().collect();
        let is_known = |key: &&ModelKey| self.known_visual(key.as_str()).is_ok();
        let known = list(&all.iter().copied().filter(is_known).collect::<Vec<_>>());
        let advice = if known.is_empty() {
            "which this Rushes does not have; add it to models.toml in the home folder".to_owned()
        } else if self.0.configured.is_some() {
            format!("name {known} as visual_model in the configuration")
        } else {
            format!("load {known} with POST /models/load")
        };
        let message = format!(
            "cache_dir was analysed with {}, not with {active}, which is active: {advice}, or \
             analyse again with {active}",
            list(&all)
        );
        Failure::new(ErrorCode::BadRequest, message)
    }

    /// The running model of this key; loads it first when it is not in memory, waiting up to
    /// `patience` for it.
    ///
    /// # Errors
    /// `Loading` when it takes longer; those of [`ModelPool::check_downloaded`]; otherwise why it cannot
    /// be loaded.
    pub fn visual(
        &self,
        key: &ModelKey,
        patience: Duration,
    ) -> Result<Arc<dyn VisualModel>, Failure> {
        self.visual_until(key, patience, &Cancel::new())
    }

    /// The same, ended early when `cancel` is set.
    ///
    /// # Errors
    /// As [`ModelPool::visual`]; `Loading` also when it was cancelled.
    pub fn visual_until(
        &self,
        key: &ModelKey,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<Arc<dyn VisualModel>, Failure> {
        let deadline = Instant::now().checked_add(patience);
        let mut state = self.lock();
        if !matches!(state.visual.get(key), Some(Slot::Loading | Slot::Ready(..))) {
            self.check_downloaded(key)?;
            state.visual.insert(key.clone(), Slot::Loading);
            let (pool, key) = (self.clone(), key.clone());
            thread::spawn(move || pool.load(&key));
        }
        loop {
            match state.visual.get_mut(key) {
                Some(Slot::Ready(model, used)) => {
                    *used = Instant::now();
                    return Ok(model.clone());
                }
                Some(Slot::Failed(reason)) => {
                    return Err(Failure::new(ErrorCode::Internal, reason.clone()));
                }
                Some(Slot::Loading) | None => {}
            }
            let left = deadline.map_or(Duration::from_secs(3600), |end| {
                end.saturating_duration_since(Instant::now())
            });
            if left.is_zero() || cancel.is_cancelled() {
                let message = format!("{key} is still loading; try again in a moment");
                return Err(Failure::new(ErrorCode::Loading, message));
            }
            state = wait(&self.0.changed, state, left.min(CANCEL_LOOK));
        }
    }

    /// Loads a model and tells those who wait.
    fn load(&self, key: &ModelKey) {
        let started = Instant::now();
        // Whatever happens, those who wait are told.
        let opened = catch_unwind(AssertUnwindSafe(|| self.open_visual(key)))
            .unwrap_or_else(|_| Err(format!("a defect in Rushes stopped the loading of {key}")));
        let slot = match opened {
            Ok(model) => {
                tracing::info!(%key, ms = started.elapsed().as_millis() as u64, "model loaded");
                Slot::Ready(model, Instant::now())
            }
            Err(reason) => Slot::Failed(reason),
        };
        self.lock().visual.insert(key.clone(), slot);
        self.0.changed.notify_all();
    }

    fn open_visual(&self, key: &ModelKey) -> Result<Arc<dyn VisualModel>, String> {
        let inner = &self.0;
        let runtime = self.runtime()?;
        rushes_infer::open_visual(&inner.registry, &inner.folder, key, &runtime, inner.workers)
            .map_err(|error| error.to_string())
    }

    /// The reader of on-screen text, opened when it is first asked for.
    ///
    /// # Errors
    /// Why it cannot be loaded, such as a file that has not been pulled.
    pub fn reader(&self) -> Result<Arc<Reader>, Failure> {
        let mut slot = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = &*slot {
            return Ok(reader.clone());
        }
        let opened = self.open_reader();
        let reader = opened.map_err(|reason| Failure::new(ErrorCode::Internal, reason))?;
        Ok(slot.insert(Arc::new(reader)).clone())
    }

    fn open_reader(&self) -> Result<Reader, String> {
        let key = ocr::MODEL.parse().map_err(|error: ParseIdError| error.to_string())?;
        let (runtime, folder) = (self.runtime()?, self.0.folder.path());
        let reader = TextReader::open(&runtime, folder, self.0.workers);
        Ok(Reader { key, reader: reader.map_err(|error| error.to_string())? })
    }

    /// ONNX Runtime as it is configured, loaded by the first call.
    ///
    /// # Errors
    /// Why the library cannot be used.
    pub fn runtime(&self) -> Result<Runtime, String> {
        let mut state = self.lock();
        if let Some(runtime) = &state.runtime {
            return Ok(runtime.clone());
        }
        let inner = &self.0;
        let loaded = match &inner.library {
            Some(library) => Runtime::load(library).map_err(|error| own_library(&error)),
            None => Runtime::installed(&inner.registry, &inner.folder)
                .map_err(|error| error.to_string()),
        };
        Ok(state.runtime.insert(loaded?.with_provider(inner.provider)).clone())
    }

    /// Lets go of models, and of parts of models, that nobody has used for a while.
    pub fn drop_idle(&self) {
        let idle = self.0.idle;
        let mut state = self.lock();
        state.visual.retain(|_, slot| match slot {
            Slot::Ready(model, used) => Arc::strong_count(model) > 1 || used.elapsed() < idle,
            Slot::Loading => true,
            Slot::Failed(_) => false,
        });
        let ready = |slot: &Slot| match slot {
            Slot::Ready(model, _) => Some(model.clone()),
            Slot::Loading | Slot::Failed(_) => None,
        };
        let models: Vec<_> = state.visual.values().filter_map(ready).collect();
        // A part that is being read would hold everybody up.
        drop(state);
        models.iter().for_each(|model| model.drop_idle(idle));
        let reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reader.iter().for_each(|reader| reader.reader.drop_idle(idle));
        self.0.hearing.drop_idle(idle);
        self.0.encoder.drop_idle(idle);
        self.0.faces.drop_idle(idle);
    }

    /// What is in memory.
    #[must_use]
    pub fn loaded(&self) -> LoadedModels {
        let active = self.active_visual();
        let state = self.lock();
        let ready = |key: &ModelKey| matches!(state.visual.get(key), Some(Slot::Ready(..)));
        let any = || state.visual.keys().find(|key| ready(key)).cloned();
        let model_key = if ready(&active) { Some(active) } else { any() };
        let loading = || state.visual.values().any(|slot| matches!(slot, Slot::Loading));
        let is_loading = state.switch.is_some() || loading();
        let visual = LoadedModel { model_key: model_key.map(Into::into), is_loading };
        LoadedModels { visual, speech: self.0.hearing.loaded(), face: self.0.faces.loaded() }
    }

    /// Every model that can be had.
    #[must_use]
    pub fn available(&self) -> AvailableModels {
        let of_kind = |kind, active: Option<ModelKey>| {
            let entries = self.0.registry.entries().iter().filter(|entry| entry.kind == kind);
            entries.map(|entry| self.info(entry, active.as_ref())).collect()
        };
        AvailableModels {
            visual: of_kind(Kind::Visual, Some(self.active_visual())),
            speech: of_kind(Kind::Speech, self.active_speech()),
            face: of_kind(Kind::Face, faces::KEY.parse().ok()),
        }
    }

    fn info(&self, entry: &Entry, active: Option<&ModelKey>) -> ModelInfo {
        let files = self.0.registry.closure(&entry.key).unwrap_or_default();
        ModelInfo {
            model_key: entry.key.to_string(),
            name: entry.name.clone(),
            is_downloaded: self.is_downloaded(&entry.key),
            is_active: Some(&entry.key) == active,
            resolution: entry.resolution,
            dimensions: entry.dimensions,
            size_bytes: Some(files.iter().map(|entry| entry.size_bytes()).sum()),
            license: Some(entry.license.clone()),
            languages: entry.languages.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with a library that the configuration names: pulling the registry's does not mend it.
fn own_library(error: &InferError) -> String {
    match error {
        InferError::Runtime { path, reason } => format!(
            "{}, which onnxruntime in the configuration names, cannot be loaded: {reason}",
            path.display()
        ),
        error => error.to_string(),
    }
}

impl Switch {
    /// Makes the model the active one, unless a later change has begun.
    ///
    /// # Errors
    /// `Loading` when one has; those of [`ModelPool::choose`].
    pub fn settle(self) -> Result<(), Failure> {
        let key = match &self.pool.lock().switch {
            Some(Switching { number, key, .. }) if *number == self.number => key.clone(),
            _ => return Err(Failure::new(ErrorCode::Loading, "another model was asked for since")),
        };
        self.pool.choose(&key)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        if state.switch.as_ref().is_some_and(|switch| switch.number == self.number) {
            state.switch = None;
        }
    }
}

fn wait<'a>(
    changed: &Condvar,
    state: MutexGuard<'a, State>,
    left: Duration,
) -> MutexGuard<'a, State> {
    changed.wait_timeout(state, left).map_or_else(|error| error.into_inner().0, |(state, _)| state)
}
