//! Exports of clips at work: one after another, each with all cores.

use super::clips::{Job, Plan, Work};
use crate::{
    output::OutputFolder,
    replies::ExportedClip,
    tasks::{PartOutcome, Standing, TaskHandle},
};
use crossbeam_channel::{Receiver, Sender, unbounded};
use rushes_media::{MediaError, Tools, extension};
use rushes_model::{FileError, SourceClock, TaskState};
use std::{
    collections::HashSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// Takes exports and works them off, first come first served.
pub struct Cutters {
    orders: Sender<Cutting>,
}

impl Cutters {
    /// Starts the thread that works them off.
    #[must_use]
    pub fn start() -> Self {
        let (orders, queue): (_, Receiver<Cutting>) = unbounded();
        thread::spawn(move || {
            for cutting in queue {
                // A defect met on the way ends this task and not those after it.
                if catch_unwind(AssertUnwindSafe(|| cutting.run())).is_err() {
                    cutting.task.finish(TaskState::Failed, "a defect of Rushes: see its log");
                }
            }
        });
        Self { orders }
    }

    /// Puts an export at the end of the queue.
    pub fn take(&self, cutting: Cutting) {
        // The thread lives as long as this sender.
        if let Err(refused) = self.orders.send(cutting) {
            refused.0.task.finish(TaskState::Failed, "exports have stopped; restart Rushes");
        }
    }
}

/// Clips to cut.
pub struct Cutting {
    /// Reports and cancels.
    pub task: TaskHandle,
    /// End with the task.
    pub tools: Tools,
    /// Rushes' own folder.
    pub home: PathBuf,
    /// Where the clips go.
    pub folder: OutputFolder,
    /// What is cut.
    pub plan: Plan,
    /// Numbers of the clips that an earlier process has ended.
    pub done: HashSet<PathBuf>,
    /// Clips at the same time.
    pub at_once: usize,
}

/// What has become of the clips so far.
struct Progress {
    next: AtomicUsize,
    /// Of each clip how much is done, 0 to 1.
    shares: Mutex<Vec<f64>>,
    /// Set when nothing more fits on the disk.
    full: AtomicBool,
}

/// Why a clip was not cut.
enum Trouble {
    Full,
    Other(String),
}

impl From<MediaError> for Trouble {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::NoSpace { .. } => Self::Full,
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

impl Cutting {
    fn run(&self) {
        if !self.task.start() {
            return;
        }
        match self.cut_all() {
            Ok(progress) => self.end(&progress),
            Err(error) => self.task.finish(TaskState::Failed, format!("output_dir: {error}")),
        }
    }

    /// Cuts all clips, and leaves nothing of those that were not finished.
    fn cut_all(&self) -> io::Result<Progress> {
        let workshop = self.folder.workshop(&self.home)?;
        let progress = Progress {
            next: AtomicUsize::new(0),
            shares: Mutex::new(vec![0.0; self.plan.jobs.len()]),
            full: AtomicBool::new(false),
        };
        let work = || {
            while !self.task.cancel().is_cancelled() && !progress.full.load(Ordering::Relaxed) {
                let index = progress.next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = self.plan.jobs.get(index) else { return };
                if self.done.contains(&part(index)) {
                    self.tell(index, &job.named, 1.0, &progress);
                    continue;
                }
                self.cut(index, job, workshop.folder(), &progress);
            }
        };
        thread::scope(|scope| (0..self.at_once).for_each(|_| drop(scope.spawn(work))));
        Ok(progress)
    }

    fn end(&self, progress: &Progress) {
        let task = &self.task;
        let (written, failed) = (counted(task.written()), task.failures());
        let full = progress.full.load(Ordering::Relaxed);
        match (task.cancel().is_cancelled(), full, failed) {
            (true, _, _) => {
                task.finish(TaskState::Cancelled, format!("Cancelled; {written} kept"));
            }
            (_, true, _) => task.finish(
                TaskState::Failed,
                format!("{written} written, then the disk was full: make room and export the rest"),
            ),
            (_, _, 0) => task.finish(TaskState::Completed, format!("{written} written")),
            (_, _, _) if task.written() == 0 => {
                task.finish(TaskState::Failed, format!("No clip was written, {failed} failed"));
            }
            _ => task.finish(TaskState::Completed, format!("{written} written, {failed} failed")),
        }
    }

    fn cut(&self, index: usize, job: &Job, workshop: &Path, progress: &Progress) {
        let done = match &job.work {
            Ok(work) => self.cut_one(index, &job.named, work, workshop, progress),
            Err(message) => Err(Trouble::Other(message.clone())),
        };
        match done {
            Ok(clip) => {
                let outcome = PartOutcome { clip: Some(clip), ..PartOutcome::default() };
                self.task.part_done(&part(index), outcome);
            }
            Err(_) if self.task.cancel().is_cancelled() => return,
            Err(Trouble::Full) => return progress.full.store(true, Ordering::Relaxed),
            Err(Trouble::Other(message)) => {
                let error = FileError { media_path: job.named.clone(), message };
                self.task.part_done(&part(index), PartOutcome::failed(error));
            }
        }
        self.tell(index, &job.named, 1.0, progress);
    }

    fn cut_one(
        &self,
        index: usize,
        named: &str,
        work: &Work,
        workshop: &Path,
        progress: &Progress,
    ) -> Result<ExportedClip, Trouble> {
        let film = &self.plan.films[work.film];
        let cutter = film.cutter(&self.tools)?;
        let extension = extension(&film.facts, &film.path, work.cut.mode);
        let unfinished = workshop.join(format!("{index}.{extension}"));
        let tell = |share| self.tell(index, named, share, progress);
        let cut = cutter.cut(&work.cut, &unfinished, tell)?;
        let clock = SourceClock::of(&film.facts);
        let clip = |output: &Path| ExportedClip {
            index,
            media_path: named.to_owned(),
            output_path: output.display().to_string(),
            start_seconds: cut.range.start,
            end_seconds: cut.range.end,
            frame_count: cut.frames,
            start_timecode: clock.map(|clock| clock.at(cut.range.start).to_string()),
        };
        let kept = self.folder.take(&unfinished, &work.stem, extension, |output, bytes| {
            self.task.is_about_to_name(&part(index), clip(output), bytes);
        });
        let output = kept.map_err(|error| format!("the clip could not be kept: {error}"))?;
        Ok(clip(&output))
    }

    /// Tells how far the whole task is: every clip counts the same.
    fn tell(&self, index: usize, named: &str, share: f64, progress: &Progress) {
        let mut shares = progress.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares[index] = share;
        self.task.stand(Standing {
            progress: shares.iter().sum::<f64>() / shares.len() as f64,
            media_path: Some(named.to_owned()),
            file_progress: Some(share),
            ..Standing::default()
        });
    }
}

/// What a clip is called in the ledger of tasks.
pub fn part(index: usize) -> PathBuf {
    index.to_string().into()
}

/// A number of clips in words.
pub fn counted(clips: usize) -> String {
    if clips == 1 { "1 clip".to_owned() } else { format!("{clips} clips") }
}
