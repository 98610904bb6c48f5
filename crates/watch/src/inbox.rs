//! What reaches a watch's thread from others: events of the system, wishes of the owner, the wish to stop.

use crate::Snapshot;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Whether a file that was written to has been closed since, if it was.
pub(crate) type Closed = Option<bool>;

/// What has come since the last time it was taken.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) touched: HashMap<PathBuf, Closed>,
    pub(crate) renames: Vec<(PathBuf, PathBuf)>,
    /// More came than could be kept, or the system lost some.
    pub(crate) overflowed: bool,
    /// The owner wants all to be listed.
    pub(crate) rescan: bool,
}

impl News {
    fn is_empty(&self) -> bool {
        self.touched.is_empty() && !self.is_urgent()
    }

    fn is_urgent(&self) -> bool {
        self.overflowed || self.rescan
    }
}

#[derive(Debug, Default)]
struct State {
    news: News,
    snapshot: Snapshot,
    is_done: bool,
}

#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    bell: Condvar,
    is_stopped: AtomicBool,
    limit: usize,
}

impl Inbox {
    /// An inbox that keeps up to `limit` paths.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            bell: Condvar::new(),
            is_stopped: AtomicBool::new(false),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.bell.notify_all();
    }

    /// Takes note that something happened to `path`.
    pub(crate) fn touch(&self, path: &Path, closed: Closed) {
        let mut state = self.lock();
        let is_first = state.news.is_empty();
        let news = &mut state.news;
        if let Some(last) = news.touched.get_mut(path) {
            *last = closed.or(*last);
        } else if news.touched.len() < self.limit {
            news.touched.insert(path.to_owned(), closed);
        } else {
            news.overflowed = true;
        }
        drop(state);
        // While news wait to be taken, nobody need be woken for more.
        if is_first {
            self.bell.notify_all();
        }
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) {
        let mut state = self.lock();
        if state.news.renames.len() < self.limit {
            state.news.renames.push((from.to_owned(), to.to_owned()));
        }
    }

    pub(crate) fn overflow(&self) {
        self.change(|state| state.news.overflowed = true);
    }

    pub(crate) fn ask_for_rescan(&self) {
        self.change(|state| state.news.rescan = true);
    }

    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.change(|_| ());
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self) -> News {
        std::mem::take(&mut self.lock().news)
    }

    /// Whether there is news that is not worth gathering more to: a rescan does for all.
    pub(crate) fn is_urgent(&self) -> bool {
        self.lock().news.is_urgent()
    }

    /// Waits until `deadline`, for less if the watch is to stop, or if there are news and `for_news`. Tells
    /// whether there are any.
    pub(crate) fn wait(&self, deadline: Instant, for_news: bool) -> bool {
        let mut state = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let has_news = !state.news.is_empty();
            let woken = self.is_stopped() || state.news.is_urgent() || (for_news && has_news);
            if woken || left.is_zero() {
                return has_news;
            }
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn show(&self, snapshot: Snapshot) {
        self.lock().snapshot = snapshot;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.lock().snapshot.clone()
    }

    /// The thread is through.
    pub(crate) fn done(&self) {
        self.change(|state| state.is_done = true);
    }

    /// Waits for the thread to be through. False if it is not after `patience`.
    pub(crate) fn wait_for_done(&self, patience: Duration) -> bool {
        let state = self.lock();
        let waited = self.bell.wait_timeout_while(state, patience, |state| !state.is_done);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_done
    }
}
