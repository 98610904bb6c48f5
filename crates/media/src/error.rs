//! What can go wrong with a file.

use std::{io, path::PathBuf, time::Duration};

/// Why a file could not be read, or a program not run.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// ffmpeg or ffprobe is not installed.
    #[error(
        "{tool} was not found{}: install it (`sudo apt install ffmpeg`), or name the folder that \
         holds ffmpeg and ffprobe in RUSHES_FFMPEG",
        folder.as_ref().map(|folder| format!(" in {}", folder.display())).unwrap_or_default()
    )]
    ToolMissing {
        /// `ffmpeg` or `ffprobe`.
        tool: &'static str,
        /// The only folder that was looked in, where one was named.
        folder: Option<PathBuf>,
    },
    /// The path is relative, too long or holds a NUL byte.
    #[error("{} {problem}", path.display())]
    BadPath {
        /// As given.
        path: PathBuf,
        /// Completes the sentence that starts with the path.
        problem: &'static str,
    },
    /// Nothing is there.
    #[error("{} does not exist: was it moved, or is its drive not mounted?", .0.display())]
    Missing(PathBuf),
    /// It is there, but not for us.
    #[error("{} could not be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, pipe, socket or device.
    #[error("{} is {what}, not a media file", path.display())]
    NotAFile {
        /// As given.
        path: PathBuf,
        /// Such as `a folder`.
        what: &'static str,
    },
    /// Zero bytes.
    #[error("{} is empty (0 bytes): is it still being copied?", .0.display())]
    Empty(PathBuf),
    /// No known container, or one that is damaged or cut short.
    #[error("{} is not a media file that can be read, or is damaged: {detail}", path.display())]
    NotMedia {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        detail: String,
    },
    /// A container with neither pictures nor sound.
    #[error("{} holds neither pictures nor sound", .0.display())]
    NoStreams(PathBuf),
    /// Streams without a single picture or sample.
    #[error("{} has a length of zero: there is nothing to see or hear in it", .0.display())]
    NoFrames(PathBuf),
    /// Pictures were asked of sound.
    #[error("{} holds sound only, no pictures", .0.display())]
    NoPictures(PathBuf),
    /// Sound was asked of pictures.
    #[error("{} has no sound", .0.display())]
    NoSound(PathBuf),
    /// There is no audio track of this number.
    #[error("{} has no audio track {track}: it has {tracks}, counted from 0", path.display())]
    NoTrack {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        track: usize,
        /// How many there are.
        tracks: u32,
    },
    /// The installed ffmpeg has no decoder for it.
    #[error(
        "{} is coded as {codec}, which the installed ffmpeg cannot decode: convert it, or install \
         a newer ffmpeg", path.display()
    )]
    NoDecoder {
        /// The file.
        path: PathBuf,
        /// ffmpeg's name, or the four-character code of the container.
        codec: String,
    },
    /// Over one of the [`Limits`](crate::Limits).
    #[error("{} is refused: {what} (limit {limit})", path.display())]
    OverLimit {
        /// The file.
        path: PathBuf,
        /// What the file has or claims.
        what: String,
        /// What is allowed.
        limit: String,
    },
    /// The decoder failed.
    #[error("{} could not be decoded: {detail}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The decoder's last words.
        detail: String,
    },
    /// A time outside the medium was asked for.
    #[error("{} lasts {duration:.3} s: there is no picture at {seconds:.3} s", path.display())]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// The time asked for.
        seconds: f64,
        /// Length of the medium.
        duration: f64,
    },
    /// A clip that is not inside the medium, or has no length.
    #[error(
        "{} lasts {duration:.3} s: no clip of it goes from {start:.3} s to {end:.3} s",
        path.display()
    )]
    BadCut {
        /// The file.
        path: PathBuf,
        /// The in point asked for.
        start: f64,
        /// The out point asked for.
        end: f64,
        /// Length of the medium.
        duration: f64,
    },
    /// A clip was asked of a still.
    #[error("{} is a still picture: there is nothing to cut", .0.display())]
    StillPicture(PathBuf),
    /// A clip could not be made.
    #[error("no clip could be cut out of {}: {detail}", path.display())]
    Cut {
        /// The file that it was to be cut out of.
        path: PathBuf,
        /// ffmpeg's last words.
        detail: String,
    },
    /// The installed ffmpeg lacks an encoder.
    #[error(
        "the installed ffmpeg has no encoder {encoder}: install a full build of ffmpeg, or choose \
         another way to make the clip"
    )]
    NoEncoder {
        /// ffmpeg's name of it.
        encoder: String,
    },
    /// A clip could not be written under its name.
    #[error("{} cannot be written: {detail}", path.display())]
    NotWritten {
        /// The file that was to be written.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
    /// The disk is full, or a quota used up.
    #[error(
        "the disk of {} is full, or a quota on it is used up: make room, or choose a folder on another \
         disk; nothing is left of the clip that did not fit", disk.display()
    )]
    NoSpace {
        /// Where the disk is mounted; the clip's own name was a temporary one.
        disk: PathBuf,
    },
    /// A clip grew far beyond its estimate.
    #[error("{} was stopped at {limit} bytes, which no clip of this length needs", path.display())]
    TooLarge {
        /// The file that was to be written.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// No sign of life for too long.
    #[error(
        "reading {} came to a standstill and was stopped after {} s: is its drive reachable?",
        path.display(), after.as_secs()
    )]
    Stalled {
        /// The file or program.
        path: PathBuf,
        /// Time since the last sign of life.
        after: Duration,
    },
    /// Alive, but over its time.
    #[error("{} took too long and was stopped after {} s", path.display(), after.as_secs())]
    TimedOut {
        /// The file or program.
        path: PathBuf,
        /// Time allowed.
        after: Duration,
    },
    /// Stopped by request.
    #[error("cancelled")]
    Cancelled,
    /// A program did not start.
    #[error("{} could not be started: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A temporary file could not be written.
    #[error("a temporary file could not be written: {0}")]
    Temporary(io::Error),
    /// A picture that JPEG cannot hold.
    #[error("a picture of {width}x{height} could not be written as JPEG: {detail}")]
    Jpeg {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What the encoder said.
        detail: String,
    },
}
