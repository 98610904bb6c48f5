//! The verbs that everything on disk is written with.
//!
//! A file is written under a temporary name beside its own, synced, renamed, and its folder synced: at
//! any moment, whatever dies, the name stands for the old file or for the new one, whole. Temporary
//! names carry host, process and random bits, so that machines that share a folder never meet.

use fs_err as fs;
use std::{
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Stands between a file's own name and the rest of its temporary name.
const TEMPORARY: &str = ".tmp-";

/// Bytes of a file's own name that its temporary name has at most; 255 are the longest name of a file.
const NAME_IN_TEMPORARY: usize = 128;

/// Age at which a temporary file of this host is a leftover: no write takes a day.
pub const STALE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes a file so that its name stands for the whole of it or for what was there before. Missing
/// folders are made.
///
/// # Errors
/// When anything fails, a full disk included; what was there before is untouched then, and nothing is
/// left beside it.
pub fn publish(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    create_folders(folder)?;
    let temporary = temporary_name(path)?;
    let result = write_synced(&temporary, write).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // The first error is the one to report; a leftover is swept up later.
        let _ = fs::remove_file(&temporary);
        return result;
    }
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
    let temporary = temporary_name(path)?;
    let result = write_synced(&temporary, write).and_then(|()| rename_new(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
        return result;
    }
    sync_folder(folder_of(path))
}

fn write_synced(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 20, fs::File::create_new(path)?);
    write(&mut writer)?;
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Makes a file last that another program has written.
///
/// # Errors
/// When syncing fails.
pub fn sync_file(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Gives a file that another program has written, and that is synced, a name that nothing has yet. Both have
/// to be on one file system.
///
/// # Errors
/// When anything fails, and with [`io::ErrorKind::AlreadyExists`] when the name is taken; the file keeps its
/// own name then.
pub fn publish_finished(from: &Path, path: &Path) -> io::Result<()> {
    rename_new(from, path)?;
    sync_folder(folder_of(path))
}

/// Renames a file to a name that nothing has. Where the file system has no such rename, a new file keeps the
/// name for the moment until the rename.
fn rename_new(from: &Path, path: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, from, CWD, path, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            Err(error) => {
                let what =
                    format!("{} cannot be called {}: {error}", from.display(), path.display());
                return Err(io::Error::new(io::Error::from(error).kind(), what));
            }
            Ok(()) => return Ok(()),
        }
    }
    fs::File::create_new(path)?;
    fs::rename(from, path).inspect_err(|_| drop(fs::remove_file(path)))
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
/// When renaming or syncing fails.
pub fn move_aside(from: &Path, to: &Path) -> io::Result<()> {
    create_folders(folder_of(to))?;
    fs::rename(from, to)?;
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
    match fs::create_dir(path) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(above),
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
    match fs::File::open(path)?.sync_all() {
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
    fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("{} is longer than {limit} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}

/// Whether a file's name is one that an unfinished write has.
#[must_use]
pub fn is_temporary(path: &Path) -> bool {
    host_of_temporary(path).is_some()
}

/// Removes what a dead process of this host left behind, if `path` is that. Says whether it was.
///
/// # Errors
/// When the file cannot be looked at or removed.
pub fn remove_if_stale(path: &Path, now: SystemTime) -> io::Result<bool> {
    if host_of_temporary(path).is_none_or(|host| host != host_name()) {
        return Ok(false);
    }
    let age = now.duration_since(fs::metadata(path)?.modified()?).unwrap_or_default();
    if age < STALE_AFTER {
        return Ok(false);
    }
    fs::remove_file(path)?;
    Ok(true)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `<name>.tmp-<host>-<pid>-<16 random hexadecimal digits>`, beside the file. Of a long name only the
/// beginning is taken, for the whole may not be longer than a file's name can be.
///
/// # Errors
/// When the system gives no random numbers.
pub fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = &name[..name.floor_char_boundary(NAME_IN_TEMPORARY)];
    let own = format!("{name}{TEMPORARY}{}-{}-{random:016x}", host_name(), std::process::id());
    Ok(path.with_file_name(own))
}

/// Whether this machine made a temporary name.
#[must_use]
pub fn is_of_this_machine(path: &Path) -> bool {
    host_of_temporary(path) == Some(host_name().as_str())
}

/// The host in a temporary name.
fn host_of_temporary(path: &Path) -> Option<&str> {
    let (_, rest) = path.file_name()?.to_str()?.rsplit_once(TEMPORARY)?;
    let mut parts = rest.split('-');
    let (host, pid, random) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits && pid.parse::<u32>().is_ok() && parts.next().is_none()).then_some(host)
}

/// The machine's name as letters and digits, for temporary names only.
fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    let letters = name.chars().filter(char::is_ascii_alphanumeric).take(32);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_told_from_others() {
        let name = temporary_name(Path::new("/a/b.rvb")).unwrap();
        assert_eq!(name.parent(), Some(Path::new("/a")));
        assert_eq!(host_of_temporary(&name), Some(host_name().as_str()), "{}", name.display());
        for other in ["b.rvb", "b.tmp-x", "b.tmp-h-1-zz", "b.tmp-h-1-0123456789abcdef-1", "tmp-"] {
            assert!(!is_temporary(Path::new(other)), "{other}");
        }
    }

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

    #[test]
    fn only_old_leftovers_of_this_host_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let own = temporary_name(&folder.path().join("a.rvb")).unwrap();
        let foreign = folder.path().join("a.rvb.tmp-elsewhere!-1-0123456789abcdef");
        let now = SystemTime::now();
        for path in [&own, &foreign] {
            fs::write(path, "").unwrap();
            assert!(!remove_if_stale(path, now).unwrap());
        }
        let tomorrow = now + STALE_AFTER + Duration::from_secs(60);
        assert!(!remove_if_stale(&foreign, tomorrow).unwrap());
        assert!(remove_if_stale(&own, tomorrow).unwrap());
        assert!(!own.exists() && foreign.exists());
    }
}
