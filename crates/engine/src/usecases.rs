//! The facade: one method a use case.

mod analyses;
mod edits;
mod exports;
mod folders;
mod people;
mod people_edits;
mod repair;
mod searches;
mod tasks;
mod transcripts;

pub use repair::Mended;

use crate::{
    analysis::{Analyst, Means},
    config::Config,
    door,
    folders::Service,
    intake::Reception,
    library::{Library, LoadedFolder},
    metadata,
    models::ModelPool,
    paths::Roots,
    pictures::PictureCache,
    pull::{self, PullProgress},
    replies::{
        AnalysisState, AvailableModels, LoadReply, LoadedCounts, LoadedModels, MediaMetadataReply,
        SceneThumbnails, Thumbnails,
    },
    requests::{
        ClearRequest, LoadForMediaRequest, LoadRequest, LoadTranscriptionsRequest,
        MAX_ANALYZE_PATHS, MAX_METADATA_PATHS, MAX_THUMBNAILS, MetadataRequest,
        SceneThumbnailsRequest, ThumbnailsRequest,
    },
    tasks::TaskTable,
    thumbnails::{self, Sources},
    workshop,
};
use exports::Cutters;
use rushes_infer::fetch::PullReport;
use rushes_license::Gate;
use rushes_media::{Cancel, Limits, Tools};
use rushes_model::{ErrorCode, Failure, ModelKey};
use rushes_store::{Analysis, Catalogue, Machine};
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock, Weak},
    thread,
    time::Duration,
};

/// How often unused models are looked for.
const JANITOR_ROUND: Duration = Duration::from_secs(20);

/// Everything that Rushes can do. Cheap to clone; calls block and may come from any thread.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    config: Config,
    roots: Roots,
    gate: Gate,
    models: ModelPool,
    reception: Arc<Reception>,
    library: Library,
    pictures: PictureCache,
    tasks: TaskTable,
    analyst: Analyst,
    cutters: Cutters,
    watching: OnceLock<Service>,
}

/// An engine that may be gone.
#[derive(Clone)]
pub(crate) struct WeakEngine(Weak<Inner>);

impl WeakEngine {
    /// The engine, while somebody else holds it.
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

impl Engine {
    /// Opens the home folder, makes it if it is not there, and starts the analysis thread. No model is
    /// loaded until one is needed.
    ///
    /// # Errors
    /// When the home folder, the license files or the user's model registry cannot be used, or ffmpeg
    /// is missing.
    pub fn open(config: Config) -> Result<Self, Failure> {
        rushes_vectors::keep_memory_small();
        config.make_home()?;
        workshop::sweep(&config.home);
        let roots = Roots::new(&config.roots)?;
        let tools = Tools::locate(Limits::default()).map_err(internal)?;
        let catalogue = Catalogue::open(&config.catalogue()).map_err(internal)?;
        let machine = Machine::open(&config.home).map_err(internal)?;
        let models = ModelPool::open(&config)?;
        let reception = Arc::new(Reception::new(tools, catalogue));
        let analyst = Analyst::start(Means {
            models: models.clone(),
            reception: reception.clone(),
            workers: config.worker_count(),
            files_at_once: config.files_at_once,
            roots: roots.clone(),
        });
        let inner = Arc::new(Inner {
            roots,
            gate: door::gate(&config)?,
            models,
            reception,
            library: Library::new(machine, config.home.join("groups")),
            pictures: PictureCache::default(),
            tasks: TaskTable::default(),
            analyst,
            cutters: Cutters::start(),
            watching: OnceLock::new(),
            config,
        });
        start_janitor(&inner);
        Ok(Self(inner))
    }

    /// For threads that must not keep the engine.
    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.0))
    }

    /// How this engine was set up.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The models of this engine.
    #[must_use]
    pub fn models(&self) -> &ModelPool {
        &self.0.models
    }

    /// Lets a Pro key in.
    ///
    /// # Errors
    /// `Unauthorized`, `NotPro`, or `LicenseServer` when nobody could decide.
    pub fn authorize(&self, key: Option<&str>) -> Result<(), Failure> {
        door::authorize(&self.0.gate, key)
    }

    /// What is in memory of the models.
    #[must_use]
    pub fn loaded_models(&self) -> LoadedModels {
        self.0.models.loaded()
    }

    /// Every model that can be had.
    #[must_use]
    pub fn available_models(&self) -> AvailableModels {
        self.0.models.available()
    }

    /// Fetches whatever a model or component lacks, telling how far it is.
    ///
    /// # Errors
    /// `UnknownModel`, or which file failed and what to do.
    pub fn pull_model(
        &self,
        key: &ModelKey,
        progress: &mut dyn FnMut(PullProgress<'_>),
    ) -> Result<PullReport, Failure> {
        let inner = &self.0;
        pull::pull(&inner.config, &inner.models, key, progress, &Cancel::new())
    }

    /// Facts about files.
    ///
    /// # Errors
    /// `BadRequest` for an empty or too long list; single files fail in their own rows.
    pub fn media_metadata(&self, request: &MetadataRequest) -> Result<MediaMetadataReply, Failure> {
        check_count("media_paths", request.media_paths.len(), MAX_METADATA_PATHS)?;
        let folder = request.cache_dir.as_deref().map(|dir| self.folder(dir)).transpose()?;
        let inner = &self.0;
        let collections = folder.as_ref().map(|folder| folder.collections_by_medium());
        let media =
            metadata::rows(&inner.reception, &inner.roots, &request.media_paths, &|intake| {
                let of = |analysis| Some(folder.as_ref()?.models_of(analysis, intake.media_id));
                let (visual, text) = (of(Analysis::Visual)?, of(Analysis::Text)?);
                let speech = of(Analysis::Speech)?;
                let faces =
                    collections.as_ref()?.get(&intake.media_id).cloned().unwrap_or_default();
                Some(AnalysisState { visual, speech, text, faces })
            });
        Ok(MediaMetadataReply { media })
    }

    /// Makes everything analysed in a folder searchable.
    ///
    /// # Errors
    /// `BadPath`, `CacheDir`.
    pub fn load(&self, request: &LoadRequest) -> Result<LoadReply, Failure> {
        let folder = self.folder(&request.cache_dir)?;
        folder.load_all()?;
        folder.load_faces()?;
        Ok(loaded(&folder))
    }

    /// Makes what is analysed of some media searchable.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`.
    pub fn load_for_media(&self, request: &LoadForMediaRequest) -> Result<LoadReply, Failure> {
        check_count("media_paths", request.media_paths.len(), MAX_ANALYZE_PATHS)?;
        let folder = self.folder(&request.cache_dir)?;
        for path in self.paths(&request.media_paths)? {
            if let Some(media_id) = self.0.reception.media_id(&path) {
                folder.load_medium(media_id);
            }
        }
        Ok(loaded(&folder))
    }

    /// Brings transcripts into memory, of these media or of all.
    ///
    /// # Errors
    /// `BadPath`, `CacheDir`.
    pub fn load_transcriptions(
        &self,
        request: &LoadTranscriptionsRequest,
    ) -> Result<LoadReply, Failure> {
        let folder = self.folder(&request.cache_dir)?;
        let Some(paths) = &request.media_paths else {
            folder.load_transcripts()?;
            return Ok(loaded(&folder));
        };
        for path in self.paths(paths)? {
            if let Some(media_id) = self.0.reception.media_id(&path) {
                folder.load_transcripts_of(media_id);
            }
        }
        Ok(loaded(&folder))
    }

    /// Drops loaded data from memory; nothing on disk changes.
    ///
    /// # Errors
    /// `BadPath`.
    pub fn clear(&self, request: &ClearRequest) -> Result<LoadReply, Failure> {
        let cache_dir = request.cache_dir.as_deref();
        let path = cache_dir.map(|dir| self.0.roots.check(dir)).transpose()?;
        self.0.library.clear(path.as_deref());
        Ok(LoadReply { message: "Cleared".to_owned(), loaded: self.0.library.counts() })
    }

    /// How much is in memory to be searched, of all analysis folders.
    #[must_use]
    pub fn loaded_counts(&self) -> LoadedCounts {
        self.0.library.counts()
    }

    /// Pictures of moments.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`; single pictures fail in their own rows.
    pub fn thumbnails(&self, request: &ThumbnailsRequest) -> Result<Thumbnails, Failure> {
        check_count("requests", request.requests.len(), MAX_THUMBNAILS)?;
        check_range("width", request.width, 16, 3840)?;
        request.requests.iter().try_for_each(|one| check_time(one.time_seconds))?;
        let mut sources = self.sources(&request.cache_dir)?;
        sources.folder.take_if(|_| request.exact);
        let (named, width) = (&request.requests, request.width);
        let rows = thumbnails::thumbnails(&sources, &self.0.roots, named, width);
        Ok(Thumbnails { thumbnails: rows })
    }

    /// Pictures evenly spread over a range of a medium.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`.
    pub fn scene_thumbnails(
        &self,
        request: &SceneThumbnailsRequest,
    ) -> Result<SceneThumbnails, Failure> {
        check_range("max_thumbnails", request.max_thumbnails, 1, 600)?;
        let sources = self.sources(&request.cache_dir)?;
        let named = self.0.roots.check(&request.media_path)?;
        let path = if named.exists() { named } else { self.moved(request).unwrap_or(named) };
        thumbnails::scene(&sources, &path, request)
    }

    /// Where pictures come from. Without a usable analysis folder they come from the media.
    fn sources(&self, cache_dir: &str) -> Result<Sources<'_>, Failure> {
        let path = self.0.roots.check(cache_dir)?;
        let folder = self.0.library.folder(&path).ok();
        Ok(Sources { reception: &self.0.reception, cache: &self.0.pictures, folder })
    }

    /// Where the medium of this `hash_str` is now, if it was analysed into the folder.
    fn moved(&self, request: &SceneThumbnailsRequest) -> Option<PathBuf> {
        let hash = request.hash_str.as_deref()?.parse().ok()?;
        let folder = self.folder(&request.cache_dir).ok()?;
        folder.load_all().ok()?;
        let media = folder.by_hash(hash)?;
        let path = self.0.reception.last_seen(media.media_id, &media.source);
        self.0.roots.allow(&path).then_some(path)
    }

    fn folder(&self, cache_dir: &str) -> Result<Arc<LoadedFolder>, Failure> {
        let path = self.0.roots.check(cache_dir)?;
        self.0.library.folder(&path)
    }

    fn paths(&self, named: &[String]) -> Result<Vec<PathBuf>, Failure> {
        named.iter().map(|path| self.0.roots.check(path)).collect()
    }
}

fn start_janitor(inner: &Arc<Inner>) {
    let engine: Weak<Inner> = Arc::downgrade(inner);
    thread::spawn(move || {
        loop {
            thread::sleep(JANITOR_ROUND);
            let Some(inner) = engine.upgrade() else { return };
            inner.models.drop_idle();
        }
    });
}

fn loaded(folder: &LoadedFolder) -> LoadReply {
    let loaded = folder.counts();
    let message = format!("{} media with {} frames are searchable", loaded.media, loaded.frames);
    LoadReply { message, loaded }
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, error.to_string())
}

fn bad_request(message: String) -> Failure {
    Failure::new(ErrorCode::BadRequest, message)
}

fn check_count(field: &str, count: usize, most: usize) -> Result<(), Failure> {
    if (1..=most).contains(&count) {
        return Ok(());
    }
    Err(bad_request(format!("{field} has {count} items; it takes 1 to {most}")))
}

fn check_range(field: &str, value: u32, least: u32, most: u32) -> Result<(), Failure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(bad_request(format!("{field} is {value}; it takes {least} to {most}")))
}

fn check_time(seconds: f64) -> Result<(), Failure> {
    if seconds >= 0.0 {
        return Ok(());
    }
    Err(bad_request(format!("time_seconds is {seconds}; it takes 0 and more")))
}
