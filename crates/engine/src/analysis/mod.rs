//! Analysis: one task over many files, one task after another.

mod bundle;
mod draft;
mod embedder;
mod file;
mod meter;
mod speech;
mod text;

pub use draft::{Draft, Row};

use crate::{
    hearing::{Hearing, SpeechOrder},
    intake::{Intake, Reception},
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
use speech::Ears;
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

/// What looking at the pictures of a file costs, reading what stands in them and listening to it, against each
/// other: on two cores a shot of ten seconds is looked at in 0.7 s, read in 0.3 s and listened to in 1 s.
const LOOKING: f64 = 0.7;
const READING: f64 = 0.3;
const LISTENING: f64 = 1.0;
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
    /// Who is to listen to the speech, if anybody.
    pub speech: Option<SpeechOrder>,
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
    let hearing = || {
        let speech = order.speech.as_ref();
        speech.map(|speech| means.models.hearing(&speech.model)).transpose()
    };
    match model.and_then(|model| Ok((model, reader()?, hearing()?))) {
        Ok((model, reader, hearing)) => {
            analyse_all(means, order, &model, reader.as_deref(), hearing.as_deref());
        }
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
    hearing: Option<&Hearing>,
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
        ears: hearing.map(|hearing| Ears {
            hearing,
            language: order.speech.as_ref().and_then(|speech| speech.language.as_deref()),
            // Files in work at once share the cores.
            workers: means.workers.div_ceil(means.files_at_once.get().min(files.len()).max(1)),
        }),
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
        let [seen, read, heard] = shares(shared);
        let outcome = look(shared, path, &intake, [&meter.stage(seen), &meter.stage(read)])?;
        match &shared.ears {
            Some(ears) if outcome != Outcome::Cancelled => {
                let heard = speech::listen(shared, ears, path, &intake, &meter.stage(heard))?;
                Ok(outcome.and(heard))
            }
            _ => Ok(outcome),
        }
    });
    // A child that was killed because of a cancel reports an error of its own.
    if shared.cancel.is_cancelled() { Ok(Outcome::Cancelled) } else { outcome }
}

/// Shares of a file's progress bar that looking at its pictures, reading in them and listening have.
fn shares(task: &file::Task<'_>) -> [std::ops::Range<f64>; 3] {
    let reading = if task.reader.is_some() { READING } else { 0.0 };
    let listening = if task.ears.is_some() { LISTENING } else { 0.0 };
    let whole = LOOKING + reading + listening;
    let (seen, read) = (LOOKING / whole, (LOOKING + reading) / whole);
    [0.0..seen, seen..read, read..1.0]
}

/// Looks at the pictures of a file and, if that is wanted, reads what stands in them.
fn look(
    shared: &file::Task<'_>,
    path: &Path,
    intake: &Intake,
    [seeing, reading]: [&meter::FileMeter<'_>; 2],
) -> Result<Outcome, String> {
    let seen = file::analyse(shared, path, intake, seeing);
    let is_there = matches!(seen, Ok(Outcome::Analysed | Outcome::AlreadyDone));
    if !is_there {
        shared.folder.withdraw(shared.model.key(), intake.media_id);
    }
    match shared.reader.filter(|_| is_there) {
        Some(reader) => {
            let read = text::read(shared, reader, path, intake, reading)?;
            Ok(seen?.and(read))
        }
        None => seen,
    }
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
