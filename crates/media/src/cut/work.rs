//! One ffmpeg that writes one file.

use crate::{
    MediaError, Tools,
    child::{Child, each_line},
    source,
};
use std::{io::ErrorKind, path::Path, process::Command};

/// What ffmpeg says when it must stop for want of room.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];
/// What ffmpeg says, as a warning, of a file without a packet.
const NOTHING: &str = "Output file is empty";
/// The code that ffmpeg ends with when it was asked to stop, and has finished its file.
const ASKED: i32 = 255;

/// A file that is gone when this is dropped, unless it was kept.
pub(super) struct Target<'a> {
    path: &'a Path,
    kept: bool,
}

impl<'a> Target<'a> {
    /// A name at which there is nothing yet, not even a dangling link.
    pub(super) fn new(path: &'a Path) -> Result<Self, MediaError> {
        source::check(path)?;
        match fs_err::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self { path, kept: false }),
            Err(error) => {
                Err(MediaError::NotWritten { path: path.to_owned(), detail: error.to_string() })
            }
            Ok(_) => Err(MediaError::NotWritten {
                path: path.to_owned(),
                detail: "something of that name is there already".to_owned(),
            }),
        }
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
        command: Command,
        path: &Path,
        target: &Target<'_>,
        cost: Cost,
        mut on_line: impl FnMut(&[u8]) -> Flow,
    ) -> Result<(), MediaError> {
        let budget = self.cut_budget(cost.seconds, cost.file_bytes, cost.memory_bytes);
        let mut child = Child::spawn(command, budget, &self.cancel, is_noise)?;
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
            return Err(MediaError::NoSpace { path: target });
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

/// What ffmpeg says of its work is no message.
fn is_noise(line: &[u8]) -> bool {
    line.windows(7).any(|part| part == b"[info] ")
}
