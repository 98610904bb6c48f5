//! Where the engine's blocking calls run: costly ones a few at a time, with a short queue.

use crate::{limits, refusal};
use rushes_model::{ErrorCode, Failure};
use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Span;

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Looks something up.
    Quick,
    /// Scans vectors.
    Search,
    /// Probes media, for minutes when asked for thousands.
    Probe,
    /// Decodes pictures.
    Picture,
}

/// The lanes that have a limit, each its own: whoever probes a library still gets pictures.
pub(crate) struct Lanes {
    search: Queue,
    probe: Queue,
    picture: Queue,
}

struct Queue {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// The right to run; given back when dropped.
pub(crate) struct Turn {
    _permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl Lanes {
    /// As many calls at a time as there are cores. Too many searches are refused, since a late answer
    /// to one is worth nothing; the others wait for as long as the connection is there.
    pub(crate) fn new() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            search: Queue::new(cores, cores * limits::WAITING_SEARCHES),
            probe: Queue::new(cores, limits::CONNECTIONS),
            picture: Queue::new(cores, limits::CONNECTIONS),
        }
    }

    /// Waits for a turn. Fails when too many wait already.
    pub(crate) async fn enter(&self, lane: Lane) -> Result<Turn, Failure> {
        match lane {
            Lane::Quick => Ok(Turn { _permits: None }),
            Lane::Search => self.search.enter().await,
            Lane::Probe => self.probe.enter().await,
            Lane::Picture => self.picture.enter().await,
        }
    }
}

impl Queue {
    fn new(running: usize, waiting: usize) -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(running + waiting)),
            running: Arc::new(Semaphore::new(running)),
        }
    }

    async fn enter(&self) -> Result<Turn, Failure> {
        let full =
            || Failure::new(ErrorCode::Busy, "too many calls of this kind at once; try again");
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| full())?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| full())?;
        Ok(Turn { _permits: Some((admitted, running)) })
    }
}

/// Runs a blocking call off the event loop; what it logs belongs to the request. A panic in it becomes
/// a failure.
pub(crate) async fn blocking<R: Send + 'static>(
    call: impl FnOnce() -> Result<R, Failure> + Send + 'static,
) -> Result<R, Failure> {
    let request = Span::current();
    tokio::task::spawn_blocking(move || request.in_scope(call)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call did not end");
        Err(refusal::defect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_free_one_admits_again() {
        let queue = Queue::new(1, 4);
        let running = queue.enter().await.unwrap_or_else(|_| panic!("empty queue"));
        let waiting: Vec<_> = (0..4).map(|_| queue.enter()).collect();
        let mut waiting: Vec<_> = waiting.into_iter().map(Box::pin).collect();
        for call in &mut waiting {
            assert!(tokio::time::timeout(std::time::Duration::ZERO, call).await.is_err());
        }
        assert!(queue.enter().await.is_err_and(|failure| failure.code == ErrorCode::Busy));
        drop(running);
        assert!(waiting.remove(0).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        let call = || -> Result<(), Failure> { panic!("on purpose") };
        assert_eq!(blocking(call).await.unwrap_err().code, ErrorCode::Internal);
    }
}
