//! Who is next: orders that wait for the one thread that works them off.

use super::{DEFECT, Means, Order, Turn, work_off};
use crate::{background::give_way, tasks::Urgency};
use rushes_model::TaskState;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// Works orders off, the most urgent first and among these the oldest: two at once would only share the same
/// cores.
pub struct Analyst(Arc<Queue>);

/// Orders that wait for their turn.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// With their numbers, in which they came.
    orders: Vec<(u64, Order)>,
    taken: u64,
    is_closed: bool,
}

impl Analyst {
    /// Starts the thread that works orders off.
    #[must_use]
    pub fn start(means: Means) -> Self {
        let queue = Arc::new(Queue::default());
        let analyst = Self(Arc::clone(&queue));
        thread::spawn(move || {
            give_way();
            while let Some((number, order)) = queue.next() {
                let task = order.task.clone();
                let work = || work_off(&means, order, &queue);
                match catch_unwind(AssertUnwindSafe(work)) {
                    Ok(Turn::Over) => {}
                    Ok(Turn::Yielded(order)) => queue.put(number, *order),
                    Ok(Turn::PutOff(order)) => queue.put_last(*order),
                    // A defect met on the way ends this task and not those after it.
                    Err(_) => task.finish(TaskState::Failed, DEFECT),
                }
            }
        });
        analyst
    }

    /// Puts an order into the queue.
    pub fn take(&self, order: Order) {
        self.0.put_last(order);
    }

    /// Has the queue look again at who has to wait.
    pub fn look_again(&self) {
        // Whoever looks now sees the change; whoever has looked waits by the time that this lock is had.
        drop(self.0.lock());
        self.0.changed.notify_all();
    }
}

impl Drop for Analyst {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn put(&self, number: u64, order: Order) {
        self.lock().orders.push((number, order));
        self.changed.notify_all();
    }

    fn put_last(&self, order: Order) {
        let number = {
            let mut waiting = self.lock();
            waiting.taken += 1;
            waiting.taken
        };
        self.put(number, order);
    }

    /// Whether another order could be worked off now.
    pub fn is_another_ready(&self) -> bool {
        self.lock().orders.iter().any(|(_, other)| other.is_ready())
    }

    /// Whether an order has to let another one go first: it was told to wait, or a more urgent one is there.
    pub fn is_to_yield(&self, order: &Order) -> bool {
        let is_first = |other: &Order| other.is_ready() && other.urgency < order.urgency;
        order.task.is_paused()
            || order.urgency > Urgency::Person
                && self.lock().orders.iter().any(|(_, other)| is_first(other))
    }

    /// The next order, when there is one; `None` at the end.
    fn next(&self) -> Option<(u64, Order)> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_closed {
                return None;
            }
            if let Some(place) = waiting.first() {
                return Some(waiting.orders.swap_remove(place));
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Place of the order whose turn it is.
    fn first(&self) -> Option<usize> {
        let ready = self.orders.iter().enumerate().filter(|(_, (_, order))| order.is_ready());
        let first = ready.min_by_key(|(_, (number, order))| (order.urgency, *number));
        first.map(|(place, _)| place)
    }
}
