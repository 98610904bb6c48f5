//! Watch folders: what callers ask for, and what the service needs of the engine.

use super::{Engine, bad_request};
use crate::{
    folders::{Pause, Service, SettingsFile, now},
    library::LoadedFolder,
    replies::{FailedFile, FolderStats, Message, WatchFolder, WatchFolders, WatchStatus},
    requests::{PauseServiceRequest, WatchFolderSettings},
};
use rushes_model::{ErrorCode, Failure, MediaId, MediaKind, TaskId};
use rushes_store::{Analysis, StoreError, WatchedFile};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Longest pause in seconds: ten years.
const LONGEST_PAUSE: f64 = 315_360_000.0;

impl Engine {
    /// All watch folders, oldest first.
    ///
    /// # Errors
    /// When their file cannot be read.
    pub fn watch_folders(&self) -> Result<WatchFolders, Failure> {
        Ok(WatchFolders { watch_folders: self.watch_file().read()?.folders })
    }

    /// One watch folder.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn watch_folder(&self, id: &str) -> Result<WatchFolder, Failure> {
        self.watch_file().read()?.find(id).cloned()
    }

    /// Watches another folder from now on.
    ///
    /// # Errors
    /// `BadRequest` when it is no folder, is watched already, or its media could not be analysed like that;
    /// `BadPath`, `CacheDir`.
    pub fn create_watch_folder(
        &self,
        settings: &WatchFolderSettings,
    ) -> Result<WatchFolder, Failure> {
        self.check_watch_folder(settings)?;
        self.change_watching(|file| file.add(settings.clone()))
    }

    /// Changes a watch folder.
    ///
    /// # Errors
    /// `NotFound`, and those of [`Engine::create_watch_folder`].
    pub fn update_watch_folder(
        &self,
        id: &str,
        settings: &WatchFolderSettings,
    ) -> Result<WatchFolder, Failure> {
        self.watch_folder(id)?;
        self.check_watch_folder(settings)?;
        self.change_watching(|file| file.replace(id, settings.clone()))
    }

    /// Stops watching a folder. Media and analyses stay.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_watch_folder(&self, id: &str) -> Result<Message, Failure> {
        let folder = self.change_watching(|file| file.remove(id))?;
        let message = format!("{} is no longer watched; its analyses stay", folder.settings.path);
        Ok(Message { message })
    }

    /// Turns the service on, also out of a pause.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn start_watching(&self) -> Result<Message, Failure> {
        self.change_watching(|file| {
            (file.on, file.pause) = (true, Pause::None);
            Ok(())
        })?;
        Ok(Message { message: "Watching".to_owned() })
    }

    /// Turns the service off once the file in work is done, also after a restart.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn stop_watching(&self) -> Result<Message, Failure> {
        self.change_watching(|file| {
            (file.on, file.pause) = (false, Pause::None);
            Ok(())
        })?;
        Ok(Message { message: "Stopping; the file in work is finished first".to_owned() })
    }

    /// Has the service wait, also after a restart. New files are noticed meanwhile.
    ///
    /// # Errors
    /// `BadRequest` for a time under a second or over ten years, or when the service is off.
    pub fn pause_watching(&self, request: &PauseServiceRequest) -> Result<Message, Failure> {
        let pause = match request.seconds {
            None => Pause::Open,
            Some(seconds) if (1.0..=LONGEST_PAUSE).contains(&seconds) => {
                Pause::Until(now() + seconds)
            }
            Some(seconds) => {
                let message = format!("seconds is {seconds}; it takes 1 to {LONGEST_PAUSE}");
                return Err(bad_request(message));
            }
        };
        self.change_watching(|file| {
            if !file.on {
                return Err(bad_request(
                    "the service is off: there is nothing to pause".to_owned(),
                ));
            }
            file.pause = pause;
            Ok(())
        })?;
        let message = match request.seconds {
            None => "Paused until it is started again".to_owned(),
            Some(seconds) => format!("Paused for {seconds} s"),
        };
        Ok(Message { message })
    }

    /// What became of the files of a watch folder, by what servers of this home folder left. It needs none to run.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn watch_history(&self, id: &str) -> Result<FolderStats, Failure> {
        self.watch_folder(id)?;
        let files = self.watched_files(id);
        let failed: Vec<_> = files.iter().filter(|file| file.failure.is_some()).collect();
        let failures = failed.iter().filter_map(|file| {
            let failure = file.failure.as_ref()?;
            Some(FailedFile::of(&file.path, failure))
        });
        Ok(FolderStats {
            processed: (files.len() - failed.len()) as u64,
            failed: failed.len() as u64,
            failures: failures.take(FailedFile::MOST).collect(),
            ..FolderStats::default()
        })
    }

    /// What the service is about.
    ///
    /// # Errors
    /// When the process does not watch: only a server does.
    pub fn watch_status(&self) -> Result<WatchStatus, Failure> {
        let service = self.0.watching.get();
        service.map(Service::status).ok_or_else(|| {
            let message = "only the server watches folders: start `rushes serve`";
            Failure::new(ErrorCode::Internal, message)
        })
    }

    /// Starts the service. For one process a home folder at a time.
    pub(super) fn begin_watching(&self) {
        self.0.watching.get_or_init(|| Service::start(self, self.watch_file()));
    }

    fn watch_file(&self) -> SettingsFile {
        SettingsFile::of(&self.0.config.home)
    }

    fn change_watching<T>(
        &self,
        change: impl FnOnce(&mut crate::folders::Settings) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let changed = self.watch_file().change(change)?;
        if let Some(service) = self.0.watching.get() {
            service.look_again();
        }
        Ok(changed)
    }

    fn check_watch_folder(&self, settings: &WatchFolderSettings) -> Result<(), Failure> {
        let path = self.0.roots.check(&settings.path)?;
        if !path.is_dir() {
            let message = format!("\"{}\" is no folder that can be watched", settings.path);
            return Err(Failure::new(ErrorCode::BadPath, message));
        }
        self.check_analysis(&settings.analysis_of(vec![settings.path.clone()]))
    }
}

/// What the service asks for.
impl Engine {
    /// Has a task of a watch folder wait, or go on.
    pub(crate) fn hold_watched(&self, task: TaskId, hold: bool) {
        let task = task.to_string();
        let is_held = self.task(&task).map(|task| task.paused);
        if is_held.is_ok_and(|is_held| is_held != hold) {
            // One that has just ended need not wait.
            let _ = self.0.tasks.pause(&task, hold);
            self.0.analyst.look_again();
        }
    }

    /// Ends a task of a watch folder whose files are not wanted like that any more.
    pub(crate) fn drop_watched(&self, task: TaskId) {
        if let Err(failure) = self.0.tasks.cancel(&task.to_string()) {
            tracing::warn!(%failure, "the analysis of a watch folder was not cancelled");
        }
        self.0.analyst.look_again();
    }

    /// What is remembered of the files of a watch folder.
    pub(crate) fn watched_files(&self, folder: &str) -> Vec<WatchedFile> {
        let files = self.0.reception.catalogue().watched(folder);
        files.inspect_err(not_kept).unwrap_or_default()
    }

    /// Remembers what became of a file of a watch folder.
    pub(crate) fn keep_watched(&self, folder: &str, file: &WatchedFile) {
        let kept = self.0.reception.catalogue().set_watched(folder, file);
        let _ = kept.inspect_err(not_kept);
    }

    /// Forgets a file that is no longer there.
    pub(crate) fn forget_watched(&self, folder: &str, path: &Path) {
        let catalogue = self.0.reception.catalogue();
        let forgotten = catalogue.forget_watched(folder, path);
        let _ = forgotten.and_then(|()| catalogue.forget(path)).inspect_err(not_kept);
    }

    /// Forgets all files of a watch folder.
    pub(crate) fn forget_watch_folder(&self, folder: &str) {
        let _ = self.0.reception.catalogue().forget_watch_folder(folder).inspect_err(not_kept);
    }

    /// Where the analyses of a watch folder are; `None` when that is away.
    pub(crate) fn analyses_of(&self, settings: &WatchFolderSettings) -> Option<Arc<LoadedFolder>> {
        self.folder(&settings.cache_dir).ok()
    }

    /// Those of the files whose analysis is not there.
    pub(crate) fn lacking(
        &self,
        settings: &WatchFolderSettings,
        analyses: &LoadedFolder,
        files: Vec<PathBuf>,
    ) -> Vec<PathBuf> {
        let models = &self.0.models;
        let (model, listens) = (models.active_visual(), models.active_speech().is_some());
        let collection = settings.cluster_job_name.as_deref().unwrap_or_default().trim();
        let joined = if settings.faces { analyses.collections_by_medium() } else { HashMap::new() };
        let has_joined =
            |id| joined.get(&id).is_some_and(|names| names.iter().any(|n| n == collection));
        let lacks = |path: &PathBuf| {
            // What nobody has looked at cannot be told without reading it.
            let Some(intake) = self.0.reception.last_known(path) else { return false };
            let (id, facts) = (intake.media_id, &intake.facts);
            let has_pictures = facts.kind != MediaKind::Audio;
            let sounds = facts.kind != MediaKind::Image && facts.audio_codec.is_some();
            let has_none = |analysis| has_none(analyses, analysis, id);
            let is_seen = || analyses.is_stored(Analysis::Visual, id, &model);
            settings.visual && has_pictures && !is_seen()
                || settings.ocr && has_pictures && has_none(Analysis::Text)
                || settings.faces && has_pictures && (has_none(Analysis::Faces) || !has_joined(id))
                || settings.speech && listens && sounds && has_none(Analysis::Speech)
        };
        files.into_iter().filter(lacks).collect()
    }
}

fn has_none(analyses: &LoadedFolder, analysis: Analysis, id: MediaId) -> bool {
    analyses.models_of(analysis, id).is_empty()
}

/// The catalogue is a cache: without it a restart takes longer, nothing else.
fn not_kept(error: &StoreError) {
    tracing::warn!(%error, "what became of watched files could not be kept");
}
