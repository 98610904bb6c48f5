//! Analysis: one task over many files, one task after another.

mod bundle;
mod draft;
mod embedder;
mod file;
mod meter;
mod text;

pub use draft::{Draft, Row};

use crate::{
    intake::Reception,
    library::LoadedFolder,
    models::{ModelPool, Reader},
    paths::Roots,
    tasks::TaskHandle,
    walk::{Walked, walk},
};
use crossbeam_channel::{Receiver, Sender, unbounded};
use embedder::Embedder;
use file::Outcome;
use meter::Meter;
use rushes_infer::VisualModel;
use rushes_model::{Failure, ModelKey, Sampling, TaskState};
use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Share of a file's progress bar that the look at its pictures has when its text is read after it: on
/// two cores a shot of ten seconds is looked at in 0.7 s and read in 0.3 s.
const VISUAL_SHARE: f64 = 0.7;
/// How long a task waits for its model; a first download may be needed before.
const MODEL_PATIENCE: Duration = Duration::from_secs(600);
/// What a task or file ends with that a panic ended; the panic itself is on standard error.
const DEFECT: &str = "a defect in Rushes stopped its analysis; please report it with the log";

/// A checked request for analysis.
pub struct Order {
    /// Reports and cancels.
    pub task: TaskHandle,
    /// Where the analyses go.
    pub folder: Arc<LoadedFolder>,
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Who looks at the pictures.
    pub model: ModelKey,
    /// How densely.
    pub sampling: Sampling,
    /// Whether to look again at what is analysed already.
    pub force: bool,
    /// Whether to read on-screen text.
    pub ocr: bool,
}

/// Works orders off, first come first served: two at once would only share the same cores.
pub struct Analyst {
    orders: Sender<Order>,
}

/// What the analyst works with.
#[derive(Clone)]
pub struct Means {
    /// Models.
    pub models: ModelPool,
    /// Identification and probing.
    pub reception: Arc<Reception>,
    /// Threads that embed.
    pub workers: usize,
    /// Files in work at the same time.
    pub files_at_once: NonZeroUsize,
    /// Folders that files may lie under.
    pub roots: Roots,
}

impl Analyst {
    /// Starts the thread that works orders off.
    #[must_use]
    pub fn start(means: Means) -> Self {
        let (orders, queue): (_, Receiver<Order>) = unbounded();
        thread::spawn(move || {
            for order in queue {
                // A defect met on the way ends this task and not those after it.
                if catch_unwind(AssertUnwindSafe(|| work_off(&means, &order))).is_err() {
                    order.task.finish(TaskState::Failed, DEFECT);
                }
            }
        });
        Self { orders }
    }

    /// Puts an order at the end of the queue.
    pub fn take(&self, order: Order) {
        // The thread lives as long as this sender; if it panicked the task ends here.
        if let Err(refused) = self.orders.send(order) {
            refused
                .0
                .task
                .finish(TaskState::Failed, "the analysis thread has stopped; restart Rushes");
        }
    }
}

fn work_off(means: &Means, order: &Order) {
    if !order.task.start() {
        return;
    }
    let model = means.models.visual_until(&order.model, MODEL_PATIENCE, order.task.cancel());
    // A reader that is not there is told before hours of looking, not after.
    let reader = || order.ocr.then(|| means.models.reader()).transpose();
    match model.and_then(|model| Ok((model, reader()?))) {
        Ok((model, reader)) => analyse_all(means, order, &model, reader.as_deref()),
        Err(_) if order.task.cancel().is_cancelled() => {
            order.task.finish(TaskState::Cancelled, "Cancelled");
        }
        Err(Failure { message, .. }) => order.task.finish(TaskState::Failed, message),
    }
}

/// Analyses the files of an order, several at once, and ends its task.
fn analyse_all(
    means: &Means,
    order: &Order,
    model: &Arc<dyn VisualModel>,
    reader: Option<&Reader>,
) {
    let Walked { files, errors } = walk(&order.paths, &means.roots, order.task.cancel());
    let meter = Meter::new(order.task.clone(), files.len());
    for error in errors {
        order.task.file_failed(error);
    }
    let embedder = Embedder::start(model, means.workers, order.task.cancel());
    let tools = means.reception.tools().until(order.task.cancel());
    let shared = file::Task {
        folder: &order.folder,
        tools: &tools,
        model,
        embedder: &embedder,
        reader,
        sampling: order.sampling,
        force: order.force,
        cancel: order.task.cancel(),
    };
    let (next, tally) = (AtomicUsize::new(0), Tally::default());
    thread::scope(|scope| {
        for _ in 0..means.files_at_once.get().min(files.len()) {
            scope.spawn(|| work_through(means, &shared, &files, &next, &meter, &tally));
        }
    });
    drop(embedder);
    order.folder.tidy();
    finish(&order.task, &tally);
}

fn work_through(
    means: &Means,
    shared: &file::Task<'_>,
    files: &[PathBuf],
    next: &AtomicUsize,
    meter: &Meter,
    tally: &Tally,
) {
    while !shared.cancel.is_cancelled() {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = files.get(index) else { return };
        let file_meter = meter.file(index, path);
        let work = || analyse_one(means, shared, path, &file_meter);
        let outcome = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(format!("{}: {DEFECT}", path.display())));
        tally.count(outcome.as_ref().ok());
        match outcome {
            Ok(Outcome::Cancelled) => {}
            Ok(_) => file_meter.ended(None),
            Err(message) => {
                tracing::warn!(path = %path.display(), %message, "not analysed");
                file_meter.ended(Some(message));
            }
        }
    }
}

fn analyse_one(
    means: &Means,
    shared: &file::Task<'_>,
    path: &Path,
    meter: &meter::FileMeter<'_>,
) -> Result<Outcome, String> {
    let taken_in = means.reception.take_in_until(path, shared.cancel);
    let outcome = taken_in.map_err(|error| error.to_string()).and_then(|intake| {
        let share = if shared.reader.is_some() { VISUAL_SHARE } else { 1.0 };
        let seen = file::analyse(shared, path, &intake, &meter.stage(0.0..share));
        let is_there = matches!(seen, Ok(Outcome::Analysed | Outcome::AlreadyDone));
        if !is_there {
            shared.folder.withdraw(shared.model.key(), intake.media_id);
        }
        match shared.reader.filter(|_| is_there) {
            Some(reader) => {
                let read = text::read(shared, reader, path, &intake, &meter.stage(share..1.0))?;
                Ok(if read == Outcome::AlreadyDone { seen? } else { read })
            }
            None => seen,
        }
    });
    // A child that was killed because of a cancel reports an error of its own.
    if shared.cancel.is_cancelled() { Ok(Outcome::Cancelled) } else { outcome }
}

/// Counts outcomes for the closing sentence.
#[derive(Default)]
struct Tally {
    analysed: AtomicUsize,
    skipped: AtomicUsize,
}

impl Tally {
    fn count(&self, outcome: Option<&Outcome>) {
        match outcome {
            Some(Outcome::Analysed) => self.analysed.fetch_add(1, Ordering::Relaxed),
            Some(Outcome::AlreadyDone | Outcome::NothingToSee) => {
                self.skipped.fetch_add(1, Ordering::Relaxed)
            }
            Some(Outcome::Cancelled) | None => 0,
        };
    }
}

fn finish(task: &TaskHandle, tally: &Tally) {
    let (analysed, skipped) =
        (tally.analysed.load(Ordering::Relaxed), tally.skipped.load(Ordering::Relaxed));
    let failed = task.failures();
    let (state, word) = if task.cancel().is_cancelled() {
        (TaskState::Cancelled, "Cancelled")
    } else {
        (TaskState::Completed, "Done")
    };
    let message = format!("{word}: {analysed} analysed, {skipped} nothing to do, {failed} failed");
    task.finish(state, message);
}
