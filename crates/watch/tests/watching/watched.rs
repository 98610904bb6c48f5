//! A real folder with a real watch on it, impatient so that tests are quick.

use rushes_watch::{Event, Method, Root, Rules, Settling, Timing, Watch};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

pub const QUIET: Duration = Duration::from_millis(400);

/// How long a test waits for what must come. The machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn is_media(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["mov", "mp4", "mxf", "mts", "r3d", "jpg", "wav"].contains(&ending.to_lowercase().as_str())
}

pub fn rules() -> Rules {
    let settling = Settling { quiet: QUIET, looks: 2 };
    Rules {
        local: settling,
        network: settling,
        timing: Timing {
            poll: Duration::from_millis(150),
            rescan: Duration::from_secs(900),
            beat: Duration::from_millis(150),
            gather: Duration::from_millis(30),
        },
        ..Rules::new(is_media, |_| Ok(false))
    }
}

pub fn root(path: &Path, method: Method) -> Root {
    Root { method, ..Root::new(path) }
}

/// A watch, and what it has said so far.
pub struct Watched {
    pub watch: Watch,
    events: Receiver<(Instant, Event)>,
    pub seen: Vec<(Instant, Event)>,
}

impl Watched {
    pub fn start(root: Root, rules: Rules) -> Self {
        let (sender, events) = channel();
        let sink = move |event| drop(sender.send((Instant::now(), event)));
        Self { watch: Watch::start(root, rules, sink).unwrap(), events, seen: Vec::new() }
    }

    /// Waits until what was seen fulfils `enough`.
    pub fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !enough(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => self.seen.push(event),
                Err(_) => panic!("{what} did not come; seen: {:?}", self.seen),
            }
        }
        self
    }

    pub fn until_event(&mut self, event: &Event) -> &mut Self {
        self.until(&format!("{event:?}"), |seen| seen.has(event))
    }

    pub fn until_settled(&mut self, paths: &[PathBuf]) -> &mut Self {
        let wanted: BTreeSet<_> = paths.iter().cloned().collect();
        self.until(&format!("{wanted:?}"), |seen| {
            wanted.is_subset(&seen.settled().into_iter().collect())
        })
    }

    /// Takes in what comes within `time`.
    pub fn for_a_while(&mut self, time: Duration) -> &mut Self {
        let deadline = Instant::now() + time;
        while let Ok(event) =
            self.events.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.seen.push(event);
        }
        self
    }

    pub fn forget(&mut self) {
        self.seen.clear();
    }

    pub fn has(&self, event: &Event) -> bool {
        self.seen.iter().any(|(_, seen)| seen == event)
    }

    /// All media that were reported, in order.
    pub fn settled(&self) -> Vec<PathBuf> {
        let units = self.seen.iter().filter_map(|(_, event)| match event {
            Event::Settled(units) => Some(units),
            _ => None,
        });
        units.flatten().flat_map(|unit| &unit.media).map(|medium| medium.path.clone()).collect()
    }

    pub fn gone(&self) -> Vec<PathBuf> {
        let gone = self.seen.iter().filter_map(|(_, event)| match event {
            Event::Gone(path) => Some(path.clone()),
            _ => None,
        });
        gone.collect()
    }

    pub fn renamed(&self) -> Vec<(PathBuf, PathBuf)> {
        let renamed = self.seen.iter().filter_map(|(_, event)| match event {
            Event::Renamed { from, to } => Some((from.clone(), to.clone())),
            _ => None,
        });
        renamed.collect()
    }

    pub fn is_offline(&self) -> bool {
        let last = self.seen.iter().rev().find_map(|(_, event)| match event {
            Event::Offline(_) => Some(true),
            Event::Online => Some(false),
            _ => None,
        });
        last == Some(true)
    }
}

/// Writes files that differ in size.
pub fn write_files(folder: &Path, names: impl IntoIterator<Item = String>) -> Vec<PathBuf> {
    fs_err::create_dir_all(folder).unwrap();
    let write = |(index, name): (usize, String)| {
        let path = folder.join(name);
        fs_err::write(&path, vec![0; 100 + index]).unwrap();
        path
    };
    names.into_iter().enumerate().map(write).collect()
}
