//! Which models are in memory, and who waits for one.

use crate::{
    config::Config,
    replies::{AvailableModels, LoadedModel, LoadedModels, ModelInfo},
};
use fs_err as fs;
use rushes_infer::{
    Runtime, VisualModel,
    ocr::{self, TextReader},
    registry::{Entry, ModelFolder, Registry, RegistryError},
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

/// File in the home folder that holds the key chosen by `rushes models use`.
const CHOICE: &str = "visual-model";
/// Time between two looks whether whoever waits for a model was cancelled.
const CANCEL_LOOK: Duration = Duration::from_millis(200);
/// The default that installs from packages alone.
const EMBEDDED: &str = "lite-260";
/// Visual models in the order in which one that is on disk is the default: fetching a better one does not
/// make it active, because what is analysed could not be searched with it.
const DEFAULTS: [&str; 5] = [EMBEDDED, "lite-260-fast", "v2-medium-256", "clip-b32", "tinyclip-8m"];

/// The models of this process. Cheap to clone.
#[derive(Clone)]
pub struct ModelPool(Arc<Inner>);

struct Inner {
    registry: Registry,
    folder: ModelFolder,
    choice: PathBuf,
    embedded: ModelKey,
    defaults: Vec<ModelKey>,
    configured: Option<ModelKey>,
    workers: usize,
    idle: Duration,
    state: Mutex<State>,
    changed: Condvar,
    reader: Mutex<Option<Arc<Reader>>>,
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
    /// When the user's own registry file is not valid.
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
            configured: config.visual_model.clone(),
            workers: config.worker_count(),
            idle: config.model_idle(),
            state: Mutex::default(),
            changed: Condvar::new(),
            reader: Mutex::default(),
        }));
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
        let chosen = || fs::read_to_string(&inner.choice).ok()?.trim().parse().ok();
        let on_disk = |key: &&ModelKey| self.is_downloaded(key);
        let default = || inner.defaults.iter().find(on_disk).cloned();
        // Nothing on disk: the embedded default, whose absence the caller is then told.
        let embedded = || inner.embedded.clone();
        inner.configured.clone().or_else(chosen).or_else(default).unwrap_or_else(embedded)
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

    /// Makes a model the one for callers that name none, now and after a restart.
    ///
    /// # Errors
    /// Those of [`ModelPool::check_choice`], or when the choice cannot be written.
    pub fn choose(&self, key: &ModelKey) -> Result<(), Failure> {
        self.check_choice(key)?;
        fs::write(&self.0.choice, format!("{key}\n"))
            .map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
    }

    /// The key of a visual model that the registry knows.
    ///
    /// # Errors
    /// `UnknownModel`, with the known keys.
    pub fn known_visual(&self, named: &str) -> Result<ModelKey, Failure> {
        let keys: Vec<&ModelKey> = self.0.registry.visual().map(|entry| &entry.key).collect();
        keys.iter().find(|key| key.as_str() == named).map(|key| (*key).clone()).ok_or_else(|| {
            let known: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
            let named: String = named.chars().take(64).collect();
            let message = format!("no visual model \"{named}\"; there are {}", known.join(", "));
            Failure::new(ErrorCode::UnknownModel, message)
        })
    }

    /// Whether everything that a model needs is on disk.
    #[must_use]
    pub fn is_downloaded(&self, key: &ModelKey) -> bool {
        let complete = |entry: &Entry| self.0.folder.is_complete(entry);
        self.0.registry.closure(key).is_ok_and(|entries| entries.into_iter().all(complete))
    }

    /// The running model of this key; loads it first when it is not in memory, waiting up to
    /// `patience` for it.
    ///
    /// # Errors
    /// `Loading` when it takes longer; otherwise why it cannot be loaded.
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

    fn runtime(&self) -> Result<Runtime, String> {
        if let Some(runtime) = &self.lock().runtime {
            return Ok(runtime.clone());
        }
        let runtime = Runtime::installed(&self.0.registry, &self.0.folder)
            .map_err(|error| error.to_string())?;
        self.lock().runtime = Some(runtime.clone());
        Ok(runtime)
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
    }

    /// What is in memory.
    #[must_use]
    pub fn loaded(&self) -> LoadedModels {
        let active = self.active_visual();
        let state = self.lock();
        let ready = |key: &ModelKey| matches!(state.visual.get(key), Some(Slot::Ready(..)));
        let any = || state.visual.keys().find(|key| ready(key)).cloned();
        let model_key = if ready(&active) { Some(active) } else { any() };
        let is_loading = state.visual.values().any(|slot| matches!(slot, Slot::Loading));
        let visual = LoadedModel { model_key: model_key.map(Into::into), is_loading };
        LoadedModels { visual, ..LoadedModels::default() }
    }

    /// Every model that can be had.
    #[must_use]
    pub fn available(&self) -> AvailableModels {
        let active = self.active_visual();
        let visual = self.0.registry.visual().map(|entry| self.info(entry, &active)).collect();
        AvailableModels { visual, ..AvailableModels::default() }
    }

    fn info(&self, entry: &Entry, active: &ModelKey) -> ModelInfo {
        let files = self.0.registry.closure(&entry.key).unwrap_or_default();
        ModelInfo {
            model_key: entry.key.to_string(),
            name: entry.name.clone(),
            is_downloaded: self.is_downloaded(&entry.key),
            is_active: entry.key == *active,
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

fn wait<'a>(
    changed: &Condvar,
    state: MutexGuard<'a, State>,
    left: Duration,
) -> MutexGuard<'a, State> {
    changed.wait_timeout(state, left).map_or_else(|error| error.into_inner().0, |(state, _)| state)
}
