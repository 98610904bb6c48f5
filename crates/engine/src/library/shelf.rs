//! Things that stay as they are, by key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Things in memory that are taken out whole, while others are put in.
pub struct Shelf<K, V>(RwLock<HashMap<K, Arc<V>>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash + Clone, V> Shelf<K, V> {
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        self.read().get(key).cloned()
    }

    pub fn insert(&self, key: K, thing: V) {
        self.write().insert(key, Arc::new(thing));
    }

    pub fn remove(&self, key: &K) {
        self.write().remove(key);
    }

    pub fn keys(&self) -> Vec<K> {
        self.read().keys().cloned().collect()
    }

    /// The lock guards no half-done state, so a panic elsewhere does not matter.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<K, Arc<V>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<K, Arc<V>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
