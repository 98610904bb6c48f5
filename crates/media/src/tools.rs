//! The two programs, and the arguments that every call of them carries.

use crate::{
    Cancel, Limits, MediaError,
    child::{Budget, Confinement},
    job::Job,
    program,
    sandbox::{Program, SandboxReport},
};
use rushes_model::MediaFacts;
use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

/// Names the folder that holds ffmpeg and ffprobe.
const FOLDER: &str = "RUSHES_FFMPEG";

/// Where ffmpeg and ffprobe are, and what they may use.
#[derive(Debug, Clone)]
pub struct Tools {
    ffmpeg: Arc<Program>,
    ffprobe: Arc<Program>,
    limits: Limits,
    /// Ends the looks at files that these tools take.
    pub(crate) cancel: Cancel,
}

impl Tools {
    /// Finds both programs in the folder that the environment variable `RUSHES_FFMPEG` names, or else
    /// on the `PATH`.
    ///
    /// # Errors
    /// When one is missing; the message says how to install it.
    pub fn locate(limits: Limits) -> Result<Self, MediaError> {
        if let Some(folder) = env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
            return Self::in_folder(Path::new(&folder), limits);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let find = |tool| {
            let found = env::split_paths(&path).find_map(|folder| program_in(&folder, tool));
            found.ok_or(MediaError::ToolMissing { tool, folder: None })
        };
        Ok(Self::new(find("ffmpeg")?, find("ffprobe")?, limits))
    }

    /// Takes both programs from this folder.
    ///
    /// # Errors
    /// When one is missing there.
    pub fn in_folder(folder: &Path, limits: Limits) -> Result<Self, MediaError> {
        let find = |tool| {
            let missing = || MediaError::ToolMissing { tool, folder: Some(folder.to_owned()) };
            program_in(folder, tool).ok_or_else(missing)
        };
        Ok(Self::new(find("ffmpeg")?, find("ffprobe")?, limits))
    }

    fn new(ffmpeg: PathBuf, ffprobe: PathBuf, limits: Limits) -> Self {
        let [ffmpeg, ffprobe] = [ffmpeg, ffprobe].map(|path| Arc::new(Program::new(path)));
        Self { ffmpeg, ffprobe, limits, cancel: Cancel::new() }
    }

    /// The same tools, whose probes, plans, thumbnails and cuts end when `cancel` is set.
    #[must_use]
    pub fn until(&self, cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..self.clone() }
    }

    /// The limits that files are held to.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where ffmpeg is.
    #[must_use]
    pub fn ffmpeg(&self) -> &Path {
        self.ffmpeg.path()
    }

    /// ffmpeg's version, such as `5.1.9-0+deb12u1`.
    ///
    /// # Errors
    /// When ffmpeg does not start or says something else.
    pub fn version(&self) -> Result<String, MediaError> {
        let mut job = Job::decoder(&self.ffmpeg);
        job.arg("-version");
        let (output, ended) = program::capture(job, self.probe_budget(), &self.cancel, 64 << 10)?;
        let text = String::from_utf8_lossy(&output);
        let words = text.strip_prefix("ffmpeg version ");
        words.and_then(|text| text.split_whitespace().next()).map(str::to_owned).ok_or_else(|| {
            MediaError::NotMedia { path: self.ffmpeg().to_owned(), detail: ended.detail() }
        })
    }

    /// What decoders are kept from on this machine. The first call starts both programs to find out.
    #[must_use]
    pub fn sandbox(&self) -> SandboxReport {
        self.ffmpeg.cell().report().and(self.ffprobe.cell().report())
    }

    /// ffprobe with what precedes all other arguments.
    pub(crate) fn probe_job(&self) -> Job {
        let mut job = Job::decoder(&self.ffprobe);
        job.args(["-hide_banner", "-loglevel", "level+repeat+error"]);
        job
    }

    /// ffmpeg with what precedes all other arguments. Timestamps stay those of the container.
    pub(crate) fn decode_job(&self, facts: &MediaFacts) -> Job {
        let mut job = self.bare_decode_job();
        job.args(["-max_pixels", &self.limits.max_pixels.to_string()]);
        let threads = self.limits.threads_for(facts.width, facts.height);
        if threads > 0 {
            job.args(["-threads", &threads.to_string()]);
        }
        job
    }

    /// The same without what is said of a single input.
    pub(crate) fn bare_decode_job(&self) -> Job {
        let mut job = Job::decoder(&self.ffmpeg);
        job.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+repeat+info"]);
        job.arg("-copyts");
        job
    }

    pub(crate) fn probe_budget(&self) -> Budget {
        let Limits { probe, stall, probe_memory_bytes: memory_bytes, .. } = self.limits;
        let confinement = Confinement { memory_bytes, cpu: probe, file_bytes: 0 };
        Budget { stall, wall: stall, confinement: Some(confinement) }
    }

    /// The budget of a pass over a whole medium.
    pub(crate) fn decode_budget(&self, facts: &MediaFacts) -> Budget {
        self.budget(self.limits.wall(facts.duration_seconds))
    }

    /// The budget of a look at a few seconds of a medium.
    pub(crate) fn look_budget(&self) -> Budget {
        self.budget(self.limits.decode)
    }

    /// The budget of a cut that reads so many seconds of a medium, or takes as long: the size of its
    /// file, and memory beside a decoder's.
    pub(crate) fn cut_budget(&self, seconds: f64, file_bytes: u64, memory_bytes: u64) -> Budget {
        let mut budget = self.budget(self.limits.wall(seconds));
        if let Some(confinement) = &mut budget.confinement {
            confinement.file_bytes = file_bytes;
            confinement.memory_bytes = confinement.memory_bytes.saturating_add(memory_bytes);
        }
        budget
    }

    fn budget(&self, wall: Duration) -> Budget {
        let Limits { stall, memory_bytes, .. } = self.limits;
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let cpu = wall.saturating_mul(cores);
        let confinement = Confinement { memory_bytes, cpu, file_bytes: 0 };
        Budget { stall, wall, confinement: Some(confinement) }
    }
}

fn program_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let program = folder.join(name);
    program.is_file().then_some(program)
}
