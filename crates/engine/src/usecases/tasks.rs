//! Tasks: what is under way, and what an earlier process left.

use super::{Engine, WeakEngine};
use crate::{
    pull::{self, Activation},
    replies::{Message, Task, TaskStarted, Tasks},
    requests::{CancelRequest, LoadModelRequest, PauseRequest},
    tasks::{Asked, LeftOver, TaskHandle},
};
use rushes_infer::registry::Kind;
use rushes_model::{ErrorCode, Failure, ModelKey, Progress, TaskId, TaskKind, TaskState};
use rushes_store::Ledger;
use std::{
    thread,
    time::{Duration, Instant},
};
use tokio::sync::mpsc::UnboundedReceiver;

/// How long a task waits that cannot go on yet; twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long tasks have to stop when the process ends.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

impl Engine {
    /// Makes this the engine of its home folder: from now on what is asked for is kept and outlives the process,
    /// what an earlier one did not end goes on, and folders are watched. For one process at a time.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn take_charge(&self) -> Result<(), Failure> {
        let ledger = Ledger::open(&self.0.config.ledger()).map_err(super::internal)?;
        let left = self.0.tasks.keep_in(ledger)?;
        self.begin_watching();
        let engine = self.downgrade();
        // In the background: where analyses go may be a share that does not answer, or is not there yet.
        thread::spawn(move || go_on_with_all(&engine, left));
        Ok(())
    }

    /// Goes on with a task; false when it has to wait for a disk or a model that is not there yet.
    fn go_on(&self, left: &LeftOver) -> bool {
        let gone_on = match left.asked.kind {
            TaskKind::Analyze => self.go_on_analyzing(left),
            TaskKind::Recluster => self.go_on_reclustering(left),
            TaskKind::LoadModel => self.go_on_loading(left),
            TaskKind::ExportClips => self.go_on_cutting(left),
        };
        let Err(Failure { code, message }) = gone_on else { return true };
        match code {
            ErrorCode::CacheDir | ErrorCode::BadPath | ErrorCode::Loading | ErrorCode::Busy => {
                left.task.wait(&format!("Waits, for it could not go on: {message}"));
                false
            }
            _ => {
                left.task.finish(TaskState::Failed, format!("It could not go on: {message}"));
                true
            }
        }
    }

    /// Stops all tasks and waits a moment for them, so that no decoder outlives the process and nothing is left
    /// half-written. Those that are kept go on in the next process.
    pub fn stop(&self) {
        self.0.tasks.stop_all();
        let begun = Instant::now();
        while !self.0.tasks.all_over() && begun.elapsed() < STOP_PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops a task soon.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn cancel(&self, request: &CancelRequest) -> Result<Message, Failure> {
        let state = self.0.tasks.cancel(&request.task_id)?;
        self.0.analyst.look_again();
        let message = match state {
            TaskState::Completed | TaskState::Failed => "The task had already ended",
            TaskState::Queued | TaskState::Running | TaskState::Cancelled => "Cancelled",
        };
        Ok(Message { message: message.to_owned() })
    }

    /// Has an analysis wait once the files in work are done, also after a restart.
    ///
    /// # Errors
    /// `NotFound`; `BadRequest` for a task that is over or no analysis.
    pub fn pause(&self, request: &PauseRequest) -> Result<Task, Failure> {
        self.0.tasks.pause(&request.task_id, true)
    }

    /// Has a paused analysis go on.
    ///
    /// # Errors
    /// Those of [`Engine::pause`].
    pub fn resume(&self, request: &PauseRequest) -> Result<Task, Failure> {
        let task = self.0.tasks.pause(&request.task_id, false)?;
        self.0.analyst.look_again();
        Ok(task)
    }

    /// All tasks, newest first.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        Tasks { tasks: self.0.tasks.list() }
    }

    /// One task.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn task(&self, id: &str) -> Result<Task, Failure> {
        self.0.tasks.get(id)
    }

    /// Every progress event from now on: at most ten a second a task, the last one never dropped.
    #[must_use]
    pub fn progress(&self) -> UnboundedReceiver<Progress> {
        self.0.tasks.subscribe()
    }

    /// The newest event of a task.
    #[must_use]
    pub fn latest_progress(&self, id: TaskId) -> Option<Progress> {
        self.0.tasks.latest(id)
    }

    /// Makes a model the active one, in the background; fetches it first if it is not on disk.
    ///
    /// # Errors
    /// `UnknownModel`.
    pub fn load_model(&self, request: &LoadModelRequest) -> Result<TaskStarted, Failure> {
        let (kind, key) = self.named_model(request)?;
        let task = self.0.tasks.create(Asked::new(TaskKind::LoadModel, "model", request))?;
        let started = TaskStarted::new(format!("Loading {key}"), task.id());
        self.start_loading(kind, key, task);
        Ok(started)
    }

    fn go_on_loading(&self, left: &LeftOver) -> Result<(), Failure> {
        let (kind, key) = self.named_model(&left.asked.request()?)?;
        self.start_loading(kind, key, left.task.clone());
        Ok(())
    }

    fn named_model(&self, request: &LoadModelRequest) -> Result<(Kind, ModelKey), Failure> {
        let models = &self.0.models;
        let named = &request.model_key;
        let of_kind = |kind| models.known(kind, named).ok().map(|key| (kind, key));
        let found = of_kind(Kind::Speech).or_else(|| of_kind(Kind::Face));
        let (kind, key) = match found {
            Some(found) => found,
            None => (Kind::Visual, models.known_visual(named)?),
        };
        if kind == Kind::Visual {
            models.check_choice(&key)?;
        }
        Ok((kind, key))
    }

    fn start_loading(&self, kind: Kind, key: ModelKey, task: TaskHandle) {
        let models = &self.0.models;
        let activation = match kind {
            Kind::Speech => Activation::Speech(models.await_speech()),
            Kind::Face => Activation::Faces,
            _ => Activation::Visual(models.begin_switch(&key, task.cancel())),
        };
        let engine = self.clone();
        thread::spawn(move || {
            pull::load_task(&engine.0.config, &engine.0.models, &key, &task, activation);
        });
    }
}

/// Goes on with what an earlier process left. What cannot go on yet is tried again, ever more rarely.
fn go_on_with_all(engine: &WeakEngine, mut left: Vec<LeftOver>) {
    let mut wait = FIRST_WAIT;
    loop {
        let Some(engine) = engine.upgrade() else { return };
        left.retain(|left| !left.task.cancel().is_cancelled() && !engine.go_on(left));
        drop(engine);
        if left.is_empty() {
            return;
        }
        thread::sleep(wait);
        wait = LONGEST_WAIT.min(wait * 2);
    }
}
