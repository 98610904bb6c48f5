//! Threads that look at frames, so that decoding and inference overlap.

use crossbeam_channel::{Receiver, Sender, bounded};
use rushes_media::Cancel;
use rushes_model::Picture;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

/// Frames that wait for a free thread, per thread: enough to keep it busy, few enough for flat memory.
const QUEUE_PER_WORKER: usize = 2;

/// A frame on its way to be looked at.
pub struct Job<R> {
    /// Second of the medium that it stands for.
    pub second: u32,
    /// Its own time.
    pub seconds: f64,
    /// Whether it is the only picture of its medium.
    pub still: bool,
    /// The frame.
    pub picture: Picture,
    /// Where the answer goes.
    pub reply: Sender<Looked<R>>,
}

/// A frame that was looked at.
pub struct Looked<R> {
    /// Second of the medium that it stands for.
    pub second: u32,
    /// Its own time.
    pub seconds: f64,
    /// What is seen, or what went wrong.
    pub seen: Result<R, String>,
}

/// What is made of a picture, the only one of its medium or not.
type Look<R> = dyn Fn(&Picture, bool) -> Result<R, String> + Send + Sync;

/// A pool of threads that all look for the same.
pub struct Crew<R> {
    jobs: Option<Sender<Job<R>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<R: Send + 'static> Crew<R> {
    /// Starts `workers` threads. Once cancelled, they pass over what still waits.
    #[must_use]
    pub fn start(
        workers: usize,
        cancel: &Cancel,
        look: impl Fn(&Picture, bool) -> Result<R, String> + Send + Sync + 'static,
    ) -> Self {
        let (jobs, queue) = bounded(workers * QUEUE_PER_WORKER);
        let look: Arc<Look<R>> = Arc::new(look);
        let work = |_| {
            let (look, queue, cancel) = (look.clone(), queue.clone(), cancel.clone());
            thread::spawn(move || work_off(&*look, &queue, &cancel))
        };
        Self { jobs: Some(jobs), threads: (0..workers.max(1)).map(work).collect() }
    }

    /// Hands a frame over; waits while the queue is full. False when no thread is left to take it.
    #[must_use]
    pub fn take(&self, job: Job<R>) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }
}

impl<R> Drop for Crew<R> {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Panics are caught frame by frame, so none ends here.
            let _ = thread.join();
        }
    }
}

fn work_off<R>(look: &Look<R>, queue: &Receiver<Job<R>>, cancel: &Cancel) {
    for Job { second, seconds, still, picture, reply } in
        queue.iter().filter(|_| !cancel.is_cancelled())
    {
        let seen = catch_unwind(AssertUnwindSafe(|| look(&picture, still)))
            .unwrap_or_else(|_| Err("a defect in Rushes met this frame".to_owned()));
        // Whoever asked may have been cancelled: then nobody waits for the answer.
        let _ = reply.send(Looked { second, seconds, seen });
    }
}
