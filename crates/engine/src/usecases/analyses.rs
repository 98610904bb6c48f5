//! Analyses: what is checked before one is acknowledged.

use super::{Engine, bad_request, check_count, edits};
use crate::{
    analysis::{FacesOrder, Order, Report, SightOrder, SoFar, Suspects},
    hearing::SpeechOrder,
    library::LoadedFolder,
    replies::{TaskStarted, WatchFolder},
    requests::{AnalyzeRequest, MAX_ANALYZE_PATHS},
    tasks::{Asked, LeftOver, TaskHandle, Urgency},
};
use rushes_model::{Failure, TaskId, TaskKind, TaskState};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why nothing can be listened to.
const NO_SPEECH_MODEL: &str =
    "no model that listens to speech is on disk yet; `rushes models pull whisper-base` gets one";

/// A request that can be worked off.
struct Checked {
    /// With the models that it will be worked off by, whichever are active then.
    request: AnalyzeRequest,
    folder: Arc<LoadedFolder>,
    paths: Vec<PathBuf>,
    sight: Option<SightOrder>,
    faces: Option<FacesOrder>,
    speech: Option<SpeechOrder>,
}

impl Engine {
    /// Starts an analysis of files and folders.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `UnknownModel`, `CacheDir`; `Loading` while the active model changes.
    pub fn analyze(&self, request: &AnalyzeRequest) -> Result<TaskStarted, Failure> {
        let checked = self.check(request)?;
        let listens = checked.speech.is_some();
        let asked = Asked::new(TaskKind::Analyze, event(request), &checked.request);
        let task = self.0.tasks.create(asked)?;
        let message = format!("Analysis started: {}", stages(request, listens));
        let started = TaskStarted::new(message, task.id());
        self.0.analyst.take(checked.into_order(task, Urgency::Person));
        Ok(started)
    }

    /// The same for files that a watch folder brought; `report` hears what becomes of each.
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    pub(crate) fn analyze_watched(
        &self,
        folder: &WatchFolder,
        files: Vec<PathBuf>,
        report: Report,
    ) -> Result<TaskId, Failure> {
        let names = files.iter().map(|path| path.display().to_string()).collect();
        let request = folder.settings.analysis_of(names);
        let checked = self.check(&request)?;
        let asked = Asked::new(TaskKind::Analyze, event(&request), &checked.request);
        let task = self.0.tasks.create(asked.by_folder(&folder.id))?;
        let id = task.id();
        let order = checked.into_order(task, Urgency::Folder);
        // As they are: not every name is Unicode.
        let (paths, report, suspects) = (files, Some(report), self.suspects());
        self.0.analyst.take(Order { paths, report, suspects, ..order });
        Ok(id)
    }

    /// Whether a file may be read. A link in a watched folder may lead to anywhere.
    pub(crate) fn may_read(&self, path: &Path) -> bool {
        self.0.roots.allow(path)
    }

    /// Checks whether a request could be worked off.
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    pub(super) fn check_analysis(&self, request: &AnalyzeRequest) -> Result<(), Failure> {
        self.check(request).map(drop)
    }

    /// Goes on with an analysis that an earlier process did not end.
    ///
    /// # Errors
    /// Those of [`Engine::analyze`].
    pub(super) fn go_on_analyzing(&self, left: &LeftOver) -> Result<(), Failure> {
        if left.asked.watch_folder.is_some() {
            let message = "Rushes was restarted; its watch folder goes on with its files";
            left.task.finish(TaskState::Cancelled, message);
            return Ok(());
        }
        let checked = self.check(&left.asked.request()?)?;
        let analysed = left.done.len().saturating_sub(left.task.failures());
        let order = checked.into_order(left.task.clone(), Urgency::Person);
        let (done, so_far) = (left.done.clone(), SoFar::after(analysed));
        self.0.analyst.take(Order { done, so_far, suspects: self.suspects(), ..order });
        Ok(())
    }

    fn suspects(&self) -> Suspects {
        Suspects::known_to(self.0.reception.catalogue())
    }

    fn check(&self, request: &AnalyzeRequest) -> Result<Checked, Failure> {
        check_count("media_paths", request.media_paths.len(), MAX_ANALYZE_PATHS)?;
        check_stages(request)?;
        let folder = self.folder(&request.cache_dir)?;
        folder.ensure_writable()?;
        let paths = self.paths(&request.media_paths)?;
        let sight = if request.visual { Some(self.sight_order(request)?) } else { None };
        let speech = if request.speech { self.speech_order(request)? } else { None };
        let faces = self.faces_order(request)?;
        if sight.is_none() && speech.is_none() && faces.is_none() {
            return Err(bad_request(NO_SPEECH_MODEL.to_owned()));
        }
        let request = AnalyzeRequest {
            visual_model_key: sight.as_ref().map(|sight| sight.model.to_string()),
            speech_model_key: speech.as_ref().map(|speech| speech.model.to_string()),
            speech: speech.is_some(),
            ..request.clone()
        };
        Ok(Checked { request, folder, paths, sight, faces, speech })
    }

    fn sight_order(&self, request: &AnalyzeRequest) -> Result<SightOrder, Failure> {
        let models = &self.0.models;
        let model = match &request.visual_model_key {
            Some(named) => models.known_visual(named)?,
            None => models.settled_visual()?,
        };
        models.check_downloaded(&model)?;
        Ok(SightOrder { model, sampling: request.sampling.into(), ocr: request.ocr })
    }

    fn faces_order(&self, request: &AnalyzeRequest) -> Result<Option<FacesOrder>, Failure> {
        let Some(collection) = request.cluster_job_name.clone().filter(|_| request.faces) else {
            return Ok(None);
        };
        self.0.models.check_face_model()?;
        let collection = collection.trim().to_owned();
        Ok(Some(FacesOrder { collection, sampling: request.sampling.into() }))
    }

    /// `None` when no model was named and none is on disk.
    fn speech_order(&self, request: &AnalyzeRequest) -> Result<Option<SpeechOrder>, Failure> {
        let (named, language) = (request.speech_model_key.as_deref(), request.language.as_deref());
        let order = self.0.models.speech_order(named, language)?;
        Ok(order.map(|order| SpeechOrder { track: request.audio_track, ..order }))
    }
}

impl Checked {
    fn into_order(self, task: TaskHandle, urgency: Urgency) -> Order {
        let Self { request, folder, paths, sight, faces, speech } = self;
        Order {
            task,
            urgency,
            folder,
            paths,
            done: HashSet::new(),
            suspects: Suspects::default(),
            force: request.force,
            sight,
            faces,
            speech,
            report: None,
            so_far: SoFar::default(),
        }
    }
}

/// What an analysis is about to do. Speech is on by default in the contract: where no model of it is on disk it
/// is left out, and that is told.
fn stages(request: &AnalyzeRequest, listens: bool) -> String {
    let stages = [
        (request.visual, "pictures"),
        (request.ocr, "on-screen text"),
        (request.faces, "faces"),
        (listens, "speech"),
    ];
    let wanted: Vec<&str> =
        stages.iter().filter(|(wanted, _)| *wanted).map(|stage| stage.1).collect();
    let left_out = if request.speech && !listens {
        "; speech is left out until a model of it is there (`rushes models pull whisper-base`)"
    } else {
        ""
    };
    format!("{}{left_out}", wanted.join(", "))
}

/// The contract's `type` of an analysis' events: the first of what it does.
fn event(request: &AnalyzeRequest) -> &'static str {
    match (request.visual, request.faces) {
        (true, _) => "video",
        (false, true) => "faces",
        (false, false) => "speech",
    }
}

/// What does not fit together is refused.
fn check_stages(request: &AnalyzeRequest) -> Result<(), Failure> {
    if request.faces {
        let name = request.cluster_job_name.as_deref().unwrap_or_default();
        if name.trim().is_empty() {
            return Err(bad_request("cluster_job_name is required when faces is true".to_owned()));
        }
        edits::check_name("cluster_job_name", name)?;
    }
    if !(request.visual || request.speech || request.faces) {
        return Err(bad_request(
            "nothing to do: visual, speech and faces are all false".to_owned(),
        ));
    }
    if request.ocr && !request.visual {
        return Err(bad_request(
            "ocr reads a frame of every shot and needs visual for that; what is analysed already is \
             not analysed again"
                .to_owned(),
        ));
    }
    Ok(())
}
