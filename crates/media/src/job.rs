//! One program that is to be started: its arguments, and the files that it may touch.
//!
//! A file that becomes an argument becomes reachable by the same call, so that neither can be
//! forgotten and nothing else can be reached.

use crate::{
    MediaError, child,
    sandbox::{Program, Reach},
    source,
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
    process::{Child as Process, Command},
    sync::Arc,
};

/// Containers and stills that may be opened, by the names of ffmpeg's demuxers. Playlists (hls,
/// concat, dash, sdp) and file patterns (image2) are not among them: they open other files.
const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mxf,avi,mpegts,mpeg,mpegvideo,flv,asf,\
    ogg,wav,w64,aiff,flac,mp3,aac,ac3,eac3,caf,amr,gxf,dv,gif,apng,exr_pipe,dpx_pipe,\
    j2k_pipe,jpegxl_pipe,jpegls_pipe,psd_pipe,qoi_pipe,pam_pipe,pbm_pipe,pgm_pipe,ppm_pipe,\
    pfm_pipe,sgi_pipe,sunrast_pipe,pcx_pipe";

/// A command line and what it reaches.
#[derive(Debug)]
pub(crate) struct Job {
    command: Command,
    /// `None` for programs that are not fed by strangers.
    confined: Option<Confined>,
}

#[derive(Debug)]
struct Confined {
    program: Arc<Program>,
    inputs: Vec<PathBuf>,
    output: Option<Arc<File>>,
}

/// A process that was started, and the files that it may touch. They stay open as long as it runs:
/// some file systems forget a file that nobody has open, and with it that it may be read.
pub(crate) struct Launched {
    pub(crate) process: Process,
    pub(crate) reach: Reach,
}

impl Job {
    /// A decoder, which is confined.
    pub(crate) fn decoder(program: &Arc<Program>) -> Self {
        let mut command = child::command(program.path());
        // What the environment could make a tool write or colour; and its threads are kept from
        // reserving 64 MB of address space each.
        command.env_remove("FFREPORT").env_remove("AV_LOG_FORCE_COLOR");
        command.env("AV_LOG_FORCE_NOCOLOR", "1").env("MALLOC_ARENA_MAX", "2");
        let program = Arc::clone(program);
        Self { command, confined: Some(Confined { program, inputs: Vec::new(), output: None }) }
    }

    /// A program that may do what we may.
    pub(crate) fn free(command: Command) -> Self {
        Self { command, confined: None }
    }

    pub(crate) fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args(&mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> &mut Self {
        self.command.args(args);
        self
    }

    /// Opens a medium: only by the file protocol, only as one of the listed containers.
    pub(crate) fn input(&mut self, path: &Path) -> &mut Self {
        self.reads(path);
        self.open(FORMATS, path)
    }

    /// Opens an ffconcat list that we wrote, of one medium.
    pub(crate) fn list_input(&mut self, list: &Path, medium: &Path) -> &mut Self {
        self.reads(list);
        self.reads(medium);
        self.args(["-f", "concat", "-safe", "1"]);
        self.open(&format!("{FORMATS},concat"), list)
    }

    /// Writes over a file that is there already, and over nothing else.
    pub(crate) fn output(&mut self, path: &Path, file: &Arc<File>) -> &mut Self {
        if let Some(confined) = &mut self.confined {
            confined.output = Some(Arc::clone(file));
        }
        self.arg("-y").arg(source::url(path))
    }

    /// Names a medium, and a file to write, by variables: for a program that is not ffmpeg.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn names(&mut self, medium: &Path, clip: Option<(&Path, &Arc<File>)>) -> &mut Self {
        self.reads(medium);
        self.command.env("MEDIUM", medium);
        if let (Some((path, file)), Some(confined)) = (clip, &mut self.confined) {
            self.command.env("CLIP", path);
            confined.output = Some(Arc::clone(file));
        }
        self
    }

    fn open(&mut self, formats: &str, path: &Path) -> &mut Self {
        self.args(["-protocol_whitelist", "file", "-format_whitelist", formats, "-i"]);
        self.arg(source::url(path))
    }

    fn reads(&mut self, path: &Path) {
        if let Some(confined) = &mut self.confined
            && !confined.inputs.iter().any(|input| input == path)
        {
            confined.inputs.push(path.to_owned());
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When an input is no readable file any more, or the program does not start.
    pub(crate) fn launch(mut self) -> Result<Launched, MediaError> {
        let (process, reach) = match self.confined {
            None => (self.command.spawn(), Reach::default()),
            Some(Confined { program, inputs, output }) => {
                let reach = Reach::open(inputs, output)?;
                (program.cell().launch(&mut self.command, &reach), reach)
            }
        };
        match process {
            Ok(process) => Ok(Launched { process, reach }),
            Err(source) => {
                let program = OsString::from(self.command.get_program()).into();
                Err(MediaError::Spawn { program, source })
            }
        }
    }
}
