//! What a decoder may do while it reads what strangers made.
//!
//! A decoder is a large program in C that parses hostile bytes, so it is taken for granted that one
//! day a file takes it over. What it finds then, on Linux: no network, no file but the medium and the
//! system's libraries, nothing that it could write but the one clip it was started for, no other
//! program to run or to touch, and a kernel that refuses what no decoder needs.
//!
//! * A [`Program`] is ffmpeg or ffprobe. It tries once how tightly it can be confined on this machine.
//! * A [`Cell`] is that confinement. A thread goes into it, starts the program there, and ends;
//!   rules of threads are inherited by what they start. Nobody else is confined by that, and it
//!   needs no code of ours between fork and exec, which could not be safe Rust.
//! * [`Reach`] are the files of one child.
//!
//! Where the kernel lacks something the rest holds, and a [`SandboxReport`] says so.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(all(test, target_os = "linux"))]
mod tests;

#[cfg(target_os = "linux")]
pub(crate) use linux::Cell;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Cell;

use crate::{MediaError, source};
use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// What decoders are kept from on this machine. It was found out by trying, not read off a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxReport {
    /// They reach no other machine and no other program, neither as client nor as server.
    pub network: Guard,
    /// They read their medium and the system's libraries only, and write nothing but a clip that is
    /// being made.
    pub files: Guard,
    /// Memory, processor time and the size of what they write are limited by the system. Time by the
    /// clock is limited everywhere.
    pub resources: Guard,
}

/// One kind of protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Whether it holds.
    pub in_force: bool,
    /// What enforces it, or why nothing does.
    pub says: String,
}

impl Guard {
    fn absent(why: impl Into<String>) -> Self {
        Self { in_force: false, says: why.into() }
    }

    /// What holds for two programs.
    fn and(self, other: Self) -> Self {
        if self.in_force { other } else { self }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", if self.in_force { "yes" } else { "NO" }, self.says)
    }
}

impl SandboxReport {
    /// Whether all of it holds.
    #[must_use]
    pub fn complete(&self) -> bool {
        [&self.network, &self.files, &self.resources].iter().all(|guard| guard.in_force)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            network: self.network.and(other.network),
            files: self.files.and(other.files),
            resources: self.resources.and(other.resources),
        }
    }
}

impl fmt::Display for SandboxReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, files, resources } = self;
        write!(f, "no network: {network}; only its own file: {files}; limits: {resources}")
    }
}

/// ffmpeg or ffprobe.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// The cell, once it is certain.
    cell: Mutex<Option<Arc<Cell>>>,
}

impl Program {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, cell: Mutex::new(None) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The tightest cell in which it starts. The first call starts it to find out, and so does each one
    /// until that is certain.
    pub(crate) fn cell(&self) -> Arc<Cell> {
        let mut known = self.cell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = &*known {
            return Arc::clone(cell);
        }
        let (cell, certain) = Cell::fitting(&self.path);
        let cell = Arc::new(cell);
        if certain {
            *known = Some(Arc::clone(&cell));
        }
        cell
    }

    /// In a cell that was not tried.
    #[cfg(all(test, target_os = "linux"))]
    fn confined(path: PathBuf) -> Self {
        let cell = Mutex::new(Some(Arc::new(Cell::whole(&path))));
        Self { path, cell }
    }
}

/// The files of one child, open.
#[derive(Debug, Default)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "they are only kept open"))]
pub(crate) struct Reach {
    inputs: Vec<(PathBuf, File)>,
    output: Option<Arc<File>>,
}

impl Reach {
    /// Opens what a child is to read. It is these files that it may read, whatever their paths lead
    /// to later.
    pub(crate) fn open(
        inputs: Vec<PathBuf>,
        output: Option<Arc<File>>,
    ) -> Result<Self, MediaError> {
        let open = |path: PathBuf| source::open(&path).map(|(file, _)| (path, file));
        let inputs = inputs.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { inputs, output })
    }
}
