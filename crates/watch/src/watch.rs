//! The handle of a watch.

use crate::{Event, Root, Rules, Snapshot, WatchError, inbox::Inbox, scan::Extent, worker::Worker};
use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long dropping waits for the thread, which looks at each file whether to stop. A dead network share
/// can hold it for long; then it is left behind, says nothing any more and ends when it can.
const PATIENCE: Duration = Duration::from_millis(100);

/// A folder that is being watched, until this is dropped.
#[derive(Debug)]
pub struct Watch {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches `root` on a thread of its own, and tells `sink` what happens.
    ///
    /// The sink runs on that thread: what it waits for is not watched meanwhile, and dropping the watch
    /// waits for it. A root that is not there is offline until it comes.
    ///
    /// # Errors
    /// When the path is not absolute, or no thread can be started.
    pub fn start(
        root: Root,
        rules: Rules,
        sink: impl FnMut(Event) + Send + 'static,
    ) -> Result<Self, WatchError> {
        if !root.path.is_absolute() {
            return Err(WatchError::NotAbsolute(root.path));
        }
        let inbox = Arc::new(Inbox::new(rules.queue));
        let Root { path, recursive, method, excluded } = root;
        // Without a slash at the end, as paths that are reported have none.
        let path = path.components().collect();
        let extent = Extent { root: path, recursive, excluded, is_media: rules.is_media };
        let path = extent.root.clone();
        let worker = Worker::new(extent, method, rules, Arc::clone(&inbox), sink);
        let last_word = LastWord(Arc::clone(&inbox));
        let thread = thread::Builder::new().name("watch".into()).spawn(move || {
            let _last_word = last_word;
            worker.run();
        });
        let thread = thread.map_err(|source| WatchError::NoThread { path, source })?;
        Ok(Self { inbox, thread: Some(thread) })
    }

    /// How the watch stands.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.inbox.snapshot()
    }

    /// Has the whole folder listed now.
    pub fn rescan(&self) {
        self.inbox.ask_for_rescan();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.inbox.stop();
        let Some(thread) = self.thread.take() else { return };
        // A sink may be what drops its own watch.
        let is_own = thread.thread().id() == thread::current().id();
        if !is_own && self.inbox.wait_for_done(PATIENCE) {
            thread.join().ok();
        }
    }
}

/// Says that the thread is through, even if it panicked.
struct LastWord(Arc<Inbox>);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.done();
    }
}
