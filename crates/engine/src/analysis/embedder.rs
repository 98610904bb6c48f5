//! Threads that turn frames into rows, so that decoding and inference overlap.

use super::draft::Row;
use crate::previews;
use crossbeam_channel::{Receiver, Sender, bounded};
use rushes_infer::VisualModel;
use rushes_media::Cancel;
use rushes_model::Picture;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

/// Frames that wait for a free thread, per thread: enough to keep it busy, few enough for flat memory.
const QUEUE_PER_WORKER: usize = 2;

/// A frame on its way to be embedded.
pub struct Job {
    /// Second of the medium that it stands for.
    pub second: u32,
    /// Its own time.
    pub seconds: f64,
    /// Whether it is the only picture of its medium.
    pub still: bool,
    /// The frame.
    pub picture: Picture,
    /// Where the answer goes.
    pub reply: Sender<Embedded>,
}

/// A frame that was embedded, or why it was not.
pub struct Embedded {
    /// Second of the medium that it stands for.
    pub second: u32,
    /// Its own time.
    pub seconds: f64,
    /// The row, or what went wrong.
    pub row: Result<Row, String>,
}

/// A pool of threads around one model.
pub struct Embedder {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Embedder {
    /// Starts `workers` threads. Once cancelled, they pass over what still waits.
    #[must_use]
    pub fn start(model: &Arc<dyn VisualModel>, workers: usize, cancel: &Cancel) -> Self {
        let (jobs, queue) = bounded(workers * QUEUE_PER_WORKER);
        let work = |_| {
            let (model, queue, cancel) = (model.clone(), queue.clone(), cancel.clone());
            thread::spawn(move || work_off(&*model, &queue, &cancel))
        };
        Self { jobs: Some(jobs), threads: (0..workers.max(1)).map(work).collect() }
    }

    /// Hands a frame over; waits while the queue is full. False when no thread is left to take it.
    #[must_use]
    pub fn embed(&self, job: Job) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }
}

impl Drop for Embedder {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // Panics are caught frame by frame, so none ends here.
            let _ = thread.join();
        }
    }
}

fn work_off(model: &dyn VisualModel, queue: &Receiver<Job>, cancel: &Cancel) {
    for job in queue.iter().filter(|_| !cancel.is_cancelled()) {
        let row = catch_unwind(AssertUnwindSafe(|| embed(model, &job)))
            .unwrap_or_else(|_| Err("a defect in Rushes met this frame".to_owned()));
        // Whoever asked may have been cancelled: then nobody waits for the answer.
        let _ = job.reply.send(Embedded { second: job.second, seconds: job.seconds, row });
    }
}

fn embed(model: &dyn VisualModel, job: &Job) -> Result<Row, String> {
    let embedding = model.embed_picture(&job.picture).map_err(|error| error.to_string())?;
    let preview =
        if job.still { previews::of_still(&job.picture) } else { previews::of_frame(&job.picture) };
    Ok(Row::new(embedding, preview.map_err(|error| error.to_string())?))
}
