//! What tells files apart, and a file from its earlier self.

use std::{
    fs::Metadata,
    io,
    time::{Duration, UNIX_EPOCH},
};

/// What tells that a file has not changed. Stamps are compared for equality only: clocks may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970; negative before.
    pub mtime_ns: i64,
}

/// Device and inode. Both are 0 where the system does not tell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Id {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Id {
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(_metadata: &Metadata) -> Self {
        Self::default()
    }

    pub(crate) fn is_told(self) -> bool {
        self != Self::default()
    }
}

/// What a look tells of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) stamp: Stamp,
    pub(crate) id: Id,
}

impl Stat {
    pub(crate) fn of(metadata: &Metadata) -> io::Result<Self> {
        let nanoseconds =
            |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let mtime_ns = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => nanoseconds(since),
            Err(before) => -nanoseconds(before.duration()),
        };
        let stamp = Stamp { size: metadata.len(), mtime_ns };
        Ok(Self { stamp, id: Id::of(metadata) })
    }
}
