//! How far a task over many files is.

use crate::tasks::{Standing, TaskHandle};
use rushes_model::FileError;
use std::{
    collections::HashMap,
    ops::Range,
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
    in_work: HashMap<usize, f64>,
}

/// One file's share of a [`Meter`].
pub struct FileMeter<'a> {
    meter: &'a Meter,
    index: usize,
    media_path: String,
    started: Instant,
    /// The part of the file's progress that is told through this one.
    part: Range<f64>,
}

impl Meter {
    /// A meter over `total` files.
    #[must_use]
    pub fn new(task: TaskHandle, total: usize) -> Self {
        task.set_total(total as u64);
        Self { task, total: total.max(1) as f64, state: Mutex::default() }
    }

    /// The share of file number `index`.
    #[must_use]
    pub fn file(&self, index: usize, path: &Path) -> FileMeter<'_> {
        let media_path = path.display().to_string();
        FileMeter { meter: self, index, media_path, started: Instant::now(), part: 0.0..1.0 }
    }

    fn whole(&self, change: impl FnOnce(&mut State)) -> f64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        (state.done + state.in_work.values().sum::<f64>()) / self.total
    }
}

impl FileMeter<'_> {
    /// The meter of a stage that is this part of the work on the file, and begins now.
    #[must_use]
    pub fn stage(&self, part: Range<f64>) -> Self {
        Self { media_path: self.media_path.clone(), started: Instant::now(), part, ..*self }
    }

    /// Tells that `fraction` of the file, or of its stage, is done, `media_seconds` of it so far.
    pub fn reached(&self, fraction: f64, media_seconds: f64) {
        let Range { start, end } = self.part;
        let fraction = start + (end - start) * fraction.clamp(0.0, 1.0);
        let progress = self.meter.whole(|state| {
            state.in_work.insert(self.index, fraction);
        });
        let elapsed = self.started.elapsed().as_secs_f64();
        self.meter.task.stand(Standing {
            progress,
            media_path: Some(self.media_path.clone()),
            file_progress: Some(fraction),
            speed: (elapsed > 0.2).then(|| media_seconds / elapsed),
            message: None,
        });
    }

    /// Ends the file, with what went wrong if it failed.
    pub fn ended(self, error: Option<String>) {
        let progress = self.meter.whole(|state| {
            state.in_work.remove(&self.index);
            state.done += 1.0;
        });
        let media_path = self.media_path.clone();
        let standing =
            Standing { progress, media_path: Some(media_path.clone()), ..Standing::default() };
        // The failure first: whichever event is sent next tells it.
        if let Some(message) = error {
            self.meter.task.file_failed(FileError { media_path, message });
        }
        self.meter.task.stand(standing);
        self.meter.task.file_done();
    }
}
