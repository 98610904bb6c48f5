//! The verbs that everything on disk is written with.
//!
//! A file is written under a temporary name beside its own, synced, renamed, and its folder synced: at
//! any moment, whatever dies, the name stands for the old file or for the new one, whole. Temporary
//! names carry host, process and random bits, so that machines that share a folder never meet.
//!
//! When the very last step fails, the syncing of the folder after a rename, the new file is there, whole, and
//! the error says that it might not outlive a loss of power. Doing it again is always right.

#[cfg(feature = "failpoints")]
pub mod faults;
mod names;
mod verbs;

pub(crate) use names::host_name;
pub use names::{STALE_AFTER, is_of_this_machine, is_temporary, remove_if_stale, temporary_name};
#[cfg(feature = "failpoints")]
pub use verbs::Verb;
pub(crate) use verbs::{Disk, lock, open, remove, rename_new};

use std::{
    io::{self, BufWriter, Read, Write},
    path::Path,
};

/// Writes a file so that its name stands for the whole of it or for what was there before. Missing
/// folders are made.
///
/// # Errors
/// When anything fails, a full disk included; what was there before is untouched then unless only the syncing of
/// the folder failed, and nothing is left beside it.
pub fn publish(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    create_folders(folder)?;
    write_and_name(path, write, verbs::rename)?;
    sync_folder(folder)
}

/// Writes a file under a name that nothing has yet; with [`publish`] it shares that the name stands for the
/// whole file or for nothing. The folder has to be there.
///
/// # Errors
/// When anything fails, and with [`io::ErrorKind::AlreadyExists`] when the name is taken; nothing is left
/// then.
pub fn publish_new(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    write_and_name(path, write, rename_new)?;
    sync_folder(folder_of(path)).inspect_err(|_| drop(remove(path)))
}

/// Writes a file under a temporary name and gives it its own. Nothing is left when that fails.
fn write_and_name(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = temporary_name(path)?;
    let result = write_synced(&temporary, write).and_then(|()| rename(&temporary, path));
    // The first error is the one to report; a leftover is swept up later.
    result.inspect_err(|_| drop(remove(&temporary)))
}

fn write_synced(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 20, Disk::create_new(path)?);
    write(&mut writer)?;
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync()
}

/// Makes a file last that another program has written.
///
/// # Errors
/// When syncing fails.
pub fn sync_file(path: &Path) -> io::Result<()> {
    verbs::sync_file(path)
}

/// Gives a file that another program has written, and that is synced, a name that nothing has yet. Both have
/// to be on one file system.
///
/// # Errors
/// When anything fails, and with [`io::ErrorKind::AlreadyExists`] when the name is taken; the file keeps its
/// own name then.
pub fn publish_finished(from: &Path, path: &Path) -> io::Result<()> {
    rename_new(from, path)?;
    sync_folder(folder_of(path)).inspect_err(|_| drop(rename_new(path, from)))
}

/// Bytes that may still be written to the file system of `folder`.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let facts = rustix::fs::statvfs(folder)?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// Renames a file to a name that is not taken, and syncs both folders.
///
/// # Errors
/// When renaming or syncing fails; the file has one name or the other then.
pub fn move_aside(from: &Path, to: &Path) -> io::Result<()> {
    create_folders(folder_of(to))?;
    verbs::rename(from, to)?;
    sync_folder(folder_of(to))?;
    sync_folder(folder_of(from))
}

/// Makes a folder and those above it that are missing, each synced into the one above.
///
/// # Errors
/// When one cannot be made, or a file stands in the way.
pub fn create_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    create_folders(above)?;
    match verbs::create_folder(path) {
        // Somebody else was faster, and has perhaps not synced it yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            sync_folder(above)
        }
        Err(error) => Err(error),
        // One that is there counts as synced the next time, so it must not stay without.
        Ok(()) => sync_folder(above).inspect_err(|_| drop(verbs::remove_folder(path))),
    }
}

/// Makes what was created, renamed or removed in a folder last.
///
/// # Errors
/// When syncing fails; a file system that has no such operation is none.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match verbs::sync_folder(path) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("{} is longer than {limit} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_err as fs;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        publish(&path, |file| file.write_all(b"old")).unwrap();
        let failed = publish(&path, |file| {
            file.write_all(b"half of the n")?;
            Err(io::Error::other("disk gone"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk gone");
        assert_eq!(read_limited(&path, 10).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(read_limited(&path, 2).unwrap_err().to_string().contains("names"));
    }

    #[test]
    fn a_name_that_is_taken_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        // 255 bytes, as many as a name can have, and a character of three of them where it is cut.
        let path = folder.path().join(format!("{}ㄱ{}", "n".repeat(127), "x".repeat(125)));
        publish_new(&path, |file| file.write_all(b"first")).unwrap();
        let error = publish_new(&path, |file| file.write_all(b"second")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        assert_eq!(read_limited(&path, 10).unwrap(), b"first");
        let other = folder.path().join("other");
        publish_new(&other, |_| Err(io::Error::other("disk gone"))).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = publish_new(&folder.path().join("no/where"), |_| Ok(())).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_rename_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("inside")).unwrap();
        let error = publish(&path, |file| file.write_all(b"new")).unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
