//! Ranges as files of their own.

use super::{
    cutting::{Cutting, counted, part},
    selection::{Chosen, ChosenRange, Source, check_handle},
};
use crate::{
    output::{OutputFolder, refused},
    replies::TaskStarted,
    requests::{ClipCodec, ClipMode, ExportClipsRequest, MAX_CUT_CLIPS},
    tasks::{Asked, LeftOver, TaskHandle},
    usecases::Engine,
};
use rushes_media::{Codec, Cut, CutMode, Cutter, Tools, estimate};
use rushes_model::{Failure, MediaFacts, MediaKind, TaskKind, TimeRange, timestamp};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::OnceLock,
};

/// Room that is left on a disk, in bytes: other programs write to it as well.
const SPARE_BYTES: u64 = 64 << 20;

impl Engine {
    /// Cuts ranges into files, in the background.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`, also when the disk has too little room; nothing is written then.
    pub fn export_clips(&self, request: &ExportClipsRequest) -> Result<TaskStarted, Failure> {
        let (work, warnings) = self.check_cutting(request, &HashSet::new())?;
        let task = self.0.tasks.create(Asked::new(TaskKind::ExportClips, "export", request))?;
        let message = format!("Cutting {}", counted(work.plan.jobs.len()));
        let started = TaskStarted::new(message, task.id());
        self.start_cutting(work, task, HashSet::new());
        Ok(TaskStarted { warnings, ..started })
    }

    /// Goes on with what an earlier process did not end. Clips that it ended are there.
    pub(in crate::usecases) fn go_on_cutting(&self, left: &LeftOver) -> Result<(), Failure> {
        let (work, _) = self.check_cutting(&left.asked.request()?, &left.done)?;
        self.start_cutting(work, left.task.clone(), left.done.clone());
        Ok(())
    }

    /// Checks whether the clips can be cut, but for those that are done.
    fn check_cutting(
        &self,
        request: &ExportClipsRequest,
        done: &HashSet<PathBuf>,
    ) -> Result<(ToCut, Vec<String>), Failure> {
        check_handle(request.handle_seconds)?;
        let folder = OutputFolder::open(&self.0.roots, &request.output_dir)?;
        let chosen = self.choose(&request.selection(), MAX_CUT_CLIPS)?;
        let mode = mode(request);
        let plan = Plan::of(&chosen, mode, request.handle_seconds);
        check_room(&folder, plan.bytes(done))?;
        folder.ensure_writable()?;
        let workers = self.0.config.worker_count();
        let at_once = match mode {
            CutMode::Copy => workers,
            // An encoder uses several cores by itself.
            CutMode::Reencode(_) => workers.div_ceil(2),
        };
        Ok((ToCut { folder, plan, at_once }, chosen.warnings))
    }

    fn start_cutting(&self, work: ToCut, task: TaskHandle, done: HashSet<PathBuf>) {
        let ToCut { folder, plan, at_once } = work;
        task.set_total(plan.jobs.len() as u64);
        let tools = self.0.reception.tools().until(task.cancel());
        let home = self.0.config.home.clone();
        self.0.cutters.take(Cutting { task, tools, home, folder, plan, done, at_once });
    }
}

/// Clips that can be cut.
struct ToCut {
    folder: OutputFolder,
    plan: Plan,
    at_once: usize,
}

fn check_room(folder: &OutputFolder, needed: u64) -> Result<(), Failure> {
    let Some(free) = folder.free_bytes() else { return Ok(()) };
    if needed.saturating_add(SPARE_BYTES) <= free {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    Err(refused(&format!(
        "the clips need about {} MB and {} MB are free: make room or choose another folder",
        megabytes(needed),
        megabytes(free)
    )))
}

/// What is cut out of what.
pub struct Plan {
    pub films: Vec<Film>,
    /// In the order of the request.
    pub jobs: Vec<Job>,
}

/// A medium that clips are cut out of.
pub struct Film {
    pub path: PathBuf,
    pub facts: MediaFacts,
    /// Of all its clips, so that it is looked at once.
    ranges: Vec<TimeRange>,
    cutter: OnceLock<Result<Cutter, String>>,
}

/// One range to cut.
pub struct Job {
    pub named: String,
    /// What to do, or why it cannot be done.
    pub work: Result<Work, String>,
}

pub struct Work {
    /// Index of the medium.
    pub film: usize,
    pub cut: Cut,
    pub stem: String,
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

    /// Room that all clips together may take that are not done.
    fn bytes(&self, done: &HashSet<PathBuf>) -> u64 {
        let jobs = self.jobs.iter().enumerate().filter(|(index, _)| !done.contains(&part(*index)));
        let works = jobs.filter_map(|(_, job)| job.work.as_ref().ok());
        works.map(|work| estimate(&self.films[work.film].facts, &work.cut)).sum()
    }
}

impl Film {
    fn of(source: &Source, facts: MediaFacts) -> Self {
        let (path, ranges) = (source.path.clone(), Vec::new());
        Self { path, facts, ranges, cutter: OnceLock::new() }
    }

    /// Looks at the medium; whoever asks meanwhile waits.
    pub fn cutter(&self, tools: &Tools) -> Result<&Cutter, String> {
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
