//! Analysis: one task over many files, one task after another.

mod bundle;
mod crew;
mod draft;
mod faces;
mod file;
mod medium;
mod meter;
mod queue;
mod speakers;
mod speech;
mod suspects;
mod text;
mod turns;
mod watching;

pub use draft::{Draft, Row};
pub use queue::Analyst;
pub use suspects::Suspects;

use crate::{
    hearing::{Hearing, SpeechOrder},
    intake::Reception,
    library::LoadedFolder,
    models::{ModelPool, Reader},
    paths::Roots,
    tasks::{Standing, TaskHandle, Urgency},
    walk::{Walked, walk},
};
use crew::Crew;
use faces::{Joining, Seekers};
use file::{Eyes, Outcome};
use medium::analyse_one;
use meter::{FileMeter, Meter};
use queue::Queue;
use rushes_infer::{VisualModel, faces::FaceModel};
use rushes_media::Cancel;
use rushes_model::{ErrorCode, Failure, ModelKey, Picture, Sampling, TaskState};
use speech::Ears;
use std::{
    collections::HashSet,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use suspects::Guard;
use turns::Turns;

/// How long a task waits for its model; a first download may be needed before.
const MODEL_PATIENCE: Duration = Duration::from_secs(600);
/// What a task or file ends with that a panic ended; the panic itself is on standard error.
const DEFECT: &str = "a defect in Rushes stopped its analysis; please report it with the log";

/// A checked request for analysis.
pub struct Order {
    /// Reports and cancels.
    pub task: TaskHandle,
    /// Who waits for it.
    pub urgency: Urgency,
    /// Where the analyses go.
    pub folder: Arc<LoadedFolder>,
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Files that an earlier process has done.
    pub done: HashSet<PathBuf>,
    /// Files at which an earlier process ended. For who asks for them now there are none.
    pub suspects: Suspects,
    /// Whether to look again at what is analysed already.
    pub force: bool,
    /// Who is to look at the pictures, if anybody.
    pub sight: Option<SightOrder>,
    /// Whose faces are to be found, if anybody's.
    pub faces: Option<FacesOrder>,
    /// Who is to listen to the speech, if anybody.
    pub speech: Option<SpeechOrder>,
    /// Hears what became of each file.
    pub report: Option<Report>,
    /// How far it came in earlier turns.
    pub so_far: SoFar,
}

/// Hears what became of a file: nothing when it is analysed, else why it is not.
pub type Report = Box<dyn Fn(&Path, Option<&str>) + Send + Sync>;

/// How far an order came in earlier turns.
#[derive(Default)]
pub struct SoFar {
    /// The files that are left, once the folders were walked.
    left: Option<Vec<PathBuf>>,
    /// Number of all.
    total: usize,
    tally: Tally,
}

impl SoFar {
    /// As an earlier process left it, which analysed so many.
    #[must_use]
    pub fn after(analysed: usize) -> Self {
        let tally = Tally { analysed: AtomicUsize::new(analysed), ..Tally::default() };
        Self { tally, ..Self::default() }
    }
}

/// What a turn of an order came to.
enum Turn {
    /// Its task has ended.
    Over,
    /// It let another one go first, and has the next turn.
    Yielded(Box<Order>),
    /// What is left of it another machine is at: others go first.
    PutOff(Box<Order>),
}

impl Order {
    /// Whether it can be worked off now. One that was cancelled can: that ends it.
    fn is_ready(&self) -> bool {
        !self.task.is_paused() || self.task.cancel().is_cancelled()
    }
}

/// For whom faces are to be found.
pub struct FacesOrder {
    /// The collection.
    pub collection: String,
    /// How densely.
    pub sampling: Sampling,
}

/// Who is to look at pictures, and at what in them.
pub struct SightOrder {
    /// The model.
    pub model: ModelKey,
    /// How densely.
    pub sampling: Sampling,
    /// Whether to read on-screen text.
    pub ocr: bool,
}

/// The models that an order needs, in memory.
struct Senses {
    sight: Option<Sight>,
    faces: Option<Arc<FaceModel>>,
    hearing: Option<Arc<Hearing>>,
}

/// What looks at pictures.
struct Sight {
    model: Arc<dyn VisualModel>,
    reader: Option<Arc<Reader>>,
    sampling: Sampling,
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

fn work_off(means: &Means, order: Order, queue: &Queue) -> Turn {
    if !order.task.start() {
        return Turn::Over;
    }
    if order.task.cancel().is_cancelled() {
        order.task.finish(TaskState::Cancelled, "Cancelled");
        return Turn::Over;
    }
    match senses(means, &order) {
        Ok(senses) => return analyse_all(means, order, &senses, queue),
        Err(_) if order.task.cancel().is_cancelled() => {
            order.task.finish(TaskState::Cancelled, "Cancelled");
        }
        Err(Failure { message, .. }) => order.task.finish(TaskState::Failed, message),
    }
    Turn::Over
}

/// Brings the models into memory. One that is not there is told before hours of work, not after.
fn senses(means: &Means, order: &Order) -> Result<Senses, Failure> {
    let models = &means.models;
    let sight = |sight: &SightOrder| -> Result<Sight, Failure> {
        let cancel = order.task.cancel();
        let model = models.visual_until(&sight.model, MODEL_PATIENCE, cancel)?;
        let reader = sight.ocr.then(|| models.reader()).transpose()?;
        Ok(Sight { model, reader, sampling: sight.sampling })
    };
    let hearing = |speech: &SpeechOrder| models.hearing(&speech.model);
    thread::scope(|scope| {
        let hearing = scope.spawn(|| order.speech.as_ref().map(hearing).transpose());
        let sight = order.sight.as_ref().map(sight).transpose()?;
        let faces = order.faces.as_ref().map(|_| models.face_model()).transpose()?;
        let hearing = hearing.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(Senses { sight, faces, hearing })
    })
}

/// Analyses the files of an order, several at once, until all are through or another order has to go first.
fn analyse_all(means: &Means, mut order: Order, senses: &Senses, queue: &Queue) -> Turn {
    let files = match order.so_far.left.take() {
        Some(left) => left,
        None => files_of(means, &mut order),
    };
    let passed = analyse_files(means, &order, senses, queue, &files);
    match passed.people {
        Err(Failure { message, .. }) => order.task.finish(TaskState::Failed, message),
        Ok(_) if !passed.left.is_empty() && !order.task.cancel().is_cancelled() => {
            order.so_far.left = Some(passed.left);
            order.task.wait("Waits for its turn");
            let order = Box::new(order);
            return if passed.is_put_off { Turn::PutOff(order) } else { Turn::Yielded(order) };
        }
        Ok(people) => finish(&order, people),
    }
    Turn::Over
}

/// The files of an order that are not done.
fn files_of(means: &Means, order: &mut Order) -> Vec<PathBuf> {
    let Walked { mut files, errors } = walk(&order.paths, &means.roots, order.task.cancel());
    for error in errors {
        order.task.file_failed(error);
    }
    files.retain(|file| !order.done.contains(file));
    order.suspects.put_last(&mut files);
    order.so_far.total = files.len() + order.done.len();
    files
}

/// What a turn left behind.
struct Passed {
    /// Files that were not analysed, since another order had to go first.
    left: Vec<PathBuf>,
    /// Whether another machine is at all of these.
    is_put_off: bool,
    /// What came of the people in them.
    people: Result<Option<String>, Failure>,
}

fn analyse_files(
    means: &Means,
    order: &Order,
    senses: &Senses,
    queue: &Queue,
    files: &[PathBuf],
) -> Passed {
    let cancel = order.task.cancel();
    let meter = Meter::new(order.task.clone(), order.so_far.total, files.len());
    let at_once = means.files_at_once.get().min(files.len());
    let tools = means.reception.tools().until(cancel);
    let eyes = senses.sight.as_ref().map(|sight| eyes(means, sight, cancel));
    let seekers = senses.faces.as_ref().zip(order.faces.as_ref());
    let seekers = seekers.map(|(model, faces)| seekers_of(means, order, model, faces));
    let ears = senses.hearing.as_deref().zip(order.speech.as_ref());
    let ears = ears.map(|(hearing, speech)| Ears {
        hearing,
        models: &means.models,
        order: speech,
        // Files in work at once share the cores.
        workers: means.workers.div_ceil(at_once.max(1)),
    });
    let (folder, force) = (&order.folder, order.force);
    let guard = Guard::new(means.reception.catalogue(), &order.suspects);
    let mut shared =
        file::Task { folder, tools: &tools, eyes, seekers, ears, guard, force, cancel };
    let is_over = AtomicBool::new(false);
    let turns = Turns::of(files);
    let round = Round { means, order, queue, meter: &meter, turns, is_over };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| round.work_through(&shared));
        }
    });
    let seekers = shared.seekers.take();
    drop(shared);
    order.folder.tidy();
    let is_put_off = round.turns.only_put_off_are_left();
    let left = round.turns.left();
    let people = seekers.map(|seekers| gather(means, order, seekers, left.is_empty()));
    Passed { left, is_put_off, people: people.transpose().map(Option::flatten) }
}

fn eyes<'a>(means: &Means, sight: &'a Sight, cancel: &Cancel) -> Eyes<'a> {
    let Sight { model, reader, sampling } = sight;
    let embedder = model.clone();
    let embed = move |picture: &Picture, still| Row::of(&*embedder, picture, still);
    let crew = Crew::start(means.workers, cancel, embed);
    Eyes { model, crew, reader: reader.as_deref(), sampling: *sampling }
}

fn seekers_of<'a>(
    means: &Means,
    order: &'a Order,
    model: &'a Arc<FaceModel>,
    faces: &'a FacesOrder,
) -> Seekers<'a> {
    let finder = model.clone();
    let seek = move |picture: &Picture, still| faces::seek(&finder, picture, still);
    let crew = Crew::start(means.workers, order.task.cancel(), seek);
    let joining = Joining::new(&faces.collection, &order.folder);
    Seekers { model, crew, sampling: faces.sampling, joining }
}

/// Has the last media join their collection and, when all are through, gathers its people, so that nobody waits
/// for it later; tells what came of it.
///
/// # Errors
/// Why media could not join, or could not be gathered.
fn gather(
    means: &Means,
    order: &Order,
    seekers: Seekers<'_>,
    all_through: bool,
) -> Result<Option<String>, Failure> {
    let (task, collection) = (&order.task, seekers.joining.collection);
    if !all_through {
        return seekers.joining.finish().map(|()| None);
    }
    // What an earlier process had done may not have joined before it ended.
    for path in &order.done {
        let Ok(intake) = means.reception.take_in_until(path, task.cancel()) else { continue };
        if order.folder.has_faces(seekers.model.key(), intake.media_id, seekers.sampling) {
            seekers.joining.put(intake.media_id);
        }
    }
    let message = Some(format!("Grouping the faces of \"{collection}\""));
    task.stand(Standing { message, ..Standing::default() });
    seekers.joining.finish()?;
    match order.folder.gather(collection, &|_| !task.cancel().is_cancelled()) {
        Ok(people) => Ok(people.map(|people| people.summary())),
        // No file has joined it.
        Err(failure) if failure.code == ErrorCode::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// One turn of an order.
struct Round<'a> {
    means: &'a Means,
    order: &'a Order,
    queue: &'a Queue,
    meter: &'a Meter,
    turns: Turns<'a>,
    /// Set when the turn is over: no thread goes on when one has stopped.
    is_over: AtomicBool,
}

impl Round<'_> {
    /// Whether the next file has its turn.
    fn goes_on(&self, shared: &file::Task<'_>) -> bool {
        let waits_in_vain = || self.turns.only_put_off_are_left() && self.queue.is_another_ready();
        if shared.cancel.is_cancelled() || self.queue.is_to_yield(self.order) || waits_in_vain() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        !self.is_over.load(Ordering::Relaxed)
    }

    fn work_through(&self, shared: &file::Task<'_>) {
        while self.goes_on(shared) {
            let Some((index, path)) = self.turns.next(shared.cancel) else { return };
            let file_meter = self.meter.file(index, path);
            let work = || analyse_one(&self.means.reception, shared, path, &file_meter);
            let outcome = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(format!("{}: {DEFECT}", path.display())));
            if outcome == Ok(Outcome::Elsewhere) {
                self.turns.put_off(index);
                continue;
            }
            self.order.so_far.tally.count(outcome.as_ref().ok());
            self.tell(path, file_meter, outcome);
        }
    }

    fn tell(&self, path: &Path, meter: FileMeter<'_>, outcome: Result<Outcome, String>) {
        if outcome == Ok(Outcome::Cancelled) {
            return;
        }
        if let Err(message) = &outcome {
            tracing::warn!(path = %path.display(), %message, "not analysed");
        }
        let reason = outcome.as_ref().err().cloned();
        meter.ended(outcome);
        if let Some(report) = &self.order.report {
            report(path, reason.as_deref());
        }
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
            Some(Outcome::Elsewhere | Outcome::Cancelled) | None => 0,
        };
    }
}

fn finish(order: &Order, people: Option<String>) {
    let (task, tally) = (&order.task, &order.so_far.tally);
    let (analysed, skipped) =
        (tally.analysed.load(Ordering::Relaxed), tally.skipped.load(Ordering::Relaxed));
    let failed = task.failures();
    let (state, word) = if task.cancel().is_cancelled() {
        (TaskState::Cancelled, "Cancelled")
    } else {
        (TaskState::Completed, "Done")
    };
    let people = people.map(|people| format!("; {people}")).unwrap_or_default();
    let message =
        format!("{word}: {analysed} analysed, {skipped} nothing to do, {failed} failed{people}");
    task.finish(state, message);
}
