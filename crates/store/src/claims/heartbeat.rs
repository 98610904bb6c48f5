//! The signs of life of this process's claims.

use super::{MAX_BYTES, holder::Holder};
use fs_err as fs;
use std::{
    collections::HashMap,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Beats as long as somebody has it.
#[derive(Debug)]
pub(super) struct Heart {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    held: Mutex<Held>,
    closed: Condvar,
    beat: Duration,
}

#[derive(Debug, Default)]
struct Held {
    /// By token. One that was lost is not among them.
    claims: HashMap<String, (PathBuf, Holder)>,
    is_started: bool,
    is_closed: bool,
}

impl Heart {
    pub(super) fn new(beat: Duration) -> Self {
        Self { shared: Arc::new(Shared { held: Mutex::default(), closed: Condvar::new(), beat }) }
    }

    /// Starts the thread, once.
    pub(super) fn start(&self) -> io::Result<()> {
        let mut held = self.shared.held();
        if !held.is_started {
            let shared = Arc::clone(&self.shared);
            thread::Builder::new().name("claims".to_owned()).spawn(move || shared.run())?;
            held.is_started = true;
        }
        Ok(())
    }

    pub(super) fn add(&self, path: PathBuf, holder: Holder) {
        self.shared.held().claims.insert(holder.token.clone(), (path, holder));
    }

    pub(super) fn remove(&self, token: &str) {
        self.shared.held().claims.remove(token);
    }

    pub(super) fn is_beating(&self, token: &str) -> bool {
        self.shared.held().claims.contains_key(token)
    }
}

impl Drop for Heart {
    /// The thread may be waiting for a share that is gone: nobody waits for it.
    fn drop(&mut self) {
        self.shared.held().is_closed = true;
        self.shared.closed.notify_all();
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let waited =
                self.closed.wait_timeout_while(self.held(), self.beat, |held| !held.is_closed);
            let (held, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if held.is_closed {
                return;
            }
            let claims: Vec<(PathBuf, Holder)> = held.claims.values().cloned().collect();
            drop(held);
            for (path, holder) in claims {
                self.beat(&path, &holder);
            }
        }
    }

    fn beat(&self, path: &Path, holder: &Holder) {
        let next = holder.next();
        match write(path, &next) {
            Ok(true) => {
                if let Some(claim) = self.held().claims.get_mut(&holder.token) {
                    claim.1 = next;
                }
            }
            Ok(false) => {
                self.held().claims.remove(&holder.token);
                tracing::warn!(path = %path.display(), "a claim was lost to another process");
            }
            // It may work again before anybody takes the claim for stale.
            Err(error) => tracing::warn!(%error, "a claim could not be kept fresh"),
        }
    }
}

/// Writes over a claim, if it still is the holder's. What is opened is written: a claim that another makes at that
/// moment is another file.
fn write(path: &Path, holder: &Holder) -> io::Result<bool> {
    let mut file = match fs::OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    let mut bytes = Vec::new();
    (&mut file).take(MAX_BYTES).read_to_end(&mut bytes)?;
    if Holder::parse(&bytes).is_none_or(|there| there.token != holder.token) {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&holder.to_bytes())?;
    Ok(true)
}
