//! The names that unfinished files have.

use super::verbs;
use fs_err as fs;
use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Stands between a file's own name and the rest of its temporary name.
const TEMPORARY: &str = ".tmp-";

/// Bytes of a file's own name that its temporary name has at most; 255 are the longest name of a file.
const NAME_IN_TEMPORARY: usize = 128;

/// Age at which a temporary file of this host is a leftover: no write takes a day.
pub const STALE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

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
    verbs::remove(path)?;
    Ok(true)
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

/// The machine's name as letters and digits.
pub(crate) fn host_name() -> String {
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
