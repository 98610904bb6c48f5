//! Tasks: what is under way, how far it is, and who wants to know.
//!
//! Events of one task are at most ten a second; the last one is never dropped. With a ledger, tasks outlive the
//! process: what was asked for is kept before it is acknowledged, and an end before it is told.

mod kept;
mod record;

pub use kept::{Asked, PartOutcome, Urgency};

use crate::replies::{self, ExportedClip};
use kept::{not_kept, written};
use record::Record;
use rushes_media::Cancel;
use rushes_model::{ErrorCode, Failure, FileError, Progress, TaskId, TaskKind, TaskState};
use rushes_store::{KeptPart, Ledger, StoreError};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Ended tasks that are remembered.
const MAX_REMEMBERED: u32 = 1000;

/// All tasks of this process, and those that earlier ones left.
#[derive(Clone, Default)]
pub struct TaskTable(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    tasks: Vec<Record>,
    listeners: Vec<UnboundedSender<Progress>>,
    ledger: Option<Arc<Ledger>>,
    /// The process is about to end.
    is_stopping: bool,
}

/// One task, held by whoever does its work.
#[derive(Clone)]
pub struct TaskHandle {
    table: TaskTable,
    id: TaskId,
    cancel: Cancel,
    paused: Arc<AtomicBool>,
}

/// A task that an earlier process did not end.
pub struct LeftOver {
    /// It waits for its turn.
    pub task: TaskHandle,
    /// What was asked for.
    pub asked: Asked,
    /// Parts that are done.
    pub done: HashSet<PathBuf>,
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
    /// From now on tasks are kept in a ledger. Gives what an earlier process did not end, in the order in which it
    /// was asked for; what it did end is remembered.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn keep_in(&self, ledger: Ledger) -> Result<Vec<LeftOver>, Failure> {
        let mut left = Vec::new();
        for kept in ledger.tasks(MAX_REMEMBERED).map_err(not_kept)? {
            let Ok(asked) = serde_json::from_str::<Asked>(&kept.request) else {
                tracing::warn!(id = %kept.id, "a task of another version of Rushes is given up");
                let _ = ledger.end(kept.id, "of another version");
                continue;
            };
            let mut record = Record::new(kept.id, asked.clone());
            match kept.ending.map(|ending| serde_json::from_str(&ending)) {
                Some(Ok(ending)) => record.has_ended(ending),
                Some(Err(_)) => continue,
                None => {
                    let done = take_over(&mut record, ledger.parts(kept.id).map_err(not_kept)?);
                    record.paused.store(kept.paused, Ordering::Relaxed);
                    record.latest.files_total = record.latest.files_done;
                    left.push(LeftOver { task: self.handle_of(&record), asked, done });
                }
            }
            self.lock().tasks.push(record);
        }
        self.lock().ledger = Some(Arc::new(ledger));
        Ok(left)
    }

    fn handle_of(&self, record: &Record) -> TaskHandle {
        TaskHandle {
            table: self.clone(),
            id: record.latest.task_id,
            cancel: record.cancel.clone(),
            paused: Arc::clone(&record.paused),
        }
    }

    /// Makes a task that waits for its turn.
    ///
    /// # Errors
    /// When the system gives no random numbers, or the task cannot be kept.
    pub fn create(&self, asked: Asked) -> Result<TaskHandle, Failure> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            Failure::new(ErrorCode::Internal, format!("no random numbers for a task id: {error}"))
        })?;
        let id = TaskId(u128::from_ne_bytes(random));
        if let Some(ledger) = self.ledger() {
            ledger.add(id, &written(&asked)).map_err(not_kept)?;
        }
        let record = Record::new(id, asked);
        let handle = self.handle_of(&record);
        let mut table = self.lock();
        if table.is_stopping {
            // It is kept, and goes on in the next process.
            record.cancel.cancel();
        }
        table.forget_old();
        table.tasks.push(record);
        Ok(handle)
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
        self.lock().tasks.iter().rev().map(Record::brief).collect()
    }

    /// One task.
    ///
    /// # Errors
    /// `NotFound` when the text names no task of this server.
    pub fn get(&self, id: &str) -> Result<replies::Task, Failure> {
        self.with(id, |record| record.reply())
    }

    /// Asks a task to stop. One that waits for its turn ends at once; one that is over stays as it is. It will not
    /// go on after a restart.
    ///
    /// # Errors
    /// `NotFound` when the text names no task of this server.
    pub fn cancel(&self, id: &str) -> Result<TaskState, Failure> {
        const MESSAGE: &str = "Cancelled before it was done";
        let (task, state, ending) = self.with(id, |record| {
            let ending = written(&record.ending(TaskState::Cancelled, MESSAGE));
            record.is_unwanted = !record.latest.done;
            record.cancel.cancel();
            (record.latest.task_id, record.latest.state, ending)
        })?;
        if state.is_final() {
            return Ok(state);
        }
        // After it was stopped: where the disk is full, that is what is wanted most.
        if let Err(error) = self.write(|ledger| ledger.cancel(task, &ending).map(drop)) {
            tracing::warn!(%error, %task, "that a task was cancelled could not be kept");
        }
        let mut table = self.lock();
        let Some(record) = table.find(task) else { return Ok(state) };
        if !record.latest.done && !record.is_begun() {
            record.end(TaskState::Cancelled, MESSAGE.to_owned());
            let event = record.latest.clone();
            table.send(&event);
        }
        Ok(table.find(task).map_or(TaskState::Cancelled, |record| record.latest.state))
    }

    /// Has an analysis wait, or go on. One that is at work ends the files in work first.
    ///
    /// # Errors
    /// `NotFound` when the text names no task of this server, `BadRequest` for one that cannot wait; when that
    /// cannot be kept.
    pub fn pause(&self, id: &str, paused: bool) -> Result<replies::Task, Failure> {
        let task = self.get(id)?;
        if task.kind != TaskKind::Analyze || task.state.is_final() {
            let message = format!("only an analysis that is not over can wait; {id} is not one");
            return Err(Failure::new(ErrorCode::BadRequest, message));
        }
        let parsed = id.parse().map_err(|_| unknown_task(id))?;
        self.with(id, |record| record.paused.store(paused, Ordering::Relaxed))?;
        self.write(|ledger| ledger.pause(parsed, paused)).map_err(not_kept)?;
        self.get(id)
    }

    /// Asks every task that is not over to stop. With a ledger they go on in the next process.
    pub fn stop_all(&self) {
        let mut table = self.lock();
        table.is_stopping = table.ledger.is_some();
        for record in table.tasks.iter().filter(|record| !record.latest.done) {
            record.cancel.cancel();
        }
    }

    /// Whether nobody works for any task.
    #[must_use]
    pub fn all_over(&self) -> bool {
        self.lock().tasks.iter().all(|record| record.is_over() || !record.is_begun())
    }

    /// What `of` says of a task.
    fn with<T>(&self, id: &str, of: impl FnOnce(&mut Record) -> T) -> Result<T, Failure> {
        let parsed = id.parse().map_err(|_| unknown_task(id))?;
        self.lock().find(parsed).map(of).ok_or_else(|| unknown_task(id))
    }

    /// Outside the lock, for it waits for the disk.
    fn write(
        &self,
        write: impl FnOnce(&Ledger) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.ledger().map_or(Ok(()), |ledger| write(&ledger))
    }

    fn ledger(&self) -> Option<Arc<Ledger>> {
        self.lock().ledger.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // A panic while holding the lock leaves at worst one stale event behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a task have the parts that are done, and gives them.
fn take_over(record: &mut Record, parts: Vec<KeptPart>) -> HashSet<PathBuf> {
    // Of what another version wrote it is known at least that it is done.
    let outcome = |part: &KeptPart| serde_json::from_str(&part.outcome).unwrap_or_default();
    let parts = parts.into_iter().map(|part| (outcome(&part), part.part));
    let done = parts.filter(|(outcome, _): &(PartOutcome, _)| outcome.is_done());
    done.map(|(outcome, part)| {
        record.take_over(outcome);
        part
    })
    .collect()
}

fn unknown_task(id: &str) -> Failure {
    let id: String = id.chars().take(64).collect();
    Failure::new(ErrorCode::NotFound, format!("no task \"{id}\" on this server"))
}

impl Table {
    fn find(&mut self, id: TaskId) -> Option<&mut Record> {
        self.tasks.iter_mut().find(|record| record.latest.task_id == id)
    }

    fn send(&mut self, event: &Progress) {
        self.listeners.retain(|listener| listener.send(event.clone()).is_ok());
    }

    /// Forgets ended tasks when there are too many: those that folders brought first, then the oldest.
    fn forget_old(&mut self) {
        let mut excess = self.tasks.len().saturating_sub(MAX_REMEMBERED as usize - 1);
        for only_of_folders in [true, false] {
            self.tasks.retain(|record| {
                let is_meant = !only_of_folders || record.asked.watch_folder.is_some();
                let remove = excess > 0 && is_meant && record.latest.state.is_final();
                excess -= usize::from(remove);
                !remove
            });
        }
    }
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

    /// Whether it is to wait.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Begins the work; false when the task was cancelled while it waited.
    #[must_use]
    pub fn start(&self) -> bool {
        let mut begun = false;
        self.change(|record| {
            record.begin();
            begun = true;
        });
        begun
    }

    /// Has it wait for another turn.
    pub fn wait(&self, message: &str) {
        self.change(|record| record.wait(message));
    }

    /// Says how many files there are.
    pub fn set_total(&self, files: u64) {
        self.change(|record| record.latest.files_total = files.max(record.latest.files_done));
    }

    /// Tells where the task stands.
    pub fn stand(&self, standing: Standing) {
        self.change(|record| record.stand(standing));
    }

    /// Counts a part as finished.
    pub fn file_done(&self) {
        self.change(|record| record.latest.files_done += 1);
    }

    /// Keeps that a clip is whole and about to get its name.
    pub fn is_about_to_name(&self, part: &Path, clip: ExportedClip, bytes: u64) {
        let about_to_be_named = Some(bytes);
        self.keep(part, &PartOutcome { clip: Some(clip), about_to_be_named, error: None });
    }

    fn keep(&self, part: &Path, outcome: &PartOutcome) {
        let kept = self.table.write(|ledger| ledger.part_done(self.id, part, &written(outcome)));
        if let Err(error) = kept {
            // After a crash it would be done once more; nothing else depends on it.
            tracing::warn!(%error, part = %part.display(), "what was done could not be kept");
        }
    }

    /// Keeps a part that has not to be done again, with what became of it, and counts it as finished.
    pub fn part_done(&self, part: &Path, outcome: PartOutcome) {
        self.keep(part, &outcome);
        self.change(|record| {
            if let Some(error) = outcome.error {
                record.fail_part(error);
            }
            record.clips.extend(outcome.clip);
            record.latest.files_done += 1;
        });
    }

    /// Notes what went wrong with a folder or the like; the task goes on.
    pub fn file_failed(&self, error: FileError) {
        self.change(|record| record.fail_part(error));
    }

    /// Ends the task; later calls change nothing. When the process is about to end, a task that has therefore
    /// stopped is not over: it goes on in the next one.
    pub fn finish(&self, state: TaskState, message: impl Into<String>) {
        let message = message.into();
        let ending = {
            let mut table = self.table.lock();
            let is_stopping = table.is_stopping;
            let Some(record) = table.find(self.id).filter(|record| !record.latest.done) else {
                return;
            };
            if is_stopping && state != TaskState::Completed && !record.is_unwanted {
                record.is_interrupted = true;
                return;
            }
            written(&record.ending(state, &message))
        };
        if let Err(error) = self.table.write(|ledger| ledger.end(self.id, &ending)) {
            tracing::warn!(%error, task = %self.id, "the end of a task could not be kept");
        }
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
        let Some(record) = table.find(self.id).filter(|record| !record.is_over()) else {
            return;
        };
        change(record);
        if let Some(event) = record.due() {
            table.send(&event);
        }
    }
}

#[cfg(test)]
mod tests;
