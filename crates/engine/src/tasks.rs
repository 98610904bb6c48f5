//! Tasks: what is under way, how far it is, and who wants to know.
//!
//! Events of one task are at most ten a second; the last one is never dropped.

use crate::replies;
use rushes_media::Cancel;
use rushes_model::{ErrorCode, Failure, FileError, Progress, TaskId, TaskKind, TaskState};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Shortest time between two events of a task: ten a second.
const EVENT_SPACING: Duration = Duration::from_millis(100);
/// Ended tasks that are remembered.
const MAX_REMEMBERED: usize = 1000;

/// All tasks of this process.
#[derive(Clone, Default)]
pub struct TaskTable(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    tasks: Vec<Record>,
    listeners: Vec<UnboundedSender<Progress>>,
}

struct Record {
    kind: TaskKind,
    latest: Progress,
    errors: Vec<FileError>,
    clips: Vec<replies::ExportedClip>,
    cancel: Cancel,
    started: Option<Instant>,
    last_sent: Option<Instant>,
    /// Failures that no event has told yet.
    untold: VecDeque<FileError>,
}

/// One task, held by whoever does its work.
#[derive(Clone)]
pub struct TaskHandle {
    table: TaskTable,
    id: TaskId,
    cancel: Cancel,
}

/// Where a task stands, as its worker sees it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// 0 to 1 over the whole task.
    pub progress: f64,
    /// The file in work.
    pub media_path: Option<String>,
    /// 0 to 1 within that file.
    pub file_progress: Option<f64>,
    /// Media seconds per wall second.
    pub speed: Option<f64>,
    /// A sentence for people.
    pub message: Option<String>,
}

impl TaskTable {
    /// Makes a task that waits for its turn. `event` is the contract's `type` of its events.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn create(&self, kind: TaskKind, event: &str) -> Result<TaskHandle, Failure> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            Failure::new(ErrorCode::Internal, format!("no random numbers for a task id: {error}"))
        })?;
        let id = TaskId(u128::from_ne_bytes(random));
        let cancel = Cancel::new();
        let record = Record {
            kind,
            latest: first_event(id, event),
            errors: Vec::new(),
            clips: Vec::new(),
            cancel: cancel.clone(),
            started: None,
            last_sent: None,
            untold: VecDeque::new(),
        };
        let mut table = self.lock();
        table.forget_old();
        table.tasks.push(record);
        Ok(TaskHandle { table: self.clone(), id, cancel })
    }

    /// Every event from now on. The queue is unbounded, but each task adds ten a second at most.
    #[must_use]
    pub fn subscribe(&self) -> UnboundedReceiver<Progress> {
        let (sender, receiver) = unbounded_channel();
        self.lock().listeners.push(sender);
        receiver
    }

    /// The newest event of a task.
    #[must_use]
    pub fn latest(&self, id: TaskId) -> Option<Progress> {
        self.lock().find(id).map(|record| record.latest.clone())
    }

    /// All tasks, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<replies::Task> {
        // What is in each clip is told of one task at a time: a thousand of them would be long.
        let brief = |record: &Record| replies::Task { clips: Vec::new(), ..record.reply() };
        self.lock().tasks.iter().rev().map(brief).collect()
    }

    /// One task.
    ///
    /// # Errors
    /// `NotFound` when the text names no task of this server.
    pub fn get(&self, id: &str) -> Result<replies::Task, Failure> {
        let unknown = || unknown_task(id);
        let id = id.parse().map_err(|_| unknown())?;
        self.lock().find(id).map(|record| record.reply()).ok_or_else(unknown)
    }

    /// Asks a task to stop. One that waits for its turn ends at once; one that is over stays as it is.
    ///
    /// # Errors
    /// `NotFound` when the text names no task of this server.
    pub fn cancel(&self, id: &str) -> Result<TaskState, Failure> {
        let unknown = || unknown_task(id);
        let id: TaskId = id.parse().map_err(|_| unknown())?;
        let mut table = self.lock();
        let record = table.find(id).ok_or_else(unknown)?;
        record.cancel.cancel();
        if record.latest.state == TaskState::Queued {
            record.end(TaskState::Cancelled, "Cancelled before it began".to_owned());
            let event = record.latest.clone();
            table.send(&event);
        }
        Ok(table.find(id).map_or(TaskState::Cancelled, |record| record.latest.state))
    }

    /// Asks every task that is not over to stop.
    pub fn cancel_all(&self) {
        for record in self.lock().tasks.iter().filter(|record| !record.latest.done) {
            record.cancel.cancel();
        }
    }

    /// Whether every task is over.
    #[must_use]
    pub fn all_over(&self) -> bool {
        self.lock().tasks.iter().all(|record| record.latest.done || record.started.is_none())
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // A panic while holding the lock leaves at worst one stale event behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown_task(id: &str) -> Failure {
    let id: String = id.chars().take(64).collect();
    Failure::new(ErrorCode::NotFound, format!("no task \"{id}\" on this server"))
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

impl Table {
    fn find(&mut self, id: TaskId) -> Option<&mut Record> {
        self.tasks.iter_mut().find(|record| record.latest.task_id == id)
    }

    fn send(&mut self, event: &Progress) {
        self.listeners.retain(|listener| listener.send(event.clone()).is_ok());
    }

    fn forget_old(&mut self) {
        let excess = self.tasks.len().saturating_sub(MAX_REMEMBERED - 1);
        let mut removed = 0;
        self.tasks.retain(|record| {
            let remove = removed < excess && record.latest.state.is_final();
            removed += usize::from(remove);
            !remove
        });
    }
}

impl Record {
    fn reply(&self) -> replies::Task {
        replies::Task {
            task_id: self.latest.task_id.to_string(),
            kind: self.kind,
            state: self.latest.state,
            progress: self.latest.progress,
            files_total: self.latest.files_total,
            files_done: self.latest.files_done,
            errors: self.errors.iter().cloned().map(Into::into).collect(),
            output_paths: self.clips.iter().map(|clip| clip.output_path.clone()).collect(),
            clips: self.clips.clone(),
        }
    }

    fn stand(&mut self, standing: Standing) {
        let latest = &mut self.latest;
        // 1 is for the last event; rounding and re-planning must not let the bar fall.
        latest.progress = latest.progress.max(standing.progress.clamp(0.0, 0.999));
        latest.media_path = standing.media_path;
        latest.file_progress = standing.file_progress;
        latest.speed = standing.speed;
        latest.message = standing.message;
        latest.eta_seconds = eta(latest.progress, self.started);
    }

    fn end(&mut self, state: TaskState, message: String) {
        let latest = &mut self.latest;
        latest.state = state;
        latest.done = true;
        latest.progress = 1.0;
        latest.message = Some(message);
        // The last event is never dropped, so it tells a failure that there was no time for.
        let untold = self.untold.pop_front();
        (latest.media_path, latest.error) =
            untold.map(|error| (error.media_path, error.message)).unzip();
        (latest.file_progress, latest.speed, latest.eta_seconds) = (None, None, None);
    }

    /// The event to send now, if it is time for one.
    fn due(&mut self) -> Option<Progress> {
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

fn eta(progress: f64, started: Option<Instant>) -> Option<f64> {
    let elapsed = started?.elapsed().as_secs_f64();
    (progress > 0.01).then(|| elapsed * (1.0 - progress) / progress)
}

impl TaskHandle {
    /// Name of the task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Set when somebody asked the task to stop.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Begins the work; false when the task was cancelled while it waited.
    #[must_use]
    pub fn start(&self) -> bool {
        let mut begun = false;
        self.change(|record| {
            record.latest.state = TaskState::Running;
            record.started = Some(Instant::now());
            begun = true;
        });
        begun
    }

    /// Says how many files there are.
    pub fn set_total(&self, files: u64) {
        self.change(|record| record.latest.files_total = files);
    }

    /// Tells where the task stands.
    pub fn stand(&self, standing: Standing) {
        self.change(|record| record.stand(standing));
    }

    /// Counts a file as finished.
    pub fn file_done(&self) {
        self.change(|record| record.latest.files_done += 1);
    }

    /// Notes a file that was written, and counts it as finished.
    pub fn file_written(&self, clip: replies::ExportedClip) {
        self.change(|record| {
            record.clips.push(clip);
            record.latest.files_done += 1;
        });
    }

    /// Notes what went wrong with a file or folder; the task goes on.
    pub fn file_failed(&self, error: FileError) {
        self.change(|record| {
            record.errors.push(error.clone());
            record.untold.push_back(error);
        });
    }

    /// Ends the task; later calls change nothing.
    pub fn finish(&self, state: TaskState, message: impl Into<String>) {
        let message = message.into();
        let mut table = self.table.lock();
        let Some(record) = table.find(self.id).filter(|record| !record.latest.done) else {
            return;
        };
        record.end(state, message);
        let event = record.latest.clone();
        table.send(&event);
    }

    /// Number of files that were written so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.table.lock().find(self.id).map_or(0, |record| record.clips.len())
    }

    /// Number of files that failed so far.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.table.lock().find(self.id).map_or(0, |record| record.errors.len())
    }

    /// Changes the record of a task that is not over, and sends an event if it is time.
    fn change(&self, change: impl FnOnce(&mut Record)) {
        let mut table = self.table.lock();
        let Some(record) = table.find(self.id).filter(|record| !record.latest.done) else {
            return;
        };
        change(record);
        if let Some(event) = record.due() {
            table.send(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(events: &mut UnboundedReceiver<Progress>) -> Vec<Progress> {
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    #[test]
    fn events_are_sparse_monotone_and_end_once() {
        let table = TaskTable::default();
        let mut events = table.subscribe();
        let task = table.create(TaskKind::Analyze, "video").unwrap();
        assert!(task.start());
        task.set_total(3);
        for progress in [0.5, 0.2, 0.9, 2.0] {
            task.stand(Standing { progress, ..Standing::default() });
        }
        task.finish(TaskState::Completed, "done");
        task.finish(TaskState::Failed, "again");
        task.stand(Standing::default());
        let events = drain(&mut events);
        assert!(events.len() <= 3, "{} events within a moment", events.len());
        assert!(events.is_sorted_by(|a, b| a.progress <= b.progress));
        assert_eq!(events.iter().filter(|event| event.done).count(), 1);
        let last = events.last().unwrap();
        assert_eq!((last.state, last.progress), (TaskState::Completed, 1.0));
        assert_eq!(table.latest(task.id()), events.last().cloned());
    }

    #[test]
    fn a_waiting_task_ends_at_once_when_cancelled() {
        let table = TaskTable::default();
        let mut events = table.subscribe();
        let task = table.create(TaskKind::Analyze, "video").unwrap();
        let state = table.cancel(&task.id().to_string()).unwrap();
        assert_eq!(state, TaskState::Cancelled);
        assert!(!task.start() && task.cancel().is_cancelled());
        assert_eq!(drain(&mut events).len(), 1);
    }

    #[test]
    fn errors_of_files_are_kept_and_told() {
        let table = TaskTable::default();
        let mut events = table.subscribe();
        let task = table.create(TaskKind::Analyze, "video").unwrap();
        assert!(task.start());
        let error = FileError { media_path: "/a.mp4".into(), message: "broken".into() };
        task.file_failed(error.clone());
        task.file_done();
        std::thread::sleep(EVENT_SPACING);
        task.file_done();
        // Right at the end, when there is no time for an event of its own.
        task.file_failed(FileError { message: "broken too".into(), ..error });
        task.finish(TaskState::Completed, "done");
        let told = drain(&mut events);
        assert!(told.iter().any(|event| event.error.as_deref() == Some("broken")));
        let last = told.last().unwrap();
        assert_eq!(last.error.as_deref(), Some("broken too"));
        assert_eq!((last.media_path.as_deref(), last.done), (Some("/a.mp4"), true));
        let reply = table.get(&task.id().to_string()).unwrap();
        assert_eq!((reply.files_done, reply.errors.len()), (2, 2));
    }

    #[test]
    fn unknown_tasks_are_not_found() {
        let table = TaskTable::default();
        for id in ["", "x", "00000000000000000000000000000000"] {
            assert_eq!(table.get(id).unwrap_err().code, ErrorCode::NotFound);
            assert_eq!(table.cancel(id).unwrap_err().code, ErrorCode::NotFound);
        }
    }

    #[test]
    fn old_ended_tasks_are_forgotten_and_running_ones_kept() {
        let table = TaskTable::default();
        let running = table.create(TaskKind::Analyze, "video").unwrap();
        assert!(running.start());
        for _ in 0..MAX_REMEMBERED + 10 {
            let task = table.create(TaskKind::LoadModel, "model").unwrap();
            task.finish(TaskState::Completed, "");
        }
        assert_eq!(table.list().len(), MAX_REMEMBERED);
        assert!(table.latest(running.id()).is_some());
    }
}
