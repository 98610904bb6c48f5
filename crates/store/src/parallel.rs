//! Many files at once: a disk, and a network even more, answers several questions in the time of one.

use std::{
    num::NonZero,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

/// More threads make no disk faster, and each may hold the tables of a long medium.
const MOST_THREADS: usize = 8;

/// Does `work` for each of some items, in any order, until it says `false`. Says whether all were done.
pub(crate) fn each<'a, T: Sync>(items: &'a [T], work: impl Fn(&'a T) -> bool + Sync) -> bool {
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let go_through = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            if !work(item) {
                stopped.store(true, Ordering::Relaxed);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads.min(MOST_THREADS).min(items.len()) {
            scope.spawn(go_through);
        }
    });
    !stopped.into_inner()
}
