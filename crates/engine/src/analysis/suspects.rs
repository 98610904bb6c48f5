//! Files at which an earlier process ended.
//!
//! A file may end the process, as when there is not enough memory for what a model makes of it. Whatever starts the
//! server again would have it try that file for ever. So it is kept which files are in work; one at which a process
//! ended comes last and alone, which tells it from those that were only in work beside it, and is given up in the end.

use crate::intake::stamp;
use rushes_store::{BegunFile, Catalogue, FileStamp, StoreError};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

/// How many processes in a row may end at a file before it is given up: power fails and people kill what they wait
/// for, but hardly so often at one file.
const MAX_TIMES: u32 = 4;

/// The files at which earlier processes ended, and how many did in a row.
#[derive(Default)]
pub struct Suspects(HashMap<PathBuf, (FileStamp, u32)>);

impl Suspects {
    /// Those that the catalogue knows.
    #[must_use]
    pub fn known_to(catalogue: &Catalogue) -> Self {
        let begun = catalogue.begun().unwrap_or_else(|error| {
            tracing::warn!(%error, "at which files a process ended could not be read");
            Vec::new()
        });
        Self(begun.into_iter().map(|file| (file.path, (file.stamp, file.times))).collect())
    }

    /// Has them come after all others.
    pub fn put_last(&self, files: &mut [PathBuf]) {
        files.sort_by_key(|file| self.0.contains_key(file));
    }

    /// How many processes in a row ended at a file, unless it has changed since.
    fn times(&self, path: &Path, stamp: FileStamp) -> u32 {
        self.0.get(path).filter(|(then, _)| *then == stamp).map_or(0, |(_, times)| *times)
    }
}

/// Keeps which files are in work.
pub struct Guard<'a> {
    catalogue: &'a Catalogue,
    suspects: &'a Suspects,
    /// Held by all that work on a file, and by one alone where it is a suspect.
    turn: RwLock<()>,
}

/// A file in work; it is through when this is dropped.
struct InWork<'a> {
    catalogue: &'a Catalogue,
    path: &'a Path,
}

impl<'a> Guard<'a> {
    /// With these suspects.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, suspects: &'a Suspects) -> Self {
        Self { catalogue, suspects, turn: RwLock::default() }
    }

    /// Works on a file: a suspect alone, and one at which too many processes ended not at all.
    ///
    /// # Errors
    /// Those of the work; that the file is given up.
    pub fn work<T>(
        &self,
        path: &Path,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        // One that cannot be asked for its time is about to fail.
        let Some(stamp) = stamp(path) else { return work() };
        let times = self.suspects.times(path, stamp);
        if times >= MAX_TIMES {
            return Err(given_up(path, times));
        }
        let _shared =
            (times == 0).then(|| self.turn.read().unwrap_or_else(PoisonError::into_inner));
        let _alone = (times > 0).then(|| self.turn.write().unwrap_or_else(PoisonError::into_inner));
        let _in_work = self.begin(path, stamp, times + 1);
        work()
    }

    fn begin<'p>(&'p self, path: &'p Path, stamp: FileStamp, times: u32) -> InWork<'p> {
        let catalogue = self.catalogue;
        not_kept(path, catalogue.begin(&BegunFile { path: path.to_owned(), stamp, times }));
        InWork { catalogue, path }
    }
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        not_kept(self.path, self.catalogue.finish(self.path));
    }
}

/// Nothing else depends on it.
fn not_kept(path: &Path, kept: Result<(), StoreError>) {
    if let Err(error) = kept {
        tracing::warn!(%error, path = %path.display(), "that it is in work could not be kept");
    }
}

fn given_up(path: &Path, times: u32) -> String {
    format!(
        "{}: Rushes ended {times} times in a row while it analysed this file and does not try it again by itself; \
         analyse it by name to have it tried, with more free memory if that was short",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    #[test]
    fn a_suspect_is_alone_and_one_that_was_through_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(&folder.path().join("catalogue.db")).unwrap();
        let paths: Vec<_> =
            (0..6).map(|number| folder.path().join(format!("{number}.mov"))).collect();
        for path in &paths {
            fs_err::write(path, "").unwrap();
        }
        // As if a process had ended at the first two.
        for path in &paths[..2] {
            let stamp = stamp(path).unwrap();
            std::mem::forget(Guard::new(&catalogue, &Suspects::default()).begin(path, stamp, 1));
        }
        let suspects = Suspects::known_to(&catalogue);
        let mut files = paths.clone();
        suspects.put_last(&mut files);
        assert_eq!(files, [&paths[2..], &paths[..2]].concat());

        let (guard, at_work) = (Guard::new(&catalogue, &suspects), AtomicUsize::new(0));
        let met_by = |path: &PathBuf| {
            guard.work(path, || {
                at_work.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(30));
                Ok(at_work.fetch_sub(1, Ordering::SeqCst))
            })
        };
        thread::scope(|scope| {
            let work: Vec<_> = paths.iter().map(|path| scope.spawn(|| met_by(path))).collect();
            let met: Vec<_> = work.into_iter().map(|one| one.join().unwrap()).collect();
            assert_eq!(met[..2], [Ok(1), Ok(1)], "nobody was beside them");
        });
        assert_eq!(catalogue.begun().unwrap(), []);
    }
}
