//! Thumbnails in memory, within a bound; each is made once, however many ask for it at a time.

use rushes_model::MediaId;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Bytes of the pictures that are kept: three thousand of 320 pixels' width, or fifty of 4K.
const MOST_BYTES: usize = 64 << 20;

/// What a thumbnail is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// The medium.
    pub media_id: MediaId,
    /// The time in milliseconds: as exact as thumbnails are. Zero for stills.
    pub millisecond: u64,
    /// Width in pixels.
    pub width: u32,
}

/// A JPEG file.
pub type Jpeg = Arc<[u8]>;

/// The pictures that were asked for last.
pub struct PictureCache {
    state: Mutex<State>,
    settled: Condvar,
    most_bytes: usize,
}

#[derive(Default)]
struct State {
    kept: HashMap<Key, (u64, Jpeg)>,
    /// Keys by the turn in which they were asked for last.
    turns: BTreeMap<u64, Key>,
    turn: u64,
    bytes: usize,
    in_making: HashSet<Key>,
}

/// Pictures that one caller makes. Dropping it gives up those that it has not settled.
pub struct Making<'a> {
    cache: &'a PictureCache,
    /// What to make.
    pub keys: Vec<Key>,
}

impl Default for PictureCache {
    fn default() -> Self {
        Self { state: Mutex::default(), settled: Condvar::new(), most_bytes: MOST_BYTES }
    }
}

impl PictureCache {
    /// Those of the keys that nobody has made or is making: the caller makes them.
    pub fn claim(&self, keys: impl IntoIterator<Item = Key>) -> Making<'_> {
        let mut state = self.lock();
        let missing = |key: &Key| !state.kept.contains_key(key) && state.in_making.insert(*key);
        let keys = keys.into_iter().filter(missing).collect();
        Making { cache: self, keys }
    }

    /// The picture, once nobody is making it any more. `None` when nobody could, or it was too much to
    /// keep.
    pub fn wait(&self, key: Key) -> Option<Jpeg> {
        let mut state = self.lock();
        while state.in_making.contains(&key) {
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.take_up(key)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Making<'_> {
    /// Lets the others have a picture, or know that there is none.
    pub fn settle(&self, key: Key, jpeg: Option<&Jpeg>) {
        let mut state = self.cache.lock();
        if let Some(jpeg) = jpeg {
            state.keep(key, jpeg.clone(), self.cache.most_bytes);
        }
        state.in_making.remove(&key);
        drop(state);
        self.cache.settled.notify_all();
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        for key in &self.keys {
            state.in_making.remove(key);
        }
        drop(state);
        self.cache.settled.notify_all();
    }
}

impl State {
    fn take_up(&mut self, key: Key) -> Option<Jpeg> {
        self.turn += 1;
        let (last, jpeg) = self.kept.get_mut(&key)?;
        self.turns.remove(&std::mem::replace(last, self.turn));
        self.turns.insert(self.turn, key);
        Some(jpeg.clone())
    }

    fn keep(&mut self, key: Key, jpeg: Jpeg, most_bytes: usize) {
        self.drop_kept(key);
        self.turn += 1;
        self.bytes += jpeg.len();
        self.kept.insert(key, (self.turn, jpeg));
        self.turns.insert(self.turn, key);
        while self.bytes > most_bytes {
            let Some((_, &oldest)) = self.turns.first_key_value() else { return };
            self.drop_kept(oldest);
        }
    }

    fn drop_kept(&mut self, key: Key) {
        if let Some((turn, jpeg)) = self.kept.remove(&key) {
            self.turns.remove(&turn);
            self.bytes -= jpeg.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{thread, time::Duration};

    fn key(millisecond: u64) -> Key {
        Key { media_id: MediaId([1; 16]), millisecond, width: 320 }
    }

    fn jpeg(bytes: usize) -> Jpeg {
        vec![7; bytes].into()
    }

    #[test]
    fn the_bound_holds_and_what_was_asked_for_last_stays() {
        let cache = PictureCache { most_bytes: 100, ..PictureCache::default() };
        let making = cache.claim((0..4).map(key));
        making.keys.iter().take(3).for_each(|key| making.settle(*key, Some(&jpeg(30))));
        assert!(cache.wait(key(0)).is_some());
        making.settle(key(3), Some(&jpeg(30)));
        let kept: Vec<bool> = (0..4).map(|i| cache.wait(key(i)).is_some()).collect();
        assert_eq!(kept, [true, false, true, true]);
        // What is larger than the cache leaves it empty, not over its bound.
        making.settle(key(9), Some(&jpeg(101)));
        let state = cache.lock();
        assert_eq!((state.bytes, state.kept.len(), state.turns.len()), (0, 0, 0));
    }

    #[test]
    fn one_makes_it_and_the_others_wait() {
        let cache = PictureCache::default();
        let making = cache.claim([key(1), key(1), key(2)]);
        assert_eq!(making.keys, [key(1), key(2)]);
        assert!(cache.claim([key(1), key(2)]).keys.is_empty());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| (cache.wait(key(1)), cache.wait(key(2))));
            thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            making.settle(key(1), Some(&jpeg(5)));
            drop(making);
            assert_eq!(waiting.join().unwrap(), (Some(jpeg(5)), None));
        });
        assert_eq!(cache.claim([key(1), key(2)]).keys, [key(2)]);
    }
}
