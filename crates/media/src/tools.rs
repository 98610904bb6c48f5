//! The two programs, and the arguments that every call of them carries.

use crate::{
    Cancel, Limits, MediaError,
    child::{self, Budget, Confinement},
    program, source,
};
use rushes_model::MediaFacts;
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

/// Names the folder that holds ffmpeg and ffprobe.
const FOLDER: &str = "RUSHES_FFMPEG";

/// Containers and stills that may be opened, by the names of ffmpeg's demuxers. Playlists (hls,
/// concat, dash, sdp) and file patterns (image2) are not among them: they open other files.
const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mxf,avi,mpegts,mpeg,mpegvideo,flv,asf,\
    ogg,wav,w64,aiff,flac,mp3,aac,ac3,eac3,caf,amr,gxf,dv,gif,apng,exr_pipe,dpx_pipe,\
    j2k_pipe,jpegxl_pipe,jpegls_pipe,psd_pipe,qoi_pipe,pam_pipe,pbm_pipe,pgm_pipe,ppm_pipe,\
    pfm_pipe,sgi_pipe,sunrast_pipe,pcx_pipe";

/// Where ffmpeg and ffprobe are, and what they may use.
#[derive(Debug, Clone)]
pub struct Tools {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
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
        &self.ffmpeg
    }

    /// ffmpeg's version, such as `5.1.9-0+deb12u1`.
    ///
    /// # Errors
    /// When ffmpeg does not start or says something else.
    pub fn version(&self) -> Result<String, MediaError> {
        let mut command = child::command(&self.ffmpeg);
        command.arg("-version");
        let (output, ended) =
            program::capture(command, self.probe_budget(), &self.cancel, 64 << 10)?;
        let text = String::from_utf8_lossy(&output);
        let words = text.strip_prefix("ffmpeg version ");
        words.and_then(|text| text.split_whitespace().next()).map(str::to_owned).ok_or_else(|| {
            MediaError::NotMedia { path: self.ffmpeg.clone(), detail: ended.detail() }
        })
    }

    /// ffprobe with what precedes all other arguments.
    pub(crate) fn probe_command(&self) -> Command {
        let mut command = quiet(child::command(&self.ffprobe));
        command.args(["-hide_banner", "-loglevel", "level+repeat+error"]);
        command
    }

    /// ffmpeg with what precedes all other arguments. Timestamps stay those of the container.
    pub(crate) fn decode_command(&self, facts: &MediaFacts) -> Command {
        let mut command = self.bare_decode_command();
        command.args(["-max_pixels", &self.limits.max_pixels.to_string()]);
        let threads = self.limits.threads_for(facts.width, facts.height);
        if threads > 0 {
            command.args(["-threads", &threads.to_string()]);
        }
        command
    }

    /// The same without what is said of a single input.
    pub(crate) fn bare_decode_command(&self) -> Command {
        let mut command = quiet(child::command(&self.ffmpeg));
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+repeat+info"]);
        command.arg("-copyts");
        command
    }

    /// The arguments that open a file: only the file protocol, only containers of the list.
    pub(crate) fn input(path: &Path) -> [OsString; 6] {
        input_of(FORMATS, path)
    }

    /// The same for an ffconcat list that we wrote.
    pub(crate) fn list_input(list: &Path) -> [OsString; 6] {
        input_of(&format!("{FORMATS},concat"), list)
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

fn input_of(formats: &str, path: &Path) -> [OsString; 6] {
    let [protocols, only_file, whitelist, input] =
        ["-protocol_whitelist", "file", "-format_whitelist", "-i"].map(OsString::from);
    [protocols, only_file, whitelist, formats.into(), input, source::url(path)]
}

/// Takes away what the environment could make a tool write or colour, and keeps its threads from
/// reserving 64 MB of address space each.
fn quiet(mut command: Command) -> Command {
    command.env_remove("FFREPORT").env_remove("AV_LOG_FORCE_COLOR");
    command.env("AV_LOG_FORCE_NOCOLOR", "1").env("MALLOC_ARENA_MAX", "2");
    command
}

fn program_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let program = folder.join(name);
    program.is_file().then_some(program)
}
