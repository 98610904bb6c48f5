//! Folders for files under way, which are gone when their work is over, however it ends.
//!
//! Such a folder lies beside the files that will come out of it, so that they only need a new name. A note in
//! the home folder says where it is, and is locked as long as somebody works there: what a process that was
//! killed left behind is removed at the next start.

use fs_err as fs;
use rushes_store::durable;
use std::{
    fs::TryLockError,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// What names of such folders begin with; the dot hides them from people and from analyses.
const NAME: &str = ".rushes-clips";
/// Where the notes lie, in the home folder.
const NOTES: &str = "unfinished";

/// A folder for files under way. Dropping it removes it with all that is in it.
pub struct Workshop {
    folder: PathBuf,
    note: PathBuf,
    /// Open, and therefore locked.
    _lock: fs::File,
}

impl Workshop {
    /// Makes one in `place`.
    ///
    /// # Errors
    /// When it cannot be made, or the home folder cannot be written.
    pub fn open(home: &Path, place: &Path) -> io::Result<Self> {
        let folder = durable::temporary_name(&place.join(NAME))?;
        let notes = home.join(NOTES);
        durable::create_folders(&notes)?;
        let note = notes.join(folder.file_name().unwrap_or_default());
        // The note first: whenever we are killed, whatever is there is known.
        let mut lock = fs::File::create_new(&note)?;
        lock.file().lock()?;
        lock.write_all(folder.as_os_str().as_encoded_bytes())?;
        lock.sync_all()?;
        let workshop = Self { folder, note, _lock: lock };
        fs::create_dir(&workshop.folder)?;
        Ok(workshop)
    }

    /// Where files under way are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        remove(&self.folder, &self.note);
    }
}

/// Removes a folder and, once it is gone, the note about it.
fn remove(folder: &Path, note: &Path) {
    let removed = match fs::remove_dir_all(folder) {
        // On a drive that is not mounted it may still be there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if folder.parent().is_some_and(Path::exists) { fs::remove_file(note) } else { Ok(()) }
        }
        Err(error) => Err(error),
        Ok(()) => fs::remove_file(note),
    };
    if let Err(error) = removed {
        tracing::warn!(%error, "what is left of an export could not be removed");
    }
}

/// Removes what processes of this machine that are no more have left.
pub fn sweep(home: &Path) {
    let Ok(notes) = fs::read_dir(home.join(NOTES)) else { return };
    for note in notes.flatten().map(|entry| entry.path()) {
        match left_behind(&note) {
            Ok(Some(folder)) => remove(&folder, &note),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a note about an export could not be read"),
        }
    }
}

/// The folder that a note is about, if nobody works there any more. A note is only believed where it names
/// what we would have made.
fn left_behind(note: &Path) -> io::Result<Option<PathBuf>> {
    let file = fs::File::open(note)?;
    match file.file().try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let folder = String::from_utf8(durable::read_limited(note, 1 << 16)?);
    let folder = folder.map(PathBuf::from).unwrap_or_default();
    let name = folder.file_name().unwrap_or_default();
    let ours = name.to_string_lossy().starts_with(NAME)
        && durable::is_of_this_machine(&folder)
        && note.file_name() == Some(name);
    Ok(ours.then_some(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_workshop() {
        let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let workshop = Workshop::open(home.path(), place.path()).unwrap();
        fs::write(workshop.folder().join("half.mov"), "half").unwrap();
        drop(workshop);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert_eq!(fs::read_dir(home.path().join(NOTES)).unwrap().count(), 0);
    }

    /// What a killed process leaves: its folder and its note, which nobody holds.
    fn abandoned(home: &Path, place: &Path) -> (PathBuf, PathBuf) {
        let folder = durable::temporary_name(&place.join(NAME)).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("half.mov"), "half").unwrap();
        let note = home.join(NOTES).join(folder.file_name().unwrap());
        fs::create_dir_all(note.parent().unwrap()).unwrap();
        fs::write(&note, folder.as_os_str().as_encoded_bytes()).unwrap();
        (folder, note)
    }

    #[test]
    fn what_a_killed_process_left_is_swept_up_and_nothing_else() {
        let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (folder, note) = abandoned(home.path(), place.path());
        let workshop = Workshop::open(home.path(), place.path()).unwrap();
        let footage = place.path().join("footage");
        fs::create_dir(&footage).unwrap();
        let forged = note.with_file_name("forged");
        fs::write(&forged, footage.as_os_str().as_encoded_bytes()).unwrap();
        sweep(home.path());
        assert!(!folder.exists() && !note.exists());
        assert!(workshop.folder().exists(), "somebody works there");
        assert!(footage.exists(), "a note cannot name what is not ours");
    }

    #[test]
    fn what_lies_on_a_drive_that_is_away_is_swept_up_when_it_is_back() {
        let (home, top) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (drive, away) = (top.path().join("drive"), top.path().join("away"));
        fs::create_dir(&drive).unwrap();
        let (folder, note) = abandoned(home.path(), &drive);
        fs::rename(&drive, &away).unwrap();
        sweep(home.path());
        assert!(note.exists());
        fs::rename(&away, &drive).unwrap();
        sweep(home.path());
        assert!(!folder.exists() && !note.exists());
    }
}
