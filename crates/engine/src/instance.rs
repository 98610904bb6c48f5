//! One server a home folder: a lock that ends with the process that holds it, however that ends.
//!
//! Commands run beside a server, so [`Engine::open`](crate::Engine::open) knows nothing of this; a server
//! takes its [`Instance`] before it opens the engine.

use fs_err::{File, OpenOptions};
use std::{
    fs::TryLockError,
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

/// The locked file, in the home folder. It stays there when nobody holds it.
pub const LOCK_FILE: &str = "server.lock";

/// Most bytes that are read of what the holder wrote.
const LONGEST_NOTE: u64 = 1024;

/// The right to be the server of a home folder, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Instance {
    file: File,
    not_locked: Option<io::Error>,
}

/// Why there is no such right.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Another server has it.
    #[error(
        "another server is using the home folder {home}: {holder}. Stop it, or give this one another home \
         with --home"
    )]
    Held {
        /// The home folder.
        home: PathBuf,
        /// Process id and address, as far as they are known.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Instance {
    /// Takes the right for this process. What a crash left behind is no hindrance.
    ///
    /// # Errors
    /// [`InstanceError::Held`] when another process has it; when the home folder cannot be written.
    pub fn take(home: &Path) -> Result<Self, InstanceError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(home.join(LOCK_FILE))?;
        let not_locked = match file.try_lock() {
            Ok(()) => None,
            Err(TryLockError::WouldBlock) => {
                return Err(InstanceError::Held {
                    home: home.to_owned(),
                    holder: holder(&mut file),
                });
            }
            // Some network file systems know no locks. One server is then up to the user.
            Err(TryLockError::Error(error)) => Some(error),
        };
        let mut instance = Self { file, not_locked };
        instance.note(&format!("process {}, which is starting", std::process::id()))?;
        Ok(instance)
    }

    /// Why the home folder could not be locked, if so: then nothing keeps a second server away.
    #[must_use]
    pub fn not_locked(&self) -> Option<&io::Error> {
        self.not_locked.as_ref()
    }

    /// Tells others where this server listens.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn announce(&mut self, address: &str) -> Result<(), InstanceError> {
        self.note(&format!("process {} at {address}", std::process::id()))
    }

    fn note(&mut self, text: &str) -> Result<(), InstanceError> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// What the holder says of itself.
fn holder(file: &mut File) -> String {
    let mut note = String::new();
    // Nothing to read, or nothing that is text, is as good as no note.
    let _ = file.take(LONGEST_NOTE).read_to_string(&mut note);
    match note.trim() {
        "" => "which process that is, it has not said".to_owned(),
        note => note.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let home = tempfile::tempdir().unwrap();
        let mut first = Instance::take(home.path()).unwrap();
        assert!(first.not_locked().is_none());
        let told = || Instance::take(home.path()).unwrap_err().to_string();
        let pid = format!("process {}", std::process::id());
        assert!(told().contains(&pid) && told().contains("starting"), "{}", told());
        first.announce("http://localhost:6699").unwrap();
        assert!(told().contains(&format!("{pid} at http://localhost:6699")), "{}", told());
        first.announce("x").unwrap();
        assert!(!told().contains("localhost"), "{}", told());
        drop(first);
        Instance::take(home.path()).unwrap();
    }

    #[test]
    fn what_a_crash_left_behind_is_no_hindrance() {
        let home = tempfile::tempdir().unwrap();
        fs_err::write(home.path().join(LOCK_FILE), "process 1 at nowhere, and much more than that")
            .unwrap();
        let mut instance = Instance::take(home.path()).unwrap();
        instance.announce("here").unwrap();
        let note = fs_err::read_to_string(home.path().join(LOCK_FILE)).unwrap();
        assert_eq!(note, format!("process {} at here", std::process::id()));
    }

    #[test]
    fn a_home_that_cannot_be_written_is_an_error_that_names_it() {
        let error = Instance::take(Path::new("/no/such/home")).unwrap_err();
        assert!(error.to_string().contains("/no/such/home"), "{error}");
    }
}
