//! The single steps on a disk that writing is made of. Nothing else in this crate changes a shared folder, so
//! that tests can make each of them fail.

use fs_err as fs;
use std::{
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

#[cfg(feature = "failpoints")]
use super::faults::{before, before_bytes};

#[cfg(not(feature = "failpoints"))]
#[inline]
fn before(_verb: Verb, _path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(feature = "failpoints"))]
#[inline]
fn before_bytes(_verb: Verb, _path: &Path, bytes: usize) -> io::Result<usize> {
    Ok(bytes)
}

/// A step that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// Making a file, or opening one to write to it.
    CreateFile,
    /// Handing bytes to the system.
    Write,
    /// Cutting a file off, or making it longer.
    SetLength,
    /// Making the bytes of a file last.
    SyncFile,
    /// Renaming in place of what is there.
    Rename,
    /// Renaming to a name that nothing has.
    RenameNew,
    /// Making the names in a folder last.
    SyncFolder,
    /// Making a folder.
    CreateFolder,
    /// Removing a file or an empty folder.
    Remove,
    /// Waiting for a lock.
    Lock,
    /// Opening a file to read it.
    Read,
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Disk {
    file: fs::File,
    path: PathBuf,
}

impl Disk {
    /// Makes a file under a name that nothing has.
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        before(Verb::CreateFile, path)?;
        Ok(Self { file: fs::File::create_new(path)?, path: path.to_owned() })
    }

    /// Opens a file to write to it where it is, and makes it if it is not there.
    pub(crate) fn open_or_create(path: &Path) -> io::Result<Self> {
        before(Verb::CreateFile, path)?;
        let file = fs::OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Gives the file this length, and goes to its end.
    pub(crate) fn cut(&mut self, length: u64) -> io::Result<()> {
        before(Verb::SetLength, &self.path)?;
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Makes what was written last.
    pub(crate) fn sync(&self) -> io::Result<()> {
        before(Verb::SyncFile, &self.path)?;
        self.file.sync_all()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = before_bytes(Verb::Write, &self.path, bytes.len())?;
        self.file.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens a file to read it.
pub(crate) fn open(path: &Path) -> io::Result<fs::File> {
    before(Verb::Read, path)?;
    fs::File::open(path)
}

/// Makes a file last that was written before.
pub(super) fn sync_file(path: &Path) -> io::Result<()> {
    before(Verb::SyncFile, path)?;
    fs::File::open(path)?.sync_all()
}

/// Makes the names in a folder last.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    before(Verb::SyncFolder, path)?;
    fs::File::open(path)?.sync_all()
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    before(Verb::CreateFolder, path)?;
    fs::create_dir(path)
}

pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    before(Verb::Remove, path)?;
    fs::remove_dir(path)
}

pub(crate) fn remove(path: &Path) -> io::Result<()> {
    before(Verb::Remove, path)?;
    fs::remove_file(path)
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    before(Verb::Rename, to)?;
    fs::rename(from, to)
}

/// Renames a file to a name that nothing has. Where the file system has no such rename, a new file keeps the
/// name for the moment until the rename.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match before(Verb::RenameNew, to).and_then(|()| rename_at_once(from, to)) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Disk::create_new(to)?;
            rename(from, to).inspect_err(|_| drop(remove(to)))
        }
        result => result,
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_at_once(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(|errno| {
        let kind = match errno {
            Errno::NOSYS | Errno::NOTSUP => io::ErrorKind::Unsupported,
            other => io::Error::from(other).kind(),
        };
        let what = format!("{} cannot be called {}: {errno}", from.display(), to.display());
        io::Error::new(kind, what)
    })
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_at_once(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Waits until nobody else holds the lock of a file, which has to be there.
pub(crate) fn lock(path: &Path) -> io::Result<fs::File> {
    before(Verb::Lock, path)?;
    let file = fs::File::open(path)?;
    file.lock()?;
    Ok(file)
}
