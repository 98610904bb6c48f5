//! Parts of a model that are loaded when they are first needed and given back when idle.

use crate::InferError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A part that may or may not be in memory.
pub(crate) struct Lazy<T> {
    part: Mutex<Option<(Arc<T>, Instant)>>,
}

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self { part: Mutex::new(None) }
    }
}

impl<T> Lazy<T> {
    /// The part, made by `open` when it is not in memory; callers that come meanwhile wait.
    pub(crate) fn get(
        &self,
        open: impl FnOnce() -> Result<T, InferError>,
    ) -> Result<Arc<T>, InferError> {
        let mut slot = self.lock();
        let part = match slot.take() {
            Some((part, _)) => part,
            None => Arc::new(open()?),
        };
        *slot = Some((part.clone(), Instant::now()));
        Ok(part)
    }

    /// Lets the part go when it was last asked for `longest` ago or earlier; who still uses it keeps
    /// it until done.
    pub(crate) fn drop_idle(&self, longest: Duration) {
        let mut slot = self.lock();
        if slot.as_ref().is_some_and(|(_, used)| used.elapsed() >= longest) {
            *slot = None;
        }
    }

    /// The lock guards no half-done state, so a panic elsewhere does not matter.
    fn lock(&self) -> MutexGuard<'_, Option<(Arc<T>, Instant)>> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
