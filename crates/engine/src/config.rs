//! How an engine is set up.

use rushes_infer::ProviderChoice;
use rushes_license::{LicenseError, make_private_folder};
use rushes_model::{ErrorCode, Failure, ModelKey};
use serde::Deserialize;
use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

/// Settings of an [`Engine`](crate::Engine). In the config file the same names are used; whatever is
/// absent has its default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Folder of models, keys, catalogue and logs. Never taken from the config file, which lies in it.
    #[serde(skip)]
    pub home: PathBuf,
    /// Folders that callers may name files under; empty allows whatever the user may read.
    pub roots: Vec<PathBuf>,
    /// Visual model for callers that name none. Absent: the one that `rushes models use` chose, else
    /// the embedded default.
    pub visual_model: Option<ModelKey>,
    /// What models run on, where the ONNX Runtime library offers it.
    pub provider: ProviderChoice,
    /// ONNX Runtime library to use in place of the registry's. Absolute.
    pub onnxruntime: Option<PathBuf>,
    /// Threads that embed pictures. Absent: one a core.
    pub workers: Option<NonZeroUsize>,
    /// Files that are analysed at the same time.
    pub files_at_once: NonZeroUsize,
    /// Seconds after which a model that nobody uses leaves memory.
    pub model_idle_seconds: u64,
    /// Address of a license server; absent: keys are checked offline.
    pub license_server: Option<String>,
    /// Hub that better models come from; absent: the public one, or `HF_ENDPOINT`.
    pub hub_endpoint: Option<String>,
    /// Never fetch anything.
    pub offline: bool,
    /// Folder that holds hub files as `<repository>/<file>`, asked before the hub.
    pub local_models: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            home: PathBuf::new(),
            roots: Vec::new(),
            visual_model: None,
            provider: ProviderChoice::Auto,
            onnxruntime: None,
            workers: None,
            files_at_once: const { NonZeroUsize::new(2).unwrap() },
            model_idle_seconds: 300,
            license_server: None,
            hub_endpoint: None,
            offline: false,
            local_models: None,
        }
    }
}

impl Config {
    /// Default settings with everything kept under `home`.
    #[must_use]
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), ..Self::default() }
    }

    /// Threads that embed pictures.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.unwrap_or_else(cores).get()
    }

    /// How long an unused model stays in memory.
    #[must_use]
    pub fn model_idle(&self) -> Duration {
        Duration::from_secs(self.model_idle_seconds.max(1))
    }

    /// Makes the home folder if it is not there, closed to other users: the key lies in it.
    ///
    /// # Errors
    /// `Internal` when it cannot be made.
    pub fn make_home(&self) -> Result<(), Failure> {
        make_private_folder(&self.home)
            .map_err(|error: LicenseError| Failure::new(ErrorCode::Internal, error.to_string()))
    }

    /// The database of what files were seen to be.
    #[must_use]
    pub fn catalogue(&self) -> PathBuf {
        self.home.join("catalogue.db")
    }

    /// The database of tasks.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.home.join("tasks.db")
    }

    /// Where models lie.
    #[must_use]
    pub fn models_dir(&self) -> PathBuf {
        self.home.join("models")
    }
}
