//! How far a task over many files is.

use super::file::Outcome;
use crate::tasks::{PartOutcome, Standing, TaskHandle};
use rushes_model::FileError;
use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Adds up the progress of the files in work.
pub struct Meter {
    task: TaskHandle,
    total: f64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    done: f64,
    /// Done of each stage of the files in work.
    in_work: HashMap<usize, HashMap<Stage, f64>>,
}

/// A kind of work on a file. Several may go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Looking at its pictures.
    Looking,
    /// Reading what stands in them.
    Reading,
    /// Finding the faces in them.
    Seeking,
    /// Listening to it.
    Listening,
}

/// One file's share of a [`Meter`].
pub struct FileMeter<'a> {
    meter: &'a Meter,
    index: usize,
    path: &'a Path,
}

/// What one stage of the work on a file tells of its progress.
pub struct StageMeter<'a> {
    file: &'a FileMeter<'a>,
    stage: Stage,
    /// The part of the work on the file that it is, 0 to 1.
    share: f64,
    started: Instant,
}

impl Meter {
    /// A meter over `total` files of which these are left.
    #[must_use]
    pub fn new(task: TaskHandle, total: usize, left: usize) -> Self {
        task.set_total(total as u64);
        let state = State { done: total.saturating_sub(left) as f64, ..State::default() };
        Self { task, total: total.max(1) as f64, state: Mutex::new(state) }
    }

    /// The share of the file that is number `index` of those left.
    #[must_use]
    pub fn file<'a>(&'a self, index: usize, path: &'a Path) -> FileMeter<'a> {
        FileMeter { meter: self, index, path }
    }

    /// Changes the state and tells how much of everything is done.
    fn whole(&self, change: impl FnOnce(&mut State)) -> f64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let in_work: f64 = state.in_work.values().flat_map(HashMap::values).sum();
        (state.done + in_work) / self.total
    }
}

impl StageMeter<'_> {
    /// Tells that `fraction` of the stage is done, `media_seconds` of the file so far.
    pub fn reached(&self, fraction: f64, media_seconds: f64) {
        let FileMeter { meter, index, path } = self.file;
        let mut of_file = 0.0;
        let progress = meter.whole(|state| {
            let stages = state.in_work.entry(*index).or_default();
            stages.insert(self.stage, self.share * fraction.clamp(0.0, 1.0));
            of_file = stages.values().sum();
        });
        let elapsed = self.started.elapsed().as_secs_f64();
        meter.task.stand(Standing {
            progress,
            media_path: Some(path.display().to_string()),
            file_progress: Some(of_file),
            speed: (elapsed > 0.2).then(|| media_seconds / elapsed),
            message: None,
        });
    }
}

impl FileMeter<'_> {
    /// The meter of a stage that is this part, 0 to 1, of the work on the file and begins now.
    #[must_use]
    pub fn stage(&self, stage: Stage, share: f64) -> StageMeter<'_> {
        StageMeter { file: self, stage, share, started: Instant::now() }
    }

    /// Ends the file. What it took work to find out is kept, so that it is not done again after a crash.
    pub fn ended(self, outcome: Result<Outcome, String>) {
        let progress = self.meter.whole(|state| {
            state.in_work.remove(&self.index);
            state.done += 1.0;
        });
        let (task, media_path) = (&self.meter.task, self.path.display().to_string());
        let standing =
            Standing { progress, media_path: Some(media_path.clone()), ..Standing::default() };
        match outcome {
            Ok(
                Outcome::AlreadyDone
                | Outcome::NothingToSee
                | Outcome::Elsewhere
                | Outcome::Cancelled,
            ) => {
                task.stand(standing);
                task.file_done();
            }
            Ok(Outcome::Analysed) => {
                task.stand(standing);
                task.part_done(self.path, PartOutcome::default());
            }
            Err(message) => {
                // The failure first: whichever event is sent next tells it.
                task.part_done(self.path, PartOutcome::failed(FileError { media_path, message }));
                task.stand(standing);
            }
        }
    }
}
