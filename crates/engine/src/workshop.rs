//! Folders for files under way, which are gone when their work is over, however it ends.
//!
//! Such a folder lies beside the files that will come out of it, so that they only need a new name. A note in
//! the home folder says where it is: what a process that was killed left behind is removed at the next start.

use fs_err as fs;
use rushes_store::durable;
use std::{
    io,
    path::{Path, PathBuf},
    process,
};

/// What names of such folders begin with.
const NAME: &str = "rushes-clips";
/// Where the notes lie, in the home folder.
const NOTES: &str = "unfinished";

/// A folder for files under way. Dropping it removes it with all that is in it.
pub struct Workshop {
    folder: PathBuf,
    note: PathBuf,
}

impl Workshop {
    /// Makes one in `place`.
    ///
    /// # Errors
    /// When it cannot be made, or the home folder cannot be written.
    pub fn open(home: &Path, place: &Path) -> io::Result<Self> {
        let folder = durable::temporary_name(&place.join(NAME))?;
        // The note first: whenever we are killed, whatever is there is known.
        let note = note_of(home, &folder);
        durable::publish(&note, |file| file.write_all(folder.as_os_str().as_encoded_bytes()))?;
        let workshop = Self { folder, note };
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

/// The note about a folder, with our own number in its name.
fn note_of(home: &Path, folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    home.join(NOTES).join(format!("{}.{name}", process::id()))
}

fn remove(folder: &Path, note: &Path) {
    let removed = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_file(note),
    };
    if let Err(error) = removed {
        tracing::warn!(%error, "what is left of an export could not be removed");
    }
}

/// Removes what processes that are no more have left.
pub fn sweep(home: &Path) {
    let Ok(notes) = fs::read_dir(home.join(NOTES)) else { return };
    for note in notes.flatten() {
        let name = note.file_name().to_string_lossy().into_owned();
        let process = name.split_once('.').and_then(|(process, _)| process.parse().ok());
        if process.is_some_and(is_running) {
            continue;
        }
        let folder = durable::read_limited(&note.path(), 1 << 16).ok();
        let folder = folder.and_then(|bytes| String::from_utf8(bytes).ok()).map(PathBuf::from);
        // A note is only believed where it names what we would have made.
        let ours = |folder: &PathBuf| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(NAME) && durable::is_temporary(folder)
        };
        if let Some(folder) = folder.filter(ours) {
            remove(&folder, &note.path());
        }
    }
}

/// Whether a process of this number runs, which may be another one by now; its folder waits then.
fn is_running(process: i32) -> bool {
    durable::is_process(process)
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

    #[test]
    fn what_a_killed_process_left_is_swept_up_and_nothing_else() {
        let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let workshop = Workshop::open(home.path(), place.path()).unwrap();
        fs::write(workshop.folder().join("half.mov"), "half").unwrap();
        sweep(home.path());
        assert!(workshop.folder().exists(), "it is ours, and we run");
        // As if it had been made by a process that is no more, whose number no process can have.
        let note = workshop.note.with_file_name("2147483647.left");
        fs::rename(&workshop.note, &note).unwrap();
        let footage = place.path().join("footage");
        fs::create_dir(&footage).unwrap();
        let forged = note.with_file_name("2147483647.forged");
        fs::write(&forged, footage.as_os_str().as_encoded_bytes()).unwrap();
        sweep(home.path());
        assert!(!workshop.folder().exists() && !note.exists());
        assert!(footage.exists(), "a note cannot name what is not ours");
        std::mem::forget(workshop);
    }
}
