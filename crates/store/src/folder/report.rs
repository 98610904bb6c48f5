//! What a look at everything in an analysis folder found.

use super::{Analysis, Entry};
use crate::MachineId;
use std::path::PathBuf;

/// What was found in an analysis folder. Lists are in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Bundles that are whole.
    pub bundles: Vec<(Analysis, Sound)>,
    /// Journals that are whole.
    pub journals: Sound,
    /// Records that can be read, also those of damaged journals.
    pub records: usize,
    /// Bundles that are not what was written.
    pub damaged: Vec<DamagedBundle>,
    /// Journals of which some is not what was written.
    pub damaged_journals: Vec<DamagedJournal>,
    /// Files of later versions, each with its version.
    pub newer: Vec<(PathBuf, u32)>,
    /// Files and folders that cannot be read, and why: a matter of the disk or of rights, so that nothing is known
    /// of what they hold.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Files that a write has not finished, or not yet.
    pub unfinished: Vec<PathBuf>,
    /// Files and folders that are none of ours.
    pub foreign: Vec<PathBuf>,
    /// Files in quarantine, each with its reason beside it.
    pub quarantined: usize,
    /// Bytes of the bundles and journals that were looked at.
    pub bytes: u64,
    /// Whether all of them were: nobody stopped it.
    pub is_complete: bool,
}

/// Files of a kind that are whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sound {
    /// How many.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// A bundle that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBundle {
    /// Its medium, analysis and file.
    pub entry: Entry,
    /// Where its medium was when it was analysed, if that much can be read.
    pub source_path: Option<PathBuf>,
    /// What does not fit.
    pub reason: String,
}

/// A journal of which some is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedJournal {
    /// Whose it is.
    pub machine: MachineId,
    /// The file.
    pub path: PathBuf,
    /// What does not fit.
    pub reason: String,
}

/// How far a look at an analysis folder is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Examined {
    /// Bundles and journals that were looked at.
    pub files: usize,
    /// All that there are.
    pub of_files: usize,
    /// Bytes of those that were looked at.
    pub bytes: u64,
}

/// What was done about a [`Report`].
#[derive(Debug, Default)]
pub struct Repaired {
    /// Damaged bundles, each with its place in quarantine. Their media have to be analysed again.
    pub quarantined: Vec<(DamagedBundle, PathBuf)>,
    /// Files that could not be put aside, and why.
    pub failed: Vec<(PathBuf, String)>,
    /// Unfinished files that were removed.
    pub removed: usize,
}

impl Report {
    /// Whether everything was looked at, and is whole or none of ours.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let none = self.damaged.is_empty() && self.damaged_journals.is_empty();
        self.is_complete && none && self.unreadable.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.damaged.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
        self.damaged_journals.sort_by(|a, b| a.path.cmp(&b.path));
        self.newer.sort();
        self.unreadable.sort();
        self.unfinished.sort();
        self.foreign.sort();
    }
}

impl Sound {
    pub(super) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}
