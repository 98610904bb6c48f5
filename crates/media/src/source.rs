//! Opening a path that someone named.

use crate::MediaError;
use std::{
    ffi::OsString,
    fs::{File, Metadata, OpenOptions},
    io::ErrorKind,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileTypeExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

/// Linux's PATH_MAX; other systems allow less and say so themselves.
const LONGEST_PATH: usize = 4096;

/// Opens a regular file that has bytes in it. What was opened is what is checked, so the path cannot
/// become something else in between.
pub(crate) fn open(path: &Path) -> Result<(File, Metadata), MediaError> {
    check(path)?;
    // A FIFO without a writer would block the open for ever.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
        .map_err(|source| unreadable(path, source))?;
    let metadata = file.metadata().map_err(|source| unreadable(path, source))?;
    if let Some(what) = other_than_file(&metadata) {
        return Err(MediaError::NotAFile { path: path.to_owned(), what });
    }
    if metadata.len() == 0 {
        return Err(MediaError::Empty(path.to_owned()));
    }
    Ok((file, metadata))
}

/// Refuses what is no absolute path that the system takes.
pub(crate) fn check(path: &Path) -> Result<(), MediaError> {
    let bytes = path.as_os_str().as_bytes();
    let problem = if bytes.contains(&0) {
        "holds a NUL byte"
    } else if bytes.len() > LONGEST_PATH {
        "is longer than 4096 bytes"
    } else if !path.is_absolute() {
        "is a relative path: give the absolute one"
    } else {
        return Ok(());
    };
    Err(MediaError::BadPath { path: path.to_owned(), problem })
}

pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> MediaError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => MediaError::Missing(path),
        _ => MediaError::Unreadable { path, source },
    }
}

fn other_than_file(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else {
        Some("a device")
    }
}

/// The path as ffmpeg's file protocol takes it: neither an option (`-x.mp4`) nor another protocol
/// (`a:b.mp4`), whatever its name.
pub(crate) fn url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}
