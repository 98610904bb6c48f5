//! Events of the system: inotify, FSEvents and their like.

use crate::{inbox::Inbox, stamp::Id};
use fs_err as fs;
use notify::{
    Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Whether folders are watched one by one. inotify knows nothing else, and so the subtrees that are left
/// out cost nothing; FSEvents and Windows watch all below the root at once.
const ONE_BY_ONE: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The system's watch over the folders of a root.
pub(crate) struct Native {
    watcher: RecommendedWatcher,
    root: PathBuf,
    /// Folders that are watched, and what was there when that began.
    folders: BTreeMap<PathBuf, Id>,
}

impl Native {
    pub(crate) fn new(
        root: &Path,
        excluded: &[PathBuf],
        inbox: Arc<Inbox>,
    ) -> Result<Self, notify::Error> {
        // FSEvents tells of paths without links, whatever it was asked to watch.
        let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let (given, excluded) = (root.to_owned(), excluded.to_vec());
        let as_given = move |path: &Path| match path.strip_prefix(&real) {
            Ok(inside) if !path.starts_with(&given) => given.join(inside),
            _ => path.to_owned(),
        };
        let handler = move |event: Result<Event, notify::Error>| match event {
            Ok(mut event) => {
                event.paths.iter_mut().for_each(|path| *path = as_given(path));
                let is_excluded =
                    |path: &PathBuf| excluded.iter().any(|excluded| path.starts_with(excluded));
                event.paths.retain(|path| !is_excluded(path));
                receive(&inbox, &event);
            }
            // What it was about is not known, so that anything may have been missed.
            Err(_) => inbox.overflow(),
        };
        let watcher = RecommendedWatcher::new(handler, Config::default())?;
        Ok(Self { watcher, root: root.to_owned(), folders: BTreeMap::new() })
    }

    /// Watches a folder that is about to be listed, unless it is already.
    pub(crate) fn cover(&mut self, folder: &Path, id: Id) -> Result<(), notify::Error> {
        if !ONE_BY_ONE && folder != self.root {
            return Ok(());
        }
        match self.folders.get(folder) {
            Some(watched) if *watched == id => return Ok(()),
            Some(_) => self.uncover(folder),
            None => {}
        }
        let mode = if ONE_BY_ONE { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
        self.watcher.watch(folder, mode)?;
        self.folders.insert(folder.to_owned(), id);
        Ok(())
    }

    /// Stops watching a folder and what is below it. The system forgets folders that vanish, and inodes
    /// are used again, so that whatever was touched is covered anew.
    pub(crate) fn uncover(&mut self, folder: &Path) {
        let inside: Vec<PathBuf> = self
            .folders
            .range::<Path, _>((std::ops::Bound::Included(folder), std::ops::Bound::Unbounded))
            .map(|(path, _)| path.clone())
            .take_while(|path| path.starts_with(folder))
            .collect();
        for path in inside {
            self.folders.remove(&path);
            // It may have been forgotten already.
            self.watcher.unwatch(&path).ok();
        }
    }

    /// Watched folders that are no longer what they were, as after mounting something over them.
    pub(crate) fn replaced(&self) -> Vec<PathBuf> {
        let is_same = |folder: &Path, id: Id| {
            fs::metadata(folder).is_ok_and(|metadata| Id::of(&metadata) == id)
        };
        let replaced = self.folders.iter().filter(|(folder, id)| !is_same(folder, **id));
        replaced.map(|(folder, _)| folder.clone()).collect()
    }
}

fn receive(inbox: &Inbox, event: &Event) {
    if event.need_rescan() {
        return inbox.overflow();
    }
    let closed = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(true),
        // Reading changes nothing, and our own looks are reads.
        EventKind::Access(_) => return,
        // Where closing is told, too.
        EventKind::Modify(ModifyKind::Data(_)) if ONE_BY_ONE => Some(false),
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            if let [from, to] = event.paths.as_slice() {
                inbox.rename(from, to);
            }
            None
        }
        _ => None,
    };
    for path in &event.paths {
        inbox.touch(path, closed);
    }
}

/// Whether the system has no more watches, instances or files to give.
pub(crate) fn is_limit(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::MaxFilesWatch => true,
        ErrorKind::Io(error) => is_limit_error(error),
        _ => false,
    }
}

#[cfg(unix)]
fn is_limit_error(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let limits = [Errno::NOSPC, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    limits.iter().any(|limit| error.raw_os_error() == Some(limit.raw_os_error()))
}

#[cfg(not(unix))]
fn is_limit_error(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory
}
