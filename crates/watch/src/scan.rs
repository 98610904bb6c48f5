//! Looking at folders: listing and asking for sizes and times, nothing else.

use crate::{
    cards::Card,
    inbox::Inbox,
    ledger::Look,
    mounts::Volume,
    names,
    stamp::{Id, Stat},
};
use fs_err as fs;
use std::{
    collections::BTreeSet,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

/// Folders deeper than this below the root are not walked, as elsewhere in Rushes.
const MAX_DEPTH: usize = 32;

/// What of a root is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    pub(crate) root: PathBuf,
    pub(crate) recursive: bool,
    pub(crate) excluded: Vec<PathBuf>,
    pub(crate) is_media: fn(&Path) -> bool,
}

impl Extent {
    /// Whether `path` is inside, going by the folders above it and by their names.
    pub(crate) fn reaches(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.root) else { return false };
        let folders = inside.components().count().saturating_sub(1);
        let deepest = if self.recursive { MAX_DEPTH } else { 0 };
        folders <= deepest
            && !self.is_excluded(path)
            && path.ancestors().skip(1).take(folders).all(|folder| self.enters(folder))
    }

    fn is_excluded(&self, path: &Path) -> bool {
        self.excluded.iter().any(|excluded| path.starts_with(excluded))
    }

    /// Whether a folder that was found is walked.
    fn enters(&self, folder: &Path) -> bool {
        let is_in_card = || Card::of(&self.root, folder).is_some();
        !self.excluded.iter().any(|excluded| excluded == folder)
            && (!names::is_ignored_folder(folder) || is_in_card())
    }

    /// Whether a file is kept account of: media, and whatever lies on a card.
    fn takes(&self, file: &Path) -> bool {
        let is_media = !names::is_ignored_file(file) && (self.is_media)(file);
        let belongs_to_card =
            || !names::is_ignored_in_card(file) && Card::of(&self.root, file).is_some();
        is_media || belongs_to_card()
    }

    /// What lies at a root or mount point now.
    pub(crate) fn volume_at(path: &Path) -> io::Result<Volume> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_dir() {
            let message = format!("{} is not a folder", path.display());
            return Err(io::Error::new(io::ErrorKind::NotADirectory, message));
        }
        let id = Id::of(&metadata);
        let above = path.parent().and_then(|parent| fs::metadata(parent).ok());
        let is_mount_point = above.is_some_and(|above| Id::of(&above).device != id.device);
        Ok(Volume { id, is_mount_point })
    }
}

/// One look at a root, as it is being made.
pub(crate) struct Scan<'a> {
    extent: &'a Extent,
    inbox: &'a Inbox,
    /// Told of each folder before it is listed, so that no event is missed between the two.
    on_folder: &'a mut dyn FnMut(&Path, Id),
    files: Vec<(PathBuf, Stat)>,
    look: Look,
    problems: Vec<(PathBuf, io::Error)>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(
        extent: &'a Extent,
        inbox: &'a Inbox,
        on_folder: &'a mut dyn FnMut(&Path, Id),
    ) -> Self {
        let (files, look, problems) = (Vec::new(), Look::default(), Vec::new());
        Self { extent, inbox, on_folder, files, look, problems }
    }

    /// What was found, and what could not be read, and why.
    pub(crate) fn finish(mut self) -> (Look, Vec<(PathBuf, io::Error)>) {
        self.look.files = self.files.into_iter().collect();
        (self.look, self.problems)
    }

    /// Looks at a file, or at a folder and all below it.
    pub(crate) fn add(&mut self, path: &Path) {
        if path == self.extent.root {
            self.add_root();
        } else if self.extent.reaches(path) && !self.look.scopes.contains(path) {
            self.look.scopes.insert(path.to_owned());
            match fs::symlink_metadata(path) {
                Ok(metadata) if metadata.is_dir() && !self.extent.enters(path) => {}
                Ok(metadata) => {
                    let folder = path.parent().filter(|_| metadata.is_dir());
                    let above = folder.and_then(|folder| fs::metadata(folder).ok());
                    let device = above.map_or(0, |above| Id::of(&above).device);
                    let depth = path.components().count() - self.extent.root.components().count();
                    self.found(path.to_owned(), &metadata, device, depth);
                }
                Err(error) if is_missing(&error) => {}
                Err(error) => self.cannot_see(path.to_owned(), error),
            }
        }
    }

    fn add_root(&mut self) {
        match fs::metadata(&self.extent.root) {
            Ok(metadata) => {
                self.look.scopes.insert(self.extent.root.clone());
                self.walk(&self.extent.root, Id::of(&metadata), 0);
            }
            Err(error) => self.look.root_error = Some(error.to_string()),
        }
    }

    fn found(&mut self, path: PathBuf, metadata: &Metadata, device_above: u64, depth: usize) {
        if metadata.is_symlink() {
            self.found_link(path);
        } else if metadata.is_dir() {
            let id = Id::of(metadata);
            if id.device != device_above {
                let volume = Volume { id, is_mount_point: true };
                self.look.volumes.insert(path.clone(), Some(volume));
            }
            if self.extent.recursive && depth <= MAX_DEPTH {
                self.walk(&path, id, depth);
            }
        } else if metadata.is_file() && self.extent.takes(&path) {
            self.found_file(path, metadata);
        }
    }

    /// A link to a file is taken for the file. One that leads nowhere may lead to a disk that is away.
    fn found_link(&mut self, path: PathBuf) {
        if !self.extent.takes(&path) {
            return;
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => self.found_file(path, &metadata),
            Ok(_) => {}
            Err(_) => _ = self.look.blind.insert(path),
        }
    }

    fn found_file(&mut self, path: PathBuf, metadata: &Metadata) {
        match Stat::of(metadata) {
            Ok(stat) => self.files.push((path, stat)),
            Err(error) => self.cannot_see(path, error),
        }
    }

    fn cannot_see(&mut self, path: PathBuf, error: io::Error) {
        self.look.blind.insert(path.clone());
        // What vanishes while it is looked at is seen to be missing at the next look.
        if !is_missing(&error) {
            self.problems.push((path, error));
        }
    }

    fn walk(&mut self, folder: &Path, id: Id, depth: usize) {
        (self.on_folder)(folder, id);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if folder == self.extent.root => {
                self.look.root_error = Some(error.to_string());
                return;
            }
            Err(error) => return self.cannot_see(folder.to_owned(), error),
        };
        let mut listed = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => listed.push((entry.file_name(), entry)),
                Err(error) => return self.cannot_see(folder.to_owned(), error),
            }
        }
        // In the order of paths, which makes collecting them cheap.
        listed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (_, entry) in listed {
            if self.inbox.is_stopped() {
                return;
            }
            self.entry(&entry, id.device, depth);
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry, device: u64, depth: usize) {
        let path = entry.path();
        // Names are cheaper than asking for what a file is.
        let may_be_folder = entry.file_type().map_or(true, |kind| kind.is_dir());
        let is_wanted =
            if may_be_folder { self.extent.enters(&path) } else { self.extent.takes(&path) };
        if !is_wanted {
            return;
        }
        match entry.metadata() {
            Ok(metadata) => self.found(path, &metadata, device, depth + 1),
            Err(error) => self.cannot_see(path, error),
        }
    }
}

/// Whether an error says that a file is not there, rather than that it cannot be told.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether the folder of `path` has an entry of exactly this name. File systems that do not tell upper from
/// lower case say of a renamed file that its old name is still there.
pub(crate) fn is_listed(path: &Path) -> bool {
    let Some(folder) = path.parent() else { return true };
    let listed = |entries: fs::ReadDir| {
        entries.flatten().any(|entry| Some(entry.file_name().as_os_str()) == path.file_name())
    };
    fs::read_dir(folder).map_or(true, listed)
}

/// Leaves out paths that lie below others.
pub(crate) fn outermost(paths: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let mut outer: BTreeSet<PathBuf> = BTreeSet::new();
    for path in paths {
        if outer.last().is_none_or(|last| !path.starts_with(last)) {
            outer.insert(path);
        }
    }
    outer
}
