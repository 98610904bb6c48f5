//! What callers say to a watch, and what it tells them.

use crate::Stamp;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// A folder to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The folder, as an absolute path. It need not be there yet.
    pub path: PathBuf,
    /// Whether folders below it belong to it.
    pub recursive: bool,
    /// How changes are noticed.
    pub method: Method,
    /// Folders below it that are neither walked nor reported, such as the one with the analyses.
    pub excluded: Vec<PathBuf>,
}

impl Root {
    /// A folder with all that is below it, whose method is found out.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), recursive: true, method: Method::Auto, excluded: Vec::new() }
    }
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By polling where [`Rules::on_network`] says that the root or a volume below it is on a network,
    /// whose file systems tell nothing of what other machines do; by the system's events elsewhere.
    Auto,
    /// By the system's events. Where they cannot be had, by polling.
    Native,
    /// By listing the folder again and again.
    Poll,
}

/// When a file is thought to be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// How long size and time of the last change must have stayed the same.
    pub quiet: Duration,
    /// How many looks after the first must have found them the same. Looks are `quiet / looks` apart.
    pub looks: u32,
}

/// How often things are done. The defaults are those for everyday use; tests are less patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From one listing to the next when polling. Longer where that would keep a hundredth of a processor
    /// busy, as from some 15,000 files on.
    pub poll: Duration,
    /// From one full listing to the next when the system tells of changes.
    pub rescan: Duration,
    /// From one look at whether the volumes are there to the next.
    pub beat: Duration,
    /// How long events are gathered before they are looked into.
    pub gather: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(5),
            rescan: Duration::from_secs(15 * 60),
            beat: Duration::from_secs(5),
            gather: Duration::from_millis(250),
        }
    }
}

/// What the caller decides for all of its roots.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether a file of this name is media.
    pub is_media: fn(&Path) -> bool,
    /// Whether a folder lies on another machine. An error counts as yes.
    pub on_network: fn(&Path) -> io::Result<bool>,
    /// When files on disks of this machine are complete: 3 seconds, 2 looks.
    pub local: Settling,
    /// When files on other machines are complete: 10 seconds, 2 looks.
    pub network: Settling,
    /// How often things are done.
    pub timing: Timing,
    /// How many changed paths are remembered between two looks. Where more come, all is listed again.
    pub queue: usize,
}

impl Rules {
    /// The default rules.
    #[must_use]
    pub fn new(is_media: fn(&Path) -> bool, on_network: fn(&Path) -> io::Result<bool>) -> Self {
        Self {
            is_media,
            on_network,
            local: Settling { quiet: Duration::from_secs(3), looks: 2 },
            network: Settling { quiet: Duration::from_secs(10), looks: 2 },
            timing: Timing::default(),
            queue: 65_536,
        }
    }
}

/// What happened below a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// These files and cards are complete, in the order of their names: at first all that are there,
    /// later new ones and those whose content changed.
    Settled(Vec<Unit>),
    /// This file, which was reported before, is no longer there, though its volume is.
    Gone(PathBuf),
    /// A file that was reported before has another name. Its content is the same.
    Renamed {
        /// The path that was reported before.
        from: PathBuf,
        /// Where the file is now. A file that was there is gone.
        to: PathBuf,
    },
    /// The root is away, for this reason. Nothing on it is gone; [`Event::Online`] follows by itself.
    Offline(String),
    /// The root has been listed: for the first time, or again after it was away.
    Online,
    /// Something that the user should know; watching goes on.
    Warning(String),
}

/// What settles together: a file, or a camera card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The file, or the card's folder.
    pub path: PathBuf,
    /// The stamp of the file. Of a card, the size of all its files and the time of the latest.
    pub stamp: Stamp,
    /// Which structure the card has, by [`CardStructure::name`](crate::CardStructure::name).
    pub card: Option<&'static str>,
    /// What to analyse: the file itself; of a card the clips that are new or changed.
    pub media: Vec<Medium>,
    /// How many files the unit has in all.
    pub files: usize,
}

/// A media file that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// The file.
    pub path: PathBuf,
    /// What it was like when it had settled.
    pub stamp: Stamp,
}

/// How a watch stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Media files that were seen and have not settled yet.
    pub pending: usize,
    /// Media files that were reported and are not gone.
    pub known: usize,
    /// Whether the root is there.
    pub online: bool,
    /// The method in use, never [`Method::Auto`]; none before the first look.
    pub method: Option<Method>,
}

/// Why a folder cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The path depends on the working directory.
    #[error("{} cannot be watched: give its absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// No thread could be started.
    #[error("{} cannot be watched, since no thread could be started for it: {source}", path.display())]
    NoThread {
        /// The root.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
