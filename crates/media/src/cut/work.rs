//! One ffmpeg that writes one file.

use crate::{
    MediaError, Tools,
    child::{Child, Watch, each_line},
    job::Job,
    source,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

/// What ffmpeg says when it must stop for want of room.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];
/// What ffmpeg says, as a warning, of a file without a packet.
const NOTHING: &str = "Output file is empty";
/// The code that ffmpeg ends with when it was asked to stop, and has finished its file.
const ASKED: i32 = 255;
/// How often a file is looked at for whether it grows.
const LOOK: Duration = Duration::from_millis(500);

/// A file that is gone when this is dropped, unless it was kept.
pub(super) struct Target<'a> {
    path: &'a Path,
    file: Arc<File>,
    kept: bool,
}

impl<'a> Target<'a> {
    /// Makes an empty file where there is nothing yet, not even a dangling link. It is this file that
    /// ffmpeg may write, whatever its name leads to later.
    pub(super) fn new(path: &'a Path) -> Result<Self, MediaError> {
        source::check(path)?;
        match OpenOptions::new().read(true).write(true).create_new(true).open(path) {
            Ok(file) => Ok(Self { path, file: Arc::new(file), kept: false }),
            Err(error) => Err(not_made(path, &error)),
        }
    }

    /// Has a job write it.
    pub(super) fn write_to(&self, job: &mut Job) {
        job.output(self.path, &self.file);
    }

    pub(super) fn path(&self) -> &Path {
        self.path
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs_err::remove_file(self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, "an unfinished clip was left behind");
        }
    }
}

fn not_made(path: &Path, error: &io::Error) -> MediaError {
    let detail = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            return MediaError::NoSpace { disk: disk_of(path) };
        }
        ErrorKind::AlreadyExists => "something of that name is there already".to_owned(),
        _ => error.to_string(),
    };
    MediaError::NotWritten { path: path.to_owned(), detail }
}

/// What is read from ffmpeg's stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    /// It has all that it needs: it is to finish its file.
    Finish,
}

/// How large a file may become and what its making may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Bytes of the file.
    pub(super) file_bytes: u64,
    /// Bytes of memory beside those of a decoder.
    pub(super) memory_bytes: u64,
    /// Seconds of media that are read.
    pub(super) seconds: f64,
}

impl Tools {
    /// Runs ffmpeg, whose only output files are `target` and its stdout, and shows each line of the latter.
    pub(super) fn write_file(
        &self,
        job: Job,
        path: &Path,
        target: &Target<'_>,
        cost: Cost,
        mut on_line: impl FnMut(&[u8]) -> Flow,
    ) -> Result<(), MediaError> {
        let budget = self.cut_budget(cost.seconds, cost.file_bytes, cost.memory_bytes);
        let mut child = Child::spawn(job, budget, &self.cancel, is_noise)?;
        witness(child.watch(), target.path().to_owned());
        let mut asked = false;
        if let Some(stdout) = child.stdout() {
            let watch = child.watch();
            each_line(stdout, |line| {
                watch.pause();
                if on_line(line) == Flow::Finish && !asked {
                    asked = true;
                    watch.ask_to_finish();
                }
                watch.resume();
                true
            });
        }
        let ended = child.finish();
        if let Some(error) = ended.stopped(path) {
            return Err(error);
        }
        let target = target.path().to_owned();
        if FULL.iter().any(|text| ended.said(text)) {
            return Err(MediaError::NoSpace { disk: disk_of(&target) });
        }
        if ended.wrote_too_much() {
            return Err(MediaError::TooLarge { path: target, limit: cost.file_bytes });
        }
        if let Some(encoder) = ended.missing_encoder() {
            return Err(MediaError::NoEncoder { encoder });
        }
        let well = ended.code() == Some(0) || asked && ended.code() == Some(ASKED);
        if well && !ended.said(NOTHING) {
            return Ok(());
        }
        Err(MediaError::Cut { path: path.to_owned(), detail: ended.detail() })
    }
}

/// Takes every change of a file as a sign of life. ffmpeg says nothing while it empties its encoders and
/// finishes a file, which can take minutes. Nobody waits for this thread: a drive that is gone may hold it.
fn witness(watch: Arc<Watch>, path: PathBuf) {
    thread::spawn(move || {
        let mut last = None;
        while !watch.ends_within(LOOK) {
            let metadata = fs_err::metadata(&path).ok();
            let now = metadata.map(|file| (file.len(), file.mtime(), file.mtime_nsec()));
            if now != last {
                last = now;
                watch.sign_of_life();
            }
        }
    });
}

/// Where the disk that a file lies on is mounted.
fn disk_of(path: &Path) -> PathBuf {
    let device = |path: &Path| fs_err::metadata(path).ok().map(|metadata| metadata.dev());
    let folder = path.parent().unwrap_or(path);
    let disk = device(folder);
    let same = folder.ancestors().take_while(|above| device(above) == disk);
    same.last().unwrap_or(folder).to_owned()
}

/// What ffmpeg says of its work is no message.
fn is_noise(line: &[u8]) -> bool {
    line.windows(7).any(|part| part == b"[info] ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, child};

    /// What becomes of a program that says nothing.
    fn silent(script: &str) -> Result<(), MediaError> {
        let limits = Limits { stall: Duration::from_millis(1500), ..Limits::default() };
        let tools = Tools::locate(limits).expect("ffmpeg: run `make setup`");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clip");
        let mut command = child::command("bash");
        command.args(["-c", script, "bash"]).arg(&file);
        let cost = Cost { file_bytes: 1 << 20, memory_bytes: 0, seconds: 1.0 };
        let target = Target::new(&file).unwrap();
        tools.write_file(Job::free(command), &file, &target, cost, |_| Flow::Go)
    }

    #[test]
    fn a_file_that_grows_is_a_sign_of_life() {
        let grows = "for i in 1 2 3 4 5 6; do echo x >> \"$1\"; sleep 0.5; done";
        assert!(silent(grows).is_ok());
        let rewritten = "for i in 1 2 3 4 5 6; do echo x > \"$1\"; sleep 0.5; done";
        assert!(silent(rewritten).is_ok());
        let stands = silent("echo x > \"$1\"; sleep 20");
        assert!(matches!(stands, Err(MediaError::Stalled { .. })), "{stands:?}");
    }

    #[test]
    fn the_disk_of_a_file_is_where_it_is_mounted() {
        #[cfg(target_os = "linux")]
        assert_eq!(disk_of(Path::new("/proc/self/x")), Path::new("/proc"));
        assert_eq!(disk_of(Path::new("/gone/x")), Path::new("/gone"));
    }
}
