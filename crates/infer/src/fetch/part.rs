//! A file on its way: temporary name, checks, durable publication.

use super::{FetchError, Monitor, Wanted};
use crate::registry::Sha256Digest;
use fs_err as fs;
use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Bytes copied between two looks at whether to stop.
const CHUNK: usize = 128 << 10;

/// What is there so far of a file, under `<target>.part-<sha8>` until it is whole and right.
///
/// It outlives a broken pull, so that the next one resumes. The hash in the name keeps the parts of two
/// versions of a file apart.
pub(super) struct Part<'a> {
    wanted: &'a Wanted<'a>,
    path: PathBuf,
    file: fs::File,
    length: u64,
}

impl<'a> Part<'a> {
    /// Opens what an earlier pull left, or begins anew.
    pub(super) fn open(wanted: &'a Wanted<'a>) -> Result<Self, FetchError> {
        if let Some(folder) = wanted.target.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut path = wanted.target.clone().into_os_string();
        path.push(format!(".part-{}", wanted.file.sha256.short()));
        let path = PathBuf::from(path);
        let mut file =
            fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        let length = file.seek(SeekFrom::End(0))?;
        let mut part = Self { wanted, path, file, length };
        if length > wanted.file.bytes {
            part.restart()?;
        }
        Ok(part)
    }

    /// Bytes so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether there are as many bytes as the file has.
    pub(super) fn is_full(&self) -> bool {
        self.length == self.wanted.file.bytes
    }

    /// Drops the bytes so far.
    pub(super) fn restart(&mut self) -> Result<(), FetchError> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.length = 0;
        Ok(())
    }

    /// Adds all that `source` has. More than the file's size is refused and dropped; less is not an
    /// error here. What reading says goes through `read_error`.
    pub(super) fn fill(
        &mut self,
        source: &mut dyn Read,
        from: &str,
        monitor: &mut Monitor<'_>,
        read_error: &dyn Fn(io::Error) -> FetchError,
    ) -> Result<(), FetchError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match source.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_error(error)),
            };
            let length = self.length + count as u64;
            if length > self.wanted.file.bytes {
                self.restart()?;
                return Err(self.wrong_size(from, length));
            }
            self.file.write_all(&chunk[..count])?;
            self.length = length;
            monitor.at(self.wanted, length)?;
        }
    }

    /// Checks size and hash, writes through to the disk and gives the file its final name. What is not
    /// right is removed.
    pub(super) fn publish(mut self, from: &str, monitor: &Monitor<'_>) -> Result<(), FetchError> {
        if !self.is_full() {
            let found = self.length;
            self.restart()?;
            return Err(self.wrong_size(from, found));
        }
        let digest = Sha256Digest::of_file(&self.path, monitor.cancelled)?;
        let found = digest.ok_or(FetchError::Cancelled)?;
        let expected = self.wanted.file.sha256;
        if found != expected {
            self.restart()?;
            return Err(FetchError::WrongHash { from: from.to_owned(), expected, found });
        }
        self.file.sync_all()?;
        fs::rename(&self.path, &self.wanted.target)?;
        Ok(sync_folder_of(&self.wanted.target)?)
    }

    /// The error for a source of another size.
    pub(super) fn wrong_size(&self, from: &str, found: u64) -> FetchError {
        FetchError::WrongSize { from: from.to_owned(), expected: self.wanted.file.bytes, found }
    }
}

/// A part without bytes is of no use to the next pull.
impl Drop for Part<'_> {
    fn drop(&mut self) {
        if self.length == 0
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("a temporary file stays: {error}");
        }
    }
}

/// Makes a rename last through a loss of power. Only Unix can open folders for it.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
