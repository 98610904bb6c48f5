//! Ranges as files of their own.

use super::selection::{Chosen, ChosenRange, Source};
use crate::{
    output::OutputFolder,
    replies::{ExportedClip, TaskStarted},
    requests::{ClipCodec, ClipMode, ExportClipsRequest, MAX_CUT_CLIPS},
    tasks::{Standing, TaskHandle},
    usecases::Engine,
    workshop::Workshop,
};
use rushes_media::{Codec, Cut, CutMode, Cutter, Tools, estimate, extension};
use rushes_model::{
    Failure, FileError, MediaFacts, MediaKind, SourceClock, TaskKind, TaskState, TimeRange,
    timestamp,
};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Room that is left on a disk, in bytes: other programs write to it as well.
const SPARE_BYTES: u64 = 64 << 20;

impl Engine {
    /// Cuts ranges into files, in the background.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`, also when the disk has too little room; nothing is written then.
    pub fn export_clips(&self, request: &ExportClipsRequest) -> Result<TaskStarted, Failure> {
        let folder = OutputFolder::open(&self.0.roots, &request.output_dir)?;
        let chosen = self.choose(&request.selection(), MAX_CUT_CLIPS)?;
        let mode = mode(request);
        let plan = Plan::of(&chosen, mode, request.handle_seconds);
        check_room(&folder, plan.bytes())?;
        let workshop = folder.workshop(&self.0.config.home)?;
        let task = self.0.tasks.create(TaskKind::ExportClips, "export")?;
        task.set_total(plan.jobs.len() as u64);
        let task_id = task.id().to_string();
        let warnings: String =
            chosen.warnings.iter().map(|warning| format!("; {warning}")).collect();
        let message = format!("Cutting {} clips{warnings}", plan.jobs.len());
        let workers = self.0.config.worker_count();
        let at_once = match mode {
            CutMode::Copy => workers,
            // An encoder uses several cores by itself.
            CutMode::Reencode(_) => workers.div_ceil(2),
        };
        let tools = self.0.reception.tools().until(task.cancel());
        let cutting = Cutting { task, tools, folder, workshop, plan, at_once };
        let engine = self.clone();
        thread::spawn(move || {
            // One export after another: each uses all cores.
            let turn = engine.0.cutting.lock().unwrap_or_else(PoisonError::into_inner);
            cutting.run();
            drop(turn);
        });
        Ok(TaskStarted { message, task_id })
    }
}

fn check_room(folder: &OutputFolder, needed: u64) -> Result<(), Failure> {
    let Some(free) = folder.free_bytes() else { return Ok(()) };
    if needed.saturating_add(SPARE_BYTES) <= free {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    Err(crate::output::refused(&format!(
        "the clips need about {} MB and {} MB are free: make room or choose another folder",
        megabytes(needed),
        megabytes(free)
    )))
}

/// What is cut out of what.
struct Plan {
    films: Vec<Film>,
    /// In the order of the request.
    jobs: Vec<Job>,
}

/// A medium that clips are cut out of.
struct Film {
    path: PathBuf,
    facts: MediaFacts,
    /// Of all its clips, so that it is looked at once.
    ranges: Vec<TimeRange>,
    cutter: OnceLock<Result<Cutter, String>>,
}

/// One range to cut.
struct Job {
    named: String,
    /// What to do, or why it cannot be done.
    work: Result<Work, String>,
}

struct Work {
    /// Index of the medium.
    film: usize,
    cut: Cut,
    stem: String,
}

impl Plan {
    fn of(chosen: &Chosen, mode: CutMode, handle: f64) -> Self {
        let (mut films, mut places) = (Vec::new(), HashMap::new());
        let job = |range: &ChosenRange| {
            let source = &chosen.sources[range.source];
            let work = cuttable(source).map(|facts| {
                let cut = Cut { range: with_handles(source, &range.range, handle), mode };
                let film = *places.entry(range.source).or_insert_with(|| {
                    films.push(Film::of(source, facts));
                    films.len() - 1
                });
                films[film].ranges.push(cut.range);
                let stem = range.name.clone();
                let stem = stem.unwrap_or_else(|| named_by_time(source, &cut.range));
                Work { film, cut, stem: fit_for_files(&stem) }
            });
            Job { named: source.named.clone(), work }
        };
        let jobs = chosen.ranges.iter().map(job).collect();
        Self { films, jobs }
    }

    /// Room that all clips together may take.
    fn bytes(&self) -> u64 {
        let works = self.jobs.iter().filter_map(|job| job.work.as_ref().ok());
        works.map(|work| estimate(&self.films[work.film].facts, &work.cut)).sum()
    }
}

impl Film {
    fn of(source: &Source, facts: MediaFacts) -> Self {
        let (path, ranges) = (source.path.clone(), Vec::new());
        Self { path, facts, ranges, cutter: OnceLock::new() }
    }

    /// Looks at the medium; whoever asks meanwhile waits.
    fn cutter(&self, tools: &Tools) -> Result<&Cutter, String> {
        let look = || tools.cutter(&self.path, &self.facts, &self.ranges);
        let cutter = self.cutter.get_or_init(|| look().map_err(|error| error.to_string()));
        cutter.as_ref().map_err(Clone::clone)
    }
}

/// The facts of a medium that something can be cut out of.
fn cuttable(source: &Source) -> Result<MediaFacts, String> {
    let named = &source.named;
    match source.facts.clone().filter(|_| !source.offline) {
        None => Err(format!("{named} is offline: mount its drive, then export its clips again")),
        Some(facts) if facts.kind == MediaKind::Image => {
            Err(format!("{named} is a still picture: there is nothing to cut"))
        }
        Some(facts) => Ok(facts),
    }
}

fn with_handles(source: &Source, range: &TimeRange, handle: f64) -> TimeRange {
    let end = range.end + handle;
    TimeRange {
        start: (range.start - handle).max(0.0),
        end: source.length().map_or(end, |length| end.min(length)),
    }
}

/// The medium's name and where in it the clip begins, such as `A001_C001_01001208`.
fn named_by_time(source: &Source, range: &TimeRange) -> String {
    let stem = source.path.file_stem().unwrap_or_default().to_string_lossy();
    let time = match source.clock() {
        Some(clock) => clock.at(range.start).to_string(),
        None => timestamp(range.start),
    };
    format!("{stem}_{}", time.replace([':', ';'], ""))
}

/// A name without what file systems refuse: separators, and what Windows reserves.
fn fit_for_files(name: &str) -> String {
    let odd = |letter: char| letter.is_control() || "/\\:*?\"<>|".contains(letter);
    let name: String = name.chars().map(|letter| if odd(letter) { '_' } else { letter }).collect();
    // A leading dot would hide the file, and Windows takes final dots and blanks away.
    let name = name.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    if name.is_empty() { "clip".to_owned() } else { name.to_owned() }
}

/// An export under way.
struct Cutting {
    task: TaskHandle,
    tools: Tools,
    folder: OutputFolder,
    workshop: Workshop,
    plan: Plan,
    at_once: usize,
}

impl Cutting {
    fn run(self) {
        if !self.task.start() {
            return;
        }
        let (next, shares) = (AtomicUsize::new(0), Mutex::new(vec![0.0; self.plan.jobs.len()]));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = self.plan.jobs.get(index) else { return };
                if self.task.cancel().is_cancelled() {
                    return;
                }
                self.cut(index, job, &shares);
            }
        };
        thread::scope(|scope| (0..self.at_once).for_each(|_| drop(scope.spawn(work))));
        let Self { task, workshop, plan, .. } = self;
        // Before anybody hears that it is over, nothing of it may be left.
        drop(workshop);
        let (failed, all) = (task.failures(), plan.jobs.len());
        match (task.cancel().is_cancelled(), failed) {
            (true, _) => task.finish(TaskState::Cancelled, "Cancelled; finished clips were kept"),
            (false, 0) => task.finish(TaskState::Completed, format!("{all} clips written")),
            (false, _) => task.finish(
                TaskState::Completed,
                format!("{} of {all} clips written, {failed} failed", all - failed),
            ),
        }
    }

    fn cut(&self, index: usize, job: &Job, shares: &Mutex<Vec<f64>>) {
        let done = match &job.work {
            Ok(work) => self.cut_one(index, &job.named, work, shares),
            Err(message) => Err(message.clone()),
        };
        match done {
            Ok(clip) => self.task.file_written(clip),
            Err(_) if self.task.cancel().is_cancelled() => return,
            Err(message) => {
                let media_path = job.named.clone();
                self.task.file_failed(FileError { media_path, message });
                self.task.file_done();
            }
        }
        self.tell(index, &job.named, 1.0, shares);
    }

    fn cut_one(
        &self,
        index: usize,
        named: &str,
        work: &Work,
        shares: &Mutex<Vec<f64>>,
    ) -> Result<ExportedClip, String> {
        let film = &self.plan.films[work.film];
        let cutter = film.cutter(&self.tools)?;
        let extension = extension(&film.facts, &film.path, work.cut.mode);
        let unfinished = self.workshop.folder().join(format!("{index}.{extension}"));
        let progress = |share| self.tell(index, named, share, shares);
        let cut =
            cutter.cut(&work.cut, &unfinished, progress).map_err(|error| error.to_string())?;
        let taken = self.folder.take(&unfinished, &work.stem, extension);
        let output = taken.map_err(|error| format!("the clip could not be kept: {error}"))?;
        let clock = SourceClock::of(&film.facts);
        Ok(ExportedClip {
            index,
            media_path: named.to_owned(),
            output_path: output.display().to_string(),
            start_seconds: cut.range.start,
            end_seconds: cut.range.end,
            frame_count: cut.frames,
            start_timecode: clock.map(|clock| clock.at(cut.range.start).to_string()),
        })
    }

    /// Tells how far the whole task is: every clip counts the same.
    fn tell(&self, index: usize, named: &str, share: f64, shares: &Mutex<Vec<f64>>) {
        let mut shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares[index] = share;
        let progress = shares.iter().sum::<f64>() / shares.len() as f64;
        self.task.stand(Standing {
            progress,
            media_path: Some(named.to_owned()),
            file_progress: Some(share),
            ..Standing::default()
        });
    }
}

fn mode(request: &ExportClipsRequest) -> CutMode {
    match (request.mode, request.codec) {
        (ClipMode::Copy, _) => CutMode::Copy,
        (ClipMode::Reencode, ClipCodec::Prores) => CutMode::Reencode(Codec::ProRes),
        (ClipMode::Reencode, ClipCodec::H264) => CutMode::Reencode(Codec::H264),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_every_file_system() {
        assert_eq!(fit_for_files("a/b\\c:d*?\"<>|\n"), "a_b_c_d_______");
        assert_eq!(fit_for_files("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(fit_for_files(" .. "), "clip");
        assert_eq!(fit_for_files("Take 🎬 & 1."), "Take 🎬 & 1");
    }
}
