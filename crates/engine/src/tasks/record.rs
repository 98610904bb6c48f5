//! One task of the table.

use super::{
    Standing,
    kept::{Asked, Ending, PartOutcome},
};
use crate::replies::{self, ExportedClip};
use rushes_media::Cancel;
use rushes_model::{FileError, Progress, TaskId, TaskState};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Shortest time between two events of a task: ten a second.
pub(super) const EVENT_SPACING: Duration = Duration::from_millis(100);

/// What the table knows of a task.
pub(super) struct Record {
    pub(super) asked: Asked,
    pub(super) latest: Progress,
    pub(super) errors: Vec<FileError>,
    pub(super) clips: Vec<ExportedClip>,
    pub(super) cancel: Cancel,
    /// Set while it is to wait.
    pub(super) paused: Arc<AtomicBool>,
    /// Somebody asked to cancel it, other than the end of the process.
    pub(super) is_unwanted: bool,
    /// The process is about to end, and what it did for this task has.
    pub(super) is_interrupted: bool,
    /// When it was begun last, and how far it was then.
    begun: Option<(Instant, f64)>,
    last_sent: Option<Instant>,
    /// Failures that no event has told yet.
    untold: VecDeque<FileError>,
}

impl Record {
    /// A task that waits for its turn.
    pub(super) fn new(id: TaskId, asked: Asked) -> Self {
        Self {
            latest: first_event(id, &asked.event),
            asked,
            errors: Vec::new(),
            clips: Vec::new(),
            cancel: Cancel::new(),
            paused: Arc::default(),
            is_unwanted: false,
            is_interrupted: false,
            begun: None,
            last_sent: None,
            untold: VecDeque::new(),
        }
    }

    /// Takes over what an earlier process did.
    pub(super) fn take_over(&mut self, part: PartOutcome) {
        self.errors.extend(part.error);
        self.clips.extend(part.clip);
        self.latest.files_done += 1;
    }

    /// What is told of it, with what is in each clip.
    pub(super) fn reply(&self) -> replies::Task {
        replies::Task { clips: self.clips.clone(), ..self.brief() }
    }

    /// What is told of it among others.
    pub(super) fn brief(&self) -> replies::Task {
        let Self { asked, latest, .. } = self;
        replies::Task {
            task_id: latest.task_id.to_string(),
            kind: asked.kind,
            state: latest.state,
            progress: latest.progress,
            files_total: latest.files_total,
            files_done: latest.files_done,
            errors: self.errors.iter().cloned().map(Into::into).collect(),
            output_paths: self.clips.iter().map(|clip| clip.output_path.clone()).collect(),
            clips: Vec::new(),
            paused: self.is_paused(),
            watch_folder: asked.watch_folder.clone(),
            message: latest.message.clone(),
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed) && !self.latest.done
    }

    /// Whether nobody works for it, nor will in this process.
    pub(super) fn is_over(&self) -> bool {
        self.latest.done || self.is_interrupted
    }

    pub(super) fn is_begun(&self) -> bool {
        self.begun.is_some()
    }

    pub(super) fn begin(&mut self) {
        self.latest.state = TaskState::Running;
        self.latest.message = None;
        self.begun = Some((Instant::now(), self.latest.progress));
    }

    /// Has it wait for another turn.
    pub(super) fn wait(&mut self, message: &str) {
        let latest = &mut self.latest;
        latest.state = TaskState::Queued;
        latest.message = Some(message.to_owned());
        (latest.media_path, latest.file_progress) = (None, None);
        (latest.speed, latest.eta_seconds) = (None, None);
        self.begun = None;
        // Whoever follows it has to hear that.
        self.last_sent = None;
    }

    pub(super) fn stand(&mut self, standing: Standing) {
        let latest = &mut self.latest;
        // 1 is for the last event; rounding and re-planning must not let the bar fall.
        latest.progress = latest.progress.max(standing.progress.clamp(0.0, 0.999));
        latest.media_path = standing.media_path;
        latest.file_progress = standing.file_progress;
        latest.speed = standing.speed;
        latest.message = standing.message;
        latest.eta_seconds = eta(latest.progress, self.begun);
    }

    pub(super) fn fail_part(&mut self, error: FileError) {
        self.errors.push(error.clone());
        self.untold.push_back(error);
    }

    /// How it ends, for the ledger.
    pub(super) fn ending(&self, state: TaskState, message: &str) -> Ending {
        Ending {
            state,
            message: message.to_owned(),
            files_total: self.latest.files_total,
            files_done: self.latest.files_done,
            errors: self.errors.clone(),
            clips: self.clips.clone(),
        }
    }

    pub(super) fn end(&mut self, state: TaskState, message: String) {
        let latest = &mut self.latest;
        latest.state = state;
        latest.done = true;
        latest.progress = 1.0;
        latest.message = Some(message);
        self.asked.forget_request();
        let latest = &mut self.latest;
        // The last event is never dropped, so it tells a failure that there was no time for.
        let untold = self.untold.pop_front();
        (latest.media_path, latest.error) =
            untold.map(|error| (error.media_path, error.message)).unzip();
        (latest.file_progress, latest.speed, latest.eta_seconds) = (None, None, None);
    }

    /// The end that an earlier process told.
    pub(super) fn has_ended(&mut self, ending: Ending) {
        self.latest.files_total = ending.files_total;
        self.latest.files_done = ending.files_done;
        self.errors = ending.errors;
        self.clips = ending.clips;
        self.end(ending.state, ending.message);
    }

    /// The event to send now, if it is time for one.
    pub(super) fn due(&mut self) -> Option<Progress> {
        if self.last_sent.is_some_and(|sent| sent.elapsed() < EVENT_SPACING) {
            return None;
        }
        self.last_sent = Some(Instant::now());
        let mut event = self.latest.clone();
        if let Some(error) = self.untold.pop_front() {
            event.media_path = Some(error.media_path);
            event.error = Some(error.message);
            event.file_progress = None;
        }
        Some(event)
    }
}

fn first_event(task_id: TaskId, event: &str) -> Progress {
    Progress {
        task_id,
        kind: event.to_owned(),
        done: false,
        progress: 0.0,
        state: TaskState::Queued,
        media_path: None,
        files_total: 0,
        files_done: 0,
        file_progress: None,
        speed: None,
        eta_seconds: None,
        error: None,
        message: None,
    }
}

/// Seconds to the end at the speed since it was begun last.
fn eta(progress: f64, begun: Option<(Instant, f64)>) -> Option<f64> {
    let (begun, from) = begun?;
    let done = progress - from;
    (done > 0.01).then(|| begun.elapsed().as_secs_f64() * (1.0 - progress) / done)
}
