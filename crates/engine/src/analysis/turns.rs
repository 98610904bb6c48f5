//! Which file is next, among those of an order.

use rushes_media::Cancel;
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long nobody asks again for a file that another machine is at.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How often a wait looks whether it is wanted still.
const TICK: Duration = Duration::from_millis(50);

/// Files in their order; those that another machine is at come last.
pub struct Turns<'a> {
    files: &'a [PathBuf],
    next: AtomicUsize,
    put_off: Mutex<VecDeque<usize>>,
}

impl<'a> Turns<'a> {
    /// Of these files.
    #[must_use]
    pub fn of(files: &'a [PathBuf]) -> Self {
        Self { files, next: AtomicUsize::new(0), put_off: Mutex::default() }
    }

    /// The next file and its number. Waits a moment before one that was put off.
    pub fn next(&self, cancel: &Cancel) -> Option<(usize, &'a Path)> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(file) = self.files.get(index) {
            return Some((index, file));
        }
        let index = self.put_off.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        let begun = Instant::now();
        while begun.elapsed() < ASK_AGAIN && !cancel.is_cancelled() {
            thread::sleep(TICK);
        }
        Some((index, &self.files[index]))
    }

    /// Whether only files are left that another machine was at.
    pub fn only_put_off_are_left(&self) -> bool {
        let put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        self.next.load(Ordering::Relaxed) >= self.files.len() && !put_off.is_empty()
    }

    /// Has a file come last.
    pub fn put_off(&self, index: usize) {
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner).push_back(index);
    }

    /// The files that had no turn, or were put off.
    #[must_use]
    pub fn left(self) -> Vec<PathBuf> {
        let taken = self.next.into_inner().min(self.files.len());
        let put_off = self.put_off.into_inner().unwrap_or_else(PoisonError::into_inner);
        let put_off = put_off.into_iter().map(|index| self.files[index].clone());
        put_off.chain(self.files[taken..].iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_one_turn_and_those_put_off_come_last() {
        let files = ["/a", "/b", "/c", "/d"].map(PathBuf::from);
        let (turns, cancel) = (Turns::of(&files), Cancel::new());
        let next = || turns.next(&cancel).map(|(index, _)| index);
        assert_eq!((next(), next()), (Some(0), Some(1)));
        turns.put_off(0);
        assert_eq!((next(), next()), (Some(2), Some(3)));
        let begun = Instant::now();
        assert_eq!((next(), next()), (Some(0), None));
        assert!(begun.elapsed() >= ASK_AGAIN);
        assert!(turns.left().is_empty());
    }

    #[test]
    fn what_had_no_turn_is_left() {
        let files = ["/a", "/b", "/c"].map(PathBuf::from);
        let (turns, cancel) = (Turns::of(&files), Cancel::new());
        assert_eq!(turns.next(&cancel).map(|(index, _)| index), Some(0));
        assert_eq!(turns.next(&cancel).map(|(index, _)| index), Some(1));
        turns.put_off(0);
        assert_eq!(turns.left(), [&files[0], &files[2]].map(Clone::clone));
    }
}
